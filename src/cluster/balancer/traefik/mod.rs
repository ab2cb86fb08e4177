//! Traefik: a service with its servers, their strategy and the sticky cookie.
//!
//! Source: Traefik 3.7, `pkg/server/service/loadbalancer/{sticky,wrr/wrr,p2c/p2c,hrw/hrw}.go`, `service.go` and
//! `pkg/middlewares/retry/retry.go`; read, not run. `hrw` is exact, and so are the meaning of a cookie and when it is set.
//! Seeded draws of the same law are: the order of servers, which Traefik shuffles at each new configuration, the servers of
//! `p2c`, and pauses between tries. A cookie stands for its server by the pod's number instead of a hash of the URL.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::AddressText;
use super::product::WATCH_DELAY;
use super::words::{as_text, one_of, unknown};
use super::{
    AffinityKey, Checks, Decide, Following, Forwards, Health, Line, Lines, List, Peer, Peers, Problem, Replicas,
    Request, SetCookie, Settings, Tries, Weights,
};
use crate::cluster::PodId;
use crate::engine::{LazyStream, Span, Stream};

mod turns;

use turns::Turns;

/// The settings of a service of Traefik (`loadBalancer`), and the middleware for further tries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct TraefikSpec {
    /// How a server is chosen.
    pub strategy: TraefikStrategy,
    /// Keeps clients on their server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<TraefikSticky>,
    /// Weights of the servers by their position: the first line is the first pod's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<TraefikServer>,
    /// Active health checks: none unless written, and then a dead server stays until its pod leaves the endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<TraefikHealthCheck>,
    /// The middleware `retry`: none unless written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<TraefikRetry>,
    /// So many Traefiks stand side by side, each with an order of servers, turns and counts of its own.
    #[serde(skip_serializing_if = "Replicas::is_one")]
    pub replicas: Replicas,
}

/// How Traefik chooses a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraefikStrategy {
    /// One after the other, by weight: Traefik's default.
    #[default]
    Wrr,
    /// The one with fewer requests of two that are drawn.
    P2c,
    /// By the client's address.
    Hrw,
}

as_text!(TraefikStrategy, "wrr");

impl fmt::Display for TraefikStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TraefikStrategy::Wrr => "wrr",
            TraefikStrategy::P2c => "p2c",
            TraefikStrategy::Hrw => "hrw",
        })
    }
}

impl FromStr for TraefikStrategy {
    type Err = String;
    fn from_str(text: &str) -> Result<TraefikStrategy, String> {
        const KNOWN: [&str; 3] = ["wrr", "p2c", "hrw"];
        match text {
            "wrr" => Ok(TraefikStrategy::Wrr),
            "p2c" => Ok(TraefikStrategy::P2c),
            "hrw" => Ok(TraefikStrategy::Hrw),
            "leasttime" => Err(format!(
                "`leasttime` follows response times, which are not modelled here: write {}",
                one_of(&KNOWN)
            )),
            _ => Err(unknown(text, "strategy", &KNOWN)),
        }
    }
}

/// How Traefik keeps clients on their server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TraefikSticky {
    /// By this cookie.
    pub cookie: TraefikCookie,
}

/// Traefik's sticky cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct TraefikCookie {
    /// Its name; unless written, Traefik makes one of the service's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// It lives so long from when it is issued: a number of seconds as in Traefik, or a duration. 0, or not written: as long as
    /// the browser session.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::words::seconds_or_span")]
    #[schemars(with = "Option<super::words::SecondsOrSpan>")]
    pub max_age: Option<Span>,
    /// Without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure: Option<bool>,
    /// Without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_only: Option<bool>,
    /// Without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_site: Option<SameSite>,
    /// Without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// `SameSite` of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// `SameSite=None`.
    None,
    /// `SameSite=Lax`.
    Lax,
    /// `SameSite=Strict`.
    Strict,
}

/// A server's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TraefikServer {
    /// Its weight, at least 1.
    pub weight: u32,
}

impl Default for TraefikServer {
    fn default() -> Self {
        TraefikServer { weight: 1 }
    }
}

/// Traefik's active health checks: one failure takes a server out, one success brings it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TraefikHealthCheck {
    /// Distance of two checks.
    pub interval: Span,
}

impl Default for TraefikHealthCheck {
    fn default() -> Self {
        TraefikHealthCheck { interval: Span::from_secs(30) } // `DefaultHealthCheckInterval`
    }
}

/// The middleware `retry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TraefikRetry {
    /// Tries in all, the first included.
    pub attempts: u32,
    /// The first pause is about so long, the last about twice. Not written: no pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_interval: Option<Span>,
}

/// Bounds of what may be written.
const MOST_ATTEMPTS: u32 = 100;
/// See [`MOST_ATTEMPTS`].
const MOST_WEIGHT: u32 = 1_000_000;
/// See [`MOST_ATTEMPTS`]; a pause of `retry` is never longer either (`backoff.DefaultMaxInterval`).
const MOST_INTERVAL: Span = Span::from_secs(60);
/// Traefik takes up a new configuration this long after the one before at the earliest (`providersThrottleDuration`).
const THROTTLE: Span = Span::from_secs(2);

