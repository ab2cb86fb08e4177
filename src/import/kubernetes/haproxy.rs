//! HAProxy as an Ingress controller: annotations of HAProxy Technologies' controller and of HAProxy Ingress.

use super::annotations::{HAPROXY, HAPROXY_INGRESS};
use super::finding::{Code, Findings};
use super::ingress_nginx::HEARTBEAT;
use super::object::{Field, Object, Origin};
use super::tier::{Setting, Tier};
use super::units::seconds;

/// The balancer of an Ingress; what its Service says is added by [`of_service`].
pub(super) fn tier(object: &Object, class: &Field<'_>) -> Tier {
    let mut tier = Tier::new("haproxy", class);
    balance(object, &mut tier);
    if let Some(field) = object.annotation(&format!("{HAPROXY_INGRESS}affinity")).filter(|f| f.text() == Some("cookie"))
    {
        let name = object.annotation(&format!("{HAPROXY_INGRESS}session-cookie-name"));
        let name = name.as_ref().and_then(|field| field.text()).unwrap_or("INGRESSCOOKIE");
        tier.set(Setting::read("cookie", format!("{name} insert indirect nocache"), &field));
    }
    tier
}

fn balance(object: &Object, tier: &mut Tier) {
    for name in [format!("{HAPROXY}load-balance"), format!("{HAPROXY_INGRESS}balance-algorithm")] {
        if let Some(field) = object.annotation(&name)
            && let Some(text) = field.text()
        {
            tier.settings.retain(|setting| setting.key != "balance");
            tier.set(Setting::read("balance", text, &field));
        }
    }
}

/// What the Service adds: the controller reads the cookie from there.
pub(super) fn of_service(tier: &mut Tier, service: &Object) {
    balance(service, tier);
    let Some(field) = service.annotation(&format!("{HAPROXY}cookie-persistence")) else { return };
    let Some(name) = field.text() else { return };
    let fixed = service
        .annotation(&format!("{HAPROXY}cookie-persistence-no-dynamic"))
        .is_some_and(|field| field.text() == Some("true"));
    let words = if fixed { "insert indirect nocache" } else { "insert indirect nocache dynamic" };
    tier.set(Setting::read("cookie", format!("{name} {words}"), &field));
    if !fixed {
        let reason = "the controller makes a key of its own; where clients land does not depend on it";
        tier.set(Setting::new("dynamic-cookie-key", "key", Origin::assumed(reason)));
    }
}

/// Time-outs that cut open tunnels.
pub(super) fn check(object: &Object, findings: &mut Findings) {
    for prefix in [HAPROXY, HAPROXY_INGRESS] {
        for name in ["timeout-tunnel", "timeout-client", "timeout-server"] {
            let Some(field) = object.annotation(&format!("{prefix}{name}")) else { continue };
            // a bare number is milliseconds there
            let text = field.text().unwrap_or_default();
            let secs = text.parse::<f64>().map(|millis| millis / 1000.0).ok().or_else(|| seconds(text));
            if name == "timeout-tunnel" && secs.is_some_and(|secs| secs <= HEARTBEAT) {
                let what = format!("`{name}: {text}` is not longer than a heartbeat");
                findings.add(Code::HeartbeatTimeout, &field.place, what, "write `1h`, the default");
            }
        }
    }
}
