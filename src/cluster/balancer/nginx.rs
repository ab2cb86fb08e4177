//! nginx: the decisions of an `upstream` block, equal to the real program's.
//!
//! Source: `src/http/ngx_http_upstream_round_robin.c` and the modules `ip_hash`, `least_conn` and `random` of nginx
//! (tag 1.31.4; decisions of 1.22.1 are the same). Held against recordings of both versions in `tests/it/balancers.rs`.
//! Only `random` cannot be equal: libc's generator seeded from the clock; here it is a seeded uniform draw.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::turns::Turns;
use super::words::{as_text, unknown};
use super::{AffinityKey, Decide, Following, Health, List, Peer, Peers, Request, Settings, Tries};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Span, Stream};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

as_text!(NginxMethod, "ip_hash");

impl fmt::Display for NginxMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NginxMethod::RoundRobin => "round_robin",
            NginxMethod::LeastConn => "least_conn",
            NginxMethod::Random => "random",
            NginxMethod::IpHash => "ip_hash",
        })
    }
}

impl FromStr for NginxMethod {
    type Err = String;
    fn from_str(text: &str) -> Result<NginxMethod, String> {
        match text {
            "round_robin" => Ok(NginxMethod::RoundRobin),
            "least_conn" => Ok(NginxMethod::LeastConn),
            "random" => Ok(NginxMethod::Random),
            "ip_hash" => Ok(NginxMethod::IpHash),
            _ => Err(unknown(text, "method", &["round_robin", "least_conn", "random", "ip_hash"])),
        }
    }
}

impl Default for NginxSpec {
    fn default() -> Self {
        NginxSpec { method: NginxMethod::RoundRobin, max_fails: 1, fail_timeout: Span::from_secs(10) }
    }
}

impl Settings for NginxSpec {
    fn describe(&self) -> String {
        let method = match self.method {
            NginxMethod::RoundRobin => "round robin",
            NginxMethod::LeastConn => "least_conn",
            NginxMethod::Random => "random",
            NginxMethod::IpHash => "ip_hash",
        };
        format!("nginx {method}")
    }
    fn decisions(&self) -> &'static str {
        match self.method {
            NginxMethod::Random => "seeded draw (nginx seeds its own from the clock)",
            _ => "exact",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match self.method {
            NginxMethod::IpHash => AffinityKey::Network,
            _ => AffinityKey::None,
        }
    }
    fn wants_ends(&self) -> bool {
        true // they forgive failures
    }
    fn following(&self) -> Following {
        Following {
            list: List::Servers,
            delay: RELOAD_DELAY,
            at_most_every: Span::ZERO,
            tick: Span::ZERO,
            checks: None,
        }
    }
}

/// From a change of the list of servers to nginx's reload (assumption: a template watcher).
const RELOAD_DELAY: Span = Span::from_secs(1);

/// Misses of a hash or of a random draw after which nginx falls back to round robin.
const MAX_MISSES: u32 = 20;

/// One `server` line and what one worker process knows of it.
#[derive(Clone, Debug, Default)]
struct Server {
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
    peers: Peers,
    servers: Vec<Server>,
    turns: Turns,
    /// A server has failed since the last reload.
    failing: bool,
    /// `fail_timeout` in the whole seconds that nginx counts in.
    fail_timeout_s: u64,
    /// Scratch, as long as there are lines: those that have the fewest connections come first.
    least: Vec<usize>,
}

impl Nginx {
    /// An upstream without servers.
    pub fn new(spec: NginxSpec) -> Nginx {
        let fail_timeout_s = spec.fail_timeout.as_nanos() / 1_000_000_000;
        Nginx {
            spec,
            peers: Peers::default(),
            servers: Vec::new(),
            turns: Turns::default(),
            failing: false,
            fail_timeout_s,
            least: Vec::new(),
        }
    }
}

impl Decide for Nginx {
    /// A reload with these `server` lines: all state starts afresh.
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        self.failing = false;
        self.peers = Peers::new(peers);
        self.servers = vec![Server::default(); peers.len()];
        self.turns = Turns::new(peers.iter().map(|peer| i64::from(peer.weight)));
        self.least = vec![0; peers.len()];
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
        load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let now_s = seconds(request.now);
        if self.servers.len() == 1 {
            // nginx never gives up on a single server, but tries it once per request
            return (tries.refused.is_empty() && self.peers.all_up()).then_some(0);
        }
        let line = match self.spec.method {
            NginxMethod::RoundRobin => self.round_robin(now_s, tries),
            NginxMethod::LeastConn => self.least_conn(now_s, tries, load),
            NginxMethod::Random => self.random(now_s, tries, stream),
            NginxMethod::IpHash => self.ip_hash(request.address, now_s, tries),
        }?;
        let server = &mut self.servers[line];
        if now_s.saturating_sub(server.checked_s) > self.fail_timeout_s {
            server.checked_s = now_s;
        }
        Some(line)
    }
    fn max_tries(&self) -> usize {
        self.servers.len()
    }

    fn failed(&mut self, line: usize, now: SimTime) {
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
    fn watches(&self, pod: PodId) -> bool {
        self.failing && self.peers.position(pod).is_some_and(|line| self.servers[line].fails > 0)
    }
    /// Forgives the failures of a line if a probe was let through since.
    fn finished(&mut self, line: usize, _now: SimTime) {
        let server = &mut self.servers[line];
        if server.accessed_s < server.checked_s {
            server.fails = 0;
        }
    }
}

impl Nginx {
    /// True when nothing has failed and nobody is `down`: no line needs to be looked at.
    fn all_usable(&self, tries: &Tries) -> bool {
        !self.failing && self.peers.all_up() && tries.refused.is_empty()
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
        !(self.peers[line].health != Health::Up || resting || tries.refused.contains(&line))
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
        for (line, peer) in self.peers.iter().enumerate() {
            let load = connections(peer);
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
            let load = i64::from(connections(&self.peers[line]));
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
