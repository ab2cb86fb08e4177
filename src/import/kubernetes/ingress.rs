//! Ingresses: which controller serves them, where they lead, and the balancer that follows.

use super::annotations;
use super::finding::{Code, Findings, Place};
use super::object::{Field, Object};
use super::tier::Tier;
use super::{aws, azure, contour, haproxy, ingress_nginx};

/// A way on which clients come in.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The object that opens it.
    pub object: Object,
    /// The balancer; none for a Service that clients reach without one.
    pub tier: Option<Tier>,
    /// Whether kube-proxy deals the connections on, instead of the balancer.
    pub through_service: bool,
    pub backend: Backend,
}

/// Where a way leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    pub service: String,
    /// The namespace, where it is written apart from the object's own.
    pub namespace: Option<String>,
    /// Number or name.
    pub port: Option<String>,
    /// Paths that lead there.
    pub paths: Vec<String>,
    pub place: Place,
}

/// Most Services that one object leads to; what comes after them is not looked at.
pub(super) const MAX_BACKENDS: usize = 1_000;

/// The ways of an Ingress, one for each Service.
pub(super) fn ways(object: &Object, findings: &mut Findings) -> Vec<Way> {
    let backends = backends(object);
    if backends.is_empty() {
        return Vec::new();
    }
    let (product, field) = controller(object, findings);
    let mut way = |backend: Backend| {
        let (tier, through_service) = match product {
            "aws-alb" => aws::alb(object, &field, findings),
            "haproxy" => (haproxy::tier(object, &field), false),
            "azure-application-gateway" => (azure::tier(object, &field), false),
            "envoy" => (contour::of_ingress(object, &field, &backend, findings), false),
            "ingress-nginx" => ingress_nginx::tier(object, &field, findings),
            other => (Tier::new(other, &field), other == "google-cloud"),
        };
        Way { object: object.clone(), tier: Some(tier), through_service, backend }
    };
    backends.into_iter().map(&mut way).collect()
}

/// Classes by words in their names.
const CLASSES: [(&str, &str); 10] = [
    ("alb", "aws-alb"),
    ("traefik", "traefik"),
    ("haproxy", "haproxy"),
    ("contour", "envoy"),
    ("cilium", "envoy"),
    ("azure", "azure-application-gateway"),
    ("gce", "google-cloud"),
    ("istio", "istio"),
    ("nginx", "ingress-nginx"),
    ("webapprouting", "ingress-nginx"),
];

/// The balancer that serves an Ingress, and what says so.
fn controller<'o>(object: &'o Object, findings: &mut Findings) -> (&'static str, Field<'o>) {
    let class = object.field("spec.ingressClassName").or_else(|| object.annotation("kubernetes.io/ingress.class"));
    let hinted = annotations::products(object).next();
    let spec = || object.field("spec").unwrap_or_else(|| object.entry(&object.node, object.node.line, "spec"));
    let Some(class) = class else {
        let (product, field) = hinted.unwrap_or_else(|| ("ingress-nginx", spec()));
        findings.add(
            Code::NoIngressClass,
            &object.named(),
            format!("{} has no `ingressClassName`", object.label()),
            "write `spec.ingressClassName`, such as `nginx`",
        );
        return (product, field);
    };
    let name = class.text().unwrap_or_default().to_ascii_lowercase();
    let product = CLASSES.iter().find(|(word, _)| name.contains(word)).map(|(_, product)| *product);
    // two products call their class `nginx`: the annotations tell
    let product = match (product, &hinted) {
        (Some("ingress-nginx"), Some(("nginx", _))) => Some("nginx"),
        (None, Some((hinted, _))) => Some(*hinted),
        (product, _) => product,
    };
    let product = product.unwrap_or("ingress-nginx");
    if let Some((_, field)) = annotations::products(object).find(|(other, _)| *other != product) {
        let what = format!("{} has the class `{name}` and annotations of another controller", object.label());
        findings.add(
            Code::OtherController,
            &field.place,
            what,
            "write the annotations of the controller that serves the class, or the class of the controller that is meant",
        );
    }
    (product, class)
}

/// Where an Ingress leads: each Service once, in order.
fn backends(object: &Object) -> Vec<Backend> {
    let mut found: Vec<Backend> = Vec::new();
    let mut add = |entry: Option<&super::tree::Entry>, path: Option<&str>| {
        let Some(entry) = entry else { return };
        let node = &entry.value;
        let (name, port) = match node.at("service.name") {
            Some(name) => (name, node.at("service.port.number").or_else(|| node.at("service.port.name"))),
            None => match node.entry("serviceName") {
                Some(name) => (name, node.entry("servicePort")),
                None => return,
            },
        };
        let Some(service) = name.value.text() else { return };
        let port = port.and_then(|port| port.value.text()).map(str::to_owned);
        let path = path.map(str::to_owned);
        let full = found.len() >= MAX_BACKENDS;
        match found.iter_mut().find(|b| b.service == service && b.port == port) {
            Some(backend) => backend.paths.extend(path),
            None if full => {}
            None => found.push(Backend {
                service: service.to_owned(),
                namespace: None,
                port,
                paths: path.into_iter().collect(),
                place: object.place(name.line),
            }),
        }
    };
    let rules = object.field("spec.rules");
    for rule in rules.iter().flat_map(|field| field.node.items()) {
        let paths = rule.at("http.paths").map_or(&[][..], |entry| entry.value.items());
        paths.iter().for_each(|path| add(path.entry("backend"), path.text_at("path")));
    }
    for default in ["spec.defaultBackend", "spec.backend"] {
        add(object.node.at(default), None);
    }
    found
}
