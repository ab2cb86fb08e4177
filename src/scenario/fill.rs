//! Puts a default wherever the user said nothing, and remembers that it did.

use serde_yaml::{Mapping, Value};

use super::locate::Index;
use super::presets::{
    ALERTS, COSTS, GENERAL, NETWORKS, POOLS, Preset, PresetSet, RECONNECTS, REDIS, SESSION, TOPOLOGIES,
};
use super::units::Rate;
use crate::engine::Span;
use crate::metrics::{Assumption, Grade};

/// Fills a typed-checked document; returns what was filled in, in the order of filling.
///
/// `trace_end` is the time of the last recorded request, if nothing but recorded requests is played.
pub fn fill(document: &mut Value, trace_end: Option<Span>) -> Vec<Assumption> {
    let mut filler = Filler { made: Vec::new() };
    if let Some(end) = trace_end {
        let duration = (end + Span::from_secs(1)).to_string();
        filler.one(document, "duration", &duration, Grade::C, "the trace, and one second more");
    }
    if let Some(name) = document.get("name").and_then(Value::as_str).map(str::to_owned) {
        filler.one(document, "title", &format!("{name:?}"), Grade::C, "the name");
    }
    if let Some(Value::Sequence(audiences)) = document.get_mut("clients") {
        if let [audience] = &mut audiences[..] {
            fill_audience_name(audience);
        }
        audiences.iter_mut().enumerate().for_each(|(at, audience)| filler.audience(audience, at));
    }
    if let Some(redis) = document.get_mut("redis") {
        filler.set(redis, "redis.", "adapter", REDIS);
    }
    if let Some(pods) = document.get_mut("pods") {
        if let Some(sessions) = pods.get_mut("sessions") {
            with_settings(sessions);
        }
        if let Some(on_sigterm) = pods.get_mut("shutdown").and_then(|shutdown| shutdown.get_mut("on_sigterm"))
            && (on_sigterm.is_mapping() || on_sigterm.as_str() == Some("drain"))
        {
            with_settings(on_sigterm);
        }
    }
    for preset in GENERAL {
        filler.preset(document, "", preset);
    }
    filler.audience_sets(document);
    if let Some(costs) = document.get_mut("pods").and_then(|pods| pods.get_mut("costs")) {
        filler.set(costs, "pods.costs.", "preset", COSTS);
    }
    filler.admission(document);
    if let Some(redis) = document.get_mut("redis") {
        filler.set(redis, "redis.", "topology", TOPOLOGIES);
    }
    if let Some(database) = document.get_mut("database") {
        filler.set(database, "database.", "preset", POOLS);
    }
    if let Some(Value::Sequence(alerts)) = document.get_mut("alerts") {
        for (at, alert) in alerts.iter_mut().enumerate() {
            let prefix = format!("alerts.{}.", entry_name(alert, at));
            // a condition of one's own is another rule, whatever it is called
            if missing(alert.get("when")) {
                filler.set(alert, &prefix, "name", ALERTS);
            }
        }
    }
    filler.one(document, "alerts?.*.for", "0s", Grade::C, "nothing said: it fires at once");
    filler.times(document);
    filler.made
}

