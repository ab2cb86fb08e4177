//! A Deployment and its ReplicaSets, without the milliseconds between their syncs: `rolling.go`, `recreate.go` and `sync.go` of
//! `pkg/controller/deployment`.

use super::{Rollout, fenceposts};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};

/// How many pods of one template are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaSet {
    pub generation: u32,
    pub replicas: u32,
}

impl Rollout {
    fn total(&self) -> u32 {
        self.sets.iter().map(|set| set.replicas).sum()
    }
    /// That of the newest template, if it is there already.
    fn newest(&mut self) -> Option<&mut ReplicaSet> {
        let generation = self.generation;
        self.sets.last_mut().filter(|set| set.generation == generation)
    }
    /// A new wanted number is shared among the sets by their size, the largest first, which gets what is left over. True: it
    /// was new.
    fn scale_sets(&mut self, most: u32) -> bool {
        let (desired, at_most) = (self.desired, self.scaled_for.1);
        if self.scaled_for.0 == desired {
            return false;
        }
        self.scaled_for = (desired, most);
        let with_pods = self.sets.iter().filter(|set| set.replicas > 0).count();
        if with_pods == 0 {
            return false; // the next set will be made as large as is wanted now
        }
        if with_pods == 1 {
            self.sets.iter_mut().filter(|set| set.replicas > 0).for_each(|set| set.replicas = desired);
            return true;
        }
        let most = if desired == 0 { 0 } else { most };
        let to_add = i64::from(most) - i64::from(self.total());
        let mut order: Vec<usize> = (0..self.sets.len()).filter(|&at| self.sets[at].replicas > 0).collect();
        // of equal size, newer ones grow first and older ones shrink first
        order.sort_by_key(|&at| {
            let age = if to_add > 0 { -(at as i64) } else { at as i64 };
            (std::cmp::Reverse(self.sets[at].replicas), age)
        });
        let mut added = 0;
        for &at in &order {
            let size = i64::from(self.sets[at].replicas);
            let share = libm::round(size as f64 * f64::from(most) / f64::from(at_most.max(1))) as i64 - size;
            let left = to_add - added;
            let share = if to_add > 0 { share.min(left) } else { share.max(left) };
            self.sets[at].replicas = (size + share).max(0) as u32;
            added += share;
        }
        let largest = &mut self.sets[order[0]].replicas;
        *largest = (i64::from(*largest) + to_add - added).max(0) as u32;
        true
    }
    /// Templates without pods are forgotten, but for the newest.
    fn forget_empty_sets(&mut self) {
        let generation = self.generation;
        self.sets.retain(|set| set.replicas > 0 || set.generation == generation);
    }
}

