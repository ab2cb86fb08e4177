//! nginx: the decisions of an `upstream` block, equal to the real program's.
//!
//! Source: `src/http/ngx_http_upstream_round_robin.c` and the modules `ip_hash`, `least_conn` and `random` of nginx
//! (tag 1.31.4; decisions of 1.22.1 are the same). Held against recordings of both versions in `tests/it/balancers.rs`.
//! Only `random` cannot be equal: libc's generator seeded from the clock; here it is a seeded uniform draw.

use std::cmp::Ordering;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::turns::Turns;
use super::{Peer, Request, Tries};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Span};

/// The settings of an nginx `upstream` block, one `server` line per pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NginxSpec {
    /// How a server is chosen.
    pub method: NginxMethod,
    /// Failures after which a server is left alone for `fail_timeout`; 0 = never.
    pub max_fails: u32,
    /// See `max_fails`; whole seconds.
    pub fail_timeout: Span,
}

/// The balancing directive of an nginx `upstream` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NginxMethod {
    /// Smooth weighted round robin: nginx's default.
    RoundRobin,
    /// The server with the fewest connections.
    LeastConn,
    /// A random server.
    Random,
    /// By the client's address: the first three octets of IPv4, all of IPv6.
    IpHash,
}

impl Default for NginxSpec {
    fn default() -> Self {
        NginxSpec { method: NginxMethod::RoundRobin, max_fails: 1, fail_timeout: Span::from_secs(10) }
    }
}

/// Misses of a hash or of a random draw after which nginx falls back to round robin.
const MAX_MISSES: u32 = 20;

/// One `server` line and what one worker process knows of it.
#[derive(Clone, Debug)]
struct Server {
    peer: Peer,
    down: bool,
    fails: u32,
    /// Whole seconds of the last failure.
    accessed_s: u64,
    /// Whole seconds of the last failure or of the last pick after a pause: a probe.
    checked_s: u64,
}

/// An `upstream` block with the state of one worker process.
#[derive(Clone, Debug)]
pub struct Nginx {
    spec: NginxSpec,
    servers: Vec<Server>,
    turns: Turns,
    /// A server has failed since the last reload.
    failing: bool,
    /// `fail_timeout` in the whole seconds that nginx counts in.
    fail_timeout_s: u64,
    any_down: bool,
    /// Scratch, as long as there are lines: those that have the fewest connections come first.
    least: Vec<usize>,
}

