//! What a cluster is built from: validated plain data in which every default is resolved.
//!
//! `scenario` makes it from text and guarantees the bounds said here; the model trusts them. The part of a balancer
//! stands in that balancer's own file ([`super::balancer`]).

mod audience;
mod autoscaler;
mod data;
mod nodes;
mod pods;
mod redis;
mod sessions;
mod timeline;

use super::adapter::{Operation, To};
use super::balancer::{AffinityKey, BalancerSpec, Settings};
pub use super::clients::{ReconnectPolicy, RetryLaw};
use crate::engine::{Law, Span};

pub use audience::*;
pub use autoscaler::*;
pub use data::*;
pub use nodes::*;
pub use pods::*;
pub use redis::*;
pub use sessions::*;
pub use timeline::*;

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
    /// The nodes that they run on; `None` = as if each had one of its own that is never lost.
    pub nodes: Option<NodesSpec>,
    /// How pods are replaced.
    pub rollout: RolloutSpec,
    /// Which pods may be evicted when; `None` = all.
    pub disruption_budget: Option<DisruptionBudget>,
    /// Who changes the wanted number of pods, if anybody does.
    pub autoscaler: Option<AutoscalerSpec>,
    /// How pods reach each other.
    pub redis: RedisSpec,
    /// The database, if there is one.
    pub database: Option<DatabaseSpec>,
    /// What the application knows of its clients, if that is looked at; in a database only if there is one.
    pub sessions: Option<SessionSpec>,
    /// `connectionStateRecovery` of Socket.IO: how long a lost connection can be recovered. Only with an adapter that is able to,
    /// of streams or none at all.
    pub recovery: Option<Span>,
    /// What happens when, in order of time.
    pub timeline: Vec<TimedAction>,
    /// No more events than this.
    pub max_events: u64,
}

/// Length of the windows over which peaks of CPU and memory are taken in runs of this length: the same for all but short ones.
pub fn peak_window(duration: Span) -> Span {
    Span::from_secs(10).min(duration / 10).max(Span::from_nanos(1))
}

impl ClusterSpec {
    /// Length of the windows over which peaks are taken.
    pub fn peak_window(&self) -> Span {
        peak_window(self.duration)
    }
    /// Whether anything is ever emitted to everyone with a WebSocket.
    pub fn speaks_to_everyone(&self) -> bool {
        let all = |entry: &TrafficSpec| {
            matches!(entry.action, TrafficAction::Emit { to: Target::All | Target::AllButSender, .. })
        };
        self.traffic.iter().any(all) || self.ticks.iter().any(|tick| tick.operation.target() == Some(To::All))
    }
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
    /// Whether its event is to be acknowledged; only of one that goes by socket.
    pub ack: Option<AckSpec>,
}

/// How long a client waits for the acknowledgement of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckSpec {
    /// For so long, above zero.
    pub timeout: Span,
    /// How often it sends the event again. Without, the clock runs from when the event is emitted; with, from when it is sent.
    pub retries: u32,
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
    /// The same without the sender (`socket.to(room)`).
    RoomButSender,
    /// Every connected client (`io.emit`).
    All,
    /// The same without the sender (`socket.broadcast`).
    AllButSender,
    /// The sender's own socket: through the WebSocket it came by (`socket.emit`), or by user id when it came by an
    /// API call (`io.to(user)`).
    Own,
}

impl Target {
    /// Whether it is a room of the sender's.
    pub const fn is_room(self) -> bool {
        matches!(self, Target::Room | Target::RoomButSender)
    }
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

/// What one server does by itself: one pod of the cluster, the first ready one, at each tick.
#[derive(Clone, Debug)]
pub struct TickSpec {
    /// How figures and messages call it.
    pub name: String,
    /// Distance of ticks.
    pub every: Span,
    /// What it asks of the adapter, one that the adapter has. For a room: each room in turn, one per tick. Never for single
    /// sockets.
    pub operation: Operation,
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
