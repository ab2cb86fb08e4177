//! How pods are replaced: the strategies of Deployments, StatefulSets and DaemonSets.

use super::fields::WORKLOADS;
use super::finding::{Code, Findings};
use super::object::{Field, Known, Object};
use super::units::{CountOrShare, MOST_PODS, span};

/// A rollout in the words of scenarios.
#[derive(Debug)]
pub(super) struct Rollout {
    pub words: Vec<(&'static str, Known<String>)>,
    pub surge: CountOrShare,
}

/// What kinds that replace some pods at a time differ in.
struct Form {
    /// Where the strategy stands.
    path: &'static str,
    /// What the defaults belong to.
    of: &'static str,
    surge: CountOrShare,
    unavailable: CountOrShare,
    /// Whether a surge may be more than all pods.
    surge_above_all: bool,
}

const DEPLOYMENT: Form = Form {
    path: "spec.strategy",
    of: "a Deployment",
    surge: CountOrShare::Share(25),
    unavailable: CountOrShare::Share(25),
    surge_above_all: true,
};
const DAEMON_SET: Form = Form {
    path: "spec.updateStrategy",
    of: "a DaemonSet",
    surge: CountOrShare::Count(0),
    unavailable: CountOrShare::Count(1),
    surge_above_all: false,
};

/// What a workload says of its rollouts, after it was checked.
pub(super) fn read(object: &Object, findings: &mut Findings) -> Rollout {
    if WORKLOADS.contains(&object.kind.as_str()) {
        check_type(object, findings);
        check_unlike(object, findings);
    }
    match object.kind.as_str() {
        "StatefulSet" => ordered(object, findings),
        "DaemonSet" => rolling(object, &DAEMON_SET, findings),
        _ => rolling(object, &DEPLOYMENT, findings),
    }
}

/// Where the strategy of a kind stands, and the types that there are.
fn types(kind: &str) -> Option<(&'static str, [&'static str; 2])> {
    match kind {
        "Deployment" => Some((DEPLOYMENT.path, ["RollingUpdate", "Recreate"])),
        "StatefulSet" | "DaemonSet" => Some((DAEMON_SET.path, ["RollingUpdate", "OnDelete"])),
        _ => None,
    }
}

/// Whether the type exists and goes with what stands beside it.
fn check_type(object: &Object, findings: &mut Findings) {
    let Some((path, [rolling, other])) = types(&object.kind) else { return };
    let Some(field) = object.field(&format!("{path}.type")) else { return };
    let text = field.text().unwrap_or_default();
    if text != rolling && text != other {
        let what = format!("`{path}.type: {text}` does not exist");
        findings.add(Code::BadValue, &field.place, what, format!("write `{rolling}` or `{other}`"));
    }
    // a DaemonSet may keep its bounds while it is not rolling
    let beside = object.field(&format!("{path}.rollingUpdate"));
    if let Some(beside) = beside.filter(|_| text == other && object.kind != "DaemonSet") {
        let what = format!("`rollingUpdate` stands beside `type: {other}`");
        findings.add(Code::ExclusiveFields, &beside.place, what, format!("remove it, or write `type: {rolling}`"));
    }
}

