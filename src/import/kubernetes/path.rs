//! The balancers from clients to pods, and what they do to each other.

use super::documents::{Inputs, Refusal};
use super::finding::{Code, Findings};
use super::ingress::Way;
use super::join::{Choice, Resolved};
use super::object::{Known, Object};
use super::service::Service;
use super::tier::Tier;
use super::workload::Workload;
use super::{aws, azure, cloudflare, contour, gateway, haproxy, ingress, istio, nginx_conf, traefik};

/// Most balancers in a row that a scenario takes.
const MAX_TIERS: usize = crate::cluster::spec::MAX_TIERS;

/// Every way into the cluster.
pub(super) fn ways(objects: &[Object], services: &[Service], findings: &mut Findings) -> Vec<Way> {
    let mut found = Vec::new();
    for object in objects {
        match (object.kind.as_str(), object.group()) {
            ("Ingress", "networking.k8s.io" | "extensions") => {
                haproxy::check(object, findings);
                azure::check(object, findings);
                found.extend(ingress::ways(object, findings));
            }
            ("IngressRoute", "traefik.io" | "traefik.containo.us") => found.extend(traefik::ways(object, findings)),
            ("HTTPProxy", "projectcontour.io") => found.extend(contour::ways(object, findings)),
            _ => {}
        }
    }
    found.extend(gateway::ways(objects, findings));
    found.extend(istio::ways(objects, findings));
    for service in services.iter().filter(|service| service.is_external() && !selects_controller(service)) {
        let nlb = aws::nlb(&service.object, findings);
        let through_service = nlb.as_ref().is_none_or(|(_, nodes)| *nodes);
        let place = service.object.named();
        let backend = ingress::Backend {
            service: service.name().to_owned(),
            namespace: None,
            port: None,
            paths: Vec::new(),
            place,
        };
        found.push(Way { object: service.object.clone(), tier: nlb.map(|(tier, _)| tier), through_service, backend });
    }
    for way in &mut found {
        let service = services.iter().find(|service| service.name() == way.backend.service);
        if let (Some(tier), Some(service)) = (&mut way.tier, service) {
            match tier.product {
                "traefik" if way.object.kind == "Ingress" => traefik::of_service(tier, &service.object, findings),
                "haproxy" => haproxy::of_service(tier, &service.object),
                "istio" => istio::of_service(tier, &service.object, findings),
                _ => {}
            }
        }
    }
    found
}

/// A Service of an Ingress controller is no way to the pods themselves.
fn selects_controller(service: &Service) -> bool {
    const NAMES: [&str; 8] = [
        "ingress-nginx",
        "traefik",
        "kubernetes-ingress",
        "haproxy-ingress",
        "contour",
        "envoy",
        "ingressgateway",
        "istio-ingressgateway",
    ];
    service.selector.values().any(|value| NAMES.contains(&value.as_str()))
}

/// What is in front of the cluster, or instead of one.
#[derive(Default)]
pub(super) struct Front {
    pub tiers: Vec<Tier>,
    /// How many servers an `upstream` names.
    pub servers: Option<Known<u64>>,
    /// What the innermost of them is called.
    pub name: Option<String>,
}

/// Reads Cloudflare, CloudFormation and nginx, in the order in which a request would meet them.
pub(super) fn front(inputs: &Inputs, asked: Option<&str>, findings: &mut Findings) -> Result<Front, Refusal> {
    let mut front = Front::default();
    if let Some(object) = inputs.cloudflare.first() {
        front.tiers.push(cloudflare::tier(object, findings));
        front.name = Some(object.name.clone());
    }
    let groups: Vec<(String, Tier)> =
        inputs.templates.iter().flat_map(|template| aws::target_groups(template, findings)).collect();
    if let Some((name, tier)) = one_of(groups, asked, "target group", findings) {
        front.name = Some(name);
        front.tiers.push(tier);
    }
    let mut upstreams = Vec::new();
    for (file, text) in &inputs.nginx {
        let read = nginx_conf::read(file, text, findings);
        let read =
            read.map_err(|(line, what)| Refusal(format!("{file}:{line}: this is no nginx configuration: {what}")))?;
        if read.is_empty() {
            return Err(Refusal(format!(
                "`{file}` has no `upstream`: write the servers as `upstream NAME {{ server …; }}` and `proxy_pass http://NAME`"
            )));
        }
        upstreams.extend(read);
    }
    let servers: Vec<(String, Known<u64>)> = upstreams.iter().map(|u| (u.name.clone(), u.servers.clone())).collect();
    let list = upstreams.into_iter().map(|upstream| (upstream.name, upstream.tier)).collect();
    if let Some((name, tier)) = one_of(list, asked, "upstream", findings) {
        front.servers = servers.into_iter().find(|(other, _)| *other == name).map(|(_, servers)| servers);
        front.name = Some(name);
        front.tiers.push(tier);
    }
    Ok(front)
}

