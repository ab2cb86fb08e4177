//! What the last balancer knows of the pods, and when it learns it. Balancers before it know its instances, which stay.

use std::rc::Rc;

use crate::cluster::balancer::{Checks, Decide, Following, Health, Line, List, Peer, Settings};
use crate::cluster::flows::disconnect::Cut;
use crate::cluster::flows::health::Checkup;
use crate::cluster::pods::{Container, Life, Phase, Pod};
use crate::cluster::purpose::Purpose;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Seed, SimTime, Span};

/// The state of the balancer's control plane.
pub struct Endpoints {
    pub following: Following,
    /// Offset of the ticks of each instance.
    offsets: Vec<Span>,
    /// A synchronisation is scheduled.
    scheduled: bool,
    /// The next synchronisation is not before this.
    earliest: SimTime,
    /// Read and not yet taken up, for each instance.
    read: Vec<Option<Rc<[Peer]>>>,
    /// What was read last.
    known: Vec<(PodId, bool)>,
    /// How often the instances took up something.
    changes: Vec<u32>,
    /// When the tier before will have noticed that an instance has lost its last peer, or has one again.
    contrary: Vec<Option<SimTime>>,
    /// So long after a pod left the list, what is still open there is cut.
    cuts_after: Option<Span>,
    /// What active checks have found out.
    pub checkup: Checkup,
}

impl Endpoints {
    /// Nothing known yet.
    pub fn new(settings: &dyn Settings, seed: Seed) -> Endpoints {
        let following = settings.following();
        let instances = settings.instances().max(1);
        let offset = |instance| {
            let mut stream = Purpose::Peers.stream(seed, instance, u32::MAX);
            Span::from_nanos(stream.below(following.tick.as_nanos().max(1)))
        };
        Endpoints {
            following,
            offsets: (0..instances).map(offset).collect(),
            scheduled: false,
            earliest: SimTime::ZERO,
            read: vec![None; instances as usize],
            known: Vec::new(),
            changes: vec![0; instances as usize],
            contrary: vec![None; instances as usize],
            cuts_after: settings.cuts_after(),
            checkup: Checkup::default(),
        }
    }

    /// When an instance takes up what was read now.
    fn taken_up(&self, instance: usize, now: SimTime) -> SimTime {
        match self.following.tick.as_nanos() {
            0 => now,
            tick => {
                let into_tick = (now.as_nanos() + tick - self.offsets[instance].as_nanos()) % tick;
                now + Span::from_nanos(tick - into_tick)
            }
        }
    }
}