fn missing(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

fn insert(map: &mut Value, key: &str, value: Value) {
    if let Value::Mapping(map) = map {
        map.insert(Value::String(key.to_owned()), value);
    }
}

/// The name of an entry in paths: its own, or its number.
fn entry_name(entry: &Value, at: usize) -> String {
    entry.get("name").and_then(Value::as_str).map_or_else(|| at.to_string(), str::to_owned)
}

fn fill_audience_name(audience: &mut Value) {
    if missing(audience.get("name")) {
        insert(audience, "name", Value::String("clients".to_owned()));
    }
}

/// `redis` is short for `{redis: {}}`, where settings can be filled in.
fn with_settings(store: &mut Value) {
    if let Value::String(name) = store
        && name != "none"
    {
        let mut settings = Mapping::new();
        settings.insert(Value::String(name.clone()), Value::Mapping(Mapping::new()));
        *store = Value::Mapping(settings);
    } else if let Value::Mapping(stores) = store {
        let empty = |settings: &mut Value| *settings = Value::Mapping(Mapping::new());
        stores.iter_mut().map(|(_, settings)| settings).filter(|settings| settings.is_null()).for_each(empty);
    }
}

/// A value of the tables. They are ours, and a test reads all of them.
pub fn parse(text: &str) -> Value {
    match Index::read(&format!("v: {text}")) {
        Ok((index, _)) => index.value().get("v").cloned().unwrap_or(Value::Null),
        Err(_) => Value::Null,
    }
}

/// Settings of `reconnect` that only Socket.IO has.
pub const OPTIONS_OF_SOCKET_IO: [&str; 4] =
    ["reconnectionDelay", "reconnectionDelayMax", "randomizationFactor", "reconnectionAttempts"];

struct Filler {
    made: Vec<Assumption>,
}

impl Filler {
    fn note(&mut self, path: String, value: &str, grade: Grade, source: &str) {
        self.made.push(Assumption { path, value: value.to_owned(), grade, source: source.to_owned(), spread: None });
    }

    fn one(&mut self, document: &mut Value, path: &str, value: &str, grade: Grade, source: &str) {
        let words: Vec<&str> = path.split('.').collect();
        self.walk(document, &words, "", parse(value), &|filler, path| filler.note(path, value, grade, source));
    }

    fn preset(&mut self, document: &mut Value, prefix: &str, preset: &Preset) {
        let words: Vec<&str> = preset.path.split('.').collect();
        self.walk(document, &words, prefix, parse(preset.value), &|filler, path| {
            filler.made.push(preset.assumed(path));
        });
    }

    /// Goes along a path of the tables and puts `value` at its end where nothing stands.
    fn walk(&mut self, node: &mut Value, words: &[&str], path: &str, value: Value, note: &dyn Fn(&mut Filler, String)) {
        let Some((word, rest)) = words.split_first() else { return };
        if *word == "*" {
            let Value::Sequence(list) = node else { return };
            for (at, entry) in list.iter_mut().enumerate() {
                let path = format!("{path}{}.", entry_name(entry, at));
                self.walk(entry, rest, &path, value.clone(), note);
            }
            return;
        }
        let (key, only_if_there) = word.strip_suffix('?').map_or((*word, false), |key| (key, true));
        let Value::Mapping(map) = node else { return };
        let is_missing = missing(map.get(key));
        if rest.is_empty() {
            if is_missing {
                map.insert(Value::String(key.to_owned()), value);
                note(self, format!("{path}{key}"));
            }
            return;
        }
        if is_missing {
            if only_if_there || rest[0] == "*" {
                return;
            }
            map.insert(Value::String(key.to_owned()), Value::Mapping(Mapping::new()));
        }
        if let Some(child) = map.get_mut(key) {
            self.walk(child, rest, &format!("{path}{key}."), value, note);
        }
    }

    /// Fills what the set says that is named at `key`.
    fn set(&mut self, node: &mut Value, prefix: &str, key: &str, sets: &'static [PresetSet]) {
        let name = node.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(set) = sets.iter().find(|set| set.name == name) else { return };
        for preset in set.values {
            let never = node.get("address_change").and_then(|change| change.get("every")).and_then(Value::as_str);
            if preset.path.starts_with("address_change.") && never == Some("never") {
                continue;
            }
            self.preset(node, prefix, preset);
        }
    }

    /// What depends on what the user said about an audience.
    fn audience(&mut self, audience: &mut Value, at: usize) {
        let prefix = format!("clients.{}.", entry_name(audience, at));
        if !missing(audience.get("arrivals")) && missing(audience.get("session")) {
            insert(audience, "session", parse(SESSION.value));
            self.made.push(SESSION.assumed(format!("{prefix}session")));
        }
        let shares = audience.get("network").is_some_and(|network| !missing(network.get("shared_address")));
        let recorded = !missing(audience.get("trace"));
        let mut say = |path: &str, value: &str, source: &str| {
            let words: Vec<&str> = path.split('.').collect();
            self.walk(audience, &words, &prefix, parse(value), &|filler, path| {
                filler.note(path, value, Grade::C, source)
            });
        };
        if recorded {
            let source = "addresses come from the trace";
            say("network.ipv6", "0%", source);
            say("network.shared_address", "{sizes: 1}", source);
            say("network.address_change.every", "never", source);
            say("transports", "none", "a trace holds requests");
        } else if shares {
            say("network.ipv6", "0%", "shared addresses are stated, so they are meant for all clients of the audience");
        }
    }

    fn audience_sets(&mut self, document: &mut Value) {
        let Some(Value::Sequence(audiences)) = document.get_mut("clients") else { return };
        for (at, audience) in audiences.iter_mut().enumerate() {
            let prefix = format!("clients.{}.", entry_name(audience, at));
            if let Some(network) = audience.get_mut("network") {
                self.set(network, &format!("{prefix}network."), "preset", NETWORKS);
            }
            if let Some(reconnect @ Value::Mapping(_)) = audience.get_mut("reconnect") {
                let prefix = format!("{prefix}reconnect.");
                self.policy(reconnect, &prefix);
                self.set(reconnect, &prefix, "policy", RECONNECTS);
            }
        }
    }

    /// The policy of reconnecting that its settings belong to, where it is not said.
    fn policy(&mut self, reconnect: &mut Value, prefix: &str) {
        if !missing(reconnect.get("policy")) {
            return;
        }
        let is_library = OPTIONS_OF_SOCKET_IO.iter().any(|key| reconnect.get(*key).is_some());
        let policy = if is_library { "socket.io" } else { "exponential" };
        insert(reconnect, "policy", Value::String(policy.to_owned()));
        self.note(format!("{prefix}policy"), policy, Grade::C, "by the settings that stand there");
    }

    /// What follows from a limit per second.
    fn admission(&mut self, document: &mut Value) {
        let rate =
            document.get("pods").and_then(|pods| pods.get("admission")).and_then(|admission| admission.get("rate"));
        let Some(Ok(rate)) = rate.and_then(Value::as_str).map(str::parse::<Rate>) else { return };
        let burst = libm::ceil(rate.per_second()).clamp(1.0, 1e6);
        let source = "assumption: as many as come in a second may come at once";
        self.one(document, "pods.admission?.burst", &burst.to_string(), Grade::C, source);
    }

    /// What follows from the length of the run.
    fn times(&mut self, document: &mut Value) {
        let span = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|text| text.parse::<Span>().ok());
        let Some(duration) = span(document.get("duration")) else { return };
        if document.get("warm_up").and_then(Value::as_str) == Some("auto") {
            let warm_up = Span::from_secs(60).min(duration / 10);
            insert(document, "warm_up", Value::String(warm_up.to_string()));
            let noted = self.made.iter_mut().find(|made| made.path == "warm_up");
            let source = "a tenth of the run, at most 60 s";
            match noted {
                Some(noted) => (noted.value, noted.source) = (warm_up.to_string(), source.to_owned()),
                None => self.note("warm_up".to_owned(), &warm_up.to_string(), Grade::C, source),
            }
        }
        let every = sample_every(duration).to_string();
        self.one(document, "sample_every", &every, Grade::C, "the run in about 240 steps");
    }
}

