//! A Kubernetes Service: kube-proxy on the node that a client enters by.
//!
//! Source: kubernetes `pkg/proxy/{iptables,nftables,ipvs}/proxier.go` and `pkg/proxy/topology.go`, linux
//! `net/netfilter/xt_recent.c`, `nft_dynset.c`, `ipvs/ip_vs_{core,conn}.c`; held against kube-proxy's own rules in a real kernel.
//! Which endpoint keeps a client, for how long, and whom a full list forgets equals the kernel's; the first endpoint of a
//! client is a random number there and a seeded uniform draw here. IPVS is read in source and was not run; the order of its
//! turns is assumed to be that of the endpoints.
//!
//! It decides once per TCP connection. Nodes do not share what they know of clients.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud::{Usable, check_bounds};
use super::product::WATCH_DELAY;
use super::{
    AffinityKey, Decide, Ends, Following, Forwards, Health, Layer, Lines, List, Peer, Peers, Problem, Request,
    Settings, Tries,
};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Span, Stream};
use sources::{Rules, Sources};
use templates::Templates;

mod sources;
mod templates;

/// The fields of a Kubernetes Service that choose a pod, and how kube-proxy carries them out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ServiceSpec {
    /// `ClientIP`: connections from one address go to one pod. `None` (the default): each connection for itself.
    pub session_affinity: SessionAffinity,
    /// `sessionAffinityConfig.clientIP.timeoutSeconds`: an address is forgotten so long after its last new connection.
    #[schemars(range(min = 1, max = 86400))]
    pub timeout_seconds: u32,
    /// The same where a Service has it, for pasting; stronger than `timeoutSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_affinity_config: Option<SessionAffinityConfig>,
    /// kube-proxy's mode. iptables remembers only 100 addresses per pod and node.
    pub mode: ProxyMode,
    /// `Cluster` (the default): every node reaches all pods, and hides the client's address from them; affinity goes by the
    /// address that the node sees. `Local`: a node reaches its own pods only and keeps the address; a node without a pod fails
    /// who enters by it. Pod n stands on node n modulo `nodes`.
    pub external_traffic_policy: TrafficPolicy,
    /// Nodes that clients enter by, each with its own memory.
    #[schemars(range(min = 1, max = 5000))]
    pub nodes: u32,
}

/// Whether a Service keeps clients on a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionAffinity {
    /// Each connection for itself.
    None,
    /// By the address that a connection comes from.
    ClientIP,
}

/// `sessionAffinityConfig` of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionAffinityConfig {
    /// Of `sessionAffinity: ClientIP`.
    #[serde(rename = "clientIP")]
    pub client_ip: ClientIpConfig,
}

/// `sessionAffinityConfig.clientIP` of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClientIpConfig {
    /// An address is forgotten so long after its last new connection.
    #[schemars(range(min = 1, max = 86400))]
    pub timeout_seconds: u32,
}

/// How kube-proxy directs connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProxyMode {
    /// Rules of iptables; affinity by xt_recent.
    Iptables,
    /// Rules of nftables; affinity by sets.
    Nftables,
    /// IP Virtual Server with its round robin; affinity by persistent connections.
    Ipvs,
}

/// Where connections from outside the cluster go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TrafficPolicy {
    /// To any pod, with the node's address as their source.
    Cluster,
    /// To pods on the same node, with their own source.
    Local,
}

/// The timeout where none is given (kubernetes/api `core/v1/types.go`).
const DEFAULT_TIMEOUT_S: u32 = 10_800;

impl ServiceSpec {
    fn timeout(&self) -> Span {
        let seconds =
            self.session_affinity_config.map_or(self.timeout_seconds, |config| config.client_ip.timeout_seconds);
        Span::from_secs(u64::from(seconds))
    }
}

impl Default for ServiceSpec {
    fn default() -> Self {
        ServiceSpec {
            session_affinity: SessionAffinity::None,
            timeout_seconds: DEFAULT_TIMEOUT_S,
            session_affinity_config: None,
            mode: ProxyMode::Iptables,
            external_traffic_policy: TrafficPolicy::Cluster,
            nodes: 1,
        }
    }
}

