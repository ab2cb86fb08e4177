//! Rooms: who belongs to which, who is connected where.
//!
//! A room is one list of its connected members, each with its pod, so that a broadcast reads memory in order however many
//! pods there are. Broadcasts under way share the list as it was when they began; a change then makes a new one.

mod room;

use super::purpose::Purpose;
use super::spec::RoomsSpec;
use super::{ClientId, PodId};
use crate::engine::{Id, Seed, SimTime, prefetch};

pub use room::{Member, MemberList, Members, Missed, Offline, Path, Recipients, Room, Share, Who};

/// Tag of room ids.
pub enum RoomTag {}
/// A room.
pub type RoomId = Id<RoomTag>;

/// Mark of a position among the members that poll.
const POLLS: u32 = 1 << 31;

/// All rooms and the rooms of each client. A client keeps its rooms through reconnects: the application joins again.
pub struct Rooms {
    per_client: usize,
    /// Rooms of client c at `c·per_client ..`.
    of_client: Vec<RoomId>,
    /// Position of a connected client among the members of each of its rooms and then of everyone, at
    /// `c·(per_client + 1) ..`; with [`POLLS`], among those that poll.
    position: Vec<u32>,
    /// One entry per place in a room: drawing one picks a room with probability proportional to its size.
    places: Vec<RoomId>,
    /// Places dealt so far.
    dealt: usize,
    rooms: Vec<Room>,
    /// Every client with a WebSocket.
    everyone: Room,
    /// Offline members of each room, and of everyone; nothing where they do not matter.
    offline: Vec<Offline>,
}

impl Rooms {
    /// No rooms but that of everyone, to which something is sent or not.
    pub fn none(speaks_to_everyone: bool) -> Rooms {
        Rooms {
            per_client: 0,
            of_client: Vec::new(),
            position: Vec::new(),
            places: Vec::new(),
            dealt: 0,
            rooms: Vec::new(),
            everyone: if speaks_to_everyone { Room::default() } else { Room::silent() },
            offline: Vec::new(),
        }
    }
    /// Rooms for an expected population; the places are shuffled.
    pub fn new(spec: &RoomsSpec, population: u32, speaks_to_everyone: bool, seed: Seed) -> Rooms {
        let wanted = u64::from(population.max(1)) * u64::from(spec.per_client);
        let mut places = Vec::with_capacity(wanted as usize);
        let mut rooms = 0u32;
        while (places.len() as u64) < wanted {
            let size = spec.sizes.draw(&mut Purpose::RoomSize.stream(seed, 0, rooms)).clamp(1.0, 1e7);
            let room = RoomId::new(rooms);
            let left = wanted - places.len() as u64;
            places.extend(std::iter::repeat_n(room, (libm::round(size) as u64).min(left) as usize));
            rooms += 1;
        }
        let mut stream = Purpose::Rooms.stream(seed, u32::MAX, 0);
        for last in (1..places.len()).rev() {
            places.swap(last, stream.below(last as u64 + 1) as usize);
        }
        Rooms {
            per_client: (spec.per_client as usize).min(rooms as usize),
            places,
            rooms: (0..rooms).map(|_| Room::default()).collect(),
            ..Rooms::none(speaks_to_everyone)
        }
    }
    /// The client with this number, which has a WebSocket, takes a place and gets its rooms. Those there from the start
    /// are dealt places in turn, so that rooms have exactly their sizes; later ones draw.
    pub fn admit(&mut self, client: ClientId, number: u32, from_start: bool, seed: Seed) {
        self.everyone.present += 1;
        let first = client.index() * self.per_client;
        if self.of_client.len() < first + self.per_client {
            self.of_client.resize(first + self.per_client, RoomId::new(u32::MAX));
        }
        let positions = (client.index() + 1) * (self.per_client + 1);
        if self.position.len() < positions {
            self.position.resize(positions, u32::MAX);
        }
        let mut stream = Purpose::Rooms.stream(seed, number, 0);
        for turn in first..first + self.per_client {
            let mut room = match self.places.get(self.dealt) {
                Some(&room) if from_start => room,
                _ => self.places[stream.below(self.places.len() as u64) as usize],
            };
            self.dealt += usize::from(from_start);
            // never twice in one room; a few draws nearly always find another one
            for _ in 0..32 {
                if !self.of_client[first..turn].contains(&room) {
                    break;
                }
                room = self.places[stream.below(self.places.len() as u64) as usize];
            }
            while self.of_client[first..turn].contains(&room) {
                room = RoomId::new((room.raw() + 1) % self.len());
            }
            self.of_client[turn] = room;
            self.rooms[room.index()].present += 1;
        }
    }
    /// A client left for good. Its rooms stay known until its place is taken by another: a pod may hold its ghost.
    pub fn leave(&mut self, client: ClientId) {
        self.everyone.present -= 1;
        for turn in 0..self.per_client {
            let room = self.of(client)[turn];
            self.rooms[room.index()].present -= 1;
        }
    }

