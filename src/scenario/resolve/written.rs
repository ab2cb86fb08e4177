//! A filled scenario as text again.

use serde_yaml::{Mapping, Value};

use crate::metrics::Assumption;
use crate::scenario::assumed;
use crate::scenario::file::ScenarioFile;
use crate::scenario::overlay::difference;

/// Where traces stand beside a resolved scenario.
const TRACES: &str = "traces/";

/// The name under which a trace stands beside the resolved scenario: its path as one plain file name, in a folder of
/// its own, so that it replaces no file of the user.
pub fn trace_name(file: &str) -> String {
    let own = file.strip_prefix(TRACES).unwrap_or(file);
    let plain: String = own.chars().map(|c| if matches!(c, '/' | '\\' | ':') { '-' } else { c }).collect();
    format!("{TRACES}{}", plain.trim_start_matches(['.', '-']))
}

/// A filled file as an untyped value; absent keys are left out.
pub fn to_value(file: &ScenarioFile) -> Value {
    let mut value = serde_yaml::with::singleton_map_recursive::serialize(file, serde_yaml::value::Serializer)
        .expect("a scenario is plain data");
    strip(&mut value);
    for audience in value.get_mut("clients").and_then(Value::as_sequence_mut).into_iter().flatten() {
        if let Some(Value::String(name)) = audience.get_mut("trace").and_then(|trace| trace.get_mut("file")) {
            *name = trace_name(name);
        }
    }
    value
}

fn strip(value: &mut Value) {
    match value {
        Value::Mapping(map) => {
            map.retain(|_, value| !value.is_null());
            map.iter_mut().for_each(|(_, value)| strip(value));
        }
        Value::Sequence(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

/// The text of a filled file with its variants as patches.
pub fn to_yaml<'f>(
    file: &ScenarioFile,
    variants: impl Iterator<Item = (&'f str, &'f ScenarioFile)>,
    assumptions: &[Assumption],
) -> String {
    let base = to_value(file);
    let mut patches = Mapping::new();
    for (name, variant) in variants {
        patches.insert(Value::String(name.to_owned()), difference(&base, &to_value(variant)));
    }
    let mut whole = base;
    if let Value::Mapping(map) = &mut whole {
        // of runs, not of sweeps: with what was changed, the values of a sweep may not be possible any more
        map.shift_remove("sweep");
        let written = [("variants", Value::Mapping(patches)), (assumed::KEY, assumed::to_value(assumptions))];
        let written = written.into_iter().filter(|(_, value)| value.as_mapping().is_some_and(|map| !map.is_empty()));
        map.extend(written.map(|(key, value)| (Value::String(key.to_owned()), value)));
    }
    serde_yaml::to_string(&whole).expect("a scenario is plain data")
}
