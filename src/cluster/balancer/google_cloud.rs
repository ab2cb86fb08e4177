//! Google Cloud load balancers: one backend service.
//!
//! Source: the reference of the compute interface (`backendServices`). `CLIENT_IP_PROTO`, `CLIENT_IP_PORT_PROTO` and
//! `CLIENT_IP_NO_DESTINATION` exist only for passthrough network load balancers, which decide once per connection; all others are
//! those of an Application Load Balancer, which decides per request. Hashes are secret: a fixed one over the stated fields
//! stands in, such that a change moves only the clients that it must. Other choices are seeded uniform draws.
//!
//! Assumptions, since it is not documented: a cookie is set again only when its backend is gone; a full backend
//! (capacity, autoscaling) moves nobody; a refused request is an error.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud::{PROPAGATION_DELAY, Usable, check_bounds, checks, hash_address, hash_flow, hash_text, mix};
use super::words::key_of;
use super::{
    AffinityKey, Decide, Following, ForwardedFor, Forwards, Health, Layer, List, Peer, Peers, Problem, Reads, Request,
    SetCookie, Settings, Tries,
};
use crate::cluster::PodId;
use crate::engine::{LazyStream, Span, Stream};

/// The fields of a Google Cloud backend service and of its health check that choose a backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct GoogleCloudSpec {
    /// What keeps clients on a backend.
    pub session_affinity: GoogleAffinity,
    /// Lifetime of the cookie of `GENERATED_COOKIE` in seconds; 0 = as long as the browser session.
    #[schemars(range(max = 1_209_600))]
    pub affinity_cookie_ttl_sec: u32,
    /// What `HTTP_COOKIE` and `HEADER_FIELD` look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistent_hash: Option<GoogleConsistentHash>,
    /// Seconds from one health check of a backend to the next.
    #[schemars(range(min = 1, max = 300))]
    pub check_interval_sec: u32,
    /// So many checks in a row must succeed before a backend is healthy again.
    #[schemars(range(min = 1, max = 10))]
    pub healthy_threshold: u32,
    /// After so many failed checks in a row a backend is unhealthy.
    #[schemars(range(min = 1, max = 10))]
    pub unhealthy_threshold: u32,
}

/// `sessionAffinity` of a backend service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GoogleAffinity {
    /// Each request for itself.
    None,
    /// The client's address.
    ClientIp,
    /// Passthrough: address and protocol.
    ClientIpProto,
    /// Passthrough: address, port and protocol, so each connection for itself.
    ClientIpPortProto,
    /// Passthrough: the client's address alone.
    ClientIpNoDestination,
    /// A cookie of the load balancer.
    GeneratedCookie,
    /// A hash of a cookie that the load balancer makes when it is missing.
    HttpCookie,
    /// A hash of a header.
    HeaderField,
}

/// `consistentHash` of a backend service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct GoogleConsistentHash {
    /// The header of `HEADER_FIELD`, such as `x-session-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_header_name: Option<String>,
    /// The cookie of `HTTP_COOKIE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_cookie: Option<GoogleHttpCookie>,
}

/// The cookie of `HTTP_COOKIE`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GoogleHttpCookie {
    /// Its name.
    pub name: String,
    /// Its path; without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its lifetime; absent or 0: as long as the browser session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<GoogleTtl>,
}

/// A lifetime as the interface writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GoogleTtl {
    /// Whole seconds.
    pub seconds: u32,
}

impl Default for GoogleCloudSpec {
    fn default() -> Self {
        GoogleCloudSpec {
            session_affinity: GoogleAffinity::None,
            affinity_cookie_ttl_sec: 0,
            consistent_hash: None,
            check_interval_sec: 5,
            healthy_threshold: 2,
            unhealthy_threshold: 2,
        }
    }
}

