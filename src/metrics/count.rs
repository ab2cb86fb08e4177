//! Integer counters of one run. Every reason has its own counter; nothing is lost "somehow".

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// Why something happened: an enum with a name for files and a meaning for people.
pub trait Reason: Copy + 'static {
    /// Name of the kind of reason, such as `FailReason`.
    const KIND: &'static str;
    /// All of them, in the order of reports; at most twenty-four.
    const ALL: &'static [Self];
    /// Position in `ALL`.
    fn index(self) -> usize;
    /// Name in files.
    fn name(self) -> &'static str;
    /// What it means, for people.
    fn meaning(self) -> &'static str;
}

/// The largest number of reasons of one kind.
pub const MAX_REASONS: usize = 24;

/// One counter per reason of an enum `R`.
#[derive(Clone, Copy)]
pub struct Reasons<R> {
    counts: [u64; MAX_REASONS],
    kind: PhantomData<fn() -> R>,
}

impl<R: Reason> Reasons<R> {
    /// Counts one more.
    pub fn add(&mut self, reason: R) {
        self.counts[reason.index()] += 1;
    }
    /// Counts `n` more.
    pub fn add_many(&mut self, reason: R, n: u64) {
        self.counts[reason.index()] += n;
    }
    /// How many for this reason.
    pub fn of(&self, reason: R) -> u64 {
        self.counts[reason.index()]
    }
    /// Sum over all reasons.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
    /// Each reason with its count, in the order of reports.
    pub fn iter(&self) -> impl Iterator<Item = (R, u64)> + '_ {
        R::ALL.iter().map(|&reason| (reason, self.of(reason)))
    }
}

// Derives would demand the same of `R`, which is only a tag.
impl<R> Default for Reasons<R> {
    fn default() -> Self {
        Reasons { counts: [0; MAX_REASONS], kind: PhantomData }
    }
}
impl<R> PartialEq for Reasons<R> {
    fn eq(&self, other: &Self) -> bool {
        self.counts == other.counts
    }
}
impl<R> Eq for Reasons<R> {}
impl<R: Reason> fmt::Debug for Reasons<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(reason, n)| (reason.name(), n))).finish()
    }
}
impl<R: Reason> Serialize for Reasons<R> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(reason, n)| (reason.name(), n)))
    }
}

impl<R: Reason> JsonSchema for Reasons<R> {
    fn schema_name() -> Cow<'static, str> {
        R::KIND.into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let count = |reason: &R| json_schema!({ "description": reason.meaning(), "type": "integer", "minimum": 0 });
        let properties: serde_json::Map<String, serde_json::Value> =
            R::ALL.iter().map(|reason| (reason.name().to_owned(), count(reason).into())).collect();
        let required: Vec<&str> = R::ALL.iter().map(|reason| reason.name()).collect();
        json_schema!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

/// Declares an enum of reasons.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal, $what:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $(#[doc = $what] $variant),* }
        impl Reason for $name {
            const KIND: &'static str = stringify!($name);
            const ALL: &'static [$name] = &[$($name::$variant),*];
            fn index(self) -> usize {
                self as usize
            }
            fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
            fn meaning(self) -> &'static str {
                match self { $($name::$variant => $what),* }
            }
        }
        const _: () = assert!($name::ALL.len() <= MAX_REASONS);
    };
}

