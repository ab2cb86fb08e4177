//! What a cluster is built from: validated plain data in which every default is resolved.
//!
//! `scenario` makes it from text and guarantees the bounds said here; the model trusts them. The part of a balancer
//! stands in that balancer's own file ([`super::balancer`]).

mod data;

use std::net::IpAddr;
use std::sync::Arc;

use super::balancer::{AffinityKey, BalancerSpec, Settings};
pub use super::clients::{ReconnectPolicy, RetryLaw};
use crate::engine::{Law, Span};

pub use data::*;

/// More balancers in a row than this make no sense.
pub const MAX_TIERS: usize = 4;
/// No balancer has more instances than this.
pub const MAX_INSTANCES: u32 = 1_000;

/// A whole cluster, its clients and what happens to them.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Length of the run, above zero.
    pub duration: Span,
    /// Figures are taken from here on; below `duration`.
    pub warm_up: Span,
    /// True: clients are already connected at time zero, sessions under way (the steady state of M/G/∞).
    /// False: everybody arrives at an empty cluster at time zero.
    pub steady_start: bool,
    /// Distance of the samples of the time series, above zero.
    pub sample_every: Span,
    /// The kinds of clients, at least one.
    pub audiences: Vec<AudienceSpec>,
    /// What clients do while they are present.
    pub traffic: Vec<TrafficSpec>,
    /// What servers emit by themselves.
    pub ticks: Vec<TickSpec>,
    /// How clients form rooms; `None` = there are no rooms (and nothing is emitted to one).
    pub rooms: Option<RoomsSpec>,
    /// The load balancers in the order in which a request meets them: one to [`MAX_TIERS`].
    pub balancers: Vec<BalancerSpec>,
    /// The pods at the start.
    pub pods: PodSpec,
    /// How a surge rollout proceeds.
    pub rollout: RolloutSpec,
    /// How pods reach each other.
    pub redis: RedisSpec,
    /// The database, if there is one.
    pub database: Option<DatabaseSpec>,
    /// What happens when, in order of time.
    pub timeline: Vec<TimedAction>,
    /// No more events than this.
    pub max_events: u64,
}

impl ClusterSpec {
    /// The settings of the balancer that chooses pods: the last one.
    pub fn chooser(&self) -> &dyn Settings {
        self.balancers.last().expect("there is at least one balancer").settings()
    }
    /// What the balancer that chooses pods looks at.
    pub fn affinity(&self) -> AffinityKey {
        self.chooser().affinity()
    }
    /// The balancers in a few words, in the order in which a request meets them.
    pub fn describe_balancers(&self) -> String {
        let each: Vec<String> = self.balancers.iter().map(|balancer| balancer.settings().describe()).collect();
        each.join(" → ")
    }
    /// Whether their decisions equal the real programs'.
    pub fn decisions(&self) -> String {
        let decisions = |(tier, balancer): (usize, &BalancerSpec)| {
            let settings = balancer.settings();
            let counts = tier + 1 < self.balancers.len() && settings.counts_connections();
            // what the instances of the next tier have is followed at the last balancer only
            let equal = if counts { ", with all connections counted as none" } else { "" };
            format!("{}{equal}", settings.decisions())
        };
        let each: Vec<String> = self.balancers.iter().enumerate().map(decisions).collect();
        each.join(" → ")
    }
}

/// One kind of clients.
#[derive(Clone, Debug)]
pub struct AudienceSpec {
    /// As written by the user; unique.
    pub name: String,
    /// Who is there and when.
    pub population: Population,
    /// Where they are.
    pub network: NetworkSpec,
    /// What their cookie jar does.
    pub cookies: CookieSpec,
    /// When they come back after a loss.
    pub reconnect: ReconnectPolicy,
    /// When they load their page anew; `None` = never.
    pub refresh: Option<RefreshSpec>,
    /// How each client holds its connection.
    pub transports: Transports,
}

