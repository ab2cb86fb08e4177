//! Nodes: where pods run, and what the control plane believes of them.

mod zone;

use super::PodId;
use super::spec::{NodesSpec, Outage};
use crate::engine::{SimTime, Span};

pub use zone::{Zone, ZoneState};

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// The zone that it is in.
    pub zone: usize,
    /// What it is cut off from, if anything: the most of what is in force.
    pub outage: Option<Outage>,
    /// When each kind of outage is over, in the order of [`Outage`].
    ends: [SimTime; 3],
    /// Counts its outages: whatever belongs to an older one is void.
    pub outages: u16,
    /// What the control plane believes.
    pub belief: Belief,
    /// Counts the times that it was tainted.
    pub taints: u16,
    /// Somebody has drained it (`kubectl drain`), and no new pods are placed here.
    pub drained: bool,
    /// Counts the times that somebody did.
    pub drains: u16,
    /// How far its upgrade is.
    pub upgrade: Upgrade,
    /// Somebody waits until it has no pods.
    pub is_awaited: bool,
    /// When its kubelet renews its lease, from time zero on.
    renewed: Span,
}

/// How far the upgrade of a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// It is not being upgraded.
    None,
    /// It is drained first.
    Drains,
    /// It is away.
    Reboots,
}

impl Node {
    /// It is cut off for so long, or for good; true: from more than before.
    pub fn cut(&mut self, from: Outage, until: SimTime) -> bool {
        let end = &mut self.ends[from as usize];
        *end = (*end).max(until);
        let more = self.outage.is_none_or(|outage| (from as usize) < outage as usize);
        if self.outage.is_none() {
            self.outages = self.outages.wrapping_add(1);
        }
        if more {
            self.outage = Some(from);
        }
        more
    }
    /// Some outage may be over: what it was cut off from, if it is not any more, or from less. A node that was without power is
    /// started when nothing else cuts it off.
    pub fn mend(&mut self, now: SimTime) -> Option<Outage> {
        let was = self.outage?;
        let left = Outage::ALL.into_iter().find(|&kind| self.ends[kind as usize] > now);
        if left == Some(was) || (was == Outage::Power && left.is_some()) {
            return None;
        }
        self.outage = left;
        Some(was)
    }
    /// No new pods are placed here.
    pub fn is_cordoned(&self) -> bool {
        self.drained || self.upgrade != Upgrade::None
    }
}

/// What the control plane believes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// It is there.
    Ready,
    /// Nothing has been heard of it for too long: its pods are not ready, and it gets no new ones.
    Unreachable,
    /// It has the taint that its pods tolerate for a while only.
    Tainted,
}

/// All nodes.
#[derive(Default)]
pub struct Nodes {
    list: Vec<Node>,
    /// Zones by number.
    pub zones: Vec<Zone>,
    /// Every zone has lost all its nodes: nobody is evicted then.
    pub all_lost: bool,
    /// Pods for which there is no node, in the order in which they came.
    pub unscheduled: Vec<PodId>,
    /// Nodes still to be upgraded, the next one last.
    pub to_upgrade: Vec<u32>,
    /// How long a node is away while it is upgraded.
    pub reboot: Span,
}

