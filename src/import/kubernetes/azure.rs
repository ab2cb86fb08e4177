//! Azure's Application Gateway Ingress Controller.

use super::annotations::AGIC;
use super::finding::{Code, Findings};
use super::object::{Field, Object};
use super::tier::{Setting, Tier};

/// The balancer of an Ingress.
pub(super) fn tier(object: &Object, class: &Field<'_>) -> Tier {
    let mut tier = Tier::new("azure-application-gateway", class);
    let read = |name: &str| object.annotation(&format!("{AGIC}{name}"));
    if let Some(field) = read("cookie-based-affinity") {
        let value = if field.text() == Some("true") { "Enabled" } else { "Disabled" };
        tier.set(Setting::read("CookieBasedAffinity", value, &field));
    }
    if let Some(field) = read("connection-draining").filter(|field| field.text() == Some("true")) {
        let timeout = read("connection-draining-timeout").and_then(|field| field.number());
        let mut settings = vec![Setting::read("Enabled", true, &field)];
        settings.push(match timeout {
            Some(secs) => Setting::known("DrainTimeoutInSec", secs),
            None => Setting::new("DrainTimeoutInSec", 30, super::object::Origin::assumed("the controller's default")),
        });
        tier.set(Setting::nest("ConnectionDraining", settings, &field));
    }
    for (name, key) in
        [("health-probe-interval", "interval"), ("health-probe-unhealthy-threshold", "unhealthyThreshold")]
    {
        if let Some(field) = read(name)
            && let Some(number) = field.number()
        {
            tier.set(Setting::read(key, number.value, &field));
        }
    }
    tier
}

/// Settings without effect.
pub(super) fn check(object: &Object, findings: &mut Findings) {
    let read = |name: &str| object.annotation(&format!("{AGIC}{name}"));
    let on = |name: &str| read(name).is_some_and(|field| field.text() == Some("true"));
    if let Some(field) = read("connection-draining-timeout").filter(|_| !on("connection-draining")) {
        let what = "`connection-draining-timeout` stands without `connection-draining: \"true\"`";
        findings.add(Code::NoEffect, &field.place, what, "write `connection-draining: \"true\"`, or remove it");
    }
    if let Some(field) = read("cookie-based-affinity").filter(|f| !matches!(f.text(), Some("true" | "false"))) {
        let what = format!("`cookie-based-affinity: {}` is neither true nor false", field.text().unwrap_or_default());
        findings.add(Code::BadValue, &field.place, what, "write `\"true\"` or `\"false\"`");
    }
}
