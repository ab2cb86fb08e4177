//! Controllers: from the pods there are to the pods that are wanted.

mod deployment;
mod stateful;

use std::cmp::Reverse;
use std::collections::VecDeque;

use crate::cluster::pods::Container;
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::{Amount, DeletionCost, RolloutSpec, RolloutStrategy};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};

use deployment::ReplicaSet;

/// What is wanted, and how far it has come.
pub struct Rollout {
    /// Number of pods.
    desired: u32,
    /// Generation of the newest template.
    generation: u32,
    /// One for each template that still has pods, oldest first, and the newest.
    sets: Vec<ReplicaSet>,
    /// The wanted number, and the most that there may be, when the sets were scaled last.
    scaled_for: (u32, u32),
    /// Pods still to be restarted in place.
    in_place: VecDeque<PodId>,
    /// The pod that is being restarted in place.
    restarting: Option<PodId>,
    /// When the rollout under way began, and when it came forward last.
    under_way: Option<SimTime>,
    progress: SimTime,
    /// A controller is at work: what it does may call it again.
    busy: bool,
}

impl Rollout {
    /// `replicas` pods of the first template.
    pub fn new(replicas: u32, spec: &RolloutSpec) -> Rollout {
        Rollout {
            desired: replicas,
            generation: 0,
            sets: vec![ReplicaSet { generation: 0, replicas }],
            scaled_for: (replicas, replicas + fenceposts(spec, replicas).0),
            in_place: VecDeque::new(),
            restarting: None,
            under_way: None,
            progress: SimTime::ZERO,
            busy: false,
        }
    }
}

/// (surge, unavailable) in pods: a share of surge is rounded up, of unavailable down, and they are not both zero.
fn fenceposts(spec: &RolloutSpec, desired: u32) -> (u32, u32) {
    let share = |share: f64| share * f64::from(desired);
    let surge = match spec.max_surge {
        Amount::Pods(pods) => pods,
        Amount::Share(of) => libm::ceil(share(of) - 1e-9) as u32,
    };
    let unavailable = match spec.max_unavailable {
        Amount::Pods(pods) => pods,
        Amount::Share(of) => libm::floor(share(of) + 1e-9) as u32,
    };
    (surge, if surge == 0 { unavailable.max(1) } else { unavailable })
}

