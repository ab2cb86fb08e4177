//! Azure Application Gateway and Azure Load Balancer.
//!
//! Source: learn.microsoft.com (configuration of backend settings; distribution modes; health probes). The gateway's cookie
//! names a backend for as long as the browser session; requests without one take turns from a seeded start. The hash of the load
//! balancer is secret: a fixed one over the stated fields stands in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud::{PROPAGATION_DELAY, Usable, check_bounds, checks, hash_address, hash_flow};
use super::texts::check_cookie_name;
use super::{
    AffinityKey, Decide, Following, Forwards, Health, Layer, List, Peer, Peers, Problem, Reads, Request, SetCookie,
    Settings, Tries,
};
use crate::cluster::PodId;
use crate::engine::{LazyStream, Span, Stream};

/// The backend settings of an Azure Application Gateway, and its health probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AzureApplicationGatewaySpec {
    /// `Enabled`: clients are kept on a backend by a cookie.
    #[serde(rename = "CookieBasedAffinity")]
    pub cookie_based_affinity: CookieBasedAffinity,
    /// Name of the cookie; without effect on where clients land.
    #[serde(rename = "AffinityCookieName")]
    pub affinity_cookie_name: String,
    /// Whether a backend that is removed keeps its connections, and requests that its cookie binds, for a while.
    #[serde(rename = "ConnectionDraining", skip_serializing_if = "Option::is_none")]
    pub connection_draining: Option<AzureDraining>,
    /// Seconds from one health probe of a backend to the next.
    #[schemars(range(min = 1, max = 86_400))]
    pub interval: u32,
    /// After so many failed probes in a row a backend is unhealthy.
    #[serde(rename = "unhealthyThreshold")]
    #[schemars(range(min = 1, max = 20))]
    pub unhealthy_threshold: u32,
}

/// Whether an Application Gateway keeps clients on a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CookieBasedAffinity {
    /// By the cookie `ApplicationGatewayAffinity`.
    Enabled,
    /// Each request for itself.
    Disabled,
}

/// `ConnectionDraining` of an Application Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureDraining {
    /// Whether it is on.
    #[serde(rename = "Enabled")]
    pub enabled: bool,
    /// What is still open then is cut.
    #[serde(rename = "DrainTimeoutInSec")]
    #[schemars(range(min = 1, max = 3_600))]
    pub drain_timeout_s: u32,
}

impl Default for AzureApplicationGatewaySpec {
    fn default() -> Self {
        AzureApplicationGatewaySpec {
            cookie_based_affinity: CookieBasedAffinity::Disabled,
            affinity_cookie_name: "ApplicationGatewayAffinity".to_owned(),
            connection_draining: None,
            interval: 30,
            unhealthy_threshold: 3,
        }
    }
}

impl AzureApplicationGatewaySpec {
    /// `None` when connection draining is off.
    fn draining(&self) -> Option<Span> {
        let draining = self.connection_draining.filter(|draining| draining.enabled)?;
        Some(Span::from_secs(u64::from(draining.drain_timeout_s)))
    }
}

impl Settings for AzureApplicationGatewaySpec {
    fn describe(&self) -> String {
        match self.cookie_based_affinity {
            CookieBasedAffinity::Enabled => "Azure Application Gateway cookie",
            CookieBasedAffinity::Disabled => "Azure Application Gateway round robin",
        }
        .to_owned()
    }
    fn decisions(&self) -> &'static str {
        match self.cookie_based_affinity {
            CookieBasedAffinity::Enabled => "cookies as documented, first pod by turns from a seeded start",
            CookieBasedAffinity::Disabled => "turns from a seeded start",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match self.cookie_based_affinity {
            CookieBasedAffinity::Enabled => AffinityKey::Cookie,
            CookieBasedAffinity::Disabled => AffinityKey::None,
        }
    }
    fn following(&self) -> Following {
        Following::after(
            if self.draining().is_some() { List::ServingEndpoints } else { List::Endpoints },
            PROPAGATION_DELAY,
        )
        .checked(checks(self.interval, self.unhealthy_threshold, 1))
    }
    fn cuts_after(&self) -> Option<Span> {
        self.draining()
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_bounds(&mut problems, "interval", self.interval, 1..=86_400);
        let name = &self.affinity_cookie_name;
        check_cookie_name(&mut problems, "AffinityCookieName", name, "ApplicationGatewayAffinity");
        check_bounds(&mut problems, "unhealthyThreshold", self.unhealthy_threshold, 1..=20);
        if let Some(AzureDraining { drain_timeout_s, .. }) = self.connection_draining {
            check_bounds(&mut problems, "ConnectionDraining.DrainTimeoutInSec", drain_timeout_s, 1..=3_600);
        }
        problems
    }
}

/// An Application Gateway with one backend pool.
#[derive(Clone, Debug)]
pub struct AzureApplicationGateway {
    sticky: bool,
    peers: Peers,
    usable: Usable,
    /// The number, among the usable ones, whose turn it is; `None` before the first backends.
    turn: Option<usize>,
}

impl AzureApplicationGateway {
    /// An empty pool.
    pub fn new(spec: AzureApplicationGatewaySpec) -> AzureApplicationGateway {
        AzureApplicationGateway {
            sticky: spec.cookie_based_affinity == CookieBasedAffinity::Enabled,
            peers: Peers::default(),
            usable: Usable::default(),
            turn: None,
        }
    }
    /// Requests bound by a cookie go on to a backend that drains.
    fn keeps(&self, pod: PodId) -> Option<usize> {
        self.peers.position(pod).filter(|&position| self.peers[position].health != Health::Down)
    }
}

