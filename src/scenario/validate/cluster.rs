//! Bounds of balancers and pods.

use super::super::file::{CostsPreset, Pods, ScenarioFile};
use super::super::words::{Memory, TransportsText};
use super::clients::short;
use super::{Checks, MAX_PODS};
use crate::cluster::balancer::BalancerSpec;
use crate::cluster::spec::{MAX_INSTANCES, MAX_TIERS};
use crate::engine::Span;

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    match file.balancers.as_deref() {
        Some([]) => checks.fail(
            "no-balancer",
            "balancers",
            "the list has no balancer",
            "write for example `- nginx: {method: ip_hash}`",
        ),
        Some(list) if list.len() > MAX_TIERS => checks.fail(
            "out-of-range",
            &format!("balancers.{MAX_TIERS}"),
            format!("{} balancers in a row make no sense", list.len()),
            format!("keep at most {MAX_TIERS}, in the order in which a request meets them"),
        ),
        list => check_balancers(checks, list.unwrap_or_default()),
    }
    if let Some(pods) = &file.pods {
        check_pods(checks, pods);
        if pods.costs.as_ref().is_some_and(|costs| costs.preset == Some(CostsPreset::WsNode)) {
            check_plain(checks, file);
        }
    }
}

/// What each product says of its settings, and of how many instances there are.
fn check_balancers(checks: &mut Checks, list: &[BalancerSpec]) {
    for (at, balancer) in list.iter().enumerate() {
        let settings = balancer.settings();
        if matches!(balancer, BalancerSpec::AppRedirect(_)) && at + 1 < list.len() {
            checks.fail(
                "bad-balancer",
                &format!("balancers.{at}"),
                "the application that redirects runs in the pods, and nothing stands behind it",
                "write it last",
            );
        }
        for problem in settings.problems() {
            checks.fail_balancer(at, balancer.name(), problem);
        }
        if let Some(next) = list.get(at + 1).map(|next| next.settings().instances().max(1) as usize)
            && let Some(node) =
                (0..settings.instances() as usize).find(|&node| (0..next).all(|peer| !settings.reaches(node, peer)))
        {
            checks.fail(
                "bad-balancer",
                &format!("balancers.{at}"),
                format!(
                    "with `externalTrafficPolicy: Local` a node reaches what stands on it, and {node} nodes have the {next} \
                     instances of the next balancer"
                ),
                format!("write `nodes: {next}`: who checks the nodes leaves out those that have none"),
            );
        }
        if settings.instances() > MAX_INSTANCES {
            checks.fail(
                "out-of-range",
                &format!("balancers.{at}"),
                format!("{} instances of a balancer are more than {MAX_INSTANCES}", settings.instances()),
                format!("write 1 to {MAX_INSTANCES}"),
            );
        }
    }
}

fn check_pods(checks: &mut Checks, pods: &Pods) {
    let replicas = pods.replicas.unwrap_or(1);
    if replicas == 0 {
        checks.fail("zero", "pods.replicas", "a cluster needs at least one pod", "write 1 or more");
    } else if replicas > MAX_PODS {
        checks.fail(
            "out-of-range",
            "pods.replicas",
            format!("{replicas} pods are more than {MAX_PODS}"),
            format!("write 1 to {MAX_PODS}"),
        );
    }
    let cpu = pods.cpu.map_or(1.0, |cpu| cpu.value());
    if !(0.001..=1024.0).contains(&cpu) {
        checks.fail(
            "out-of-range",
            "pods.cpu",
            format!("{} cores are not possible", short(cpu)),
            "write 0.001 to 1024, such as `0.5`",
        );
    }
    if !(1..=1024).contains(&pods.workers.unwrap_or(1)) {
        checks.fail(
            "out-of-range",
            "pods.workers",
            format!("{} workers are not possible", pods.workers.unwrap_or(0)),
            "write 1 to 1024",
        );
    }
    if let Some(admission) = &pods.admission {
        if !(1e-3..=1e9).contains(&admission.rate.per_second()) {
            let message = format!("a pod cannot let in {} WebSockets per second", short(admission.rate.per_second()));
            checks.fail(
                "out-of-range",
                "pods.admission.rate",
                message,
                "write for example `150/s`, or leave `admission` out",
            );
        }
        if !(1..=1_000_000).contains(&admission.burst.unwrap_or(1)) {
            let message = "one WebSocket at least must be let in at once";
            checks.fail("out-of-range", "pods.admission.burst", message, "write 1 to 1000000");
        }
    }
    let Some(costs) = &pods.costs else { return };
    if costs.heartbeat_every.is_some_and(Span::is_zero) {
        checks.fail(
            "zero",
            "pods.costs.heartbeat_every",
            "pings need a distance above zero",
            "write for example `25s`",
        );
    }
    if costs.heartbeat_timeout.is_some_and(Span::is_zero) {
        checks.fail("zero", "pods.costs.heartbeat_timeout", "a pong needs some time", "write for example `20s`");
    }
    if let (Some(Memory::Limit(limit)), Some(base)) = (pods.memory, costs.memory_base)
        && limit <= base
    {
        let message = format!("a pod needs {base} without any connection, which is not below its limit of {limit}");
        checks.fail("memory-too-small", "pods.memory", message, "raise the limit, or lower `costs.memory_base`");
    }
}

/// Plain WebSockets know no other transport.
fn check_plain(checks: &mut Checks, file: &ScenarioFile) {
    for (at, audience) in file.clients.iter().enumerate() {
        if !matches!(audience.transports, Some(TransportsText::WebSocket | TransportsText::None)) {
            checks.fail(
                "no-polling",
                &format!("clients.{at}.transports"),
                "pods with `costs: {preset: ws-node}` have no long polling",
                "write `transports: [websocket]`, or another preset of costs",
            );
        }
    }
}
