//! The `balance` algorithms at work: which server a request gets that is not bound to one.

use super::fwrr::Fwrr;
use super::hash::{Function, avalanche, of_source};
use super::leastconn::LeastConn;
use super::map::Map;
use super::ring::ConsistentRing;
use super::{AffinityKey, EFFECTIVE, HaproxyBalance, HaproxySpec, Health, Peer, Peers, Request};
use crate::engine::LazyStream;
use std::net::IpAddr;

/// The state of an algorithm.
#[derive(Clone, Debug)]
enum Rule {
    RoundRobin(Fwrr),
    StaticRr(Map),
    LeastConn(LeastConn),
    Random(ConsistentRing, u32),
    /// Servers in the order of their ids.
    First(Vec<u32>),
    HashInMap(Of, Map),
    HashOnRing(Of, ConsistentRing),
}

/// What a hash is taken of.
#[derive(Clone, Copy, Debug)]
struct Of {
    what: What,
    function: Function,
    avalanche: bool,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// The words of the address.
    Source,
    /// The bytes of the address.
    Octets,
    /// The text of the client.
    Text(AffinityKey),
}

impl Of {
    /// The hash of a request; `None` when it has nothing to be hashed.
    #[inline]
    fn hash(self, request: &Request<'_>) -> Option<u32> {
        let hash = match (self.what, request.address) {
            (What::Source, address) => of_source(address),
            (What::Octets, IpAddr::V4(v4)) => self.function.of(&v4.octets()),
            (What::Octets, IpAddr::V6(v6)) => self.function.of(&v6.octets()),
            (What::Text(kind), _) => match request.text(kind) {
                [] => return None,
                text => self.function.of(text),
            },
        };
        Some(if self.avalanche { avalanche(hash) } else { hash })
    }
}

/// What `hash-balance-factor` counts with (`chash_server_is_eligible`).
#[derive(Clone, Debug, Default)]
struct Bound {
    /// Per cent of the average that a server may have; 0 = no bound.
    factor: u64,
    /// Effective weight of those before a server, as the servers were when the process began.
    before: Vec<u64>,
    /// Effective weight of all that are usable.
    total: u64,
}

impl Bound {
    /// Whether a server may have one more, when there are `slots` in all.
    fn allows(&self, number: usize, weight: u64, slots: u64, load: u64) -> bool {
        let (each, rest) = (slots / self.total, slots % self.total);
        let before = self.before[number];
        // what does not divide goes to servers in proportion to their weight; nobody is left without any
        let share = (before + weight) * rest / self.total - before * rest / self.total;
        load < (weight * each + share).max(1)
    }
}

/// An algorithm with its servers.
#[derive(Clone, Debug)]
pub struct Balance {
    rule: Rule,
    bound: Bound,
    /// `maxconn` of each server; `u32::MAX` = none.
    room: Vec<u32>,
}

/// Whether new clients may get a server.
fn usable(peer: &Peer) -> bool {
    peer.health == Health::Up && peer.weight > 0
}

const fn effective(peer: &Peer) -> u64 {
    peer.weight as u64 * EFFECTIVE as u64
}

impl Balance {
    /// The algorithm for these servers, as a new process begins.
    pub fn new(spec: &HaproxySpec, peers: &Peers) -> Balance {
        let weights = peers.iter().map(|peer| (peer.weight, usable(peer)));
        let ids = spec.ids(peers.len());
        let ring = || ConsistentRing::new(ids.iter().copied().zip(peers.iter().map(|peer| peer.weight)));
        let of = |what| Of { what, function: spec.hash_type.function, avalanche: spec.hash_type.avalanche };
        let hashed = |what| match spec.hash_type.consistent {
            true => Rule::HashOnRing(of(what), ring()),
            false => Rule::HashInMap(of(what), Map::default()),
        };
        let rule = match spec.algorithm() {
            HaproxyBalance::RoundRobin => Rule::RoundRobin(Fwrr::new(weights)),
            HaproxyBalance::StaticRr => Rule::StaticRr(Map::default()),
            HaproxyBalance::LeastConn => Rule::LeastConn(LeastConn::new(weights)),
            HaproxyBalance::Random(draws) => Rule::Random(ring(), draws),
            HaproxyBalance::First => {
                let mut order: Vec<u32> = (0..peers.len() as u32).collect();
                order.sort_by_key(|&number| ids[number as usize]);
                Rule::First(order)
            }
            HaproxyBalance::Source => hashed(What::Source),
            HaproxyBalance::HashOfSource => hashed(What::Octets),
            HaproxyBalance::Text { key, .. } => hashed(What::Text(key)),
        };
        let room = (0..peers.len()).map(|position| spec.server(position).maxconn.unwrap_or(u32::MAX)).collect();
        let mut bound = Bound { factor: spec.hash_balance_factor.into(), ..Bound::default() };
        for peer in peers.iter() {
            // of those that are not usable the sum is never taken
            bound.before.push(if usable(peer) { bound.total } else { 0 });
            bound.total += if usable(peer) { effective(peer) } else { 0 };
        }
        let mut balance = Balance { rule, bound, room };
        balance.deal(peers);
        balance
    }

