//! The way of a request: one balancer or several in a row, each with instances of its own state.

use std::net::{IpAddr, Ipv4Addr};

use rustc_hash::FxHashMap;

use super::PodId;
use super::balancer::{
    AffinityKey, Balancer, BalancerSpec, Decide, Ends, Health, Layer, Line, Peer, Peers, Reads, Sees, SetCookie, Told,
};
use super::clients::{ClientId, NO_POD};
use super::spec::MAX_TIERS;
use crate::engine::{SimTime, Span, Stream};

/// How long a client's HTTP connection lives without a request where it ends in a pod (Node.js `server.keepAliveTimeout`) …
const POD_KEEP_ALIVE: Span = Span::from_secs(5);
/// … and where it ends in a proxy (nginx `keepalive_timeout`).
const PROXY_KEEP_ALIVE: Span = Span::from_secs(75);

/// One balancer of the way.
pub struct Tier {
    pub layer: Layer,
    pub affinity: AffinityKey,
    pub sees: Sees,
    /// What its decisions look at.
    pub reads: Reads,
    /// Which ends of requests matter to it.
    pub ends: Ends,
    /// Whether a try that gets no answer counts for its pod.
    pub counts_tries: bool,
    /// Some do, or are counted.
    pub wants_ends: bool,
    /// Several instances count the connections of their own.
    pub own_loads: bool,
    pub instances: Vec<Instance>,
}

/// One process of a balancer with its own state.
pub struct Instance {
    pub balancer: Balancer,
    /// Connections and requests that it has at each pod, see [`Tier::own_loads`].
    pub loads: Loads,
}

/// The HTTP connection of a client.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// It is closed when it has had no request until then.
    pub until: SimTime,
    /// Its number among all connections of the client …
    pub connection: u32,
    /// … of which there have been so many, WebSockets included.
    pub connections: u32,
    /// The instance of each tier that it leads through.
    pub instances: [u16; MAX_TIERS],
    /// The same of the client's last request, which may have opened a WebSocket.
    pub last: [u16; MAX_TIERS],
    /// The pod in which the connection ends, if all tiers decide about connections …
    pub pod: PodId,
    /// … and the process there.
    pub process: u32,
}

/// The address from which a tunnel comes, as the balancer sees it, and when it began.
pub type Tunnel = (IpAddr, SimTime);

const NO_HOP: Hop = Hop {
    until: SimTime::ZERO,
    connection: 0,
    connections: 0,
    instances: [0; MAX_TIERS],
    last: [0; MAX_TIERS],
    pod: NO_POD,
    process: 0,
};

/// All balancers in the order in which a request meets them.
pub struct Path {
    /// Those before the last one.
    before: Vec<Tier>,
    /// The one that chooses pods.
    pub last: Tier,
    /// Tiers at the beginning that decide about connections of clients, not about what is in them.
    transparent: usize,
    /// One tier with one instance that decides about requests: nothing is to be remembered of connections.
    direct: bool,
    /// The tier that connects to pods: the last one that looks into connections. `None`: those of clients are passed on all the way.
    proxy: Option<usize>,
    /// How long it waits for a pod that does not answer at all; `None`: its clients wait.
    pub connect_timeout: Option<Span>,
    /// After this time a request gets no further try from it.
    pub tries_within: Option<Span>,
    /// The instance of the last tier that routed last.
    pub used: u16,
    /// When the last tier has reloaded last and lost count of its connections.
    pub forgot_at: Option<SimTime>,
    /// The last request opened an HTTP connection that ends in a pod.
    pub opened: bool,
    hops: Vec<Hop>,
    /// Address and beginning of each client's tunnel, where a balancer wants to know of their ends.
    pub tunnels: FxHashMap<ClientId, Tunnel>,
    /// Cookies of tiers before the last one.
    cookies: FxHashMap<(ClientId, u8), SetCookie>,
}

