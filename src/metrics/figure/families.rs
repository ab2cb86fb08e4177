//! The table of all figures: name, title, unit, direction, how it is read from a record, definition.

use std::borrow::Cow;

use super::super::count::{CloseReason, Counts, FailReason, LossReason, MoveReason, SessionLoss};
use super::super::histogram::Histogram;
use super::super::load::Skew;
use super::super::record::{Latencies, Record};
use super::{Better::*, Family, Read, Taken, Unit::*};

macro_rules! families {
    ($($name:literal, $title:literal, $unit:ident, $better:ident, $read:expr, $definition:literal;)*) => {
        &[$(Family {
            name: $name, title: $title, unit: $unit, better: $better, read: $read.0, taken: $read.1, definition: $definition,
        }),*]
    };
}

/// Hours of a month, as price lists of clouds have it: 365 · 24 / 12.
const HOURS_PER_MONTH: f64 = 730.0;

fn per_second(count: u64, r: &Record) -> Option<f64> {
    (r.measured_s > 0.0).then(|| count as f64 / r.measured_s)
}
/// A rate where there is long polling at all.
fn polling(count: u64, r: &Record) -> Option<f64> {
    if r.counts.session_requests > 0 { per_second(count, r) } else { None }
}
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
/// Share of the API requests that ended which failed for this reason: a failure is known when a request ends.
fn failed(reason: FailReason, r: &Record) -> Option<f64> {
    share(r.counts.requests_failed.of(reason), r.counts.requests_ended())
}
/// The same of attempts to connect.
fn connect_failed(reason: FailReason, r: &Record) -> Option<f64> {
    share(r.counts.connects_failed.of(reason), r.counts.connects_ended())
}
/// The same of events times recipients.
fn lost(reason: LossReason, r: &Record) -> Option<f64> {
    share(r.counts.lost.of(reason), r.counts.messages_ended())
}
/// A figure that only runs with a database have.
fn of_database(r: &Record, value: Option<f64>) -> Option<f64> {
    r.database.and(value)
}
/// A figure that only runs have in which something is kept for those who are offline.
fn kept(r: &Record, value: Option<f64>) -> Option<f64> {
    let Counts { recoveries_asked, pending_kept, .. } = r.counts;
    if recoveries_asked + pending_kept > 0 { value } else { None }
}
/// Share of the looks for clients of which something should be known.
fn of_known(part: u64, r: &Record) -> Option<f64> {
    share(part, r.counts.session_lookups - r.counts.session_new)
}
const fn number(read: fn(&Record) -> Option<f64>) -> (Read, Taken) {
    (Read::Number(read), Taken::Throughout)
}
const fn sampled(read: fn(&Record) -> Option<f64>) -> (Read, Taken) {
    (Read::Number(read), Taken::Samples)
}
const fn by_second(read: fn(&Record) -> Option<f64>) -> (Read, Taken) {
    (Read::Number(read), Taken::Seconds)
}
const fn peak(read: fn(&Record) -> Option<f64>) -> (Read, Taken) {
    (Read::Number(read), Taken::Peaks)
}
const fn once(read: fn(&Record) -> Option<f64>) -> (Read, Taken) {
    (Read::Number(read), Taken::Run)
}
const fn distribution(read: fn(&Latencies) -> Cow<'_, Histogram>) -> (Read, Taken) {
    (Read::Distribution(read), Taken::Throughout)
}
fn skew(of: Option<Skew>, get: fn(&Skew) -> f64) -> Option<f64> {
    of.as_ref().map(get)
}

