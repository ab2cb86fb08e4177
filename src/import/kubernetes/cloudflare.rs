//! A load balancer of Cloudflare, as its interface takes it.

use super::finding::{Code, Findings};
use super::ingress_nginx::check_lifetime;
use super::object::{Field, Object, Origin};
use super::tier::{Setting, Tier, scalar};

/// What the interface takes for the attributes of the cookie.
const SAME_SITE: [&str; 4] = ["Auto", "Lax", "None", "Strict"];
const SECURE: [&str; 3] = ["Auto", "Always", "Never"];

/// The balancer.
pub(super) fn tier(object: &Object, findings: &mut Findings) -> Tier {
    let whole = object.entry(&object.node, object.node.line, "load_balancer");
    let mut tier = Tier::new("cloudflare", &whole);
    let affinity = object.field("session_affinity");
    let kept = affinity.as_ref().and_then(Field::text).is_some_and(|text| text != "none" && !text.is_empty());
    if let Some(field) = &affinity
        && let Some(text) = field.text()
    {
        if ["none", "cookie", "ip_cookie", "header"].contains(&text) {
            tier.set(Setting::read("session_affinity", text, field));
        } else {
            let what = format!("`session_affinity: {text}` does not exist");
            findings.add(Code::BadValue, &field.place, what, "write `cookie`, `ip_cookie`, `header` or `none`");
        }
    }
    if let Some(field) = object.field("session_affinity_ttl") {
        ttl(object, &field, kept, &mut tier, findings);
    }
    if let Some(field) = object.field("session_affinity_attributes") {
        if !kept {
            let what = "`session_affinity_attributes` stand without `session_affinity`";
            findings.add(Code::NoEffect, &field.place, what, "write `session_affinity: cookie`, or remove them");
        } else {
            let settings = attributes(object, &field, findings);
            if !settings.is_empty() {
                tier.set(Setting::nest("session_affinity_attributes", settings, &field));
            }
        }
    }
    if let Some(field) = object.field("origin_steering.policy")
        && let Some(text) = field.text()
    {
        let nested = vec![Setting::read("policy", text, &field)];
        tier.set(Setting::nest("origin_steering", nested, &field));
    }
    if object.field("session_affinity_ttl").is_none() && kept && object.text("session_affinity") != Some("header") {
        tier.set(Setting::new("session_affinity_ttl", 82_800, Origin::assumed("the default of Cloudflare, 23 hours")));
    }
    tier
}

fn ttl(object: &Object, field: &Field<'_>, kept: bool, tier: &mut Tier, findings: &mut Findings) {
    let header = object.text("session_affinity") == Some("header");
    let (least, most) = if header { (30, 3_600) } else { (1_800, 604_800) };
    if !kept {
        let what = "`session_affinity_ttl` stands without `session_affinity`";
        findings.add(Code::NoEffect, &field.place, what, "write `session_affinity: cookie`, or remove it");
        return;
    }
    match field.number() {
        Some(secs) if (least..=most).contains(&secs.value) => {
            tier.set(Setting::read("session_affinity_ttl", secs.value, field));
            if !header {
                check_lifetime(secs.value as f64, field, findings);
            }
        }
        _ => {
            let what = format!(
                "`session_affinity_ttl: {}` is not between {least} and {most}",
                field.text().unwrap_or_default()
            );
            findings.add(Code::BadValue, &field.place, what, "write seconds, such as 86400");
        }
    }
}

fn attributes(object: &Object, field: &Field<'_>, findings: &mut Findings) -> Vec<Setting> {
    let mut settings = Vec::new();
    for entry in field.node.entries() {
        let path = format!("session_affinity_attributes.{}", entry.key);
        let below = object.entry(&entry.value, entry.line, path);
        let text = entry.value.text().unwrap_or_default();
        let accepted: &[&str] = match entry.key.as_str() {
            "samesite" => &SAME_SITE,
            "secure" => &SECURE,
            "drain_duration" | "zero_downtime_failover" | "require_all_headers" => {
                settings.push(Setting::read(&entry.key, scalar(text), &below));
                continue;
            }
            "headers" => {
                let names: Vec<&str> = entry.value.items().iter().filter_map(|item| item.text()).collect();
                settings.push(Setting::read("headers", names, &below));
                continue;
            }
            other => {
                let what = format!("`session_affinity_attributes` have no `{other}`");
                findings.add(Code::UnknownField, &below.place, what, "remove it");
                continue;
            }
        };
        if accepted.contains(&text) {
            settings.push(Setting::read(&entry.key, text, &below));
        } else {
            let names: Vec<String> = accepted.iter().map(|name| format!("`{name}`")).collect();
            let fix = match (entry.key.as_str(), text) {
                ("secure", "true") => "write `Always`".to_owned(),
                ("secure", "false") => "write `Never`".to_owned(),
                _ => format!("write one of {}", names.join(", ")),
            };
            findings.add(Code::BadValue, &below.place, format!("`{}: {text}` does not exist", entry.key), fix);
        }
    }
    settings
}
