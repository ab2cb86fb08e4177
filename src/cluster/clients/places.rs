//! The tables of all clients, and their places.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::ops::{Index, IndexMut};

use rustc_hash::FxHashMap;

use super::{Client, ClientId, Habits, Link, Roaming, TrafficSlot, Wire};
use crate::engine::{SimTime, Span, prefetch};

/// So many clients, at some two hundred bytes each with their connections and rooms, are more than a core's own cache holds.
const FAR: usize = 4_096;

/// All clients that are there, and places of some that were.
pub struct Clients {
    records: Vec<Client>,
    /// Public address of each, as the cluster sees it.
    addresses: Vec<IpAddr>,
    /// One per client, if any has a WebSocket.
    wires: Vec<Wire>,
    /// What each is about to do, `Layout::row` words for each: when it leaves, if anybody ever does, then one
    /// [`TrafficSlot`] per traffic entry. Side by side, for a request needs both.
    agenda: Vec<u64>,
    habits: FxHashMap<ClientId, Habits>,
    /// Clients so far.
    admitted: u32,
    /// Places to be used again, and from when on.
    vacant: VecDeque<(SimTime, ClientId)>,
    /// The same of those of which somebody speaks for longer than usual.
    haunted: BinaryHeap<Reverse<(SimTime, ClientId)>>,
    /// Until when somebody does of clients that have not left.
    spoken_of_until: FxHashMap<ClientId, SimTime>,
    layout: Layout,
}

/// Which tables there are.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Some clients have WebSockets.
    pub websockets: bool,
    /// Some clients leave.
    pub leaving: bool,
    /// Number of traffic entries.
    pub traffic: usize,
    /// After this long nothing in the cluster speaks of a client that left, but where [`Clients::speak_of`] says so: its packets
    /// have arrived and the pods know.
    pub forgotten_after: Span,
}

impl Layout {
    /// Words of one client's agenda.
    fn row(&self) -> usize {
        self.traffic + usize::from(self.leaving)
    }
    /// Which word is about a traffic entry.
    fn slot(&self, client: ClientId, item: u8) -> usize {
        client.index() * self.row() + usize::from(self.leaving) + usize::from(item)
    }
}

