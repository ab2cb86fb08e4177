//! The simulator's balancer as a subject.

use std::collections::{BTreeMap, BTreeSet};

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{Balancer, BalancerSpec, Decide, Health, Peer, Request, Tries};
use stickysim::engine::{LazyStream, Seed, SimTime, Span};

use super::subject::{Ask, Outcome, Subject, Tried};

/// A cookie that names no server.
const FORGED: u32 = 999_999;

/// A simulated balancer with its servers.
pub struct Simulated {
    balancer: Balancer,
    now: SimTime,
    asked: u64,
    stopped: BTreeSet<usize>,
    /// Connections of each server.
    loads: Vec<u32>,
    /// Where each tunnel leads.
    tunnels: Vec<Option<usize>>,
    /// Cookies of the clients.
    jars: BTreeMap<u32, u32>,
    /// nginx tells all tries, HAProxy only the last one.
    is_nginx: bool,
}

impl Simulated {
    /// With servers at these addresses.
    pub fn new(spec: &BalancerSpec, addresses: &[String]) -> Simulated {
        assert_eq!(spec.settings().problems(), [], "settings that the simulator takes");
        let peers: Vec<Peer> = (0..addresses.len())
            .map(|position| {
                let line = spec.settings().line(position);
                let peer = Peer::new(PodId::new(position as u32), addresses[position].clone());
                Peer { weight: line.weight, health: line.health, ..peer }
            })
            .collect();
        let mut balancer = Balancer::new(spec);
        balancer.set_peers(&peers, &mut Seed(1).stream(1, 1, 0));
        Simulated {
            balancer,
            now: SimTime::ZERO,
            asked: 0,
            stopped: BTreeSet::new(),
            loads: vec![0; addresses.len()],
            tunnels: Vec::new(),
            jars: BTreeMap::new(),
            is_nginx: matches!(spec, BalancerSpec::Nginx(_)),
        }
    }

    /// What a program would tell of these tries, when the request waited in vain for `queued` after them.
    fn told(&self, tried: Vec<usize>, queued: Option<usize>) -> Tried {
        if self.is_nginx {
            return Tried::Chain(tried);
        }
        let last = queued.or(tried.last().copied());
        Tried::Retries {
            last,
            count: tried.len().saturating_sub(1),
            moved: tried.first().is_some_and(|&first| Some(first) != last),
        }
    }
}

impl Subject for Simulated {
    fn ask(&mut self, ask: &Ask, holds: bool) -> Outcome {
        self.asked += 1;
        let cookie = ask.client.and_then(|client| self.jars.get(&client).copied());
        let mut request = Request {
            now: self.now,
            user: ask.key.as_bytes(),
            room: ask.key.as_bytes(),
            cookie: if ask.forged { Some(FORGED) } else { cookie },
            ..Request::from_address(ask.address)
        };
        let mut stream = LazyStream::new(Seed(1), 1, 1, self.asked);
        let (mut tries, mut tried, mut from) = (Tries::default(), Vec::new(), None);
        for _ in 0..self.balancer.max_tries() {
            let load = |peer: &Peer| self.loads[peer.pod.index()];
            let Some(position) = self.balancer.pick(&request, &mut tries, &mut stream, load) else { break };
            request.now += tries.wait;
            tried.push(position);
            if !self.stopped.contains(&position) {
                from = Some(position);
                break;
            }
            self.balancer.failed(position, request.now);
            tries.refused.push(position);
        }
        self.now = request.now;
        match from {
            Some(server) if holds => self.loads[server] += 1,
            Some(server) => self.balancer.finished(server, self.now),
            None => {}
        }
        if holds {
            self.tunnels.push(from);
        }
        let cookie = tries.cookie.filter(|_| from.is_some()).map(|cookie| cookie.value);
        if let (Some(client), Some(value)) = (ask.client, cookie) {
            self.jars.insert(client, value);
        }
        let status = match from {
            Some(_) if holds => 101,
            Some(_) => 200,
            None if self.is_nginx => 502,
            None => 503,
        };
        let queued = tries.queue.and_then(|queue| queue.position);
        Outcome { from, status, tried: self.told(tried, queued), cookie: cookie.map(|pod| pod as usize) }
    }
    fn close(&mut self, tunnel: usize) {
        let Some(server) = self.tunnels[tunnel].take() else { return };
        self.loads[server] -= 1;
        self.balancer.finished(server, self.now);
    }
    fn stop(&mut self, server: usize) {
        self.stopped.insert(server);
    }
    fn start(&mut self, server: usize) {
        self.stopped.remove(&server);
    }
    fn tell(&mut self, server: usize, health: Health) {
        self.balancer.set_health(server, health);
    }
    fn pass(&mut self, span: Span) {
        self.now += span;
    }
}
