//! AWS: target groups of ALB and NLB, by the annotations of the AWS Load Balancer Controller or by CloudFormation.

use super::annotations::{ALB, AWS};
use super::finding::{Code, Findings};
use super::ingress_nginx::HEARTBEAT;
use super::object::{Field, Known, Object, Origin};
use super::tier::{Setting, Tier, scalar};

/// An attribute of a target group with its place.
struct Attribute<'o> {
    key: String,
    value: String,
    field: Field<'o>,
}

/// `a=1,b=2` in the order in which it is written.
fn attributes<'o>(field: &Field<'o>) -> Vec<Attribute<'o>> {
    let pairs = field.text().unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| Attribute {
            key: key.trim().to_owned(),
            value: value.trim().to_owned(),
            field: field.clone(),
        })
        .collect()
}

const ALB_ATTRIBUTES: [&str; 8] = [
    "load_balancing.algorithm.type",
    "stickiness.enabled",
    "stickiness.type",
    "stickiness.lb_cookie.duration_seconds",
    "stickiness.app_cookie.duration_seconds",
    "stickiness.app_cookie.cookie_name",
    "slow_start.duration_seconds",
    "deregistration_delay.timeout_seconds",
];
const NLB_ATTRIBUTES: [&str; 5] = [
    "stickiness.enabled",
    "stickiness.type",
    "preserve_client_ip.enabled",
    "deregistration_delay.timeout_seconds",
    "deregistration_delay.connection_termination.enabled",
];
/// Attributes that exist and change nothing about where clients land.
const OTHER_ATTRIBUTES: [&str; 9] = [
    "load_balancing.cross_zone.enabled",
    "load_balancing.algorithm.anomaly_mitigation",
    "proxy_protocol_v2.enabled",
    "target_group_health.",
    "target_failover.",
    "target_health_state.",
    "lambda.multi_value_headers.enabled",
    "target.health",
    "stickiness.lb_cookie.",
];

/// Takes attributes over into settings.
fn take(tier: &mut Tier, list: Vec<Attribute<'_>>, findings: &mut Findings) {
    let known: &[&str] = if tier.product == "aws-alb" { &ALB_ATTRIBUTES } else { &NLB_ATTRIBUTES };
    let sticky = list.iter().any(|a| a.key == "stickiness.enabled" && a.value == "true");
    for attribute in list {
        let (key, field) = (attribute.key.as_str(), &attribute.field);
        if key.starts_with("stickiness.") && key != "stickiness.enabled" && !sticky {
            let what = format!("`{key}` stands without `stickiness.enabled=true`");
            findings.add(Code::NoEffect, &field.place, what, "write `stickiness.enabled=true` before it, or remove it");
            continue;
        }
        if known.contains(&key) {
            tier.settings.retain(|setting| setting.key != key);
            let from = match &field.from {
                Origin::Read { file, line, field } => {
                    Origin::Read { file: file.clone(), line: *line, field: format!("{field} {key}") }
                }
                assumed => assumed.clone(),
            };
            tier.set(Setting { from, ..Setting::read(key, scalar(&attribute.value), field) });
        } else if !OTHER_ATTRIBUTES.iter().any(|other| key.starts_with(other)) {
            let near = crate::words::nearest(key, known.iter().copied());
            let fix = near.map_or_else(
                || "remove it, or look it up in the API of Elastic Load Balancing".to_owned(),
                |near| format!("write `{near}`, if that is what it means"),
            );
            findings.add(
                Code::BadValue,
                &field.place,
                format!("a target group of `{}` has no attribute `{key}`", tier.product),
                fix,
            );
        }
    }
    check(tier, findings);
}

fn is_sticky(tier: &Tier) -> bool {
    tier.text("stickiness.enabled").as_deref() == Some("true")
}

