//! Nodes are cut off and come back: what becomes of the processes and connections there, and when the control plane hears of it.

use crate::cluster::nodes::{Belief, ZoneState};
use crate::cluster::pods::{Container, Phase, Pod};
use crate::cluster::spec::{Outage, Readiness};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::CloseReason;

impl Cluster<'_> {
    /// Nodes are cut off for a while, or to the end. Of several outages at a time the worst counts.
    pub fn cut_nodes(&mut self, nodes: &[u32], called: &str, from: Outage, lasts: Option<Span>, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Some(spec) = &self.spec.nodes else { return };
        let what = match from {
            Outage::Power => "loss of",
            Outage::Network => "no network:",
            Outage::ControlPlane => "no control plane:",
        };
        self.meter.mark(now, format!("{what} {called}"));
        let until = lasts.map_or(SimTime::NEVER, |lasts| now + lasts);
        for &node in nodes {
            let there = self.nodes.get_mut(node);
            let is_new = there.outage.is_none();
            let is_more = there.cut(from, until);
            let outages = there.outages;
            if is_new {
                ctx.schedule(self.nodes.lost_at(node, now, spec), Event::NodeLost(node, outages));
            }
            if lasts.is_some() {
                ctx.schedule(until, Event::NodeBack(node));
            }
            // one that is without a network for longer than it was to be stands still for longer
            if is_more || from == Outage::Network {
                for pod in self.pods_on(node) {
                    self.cut_pod(pod, from, lasts, ctx);
                }
            }
        }
        self.dissolve_queues(ctx);
    }

    /// A pod has lost its power or its network.
    fn cut_pod(&mut self, pod: PodId, from: Outage, lasts: Option<Span>, ctx: &mut Ctx<Event>) {
        let life = &mut self.pods[pod].life;
        // who has never run has no address that could say nothing
        life.silent |= from != Outage::ControlPlane && !life.is_pending();
        match from {
            Outage::Power if life.container != Container::Waiting => {
                self.end_process(pod, CloseReason::NodeLost, ctx);
            }
            // nothing happens after the end of the run
            Outage::Network if life.runs() => {
                let rest = self.meter.horizon.since(ctx.now()) + Span::from_secs(1);
                self.stand_still(pod, lasts.unwrap_or(rest), ctx);
            }
            Outage::Power | Outage::Network | Outage::ControlPlane => {}
        }
    }

    /// An outage of a node may be over. If no other one is in force it is there again: it has been started, or is connected again, and
    /// its kubelet says how its pods are.
    pub fn node_back(&mut self, number: u32, ctx: &mut Ctx<Event>) {
        let node = self.nodes.get_mut(number);
        let Some(from) = node.mend(ctx.now()) else { return };
        if node.outage.is_some() {
            // connected again, but for the control plane
            for pod in self.pods_on(number) {
                self.pods[pod].life.silent = false;
            }
            return;
        }
        node.belief = Belief::Ready;
        let zone = node.zone;
        self.meter.mark(ctx.now(), format!("node-{number} is back"));
        self.nodes.zones[zone].withdraw(number);
        self.judge_zones(ctx);
        for pod in self.pods_on(number) {
            self.hear_of_pod(pod, from, ctx);
        }
        self.pods_changed(ctx);
        self.place_waiting(ctx);
        self.reconcile(ctx);
    }

    /// Whether the control plane hears of a pod.
    pub fn is_heard(&self, pod: PodId) -> bool {
        self.nodes.is_heard(self.pods[pod].life.node)
    }

    /// The kubelet of a pod is heard again.
    fn hear_of_pod(&mut self, pod: PodId, from: Outage, ctx: &mut Ctx<Event>) {
        let life = &mut self.pods[pod].life;
        life.silent = from == Outage::Power && life.silent;
        match (life.phase, life.container) {
            (Phase::Gone, _) => {}
            // its restart in place is done by starting the node
            (Phase::Terminating, Container::Waiting) if life.restarting => {
                (life.phase, life.restarting) = (Phase::Active, false);
                self.start_anew(pod, ctx);
            }
            // deleted meanwhile
            (Phase::Terminating, Container::Waiting) => self.remove(pod, ctx),
            (Phase::Terminating, _) => self.stop_container(pod, self.spec.pods.shutdown.grace, ctx),
            (Phase::Active, Container::Waiting) if life.is_pending() => self.wait_for_container(pod, ctx),
            (Phase::Active, _) if from == Outage::Power => self.start_anew(pod, ctx),
            (Phase::Active, _) => {
                let serves = life.serves();
                let ready = match self.spec.pods.readiness {
                    Readiness::Immediate => serves,
                    Readiness::Unprobed => life.container != Container::Waiting,
                    Readiness::Probed(_) => life.prober.believes_ready(),
                };
                match (life.ready, ready) {
                    (false, true) => self.becomes_ready(pod, ctx),
                    (true, false) => self.becomes_unready(pod, ctx),
                    _ => {}
                }
            }
        }
    }

    /// A pod whose node has been started anew has a new sandbox: the same pod for controllers, with another address.
    fn start_anew(&mut self, old: PodId, ctx: &mut Ctx<Event>) {
        let life = &self.pods[old].life;
        let (generation, ordinal, created_at, node) = (life.generation, life.ordinal, life.created_at, life.node);
        let pod = self.pods.push(Pod::new(&self.spec.pods, generation, created_at));
        let life = &mut self.pods[pod].life;
        (life.ordinal, life.node, life.restarts) = (ordinal, node, 1);
        self.meter.mark(ctx.now(), format!("pod-{} starts anew as pod-{}", old.raw(), pod.raw()));
        // before the old one is taken out: controllers see no difference
        self.running.push(pod);
        self.remove(old, ctx);
        self.start_container(pod, Span::ZERO, ctx);
        self.start_probes(pod, ctx);
        self.evict(pod, ctx); // if somebody drains the node, and waits for the old one to go
    }

    /// The control plane has not heard of a node for too long: its pods are not ready any more.
    pub fn node_lost(&mut self, number: u32, outage: u16, ctx: &mut Ctx<Event>) {
        let node = self.nodes.get_mut(number);
        if node.outages != outage || node.outage.is_none() {
            return;
        }
        node.belief = Belief::Unreachable;
        let zone = node.zone;
        self.meter.mark(ctx.now(), format!("node-{number} is not ready"));
        for pod in self.pods_on(number) {
            self.pods[pod].life.ready = false;
        }
        self.pods_changed(ctx);
        self.nodes.zones[zone].push(number);
        self.judge_zones(ctx);
        self.reconcile(ctx);
    }

    /// How fast nodes are given up goes by how many of a zone are lost; when all zones have lost all of theirs, it is the control
    /// plane that is cut off, and nobody is (`handleDisruption`).
    fn judge_zones(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let census = self.nodes.census();
        let states = || census.iter().map(|&(ready, lost)| ZoneState::of(ready, lost));
        let all_lost = states().all(|state| state == ZoneState::Full);
        let was_lost = std::mem::replace(&mut self.nodes.all_lost, all_lost);
        for (zone, state) in states().enumerate() {
            let size = census[zone].0 + census[zone].1;
            if all_lost {
                self.nodes.zones[zone].halt();
            } else {
                self.nodes.zones[zone].becomes(state, size, now);
            }
            if was_lost && !all_lost {
                self.nodes.zones[zone].resume(size, now);
            }
        }
        if all_lost != was_lost {
            self.queue_anew();
        }
        for zone in 0..self.nodes.zones.len() {
            if let Some(due) = self.nodes.zones[zone].wake(now) {
                ctx.schedule(due, Event::GiveUpNodes(zone as u16));
            }
        }
    }

    /// When the last zone is lost, taints are taken back; when one is there again, those that are lost wait for theirs again.
    fn queue_anew(&mut self) {
        for number in 0..self.nodes.count() {
            let (all_lost, node) = (self.nodes.all_lost, self.nodes.get_mut(number));
            match node.belief {
                Belief::Tainted if all_lost => {
                    node.belief = Belief::Unreachable;
                    node.taints = node.taints.wrapping_add(1);
                }
                Belief::Unreachable if !all_lost => {
                    let zone = node.zone;
                    self.nodes.zones[zone].push(number);
                }
                Belief::Ready | Belief::Unreachable | Belief::Tainted => {}
            }
        }
    }

    /// A node of a zone gets the taint that its pods do not tolerate for long, if it is time.
    pub fn give_up_nodes(&mut self, zone: usize, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Some(spec) = &self.spec.nodes else { return };
        while let Some(number) = self.nodes.zones[zone].take(now) {
            let node = self.nodes.get_mut(number);
            if node.belief == Belief::Unreachable {
                node.belief = Belief::Tainted;
                node.taints = node.taints.wrapping_add(1);
                ctx.schedule_in(spec.toleration, Event::TolerationOver(number, node.taints));
            }
        }
        if let Some(due) = self.nodes.zones[zone].wake(now) {
            ctx.schedule(due, Event::GiveUpNodes(zone as u16));
        }
    }

    /// The pods of a lost node are deleted. Controllers replace them at once; they themselves are there until the node is back.
    pub fn toleration_over(&mut self, number: u32, taint: u16, ctx: &mut Ctx<Event>) {
        let node = self.nodes.get(number);
        if node.belief != Belief::Tainted || node.taints != taint {
            return;
        }
        for pod in self.pods_on(number) {
            if self.pods[pod].life.is_counted() {
                self.meter.counts.pods_evicted += 1;
                self.terminate(pod, false, ctx);
            }
        }
        self.reconcile(ctx);
    }
}