reasons! {
    /// Why a request got no good answer.
    FailReason {
        ClientOffline = "client_offline", "the client had no network";
        NoPod = "no_pod", "the balancer knew no pod to send it to";
        PodUnreachable = "pod_unreachable", "every pod tried refused the connection (502)";
        PodDied = "pod_died", "the pod died while working on it (502)";
        TimedOut = "timed_out", "no answer within the time limit of balancer or client";
        QueueFull = "queue_full", "every pod it may go to had as many connections as allowed, for too long (503)";
        TooManyRedirects = "too_many_redirects", "redirected more often than a browser follows";
        SessionUnknown = "session_unknown", "a request of the handshake reached a pod that does not know the session (400)";
        WebSocketBlocked = "websocket_blocked", "a proxy before the client lets no WebSocket through";
        Refused = "refused", "more new WebSockets per second than are let in (503)";
        PodFull = "pod_full", "the pod had as many connections as it may have (503)";
        PoolTimeout = "pool_timeout", "its handler waited too long for a database connection of its pod (500)";
        TooManyClients = "too_many_clients", "the database refused another connection to its pod (500)";
    }
}
reasons! {
    /// Why an event did not reach one of its recipients.
    LossReason {
        NoAdapter = "no_adapter", "connected to another pod, and there is no adapter between them";
        RecipientOffline = "recipient_offline", "present but not connected at that moment";
        PodDied = "pod_died", "the pod died before it had sent it";
        RedisDown = "redis_down", "Redis was gone, or one of the pods had no connection to it yet";
        BufferOverflow = "buffer_overflow", "its pod was so slow to read that Redis had cut it off";
        NotSent = "not_sent", "the API call that was to emit it failed, or its sender's connection was dead";
    }
}
reasons! {
    /// Why a request landed on another pod than the client's last one.
    MoveReason {
        NeverSticky = "never_sticky", "the balancer keeps no affinity";
        AddressChanged = "address_changed", "it came from a new address, as the balancer sees it";
        CookieMissing = "cookie_missing", "the client keeps no cookies";
        CookieExpired = "cookie_expired", "the cookie was expired or cleared";
        PodGone = "pod_gone", "the last pod was gone or did not answer";
        EntryExpired = "entry_expired", "the balancer's entry for the client had expired";
        TableFull = "table_full", "the balancer's table was full and had dropped the client";
        KeptConnection = "kept_connection", "it came on a connection that was open to another pod";
        Rebalanced = "rebalanced", "the set of pods changed and the balancer mapped the client anew";
    }
}
reasons! {
    /// Why a WebSocket ended.
    CloseReason {
        SessionEnd = "session_end", "the client left";
        AddressChange = "address_change", "the client's network changed";
        PodCrash = "pod_crash", "the pod's process died";
        PodShutdown = "pod_shutdown", "the pod was shut down in order";
        NodeLost = "node_lost", "the pod's node was lost: the client heard nothing any more";
        PodKilled = "pod_killed", "SIGKILL ended the pod's process at the end of its grace period";
        Drained = "drained", "the pod closed it while it drained";
        Rebalanced = "rebalanced", "the pod closed it because it had more than others";
        MaxAge = "max_age", "the pod closed it because of its age";
        BalancerCut = "balancer_cut", "the balancer cut the tunnel";
        SessionUnknown = "session_unknown", "long polling: a request reached a pod that does not know the session (400)";
        Refresh = "refresh", "the client loaded its page anew";
        PingTimeout = "ping_timeout", "the client heard no ping for too long";
        PollFailed = "poll_failed", "long polling: a request got no pod";
    }
}

impl CloseReason {
    /// The pod's process ended with it, and in order: it has told everybody who had to know.
    pub const fn in_order(self) -> bool {
        matches!(self, CloseReason::PodShutdown | CloseReason::Drained)
    }
}

reasons! {
    /// A command that Redis gets, as MONITOR shows it.
    RedisCommand {
        Publish = "publish", "PUBLISH";
        Spublish = "spublish", "SPUBLISH";
        Xadd = "xadd", "XADD";
        Xread = "xread", "XREAD";
        NumSub = "pubsub_numsub", "PUBSUB NUMSUB";
        ShardNumSub = "pubsub_shardnumsub", "PUBSUB SHARDNUMSUB";
        Subscribe = "subscribe", "SUBSCRIBE";
        Psubscribe = "psubscribe", "PSUBSCRIBE";
        Ssubscribe = "ssubscribe", "SSUBSCRIBE";
        Unsubscribe = "unsubscribe", "UNSUBSCRIBE";
        Punsubscribe = "punsubscribe", "PUNSUBSCRIBE";
        Sunsubscribe = "sunsubscribe", "SUNSUBSCRIBE";
        Set = "set", "SET";
        Multi = "multi", "MULTI";
        Get = "get", "GET";
        Del = "del", "DEL";
        Exec = "exec", "EXEC";
        Xrange = "xrange", "XRANGE";
        Expire = "expire", "EXPIRE";
        Rpush = "rpush", "RPUSH";
        Ltrim = "ltrim", "LTRIM";
        Lrange = "lrange", "LRANGE";
    }
}
reasons! {
    /// Why what was known of a client was not found.
    SessionLoss {
        Elsewhere = "elsewhere", "it is in the memory of another pod";
        PodGone = "pod_gone", "the process that had it in memory is gone";
        Expired = "expired", "it was older than it may be";
        StoreLost = "store_lost", "Redis died and had not saved it";
        StoreDown = "store_down", "the store could not be reached";
    }
}
reasons! {
    /// Why a connection was not recovered.
    RecoveryMiss {
        NotStored = "not_stored", "the server did not know yet that the old connection was dead";
        PodCrash = "pod_crash", "the process died before it could store the session, or look for it";
        NoEvent = "no_event", "the client had got no event, so it had no offset";
        Elsewhere = "elsewhere", "the session is in the memory of another process";
        Expired = "expired", "it was away for longer than a session is kept";
        Trimmed = "trimmed", "the stream, or the memory, did not reach back to the last event that it had got";
        StoreDown = "store_down", "Redis could not be reached when the session was to be stored or read";
    }
}

