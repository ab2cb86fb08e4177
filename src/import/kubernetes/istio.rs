//! Istio: VirtualServices lead to hosts, DestinationRules say how their pods are chosen.

use super::finding::{Code, Findings};
use super::ingress::{Backend, MAX_BACKENDS, Way};
use super::ingress_nginx::check_lifetime_text;
use super::object::{Field, Object, Origin};
use super::tier::{Setting, Tier, scalar};

/// The Service that a host names, seen from an object: `web`, `web.shop.svc.cluster.local`.
fn service(host: &str) -> (String, Option<String>) {
    let mut parts = host.split('.');
    let name = parts.next().unwrap_or_default().to_owned();
    let namespace = parts.next().map(str::to_owned);
    (name, namespace)
}

/// The ways of all VirtualServices, and of DestinationRules that none leads to.
pub(super) fn ways(objects: &[Object], findings: &mut Findings) -> Vec<Way> {
    let of_kind = |kind: &'static str| {
        objects.iter().filter(move |object| object.kind == kind && object.group() == "networking.istio.io")
    };
    let rules: Vec<&Object> = of_kind("DestinationRule").collect();
    let mut found: Vec<Way> = Vec::new();
    for object in of_kind("VirtualService") {
        for (at, route) in object.field("spec.http").iter().flat_map(|field| field.node.items()).enumerate() {
            let matches = route.entry("match").map_or(&[][..], |entry| entry.value.items());
            let paths = matches.iter().filter_map(|m| m.text_at("uri.prefix").or_else(|| m.text_at("uri.exact")));
            let paths: Vec<String> = paths.map(str::to_owned).collect();
            for target in route.entry("route").map_or(&[][..], |entry| entry.value.items()) {
                let Some(host) = target.at("destination.host") else { continue };
                let Some(text) = host.value.text() else { continue };
                let (name, namespace) = service(text);
                let port = target.text_at("destination.port.number").map(str::to_owned);
                let place = object.place(host.line);
                let backend = Backend { service: name, namespace, port, paths: paths.clone(), place };
                if found.len() >= MAX_BACKENDS || found.iter().any(|way| way.backend.service == backend.service) {
                    continue;
                }
                let base = format!("spec.http[{at}]");
                let mut tier = Tier::new("istio", &object.entry(&object.node, host.line, format!("{base}.route")));
                if let Some(rule) = rules.iter().find(|rule| rule_is_for(rule, object, &backend)) {
                    balancer(rule, &mut tier, findings);
                }
                if let Some(field) = object.below(route, &base, "retries") {
                    retries(object, &field, &mut tier);
                }
                found.push(Way { object: object.clone(), tier: Some(tier), through_service: false, backend });
            }
        }
    }
    for rule in rules {
        let Some(host) = rule.field("spec.host") else { continue };
        let (name, namespace) = service(host.text().unwrap_or_default());
        if name.is_empty() || found.len() >= MAX_BACKENDS || found.iter().any(|way| way.backend.service == name) {
            continue;
        }
        let mut tier = Tier::new("istio", &host);
        balancer(rule, &mut tier, findings);
        let backend = Backend { service: name, namespace, port: None, paths: Vec::new(), place: host.place };
        found.push(Way { object: rule.clone(), tier: Some(tier), through_service: false, backend });
    }
    found
}

fn rule_is_for(rule: &Object, route: &Object, backend: &Backend) -> bool {
    let (name, namespace) = service(rule.text("spec.host").unwrap_or_default());
    let wanted = backend.namespace.as_deref().unwrap_or_else(|| route.namespace());
    name == backend.service && namespace.as_deref().unwrap_or_else(|| rule.namespace()) == wanted
}

/// Fields of which a DestinationRule takes one at most, below `loadBalancer`.
const ONE_OF: [(&str, &[&str]); 3] = [
    ("", &["simple", "consistentHash"]),
    ("consistentHash", &["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"]),
    ("consistentHash", &["ringHash", "maglev"]),
];

fn check_one_of(rule: &Object, load_balancer: &Field<'_>, findings: &mut Findings) {
    for (path, names) in ONE_OF {
        let node =
            if path.is_empty() { Some(load_balancer.node) } else { load_balancer.node.entry(path).map(|e| &*e.value) };
        let Some(node) = node else { continue };
        let there: Vec<_> =
            names.iter().filter_map(|name| node.entry(name)).filter(|entry| !entry.value.is_null()).collect();
        if let [first, second, ..] = &*there {
            let what = format!("`{}` stands beside `{}`", second.key, first.key);
            findings.add(Code::ExclusiveFields, &rule.place(second.line), what, "write one of them");
        }
    }
}

