//! Short names of paths and values: what all share is said once, and what is too long is broken into lines or numbered.

use super::canvas::{shortened, text_width};
use crate::report::sweep::Dimension;

/// Each path by as few of its last parts as tell it from the others.
pub(super) fn short_paths(paths: &[&str]) -> Vec<String> {
    let tail = |path: &str, count: usize| -> String {
        let parts: Vec<&str> = path.split('.').collect();
        parts[parts.len().saturating_sub(count)..].join(".")
    };
    let short = |path: &&str| {
        let is_alone = |count: &usize| {
            paths.iter().filter(|other| *other != path).all(|other| tail(other, *count) != tail(path, *count))
        };
        (1..=path.split('.').count()).find(is_alone).map_or_else(|| (*path).to_owned(), |count| tail(path, count))
    };
    paths.iter().map(short).collect()
}

/// Values without what all of them begin and end with.
pub(super) struct Shortened {
    pub(super) values: Vec<String>,
    /// What they share, such as `[{nginx: {…}}]`, where that was left out.
    pub(super) around: Option<String>,
}

impl Shortened {
    /// Of a swept path; numbers stay as they are.
    pub(super) fn of(dimension: &Dimension) -> Shortened {
        match dimension.numbers {
            Some(_) => Shortened { values: dimension.values.clone(), around: None },
            None => Shortened::of_texts(&dimension.values),
        }
    }

    fn of_texts(values: &[String]) -> Shortened {
        let untouched = || Shortened { values: values.to_vec(), around: None };
        let Some(first) = values.first().filter(|_| values.len() > 1) else { return untouched() };
        // of words nothing is cut: the shared beginning ends behind a bracket or a blank, the shared end begins with a bracket
        let ends = first.char_indices().filter(|(_, c)| " {[(:,".contains(*c)).map(|(at, c)| at + c.len_utf8());
        let is_shared = |end: &usize| values.iter().all(|value| value.starts_with(&first[..*end]));
        let before = ends.take_while(is_shared).last().unwrap_or(0);
        let beginning = &first[..before];
        let rests: Vec<&str> = values.iter().map(|value| &value[before..]).collect();
        let first = rests[0];
        let mut ends = first.char_indices().filter(|(_, c)| "}])".contains(*c)).map(|(at, _)| at);
        // no more brackets are closed than were opened
        let count = |text: &str, brackets: &str| text.chars().filter(|c| brackets.contains(*c)).count();
        let opened = count(beginning, "{[(").saturating_sub(count(beginning, "}])"));
        let is_shared = |at: &usize| {
            count(&first[*at..], "}])") <= opened && rests.iter().all(|rest| rest.ends_with(&first[*at..]))
        };
        let behind = ends.find(is_shared).map_or(0, |at| first.len() - at);
        if before + behind < 3 {
            return untouched();
        }
        let rest = |rest: &&str| match rest[..rest.len() - behind].trim() {
            "" => "nothing".to_owned(),
            rest => rest.to_owned(),
        };
        let around = format!("{beginning}…{}", &first[first.len() - behind..]);
        Shortened { values: rests.iter().map(rest).collect(), around: Some(around) }
    }

    /// A path with what its values share, such as `balancers=[{nginx: {…}}]`.
    pub(super) fn named(&self, path: &str) -> String {
        self.around.as_ref().map_or_else(|| path.to_owned(), |around| format!("{path}={around}"))
    }
}

/// Labels of the values of an axis.
pub(super) struct Labels {
    /// In lines, by value.
    pub(super) values: Vec<Vec<String>>,
    /// What the axis is called.
    pub(super) name: String,
    /// What the numbers mean, where labels had to be numbered.
    pub(super) key: Vec<String>,
}

impl Labels {
    /// Texts of at most so many lines of `room` pixels; numbers of a kind stay as they are.
    pub(super) fn new(dimension: &Dimension, room: f64, most_lines: usize, size: f64) -> Labels {
        let short = Shortened::of(dimension);
        let name = short.named(&dimension.path);
        if dimension.numbers.is_some() {
            return Labels {
                values: short.values.into_iter().map(|value| vec![value]).collect(),
                name,
                key: Vec::new(),
            };
        }
        let lines: Vec<Vec<String>> = short.values.iter().map(|value| broken(value, " ", room, size)).collect();
        let fits =
            |lines: &Vec<String>| lines.len() <= most_lines && lines.iter().all(|line| text_width(line, size) <= room);
        if lines.iter().all(fits) {
            return Labels { values: lines, name, key: Vec::new() };
        }
        let numbers = (1..=lines.len()).map(|number| vec![number.to_string()]).collect();
        let key = short.values.iter().enumerate().map(|(at, value)| format!("{}: {value}", at + 1)).collect();
        Labels { values: numbers, name, key }
    }
    /// Lines of the tallest label.
    pub(super) fn lines(&self) -> usize {
        self.values.iter().map(Vec::len).max().unwrap_or(1)
    }
    /// The key in lines of a width.
    pub(super) fn key_lines(&self, width: f64, size: f64) -> Vec<String> {
        let parts: Vec<String> = self.key.iter().map(|part| shortened(part, width, size)).collect();
        packed(&parts, "  ·  ", width, size)
    }
}

/// A text in lines of about `width` pixels, broken at `at`; a word that is wider stands alone.
pub(super) fn broken(text: &str, at: &str, width: f64, size: f64) -> Vec<String> {
    let words: Vec<String> = text.split(at).map(str::to_owned).collect();
    packed(&words, at, width, size)
}

/// Parts in as few lines as hold them.
fn packed(parts: &[String], between: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line}{between}{part}"), size) <= width => {
                line.push_str(between);
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Shortened {
        Shortened::of_texts(&values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn paths_are_told_apart_by_their_ends() {
        let paths = ["traffic.api.work", "traffic.api.every", "clients.a.count", "clients.b.count", "count", "x"];
        assert_eq!(short_paths(&paths), ["work", "every", "a.count", "b.count", "count", "x"]);
    }

    #[test]
    fn what_all_values_share_is_said_once() {
        let found = texts(&["[{nginx: {}}]", "[{nginx: {method: ip_hash}}]", "[{nginx: {method: least_conn}}]"]);
        assert_eq!(found.values, ["nothing", "method: ip_hash", "method: least_conn"]);
        assert_eq!(found.named("balancers"), "balancers=[{nginx: {…}}]");
        let found = texts(&["[{nginx: {}}]", "[{service: {}}]"]);
        assert_eq!(
            (found.values, found.around.as_deref()),
            (vec!["nginx: {}".to_owned(), "service: {}".into()], Some("[{…}]"))
        );
        let found = texts(&["{exp: 10ms}", "{exp: 20ms}"]);
        assert_eq!((found.values, found.around.as_deref()), (vec!["10ms".to_owned(), "20ms".into()], Some("{exp: …}")));
        let found = texts(&["ip-hash", "ip-other"]);
        assert_eq!((found.values.len(), found.around), (2, None));
        assert_eq!(texts(&["ip-hash", "ip-other"]).values, ["ip-hash", "ip-other"]);
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(broken("method: least_conn", " ", 90.0, 12.0), ["method:", "least_conn"]);
        assert_eq!(broken("a, b, c", ", ", 30.0, 12.0), ["a, b", "c"]);
    }
}