impl Nginx {
    /// An upstream without servers.
    pub fn new(spec: NginxSpec) -> Nginx {
        let fail_timeout_s = spec.fail_timeout.as_nanos() / 1_000_000_000;
        Nginx {
            spec,
            servers: Vec::new(),
            turns: Turns::default(),
            failing: false,
            fail_timeout_s,
            any_down: false,
            least: Vec::new(),
        }
    }
    /// A reload with these `server` lines: all state starts afresh.
    pub fn set_peers(&mut self, peers: &[Peer]) {
        self.failing = false;
        self.servers = peers.iter().map(|peer| Server::new(peer.clone())).collect();
        self.turns = Turns::new(peers.iter().map(|_| 1));
        self.any_down = false;
        self.least = vec![0; peers.len()];
    }
    /// How many lines there are.
    pub const fn len(&self) -> usize {
        self.servers.len()
    }
    /// True when there is none.
    pub const fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }
    /// The lines in order.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.servers.iter().map(|server| &server.peer)
    }
    /// The pod at a position.
    pub fn pod_at(&self, position: usize) -> PodId {
        self.servers[position].peer.pod
    }
    /// Sets the weight of a line, at least 1, and marks it `down` or not, before the first request: turns begin afresh.
    pub fn configure(&mut self, line: usize, weight: u32, down: bool) {
        self.servers[line] = Server { down, ..Server::new(self.servers[line].peer.clone()) };
        self.any_down = self.servers.iter().any(|server| server.down);
        let weight_of = |other| if other == line { i64::from(weight) } else { self.turns.weight(other) };
        self.turns = Turns::new((0..self.servers.len()).map(weight_of));
    }

    /// True when it looks at addresses.
    pub const fn reads_address(&self) -> bool {
        matches!(self.spec.method, NginxMethod::IpHash)
    }
    /// The line to try next, `None` when no server is usable (502, "no live upstreams").
    /// `connections` says how many connections this nginx has to a line.
    pub fn pick(
        &mut self,
        request: &Request,
        tries: &mut Tries,
        stream: &mut LazyStream,
        connections: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let now_s = seconds(request.now);
        if self.servers.len() == 1 {
            // nginx never gives up on a single server, but tries it once per request
            return (!tries.refused.contains(&0) && !self.servers[0].down).then_some(0);
        }
        let line = match self.spec.method {
            NginxMethod::RoundRobin => self.round_robin(now_s, tries),
            NginxMethod::LeastConn => self.least_conn(now_s, tries, connections),
            NginxMethod::Random => self.random(now_s, tries, stream),
            NginxMethod::IpHash => self.ip_hash(request.address, now_s, tries),
        }?;
        let server = &mut self.servers[line];
        if now_s.saturating_sub(server.checked_s) > self.fail_timeout_s {
            server.checked_s = now_s;
        }
        Some(line)
    }

    /// A try at this line failed.
    pub fn failed(&mut self, line: usize, now: SimTime) {
        if self.servers.len() == 1 {
            return;
        }
        self.failing = true;
        let max_fails = self.spec.max_fails;
        let server = &mut self.servers[line];
        server.fails += 1;
        server.accessed_s = seconds(now);
        server.checked_s = server.accessed_s;
        if max_fails > 0 {
            self.turns.fail(line, max_fails);
        }
    }
    /// A request or tunnel of this line ended well; forgives its failures if a probe was let through since.
    pub fn finished(&mut self, line: usize) {
        let server = &mut self.servers[line];
        if server.accessed_s < server.checked_s {
            server.fails = 0;
        }
    }
    /// True when the end of a request to this pod matters to [`Nginx::finished`].
    pub fn has_failures(&self, pod: PodId) -> bool {
        self.failing && self.servers.iter().any(|server| server.peer.pod == pod && server.fails > 0)
    }

    /// True when nothing has failed and nobody is `down`: no line needs to be looked at.
    fn all_usable(&self, tries: &Tries) -> bool {
        !self.failing && !self.any_down && tries.refused.is_empty()
    }

    #[inline]
    fn usable(&self, line: usize, now_s: u64, tries: &Tries) -> bool {
        if self.all_usable(tries) {
            return true;
        }
        let server = &self.servers[line];
        let resting = self.spec.max_fails > 0
            && server.fails >= self.spec.max_fails
            && now_s.saturating_sub(server.checked_s) <= self.fail_timeout_s;
        !(server.down || resting || tries.refused.contains(&line))
    }

    fn round_robin(&mut self, now_s: u64, tries: &Tries) -> Option<usize> {
        if self.all_usable(tries) {
            return self.turns.next();
        }
        let mut turns = std::mem::take(&mut self.turns);
        let line = turns.next_among((0..self.servers.len()).filter(|&line| self.usable(line, now_s, tries)));
        self.turns = turns;
        line
    }

    fn least_conn(&mut self, now_s: u64, tries: &Tries, connections: impl FnMut(&Peer) -> u32) -> Option<usize> {
        let mut least = std::mem::take(&mut self.least);
        let count = if self.all_usable(tries) && self.turns.are_equal() {
            self.find_least(&mut least, connections)
        } else {
            self.find_least_weighted(now_s, tries, &mut least, connections)
        };
        let line = match least[..count] {
            [] => None,
            [one] => Some(one),
            _ => self.turns.next_among(least[..count].iter().copied()),
        };
        self.least = least;
        line
    }

    /// Puts first the lines with the fewest connections, and says how many they are. Nobody can foretell which, so nothing
    /// here is done for some lines only.
    fn find_least(&self, least: &mut [usize], mut connections: impl FnMut(&Peer) -> u32) -> usize {
        let (mut fewest, mut count) = (u32::MAX, 0);
        for (line, server) in self.servers.iter().enumerate() {
            let load = connections(&server.peer);
            count = if load < fewest { 0 } else { count };
            fewest = fewest.min(load);
            least[count] = line;
            count += usize::from(load == fewest);
        }
        count
    }

    /// The same for the usable lines with the fewest connections for their weight.
    fn find_least_weighted(
        &self,
        now_s: u64,
        tries: &Tries,
        least: &mut [usize],
        mut connections: impl FnMut(&Peer) -> u32,
    ) -> usize {
        let (mut fewest, mut count) = (0, 0);
        for line in (0..self.servers.len()).filter(|&line| self.usable(line, now_s, tries)) {
            let load = i64::from(connections(&self.servers[line].peer));
            // conns/weight compared as products, as nginx does
            match (load * self.turns.weight(least[0])).cmp(&(fewest * self.turns.weight(line))) {
                Ordering::Greater if count > 0 => continue,
                Ordering::Equal if count > 0 => {}
                _ => (fewest, count) = (load, 0),
            }
            least[count] = line;
            count += 1;
        }
        count
    }

    fn random(&mut self, now_s: u64, tries: &mut Tries, stream: &mut LazyStream) -> Option<usize> {
        let total = self.turns.total();
        while tries.misses <= MAX_MISSES && total > 0 {
            let line = self.turns.line_at(stream.get().below(total as u64) as i64);
            if self.usable(line, now_s, tries) {
                return Some(line);
            }
            tries.misses += 1;
        }
        self.round_robin(now_s, tries)
    }

    fn ip_hash(&mut self, address: IpAddr, now_s: u64, tries: &mut Tries) -> Option<usize> {
        let total = self.turns.total();
        if tries.misses > MAX_MISSES || total == 0 {
            return self.round_robin(now_s, tries);
        }
        let (factor, sum) = hash_step(address);
        let mut hash = tries.hash.unwrap_or(89);
        loop {
            hash = (hash * factor + sum) % HASH_PRIME;
            let line = self.turns.line_at(i64::from(hash) % total);
            if self.usable(line, now_s, tries) {
                tries.hash = Some(hash);
                return Some(line);
            }
            tries.misses += 1;
            if tries.misses > MAX_MISSES {
                return self.round_robin(now_s, tries);
            }
        }
    }
}

