//! ingress-nginx: its annotations as settings, and what they do to each other.

use super::annotations::INGRESS_NGINX as PREFIX;
use super::finding::{Code, Findings};
use super::object::{Field, Object, Origin};
use super::tier::{Setting, Tier, scalar};
use super::units::seconds;

/// Annotations that a scenario takes under the same name.
const SETTINGS: [&str; 19] = [
    "affinity",
    "affinity-mode",
    "load-balance",
    "session-cookie-name",
    "session-cookie-max-age",
    "session-cookie-expires",
    "session-cookie-change-on-failure",
    "session-cookie-path",
    "session-cookie-domain",
    "session-cookie-samesite",
    "session-cookie-secure",
    "session-cookie-conditional-samesite-none",
    "upstream-hash-by",
    "upstream-hash-by-subset",
    "upstream-hash-by-subset-size",
    "proxy-next-upstream",
    "proxy-next-upstream-tries",
    "proxy-connect-timeout",
    "proxy-next-upstream-timeout",
];

/// Shortest time-out in seconds that Socket.IO's heartbeat of 25 s keeps from running out.
pub(super) const HEARTBEAT: f64 = 25.0;

/// The balancer of an Ingress, and whether it sends requests through the Service.
pub(super) fn tier(object: &Object, class: &Field<'_>, findings: &mut Findings) -> (Tier, bool) {
    let mut tier = Tier::new("ingress-nginx", class);
    let read = |name: &str| object.annotation(&format!("{PREFIX}{name}"));
    for name in SETTINGS {
        if let Some(field) = read(name)
            && let Some(text) = field.text()
        {
            tier.set(Setting::read(name, scalar(text), &field));
        }
    }
    for name in ["canary", "canary-weight", "canary-by-header", "canary-by-cookie"] {
        if let Some(field) = read(name) {
            let fix = "leave the Ingress of the canary out of the import; `rollout` shows two versions side by side";
            let what = format!("`{name}`: a canary is not simulated");
            findings.add(Code::NotSimulated, &field.place, what, fix);
        }
    }
    check(object, &mut tier, findings);
    let through_service = read("service-upstream").is_some_and(|field| field.text() == Some("true"));
    tier.set(Setting::new(
        "replicas",
        1,
        Origin::assumed("how many replicas the controller has is not in these files"),
    ));
    (tier, through_service)
}

fn check(object: &Object, tier: &mut Tier, findings: &mut Findings) {
    let read = |name: &str| object.annotation(&format!("{PREFIX}{name}"));
    let cookie = read("affinity").is_some_and(|field| field.text() == Some("cookie"));
    if let Some(field) = read("affinity").filter(|_| !cookie) {
        let what = format!("`affinity: {}` does not exist", field.text().unwrap_or_default());
        findings.add(Code::BadValue, &field.place, what, "write `cookie`, the only kind that there is");
        tier.settings.retain(|setting| setting.key != "affinity");
    }
    if let Some(field) = read("affinity-mode").filter(|f| !matches!(f.text(), Some("balanced" | "persistent"))) {
        let what = format!("`affinity-mode: {}` does not exist", field.text().unwrap_or_default());
        findings.add(Code::BadValue, &field.place, what, "write `balanced` or `persistent`");
        tier.settings.retain(|setting| setting.key != "affinity-mode");
    }
    if !cookie {
        for name in SETTINGS.iter().filter(|name| name.starts_with("session-cookie") || **name == "affinity-mode") {
            if let Some(field) = read(name) {
                let what = format!("`{name}` stands without `affinity: \"cookie\"`");
                findings.add(Code::NoEffect, &field.place, what, "write `affinity: \"cookie\"`, or remove it");
            }
            tier.settings.retain(|setting| setting.key != *name);
        }
    } else {
        check_cookie(object, findings);
    }
    let hash = read("upstream-hash-by");
    if let Some(field) = hash.as_ref().filter(|_| cookie) {
        let what = "`upstream-hash-by` and `affinity: \"cookie\"`: the cookie wins";
        findings.add(Code::Contradiction, &field.place, what, "remove one of them");
        tier.settings.retain(|setting| !setting.key.starts_with("upstream-hash-by"));
    }
    for name in ["upstream-hash-by-subset", "upstream-hash-by-subset-size"] {
        if let Some(field) = read(name).filter(|_| hash.is_none()) {
            let what = format!("`{name}` stands without `upstream-hash-by`");
            findings.add(Code::NoEffect, &field.place, what, "write `upstream-hash-by`, or remove it");
            tier.settings.retain(|setting| setting.key != name);
        }
    }
    for name in ["proxy-read-timeout", "proxy-send-timeout"] {
        let Some(field) = read(name) else { continue };
        match field.text().and_then(|text| text.trim().parse::<f64>().ok()) {
            Some(secs) if secs <= HEARTBEAT => {
                let what = format!("`{name}: \"{}\"` is not longer than a heartbeat", field.text().unwrap_or_default());
                findings.add(Code::HeartbeatTimeout, &field.place, what, "write 60, the default, or more");
            }
            Some(_) => {}
            None => {
                let what = format!("`{name}: \"{}\"` is no number of seconds", field.text().unwrap_or_default());
                findings.add(Code::BadValue, &field.place, what, "write seconds without a unit, such as `\"3600\"`");
            }
        }
    }
    let place = tier.place.clone();
    if cookie && read("session-cookie-change-on-failure").is_none() {
        let place = read("affinity").map_or_else(|| place.clone(), |field| field.place);
        let what = "`session-cookie-change-on-failure` is off, the default";
        findings.add(Code::StaysOnDeadPod, &place, what, "write `session-cookie-change-on-failure: \"true\"`");
    }
    let fix = "write a longer `worker-shutdown-timeout` into the ConfigMap; `timeline: [{at: 10m, reload_balancer: {}}]` shows it";
    findings.add(Code::ReloadsCut, &place, "WebSockets pass ingress-nginx", fix);
}

