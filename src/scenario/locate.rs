//! Text to values with positions: where each key and each value of a YAML text stands.
//!
//! One pass over the parser's events makes a tree of nodes with byte ranges. It is bounded in every direction
//! (length, nesting, nodes after aliases are followed), so no text can hang or overflow the program. What YAML allows
//! and a scenario does not (duplicate keys, merge keys, tags, second documents) is reported with its place.

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as EventSpan};
use serde_yaml::{Mapping, Value};

use super::{overlay::plain_key, scalar::plain};

/// Longest text, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 64;
/// Most nodes, each alias counted as what it stands for.
pub const MAX_NODES: u64 = 1_000_000;

/// Most lesser faults that are collected.
const MAX_FAULTS: usize = 100;

/// Something that a scenario file must not contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code, such as `duplicate-key`.
    pub code: &'static str,
    /// Bytes of the text it is about.
    pub at: Range<usize>,
    /// What was found.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// One step of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of a mapping.
    Key(String),
    /// An entry of a list, with the name it has in the merged document, if any.
    Item(usize, Option<String>),
}

/// A document as a tree of nodes with positions.
#[derive(Debug, Default)]
pub struct Index {
    nodes: Vec<Node>,
    root: usize,
}

#[derive(Debug)]
struct Node {
    at: Range<usize>,
    kind: Kind,
    /// Nodes below and including this one, aliases followed.
    size: u64,
    /// Levels below and including this one, aliases followed.
    height: usize,
}

