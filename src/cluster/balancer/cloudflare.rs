//! Cloudflare Load Balancing: one pool of endpoints behind a proxied load balancer.
//!
//! Source: Cloudflare's documentation (session affinity, adaptive routing, planned maintenance, endpoint steering) and the
//! schema of its interface. What a cookie or a remembered header does, how long, and what happens to it when its endpoint is
//! gone is exact; random choices are seeded draws of the same law; hashes are secret, fixed ones stand in for them.

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud::{PROPAGATION_DELAY, Usable, check_bounds, checks, hash_address, hash_text};
use super::words::key_of;
use super::{
    AffinityKey, Decide, Following, Forgotten, Forwards, Health, Lines, List, Peer, Peers, Problem, Reads, Request,
    SetCookie, Settings, Tries,
};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Span, Stream};

/// The fields of a Cloudflare load balancer, its pool and its monitor that choose an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CloudflareSpec {
    /// Whether clients are kept on an endpoint, and by what.
    pub session_affinity: CloudflareAffinity,
    /// Seconds until an endpoint is chosen anew. Cookies: from when they were set, 1800 to 604800, by default 82800.
    /// `header`: from the last request, 30 to 3600, by default 1800.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_affinity_ttl: Option<u32>,
    /// Details of session affinity.
    pub session_affinity_attributes: CloudflareAttributes,
    /// How an endpoint is chosen for somebody new.
    pub origin_steering: OriginSteering,
    /// The health monitor of the pool.
    pub monitor: CloudflareMonitor,
    /// Addresses by which Cloudflare reaches the origin, up to 100, each in a network of its own and each with counts of its
    /// own; 16 unless written. With `session_affinity: header` there is one, since all of them know what is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub edges: Option<u32>,
}

/// By what Cloudflare keeps clients on an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloudflareAffinity {
    /// Not at all.
    #[default]
    #[serde(alias = "")]
    None,
    /// The cookie `__cflb`.
    Cookie,
    /// The same, and the first endpoint follows from the client's address.
    IpCookie,
    /// Headers of the request, remembered at Cloudflare.
    Header,
}

/// `session_affinity_attributes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CloudflareAttributes {
    /// Seconds for which an endpoint that is shut down or disabled goes on serving clients bound to it; 0 = none.
    #[schemars(range(max = 604_800))]
    pub drain_duration: u32,
    /// What happens when the endpoint refuses that a client is bound to.
    pub zero_downtime_failover: ZeroDowntimeFailover,
    /// The headers of `session_affinity: header`, such as `x-session-id`; all must mean the same, user or room.
    pub headers: Vec<String>,
    /// Whether all headers must be there. A simulated request has all or none of them, so this changes nothing.
    pub require_all_headers: bool,
    /// Attribute of the cookie; without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samesite: Option<String>,
    /// Attribute of the cookie; without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure: Option<String>,
}

/// What Cloudflare does when an endpoint refuses between two health checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ZeroDowntimeFailover {
    /// The client gets an error.
    #[default]
    None,
    /// Another endpoint answers; the client stays bound to the first one.
    Temporary,
    /// Another endpoint answers, and the client is bound to that.
    Sticky,
}

/// `origin_steering` of the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OriginSteering {
    /// How an endpoint is chosen.
    pub policy: OriginPolicy,
}

/// How a pool of Cloudflare chooses an endpoint for somebody new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginPolicy {
    /// A random one.
    #[default]
    Random,
    /// By a hash of the client's address.
    Hash,
    /// A random one, the less likely the more requests it has under way.
    LeastOutstandingRequests,
    /// A random one, the less likely the more connections it has.
    LeastConnections,
}

/// The monitor of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CloudflareMonitor {
    /// Seconds from one check of an endpoint to the next.
    #[schemars(range(min = 5, max = 3_600))]
    pub interval: u32,
    /// So many checks in a row must fail before an endpoint is unhealthy; 0 counts as 1.
    #[schemars(range(max = 100))]
    pub consecutive_down: u32,
    /// So many checks in a row must succeed before it is healthy again; 0 counts as 1.
    #[schemars(range(max = 100))]
    pub consecutive_up: u32,
}

impl Default for CloudflareMonitor {
    fn default() -> Self {
        CloudflareMonitor { interval: 60, consecutive_down: 0, consecutive_up: 0 }
    }
}

/// Default lifetime of a cookie: 23 hours.
const COOKIE_TTL_S: u32 = 82_800;
/// Default time after which an unused header is forgotten.
const HEADER_TTL_S: u32 = 1_800;
/// Where nothing is written (assumption: Cloudflare publishes its networks, not how many of their addresses one origin sees).
const EDGES: u32 = 16;
/// Bound of what may be written.
const MOST_EDGES: u32 = 100;
/// Names of headers that a load balancer takes (the most of all plans).
const MAX_HEADERS: usize = 5;

