//! The life of a pod, as the kubelet and controllers see it.

use super::back_off::BackOff;
use super::prober::Prober;
use crate::engine::SimTime;

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is wanted: controllers count it.
    Active,
    /// It has been deleted, or is shut down to be started again in place, and its container may still run.
    Terminating,
    /// Gone for good.
    Gone,
}

/// What the container of a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// There is none: no node or image yet, or the last one has ended.
    Waiting,
    /// Its process does not accept connections yet.
    Booting,
    /// It accepts connections.
    Serving,
    /// It takes nothing new, and goes on with what it has.
    Draining,
}

/// What is known of it.
pub struct Life {
    pub phase: Phase,
    pub container: Container,
    /// The Ready condition: what the kubelet says of it.
    pub ready: bool,
    /// Since when it is, or was the last time.
    pub ready_at: SimTime,
    /// When the pod was created.
    pub created_at: SimTime,
    /// When it was gone for good.
    pub gone_at: SimTime,
    /// Generation of its template.
    pub generation: u32,
    /// The number in its name, if that is kept when it is replaced.
    pub ordinal: u32,
    /// The node that it runs on; `None` = none yet, or there are no nodes.
    pub node: Option<u32>,
    /// Its node is cut off: whatever is sent to it gets no answer, not even a refusal.
    pub silent: bool,
    /// While it is terminating: its container is to be started again in place.
    pub restarting: bool,
    /// The kubelet is ending the container: SIGTERM and SIGKILL are on their way.
    pub stopping: bool,
    /// Containers that ended and were started again.
    pub restarts: u32,
    pub back_off: BackOff,
    pub prober: Prober,
    /// Its process stands still until then.
    pub frozen_until: SimTime,
    /// Connections that it closes at a time while it drains.
    pub batch: u32,
    /// When it has drained.
    pub drained_at: SimTime,
    /// Somebody asks for its eviction again and again.
    pub eviction_asked: bool,
}

impl Life {
    /// A pod that is created at `now`.
    pub fn new(generation: u32, now: SimTime) -> Life {
        Life {
            phase: Phase::Active,
            container: Container::Waiting,
            ready: false,
            ready_at: SimTime::NEVER,
            created_at: now,
            gone_at: SimTime::NEVER,
            generation,
            ordinal: 0,
            node: None,
            silent: false,
            restarting: false,
            stopping: false,
            restarts: 0,
            back_off: BackOff::default(),
            prober: Prober::default(),
            frozen_until: SimTime::ZERO,
            batch: 0,
            drained_at: SimTime::ZERO,
            eviction_asked: false,
        }
    }
    /// It counts for rollouts and scaling.
    pub fn is_active(&self) -> bool {
        self.phase == Phase::Active
    }
    /// It is active and ready: an endpoint.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Active && self.ready
    }
    /// Its process accepts connections, and is reached by them.
    pub fn serves(&self) -> bool {
        self.container == Container::Serving && !self.silent
    }
    /// It has a process that does its work.
    pub const fn runs(&self) -> bool {
        matches!(self.container, Container::Serving | Container::Draining)
    }
    /// It is an endpoint and does its work.
    pub fn is_up(&self) -> bool {
        self.is_ready() && self.runs()
    }
    /// While it drains, each connection is closed at a moment of its own.
    pub fn closes_one_by_one(&self) -> bool {
        self.container == Container::Draining && self.batch == 0
    }
    /// No container of it has ever run.
    pub fn is_pending(&self) -> bool {
        self.container == Container::Waiting && self.restarts == 0
    }
    /// It has been ready once.
    pub fn was_ready(&self) -> bool {
        self.ready_at < SimTime::NEVER
    }
    /// Its process has ended.
    pub const fn process_ended(&mut self) {
        (self.container, self.stopping, self.frozen_until) = (Container::Waiting, false, SimTime::ZERO);
        self.batch = 0;
        self.restarts += 1;
    }
    /// Controllers count it: it is wanted, even while it is restarted in place.
    pub fn is_counted(&self) -> bool {
        self.is_active() || self.restarts_in_place()
    }
    /// It was shut down in order to be started again in place.
    pub fn restarts_in_place(&self) -> bool {
        self.phase == Phase::Terminating && self.restarting
    }
}