impl Clients {
    /// No clients yet, with room for those that are `expected`.
    pub fn new(layout: Layout, expected: usize) -> Clients {
        Clients {
            records: Vec::with_capacity(expected),
            addresses: Vec::with_capacity(expected),
            wires: Vec::with_capacity(if layout.websockets { expected } else { 0 }),
            agenda: Vec::with_capacity(expected * layout.row()),
            habits: FxHashMap::default(),
            admitted: 0,
            vacant: VecDeque::new(),
            haunted: BinaryHeap::new(),
            spoken_of_until: FxHashMap::default(),
            layout,
        }
    }
    /// A new client takes a place. It is to be given the next number, [`Clients::admitted`].
    pub fn admit(&mut self, client: Client, address: IpAddr, leaves: SimTime, now: SimTime) -> ClientId {
        debug_assert_eq!(client.number, self.admitted, "clients are numbered as they come");
        self.admitted += 1;
        if let Some(place) = self.free_place(now) {
            let index = place.index();
            self.records[index] = client;
            self.addresses[index] = address;
            if self.layout.websockets {
                self.wires[index] = self.wires[index].passed_on();
            }
            self.set_agenda(place, leaves);
            return place;
        }
        let place = ClientId::from_usize(self.records.len());
        self.records.push(client);
        self.addresses.push(address);
        if self.layout.websockets {
            self.wires.push(Wire::new());
        }
        self.agenda.resize(self.agenda.len() + self.layout.row(), 0);
        self.set_agenda(place, leaves);
        place
    }
    fn free_place(&mut self, now: SimTime) -> Option<ClientId> {
        if self.vacant.front().is_some_and(|&(from, _)| from <= now) {
            return self.vacant.pop_front().map(|(_, place)| place);
        }
        let &Reverse((from, place)) = self.haunted.peek()?;
        (from <= now).then(|| {
            self.haunted.pop();
            place
        })
    }
    /// It leaves then, and has nothing else to do yet.
    fn set_agenda(&mut self, client: ClientId, leaves: SimTime) {
        let row = self.layout.row();
        let agenda = &mut self.agenda[client.index() * row..][..row];
        agenda.fill(TrafficSlot::default().word());
        if self.layout.leaving {
            agenda[0] = leaves.as_nanos();
        }
    }
    /// A client left for good; its place is used again when nothing speaks of it any more.
    pub fn leave(&mut self, client: ClientId, now: SimTime) {
        self.records[client.index()].link = Link::Left;
        self.habits.remove(&client);
        let from = now + self.layout.forgotten_after;
        match self.spoken_of_until.remove(&client) {
            Some(until) if until > from => self.haunted.push(Reverse((until, client))),
            _ => self.vacant.push_back((from, client)),
        }
    }
    /// Something in the cluster speaks of a client until then, whether it is there or not.
    pub fn speak_of(&mut self, client: ClientId, until: SimTime, now: SimTime) {
        if until > now + self.layout.forgotten_after {
            let known = self.spoken_of_until.entry(client).or_default();
            *known = until.max(*known);
        }
    }
    /// How many clients there have been.
    pub const fn admitted(&self) -> u32 {
        self.admitted
    }
    /// How many places there are.
    pub const fn len(&self) -> usize {
        self.records.len()
    }
    /// All records, those of clients that left and are not replaced yet among them.
    pub fn iter(&self) -> std::slice::Iter<'_, Client> {
        self.records.iter()
    }
    /// All places.
    pub fn ids(&self) -> impl Iterator<Item = ClientId> + use<> {
        (0..self.records.len()).map(ClientId::from_usize)
    }

    /// Whether any client has a WebSocket.
    pub const fn has_wires(&self) -> bool {
        self.layout.websockets
    }
    /// Whether they are so few that the cache has all of them.
    #[inline]
    pub const fn are_near(&self) -> bool {
        self.records.len() < FAR
    }
    /// Fetches the record of a client.
    #[inline(always)]
    pub fn fetch(&self, client: ClientId) {
        prefetch(&self.records, client.index());
    }
    /// Fetches what [`Clients::slot`] reads, and when the client leaves, which need not stand in one cache line with it.
    #[inline(always)]
    pub fn fetch_slot(&self, client: ClientId, item: u8) {
        prefetch(&self.agenda, self.layout.slot(client, item));
        if self.layout.leaving {
            prefetch(&self.agenda, client.index() * self.layout.row());
        }
    }
    /// Fetches what a balancer needs that looks at addresses.
    #[inline(always)]
    pub fn fetch_address(&self, client: ClientId) {
        prefetch(&self.addresses, client.index());
    }
    /// Fetches what a connection needs.
    #[inline(always)]
    pub fn fetch_wire(&self, client: ClientId) {
        prefetch(&self.wires, client.index());
    }
    /// When a client leaves.
    pub fn leaves_at(&self, client: ClientId) -> SimTime {
        if self.layout.leaving {
            SimTime::from_nanos(self.agenda[client.index() * self.layout.row()])
        } else {
            SimTime::NEVER
        }
    }
    /// Its public address.
    pub fn address(&self, client: ClientId) -> IpAddr {
        self.addresses[client.index()]
    }
    /// Its first public address is another one than it was admitted with.
    pub fn start_at(&mut self, client: ClientId, address: IpAddr) {
        self.addresses[client.index()] = address;
    }
    /// It has another public address now.
    pub fn move_to(&mut self, client: ClientId, address: IpAddr) {
        self.addresses[client.index()] = address;
        self.records[client.index()].roaming = Roaming::SinceLastRequest;
    }
    /// True when it has a network.
    pub fn has_network(&self, client: ClientId, at: SimTime) -> bool {
        self.records[client.index()].roaming == Roaming::Never
            || self.habits.get(&client).is_none_or(|habits| habits.network_back_at <= at)
    }
    /// Its habits, if it ever had to show any.
    pub fn habits(&self, client: ClientId) -> Option<&Habits> {
        self.habits.get(&client)
    }
    /// Its habits, to be kept from now on.
    pub fn habits_mut(&mut self, client: ClientId) -> &mut Habits {
        self.habits.entry(client).or_default()
    }
    /// The WebSocket life of a client, if any client has one.
    pub fn wire(&self, client: ClientId) -> &Wire {
        &self.wires[client.index()]
    }
    /// See [`Clients::wire`].
    pub fn wire_mut(&mut self, client: ClientId) -> &mut Wire {
        &mut self.wires[client.index()]
    }
    /// When a connection of a client ended; [`SimTime::NEVER`] if it has not.
    pub fn ended_at(&self, client: ClientId, connection: u32) -> SimTime {
        self.wire(client).ended_at(connection, self[client].link == Link::Open)
    }
    /// Where a client stands with a traffic entry.
    pub fn slot(&self, client: ClientId, item: u8) -> TrafficSlot {
        TrafficSlot::from_word(self.agenda[self.layout.slot(client, item)])
    }
    /// See [`Clients::slot`].
    pub fn set_slot(&mut self, client: ClientId, item: u8, slot: TrafficSlot) {
        self.agenda[self.layout.slot(client, item)] = slot.word();
    }
}

