//! Untyped values to the shape of a scenario, with as many problems at once as can be found.
//!
//! A type error ends one attempt. What it is about is then taken out and the rest is tried again, so one bad value
//! does not hide the next. Paths stay those of the original document although entries of lists are taken out.

use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Segment, Track};
use serde_yaml::Value;

use super::diagnostic::{MAX_SHOWN, Problem, nearest};
use super::file::ScenarioFile;
use super::locate::Step;

/// Keys that later versions will have, so that a reader of the design is told instead of puzzled.
const LATER: [&str; 4] = ["autoscaler", "extends", "plan", "readiness"];

/// A problem at steps of the original document.
pub struct Found {
    /// Where.
    pub steps: Vec<Step>,
    /// What.
    pub problem: Problem,
}

/// Reads the shape. Without problems there is a file.
pub fn read(mut value: Value) -> Result<ScenarioFile, Vec<Found>> {
    let mut found: Vec<Found> = Vec::new();
    let mut removed: Vec<Vec<Step>> = Vec::new();
    let whole = value.clone();
    for _ in 0..2 * MAX_SHOWN {
        let (steps, message) = match attempt(&value) {
            Ok(file) if found.is_empty() => return Ok(file),
            Ok(_) => break,
            Err(error) => error,
        };
        let (steps, target) = aim(&value, steps, &message);
        let original = original(&target, &removed);
        let consequence = removed.iter().any(|gone| gone.starts_with(&original));
        if !consequence {
            let mut steps = original.clone();
            name_items(&whole, &mut steps);
            found.push(Found { problem: translate(&steps, &message), steps });
        }
        // what is missing cannot be taken out: the mapping that misses it goes
        let out = if message.starts_with("missing field") || steps != target { &steps } else { &target };
        if found.len() >= MAX_SHOWN || !take_out(&mut value, out, &message) {
            break;
        }
        removed.push(original);
        if *out != target {
            let parent = self::original(out, &removed);
            removed.push(parent);
        }
    }
    if found.is_empty() {
        let problem =
            Problem::new("invalid-value", "", "this is not a scenario", "the folder `scenarios` has complete examples");
        found.push(Found { steps: Vec::new(), problem });
    }
    drop_misspelled(&mut found);
    Err(found)
}

/// A key that is missing because it is misspelled is one problem, not two.
fn drop_misspelled(found: &mut Vec<Found>) {
    let parent = |steps: &[Step]| dotted(&steps[..steps.len().saturating_sub(1)]);
    let word = |found: &Found| found.steps.last().map(|last| dotted(std::slice::from_ref(last))).unwrap_or_default();
    let unknown: Vec<(String, String)> = found
        .iter()
        .filter(|found| found.problem.code == "unknown-key")
        .map(|found| (parent(&found.steps), word(found)))
        .collect();
    found.retain(|missing| {
        let (place, key) = (parent(&missing.steps), word(missing));
        let meant = |(at, typo): &(String, String)| *at == place && nearest(typo, [key.as_str()]).is_some();
        missing.problem.code != "missing-key" || !unknown.iter().any(meant)
    });
}

/// Gives entries of lists the names they have in the document.
pub fn name_items(document: &Value, steps: &mut [Step]) {
    let mut node = Some(document);
    for step in steps {
        node = match step {
            Step::Key(key) => node.and_then(|node| node.get(key.as_str())),
            Step::Item(at, name) => {
                let item = node.and_then(|node| node.get(*at));
                *name = item.and_then(|item| item.get("name")).and_then(Value::as_str).map(str::to_owned);
                item
            }
        };
    }
}

