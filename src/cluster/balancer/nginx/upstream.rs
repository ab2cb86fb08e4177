//! An `upstream` block at work.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::super::ring::Ring;
use super::super::table::Table;
use super::super::turns::Turns;
use super::super::{Decide, Health, Peer, Peers, Request, Tries};
use super::hashes::{HASH_START, KeyBytes, NetworkHash, key_hash, ring_base};
use super::response_times::ResponseTimes;
use super::{NginxKey, NginxMethod, NginxSpec, NginxSticky};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Stream};

/// Misses of a hash or of a random draw after which nginx falls back to round robin.
const MAX_MISSES: u32 = 20;
/// Points of a server of weight 1 on the ring of `hash … consistent`.
const POINTS: usize = 160;

/// What one worker process knows of a `server` line.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    fails: u32,
    /// Whole seconds of the last failure.
    accessed_s: u64,
    /// Whole seconds of the last failure or of the last pick after a pause: a probe.
    checked_s: u64,
    max_fails: u32,
    /// In the whole seconds that nginx counts in.
    fail_timeout_s: u64,
    max_conns: u32,
    backup: bool,
    /// It has as many connections as it may: valid during one decision.
    full: bool,
}

/// An `upstream` block with the state of one worker process.
#[derive(Clone, Debug)]
pub struct Nginx {
    pub(super) spec: NginxSpec,
    pub(super) peers: Peers,
    pub(super) servers: Vec<Server>,
    /// How long each takes to answer.
    pub(super) times: Vec<ResponseTimes>,
    pub(super) turns: Turns,
    ring: Ring,
    /// Sessions that `sticky learn` knows.
    pub(super) learnt: Option<Table>,
    /// A server has failed since the last reload.
    failing: bool,
    /// Some line is a `backup` or has `max_conns`: each must be looked at.
    uneven: bool,
    /// There is one line, which nginx never gives up.
    single: bool,
    /// Scratch, as long as there are lines: those that have the fewest connections come first.
    least: Vec<usize>,
}

/// The moment of a decision, and what the request has tried before.
#[derive(Clone, Copy)]
pub(super) struct At<'t> {
    now_s: u64,
    refused: &'t [usize],
}

impl Nginx {
    /// An upstream without servers.
    pub fn new(spec: NginxSpec) -> Nginx {
        let learnt = match &spec.sticky {
            Some(NginxSticky::Learn { capacity, timeout, .. }) => Some(Table::new(*capacity, Some(*timeout), true)),
            _ => None,
        };
        Nginx {
            spec,
            peers: Peers::default(),
            servers: Vec::new(),
            times: Vec::new(),
            turns: Turns::default(),
            ring: Ring::default(),
            learnt,
            failing: false,
            uneven: false,
            single: false,
            least: Vec::new(),
        }
    }
}

