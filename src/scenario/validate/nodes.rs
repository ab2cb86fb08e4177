//! Bounds of nodes and disruption budgets.

use super::super::file::{BudgetText, NodesText, ScenarioFile};
use super::super::words::CountOrShare;
use super::{Checks, MAX_PODS};
use crate::engine::Span;

/// More nodes than Kubernetes supports.
const MAX_NODES: u32 = 5_000;
/// Nobody looks more often than this.
const LEAST_PERIOD: Span = Span::from_secs(1);

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    if let Some(nodes) = &file.nodes {
        check_nodes(checks, nodes, file.pods.as_ref().and_then(|pods| pods.replicas).unwrap_or(1));
    }
    if let Some(budget) = &file.disruption_budget {
        check_budget(checks, budget, file);
    }
}

fn check_nodes(checks: &mut Checks, nodes: &NodesText, replicas: u32) {
    let NodesText { count, zones, max_pods, .. } = *nodes;
    if !(1..=MAX_NODES).contains(&count) {
        let message = format!("{count} nodes are not possible");
        checks.fail("out-of-range", "nodes.count", message, format!("write 1 to {MAX_NODES}"));
    }
    if zones.is_some_and(|zones| zones == 0 || zones > count.max(1)) {
        let message = format!("{count} nodes do not fill {} zones", zones.unwrap_or(0));
        checks.fail("out-of-range", "nodes.zones", message, format!("write 1 to {}", count.clamp(1, MAX_NODES)));
    }
    let room = u64::from(count) * u64::from(max_pods.unwrap_or(110));
    if max_pods == Some(0) {
        checks.fail("zero", "nodes.max_pods", "a node without pods is no use", "write 1 or more");
    } else if room < u64::from(replicas) {
        let message = format!("{count} nodes take {room} pods, and there are {replicas}");
        checks.fail(
            "conflict",
            "nodes.count",
            message,
            "write more nodes, a larger `max_pods`, or fewer `pods.replicas`",
        );
    }
    for (key, period) in [("lease_renewal", nodes.lease_renewal), ("monitor_period", nodes.monitor_period)] {
        if period.is_some_and(|period| period < LEAST_PERIOD) {
            let message = "that is more often than anybody looks";
            checks.fail("out-of-range", &format!("nodes.{key}"), message, "write `1s` or more");
        }
    }
    if let (Some(grace), Some(renewal)) = (nodes.monitor_grace, nodes.lease_renewal)
        && grace <= renewal
    {
        let message = format!("a healthy node would be lost now and then: leases are renewed every {renewal}");
        let help = "write several times `lease_renewal`, such as `40s`";
        checks.fail("conflict", "nodes.monitor_grace", message, help);
    }
}

fn check_budget(checks: &mut Checks, budget: &BudgetText, file: &ScenarioFile) {
    match (&budget.min_available, &budget.max_unavailable) {
        (None, None) => {
            let help = "write for example `min_available: 50%` or `max_unavailable: 1`";
            checks.fail("missing-key", "disruption_budget", "nothing says how many pods must stay", help);
        }
        (Some(_), Some(_)) => {
            let message = "`min_available` and `max_unavailable` exclude each other";
            checks.fail("conflict", "disruption_budget.max_unavailable", message, "take one of them out");
        }
        _ => {}
    }
    for (key, amount) in [("min_available", &budget.min_available), ("max_unavailable", &budget.max_unavailable)] {
        if matches!(amount, Some(CountOrShare::Count(count)) if *count > MAX_PODS) {
            let message = "more pods than a cluster can have";
            let help = format!("write 0 to {MAX_PODS}, or a share");
            checks.fail("out-of-range", &format!("disruption_budget.{key}"), message, help);
        }
    }
    if file.nodes.is_none() {
        let help = "add for example `nodes: {count: 3}`, or take it out";
        checks.fail("no-nodes", "disruption_budget", "only drained nodes ask for it, and there are no nodes", help);
    }
}