impl CloudflareSpec {
    /// The default of the kind of affinity where none is given.
    fn ttl(&self) -> Span {
        let default = match self.session_affinity {
            CloudflareAffinity::Header => HEADER_TTL_S,
            _ => COOKIE_TTL_S,
        };
        Span::from_secs(u64::from(self.session_affinity_ttl.unwrap_or(default)))
    }
    fn check_headers(&self, problems: &mut Vec<Problem>) {
        let setting = "session_affinity_attributes.headers";
        let mut fail = |message: String, help: &str| problems.push(Problem { setting, message, help: help.to_owned() });
        let headers = &self.session_affinity_attributes.headers;
        let by_header = self.session_affinity == CloudflareAffinity::Header;
        if !by_header && !headers.is_empty() {
            fail("only `session_affinity: header` looks at headers".to_owned(), "remove them, or choose `header`");
        }
        if by_header && !(1..=MAX_HEADERS).contains(&headers.len()) {
            let message =
                format!("`session_affinity: header` has {} headers, and takes 1 to {MAX_HEADERS}", headers.len());
            fail(message, "write for example `[x-session-id]`");
        }
        if let Some(header) = headers.iter().find(|header| header.contains(':')) {
            let help = "choose `session_affinity: cookie`, or write a header such as `x-session-id`";
            fail(format!("`{header}`: cookies in place of headers are not modelled"), help);
        } else if let Some(header) = headers.iter().find(|header| key_of(header).is_none()) {
            let help = "name it after what it holds, such as `x-user-id`, `x-session-id` or `x-room-id`";
            fail(format!("nothing says whether `{header}` tells users or rooms apart"), help);
        } else if headers.windows(2).any(|pair| key_of(&pair[0]) != key_of(&pair[1])) {
            let help = "write headers of one kind";
            fail("some of these headers tell users apart and some rooms".to_owned(), help);
        }
    }
}

