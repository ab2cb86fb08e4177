//! What the balancer knows of the pods, and when it learns it.

use crate::cluster::balancer::{Following, Peer};
use crate::cluster::pods::{Phase, Pod};
use crate::cluster::purpose::Purpose;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Seed, SimTime, Span};

/// From a change in the API server to a controller that watches it (assumption: no published figure; 10–200 ms).
const WATCH_DELAY: Span = Span::from_millis(100);
/// ingress-nginx synchronises at most 0.3 times per second (`--sync-rate-limit`).
const SYNC_DISTANCE: Span = Span::from_nanos(3_333_333_333);
/// Workers of ingress-nginx look for new endpoints at every tick of this length (`BACKENDS_SYNC_INTERVAL`).
const WORKER_TICK: Span = Span::from_secs(1);
/// From a change of the list of servers to nginx's reload (assumption: a template watcher).
const RELOAD_DELAY: Span = Span::from_secs(1);

/// The state of the balancer's control plane.
pub struct Endpoints {
    /// Offset of the workers' ticks.
    tick: Span,
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
    pub fn new(seed: Seed) -> Endpoints {
        let tick = Purpose::Peers.stream(seed, 0, u32::MAX).below(WORKER_TICK.as_nanos());
        Endpoints {
            tick: Span::from_nanos(tick),
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
        let listed = |pod: &Pod| match self.balancer.following() {
            // a line stays while its pod restarts in place; a new pod gets one when it is ready
            Following::Servers => pod.phase == Phase::Ready || (pod.process > 0 && pod.is_active()) || pod.restarting,
            Following::Endpoints => pod.phase == Phase::Ready,
        };
        self.running.iter().copied().filter(|&pod| listed(&self.pods[pod])).collect()
    }

    /// A pod became ready, or stopped being so: the balancer will learn of it.
    pub fn pods_changed(&mut self, ctx: &mut Ctx<Event>) {
        if self.endpoints.scheduled {
            return; // the reading to come will see this change too
        }
        self.endpoints.scheduled = true;
        let delay = match self.balancer.following() {
            Following::Servers => RELOAD_DELAY,
            Following::Endpoints => WATCH_DELAY,
        };
        ctx.schedule((ctx.now() + delay).max(self.endpoints.earliest), Event::SyncEndpoints);
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
        let taken_up = match self.balancer.following() {
            Following::Servers => now,
            Following::Endpoints => {
                self.endpoints.earliest = now + SYNC_DISTANCE;
                let into_tick =
                    (now.as_nanos() + WORKER_TICK.as_nanos() - self.endpoints.tick.as_nanos()) % WORKER_TICK.as_nanos();
                now + (WORKER_TICK - Span::from_nanos(into_tick))
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
    pods.iter().map(|&pod| Peer { pod, address: Pod::address(pod) }).collect()
}
