//! Deployments, StatefulSets and their like: how many pods, how large, how they start, stop and are replaced.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::fields;
use super::finding::{Code, Findings};
use super::object::{Field, Known, Object};
use super::pod_spec::{self, NamedPort};
use super::rollout;
use super::selector::Selector;
use super::tree::Node;
use super::units::{CountOrShare, bytes, cores, sleeps};

/// A set of equal pods.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub object: Object,
    pub labels: BTreeMap<String, String>,
    pub images: Vec<String>,
    pub replicas: Known<u64>,
    /// Cores of the main container.
    pub cpu: Known<f64>,
    /// Cores and bytes that the main container requests, at most its limits.
    pub cpu_request: Option<Known<f64>>,
    pub memory_request: Option<Known<u64>>,
    /// Bytes of the main container.
    pub memory: Option<Known<u64>>,
    /// Whether every container requests CPU and memory, directly or by a limit.
    pub requests: [bool; 2],
    /// Seconds.
    pub grace: Known<u64>,
    /// Seconds for which pods stay on a node that is lost.
    pub toleration: Option<Known<u64>>,
    /// Seconds of the hook before SIGTERM.
    pub pre_stop: Option<Known<u64>>,
    /// Probes with what they say: (name, settings).
    pub probes: Vec<(&'static str, Known<String>)>,
    /// Words of its rollout in the vocabulary of scenarios.
    pub rollout: Vec<(&'static str, Known<String>)>,
    pub surge: CountOrShare,
    /// Ports that have a name.
    pub ports: Vec<NamedPort>,
    pub env: Vec<Env>,
    /// The command line of all containers.
    pub command: String,
}

/// A variable of the environment.
#[derive(Clone, Debug)]
pub(super) struct Env {
    pub name: String,
    pub value: String,
    pub from: Known<()>,
    pub place: super::finding::Place,
}

/// Where the pod's own description stands.
const POD: &str = "spec.template.spec";

impl Workload {
    pub fn read(object: &Object, findings: &mut Findings) -> Workload {
        let base = if object.kind == "Pod" { "spec" } else { POD };
        let containers = object.field(&format!("{base}.containers"));
        let containers: &[Rc<Node>] = containers.as_ref().map_or(&[], |field| field.node.items());
        let at = main_container(object, base, containers);
        let path = format!("{base}.containers[{at}]");
        let main = containers.get(at).map(|node| (&**node, path.as_str()));
        // what the workload is, is what its main container is
        let others = containers.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, node)| node);
        let images = containers.get(at).into_iter().chain(others);
        let labels = if object.kind == "Pod" { "metadata.labels" } else { "spec.template.metadata.labels" };
        let Resources { cpu, cpu_request, memory, memory_request } = resources(object, main, findings);
        // a limit without a request is also the request
        let requested = |what: &str| {
            let of = |node: &Node| {
                ["requests", "limits"].iter().any(|w| node.at(&format!("resources.{w}.{what}")).is_some())
            };
            containers.iter().all(|node| of(node))
        };
        let requests = [requested("cpu"), requested("memory")];
        pod_spec::check(object, base, findings);
        let rollout = rollout::read(object, findings);
        let workload = Workload {
            labels: texts(object.node.at(labels).map(|entry| &*entry.value)),
            images: images.filter_map(|c| c.text_at("image")).map(str::to_owned).collect(),
            replicas: replicas(object, findings),
            cpu,
            cpu_request,
            memory,
            memory_request,
            requests,
            grace: pod_spec::grace(object, base),
            toleration: pod_spec::toleration(object, base),
            pre_stop: main.and_then(|(node, path)| pre_stop(object, node, path)),
            probes: main.map_or_else(Vec::new, |(node, path)| probes(object, node, path)),
            rollout: rollout.words,
            surge: rollout.surge,
            ports: pod_spec::ports(object, base),
            env: containers.iter().flat_map(|node| env(object, node)).collect(),
            command: containers.iter().map(|node| command(node)).collect::<Vec<_>>().join(" "),
            object: object.clone(),
        };
        workload.check_selector(findings);
        workload
    }

    pub fn name(&self) -> &str {
        &self.object.name
    }

    fn check_selector(&self, findings: &mut Findings) {
        let Some(field) = self.object.field("spec.selector") else { return };
        let selector = Selector::read(&field);
        if selector.is_empty() && fields::WORKLOADS.contains(&self.object.kind.as_str()) {
            let fix = "write `selector: {matchLabels: …}` with labels of the template";
            findings.add(Code::BadValue, &field.place, "the selector of a workload must not be empty", fix);
        }
        for requirement in &selector.requirements {
            let place = self.object.place(requirement.line);
            if !requirement.has_operator() {
                let fix = "write `In`, `NotIn`, `Exists` or `DoesNotExist`";
                findings.add(Code::BadValue, &place, "an expression of the selector has no such `operator`", fix);
            } else if !requirement.is_met(&self.labels) {
                let what = format!("the selector wants {requirement}, which is not true of the template");
                let fix = "write the same labels under `spec.template.metadata.labels`";
                findings.add(Code::SelectorMismatch, &place, what, fix);
            }
        }
    }

    /// What matters only for pods that clients are connected to.
    pub fn check_as_pods(&self, most_pods: u64, findings: &mut Findings) {
        if let Some(hook) = &self.pre_stop
            && hook.value >= self.grace.value
        {
            let line = match &hook.from {
                super::object::Origin::Read { line, .. } => *line,
                super::object::Origin::Assumed(_) => self.object.node.line,
            };
            let (hook, grace) = (hook.value, self.grace.value);
            let what = format!("`preStop` takes {hook} s of a grace period of {grace} s");
            let fix = format!(
                "write `terminationGracePeriodSeconds: {}` or more: the hook, and the time that the process needs to close \
                 its connections",
                hook.saturating_add(30)
            );
            findings.add(Code::PreStopEatsGrace, &self.object.place(line), what, fix);
        }
        let place = self.object.named();
        if self.pre_stop.is_none() && !self.has_hook() {
            findings.add(
                Code::NoPreStop,
                &place,
                "the pods have no `preStop`",
                "write `lifecycle: {preStop: {sleep: {seconds: 10}}}`, or `exec: {command: [sleep, \"10\"]}` where Kubernetes is older",
            );
        }
        if !self.probes.iter().any(|(name, _)| *name == "readiness") {
            findings.add(
                Code::NoReadiness,
                &place,
                "the pods have no `readinessProbe`",
                "write one that succeeds when the server accepts connections",
            );
        }
        if most_pods <= 1 {
            let field = self.object.field("spec.replicas");
            let place = field.map_or(place, |field| field.place);
            findings.add(
                Code::OnePod,
                &place,
                "there is one pod",
                "write `replicas: 2` or more, if the server may run twice",
            );
        }
    }

    /// True when there is a hook, of whatever length.
    fn has_hook(&self) -> bool {
        let containers = self.object.field(&format!("{POD}.containers"));
        containers.is_some_and(|field| field.node.items().iter().any(|c| c.at("lifecycle.preStop").is_some()))
    }

    /// True when it has these labels.
    pub fn is_selected(&self, selector: &BTreeMap<String, String>) -> bool {
        !selector.is_empty() && selector.iter().all(|(key, value)| self.labels.get(key) == Some(value))
    }
}