impl Decide for Nginx {
    /// A reload with these `server` lines: all state but learnt sessions starts afresh.
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        self.failing = false;
        self.peers = Peers::new(peers);
        self.servers = (0..peers.len()).map(|line| Server::of(&self.spec, line)).collect();
        self.times = vec![ResponseTimes::default(); peers.len()];
        self.uneven = self.servers.iter().any(|server| server.backup || server.max_conns > 0);
        self.single = peers.len() == 1;
        self.turns = Turns::new(peers.iter().map(|peer| i64::from(peer.weight)));
        self.least = vec![0; peers.len()];
        if matches!(self.spec.method, NginxMethod::Hash { consistent: true, .. }) {
            let points = |peer: &Peer| (ring_base(&peer.address), POINTS * peer.weight as usize);
            self.ring = Ring::with_points(peers.iter().map(points));
        }
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
    }
    fn peers(&self) -> &Peers {
        &self.peers
    }

    /// The line to try next, `None` when no server is usable (502, "no live upstreams").
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        mut load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        if self.uneven {
            for (server, peer) in self.servers.iter_mut().zip(self.peers.iter()) {
                server.full = server.max_conns > 0 && load(peer) >= server.max_conns;
            }
        }
        if self.single {
            // tried once per request, whatever its failures: only `down` and `max_conns` count
            let is_closed = self.peers[0].health == Health::Down || self.servers[0].full;
            let line = (tries.refused.is_empty() && !is_closed).then_some(0)?;
            self.chosen(line, request, tries);
            return Some(line);
        }
        let refused = std::mem::take(&mut tries.refused);
        let at = At { now_s: seconds(request.now), refused: &refused };
        let bound = if self.spec.sticky.is_some() { self.bound_line(request, tries, at) } else { None };
        let line = match (bound, &self.spec.method) {
            (Some(line), NginxMethod::RoundRobin) => Some(self.charge(line, at)),
            (Some(line), _) => Some(line),
            (None, NginxMethod::RoundRobin) => self.round_robin(at),
            (None, NginxMethod::LeastConn) => self.least_conn(at, load),
            (None, NginxMethod::Random { two: false }) => self.random(at, tries, stream),
            (None, NginxMethod::Random { two: true }) => self.random_two(at, tries, stream, load),
            (None, NginxMethod::IpHash) => self.ip_hash(request.address, at, tries),
            (None, &NginxMethod::Hash { key, consistent, .. }) => self.hash(request, key, consistent, at, tries),
            (None, NginxMethod::LeastTime { .. }) => self.least_time(request.now, at, load),
        };
        let now_s = at.now_s;
        tries.refused = refused;
        let line = line?;
        let server = &mut self.servers[line];
        if now_s.saturating_sub(server.checked_s) > server.fail_timeout_s {
            server.checked_s = now_s;
        }
        self.chosen(line, request, tries);
        Some(line)
    }
    fn max_tries(&self) -> usize {
        if !self.spec.proxy_next_upstream.passes_on() {
            return 1;
        }
        match self.spec.proxy_next_upstream_tries {
            0 => self.servers.len(),
            most => self.servers.len().min(most as usize),
        }
    }

    fn failed(&mut self, line: usize, now: SimTime) {
        if self.counts_inflight() {
            self.times[line].end(crate::engine::Span::ZERO, false, true, now);
        }
        if self.single {
            return;
        }
        self.failing = true;
        let server = &mut self.servers[line];
        server.fails += 1;
        server.accessed_s = seconds(now);
        server.checked_s = server.accessed_s;
        if server.max_fails > 0 {
            self.turns.fail(line, server.max_fails);
        }
    }
    fn mistrusts(&self, pod: PodId) -> bool {
        self.watches(pod)
    }
    fn watches(&self, pod: PodId) -> bool {
        self.failing && self.peers.position(pod).is_some_and(|line| self.servers[line].fails > 0)
    }
    /// Forgives the failures of a line if a probe was let through since.
    fn finished(&mut self, line: usize, _now: SimTime) {
        let server = &mut self.servers[line];
        if server.fails > 0 && server.accessed_s < server.checked_s {
            server.fails = 0;
            // lines need not be looked at again until one fails
            self.failing = self.servers.iter().any(|server| server.fails > 0);
        }
    }
    fn ended(&mut self, pod: PodId, _address: IpAddr, began: SimTime, now: SimTime) {
        if let (NginxMethod::LeastTime { .. }, Some(line)) = (&self.spec.method, self.peers.position(pod)) {
            let counted = self.counts_inflight();
            self.times[line].end(now.since(began), true, counted, now);
        }
    }
}

impl Nginx {
    /// True when nothing has failed and all lines are alike: none needs to be looked at.
    pub(super) fn all_usable(&self, at: At<'_>) -> bool {
        !self.failing && !self.uneven && self.peers.all_up() && at.refused.is_empty()
    }

    /// True when a line may get a request, going by failures, connections, and what was tried before.
    #[inline]
    pub(super) fn is_open(&self, line: usize, at: At<'_>) -> bool {
        let server = &self.servers[line];
        let resting = server.max_fails > 0
            && server.fails >= server.max_fails
            && at.now_s.saturating_sub(server.checked_s) <= server.fail_timeout_s;
        !(resting || server.full || at.refused.contains(&line))
    }

    /// The same for a request that is not bound to it.
    #[inline]
    fn usable(&self, line: usize, at: At<'_>) -> bool {
        self.all_usable(at)
            || (self.peers[line].health == Health::Up && !self.servers[line].backup && self.is_open(line, at))
    }