/// The one that was asked for, else the first; the others are said to be left out.
fn one_of(
    list: Vec<(String, Tier)>,
    asked: Option<&str>,
    what: &str,
    findings: &mut Findings,
) -> Option<(String, Tier)> {
    let chosen = list.iter().position(|(name, _)| Some(name.as_str()) == asked).unwrap_or(0);
    for (at, (name, tier)) in list.iter().enumerate() {
        if at != chosen {
            let text = format!("the {what} `{name}` is left out");
            findings.add(Code::SeveralBackends, &tier.place, text, format!("choose it with `--workload {name}`"));
        }
    }
    list.into_iter().nth(chosen)
}

/// The balancers of the scenario in order.
pub(super) fn tiers(
    front: Vec<Tier>,
    way: Option<&Resolved>,
    services: &[Service],
    pods: Option<(&Workload, u64)>,
    findings: &mut Findings,
) -> Vec<Tier> {
    let in_front = front.len();
    let mut list = front;
    let replicas = pods.map_or(3, |(_, replicas)| replicas);
    let selecting = || services.iter().position(|service| pods.is_some_and(|(w, _)| w.is_selected(&service.selector)));
    match way {
        Some(resolved) => {
            let proxy = resolved.way.tier.clone();
            let kube_proxy = proxy.is_none() || resolved.way.through_service;
            let in_cluster = proxy.as_ref().is_some_and(|tier| !tier.product.starts_with("aws-"));
            list.extend(proxy);
            if let Some(at) = resolved.service.filter(|_| kube_proxy) {
                let mut tier = services[at].tier(replicas);
                if in_cluster {
                    tier.settings.retain(|s| !["externalTrafficPolicy", "nodes"].contains(&s.key.as_str()));
                }
                list.push(tier);
            }
        }
        None => {
            if let Some(at) = selecting() {
                list.push(services[at].tier(replicas));
            }
        }
    }
    if in_front > 0
        && let Some(second) = list.get(1).filter(|tier| tier.product != "service")
    {
        let names: Vec<&str> = list.iter().take(MAX_TIERS).map(|tier| tier.product).collect();
        let what = format!("taken for one behind the other: {}", names.join(", "));
        findings.add(Code::Chained, &second.place, what, "import them apart, if they are alternatives");
    }
    list.truncate(MAX_TIERS);
    list.iter_mut().for_each(|tier| tier.settle(findings));
    list
}

/// What the ways do to the affinity of Services and of each other.
pub(super) fn check(ways: &[Resolved], services: &[Service], findings: &mut Findings) {
    for resolved in ways {
        let Some(service) = resolved.service.map(|at| &services[at]) else { continue };
        let proxy = resolved.way.tier.as_ref().filter(|tier| tier.product != "aws-nlb");
        let instances = proxy.is_some_and(|tier| tier.product == "aws-alb") && resolved.way.through_service;
        if instances && !service.is_external() {
            let fix = "write `alb.ingress.kubernetes.io/target-type: ip`, or `type: NodePort` in the Service";
            let what =
                format!("{} of type ClusterIP behind an ALB with `target-type: instance`", service.object.label());
            findings.add(Code::NeedsNodePort, &resolved.way.backend.place, what, fix);
        }
        let Some(tier) = resolved.way.tier.as_ref().filter(|_| !resolved.way.through_service) else {
            service.check_on_path(proxy.is_none(), findings);
            continue;
        };
        service.check_published(findings);
        if let Some(field) = service.object.field("spec.sessionAffinity").filter(|_| service.has_client_ip()) {
            let what = format!(
                "`sessionAffinity: ClientIP` of {} has no effect on what comes by {} (`{}`)",
                service.object.label(),
                resolved.way.object.label(),
                tier.product
            );
            let instead =
                if proxy.is_some() { "a cookie of the proxy" } else { "the `stickiness` of the target group" };
            let fix =
                format!("remove it, unless connections from inside the cluster need it; keep clients by {instead}");
            findings.add(Code::AffinityBypassed, &field.place, what, fix);
        }
    }
    check_contradictions(ways, findings);
}

