//! Services: which pods they select, and what kube-proxy does for them.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Code, Findings};
use super::object::Object;
use super::pod_spec::{self, NamedPort};
use super::tier::{Setting, Tier};
use super::workload::{Workload, texts};

/// A Service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub object: Object,
    pub selector: BTreeMap<String, String>,
    pub ports: Vec<Port>,
}

/// A port of a Service.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub name: Option<String>,
    pub number: Option<u64>,
    /// `targetPort`: a number, or the name of a port of a container.
    pub target: Option<String>,
    protocol: String,
    line: usize,
}

/// The most that the API takes for a time-out of `ClientIP`.
const MAX_TIMEOUT: u64 = 86_400;
/// Below this a WebSocket is nearly always open for longer.
const SHORT_TIMEOUT: u64 = 600;

impl Service {
    pub fn read(object: &Object, findings: &mut Findings) -> Service {
        let ports = object.field("spec.ports");
        let ports = ports.as_ref().map_or(&[][..], |field| field.node.items());
        let port = |node: &super::tree::Node| Port {
            name: node.text_at("name").map(str::to_owned),
            number: node.text_at("port").and_then(|text| text.parse().ok()),
            target: node.text_at("targetPort").map(str::to_owned),
            protocol: node.text_at("protocol").unwrap_or("TCP").to_owned(),
            line: node.at("targetPort").map_or(node.line, |entry| entry.line),
        };
        check_affinity(object, findings);
        check_policy(object, findings);
        Service {
            selector: texts(object.node.at("spec.selector").map(|entry| &*entry.value)),
            ports: ports.iter().map(|node| port(node)).collect(),
            object: object.clone(),
        }
    }

    pub fn name(&self) -> &str {
        &self.object.name
    }
    /// Whether it takes connections from outside of the cluster.
    pub fn is_external(&self) -> bool {
        matches!(self.object.text("spec.type"), Some("LoadBalancer" | "NodePort"))
    }
    /// Whether it keeps clients by their address; without a cluster address kube-proxy is on nobody's way.
    pub fn has_client_ip(&self) -> bool {
        self.object.text("spec.sessionAffinity") == Some("ClientIP") && !self.is_headless()
    }
    fn is_headless(&self) -> bool {
        is_headless(&self.object)
    }
    pub fn is_local(&self) -> bool {
        self.object.text("spec.externalTrafficPolicy") == Some("Local")
    }
    /// True when it has this port, by number or name; ingress-nginx looks among the `targetPort`s as well.
    pub fn has_port(&self, port: &str, product: Option<&str>) -> bool {
        self.ports.iter().any(|p| {
            let by_target = product == Some("ingress-nginx") && p.target.as_deref() == Some(port);
            by_target || p.name.as_deref() == Some(port) || p.number.is_some_and(|n| n.to_string() == port)
        })
    }

    /// kube-proxy, for who comes through it.
    pub fn tier(&self, pods: u64) -> Tier {
        let object = &self.object;
        let spec = object.field("spec").unwrap_or_else(|| object.entry(&object.node, object.node.line, "spec"));
        let mut tier = Tier::new("service", &spec);
        if let Some(field) = object.field("spec.sessionAffinity").filter(|_| !self.is_headless())
            && let Some(text) = field.text()
        {
            tier.set(Setting::read("sessionAffinity", text, &field));
        }
        if self.has_client_ip() {
            match object.field("spec.sessionAffinityConfig.clientIP.timeoutSeconds") {
                Some(field) => {
                    let seconds = field.number().map_or(serde_json::Value::Null, |n| n.value.into());
                    tier.set(Setting::read("timeoutSeconds", seconds, &field));
                }
                None => tier.set(Setting::new(
                    "timeoutSeconds",
                    10_800,
                    super::object::Origin::assumed("the default of Kubernetes"),
                )),
            }
        }
        if self.is_external()
            && let Some(field) = object.field("spec.externalTrafficPolicy")
            && let Some(text) = field.text()
        {
            tier.set(Setting::read("externalTrafficPolicy", text, &field));
            if text == "Local" {
                let reason = "pods stand on nodes of their own; write how many nodes there are";
                tier.set(Setting::new("nodes", pods.clamp(1, 100), super::object::Origin::assumed(reason)));
            }
        }
        tier
    }

    /// Clients get to pods that are not ready.
    pub fn check_published(&self, findings: &mut Findings) {
        if let Some(field) =
            self.object.field("spec.publishNotReadyAddresses").filter(|field| field.text() == Some("true"))
        {
            let what = "`publishNotReadyAddresses: true` on the way of clients";
            let fix = "remove it; it is for peers that look for each other";
            findings.add(Code::NotReadyPublished, &field.place, what, fix);
        }
    }

    /// What matters when clients' connections pass kube-proxy.
    pub fn check_on_path(&self, direct: bool, findings: &mut Findings) {
        let object = &self.object;
        if self.has_client_ip()
            && let Some(field) = object.field("spec.sessionAffinity")
        {
            if !direct {
                findings.add(
                    Code::ClientIpBehindProxy,
                    &field.place,
                    format!("`sessionAffinity: ClientIP` of {} stands behind a proxy", object.label()),
                    "remove it, and keep clients by a cookie at the proxy, which then talks to pods itself",
                );
            }
            findings.add(
                Code::ClientIpHundred,
                &field.place,
                "`sessionAffinity: ClientIP` with kube-proxy in iptables mode",
                "try `mode: nftables` under `service` in the scenario, or keep clients by a cookie",
            );
            let timeout = object.field("spec.sessionAffinityConfig.clientIP.timeoutSeconds");
            if let Some(field) = timeout
                && let Some(seconds) = field.number().filter(|seconds| seconds.value < SHORT_TIMEOUT)
            {
                findings.add(
                    Code::ClientIpExpires,
                    &field.place,
                    format!("`timeoutSeconds: {}` is shorter than most WebSockets are open", seconds.value),
                    "write at least as long as people stay connected, up to 86400",
                );
            }
        }
        self.check_published(findings);
        if direct && self.is_external() && !self.is_local() {
            let field = object.field("spec.externalTrafficPolicy").or_else(|| object.field("spec.type"));
            let place = field.map_or_else(|| object.named(), |field| field.place);
            let what = "`externalTrafficPolicy` is `Cluster`, the default";
            let fix = "write `externalTrafficPolicy: Local` if pods look at addresses; `ClientIP` does not need it";
            findings.add(Code::NodeHidesAddress, &place, what, fix);
        }
    }