#[derive(Debug)]
enum Kind {
    Scalar(Value),
    List(Vec<usize>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
struct Entry {
    key: String,
    key_at: Range<usize>,
    value: usize,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The key that leads there, if it is the value of a key.
    pub key: Option<Range<usize>>,
    /// The value itself.
    pub value: Range<usize>,
    /// How many steps of the path were found; fewer than all when the rest is not in the text.
    pub found: usize,
}

impl Index {
    /// Reads a text.
    ///
    /// # Errors
    /// When there is no document to speak of: the fault that ended the reading. Lesser faults (duplicate keys, …) are
    /// returned beside the index.
    pub fn read(text: &str) -> Result<(Index, Vec<Fault>), Fault> {
        if text.len() > MAX_BYTES {
            return Err(fault(
                "too-large",
                0..0,
                format!("the text has more than {} MiB", MAX_BYTES >> 20),
                "put recorded requests into a CSV file and name it with `trace:`",
            ));
        }
        let mut builder = Builder::new(text);
        for event in Parser::new_from_str(text) {
            match event {
                Ok((event, span)) => builder.event(event, span)?,
                Err(error) => {
                    let at = builder.bytes.at(error.marker().index());
                    if error.info().contains("recursion limit") {
                        return Err(too_deep(at)); // the scanner looks ahead and may meet the brackets before we do
                    }
                    let message = format!("this is not YAML: {}", error.info());
                    return Err(match tab(text, at) {
                        Some(at) => {
                            fault("not-yaml", at..at + 1, message, "YAML forbids tabs for indentation; use spaces")
                        }
                        None => fault(
                            "not-yaml",
                            at..at,
                            message,
                            "check the indentation, the brackets and the quotes around here",
                        ),
                    });
                }
            }
        }
        builder.finish()
    }

    /// The document as an untyped value.
    pub fn value(&self) -> Value {
        self.value_of(self.root)
    }

    fn value_of(&self, node: usize) -> Value {
        match &self.nodes[node].kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => Value::Sequence(items.iter().map(|&item| self.value_of(item)).collect()),
            Kind::Map(entries) => {
                let mut map = Mapping::new();
                for entry in entries.iter().filter(|entry| entry.key != "<<") {
                    map.insert(Value::String(entry.key.clone()), self.value_of(entry.value));
                }
                Value::Mapping(map)
            }
        }
    }

    /// Where `path` leads, or the deepest part of it that is in the text.
    ///
    /// A dotted key (`pods.replicas: 3`) stands for several steps, the entry of a list may stand under its name, and a
    /// mapping that stands for a list of one answers to entry 0.
    pub fn find(&self, path: &[Step]) -> Place {
        let mut place = Place { key: None, value: self.nodes[self.root].at.clone(), found: 0 };
        let (mut node, mut step) = (self.root, 0);
        while step < path.len() {
            let Some((next, key, steps)) = self.child(node, &path[step..]) else { break };
            step += steps;
            let stays = node == next; // a mapping that stands for a list of one keeps its key
            node = next;
            let key = if stays { place.key } else { key };
            place = Place { key, value: self.nodes[node].at.clone(), found: step };
        }
        place
    }

    /// The child that the first steps lead to: node, its key, and how many steps it took.
    fn child(&self, node: usize, path: &[Step]) -> Option<(usize, Option<Range<usize>>, usize)> {
        match (&self.nodes[node].kind, path.first()?) {
            (Kind::List(items), Step::Item(at, _)) => items.get(*at).map(|&item| (item, None, 1)),
            (Kind::Map(entries), _) => {
                let mut spelled = vec![String::new()];
                for (taken, step) in path.iter().enumerate() {
                    let names: Vec<String> = match step {
                        Step::Key(key) => vec![key.clone()],
                        Step::Item(at, name) => name.iter().cloned().chain([at.to_string()]).collect(),
                    };
                    let dot = if taken == 0 { "" } else { "." };
                    spelled = spelled.iter().flat_map(|s| names.iter().map(move |n| format!("{s}{dot}{n}"))).collect();
                    spelled.truncate(64);
                    let is_meant = |entry: &&Entry| {
                        spelled.contains(&entry.key) || spelled.iter().any(|s| *s == plain_key(&entry.key))
                    };
                    if let Some(entry) = entries.iter().rev().find(is_meant) {
                        return Some((entry.value, Some(entry.key_at.clone()), taken + 1));
                    }
                }
                match path {
                    [Step::Item(0, _)] => Some((node, None, 1)),
                    [Step::Item(0, _), rest @ ..] => {
                        Some(self.child(node, rest).map_or((node, None, 1), |(n, key, steps)| (n, key, steps + 1)))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Byte offsets of character numbers.
struct Bytes {
    /// Empty when every character is one byte.
    starts: Vec<u32>,
    len: usize,
}

impl Bytes {
    fn new(text: &str) -> Bytes {
        let starts = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at as u32).collect() };
        Bytes { starts, len: text.len() }
    }
    fn at(&self, character: usize) -> usize {
        if self.starts.is_empty() {
            return character.min(self.len);
        }
        self.starts.get(character).map_or(self.len, |&at| at as usize)
    }
}

/// A mapping or list under construction.
struct Open {
    start: usize,
    anchor: usize,
    kind: Kind,
    /// The key that waits for its value.
    key: Option<(String, Range<usize>)>,
    seen: BTreeMap<String, Range<usize>>,
    size: u64,
    height: usize,
}

struct Builder<'t> {
    text: &'t str,
    bytes: Bytes,
    nodes: Vec<Node>,
    anchors: BTreeMap<usize, usize>,
    open: Vec<Open>,
    root: Option<usize>,
    documents: usize,
    faults: Vec<Fault>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Builder<'t> {
        Builder {
            text,
            bytes: Bytes::new(text),
            nodes: Vec::new(),
            anchors: BTreeMap::new(),
            open: Vec::new(),
            root: None,
            documents: 0,
            faults: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>, span: EventSpan) -> Result<(), Fault> {
        let at = self.bytes.at(span.start.index())..self.bytes.at(span.end.index());
        let tag = match &event {
            Event::Scalar(_, _, _, tag) | Event::SequenceStart(_, tag) | Event::MappingStart(_, tag) => tag.is_some(),
            _ => false,
        };
        if tag && self.faults.len() < MAX_FAULTS {
            self.faults.push(fault(
                "tag",
                at.clone(),
                "a YAML tag has no meaning in a scenario".to_owned(),
                "remove the word that begins with `!`",
            ));
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a second document begins here; a scenario file has one".to_owned();
                    return Err(fault(
                        "second-document",
                        at,
                        message,
                        "remove the `---` line, or put the rest into a file of its own",
                    ));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                if text.contains(odd) && self.faults.len() < MAX_FAULTS {
                    let message = "this text holds a control character or an odd line break".to_owned();
                    self.faults.push(fault("odd-character", at.clone(), message, "write plain text"));
                }
                let value = if style == ScalarStyle::Plain { plain(&text) } else { Value::String(text.to_string()) };
                self.leaf(value, &text, at, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.start(Kind::List(Vec::new()), anchor, at)?,
            Event::MappingStart(anchor, _) => self.start(Kind::Map(Vec::new()), anchor, at)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let node = Node {
                        at: open.start..at.end.max(open.start),
                        kind: open.kind,
                        size: open.size,
                        height: open.height,
                    };
                    self.complete(node, open.anchor)?;
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).copied() {
                Some(node) => self.attach(node, at)?,
                None => {
                    let message = "this alias stands inside what it refers to".to_owned();
                    return Err(fault("endless-alias", at, message, "write the value out"));
                }
            },
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, kind: Kind, anchor: usize, at: Range<usize>) -> Result<(), Fault> {
        if let Some(parent) = self.open.last()
            && matches!(parent.kind, Kind::Map(_))
            && parent.key.is_none()
        {
            let message = "a mapping or list cannot be a key".to_owned();
            return Err(fault(
                "key-not-text",
                at,
                message,
                "keys are plain words; quote text that holds `{`, `[` or `: `",
            ));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(at.start));
        }
        self.open.push(Open { start: at.start, anchor, kind, key: None, seen: BTreeMap::new(), size: 1, height: 1 });
        Ok(())
    }

    fn leaf(&mut self, value: Value, text: &str, at: Range<usize>, anchor: usize) -> Result<(), Fault> {
        if self.open.last().is_some_and(|open| matches!(open.kind, Kind::Map(_)) && open.key.is_none()) {
            return self.key(text, at);
        }
        let node = Node { at, kind: Kind::Scalar(value), size: 1, height: 1 };
        self.complete(node, anchor)
    }

    fn key(&mut self, text: &str, at: Range<usize>) -> Result<(), Fault> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        if let Some(first) = open.seen.get(text).filter(|_| self.faults.len() < MAX_FAULTS) {
            let line = self.text[..first.start].lines().count().max(1);
            self.faults.push(fault(
                "duplicate-key",
                at.clone(),
                format!("`{text}` stands twice in the same mapping; the first is on line {line}"),
                "remove one of them",
            ));
        }
        if text == "<<" && self.faults.len() < MAX_FAULTS {
            self.faults.push(fault(
                "merge-key",
                at.clone(),
                "merge keys (`<<`) are not part of YAML 1.2 and are not supported".to_owned(),
                "write the keys out, or use an alias for a whole value (`network: *home`)",
            ));
        }
        open.seen.insert(text.to_owned(), at.clone());
        open.key = Some((text.to_owned(), at));
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        let at = node.at.clone();
        self.nodes.push(node);
        let id = self.nodes.len() - 1;
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        self.attach(id, at)
    }

    /// Puts a node into the mapping or list that is open.
    fn attach(&mut self, id: usize, at: Range<usize>) -> Result<(), Fault> {
        let (size, height) = (self.nodes[id].size, self.nodes[id].height);
        let Some(open) = self.open.last_mut() else {
            self.root = Some(id);
            return Ok(());
        };
        open.size = open.size.saturating_add(size);
        open.height = open.height.max(height + 1);
        if open.size > MAX_NODES || open.height + self.open.len() > MAX_DEPTH + 2 {
            let message = format!("aliases and lists make this more than {MAX_NODES} values or {MAX_DEPTH} levels");
            return Err(fault("too-many-values", at, message, "no scenario needs that; put data into a CSV file"));
        }
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        match &mut open.kind {
            Kind::List(items) => items.push(id),
            Kind::Map(entries) => match open.key.take() {
                // a repeated key (reported already): the last one stands
                Some((key, key_at)) => entries.push(Entry { key, key_at, value: id }),
                None => {
                    return Err(fault("key-not-text", at, "an alias cannot be a key".to_owned(), "write the key out"));
                }
            },
            Kind::Scalar(_) => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<(Index, Vec<Fault>), Fault> {
        let help = "begin with `name: my-scenario`; the folder `scenarios` has complete examples";
        let empty = |root: &usize| matches!(self.nodes[*root].kind, Kind::Scalar(Value::Null));
        match self.root {
            None => Err(fault("empty", 0..0, "the file is empty".to_owned(), help)),
            Some(root) if empty(&root) => {
                Err(fault("empty", 0..0, "the file holds nothing but comments".to_owned(), help))
            }
            Some(root) if !matches!(self.nodes[root].kind, Kind::Map(_)) => {
                let at = self.nodes[root].at.clone();
                Err(fault("not-a-mapping", at, "a scenario is a mapping of keys to values".to_owned(), help))
            }
            Some(root) => Ok((Index { nodes: self.nodes, root }, self.faults)),
        }
    }
}

fn fault(code: &'static str, at: Range<usize>, message: String, help: impl Into<String>) -> Fault {
    Fault { code, at, message, help: help.into() }
}

fn too_deep(at: usize) -> Fault {
    let message = format!("nesting is deeper than {MAX_DEPTH} levels");
    fault("too-deep", at..at, message, "no scenario needs that; check the brackets and the indentation")
}

/// Characters that nobody means to write and that YAML readers disagree about.
fn odd(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The tab that indents the line of a syntax error, or else the line with text before or after it.
fn tab(text: &str, at: usize) -> Option<usize> {
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let with_text = |line: &(usize, &str)| !line.1.trim().is_empty();
    let mut from = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        from += line.len();
        (from - line.len(), line)
    });
    let (before, since): (Vec<_>, Vec<_>) = lines.filter(with_text).partition(|(from, _)| *from < start);
    let tab_of = |(from, line): &(usize, &str)| {
        let indent = &line[..line.len() - line.trim_start().len()];
        indent.find('\t').map(|tab| from + tab)
    };
    since.first().and_then(tab_of).or_else(|| before.last().and_then(tab_of)).or_else(|| since.get(1).and_then(tab_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Step {
        Step::Key(text.to_owned())
    }

    #[test]
    fn finds_keys_and_values_behind_wide_characters() {
        let text = "# über alles\r\nname: ü\r\nlist:\r\n  - {a: 1}\r\n  - {a: x, b.c: 2}\r\n";
        let (index, faults) = Index::read(text).unwrap();
        assert!(faults.is_empty());
        let at = |path: &[Step]| &text[index.find(path).value];
        assert_eq!(at(&[key("name")]), "ü");
        assert_eq!(at(&[key("list"), Step::Item(1, None), key("a")]), "x");
        assert_eq!(at(&[key("list"), Step::Item(1, None), key("b"), key("c")]), "2");
        assert_eq!(index.find(&[key("list"), Step::Item(7, None)]).found, 1);
    }

    #[test]
    fn one_mapping_answers_for_a_list_of_one() {
        let text = "clients: {count: 5}";
        let (index, _) = Index::read(text).unwrap();
        let place = index.find(&[key("clients"), Step::Item(0, None), key("count")]);
        assert_eq!((&text[place.value], place.found), ("5", 3));
    }

    #[test]
    fn aliases_are_followed_within_a_budget() {
        let (index, _) = Index::read("a: &x {b: 1}\nc: *x").unwrap();
        assert_eq!(index.value()["c"]["b"], Value::Number(1.into()));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            bomb.push_str(&format!("a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(10)));
        }
        assert_eq!(Index::read(&bomb).unwrap_err().code, "too-many-values");
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for n in 1..5_000 {
            chain.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
        }
        assert_eq!(Index::read(&chain).unwrap_err().code, "too-many-values");
    }
}