/// What the simulation does otherwise.
fn check_unlike(object: &Object, findings: &mut Findings) {
    let mut not_simulated = |field: &Field<'_>, what: &str, fix: &str| {
        findings.add(Code::NotSimulated, &field.place, what, fix);
    };
    let set_to = |path: &str, value: &str| object.field(path).filter(|field| field.text() == Some(value));
    if let Some(field) = set_to("spec.updateStrategy.type", "OnDelete") {
        let what = "`type: OnDelete`: pods keep their version until somebody deletes them";
        let fix = "read rollouts of the scenario as somebody who deletes pod after pod, or write `type: RollingUpdate`";
        not_simulated(&field, what, fix);
    } else if object.kind == "DaemonSet"
        && let Some(field) = object.field("spec.updateStrategy")
    {
        let what = "`updateStrategy` of a DaemonSet: each new pod stands on the node of the one that it replaces";
        let fix = "read rollouts of the scenario as those of a Deployment with the same bounds";
        not_simulated(&field, what, fix);
    }
    if let Some(field) = set_to("spec.paused", "true") {
        let what = "`paused: true`: whatever changes in the template, no pod is replaced";
        let fix = "read rollouts of the scenario as what follows `kubectl rollout resume`, or remove it";
        not_simulated(&field, what, fix);
    }
    if object.kind != "StatefulSet" {
        return;
    }
    if let Some(field) = object.field("spec.podManagementPolicy") {
        match field.text() {
            Some("OrderedReady") => {}
            Some("Parallel") => not_simulated(
                &field,
                "`podManagementPolicy: Parallel`: pods that are missing or too many come and go at once",
                "read scaling and losses of pods as taking longer than they do: one pod waits for the other",
            ),
            other => {
                let what = format!("`podManagementPolicy: {}` does not exist", other.unwrap_or_default());
                findings.add(Code::BadValue, &field.place, what, "write `OrderedReady` or `Parallel`");
            }
        }
    }
    if let Some(field) = object.field("spec.updateStrategy.rollingUpdate.maxUnavailable")
        && field.text() != Some("1")
    {
        let what = "`maxUnavailable` of a StatefulSet: several pods are replaced at once";
        let fix = "read rollouts of the scenario as taking longer than they do: one pod is replaced after the other";
        findings.add(Code::NotSimulated, &field.place, what, fix);
    }
}

/// A number of seconds as scenarios write it.
fn seconds(object: &Object, path: &str) -> Option<Known<String>> {
    let known = object.field(path)?.number()?;
    Some(Known { value: span(known.value), from: known.from })
}

/// A StatefulSet.
fn ordered(object: &Object, findings: &mut Findings) -> Rollout {
    let mut words = Vec::new();
    if let Some(field) = object.field("spec.updateStrategy.rollingUpdate.partition") {
        match field.number().filter(|partition| partition.value <= i32::MAX as u64) {
            Some(partition) => {
                words.push(("partition", Known { value: partition.value.to_string(), from: partition.from }));
            }
            None => {
                let what = format!("`partition: {}` is the number of no pod", field.text().unwrap_or_default());
                findings.add(Code::BadValue, &field.place, what, "write the lowest number that is updated, such as 0");
            }
        }
    }
    words.extend(seconds(object, "spec.minReadySeconds").map(|known| ("min_ready", known)));
    let reason = "a StatefulSet replaces one pod after the other, and none beforehand";
    words.push(("strategy", Known::assumed("ordered".to_owned(), reason)));
    Rollout { words, surge: CountOrShare::Count(0) }
}

/// Workloads that replace some pods at a time, or all.
fn rolling(object: &Object, form: &Form, findings: &mut Findings) -> Rollout {
    let mut words = Vec::new();
    let strategy = object.field(&format!("{}.type", form.path));
    let recreate = strategy.as_ref().filter(|field| field.text() == Some("Recreate"));
    let word = strategy.as_ref().and_then(|field| match field.text()? {
        "Recreate" => Some("recreate"),
        "RollingUpdate" => Some("rolling"),
        _ => None,
    });
    if let (Some(field), Some(word)) = (&strategy, word) {
        words.push(("strategy", Known { value: word.to_owned(), from: field.from.clone() }));
    }
    let surge = amount(object, form, "maxSurge", form.surge_above_all, findings);
    let unavailable = amount(object, form, "maxUnavailable", false, findings);
    for (word, amount) in [("max_surge", &surge), ("max_unavailable", &unavailable)] {
        words.extend(amount.as_ref().map(|(value, field)| (word, written(*value, field))));
    }
    words.extend(seconds(object, "spec.minReadySeconds").map(|known| ("min_ready", known)));
    words.extend(seconds(object, "spec.progressDeadlineSeconds").map(|known| ("progress_deadline", known)));
    if let Some(field) = recreate {
        findings.add(
            Code::RecreateDropsAll,
            &field.place,
            "`strategy.type` is `Recreate`",
            "remove it, or write `RollingUpdate` with `maxUnavailable: 0`, if two versions may run side by side",
        );
        return Rollout { words, surge: surge.map_or(form.surge, |(value, _)| value) };
    }
    check_bounds(form, [&surge, &unavailable], &mut words, findings);
    for (word, default) in [("max_surge", form.surge), ("max_unavailable", form.unavailable)] {
        if !words.iter().any(|(other, _)| *other == word) {
            words.push((word, Known::assumed(default.to_string(), format!("the default of {}", form.of))));
        }
    }
    Rollout { words, surge: surge.map_or(form.surge, |(value, _)| value) }
}