    /// A server is usable now, or is no longer.
    pub fn changed(&mut self, number: usize, peers: &Peers) {
        let usable_now = usable(&peers[number]);
        match &mut self.rule {
            Rule::RoundRobin(fwrr) => fwrr.set_usable(number, usable_now),
            Rule::LeastConn(least) => least.set_usable(number, usable_now),
            _ => self.deal(peers),
        }
    }

    /// Tables and rings of the servers that are usable now.
    fn deal(&mut self, peers: &Peers) {
        self.bound.total = peers.iter().filter(|peer| usable(peer)).map(effective).sum();
        match &mut self.rule {
            Rule::StaticRr(map) | Rule::HashInMap(_, map) => {
                map.deal(peers.iter().map(|peer| (peer.weight, usable(peer))));
            }
            Rule::Random(ring, _) | Rule::HashOnRing(_, ring) => ring.set_usable(|number| usable(&peers[number])),
            Rule::RoundRobin(_) | Rule::LeastConn(_) | Rule::First(_) => {}
        }
    }

    /// True when the algorithm is a hash: the same request always meets the same server.
    pub const fn is_hash(&self) -> bool {
        matches!(self.rule, Rule::HashInMap(..) | Rule::HashOnRing(..))
    }
    /// The order of `leastconn`, which follows every connection.
    pub const fn least(&mut self) -> Option<&mut LeastConn> {
        match &mut self.rule {
            Rule::LeastConn(least) => Some(least),
            _ => None,
        }
    }
    /// True for `leastconn`.
    pub const fn counts(&self) -> bool {
        matches!(self.rule, Rule::LeastConn(_))
    }
    /// True when a server may have one connection more.
    #[inline]
    pub fn has_room(&self, number: usize, load: impl FnOnce() -> u32) -> bool {
        self.room[number] == u32::MAX || load() < self.room[number]
    }

    /// The server of a request, if it can be another one than `avoid`. `None`: none is usable, or (not of hashes) none
    /// has room.
    pub fn choose(
        &mut self,
        request: &Request<'_>,
        avoid: Option<usize>,
        peers: &Peers,
        stream: &mut LazyStream,
        mut load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let Balance { rule, bound, room } = self;
        let mut has_room = |number: usize| room[number] == u32::MAX || load(&peers[number]) < room[number];
        match rule {
            Rule::RoundRobin(fwrr) => fwrr.next(avoid, has_room),
            Rule::StaticRr(map) => map.next(avoid, has_room),
            Rule::LeastConn(least) => {
                least.follow(peers.iter().map(&mut load));
                least.first(avoid, |number| room[number] == u32::MAX || load(&peers[number]) < room[number])
            }
            Rule::First(order) => {
                let free = |&number: &usize| usable(&peers[number]) && has_room(number);
                let mut free = order.iter().map(|&number| number as usize).filter(free);
                let first = free.next();
                if first == avoid { free.next().or(first) } else { first }
            }
            Rule::HashInMap(of, map) => match of.hash(request) {
                // the map does not know of servers to be avoided
                Some(hash) => map.find(hash),
                None => map.next(avoid, has_room),
            },
            Rule::HashOnRing(of, ring) => match of.hash(request) {
                Some(hash) => on_ring(ring, bound, hash, avoid, peers, &mut load),
                None => ring.next(avoid, has_room),
            },
            Rule::Random(ring, draws) => {
                let mut best: Option<usize> = None;
                for _ in 0..*draws {
                    let hash = (stream.get().bits() >> 32) as u32;
                    let drawn = on_ring(ring, bound, hash, avoid, peers, &mut load)?;
                    best = Some(match best {
                        Some(best) if is_fuller(&peers[drawn], &peers[best], &mut load) => best,
                        _ => drawn,
                    });
                }
                best.filter(|&number| room[number] == u32::MAX || load(&peers[number]) < room[number])
            }
        }
    }
}

/// Whether a server has more connections for its weight than another.
fn is_fuller(peer: &Peer, other: &Peer, mut load: impl FnMut(&Peer) -> u32) -> bool {
    u64::from(load(peer)) * effective(other) > u64::from(load(other)) * effective(peer)
}

fn on_ring(
    ring: &ConsistentRing,
    bound: &Bound,
    hash: u32,
    avoid: Option<usize>,
    peers: &Peers,
    mut load: impl FnMut(&Peer) -> u32,
) -> Option<usize> {
    if bound.factor == 0 {
        return ring.find(hash, |number| avoid != Some(number));
    }
    let served: u64 = peers.iter().map(|peer| u64::from(load(peer))).sum();
    let slots = ((served + 1) * bound.factor).div_ceil(100);
    ring.find(hash, |number| {
        let peer = &peers[number];
        avoid != Some(number) && bound.allows(number, effective(peer), slots, load(peer).into())
    })
}
