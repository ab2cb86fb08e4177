//! What is refused in autoscalers, and targets that they cannot scale.

use std::ops::RangeInclusive;

use super::fields::WORKLOADS;
use super::finding::{Code, Findings};
use super::object::{Field, Object, group};
use super::tree::Node;
use super::units::amount;
use super::workload::Workload;

/// Checks a HorizontalPodAutoscaler.
pub(super) fn check_hpa(object: &Object, workload: Option<&Workload>, findings: &mut Findings) {
    check_target(object, workload, findings);
    match object.field("spec.maxReplicas") {
        Some(field) => within(&field, "maxReplicas", 1..=MOST, findings),
        None => {
            let what = "`spec.maxReplicas` is missing";
            findings.add(Code::MissingField, &object.named(), what, "write the most pods that there may be");
        }
    }
    // 0 is for the feature gate HPAScaleToZero
    if let Some(field) = object.field("spec.minReplicas") {
        within(&field, "minReplicas", 0..=MOST, findings);
    }
    let share = "targetCPUUtilizationPercentage";
    if let Some(field) = object.field(&format!("spec.{share}")) {
        within(&field, share, 1..=MOST, findings);
    }
    for metric in object.field("spec.metrics").iter().flat_map(|field| field.node.items()) {
        if findings.is_full() {
            return;
        }
        check_metric(object, metric, findings);
    }
    check_behavior(object, "spec.behavior", findings);
}

/// Checks a ScaledObject of KEDA, which makes an autoscaler with the same behaviour.
pub(super) fn check_keda(object: &Object, findings: &mut Findings) {
    check_behavior(object, "spec.advanced.horizontalPodAutoscalerConfig.behavior", findings);
    let least = object.field("spec.minReplicaCount").and_then(|field| whole(&field)).unwrap_or(0);
    let Some(field) = object.field("spec.idleReplicaCount") else { return };
    let text = field.text().unwrap_or_default();
    match whole(&field) {
        Some(idle) if idle >= least => {
            let what = format!("`idleReplicaCount: {text}` is not below `minReplicaCount: {least}`");
            let fix = format!("write `minReplicaCount: {}` or more, or remove it", idle.saturating_add(1).max(1));
            findings.add(Code::IdleReplicas, &field.place, what, fix);
        }
        Some(0) => {}
        _ => {
            let what = format!("`idleReplicaCount: {text}` is not 0");
            let fix = "remove it, and write how many pods are always there as `minReplicaCount`";
            findings.add(Code::IdleReplicas, &field.place, what, fix);
        }
    }
}

/// The largest number of fields with 32 bits.
const MOST: i64 = i32::MAX as i64;

fn whole(field: &Field<'_>) -> Option<i64> {
    field.text()?.trim().parse().ok()
}

/// Reports a number that is outside of what the API takes.
fn within(field: &Field<'_>, key: &str, range: RangeInclusive<i64>, findings: &mut Findings) {
    let (least, most) = (*range.start(), *range.end());
    if whole(field).is_some_and(|number| range.contains(&number)) {
        return;
    }
    let text = field.text().unwrap_or_default();
    let (what, fix) = if most == MOST {
        (format!("`{key}: {text}` is no number from {least} on"), format!("write {least} or more"))
    } else {
        (format!("`{key}: {text}` is not between {least} and {most}"), format!("write {least} to {most}"))
    };
    findings.add(Code::BadValue, &field.place, what, fix);
}

/// Whether the target is something that has a number of replicas, by its kind and group.
fn check_target(object: &Object, workload: Option<&Workload>, findings: &mut Findings) {
    let target = object.field("spec.scaleTargetRef");
    let place = target.as_ref().map_or_else(|| object.named(), |field| field.place.clone());
    for key in ["kind", "name"] {
        if object.field(&format!("spec.scaleTargetRef.{key}")).is_none() {
            let what = format!("`spec.scaleTargetRef.{key}` is missing");
            let fix = "write `scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: …}`";
            findings.add(Code::MissingField, &place, what, fix);
        }
    }
    let Some(kind) = object.text("spec.scaleTargetRef.kind") else { return };
    if ["DaemonSet", "Pod"].contains(&kind) {
        let what = format!("a {kind} has no number of replicas");
        findings.add(Code::TargetNotScalable, &place, what, "remove the autoscaler, or scale a Deployment");
        return;
    }
    let api = object.field("spec.scaleTargetRef.apiVersion");
    let said = api.as_ref().and_then(|field| field.text()).unwrap_or_default();
    let (expected, version) = match workload {
        _ if WORKLOADS.contains(&kind) => ("apps", "apps/v1"),
        Some(workload) => (workload.object.group(), workload.object.api.as_str()),
        None => return,
    };
    if group(said) != expected {
        let what = match &api {
            Some(_) => format!("`apiVersion: {said}` has no {kind}"),
            None => format!("`scaleTargetRef` has no `apiVersion`, and the core of the API has no {kind}"),
        };
        let place = api.map_or(place, |field| field.place);
        findings.add(Code::TargetNotScalable, &place, what, format!("write `apiVersion: {version}`"));
    }
}