    /// How many rooms there are.
    pub fn len(&self) -> u32 {
        self.rooms.len() as u32
    }
    /// The room of everyone with a WebSocket.
    pub const fn everyone(&self) -> &Room {
        &self.everyone
    }
    /// The room that is meant; `None` for one client.
    pub fn find(&self, recipients: Recipients) -> Option<&Room> {
        match recipients {
            Recipients::All(_) => Some(&self.everyone),
            Recipients::Room(room, _) => Some(&self.rooms[room.index()]),
            Recipients::One(..) | Recipients::Nobody => None,
        }
    }
    /// Where a connected client is among the members with a WebSocket of a target; none if it polls, or is no member.
    pub fn position(&self, recipients: Recipients, client: ClientId) -> Option<usize> {
        let turn = match recipients {
            Recipients::All(_) => self.per_client,
            Recipients::Room(room, _) => self.of(client).iter().position(|&other| other == room)?,
            Recipients::One(..) | Recipients::Nobody => return None,
        };
        let position = self.position[self.place_of(client, turn)];
        (position & POLLS == 0).then_some(position as usize)
    }
    /// All rooms but that of everyone.
    pub fn iter(&self) -> std::slice::Iter<'_, Room> {
        self.rooms.iter()
    }
    /// The rooms of a client that has a WebSocket.
    pub fn of(&self, client: ClientId) -> &[RoomId] {
        let first = client.index() * self.per_client;
        &self.of_client[first..first + self.per_client]
    }

    /// Fetches which the rooms of a client are, and where it is in them.
    #[inline(always)]
    pub fn fetch(&self, client: ClientId) {
        prefetch(&self.of_client, client.index() * self.per_client);
        prefetch(&self.position, self.place_of(client, 0));
    }
    /// Fetches those rooms, once that is there …
    #[inline(always)]
    pub fn fetch_rooms(&self, client: ClientId) {
        self.known_of(client).iter().for_each(|room| prefetch(&self.rooms, room.index()));
    }
    /// … and what an event to them needs, once they are.
    #[inline(always)]
    pub fn fetch_members(&self, client: ClientId) {
        self.known_of(client).iter().filter_map(|room| self.rooms.get(room.index())).for_each(Room::fetch);
    }
    /// The rooms of a client, none before it has any.
    fn known_of(&self, client: ClientId) -> &[RoomId] {
        let first = client.index() * self.per_client;
        self.of_client.get(first..first + self.per_client).unwrap_or_default()
    }
    /// A connection opened, by a WebSocket or, `polls`, by long polling. Returns how many of the client's rooms its pod had
    /// nothing of.
    pub fn connect(&mut self, member: Member, polls: bool) -> u32 {
        let mut new = 0;
        for turn in 0..=self.per_client {
            let place = self.place_of(member.who.client, turn);
            let (position, is_new) = self.nth_mut(member.who.client, turn).connect(member, polls);
            self.position[place] = position | if polls { POLLS } else { 0 };
            new += u32::from(is_new && turn < self.per_client);
        }
        new
    }
    /// A connection to a pod closed; the pod may not know yet, and send to a ghost. Returns how many of the client's rooms it
    /// has nothing of any more.
    pub fn disconnect(&mut self, client: ClientId, pod: PodId, leaves_ghost: bool) -> u32 {
        let mut empty = 0;
        for turn in 0..=self.per_client {
            let position = self.position[self.place_of(client, turn)];
            let (among, polls) = (position & !POLLS, position & POLLS != 0);
            let (moved, is_empty) = self.nth_mut(client, turn).disconnect(among, polls, pod, leaves_ghost);
            empty += u32::from(is_empty && turn < self.per_client);
            if let Some(moved) = moved {
                let room = (turn < self.per_client).then(|| self.of(client)[turn]);
                let theirs = self.of(moved).iter().position(|&other| Some(other) == room).unwrap_or(self.per_client);
                let place = self.place_of(moved, theirs);
                self.position[place] = position;
            }
        }
        empty
    }
    /// A pod no longer sends to the ghost of a client. Returns how many of its rooms it has nothing of any more.
    pub fn forget_ghost(&mut self, client: ClientId, pod: PodId) -> u32 {
        let mut empty = 0;
        for turn in 0..=self.per_client {
            let is_empty = self.nth_mut(client, turn).forget_ghost(pod);
            empty += u32::from(is_empty && turn < self.per_client);
        }
        empty
    }

    /// From now on it matters what offline members miss.
    pub fn follow_offline(&mut self) {
        self.offline = vec![Offline::default(); self.rooms.len() + 1];
    }
    /// The offline members of the room that is meant, if it is one.
    pub fn offline(&mut self, recipients: Recipients) -> Option<&mut Offline> {
        match recipients {
            Recipients::All(_) => self.offline.last_mut(),
            Recipients::Room(room, _) => self.offline.get_mut(room.index()),
            Recipients::One(..) | Recipients::Nobody => None,
        }
    }
    /// What has been missed so far in the rooms of a client, and by everyone.
    pub fn missed(&self, client: ClientId) -> Missed {
        self.offline_of(client).map(|offline| offline.missed).fold(Missed::default(), Missed::and)
    }
    /// The last event for a client in its rooms, or for everyone: its number, and when it was.
    pub fn last(&self, client: ClientId) -> (u64, SimTime) {
        self.offline_of(client).map(|offline| offline.last.of(client)).max().unwrap_or_default()
    }
    fn offline_of(&self, client: ClientId) -> impl Iterator<Item = &Offline> {
        let everyone = self.rooms.len();
        self.of(client).iter().map(|room| room.index()).chain([everyone]).map(|room| &self.offline[room])
    }
    /// From now on events of its rooms are kept for a client, or no more.
    pub fn wait(&mut self, client: ClientId, waits: bool) {
        let everyone = self.rooms.len();
        for turn in 0..=self.per_client {
            let room = if turn < self.per_client { self.of(client)[turn].index() } else { everyone };
            let waiting = &mut self.offline[room].waiting;
            *waiting = if waits { *waiting + 1 } else { *waiting - 1 };
        }
    }

    /// A connected client, which has one room, has this one instead.
    #[cfg(test)]
    pub fn move_to(&mut self, member: Member, room: RoomId) {
        let (client, pod) = (member.who.client, member.path.pod);
        self.disconnect(client, pod, false);
        let old = self.of(client)[0];
        self.rooms[old.index()].present -= 1;
        self.rooms[room.index()].present += 1;
        self.of_client[client.index() * self.per_client] = room;
        self.connect(member, false);
    }

    /// The `turn`-th room of a client; after the last one, that of everyone.
    fn nth_mut(&mut self, client: ClientId, turn: usize) -> &mut Room {
        if turn == self.per_client {
            return &mut self.everyone;
        }
        let room = self.of(client)[turn];
        &mut self.rooms[room.index()]
    }
    fn place_of(&self, client: ClientId, turn: usize) -> usize {
        client.index() * (self.per_client + 1) + turn
    }
}