type Amount<'o> = Option<(CountOrShare, Field<'o>)>;

/// `maxSurge` or `maxUnavailable`, if it is an amount.
fn amount<'o>(object: &'o Object, form: &Form, key: &str, above_all: bool, findings: &mut Findings) -> Amount<'o> {
    let field = object.field(&format!("{}.rollingUpdate.{key}", form.path))?;
    let text = field.text().unwrap_or_default();
    let value = CountOrShare::parse(text);
    match value {
        None => {
            let what = format!("`{key}: {text}` is neither a number of pods nor a share");
            findings.add(Code::BadValue, &field.place, what, "write for example `1` or `25%`");
        }
        Some(CountOrShare::Share(101..)) if !above_all => {
            let what = format!("`{key}: {text}` is more than all pods");
            findings.add(Code::BadValue, &field.place, what, "write `100%` or less");
        }
        Some(_) => {}
    }
    Some((value?, field))
}

/// An amount as scenarios take it. What is above changes nothing: as many new pods as are wanted are the most there are.
fn written(value: CountOrShare, field: &Field<'_>) -> Known<String> {
    let most = value.within(MOST_PODS);
    if most == value {
        return Known { value: value.to_string(), from: field.from.clone() };
    }
    let reason = format!("the file says {value} ({}), and no rollout needs more than all pods", field.from);
    Known::assumed(most.to_string(), reason)
}

/// Whether a pod could ever be replaced, and both bounds may stand side by side.
fn check_bounds(
    form: &Form,
    [surge, unavailable]: [&Amount<'_>; 2],
    words: &mut Vec<(&'static str, Known<String>)>,
    findings: &mut Findings,
) {
    let zero =
        |amount: &Amount<'_>, default: CountOrShare| amount.as_ref().map_or(default, |(value, _)| *value).is_zero();
    match (zero(surge, form.surge), zero(unavailable, form.unavailable)) {
        (true, true) => {
            let Some((_, field)) = unavailable.as_ref().or(surge.as_ref()) else { return };
            findings.add(
                Code::RolloutCannotMove,
                &field.place,
                "`maxSurge` and `maxUnavailable` are both 0",
                "write `maxSurge: 1` with `maxUnavailable: 0`: a new pod first, then an old one goes",
            );
            words.retain(|(word, _)| *word != "max_surge");
            words.push(("max_surge", Known::assumed("1".to_owned(), "Kubernetes refuses 0 beside 0")));
        }
        (false, false) if !form.surge_above_all => {
            let Some((value, field)) = surge else { return };
            let beside = match unavailable {
                Some((unavailable, _)) => unavailable.to_string(),
                None => format!("{}, the default", form.unavailable),
            };
            let what = format!("`maxSurge: {value}` of {} stands beside `maxUnavailable` of {beside}", form.of);
            findings.add(
                Code::ExclusiveFields,
                &field.place,
                what,
                "write `maxUnavailable: 0` beside it, or remove it",
            );
        }
        _ => {}
    }
}