impl Index<ClientId> for Clients {
    type Output = Client;
    fn index(&self, client: ClientId) -> &Client {
        &self.records[client.index()]
    }
}
impl IndexMut<ClientId> for Clients {
    fn index_mut(&mut self, client: ClientId) -> &mut Client {
        &mut self.records[client.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::super::NO_POD;
    use super::*;

    fn newcomer(number: u32) -> Client {
        Client {
            cookie_until: SimTime::ZERO,
            number,
            one_way_ns: 1,
            cookie: 0,
            routed: 0,
            last_pod: NO_POD,
            audience: 0,
            link: Link::None,
            keeps_cookies: true,
            roaming: Roaming::Never,
        }
    }

    #[test]
    fn a_place_is_used_again_once_it_is_forgotten_and_nothing_is_inherited() {
        let minute = Span::from_secs(60);
        let layout = Layout { websockets: true, leaving: true, traffic: 2, forgotten_after: minute };
        let mut clients = Clients::new(layout, 1);
        let address = IpAddr::from([81, 2, 69, 142]);
        let at = |seconds| SimTime::ZERO + Span::from_secs(seconds);
        let first = clients.admit(newcomer(0), address, at(10), SimTime::ZERO);
        assert_eq!(clients.leaves_at(first), at(10));
        clients.set_slot(first, 1, TrafficSlot { n: 7, up_ns: 9 });
        clients.habits_mut(first).changes = 3;
        clients.move_to(first, IpAddr::from([81, 2, 69, 143]));
        let wire = clients.wire_mut(first);
        (wire.connection, wire.epoch, wire.delays, wire.lost_at) = (5, 2, 4, at(9));
        clients.leave(first, at(10));
        assert!(!clients[first].is_present());
        // a second too early, then in time
        let second = clients.admit(newcomer(1), address, SimTime::NEVER, at(69));
        assert_ne!(first, second);
        let third = clients.admit(newcomer(2), address, at(500), at(70));
        assert_eq!((third, clients.len(), clients.admitted()), (first, 2, 3));
        assert_eq!((clients[third].number, clients.address(third), clients.leaves_at(third)), (2, address, at(500)));
        assert_eq!((clients.slot(third, 1).n, clients.habits(third).is_none()), (0, true));
        let wire = clients.wire(third);
        assert_eq!((wire.connection, wire.epoch, wire.delays), (5, 3, 0), "connections and attempts count on");
        assert_eq!(clients.ended_at(third, 5), at(9), "that of the one before it");
    }
}
