//! Deployments: from the pods there are to the pods that are wanted, some at a time.
//!
//! The steps are those of the Deployment controller (`pkg/controller/deployment/rolling.go`) and of the ReplicaSet's
//! choice of victims (`controller_utils.go`, `ActivePodsWithRanks`), without the milliseconds between its syncs.

use std::collections::VecDeque;

use crate::cluster::pods::Phase;
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::Amount;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};

/// What is wanted.
pub struct Rollout {
    /// Number of pods.
    desired: u32,
    /// Generation of the newest template.
    generation: u32,
    /// Pods still to be restarted in place.
    in_place: VecDeque<PodId>,
    /// The pod that is being restarted in place.
    restarting: Option<PodId>,
}

impl Rollout {
    /// `replicas` pods of the first template.
    pub const fn new(replicas: u32) -> Rollout {
        Rollout { desired: replicas, generation: 0, in_place: VecDeque::new(), restarting: None }
    }
}

/// (surge, unavailable) in pods: a share of surge is rounded up, of unavailable down, and they are not both zero.
fn fenceposts(surge: Amount, unavailable: Amount, desired: u32) -> (u32, u32) {
    let share = |share: f64| share * f64::from(desired);
    let surge = match surge {
        Amount::Pods(pods) => pods,
        Amount::Share(of) => libm::ceil(share(of) - 1e-9) as u32,
    };
    let unavailable = match unavailable {
        Amount::Pods(pods) => pods,
        Amount::Share(of) => libm::floor(share(of) + 1e-9) as u32,
    };
    (surge, if surge == 0 { unavailable.max(1) } else { unavailable })
}

impl Cluster<'_> {
    /// A new template: every pod is to be replaced.
    pub fn start_rollout(&mut self, ctx: &mut Ctx<Event>) {
        self.rollout.generation += 1;
        self.meter.mark(ctx.now(), "begin rollout".to_owned());
        self.reconcile(ctx);
    }

    /// The wanted number of pods changes.
    pub fn scale(&mut self, to: u32, ctx: &mut Ctx<Event>) {
        self.rollout.desired = to;
        self.meter.mark(ctx.now(), format!("scale to {to}"));
        self.reconcile(ctx);
    }

    /// Every pod is to be restarted in place, one after the other in order of number.
    pub fn start_restarts_in_place(&mut self, ctx: &mut Ctx<Event>) {
        self.meter.mark(ctx.now(), "begin rolling restart in place".to_owned());
        self.rollout.in_place = self.running.iter().copied().filter(|&pod| self.pods[pod].is_active()).collect();
        self.restart_next_in_place(None, ctx);
    }

    /// Goes on to the next pod once the last one is `settled`: ready again, or removed meanwhile.
    pub fn restart_next_in_place(&mut self, settled: Option<PodId>, ctx: &mut Ctx<Event>) {
        if self.rollout.restarting.is_some() && self.rollout.restarting != settled {
            return;
        }
        self.rollout.restarting = None;
        while let Some(pod) = self.rollout.in_place.pop_front() {
            if self.pods[pod].phase == Phase::Ready {
                self.rollout.restarting = Some(pod);
                self.terminate(pod, true, ctx);
                return;
            }
        }
    }

    /// Creates and removes pods as far as the rollout's limits allow now. Called whenever a pod changes.
    pub fn reconcile(&mut self, ctx: &mut Ctx<Event>) {
        while self.scale_new(ctx) || self.scale_old(ctx) {}
    }

    /// Pods of the newest template towards the wanted number.
    fn scale_new(&mut self, ctx: &mut Ctx<Event>) -> bool {
        let (new, old) = self.counted();
        let desired = self.rollout.desired;
        let (surge, _) = self.fenceposts();
        let (new, total) = (new.len() as u32, (new.len() + old.len()) as u32);
        if new > desired {
            self.remove_victims(true, new - desired, ctx);
            return true;
        }
        let room = (desired + surge).saturating_sub(total).min(desired - new);
        for _ in 0..room {
            self.create_pod(self.rollout.generation, ctx);
        }
        room > 0
    }

    /// Pods of older templates towards none, as many as availability allows.
    fn scale_old(&mut self, ctx: &mut Ctx<Event>) -> bool {
        let (new, old) = self.counted();
        if old.is_empty() {
            return false;
        }
        let ready = |pods: &[PodId]| pods.iter().filter(|&&pod| self.pods[pod].phase == Phase::Ready).count() as u32;
        let (_, unavailable) = self.fenceposts();
        let min_available = self.rollout.desired.saturating_sub(unavailable);
        let (new_ready, old_ready) = (ready(&new), ready(&old));
        let total = (new.len() + old.len()) as u32;
        let new_unavailable = new.len() as u32 - new_ready;
        let may_go = total.saturating_sub(min_available + new_unavailable);
        // old pods that are not ready go first, then as many ready ones as are above the minimum
        let unhealthy = (old.len() as u32 - old_ready).min(may_go);
        let healthy = (new_ready + old_ready).saturating_sub(min_available).min(may_go - unhealthy).min(old_ready);
        self.remove_victims(false, unhealthy + healthy, ctx);
        unhealthy + healthy > 0
    }

    fn fenceposts(&self) -> (u32, u32) {
        fenceposts(self.spec.rollout.max_surge, self.spec.rollout.max_unavailable, self.rollout.desired)
    }

    /// Active pods of the newest template, and of older ones. Pods that are terminating do not count.
    fn counted(&self) -> (Vec<PodId>, Vec<PodId>) {
        let counts = |pod: &PodId| {
            let pod = &self.pods[*pod];
            pod.is_active() || (pod.phase == Phase::Terminating && pod.restarting)
        };
        let active = self.running.iter().copied().filter(counts);
        active.partition(|&pod| self.pods[pod].generation == self.rollout.generation)
    }

    /// Removes `count` pods of the newest template, or of older ones: first those that are not ready, then those ready
    /// for less time, then younger ones; times are compared by the floor of their binary logarithm, and what is equal
    /// then is ordered by the pod's random name.
    fn remove_victims(&mut self, of_newest: bool, count: u32, ctx: &mut Ctx<Event>) {
        let (new, old) = self.counted();
        let mut pods = if of_newest { new } else { old };
        let now = ctx.now();
        let age = |since: SimTime| now.since(since).as_nanos().checked_ilog2();
        pods.sort_by_key(|&pod| {
            let target = &self.pods[pod];
            let ready = target.phase == Phase::Ready;
            let name = Purpose::PodName.stream(self.seed, pod.raw(), 0).bits();
            (ready, age(target.ready_at), age(target.created_at), name)
        });
        for &pod in pods.iter().take(count as usize) {
            self.terminate(pod, false, ctx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_as_kubernetes_does() {
        let quarter = Amount::Share(0.25);
        for (desired, expected) in [(1, (1, 0)), (2, (1, 0)), (3, (1, 0)), (4, (1, 1)), (5, (2, 1)), (10, (3, 2))] {
            assert_eq!(fenceposts(quarter, quarter, desired), expected, "{desired} pods");
        }
        assert_eq!(fenceposts(Amount::Pods(0), Amount::Share(0.1), 3), (0, 1), "never both zero");
    }
}