/// One try: the file, or where it failed and why.
fn attempt(value: &Value) -> Result<ScenarioFile, (Vec<Step>, String)> {
    /// Lets the path be tracked inside the wrapper that reads enums written as mappings.
    struct Tracked(Result<ScenarioFile, (Vec<Step>, String)>);
    impl<'de> Deserialize<'de> for Tracked {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tracked, D::Error> {
            let mut track = Track::new();
            let read = ScenarioFile::deserialize(serde_path_to_error::Deserializer::new(deserializer, &mut track));
            Ok(Tracked(read.map_err(|error| {
                let path = track.path();
                let steps = path.iter().filter_map(|segment| match segment {
                    Segment::Seq { index } => Some(Step::Item(*index, None)),
                    Segment::Map { key } => Some(Step::Key(key.clone())),
                    Segment::Enum { variant } => Some(Step::Key(variant.clone())),
                    Segment::Unknown => None,
                });
                (steps.collect(), error.to_string())
            })))
        }
    }
    match serde_yaml::with::singleton_map_recursive::deserialize::<Tracked, _>(value) {
        Ok(tracked) => tracked.0,
        Err(error) => Err((Vec::new(), error.to_string())),
    }
}

/// The value at these steps.
pub fn at<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.as_mapping()?.get(key.as_str()),
        Step::Item(index, _) => value.as_sequence()?.get(*index),
    })
}

/// (container or value that the error is in, the key that it is about).
fn aim(value: &Value, mut steps: Vec<Step>, message: &str) -> (Vec<Step>, Vec<Step>) {
    // an enum may be counted twice: once as the key, once as its variant
    while !steps.is_empty() && at(value, &steps).is_none() && !message.starts_with("unknown field") {
        steps.pop();
    }
    let quoted = quoted(message).first().cloned().unwrap_or_default();
    let mut target = steps.clone();
    if message.starts_with("missing field") {
        target.push(Step::Key(quoted));
    } else if message.starts_with("unknown variant") {
        if let Some(map) = at(value, &steps).and_then(Value::as_mapping)
            && map.contains_key(quoted.as_str())
        {
            target.push(Step::Key(quoted));
        }
    } else if message.starts_with("unknown field") {
        let ends_with_it = matches!(steps.last(), Some(Step::Key(key)) if *key == quoted);
        if !ends_with_it || at(value, &steps).is_none() {
            if !matches!(at(value, &steps), Some(Value::Mapping(map)) if map.contains_key(quoted.as_str())) {
                steps.pop();
            }
            target = steps.clone();
            target.push(Step::Key(quoted));
        }
        return (target.clone(), target);
    }
    (steps, target)
}

/// The steps in the original document: entries taken out of a list before it count again.
fn original(steps: &[Step], removed: &[Vec<Step>]) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        let Step::Item(index, _) = step else {
            out.push(step.clone());
            continue;
        };
        let mut gone: Vec<usize> = removed
            .iter()
            .filter(|path| path.len() == out.len() + 1 && path.starts_with(&out))
            .filter_map(|path| if let Some(Step::Item(gone, _)) = path.last() { Some(*gone) } else { None })
            .collect();
        gone.sort_unstable();
        gone.dedup();
        let index = gone.iter().fold(*index, |index, &gone| if gone <= index { index + 1 } else { index });
        out.push(Step::Item(index, None));
    }
    out
}

/// Takes a value out. At the top, what is missing is put in instead. False when nothing changed.
fn take_out(value: &mut Value, steps: &[Step], message: &str) -> bool {
    let Some((last, before)) = steps.split_last() else {
        let Value::Mapping(map) = value else { return false };
        let missing = quoted(message).first().cloned().unwrap_or_default();
        let stand_in = match missing.as_str() {
            "name" => Value::String("x".into()),
            "clients" => Value::Sequence(Vec::new()),
            _ => return false,
        };
        return message.starts_with("missing field") && map.insert(Value::String(missing), stand_in).is_none();
    };
    let parent = before.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.as_mapping_mut()?.get_mut(key.as_str()),
        Step::Item(index, _) => value.as_sequence_mut()?.get_mut(*index),
    });
    match (parent, last) {
        (Some(Value::Mapping(map)), Step::Key(key)) => map.shift_remove(key.as_str()).is_some(),
        (Some(Value::Sequence(list)), Step::Item(index, _)) if *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}

/// The words in backticks.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Steps as people write them.
pub fn dotted(steps: &[Step]) -> String {
    let words: Vec<String> = steps
        .iter()
        .map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Item(_, Some(name)) => name.clone(),
            Step::Item(index, None) => index.to_string(),
        })
        .collect();
    words.join(".")
}

