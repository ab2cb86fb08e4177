//! What is wrong with a scenario, as sentences with a place.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

pub use crate::words::nearest;
use crate::words::readable;

/// Most problems that are shown; more would not help anybody.
pub const MAX_SHOWN: usize = 50;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable code, such as `unknown-key`.
    pub code: &'static str,
    /// Where it stands, such as `pods.costs.send`; empty for the file as a whole.
    pub path: String,
    /// Line from 1; 0 when the problem has no place in the file.
    pub line: usize,
    /// Column in characters from 1; 0 when the problem has no place in the file.
    pub column: usize,
    /// What was found and why it cannot stand.
    pub message: String,
    /// What is accepted, or what to write instead; may be empty.
    pub help: String,
    /// Bytes of the text.
    pub(crate) at: Option<Range<usize>>,
    /// The `--set` it comes from, if any.
    pub(crate) setting: Option<String>,
}

impl Problem {
    /// A problem whose place is looked up later.
    pub(crate) fn new(
        code: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        Problem {
            code,
            path: path.into(),
            line: 0,
            column: 0,
            message: message.into(),
            help: help.into(),
            at: None,
            setting: None,
        }
    }

    /// Puts it at these bytes of a text.
    pub(crate) fn place(&mut self, text: &str, at: Range<usize>) {
        let start = floor(text, at.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        self.line = before.matches('\n').count() + 1;
        self.column = before[line_start..].chars().count() + 1;
        self.at = Some(start..floor(text, at.end.max(start)));
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Everything that is wrong with a scenario.
#[derive(Clone, Debug)]
pub struct Problems {
    name: String,
    text: String,
    list: Vec<Problem>,
}

impl Problems {
    /// Problems of the text called `name`; ordered by place, repeated ones dropped.
    pub(crate) fn new(name: &str, text: &str, mut list: Vec<Problem>) -> Problems {
        list.sort_by(|a, b| (a.line, a.column, &a.path, a.code).cmp(&(b.line, b.column, &b.path, b.code)));
        list.dedup_by(|a, b| a.code == b.code && a.line == b.line && a.column == b.column && a.message == b.message);
        Problems { name: name.to_owned(), text: text.to_owned(), list }
    }

    /// The problems in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }
    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them for a terminal, each with the line it is about.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.term_width(120);
        let shown = self.list.len().min(MAX_SHOWN);
        let mut out = String::new();
        for problem in &self.list[..shown] {
            out.push_str(self.render_one(&renderer, problem).trim_end());
            out.push_str("\n\n");
        }
        if self.list.len() > shown {
            out.push_str(&format!("… and {} more\n", self.list.len() - shown));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }

    fn render_one(&self, renderer: &Renderer, problem: &Problem) -> String {
        let message = readable(&problem.message);
        let title = Level::ERROR.primary_title(message.as_str()).id(problem.code);
        let lines = problem.at.clone().map(|at| excerpt(&self.text, at));
        let mut group = match (&lines, &problem.setting) {
            (_, Some(setting)) => {
                let message = format!("in `--set {}`", readable(setting));
                annotate_snippets::Group::with_title(title).element(Level::NOTE.message(message))
            }
            (Some((text, at)), None) => {
                let label = if problem.path.is_empty() { String::new() } else { readable(&problem.path) };
                let annotation = AnnotationKind::Primary.span(at.clone());
                let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
                let snippet = Snippet::source(text.clone()).line_start(problem.line).path(self.name.as_str());
                title.element(snippet.annotation(annotation))
            }
            (None, None) => {
                let place =
                    if problem.line > 0 { format!("{}:{}", self.name, problem.line) } else { self.name.clone() };
                annotate_snippets::Group::with_title(title).element(Level::NOTE.message(format!("in {place}")))
            }
        };
        if !problem.help.is_empty() {
            group = group.element(Level::HELP.message(readable(&problem.help)));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// The line around `at` (a window of it when it is very long) and the place within.
fn excerpt(text: &str, at: Range<usize>) -> (String, Range<usize>) {
    const WINDOW: usize = 200;
    let line_start = text[..at.start].rfind('\n').map_or(0, |n| n + 1);
    let line_end = text[at.start..].find(['\n', '\r']).map_or(text.len(), |n| at.start + n);
    let from = if at.start - line_start > WINDOW { floor(text, at.start - WINDOW / 2) } else { line_start };
    let to = if line_end - at.start > WINDOW { floor(text, at.start + WINDOW) } else { line_end };
    let line: String = text[from..to]
        .chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    // control characters are replaced one for one, but not byte for byte
    let bytes = |range: Range<usize>| -> usize {
        text[range]
            .chars()
            .map(|c| {
                if c == '\t' {
                    1
                } else if c.is_control() {
                    3
                } else {
                    c.len_utf8()
                }
            })
            .sum()
    };
    let start = bytes(from..at.start);
    let end = start + bytes(at.start..at.end.clamp(at.start, to));
    let end = if end > start { end } else { (start + 1).min(line.len()) };
    let end = (end..=line.len()).find(|&e| line.is_char_boundary(e)).unwrap_or(line.len());
    (line, start..end.max(start))
}