impl Settings for TraefikSpec {
    fn connect_timeout(&self) -> Option<Span> {
        Some(Span::from_secs(30)) // `forwardingTimeouts.dialTimeout`
    }
    fn describe(&self) -> String {
        match self.sticky {
            Some(_) => format!("Traefik sticky cookie, {}", self.strategy),
            None => format!("Traefik {}", self.strategy),
        }
    }
    fn decisions(&self) -> &'static str {
        match (self.strategy, &self.sticky) {
            (TraefikStrategy::Hrw, _) => "exact (source read, not run)",
            (_, Some(_)) => "exact cookies, first server a seeded draw or turn",
            (TraefikStrategy::Wrr, None) => "exact turns in a seeded order",
            (TraefikStrategy::P2c, None) => "seeded draw (Traefik seeds its own from the clock)",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match (self.strategy, &self.sticky) {
            (TraefikStrategy::Hrw, _) => AffinityKey::Address,
            (_, Some(_)) => AffinityKey::Cookie,
            (_, None) => AffinityKey::None,
        }
    }
    fn following(&self) -> Following {
        let checks = |checks: &TraefikHealthCheck| Checks { every: checks.interval, fall: 1, rise: 1, begins_up: true };
        Following {
            list: List::ServingEndpoints,
            delay: WATCH_DELAY,
            at_most_every: THROTTLE,
            tick: Span::ZERO,
            checks: self.health_check.as_ref().map(checks),
        }
    }
    fn forwards(&self) -> Forwards {
        Forwards::REPLACES // without `forwardedHeaders` it takes away what those before it said
    }
    fn instances(&self) -> u32 {
        self.replicas.0
    }
    fn counts_connections(&self) -> bool {
        self.strategy == TraefikStrategy::P2c
    }
    fn line(&self, position: usize) -> Line {
        self.servers
            .get(position)
            .map_or_else(Line::default, |server| Line { weight: server.weight, ..Line::default() })
    }
    fn lines(&self) -> Lines {
        let lines = Lines::of(&self.following());
        match self.strategy {
            TraefikStrategy::P2c => lines.unweighted("looks at no weights; leave them out, or write `strategy: wrr`"),
            _ => lines.weighted(Weights { most: MOST_WEIGHT, together: u64::MAX }),
        }
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(self.replicas.problem("replicas"));
        let mut problem = |setting, message: &str, help: &str| {
            problems.push(Problem { setting, message: message.to_owned(), help: help.to_owned() });
        };
        if self.strategy == TraefikStrategy::Hrw && self.sticky.is_some() {
            problem("sticky", "`hrw` knows no cookie", "leave `sticky` out, or write `strategy: wrr`");
        }
        if self.strategy == TraefikStrategy::P2c && !self.servers.is_empty() {
            problem("servers", "`p2c` looks at no weights", "leave `servers` out, or write `strategy: wrr`");
        }
        if self.servers.iter().any(|server| !(1..=MOST_WEIGHT).contains(&server.weight)) {
            let help = "write a whole number from 1 to 1000000";
            problem("servers", "a server with such a weight is left out by Traefik, or is absurd", help);
        }
        if let Some(retry) = &self.retry
            && (!(1..=MOST_ATTEMPTS).contains(&retry.attempts)
                || retry.initial_interval.is_some_and(|interval| interval > MOST_INTERVAL))
        {
            problem(
                "retry",
                "`attempts` is from 1 to 100, `initialInterval` is up to 60s",
                "write for example `attempts: 4`",
            );
        }
        if self.health_check.as_ref().is_some_and(|checks| checks.interval < Span::from_millis(1)) {
            problem("healthCheck", "the interval is at least 1ms", "write for example `interval: 10s`");
        }
        problems
    }
}

/// A service with the state of one Traefik.
#[derive(Clone, Debug)]
pub struct Traefik {
    spec: TraefikSpec,
    peers: Peers,
    turns: Turns,
    /// Servers that get new clients, in Traefik's order.
    usable: Vec<u32>,
    /// `hrw`: each server's URL.
    urls: Vec<String>,
    /// `hrw`: the server of each address that was asked for since servers changed last.
    known: FxHashMap<IpAddr, u32>,
    /// What a pause grows by from one to the next.
    growth: f64,
}