/// Two Ingresses that lead to one Service and say different things of affinity.
fn check_contradictions(ways: &[Resolved], findings: &mut Findings) {
    for (at, resolved) in ways.iter().enumerate() {
        let Some(tier) = resolved.way.tier.as_ref().filter(|tier| tier.product == "ingress-nginx") else { continue };
        let affinity = |tier: &Tier| -> Vec<Option<String>> {
            ["affinity", "affinity-mode", "session-cookie-name", "upstream-hash-by"]
                .iter()
                .map(|k| tier.text(k))
                .collect()
        };
        let earlier = ways[..at].iter().find(|other| {
            other.way.backend.service == resolved.way.backend.service
                && other.way.object.namespace() == resolved.way.object.namespace()
                && other.way.object.label() != resolved.way.object.label()
                && other
                    .way
                    .tier
                    .as_ref()
                    .is_some_and(|t| t.product == "ingress-nginx" && affinity(t) != affinity(tier))
        });
        if let Some(other) = earlier {
            let (one, two) = (other.way.object.label(), resolved.way.object.label());
            let what =
                format!("{one} and {two} lead to Service `{}` with different affinity", resolved.way.backend.service);
            let fix =
                "write the same affinity on both: it holds for the Service, and the first Ingress that sets it wins";
            findings.add(Code::Contradiction, &resolved.way.object.named(), what, fix);
        }
    }
}

/// A balancer of AWS that sends to pods themselves learns last that one is leaving.
fn check_deregistration(tiers: &[Tier], pods: Option<&Workload>, findings: &mut Findings) {
    const ENOUGH: u64 = 20;
    let Some((pods, hook)) = pods.and_then(|pods| Some((pods, pods.pre_stop.as_ref()?))) else { return };
    let Some(last) = tiers.last().filter(|tier| tier.product.starts_with("aws-") && hook.value < ENOUGH) else {
        return;
    };
    let what = format!("{} ends {} s after its `preStop` began", pods.object.label(), hook.value);
    let fix = "let `preStop` sleep for 30 s or more, and raise `terminationGracePeriodSeconds` by as much";
    findings.add(Code::TargetsLeaveLate, &last.place, what, fix);
}

/// What is true of the chosen way as a whole.
pub(super) fn check_chosen(
    tiers: &[Tier],
    ways: &[Resolved],
    choice: &Choice,
    workloads: &[Workload],
    most_pods: u64,
    findings: &mut Findings,
) {
    let way = choice.way.map(|at| &ways[at]);
    let pods = choice.workload.map(|at| &workloads[at]);
    for tier in tiers {
        tier.check_address(findings);
    }
    check_deregistration(tiers, pods, findings);
    let sticky = tiers.iter().any(Tier::keeps_clients);
    if let Some(way) = way.filter(|_| !sticky && most_pods > 1) {
        let paths = way.way.backend.paths.iter().any(|path| path.contains("socket.io"));
        let words = pods.is_some_and(|pods| {
            let text = format!("{} {}", pods.images.join(" "), pods.command);
            text.contains("socket.io") || text.contains("socketio")
        });
        if paths || words {
            let what = format!("nothing keeps clients of Socket.IO on one of {most_pods} pods");
            let fix = "keep them by a cookie, or let clients use `transports: [\"websocket\"]` only";
            findings.add(Code::PollingWithoutAffinity, &way.way.backend.place, what, fix);
        }
    }
    if way.is_none()
        && tiers.is_empty()
        && let Some(pods) = pods
    {
        let what = format!("nothing leads to {}", pods.object.label());
        let fix = "name the files of the Service and of the Ingress or route as well";
        findings.add(Code::NoWayIn, &pods.object.named(), what, fix);
    }
    let Some(way) = way else { return };
    if pods.is_none() {
        let what = format!("the pods of Service `{}` are not in these files", way.way.backend.service);
        let fix = "name the file with the Deployment or StatefulSet as well, or correct `pods` in the scenario";
        findings.add(Code::NoWorkload, &way.way.backend.place, what, fix);
    }
    let mut seen = vec![way.way.backend.service.as_str()];
    for other in ways {
        let same = other.workload.is_some() && other.workload == choice.workload;
        let service = other.way.backend.service.as_str();
        if same || seen.contains(&service) || other.way.object.kind == "Service" {
            continue;
        }
        seen.push(service);
        let what = format!("the scenario is about Service `{}`; `{service}` is left out", seen[0]);
        let name = other.workload.and_then(|at| workloads.get(at)).map_or(service, Workload::name);
        let fix = format!("choose it with `--workload {name}`");
        findings.add(Code::SeveralBackends, &other.way.backend.place, what, fix);
    }
}