/// A message of serde as a sentence.
fn translate(steps: &[Step], message: &str) -> Problem {
    let path = dotted(steps);
    let words = quoted(message);
    let word = words.first().map_or("", String::as_str);
    let accepted: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    let parent = match steps.split_last() {
        Some((_, before)) if !before.is_empty() => format!("`{}`", dotted(before)),
        _ => "a scenario".to_owned(),
    };
    if message.starts_with("unknown field") {
        if LATER.contains(&word) {
            let help = "it is planned for a later version; remove it for now, nothing is ignored silently";
            return Problem::new("not-yet", path, format!("`{word}` is not supported by this version"), help);
        }
        // keys that are there only to be refused with a reason are not in the schema
        let schema = super::schema_json();
        let accepted: Vec<&str> =
            accepted.into_iter().filter(|name| schema.contains(&format!("\"{name}\": "))).collect();
        let help = suggestion(word, &accepted);
        return Problem::new("unknown-key", path, format!("`{word}` is not a key of {parent}"), help);
    }
    if message.starts_with("unknown variant") {
        return Problem::new("unknown-name", path, format!("`{word}` is not known here"), suggestion(word, &accepted));
    }
    if message.starts_with("missing field") {
        return Problem::new(
            "missing-key",
            path,
            format!("`{word}` is missing in {parent}"),
            missing_help(steps, word),
        );
    }
    if let Some(rest) = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))
        && let Some((found, expected)) = rest.split_once(", expected ")
    {
        let too_large = expected == "u32" && found.starts_with("integer `") && !found.starts_with("integer `-");
        if too_large {
            let number = quoted(found).first().cloned().unwrap_or_default();
            return Problem::new("wrong-type", path, format!("`{number}` is too large here"), "write a smaller number");
        }
        let expected = expected_words(expected);
        let found = found_words(found);
        let help = shape_help(steps, &found, &expected);
        return Problem::new("wrong-type", path, format!("found {found}, expected {expected}"), help);
    }
    if let Some((length, _)) = message.strip_prefix("invalid length ").and_then(|rest| rest.split_once(", expected")) {
        let message = format!("this has {length} entries, which is not the number that is needed here");
        return Problem::new("wrong-length", path, message, shape_help(steps, "", "a list of two entries"));
    }
    match message.split_once("; ") {
        Some((message, help)) => Problem::new("invalid-value", path, message, help),
        None => Problem::new("invalid-value", path, message, ""),
    }
}

/// The nearest accepted name, and all of them.
pub fn suggestion(word: &str, accepted: &[&str]) -> String {
    let all: Vec<String> = accepted.iter().map(|name| format!("`{name}`")).collect();
    let all = if all.is_empty() { "nothing".to_owned() } else { all.join(", ") };
    match nearest(word, accepted.iter().copied()) {
        Some(name) => format!("did you mean `{name}`? Accepted here: {all}"),
        None => format!("accepted here: {all}"),
    }
}