impl Cluster<'_> {
    /// The pods that a balancer should know now, and whether each is being shut down.
    fn wanted_peers(&self) -> Vec<(PodId, bool)> {
        let published = |life: &Life| {
            self.spec.pods.publish_not_ready && (life.container != Container::Waiting || life.restarts > 0)
        };
        let listed = |life: &Life| match self.endpoints.following.list {
            // a line stays while its pod restarts in place; a new pod gets one when it is ready
            List::Servers => (life.is_active() && life.was_ready()) || life.restarting,
            List::Endpoints => life.is_ready() || published(life),
            List::ServingEndpoints => life.ready || published(life),
        };
        let leaving = |life: &Life| {
            let is_told = self.endpoints.following.list == List::ServingEndpoints;
            is_told && life.phase == Phase::Terminating && !published(life)
        };
        let running = self.running.iter().map(|&pod| (pod, &self.pods[pod].life));
        running.filter(|(_, life)| listed(life)).map(|(id, life)| (id, leaving(life))).collect()
    }

    /// A pod became ready, or stopped being so: the balancer will learn of it.
    pub fn pods_changed(&mut self, ctx: &mut Ctx<Event>) {
        self.dissolve_queues(ctx);
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
        if wanted == self.endpoints.known && self.endpoints.read.iter().all(Option::is_none) {
            return; // nothing to reload
        }
        self.endpoints.earliest = now + self.endpoints.following.at_most_every;
        if let Some(after) = self.endpoints.cuts_after {
            let stays = |pod: PodId| wanted.iter().any(|&(other, _)| other == pod);
            for &(pod, _) in self.endpoints.known.iter().filter(|&&(pod, _)| !stays(pod)) {
                let slot = self.cuts.insert(Cut::To(pod, self.pods[pod].process));
                ctx.schedule_in(after, Event::Cut(slot));
            }
        }
        self.read(wanted);
        for instance in 0..self.endpoints.read.len() {
            ctx.schedule(self.endpoints.taken_up(instance, now), Event::ApplyEndpoints(instance as u16));
        }
    }

    /// An instance takes up what was read.
    pub fn apply_endpoints(&mut self, instance: usize, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Some(read) = self.endpoints.read[instance].take() else { return };
        self.endpoints.changes[instance] += 1;
        let mut stream = Purpose::Peers.stream(self.seed, instance as u32, self.endpoints.changes[instance]);
        let checks = self.endpoints.following.checks;
        let mut peers = read.to_vec();
        for peer in &mut peers {
            // what checks say was believed meanwhile
            if peer.health == Health::Up {
                peer.health = self.endpoints.checkup.health(peer.pod, checks);
            }
        }
        let reached = self.spec.chooser().reached(instance, &peers);
        self.path.last.instances[instance].balancer.set_peers(&reached, &mut stream);
        self.forget_connections(now);
        self.check_node_later(instance, ctx);
    }

    /// The checks of the tier before, if it has some and has not yet noticed that an instance has lost its last peer, or has
    /// one again.
    fn outdated_check(&self, instance: usize) -> Option<(Checks, Health)> {
        let tier = self.path.tiers().checked_sub(2)?;
        let checks = self.spec.balancers[tier].settings().following().checks?;
        // kube-proxy answers by ready endpoints: those that are shut down still serve, and do not count
        let reaches_some = self.path.last.instances[instance].balancer.peers().iter().any(|p| p.health == Health::Up);
        let health = if reaches_some { Health::Up } else { Health::Down };
        let believed = self.path.tier(tier).peers().iter().nth(instance)?.health;
        (believed != health).then_some((checks, health))
    }
    /// Health checks ask a node whether it has a pod of its own; as many in a row must say so as for any target.
    fn check_node_later(&mut self, instance: usize, ctx: &mut Ctx<Event>) {
        if !self.only_local() {
            return;
        }
        match self.outdated_check(instance) {
            // it has been checked long before
            Some((_, health)) if ctx.now() == SimTime::ZERO => self.believe_node(instance, health),
            Some((checks, health)) if self.endpoints.contrary[instance].is_none() => {
                let count = if health == Health::Up { checks.rise } else { checks.fall };
                let noticed = ctx.now() + checks.every * u64::from(count);
                self.endpoints.contrary[instance] = Some(noticed);
                ctx.schedule(noticed, Event::CheckNode(instance as u16));
            }
            Some(_) => {}
            None => self.endpoints.contrary[instance] = None,
        }
    }
    /// The tier before finds out what became of a node.
    pub fn check_node(&mut self, instance: usize, now: SimTime) {
        // checks of an earlier outage say nothing of this one
        if self.endpoints.contrary[instance] == Some(now) {
            self.endpoints.contrary[instance] = None;
            if let Some((_, health)) = self.outdated_check(instance) {
                self.believe_node(instance, health);
            }
        }
    }
    fn believe_node(&mut self, instance: usize, health: Health) {
        let tier = self.path.tiers() - 2;
        for number in 0..self.path.tier(tier).instances.len() {
            self.path.instance_before_mut(tier, number as u16).balancer.set_health(instance, health);
        }
    }
    /// True when instances of the last tier reach only some of the pods each.
    fn only_local(&self) -> bool {
        let settings = self.spec.chooser();
        (0..settings.instances() as usize).any(|instance| !settings.reaches(instance, 0))
    }

    /// A reload starts with new counts, if the product is one that does.
    fn forget_connections(&mut self, now: SimTime) {
        let settings = self.spec.chooser();
        if settings.forgets_connections() && now > SimTime::ZERO {
            self.path.forget_connections(now);
            self.half_open.clear();
            for &pod in &self.running {
                self.pods[pod].forget_connections();
            }
        }
    }

    /// The configuration is read anew: the same pods, without what the product forgets. Tunnels go on through the old
    /// processes, for as long as these may take to shut down.
    pub fn reload_balancer(&mut self, ctx: &mut Ctx<Event>) {
        self.meter.mark(ctx.now(), "reload of the balancer".to_owned());
        for instance in 0..self.path.last.instances.len() {
            let peers: Vec<Peer> = self.path.last.instances[instance].balancer.peers().iter().cloned().collect();
            self.endpoints.changes[instance] += 1;
            let mut stream = Purpose::Peers.stream(self.seed, instance as u32, self.endpoints.changes[instance]);
            self.path.last.instances[instance].balancer.set_peers(&peers, &mut stream);
        }
        self.forget_connections(ctx.now());
        let settings = self.spec.chooser();
        if let Some(timeout) = settings.shutdown_timeout() {
            let slot = self.cuts.insert(Cut::Before(ctx.now()));
            ctx.schedule_in(timeout, Event::Cut(slot));
        }
    }

    /// At the start every balancer knows what stands behind it as it is.
    pub fn sync_at_once(&mut self, ctx: &mut Ctx<Event>) {
        let seed = self.seed;
        self.path.connect_tiers(&self.spec.balancers, |tier, instance| {
            Purpose::Peers.stream(seed, instance as u32 | (tier as u32 + 1) << 16, 0)
        });
        if let Some(checks) = self.endpoints.following.checks {
            self.endpoints.checkup.start(&self.pods, checks);
            ctx.schedule_in(checks.every, Event::CheckHealth);
        }
        let wanted = self.wanted_peers();
        self.read(wanted);
        for instance in 0..self.endpoints.read.len() {
            self.apply_endpoints(instance, ctx);
        }
    }

    /// What was read waits for all instances.
    fn read(&mut self, wanted: Vec<(PodId, bool)>) {
        let settings = self.spec.chooser();
        let peer = |(position, &(pod, leaving)): (usize, &(PodId, bool))| {
            let Line { weight, health } = settings.line(position);
            let health = if leaving { Health::Draining } else { health };
            Peer { weight, health, ..Peer::new(pod, Pod::address(pod)) }
        };
        let peers: Rc<[Peer]> = wanted.iter().enumerate().map(peer).collect();
        self.endpoints.read.fill(Some(peers));
        self.endpoints.known = wanted;
    }
}
