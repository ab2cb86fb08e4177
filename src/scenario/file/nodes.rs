//! Nodes and zones, and disruption budgets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::words::CountOrShare;
use crate::engine::Span;

/// The nodes that pods run on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodesText {
    /// Number.
    #[schemars(range(min = 1, max = 5000))]
    pub count: u32,
    /// Zones, which take turns: with three, nodes 0, 3, 6 … are in zone 0.
    pub zones: Option<u32>,
    /// Pods that a node takes.
    pub max_pods: Option<u32>,
    /// Distance at which a kubelet renews its lease.
    pub lease_renewal: Option<Span>,
    /// Distance of the looks of the node controller (`--node-monitor-period`).
    pub monitor_period: Option<Span>,
    /// A node that is not heard of for longer than this is not ready (`--node-monitor-grace-period`): 50 s, or 40 s in older
    /// Kubernetes.
    pub monitor_grace: Option<Span>,
    /// So long after that its pods are deleted (`tolerationSeconds` of `node.kubernetes.io/unreachable`).
    pub toleration: Option<Span>,
}

/// A PodDisruptionBudget: `min_available` or `max_unavailable`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetText {
    /// Pods that must stay ready when nodes are drained: a number, or a share (rounded up).
    pub min_available: Option<CountOrShare>,
    /// Pods that may be missing then: a number, or a share (rounded up).
    pub max_unavailable: Option<CountOrShare>,
    /// Pods that are not ready are evicted always, or only when enough others are.
    pub evict_unready: Option<EvictUnready>,
}

/// `unhealthyPodEvictionPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvictUnready {
    /// `IfHealthyBudget`: only when enough others are ready.
    IfHealthyBudget,
    /// `AlwaysAllow`.
    Always,
}