impl Cluster<'_> {
    /// A new template: every pod is to be replaced.
    pub fn start_rollout(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.rollout.generation += 1;
        self.meter.mark(now, "begin rollout".to_owned());
        let generation = self.rollout.generation as u16;
        ctx.schedule_in(self.spec.rollout.progress_deadline, Event::ProgressDue(generation));
        self.rollout.under_way = Some(now);
        self.rollout.progress = now;
        self.reconcile(ctx);
    }

    /// How many pods are wanted.
    pub const fn wanted_pods(&self) -> u32 {
        self.rollout.desired
    }

    /// The wanted number of pods changes.
    pub fn scale(&mut self, to: u32, by: &str, ctx: &mut Ctx<Event>) {
        self.rollout.desired = to;
        self.meter.mark(ctx.now(), format!("{by}scale to {to}"));
        self.reconcile(ctx);
    }

    /// Every pod is to be restarted in place, one after the other in order of number.
    pub fn start_restarts_in_place(&mut self, ctx: &mut Ctx<Event>) {
        self.meter.mark(ctx.now(), "begin rolling restart in place".to_owned());
        self.rollout.in_place = self.running.iter().copied().filter(|&pod| self.pods[pod].life.is_active()).collect();
        self.restart_next_in_place(None, ctx);
    }

    /// Goes on to the next pod once the last one is `settled`: ready again, or removed meanwhile.
    pub fn restart_next_in_place(&mut self, settled: Option<PodId>, ctx: &mut Ctx<Event>) {
        if self.rollout.restarting.is_some() && self.rollout.restarting != settled {
            return;
        }
        self.rollout.restarting = None;
        while let Some(pod) = self.rollout.in_place.pop_front() {
            if self.pods[pod].life.is_up() {
                self.rollout.restarting = Some(pod);
                self.terminate(pod, true, ctx);
                return;
            }
        }
    }

    /// Creates and removes pods as far as the rollout's limits allow now. Called whenever a pod changes.
    pub fn reconcile(&mut self, ctx: &mut Ctx<Event>) {
        if std::mem::replace(&mut self.rollout.busy, true) {
            return;
        }
        let mut changed = false;
        loop {
            let goes_on = match self.spec.rollout.strategy {
                RolloutStrategy::Rolling => self.sync_rolling(ctx),
                RolloutStrategy::Recreate => self.sync_recreate(ctx),
                RolloutStrategy::Ordered { partition } => self.sync_ordered(partition, ctx),
            };
            if !goes_on {
                break;
            }
            changed = true;
        }
        self.rollout.busy = false;
        if let Some(began) = self.rollout.under_way {
            let now = ctx.now();
            if changed {
                self.progressed(now);
            }
            if self.is_rolled_out(now) {
                self.rollout.under_way = None;
                self.meter.mark(now, "end of rollout".to_owned());
                self.meter.counts.rollouts_done += 1;
                self.meter.counts.rollout_ns += (now - began).as_nanos();
            }
        }
    }

    /// The rollout comes forward: something was created or removed, or a pod has become ready or available.
    pub const fn progressed(&mut self, now: SimTime) {
        self.rollout.progress = now;
    }

    /// A rollout has had no progress for too long, or has had some and is looked at again.
    pub fn progress_due(&mut self, generation: u16, ctx: &mut Ctx<Event>) {
        if self.rollout.under_way.is_none() || self.rollout.generation as u16 != generation {
            return;
        }
        let due = self.rollout.progress + self.spec.rollout.progress_deadline;
        if due > ctx.now() {
            ctx.schedule(due, Event::ProgressDue(generation));
        } else {
            self.meter.counts.rollouts_stuck += 1;
            self.meter.mark(ctx.now(), "the rollout is stuck".to_owned());
        }
    }

    /// Whether every pod is of the newest template and available, and nobody else is there.
    fn is_rolled_out(&self, now: SimTime) -> bool {
        let partition = match self.spec.rollout.strategy {
            RolloutStrategy::Ordered { partition } => partition,
            RolloutStrategy::Rolling | RolloutStrategy::Recreate => 0,
        };
        let (mut count, mut fine) = (0, true);
        for pod in self.counted() {
            let life = &self.pods[pod].life;
            count += 1;
            fine &= life.generation == self.rollout.generation || life.ordinal < partition;
            fine &= self.is_available(pod, now);
        }
        fine && count == self.rollout.desired
    }

    /// Pods that controllers count, in order of number. Those that are terminating do not count.
    fn counted(&self) -> impl Iterator<Item = PodId> {
        self.running.iter().copied().filter(|&pod| self.pods[pod].life.is_counted())
    }

    /// Removes so many pods of a template, in the order of `ActivePodsWithRanks`: those without a node go first, then those without a container, then those
    /// that are not ready, those whose deletion costs less; then of those that are ready the ones that have been so for less time,
    /// and of the others those that were restarted more often, and younger ones. Times are compared by the floor of their binary
    /// logarithm, and what is equal then is ordered by the pod's random name. After the cost of deletion, those go first that share
    /// their node with more pods of ours.
    fn remove_victims(&mut self, generation: u32, count: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let age = |since: SimTime| now.since(since).as_nanos().checked_ilog2();
        let mut on_nodes = vec![0u32; self.nodes.count() as usize];
        for node in self.counted().filter_map(|pod| self.pods[pod].life.node) {
            on_nodes[node as usize] += 1;
        }
        let mut pods: Vec<PodId> = self.counted().filter(|&pod| self.pods[pod].life.generation == generation).collect();
        pods.sort_by_key(|&pod| {
            let target = &self.pods[pod];
            let life = &target.life;
            let scheduled = life.node.is_some() || !self.nodes.exist();
            let runs = life.container != Container::Waiting || life.was_ready();
            let cost = match self.spec.rollout.deletion_cost {
                DeletionCost::None => 0,
                DeletionCost::Connections => target.connections(),
            };
            let neighbours = Reverse(life.node.map_or(0, |node| on_nodes[node as usize]));
            let name = Purpose::PodName.stream(self.seed, pod.raw(), 0).bits();
            let (ready_for, restarts, exists_for) = if life.is_ready() {
                (age(life.ready_at), Reverse(0), None)
            } else {
                (None, Reverse(life.restarts), age(life.created_at))
            };
            (scheduled, runs, life.is_ready(), cost, neighbours, ready_for, restarts, exists_for, name)
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
        let spec = |max_surge, max_unavailable| RolloutSpec { max_surge, max_unavailable, ..RolloutSpec::default() };
        let quarter = Amount::Share(0.25);
        for (desired, expected) in [(1, (1, 0)), (2, (1, 0)), (3, (1, 0)), (4, (1, 1)), (5, (2, 1)), (10, (3, 2))] {
            assert_eq!(fenceposts(&spec(quarter, quarter), desired), expected, "{desired} pods");
        }
        assert_eq!(fenceposts(&spec(Amount::Pods(0), Amount::Share(0.1)), 3), (0, 1), "never both zero");
    }
}