/// What stickiness means for sessions.
fn check(tier: &Tier, findings: &mut Findings) {
    if !is_sticky(tier) {
        return;
    }
    let Some(setting) = tier.get("stickiness.enabled") else { return };
    let place = setting.place.clone().unwrap_or_else(|| tier.place.clone());
    if tier.product == "aws-nlb" {
        let fix = "expect clients to move when pods come and go; a proxy with a cookie behind the NLB keeps them";
        findings.add(Code::NlbMayReset, &place, "the NLB keeps clients by `source_ip`", fix);
        return;
    }
    let duration = tier.get("stickiness.lb_cookie.duration_seconds");
    let secs = tier.text("stickiness.lb_cookie.duration_seconds").and_then(|text| text.parse::<u64>().ok());
    if let (Some(setting), Some(secs)) = (duration, secs.filter(|secs| *secs <= 3600)) {
        let place = setting.place.clone().unwrap_or(place);
        let what = format!("`AWSALB` ends {} after the last request", super::units::span(secs));
        findings.add(Code::IdleLosesCookie, &place, what, "write more than the longest WebSocket, such as 86400");
    }
}

/// The ALB of an Ingress, and whether it sends to nodes instead of pods.
pub(super) fn alb(object: &Object, class: &Field<'_>, findings: &mut Findings) -> (Tier, bool) {
    let mut tier = Tier::new("aws-alb", class);
    let read = |name: &str| object.annotation(&format!("{ALB}{name}"));
    let list = read("target-group-attributes").map(|field| attributes(&field)).unwrap_or_default();
    take(&mut tier, list, findings);
    const CHECKS: [(&str, &str, u64); 3] = [
        ("healthcheck-interval-seconds", "HealthCheckIntervalSeconds", 15),
        ("healthy-threshold-count", "HealthyThresholdCount", 2),
        ("unhealthy-threshold-count", "UnhealthyThresholdCount", 2),
    ];
    health_checks(&mut tier, object, ALB, &CHECKS);
    if let Some(field) = read("load-balancer-attributes") {
        for attribute in attributes(&field).iter().filter(|a| a.key == "idle_timeout.timeout_seconds") {
            check_idle(&attribute.value, &attribute.field, findings);
        }
    }
    let target = read("target-type");
    let nodes = target.as_ref().is_none_or(|field| field.text() != Some("ip"));
    if nodes && is_sticky(&tier) {
        let place = target.map_or_else(|| tier.place.clone(), |field| field.place);
        let what = "stickiness with `target-type: instance`, the default of the controller";
        findings.add(Code::StickyNodes, &place, what, "write `alb.ingress.kubernetes.io/target-type: ip`");
    }
    (tier, nodes)
}

fn check_idle(value: &str, field: &Field<'_>, findings: &mut Findings) {
    if value.parse::<f64>().is_ok_and(|secs| secs <= HEARTBEAT) {
        let what = format!("`idle_timeout.timeout_seconds={value}` is not longer than a heartbeat");
        findings.add(Code::HeartbeatTimeout, &field.place, what, "write 60, the default, or more");
    }
}

/// Health checks of the controller: annotation, setting, the controller's default.
fn health_checks(tier: &mut Tier, object: &Object, prefix: &str, list: &[(&str, &str, u64)]) {
    for (name, key, default) in list {
        let field = object.annotation(&format!("{prefix}{name}"));
        let setting = match field.as_ref().and_then(|field| Some((field, field.number()?))) {
            Some((field, number)) => Setting::read(*key, number.value, field),
            None => Setting::new(*key, *default, Origin::assumed("the default of the AWS Load Balancer Controller")),
        };
        tier.set(setting);
    }
}

