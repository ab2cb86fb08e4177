//! Broadcasts under way: whom they reach when, and what is not recorded yet.
//!
//! The time at which each copy leaves is known when a pod takes a broadcast on; whether it leaves at all depends on what
//! happens to the process and to the recipient's connection until then. So a broadcast waits here until its last copy has
//! left, and is then recorded in one pass over its recipients.
//!
//! Pods that are far behind have their parts in a queue of their own, with a copy of their recipients: the prompt ones
//! need not wait for them, and the lists of rooms need not be kept as they were.

use std::collections::VecDeque;
use std::ops::Range;

use super::PodId;
use super::fifo::Fifo;
use super::rooms::{Member, MemberList, Members, Path, Recipients};
use crate::engine::{SimTime, Span, prefetch};

/// A pod that takes longer than this to send its copies is far behind.
pub const PROMPT: Span = Span::from_secs(1);
/// Broadcasts are recorded so many at a time: their recipients are fetched meanwhile.
const BATCH: usize = 32;
/// Of larger rooms only so many members are fetched: reading in order, the processor fetches the others by itself.
const NEAR: usize = 128;
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
    /// A room, or everyone, without the one at a position.
    Room(Members, Option<usize>),
}

impl Audience {
    /// How copies reach them, on whatever pod: those before the one that is left out, and those after it.
    pub fn paths(&self) -> [&[Path]; 2] {
        match self {
            Audience::One(member) => [std::slice::from_ref(&member.path), &[]],
            Audience::Room(members, None) => [members.paths(), &[]],
            Audience::Room(members, Some(but)) => {
                let (before, after) = members.paths().split_at(*but);
                [before, after.get(1..).unwrap_or_default()]
            }
        }
    }
    /// Fetches the paths of a room's members, as far as they are not too many to stay near.
    fn fetch(&self) {
        if let Audience::Room(members, _) = self {
            (0..members.len().min(NEAR)).step_by(8).for_each(|member| prefetch(members.paths(), member));
        }
    }
    /// All recipients with their positions, on whatever pod.
    pub fn members(&self) -> impl Iterator<Item = (usize, Member)> {
        let (one, room, but) = match self {
            Audience::One(member) => (Some(*member), None, None),
            Audience::Room(members, but) => (None, Some(members.iter()), *but),
        };
        let all = one.into_iter().chain(room.into_iter().flatten()).enumerate();
        all.filter(move |&(position, _)| Some(position) != but)
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

/// Instead of the number of a process: nothing is left to do.
const NO_PROCESS: u32 = u32::MAX;

impl Part {
    /// True when its process ended before: nothing is left to do.
    pub const fn is_void(&self) -> bool {
        self.process == NO_PROCESS
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
    parts: Fifo<Part>,
    late: VecDeque<Late>,
    late_parts: Fifo<Part>,
    late_members: Fifo<Member>,
    /// Parts by pods far behind, of the broadcast that is pushed next.
    behind: Vec<Part>,
}

impl Deliveries {
    /// A part of the broadcast that is pushed next, done in time or by a pod far behind.
    #[inline]
    pub fn push_part(&mut self, part: Part, in_time: bool) {
        if in_time {
            self.parts.push(part);
        } else {
            self.behind.push(part);
        }
    }
    /// A broadcast, after its parts, `parts` of which are done in time, at `prompt.done` at the latest; those far behind at
    /// `behind_done`. True: so many wait that it is time to record them.
    pub fn push(&mut self, prompt: FanOut, to: Audience, parts: u32, behind_done: SimTime) -> bool {
        if !self.behind.is_empty() {
            let recipients = match &to {
                Audience::Room(members, None) if members.len() > LARGE => LateRecipients::Room(members.clone()),
                Audience::One(_) | Audience::Room(..) => {
                    let before = self.late_members.len();
                    let theirs = |member: &Member| self.behind.iter().any(|part| part.pod == member.path.pod);
                    self.late_members.extend(to.members().map(|(_, member)| member).filter(theirs));
                    LateRecipients::Copied((self.late_members.len() - before) as u32)
                }
            };
            let fan_out = FanOut { done: behind_done, ..prompt };
            self.late.push_back(Late { fan_out, parts: self.behind.len() as u32, recipients });
            self.late_parts.extend(self.behind.drain(..));
        }
        if parts > 0 {
            to.fetch();
            self.prompt.push_back((prompt, to, parts));
        }
        self.prompt.len().is_multiple_of(BATCH)
    }
    /// Takes the first prompt broadcast if it is done by `now`, and says where its parts stand.
    pub fn pop_prompt(&mut self, now: SimTime) -> Option<(FanOut, Audience, Range<usize>)> {
        if self.prompt.front()?.0.done > now {
            return None;
        }
        let (fan_out, to, count) = self.prompt.pop_front()?;
        Some((fan_out, to, self.parts.take(count as usize)))
    }
    /// Parts that [`Deliveries::pop_prompt`] spoke of.
    pub fn parts(&self, parts: Range<usize>) -> &[Part] {
        self.parts.taken(parts)
    }
    /// Takes the first of those by pods far behind if it is done by `now`, and says where its parts stand.
    pub fn pop_late(&mut self, now: SimTime) -> Option<(FanOut, Audience, Range<usize>)> {
        if self.late.front()?.fan_out.done > now {
            return None;
        }
        let Late { fan_out, parts: count, recipients } = self.late.pop_front()?;
        let parts = self.late_parts.take(count as usize);
        let members = match recipients {
            LateRecipients::Copied(count) => {
                let members = self.late_members.take(count as usize);
                Members::new(self.late_members.taken(members).iter().copied().collect::<MemberList>())
            }
            LateRecipients::Room(members) => members,
        };
        Some((fan_out, Audience::Room(members, None), parts))
    }
    /// Parts that [`Deliveries::pop_late`] spoke of.
    pub fn late_parts(&self, parts: Range<usize>) -> &[Part] {
        self.late_parts.taken(parts)
    }
    /// Where parts stand that were popped is void from now on.
    pub fn forget_what_was_popped(&mut self) {
        self.parts.forget_taken();
        self.late_parts.forget_taken();
        self.late_members.forget_taken();
    }
    /// Takes out the parts of a pod that will not be done, each with its broadcast and its recipients.
    pub fn take_late(&mut self, pod: PodId, which: impl Fn(&FanOut, &Part) -> bool) -> Vec<(FanOut, Part, Members)> {
        let mut taken = Vec::new();
        let (mut first_part, mut first_member) = (0, 0);
        for late in &mut self.late {
            let parts = first_part..first_part + late.parts as usize;
            first_part = parts.end;
            let fan_out = late.fan_out;
            let theirs = |part: &Part| part.pod == pod && !part.is_void() && which(&fan_out, part);
            let copied = match &late.recipients {
                LateRecipients::Copied(count) => *count as usize,
                LateRecipients::Room(_) => 0,
            };
            let members = first_member..first_member + copied;
            first_member = members.end;
            let parts = &mut self.late_parts.as_mut_slice()[parts];
            let Some(part) = parts.iter_mut().find(|part| theirs(part)) else { continue };
            let on_pod = |member: &Member| member.path.pod == pod;
            let recipients: MemberList = match &late.recipients {
                LateRecipients::Copied(_) => {
                    self.late_members.as_mut_slice()[members].iter().copied().filter(on_pod).collect()
                }
                LateRecipients::Room(members) => members.iter().filter(on_pod).collect(),
            };
            taken.push((late.fan_out, *part, Members::new(recipients)));
            part.process = NO_PROCESS;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::super::rooms::Who;
    use super::*;
    use crate::engine::Id;

    fn member(client: u32, pod: u32) -> Member {
        let who = Who { client: Id::new(client), connection: 1 };
        Member { path: Path { one_way_ns: client, pod: Id::new(pod) }, who }
    }

    fn part(pod: u32) -> Part {
        Part { pod: Id::new(pod), process: 0, start: SimTime::ZERO, send: Span::from_nanos(1) }
    }

    /// A broadcast to clients 0, 1, 2 … on pods 0, 1, 2, 0, 1, 2 …; pod 1 is far behind.
    fn push(deliveries: &mut Deliveries, done_s: u64, members: u32) {
        let at = |seconds| SimTime::ZERO + Span::from_secs(seconds);
        let fan_out = FanOut {
            emitted: SimTime::ZERO,
            done: at(done_s),
            copies: 0,
            recipients: Recipients::All(None),
            local: false,
        };
        let to = Audience::Room(Members::new((0..members).map(|client| member(client, client % 3)).collect()), None);
        deliveries.push_part(part(0), true);
        deliveries.push_part(part(1), false);
        deliveries.push_part(part(2), true);
        deliveries.push(fan_out, to, 2, at(done_s + 100));
    }

    #[test]
    fn who_is_far_behind_keeps_nobody_waiting_and_has_its_own_recipients() {
        let mut deliveries = Deliveries::default();
        (1..=40).for_each(|done_s| push(&mut deliveries, done_s, 6));
        let at = |seconds| SimTime::ZERO + Span::from_secs(seconds);
        let mut prompt = 0;
        while let Some((fan_out, to, parts)) = deliveries.pop_prompt(at(30)) {
            let parts = deliveries.parts(parts).to_vec();
            if prompt % 5 == 0 {
                deliveries.forget_what_was_popped();
            }
            prompt += 1;
            assert_eq!(fan_out.done, at(prompt));
            assert_eq!(parts.iter().map(|part| part.pod.raw()).collect::<Vec<_>>(), [0, 2]);
            assert_eq!(to.members().count(), 6);
        }
        assert_eq!(prompt, 30);
        let mut late = 0;
        while let Some((fan_out, to, parts)) = deliveries.pop_late(at(125)) {
            let parts = deliveries.late_parts(parts).to_vec();
            deliveries.forget_what_was_popped();
            late += 1;
            assert_eq!((fan_out.done, parts.len(), parts[0].pod), (at(late + 100), 1, Id::new(1)));
            assert_eq!(to.members().map(|(_, member)| member.who.client.raw()).collect::<Vec<_>>(), [1, 4]);
        }
        assert_eq!(late, 25);
    }

    #[test]
    fn parts_of_a_dead_process_are_taken_out_once() {
        for members in [6, LARGE as u32 + 2] {
            let mut deliveries = Deliveries::default();
            (1..=3).for_each(|done_s| push(&mut deliveries, done_s, members));
            let taken = deliveries.take_late(Id::new(1), |_, part| part.process == 0);
            assert_eq!(taken.len(), 3);
            for (_, part, recipients) in &taken {
                assert_eq!((part.pod, recipients.len() as u32), (Id::new(1), members / 3));
                assert!(recipients.iter().all(|member| member.path.pod == part.pod));
            }
            assert!(deliveries.take_late(Id::new(1), |_, part| part.process == 0).is_empty());
            let (fan_out, _, parts) = deliveries.pop_late(SimTime::NEVER).expect("it stays in the queue");
            let part = deliveries.late_parts(parts)[0];
            assert_eq!((fan_out.done, part.is_void()), (SimTime::ZERO + Span::from_secs(101), true));
        }
    }
}
