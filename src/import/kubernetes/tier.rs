//! A balancer as the scenario will have it: settings, each with its origin, that the product's own part takes.

use serde_json::{Map, Value};

use super::finding::{Code, Findings, Place};
use super::object::{Field, Known, Origin};
use crate::cluster::balancer::{AffinityKey, BalancerSpec};

/// A balancer of the way from clients to pods.
#[derive(Clone, Debug)]
pub(super) struct Tier {
    /// Its name in scenarios.
    pub product: &'static str,
    /// What made it one.
    pub from: Origin,
    pub place: Place,
    pub settings: Vec<Setting>,
    /// Settings that the product's part of the scenario does not take, with their origin.
    pub left_out: Vec<Setting>,
}

/// A setting.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub key: String,
    pub value: SettingValue,
    pub from: Origin,
    pub place: Option<Place>,
}

#[derive(Clone, Debug)]
pub(super) enum SettingValue {
    Plain(Value),
    Nest(Vec<Setting>),
}

impl Setting {
    pub fn new(key: impl Into<String>, value: impl Into<Value>, from: Origin) -> Setting {
        Setting { key: key.into(), value: SettingValue::Plain(value.into()), from, place: None }
    }
    /// What a field says.
    pub fn read(key: impl Into<String>, value: impl Into<Value>, field: &Field<'_>) -> Setting {
        Setting { place: Some(field.place.clone()), ..Setting::new(key, value, field.from.clone()) }
    }
    pub fn known(key: impl Into<String>, known: Known<impl Into<Value>>) -> Setting {
        Setting::new(key, known.value, known.from)
    }
    pub fn nest(key: impl Into<String>, settings: Vec<Setting>, field: &Field<'_>) -> Setting {
        Setting {
            key: key.into(),
            value: SettingValue::Nest(settings),
            from: field.from.clone(),
            place: Some(field.place.clone()),
        }
    }
    fn json(&self) -> Value {
        match &self.value {
            SettingValue::Plain(value) => value.clone(),
            SettingValue::Nest(settings) => object(settings),
        }
    }
}

fn object(settings: &[Setting]) -> Value {
    Value::Object(settings.iter().map(|setting| (setting.key.clone(), setting.json())).collect())
}

/// The value of a scalar: a number or truth value where it is one, else text.
pub(super) fn scalar(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match text.parse::<u64>() {
            Ok(number) if !(text.len() > 1 && text.starts_with(['0', '+'])) => number.into(),
            _ => Value::String(text.to_owned()),
        },
    }
}

/// Beginnings of settings by which a product keeps clients on a pod.
const AFFINITY: [&str; 16] = [
    "affinity",
    "session-cookie",
    "upstream-hash",
    "stickiness",
    "sticky",
    "sessionAffinity",
    "session_affinity",
    "timeoutSeconds",
    "cookie",
    "dynamic-cookie",
    "CookieBasedAffinity",
    "AffinityCookie",
    "loadBalancer",
    "persistent-session",
    "stateful_session",
    "affinityCookie",
];

impl Tier {
    pub fn new(product: &'static str, field: &Field<'_>) -> Tier {
        let (from, place) = (field.from.clone(), field.place.clone());
        Tier { product, from, place, settings: Vec::new(), left_out: Vec::new() }
    }

    pub fn set(&mut self, setting: Setting) {
        self.settings.push(setting);
    }
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }
    /// The text of a plain setting.
    pub fn text(&self, key: &str) -> Option<String> {
        match &self.get(key)?.value {
            SettingValue::Plain(Value::String(text)) => Some(text.clone()),
            SettingValue::Plain(value) => Some(value.to_string()),
            SettingValue::Nest(_) => None,
        }
    }

    /// Keeps what the product's part of the scenario takes, and says of the rest that it does not.
    pub fn settle(&mut self, findings: &mut Findings) {
        if self.refused().is_none() {
            return;
        }
        let wanted = std::mem::take(&mut self.settings);
        for setting in wanted {
            self.settings.push(setting);
            let Some(reason) = self.refused() else { continue };
            let Some(setting) = self.settings.pop() else { continue };
            let place = setting.place.clone().unwrap_or_else(|| self.place.clone());
            findings.add(
                Code::NotSimulated,
                &place,
                format!("`{}` is left out of `{}`: {reason}", setting.key, self.product),
                "read the figures without it, or write what comes close to it into the scenario",
            );
            self.left_out.push(setting);
        }
    }

    /// Why the product's part of the scenario does not take these settings.
    fn refused(&self) -> Option<String> {
        let mut product = Map::new();
        product.insert(self.product.to_owned(), object(&self.settings));
        match serde_json::from_value::<BalancerSpec>(Value::Object(product)) {
            Err(error) => Some(error.to_string()),
            Ok(spec) => {
                let problem = spec.settings().problems().into_iter().next()?;
                Some(format!("{}; {}", problem.message, problem.help))
            }
        }
    }

    /// What it goes by to keep clients on a pod.
    fn affinity(&self) -> AffinityKey {
        let mut product = Map::new();
        product.insert(self.product.to_owned(), object(&self.settings));
        let spec = serde_json::from_value::<BalancerSpec>(Value::Object(product));
        spec.map_or(AffinityKey::None, |spec| spec.settings().affinity())
    }

    /// True when it keeps clients on a pod.
    pub fn keeps_clients(&self) -> bool {
        self.affinity() != AffinityKey::None
    }

    /// Says so when a proxy goes by the address; of the other products it is said where the setting is read.
    pub fn check_address(&self, findings: &mut Findings) {
        const KEYS: [(&str, &str); 3] =
            [("ingress-nginx", "upstream-hash-by"), ("haproxy", "balance"), ("traefik", "strategy")];
        let Some((_, key)) = KEYS.iter().find(|(product, _)| *product == self.product) else { return };
        if let Some(place) = self.get(key).and_then(|setting| setting.place.clone())
            && self.affinity().is_address()
        {
            let what = format!("`{key}` goes by the address from which a request reaches the proxy");
            let fix = "see that the proxy is told the client's address (`externalTrafficPolicy: Local` at its Service, or the \
                       PROXY protocol), or keep clients by a cookie";
            findings.add(Code::HashesAddresses, &place, what, fix);
        }
    }

    /// The same without affinity.
    pub fn without_affinity(&self) -> Tier {
        let mut tier = self.clone();
        tier.settings.retain(|setting| !AFFINITY.iter().any(|start| setting.key.starts_with(start)));
        tier.settings.retain(|setting| !(tier.product == "nginx" && setting.key == "method"));
        tier.settings.retain(|setting| !(tier.product == "haproxy" && ["balance", "stick"].contains(&&*setting.key)));
        tier.settings.retain(|setting| {
            !(tier.product == "envoy" && ["lb_policy", "hash_policy", "ring_hash_lb_config"].contains(&&*setting.key))
        });
        tier
    }

    /// In one line, for variants.
    pub fn flow(&self) -> String {
        format!("{{{}: {}}}", self.product, flow(&object(&self.settings)))
    }
}

/// A value as YAML in one line.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let parts: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", plain(key), flow(value))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// A text as YAML: plain where nobody can misread it, else quoted.
pub(super) fn plain(text: &str) -> String {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&&*text.to_lowercase());
    let span = text.parse::<crate::engine::Span>().is_ok();
    if word || span { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}