/// The NLB of a Service, if its annotations or class ask for one, and whether it sends to nodes instead of pods.
pub(super) fn nlb(object: &Object, findings: &mut Findings) -> Option<(Tier, bool)> {
    let read = |name: &str| object.annotation(&format!("{AWS}aws-load-balancer-{name}"));
    let class = object.field("spec.loadBalancerClass").filter(|field| field.text() == Some("service.k8s.aws/nlb"));
    let kind = read("type").filter(|field| matches!(field.text(), Some("external" | "nlb" | "nlb-ip")));
    let asked = class.or_else(|| kind.clone())?;
    let mut tier = Tier::new("aws-nlb", &asked);
    let list = read("target-group-attributes").map(|field| attributes(&field)).unwrap_or_default();
    take(&mut tier, list, findings);
    let pods = read("nlb-target-type").is_some_and(|field| field.text() == Some("ip"))
        || kind.is_some_and(|field| field.text() == Some("nlb-ip"));
    // kube-proxy of the node that a client is kept on deals on to all pods, unless it stays on the node or keeps clients
    let dealt_on = !pods
        && object.text("spec.externalTrafficPolicy") != Some("Local")
        && object.text("spec.sessionAffinity") != Some("ClientIP");
    if let Some(setting) = tier.get("stickiness.enabled").filter(|_| dealt_on && is_sticky(&tier)) {
        let place = setting.place.clone().unwrap_or_else(|| tier.place.clone());
        let what = "stickiness by `source_ip` with targets of the type `instance` and `externalTrafficPolicy: Cluster`, the default";
        let fix = "write `service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip`, `externalTrafficPolicy: Local` with one \
                   pod per node, or `sessionAffinity: ClientIP`";
        findings.add(Code::StickyNodes, &place, what, fix);
    }
    if pods && tier.get("preserve_client_ip.enabled").is_none() {
        let reason = "off by default for targets by address with TCP";
        tier.set(Setting::new("preserve_client_ip.enabled", false, Origin::assumed(reason)));
    }
    const CHECKS: [(&str, &str, u64); 3] = [
        ("aws-load-balancer-healthcheck-interval", "HealthCheckIntervalSeconds", 10),
        ("aws-load-balancer-healthcheck-healthy-threshold", "HealthyThresholdCount", 3),
        ("aws-load-balancer-healthcheck-unhealthy-threshold", "UnhealthyThresholdCount", 3),
    ];
    health_checks(&mut tier, object, AWS, &CHECKS);
    Some((tier, !pods))
}

/// The target groups of a CloudFormation template.
pub(super) fn target_groups(template: &Object, findings: &mut Findings) -> Vec<(String, Tier)> {
    let resources = template.field("Resources");
    let resources = resources.as_ref().map_or(&[][..], |field| field.node.entries());
    let mut found = Vec::new();
    for entry in resources {
        let kind = entry.value.text_at("Type").unwrap_or_default();
        let base = format!("{}.Properties", entry.key);
        let Some(properties) = template.below(&entry.value, &entry.key, "Properties") else { continue };
        let of = |name: &str| template.below(properties.node, &base, name);
        if kind.ends_with("::LoadBalancer") {
            for attribute in pairs(template, of("LoadBalancerAttributes"), &base) {
                if attribute.key == "idle_timeout.timeout_seconds" {
                    check_idle(&attribute.value, &attribute.field, findings);
                }
            }
        }
        if kind != "AWS::ElasticLoadBalancingV2::TargetGroup" {
            continue;
        }
        let protocol = of("Protocol").and_then(|field| field.text()).unwrap_or("HTTP").to_ascii_uppercase();
        let product = if protocol.starts_with("HTTP") { "aws-alb" } else { "aws-nlb" };
        let mut tier = Tier::new(product, &template.entry(&entry.value, entry.line, entry.key.clone()));
        take(&mut tier, pairs(template, of("TargetGroupAttributes"), &base), findings);
        for name in ["HealthCheckIntervalSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount"] {
            if let Some(field) = of(name)
                && let Some(Known { value, .. }) = field.number()
            {
                tier.set(Setting::read(name, value, &field));
            }
        }
        found.push((entry.key.clone(), tier));
    }
    found
}

/// A list of `{Key, Value}`.
fn pairs<'o>(template: &Object, field: Option<Field<'o>>, base: &str) -> Vec<Attribute<'o>> {
    let Some(field) = field else { return Vec::new() };
    let items = field.node.items().iter().filter_map(|item| {
        let (key, value) = (item.text_at("Key")?, item.entry("Value")?);
        let place = template.entry(&value.value, value.line, format!("{base}.TargetGroupAttributes"));
        Some(Attribute { key: key.to_owned(), value: value.value.text()?.to_owned(), field: place })
    });
    items.collect()
}
