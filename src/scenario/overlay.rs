//! Patches before typing: `--set a.b=c`, variants, sweep axes.
//!
//! A path names keys with dots; the entry of a list goes by its number, its `name`, or, where the entry is a mapping
//! with one key (`- api: {…}`), by that key. Paths that nobody knows are found when the result is typed.

use std::borrow::Cow;

use serde_yaml::{Mapping, Value};

use super::diagnostic::{Problem, nearest};
use super::locate::Index;

/// Kinds of laws and of address sharing: one of them replaces another instead of being merged with it.
const ONE_OF: [&str; 10] =
    ["fixed", "exp", "lognormal", "uniform", "erlang", "pareto", "hyperexp", "empirical", "geometric", "zipf"];

/// Keys of an audience; a mapping over an unnamed list of one is meant for its only entry when it has one of them.
const AUDIENCE_KEYS: [&str; 10] =
    ["name", "count", "arrivals", "session", "trace", "network", "cookies", "reconnect", "refresh", "transports"];

/// One `--set path=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// As it was written.
    pub text: String,
    /// The path, split at its dots.
    pub path: Vec<String>,
    /// What is put there.
    pub value: Value,
}

impl Setting {
    /// Reads `pods.replicas=5`; the value is YAML.
    ///
    /// # Errors
    /// When there is no `=`, no path, or the value is not YAML.
    pub fn parse(text: &str) -> Result<Setting, Box<Problem>> {
        let wrong = |message: String, help: &str| {
            let mut problem = Problem::new("bad-setting", "", message, help);
            problem.setting = Some(text.to_owned());
            Box::new(problem)
        };
        let Some((path, value)) = text.split_once('=') else {
            return Err(wrong(format!("`{text}` has no `=`"), "write for example `--set pods.replicas=5`"));
        };
        let path: Vec<String> = plain_key(path.trim()).split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) || path.len() > 64 {
            return Err(wrong(
                format!("`{text}` has no path before the `=`"),
                "write for example `--set pods.replicas=5`",
            ));
        }
        if value.trim().is_empty() {
            return Err(wrong(
                format!("`{text}` has no value"),
                "write the value behind the `=`, or `null` to take what stands there away",
            ));
        }
        // reading it as the value of a key gives it the same limits as a file
        let wrapped = format!("v:\n  {}\n", value.trim().replace('\n', "\n  "));
        let mut value = match Index::read(&wrapped) {
            Ok((index, faults)) if faults.is_empty() => index.value().get("v").cloned().unwrap_or(Value::Null),
            Ok((_, faults)) => return Err(wrong(faults[0].message.clone(), &faults[0].help)),
            Err(fault) => return Err(wrong(fault.message, "quote values with special characters")),
        };
        plain_keys(&mut value);
        Ok(Setting { text: text.to_owned(), path, value })
    }

    /// Puts the value at its place in an untyped scenario.
    ///
    /// # Errors
    /// When the path names an entry of a list that does not exist.
    pub fn apply(&self, document: &mut Value) -> Result<(), Box<Problem>> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        if let (["variants", name, place @ ..], false) = (&path[..], self.value.is_mapping())
            && let Some(patch) = document.get_mut("variants").and_then(|variants| variants.get_mut(*name))
        {
            drop_dotted(patch, place);
        }
        set(document, &path, &self.value, &mut Vec::new()).map_err(|mut problem| {
            problem.setting = Some(self.text.clone());
            problem
        })
    }
}

/// Merges `patch` over `base`: mappings merge, lists are replaced (but patched by name when a mapping stands over
/// them), `null` removes, dotted keys are paths, one kind of law replaces another.
///
/// # Errors
/// When an entry of a list is named that does not exist, or a place is patched twice; the path is that of the merged
/// document.
pub fn merge(base: &mut Value, patch: &Value) -> Result<(), Box<Problem>> {
    let mut places = Vec::new();
    patched(patch, &mut Vec::new(), &mut places);
    places.sort();
    // sorted, a place stands right before those below it
    if let Some(pair) = places.windows(2).find(|pair| pair[1].starts_with(&pair[0])) {
        let place = pair[1].join(".");
        let message = format!("this patches `{place}` twice, and the order of keys means nothing");
        return Err(Box::new(Problem::new("conflict", place, message, "keep one of the two")));
    }
    merge_at(base, patch, &mut Vec::new())
}

/// Removes what a patch says of a place in dotted keys: a setting of the same place stands for it.
fn drop_dotted(patch: &mut Value, place: &[&str]) {
    let Value::Mapping(map) = patch else { return };
    map.retain(|key, value| {
        let parts: Vec<&str> = key.as_str().unwrap_or_default().split('.').collect();
        if let Some(below) = place.strip_prefix(&parts[..])
            && !below.is_empty()
        {
            drop_dotted(value, below);
        }
        parts.len() == 1 || !parts.starts_with(place)
    });
}

