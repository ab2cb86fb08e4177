//! Nodes and zones: where pods run, when a node counts as lost, and which pods may be evicted.

use super::Amount;
use crate::engine::Span;

/// The nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodesSpec {
    /// Number, at least 1.
    pub count: u32,
    /// Zones, 1 to `count`; node `n` is in zone `n % zones`.
    pub zones: u32,
    /// Pods that a node takes, at least 1 (`maxPods` of the kubelet).
    pub max_pods: u32,
    /// A kubelet renews its lease at this distance, above zero.
    pub lease_renewal: Span,
    /// The node controller looks at leases at this distance, above zero (`--node-monitor-period`).
    pub monitor_period: Span,
    /// A node whose lease it has seen unchanged for longer than this is unreachable (`--node-monitor-grace-period`).
    pub monitor_grace: Span,
    /// So long after that pods are deleted (`tolerationSeconds` of `node.kubernetes.io/unreachable`).
    pub toleration: Span,
}

/// A PodDisruptionBudget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DisruptionBudget {
    /// What must stay.
    pub keeps: Keeps,
    /// Pods that are not ready are evicted whatever the budget (`unhealthyPodEvictionPolicy: AlwaysAllow`).
    pub evicts_unready: bool,
}

/// What a disruption budget wants. Shares of the wanted number of pods are rounded up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keeps {
    /// So many ready pods.
    MinAvailable(Amount),
    /// All but so many.
    MaxUnavailable(Amount),
}

impl DisruptionBudget {
    /// How many pods must be ready when so many are wanted.
    pub fn healthy(&self, wanted: u32) -> u32 {
        let pods = |amount| match amount {
            Amount::Pods(pods) => pods,
            Amount::Share(share) => libm::ceil(share * f64::from(wanted) - 1e-9) as u32,
        };
        match self.keeps {
            Keeps::MinAvailable(amount) => pods(amount),
            Keeps::MaxUnavailable(amount) => wanted.saturating_sub(pods(amount)),
        }
    }
}

/// Which nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeSet {
    /// One node.
    Node(super::Choice),
    /// All nodes of a zone.
    Zone(super::Choice),
}

/// What nodes are cut off from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Everything, since they have no power: processes end without a word.
    Power,
    /// The network: processes go on, and nobody hears of them.
    Network,
    /// The control plane: pods serve as before, and the kubelet is not heard of.
    ControlPlane,
}

impl Outage {
    /// From the worst on.
    pub const ALL: [Outage; 3] = [Outage::Power, Outage::Network, Outage::ControlPlane];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_budget_are_rounded_up() {
        let healthy = |keeps, wanted| DisruptionBudget { keeps, evicts_unready: false }.healthy(wanted);
        for (keeps, wanted, expected) in [
            (Keeps::MinAvailable(Amount::Pods(2)), 3, 2),
            (Keeps::MinAvailable(Amount::Share(0.5)), 3, 2),
            (Keeps::MinAvailable(Amount::Share(0.5)), 7, 4),
            (Keeps::MinAvailable(Amount::Pods(5)), 3, 5),
            (Keeps::MaxUnavailable(Amount::Pods(1)), 3, 2),
            (Keeps::MaxUnavailable(Amount::Share(0.3)), 7, 4),
            (Keeps::MaxUnavailable(Amount::Pods(9)), 3, 0),
        ] {
            assert_eq!(healthy(keeps, wanted), expected, "{keeps:?} of {wanted}");
        }
    }
}
