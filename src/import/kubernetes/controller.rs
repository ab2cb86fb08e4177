//! Controllers among the workloads: how many there are, and what the ConfigMap of ingress-nginx says.

use super::finding::{Code, Findings};
use super::ingress_nginx::HEARTBEAT;
use super::object::Object;
use super::tier::{Setting, Tier, scalar};
use super::units::seconds;
use super::workload::Workload;

/// Parts of images by the product that they run.
const IMAGES: [(&str, &str); 9] = [
    ("ingress-nginx/controller", "ingress-nginx"),
    ("nginx-ingress-controller", "ingress-nginx"),
    ("traefik", "traefik"),
    ("haproxytech/kubernetes-ingress", "haproxy"),
    ("haproxy-ingress", "haproxy"),
    ("istio/proxyv2", "istio"),
    ("projectcontour/", "envoy"),
    ("envoyproxy/", "envoy"),
    ("aws-load-balancer-controller", "aws-alb"),
];

/// The product that a workload runs, if it is a controller or proxy and not the application.
pub(super) fn product(workload: &Workload) -> Option<&'static str> {
    let image = workload.images.first()?;
    IMAGES.iter().find(|(part, _)| image.contains(part)).map(|(_, product)| *product)
}

/// Keys of the ConfigMap of ingress-nginx that a scenario takes.
const KEYS: [&str; 4] = ["use-forwarded-headers", "worker-shutdown-timeout", "worker-processes", "load-balance"];

/// What the controller's own objects say of a balancer.
pub(super) fn complete(tier: &mut Tier, controllers: &[Workload], objects: &[Object]) {
    let controller = controllers.iter().find(|workload| product(workload) == Some(tier.product));
    if let Some(replicas) = controller.map(|w| &w.replicas).filter(|n| n.is_read() && (1..=100).contains(&n.value))
        && ["ingress-nginx", "traefik", "haproxy", "istio", "envoy"].contains(&tier.product)
    {
        tier.settings.retain(|setting| setting.key != "replicas");
        tier.set(Setting::known("replicas", replicas.clone()));
    }
    let Some(map) = config_map(objects).filter(|_| tier.product == "ingress-nginx") else { return };
    for key in KEYS {
        let Some(entry) = map.node.at("data").and_then(|data| data.value.entry(key)) else { continue };
        let field = map.entry(&entry.value, entry.line, format!("data.{key}"));
        let Some(text) = field.text().filter(|text| *text != "auto" && tier.get(key).is_none()) else { continue };
        tier.set(Setting::read(key, scalar(text), &field));
    }
}

/// The ConfigMap of ingress-nginx.
fn config_map(objects: &[Object]) -> Option<&Object> {
    objects.iter().find(|object| {
        let label = object.node.at("metadata.labels").and_then(|labels| labels.value.entry("app.kubernetes.io/name"));
        let labelled = label.is_some_and(|label| label.value.text() == Some("ingress-nginx"));
        object.kind == "ConfigMap"
            && (labelled || ["ingress-nginx-controller", "nginx-configuration"].contains(&object.name.as_str()))
    })
}

/// Time-outs of the ConfigMap that cut idle connections.
pub(super) fn check(objects: &[Object], findings: &mut Findings) {
    let Some(map) = config_map(objects) else { return };
    for key in ["proxy-read-timeout", "proxy-send-timeout"] {
        let Some(entry) = map.node.at("data").and_then(|data| data.value.entry(key)) else { continue };
        let text = entry.value.text().unwrap_or_default();
        if seconds(text).is_some_and(|secs| secs <= HEARTBEAT) {
            let what = format!("`{key}: \"{text}\"` is not longer than a heartbeat");
            findings.add(Code::HeartbeatTimeout, &map.place(entry.line), what, "write 60, the default, or more");
        }
    }
}
