//! The same scenario with one of its assumptions lowered or raised: what a study of sensitivity runs.
//!
//! An assumption is one number, or one law, of the tables of defaults, with all the places that it was filled in at.
//! Only what it says changes: what is derived from it elsewhere stays, as everything that the user wrote.
//! `docs/decisions/015-what-a-verdict-hinges-on.md` says why.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::assumed::{item, quantity, stands};
use super::file::ScenarioFile;
use super::law::{DurationLaw, NumberLaw};
use super::overlay::lengthen;
use super::resolve::{to_value, trace_name};
use super::units::{Rate, Share, Size};
use super::{Scenario, build, fill, typed, validate};
use crate::cluster::spec::{ClusterSpec, Trace};
use crate::metrics::{Assumption, Grade};

/// Values that say how long and how often is looked, not what a cluster is like.
const SETTINGS: [&str; 6] = ["seed", "replications", "duration", "warm_up", "sample_every", "max_events"];

/// An assumption, and what is tried in its place.
#[derive(Clone, Debug)]
pub struct Variation {
    /// The assumption. Where it stands in several places, `*` is for the entries of lists that differ.
    pub assumption: Assumption,
    /// In how many places it stands.
    pub places: usize,
    /// Half of it, or less where less was measured.
    pub lower: Trial,
    /// Twice as much, or more where more was measured.
    pub higher: Trial,
}

/// One value in the place of an assumption; or why it cannot be tried, in words.
pub type Trial = Result<Changed, String>;

/// Clusters with another value of an assumption.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The value as text.
    pub value: String,
    /// The clusters in the order of the scenario's variants (or the base alone); `None` where nothing changes.
    pub specs: Vec<Option<ClusterSpec>>,
}

/// One document of a scenario: the base, or a variant.
struct Document {
    /// The name of the variant.
    variant: Option<String>,
    filled: Value,
}

/// An assumption before anything is tried: where it stands.
struct Places {
    assumption: Assumption,
    /// (position of the document, path).
    list: Vec<(usize, String)>,
}

impl Scenario {
    /// Every assumption that is a number or a law and not fixed by a product's documentation or source, by path.
    ///
    /// `variants`: of the variants, if there are any; else of the scenario as it stands.
    pub fn variations(&self, variants: bool) -> Vec<Variation> {
        let mut documents: Vec<Document> = Vec::new();
        if variants {
            let of = |(name, file): (&String, &ScenarioFile)| Document {
                variant: Some(name.clone()),
                filled: to_value(file),
            };
            documents.extend(self.variants.iter().map(|variant| of((&variant.name, &variant.file))));
        }
        if documents.is_empty() {
            documents.push(Document { variant: None, filled: to_value(&self.file) });
        }
        // a filled document calls traces as the files beside a resolved scenario
        let traces = self.traces.iter().map(|(name, trace)| (trace_name(name), Arc::clone(trace))).collect();
        self.places(&documents).into_iter().map(|places| vary(places, &documents, &traces)).collect()
    }

    fn places(&self, documents: &[Document]) -> Vec<Places> {
        let mut found: BTreeMap<(String, String, String), Places> = BTreeMap::new();
        for made in self.assumptions.iter().filter(|made| is_open(made)) {
            let (only, path) = match made.path.strip_prefix("variants.").and_then(|rest| rest.split_once('.')) {
                Some((name, path)) => (Some(name), path),
                None => (None, made.path.as_str()),
            };
            for (at, document) in documents.iter().enumerate() {
                let is_meant = only.is_none() || document.variant.as_deref() == only;
                if !is_meant || !stands(&document.filled, path, &made.value) {
                    continue;
                }
                let key = (general(&document.filled, path), made.value.clone(), made.source.clone());
                let new =
                    || Places { assumption: Assumption { path: key.0.clone(), ..made.clone() }, list: Vec::new() };
                found.entry(key.clone()).or_insert_with(new).list.push((at, path.to_owned()));
            }
        }
        found.into_values().collect()
    }
}