impl Decide for AzureApplicationGateway {
    fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream) {
        self.peers = Peers::new(peers);
        self.usable = Usable::up(&self.peers);
        if self.turn.is_none() && !peers.is_empty() {
            self.turn = Some(stream.below(peers.len() as u64) as usize);
        }
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
        self.usable = Usable::up(&self.peers);
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    #[inline]
    fn bound(&self, cookie: u32) -> Option<PodId> {
        let pod = PodId::new(cookie);
        if self.sticky { self.keeps(pod).map(|_| pod) } else { None }
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        _stream: &mut LazyStream,
        _load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let bound = request.cookie.filter(|_| self.sticky).and_then(|cookie| self.keeps(PodId::new(cookie)));
        if bound.is_some() {
            return bound;
        }
        if self.usable.is_empty() {
            return None;
        }
        let turn = self.turn.unwrap_or(0) % self.usable.len();
        self.turn = Some(turn + 1);
        let position = self.usable.position(turn);
        if self.sticky {
            tries.cookie = Some(SetCookie::new(self.peers[position].pod.raw(), request.now, None));
        }
        Some(position)
    }
    /// Assumption: a refused request is an error (502).
    fn max_tries(&self) -> usize {
        1
    }
}

/// The load-balancing rule of an Azure Load Balancer, and its health probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AzureLoadBalancerSpec {
    /// What the hash covers; the portal calls it session persistence.
    #[serde(rename = "loadDistribution", alias = "sessionPersistence")]
    pub load_distribution: LoadDistribution,
    /// Seconds from one health probe of a backend to the next.
    #[serde(rename = "intervalInSeconds")]
    #[schemars(range(min = 5, max = 86_400))]
    pub interval_s: u32,
    /// So many probes in a row must fail before a backend is down, and succeed before it is up again.
    #[serde(rename = "probeThreshold")]
    #[schemars(range(min = 1, max = 100))]
    pub probe_threshold: u32,
}

/// What the hash of an Azure Load Balancer covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoadDistribution {
    /// Both addresses, both ports and the protocol: each connection for itself. In the portal `None`.
    #[serde(alias = "None")]
    Default,
    /// Both addresses. In the portal `Client IP`.
    #[serde(rename = "SourceIP", alias = "ClientIP", alias = "Client IP")]
    SourceIp,
    /// Both addresses and the protocol. In the portal `Client IP and protocol`.
    #[serde(rename = "SourceIPProtocol", alias = "ClientIPProtocol", alias = "Client IP and protocol")]
    SourceIpProtocol,
}

impl Default for AzureLoadBalancerSpec {
    fn default() -> Self {
        AzureLoadBalancerSpec { load_distribution: LoadDistribution::Default, interval_s: 15, probe_threshold: 1 }
    }
}

impl Settings for AzureLoadBalancerSpec {
    fn describe(&self) -> String {
        match self.load_distribution {
            LoadDistribution::Default => "Azure Load Balancer Default",
            LoadDistribution::SourceIp => "Azure Load Balancer SourceIP",
            LoadDistribution::SourceIpProtocol => "Azure Load Balancer SourceIPProtocol",
        }
        .to_owned()
    }
    fn decisions(&self) -> &'static str {
        "a hash of the stated fields stands in for the secret one"
    }
    fn affinity(&self) -> AffinityKey {
        match self.load_distribution {
            LoadDistribution::Default => AffinityKey::None,
            LoadDistribution::SourceIp | LoadDistribution::SourceIpProtocol => AffinityKey::Address,
        }
    }
    fn reads(&self) -> Reads {
        Reads::of(AffinityKey::Address)
    }
    fn following(&self) -> Following {
        Following::after(List::Endpoints, PROPAGATION_DELAY).checked(checks(
            self.interval_s,
            self.probe_threshold,
            self.probe_threshold,
        ))
    }
    fn layer(&self) -> Layer {
        Layer::Connections
    }
    fn forwards(&self) -> Forwards {
        Forwards::SOURCE
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_bounds(&mut problems, "intervalInSeconds", self.interval_s, 5..=86_400);
        check_bounds(&mut problems, "probeThreshold", self.probe_threshold, 1..=100);
        problems
    }
}

/// An Azure Load Balancer with one backend pool.
#[derive(Clone, Debug)]
pub struct AzureLoadBalancer {
    by_address: bool,
    peers: Peers,
    usable: Usable,
}

impl AzureLoadBalancer {
    /// An empty pool.
    pub fn new(spec: AzureLoadBalancerSpec) -> AzureLoadBalancer {
        let by_address = spec.load_distribution != LoadDistribution::Default;
        AzureLoadBalancer { by_address, peers: Peers::default(), usable: Usable::default() }
    }
}

impl Decide for AzureLoadBalancer {
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        self.peers = Peers::new(peers);
        self.usable = Usable::up(&self.peers);
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
        self.usable = Usable::up(&self.peers);
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    /// Assumption: a change of the pool deals all hashes anew, as in the published design of this load balancer (Ananta, SIGCOMM
    /// 2013), which needs a table of connections for that reason.
    fn pick(
        &mut self,
        request: &Request<'_>,
        _tries: &mut Tries,
        _stream: &mut LazyStream,
        _load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let Request { address, port, .. } = *request;
        self.usable.dealt(if self.by_address { hash_address(address) } else { hash_flow(address, port) })
    }
    /// A refusal goes back to the client.
    fn max_tries(&self) -> usize {
        1
    }
}
