//! Broadcasts under way: whom they reach when, and what is not recorded yet.
//!
//! The time at which each copy leaves is known when a pod takes a broadcast on; whether it leaves at all depends on what
//! happens to the process and to the recipient's connection until then. So a broadcast waits here until its last copy has
//! left, and is then recorded in one pass over its recipients.

use std::collections::VecDeque;

use super::PodId;
use super::rooms::{Member, Members, Recipients};
use crate::engine::{SimTime, Span};

/// A pod that takes longer than this to send its copies of a broadcast does not keep the others' waiting.
pub const PROMPT: Span = Span::from_secs(1);

/// A broadcast of one event by one or more pods.
pub struct FanOut {
    /// When the sender emitted it.
    pub emitted: SimTime,
    /// When the last copy leaves.
    pub done: SimTime,
    /// Who was meant.
    pub recipients: Recipients,
    /// Who that was when it began.
    pub to: Audience,
    /// True when the pod itself emitted it, false when it came through Redis.
    pub local: bool,
}

/// The recipients of a broadcast as they were when it began.
pub enum Audience {
    /// One client.
    One(Member),
    /// A room, or everyone.
    Room(Members),
}

impl Audience {
    /// All recipients, on whatever pod.
    pub fn members(&self) -> &[Member] {
        match self {
            Audience::One(member) => std::slice::from_ref(member),
            Audience::Room(members) => members,
        }
    }
}

/// What one pod does of a broadcast: the j-th copy (from 1) leaves at `start + j·send`.
#[derive(Clone, Copy)]
pub struct Part {
    /// Which pod.
    pub pod: PodId,
    /// Which of its processes.
    pub process: u32,
    /// When the first copy starts to be sent.
    pub start: SimTime,
    /// CPU per copy.
    pub send: Span,
}

/// How far a pod is with its part of a broadcast.
#[derive(Clone, Copy)]
pub struct Turn {
    /// When the last copy left; [`SimTime::NEVER`]: this pod has no part in it.
    left: SimTime,
    /// CPU per copy.
    send: Span,
    /// When the process ended, if it did.
    pub death: SimTime,
}

impl Turn {
    /// No part in it.
    pub const NONE: Turn = Turn { left: SimTime::NEVER, send: Span::ZERO, death: SimTime::NEVER };

    /// Before the first copy of a process that ended at `death`.
    pub const fn of(part: &Part, death: SimTime) -> Turn {
        Turn { left: part.start, send: part.send, death }
    }
    /// When the next copy leaves; `None` if this pod has no part in it.
    #[inline]
    pub fn next(&mut self) -> Option<SimTime> {
        if self.left == SimTime::NEVER {
            return None;
        }
        self.left += self.send;
        Some(self.left)
    }
}

/// Broadcasts that are not recorded yet, nearly in order of completion.
#[derive(Default)]
pub struct Deliveries {
    /// Each with the number of its parts.
    queue: VecDeque<(FanOut, u32)>,
    /// Parts of all of them, in the same order.
    parts: VecDeque<Part>,
}

impl Deliveries {
    /// A part of the broadcast that is pushed next.
    pub fn push_part(&mut self, part: Part) {
        self.parts.push_back(part);
    }
    /// A broadcast, after its parts.
    pub fn push(&mut self, fan_out: FanOut, parts: u32) {
        self.queue.push_back((fan_out, parts));
    }
    /// Takes the first broadcast if it is done by `now`, and its parts into `parts`.
    pub fn pop_done(&mut self, now: SimTime, parts: &mut Vec<Part>) -> Option<FanOut> {
        if self.queue.front()?.0.done > now {
            return None;
        }
        let (fan_out, count) = self.queue.pop_front()?;
        parts.clear();
        parts.extend(self.parts.drain(..count as usize));
        Some(fan_out)
    }
}