/// Every family, in the order of reports.
pub(super) static FAMILIES: &[Family] = families! {
    "event.latency", "event latency", Milliseconds, Lower, distribution(|l| Cow::Owned(l.event())),
        "From the moment the sender's client, the server tick or the API call emits, to the moment the recipient's client has it. Delivered copies only.";
    "event.latency.local", "event latency, same pod", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.event_local)),
        "Event latency of recipients connected to the emitting pod.";
    "event.latency.cross", "event latency, other pod", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.event_cross)),
        "Event latency of recipients reached through Redis.";
    "request.latency", "request latency", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.request)),
        "API call at the client: send to last byte, answered calls only; failures are counted apart.";
    "requests.rate", "requests", PerSecond, Neither, number(|r| per_second(r.counts.requests, r)),
        "API requests made by clients per second.";
    "requests.failed", "failed requests", Share, Lower, number(|r| share(r.counts.requests_failed.total(), r.counts.requests_ended())),
        "Share of API requests without a good answer, of those that ended.";
    "requests.failed.client_offline", "failed: client offline", Share, Lower, number(|r| failed(FailReason::ClientOffline, r)),
        "Share of ended API requests that were made while the client had no network.";
    "requests.failed.no_pod", "failed: no pod known", Share, Lower, number(|r| failed(FailReason::NoPod, r)),
        "Share of ended API requests for which the balancer knew no pod.";
    "requests.failed.pod_unreachable", "failed: pod unreachable", Share, Lower, number(|r| failed(FailReason::PodUnreachable, r)),
        "Share of ended API requests for which every pod tried refused the connection.";
    "requests.failed.pod_died", "failed: pod died", Share, Lower, number(|r| failed(FailReason::PodDied, r)),
        "Share of ended API requests whose pod died while working on them.";
    "requests.failed.timed_out", "failed: timed out", Share, Lower, number(|r| failed(FailReason::TimedOut, r)),
        "Share of ended API requests without an answer within the time limit of the balancer, which is when they end.";
    "requests.failed.queue_full", "failed: pods full", Share, Lower, number(|r| failed(FailReason::QueueFull, r)),
        "Share of ended API requests that waited too long for a pod with a free connection.";
    "requests.failed.too_many_redirects", "failed: redirects", Share, Lower, number(|r| failed(FailReason::TooManyRedirects, r)),
        "Share of ended API requests that were redirected more often than a browser follows.";
    "requests.failed.pool_timeout", "failed: pool timeout", Share, Lower, number(|r| of_database(r, failed(FailReason::PoolTimeout, r))),
        "Share of ended API requests whose handler waited too long for a database connection of its pod.";
    "requests.failed.too_many_clients", "failed: too many clients", Share, Lower, number(|r| of_database(r, failed(FailReason::TooManyClients, r))),
        "Share of ended API requests for whose pod the database accepted no further connection.";
    "requests.redirects", "redirects per request", Number, Lower, number(|r| share(r.counts.requests_redirected, r.counts.requests + r.counts.connect_attempts)),
        "Redirects from pod to pod, per API request and connect attempt.";
    "cache.hits", "cache hits", Share, Higher, number(|r| share(r.counts.cache_hits, r.counts.cache_lookups)),
        "Share of lookups in the caches of pods that find what they want.";
    "cache.hits.worst", "cache hits, worst pod", Share, Higher, number(|r| r.cache_hits_worst),
        "The same of the pod with the fewest, of those that were there throughout the measured part.";
    "database.queries", "queries", PerSecond, Lower, number(|r| of_database(r, per_second(r.counts.queries, r))),
        "Queries per second for which handlers want a connection to the database.";
    "database.queries_per_request", "queries per request", Number, Lower, number(|r| of_database(r, share(r.counts.queries, r.counts.requests_with_data))),
        "Queries per API request that asks caches or the database and has come to its queries, whether or not caches save them all.";
    "database.pool_wait", "wait for a connection", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.pool_wait)),
        "Waiting of a query for a connection of its pod's pool; those that got none are counted apart.";
    "database.query", "query", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.query)),
        "From when a query leaves its pod to when its result is back: the network, waiting in the database, execution.";
    "database.busy", "database busy", Share, Lower, number(|r| r.database?.busy),
        "Share of the queries that the database can execute at a time.";
    "database.connections", "connections to the database", Number, Lower, sampled(|r| Some(r.database?.connections)),
        "Connections that pods have open to the database; mean over the samples.";
    "redis.commands", "Redis commands", PerSecond, Lower, number(|r| per_second(r.counts.redis_commands.total(), r)),
        "Commands of all kinds per second, those that subscribe included.";
    "redis.copies", "Redis copies", PerSecond, Lower, number(|r| per_second(r.counts.redis_copies, r)),
        "Copies of published events that Redis hands to pods, per second; the publisher's own copy is one of them.";
    "redis.useful", "useful copies", Share, Higher, number(|r| share(r.counts.redis_copies_useful, r.counts.redis_copies_arrived())),
        "Of the copies that reach their pod, the share that leads to at least one send to a client, or would have, had Redis not cut the pod off.";
    "redis.kept_local", "kept from Redis", Share, Higher, number(|r| share(r.counts.events_kept_local, r.counts.events_local_first)),
        "Share of the events with `local_first` whose API call lands on the pod that holds the user's socket, so that no adapter is asked.";
    "redis.bytes_in", "Redis bytes in", BytesPerSecond, Lower, number(|r| per_second(r.counts.redis_bytes_in, r)),
        "Bytes from pods to Redis per second.";
    "redis.bytes_out", "Redis bytes out", BytesPerSecond, Lower, number(|r| per_second(r.counts.redis_bytes_out, r)),
        "Bytes from Redis to pods per second.";
    "redis.cpu", "Redis CPU", Share, Lower, number(|r| Some(r.redis_cpu)),
        "Share of one core that Redis is busy.";
    "redis.connections", "connections to Redis", Number, Lower, sampled(|r| Some(r.redis_connections_mean)),
        "Connections of the adapters of serving pods to Redis: with the classic one to publish and one to subscribe per pod; mean over the samples. A session store has one more per pod, or uses that which publishes.";
    "redis.wait", "Redis queueing", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.redis_wait)),
        "Waiting of a PUBLISH in Redis before its turn.";
    "redis.cuts", "pods cut off by Redis", Number, Lower, number(|r| Some(r.counts.redis_cuts as f64)),
        "Times that Redis closed the connection of a pod that was too slow to read what others publish (output-buffer limits).";
    "load.connections.max_over_mean", "max/mean connections", Number, Lower, sampled(|r| skew(r.load.connections, |s| s.max_over_mean)),
        "Connections of the fullest ready pod over the mean of the ready pods; mean over the samples.";
    "load.connections.worst", "worst max/mean connections", Number, Lower, sampled(|r| r.load.connections_worst),
        "Largest max/mean of connections in any sample.";
    "load.connections.max", "connections of the fullest pod", Number, Lower, sampled(|r| skew(r.load.connections, |s| s.max)),
        "Connections of the fullest ready pod; mean over the samples.";
    "load.connections.last", "max/mean connections at the end", Number, Lower, sampled(|r| skew(r.load.connections_last, |s| s.max_over_mean)),
        "Connections of the fullest ready pod over the mean of the ready pods, in the last sample.";
    "load.connections.last_max", "fullest pod at the end", Number, Lower, sampled(|r| skew(r.load.connections_last, |s| s.max)),
        "Connections of the fullest ready pod in the last sample.";
    "load.connections.last_min", "emptiest pod at the end", Number, Higher, sampled(|r| skew(r.load.connections_last, |s| s.min)),
        "Connections of the emptiest ready pod in the last sample.";
    "load.connections.used", "pods with connections", Share, Higher, sampled(|r| skew(r.load.connections, |s| s.used)),
        "Share of the ready pods that have a connection; mean over the samples.";
    "load.connections.cv", "CV of connections", Number, Lower, sampled(|r| skew(r.load.connections, |s| s.cv)),
        "Standard deviation over mean of the connections of the ready pods; mean over the samples.";
    "load.connections.gini", "Gini of connections", Number, Lower, sampled(|r| skew(r.load.connections, |s| s.gini)),
        "Gini coefficient of the connections of the ready pods; mean over the samples.";
    "load.connections.jain", "Jain index of connections", Number, Higher, sampled(|r| skew(r.load.connections, |s| s.jain)),
        "Jain's fairness index of the connections of the ready pods; mean over the samples.";
    "load.requests.max_over_mean", "max/mean requests", Number, Lower, number(|r| skew(r.load.requests, |s| s.max_over_mean)),
        "Requests and upgrades that reached the busiest pod over the mean of all pods that were there throughout the measured part.";
    "load.requests.spread", "spread of requests", Number, Lower, number(|r| skew(r.load.requests, |s| s.max - s.min)),
        "Requests and upgrades that reached the busiest pod less those of the least busy one, of those that were there throughout the measured part.";
    "load.requests.cv", "CV of requests", Number, Lower, number(|r| skew(r.load.requests, |s| s.cv)),
        "Standard deviation over mean of the requests per pod, over the pods that were there throughout the measured part.";
    "load.requests.gini", "Gini of requests", Number, Lower, number(|r| skew(r.load.requests, |s| s.gini)),
        "Gini coefficient of the requests per pod, over the pods that were there throughout the measured part.";
    "load.requests.jain", "Jain index of requests", Number, Higher, number(|r| skew(r.load.requests, |s| s.jain)),
        "Jain's fairness index of the requests per pod, over the pods that were there throughout the measured part.";
    "load.messages.max_over_mean", "max/mean messages", Number, Lower, number(|r| skew(r.load.messages, |s| s.max_over_mean)),
        "Events sent by the busiest pod over the mean of all pods that were there throughout the measured part.";
    "load.messages.cv", "CV of messages", Number, Lower, number(|r| skew(r.load.messages, |s| s.cv)),
        "Standard deviation over mean of the events sent per pod, over the pods that were there throughout the measured part.";
    "load.memory.max_over_mean", "max/mean memory", Number, Lower, sampled(|r| skew(r.load.memory, |s| s.max_over_mean)),
        "Memory of the fullest ready pod over the mean of the ready pods; mean over the samples.";
    "load.cpu.cv", "CV of CPU", Number, Lower, number(|r| skew(r.load.cpu, |s| s.cv)),
        "Standard deviation over mean of the CPU time per pod, over the pods that were there throughout the measured part.";
    "load.cpu.max_over_mean", "max/mean CPU", Number, Lower, number(|r| skew(r.load.cpu, |s| s.max_over_mean)),
        "CPU time of the busiest pod over the mean of all pods that were there throughout the measured part, restarts in place included.";
    "stickiness.failures", "stickiness failures", Share, Lower, number(|r| share(r.counts.moved.total(), r.counts.routed_again)),
        "Share of requests and connects, of clients that had been on a pod before, that land on another pod than the last one.";
    "stickiness.never_sticky", "moved: no affinity", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::NeverSticky), r.counts.routed_again)),
        "… because the balancer keeps no affinity.";
    "stickiness.address_changed", "moved: address changed", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::AddressChanged), r.counts.routed_again)),
        "… because they came from a new address, as the balancer sees it.";
    "stickiness.cookie_missing", "moved: no cookies kept", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::CookieMissing), r.counts.routed_again)),
        "… because the client keeps no cookies.";
    "stickiness.cookie_expired", "moved: cookie expired", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::CookieExpired), r.counts.routed_again)),
        "… because the cookie was expired or cleared.";
    "stickiness.pod_gone", "moved: pod gone", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::PodGone), r.counts.routed_again)),
        "… because the last pod was gone or did not answer.";
    "stickiness.entry_expired", "moved: entry expired", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::EntryExpired), r.counts.routed_again)),
        "… because the balancer's entry for the client had expired.";
    "stickiness.table_full", "moved: table full", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::TableFull), r.counts.routed_again)),
        "… because the balancer's table was full and had dropped the client.";
    "stickiness.kept_connection", "moved: kept connection", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::KeptConnection), r.counts.routed_again)),
        "… because they came on a connection that was open to another pod.";
    "stickiness.rebalanced", "moved: rebalanced", Share, Lower, number(|r| share(r.counts.moved.of(MoveReason::Rebalanced), r.counts.routed_again)),
        "… because the set of pods changed and the balancer mapped the client anew.";
    "sessions.moved", "reconnects to another pod", Share, Lower, number(|r| share(r.counts.sessions_moved, r.counts.reconnects)),
        "Share of reconnects that land on another pod than the lost connection, so that state in the pod's memory is lost.";
    "sessions.found", "sessions found", Share, Higher, number(|r| of_known(r.counts.session_found, r)),
        "Connects and requests that find what the application knew of their client, as a share of those of clients that had been there before.";
    "sessions.lost.elsewhere", "session lost: other pod", Share, Lower, number(|r| of_known(r.counts.session_lost.of(SessionLoss::Elsewhere), r)),
        "… that do not, because it is in the memory of another pod.";
    "sessions.lost.pod_gone", "session lost: pod gone", Share, Lower, number(|r| of_known(r.counts.session_lost.of(SessionLoss::PodGone), r)),
        "… because the process that had it in memory is gone.";
    "sessions.lost.expired", "session lost: expired", Share, Lower, number(|r| of_known(r.counts.session_lost.of(SessionLoss::Expired), r)),
        "… because it was older than it may be.";
    "sessions.lost.store_lost", "session lost: store died", Share, Lower, number(|r| of_known(r.counts.session_lost.of(SessionLoss::StoreLost), r)),
        "… because Redis died and had not saved it.";
    "sessions.lost.store_down", "session lost: store down", Share, Lower, number(|r| of_known(r.counts.session_lost.of(SessionLoss::StoreDown), r)),
        "… because the store could not be reached.";
    "sessions.lookup", "look-up of a session", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.session_lookup)),
        "From when a handler wants to know what is known of its client to when a store outside the pod has answered.";
    "cookies.issued", "cookies issued", PerSecond, Neither, number(|r| per_second(r.counts.cookies_issued, r)),
        "Affinity cookies issued per second to clients that had none.";
    "cookies.reissued", "cookies re-issued", PerSecond, Neither, number(|r| per_second(r.counts.cookies_reissued, r)),
        "Affinity cookies issued per second in place of another one.";
    "connections.active", "connected clients", Number, Neither, sampled(|r| Some(r.connected_mean)),
        "Clients with a connection, by WebSocket or long polling; mean over the samples.";
    "connections.created", "connects", PerSecond, Neither, number(|r| per_second(r.counts.connects, r)),
        "Connections opened per second.";
    "connections.reconnects", "reconnects", PerSecond, Lower, number(|r| per_second(r.counts.reconnects, r)),
        "Connections opened per second by clients that had lost one in the same session.";
    "connections.reconnects_peak", "peak of reconnects", PerSecond, Lower, by_second(|r| Some(r.reconnects_peak_per_s)),
        "Most reconnects in any one second.";
    "connections.failed", "failed connects", Share, Lower, number(|r| share(r.counts.connects_failed.total(), r.counts.connects_ended())),
        "Share of attempts to connect that failed, of those that ended.";
    "connections.refused", "refused connects", Share, Lower, number(|r| connect_failed(FailReason::Refused, r)),
        "Share of ended attempts to connect that were refused because more came per second than are let in.";
    "connections.pod_full", "connects to a full pod", Share, Lower, number(|r| connect_failed(FailReason::PodFull, r)),
        "Share of ended attempts to connect that met a pod with as many connections as it may have.";
    "connections.closed.session_end", "closed: client left", PerSecond, Neither, number(|r| per_second(r.counts.closed.of(CloseReason::SessionEnd), r)),
        "Connections ended per second because the client left.";
    "connections.closed.address_change", "closed: address change", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::AddressChange), r)),
        "Connections ended per second by a change of the client's network.";
    "connections.closed.pod_crash", "closed: pod crash", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::PodCrash), r)),
        "Connections ended per second by a crash.";
    "connections.closed.pod_shutdown", "closed: pod shutdown", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::PodShutdown), r)),
        "Connections ended per second by a shutdown in order.";
    "connections.closed.node_lost", "closed: node lost", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::NodeLost), r)),
        "Connections ended per second because their pod's node lost its power; clients find out when their heartbeat fails.";
    "connections.closed.pod_killed", "closed: SIGKILL", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::PodKilled), r)),
        "Connections ended per second because their pod's process was killed at the end of its grace period.";
    "connections.closed.drained", "closed: drained", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::Drained), r)),
        "Connections ended per second by pods that drained.";
    "connections.closed.max_age", "closed: max. age", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::MaxAge), r)),
        "Connections ended per second by pods because they were old enough.";
    "connections.closed.rebalanced", "closed: rebalanced", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::Rebalanced), r)),
        "Connections ended per second by pods that had more than others.";
    "connections.closed.balancer_cut", "closed: cut by balancer", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::BalancerCut), r)),
        "Connections ended per second by a balancer: old workers after a reload, targets that left its list.";
    "connections.closed.session_unknown", "closed: session unknown", PerSecond, Lower, number(|r| per_second(r.counts.closed.of(CloseReason::SessionUnknown), r)),
        "Connections by long polling ended per second because a request of theirs reached a pod that does not know the session (400).";
    "polling.requests", "requests of long polling", PerSecond, Neither, number(|r| polling(r.counts.session_requests, r)),
        "HTTP requests per second of handshakes that begin with long polling and of connections that go on by it, probes of upgrades included.";
    "polling.unknown", "answered: session unknown", Share, Lower, number(|r| share(r.counts.sessions_unknown, r.counts.session_requests)),
        "Share of them that reach a pod which does not know the session (400).";
    "upgrades.failed", "failed upgrades", Share, Lower, number(|r| share(r.counts.upgrades_failed, r.counts.upgrades + r.counts.upgrades_failed)),
        "Share of upgrades from long polling to a WebSocket that fail, so that the connection goes on by long polling.";
    "connect.time", "connect time", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.connect)),
        "Start of a connect attempt to usable, successful attempts only.";
    "offline.time", "offline time", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.offline)),
        "Transport lost (really, not noticed) to usable again, per loss.";
    "session.length", "session length", Milliseconds, Neither, distribution(|l| Cow::Borrowed(&l.session)),
        "Length of connections that ended.";
    "messages.emitted", "events emitted", PerSecond, Neither, number(|r| per_second(r.counts.events_emitted, r)),
        "Events emitted per second by clients and servers.";
    "messages.delivered", "events delivered", PerSecond, Neither, number(|r| per_second(r.counts.delivered_local + r.counts.delivered_cross, r)),
        "Events times recipients delivered per second.";
    "messages.local", "delivered on the same pod", Share, Neither, number(|r| share(r.counts.delivered_local, r.counts.delivered_local + r.counts.delivered_cross)),
        "Share of deliveries whose recipient is on the emitting pod.";
    "lost.messages", "lost messages", Share, Lower, number(|r| share(r.counts.lost.total().saturating_sub(r.counts.recovered), r.counts.messages_ended())),
        "Share of events times recipients that did not arrive, not later either, of those whose outcome is known.";
    "lost.messages.recipient_offline", "lost: recipient offline", Share, Lower, number(|r| share(r.counts.lost.of(LossReason::RecipientOffline).saturating_sub(r.counts.recovered), r.counts.messages_ended())),
        "… because the recipient was present but not connected, and did not get it later either.";
    "lost.messages.no_adapter", "lost: no adapter", Share, Lower, number(|r| lost(LossReason::NoAdapter, r)),
        "… because the recipient is on another pod and there is no adapter.";
    "lost.messages.pod_died", "lost: pod died", Share, Lower, number(|r| lost(LossReason::PodDied, r)),
        "… because the pod died before it had sent it.";
    "lost.messages.redis_down", "lost: Redis down", Share, Lower, number(|r| lost(LossReason::RedisDown, r)),
        "… because Redis was gone, or one of the pods had no connection to it yet.";
    "lost.messages.buffer_overflow", "lost: cut off by Redis", Share, Lower, number(|r| lost(LossReason::BufferOverflow, r)),
        "… because Redis had cut its pod off, which was too slow to read.";
    "lost.messages.not_sent", "lost: call failed", Share, Lower, number(|r| lost(LossReason::NotSent, r)),
        "… because the API call that was to emit it failed.";
    "acks.time", "acknowledgement", Milliseconds, Lower, distribution(|l| Cow::Borrowed(&l.ack)),
        "From when a client emits an event to when it has its acknowledgement, however often it was sent; those that it has.";
    "acks.timed_out", "not acknowledged", Share, Lower, number(|r| share(r.counts.acks_timed_out, r.counts.acks_ended())),
        "Share of the events to be acknowledged that their client gave up, of those whose outcome is known. A pod may have handled them nevertheless.";
    "acks.repeated", "events handled again", Share, Lower, number(|r| share(r.counts.events_repeated, r.counts.acks_wanted)),
        "Events that a pod handled although one had handled them before, per event to be acknowledged: the price of `retries`.";
    "messages.recovered", "delivered later", Share, Higher, number(|r| kept(r, share(r.counts.recovered, r.counts.lost.of(LossReason::RecipientOffline)))),
        "Share of the events whose recipient was offline that it got when it was back: by connection state recovery, or from its list of pending events.";
    "messages.dropped", "dropped from lists", PerSecond, Lower, number(|r| kept(r, per_second(r.counts.pending_dropped, r))),
        "Events per second that had to go from lists of pending events because those were full.";
    "recovery.recovered", "recovered connections", Share, Higher, number(|r| share(r.counts.recoveries, r.counts.recoveries_answered())),
        "Of the reconnects that ask for connection state recovery and have their answer, the share that is recovered.";
    "n_eff.addresses", "N_eff by address", Number, Neither, once(|r| Some(r.n_eff.addresses)),
        "1/Σp² of the shares of clients per public address.";
    "n_eff.networks", "N_eff by /24", Number, Neither, once(|r| Some(r.n_eff.networks)),
        "1/Σp² of the shares of clients per /24 (IPv4) or address (IPv6): what nginx's ip_hash sees.";
    "n_eff.balancer", "N_eff as the balancer sees it", Number, Neither, once(|r| Some(r.n_eff.balancer)),
        "1/Σp² by the key that the balancer in use looks at; the number that predicts skew.";
    "n_eff.requests", "N_eff of requests as the balancer sees it", Number, Neither, once(|r| Some(r.n_eff.requests)),
        "1/Σp² of the shares of requests and connects per key that the balancer in use looks at, over the whole run: it predicts the skew of requests.";
    "limits.pod_cpu", "peak pod CPU", Share, Lower, peak(|r| Some(r.limits.pod_cpu)),
        "CPU of the busiest pod in its busiest ten seconds (a tenth of shorter runs), as a share of its limit.";
    "limits.pod_memory", "peak pod memory", Share, Lower, peak(|r| r.limits.pod_memory),
        "Memory of the fullest pod at its fullest moment (looked at every ten seconds), as a share of its limit.";
    "limits.redis_cpu", "peak Redis CPU", Share, Lower, peak(|r| Some(r.limits.redis_cpu)),
        "Busiest ten seconds of Redis, as a share of its one core.";
    "limits.pool", "peak of pool", Share, Lower, peak(|r| r.limits.pool),
        "Database connections in use of the busiest pod in its busiest ten seconds (a tenth of shorter runs), as a share of its pool.";
    "limits.database", "peak of database", Share, Lower, peak(|r| r.limits.database),
        "Busiest ten seconds of the database, as a share of the queries that it can execute at a time.";
    "limits.database_connections", "peak of database connections", Share, Lower, peak(|r| r.limits.database_connections),
        "Most connections open to the database (looked at every ten seconds), as a share of those that it accepts.";
    "pods.oom_kills", "pods killed for memory", Number, Lower, number(|r| Some(r.counts.oom_kills as f64)),
        "Pods killed because connections needed more memory than the limit.";
    "pods.killed", "pods that got SIGKILL", Number, Lower, number(|r| Some(r.counts.pods_killed as f64)),
        "Processes that were still there at the end of their grace period.";
    "pods.probe_kills", "pods ended by probes", Number, Lower, number(|r| Some(r.counts.probe_kills as f64)),
        "Containers that were ended because a liveness or startup probe failed.";
    "pods.ready", "ready pods", Number, Neither, sampled(|r| Some(r.ready_mean)),
        "Pods that are ready; mean over the samples.";
    "pods.evicted", "evicted pods", Number, Lower, number(|r| Some(r.counts.pods_evicted as f64)),
        "Pods that were deleted since their node was drained, or had been lost for as long as they tolerate.";
    "pods.evictions_refused", "refused evictions", Number, Neither, number(|r| Some(r.counts.evictions_refused as f64)),
        "Times that the disruption budget did not allow an eviction; whoever drains a node asks again every five seconds.";
    "autoscaler.changes", "changes by the autoscaler", Number, Neither, number(|r| Some(r.counts.autoscaled as f64)),
        "Times that the autoscaler changed the wanted number of pods.";
    "rollout.time", "length of rollouts", Milliseconds, Lower, number(|r| share(r.counts.rollout_ns, r.counts.rollouts_done).map(|ns| ns / 1e6)),
        "From the start of a rollout to when every pod is new and available; mean of those that came to their end.";
    "rollout.stuck", "stuck rollouts", Number, Lower, number(|r| Some(r.counts.rollouts_stuck as f64)),
        "Rollouts without progress for as long as `rollout.progress_deadline`.";
    "pods.mean", "pods", Number, Lower, number(|r| Some(r.pods_mean)),
        "Pods that exist, starting and draining ones included: what a bill counts. Mean over the measured time.";
    "price.month", "price per month", Number, Lower, number(|r| r.pod_hour.map(|price| r.pods_mean * price * HOURS_PER_MONTH)),
        "Pods that exist times the price of a pod and hour (`prices.pod_hour`) times 730 hours, in the currency of the scenario.";
};
