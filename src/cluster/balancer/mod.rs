//! Load balancers: which pod a request goes to.
//!
//! A decision depends on the request (address, cookie), the peers the balancer knows, and its own state. What it knows
//! of pods, and when it learns of a change, is apart from what is true; see [`Following`].
//!
//! One file per product; adding one is a file here and a line in each list below.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PodId;
use crate::engine::{LazyStream, SimTime, Span, Stream};

mod ingress_nginx;
mod nginx;
mod ring;
mod turns;

pub use ingress_nginx::{Affinity, AffinityMode, IngressNginx, IngressNginxSpec, LoadBalance};
pub use nginx::{Nginx, NginxMethod, NginxSpec};
pub use ring::Ring;

/// A load balancer with the settings that its users write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum BalancerSpec {
    /// nginx with an `upstream` block.
    #[serde(rename = "nginx")]
    Nginx(NginxSpec),
    /// ingress-nginx with its annotations.
    #[serde(rename = "ingress-nginx")]
    IngressNginx(IngressNginxSpec),
}

impl BalancerSpec {
    /// The balancer in a few words, such as `nginx ip_hash`.
    pub fn describe(&self) -> String {
        match self {
            BalancerSpec::Nginx(spec) => {
                let method = match spec.method {
                    NginxMethod::RoundRobin => "round robin",
                    NginxMethod::LeastConn => "least_conn",
                    NginxMethod::Random => "random",
                    NginxMethod::IpHash => "ip_hash",
                };
                format!("nginx {method}")
            }
            BalancerSpec::IngressNginx(spec) => match (spec.affinity, spec.affinity_mode) {
                (Affinity::None, _) => "ingress-nginx round robin".to_owned(),
                (Affinity::Cookie, AffinityMode::Balanced) => "ingress-nginx cookie, balanced".to_owned(),
                (Affinity::Cookie, AffinityMode::Persistent) => "ingress-nginx cookie, persistent".to_owned(),
            },
        }
    }
    /// Whether its decisions equal the real program's, or which of them are seeded draws.
    pub const fn decisions(&self) -> &'static str {
        match self {
            BalancerSpec::Nginx(NginxSpec { method: NginxMethod::Random, .. }) => {
                "seeded draw (nginx seeds its own from the clock)"
            }
            BalancerSpec::Nginx(_) => "exact",
            BalancerSpec::IngressNginx(IngressNginxSpec { affinity: Affinity::None, .. }) => {
                "exact turns from a seeded start"
            }
            BalancerSpec::IngressNginx(_) => "exact cookies, first pod a seeded draw",
        }
    }
    /// What it looks at to send a client to the same pod again.
    pub const fn affinity(&self) -> AffinityKey {
        match self {
            BalancerSpec::Nginx(NginxSpec { method: NginxMethod::IpHash, .. }) => AffinityKey::Network,
            BalancerSpec::IngressNginx(IngressNginxSpec { affinity: Affinity::Cookie, .. }) => AffinityKey::Cookie,
            _ => AffinityKey::None,
        }
    }
}

/// What a balancer looks at to send a client to the same pod again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AffinityKey {
    /// Nothing.
    None,
    /// The /24 of an IPv4 address, the whole of an IPv6 address.
    Network,
    /// A cookie.
    Cookie,
}

/// A pod as a balancer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Which.
    pub pod: PodId,
    /// `ip:port`.
    pub address: String,
}

/// What a balancer sees of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// When it arrives.
    pub now: SimTime,
    /// From where.
    pub address: IpAddr,
    /// The affinity cookie it carries.
    pub cookie: Option<u32>,
}

/// What a balancer remembers between the tries of one request.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    /// Peers, by position, that refused.
    pub refused: Vec<usize>,
    /// Cookie to be set with the answer.
    pub cookie: Option<u32>,
    /// Misses of a hash or draw so far (nginx).
    misses: u32,
    /// Where the chain of hashes stands (nginx `ip_hash`).
    hash: Option<u32>,
}

/// How a balancer learns which pods there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// A list of servers: a pod keeps its line while it restarts in place; a new list is a reload.
    Servers,
    /// Ready endpoints of the Kubernetes API, synchronised at most once per interval, picked up by workers at ticks.
    Endpoints,
}

/// A load balancer at work.
#[derive(Clone, Debug)]
pub enum Balancer {
    /// nginx.
    Nginx(Nginx),
    /// ingress-nginx.
    IngressNginx(IngressNginx),
}