/// A mapping of texts.
pub(super) fn texts(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map_or(&[][..], Node::entries);
    entries.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned()))).collect()
}

fn replicas(object: &Object, findings: &mut Findings) -> Known<u64> {
    match object.kind.as_str() {
        "DaemonSet" => return Known::assumed(3, "a DaemonSet has a pod on each node; write how many nodes there are"),
        "Pod" => return Known::assumed(1, "a single Pod"),
        _ => {}
    }
    let Some(field) = object.field("spec.replicas") else { return Known::assumed(1, "the default of Kubernetes") };
    match field.number() {
        Some(replicas) if replicas.value <= 1_000_000 => replicas,
        _ => {
            let what = format!("`replicas` is `{}`", field.text().unwrap_or("no number"));
            findings.add(Code::BadValue, &field.place, what, "write a number of pods");
            Known::assumed(1, "what is written is no number of pods")
        }
    }
}

/// Images that stand beside an application, by the last part of their name; of several containers one of these is not the main one.
const SIDECARS: &str = "proxyv2 envoy proxy linkerd-proxy fluent-bit fluentd filebeat vector promtail agent datadog-agent otelcol \
     opentelemetry-collector opentelemetry-collector-contrib aws-otel-collector cloud-sql-proxy oauth2-proxy vault vault-agent consul \
     nginx haproxy traefik redis memcached pgbouncer statsd-exporter redis_exporter nginx-prometheus-exporter postgres-exporter \
     process-exporter node-exporter busybox";

