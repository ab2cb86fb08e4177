//! The scheduler: which node a pod gets.

use crate::cluster::pods::Phase;
use crate::cluster::purpose::Purpose;
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

    /// Of the nodes that take pods, the one with the fewest of ours in its zone, then on itself; by lot among equals. So it comes
    /// out of `PodTopologySpread` with the constraints that the scheduler has by itself. It counts no pods that are terminating, and
    /// does not know yet of nodes that were lost a moment ago.
    fn node_for(&self, pod: PodId) -> Option<u32> {
        let spec = self.spec.nodes.as_ref()?;
        let nodes = &self.nodes;
        let (mut ours, mut all) = (vec![0u32; nodes.count() as usize], vec![0u32; nodes.count() as usize]);
        for life in self.running.iter().map(|&other| &self.pods[other].life) {
            if let Some(node) = life.node {
                all[node as usize] += 1;
                ours[node as usize] += u32::from(life.phase == Phase::Active);
            }
        }
        let mut of_zone = vec![0u32; nodes.zones.len()];
        for (number, count) in ours.iter().enumerate() {
            of_zone[nodes.get(number as u32).zone] += count;
        }
        let mut lots = Purpose::Placement.stream(self.seed, pod.raw(), 0);
        let takes = |&number: &u32| nodes.takes_pods(number) && all[number as usize] < spec.max_pods;
        let candidates = (0..nodes.count()).filter(takes);
        candidates.min_by_key(|&number| (of_zone[nodes.get(number).zone], ours[number as usize], lots.bits()))
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

    /// Whether the control plane hears of a pod.
    pub fn is_heard(&self, pod: PodId) -> bool {
        self.nodes.is_heard(self.pods[pod].life.node)
    }
}
