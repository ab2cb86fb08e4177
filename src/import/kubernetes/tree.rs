//! YAML and JSON as trees in which every key and value knows its line.
//!
//! Bounded in every direction, aliases counted as what they stand for, so that no text can hang or overflow the
//! program. What Kubernetes, AWS and Cloudflare write is read as it stands: several documents, tags, merge keys.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Deepest nesting.
pub(super) const MAX_DEPTH: usize = 64;
/// Most values of a file, each alias counted as what it stands for.
pub(super) const MAX_VALUES: u64 = 1_000_000;

/// A value with its line.
#[derive(Debug)]
pub(super) struct Node {
    /// From 1.
    pub line: usize,
    pub kind: Kind,
    /// Values below and including this one, aliases followed.
    size: u64,
    /// Levels below and including this one, aliases followed.
    height: usize,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A text; `plain` when it stands without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    /// Line of the key.
    pub line: usize,
    pub value: Rc<Node>,
}

/// Why a text has no tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub line: usize,
    pub message: String,
}

impl Node {
    /// The entry of a key; of several the last one, as YAML readers have it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }
    /// The entry that a path such as `spec.template.spec` leads to.
    pub fn at(&self, path: &str) -> Option<&Entry> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let entry = self.entry(first)?;
        match rest {
            None => Some(entry),
            Some(rest) => entry.value.at(rest),
        }
    }
    /// The text at a path, if it is a plain value there.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path)?.value.text()
    }
    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }
    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Rc<Node>] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }
    /// The text of a single value; none when it says `null`.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, plain } if !(*plain && matches!(text.as_str(), "" | "~" | "null")) => Some(text),
            _ => None,
        }
    }
    /// True when nothing stands there.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar { .. }) && self.text().is_none()
    }
    /// Every single value below, with its line.
    pub fn each_text(&self, visit: &mut impl FnMut(&str, usize)) {
        match &self.kind {
            Kind::Scalar { text, .. } => visit(text, self.line),
            Kind::List(items) => items.iter().for_each(|item| item.each_text(visit)),
            Kind::Map(entries) => entries.iter().for_each(|entry| entry.value.each_text(visit)),
        }
    }
}

/// A mapping or list under construction.
struct Open {
    line: usize,
    anchor: usize,
    kind: Kind,
    key: Option<(String, usize)>,
    size: u64,
    height: usize,
}

#[derive(Default)]
struct Builder {
    documents: Vec<Rc<Node>>,
    anchors: BTreeMap<usize, Rc<Node>>,
    open: Vec<Open>,
    total: u64,
}