impl Cluster<'_> {
    /// One sync of a Deployment that replaces its pods some at a time. True: something has changed.
    pub(super) fn sync_rolling(&mut self, ctx: &mut Ctx<Event>) -> bool {
        let now = ctx.now();
        if self.sync_sets(ctx) {
            return true;
        }
        let desired = self.rollout.desired;
        let (surge, unavailable) = fenceposts(&self.spec.rollout, desired);
        if self.rollout.scale_sets(desired + surge) {
            return true;
        }
        let most = desired + surge;
        let (total, generation) = (self.rollout.total(), self.rollout.generation);
        let Some(newest) = self.rollout.newest() else {
            let replicas = most.saturating_sub(total).min(desired);
            self.rollout.sets.push(ReplicaSet { generation, replicas });
            return true;
        };
        let new = newest.replicas;
        if new > desired {
            newest.replicas = desired;
            return true;
        }
        if new < desired && total < most {
            newest.replicas += (most - total).min(desired - new);
            return true;
        }
        let olds = self.rollout.sets.len() - 1;
        if total == new {
            self.rollout.forget_empty_sets();
            return false;
        }
        let available: Vec<u32> = self.rollout.sets.iter().map(|set| self.available(set.generation, now)).collect();
        let min_available = desired.saturating_sub(unavailable);
        let mut may_go = total.saturating_sub(min_available + (new - available[olds].min(new)));
        if may_go == 0 {
            return false;
        }
        let mut removed = 0;
        for (set, available) in self.rollout.sets[..olds].iter_mut().zip(&available) {
            let unhealthy = set.replicas.saturating_sub(*available).min(may_go);
            set.replicas -= unhealthy;
            may_go -= unhealthy;
            removed += unhealthy;
        }
        let mut extra = available.iter().sum::<u32>().saturating_sub(min_available);
        for set in &mut self.rollout.sets[..olds] {
            let healthy = set.replicas.min(extra);
            set.replicas -= healthy;
            extra -= healthy;
            removed += healthy;
        }
        removed > 0
    }

    /// One sync of a Deployment that removes all pods before it creates new ones. True: something has changed.
    pub(super) fn sync_recreate(&mut self, ctx: &mut Ctx<Event>) -> bool {
        if self.sync_sets(ctx) {
            return true;
        }
        let (desired, generation) = (self.rollout.desired, self.rollout.generation);
        if self.rollout.scale_sets(desired) {
            return true;
        }
        let olds = self.rollout.sets.iter_mut().filter(|set| set.generation != generation && set.replicas > 0);
        if olds.map(|set| set.replicas = 0).count() > 0 {
            return true;
        }
        // those that are terminating are still there
        if self.running.iter().any(|&pod| self.pods[pod].life.generation != generation) {
            return false;
        }
        self.rollout.forget_empty_sets();
        if self.rollout.newest().is_none() {
            self.rollout.sets.push(ReplicaSet { generation, replicas: desired });
            return true;
        }
        false
    }

    /// Each ReplicaSet creates the pods that it lacks and removes those that it has too many of. True: something has changed.
    fn sync_sets(&mut self, ctx: &mut Ctx<Event>) -> bool {
        let mut changed = false;
        for set in self.rollout.sets.clone() {
            let has = self.counted().filter(|&pod| self.pods[pod].life.generation == set.generation).count() as u32;
            for _ in has..set.replicas {
                self.create_pod(set.generation, self.pods.len() as u32, ctx);
            }
            if has > set.replicas {
                self.remove_victims(set.generation, has - set.replicas, ctx);
            }
            changed |= has != set.replicas;
        }
        changed
    }

    /// Pods of a template that have been ready for long enough.
    fn available(&self, generation: u32, now: SimTime) -> u32 {
        let counts = |&pod: &PodId| self.pods[pod].life.generation == generation && self.is_available(pod, now);
        self.counted().filter(counts).count() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::spec::{Amount, RolloutSpec};

    /// Sizes of the sets after the wanted number has changed in the midst of a rollout, with a surge of so many.
    fn scaled(sizes: &[u32], from: u32, to: u32, surge: u32) -> Vec<u32> {
        let spec =
            RolloutSpec { max_surge: Amount::Pods(surge), max_unavailable: Amount::Pods(0), ..RolloutSpec::default() };
        let mut rollout = Rollout::new(from, &spec);
        rollout.sets = (0u32..).zip(sizes).map(|(generation, &replicas)| ReplicaSet { generation, replicas }).collect();
        rollout.generation = sizes.len() as u32 - 1;
        rollout.desired = to;
        assert!(rollout.scale_sets(to + surge));
        assert!(!rollout.scale_sets(to + surge), "once is enough");
        rollout.sets.iter().map(|set| set.replicas).collect()
    }

    #[test]
    fn a_new_number_is_shared_in_proportion() {
        // by hand, by the rule of `GetProportion`
        for (old, from, to, surge, expected) in [
            (&[10][..], 10, 12, 0, &[12][..]),
            (&[10], 10, 5, 0, &[5]),
            (&[5, 5], 10, 12, 0, &[6, 6]),
            (&[5, 5], 10, 5, 0, &[2, 3]),
            (&[5, 5], 10, 0, 0, &[0, 0]),
            (&[8, 2], 10, 15, 0, &[12, 3]),
            (&[6, 5], 10, 15, 1, &[9, 7]),
        ] {
            assert_eq!(scaled(old, from, to, surge), expected, "{old:?} from {from} to {to}");
        }
    }
}
