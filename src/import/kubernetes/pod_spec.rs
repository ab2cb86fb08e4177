//! What is refused in the description of a pod, or does something else than it says.

use std::rc::Rc;

use super::finding::{Code, Findings};
use super::object::{Field, Known, Object};
use super::tree::Node;
use super::units::{bytes, cores};

/// A port of a container that has a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NamedPort {
    pub name: String,
    /// `TCP` where nothing is said.
    pub protocol: String,
}

/// Checks the description of a pod, which stands at `base`.
pub(super) fn check(object: &Object, base: &str, findings: &mut Findings) {
    if let Some((field, secs)) = negative_grace(object, base) {
        let what = format!("`terminationGracePeriodSeconds: {secs}` counts as 1");
        findings.add(Code::NegativeGrace, &field.place, what, "write the seconds that the process needs, such as 30");
    }
    for list in ["containers", "initContainers"] {
        for container in containers(object, base, list) {
            if findings.is_full() {
                return;
            }
            check_resources(object, container, findings);
            check_probes(object, container, findings);
        }
    }
}

fn containers<'o>(object: &'o Object, base: &str, list: &str) -> &'o [Rc<Node>] {
    object.node.at(&format!("{base}.{list}")).map_or(&[], |entry| entry.value.items())
}

fn negative_grace<'o>(object: &'o Object, base: &str) -> Option<(Field<'o>, i64)> {
    let field = object.field(&format!("{base}.terminationGracePeriodSeconds"))?;
    let secs = field.text()?.trim().parse().ok().filter(|secs| *secs < 0)?;
    Some((field, secs))
}

/// Seconds between SIGTERM, or the hook before it, and SIGKILL.
pub(super) fn grace(object: &Object, base: &str) -> Known<u64> {
    if let Some((_, secs)) = negative_grace(object, base) {
        return Known::assumed(1, format!("the file says {secs}, which Kubernetes takes for 1"));
    }
    match object.field(&format!("{base}.terminationGracePeriodSeconds")).and_then(|field| field.number()) {
        None => Known::assumed(30, "the default of Kubernetes"),
        Some(Known { value: 0, .. }) => Known::assumed(1, "the file says 0, a forced deletion, which is not simulated"),
        Some(grace) => grace,
    }
}

/// Seconds for which pods stay on a node that is not heard of, if that is said; without seconds they stay for ever.
pub(super) fn toleration(object: &Object, base: &str) -> Option<Known<u64>> {
    let all = object.node.at(&format!("{base}.tolerations"))?.value.items();
    let is_meant = |toleration: &Rc<Node>| toleration.text_at("key") == Some("node.kubernetes.io/unreachable");
    let at = all.iter().position(is_meant)?;
    object.below(&all[at], &format!("{base}.tolerations[{at}]"), "tolerationSeconds")?.number()
}

/// A container that requests more than it may have.
fn check_resources(object: &Object, container: &Node, findings: &mut Findings) {
    for name in ["cpu", "memory", "ephemeral-storage"] {
        let amount = |text: &str| if name == "cpu" { cores(text) } else { bytes(text).map(|bytes| bytes as f64) };
        let of = |which: &str| {
            let entry = container.at(&format!("resources.{which}.{name}"))?;
            let text = entry.value.text()?;
            Some((entry.line, text, amount(text)?))
        };
        if let (Some((line, request, requested)), Some((_, limit, most))) = (of("requests"), of("limits"))
            && requested > most
        {
            let what = format!("`requests.{name}: {request}` is above `limits.{name}: {limit}`");
            let fix = format!("write `{name}: {limit}` or less under `requests`, or a higher limit");
            findings.add(Code::RequestsAboveLimits, &object.place(line), what, fix);
        }
    }
}

/// Probes that ask a port by a name that the container does not give.
fn check_probes(object: &Object, container: &Node, findings: &mut Findings) {
    let names: Vec<String> = named(container).map(|port| port.name).collect();
    for (probe, outcome) in [
        ("readinessProbe", "the pod is never ready"),
        ("livenessProbe", "the container is never found dead"),
        ("startupProbe", "the container never counts as started, and the pod is never ready"),
    ] {
        for handler in ["httpGet", "tcpSocket"] {
            let Some(entry) = container.at(&format!("{probe}.{handler}.port")) else { continue };
            let Some(port) = entry.value.text().filter(|port| is_unknown(port, &names)) else { continue };
            let what = format!("no port of the container is called `{port}`, which its `{probe}` asks: {outcome}");
            findings.add(
                Code::ProbePortMissing,
                &object.place(entry.line),
                what,
                instead(names.iter().map(String::as_str), "port"),
            );
        }
    }
}

fn is_unknown(port: &str, names: &[String]) -> bool {
    port.parse::<u32>().is_err() && !names.iter().any(|name| name == port)
}

/// What to write instead of the name of a port that is none.
pub(super) fn instead<'n>(names: impl Iterator<Item = &'n str>, field: &str) -> String {
    const SHOWN: usize = 6;
    let named: Vec<String> = names.take(SHOWN).map(|name| format!("`{field}: {name}`")).collect();
    match &*named {
        [] => format!("write the number as `{field}`, or `name` beside the `containerPort` that is meant"),
        _ => format!("write {}, or a number", named.join(" or ")),
    }
}

/// Named ports of all containers of a pod that Services can lead to: sidecars among the init containers count.
pub(super) fn ports(object: &Object, base: &str) -> Vec<NamedPort> {
    let sidecars = containers(object, base, "initContainers")
        .iter()
        .filter(|container| container.text_at("restartPolicy") == Some("Always"));
    containers(object, base, "containers").iter().chain(sidecars).flat_map(|container| named(container)).collect()
}

fn named(container: &Node) -> impl Iterator<Item = NamedPort> {
    let ports = container.entry("ports").map_or(&[][..], |entry| entry.value.items());
    ports.iter().filter_map(|port| {
        let protocol = port.text_at("protocol").unwrap_or("TCP").to_owned();
        Some(NamedPort { name: port.text_at("name")?.to_owned(), protocol })
    })
}