impl Settings for ServiceSpec {
    fn describe(&self) -> String {
        let mode = match self.mode {
            ProxyMode::Iptables => "iptables",
            ProxyMode::Nftables => "nftables",
            ProxyMode::Ipvs => "ipvs",
        };
        match self.session_affinity {
            SessionAffinity::None => format!("Service ({mode})"),
            SessionAffinity::ClientIP => format!("Service ClientIP ({mode})"),
        }
    }
    fn decisions(&self) -> &'static str {
        match (self.mode, self.session_affinity) {
            (ProxyMode::Ipvs, SessionAffinity::None) => "exact turns",
            (ProxyMode::Ipvs, SessionAffinity::ClientIP) => {
                "affinity as in the kernel's source, first pod by exact turns"
            }
            (_, SessionAffinity::None) => "seeded uniform draw, as the rules of kube-proxy",
            (_, SessionAffinity::ClientIP) => "exact affinity, first pod a seeded uniform draw",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match self.session_affinity {
            SessionAffinity::None => AffinityKey::None,
            SessionAffinity::ClientIP => AffinityKey::Address,
        }
    }
    fn following(&self) -> Following {
        Following {
            list: List::ServingEndpoints,
            delay: WATCH_DELAY,
            at_most_every: match self.mode {
                ProxyMode::Ipvs => Span::ZERO,
                ProxyMode::Iptables | ProxyMode::Nftables => MIN_SYNC_PERIOD,
            },
            tick: Span::ZERO,
            checks: None,
        }
    }
    fn layer(&self) -> Layer {
        Layer::Connections
    }
    fn ends(&self) -> Ends {
        // templates of IPVS live as long as connections do
        match (self.mode, self.session_affinity) {
            (ProxyMode::Ipvs, SessionAffinity::ClientIP) => Ends::All,
            _ => Ends::Ignored,
        }
    }
    fn forwards(&self) -> Forwards {
        match self.external_traffic_policy {
            TrafficPolicy::Cluster => Forwards::NOTHING,
            TrafficPolicy::Local => Forwards::SOURCE,
        }
    }
    fn instances(&self) -> u32 {
        self.nodes
    }
    fn lines(&self) -> Lines {
        Lines::of(&self.following()).unweighted("gives every endpoint the same chance; leave the weights out")
    }
    fn reaches(&self, instance: usize, pod: usize) -> bool {
        match self.external_traffic_policy {
            TrafficPolicy::Cluster => true,
            // assumption: a topology spread constraint deals pods out to the nodes in turn
            TrafficPolicy::Local => pod % self.nodes.max(1) as usize == instance,
        }
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_bounds(&mut problems, "timeoutSeconds", self.timeout_seconds, 1..=86_400);
        if self.session_affinity == SessionAffinity::None && self.timeout_seconds != DEFAULT_TIMEOUT_S {
            let message = "it belongs to `sessionAffinity: ClientIP`, and no address is remembered without".to_owned();
            let help = "remove it, or write `sessionAffinity: ClientIP`".to_owned();
            problems.push(Problem { setting: "timeoutSeconds", message, help });
        }
        if let Some(config) = self.session_affinity_config {
            let setting = "sessionAffinityConfig";
            check_bounds(&mut problems, setting, config.client_ip.timeout_seconds, 1..=86_400);
            if self.session_affinity == SessionAffinity::None {
                let message = "it belongs to `sessionAffinity: ClientIP`, and Kubernetes refuses it without".to_owned();
                let help = "remove it, or write `sessionAffinity: ClientIP`".to_owned();
                problems.push(Problem { setting, message, help });
            }
            if ![DEFAULT_TIMEOUT_S, config.client_ip.timeout_seconds].contains(&self.timeout_seconds) {
                let message = "it says another timeout than `timeoutSeconds`".to_owned();
                problems.push(Problem { setting, message, help: "keep one of them".to_owned() });
            }
        }
        check_bounds(&mut problems, "nodes", self.nodes, 1..=5_000);
        problems
    }
}

/// `minSyncPeriod` of the modes iptables and nftables; ipvs has none (`pkg/proxy/apis/config/v1alpha1/defaults.go`).
const MIN_SYNC_PERIOD: Span = Span::from_secs(1);

/// `ip_list_tot` of the kernel, which kube-proxy leaves at its default; the oldest goes (`xt_recent.c`). A mark counts until
/// it is older than the timeout.
const XT_RECENT: Rules = Rules { capacity: 100, evicts: true, inclusive: true };
/// What a set of kube-proxy holds. A full one takes nobody (`nft_dynset.c`); what expired makes room.
const NFT_SET: Rules = Rules { capacity: 65_535, evicts: false, inclusive: false };

/// kube-proxy of one node.
#[derive(Clone, Debug)]
pub struct Service {
    peers: Peers,
    /// Ready endpoints; when there is none, those that are shut down and still serve (`CategorizeEndpoints`).
    active: Usable,
    memory: Memory,
    /// In mode ipvs without or before affinity: the number, among the active ones, whose turn it is.
    turn: Option<usize>,
    /// From where the last connection came; a refusal is told without it.
    last_source: Option<IpAddr>,
}