/// A round span near a 240th of the run.
fn sample_every(duration: Span) -> Span {
    const ROUND_S: [u64; 15] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
    let wanted = duration / 240;
    if duration < Span::from_secs(20) {
        return Span::from_nanos((duration / 20).as_nanos().max(1));
    }
    ROUND_S.iter().map(|&s| Span::from_secs(s)).find(|&s| s >= wanted).unwrap_or(Span::from_secs(86_400))
}

/// Every default and preset, for `stickysim defaults`.
pub fn defaults_table() -> Vec<Assumption> {
    let line = |prefix: &str, preset: &Preset| preset.assumed(format!("{prefix}{}", preset.path.replace('?', "")));
    let mut table: Vec<Assumption> = GENERAL.iter().chain([&SESSION]).map(|preset| line("", preset)).collect();
    let places = [
        ("alerts", ALERTS),
        ("clients.*.network", NETWORKS),
        ("clients.*.reconnect", RECONNECTS),
        ("pods.costs", COSTS),
        ("redis", REDIS),
        ("redis", TOPOLOGIES),
        ("database", POOLS),
    ];
    for (place, sets) in places {
        for set in sets {
            let prefix = format!("{place}({}).", set.name);
            table.extend(set.values.iter().map(|preset| line(&prefix, preset)));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_tables_is_yaml() {
        for made in defaults_table() {
            assert!(!parse(&made.value).is_null(), "{} = {}", made.path, made.value);
            assert!(!made.source.is_empty(), "{}", made.path);
        }
    }

    #[test]
    fn what_was_measured_has_a_spread_around_it() {
        let amount = |text: &str| super::super::assumed::quantity(text).unwrap_or_else(|| panic!("{text}"));
        let is_measured = |path: &str| path.starts_with("pods.costs(") || path.starts_with("redis.");
        for made in defaults_table().iter().filter(|made| is_measured(&made.path)) {
            assert!(made.grade != Grade::Measured || made.spread.is_some(), "{}", made.path);
            let Some(spread) = &made.spread else { continue };
            let (low, value, high) = (amount(&spread.low), amount(&made.value), amount(&spread.high));
            // values are rounded, some of them beyond what was seen
            assert!(
                low <= high && low <= 1.1 * value && value <= 1.1 * high,
                "{} = {}: {spread}",
                made.path,
                made.value
            );
        }
    }

    #[test]
    fn every_set_of_costs_has_the_same_values() {
        let paths = |set: &PresetSet| set.values.iter().map(|preset| preset.path).collect::<Vec<_>>();
        for set in COSTS {
            assert_eq!(paths(set), paths(&COSTS[0]), "{}", set.name);
        }
    }

    #[test]
    fn samples_are_round() {
        assert_eq!(sample_every(Span::from_secs(1200)), Span::from_secs(5));
        assert_eq!(sample_every(Span::from_secs(60)), Span::from_secs(1));
        assert_eq!(sample_every(Span::from_secs(2)), Span::from_millis(100));
        assert_eq!(sample_every(Span::from_secs(86_400)), Span::from_secs(600));
    }
}