/// The places that a patch puts values at, dotted keys taken apart.
fn patched<'p>(patch: &'p Value, trail: &mut Vec<&'p str>, places: &mut Vec<Vec<&'p str>>) {
    let Value::Mapping(map) = patch else { return places.push(trail.clone()) };
    for (key, value) in map {
        let depth = trail.len();
        trail.extend(key.as_str().unwrap_or_default().split('.'));
        patched(value, trail, places);
        trail.truncate(depth);
    }
}

/// Balancers whose settings have dots in their names: there a path ends with the name.
const DOTTED: [&str; 2] = ["aws-alb", "aws-nlb"];

type Trail = Vec<String>;

fn merge_at(base: &mut Value, patch: &Value, trail: &mut Trail) -> Result<(), Box<Problem>> {
    let Value::Mapping(keys) = patch else {
        *base = patch.clone();
        return Ok(());
    };
    if base.is_sequence() {
        return merge_list(base, keys, trail);
    }
    if replaces(base, keys, trail) || shares_addresses(trail) {
        *base = Value::Mapping(Mapping::new());
    }
    if let Value::Mapping(map) = &mut *base {
        drop_other_populations(map, keys, trail);
    }
    for (key, value) in keys {
        let Some(key) = key.as_str() else { continue };
        let path: Vec<&str> = key.split('.').collect();
        set(base, &path, value, trail)?;
    }
    Ok(())
}

/// True when `patch` is another choice, not an addition.
fn replaces(base: &Value, patch: &Mapping, trail: &Trail) -> bool {
    let Value::Mapping(map) = base else { return true };
    let only = |map: &Mapping| match (map.len(), map.keys().next()) {
        (1, Some(Value::String(key))) => Some(key.clone()),
        _ => None,
    };
    match (only(map), only(patch)) {
        (Some(old), Some(new)) if ONE_OF.contains(&old.as_str()) && ONE_OF.contains(&new.as_str()) => true,
        (Some(old), Some(new)) => {
            let is_choice = matches!(&trail[..], [list, _] if list == "balancers") || trail[..] == ["pods", "sessions"];
            is_choice && old != new
        }
        _ => false,
    }
}

/// A whole `shared_address` replaces another one, since its keys make sense only together.
fn shares_addresses(trail: &Trail) -> bool {
    trail.last().is_some_and(|key| key == "shared_address")
}

/// `count`, `arrivals` and `trace` exclude each other: a patch with one of them takes the others away.
fn drop_other_populations(base: &mut Mapping, patch: &Mapping, trail: &Trail) {
    if trail.len() != 2 || trail[0] != "clients" {
        return;
    }
    let given = |key: &str| patch.get(key).is_some_and(|value| !value.is_null());
    let others: &[&str] = match (given("count"), given("arrivals"), given("trace")) {
        (true, false, false) => &["arrivals", "session", "trace"],
        (false, true, false) => &["count", "trace"],
        (false, false, true) => &["count", "arrivals", "session"],
        _ => &[],
    };
    for other in others {
        base.shift_remove(*other);
    }
}

/// A mapping over a list: patches entries by number, name or only key.
fn merge_list(base: &mut Value, keys: &Mapping, trail: &mut Trail) -> Result<(), Box<Problem>> {
    for (key, value) in keys {
        let Some(key) = key.as_str() else { continue };
        let path: Vec<&str> = key.split('.').collect();
        if let ([name], Value::Null, Value::Sequence(list)) = (&path[..], value, &mut *base)
            && let Some((at, false)) = entry(list, name)
        {
            list.remove(at);
            continue;
        }
        set(base, &path, value, trail)?;
    }
    Ok(())
}

/// Merges `value` into what stands at `path` below `base`.
fn set(base: &mut Value, path: &[&str], value: &Value, trail: &mut Trail) -> Result<(), Box<Problem>> {
    let Some((first, rest)) = path.split_first() else { return merge_at(base, value, trail) };
    if let Value::Sequence(list) = base {
        let (at, below_key) = match entry(list, first) {
            Some(found) => found,
            None if list.len() == 1 && takes_single(trail, first, &list[0]) => {
                trail.push("0".to_owned());
                let merged = set_key(&mut list[0], path, value, trail);
                trail.pop();
                return merged;
            }
            None => return Err(no_entry(list, first, trail)),
        };
        trail.push(at.to_string());
        let merged =
            if below_key { set_key(&mut list[at], path, value, trail) } else { set(&mut list[at], rest, value, trail) };
        trail.pop();
        return merged;
    }
    set_key(base, path, value, trail)
}