impl GoogleCloudSpec {
    fn header(&self) -> Option<&str> {
        self.consistent_hash.as_ref()?.http_header_name.as_deref()
    }
    fn cookie(&self) -> Option<&GoogleHttpCookie> {
        self.consistent_hash.as_ref()?.http_cookie.as_ref()
    }
    fn passthrough(&self) -> bool {
        matches!(
            self.session_affinity,
            GoogleAffinity::ClientIpProto | GoogleAffinity::ClientIpPortProto | GoogleAffinity::ClientIpNoDestination
        )
    }
    /// How long a cookie lives that is set now; `None` = as long as the browser session.
    fn cookie_lifetime(&self) -> Option<Span> {
        let seconds = match self.session_affinity {
            GoogleAffinity::HttpCookie => self.cookie().and_then(|cookie| cookie.ttl).map_or(0, |ttl| ttl.seconds),
            _ => self.affinity_cookie_ttl_sec,
        };
        (seconds > 0).then(|| Span::from_secs(u64::from(seconds)))
    }
    fn check_hash(&self, problems: &mut Vec<Problem>) {
        let mut fail = |setting, message: String, help: &str| {
            problems.push(Problem { setting, message, help: help.to_owned() });
        };
        let (header, cookie) = ("consistentHash.httpHeaderName", "consistentHash.httpCookie");
        match (self.session_affinity, self.header()) {
            (GoogleAffinity::HeaderField, None) => {
                fail(header, "`HEADER_FIELD` looks at a header, and none is named".to_owned(), "write `x-session-id`");
            }
            (GoogleAffinity::HeaderField, Some(name)) if key_of(name).is_none() => {
                let help = "name it after what it holds, such as `x-user-id`, `x-session-id` or `x-room-id`";
                fail(header, format!("nothing says whether `{name}` tells users or rooms apart"), help);
            }
            (GoogleAffinity::HeaderField, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                fail(header, "only `HEADER_FIELD` looks at a header".to_owned(), "remove it, or choose `HEADER_FIELD`");
            }
        }
        match (self.session_affinity, self.cookie()) {
            (GoogleAffinity::HttpCookie, None) => {
                let help = "write for example `{name: session, ttl: {seconds: 3600}}`";
                fail(cookie, "`HTTP_COOKIE` looks at a cookie, and none is named".to_owned(), help);
            }
            (GoogleAffinity::HttpCookie, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                let message = "only `HTTP_COOKIE` looks at this cookie".to_owned();
                fail(cookie, message, "remove it, or choose `HTTP_COOKIE`");
            }
        }
        if self.affinity_cookie_ttl_sec > 0 && self.session_affinity != GoogleAffinity::GeneratedCookie {
            let message = "only `GENERATED_COOKIE` sets this cookie".to_owned();
            fail("affinityCookieTtlSec", message, "remove it, or choose `sessionAffinity: GENERATED_COOKIE`");
        }
    }
}

impl Settings for GoogleCloudSpec {
    fn describe(&self) -> String {
        let by = match self.session_affinity {
            GoogleAffinity::None => "NONE",
            GoogleAffinity::ClientIp => "CLIENT_IP",
            GoogleAffinity::ClientIpProto => "CLIENT_IP_PROTO",
            GoogleAffinity::ClientIpPortProto => "CLIENT_IP_PORT_PROTO",
            GoogleAffinity::ClientIpNoDestination => "CLIENT_IP_NO_DESTINATION",
            GoogleAffinity::GeneratedCookie => "GENERATED_COOKIE",
            GoogleAffinity::HttpCookie => "HTTP_COOKIE",
            GoogleAffinity::HeaderField => "HEADER_FIELD",
        };
        format!("Google Cloud {by}")
    }
    fn decisions(&self) -> &'static str {
        match self.session_affinity {
            GoogleAffinity::None => "seeded uniform draw",
            GoogleAffinity::GeneratedCookie => "cookies as documented, first pod a seeded draw",
            _ => "a consistent hash of the stated fields stands in for the secret one",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match self.session_affinity {
            GoogleAffinity::None | GoogleAffinity::ClientIpPortProto => AffinityKey::None,
            GoogleAffinity::ClientIp | GoogleAffinity::ClientIpProto | GoogleAffinity::ClientIpNoDestination => {
                AffinityKey::Address
            }
            GoogleAffinity::GeneratedCookie | GoogleAffinity::HttpCookie => AffinityKey::Cookie,
            GoogleAffinity::HeaderField => self.header().and_then(key_of).unwrap_or(AffinityKey::User),
        }
    }
    fn reads(&self) -> Reads {
        let by_address = self.affinity().is_address() || self.session_affinity == GoogleAffinity::ClientIpPortProto;
        Reads { address: by_address, ..Reads::of(self.affinity()) }
    }
    fn following(&self) -> Following {
        Following::after(List::Endpoints, PROPAGATION_DELAY).checked(checks(
            self.check_interval_sec,
            self.unhealthy_threshold,
            self.healthy_threshold,
        ))
    }
    fn layer(&self) -> Layer {
        if self.passthrough() { Layer::Connections } else { Layer::Requests }
    }
    fn forwards(&self) -> Forwards {
        if self.passthrough() {
            return Forwards::SOURCE;
        }
        Forwards { forwarded_for: ForwardedFor::AppendsPeerAndItself, ..Forwards::NOTHING }
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_bounds(&mut problems, "affinityCookieTtlSec", self.affinity_cookie_ttl_sec, 0..=1_209_600);
        check_bounds(&mut problems, "checkIntervalSec", self.check_interval_sec, 1..=300);
        check_bounds(&mut problems, "healthyThreshold", self.healthy_threshold, 1..=10);
        check_bounds(&mut problems, "unhealthyThreshold", self.unhealthy_threshold, 1..=10);
        self.check_hash(&mut problems);
        problems
    }
}