    /// Whether its selector selects anything, when there are workloads that it could select, and whether they have the
    /// ports that it names.
    pub fn check_selector(&self, workloads: &[&Workload], findings: &mut Findings) {
        let there = workloads.iter().filter(|w| self.object.reaches(&w.object) != super::object::Reach::Never);
        let there: Vec<&Workload> = there.copied().collect();
        if self.selector.is_empty() || there.is_empty() {
            return;
        }
        let selected: Vec<&Workload> = there.into_iter().filter(|w| w.is_selected(&self.selector)).collect();
        if !selected.is_empty() {
            self.check_targets(&selected, findings);
            return;
        }
        let wanted: Vec<String> = self.selector.iter().map(|(key, value)| format!("`{key}: {value}`")).collect();
        let field = self.object.field("spec.selector");
        let place = field.map_or_else(|| self.object.named(), |field| field.place);
        let what = format!(
            "{} selects pods with {}, and there are none in these files",
            self.object.label(),
            wanted.join(", ")
        );
        findings.add(
            Code::SelectorMatchesNothing,
            &place,
            what,
            "write the labels of the pod template, or name the file with the workload as well",
        );
    }

    /// Whether the pods have the ports that it leads to by name. Without a cluster address nobody comes by its ports.
    fn check_targets(&self, selected: &[&Workload], findings: &mut Findings) {
        if self.is_headless() {
            return;
        }
        let named: BTreeSet<&NamedPort> = selected.iter().flat_map(|workload| &workload.ports).collect();
        for port in &self.ports {
            let Some(target) = port.target.as_deref().filter(|target| target.parse::<u32>().is_err()) else { continue };
            let wanted = NamedPort { name: target.to_owned(), protocol: port.protocol.clone() };
            if named.contains(&wanted) || findings.is_full() {
                continue;
            }
            let same = named.iter().filter(|named| named.protocol == port.protocol);
            let what = format!(
                "`targetPort: {target}` is the name of no {} port of {}",
                port.protocol,
                selected[0].object.label()
            );
            let fix = pod_spec::instead(same.map(|named| named.name.as_str()), "targetPort");
            findings.add(Code::TargetPortMissing, &self.object.place(port.line), what, fix);
        }
    }
}

/// True when its name stands for the pods' own addresses.
fn is_headless(object: &Object) -> bool {
    object.text("spec.clusterIP") == Some("None")
}

/// Whether anything lets connections in from outside, where `externalTrafficPolicy` stands.
fn check_policy(object: &Object, findings: &mut Findings) {
    let Some(field) = object.field("spec.externalTrafficPolicy") else { return };
    let kind = object.text("spec.type").unwrap_or("ClusterIP");
    let addresses = object.field("spec.externalIPs").is_some_and(|field| !field.node.items().is_empty());
    if kind == "ExternalName" || (kind == "ClusterIP" && !addresses) {
        let what = format!("`externalTrafficPolicy: {}` in a Service of type {kind}", field.text().unwrap_or_default());
        let fix = "remove it, or write `type: LoadBalancer` or `type: NodePort`; proxies that send to pods themselves do not need it";
        findings.add(Code::NotExternal, &field.place, what, fix);
    }
}

fn check_affinity(object: &Object, findings: &mut Findings) {
    let affinity = object.field("spec.sessionAffinity");
    if let Some(field) = &affinity
        && let Some(text) = field.text().filter(|text| !["None", "ClientIP"].contains(text))
    {
        let what = format!("`sessionAffinity: {text}` does not exist");
        findings.add(Code::BadValue, &field.place, what, "write `ClientIP` or `None`");
    }
    if let Some(field) = affinity.filter(|field| is_headless(object) && field.text() == Some("ClientIP")) {
        let what = "`sessionAffinity: ClientIP` with `clusterIP: None`: clients connect to addresses of pods, without kube-proxy";
        findings.add(Code::NoEffect, &field.place, what, "remove it, or remove `clusterIP: None`");
    }
    let config = object.field("spec.sessionAffinityConfig");
    if let Some(config) = config.filter(|_| object.text("spec.sessionAffinity") != Some("ClientIP")) {
        let what = "`sessionAffinityConfig` stands without `sessionAffinity: ClientIP`";
        findings.add(
            Code::ClientIpWithoutAffinity,
            &config.place,
            what,
            "write `sessionAffinity: ClientIP`, or remove it",
        );
    }
    if let Some(field) = object.field("spec.sessionAffinityConfig.clientIP.timeoutSeconds")
        && !field.number().is_some_and(|n| (1..=MAX_TIMEOUT).contains(&n.value))
    {
        let what = format!("`timeoutSeconds: {}` is not between 1 and {MAX_TIMEOUT}", field.text().unwrap_or_default());
        findings.add(Code::BadValue, &field.place, what, "write seconds, such as 10800");
    }
}
