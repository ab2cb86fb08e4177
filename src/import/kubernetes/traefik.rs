//! Traefik: IngressRoutes, and annotations of Services behind Ingresses.

use super::annotations::TRAEFIK;
use super::finding::{Code, Findings};
use super::ingress::{Backend, MAX_BACKENDS, Way};
use super::ingress_nginx::check_lifetime_text;
use super::object::{Field, Object, Origin};
use super::tier::{Setting, Tier, scalar};
use super::tree::Node;

/// What a cookie says: name in scenarios, in annotations.
const COOKIE: [(&str, &str); 7] = [
    ("name", "name"),
    ("secure", "secure"),
    ("httpOnly", "httponly"),
    ("sameSite", "samesite"),
    ("maxAge", "maxage"),
    ("path", "path"),
    ("domain", "domain"),
];

/// What the Service behind an Ingress says.
pub(super) fn of_service(tier: &mut Tier, service: &Object, findings: &mut Findings) {
    let prefix = format!("{TRAEFIK}service.sticky.cookie");
    let on = service.annotation(&prefix);
    let mut settings = Vec::new();
    for (key, name) in COOKIE {
        let Some(field) = service.annotation(&format!("{prefix}.{name}")) else { continue };
        if on.as_ref().is_none_or(|on| on.text() != Some("true")) {
            let what = format!("`service.sticky.cookie.{name}` stands without `service.sticky.cookie: \"true\"`");
            findings.add(Code::NoEffect, &field.place, what, "write `service.sticky.cookie: \"true\"`, or remove it");
            continue;
        }
        if key == "maxAge" {
            check_lifetime_text(&field, findings);
        }
        settings.push(Setting::read(key, scalar(field.text().unwrap_or_default()), &field));
    }
    if let Some(on) = on.filter(|on| on.text() == Some("true")) {
        let cookie = Setting::nest("cookie", settings, &on);
        tier.set(Setting::nest("sticky", vec![cookie], &on));
    }
}

/// The ways of an IngressRoute, one for each Service.
pub(super) fn ways(object: &Object, findings: &mut Findings) -> Vec<Way> {
    let routes = object.field("spec.routes");
    let mut found: Vec<Way> = Vec::new();
    for (at, route) in routes.iter().flat_map(|field| field.node.items()).enumerate() {
        let services = route.entry("services").map_or(&[][..], |entry| entry.value.items());
        for (number, service) in services.iter().enumerate() {
            let Some(name) = service.entry("name") else { continue };
            let Some(text) = name.value.text() else { continue };
            if found.len() >= MAX_BACKENDS || found.iter().any(|way| way.backend.service == text) {
                continue;
            }
            let base = format!("spec.routes[{at}].services[{number}]");
            let backend = Backend {
                service: text.to_owned(),
                namespace: service.text_at("namespace").map(str::to_owned),
                port: service.text_at("port").map(str::to_owned),
                paths: route.text_at("match").map(paths).unwrap_or_default(),
                place: object.place(name.line),
            };
            let tier = tier(object, service, &base, findings);
            // with `nativeLB` Traefik sends to the address of the Service
            let through_service = service.text_at("nativeLB") == Some("true");
            found.push(Way { object: object.clone(), tier: Some(tier), through_service, backend });
        }
    }
    found
}

/// Paths in a rule such as ``PathPrefix(`/ws`) && Host(`x`)``.
fn paths(rule: &str) -> Vec<String> {
    let texts = rule.split('`').skip(1).step_by(2);
    texts.filter(|text| text.starts_with('/')).map(str::to_owned).collect()
}

fn tier(object: &Object, service: &Node, base: &str, findings: &mut Findings) -> Tier {
    let mut tier = Tier::new("traefik", &object.entry(service, service.line, base));
    if let Some(field) = object.below(service, base, "strategy") {
        strategy(&mut tier, &field);
    }
    let Some(sticky) = object.below(service, base, "sticky") else { return tier };
    let Some(cookie) = object.below(service, base, "sticky.cookie") else { return tier };
    let mut settings = Vec::new();
    for (key, _) in COOKIE {
        let Some(field) = object.below(cookie.node, &format!("{base}.sticky.cookie"), key) else { continue };
        if key == "maxAge" {
            check_lifetime_text(&field, findings);
        }
        if key == "secure" && field.text() == Some("true") && only_plain_http(object) {
            let fix = "use it behind TLS, or at an entry point with TLS such as `websecure`";
            findings.add(Code::HttpsCookie, &field.place, "`secure: true` at the entry point `web`", fix);
        }
        settings.push(Setting::read(key, scalar(field.text().unwrap_or_default()), &field));
    }
    tier.set(Setting::nest("sticky", vec![Setting::nest("cookie", settings, &cookie)], &sticky));
    tier
}

/// True when the route names the entry point that is plain HTTP by custom, and no other.
fn only_plain_http(object: &Object) -> bool {
    let points = object.field("spec.entryPoints");
    let points: Vec<&str> = points.iter().flat_map(|field| field.node.items()).filter_map(|item| item.text()).collect();
    points == ["web"] && object.field("spec.tls").is_none()
}

/// Up to Traefik 3.3 the only strategy was `RoundRobin`; it is called `wrr` now.
fn strategy(tier: &mut Tier, field: &Field<'_>) {
    match field.text().unwrap_or_default() {
        "RoundRobin" => {
            let from = match &field.from {
                Origin::Read { file, line, field } => {
                    Origin::Read { file: file.clone(), line: *line, field: format!("{field} RoundRobin") }
                }
                assumed => assumed.clone(),
            };
            tier.set(Setting { from, ..Setting::read("strategy", "wrr", field) });
        }
        other => tier.set(Setting::read("strategy", other, field)),
    }
}
