//! `assumed`: a resolved scenario says which of its values nobody gave, so that feeding it back tells the same story.
//!
//! Each entry is `path: value | grade | source`, with the spread behind the grade where there is one
//! (`measured, 5us to 13us`). It counts only while the value still stands there: what a user
//! changes afterwards, in the file or with `--set`, is no longer assumed.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

use super::diagnostic::Problem;
use super::fill;
use super::units::{Rate, Size, Weight};
use crate::engine::Span;
use crate::metrics::{Assumption, Grade, Spread};

/// The key at the top of a scenario.
pub const KEY: &str = "assumed";

/// Takes the entries out of a document.
///
/// # Errors
/// When somebody wrote something else there.
pub fn take_out(document: &mut Value) -> Result<Vec<Assumption>, Box<Problem>> {
    let Value::Mapping(map) = document else { return Ok(Vec::new()) };
    let entries = match map.shift_remove(KEY) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Mapping(entries)) => entries,
        Some(_) => return Err(wrong(KEY)),
    };
    let read = |(path, text): (Value, Value)| {
        let path = path.as_str().unwrap_or_default().to_owned();
        entry(&path, text.as_str().unwrap_or_default()).ok_or_else(|| wrong(&format!("{KEY}.{path}")))
    };
    entries.into_iter().map(read).collect()
}

fn wrong(path: &str) -> Box<Problem> {
    let message = format!("`{KEY}` is written by this program into resolved scenarios; this is something else");
    Box::new(Problem::new("invalid-value", path, message, "remove it"))
}

fn entry(path: &str, text: &str) -> Option<Assumption> {
    let (value, rest) = text.split_once(" | ")?;
    let (grade, source) = rest.split_once(" | ")?;
    let (grade, spread) = match grade.split_once(", ") {
        None => (grade, None),
        Some((grade, spread)) => {
            let (low, high) = spread.split_once(" to ")?;
            (grade, Some(Spread { low: low.to_owned(), high: high.to_owned() }))
        }
    };
    let grade = GRADES.into_iter().find(|known| known.name() == grade)?;
    Some(Assumption { path: path.to_owned(), value: value.to_owned(), grade, source: source.to_owned(), spread })
}

const GRADES: [Grade; 4] = [Grade::Measured, Grade::A, Grade::B, Grade::C];

/// The entries for a resolved scenario.
pub fn to_value(assumptions: &[Assumption]) -> Value {
    let entries: BTreeMap<&str, &Assumption> = assumptions.iter().map(|made| (made.path.as_str(), made)).collect();
    let mut map = Mapping::new();
    for (path, made) in entries {
        let spread = made.spread.as_ref().map(|seen| format!(", {} to {}", seen.low, seen.high)).unwrap_or_default();
        let text = format!("{} | {}{spread} | {}", made.value, made.grade.name(), made.source);
        map.insert(Value::String(path.to_owned()), Value::String(text));
    }
    Value::Mapping(map)
}

/// Those entries whose value still stands in the filled document, or in that of their variant.
pub fn still(told: Vec<Assumption>, base: &Value, variants: &BTreeMap<String, Value>) -> Vec<Assumption> {
    let stands = |made: &Assumption| match made.path.strip_prefix("variants.").and_then(|rest| rest.split_once('.')) {
        Some((name, path)) => variants.get(name).is_some_and(|filled| stands(filled, path, &made.value)),
        None => stands(base, &made.path, &made.value),
    };
    told.into_iter().filter(stands).collect()
}

/// True when the value of an entry still stands at its path (without `variants.NAME.`) of a filled document.
pub fn stands(filled: &Value, path: &str, value: &str) -> bool {
    let here = path.split('.').try_fold(filled, item);
    here.is_some_and(|here| same(&fill::parse(value), here))
}

/// What a word of a path leads to: the value of a key, or an entry of a list by its name or number.
pub fn item<'v>(node: &'v Value, word: &str) -> Option<&'v Value> {
    match node {
        Value::Sequence(list) => list.get(position(list, word)?),
        other => other.get(word),
    }
}

/// The number of the entry of a list that is called so, or has this number.
pub fn position(list: &[Value], word: &str) -> Option<usize> {
    let named = |entry: &Value| entry.get("name").and_then(Value::as_str) == Some(word);
    list.iter().position(named).or_else(|| word.parse::<usize>().ok().filter(|&at| at < list.len()))
}

/// True when two ways of writing a value mean the same; `there` may have keys that `given` leaves open.
fn same(given: &Value, there: &Value) -> bool {
    match (given, there) {
        (Value::Mapping(given), Value::Mapping(there)) => {
            given.iter().all(|(key, value)| there.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Sequence(given), Value::Sequence(there)) => {
            given.len() == there.len() && given.iter().zip(there).all(|(a, b)| same(a, b))
        }
        _ => match (scalar(given), scalar(there)) {
            (Some(a), Some(b)) => a == b || quantity(&a).is_some_and(|a| Some(a) == quantity(&b)),
            _ => given == there,
        },
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(word) => Some(word.to_string()),
        _ => None,
    }
}

/// The amount that a text stands for; values of one path have one kind, so kinds need no telling apart.
pub fn quantity(text: &str) -> Option<f64> {
    let span = || text.parse::<Span>().ok().map(|span| span.as_nanos() as f64);
    let weight = || text.parse::<Weight>().ok().map(Weight::value);
    let size = || text.parse::<Size>().ok().map(|size| size.bytes() as f64);
    let rate = || text.parse::<Rate>().ok().map(Rate::per_second);
    weight().or_else(span).or_else(size).or_else(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_no_longer_assumed() {
        let filled =
            fill::parse("{clients: [{name: a b, rtt: {exp: 24d12h}}], pods: {memory: 60M, cpu: 1}, keep: 99%}");
        assert!(stands(&filled, "clients.a b.rtt", "{exp: 588h}"));
        assert!(stands(&filled, "clients.0.rtt", "{exp: 588h}"));
        assert!(stands(&filled, "pods.memory", "60000k"));
        assert!(stands(&filled, "keep", "0.99"));
        assert!(!stands(&filled, "clients.a b.rtt", "{exp: 589h}"));
        assert!(!stands(&filled, "clients.a b.rtt", "{fixed: 588h}"));
        assert!(!stands(&filled, "pods.cpu", "2"));
        assert!(!stands(&filled, "pods.gone", "2"));
    }
}
