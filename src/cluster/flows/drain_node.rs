//! Nodes are drained: pods are evicted as far as the disruption budget allows, and come up elsewhere.

use crate::cluster::nodes::{Belief, Upgrade};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Span};

/// `kubectl drain` asks again after a 429.
const RETRY: Span = Span::from_secs(5);

impl Cluster<'_> {
    /// Somebody drains a node: it takes no new pods for a while, or to the end, and those that it has are evicted, all at once.
    pub fn drain_node(&mut self, number: u32, lasts: Option<Span>, ctx: &mut Ctx<Event>) {
        let node = self.nodes.get_mut(number);
        node.drained = true;
        node.drains = node.drains.wrapping_add(1);
        if let Some(lasts) = lasts {
            let drain = node.drains;
            ctx.schedule_in(lasts, Event::DrainOver(number, drain));
        }
        self.drain(number, ctx);
    }

    fn drain(&mut self, number: u32, ctx: &mut Ctx<Event>) {
        self.meter.mark(ctx.now(), format!("drain node-{number}"));
        self.nodes.get_mut(number).is_awaited = true;
        for pod in self.pods_on(number) {
            // who is asked for already is asked for again
            if !self.pods[pod].life.eviction_asked {
                self.evict(pod, ctx);
            }
        }
        self.node_may_be_empty(number, ctx);
    }

    /// Somebody asks for the eviction of a pod, for as long as its node is drained and the pod is not deleted.
    pub fn evict(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let life = &mut self.pods[pod].life;
        let asked = std::mem::replace(&mut life.eviction_asked, false);
        let Some(node) = life.node.filter(|_| life.is_counted()) else { return };
        if !self.nodes.get(node).is_cordoned() {
            return;
        }
        if self.may_evict(pod) {
            self.meter.counts.pods_evicted += 1;
            self.terminate(pod, false, ctx);
            self.reconcile(ctx);
            return;
        }
        self.meter.counts.evictions_refused += 1;
        if !asked {
            self.meter.mark(ctx.now(), format!("pod-{} is not evicted yet", pod.raw()));
        }
        self.pods[pod].life.eviction_asked = true;
        ctx.schedule_in(RETRY, Event::Evict(pod));
    }

    /// What the eviction API answers (`pkg/registry/core/pod/storage/eviction.go`).
    fn may_evict(&self, pod: PodId) -> bool {
        let Some(budget) = self.spec.disruption_budget else { return true };
        let life = &self.pods[pod].life;
        let healthy = self.running.iter().filter(|&&other| self.pods[other].life.is_ready()).count() as u32;
        let wanted = budget.healthy(self.wanted_pods());
        let harmless = !life.ready && (budget.evicts_unready || (healthy >= wanted && wanted > 0));
        life.is_pending() || harmless || healthy > wanted
    }

    /// A pod is gone: somebody may wait for its node to be empty.
    pub fn node_may_be_empty(&mut self, number: u32, ctx: &mut Ctx<Event>) {
        if !self.nodes.get(number).is_awaited || !self.pods_on(number).is_empty() {
            return;
        }
        let node = self.nodes.get_mut(number);
        node.is_awaited = false;
        if node.upgrade == Upgrade::Drains {
            node.upgrade = Upgrade::Reboots;
            ctx.schedule_in(self.nodes.reboot, Event::Upgraded(number));
        }
        self.meter.mark(ctx.now(), format!("node-{number} is drained"));
    }

    /// A node that somebody drained takes pods again. Those that were evicted stay where they are.
    pub fn drain_over(&mut self, number: u32, drain: u16, ctx: &mut Ctx<Event>) {
        let node = self.nodes.get_mut(number);
        if node.drains == drain && node.drained {
            node.drained = false;
            self.takes_pods_again(number, ctx);
        }
    }

    fn takes_pods_again(&mut self, number: u32, ctx: &mut Ctx<Event>) {
        let node = self.nodes.get_mut(number);
        if !node.is_cordoned() {
            node.is_awaited = false;
            self.meter.mark(ctx.now(), format!("node-{number} takes pods again"));
            self.place_waiting(ctx);
        }
    }

    /// Node by node, in order of number: drained, away for a while, back.
    pub fn upgrade_nodes(&mut self, reboot: Span, ctx: &mut Ctx<Event>) {
        self.meter.mark(ctx.now(), "begin upgrade of the nodes".to_owned());
        let is_under_way = (0..self.nodes.count()).any(|number| self.nodes.get(number).upgrade != Upgrade::None);
        self.nodes.reboot = reboot;
        self.nodes.to_upgrade = (0..self.nodes.count()).rev().collect();
        if !is_under_way {
            self.upgrade_next(ctx);
        }
    }

    /// A node is back after its upgrade: the next one.
    pub fn node_upgraded(&mut self, number: u32, ctx: &mut Ctx<Event>) {
        self.nodes.get_mut(number).upgrade = Upgrade::None;
        self.takes_pods_again(number, ctx);
        self.upgrade_next(ctx);
    }

    fn upgrade_next(&mut self, ctx: &mut Ctx<Event>) {
        while let Some(number) = self.nodes.to_upgrade.pop() {
            // one that is lost is upgraded another time
            if self.nodes.get(number).belief == Belief::Ready {
                self.nodes.get_mut(number).upgrade = Upgrade::Drains;
                return self.drain(number, ctx);
            }
        }
        self.meter.mark(ctx.now(), "end of the upgrade of the nodes".to_owned());
    }
}