impl Server {
    const fn new(peer: Peer) -> Server {
        Server { peer, down: false, fails: 0, accessed_s: 0, checked_s: 0 }
    }
}

/// nginx hashes one octet after the other: `hash = (hash * 113 + octet) % 6271`.
const HASH_PRIME: u32 = 6271;

/// 113ⁿ modulo 6271, for n from 16 down to 0.
const HASH_POWERS: [u32; 17] = {
    let mut powers = [1; 17];
    let mut n = 16;
    while n > 0 {
        powers[n - 1] = powers[n] * 113 % HASH_PRIME;
        n -= 1;
    }
    powers
};

/// What all octets of an address that count do to the hash together: it is multiplied, then something is added to it.
fn hash_step(address: IpAddr) -> (u32, u32) {
    let step = |octets: &[u8]| {
        let [factor, powers @ ..] = &HASH_POWERS[16 - octets.len()..] else { return (1, 0) };
        (*factor, octets.iter().zip(powers).map(|(&octet, power)| u32::from(octet) * power).sum())
    };
    match address {
        IpAddr::V4(v4) => step(&v4.octets()[..3]),
        IpAddr::V6(v6) => step(&v6.octets()),
    }
}

/// nginx counts in whole seconds. The simulated clock starts at zero, where nginx's state would read "just checked";
/// a century before the start avoids that.
const fn seconds(now: SimTime) -> u64 {
    3_000_000_000 + now.as_nanos() / 1_000_000_000
}