impl Traefik {
    /// A service without servers.
    pub fn new(spec: TraefikSpec) -> Traefik {
        let attempts = spec.retry.as_ref().map_or(1, |retry| retry.attempts);
        // the last pause is twice the first
        let growth = libm::pow(2.0, 1.0 / f64::from(attempts.max(2) - 1));
        Traefik {
            spec,
            peers: Peers::default(),
            turns: Turns::default(),
            usable: Vec::new(),
            urls: Vec::new(),
            known: FxHashMap::default(),
            growth,
        }
    }
    fn refresh_usable(&mut self) {
        let Traefik { peers, usable, turns, known, .. } = self;
        usable.clear();
        usable.extend(turns.order.iter().filter(|&&server| peers[server as usize].health == Health::Up));
        known.clear();
    }
    /// The pause before a try after so many refusals (`backoff` v4): half to one and a half times the interval.
    fn pause(&self, refusals: usize, stream: &mut LazyStream) -> Span {
        let Some(first) = self.spec.retry.as_ref().and_then(|retry| retry.initial_interval) else { return Span::ZERO };
        if self.max_tries() < 2 || first.is_zero() {
            return Span::ZERO;
        }
        let grown = (1..refusals.min(MOST_ATTEMPTS as usize))
            .fold(first.as_nanos() as f64, |interval, _| (interval * self.growth).min(MOST_INTERVAL.as_nanos() as f64));
        Span::from_nanos((grown * (0.5 + stream.get().unit())) as u64)
    }
    /// The server whose turn it is.
    fn wrr(&mut self) -> Option<usize> {
        if self.usable.is_empty() {
            return None;
        }
        loop {
            // servers without new clients have their turns too, which pass
            let server = self.turns.next()?;
            if self.peers[server].health == Health::Up {
                return Some(server);
            }
        }
    }
    fn p2c(&self, stream: &mut LazyStream, mut load: impl FnMut(&Peer) -> u32) -> Option<usize> {
        let count = self.usable.len() as u64;
        let server = match self.usable[..] {
            [] => return None,
            [only] => only,
            _ => {
                let first = stream.get().below(count);
                let other = stream.get().below(count - 1);
                let other = other + u64::from(other >= first);
                let (first, other) = (self.usable[first as usize], self.usable[other as usize]);
                let fewer = load(&self.peers[other as usize]) < load(&self.peers[first as usize]);
                if fewer { other } else { first }
            }
        };
        Some(server as usize)
    }
    /// The server with the highest score for an address.
    fn hrw(&mut self, address: IpAddr) -> Option<usize> {
        if let Some(&server) = self.known.get(&address) {
            return Some(server as usize);
        }
        let client = fnv1a(FNV_OFFSET, AddressText::new(address).bytes());
        let (mut best, mut highest) = (None, 0.0);
        let (mut heaviest, mut greatest) = (0, 0);
        for &server in &self.usable {
            let hash = fnv1a(client, self.urls[server as usize].as_bytes());
            let weight = self.peers[server as usize].weight.max(1);
            if weight <= heaviest && hash <= greatest {
                // neither weighs more nor has the greater hash than the best: no logarithm is needed to know
                continue;
            }
            let score = f64::from(weight) / -libm::log(hash as f64 / TWO_POW_64);
            if score > highest {
                (best, highest) = (Some(server), score);
                (heaviest, greatest) = (weight, hash);
            }
        }
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        let best = best?;
        self.known.insert(address, best);
        Some(best as usize)
    }
}

/// FNV-1a's first value and factor, 64 bits.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
/// See [`FNV_OFFSET`].
const FNV_PRIME: u64 = 0x0100_0000_01b3;
/// 2⁶⁴.
const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;
/// Addresses whose server is remembered: it is found anew beyond that.
const MOST_KNOWN: usize = 1 << 20;

/// FNV-1a, from where it stands after what came before.
fn fnv1a(before: u64, text: &[u8]) -> u64 {
    text.iter().fold(before, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
}

impl Decide for Traefik {
    /// A new configuration: servers in a new order, of which none has had a turn.
    fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream) {
        self.peers = Peers::new(peers);
        let mut order: Vec<u32> = (0..peers.len() as u32).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, stream.below(last as u64 + 1) as usize);
        }
        self.turns = Turns::new(order, &self.peers);
        // assumption: `http`, as for ports of a Service that do not say otherwise
        self.urls = peers.iter().map(|peer| format!("http://{}", peer.address)).collect();
        self.refresh_usable();
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
        self.refresh_usable();
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        if !tries.refused.is_empty() {
            tries.wait = self.pause(tries.refused.len(), stream);
        }
        // a further try is a request like the first: its cookie leads to the same server
        if let Some(bound) = request.cookie.and_then(|cookie| self.bound(cookie)) {
            return self.peers.position(bound);
        }
        let server = match self.spec.strategy {
            TraefikStrategy::Wrr => self.wrr(),
            TraefikStrategy::P2c => self.p2c(stream, load),
            TraefikStrategy::Hrw => self.hrw(request.address),
        }?;
        if let (Some(sticky), true) = (&self.spec.sticky, self.spec.strategy != TraefikStrategy::Hrw) {
            let lifetime = sticky.cookie.max_age.filter(|age| !age.is_zero());
            tries.cookie = Some(SetCookie::new(self.peers[server].pod.raw(), request.now, lifetime));
        }
        Some(server)
    }
    fn max_tries(&self) -> usize {
        self.spec.retry.as_ref().map_or(1, |retry| retry.attempts.max(1) as usize)
    }
    #[inline]
    fn bound(&self, cookie: u32) -> Option<PodId> {
        if self.spec.sticky.is_none() || self.spec.strategy == TraefikStrategy::Hrw {
            return None;
        }
        let pod = PodId::new(cookie);
        self.peers.position(pod).filter(|&server| self.peers[server].health != Health::Down).map(|_| pod)
    }
}
