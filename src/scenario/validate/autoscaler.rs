//! Bounds of autoscalers.

use super::super::file::{AskedBy, Autoscaler, MetricText, RulesText, ScenarioFile};
use super::super::words::Memory;
use super::clients::short;
use super::{Checks, MAX_PODS};
use crate::engine::Span;

/// Nobody decides or measures more often than this.
const LEAST_PERIOD: Span = Span::from_secs(1);
/// Kubernetes remembers no longer.
const LONGEST_WINDOW: Span = Span::from_secs(3_600);

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    let Some(autoscaler) = &file.autoscaler else { return };
    check_range(checks, autoscaler);
    check_metric(checks, file, autoscaler);
    for (key, period) in [("sync", autoscaler.sync), ("scrape", autoscaler.scrape)] {
        if period.is_some_and(|period| period < LEAST_PERIOD) {
            let message = "that is more often than anybody looks";
            checks.fail("out-of-range", &format!("autoscaler.{key}"), message, "write `1s` or more, such as `15s`");
        }
    }
    let duration = file.duration.unwrap_or_default();
    for (key, period) in [("sync", autoscaler.sync), ("scrape", autoscaler.scrape)] {
        if period.is_some_and(|period| period > duration) {
            let message = format!("it would not come to it: the run lasts {duration}");
            checks.fail("after-the-end", &format!("autoscaler.{key}"), message, "write less, or a longer `duration`");
        }
    }
    let Some(behavior) = &autoscaler.behavior else { return };
    for (word, rules) in [("scale_up", &behavior.scale_up), ("scale_down", &behavior.scale_down)] {
        if let Some(rules) = rules {
            check_rules(checks, &format!("autoscaler.behavior.{word}"), rules);
        }
    }
}

fn check_range(checks: &mut Checks, autoscaler: &Autoscaler) {
    let Autoscaler { min, max, .. } = autoscaler;
    let min = min.unwrap_or(1);
    if min == 0 {
        let message = "without pods nobody is served, and nothing is measured";
        checks.fail("zero", "autoscaler.min", message, "write 1 or more");
    }
    if *max > MAX_PODS || *max == 0 {
        let message = format!("{max} pods are not possible");
        checks.fail("out-of-range", "autoscaler.max", message, format!("write 1 to {MAX_PODS}"));
    } else if min > *max {
        let message = format!("`min: {min}` is above `max: {max}`");
        checks.fail("conflict", "autoscaler.min", message, "write the smaller number as `min`");
    }
}

fn check_metric(checks: &mut Checks, file: &ScenarioFile, autoscaler: &Autoscaler) {
    let metric = &autoscaler.metric;
    if *metric == MetricText::default() {
        let help = "write for example `metric: {cpu: 70%}` or `metric: {connections: 2000}`";
        checks.fail("missing-key", "autoscaler.metric", "nothing says what it looks at", help);
    }
    check_memory(checks, file, autoscaler);
    for (key, value) in [
        ("connections", metric.connections.map(|connections| connections.value())),
        ("requests", metric.requests.map(|requests| requests.per_second())),
    ] {
        if value.is_some_and(|value| !(1e-3..=1e9).contains(&value)) {
            let message = format!("{} per pod is no target", short(value.unwrap_or(0.0)));
            checks.fail("out-of-range", &format!("autoscaler.metric.{key}"), message, "write more than zero");
        }
    }
    if autoscaler.cpu_request.is_some_and(|cpu| !(0.001..=1024.0).contains(&cpu.value())) {
        let message = "no pod requests that";
        checks.fail("out-of-range", "autoscaler.cpu_request", message, "write 0.001 to 1024 cores, such as `0.5`");
    } else if autoscaler.cpu_request.is_some() && metric.cpu.is_none() {
        let message = "it does not look at CPU";
        checks.fail("no-effect", "autoscaler.cpu_request", message, "remove it, or add `metric: {cpu: 70%}`");
    }
    let limit = file.pods.as_ref().and_then(|pods| pods.cpu);
    if let (Some(request), Some(limit)) = (autoscaler.cpu_request, limit)
        && request.value() > limit.value()
    {
        let message =
            format!("Kubernetes refuses pods that request more than their limit, {} cores", short(limit.value()));
        checks.fail("conflict", "autoscaler.cpu_request", message, "write less, or a higher `pods.cpu`");
    }
    if autoscaler.by == Some(AskedBy::Keda) && metric.connections.is_none() && metric.requests.is_none() {
        let message = "CPU and memory are averages of pods for KEDA as well";
        checks.fail("no-effect", "autoscaler.by", message, "remove it, or look at `connections` or `requests`");
    }
}

fn check_memory(checks: &mut Checks, file: &ScenarioFile, autoscaler: &Autoscaler) {
    let limit = match file.pods.as_ref().and_then(|pods| pods.memory) {
        Some(Memory::Limit(limit)) => Some(limit),
        None | Some(Memory::None) => None,
    };
    let looks = autoscaler.metric.memory.is_some();
    match (autoscaler.memory_request, limit) {
        (None, None) if looks => {
            let help =
                "write `memory_request: 256Mi`, a limit such as `pods: {memory: 512Mi}`, or look at something else";
            checks.fail("conflict", "autoscaler.metric.memory", "the pods request no memory to be a share of", help);
        }
        (Some(_), _) if !looks => {
            let help = "remove it, or add `metric: {memory: 70%}`";
            checks.fail("no-effect", "autoscaler.memory_request", "it does not look at memory", help);
        }
        (Some(request), _) if request.bytes() == 0 => {
            checks.fail("zero", "autoscaler.memory_request", "nothing is no request", "write for example `256Mi`");
        }
        (Some(request), Some(limit)) if request > limit => {
            let message = format!("Kubernetes refuses pods that request more than their limit, {limit}");
            checks.fail("conflict", "autoscaler.memory_request", message, "write less, or a higher `pods.memory`");
        }
        _ => {}
    }
}

fn check_rules(checks: &mut Checks, path: &str, rules: &RulesText) {
    if rules.stabilization.is_some_and(|window| window > LONGEST_WINDOW) {
        let message = "Kubernetes looks back for an hour at most";
        checks.fail("out-of-range", &format!("{path}.stabilization"), message, "write `0s` to `1h`");
    }
    let policies = rules.policies.as_deref().unwrap_or_default();
    if rules.policies.as_ref().is_some_and(Vec::is_empty) {
        let help = "write for example `[{pods: 4, per: 15s}]`, or `select: disabled`";
        checks.fail("missing-key", &format!("{path}.policies"), "no limit would ever allow anything", help);
    }
    for (at, policy) in policies.iter().enumerate() {
        let path = format!("{path}.policies.{at}");
        let amount = match (policy.pods, policy.percent) {
            (Some(_), Some(_)) | (None, None) => {
                let message = "a limit is in pods or in per cent";
                checks.fail(
                    "conflict",
                    &path,
                    message,
                    "write one of `{pods: 4, per: 15s}` and `{percent: 100, per: 15s}`",
                );
                continue;
            }
            (pods, percent) => pods.or(percent).unwrap_or(0),
        };
        if !(1..=1_000_000).contains(&amount) {
            checks.fail("out-of-range", &path, "that allows nothing, or everything", "write 1 to 1000000");
        }
        if policy.per < LEAST_PERIOD || policy.per > Span::from_secs(1_800) {
            let message = "Kubernetes takes one second to half an hour";
            checks.fail("out-of-range", &format!("{path}.per"), message, "write `1s` to `30m`");
        }
    }
}