/// How clients hold their connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transports {
    /// Not at all: they only make HTTP requests.
    None,
    /// By a WebSocket from the start.
    WebSocket,
    /// By long polling, until the upgrade to a WebSocket has succeeded.
    PollingFirst,
    /// By long polling.
    Polling,
}

impl Transports {
    /// Whether there is a connection at all.
    pub fn connect(self) -> bool {
        self != Transports::None
    }
    /// Whether it begins with long polling.
    pub fn poll(self) -> bool {
        matches!(self, Transports::PollingFirst | Transports::Polling)
    }
}

/// Who is there and when.
#[derive(Clone, Debug)]
pub enum Population {
    /// `count` clients, present all the time.
    Present {
        /// Number of clients.
        count: u32,
    },
    /// Clients that come, stay for a session and leave for good.
    Arriving {
        /// Arrivals per second where the profile is 1.
        rate_per_s: f64,
        /// (time, factor) corners of a piecewise linear profile, sorted by time; empty = constant 1.
        profile: Vec<(Span, f64)>,
        /// Length of a session, in nanoseconds.
        session: Law,
    },
    /// Requests recorded elsewhere, played one by one with their addresses.
    Trace {
        /// The requests in order of time.
        trace: Arc<Trace>,
        /// Work of each request on a pod, in nanoseconds.
        work: Law,
    },
}

/// A recorded sequence of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// In order of time.
    pub requests: Vec<TraceRequest>,
    /// Number of clients; client numbers in `requests` are below it.
    pub clients: u32,
}

/// One recorded request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceRequest {
    /// When, from the start of the trace.
    pub at: Span,
    /// Who.
    pub client: u32,
    /// From which public address.
    pub address: IpAddr,
}

/// The network of an audience.
#[derive(Clone, Debug)]
pub struct NetworkSpec {
    /// Base round-trip time of a client to the balancer, in nanoseconds; drawn once per client.
    pub rtt: Law,
    /// Sigma of the log-normal factor (median 1) on each single trip; 0 = none.
    pub jitter_sigma: f64,
    /// Share of clients that use an IPv6 address of their own, 0 to 1.
    pub ipv6: f64,
    /// How many clients share one public IPv4 address.
    pub sharing: Sharing,
    /// How public addresses change; `None` = never.
    pub address_change: Option<AddressChangeSpec>,
    /// How the HTTP requests of a session by long polling share connections.
    pub http: Http,
    /// Share of clients behind a proxy that lets no WebSocket through, 0 to 1.
    pub blocks_websockets: f64,
}

/// How HTTP requests of a client share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// Each has a new connection of its own (HTTP/1.0, or no keep-alive).
    OneRequest,
    /// One that is not answered yet keeps its connection: the next one needs another (HTTP/1.1).
    OneAtATime,
    /// All share a connection (HTTP/2).
    Shared,
}

/// How clients share public IPv4 addresses.
#[derive(Clone, Debug)]
pub enum Sharing {
    /// Everybody has an own address.
    Own,
    /// Groups of drawn sizes, until everybody has an address.
    Sizes(
        /// Law of group sizes (whole numbers, at least 1).
        Law,
    ),
    /// A fixed number of groups; each client belongs to one with probability proportional to its weight, and the
    /// sizes are as close to proportional as whole numbers allow.
    Weights(
        /// Relative sizes, at least one, each above zero.
        Vec<f64>,
    ),
}

/// How the public address of a client changes.
#[derive(Clone, Debug)]
pub struct AddressChangeSpec {
    /// Time from one change to the next, in nanoseconds.
    pub every: Law,
    /// How long the client has no network at a change, in nanoseconds.
    pub gap: Law,
    /// Share of changes that stay inside the same /24 (IPv4) or /64 (IPv6), 0 to 1.
    pub same_network: f64,
}