fn check_cookie(object: &Object, findings: &mut Findings) {
    let read = |name: &str| object.annotation(&format!("{PREFIX}{name}"));
    if read("affinity-mode").is_none_or(|field| field.text() == Some("balanced")) {
        let field = read("affinity-mode").or_else(|| read("affinity"));
        let place = field.map_or_else(|| object.named(), |field| field.place);
        let what = "the cookie is of `affinity-mode: balanced`";
        let fix = "write `affinity-mode: \"persistent\"`, if sessions must stay when pods are added";
        findings.add(Code::BalancedMovesSessions, &place, what, fix);
    }
    let (age, expires) = (read("session-cookie-max-age"), read("session-cookie-expires"));
    if let (Some(age), Some(expires)) = (&age, &expires)
        && age.text() != expires.text()
    {
        let what = format!(
            "`session-cookie-expires` is {} and `session-cookie-max-age` {}: browsers go by the latter",
            expires.text().unwrap_or_default(),
            age.text().unwrap_or_default()
        );
        findings.add(Code::Contradiction, &expires.place, what, "write the same number in both");
    }
    if let Some(field) = age.or(expires) {
        match field.text().and_then(|text| text.parse::<u64>().ok()) {
            Some(secs) => check_lifetime(secs as f64, &field, findings),
            None => {
                let what = format!("`{}` is no number of seconds", field.text().unwrap_or_default());
                findings.add(Code::BadValue, &field.place, what, "write seconds without a unit, such as `\"172800\"`");
            }
        }
    }
}

/// A cookie whose lifetime is fixed when it is issued.
pub(super) fn check_lifetime(secs: f64, field: &Field<'_>, findings: &mut Findings) {
    // 0 is as long as the browser session
    let code = match secs {
        s if s <= 0.0 => return,
        s if s < 1800.0 => Code::CookieShort,
        s if s <= 3600.0 => Code::CookieAnHour,
        _ => return,
    };
    let what = format!("the cookie lives for {}", super::units::span(secs as u64));
    findings.add(code, &field.place, what, "write more than the longest session, such as 86400 seconds");
}

/// A lifetime in seconds or with a unit.
pub(super) fn check_lifetime_text(field: &Field<'_>, findings: &mut Findings) {
    if let Some(secs) = field.text().and_then(seconds) {
        check_lifetime(secs, field, findings);
    }
}
