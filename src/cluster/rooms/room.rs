//! One room: its connected members, and how many of them each pod serves.

use std::rc::Rc;

use super::RoomId;
use crate::cluster::{ClientId, PodId};
use crate::engine::{SimTime, Span, prefetch};

/// One connected member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// How copies reach it.
    pub path: Path,
    /// Who it is.
    pub who: Who,
}

/// How copies reach a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Base one-way trip to the balancer in nanoseconds.
    pub one_way_ns: u32,
    /// Which pod serves it.
    pub pod: PodId,
}

/// One connection of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The client.
    pub client: ClientId,
    /// Which of its connections.
    pub connection: u32,
}

impl Path {
    /// Base one-way trip to the balancer.
    pub fn one_way(self) -> Span {
        Span::from_nanos(u64::from(self.one_way_ns))
    }
}

/// Members side by side. A broadcast that nothing disturbs reads only their paths.
#[derive(Clone, Debug, Default)]
pub struct MemberList {
    paths: Vec<Path>,
    who: Vec<Who>,
}

impl MemberList {
    /// Number of members.
    pub const fn len(&self) -> usize {
        self.paths.len()
    }
    /// The path of each.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }
    /// Who is at a position.
    pub fn who(&self, position: usize) -> Option<Who> {
        self.who.get(position).copied()
    }
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Member> {
        self.paths.iter().zip(&self.who).map(|(&path, &who)| Member { path, who })
    }
    /// Adds a member of a list that will have about so many.
    fn push(&mut self, member: Member, expected: usize) {
        let len = self.len();
        if len == self.paths.capacity() {
            // lists that were shared are as long as they need be: twice that would be wasted on nearly every room
            let more = expected.saturating_sub(len).max(len / 8 + 4);
            self.paths.reserve_exact(more);
            self.who.reserve_exact(more);
        }
        self.paths.push(member.path);
        self.who.push(member.who);
    }
    /// Takes out the member at a position; the last one, which is returned, takes its place.
    fn swap_remove(&mut self, position: usize) -> Option<Who> {
        self.paths.swap_remove(position);
        self.who.swap_remove(position);
        self.who.get(position).copied()
    }
}

impl FromIterator<Member> for MemberList {
    fn from_iter<I: IntoIterator<Item = Member>>(members: I) -> MemberList {
        let (paths, who) = members.into_iter().map(|Member { path, who }| (path, who)).unzip();
        MemberList { paths, who }
    }
}

/// Who gets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// Everybody, or everybody but one.
    All(Option<Who>),
    /// The members of a room, or all but one.
    Room(RoomId, Option<Who>),
    /// One client, by its own room; its number tells it from others in its place.
    One(ClientId, u32),
    /// No client: pods speak to each other.
    Nobody,
}

impl Recipients {
    /// The connection that is left out.
    pub const fn but(self) -> Option<Who> {
        match self {
            Recipients::All(but) | Recipients::Room(_, but) => but,
            Recipients::One(..) | Recipients::Nobody => None,
        }
    }
}

/// The connected members of a room. A broadcast serves those of each pod in this order.
pub type Members = Rc<MemberList>;

/// What one pod has of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which pod.
    pub pod: PodId,
    /// Members with a WebSocket that it serves.
    pub live: u32,
    /// Members that poll: served after those.
    pub pollers: u32,
    /// Connections whose client is gone without the pod knowing: served last, for nothing.
    pub ghosts: u32,
}

impl Share {
    /// Nothing of it.
    pub const fn nothing(pod: PodId) -> Share {
        Share { pod, live: 0, pollers: 0, ghosts: 0 }
    }
    /// Members that the pod serves, however they are connected.
    pub const fn clients(&self) -> u32 {
        self.live + self.pollers
    }
    /// How many copies the pod sends.
    pub const fn copies(&self) -> u32 {
        self.clients() + self.ghosts
    }
}

/// A room.
#[derive(Default)]
pub struct Room {
    /// Clients that are present, connected or not.
    pub present: u32,
    online: u32,
    /// Its members are counted only: nothing is ever sent to it.
    silent: bool,
    members: Members,
    /// Those that poll, in no particular order.
    pollers: Vec<Member>,
    /// In order of pod; only pods that have something of it.
    shares: Vec<Share>,
}

/// Members of a room that are offline.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offline {
    /// What they miss.
    pub missed: Missed,
    /// The last event that its members can ask for later.
    pub last: Last,
    /// For how many of them events are kept in lists.
    pub waiting: u32,
}

/// Events of a room, or of all rooms of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Events that somebody missed so far.
    pub events: u32,
    /// … that were put into the lists of those who have one.
    pub kept: u32,
}

