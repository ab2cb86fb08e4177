//! What differs between two resolved scenarios, path by path.

use serde_yaml::Value;

use super::assumed;
use super::locate::Index;
use crate::metrics::ConfigChange;

/// Longest value that is shown, in characters; the rest is left out.
const LONGEST: usize = 100;

/// What differs between two scenarios as [`resolved_yaml`](super::Scenario::resolved_yaml) writes them: by the path of each value
/// that only one has or that is another one. Which values were assumed makes no difference.
///
/// ```
/// use stickysim::scenario::changes;
/// let found = changes("pods: {replicas: 3, cpu: 1}", "pods: {replicas: 5}").unwrap();
/// assert_eq!((found[0].path.as_str(), found[0].after.as_deref()), ("pods.cpu", None));
/// assert_eq!((found[1].before.as_deref(), found[1].after.as_deref()), (Some("3"), Some("5")));
/// ```
///
/// # Errors
/// When one is no YAML: (whether it is the second, what is wrong).
pub fn changes(before: &str, after: &str) -> Result<Vec<ConfigChange>, (bool, String)> {
    let read = |text: &str, is_second: bool| match Index::read(text) {
        Ok((index, faults)) if faults.is_empty() => Ok(index.value()),
        Ok((_, faults)) => Err((is_second, faults[0].message.clone())),
        Err(fault) => Err((is_second, fault.message)),
    };
    let (mut before, mut after) = (read(before, false)?, read(after, true)?);
    for document in [&mut before, &mut after] {
        if let Value::Mapping(map) = document {
            map.shift_remove(assumed::KEY);
        }
    }
    let mut found = Vec::new();
    compare(Some(&before), Some(&after), "", &mut found);
    Ok(found)
}

fn compare(before: Option<&Value>, after: Option<&Value>, path: &str, found: &mut Vec<ConfigChange>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Mapping(old)), Some(Value::Mapping(new))) => {
            let mut keys: Vec<&str> = old.keys().chain(new.keys()).filter_map(Value::as_str).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                compare(old.get(key), new.get(key), &under(key), found);
            }
        }
        (Some(Value::Sequence(old)), Some(Value::Sequence(new))) => match (names(old), names(new)) {
            (Some(old_names), Some(new_names)) => {
                let find = |names: &[&str], list: &'_ [Value], name: &str| {
                    names.iter().position(|known| *known == name).map(|at| list[at].clone())
                };
                let added = new_names.iter().filter(|name| !old_names.contains(name));
                for name in old_names.iter().chain(added) {
                    let (old, new) = (find(&old_names, old, name), find(&new_names, new, name));
                    compare(old.as_ref(), new.as_ref(), &under(name), found);
                }
            }
            _ => compare_entries(old, new, path, found),
        },
        (before, after) => {
            let path = path.to_owned();
            found.push(ConfigChange { path, before: before.map(shown), after: after.map(shown) });
        }
    }
}

/// Lists whose entries have no names: what is the same at both ends is left out, and the rest compared one by one.
fn compare_entries(old: &[Value], new: &[Value], path: &str, found: &mut Vec<ConfigChange>) {
    let same = |pairs: &mut dyn Iterator<Item = (&Value, &Value)>| pairs.take_while(|(old, new)| old == new).count();
    let first = same(&mut old.iter().zip(new));
    let last = same(&mut old[first..].iter().rev().zip(new[first..].iter().rev()));
    let (old_rest, new_rest) = (&old[first..old.len() - last], &new[first..new.len() - last]);
    for at in 0..old_rest.len().max(new_rest.len()) {
        compare(old_rest.get(at), new_rest.get(at), &format!("{path}.{}", first + at), found);
    }
}

/// The names of all entries of a list, where each has one of its own.
fn names(list: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = list.iter().map(|entry| entry.get("name").and_then(Value::as_str)).collect::<Option<_>>()?;
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    (sorted.len() == names.len() && !names.is_empty()).then_some(names)
}

/// A value in one line, shortened.
fn shown(value: &Value) -> String {
    let mut line = String::new();
    write(value, &mut line);
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// As YAML in one line, until there is enough of it.
fn write(value: &Value, line: &mut String) {
    if line.len() > 4 * LONGEST {
        return;
    }
    match value {
        Value::Mapping(map) => {
            line.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                line.push_str(if at == 0 { "" } else { ", " });
                write(key, line);
                line.push_str(": ");
                write(value, line);
            }
            line.push('}');
        }
        Value::Sequence(list) => {
            line.push('[');
            for (at, value) in list.iter().enumerate() {
                line.push_str(if at == 0 { "" } else { ", " });
                write(value, line);
            }
            line.push(']');
        }
        // a text of several lines stays one line here
        Value::String(text) => line.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c })),
        other => line.push_str(serde_yaml::to_string(other).unwrap_or_default().trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each change as `path: before → after`.
    fn told(before: &str, after: &str) -> Vec<String> {
        let side = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let found = changes(before, after).unwrap();
        found.into_iter().map(|c| format!("{}: {} → {}", c.path, side(c.before), side(c.after))).collect()
    }

    #[test]
    fn changes_are_told_by_their_paths() {
        assert_eq!(told("a: 1\nb: {c: [1, 2]}", "b: {c: [1, 2]}\na: 1"), Vec::<String>::new());
        assert_eq!(
            told("clients: [{name: x, count: 1}, {name: y}]", "clients: [{name: y}, {name: x, count: 2}, {name: z}]"),
            ["clients.x.count: 1 → 2", "clients.z: - → {name: z}"]
        );
        // an entry in the middle is one change, not as many as there are behind it
        assert_eq!(
            told("timeline: [{at: 1m}, {at: 2m}, {at: 3m}]", "timeline: [{at: 1m}, {at: 90s}, {at: 2m}, {at: 3m}]"),
            ["timeline.1: - → {at: 90s}"]
        );
        assert_eq!(told("a: [1, 2]", "a: {b: 2}"), ["a: [1, 2] → {b: 2}"]);
        assert_eq!(told("assumed: {a: C}\nx: null", "x: null"), Vec::<String>::new());
    }

    #[test]
    fn long_values_are_shortened() {
        let long = format!("a: [{}]", "1, ".repeat(100_000));
        let told = told("a: 0", &long);
        assert!(told[0].ends_with('…') && told[0].chars().count() < LONGEST + 20, "{}", told[0].len());
        assert!(changes("a: 1", "a: [").unwrap_err().0);
    }
}
