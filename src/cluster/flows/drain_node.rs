//! Nodes are drained: pods are evicted as far as the disruption budget allows, and come up elsewhere.

use crate::cluster::nodes::Belief;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Span};

/// `kubectl drain` asks again after a 429.
const RETRY: Span = Span::from_secs(5);

impl Cluster<'_> {
    /// A node takes no new pods for a while, or to the end, and those that it has are evicted, all at once.
    pub fn drain_node(&mut self, number: u32, lasts: Option<Span>, ctx: &mut Ctx<Event>) {
        self.meter.mark(ctx.now(), format!("drain node-{number}"));
        let node = self.nodes.get_mut(number);
        node.cordoned = true;
        node.is_awaited = true;
        node.drains = node.drains.wrapping_add(1);
        if let Some(lasts) = lasts {
            let drain = node.drains;
            ctx.schedule_in(lasts, Event::DrainOver(number, drain));
        }
        for pod in self.pods_on(number) {
            self.evict(pod, ctx);
        }
        self.node_may_be_empty(number, ctx);
    }

    /// Somebody asks for the eviction of a pod, for as long as its node is drained and the pod is not deleted.
    pub fn evict(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let life = &self.pods[pod].life;
        let Some(node) = life.node.filter(|_| life.is_active()) else { return };
        if !self.nodes.get(node).cordoned {
            return;
        }
        if self.may_evict(pod) {
            self.meter.counts.pods_evicted += 1;
            self.terminate(pod, false, ctx);
            self.reconcile(ctx);
            return;
        }
        self.meter.counts.evictions_refused += 1;
        if !std::mem::replace(&mut self.pods[pod].life.eviction_refused, true) {
            self.meter.mark(ctx.now(), format!("pod-{} is not evicted yet", pod.raw()));
        }
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
        self.meter.mark(ctx.now(), format!("node-{number} is drained"));
        if self.nodes.to_upgrade.last() == Some(&number) {
            ctx.schedule_in(self.nodes.reboot, Event::DrainOver(number, self.nodes.get(number).drains));
        }
    }

    /// A node takes pods again. Those that were evicted stay where they are.
    pub fn drain_over(&mut self, number: u32, drain: u16, ctx: &mut Ctx<Event>) {
        let node = self.nodes.get_mut(number);
        if node.drains != drain || !node.cordoned {
            return;
        }
        (node.cordoned, node.is_awaited) = (false, false);
        self.meter.mark(ctx.now(), format!("node-{number} takes pods again"));
        self.place_waiting(ctx);
        if self.nodes.to_upgrade.last() == Some(&number) {
            self.nodes.to_upgrade.pop();
            self.upgrade_next(ctx);
        }
    }

    /// Node by node, in order of number: drained, away for a while, back.
    pub fn upgrade_nodes(&mut self, reboot: Span, ctx: &mut Ctx<Event>) {
        self.meter.mark(ctx.now(), "begin upgrade of the nodes".to_owned());
        let is_under_way = !self.nodes.to_upgrade.is_empty();
        self.nodes.reboot = reboot;
        if !is_under_way {
            self.nodes.to_upgrade = (0..self.nodes.count()).rev().collect();
            self.upgrade_next(ctx);
        }
    }

    fn upgrade_next(&mut self, ctx: &mut Ctx<Event>) {
        while let Some(&number) = self.nodes.to_upgrade.last() {
            if self.nodes.get(number).belief == Belief::Ready {
                return self.drain_node(number, None, ctx);
            }
            self.nodes.to_upgrade.pop(); // one that is lost is upgraded another time
        }
        self.meter.mark(ctx.now(), "end of the upgrade of the nodes".to_owned());
    }
}
