//! Contour: HTTPProxy and its annotations on Ingresses; its proxy is Envoy.

use super::annotations::CONTOUR;
use super::finding::{Code, Findings};
use super::ingress::{Backend, MAX_BACKENDS, Way};
use super::object::{Field, Object, Origin};
use super::tier::{Setting, SettingValue, Tier};

/// The cookie of Contour's strategy `Cookie`.
const COOKIE: &str = "X-Contour-Session-Affinity";

/// The balancer of an Ingress.
pub(super) fn of_ingress(object: &Object, class: &Field<'_>, backend: &Backend, findings: &mut Findings) -> Tier {
    let routes = object.annotation(&format!("{CONTOUR}websocket-routes"));
    let listed = routes.as_ref().and_then(|field| field.text()).unwrap_or_default();
    let listed: Vec<&str> = listed.split(',').map(str::trim).collect();
    for path in backend.paths.iter().filter(|path| path.contains("socket") || path.contains("/ws")) {
        if class.text().is_some_and(|name| name.contains("contour")) && !listed.contains(&path.as_str()) {
            let what = format!("`{path}` is not in `{CONTOUR}websocket-routes`");
            let fix = format!("write the annotation `{CONTOUR}websocket-routes: \"{path}\"`");
            findings.add(Code::NoWebsocketUpgrade, &object.named(), what, fix);
        }
    }
    Tier::new("envoy", class)
}

/// The ways of an HTTPProxy, one for each Service.
pub(super) fn ways(object: &Object, findings: &mut Findings) -> Vec<Way> {
    let routes = object.field("spec.routes");
    let mut found: Vec<Way> = Vec::new();
    for (at, route) in routes.iter().flat_map(|field| field.node.items()).enumerate() {
        let base = format!("spec.routes[{at}]");
        let paths: Vec<String> = route
            .entry("conditions")
            .map_or(&[][..], |entry| entry.value.items())
            .iter()
            .filter_map(|condition| condition.text_at("prefix").map(str::to_owned))
            .collect();
        let websockets = route.text_at("enableWebsockets") == Some("true");
        if !websockets && paths.iter().any(|path| path.contains("socket") || path.contains("/ws")) {
            let what = format!("the route for `{}` has no `enableWebsockets: true`", paths.join("`, `"));
            findings.add(Code::NoWebsocketUpgrade, &object.place(route.line), what, "write `enableWebsockets: true`");
        }
        for service in route.entry("services").map_or(&[][..], |entry| entry.value.items()) {
            let Some(name) = service.entry("name") else { continue };
            let Some(text) = name.value.text() else { continue };
            if found.len() >= MAX_BACKENDS || found.iter().any(|way| way.backend.service == text) {
                continue;
            }
            let backend = Backend {
                service: text.to_owned(),
                namespace: None,
                port: service.text_at("port").map(str::to_owned),
                paths: paths.clone(),
                place: object.place(name.line),
            };
            let mut tier = Tier::new("envoy", &object.entry(route, route.line, base.clone()));
            if let Some(field) = object.below(route, &base, "loadBalancerPolicy.strategy") {
                strategy(&mut tier, &field);
            }
            found.push(Way { object: object.clone(), tier: Some(tier), through_service: false, backend });
        }
    }
    found
}

fn strategy(tier: &mut Tier, field: &Field<'_>) {
    let policy = match field.text().unwrap_or_default() {
        "Cookie" => {
            tier.set(Setting::read("lb_policy", "RING_HASH", field));
            let cookie = serde_json::json!([{"cookie": {"name": COOKIE, "ttl": "0s", "path": "/"}}]);
            let from = Origin::assumed("what Contour writes for the strategy `Cookie`");
            tier.set(Setting { value: SettingValue::Plain(cookie), ..Setting::new("hash_policy", "", from) });
            return;
        }
        "WeightedLeastRequest" => "LEAST_REQUEST",
        "Random" => "RANDOM",
        "RoundRobin" => "ROUND_ROBIN",
        other => other,
    };
    tier.set(Setting::read("lb_policy", policy, field));
}
