//! What the balancer knows of the pods, and when it learns it.

use crate::cluster::balancer::{Decide, Following, List, Peer};
use crate::cluster::pods::{Phase, Pod};
use crate::cluster::purpose::Purpose;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Seed, SimTime, Span};

/// The state of the balancer's control plane.
pub struct Endpoints {
    following: Following,
    /// Offset of the workers' ticks.
    offset: Span,
    /// A synchronisation is scheduled.
    scheduled: bool,
    /// The next synchronisation is not before this.
    earliest: SimTime,
    /// Read and not yet taken up by the workers.
    read: Option<Vec<Peer>>,
    /// What the workers know.
    known: Vec<PodId>,
    /// How often the workers took up something.
    changes: u32,
}

impl Endpoints {
    /// Nothing known yet.
    pub fn new(following: Following, seed: Seed) -> Endpoints {
        let offset = Purpose::Peers.stream(seed, 0, u32::MAX).below(following.tick.as_nanos().max(1));
        Endpoints {
            following,
            offset: Span::from_nanos(offset),
            scheduled: false,
            earliest: SimTime::ZERO,
            read: None,
            known: Vec::new(),
            changes: 0,
        }
    }
}

impl Cluster<'_> {
    /// The pods that a balancer should know now.
    fn wanted_peers(&self) -> Vec<PodId> {
        let listed = |pod: &Pod| match self.endpoints.following.list {
            // a line stays while its pod restarts in place; a new pod gets one when it is ready
            List::Servers => pod.phase == Phase::Ready || (pod.process > 0 && pod.is_active()) || pod.restarting,
            List::Endpoints => pod.phase == Phase::Ready,
            List::ServingEndpoints => pod.serves(),
        };
        self.running.iter().copied().filter(|&pod| listed(&self.pods[pod])).collect()
    }

    /// A pod became ready, or stopped being so: the balancer will learn of it.
    pub fn pods_changed(&mut self, ctx: &mut Ctx<Event>) {
        if self.endpoints.scheduled {
            return; // the reading to come will see this change too
        }
        self.endpoints.scheduled = true;
        ctx.schedule((ctx.now() + self.endpoints.following.delay).max(self.endpoints.earliest), Event::SyncEndpoints);
    }

    /// The control plane reads the pods.
    pub fn sync_endpoints(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.endpoints.scheduled = false;
        let wanted = self.wanted_peers();
        if wanted == self.endpoints.known && self.endpoints.read.is_none() {
            return; // nothing to reload
        }
        self.endpoints.read = Some(peers(&wanted));
        let Endpoints { following: Following { at_most_every, tick, .. }, offset, .. } = self.endpoints;
        self.endpoints.earliest = now + at_most_every;
        let taken_up = match tick.as_nanos() {
            0 => now,
            tick => {
                let into_tick = (now.as_nanos() + tick - offset.as_nanos()) % tick;
                now + Span::from_nanos(tick - into_tick)
            }
        };
        ctx.schedule(taken_up, Event::ApplyEndpoints);
    }

    /// The workers take up what was read.
    pub fn apply_endpoints(&mut self) {
        let Some(read) = self.endpoints.read.take() else { return };
        self.endpoints.changes += 1;
        self.endpoints.known = read.iter().map(|peer| peer.pod).collect();
        let mut stream = Purpose::Peers.stream(self.seed, 0, self.endpoints.changes);
        self.balancer.set_peers(&read, &mut stream);
    }

    /// At the start the balancer knows the pods as they are.
    pub fn sync_at_once(&mut self) {
        self.endpoints.read = Some(peers(&self.wanted_peers()));
        self.apply_endpoints();
    }
}

fn peers(pods: &[PodId]) -> Vec<Peer> {
    pods.iter().map(|&pod| Peer::new(pod, Pod::address(pod))).collect()
}