impl Balancer {
    /// A balancer that knows no pod yet.
    pub fn new(spec: &BalancerSpec) -> Balancer {
        match spec {
            BalancerSpec::Nginx(spec) => Balancer::Nginx(Nginx::new(spec.clone())),
            BalancerSpec::IngressNginx(spec) => Balancer::IngressNginx(IngressNginx::new(spec.clone())),
        }
    }
    /// How it learns of pods.
    pub const fn following(&self) -> Following {
        match self {
            Balancer::Nginx(_) => Following::Servers,
            Balancer::IngressNginx(_) => Following::Endpoints,
        }
    }
    /// It now knows these pods.
    pub fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream) {
        match self {
            Balancer::Nginx(nginx) => nginx.set_peers(peers),
            Balancer::IngressNginx(ingress) => ingress.set_peers(peers, stream),
        }
    }
    /// Position of a pod among its peers.
    pub fn position(&self, pod: PodId) -> Option<usize> {
        match self {
            Balancer::Nginx(nginx) => nginx.peers().position(|peer| peer.pod == pod),
            Balancer::IngressNginx(ingress) => ingress.position(pod),
        }
    }
    /// The pod at a position.
    pub fn pod_at(&self, position: usize) -> PodId {
        match self {
            Balancer::Nginx(nginx) => nginx.pod_at(position),
            Balancer::IngressNginx(ingress) => ingress.pod_at(position),
        }
    }
    /// The position of the pod to try next; `None` when there is none.
    pub fn pick(
        &mut self,
        request: &Request,
        tries: &mut Tries,
        stream: &mut LazyStream,
        connections: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        match self {
            Balancer::Nginx(nginx) => nginx.pick(request, tries, stream, connections),
            Balancer::IngressNginx(ingress) => ingress.pick(request, tries, stream),
        }
    }
    /// The pod that this cookie takes a request to, if that is all it takes: the first try has no other outcome and
    /// leaves no trace.
    #[inline]
    pub fn bound(&self, cookie: u32) -> Option<PodId> {
        match self {
            Balancer::Nginx(_) => None,
            Balancer::IngressNginx(ingress) => ingress.bound(cookie),
        }
    }
    /// True when it looks at the address that a request comes from.
    pub const fn reads_address(&self) -> bool {
        matches!(self, Balancer::Nginx(nginx) if nginx.reads_address())
    }
    /// The try refused the connection.
    pub fn failed(&mut self, position: usize, now: SimTime) {
        if let Balancer::Nginx(nginx) = self {
            nginx.failed(position, now);
        }
    }
    /// True when the end of a request there must be told with [`Balancer::finished`].
    pub fn watches(&self, pod: PodId) -> bool {
        match self {
            Balancer::Nginx(nginx) => nginx.has_failures(pod),
            Balancer::IngressNginx(_) => false,
        }
    }
    /// A request or tunnel to this pod ended well.
    pub fn finished(&mut self, pod: PodId) {
        let position = self.position(pod);
        if let (Balancer::Nginx(nginx), Some(position)) = (self, position) {
            nginx.finished(position);
        }
    }
    /// Tries per request.
    pub fn max_tries(&self) -> usize {
        match self {
            Balancer::Nginx(nginx) => nginx.len(),
            Balancer::IngressNginx(_) => ingress_nginx::MAX_TRIES,
        }
    }
    /// How long a cookie issued now lives; `None` = as long as the browser session.
    pub fn cookie_lifetime(&self) -> Option<Span> {
        match self {
            Balancer::Nginx(_) => None,
            Balancer::IngressNginx(ingress) => ingress.cookie_lifetime(),
        }
    }
}

/// How products write a lifetime: a number of seconds, or a duration with a unit.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum SecondsOrSpan {
    /// Seconds, as in the product's own configuration.
    #[expect(dead_code, reason = "describes the shape for the schema")]
    Seconds(u32),
    /// With a unit, such as `48h`.
    #[expect(dead_code, reason = "describes the shape for the schema")]
    Span(Span),
}

/// Reads what [`SecondsOrSpan`] describes.
fn seconds_or_span<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Span>, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = Option<Span>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number of seconds such as 172800, or a duration such as `48h`")
        }
        fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Self::Value, E> {
            if seconds > u64::from(u32::MAX) {
                return Err(E::custom(format!("`{seconds}` seconds is longer than 136 years")));
            }
            Ok(Some(Span::from_secs(seconds)))
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text.parse::<u32>() {
                Ok(seconds) => self.visit_u64(u64::from(seconds)),
                Err(_) => text.parse().map(Some).map_err(E::custom),
            }
        }
    }
    deserializer.deserialize_any(Visitor)
}
