//! Kubernetes objects with the places of their fields.

use std::fmt;
use std::rc::Rc;

use super::finding::Place;
use super::tree::Node;

/// Where a value of the scenario comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A field of a file.
    Read { file: Rc<str>, line: usize, field: String },
    /// Nowhere: with the reason.
    Assumed(String),
}

impl Origin {
    pub fn assumed(reason: impl Into<String>) -> Origin {
        Origin::Assumed(reason.into())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Read { file, line, field } => write!(f, "{file}:{line} {field}"),
            Origin::Assumed(reason) => write!(f, "assumed: {reason}"),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Known<T> {
    pub value: T,
    pub from: Origin,
}

impl<T> Known<T> {
    pub fn assumed(value: T, reason: impl Into<String>) -> Known<T> {
        Known { value, from: Origin::assumed(reason) }
    }
    /// True when it stands in a file.
    pub fn is_read(&self) -> bool {
        matches!(self.from, Origin::Read { .. })
    }
}

/// An object of the Kubernetes API.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub file: Rc<str>,
    pub node: Rc<Node>,
    pub api: String,
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
}

/// A field that is there.
#[derive(Clone, Debug)]
pub(super) struct Field<'o> {
    pub node: &'o Node,
    pub line: usize,
    pub place: Place,
    pub from: Origin,
}

impl<'o> Field<'o> {
    pub fn text(&self) -> Option<&'o str> {
        self.node.text()
    }
    /// The text with its origin.
    pub fn known(&self) -> Option<Known<String>> {
        Some(Known { value: self.text()?.to_owned(), from: self.from.clone() })
    }
    /// A whole number with its origin.
    pub fn number(&self) -> Option<Known<u64>> {
        Some(Known { value: self.text()?.trim().parse().ok()?, from: self.from.clone() })
    }
}

impl Object {
    /// What it is called in messages.
    pub fn label(&self) -> Rc<str> {
        format!("{} `{}`", self.kind, self.name).into()
    }
    /// The API group: `apps` of `apps/v1`; empty for the core.
    pub fn group(&self) -> &str {
        group(&self.api)
    }
    /// A line of it.
    pub fn place(&self, line: usize) -> Place {
        Place { file: Rc::clone(&self.file), line, object: self.label() }
    }
    /// Its name, for findings about the object as a whole.
    pub fn named(&self) -> Place {
        let line = self.node.at("metadata.name").map_or(self.node.line, |name| name.line);
        self.place(line)
    }
    /// The field at a path such as `spec.replicas`, unless it is empty.
    pub fn field(&self, path: &str) -> Option<Field<'_>> {
        self.below(&self.node, "", path)
    }
    /// The field at a path below a node of this object, itself at `base`.
    pub fn below<'o>(&self, node: &'o Node, base: &str, path: &str) -> Option<Field<'o>> {
        let entry = node.at(path).filter(|entry| !entry.value.is_null())?;
        let field = if base.is_empty() { path.to_owned() } else { format!("{base}.{path}") };
        Some(self.entry(&entry.value, entry.line, field))
    }
    /// A field whose place is known.
    pub fn entry<'o>(&self, node: &'o Node, line: usize, field: impl Into<String>) -> Field<'o> {
        let from = Origin::Read { file: Rc::clone(&self.file), line, field: field.into() };
        Field { node, line, place: self.place(line), from }
    }
    pub fn text(&self, path: &str) -> Option<&str> {
        self.node.text_at(path)
    }
    /// All annotations.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, Field<'_>)> {
        let all = self.node.at("metadata.annotations").map_or(&[][..], |entry| entry.value.entries());
        all.iter().map(|entry| (entry.key.as_str(), self.entry(&entry.value, entry.line, entry.key.clone())))
    }
    /// An annotation by its whole name.
    pub fn annotation(&self, name: &str) -> Option<Field<'_>> {
        let all = self.node.at("metadata.annotations")?;
        let entry = all.value.entry(name)?;
        Some(self.entry(&entry.value, entry.line, name))
    }
    /// Its namespace; `default` when it names none.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
    /// How this object may reach one in that other namespace.
    pub fn reaches(&self, other: &Object) -> Reach {
        match (&self.namespace, &other.namespace) {
            _ if self.namespace() == other.namespace() => Reach::Same,
            (Some(_), Some(_)) => Reach::Never,
            _ => Reach::IfApplied,
        }
    }
}

/// The API group of a version.
pub(super) fn group(api: &str) -> &str {
    api.split_once('/').map_or("", |(group, _)| group)
}

/// Whether two objects are in one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Same,
    /// When the one without a namespace is applied to that of the other.
    IfApplied,
    Never,
}