/// Declares the counters and what can be done to all of them.
macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident: $kind:ty,)*) => {
        /// Everything that is counted, in whole numbers.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
        pub struct Counts {
            $($(#[$doc])* pub $field: $kind,)*
        }
        impl Counts {
            /// Adds all of `other`.
            pub fn add(&mut self, other: &Counts) {
                $(self.$field.tally(&other.$field, |mine, theirs| mine + theirs);)*
            }
            /// What has been counted since `earlier`.
            pub fn since(&self, earlier: &Counts) -> Counts {
                let mut difference = self.clone();
                $(difference.$field.tally(&earlier.$field, |now, then| now.saturating_sub(then));)*
                difference
            }
        }
    };
}

/// What ends is counted when it ends: a share of it is one of all that ended, not of what began meanwhile.
impl Counts {
    /// API requests that ended.
    pub fn requests_ended(&self) -> u64 {
        self.requests_answered + self.requests_failed.total()
    }
    /// Attempts to connect that ended.
    pub fn connects_ended(&self) -> u64 {
        self.connects + self.connects_failed.total()
    }
    /// Events times recipients that have arrived or are lost.
    pub fn messages_ended(&self) -> u64 {
        self.delivered_local + self.delivered_cross + self.lost.total()
    }
    /// Reconnects that asked to be recovered and know whether they are.
    pub fn recoveries_answered(&self) -> u64 {
        self.recoveries + self.recoveries_missed.total()
    }
    /// Events to be acknowledged of which the outcome is known.
    pub const fn acks_ended(&self) -> u64 {
        self.acks + self.acks_timed_out + self.acks_abandoned
    }
    /// Copies from Redis that reached their pod.
    pub const fn redis_copies_arrived(&self) -> u64 {
        self.redis_copies_useful + self.redis_copies_requests + self.redis_copies_own + self.redis_copies_dropped
    }
}

/// A counter, or several.
trait Tally {
    /// Combines each counter with the same one of `other`.
    fn tally(&mut self, other: &Self, combine: fn(u64, u64) -> u64);
}
impl Tally for u64 {
    fn tally(&mut self, other: &u64, combine: fn(u64, u64) -> u64) {
        *self = combine(*self, *other);
    }
}
impl<R> Tally for Reasons<R> {
    fn tally(&mut self, other: &Self, combine: fn(u64, u64) -> u64) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine = combine(*mine, theirs);
        }
    }
}