/// `trafficPolicy.loadBalancer` as it stands.
fn balancer(rule: &Object, tier: &mut Tier, findings: &mut Findings) {
    const BASE: &str = "spec.trafficPolicy.loadBalancer";
    if let Some(subsets) = rule.field("spec.subsets") {
        let what = "`subsets` divide the pods: they are not simulated";
        findings.add(Code::NotSimulated, &subsets.place, what, "read the figures for all pods as one set");
    }
    let Some(field) = rule.field(BASE) else { return };
    check_one_of(rule, &field, findings);
    let mut settings = Vec::new();
    if let Some(simple) = rule.field(&format!("{BASE}.simple")) {
        // older names of what is there
        let name = match simple.text().unwrap_or_default() {
            "LEAST_CONN" => "LEAST_REQUEST",
            other => other,
        };
        settings.push(Setting::read("simple", name, &simple));
    }
    if let Some(hash) = rule.field(&format!("{BASE}.consistentHash")) {
        let base = format!("{BASE}.consistentHash");
        let nested = nest(rule, &hash, &base);
        if let Some(cookie) = rule.field(&format!("{base}.httpCookie")) {
            check_cookie(rule, &cookie, &base, findings);
        }
        if let Some(source) = rule.field(&format!("{base}.useSourceIp")).filter(|f| f.text() == Some("true")) {
            let fix = "keep clients by `httpCookie` instead, or let the gateway see their addresses: `externalTrafficPolicy: \
                       Local` at its Service, or `numTrustedProxies`";
            findings.add(Code::HashesAddresses, &source.place, "`useSourceIp: true`", fix);
        }
        settings.push(Setting::nest("consistentHash", nested, &hash));
    }
    if !settings.is_empty() {
        tier.set(Setting::nest("loadBalancer", settings, &field));
    }
}

/// A mapping with everything below it.
fn nest(object: &Object, field: &Field<'_>, base: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    for entry in field.node.entries().iter().filter(|entry| !entry.value.is_null() && entry.key != "attributes") {
        let path = format!("{base}.{}", entry.key);
        let below = object.entry(&entry.value, entry.line, path.clone());
        settings.push(if entry.value.entries().is_empty() {
            Setting::read(&entry.key, scalar(entry.value.text().unwrap_or_default()), &below)
        } else {
            Setting::nest(&entry.key, nest(object, &below, &path), &below)
        });
    }
    settings
}

fn check_cookie(rule: &Object, cookie: &Field<'_>, base: &str, findings: &mut Findings) {
    match rule.field(&format!("{base}.httpCookie.ttl")) {
        None => {
            let what = "`httpCookie` has no `ttl`";
            findings.add(
                Code::CookieNeverSet,
                &cookie.place,
                what,
                "write `ttl: 0s` for a cookie of the browser session, or a time such as `48h`",
            );
        }
        Some(ttl) => check_lifetime_text(&ttl, findings),
    }
}

fn retries(object: &Object, field: &Field<'_>, tier: &mut Tier) {
    let mut settings = Vec::new();
    for name in ["attempts", "retryOn"] {
        if let Some(value) = object.below(field.node, "retries", name)
            && let Some(text) = value.text()
        {
            settings.push(Setting::read(name, scalar(text), &value));
        }
    }
    if !settings.is_empty() {
        tier.set(Setting::nest("retries", settings, field));
    }
}

/// What the labels of the Service say.
pub(super) fn of_service(tier: &mut Tier, service: &Object, findings: &mut Findings) {
    let labels = service.node.at("metadata.labels").map_or(&[][..], |entry| entry.value.entries());
    let Some(entry) = labels.iter().find(|entry| entry.key == "istio.io/persistent-session") else { return };
    let field = service.entry(&entry.value, entry.line, entry.key.clone());
    let Some(text) = field.text() else { return };
    tier.set(Setting::read("persistent-session", text, &field));
    findings.add(
        Code::NeedsSwitch,
        &field.place,
        "the label `istio.io/persistent-session`",
        "set `PILOT_ENABLE_PERSISTENT_SESSION_FILTER=true` in istiod, if it is not",
    );
    if tier.get("loadBalancer").is_some() {
        let from = Origin::assumed("the label of the Service wins over `loadBalancer`");
        tier.left_out.push(Setting::new("loadBalancer", "…", from));
        tier.settings.retain(|setting| setting.key != "loadBalancer");
    }
}
