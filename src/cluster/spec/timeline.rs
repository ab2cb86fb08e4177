//! What happens when.

use crate::engine::Span;

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
    /// A Deployment: new pods with new names and addresses, as [`RolloutSpec`](super::RolloutSpec) allows.
    Surge,
    /// One after the other, in order of number, each with its old name and address.
    InPlace,
}
