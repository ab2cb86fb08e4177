//! What a sweep varies: a path and the values that stand there in turn.

use std::collections::BTreeSet;

use serde_yaml::Value;

use super::file::ScenarioFile;

/// Most points of a sweep.
pub const MAX_POINTS: usize = 100_000;
/// Most paths that a sweep varies.
pub const MAX_AXES: usize = 16;
/// Most values of a path in a scenario, each of which is tried whenever the scenario is read.
pub(super) const MAX_VALUES: usize = 1000;
/// What names a scenario instead of describing a cluster, or is no part of it.
const FIXED: [&str; 5] = ["name", "title", "sweep", "baseline", super::assumed::KEY];

/// A path and the values that stand there in turn, each as `--set` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Such as `pods.replicas`.
    pub path: String,
    /// Such as `3`, `20%`, `{exp: 20s}`.
    pub values: Vec<String>,
}

impl Axis {
    /// Reads `pods.replicas=3,5,8`; commas within brackets and quotes belong to a value.
    ///
    /// # Errors
    /// With what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Axis, String> {
        let example = "write for example `pods.replicas=3,5,8`";
        let (path, values) = text.split_once('=').ok_or_else(|| format!("it has no `=`; {example}"))?;
        let axis = Axis { path: path.trim().to_owned(), values: split(values) };
        check_path(&axis.path).map_err(|what| format!("{what}; {example}"))?;
        if axis.values.iter().any(String::is_empty) {
            return Err(format!("a value is missing; {example}"));
        }
        match axis.repeated() {
            Some(value) => Err(format!("the value `{value}` stands there twice; write it once")),
            None => Ok(axis),
        }
    }

    /// A value that stands there twice.
    pub(super) fn repeated(&self) -> Option<&String> {
        let mut known = BTreeSet::new();
        self.values.iter().find(|value| !known.insert(*value))
    }
}

/// Whether a path may be swept.
///
/// # Errors
/// With the reason why not.
pub fn check_path(path: &str) -> Result<(), String> {
    if path.split('.').any(str::is_empty) {
        return Err(format!("`{path}` is no path"));
    }
    let first = path.split('.').next().unwrap_or_default();
    if FIXED.contains(&first) {
        Err(format!("`{first}` belongs to the whole sweep and cannot be swept"))
    } else {
        Ok(())
    }
}

/// Splits at commas outside of brackets and quotes.
fn split(text: &str) -> Vec<String> {
    let (mut depth, mut quote, mut parts) = (0i32, None, vec![String::new()]);
    for c in text.chars() {
        match (c, quote) {
            (',', None) if depth <= 0 => {
                parts.push(String::new());
                continue;
            }
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
        parts.last_mut().expect("there is always one").push(c);
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

/// The axes that a scenario has itself, in the order of their paths: the order of keys means nothing.
pub(super) fn axes(file: &ScenarioFile) -> Vec<Axis> {
    let axes = file.sweep.iter().flatten();
    axes.map(|(path, values)| Axis { path: path.clone(), values: values.iter().map(flow).collect() }).collect()
}

/// A value on one line, as `--set` takes it.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Sequence(list) => format!("[{}]", list.iter().map(inner).collect::<Vec<_>>().join(", ")),
        Value::Mapping(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", inner(key), inner(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Tagged(tagged) => flow(&tagged.value),
        scalar => {
            let plain = serde_yaml::to_string(scalar).unwrap_or_default().trim_end().to_owned();
            // a text of several lines
            if plain.contains('\n') { serde_json::to_string(scalar).unwrap_or_default() } else { plain }
        }
    }
}

/// The same within brackets, where commas and brackets end a text.
fn inner(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains([',', '[', ']', '{', '}']) => {
            serde_json::to_string(text).unwrap_or_default()
        }
        value => flow(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_a_path_and_its_values() {
        let values = |text: &str| Axis::parse(text).map(|axis| axis.values.join(" | "));
        assert_eq!(values("pods.replicas=3, 5,8").as_deref(), Ok("3 | 5 | 8"));
        assert_eq!(
            values("traffic.0.api.every={exp: 20s},{uniform: [1s, 3s]}").as_deref(),
            Ok("{exp: 20s} | {uniform: [1s, 3s]}")
        );
        assert_eq!(values("balancers=[{nginx: {}}],'a,b'").as_deref(), Ok("[{nginx: {}}] | 'a,b'"));
        for (text, says) in [
            ("pods.replicas", "no `=`"),
            ("=3", "no path"),
            ("pods..replicas=3", "no path"),
            ("pods.replicas=", "missing"),
            ("pods.replicas=3,,5", "missing"),
            ("pods.replicas=3,5,3", "`3` stands there twice"),
            ("name=a,b", "cannot be swept"),
        ] {
            let error = Axis::parse(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn values_of_a_scenario_are_written_as_set_takes_them() {
        for (yaml, text) in [
            ("3", "3"),
            ("20%", "20%"),
            ("'3'", "'3'"),
            ("null", "null"),
            ("{lognormal: {median: 4ms, p95: 12ms}}", "{lognormal: {median: 4ms, p95: 12ms}}"),
            ("[{every: 'a,b'}, 2]", "[{every: \"a,b\"}, 2]"),
        ] {
            let value: Value = serde_yaml::from_str(yaml).expect("YAML");
            assert_eq!(flow(&value), text);
            assert_eq!(serde_yaml::from_str::<Value>(text).expect("YAML"), value);
        }
    }
}