/// Which container is the application: the one that kubectl takes for it, or the first that is no sidecar.
fn main_container(object: &Object, base: &str, containers: &[Rc<Node>]) -> usize {
    let metadata = base.replacen("template.spec", "template.metadata", 1);
    let annotations = object.field(&format!("{metadata}.annotations"));
    let said = annotations.as_ref().and_then(|field| field.node.entry("kubectl.kubernetes.io/default-container"));
    let said = said.and_then(|entry| entry.value.text());
    let named = containers.iter().position(|node| said.is_some() && node.text_at("name") == said);
    let is_sidecar = |node: &Rc<Node>| {
        let image = node.text_at("image").unwrap_or_default();
        let name = image.split('@').next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
        let name = name.split(':').next().unwrap_or(name);
        SIDECARS.split_whitespace().any(|sidecar| sidecar == name)
    };
    named.or_else(|| containers.iter().position(|node| !is_sidecar(node))).unwrap_or(0)
}

/// CPU and memory of the main container.
fn resources(object: &Object, main: Option<(&Node, &str)>, findings: &mut Findings) -> Resources {
    let Some((node, path)) = main else {
        let cpu = Known::assumed(1.0, "no container is written");
        return Resources { cpu, cpu_request: None, memory: None, memory_request: None };
    };
    let field = |which: &str, what: &str| object.below(node, path, &format!("resources.{which}.{what}"));
    let (cpu_limit, memory_limit) = (field("limits", "cpu"), field("limits", "memory"));
    let (cpu_request, memory_request) = (field("requests", "cpu"), field("requests", "memory"));
    for field in [&cpu_limit, &cpu_request].into_iter().flatten().filter(|f| f.text().and_then(cores).is_none()) {
        let what = format!("`{}` is no amount of CPU", field.text().unwrap_or_default());
        findings.add(Code::BadValue, &field.place, what, "write for example `250m` or `1`");
    }
    for field in [&memory_limit, &memory_request].into_iter().flatten().filter(|f| f.text().and_then(bytes).is_none()) {
        let what = format!("`{}` is no amount of memory", field.text().unwrap_or_default());
        findings.add(Code::BadValue, &field.place, what, "write for example `256Mi`");
    }
    let known = |field: Option<Field<'_>>| Some(Known { value: cores(field.as_ref()?.text()?)?, from: field?.from });
    let cpu_request = known(cpu_request);
    let cpu = known(cpu_limit).unwrap_or_else(|| {
        let cores = cpu_request.as_ref().map_or(1.0, |request| request.value.max(1.0));
        Known::assumed(cores, "no limit: a core that is free when it is needed")
    });
    let known = |field: Option<Field<'_>>| Some(Known { value: bytes(field.as_ref()?.text()?)?, from: field?.from });
    let (memory, memory_request) = (known(memory_limit), known(memory_request));
    // what the API refuses is not written
    let cpu_request = cpu_request.map(|request| Known { value: request.value.min(cpu.value), ..request });
    let most = memory.as_ref().map_or(u64::MAX, |limit| limit.value);
    let memory_request = memory_request.map(|request| Known { value: request.value.min(most), ..request });
    Resources { cpu, cpu_request, memory, memory_request }
}

