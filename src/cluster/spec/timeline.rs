//! What happens when.

use super::{NodeSet, Outage};
use crate::engine::{Law, Span};

/// Something that happens to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedAction {
    /// When, for the first time; only with `every` there may be nothing.
    pub at: Option<Span>,
    /// It happens again and again, at distances of this law in nanoseconds; `None` = once.
    pub every: Option<Law>,
    /// What.
    pub action: Action,
}

impl TimedAction {
    /// Something that happens once.
    pub const fn once(at: Span, action: Action) -> TimedAction {
        TimedAction { at: Some(at), every: None, action }
    }
    /// Something that happens again and again, for the first time when it comes.
    pub const fn every(law: Law, action: Action) -> TimedAction {
        TimedAction { at: None, every: Some(law), action }
    }
}

/// What can happen to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The process of a pod dies and its container restarts in place.
    Crash(Choice),
    /// One pod is shut down in order and started again in place (same name and address).
    Restart(Choice),
    /// The process of a pod stands still: its connections stay open, and nothing is answered.
    Freeze {
        /// Which.
        pod: Choice,
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
    /// Redis takes nothing, and connections to it break.
    RedisOutage {
        /// For how long.
        lasts: Span,
        /// It died, and what was written in this time before is lost; [`Span::MAX`]: everything is.
        forgets: Option<Span>,
    },
    /// Redis does nothing else: what comes waits.
    RedisStall {
        /// For how long.
        lasts: Span,
    },
    /// Nodes are cut off.
    Outage {
        /// Which.
        of: NodeSet,
        /// From what.
        from: Outage,
        /// For how long; `None` = to the end.
        lasts: Option<Span>,
    },
    /// The pods of a node are evicted, and none come (`kubectl drain`).
    DrainNode {
        /// Which.
        node: Choice,
        /// For how long none come; `None` = to the end.
        lasts: Option<Span>,
    },
    /// Node by node: its pods are evicted, and it is away for a while.
    UpgradeNodes {
        /// How long each is away.
        reboot: Span,
    },
    /// Some clients get another public address at once.
    AddressChanges {
        /// Share of those that are present, 0 to 1.
        share: f64,
        /// How long each has no network, in nanoseconds.
        gap: Law,
        /// Share of them that stay inside the same /24 (IPv4) or /64 (IPv6), 0 to 1.
        same_network: f64,
    },
    /// The wanted number of pods changes.
    Scale {
        /// New number, at least 1.
        to: u32,
    },
}

/// Which pod, node or zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One of those that are ready, each equally likely.
    Random,
    /// The one with this number; numbers count from 0, and replacements of pods go on counting.
    Number(u32),
    /// Each of them, on a clock of its own; only with `every`.
    Each,
}

impl Action {
    /// Whom it hits, if that is to be chosen.
    pub const fn choice(&self) -> Option<Choice> {
        match *self {
            Action::Crash(choice)
            | Action::Restart(choice)
            | Action::Freeze { pod: choice, .. }
            | Action::DrainNode { node: choice, .. }
            | Action::Outage { of: NodeSet::Node(choice) | NodeSet::Zone(choice), .. } => Some(choice),
            _ => None,
        }
    }
}

/// How a rolling restart replaces pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutMode {
    /// A Deployment: new pods with new names and addresses, as [`RolloutSpec`](super::RolloutSpec) allows.
    Surge,
    /// One after the other, in order of number, each with its old name and address.
    InPlace,
}