/// What cookie jars do.
#[derive(Clone, Debug)]
pub struct CookieSpec {
    /// Share of clients that store and return cookies, 0 to 1.
    pub keep: f64,
    /// Time between two clearings of a jar, in nanoseconds; `None` = never cleared.
    pub cleared_every: Option<Law>,
}

/// When clients load their page anew: the connection is closed, and one is made when the page is there again.
#[derive(Clone, Debug)]
pub struct RefreshSpec {
    /// Time from one to the next, in nanoseconds.
    pub every: Law,
    /// From the close to the first attempt to connect, in nanoseconds.
    pub load: Law,
}

/// One thing that clients do again and again while they are present.
#[derive(Clone, Debug)]
pub struct TrafficSpec {
    /// How figures and messages call it, such as `api` or `emit 2`.
    pub name: String,
    /// Time from one to the next, in nanoseconds.
    pub every: Law,
    /// For each audience, whether its clients do it.
    pub audiences: Vec<bool>,
    /// What it is.
    pub action: TrafficAction,
}

/// What a client does.
#[derive(Clone, Debug)]
pub enum TrafficAction {
    /// An HTTP request with an answer.
    Api {
        /// Work on the pod beyond the framework's own, in nanoseconds.
        work: Law,
    },
    /// One whose handler asks caches and the database.
    ApiWithData {
        /// Work of the handler when no cache saves any, in nanoseconds.
        work: Law,
        /// What it asks for; apart, for what has no data is common and shall stay small.
        data: Box<DataUse>,
    },
    /// An event for other clients.
    Emit {
        /// Who shall get it.
        to: Target,
        /// How it reaches the cluster.
        via: Via,
        /// Length of the encoded event.
        bytes: u32,
        /// Work of the handler beyond the costs of sending, in nanoseconds.
        work: Law,
    },
}

/// Who gets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Everybody in one of the sender's rooms, sender included (`io.to(room)`).
    Room,
    /// Every connected client (`io.emit`).
    All,
    /// The sender's own socket: through the WebSocket it came by (`socket.emit`), or by user id when it came by an
    /// API call (`io.to(user)`).
    Own,
}

/// How an event reaches the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Over the client's WebSocket, kept back while there is none.
    Socket,
    /// With an HTTP request that is balanced on its own.
    Api,
    /// The same, and its handler writes to the sender's socket directly if that is on the same pod: no adapter is asked then.
    LocalFirst,
}

/// What one server emits by itself: one pod of the cluster, the first ready one, at each tick.
#[derive(Clone, Debug)]
pub struct TickSpec {
    /// How figures and messages call it.
    pub name: String,
    /// Distance of ticks.
    pub every: Span,
    /// Who gets it. [`Target::Room`]: each room in turn, one per tick. Never [`Target::Own`].
    pub to: Target,
    /// Length of the encoded event.
    pub bytes: u32,
}

/// How clients form rooms.
#[derive(Clone, Debug)]
pub struct RoomsSpec {
    /// Law of room sizes (whole numbers, at least 1); rooms are drawn until all places are dealt.
    pub sizes: Law,
    /// Rooms of each client, at least 1.
    pub per_client: u32,
}

/// The pods.
#[derive(Clone, Debug)]
pub struct PodSpec {
    /// Number at the start, at least 1.
    pub replicas: u32,
    /// CPU limit in cores, above zero. Work is stretched when it is less than `workers`.
    pub cpu: f64,
    /// Event loops per pod, at least 1.
    pub workers: u32,
    /// Memory limit in bytes; beyond it the pod is killed. `None` = no limit.
    pub memory_bytes: Option<u64>,
    /// What each step costs.
    pub costs: Costs,
    /// From creation (or restart) to ready, in nanoseconds.
    pub startup: Law,
    /// Between the removal of a pod from the endpoints and its SIGTERM.
    pub pre_stop: Span,
    /// The limit of new WebSockets; `None` = all are let in.
    pub admission: Option<Admission>,
}