/// A backend service.
#[derive(Clone, Debug)]
pub struct GoogleCloud {
    affinity: GoogleAffinity,
    /// What the header says that is hashed, if one is.
    header: AffinityKey,
    cookie_lifetime: Option<Span>,
    passthrough: bool,
    peers: Peers,
    usable: Usable,
}

impl GoogleCloud {
    /// A backend service without backends.
    pub fn new(spec: GoogleCloudSpec) -> GoogleCloud {
        GoogleCloud {
            affinity: spec.session_affinity,
            header: spec.affinity(),
            cookie_lifetime: spec.cookie_lifetime(),
            passthrough: spec.passthrough(),
            peers: Peers::default(),
            usable: Usable::default(),
        }
    }
    /// A passthrough load balancer without a healthy backend uses all; an Application Load Balancer answers 503.
    fn changed(&mut self) {
        self.usable = if self.passthrough { Usable::up_or_failed_open(&self.peers) } else { Usable::up(&self.peers) };
    }
    fn keyed(&self, key: u32) -> Option<usize> {
        self.usable.nearest(mix(u64::from(key)), &[])
    }
}

impl Decide for GoogleCloud {
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        self.peers = Peers::new(peers);
        self.changed();
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
        self.changed();
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    /// A generated cookie names a backend; the other one is a key that belongs to some backend at any time.
    #[inline]
    fn bound(&self, cookie: u32) -> Option<PodId> {
        match self.affinity {
            GoogleAffinity::GeneratedCookie => {
                let pod = PodId::new(cookie);
                self.peers.position(pod).filter(|&position| self.peers[position].health == Health::Up).map(|_| pod)
            }
            GoogleAffinity::HttpCookie => self.keyed(cookie).map(|position| self.peers[position].pod),
            _ => None,
        }
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        _load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let Request { now, address, port, .. } = *request;
        match self.affinity {
            GoogleAffinity::None => self.usable.draw(&[], stream),
            GoogleAffinity::ClientIp | GoogleAffinity::ClientIpProto | GoogleAffinity::ClientIpNoDestination => {
                self.usable.nearest(hash_address(address), &[])
            }
            GoogleAffinity::ClientIpPortProto => self.usable.nearest(hash_flow(address, port), &[]),
            GoogleAffinity::HeaderField => match request.text(self.header) {
                [] => self.usable.draw(&[], stream),
                text => self.usable.nearest(hash_text(text), &[]),
            },
            GoogleAffinity::HttpCookie => {
                let key = request.cookie.unwrap_or_else(|| {
                    let key = stream.get().below(1 << 32) as u32;
                    tries.cookie = Some(SetCookie::new(key, now, self.cookie_lifetime));
                    key
                });
                self.keyed(key)
            }
            GoogleAffinity::GeneratedCookie => {
                let bound = request.cookie.and_then(|cookie| self.peers.position(PodId::new(cookie)));
                if let Some(position) = bound.filter(|&position| self.peers[position].health == Health::Up) {
                    return Some(position);
                }
                let position = self.usable.draw(&[], stream)?;
                tries.cookie = Some(SetCookie::new(self.peers[position].pod.raw(), now, self.cookie_lifetime));
                Some(position)
            }
        }
    }
    /// Assumption: a refused request is an error.
    fn max_tries(&self) -> usize {
        1
    }
}