/// True for a number that somebody else's cluster may have otherwise.
fn is_open(made: &Assumption) -> bool {
    // what is measured has a spread; what was read in a source has none, and is as fixed as documentation
    let is_fixed = made.grade == Grade::A || (made.grade == Grade::Measured && made.spread.is_none());
    let is_looking = SETTINGS.contains(&made.path.as_str()) || made.path.starts_with("alerts.");
    !is_fixed && !is_looking && scaled(&fill::parse(&made.value), 1.0).is_some()
}

/// A path with `*` for entries of lists.
fn general(filled: &Value, path: &str) -> String {
    let mut node = Some(filled);
    let words = path.split('.').map(|word| {
        let shown = if node.is_some_and(Value::is_sequence) { "*" } else { word };
        node = node.and_then(|node| item(node, word));
        shown
    });
    words.collect::<Vec<_>>().join(".")
}

fn vary(places: Places, documents: &[Document], traces: &BTreeMap<String, Arc<Trace>>) -> Variation {
    let mut paths: Vec<&str> = places.list.iter().map(|(_, path)| path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut assumption = places.assumption.clone();
    if let [path] = paths[..] {
        assumption.path = path.to_owned();
    }
    let trial = |factor: f64| {
        let value = fill::parse(&assumption.value);
        let amount = quantity_of(&value);
        if amount == Some(0.0) {
            return Err("it is zero".to_owned());
        }
        let wanted = farther(&assumption, &value, factor);
        let tried = change(&places.list, &wanted, documents, traces).or_else(|problem| {
            // of things that are counted there is no half
            let whole = match (&wanted, amount) {
                (Value::Number(number), Some(_)) => number.as_f64().map(libm::ceil),
                _ => None,
            };
            match whole {
                Some(1.0) if amount == Some(1.0) => Err("one is the least".to_owned()),
                Some(whole) if Some(whole) != amount => {
                    change(&places.list, &Value::Number((whole as u64).into()), documents, traces)
                }
                _ => Err(problem),
            }
        })?;
        if tried.value == text(&value) { Err("there is nothing beyond it".to_owned()) } else { Ok(tried) }
    };
    Variation { places: paths.len(), lower: trial(0.5), higher: trial(2.0), assumption }
}

/// The value times the factor, or the end of its spread where that lies farther out.
fn farther(made: &Assumption, value: &Value, factor: f64) -> Value {
    let times = scaled(value, factor).unwrap_or(Value::Null);
    let Some(spread) = &made.spread else { return times };
    let seen = fill::parse(if factor < 1.0 { &spread.low } else { &spread.high });
    match (quantity_of(&times), quantity_of(&seen)) {
        (Some(times), Some(seen)) if (factor < 1.0 && seen < times) || (factor > 1.0 && seen > times) => {}
        _ => return times,
    }
    // as the program writes it, like every other value
    scaled(&seen, 1.0).unwrap_or(times)
}

/// Builds the clusters with this value in the places of an assumption.
fn change(
    places: &[(usize, String)],
    value: &Value,
    documents: &[Document],
    traces: &BTreeMap<String, Arc<Trace>>,
) -> Trial {
    let mut specs = Vec::with_capacity(documents.len());
    for (at, document) in documents.iter().enumerate() {
        let mut filled = document.filled.clone();
        for (_, path) in places.iter().filter(|(of, _)| *of == at) {
            put(&mut filled, path, value);
        }
        if filled == document.filled {
            specs.push(None);
            continue;
        }
        let first = |found: Vec<typed::Found>| found.into_iter().next().map(|found| found.problem.message);
        lengthen(&mut filled);
        let file = typed::read(filled).map_err(|found| first(found).unwrap_or_default())?;
        match first(validate::validate(&file, traces, &mut validate::Said::default())) {
            Some(message) => return Err(message),
            None => specs.push(Some(build::build(&file, traces))),
        }
    }
    Ok(Changed { value: text(value), specs })
}

fn put(node: &mut Value, path: &str, value: &Value) {
    let (word, rest) = path.split_once('.').map_or((path, None), |(word, rest)| (word, Some(rest)));
    let below = match node {
        Value::Sequence(list) => super::assumed::position(list, word).and_then(|at| list.get_mut(at)),
        other => other.get_mut(word),
    };
    match (below, rest) {
        (Some(below), Some(rest)) => put(below, rest, value),
        (Some(below), None) => *below = value.clone(),
        (None, _) => {}
    }
}

/// The amount that a plain value stands for.
fn quantity_of(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => quantity(text),
        Value::Number(number) => number.as_f64(),
        _ => None,
    }
}

