//! Bounds of how pods start, end and are replaced.

use super::super::file::{
    DeletionCostText, DrainText, Pods, ProbeText, ReadinessText, Rollout, ScenarioFile, SigtermText, StrategyText,
};
use super::super::words::CountOrShare;
use super::{Checks, MAX_PODS};
use crate::engine::Span;

/// More answers in a row than this are not asked for.
const MAX_ANSWERS: u32 = 1_000;
/// Probes and batches are not nearer to each other than this.
const LEAST_PERIOD: Span = Span::from_millis(10);

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    if let Some(pods) = &file.pods {
        check_pods(checks, pods);
    }
    if let Some(rollout) = &file.rollout {
        check_rollout(checks, rollout);
    }
}

fn check_pods(checks: &mut Checks, pods: &Pods) {
    if let Some(ReadinessText::Probe(probe)) = &pods.readiness {
        check_probe(checks, "pods.readiness", probe, false);
    }
    for (path, probe) in [("pods.liveness", &pods.liveness), ("pods.startup_probe", &pods.startup_probe)] {
        let Some(probe) = probe else { continue };
        check_probe(checks, path, probe, true);
        if probe.successes.is_some_and(|successes| successes > 1) {
            let message = "Kubernetes takes the first success of this probe";
            checks.fail("out-of-range", &format!("{path}.successes"), message, "write `successes: 1`, or leave it out");
        }
    }
    if pods.max_connections == Some(0) {
        let message = "a pod without connections serves nobody";
        checks.fail("zero", "pods.max_connections", message, "write 1 or more, or leave it out for no limit");
    }
    if let Some(rebalance) = &pods.rebalance {
        if rebalance.every.is_some_and(|every| every < Span::from_secs(1)) {
            let message = "a controller does not look that often";
            checks.fail("out-of-range", "pods.rebalance.every", message, "write `1s` or more");
        }
        if rebalance.above.is_some_and(|above| !(1.0..=1e6).contains(&above.value())) {
            let message = "pods with less than the mean have none too many";
            checks.fail("out-of-range", "pods.rebalance.above", message, "write 1 or more, such as `1.1`");
        }
        if rebalance.at_most == Some(0) {
            let message = "nothing would ever be closed";
            checks.fail("zero", "pods.rebalance.at_most", message, "write 1 or more, or leave `rebalance` out");
        }
    }
    if pods.resync.is_some_and(|resync| !resync.is_zero() && resync < Span::from_secs(1)) {
        let message = "the kubelet does not look that often";
        checks.fail("out-of-range", "pods.resync", message, "write `1s` or more, or `0s` for the very moment");
    }
    if pods.max_connection_age.as_ref().is_some_and(|age| age.law().mean() < 1e9) {
        let message = "connections would be closed all the time";
        checks.fail("out-of-range", "pods.max_connection_age", message, "write a mean of `1s` or more, such as `1h`");
    }
    let Some(shutdown) = &pods.shutdown else { return };
    if shutdown.grace.is_some_and(|grace| grace < Span::from_secs(1)) {
        let message = "Kubernetes takes no time for a forced deletion, which is not simulated";
        checks.fail("out-of-range", "pods.shutdown.grace", message, "write `1s` or more; Kubernetes has `30s`");
    }
    if let Some(SigtermText::Drain(DrainText { over, every })) = &shutdown.on_sigterm {
        let path = "pods.shutdown.on_sigterm.drain";
        if over.is_some_and(Span::is_zero) {
            let help = "write for example `over: 20s`, or `on_sigterm: close`";
            checks.fail("zero", &format!("{path}.over"), "closing everything at once is `close`", help);
        }
        if let (Some(over), Some(every)) = (over, every)
            && every > over
        {
            let message = "the first batch would come after the end";
            checks.fail("conflict", &format!("{path}.every"), message, "write less than `over`");
        }
        if every.is_some_and(|every| !every.is_zero() && every < LEAST_PERIOD) {
            let help = "write at least `10ms`, or `0s` to close each connection at a moment of its own";
            checks.fail("out-of-range", &format!("{path}.every"), "batches are too near to each other", help);
        }
    }
}

fn check_probe(checks: &mut Checks, path: &str, probe: &ProbeText, may_end: bool) {
    if probe.period.is_some_and(|period| period < LEAST_PERIOD) {
        let message = "probes are too near to each other";
        checks.fail("out-of-range", &format!("{path}.period"), message, "write at least `10ms`; Kubernetes has `10s`");
    }
    if probe.timeout.is_some_and(Span::is_zero) {
        checks.fail("zero", &format!("{path}.timeout"), "an answer needs some time", "write for example `1s`");
    }
    for (key, answers) in [("successes", probe.successes), ("failures", probe.failures)] {
        if answers.is_some_and(|answers| !(1..=MAX_ANSWERS).contains(&answers)) {
            let message = format!("{} answers in a row are not possible", answers.unwrap_or(0));
            checks.fail("out-of-range", &format!("{path}.{key}"), message, format!("write 1 to {MAX_ANSWERS}"));
        }
    }
    if probe.grace.is_some_and(|grace| grace < Span::from_secs(1)) {
        let message = "a container has a second at least";
        checks.fail("out-of-range", &format!("{path}.grace"), message, "write `1s` or more");
    }
    if probe.grace.is_some() && !may_end {
        let message = "a readiness probe ends no container";
        checks.fail("no-effect", &format!("{path}.grace"), message, "remove it, or move it to `liveness`");
    }
}

fn check_rollout(checks: &mut Checks, rollout: &Rollout) {
    let zero = |amount: &Option<CountOrShare>| match amount {
        Some(CountOrShare::Count(count)) => *count == 0,
        Some(CountOrShare::Share(share)) => share.fraction() == 0.0,
        None => false,
    };
    if zero(&rollout.max_surge) && zero(&rollout.max_unavailable) {
        let message = "`max_surge` and `max_unavailable` are both zero: no pod could ever be replaced";
        checks.fail(
            "conflict",
            "rollout.max_unavailable",
            message,
            "make one of them at least 1, as Kubernetes demands",
        );
    }
    for (key, amount) in [("max_surge", &rollout.max_surge), ("max_unavailable", &rollout.max_unavailable)] {
        if matches!(amount, Some(CountOrShare::Count(count)) if *count > MAX_PODS) {
            checks.fail(
                "out-of-range",
                &format!("rollout.{key}"),
                "more pods than a cluster can have",
                format!("write 0 to {MAX_PODS}, or a share"),
            );
        }
    }
    if rollout.partition.is_some() && rollout.strategy != Some(StrategyText::Ordered) {
        let message = "only a StatefulSet has a partition";
        checks.fail("no-effect", "rollout.partition", message, "add `strategy: ordered`, or remove it");
    }
    let by_number = rollout.deletion_cost.is_some_and(|cost| cost != DeletionCostText::None);
    if by_number && rollout.strategy == Some(StrategyText::Ordered) {
        let message = "a StatefulSet removes the highest number";
        checks.fail("no-effect", "rollout.deletion_cost", message, "remove it");
    }
    if let (Some(min_ready), Some(deadline)) = (rollout.min_ready, rollout.progress_deadline)
        && deadline <= min_ready
    {
        let message = format!("no pod could count in time: `progress_deadline` is {deadline}");
        let help = "write less, or a longer `progress_deadline`, as Kubernetes demands";
        checks.fail("conflict", "rollout.min_ready", message, help);
    }
}
