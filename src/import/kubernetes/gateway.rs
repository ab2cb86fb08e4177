//! Gateway API: HTTPRoutes and their session persistence.

use super::finding::{Code, Findings};
use super::ingress::{Backend, MAX_BACKENDS, Way};
use super::ingress_nginx::check_lifetime_text;
use super::object::{Field, Object, Reach};
use super::tier::{Setting, SettingValue, Tier};

const GROUP: &str = "gateway.networking.k8s.io";

/// Classes of gateways by words in their names; all others are taken for Envoy, on which most of them are built.
const CLASSES: [(&str, &str); 6] = [
    ("istio", "istio"),
    ("traefik", "traefik"),
    ("haproxy", "haproxy"),
    ("gke-", "google-cloud"),
    ("azure", "azure-application-gateway"),
    ("nginx", "nginx"),
];

/// The ways of all HTTPRoutes, one for each Service.
pub(super) fn ways(objects: &[Object], findings: &mut Findings) -> Vec<Way> {
    let gateways: Vec<&Object> = objects.iter().filter(|o| o.kind == "Gateway" && o.group() == GROUP).collect();
    let policies: Vec<&Object> = objects
        .iter()
        .filter(|o| ["BackendLBPolicy", "XBackendTrafficPolicy", "BackendTrafficPolicy"].contains(&o.kind.as_str()))
        .filter(|o| o.field("spec.sessionPersistence").is_some())
        .collect();
    let mut found: Vec<Way> = Vec::new();
    for object in objects.iter().filter(|o| o.kind == "HTTPRoute" && o.group() == GROUP) {
        let product = product(object, &gateways, findings);
        for (at, rule) in object.field("spec.rules").iter().flat_map(|field| field.node.items()).enumerate() {
            let base = format!("spec.rules[{at}]");
            let matches = rule.entry("matches").map_or(&[][..], |entry| entry.value.items());
            let paths: Vec<String> =
                matches.iter().filter_map(|m| m.text_at("path.value").map(str::to_owned)).collect();
            for target in rule.entry("backendRefs").map_or(&[][..], |entry| entry.value.items()) {
                let Some(name) = target.entry("name") else { continue };
                let Some(text) = name.value.text() else { continue };
                if target.text_at("kind").is_some_and(|kind| kind != "Service")
                    || found.len() >= MAX_BACKENDS
                    || found.iter().any(|way| way.backend.service == text)
                {
                    continue;
                }
                let backend = Backend {
                    service: text.to_owned(),
                    namespace: target.text_at("namespace").map(str::to_owned),
                    port: target.text_at("port").map(str::to_owned),
                    paths: paths.clone(),
                    place: object.place(name.line),
                };
                let mut tier = Tier::new(product, &object.entry(rule, rule.line, base.clone()));
                let own = object.below(rule, &base, "sessionPersistence").map(|field| (object, field));
                let policy = policies.iter().find(|policy| targets(policy, text));
                let field = own.or_else(|| Some((*policy?, policy?.field("spec.sessionPersistence")?)));
                if let Some((owner, field)) = field {
                    persistence(owner, &field, &mut tier, findings);
                }
                found.push(Way { object: object.clone(), tier: Some(tier), through_service: false, backend });
            }
        }
    }
    found
}

fn targets(policy: &Object, service: &str) -> bool {
    let refs = policy.field("spec.targetRefs");
    refs.iter().flat_map(|field| field.node.items()).any(|target| target.text_at("name") == Some(service))
}

/// The product that serves a route: by the class of the first of its gateways that is in these files.
fn product(route: &Object, gateways: &[&Object], findings: &mut Findings) -> &'static str {
    let parents = route.field("spec.parentRefs");
    let mut found = None;
    for parent in parents.iter().flat_map(|field| field.node.items()) {
        let is = |key: &str, default: &str| parent.text_at(key).is_none_or(|text| text == default);
        let Some(name) = parent.entry("name").filter(|_| is("kind", "Gateway") && is("group", GROUP)) else { continue };
        let text = name.value.text().unwrap_or_default();
        let mut from = route.clone();
        from.namespace = parent.text_at("namespace").map(str::to_owned).or(from.namespace);
        let there = gateways.iter().find(|gateway| gateway.name == text && from.reaches(gateway) != Reach::Never);
        found = found.or(there);
        if there.is_none() {
            let what = format!("Gateway `{text}` of `parentRefs` is not in these files");
            findings.add(Code::GatewayMissing, &route.place(name.line), what, "name the file with the Gateway as well");
        }
    }
    let class = found.and_then(|gateway| gateway.text("spec.gatewayClassName")).unwrap_or_default();
    CLASSES.iter().find(|(word, _)| class.contains(word)).map_or("envoy", |(_, product)| product)
}

/// A session that sticks by a cookie, in the words of the product.
fn persistence(object: &Object, field: &Field<'_>, tier: &mut Tier, findings: &mut Findings) {
    findings.add(
        Code::NeedsSwitch,
        &field.place,
        "`sessionPersistence` is in the experimental channel of the Gateway API",
        "install the experimental CRDs, and see whether the implementation of the gateway supports it",
    );
    let read = |name: &str| object.below(field.node, "sessionPersistence", name);
    if let Some(kind) = read("type").filter(|kind| kind.text() != Some("Cookie")) {
        let what = format!("`sessionPersistence` of type `{}`", kind.text().unwrap_or_default());
        findings.add(
            Code::NotSimulated,
            &kind.place,
            what,
            "write `type: Cookie`, or read the figures without affinity",
        );
        return;
    }
    let name = read("sessionName").and_then(|name| name.text()).unwrap_or("session").to_owned();
    let permanent = field.node.text_at("cookieConfig.lifetimeType") == Some("Permanent");
    let ttl = read("absoluteTimeout").filter(|_| permanent);
    if let Some(ttl) = &ttl {
        check_lifetime_text(ttl, findings);
    }
    let secs = ttl.as_ref().and_then(Field::text).and_then(super::units::seconds).map(|secs| secs as u64);
    let text = ttl.as_ref().and_then(Field::text).unwrap_or("0s").to_owned();
    match tier.product {
        "traefik" => {
            let cookie = serde_json::json!({"name": name, "maxAge": secs.unwrap_or(0)});
            tier.set(json("sticky", serde_json::json!({"cookie": cookie}), field));
        }
        "nginx" => {
            let expires = secs.map(|secs| format!(" expires={secs}s")).unwrap_or_default();
            tier.set(Setting::read("sticky", format!("cookie {name}{expires}"), field));
        }
        "haproxy" => tier.set(Setting::read("cookie", format!("{name} insert indirect nocache"), field)),
        "google-cloud" => {
            tier.set(Setting::read("sessionAffinity", "GENERATED_COOKIE", field));
            tier.set(Setting::read("affinityCookieTtlSec", secs.unwrap_or(0), field));
        }
        "azure-application-gateway" => tier.set(Setting::read("CookieBasedAffinity", "Enabled", field)),
        "istio" => tier.set(Setting::read("persistent-session", name, field)),
        _ => tier.set(json("stateful_session", serde_json::json!({"cookie": {"name": name, "ttl": text}}), field)),
    }
}

fn json(key: &str, value: serde_json::Value, field: &Field<'_>) -> Setting {
    Setting { value: SettingValue::Plain(value), ..Setting::read(key, "", field) }
}
