//! A controller that looks at the connections of the pods and has the fullest ones close some.

use crate::cluster::{ClientId, Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};
use crate::metrics::CloseReason;

impl Cluster<'_> {
    /// Pods with clearly more connections than the mean of the ready ones close what they have more than that, or as many as
    /// they may at a time: those that were opened last stay.
    pub fn rebalance(&mut self, ctx: &mut Ctx<Event>) {
        let Some(rebalance) = self.spec.pods.rebalance else { return };
        ctx.schedule_in(rebalance.every, Event::Rebalance);
        let ready = |&pod: &PodId| self.pods[pod].life.is_up();
        let ready: Vec<PodId> = self.running.iter().copied().filter(ready).collect();
        let total: u64 = ready.iter().map(|&pod| u64::from(self.pods[pod].connections())).sum();
        let mean = total as f64 / ready.len().max(1) as f64;
        let mut surplus: Vec<ClientId> = Vec::new();
        for pod in ready {
            let there = f64::from(self.pods[pod].connections());
            // who stands still hears nothing
            if there > mean * rebalance.above && self.pods[pod].life.frozen_until <= ctx.now() {
                let more = (there - libm::ceil(mean)).max(0.0) as usize;
                surplus.extend(self.oldest(pod, more.min(rebalance.most as usize)));
            }
        }
        for client in surplus {
            self.pod_closes(client, CloseReason::Rebalanced, ctx);
        }
    }

    /// So many connections of a pod, the oldest first.
    fn oldest(&self, pod: PodId, many: usize) -> Vec<ClientId> {
        let mut live = self.pods[pod].live.clone();
        // those that were open at the start have no time, and are older than all others
        let opened = |client: ClientId| Some(self.clients.wire(client).opened_at).filter(|&at| at < SimTime::NEVER);
        live.sort_unstable_by_key(|&client| (opened(client), self.clients[client].number));
        live.truncate(many);
        live
    }
}