/// What to write where something of the wrong shape stands.
fn shape_help(steps: &[Step], found: &str, expected: &str) -> &'static str {
    let key = steps.iter().rev().find_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None });
    let example = match key.unwrap_or_default() {
        "clients" => "write for example `clients: {count: 1000}`",
        "traffic" => "write for example `traffic: [{api: {every: {exp: 20s}}}]`",
        "server_traffic" => "write for example `server_traffic: [{tick: {every: 5s, to: all}}]`",
        "timeline" => "write for example `timeline: [{at: 8m, rolling_restart: {}}]`",
        "alerts" => "write for example `alerts: [uneven-load, {name: hot-pod, when: pod.cpu > 80%, for: 2m}]`",
        "expect" => "write for example `expect: [p99 event.latency < 100ms]`",
        "during" => "write for example `during: [8m, 10m]`",
        "that" => "write for example `that: p99 event.latency < 100ms`",
        "balancers" => "write for example `balancers: [{nginx: {method: ip_hash}}]`",
        "network" => "write for example `network: {preset: cellular}`",
        "pods" => "write for example `pods: {replicas: 5}`",
        "costs" => "write for example `costs: {preset: socket.io-node20}`",
        "rooms" => "write for example `rooms: {sizes: 10}`",
        "sweep" => "write for example `sweep: {pods.replicas: [3, 5, 8]}`",
        "redis" => "write for example `redis: {adapter: classic}`",
        "rollout" => "write for example `rollout: {max_surge: 1}`",
        "cookies" => "write for example `cookies: {keep: 98%}`",
        "arrivals" => "write for example `arrivals: {rate: 4/s}`",
        "readiness" => "write `immediate`, `none`, or a probe such as `{period: 10s, failures: 3}`",
        "liveness" | "startup_probe" => "write a probe such as `{period: 10s, failures: 3}`, or leave it out",
        "on_sigterm" => "write `close`, `ignore`, `drain` or `{drain: {over: 20s, every: 1s}}`",
        "rebalance" => "write for example `rebalance: {every: 60s, above: 1.1}`",
        "autoscaler" => "write for example `autoscaler: {min: 3, max: 20, metric: {cpu: 70%}}`",
        "metric" => "write for example `metric: {cpu: 70%}`",
        "behavior" => "write for example `behavior: {scale_up: {stabilization: 120s}}`",
        _ => "",
    };
    let is_shape = expected.starts_with("a list") || expected.starts_with("a mapping");
    match (expected, found) {
        _ if is_shape && !example.is_empty() => example,
        ("a list", _) => "write the entries in `[ ]`, or each on a line that begins with `-`",
        ("text", "nothing") => "write something after the colon",
        ("text", _) if !found.starts_with("a ") => "put it into quotes",
        ("`true` or `false`", "the text `true`" | "the text `false`") => "write it without quotes",
        ("a whole number of zero or more", _) => "write digits only, such as `1000`, without quotes",
        _ => "",
    }
}

fn missing_help(steps: &[Step], key: &str) -> &'static str {
    match key {
        "name" if steps.len() > 1 => "write for example `name: hot-pod`",
        "name" => "write `name: my-scenario`; it also names the folder of results",
        "clients" => "write for example `clients: {count: 1000}`",
        "every" => "say how often, for example `every: {exp: 20s}`",
        "to" => "say who gets it, for example `to: all`",
        "at" => "say when, for example `at: 8m`",
        "key" => "say what entries are about, for example `key: own` or `key: {shared: {zipf: {s: 1, n: 1000}}}`",
        "hit_saves" => "say what a hit saves, for example `hit_saves: 1 query` or `hit_saves: 300ms`",
        "factor" => "say how much slower, for example `factor: 10`",
        "for" => "say how long, for example `for: 30s`",
        "that" => "say what must hold, for example `that: p99 event.latency < 100ms`",
        "rate" => "say how many, for example `rate: 4/s`",
        "sizes" => "say how large rooms are, for example `sizes: 10`",
        "pod_hour" => "say what a pod costs per hour, for example `pod_hour: 0.048`",
        "file" => "name the CSV file, for example `file: requests.csv`",
        _ => "",
    }
}

/// What was found, in words for people.
fn found_words(found: &str) -> String {
    match found {
        "map" => "a mapping".to_owned(),
        "sequence" => "a list".to_owned(),
        "unit value" | "Option value" | "null" => "nothing".to_owned(),
        "unit variant" => "a single word".to_owned(),
        other => {
            let other = other
                .replace("floating point `", "the number `")
                .replace("integer `", "the number `")
                .replace("boolean `", "`");
            match other.strip_prefix("string \"").and_then(|text| text.strip_suffix('"')) {
                Some(text) => format!("the text `{text}`"),
                None => other,
            }
        }
    }
}

/// What is accepted, in words for people.
fn expected_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of zero or more".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "string or map" => "a word or a mapping".to_owned(),
        "map with a single key" => "a mapping with a single key".to_owned(),
        "newtype variant" => "a mapping with its settings, such as `nginx: {}`".to_owned(),
        other if other.starts_with("struct ") => "a mapping of keys to values".to_owned(),
        other if other.starts_with("enum ") => "a word, or a mapping with a single key".to_owned(),
        other if other.starts_with("tuple of") || other.starts_with("a tuple") => "a list of two entries".to_owned(),
        other => other.to_owned(),
    }
}