/// What the main container may have and wants.
struct Resources {
    cpu: Known<f64>,
    cpu_request: Option<Known<f64>>,
    memory: Option<Known<u64>>,
    memory_request: Option<Known<u64>>,
}

fn pre_stop(object: &Object, node: &Node, path: &str) -> Option<Known<u64>> {
    if let Some(field) = object.below(node, path, "lifecycle.preStop.sleep.seconds") {
        return field.number();
    }
    let field = object.below(node, path, "lifecycle.preStop.exec.command")?;
    let words: Vec<&str> = field.node.items().iter().filter_map(|item| item.text()).collect();
    let line = field.node.items().iter().find(|item| item.text().is_some_and(|t| t.contains("sleep")));
    let line = line.map_or(field.line, |item| item.line);
    let from = object.entry(field.node, line, format!("{path}.lifecycle.preStop.exec.command")).from;
    Some(Known { value: sleeps(&words.join(" "))?, from })
}

/// What the probes say, in the words of scenarios.
fn probes(object: &Object, node: &Node, path: &str) -> Vec<(&'static str, Known<String>)> {
    const PROBES: [(&str, &str); 3] =
        [("readiness", "readinessProbe"), ("liveness", "livenessProbe"), ("startup_probe", "startupProbe")];
    /// Word of scenarios, field, default.
    const TIMES: [(&str, &str, u64); 3] = [
        ("initial_delay", "initialDelaySeconds", 0),
        ("period", "periodSeconds", 10),
        ("timeout", "timeoutSeconds", 1),
    ];
    const COUNTS: [(&str, &str, u64); 2] = [("successes", "successThreshold", 1), ("failures", "failureThreshold", 3)];
    let mut found = Vec::new();
    for (word, name) in PROBES {
        let Some(probe) = object.below(node, path, name) else { continue };
        // zero stands for the default, and what the API server refuses is not written
        let number = |field: &str, default: u64, most: u64| {
            let said = probe.node.text_at(field).and_then(|text| text.parse::<u64>().ok());
            said.filter(|&said| said > 0).unwrap_or(default).min(most)
        };
        let most = |word: &str| if word == "successes" && name != "readinessProbe" { 1 } else { 1_000 };
        let times = TIMES.iter().map(|(word, field, default)| format!("{word}: {}s", number(field, *default, 86_400)));
        let counts =
            COUNTS.iter().map(|(word, field, default)| format!("{word}: {}", number(field, *default, most(word))));
        let value = format!("{{{}}}", times.chain(counts).collect::<Vec<_>>().join(", "));
        found.push((word, Known { value, from: probe.from }));
    }
    found
}

fn env(object: &Object, node: &Node) -> Vec<Env> {
    let list = node.entry("env").map_or(&[][..], |entry| entry.value.items());
    let mut found = Vec::new();
    for item in list {
        let Some(name) = item.text_at("name") else { continue };
        let (value, line) = match item.entry("value") {
            Some(entry) => (entry.value.text().unwrap_or_default(), entry.line),
            None => ("", item.line),
        };
        let field = object.entry(item, line, format!("env {name}"));
        found.push(Env {
            name: name.to_owned(),
            value: value.to_owned(),
            from: Known { value: (), from: field.from },
            place: field.place,
        });
    }
    found
}

fn command(node: &Node) -> String {
    let mut words = Vec::new();
    for list in ["command", "args"] {
        if let Some(entry) = node.entry(list) {
            entry.value.each_text(&mut |text, _| words.push(text.to_owned()));
        }
    }
    words.join(" ")
}
