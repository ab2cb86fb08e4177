//! The scheduler: which node a pod gets.

use crate::cluster::pods::Phase;
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::RolloutStrategy;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::Ctx;

impl Cluster<'_> {
    /// A pod gets a node, or waits for one. True: it has one, or there are no nodes.
    pub fn place_on_node(&mut self, pod: PodId) -> bool {
        if !self.nodes.exist() {
            return true;
        }
        self.pods[pod].life.node = self.node_for(pod);
        let placed = self.pods[pod].life.node.is_some();
        if !placed {
            self.nodes.unscheduled.push(pod);
        }
        placed
    }

    /// Of the nodes that take pods, the one that `PodTopologySpread` scores best with the constraints that the scheduler has by itself:
    /// the pods of the same template in its zone and on itself, each weighed by the logarithm of how many zones and nodes there are;
    /// by lot among equals. It counts no pods that are terminating, and does not know yet of nodes that were lost a moment ago.
    fn node_for(&self, pod: PodId) -> Option<u32> {
        let spec = self.spec.nodes.as_ref()?;
        let nodes = &self.nodes;
        let (mut ours, mut all) = (vec![0u32; nodes.count() as usize], vec![0u32; nodes.count() as usize]);
        // the selector of a StatefulSet does not tell templates apart
        let ordered = matches!(self.spec.rollout.strategy, RolloutStrategy::Ordered { .. });
        let generation = self.pods[pod].life.generation;
        for life in self.running.iter().map(|&other| &self.pods[other].life) {
            if let Some(node) = life.node {
                let same = ordered || life.generation == generation;
                all[node as usize] += 1;
                ours[node as usize] += u32::from(life.phase == Phase::Active && same);
            }
        }
        let takes = |&number: &u32| nodes.takes_pods(number) && all[number as usize] < spec.max_pods;
        let candidates: Vec<u32> = (0..nodes.count()).filter(takes).collect();
        let mut of_zone: Vec<Option<u32>> = vec![None; nodes.zones.len()];
        for &number in &candidates {
            *of_zone[nodes.get(number).zone].get_or_insert(0) += ours[number as usize];
        }
        let weight = |domains: usize| libm::log(domains as f64 + 2.0);
        let (zones, hosts) = (weight(of_zone.iter().flatten().count()), weight(candidates.len()));
        let score = |number: u32| {
            let in_zone = of_zone[nodes.get(number).zone].unwrap_or(0);
            f64::from(in_zone) * zones + f64::from(ours[number as usize]) * hosts
        };
        let mut lots = Purpose::Placement.stream(self.seed, pod.raw(), 0);
        let drawn: Vec<(f64, u64, u32)> =
            candidates.into_iter().map(|number| (score(number), lots.bits(), number)).collect();
        let best = drawn.into_iter().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        best.map(|(_, _, number)| number)
    }

    /// There may be room now: pods that wait for a node are tried in the order in which they came.
    pub fn place_waiting(&mut self, ctx: &mut Ctx<Event>) {
        for pod in std::mem::take(&mut self.nodes.unscheduled) {
            if self.pods[pod].life.phase != Phase::Gone && self.place_on_node(pod) {
                self.wait_for_container(pod, ctx);
            }
        }
    }

    /// Pods on a node, whatever they do.
    pub fn pods_on(&self, node: u32) -> Vec<PodId> {
        self.running.iter().copied().filter(|&pod| self.pods[pod].life.node == Some(node)).collect()
    }
}