/// The documents of a text, empty ones left out.
pub(super) fn read(text: &str) -> Result<Vec<Rc<Node>>, Fault> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.event(event, span.start.line())?,
            Err(error) => {
                let line = error.marker().line().max(1);
                if error.info().contains("recursion limit") {
                    return Err(too_deep(line));
                }
                return Err(Fault { line, message: format!("this is not YAML: {}", error.info()) });
            }
        }
    }
    builder.documents.retain(|document| !document.is_null());
    Ok(builder.documents)
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                if let Some(open) = self.open.last_mut()
                    && matches!(open.kind, Kind::Map(_))
                    && open.key.is_none()
                {
                    open.key = Some((text.into_owned(), line));
                    return Ok(());
                }
                let kind = Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.complete(Node { line, kind, size: 1, height: 1 }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.start(Kind::List(Vec::new()), anchor, line),
            Event::MappingStart(anchor, _) => self.start(Kind::Map(Vec::new()), anchor, line),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { line, anchor, mut kind, size, height, .. }) => {
                    if let Kind::Map(entries) = &mut kind {
                        merge(entries);
                    }
                    self.complete(Node { line, kind, size, height }, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.attach(node, line),
                None => Err(Fault { line, message: "this alias stands inside what it refers to".to_owned() }),
            },
            _ => Ok(()),
        }
    }

    fn start(&mut self, kind: Kind, anchor: usize, line: usize) -> Result<(), Fault> {
        if self.open.last().is_some_and(|parent| matches!(parent.kind, Kind::Map(_)) && parent.key.is_none()) {
            return Err(Fault { line, message: "a mapping or list cannot be a key".to_owned() });
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(line));
        }
        self.open.push(Open { line, anchor, kind, key: None, size: 1, height: 1 });
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        let line = node.line;
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.attach(node, line)
    }

    /// Puts a value into the mapping or list that is open, or makes it a document.
    fn attach(&mut self, node: Rc<Node>, line: usize) -> Result<(), Fault> {
        let too_many = || Fault { line, message: format!("aliases and lists make this more than {MAX_VALUES} values") };
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else {
            self.total = self.total.saturating_add(node.size);
            if self.total > MAX_VALUES {
                return Err(too_many());
            }
            self.documents.push(node);
            return Ok(());
        };
        open.size = open.size.saturating_add(node.size);
        open.height = open.height.max(node.height + 1);
        if open.size > MAX_VALUES {
            return Err(too_many());
        }
        if open.height + depth > MAX_DEPTH + 2 {
            return Err(too_deep(line));
        }
        match (&mut open.kind, open.key.take()) {
            (Kind::Map(entries), Some((key, key_line))) => entries.push(Entry { key, line: key_line, value: node }),
            (Kind::Map(_), None) => return Err(Fault { line, message: "an alias cannot be a key".to_owned() }),
            (Kind::List(items), _) => items.push(node),
            (Kind::Scalar { .. }, _) => {}
        }
        Ok(())
    }
}

/// Puts what `<<` names into the mapping, as the YAML readers of Kubernetes do: keys that are written win.
fn merge(entries: &mut Vec<Entry>) {
    if !entries.iter().any(|entry| entry.key == "<<") {
        return;
    }
    let (merges, own): (Vec<Entry>, Vec<Entry>) = entries.drain(..).partition(|entry| entry.key == "<<");
    let mut keys: BTreeSet<String> = own.iter().map(|entry| entry.key.clone()).collect();
    for merge in &merges {
        let one = std::slice::from_ref(&merge.value);
        let maps = if merge.value.items().is_empty() { one } else { merge.value.items() };
        for entry in maps.iter().flat_map(|map| map.entries()) {
            if keys.insert(entry.key.clone()) {
                let value = Rc::clone(&entry.value);
                entries.push(Entry { key: entry.key.clone(), line: entry.line, value });
            }
        }
    }
    entries.extend(own);
}

fn too_deep(line: usize) -> Fault {
    Fault {
        line,
        message: format!("nesting is deeper than {MAX_DEPTH} levels; check the brackets and the indentation"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_know_their_lines() {
        let documents = read("a: 1\nb:\n  c: &x {d: e}\n---\nlist:\n- x: ~\n- \"\"\n---\n---\n").unwrap();
        assert_eq!(documents.len(), 2);
        let c = documents[0].at("b.c.d").unwrap();
        assert_eq!((c.line, c.value.text()), (3, Some("e")));
        let items = documents[1].at("list").unwrap().value.items();
        assert_eq!((items[0].line, items[0].text_at("x"), items[1].text()), (6, None, Some("")));
    }

    #[test]
    fn merge_keys_are_followed() {
        let documents = read("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\nc: {<<: [*a, {z: 4}]}\n").unwrap();
        let at = |path: &str| documents[0].at(path).and_then(|entry| entry.value.text());
        assert_eq!(
            [at("b.x"), at("b.y"), at("c.x"), at("c.z"), at("b.<<")],
            [Some("3"), Some("2"), Some("1"), Some("4"), None]
        );
    }

    #[test]
    fn bombs_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            bomb.push_str(&format!("a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(10)));
        }
        assert!(read(&bomb).unwrap_err().message.contains("more than"));
        assert!(read(&"[".repeat(100_000)).unwrap_err().message.contains("nesting"));
        assert!(read("a: &a [*a]").is_err());
        assert!(read("{{ .Values.x }}: 1").is_err());
    }
}
