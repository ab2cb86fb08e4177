//! nginx: the decisions of an `upstream` block, equal to the real program's.
//!
//! Source: `src/http/ngx_http_upstream_round_robin.c` and the modules `ip_hash`, `least_conn` and `random` of nginx
//! (tag 1.31.4; decisions of 1.22.1 are the same). Held against recordings of both versions in `tests/it/balancers.rs`.
//! Only `random` cannot be equal: libc's generator seeded from the clock; here it is a seeded uniform draw.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    weight: i64,
    current: i64,
    effective: i64,
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
    /// A server has failed since the last reload.
    failing: bool,
    /// `fail_timeout` in the whole seconds that nginx counts in.
    fail_timeout_s: u64,
    /// Sum of the weights; whether they are all equal, and whether any line is `down`.
    total: i64,
    equal_weights: bool,
    any_down: bool,
    /// Scratch: connections of each line.
    loads: Vec<i64>,
}

impl Nginx {
    /// An upstream without servers.
    pub const fn new(spec: NginxSpec) -> Nginx {
        let fail_timeout_s = spec.fail_timeout.as_nanos() / 1_000_000_000;
        Nginx {
            spec,
            servers: Vec::new(),
            failing: false,
            fail_timeout_s,
            total: 0,
            equal_weights: true,
            any_down: false,
            loads: Vec::new(),
        }
    }
    /// A reload with these `server` lines: all state starts afresh.
    pub fn set_peers(&mut self, peers: &[Peer]) {
        self.failing = false;
        self.servers = peers.iter().map(|peer| Server::new(peer.clone(), 1)).collect();
        self.sum_up();
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
    /// Sets the weight of a line and marks it `down` or not.
    pub fn configure(&mut self, line: usize, weight: u32, down: bool) {
        self.servers[line] = Server::new(self.servers[line].peer.clone(), i64::from(weight));
        self.servers[line].down = down;
        self.sum_up();
    }

    fn sum_up(&mut self) {
        self.total = self.servers.iter().map(|server| server.weight).sum();
        self.equal_weights = self.servers.windows(2).all(|pair| pair[0].weight == pair[1].weight);
        self.any_down = self.servers.iter().any(|server| server.down);
    }

    /// True when it looks at addresses.
    pub const fn reads_address(&self) -> bool {
        matches!(self.spec.method, NginxMethod::IpHash)
    }
    /// True when it chooses by connections.
    pub const fn counts_connections(&self) -> bool {
        matches!(self.spec.method, NginxMethod::LeastConn)
    }
    /// The line to try next, `None` when no server is usable (502, "no live upstreams").
    /// `connections` says how many connections this nginx has to a line.
    pub fn pick(
        &mut self,
        request: &Request,
        tries: &mut Tries,
        stream: &mut LazyStream,
        connections: impl Fn(&Peer) -> u32,
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
            server.effective = (server.effective - server.weight / i64::from(max_fails)).max(0);
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

    fn usable(&self, line: usize, now_s: u64, tries: &Tries) -> bool {
        let server = &self.servers[line];
        let resting = self.spec.max_fails > 0
            && server.fails >= self.spec.max_fails
            && now_s.saturating_sub(server.checked_s) <= self.fail_timeout_s;
        !(server.down || resting || tries.refused.contains(&line))
    }

    fn round_robin(&mut self, now_s: u64, tries: &Tries) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<usize> = None;
        let all_usable = self.all_usable(tries);
        for line in 0..self.servers.len() {
            if !(all_usable || self.usable(line, now_s, tries)) {
                continue;
            }
            total += self.servers[line].take_turn();
            if best.is_none_or(|best| self.servers[line].current > self.servers[best].current) {
                best = Some(line);
            }
        }
        self.servers[best?].current -= total;
        best
    }

    fn least_conn(&mut self, now_s: u64, tries: &Tries, connections: impl Fn(&Peer) -> u32) -> Option<usize> {
        let mut loads = std::mem::take(&mut self.loads);
        loads.clear();
        loads.extend(self.servers.iter().map(|server| i64::from(connections(&server.peer))));
        let line = self.least_of(&loads, now_s, tries);
        self.loads = loads;
        line
    }

    /// The usable line with the fewest connections for its weight.
    fn least_of(&mut self, loads: &[i64], now_s: u64, tries: &Tries) -> Option<usize> {
        let all_usable = self.all_usable(tries);
        let (first, tied) = if all_usable && self.equal_weights {
            let least = loads.iter().min()?;
            let first = loads.iter().position(|load| load == least)?;
            (first, loads[first + 1..].contains(least))
        } else {
            self.least_weighted(loads, now_s, tries)?
        };
        let mut best = first;
        if tied {
            let mut total = 0;
            for line in first..self.servers.len() {
                let equal = loads[line] * self.servers[first].weight == loads[first] * self.servers[line].weight;
                if !equal || !(all_usable || self.usable(line, now_s, tries)) {
                    continue;
                }
                total += self.servers[line].take_turn();
                if self.servers[line].current > self.servers[best].current {
                    best = line;
                }
            }
            self.servers[best].current -= total;
        }
        Some(best)
    }

    /// The first of the usable lines with the fewest connections for its weight, and whether there are others.
    fn least_weighted(&self, loads: &[i64], now_s: u64, tries: &Tries) -> Option<(usize, bool)> {
        let mut best: Option<usize> = None;
        let mut tied = false;
        for line in 0..self.servers.len() {
            if !self.usable(line, now_s, tries) {
                continue;
            }
            // conns/weight compared as products, as nginx does
            match best
                .map(|best| (loads[line] * self.servers[best].weight).cmp(&(loads[best] * self.servers[line].weight)))
            {
                None | Some(std::cmp::Ordering::Less) => (best, tied) = (Some(line), false),
                Some(std::cmp::Ordering::Equal) => tied = true,
                Some(std::cmp::Ordering::Greater) => {}
            }
        }
        best.map(|best| (best, tied))
    }

    fn random(&mut self, now_s: u64, tries: &mut Tries, stream: &mut LazyStream) -> Option<usize> {
        let total = self.total;
        while tries.misses <= MAX_MISSES && total > 0 {
            let line = self.line_at(stream.get().below(total as u64) as i64);
            if self.usable(line, now_s, tries) {
                return Some(line);
            }
            tries.misses += 1;
        }
        self.round_robin(now_s, tries)
    }

    fn ip_hash(&mut self, address: IpAddr, now_s: u64, tries: &mut Tries) -> Option<usize> {
        let octets_v4;
        let octets_v6;
        let key: &[u8] = match address {
            IpAddr::V4(v4) => {
                octets_v4 = v4.octets();
                &octets_v4[..3]
            }
            IpAddr::V6(v6) => {
                octets_v6 = v6.octets();
                &octets_v6
            }
        };
        let total = self.total;
        if tries.misses > MAX_MISSES || total == 0 {
            return self.round_robin(now_s, tries);
        }
        let mut hash = tries.hash.unwrap_or(89);
        loop {
            for &octet in key {
                hash = (hash * 113 + u32::from(octet)) % 6271;
            }
            let line = self.line_at(i64::from(hash) % total);
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

    /// The line whose share of the weights 0..total holds `w`.
    fn line_at(&self, mut w: i64) -> usize {
        for (line, server) in self.servers.iter().enumerate() {
            if w < server.weight {
                return line;
            }
            w -= server.weight;
        }
        self.servers.len() - 1
    }
}

impl Server {
    const fn new(peer: Peer, weight: i64) -> Server {
        Server { peer, weight, current: 0, effective: weight, down: false, fails: 0, accessed_s: 0, checked_s: 0 }
    }
    /// One turn of smooth weighted round robin; returns what it added to the total.
    fn take_turn(&mut self) -> i64 {
        let effective = self.effective;
        self.current += effective;
        if self.effective < self.weight {
            self.effective += 1;
        }
        effective
    }
}

/// nginx counts in whole seconds. The simulated clock starts at zero, where nginx's state would read "just checked";
/// a century before the start avoids that.
const fn seconds(now: SimTime) -> u64 {
    3_000_000_000 + now.as_nanos() / 1_000_000_000
}
