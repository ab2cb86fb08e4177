//! Nodes and disruption budgets.

use super::super::file::{BudgetText, EvictUnready, NodesText};
use super::{filled, life};
use crate::cluster::spec::{DisruptionBudget, Keeps, NodesSpec};

/// The nodes.
pub fn nodes(text: &NodesText) -> NodesSpec {
    NodesSpec {
        count: text.count,
        zones: *filled(&text.zones),
        max_pods: *filled(&text.max_pods),
        lease_renewal: *filled(&text.lease_renewal),
        monitor_period: *filled(&text.monitor_period),
        monitor_grace: *filled(&text.monitor_grace),
        toleration: *filled(&text.toleration),
    }
}

/// A disruption budget, which has one of its two limits.
pub fn budget(text: &BudgetText) -> DisruptionBudget {
    DisruptionBudget {
        keeps: match &text.min_available {
            Some(least) => Keeps::MinAvailable(life::amount(least)),
            None => Keeps::MaxUnavailable(life::amount(filled(&text.max_unavailable))),
        },
        evicts_unready: *filled(&text.evict_unready) == EvictUnready::Always,
    }
}
