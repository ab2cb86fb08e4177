//! Work whose outcome is known only when it is done, because the pod may die before.
//!
//! The completion time of a job is known when it arrives, so no event is needed for it; its outcome is recorded when
//! somebody next looks at the pod after that time ([`super::Pod::pop_done`]), or lost with the process.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::cluster::ClientId;
use crate::cluster::rooms::RoomId;
use crate::engine::{SimTime, Span};

/// One event loop: when it is free again, and the jobs it has taken on, in order of completion.
#[derive(Default)]
pub struct Worker {
    /// When all its work is done.
    pub free: SimTime,
    /// Jobs with an outcome.
    pub jobs: VecDeque<Job>,
    /// So many jobs at the front hold their own copy of their recipients, or need none.
    frozen: usize,
}

/// One job with an outcome.
pub struct Job {
    /// When it is done.
    pub done: SimTime,
    /// What it is.
    pub kind: JobKind,
}

/// What a job is.
pub enum JobKind {
    /// An HTTP request: answered when done.
    Request {
        /// When the client sent it.
        sent: SimTime,
        /// When it reached the balancer.
        arrived: SimTime,
        /// How long the answer travels.
        down: Span,
    },
    /// Sending an event to the clients of this pod.
    FanOut(FanOut),
}

/// Who gets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// Everybody.
    All,
    /// The members of a room.
    Room(RoomId),
    /// One client, by its own room.
    One(ClientId),
}

/// An event on its way from one pod to its clients: the j-th copy (from 1) leaves at `start + j·send`.
pub struct FanOut {
    /// When the sender emitted it.
    pub emitted: SimTime,
    /// When the first copy starts to be sent.
    pub start: SimTime,
    /// CPU per copy.
    pub send: Span,
    /// To whom.
    pub recipients: Recipients,
    /// True when this pod emitted it, false when it came through Redis.
    pub local: bool,
    /// The recipient's connection, for [`Recipients::One`].
    pub connection: u32,
    /// The recipients at arrival, if they have changed since.
    pub frozen: Option<Frozen>,
}

/// Recipients with the number of the connection that each had: what it does to a later one is not theirs.
pub type Frozen = Rc<[(ClientId, u32)]>;

impl Worker {
    /// Takes the first job.
    pub fn pop(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front();
        self.frozen = self.frozen.saturating_sub(1);
        job
    }
    /// Gives every job a copy of its recipients as `live` has them now. Jobs of one call share copies.
    pub fn freeze<'a>(
        &mut self,
        live: impl Fn(Recipients) -> Option<&'a Vec<ClientId>>,
        connection: impl Fn(ClientId) -> u32,
    ) {
        let mut copies: Vec<(Recipients, Frozen)> = Vec::new();
        for job in self.jobs.iter_mut().skip(self.frozen) {
            let JobKind::FanOut(fan_out) = &mut job.kind else { continue };
            let Some(members) = live(fan_out.recipients) else { continue };
            let known = copies.iter().find(|(recipients, _)| *recipients == fan_out.recipients);
            let fresh = || members.iter().map(|&client| (client, connection(client))).collect();
            let copy = known.map_or_else(fresh, |(_, copy)| Rc::clone(copy));
            if known.is_none() {
                copies.push((fan_out.recipients, Rc::clone(&copy)));
            }
            fan_out.frozen = Some(copy);
        }
        self.frozen = self.jobs.len();
    }
}