fn set_key(base: &mut Value, path: &[&str], value: &Value, trail: &mut Trail) -> Result<(), Box<Problem>> {
    if path.len() > 1 && trail.last().is_some_and(|product| DOTTED.contains(&product.as_str())) {
        return set_key(base, &[&path.join(".")], value, trail);
    }
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    let mut only = Mapping::new();
    only.insert(Value::String((*first).to_owned()), value.clone());
    let inside = !rest.is_empty() && base.get(*first).is_some();
    if !inside && replaces(base, &only, trail) {
        *base = Value::Mapping(Mapping::new());
    }
    let Value::Mapping(map) = base else { return Ok(()) };
    drop_other_populations(map, &only, trail);
    if rest.is_empty() && value.is_null() && trail.len() > 2 && trail[0] == "balancers" {
        // a product's settings have no word for nothing: what is taken away has its default again
        map.shift_remove(*first);
        return Ok(());
    }
    if rest.is_empty() && value.is_null() {
        map.insert(Value::String((*first).to_owned()), Value::Null);
        return Ok(());
    }
    let child = map.entry(Value::String((*first).to_owned())).or_insert(Value::Null);
    trail.push((*first).to_owned());
    let merged = set(child, rest, value, trail);
    trail.pop();
    merged
}

/// True when a name that no entry has is meant as a key of the only entry.
fn takes_single(trail: &Trail, key: &str, only: &Value) -> bool {
    if key.parse::<usize>().is_ok() {
        return false;
    }
    match trail.last().map(String::as_str) {
        Some("balancers") => true,
        Some("clients") => AUDIENCE_KEYS.contains(&key) || only.get("name").is_none(),
        _ => false,
    }
}

/// The number of the entry called so, and whether the name is the entry's only key.
fn entry(list: &[Value], name: &str) -> Option<(usize, bool)> {
    if let Some(at) = list.iter().position(|entry| entry.get("name").and_then(Value::as_str) == Some(name)) {
        return Some((at, false));
    }
    let only_key = |entry: &Value| entry.as_mapping().is_some_and(|map| map.len() == 1 && map.contains_key(name));
    let mut with_key = list.iter().enumerate().filter(|(_, entry)| only_key(entry)).map(|(at, _)| at);
    if let (Some(at), None) = (with_key.next(), with_key.next()) {
        return Some((at, true));
    }
    name.parse::<usize>().ok().filter(|&at| at < list.len()).map(|at| (at, false))
}