impl Path {
    /// Balancers with these settings, at least one, that know no pod yet.
    pub fn new(specs: &[BalancerSpec]) -> Path {
        let mut tiers: Vec<Tier> = specs.iter().zip(seen_by(specs)).map(|(spec, sees)| Tier::new(spec, sees)).collect();
        let transparent = tiers.iter().take_while(|tier| tier.layer == Layer::Connections).count();
        let proxy = tiers.iter().rposition(|tier| tier.layer == Layer::Requests);
        let settings = proxy.map(|tier| specs[tier].settings());
        let last = tiers.pop().expect("there is at least one balancer");
        let direct = tiers.is_empty() && last.instances.len() == 1 && transparent == 0;
        let (hops, cookies, tunnels) = (Vec::new(), FxHashMap::default(), FxHashMap::default());
        Path {
            before: tiers,
            last,
            transparent,
            direct,
            proxy,
            connect_timeout: settings.and_then(|settings| settings.connect_timeout()),
            tries_within: settings.and_then(|settings| settings.tries_within()),
            used: 0,
            forgot_at: None,
            opened: false,
            hops,
            tunnels,
            cookies,
        }
    }
    /// How many tiers there are.
    pub const fn tiers(&self) -> usize {
        self.before.len() + 1
    }
    /// A tier by its number.
    pub fn tier(&self, number: usize) -> &Tier {
        self.before.get(number).unwrap_or(&self.last)
    }
    /// An instance of a tier before the last one.
    pub fn instance_before_mut(&mut self, tier: usize, number: u16) -> &mut Instance {
        &mut self.before[tier].instances[usize::from(number)]
    }
    /// What a cookie of the only balancer leads to, if that is all it takes; see [`Decide::bound`].
    #[inline]
    pub fn bound(&self, cookie: u32) -> Option<PodId> {
        if self.direct { self.last.instances[0].balancer.bound(cookie) } else { None }
    }
    /// True when the last tier has lost count of a tunnel that was opened then; [`SimTime::NEVER`] = before the start.
    pub fn has_forgotten(&self, opened_at: SimTime) -> bool {
        self.forgot_at.is_some_and(|reload| opened_at == SimTime::NEVER || opened_at <= reload)
    }
    /// The last tier has lost count of its connections.
    pub fn forget_connections(&mut self, now: SimTime) {
        self.forgot_at = Some(now);
        for instance in &mut self.last.instances {
            instance.loads = Loads::default();
        }
    }
    /// A request or tunnel of an instance of the last tier at a pod ended.
    pub fn uncount(&mut self, instance: u16, pod: PodId) {
        let tier = &mut self.last;
        if tier.own_loads {
            let load = tier.instances[usize::from(instance)].loads.at_mut(pod);
            *load = load.saturating_sub(1);
        }
    }
    /// An instance of the last tier has a tunnel to a pod.
    pub fn count(&mut self, instance: u16, pod: PodId) {
        let tier = &mut self.last;
        if tier.own_loads {
            *tier.instances[usize::from(instance)].loads.at_mut(pod) += 1;
        }
    }
    /// All requests and tunnels at a pod ended with its process.
    pub fn uncount_all(&mut self, pod: PodId) {
        let tier = &mut self.last;
        if tier.own_loads {
            for instance in &mut tier.instances {
                *instance.loads.at_mut(pod) = 0;
            }
        }
    }
    /// An instance of the last tier learns that a request or tunnel is over.
    pub fn told(&mut self, instance: u16, pod: PodId, address: IpAddr, began: SimTime, now: SimTime) {
        if self.last.ends == Ends::All {
            self.last.instances[usize::from(instance)].balancer.ended(pod, address, began, now);
        }
    }
    /// The same for the tunnel of a client.
    pub fn told_of_tunnel(&mut self, instance: u16, pod: PodId, tunnel: Option<Tunnel>, now: SimTime) {
        if let Some((address, began)) = tunnel {
            self.told(instance, pod, address, began, now);
        }
    }
    /// How often a proxy before the last tier tries, if the last one only passes its connections on.
    pub fn tries_of_proxy(&self, instances: &[u16; MAX_TIERS]) -> Option<usize> {
        let proxy = self.proxy.filter(|&proxy| proxy < self.before.len())?;
        Some(self.before[proxy].instances[usize::from(instances[proxy])].balancer.max_tries())
    }
    /// True when connections must be remembered.
    pub const fn has_hops(&self) -> bool {
        !self.direct
    }
    /// True when tiers up to this one decide about connections of clients, not about what is in them.
    pub const fn is_transparent(&self, tier: usize) -> bool {
        tier < self.transparent
    }
    /// True when all do: connections of clients end in pods.
    pub const fn all_transparent(&self) -> bool {
        self.transparent == self.tiers()
    }
    /// How long a client's HTTP connection lives without a request.
    pub fn keep_alive(&self) -> Span {
        if self.all_transparent() { POD_KEEP_ALIVE } else { PROXY_KEEP_ALIVE }
    }
    /// The HTTP connection of a client.
    pub fn hop(&self, client: ClientId) -> Hop {
        self.hops.get(client.index()).copied().unwrap_or(NO_HOP)
    }
    /// It is this from now on.
    pub fn set_hop(&mut self, client: ClientId, hop: Hop) {
        let needed = client.index() + 1;
        if self.hops.len() < needed {
            self.hops.resize(needed, NO_HOP);
        }
        self.hops[client.index()] = hop;
    }
    /// A client has lost its connections; a new one in its place has no cookies either.
    pub fn forget(&mut self, client: ClientId, with_cookies: bool) {
        if let Some(hop) = self.hops.get_mut(client.index()) {
            hop.until = SimTime::ZERO;
        }
        if with_cookies && !self.cookies.is_empty() {
            for tier in 0..self.before.len() {
                self.cookies.remove(&(client, tier as u8));
            }
        }
    }
    /// The cookie of a tier before the last one that a client sends.
    pub fn cookie(&self, client: ClientId, tier: usize, now: SimTime) -> Option<u32> {
        self.cookies.get(&(client, tier as u8)).filter(|cookie| now < cookie.until).map(|cookie| cookie.value)
    }
    /// A client has got this cookie of a tier before the last one.
    pub fn keep_cookie(&mut self, client: ClientId, tier: usize, cookie: SetCookie) {
        self.cookies.insert((client, tier as u8), cookie);
    }
    /// At the start each tier but the last knows the instances of the next one, which never change.
    pub fn connect_tiers(&mut self, specs: &[BalancerSpec], mut stream: impl FnMut(usize, usize) -> Stream) {
        for (tier, spec) in specs.iter().enumerate().take(self.before.len()) {
            let count = self.tier(tier + 1).instances.len();
            let next = |n: usize| {
                let Line { weight, health } = spec.settings().line(n);
                let address = format!("{}:80", instance_address(tier + 1, n));
                Peer { weight, health, ..Peer::new(PodId::new(n as u32), address) }
            };
            let next: Vec<Peer> = (0..count).map(next).collect();
            for (number, instance) in self.before[tier].instances.iter_mut().enumerate() {
                instance.balancer.set_peers(&spec.settings().reached(number, &next), &mut stream(tier, number));
            }
        }
    }
}