/// A kind of metric: its type, its field, what may stand in its target, and whether only one of that may.
type Source = (&'static str, &'static str, &'static [&'static str], bool);
const SOURCES: [Source; 5] = [
    ("Resource", "resource", &["averageUtilization", "averageValue"], true),
    ("ContainerResource", "containerResource", &["averageUtilization", "averageValue"], true),
    ("Pods", "pods", &["averageValue"], false),
    ("Object", "object", &["value", "averageValue"], false),
    ("External", "external", &["value", "averageValue"], true),
];

/// What a metric is, and what it shall be kept at.
fn check_metric(object: &Object, metric: &Node, findings: &mut Findings) {
    let place = object.place(metric.line);
    let Some(kind) = object.below(metric, "", "type") else {
        let fix = "write `type: Resource`, `ContainerResource`, `Pods`, `Object` or `External`";
        findings.add(Code::MissingField, &place, "a metric has no `type`", fix);
        return;
    };
    one_of(&kind, "type", &SOURCES.map(|(name, ..)| name), findings);
    let Some((name, field, keys, one)) = SOURCES.into_iter().find(|(name, ..)| kind.text() == Some(name)) else {
        return;
    };
    let Some(source) = object.below(metric, "", field) else {
        let what = format!("`type: {name}` stands without `{field}`");
        findings.add(Code::MissingField, &place, what, format!("write `{field}: …` beside it"));
        return;
    };
    if let Some(field) = object.below(source.node, "", "targetAverageUtilization") {
        within(&field, "targetAverageUtilization", 1..=MOST, findings);
    }
    // in older versions something else is called `target`
    if !["autoscaling/v2", "autoscaling/v2beta2"].contains(&object.api.as_str()) {
        return;
    }
    let of = |key: &str| object.below(source.node, "", &format!("target.{key}"));
    match of("type") {
        Some(kind) => one_of(&kind, "type", &["Utilization", "Value", "AverageValue"], findings),
        None => {
            let fix = "write `type: Utilization`, `Value` or `AverageValue` below `target`";
            findings.add(Code::MissingField, &source.place, format!("`{field}.target` has no `type`"), fix);
        }
    }
    if let Some(field) = of("averageUtilization") {
        within(&field, "averageUtilization", 1..=MOST, findings);
    }
    for key in ["averageValue", "value"] {
        let Some(field) = of(key) else { continue };
        let text = field.text().unwrap_or_default();
        if amount(text).is_some_and(|amount| amount <= 0.0) {
            let what = format!("`{key}: {text}` is not above 0");
            findings.add(Code::BadValue, &field.place, what, "write what the metric shall be kept at");
        }
    }
    let there: Vec<&str> = keys.iter().copied().filter(|key| of(key).is_some()).collect();
    match &*there {
        [] => {
            let wanted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            let what = format!("`{field}.target` says nothing to be kept at");
            findings.add(Code::MissingField, &source.place, what, format!("write {} below it", wanted.join(" or ")));
        }
        [first, second, ..] if one => {
            let what = format!("`{second}` stands beside `{first}`");
            findings.add(Code::ExclusiveFields, &source.place, what, "write one of them");
        }
        _ => {}
    }
}

/// How fast it scales.
fn check_behavior(object: &Object, base: &str, findings: &mut Findings) {
    for direction in ["scaleUp", "scaleDown"] {
        let of = |key: &str| object.field(&format!("{base}.{direction}.{key}"));
        if let Some(field) = of("stabilizationWindowSeconds") {
            within(&field, "stabilizationWindowSeconds", 0..=3_600, findings);
        }
        if let Some(field) = of("selectPolicy") {
            one_of(&field, "selectPolicy", &["Max", "Min", "Disabled"], findings);
        }
        let Some(policies) = of("policies") else { continue };
        if policies.node.items().is_empty() {
            let what = format!("`{direction}.policies` is empty");
            let fix = match direction {
                "scaleDown" => "remove it for the default, or write `selectPolicy: Disabled` to keep all pods",
                _ => "remove it for the default, or write `selectPolicy: Disabled` to add none",
            };
            findings.add(Code::BadValue, &policies.place, what, fix);
        }
        for policy in policies.node.items() {
            if findings.is_full() {
                return;
            }
            check_policy(object, policy, findings);
        }
    }
}

fn check_policy(object: &Object, policy: &Node, findings: &mut Findings) {
    for key in ["type", "value", "periodSeconds"] {
        match object.below(policy, "", key) {
            None => {
                let fix = "write for example `{type: Pods, value: 1, periodSeconds: 60}`";
                findings.add(Code::MissingField, &object.place(policy.line), format!("a policy has no `{key}`"), fix);
            }
            Some(field) if key == "type" => one_of(&field, key, &["Pods", "Percent"], findings),
            Some(field) if key == "value" => within(&field, key, 1..=MOST, findings),
            Some(field) => within(&field, key, 1..=1_800, findings),
        }
    }
}

/// Reports a word that the API does not have.
fn one_of(field: &Field<'_>, key: &str, words: &[&str], findings: &mut Findings) {
    let text = field.text().unwrap_or_default();
    if !words.contains(&text) {
        let list: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let what = format!("`{key}: {text}` does not exist");
        findings.add(Code::BadValue, &field.place, what, format!("write {}", list.join(" or ")));
    }
}