/// The last events of a room, by number and time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Last {
    /// The last one, and who was left out of it.
    event: (u64, SimTime),
    but: Option<ClientId>,
    /// The last one before it of which somebody else was left out, or nobody.
    before: (u64, SimTime),
}

impl Last {
    /// Another event, of which a client is left out.
    pub fn add(&mut self, event: (u64, SimTime), but: Option<ClientId>) {
        if but.is_none() || but != self.but {
            self.before = self.event;
        }
        (self.event, self.but) = (event, but);
    }
    /// The last one that was for a client.
    pub fn of(&self, client: ClientId) -> (u64, SimTime) {
        if self.but == Some(client) { self.before } else { self.event }
    }
}

impl Missed {
    /// That of two rooms.
    pub fn and(self, other: Missed) -> Missed {
        Missed { events: self.events.wrapping_add(other.events), kept: self.kept.wrapping_add(other.kept) }
    }
    /// (missed, kept) since then.
    pub const fn since(self, then: Missed) -> (u32, u32) {
        (self.events.wrapping_sub(then.events), self.kept.wrapping_sub(then.kept))
    }
}

impl Room {
    /// A room that nothing is ever sent to.
    pub fn silent() -> Room {
        Room { silent: true, ..Room::default() }
    }
    /// Its members with a WebSocket, none if it is silent. Unchanged as long as it is the same list.
    pub const fn members(&self) -> &Members {
        &self.members
    }
    /// Its members that poll.
    pub fn pollers(&self) -> &[Member] {
        &self.pollers
    }
    /// Number of connected members.
    pub const fn online(&self) -> u32 {
        self.online
    }
    /// What each pod has of it, in order of pod.
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }
    /// What one pod has of it.
    pub fn share(&self, pod: PodId) -> Share {
        self.find(pod).map_or(Share::nothing(pod), |position| self.shares[position])
    }

    /// Fetches how many there are on each pod, and where the list of members is: whoever emits shares it.
    #[inline(always)]
    pub fn fetch(&self) {
        (0..self.shares.len()).step_by(4).for_each(|share| prefetch(&self.shares, share));
        prefetch(std::slice::from_ref(&*self.members), 0);
    }
    /// A member connected, by a WebSocket or, `polls`, by long polling. Returns its position among its like, and whether it is
    /// the first that its pod has of the room.
    pub fn connect(&mut self, member: Member, polls: bool) -> (u32, bool) {
        let found = self.find(member.path.pod);
        let is_first = found.is_err();
        let share = found.unwrap_or_else(|position| {
            self.shares.insert(position, Share::nothing(member.path.pod));
            position
        });
        self.online += 1;
        if polls {
            self.shares[share].pollers += 1;
            self.pollers.push(member);
            return (self.pollers.len() as u32 - 1, is_first);
        }
        self.shares[share].live += 1;
        if self.silent {
            return (0, is_first);
        }
        let members = Rc::make_mut(&mut self.members);
        members.push(member, self.present as usize);
        (members.len() as u32 - 1, is_first)
    }
    /// The member at a position among its like lost its connection. The last one takes its place and is returned, with whether
    /// the pod has nothing of the room any more.
    pub fn disconnect(
        &mut self,
        position: u32,
        polls: bool,
        pod: PodId,
        leaves_ghost: bool,
    ) -> (Option<ClientId>, bool) {
        self.online -= 1;
        let is_empty = self.change(pod, |share| {
            *(if polls { &mut share.pollers } else { &mut share.live }) -= 1;
            share.ghosts += u32::from(leaves_ghost);
        });
        if polls {
            self.pollers.swap_remove(position as usize);
            return (self.pollers.get(position as usize).map(|moved| moved.who.client), is_empty);
        }
        if self.silent {
            return (None, is_empty);
        }
        (Rc::make_mut(&mut self.members).swap_remove(position as usize).map(|who| who.client), is_empty)
    }
    /// A pod no longer sends to one of its ghosts. True: it has nothing of the room any more.
    pub fn forget_ghost(&mut self, pod: PodId) -> bool {
        self.change(pod, |share| share.ghosts -= 1)
    }

    fn find(&self, pod: PodId) -> Result<usize, usize> {
        self.shares.binary_search_by_key(&pod, |share| share.pod)
    }
    fn change(&mut self, pod: PodId, change: impl FnOnce(&mut Share)) -> bool {
        let position = self.find(pod).expect("a pod has a share of the rooms of its members and ghosts");
        change(&mut self.shares[position]);
        let is_empty = self.shares[position] == Share::nothing(pod);
        if is_empty {
            self.shares.remove(position);
        }
        is_empty
    }
}
