//! Requests whose outcome is known only when they are done, because the pod may die before.
//!
//! When a request will be done is known when it arrives, so no event is needed for it; its outcome is recorded when
//! somebody needs to know it ([`super::Pod::pop_done`]), or the process dies.

use std::collections::VecDeque;

use crate::engine::{SimTime, Span};

/// One event loop: when it is free again, and the requests it has taken on, in order of completion.
#[derive(Default)]
pub struct Worker {
    /// When all its work is done.
    pub free: SimTime,
    /// Requests without a recorded outcome.
    pub jobs: VecDeque<Job>,
}

/// An HTTP request at a pod.
#[derive(Clone, Copy)]
pub struct Job {
    /// When it is answered.
    pub done: SimTime,
    /// When the client sent it.
    pub sent: SimTime,
    /// When it reached the balancer.
    pub arrived: SimTime,
    /// How long the answer travels.
    pub down: Span,
}
