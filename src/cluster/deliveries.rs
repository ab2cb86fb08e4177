//! Broadcasts under way: whom they reach when, and what is not recorded yet.
//!
//! The time at which each copy leaves is known when a pod takes a broadcast on; whether it leaves at all depends on what
//! happens to the process and to the recipient's connection until then. So a broadcast waits here until its last copy has
//! left, and is then recorded in one pass over its recipients.
//!
//! Pods that are far behind have their parts in a queue of their own, with a copy of their recipients: the prompt ones
//! need not wait for them, and the lists of rooms need not be kept as they were.

use std::collections::VecDeque;

use super::PodId;
use super::rooms::{Member, MemberList, Members, Path, Recipients};
use crate::engine::{SimTime, Span};

/// A pod that takes longer than this to send its copies is far behind.
pub const PROMPT: Span = Span::from_secs(1);
/// Broadcasts are recorded so many at a time: the cache misses of their recipients then overlap.
const BATCH: usize = 16;
/// Larger rooms are not copied for pods that are far behind: their list is kept.
const LARGE: usize = 4_096;

/// A broadcast of one event by one or more pods.
#[derive(Clone, Copy)]
pub struct FanOut {
    /// When the sender emitted it.
    pub emitted: SimTime,
    /// When the last copy leaves.
    pub done: SimTime,
    /// Copies of the pods that are in time.
    pub copies: u32,
    /// Who was meant.
    pub recipients: Recipients,
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
    /// How copies reach them, on whatever pod.
    pub fn paths(&self) -> &[Path] {
        match self {
            Audience::One(member) => std::slice::from_ref(&member.path),
            Audience::Room(members) => members.paths(),
        }
    }
    /// All recipients, on whatever pod.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        let (one, room) = match self {
            Audience::One(member) => (Some(*member), None),
            Audience::Room(members) => (None, Some(members.iter())),
        };
        one.into_iter().chain(room.into_iter().flatten())
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

/// Parts of a broadcast by pods that are far behind.
struct Late {
    fan_out: FanOut,
    parts: u32,
    recipients: LateRecipients,
}

enum LateRecipients {
    /// So many members, copied: those of the pods in question.
    Copied(u32),
    /// A large room.
    Room(Members),
}

/// Broadcasts that are not recorded yet.
#[derive(Default)]
pub struct Deliveries {
    /// Nearly in order of completion, each with the number of its parts.
    prompt: VecDeque<(FanOut, Audience, u32)>,
    /// Parts of all of them, in the same order.
    parts: VecDeque<Part>,
    late: VecDeque<Late>,
    late_parts: VecDeque<Part>,
    late_members: VecDeque<Member>,
    /// Parts by pods far behind, of the broadcast that is pushed next.
    behind: Vec<Part>,
}

impl Deliveries {
    /// A part of the broadcast that is pushed next, done in time or by a pod far behind.
    pub fn push_part(&mut self, part: Part, in_time: bool) {
        if in_time {
            self.parts.push_back(part);
        } else {
            self.behind.push(part);
        }
    }
    /// A broadcast, after its parts, `parts` of which are done in time, at `prompt.done` at the latest; those far behind at
    /// `behind_done`. True: so many wait that it is time to record them.
    pub fn push(&mut self, prompt: FanOut, to: Audience, parts: u32, behind_done: SimTime) -> bool {
        if !self.behind.is_empty() {
            let recipients = match &to {
                Audience::Room(members) if members.len() > LARGE => LateRecipients::Room(members.clone()),
                Audience::One(_) | Audience::Room(_) => {
                    let before = self.late_members.len();
                    let theirs = |member: &Member| self.behind.iter().any(|part| part.pod == member.path.pod);
                    self.late_members.extend(to.members().filter(theirs));
                    LateRecipients::Copied((self.late_members.len() - before) as u32)
                }
            };
            let fan_out = FanOut { done: behind_done, ..prompt };
            self.late.push_back(Late { fan_out, parts: self.behind.len() as u32, recipients });
            self.late_parts.extend(self.behind.drain(..));
        }
        if parts > 0 {
            self.prompt.push_back((prompt, to, parts));
        }
        self.prompt.len().is_multiple_of(BATCH)
    }
    /// Reads the recipients of those that are recorded next, and returns anything that depends on them.
    pub fn touch(&self) -> u64 {
        let next = self.prompt.iter().take(BATCH);
        next.flat_map(|(_, to, _)| to.paths().iter().step_by(8)).map(|path| u64::from(path.one_way_ns)).sum()
    }
    /// How many are read by one [`Deliveries::touch`].
    pub const fn touched() -> usize {
        BATCH
    }
    /// Takes the first prompt broadcast if it is done by `now`, and its parts into `parts`.
    pub fn pop_prompt(&mut self, now: SimTime, parts: &mut Vec<Part>) -> Option<(FanOut, Audience)> {
        if self.prompt.front()?.0.done > now {
            return None;
        }
        let (fan_out, to, count) = self.prompt.pop_front()?;
        parts.clear();
        parts.extend(self.parts.drain(..count as usize));
        Some((fan_out, to))
    }
    /// Takes the first of those by pods far behind if it is done by `now`, and its parts into `parts`.
    pub fn pop_late(&mut self, now: SimTime, parts: &mut Vec<Part>) -> Option<(FanOut, Audience)> {
        if self.late.front()?.fan_out.done > now {
            return None;
        }
        let Late { fan_out, parts: count, recipients } = self.late.pop_front()?;
        parts.clear();
        parts.extend(self.late_parts.drain(..count as usize));
        let members = match recipients {
            LateRecipients::Copied(count) => {
                Members::new(self.late_members.drain(..count as usize).collect::<MemberList>())
            }
            LateRecipients::Room(members) => members,
        };
        Some((fan_out, Audience::Room(members)))
    }
    /// Takes out the parts of a process that has ended, each with its broadcast and its recipients.
    pub fn take_late_of(&mut self, pod: PodId, process: u32) -> Vec<(FanOut, Part, Members)> {
        let mut taken = Vec::new();
        let (mut first_part, mut first_member) = (0, 0);
        for late in &mut self.late {
            let parts = first_part..first_part + late.parts as usize;
            first_part = parts.end;
            let theirs = |part: &Part| (part.pod, part.process) == (pod, process);
            let copied = match &late.recipients {
                LateRecipients::Copied(count) => *count as usize,
                LateRecipients::Room(_) => 0,
            };
            let members = first_member..first_member + copied;
            first_member = members.end;
            let Some(part) = self.late_parts.range_mut(parts).find(|part| theirs(part)) else { continue };
            let on_pod = |member: &Member| member.path.pod == pod;
            let recipients: MemberList = match &late.recipients {
                LateRecipients::Copied(_) => self.late_members.range(members).copied().filter(on_pod).collect(),
                LateRecipients::Room(members) => members.iter().filter(on_pod).collect(),
            };
            taken.push((late.fan_out, *part, Members::new(recipients)));
            part.start = SimTime::NEVER; // nothing is left to do
        }
        taken
    }
}