/// A limit of new WebSockets per pod, as `limit_req` of nginx counts (a leaky bucket): beyond it they are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Distance of WebSockets that come evenly, above zero.
    pub every: Span,
    /// How many may come at once after a pause, at least 1.
    pub burst: u32,
}

/// CPU per step and memory per connection of one pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Accepting a WebSocket (HTTP upgrade and Socket.IO CONNECT).
    pub connect: Span,
    /// Cleaning up after a connection.
    pub disconnect: Span,
    /// Each HTTP request of long polling and of the handshake that starts with it.
    pub poll: Span,
    /// An upgrade from polling ends when the server next looks whether a request waits: it does so at this distance, and at
    /// once when it is zero.
    pub upgrade_check: Span,
    /// The framework's own work per HTTP request.
    pub request: Span,
    /// Receiving an event from a client.
    pub receive: Span,
    /// Starting a broadcast to local clients.
    pub broadcast: Span,
    /// Each local recipient of it.
    pub send: Span,
    /// Handing an event to Redis, the pod's own copy coming back included.
    pub publish: Span,
    /// A copy from Redis that nobody here wants.
    pub copy_dropped: Span,
    /// A copy from Redis that goes to local clients, before its first recipient.
    pub copy_delivered: Span,
    /// One ping and pong of an idle connection.
    pub heartbeat: Span,
    /// Distance of pings.
    pub heartbeat_every: Span,
    /// How long a pong may take before the server gives a connection up.
    pub heartbeat_timeout: Span,
    /// Memory of a pod without connections.
    pub memory_base: u64,
    /// Memory of each connection.
    pub memory_per_connection: u64,
    /// Memory of each connection by long polling.
    pub memory_per_poller: u64,
}

/// How a surge rollout proceeds: the fields of a Kubernetes Deployment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutSpec {
    /// Pods above the wanted number; a share is rounded up.
    pub max_surge: Amount,
    /// Pods that may be missing; a share is rounded down.
    pub max_unavailable: Amount,
}

/// A number of pods, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// A number.
    Pods(u32),
    /// A share, 0 to 1.
    Share(f64),
}

/// How pods reach each other.
#[derive(Clone, Debug)]
pub struct RedisSpec {
    /// Which adapter the application uses.
    pub adapter: Adapter,
    /// CPU of Redis per PUBLISH.
    pub publish: Span,
    /// CPU of Redis per copy delivered to a subscriber.
    pub copy: Span,
    /// One way between a pod and Redis.
    pub hop: Span,
}

/// The adapter of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// None: events reach only the clients of the pod that emits them.
    None,
    /// `@socket.io/redis-adapter` with classic pub/sub: every event to every pod.
    Classic,
}

/// Something that happens to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedAction {
    /// When.
    pub at: Span,
    /// What.
    pub action: Action,
}

/// What can happen to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The process of a pod dies and its container restarts in place.
    Crash(PodChoice),
    /// One pod is shut down in order and started again in place (same name and address).
    Restart(PodChoice),
    /// The process of a pod stands still: its connections stay open, and nothing is answered.
    Freeze {
        /// Which.
        pod: PodChoice,
        /// For how long.
        length: Span,
    },
    /// Every pod is replaced or restarted, some at a time.
    RollingRestart(RolloutMode),
    /// The balancer that chooses pods reads its configuration anew.
    ReloadBalancer,
    /// Queries take `factor` times as long for a while.
    SlowDatabase {
        /// Above zero.
        factor: f64,
        /// How long.
        lasts: Span,
    },
    /// The wanted number of pods changes.
    Scale {
        /// New number, at least 1.
        to: u32,
    },
}

/// Which pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodChoice {
    /// One of the ready ones, each equally likely.
    Random,
    /// The one with this number; numbers count from 0 and replacements go on counting.
    Number(u32),
}

/// How a rolling restart replaces pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutMode {
    /// A Deployment: new pods with new names and addresses, as [`RolloutSpec`] allows.
    Surge,
    /// One after the other, in order of number, each with its old name and address.
    InPlace,
}