impl Nodes {
    /// Nodes that are all there; `renewed` is when the lease of each is renewed first.
    pub fn new(spec: &NodesSpec, renewed: impl Fn(u32) -> Span) -> Nodes {
        let node = |number: u32| Node {
            zone: (number % spec.zones) as usize,
            outage: None,
            ends: [SimTime::ZERO; 3],
            outages: 0,
            belief: Belief::Ready,
            taints: 0,
            drained: false,
            drains: 0,
            upgrade: Upgrade::None,
            is_awaited: false,
            renewed: renewed(number),
        };
        let zones = (0..spec.zones).map(|_| Zone::default()).collect();
        Nodes { list: (0..spec.count).map(node).collect(), zones, ..Nodes::default() }
    }
    /// True when there are nodes at all.
    pub const fn exist(&self) -> bool {
        !self.list.is_empty()
    }
    /// How many there are.
    pub const fn count(&self) -> u32 {
        self.list.len() as u32
    }
    /// A node by its number.
    pub fn get(&self, number: u32) -> &Node {
        &self.list[number as usize]
    }
    /// The same, to change it.
    pub fn get_mut(&mut self, number: u32) -> &mut Node {
        &mut self.list[number as usize]
    }
    /// The nodes of a zone, by number.
    pub fn of_zone(&self, zone: u32) -> Vec<u32> {
        (0..self.count()).filter(|&number| self.get(number).zone == zone as usize).collect()
    }
    /// Whether pods can be placed on a node, as far as the control plane knows.
    pub fn takes_pods(&self, number: u32) -> bool {
        let node = self.get(number);
        node.belief == Belief::Ready && !node.is_cordoned()
    }
    /// True when the control plane hears of a pod on this node.
    pub fn is_heard(&self, number: Option<u32>) -> bool {
        number.is_none_or(|number| self.get(number).outage.is_none())
    }
    /// How each zone stands: (ready, not ready).
    pub fn census(&self) -> Vec<(usize, usize)> {
        let mut census = vec![(0, 0); self.zones.len()];
        for node in &self.list {
            let (ready, lost) = &mut census[node.zone];
            *if node.belief == Belief::Ready { ready } else { lost } += 1;
        }
        census
    }
    /// When the control plane takes a node for lost that was heard of last before `since`. The kubelet has renewed its lease at
    /// its own moments until then; the controller sees that at its next look, and gives the node up at the first look at which
    /// that is longer ago than the time of grace (`monitorNodeHealth`; looks come a trifle later than their distance).
    pub fn lost_at(&self, number: u32, since: SimTime, spec: &NodesSpec) -> SimTime {
        let nanos = |span: Span| i128::from(span.as_nanos());
        let (since, period) = (nanos(since - SimTime::ZERO), nanos(spec.monitor_period));
        let next_look = |at: i128| -(-at).div_euclid(period) * period;
        let renewed = since - (since - nanos(self.get(number).renewed)).rem_euclid(nanos(spec.lease_renewal));
        let given_up = next_look(next_look(renewed) + nanos(spec.monitor_grace));
        SimTime::from_nanos(given_up.max(since) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: NodesSpec = NodesSpec {
        count: 3,
        zones: 2,
        max_pods: 110,
        lease_renewal: Span::from_secs(10),
        monitor_period: Span::from_secs(5),
        monitor_grace: Span::from_secs(40),
        toleration: Span::from_secs(300),
    };

    #[test]
    fn zones_take_turns() {
        let nodes = Nodes::new(&SPEC, |_| Span::ZERO);
        assert_eq!((nodes.of_zone(0), nodes.of_zone(1)), (vec![0, 2], vec![1]));
        assert_eq!(nodes.census(), [(2, 0), (1, 0)]);
    }

    #[test]
    fn of_several_outages_the_worst_counts_until_it_is_over() {
        let at = |seconds| SimTime::ZERO + Span::from_secs(seconds);
        let fresh = || Nodes::new(&SPEC, |_| Span::ZERO).get(0).clone();
        // for a while without a network, within a time without the control plane
        let mut node = fresh();
        assert!(node.cut(Outage::ControlPlane, at(100)) && node.cut(Outage::Network, at(30)));
        assert_eq!((node.outages, node.mend(at(20)), node.outage), (1, None, Some(Outage::Network)));
        assert_eq!((node.mend(at(30)), node.outage), (Some(Outage::Network), Some(Outage::ControlPlane)));
        assert_eq!((node.mend(at(100)), node.outage), (Some(Outage::ControlPlane), None));
        // without power it does not come back before the network does
        let mut node = fresh();
        assert!(node.cut(Outage::Power, at(30)) && !node.cut(Outage::Network, at(50)));
        assert_eq!((node.mend(at(30)), node.mend(at(50)), node.outage), (None, Some(Outage::Power), None));
    }

    #[test]
    fn a_lost_node_is_given_up_some_looks_after_its_last_renewal() {
        // renewals at 3, 13, 23 … s are seen at 5, 15, 25 … s; forty seconds later they are too old
        let nodes = Nodes::new(&SPEC, |_| Span::from_secs(3));
        let lost =
            |seconds| nodes.lost_at(0, SimTime::ZERO + Span::from_secs(seconds), &SPEC).as_nanos() / 1_000_000_000;
        for (at, expected) in [(100, 135), (102, 135), (103, 145), (104, 145), (112, 145), (113, 155), (2, 35)] {
            assert_eq!(lost(at), expected, "lost at {at} s");
        }
    }
}