    /// Usable lines, or else the backups.
    #[inline]
    pub(super) fn candidates(&self, at: At<'_>) -> impl Iterator<Item = usize> {
        let lines = 0..self.servers.len();
        let backups = !lines.clone().any(|line| self.usable(line, at));
        lines.filter(move |&line| {
            if backups {
                self.servers[line].backup && self.peers[line].health == Health::Up && self.is_open(line, at)
            } else {
                self.usable(line, at)
            }
        })
    }

    fn round_robin(&mut self, at: At<'_>) -> Option<usize> {
        if self.all_usable(at) {
            return self.turns.next();
        }
        let mut turns = std::mem::take(&mut self.turns);
        let line = turns.next_among(self.candidates(at));
        self.turns = turns;
        line
    }

    fn least_conn(&mut self, at: At<'_>, mut connections: impl FnMut(&Peer) -> u32) -> Option<usize> {
        self.least(at, |_, _, peer| u64::from(connections(peer)))
    }

    fn least_time(&mut self, now: SimTime, at: At<'_>, mut connections: impl FnMut(&Peer) -> u32) -> Option<usize> {
        let mut times = std::mem::take(&mut self.times);
        let line = self.least(at, |nginx, line, peer| {
            let server = &nginx.servers[line];
            let idle_s = at.now_s.saturating_sub(server.checked_s);
            times[line].estimate(connections(peer), idle_s, server.fail_timeout_s, now)
        });
        self.times = times;
        line
    }

    /// The usable line with the least cost for its weight; if there are several, whose turn it is among them.
    #[inline(always)]
    fn least(&mut self, at: At<'_>, mut cost: impl FnMut(&Nginx, usize, &Peer) -> u64) -> Option<usize> {
        let mut least = std::mem::take(&mut self.least);
        let count = if self.all_usable(at) && self.turns.are_equal() {
            find_least(&self.peers, &mut least, |line, peer| cost(self, line, peer))
        } else {
            self.find_least_weighted(self.candidates(at), &mut least, |line| cost(self, line, &self.peers[line]))
        };
        let line = self.turn_of(&least[..count]);
        self.least = least;
        line
    }

    /// Whose turn it is among the best lines.
    fn turn_of(&mut self, best: &[usize]) -> Option<usize> {
        match *best {
            [] => None,
            [one] => Some(one),
            _ => self.turns.next_among(best.iter().copied()),
        }
    }

    /// Puts first those of `lines` with the least cost for their weight, and says how many they are. cost/weight is compared
    /// as products, as nginx does.
    fn find_least_weighted(
        &self,
        lines: impl Iterator<Item = usize>,
        least: &mut [usize],
        mut cost: impl FnMut(usize) -> u64,
    ) -> usize {
        let (mut lowest, mut count) = (0, 0);
        for line in lines {
            let cost = cost(line);
            match (cost * self.turns.weight(least[0]) as u64).cmp(&(lowest * self.turns.weight(line) as u64)) {
                Ordering::Greater if count > 0 => continue,
                Ordering::Equal if count > 0 => {}
                _ => (lowest, count) = (cost, 0),
            }
            least[count] = line;
            count += 1;
        }
        count
    }

    fn random(&mut self, at: At<'_>, tries: &mut Tries, stream: &mut LazyStream) -> Option<usize> {
        let total = self.turns.total();
        while tries.misses <= MAX_MISSES && total > 0 {
            let line = self.turns.line_at(stream.get().below(total as u64) as i64);
            if self.usable(line, at) {
                return Some(line);
            }
            tries.misses += 1;
        }
        self.round_robin(at)
    }

    /// Draws two different lines; the second is kept unless the first has fewer connections for its weight.
    fn random_two(
        &mut self,
        at: At<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        mut connections: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let total = self.turns.total();
        let mut first = None;
        while tries.misses <= MAX_MISSES && total > 0 {
            let line = self.turns.line_at(stream.get().below(total as u64) as i64);
            match first {
                _ if first == Some(line) || !self.usable(line, at) => tries.misses += 1,
                None => {
                    // nginx counts this as a miss, too
                    first = Some(line);
                    tries.misses += 1;
                }
                Some(first) => {
                    let [one, two] = [first, line].map(|line| i64::from(connections(&self.peers[line])));
                    let first_is_less = two * self.turns.weight(first) > one * self.turns.weight(line);
                    return Some(if first_is_less { first } else { line });
                }
            }
        }
        self.round_robin(at)
    }