impl Settings for CloudflareSpec {
    fn connect_timeout(&self) -> Option<Span> {
        Some(Span::from_secs(19)) // then it answers with a 522
    }
    fn describe(&self) -> String {
        let by = match (self.session_affinity, self.origin_steering.policy) {
            (CloudflareAffinity::Cookie, _) => "cookie",
            (CloudflareAffinity::IpCookie, _) => "ip_cookie",
            (CloudflareAffinity::Header, _) => "header",
            (CloudflareAffinity::None, OriginPolicy::Random) => "random",
            (CloudflareAffinity::None, OriginPolicy::Hash) => "hash",
            (CloudflareAffinity::None, OriginPolicy::LeastOutstandingRequests) => "least outstanding requests",
            (CloudflareAffinity::None, OriginPolicy::LeastConnections) => "least connections",
        };
        format!("Cloudflare {by}")
    }
    fn decisions(&self) -> &'static str {
        match (self.session_affinity, self.origin_steering.policy) {
            (CloudflareAffinity::IpCookie, _) => {
                "exact cookies, a hash stands in for the secret one of the first endpoint"
            }
            (CloudflareAffinity::Cookie, _) => "exact cookies, first endpoint a seeded draw",
            (CloudflareAffinity::Header, _) => "exact sessions, first endpoint a seeded draw",
            (_, OriginPolicy::Hash) => "a hash of the address stands in for the secret one",
            (_, OriginPolicy::Random) => "seeded draw",
            (_, _) => "seeded draw, by 1 ÷ (1 + load): the exact law is not public",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match (self.session_affinity, self.origin_steering.policy) {
            (CloudflareAffinity::Cookie | CloudflareAffinity::IpCookie, _) => AffinityKey::Cookie,
            (CloudflareAffinity::Header, _) => {
                let header = self.session_affinity_attributes.headers.first();
                header.and_then(|header| key_of(header)).unwrap_or(AffinityKey::User)
            }
            (CloudflareAffinity::None, OriginPolicy::Hash) => AffinityKey::Address,
            (CloudflareAffinity::None, _) => AffinityKey::None,
        }
    }
    fn reads(&self) -> Reads {
        let by_address =
            self.session_affinity == CloudflareAffinity::IpCookie || self.origin_steering.policy == OriginPolicy::Hash;
        Reads { address: by_address, ..Reads::of(self.affinity()) }
    }
    fn forwards(&self) -> Forwards {
        Forwards { connecting_ip: true, ..Forwards::APPENDS_PEER }
    }
    fn instances(&self) -> u32 {
        let default = if self.session_affinity == CloudflareAffinity::Header { 1 } else { EDGES };
        self.edges.unwrap_or(default)
    }
    fn counts_connections(&self) -> bool {
        let by_load = [OriginPolicy::LeastOutstandingRequests, OriginPolicy::LeastConnections];
        self.session_affinity != CloudflareAffinity::IpCookie && by_load.contains(&self.origin_steering.policy)
    }
    fn following(&self) -> Following {
        let CloudflareMonitor { interval, consecutive_down, consecutive_up } = self.monitor;
        Following::after(List::ServingEndpoints, PROPAGATION_DELAY).checked(checks(
            interval,
            consecutive_down,
            consecutive_up,
        ))
    }
    fn lines(&self) -> Lines {
        let why = "is modelled with endpoints of weight 1 only; leave the weights out";
        Lines::of(&self.following()).unweighted(why)
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let ttl = "session_affinity_ttl";
        match (self.session_affinity, self.session_affinity_ttl) {
            (CloudflareAffinity::None, Some(_)) => problems.push(Problem {
                setting: ttl,
                message: "there is no session affinity that could last so long".to_owned(),
                help: "remove it, or choose `session_affinity: cookie`".to_owned(),
            }),
            (CloudflareAffinity::Header, Some(seconds)) => check_bounds(&mut problems, ttl, seconds, 30..=3_600),
            (_, Some(seconds)) => check_bounds(&mut problems, ttl, seconds, 1_800..=604_800),
            (_, None) => {}
        }
        let CloudflareAttributes { drain_duration, zero_downtime_failover, .. } = self.session_affinity_attributes;
        check_bounds(&mut problems, "session_affinity_attributes.drain_duration", drain_duration, 0..=604_800);
        if self.session_affinity == CloudflareAffinity::Header && zero_downtime_failover == ZeroDowntimeFailover::Sticky
        {
            problems.push(Problem {
                setting: "session_affinity_attributes.zero_downtime_failover",
                message: "`sticky` does not exist with `session_affinity: header`".to_owned(),
                help: "write `temporary` or `none`".to_owned(),
            });
        }
        check_bounds(&mut problems, "monitor.interval", self.monitor.interval, 5..=3_600);
        check_bounds(&mut problems, "monitor.consecutive_down", self.monitor.consecutive_down, 0..=100);
        check_bounds(&mut problems, "monitor.consecutive_up", self.monitor.consecutive_up, 0..=100);
        self.check_headers(&mut problems);
        let edges = self.instances();
        check_bounds(&mut problems, "edges", edges, 1..=MOST_EDGES);
        if self.session_affinity == CloudflareAffinity::Header && edges > 1 {
            problems.push(Problem {
                setting: "edges",
                message: "`session_affinity: header` remembers clients in one place here, not at each edge".to_owned(),
                help: "leave `edges` out, or choose `session_affinity: cookie`".to_owned(),
            });
        }
        problems
    }
}

/// A pool behind a Cloudflare load balancer.
#[derive(Clone, Debug)]
pub struct Cloudflare {
    affinity: CloudflareAffinity,
    /// What the header says that is hashed, if one is.
    header: AffinityKey,
    policy: OriginPolicy,
    failover: ZeroDowntimeFailover,
    ttl: Span,
    drain: Span,
    peers: Peers,
    /// Healthy endpoints. When there is none, all that are enabled: the same pool is the fallback pool, whose health does not
    /// matter.
    usable: Usable,
    /// By position: drains since then; [`SimTime::NEVER`] = since the next request.
    draining: Vec<Option<SimTime>>,
    /// Some of these have not been seen by a request yet.
    undated: bool,
    /// By a hash of the headers.
    sessions: FxHashMap<u64, Session>,
}

/// What Cloudflare keeps of a client that it knows by headers.
#[derive(Clone, Copy, Debug)]
struct Session {
    pod: PodId,
    used: SimTime,
}