counters! {
    /// HTTP requests made by clients (API calls; not WebSocket upgrades).
    requests: u64,
    /// … answered.
    requests_answered: u64,
    /// … failed, by reason.
    requests_failed: Reasons<FailReason>,
    /// … not finished when the run ended.
    requests_in_flight: u64,
    /// Tries by the balancer at a pod that refused, beyond the one that succeeded or the last.
    requests_retried: u64,

    /// Redirects from pod to pod, of requests and of connects.
    requests_redirected: u64,

    /// Attempts to open a WebSocket.
    connect_attempts: u64,
    /// … that succeeded.
    connects: u64,
    /// … that failed, by reason.
    connects_failed: Reasons<FailReason>,
    /// … under way when the run ended.
    connects_in_flight: u64,
    /// Successful connects of a client that had lost a connection in the same session.
    reconnects: u64,
    /// Reconnects that landed on another pod than the lost connection: state in the pod's memory is lost.
    sessions_moved: u64,
    /// Looks, by connects and requests, for what the application knows of a client.
    session_lookups: u64,
    /// … that found it.
    session_found: u64,
    /// … of clients of which nothing was known.
    session_new: u64,
    /// … that did not find it, by reason.
    session_lost: Reasons<SessionLoss>,
    /// Reconnects that asked to be recovered (`connectionStateRecovery`).
    recoveries_asked: u64,
    /// … that were.
    recoveries: u64,
    /// … that were not, by reason.
    recoveries_missed: Reasons<RecoveryMiss>,
    /// HTTP requests of sessions that begin with long polling, the probes of upgrades included.
    session_requests: u64,
    /// … answered with 400 by a pod that does not know the session.
    sessions_unknown: u64,
    /// Connections that went over from long polling to a WebSocket.
    upgrades: u64,
    /// Upgrades that failed: the connection goes on by long polling.
    upgrades_failed: u64,
    /// Connections ended, by reason (seen from the client).
    closed: Reasons<CloseReason>,

    /// Requests and connects of clients that had been on a pod before: the base of stickiness.
    routed_again: u64,
    /// … that landed on another pod, by reason.
    moved: Reasons<MoveReason>,
    /// Affinity cookies issued to clients that had none.
    cookies_issued: u64,
    /// Affinity cookies issued in place of another one.
    cookies_reissued: u64,

    /// Events emitted, by clients and servers.
    events_emitted: u64,
    /// Recipients meant: one per event and present client.
    recipients: u64,
    /// … whose client got it from a pod's own emit.
    delivered_local: u64,
    /// … whose client got it through Redis.
    delivered_cross: u64,
    /// … that did not at once, by reason.
    lost: Reasons<LossReason>,
    /// … of those whose recipient was offline: it got them when it was back, by recovery or from a list of pending events.
    recovered: u64,
    /// Events put into lists for clients that are offline.
    pending_kept: u64,
    /// … that had to go because the list was full.
    pending_dropped: u64,
    /// … on the way when the run ended.
    deliveries_in_flight: u64,
    /// Deliveries to clients that came, or moved to another pod, while the event was under way: they were not meant.
    deliveries_unmeant: u64,
    /// Sends to connections whose client was already gone: work for nothing.
    ghost_sends: u64,
    /// Events to the own user that look for a socket on the pod of their handler first.
    events_local_first: u64,
    /// … and find it there: no adapter is asked.
    events_kept_local: u64,
    /// Events that waited in a client for a connection.
    events_held: u64,
    /// Events of clients that were to be acknowledged.
    acks_wanted: u64,
    /// … and were, in time.
    acks: u64,
    /// … that were given up by their client.
    acks_timed_out: u64,
    /// … whose client left or loaded its page anew first.
    acks_abandoned: u64,
    /// … not known when the run ended.
    acks_in_flight: u64,
    /// Events that a pod got again, since their client had had no answer.
    events_repeated: u64,

    /// Events handed to Redis: PUBLISH, SPUBLISH or XADD commands.
    redis_publish: u64,
    /// All commands, by kind.
    redis_commands: Reasons<RedisCommand>,
    /// Copies that Redis handed to pods.
    redis_copies: u64,
    /// … that led to at least one send.
    redis_copies_useful: u64,
    /// … that were the publisher's own.
    redis_copies_own: u64,
    /// … that asked something of a pod, or answered it.
    redis_copies_requests: u64,
    /// … dropped by pods without a recipient.
    redis_copies_dropped: u64,
    /// … on the way when the run ended, or to a pod that died meanwhile.
    redis_copies_undelivered: u64,
    /// Bytes from pods to Redis.
    redis_bytes_in: u64,
    /// Bytes from Redis to pods.
    redis_bytes_out: u64,

    /// Pings answered, computed from the time connections were open.
    heartbeats: u64,
    /// Changes of a client's public address.
    address_changes: u64,
    /// Pods killed for memory.
    oom_kills: u64,
    /// Processes that were still there at the end of their grace period.
    pods_killed: u64,
    /// Containers that were ended because a liveness or startup probe failed.
    probe_kills: u64,
    /// Pods that were deleted since their node was lost or drained.
    pods_evicted: u64,
    /// Evictions that the disruption budget did not allow.
    evictions_refused: u64,
    /// Times that an autoscaler changed the wanted number of pods.
    autoscaled: u64,
    /// Rollouts that came to their end.
    rollouts_done: u64,
    /// How long they took, together, in nanoseconds.
    rollout_ns: u64,
    /// Rollouts without progress for as long as `progress_deadline`.
    rollouts_stuck: u64,
    /// Times that Redis cut a pod off that was too slow to read.
    redis_cuts: u64,
    /// Copies that it held for such a pod and that are gone. They are counted as what they would have been.
    redis_copies_cut: u64,

    /// HTTP requests that ask caches or the database and have come to their queries, saved ones included.
    requests_with_data: u64,
    /// Lookups in caches of pods.
    cache_lookups: u64,
    /// … that found what they wanted.
    cache_hits: u64,
    /// Queries for which a handler wanted a connection to the database.
    queries: u64,
    /// … whose result came.
    queries_done: u64,
    /// … that waited too long for a connection of their pod.
    queries_timed_out: u64,
    /// … for which the database accepted no further connection.
    queries_refused: u64,
    /// … whose pod died first.
    queries_lost: u64,
    /// … not done when the run ended.
    queries_in_flight: u64,
}