    fn ip_hash(&mut self, address: IpAddr, at: At<'_>, tries: &mut Tries) -> Option<usize> {
        let step = NetworkHash::new(address);
        let mut hash = tries.hash.unwrap_or(HASH_START);
        let total = self.turns.total();
        while tries.misses <= MAX_MISSES && total > 0 {
            hash = step.after(hash);
            let line = self.turns.line_at(i64::from(hash) % total);
            if self.usable(line, at) {
                tries.hash = Some(hash);
                return Some(line);
            }
            tries.misses += 1;
        }
        self.round_robin(at)
    }

    fn hash(
        &mut self,
        request: &Request<'_>,
        key: NginxKey,
        consistent: bool,
        at: At<'_>,
        tries: &mut Tries,
    ) -> Option<usize> {
        let key = KeyBytes::new(key, request);
        let text = key.bytes();
        if text.is_empty() {
            return self.round_robin(at);
        }
        if consistent {
            return self.consistent(text, at, tries);
        }
        let total = self.turns.total();
        while tries.misses <= MAX_MISSES && total > 0 {
            // each pass before this one was a miss or led to a server that refused
            let pass = tries.misses + at.refused.len() as u32;
            let hash = tries.hash.unwrap_or(0).wrapping_add(key_hash(text, pass));
            tries.hash = Some(hash);
            let line = self.turns.line_at(i64::from(hash) % total);
            if self.usable(line, at) {
                return Some(line);
            }
            tries.misses += 1;
        }
        self.round_robin(at)
    }

    fn consistent(&mut self, key: &[u8], at: At<'_>, tries: &mut Tries) -> Option<usize> {
        let Some(start) = self.ring.point_of(crc32fast::hash(key)) else { return self.round_robin(at) };
        while tries.misses <= MAX_MISSES {
            // `misses` points were passed over; the point that led to a server that refused is looked at again
            let line = self.ring.endpoint(start + tries.misses as usize);
            if self.usable(line, at) {
                if self.failing {
                    return self.turns.next_among(std::iter::once(line));
                }
                return Some(line);
            }
            tries.misses += 1;
        }
        self.round_robin(at)
    }

    pub(super) const fn counts_inflight(&self) -> bool {
        matches!(self.spec.method, NginxMethod::LeastTime { inflight: true, .. })
    }
}

impl Server {
    /// What the settings say of a line.
    fn of(spec: &NginxSpec, line: usize) -> Server {
        let written = spec.servers.get(line);
        let fail_timeout = written.and_then(|line| line.fail_timeout).unwrap_or(spec.fail_timeout);
        Server {
            max_fails: written.and_then(|line| line.max_fails).unwrap_or(spec.max_fails),
            fail_timeout_s: fail_timeout.as_nanos() / 1_000_000_000,
            max_conns: written.and_then(|line| line.max_conns).unwrap_or(spec.max_conns),
            backup: written.is_some_and(|line| line.backup),
            ..Server::default()
        }
    }
}

/// Puts first the lines that cost the least, and says how many they are. Nobody can foretell which, so nothing
/// here is done for some lines only.
#[inline(always)]
fn find_least(peers: &Peers, least: &mut [usize], mut cost: impl FnMut(usize, &Peer) -> u64) -> usize {
    let (mut lowest, mut count) = (u64::MAX, 0);
    for (line, peer) in peers.iter().enumerate() {
        let cost = cost(line, peer);
        count = if cost < lowest { 0 } else { count };
        lowest = lowest.min(cost);
        least[count] = line;
        count += usize::from(cost == lowest);
    }
    count
}

/// nginx counts in whole seconds. The simulated clock starts at zero, where nginx's state would read "just checked";
/// a century before the start avoids that.
const fn seconds(now: SimTime) -> u64 {
    3_000_000_000 + now.as_nanos() / 1_000_000_000
}
