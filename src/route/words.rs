//! What users write on the command line.

use super::{Fault, MAX_SERVERS};
use crate::cluster::balancer::BalancerSpec;

/// What may change between two passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many servers: more at the end, or fewer from the end.
    Servers(usize),
    /// The lines of these positions go.
    Remove(Vec<usize>),
    /// The balancer believes these are down.
    Down(Vec<usize>),
    /// … serve only those who are bound to them.
    Drain(Vec<usize>),
    /// … serve. They really do.
    Up(Vec<usize>),
    /// These refuse, and the balancer does not know.
    Refuse(Vec<usize>),
    /// Weights of all, in order.
    Weights(Vec<u32>),
}

impl std::str::FromStr for Change {
    type Err = Fault;
    /// Reads `servers=6`, `remove=1`, `down=0,2`, `drain=1`, `up=0`, `refuse=1`, `weights=5,1,1`.
    fn from_str(text: &str) -> Result<Change, Fault> {
        let (word, value) = text.split_once('=').unwrap_or((text, ""));
        match word.trim() {
            "servers" => match count(value.trim(), "servers", MAX_SERVERS as u64) {
                Some(count) => Ok(Change::Servers(count? as usize)),
                None => {
                    Err(Fault(format!("servers: `{value}` is no number of servers; write for example `servers=6`")))
                }
            },
            "weights" => Ok(Change::Weights(weights(value)?)),
            "remove" => Ok(Change::Remove(positions("remove", value)?)),
            "down" => Ok(Change::Down(positions("down", value)?)),
            "drain" => Ok(Change::Drain(positions("drain", value)?)),
            "up" => Ok(Change::Up(positions("up", value)?)),
            "refuse" => Ok(Change::Refuse(positions("refuse", value)?)),
            _ => Err(Fault(format!(
                "`{text}` is no change; write `servers=6`, `remove=1`, `down=0`, `drain=0`, `up=0`, `refuse=0` or \
                 `weights=5,1,1`"
            ))),
        }
    }
}

/// A number of servers or clients, at least one; `None` when the text is something else.
///
/// # Errors
/// When there are none or too many.
pub fn count(text: &str, what: &str, most: u64) -> Option<Result<u64, Fault>> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    Some(count.ok_or_else(|| Fault::out_of_bounds(text, what, most)))
}

/// Positions such as `0,2`, each once.
///
/// # Errors
/// When it is something else.
pub fn positions(what: &str, text: &str) -> Result<Vec<usize>, Fault> {
    let mut list = Vec::new();
    for word in text.split(',').map(str::trim) {
        let position: usize = word.parse().map_err(|_| {
            Fault(format!("{what}: `{word}` is no position; write for example `{what}=0` or `{what}=0,2`"))
        })?;
        list.push(position);
    }
    if list.len() > MAX_SERVERS {
        return Err(Fault(format!("{what}: there are at most {MAX_SERVERS} servers; write fewer positions")));
    }
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

/// Weights such as `5,1,1`; which ones there are is for the balancer to say.
///
/// # Errors
/// When it is something else.
pub fn weights(text: &str) -> Result<Vec<u32>, Fault> {
    let weight = |word: &str| {
        word.parse().map_err(|_| {
            Fault(format!("weights: `{word}` is no weight; write whole numbers up to {}, such as `5,1,1`", u32::MAX))
        })
    };
    text.split(',').map(str::trim).map(weight).collect()
}

/// The product that a text names: what stands before a dot or a colon.
pub fn product_of(text: &str) -> &str {
    let text = text.trim().trim_start_matches('{').trim_start();
    let text = text.trim_start_matches(['"', '\'']);
    &text[..text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(text.len())]
}

/// A balancer as scenarios write it, of what may stand after `--balancer`: `nginx`, `nginx.ip_hash` or a mapping such as
/// `haproxy: {balance: source}`.
///
/// # Errors
/// When a product has no shorthand, or there is no such product.
pub fn balancer_text(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let product = product_of(text);
    let rest = text.strip_prefix(product).unwrap_or("");
    if !text.starts_with('{') && !rest.starts_with(['.', ':']) && !rest.is_empty() || text.is_empty() {
        return Err(Fault(format!(
            "--balancer: `{text}` is no balancer; write for example `nginx.ip_hash` or `haproxy: {{balance: source}}`"
        )));
    }
    if !rest.is_empty() && rest.starts_with(':') || text.starts_with('{') {
        return Ok(text.to_owned());
    }
    if !BalancerSpec::NAMES.contains(&product) {
        let known = BalancerSpec::NAMES.join("`, `");
        return Err(Fault(format!("--balancer: there is no product `{product}`; write one of `{known}`")));
    }
    let Some(method) = rest.strip_prefix('.') else { return Ok(format!("{product}: {{}}")) };
    let method = method.trim();
    if method.is_empty() {
        return Err(Fault(format!("--balancer: nothing stands after `{product}.`; write a method, or `{product}`")));
    }
    match settings_of(product, method) {
        Some(settings) => Ok(format!("{product}: {{{settings}}}")),
        None => Err(Fault(format!(
            "--balancer: `{product}` has no method that `.{method}` could be; write its settings as a mapping, such as \
             `{product}: {{…}}`"
        ))),
    }
}

/// The settings for which `PRODUCT.METHOD` stands.
fn settings_of(product: &str, method: &str) -> Option<String> {
    // a JSON text is a YAML text, whatever is in it
    let value = serde_json::Value::from(method).to_string();
    let key = match (product, method) {
        ("nginx", _) => "method",
        ("haproxy", _) => "balance",
        ("traefik", _) => "strategy",
        ("ingress-nginx", "balanced" | "persistent") => {
            return Some(format!("affinity: cookie, affinity-mode: {value}"));
        }
        ("ingress-nginx", _) => "load-balance",
        ("service", "iptables" | "nftables" | "ipvs") => "mode",
        ("service", _) => "sessionAffinity",
        ("envoy", "RING_HASH" | "MAGLEV") => {
            return Some(format!("lb_policy: {value}, hash_policy: [{{connection_properties: {{source_ip: true}}}}]"));
        }
        ("envoy", _) => "lb_policy",
        ("istio", "ringHash" | "maglev") => {
            return Some(format!("loadBalancer: {{consistentHash: {{useSourceIp: true, {method}: {{}}}}}}"));
        }
        ("istio", _) => return Some(format!("loadBalancer: {{simple: {value}}}")),
        ("aws-alb", "lb_cookie") => return Some("stickiness.enabled: true".to_owned()),
        ("aws-alb", _) => "load_balancing.algorithm.type",
        ("aws-nlb", "source_ip") => return Some("stickiness.enabled: true".to_owned()),
        ("cloudflare", _) => "session_affinity",
        ("google-cloud", _) => "sessionAffinity",
        ("azure-application-gateway", _) => "CookieBasedAffinity",
        ("azure-load-balancer", _) => "loadDistribution",
        _ => return None,
    };
    Some(format!("{key}: {value}"))
}
