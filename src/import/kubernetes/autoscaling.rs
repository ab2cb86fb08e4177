//! Autoscalers and disruption budgets, by the workload that they act upon.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::finding::{Code, Findings};
use super::object::{Field, Known, Object, Origin, Reach};
use super::scaling_rules;
use super::selector::Selector;
use super::tree::Node;
use super::units::{CountOrShare, MOST_PODS, amount, span};
use super::workload::Workload;

/// What a scenario says of an autoscaler.
#[derive(Debug)]
pub(super) struct Autoscaler {
    pub min: Known<u64>,
    pub max: Known<u64>,
    /// What it looks at, each once.
    pub metrics: Vec<(&'static str, Known<String>)>,
    /// KEDA makes it.
    pub by_keda: Option<Origin>,
    /// A metric is a sum over all pods.
    by_sums: bool,
    /// How fast it scales: (key, value), nested keys with dots.
    pub behavior: Vec<(String, Known<String>)>,
    /// What scenarios cannot say.
    pub left_out: Vec<(String, Origin)>,
}

impl Autoscaler {
    fn new([min, max]: [Known<u64>; 2]) -> Autoscaler {
        Autoscaler {
            min,
            max,
            metrics: Vec::new(),
            by_keda: None,
            by_sums: false,
            behavior: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// It looks at something: at resources in whole per cent, at what else there is by its name.
    fn looks_at(&mut self, name: &str, value: &str, from: Origin) {
        let lower = name.to_lowercase();
        let something_else = ["error", "fail", "disconnect", "duration", "latency", "quantile", "bucket", "seconds"];
        let about = |words: &[&str]| {
            words.iter().any(|word| lower.contains(word)) && !something_else.iter().any(|word| lower.contains(word))
        };
        let number = amount(value).filter(|number| (1e-3..=1e9).contains(number));
        let per_cent = value.parse::<u32>().ok().filter(|per_cent| (1..=10_000).contains(per_cent));
        let known = match (name, number, per_cent) {
            ("cpu", _, Some(per_cent)) => Some(("cpu", format!("{per_cent}%"))),
            ("memory", _, Some(per_cent)) => Some(("memory", format!("{per_cent}%"))),
            ("cpu" | "memory", ..) => None,
            (_, Some(number), _) if about(&["conn", "socket"]) => Some(("connections", number.to_string())),
            (_, Some(number), _) if about(&["request", "rps"]) => Some(("requests", format!("{number}/s"))),
            _ => None,
        };
        match known {
            Some((key, value)) if self.metrics.iter().all(|(other, _)| *other != key) => {
                let from = match from {
                    Origin::Read { file, line, field } if key != name => Origin::Read {
                        file,
                        line,
                        field: format!("{field}; `{}` taken for {key}", super::tier::plain(name)),
                    },
                    from => from,
                };
                self.metrics.push((key, Known { value, from }));
            }
            _ => self.left_out.push((format!("{}: {}", super::tier::plain(name), super::tier::plain(value)), from)),
        }
    }
}

/// A budget for evictions, in the words of scenarios.
#[derive(Debug)]
pub(super) struct Budget {
    pub key: &'static str,
    pub value: Known<String>,
    /// Pods that are not ready are evicted always.
    pub evicts_unready: Option<Origin>,
}

/// The autoscaler of the pods, after all of them were checked.
pub(super) fn autoscaler(
    objects: &[Object],
    workloads: &[&Workload],
    pods: Option<&Workload>,
    findings: &mut Findings,
) -> Option<Autoscaler> {
    let mut first: BTreeMap<(String, String), &Object> = BTreeMap::new();
    let mut found = None;
    for object in objects.iter().filter(|o| ["HorizontalPodAutoscaler", "ScaledObject"].contains(&o.kind.as_str())) {
        let Some(target) = object.field("spec.scaleTargetRef.name") else {
            check(object, None, findings);
            continue;
        };
        let name = target.text().unwrap_or_default();
        let kind = object.text("spec.scaleTargetRef.kind").unwrap_or("Deployment");
        let same =
            |w: &&&Workload| w.name() == name && w.object.kind == kind && w.object.namespace() == object.namespace();
        let workload = workloads.iter().find(same).copied();
        if let Some(other) = first.get(&(kind.to_owned(), name.to_owned())) {
            let what = format!("{} and {} both scale `{name}`", other.label(), object.label());
            findings.add(
                Code::TwoAutoscalers,
                &target.place,
                what,
                "remove one of them; KEDA makes an autoscaler of its own",
            );
        }
        first.entry((kind.to_owned(), name.to_owned())).or_insert(object);
        if workload.is_none() && !workloads.is_empty() {
            let what = format!("there is no {kind} `{name}` in these files");
            let fix = "write the name and kind of the workload, or name its file as well";
            findings.add(Code::TargetMissing, &target.place, what, fix);
        }
        check(object, workload, findings);
        let made = if object.kind == "ScaledObject" { keda(object, findings) } else { hpa(object, workload, findings) };
        if let Some(workload) = workload {
            check_replicas(object, workload, findings);
            if pods.is_some_and(|pods| pods.name() == workload.name() && pods.object.kind == workload.object.kind) {
                found = found.or(Some(made));
            }
        }
    }
    found
}

fn check(object: &Object, workload: Option<&Workload>, findings: &mut Findings) {
    if object.kind == "ScaledObject" {
        scaling_rules::check_keda(object, findings);
    } else {
        scaling_rules::check_hpa(object, workload, findings);
    }
}

fn check_replicas(object: &Object, workload: &Workload, findings: &mut Findings) {
    let Some(field) = workload.object.field("spec.replicas") else { return };
    let what = format!("`replicas: {}` beside {}", workload.replicas.value, object.label());
    let fix = "remove `spec.replicas` from the manifest once the autoscaler runs";
    findings.add(Code::ReplicasAndHpa, &field.place, what, fix);
}

fn bounds(object: &Object, keys: [&str; 2], defaults: [u64; 2], findings: &mut Findings) -> [Known<u64>; 2] {
    let read = |key: &str, default: u64| {
        let field = object.field(&format!("spec.{key}"));
        let known = field.as_ref().and_then(|field| field.number()).filter(|n| n.value <= 1_000_000);
        known.unwrap_or_else(|| match key {
            "maxReplicas" => Known::assumed(default, "`maxReplicas` is not written, and has no default"),
            _ => Known::assumed(default, format!("the default of `{key}`")),
        })
    };
    let [min, max] = [read(keys[0], defaults[0]), read(keys[1], defaults[1])];
    // the upper bound of an HPA has no default
    if min.value > max.value && (max.is_read() || object.kind == "ScaledObject") {
        let field = object.field(&format!("spec.{}", keys[0])).or_else(|| object.field(&format!("spec.{}", keys[1])));
        let place = field.map_or_else(|| object.named(), |field| field.place);
        let what = format!("`{}: {}` is above `{}: {}`", keys[0], min.value, keys[1], max.value);
        findings.add(Code::HpaRange, &place, what, "write the smaller number as the lower bound");
    }
    [min, max]
}

fn hpa(object: &Object, workload: Option<&Workload>, findings: &mut Findings) -> Autoscaler {
    let mut made = Autoscaler::new(bounds(object, ["minReplicas", "maxReplicas"], [1, 1], findings));
    let mut resources = 0;
    let metrics = object.field("spec.metrics");
    let metrics = metrics.as_ref().map_or(&[][..], |field| field.node.items());
    for (at, metric) in metrics.iter().enumerate() {
        let base = format!("spec.metrics[{at}]");
        let field = object.entry(metric, metric.line, base.clone());
        let resource = metric.at("resource").or_else(|| metric.entry("containerResource"));
        if let Some(resource) = resource {
            resources += 1;
            let name = resource.value.text_at("name").unwrap_or("cpu");
            let share = resource.value.at("target.averageUtilization");
            let share = share.or_else(|| resource.value.entry("targetAverageUtilization"));
            if let Some(share) = share {
                check_requests(name, workload, &object.entry(&share.value, share.line, base), findings);
                made.looks_at(name, share.value.text().unwrap_or("80"), field.from);
            } else {
                made.left_out.push((format!("{name} by a value"), field.from));
            }
            continue;
        }
        let name =
            ["pods", "object", "external"].iter().find_map(|kind| metric.text_at(&format!("{kind}.metric.name")));
        let target = |key: &str| {
            ["pods", "object", "external"].iter().find_map(|kind| metric.text_at(&format!("{kind}.target.{key}")))
        };
        if let (Some(name), Some(value)) = (name, target("averageValue")) {
            let before = made.metrics.len();
            made.looks_at(name, value, field.from);
            made.by_sums |= metric.entry("pods").is_none() && made.metrics.len() > before;
        } else if let (Some(name), Some(value)) = (name, target("value")) {
            let what = format!("{}: {} in all", super::tier::plain(name), super::tier::plain(value));
            made.left_out.push((what, field.from));
        }
    }
    if let Some(field) = object.field("spec.targetCPUUtilizationPercentage") {
        resources += 1;
        check_requests("cpu", workload, &field, findings);
        made.looks_at("cpu", field.text().unwrap_or("80"), field.from);
    } else if metrics.is_empty() {
        let value = "80%".to_owned();
        made.metrics.push(("cpu", Known::assumed(value, "the default of an autoscaler without metrics")));
    }
    if metrics.len() <= resources {
        let what = "it scales on CPU or memory alone";
        let fix = "add a metric of connections per pod, and a limit to the age of connections so that they move";
        findings.add(Code::HpaOnConnections, &object.named(), what, fix);
    }
    if made.by_sums {
        made.by_keda = Some(Origin::assumed("an external metric is a sum, whoever is ready"));
    }
    behavior(object, "spec.behavior", &mut made, findings);
    made
}

fn check_requests(resource: &str, workload: Option<&Workload>, field: &Field<'_>, findings: &mut Findings) {
    let Some(workload) = workload else { return };
    let requested = match resource {
        "cpu" => workload.requests[0],
        "memory" => workload.requests[1],
        _ => return,
    };
    if !requested {
        let what = format!("it goes by {resource} utilisation, and {} requests no {resource}", workload.object.label());
        let fix = format!("write `resources: {{requests: {{{resource}: …}}}}` for every container of the pod");
        findings.add(Code::HpaWithoutRequests, &field.place, what, fix);
    }
}

/// How fast it scales, in the words of scenarios.
fn behavior(object: &Object, base: &str, made: &mut Autoscaler, findings: &mut Findings) {
    for (direction, word) in [("scaleUp", "scale_up"), ("scaleDown", "scale_down")] {
        let Some(rules) = object.field(&format!("{base}.{direction}")) else {
            if direction == "scaleDown" {
                let what = "`behavior.scaleDown` is not written";
                let fix = "write for example `policies: [{type: Pods, value: 1, periodSeconds: 300}]`";
                findings.add(Code::HpaScaleDown, &object.named(), what, fix);
            }
            continue;
        };
        if let Some(window) = object.field(&format!("{base}.{direction}.stabilizationWindowSeconds"))
            && let Some(secs) = window.number().filter(|secs| secs.value <= 3_600)
        {
            made.behavior
                .push((format!("behavior.{word}.stabilization"), Known { value: span(secs.value), from: secs.from }));
        }
        let policies = rules.node.entry("policies");
        for policy in policies.map_or(&[][..], |entry| entry.value.items()) {
            let text = |key: &str| policy.text_at(key).unwrap_or("1").to_owned();
            let key = if text("type") == "Percent" { "percent" } else { "pods" };
            let secs = text("periodSeconds").parse().ok().filter(|secs| (1..=1_800).contains(secs));
            let amount = text("value").parse::<u32>().ok().filter(|amount| (1..=1_000_000).contains(amount));
            let field = object.entry(policy, policy.line, format!("{base}.{direction}.policies"));
            if let (Some(secs), Some(amount)) = (secs, amount) {
                let value = format!("{{{key}: {amount}, per: {}}}", span(secs));
                made.behavior.push((format!("behavior.{word}.policies"), Known { value, from: field.from }));
            } else {
                made.left_out.push((format!("a policy of {direction}"), field.from));
            }
        }
        if let Some(select) = object.field(&format!("{base}.{direction}.selectPolicy"))
            && let Some(known) = select.known()
            && ["Max", "Min", "Disabled"].contains(&known.value.as_str())
        {
            let value = known.value.to_lowercase();
            made.behavior.push((format!("behavior.{word}.select"), Known { value, from: known.from }));
        }
    }
}

fn keda(object: &Object, findings: &mut Findings) -> Autoscaler {
    let [min, max] = bounds(object, ["minReplicaCount", "maxReplicaCount"], [0, 100], findings);
    let triggers = object.field("spec.triggers");
    let triggers = triggers.as_ref().map_or(&[][..], |field| field.node.items());
    // by CPU and memory alone KEDA does not go to zero
    let counts = |trigger: &Rc<Node>| !matches!(trigger.text_at("type"), Some("cpu" | "memory"));
    let idle = object.field("spec.idleReplicaCount").filter(|field| field.text() == Some("0"));
    if (min.value == 0 || idle.is_some()) && triggers.iter().any(counts) {
        let key = if min.value == 0 { "minReplicaCount" } else { "idleReplicaCount" };
        let field = object.field(&format!("spec.{key}"));
        let place = field.map_or_else(|| object.named(), |field| field.place);
        let fix = "write `minReplicaCount: 2` without `idleReplicaCount`: connections are no activity, unless a trigger counts them";
        findings.add(Code::ScalesToZero, &place, format!("`{key}` is 0"), fix);
    }
    let mut made = Autoscaler::new([min, max]);
    for trigger in triggers {
        let kind = trigger.text_at("type").unwrap_or("external");
        let value =
            ["value", "threshold", "targetValue"].iter().find_map(|key| trigger.text_at(&format!("metadata.{key}")));
        let field = object.entry(trigger, trigger.line, "spec.triggers");
        // what it counts stands in the name or the query of the metric
        let named = ["metricName", "query"].iter().find_map(|key| trigger.text_at(&format!("metadata.{key}")));
        let name = if ["cpu", "memory"].contains(&kind) { kind } else { named.unwrap_or(kind) };
        made.looks_at(name, value.unwrap_or("1"), field.from);
    }
    if made.metrics.iter().any(|(key, _)| ["connections", "requests"].contains(key)) {
        made.by_keda = Some(Origin::assumed("KEDA asks for sums, whoever is ready"));
    }
    behavior(object, "spec.advanced.horizontalPodAutoscalerConfig.behavior", &mut made, findings);
    made
}

/// The budget of the pods, after all of them were checked.
pub(super) fn budget(
    objects: &[Object],
    workloads: &[&Workload],
    pods: Option<(&Workload, u64)>,
    findings: &mut Findings,
) -> Option<Budget> {
    let mut found = None;
    for object in objects.iter().filter(|object| object.kind == "PodDisruptionBudget") {
        let selected = selected(object, workloads, findings);
        let read = |key: &str| object.field(&format!("spec.{key}"));
        let (least, most) = (read("minAvailable"), read("maxUnavailable"));
        if let (Some(_), Some(field)) = (&least, &most) {
            let what = "`minAvailable` and `maxUnavailable` exclude each other";
            findings.add(Code::BadValue, &field.place, what, "write one of them");
        }
        let value = |field: &Field<'_>| field.text().and_then(CountOrShare::parse);
        let is_own = |workload: &Workload, pods: &Workload| workload.object.label() == pods.object.label();
        let own = pods.filter(|(pods, _)| selected.iter().any(|workload| is_own(workload, pods)));
        // pods of several workloads are counted together
        let count = |workload: &&Workload| match own {
            Some((pods, replicas)) if is_own(workload, pods) => replicas,
            _ => workload.replicas.value,
        };
        let replicas = (!selected.is_empty()).then(|| selected.iter().map(count).fold(0, u64::saturating_add));
        let blocked = match (&least, &most) {
            (Some(field), _) => replicas.zip(value(field)).is_some_and(|(n, least)| least.of(n) >= n && n > 0),
            (None, Some(field)) => value(field).is_some_and(CountOrShare::is_zero),
            (None, None) => false,
        };
        if let Some(field) = least.as_ref().or(most.as_ref()).filter(|_| blocked) {
            let of = replicas.map_or_else(String::new, |n| format!(" of {n} pods"));
            let what = format!("`{}`{of}: no pod may be evicted", field.text().unwrap_or_default());
            findings.add(Code::DrainBlocked, &field.place, what, "write `maxUnavailable: 1`, with two pods or more");
        }
        if own.is_some() {
            let policy = read("unhealthyPodEvictionPolicy").filter(|field| field.text() == Some("AlwaysAllow"));
            let known = |key, field: &Option<Field<'_>>| {
                let field = field.as_ref()?;
                let value = value(field)?.within(MOST_PODS).to_string();
                let value = Known { value, from: field.from.clone() };
                Some(Budget { key, value, evicts_unready: policy.as_ref().map(|field| field.from.clone()) })
            };
            found = found.or_else(|| known("min_available", &least).or_else(|| known("max_unavailable", &most)));
        }
    }
    found
}

/// The workloads whose pods a budget is for.
fn selected<'w>(object: &Object, workloads: &[&'w Workload], findings: &mut Findings) -> Vec<&'w Workload> {
    let Some(field) = object.field("spec.selector") else {
        let fix = "write `selector: {matchLabels: …}` with labels of the pod template";
        findings.add(Code::NoEffect, &object.named(), "a budget without `selector` is for no pod", fix);
        return Vec::new();
    };
    let selector = Selector::read(&field);
    let near: Vec<&Workload> =
        workloads.iter().copied().filter(|w| object.reaches(&w.object) != Reach::Never).collect();
    let among = near.len();
    let selected: Vec<&Workload> = near.into_iter().filter(|workload| selector.selects(&workload.labels)).collect();
    if selector.is_empty() {
        let fix = "write `selector: {matchLabels: …}` with labels of the pods that are meant";
        findings.add(Code::BudgetOfAll, &field.place, "its selector is empty", fix);
    } else if selected.is_empty() && among > 0 {
        let place = object.field("spec.selector.matchLabels").map_or(field.place, |labels| labels.place);
        let what = "its selector selects no pod of these files";
        findings.add(Code::TargetMissing, &place, what, "write the labels of the pod template");
    }
    selected
}