impl Tier {
    fn new(spec: &BalancerSpec, sees: Sees) -> Tier {
        let settings = spec.settings();
        let own_loads = settings.instances() > 1 && settings.counts_connections();
        let instance = || Instance { balancer: Balancer::new(spec), loads: Loads::default() };
        Tier {
            layer: settings.layer(),
            affinity: settings.affinity(),
            sees,
            reads: settings.reads(),
            ends: settings.ends(),
            counts_tries: settings.counts_tries(),
            wants_ends: settings.ends() != Ends::Ignored || own_loads,
            own_loads,
            instances: (0..settings.instances().max(1)).map(|_| instance()).collect(),
        }
    }
    /// The peers as the first instance knows them.
    pub fn peers(&self) -> &Peers {
        self.instances[0].balancer.peers()
    }
    /// From now on every instance believes this of a pod.
    pub fn set_health(&mut self, pod: PodId, health: Health) {
        for instance in &mut self.instances {
            if let Some(position) = instance.balancer.peers().position(pod) {
                instance.balancer.set_health(position, health);
            }
        }
    }
}

/// Connections and requests at each pod.
#[derive(Default)]
pub struct Loads(Vec<u32>);

impl Loads {
    /// How many there are at a pod.
    pub fn at(&self, pod: PodId) -> u32 {
        self.0.get(pod.index()).copied().unwrap_or(0)
    }
    /// The same, to change it.
    pub fn at_mut(&mut self, pod: PodId) -> &mut u32 {
        if self.0.len() <= pod.index() {
            self.0.resize(pod.index() + 1, 0);
        }
        &mut self.0[pod.index()]
    }
}

/// Whose address each tier takes for the client's.
pub fn seen_by(specs: &[BalancerSpec]) -> Vec<Sees> {
    let mut told = Told::by_client();
    let see = |(tier, spec): (usize, &BalancerSpec)| {
        let settings = spec.settings();
        let seen = told.address(settings.trusts());
        told.pass(tier as u8, settings.forwards(), seen);
        seen
    };
    specs.iter().enumerate().map(see).collect()
}

/// The address that a tier sees of a request that came through these instances.
pub fn seen(sees: Sees, instances: &[u16; MAX_TIERS], client: impl FnOnce() -> IpAddr) -> IpAddr {
    match sees {
        Sees::Client => client(),
        Sees::Tier(tier) => instance_address(usize::from(tier), usize::from(instances[usize::from(tier)])),
    }
}

/// The address of an instance: each in a /24 of its own, as machines of a CDN or of several zones are.
pub fn instance_address(tier: usize, instance: usize) -> IpAddr {
    Ipv4Addr::new(100, 64 + tier as u8, instance as u8, 1 + (instance >> 8) as u8).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::balancer::{IngressNginxSpec, NginxSpec};

    #[test]
    fn a_proxy_hides_addresses_from_the_next_tier() {
        let nginx = BalancerSpec::Nginx(NginxSpec::default());
        let ingress = BalancerSpec::IngressNginx(IngressNginxSpec::default());
        let path = Path::new(&[nginx, ingress]);
        assert_eq!((path.tier(0).sees, path.tier(1).sees), (Sees::Client, Sees::Tier(0)));
        assert!(path.has_hops() && !path.is_transparent(0));
    }

    #[test]
    fn addresses_of_instances_differ_in_their_networks() {
        let of = |tier, n| instance_address(tier, n);
        assert_ne!(of(0, 1), of(1, 1));
        assert_ne!(of(0, 1), of(0, 257));
    }
}