fn no_entry(list: &[Value], name: &str, trail: &Trail) -> Box<Problem> {
    let names: Vec<&str> = list.iter().filter_map(|entry| entry.get("name").and_then(Value::as_str)).collect();
    let place = trail.join(".");
    let message = format!("`{place}` has no entry `{name}`");
    let help = match (nearest(name, names.iter().copied()), names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`? There are: {}", names.join(", ")),
        (None, false) => format!("there are: {}", names.join(", ")),
        (None, true) => match list.len() {
            0 => "the list is empty".to_owned(),
            1 => "its only entry has the number 0".to_owned(),
            n => format!("its entries have the numbers 0 to {}", n - 1),
        },
    };
    Box::new(Problem::new("unknown-entry", format!("{place}.{name}"), message, help))
}

/// The smallest patch that makes `variant` of `base`: [`merge`] of the two gives `variant` again.
pub fn difference(base: &Value, variant: &Value) -> Value {
    difference_at(base, variant, &mut Vec::new()).unwrap_or_else(|| Value::Mapping(Mapping::new()))
}

fn difference_at(base: &Value, variant: &Value, trail: &mut Trail) -> Option<Value> {
    if base == variant {
        return None;
    }
    match (base, variant) {
        (Value::Mapping(old), Value::Mapping(new))
            if !new.is_empty() && !replaces(base, new, trail) && !shares_addresses(trail) =>
        {
            let mut patch = Mapping::new();
            for (key, value) in new {
                trail.push(key.as_str().unwrap_or_default().to_owned());
                let change = match old.get(key) {
                    Some(before) => difference_at(before, value, trail),
                    None => Some(value.clone()),
                };
                trail.pop();
                if let Some(change) = change {
                    patch.insert(key.clone(), change);
                }
            }
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                patch.insert(key.clone(), Value::Null);
            }
            Some(Value::Mapping(patch))
        }
        (Value::Sequence(old), Value::Sequence(new)) => {
            let names = |list: &[Value]| -> Option<Vec<String>> {
                list.iter().map(|entry| entry.get("name").and_then(Value::as_str).map(str::to_owned)).collect()
            };
            let same = names(old).filter(|found| !found.is_empty() && names(new).as_ref() == Some(found));
            let Some(same) = same else { return Some(variant.clone()) };
            let mut patch = Mapping::new();
            for ((name, before), after) in same.into_iter().zip(old).zip(new) {
                trail.push(name.clone());
                if let Some(change) = difference_at(before, after, trail) {
                    patch.insert(Value::String(name), change);
                }
                trail.pop();
            }
            Some(Value::Mapping(patch))
        }
        _ => Some(variant.clone()),
    }
}

/// Short forms brought to the long one, so that patches and types meet one shape only.
pub fn lengthen(document: &mut Value) {
    let Value::Mapping(map) = document else { return };
    for key in ["clients", "balancers"] {
        if let Some(value @ Value::Mapping(_)) = map.get_mut(key) {
            *value = Value::Sequence(vec![value.clone()]);
        }
    }
    if let Some(Value::Sequence(audiences)) = map.get_mut("clients") {
        audiences.iter_mut().for_each(lengthen_audience);
    }
    if let Some(alerts) = map.get_mut("alerts") {
        lengthen_alerts(alerts);
    }
    for entry in map.get_mut("expect").and_then(Value::as_sequence_mut).into_iter().flatten() {
        lengthen_text(entry, "that");
    }
    for entry in map.get_mut("traffic").and_then(Value::as_sequence_mut).into_iter().flatten() {
        if let Some(cache @ Value::Mapping(_)) = entry.get_mut("api").and_then(|api| api.get_mut("cache")) {
            *cache = Value::Sequence(vec![cache.clone()]);
        }
    }
}

/// What stands before the name of each annotation of ingress-nginx in Kubernetes.
const ANNOTATION: &str = "nginx.ingress.kubernetes.io/";

/// A key as scenarios write it: annotations of ingress-nginx may be pasted with their prefix.
pub fn plain_key(key: &str) -> Cow<'_, str> {
    if key.contains(ANNOTATION) { Cow::Owned(key.replace(ANNOTATION, "")) } else { Cow::Borrowed(key) }
}

/// Takes the prefix off annotations. One that stands there without it, too, keeps it, and is an unknown key.
pub fn plain_keys(node: &mut Value) {
    match node {
        Value::Mapping(map) => {
            let names: Vec<Value> = map.keys().cloned().collect();
            if names.iter().any(|name| name.as_str().is_some_and(|name| name.contains(ANNOTATION))) {
                for (name, value) in std::mem::take(map) {
                    let plain = name.as_str().map(|name| Value::String(plain_key(name).into_owned()));
                    map.insert(plain.filter(|plain| !names.contains(plain)).unwrap_or(name), value);
                }
            }
            map.iter_mut().for_each(|(_, value)| plain_keys(value));
        }
        Value::Sequence(list) => list.iter_mut().for_each(plain_keys),
        _ => {}
    }
}

/// The name of a built-in alert is short for a rule of that name; one rule needs no list.
fn lengthen_alerts(alerts: &mut Value) {
    if alerts.is_string() || alerts.is_mapping() {
        *alerts = Value::Sequence(vec![alerts.clone()]);
    }
    for alert in alerts.as_sequence_mut().into_iter().flatten() {
        lengthen_text(alert, "name");
    }
}

/// A text is short for a mapping in which it stands under this key.
fn lengthen_text(entry: &mut Value, key: &str) {
    if entry.is_string() {
        let mut map = Mapping::new();
        map.insert(Value::String(key.to_owned()), entry.clone());
        *entry = Value::Mapping(map);
    }
}

/// As [`lengthen`], for one audience or the patch of one.
fn lengthen_audience(audience: &mut Value) {
    let wrap = |value: &mut Value, key: &str, inner: Value| {
        let mut map = Mapping::new();
        map.insert(Value::String(key.to_owned()), inner);
        *value = Value::Mapping(map);
    };
    if let Some(trace @ Value::String(_)) = audience.get_mut("trace") {
        let file = trace.clone();
        wrap(trace, "file", file);
    }
    if let Some(reconnect) = audience.get_mut("reconnect") {
        match reconnect.as_str() {
            Some("python-socketio" | "exponential" | "full-jitter" | "equal-jitter" | "decorrelated" | "immediate") => {
                let policy = reconnect.clone();
                wrap(reconnect, "policy", policy);
            }
            _ => {
                if let Value::Mapping(map) = reconnect
                    && !map.contains_key("policy")
                    && !map.contains_key("first")
                    && let Some(delay) = map.shift_remove("fixed")
                {
                    map.insert("policy".into(), "fixed".into());
                    map.insert("first".into(), delay);
                }
            }
        }
    }
    let Some(network) = audience.get_mut("network") else { return };
    if let Some(change) = network.get_mut("address_change")
        && change.as_str() == Some("never")
    {
        let never = change.clone();
        wrap(change, "every", never);
    }
    if let Some(shared) = network.get_mut("shared_address")
        && shared.as_str() == Some("own")
    {
        wrap(shared, "sizes", Value::Number(1.into()));
    }
}
