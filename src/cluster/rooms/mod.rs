//! Rooms: who belongs to which, and how many of them are there.

use super::ClientId;
use super::purpose::Purpose;
use super::spec::RoomsSpec;
use crate::engine::{Id, Seed};

/// Tag of room ids.
pub enum RoomTag {}
/// A room.
pub type RoomId = Id<RoomTag>;

/// All rooms and the rooms of each client. A client keeps its rooms through reconnects: the application joins again.
pub struct Rooms {
    per_client: usize,
    /// Rooms of client c at `c·per_client ..`.
    of_client: Vec<RoomId>,
    /// Position of the client among the live members of that room on its pod, parallel to `of_client`.
    position: Vec<u32>,
    /// One entry per place in a room: drawing one picks a room with probability proportional to its size.
    places: Vec<RoomId>,
    /// Places dealt so far.
    dealt: usize,
    /// Clients present, by room.
    present: Vec<u32>,
    /// Clients connected, by room.
    online: Vec<u32>,
}

impl Rooms {
    /// No rooms at all.
    pub const fn none() -> Rooms {
        Rooms {
            per_client: 0,
            of_client: Vec::new(),
            position: Vec::new(),
            places: Vec::new(),
            dealt: 0,
            present: Vec::new(),
            online: Vec::new(),
        }
    }
    /// Rooms for an expected population; the places are shuffled.
    pub fn new(spec: &RoomsSpec, population: u32, seed: Seed) -> Rooms {
        let wanted = u64::from(population.max(1)) * u64::from(spec.per_client);
        let mut places = Vec::new();
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
            of_client: Vec::new(),
            position: Vec::new(),
            places,
            dealt: 0,
            present: vec![0; rooms as usize],
            online: vec![0; rooms as usize],
        }
    }
    /// The next client gets its rooms, if it can be in any. Those there from the start are dealt places in turn, so
    /// that rooms have exactly their sizes; later ones draw.
    pub fn admit(&mut self, client: ClientId, member: bool, from_start: bool, seed: Seed) {
        debug_assert_eq!(self.of_client.len(), client.index() * self.per_client);
        let first = self.of_client.len();
        if !member {
            self.of_client.resize(first + self.per_client, RoomId::new(0));
            self.position.resize(first + self.per_client, u32::MAX);
            return;
        }
        let mut stream = Purpose::Rooms.stream(seed, client.raw(), 0);
        for _ in 0..self.per_client {
            let mut room = match self.places.get(self.dealt) {
                Some(&room) if from_start => room,
                _ => self.places[stream.below(self.places.len() as u64) as usize],
            };
            self.dealt += usize::from(from_start);
            // never twice in one room; a few draws nearly always find another one
            for _ in 0..32 {
                if !self.of_client[first..].contains(&room) {
                    break;
                }
                room = self.places[stream.below(self.places.len() as u64) as usize];
            }
            while self.of_client[first..].contains(&room) {
                room = RoomId::new((room.raw() + 1) % self.len());
            }
            self.of_client.push(room);
            self.position.push(u32::MAX);
            self.present[room.index()] += 1;
        }
    }
    /// How many rooms there are.
    pub fn len(&self) -> u32 {
        self.present.len() as u32
    }
    /// The rooms of a client.
    pub fn of(&self, client: ClientId) -> &[RoomId] {
        let first = client.index() * self.per_client;
        &self.of_client[first..first + self.per_client]
    }
    /// Position of a client among the live members of its `nth` room.
    pub fn position_mut(&mut self, client: ClientId, room: RoomId) -> &mut u32 {
        let first = client.index() * self.per_client;
        let nth = self.of_client[first..first + self.per_client]
            .iter()
            .position(|&other| other == room)
            .expect("a client is looked up in its own rooms only");
        &mut self.position[first + nth]
    }
    /// Clients present in a room, connected or not.
    pub fn present(&self, room: RoomId) -> u32 {
        self.present[room.index()]
    }
    /// Clients connected, by room.
    pub fn online(&self, room: RoomId) -> u32 {
        self.online[room.index()]
    }
    /// A client connected (`by` = 1) or lost its connection (−1).
    pub fn count_online(&mut self, client: ClientId, by: i32) {
        for turn in 0..self.per_client {
            let room = self.of_client[client.index() * self.per_client + turn];
            self.online[room.index()] = self.online[room.index()].wrapping_add_signed(by);
        }
    }
    /// A client left for good.
    pub fn leave(&mut self, client: ClientId) {
        for turn in 0..self.per_client {
            let room = self.of_client[client.index() * self.per_client + turn];
            self.present[room.index()] -= 1;
        }
    }
}