/// A number or law times `factor`, as a scenario has it; `None` for what is neither.
fn scaled(value: &Value, factor: f64) -> Option<Value> {
    fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
        serde_yaml::with::singleton_map_recursive::deserialize(value.clone()).ok()
    }
    fn written<T: Serialize>(value: Option<T>) -> Option<Value> {
        serde_yaml::to_value(value?).ok().filter(|value| !value.is_null())
    }
    if let Value::Mapping(map) = value
        && let (1, Some(sizes)) = (map.len(), map.get("sizes"))
    {
        let mut map = map.clone();
        map.insert("sizes".into(), scaled(sizes, factor)?);
        return Some(Value::Mapping(map));
    }
    if value.as_str().is_some_and(|text| text.ends_with('%')) {
        let share: Share = read(value)?;
        return written(Share::from_fraction((share.fraction() * factor).min(1.0)));
    }
    written(read::<DurationLaw>(value).map(|law| law.times(factor)))
        .or_else(|| written(read::<NumberLaw>(value).map(|law| law.times(factor))))
        .or_else(|| written(read::<Rate>(value).and_then(|rate| rate.times(factor))))
        .or_else(|| written(read::<Size>(value).map(|size| Size::from_bytes((size.bytes() as f64 * factor) as u64))))
}

/// A value on one line, as it is written in the tables.
fn text(value: &Value) -> String {
    match value {
        Value::Mapping(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", text(key), text(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Sequence(list) => format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(", ")),
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{NoFiles, Source, parse};

    fn variations(text: &str, variants: bool) -> Vec<Variation> {
        let scenario = parse(Source { name: "a.yaml", text, folder: &NoFiles }, &[]).unwrap_or_else(|p| panic!("{p}"));
        scenario.variations(variants)
    }

    fn tried(list: &[Variation], path: &str) -> (String, String) {
        let found: Vec<&Variation> = list.iter().filter(|variation| variation.assumption.path == path).collect();
        assert_eq!(found.len(), 1, "{path}");
        let shown = |trial: &Trial| trial.as_ref().map_or_else(|why| format!("no: {why}"), |tried| tried.value.clone());
        (shown(&found[0].lower), shown(&found[0].higher))
    }

    #[test]
    fn every_kind_of_value_is_halved_and_doubled() {
        let twice = |text: &str, factor: f64| scaled(&fill::parse(text), factor).map(|value| super::text(&value));
        for (value, half, double) in [
            ("8us", "4us", "16us"),
            ("300", "150", "600"),
            ("0.15", "0.075", "0.3"),
            ("60M", "30M", "120M"),
            ("20/s", "10/s", "40/s"),
            ("30%", "15%", "60%"),
            ("80%", "40%", "100%"),
            ("{exp: 20s}", "{exp: 10s}", "{exp: 40s}"),
            (
                "{lognormal: {median: 4ms, p95: 12ms}}",
                "{lognormal: {median: 2ms, p95: 6ms}}",
                "{lognormal: {median: 8ms, p95: 24ms}}",
            ),
            ("{lognormal: {mean: 3ms, cv: 1}}", "{lognormal: {mean: 1.5ms, cv: 1}}", "{lognormal: {mean: 6ms, cv: 1}}"),
            ("{uniform: [1s, 3s]}", "{uniform: [500ms, 1.5s]}", "{uniform: [2s, 6s]}"),
            (
                "{sizes: {geometric: {mean: 1.2}}}",
                "{sizes: {geometric: {mean: 1}}}",
                "{sizes: {geometric: {mean: 2.4}}}",
            ),
            ("{zipf: {s: 1, n: 9}}", "{zipf: {s: 0.5, n: 9}}", "{zipf: {s: 2, n: 9}}"),
        ] {
            assert_eq!(twice(value, 0.5).as_deref(), Some(half), "{value}");
            assert_eq!(twice(value, 2.0).as_deref(), Some(double), "{value}");
        }
        for value in ["none", "all", "false", "[websocket]", "{at: [[0s, 1]]}", "socket.io", "null", "[]"] {
            assert_eq!(twice(value, 2.0), None, "{value}");
        }
    }

    #[test]
    fn what_was_written_or_is_fixed_is_left_alone() {
        let text = "
name: a
clients: [{name: one, count: 9}, {name: two, count: 9, network: {jitter: 0.15}}]
traffic: [{emit: {every: 9s, to: all}}]
pods: {replicas: 1, costs: {send: 8us}}
variants: {a: {}, b: {pods: {costs: {preset: python-socketio-uvicorn, send: null}}}}
";
        let list = variations(text, true);
        let paths: Vec<&str> = list.iter().map(|variation| variation.assumption.path.as_str()).collect();
        for path in ["seed", "duration", "pods.replicas", "pods.costs.heartbeat_every", "pods.costs.preset", "start"] {
            assert!(!paths.contains(&path), "{path}");
        }
        // one fact of two audiences, and one where the other audience was given its value
        assert_eq!(tried(&list, "clients.one.network.jitter"), ("0.075".to_owned(), "0.3".to_owned()));
        let rtt = list.iter().find(|variation| variation.assumption.path == "clients.*.network.rtt").unwrap();
        assert_eq!(rtt.places, 2);
        // what b assumes of itself changes in b alone
        let send = list.iter().find(|variation| variation.assumption.path == "pods.costs.send").unwrap();
        assert_eq!(send.assumption.value, "40us");
        let higher = send.higher.as_ref().unwrap();
        assert_eq!(higher.specs.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
        assert_eq!(higher.specs[1].as_ref().unwrap().pods.costs.send, crate::engine::Span::from_micros(80));
        // and is nothing to the base
        assert!(variations(text, false).iter().all(|variation| variation.assumption.path != "pods.costs.send"));
    }

    #[test]
    fn the_spread_counts_where_it_is_wider() {
        let list = variations("name: a\nclients: {count: 9}\nserver_traffic: [{tick: {every: 9s, to: all}}]", false);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(tried(&list, "pods.costs.send"), pair("4us", "16us"));
        assert_eq!(tried(&list, "pods.costs.publish"), pair("15us", "130us"));
        assert_eq!(tried(&list, "pods.costs.memory_per_connection"), pair("8500", "34k"));
        assert_eq!(tried(&list, "pods.workers").1, "2");
        assert_eq!(tried(&list, "pods.replicas"), pair("2", "6"));
        assert!(tried(&list, "clients.clients.network.blocks_websockets").1.contains("zero"));
    }

    #[test]
    fn what_cannot_be_tried_says_why() {
        let text = "name: a\nclients: {count: 9}\npods: {memory: 100M}\ntimeline: [{at: 1m, restart: {pod: 2}}]";
        let list = variations(text, false);
        let (lower, higher) = tried(&list, "pods.costs.memory_base");
        assert_eq!(lower, "30M");
        assert!(higher.starts_with("no: a pod needs 120M"), "{higher}");
        assert!(tried(&list, "pods.workers").0.starts_with("no: "));
        assert!(tried(&list, "pods.replicas").0.starts_with("no: "));
    }

    #[test]
    fn a_resolved_scenario_has_the_same_assumptions() {
        let text = include_str!("../../scenarios/auction.yaml");
        let scenario = parse(Source { name: "a.yaml", text, folder: &NoFiles }, &[]).unwrap();
        let resolved = scenario.resolved_yaml();
        let again = parse(Source { name: "b.yaml", text: &resolved, folder: &NoFiles }, &[]).unwrap();
        for variants in [true, false] {
            let (a, b) = (scenario.variations(variants), again.variations(variants));
            assert!(a.len() > 20, "{}", a.len());
            assert_eq!(format!("{a:?}"), format!("{b:?}"));
        }
    }
}
