//! A StatefulSet with ordered pods: one at a time, each with its old name (`stateful_set_control.go`).

use crate::cluster::pods::Phase;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::Ctx;

impl Cluster<'_> {
    /// One sync: the lowest number that lacks a pod gets one, numbers that are too many go from the top, and then older
    /// templates do. Each step waits until all pods below are available, and for pods that are still terminating. True:
    /// something has changed.
    pub(super) fn sync_ordered(&mut self, partition: u32, ctx: &mut Ctx<Event>) -> bool {
        let now = ctx.now();
        let (desired, generation) = (self.rollout.desired, self.rollout.generation);
        for ordinal in 0..desired {
            match self.with_ordinal(ordinal) {
                None => {
                    let template = if ordinal < partition { generation.saturating_sub(1) } else { generation };
                    self.create_pod(template, ordinal, ctx);
                    return true;
                }
                Some(pod) if !self.is_available(pod, now) => return false,
                Some(_) => {}
            }
        }
        let highest = |which: &dyn Fn(PodId) -> bool| {
            let of = self.running.iter().copied().filter(|&pod| which(pod));
            of.max_by_key(|&pod| self.pods[pod].life.ordinal)
        };
        let condemned = highest(&|pod| self.pods[pod].life.ordinal >= desired);
        let outdated = highest(&|pod| {
            let life = &self.pods[pod].life;
            (partition..desired).contains(&life.ordinal) && life.generation != generation
        });
        match condemned.or(outdated) {
            Some(pod) if self.pods[pod].life.phase == Phase::Active => {
                self.terminate(pod, false, ctx);
                true
            }
            _ => false,
        }
    }

    /// The pod with a name, whatever it does.
    fn with_ordinal(&self, ordinal: u32) -> Option<PodId> {
        self.running.iter().copied().find(|&pod| self.pods[pod].life.ordinal == ordinal)
    }
}