impl Cloudflare {
    /// An empty pool.
    pub fn new(spec: CloudflareSpec) -> Cloudflare {
        Cloudflare {
            affinity: spec.session_affinity,
            header: spec.affinity(),
            policy: spec.origin_steering.policy,
            failover: spec.session_affinity_attributes.zero_downtime_failover,
            ttl: spec.ttl(),
            drain: Span::from_secs(u64::from(spec.session_affinity_attributes.drain_duration)),
            peers: Peers::default(),
            usable: Usable::default(),
            draining: Vec::new(),
            undated: false,
            sessions: FxHashMap::default(),
        }
    }
    fn changed(&mut self) {
        self.usable = Usable::up_or_failed_open(&self.peers);
        self.undated = self.draining.contains(&Some(SimTime::NEVER));
    }
    /// Whether a client bound to the endpoint at this position still gets there.
    fn keeps(&self, position: usize, now: SimTime) -> bool {
        let peer = &self.peers[position];
        match (peer.health, self.draining[position]) {
            (Health::Draining, Some(since)) => now.since(since) < self.drain,
            _ => self.usable.serves(peer),
        }
    }
    /// An endpoint for somebody new, or in place of those that refused.
    fn steer(
        &mut self,
        request: &Request<'_>,
        refused: &[usize],
        stream: &mut LazyStream,
        mut load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        match (self.affinity, self.policy) {
            (CloudflareAffinity::IpCookie, _) | (_, OriginPolicy::Hash) => {
                self.usable.nearest(hash_address(request.address), refused)
            }
            (_, OriginPolicy::Random) => self.usable.draw(refused, stream),
            (_, OriginPolicy::LeastOutstandingRequests | OriginPolicy::LeastConnections) => {
                let peers = &self.peers;
                let share = |position: usize| {
                    let peer = &peers[position];
                    u64::from(peer.weight) * share_of(load(peer))
                };
                self.usable.draw_by(refused, stream.get(), share)
            }
        }
    }
}

/// The share of a pod of weight 1 without load in a draw by load; others get a part of it.
const WHOLE_SHARE: u32 = 1 << 31;

/// Shares by load, so that nothing is divided for usual ones.
const SHARES: [u32; 1_024] = {
    let mut shares = [WHOLE_SHARE; 1_024];
    let mut load = 0;
    while load < shares.len() {
        shares[load] = WHOLE_SHARE / (load as u32 + 1);
        load += 1;
    }
    shares
};

/// The share of a pod of weight 1 with this load.
fn share_of(load: u32) -> u64 {
    u64::from(SHARES.get(load as usize).copied().unwrap_or_else(|| WHOLE_SHARE / load.saturating_add(1)))
}

impl Decide for Cloudflare {
    /// Cookies stay, and so do sessions of headers.
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        let draining = |peer: &Peer| {
            let since = self.peers.position(peer.pod).and_then(|position| self.draining[position]);
            (peer.health == Health::Draining).then(|| since.unwrap_or(SimTime::NEVER))
        };
        self.draining = peers.iter().map(draining).collect();
        self.peers = Peers::new(peers);
        self.changed();
    }
    fn set_health(&mut self, position: usize, health: Health) {
        let since = self.draining[position];
        self.draining[position] = (health == Health::Draining).then(|| since.unwrap_or(SimTime::NEVER));
        self.peers.set_health(position, health);
        self.changed();
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    #[inline]
    fn bound(&self, cookie: u32) -> Option<PodId> {
        let pod = PodId::new(cookie);
        let by_cookie = matches!(self.affinity, CloudflareAffinity::Cookie | CloudflareAffinity::IpCookie);
        let position = self.peers.position(pod).filter(|_| by_cookie)?;
        (self.peers[position].health == Health::Up).then_some(pod)
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let now = request.now;
        if self.undated {
            let begun = |since: &mut Option<SimTime>| *since = since.map(|since| since.min(now));
            self.draining.iter_mut().for_each(begun);
            self.undated = false;
        }
        let text = request.text(self.header);
        let by_header = self.affinity == CloudflareAffinity::Header && !text.is_empty();
        let key = if by_header { hash_text(text) } else { 0 };
        let bound = match self.affinity {
            CloudflareAffinity::None => None,
            CloudflareAffinity::Cookie | CloudflareAffinity::IpCookie => request.cookie.map(PodId::new),
            CloudflareAffinity::Header if !by_header => None,
            CloudflareAffinity::Header => {
                let session = self.sessions.get(&key).filter(|session| now.since(session.used) < self.ttl);
                tries.forgotten = session.is_none().then_some(Forgotten::Expired);
                session.map(|session| session.pod)
            }
        };
        let first = tries.refused.is_empty();
        let bound =
            bound.and_then(|pod| self.peers.position(pod)).filter(|&position| first && self.keeps(position, now));
        let position = match bound {
            Some(position) => position,
            None => self.steer(request, &tries.refused, stream, load)?,
        };
        let binds = first || self.failover == ZeroDowntimeFailover::Sticky;
        let pod = self.peers[position].pod;
        match self.affinity {
            CloudflareAffinity::Header if by_header && binds => {
                self.sessions.insert(key, Session { pod, used: now });
            }
            CloudflareAffinity::Cookie | CloudflareAffinity::IpCookie if bound.is_none() && binds => {
                tries.cookie = Some(SetCookie::new(pod.raw(), now, Some(self.ttl)));
            }
            _ => {}
        }
        Some(position)
    }
    /// One retry, if another endpoint is healthy. Assumption: also without session affinity only where it is asked for.
    fn max_tries(&self) -> usize {
        if self.failover == ZeroDowntimeFailover::None { 1 } else { 2 }
    }
}