/// What a node knows of clients.
#[derive(Clone, Debug)]
enum Memory {
    Nothing,
    Sources(Sources),
    Templates(Templates),
}

impl Service {
    /// A node without endpoints.
    pub fn new(spec: ServiceSpec) -> Service {
        let timeout = spec.timeout();
        let memory = match (spec.session_affinity, spec.mode) {
            (SessionAffinity::None, _) => Memory::Nothing,
            (_, ProxyMode::Iptables) => Memory::Sources(Sources::new(XT_RECENT, timeout)),
            (_, ProxyMode::Nftables) => Memory::Sources(Sources::new(NFT_SET, timeout)),
            (_, ProxyMode::Ipvs) => Memory::Templates(Templates::new(timeout)),
        };
        Service {
            peers: Peers::default(),
            active: Usable::default(),
            memory,
            turn: (spec.mode == ProxyMode::Ipvs).then_some(0),
            last_source: None,
        }
    }

    fn active_pods(&self) -> impl Iterator<Item = PodId> {
        self.peers.iter().filter(|peer| is_active(&self.peers, peer)).map(|peer| peer.pod)
    }

    /// New rules, made of the peers as they are now; those of `before` had rules until now.
    fn write_rules(&mut self, before: &[PodId]) {
        if let Some(turn) = self.turn {
            // who comes next still does, or the first after it that is left
            let next = before.iter().skip(turn).find_map(|&pod| self.active_pods().position(|other| other == pod));
            self.turn = Some(next.unwrap_or(0));
        }
        self.active = Usable::of(&self.peers, |peer| is_active(&self.peers, peer));
        match &mut self.memory {
            Memory::Nothing => {}
            Memory::Sources(sources) => {
                let peers = &self.peers;
                sources.set_endpoints(peers.iter().map(|peer| is_active(peers, peer).then_some(peer.pod)));
            }
            Memory::Templates(templates) => {
                let peers = &self.peers;
                let stays = |pod: PodId| peers.position(pod).is_some_and(|position| is_active(peers, &peers[position]));
                before.iter().filter(|&&pod| !stays(pod)).for_each(|&pod| templates.endpoint_left(pod));
            }
        }
    }

    /// An endpoint for a client that none is known for.
    fn choose(&mut self, stream: &mut LazyStream) -> Option<usize> {
        let Some(turn) = self.turn else { return self.active.draw(&[], stream) };
        if self.active.is_empty() {
            return None;
        }
        let turn = turn % self.active.len();
        self.turn = Some(turn + 1);
        Some(self.active.position(turn))
    }
}

/// Whether new connections may go to this endpoint.
fn is_active(peers: &Peers, peer: &Peer) -> bool {
    peer.health == Health::Up || (peers.up() == 0 && peer.health == Health::Draining)
}

impl Decide for Service {
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        let before: Vec<PodId> = self.active_pods().collect();
        self.peers = Peers::new(peers);
        self.write_rules(&before);
    }
    fn set_health(&mut self, position: usize, health: Health) {
        let before: Vec<PodId> = self.active_pods().collect();
        self.peers.set_health(position, health);
        self.write_rules(&before);
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
        _load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let Request { address, now, .. } = *request;
        let known = match &mut self.memory {
            Memory::Nothing => return self.choose(stream),
            Memory::Sources(sources) => sources.find(address, now),
            Memory::Templates(templates) => {
                templates.find(address, now).and_then(|pod| self.peers.position(pod).ok_or(None))
            }
        };
        let position = match known {
            Ok(position) => position,
            Err(forgotten) => {
                tries.forgotten = forgotten;
                self.choose(stream)?
            }
        };
        match &mut self.memory {
            Memory::Nothing => {}
            Memory::Sources(sources) => sources.stamp(position, address, now),
            Memory::Templates(templates) => {
                templates.connect(address, self.peers[position].pod, now);
                self.last_source = Some(address);
            }
        }
        Some(position)
    }
    /// The kernel rewrites a connection once; a refusal goes back to the client.
    fn max_tries(&self) -> usize {
        1
    }
    fn failed(&mut self, position: usize, _now: SimTime) {
        if let (Memory::Templates(templates), Some(source)) = (&mut self.memory, self.last_source.take()) {
            templates.refused(source, self.peers[position].pod);
        }
    }
    fn ended(&mut self, pod: PodId, address: IpAddr, _began: SimTime, now: SimTime) {
        if let Memory::Templates(templates) = &mut self.memory {
            templates.released(address, pod, now);
        }
    }
}
