//! The invariants of the architecture, read off the sources.

mod source;

use std::collections::BTreeSet;
use std::path::Path;

use source::Source;

/// Who may import whom. The second part of a pair names the only parts of that room that are open; none = all of it.
type Allowed = &'static [(&'static str, &'static [&'static str])];
const ROOMS: [(&str, Allowed); 13] = [
    ("engine", &[]),
    ("words", &[]),
    ("metrics", &[("engine", &[])]),
    ("cluster", &[("engine", &[]), ("metrics", &[])]),
    // an import asks the balancers whether they take the settings that it found
    ("import", &[("engine", &[]), ("words", &[]), ("cluster", &["spec", "balancer"])]),
    ("scenario", &[("engine", &[]), ("words", &[]), ("metrics", &[]), ("cluster", &["spec", "balancer", "adapter"])]),
    ("study", &[("engine", &[]), ("metrics", &[]), ("cluster", &[]), ("scenario", &[])]),
    ("report", &[("metrics", &[]), ("study", &[])]),
    // decisions without a cluster: only what a balancer is, how several stand in a row, and what addresses pods and clients have
    (
        "route",
        &[
            ("engine", &[]),
            ("cluster", &["balancer", "path", "spec", "MOST_REDIRECTS", "PodId", "pod_address", "draw_v4"]),
        ],
    ),
    // the law of the adapters, and tables as route prints them
    ("adapter", &[("cluster", &["adapter"]), ("route", &["text"])]),
    // clusters that have closed forms, run as a study runs them
    (
        "selftest",
        &[
            ("engine", &[]),
            ("metrics", &[]),
            ("cluster", &[]),
            ("study", &[]),
            ("report", &["number"]),
            ("route", &["text"]),
        ],
    ),
    (
        "cli",
        &[
            ("engine", &[]),
            ("metrics", &[]),
            ("cluster", &[]),
            ("import", &[]),
            ("scenario", &[]),
            ("study", &[]),
            ("report", &[]),
            ("route", &[]),
            ("adapter", &[]),
            ("selftest", &[]),
        ],
    ),
    ("main", &[("cli", &[])]),
];
/// The library of this package as its binary names it.
const LIBRARY: &str = "stickysim";
const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 90;

fn repository() -> Vec<Source> {
    Source::all(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// Fails with all findings at once.
#[track_caller]
fn none(findings: &[String], what_to_do: &str) {
    assert!(findings.is_empty(), "{what_to_do}:\n  {}\n", findings.join("\n  "));
}

// ---------------------------------------------------------------------------------------------------------- imports

#[test]
fn rooms_import_only_what_the_architecture_allows() {
    none(
        &forbidden_imports(&repository()),
        "these imports are against docs/ARCHITECTURE.md; see ROOMS in tests/it/tidy.rs",
    );
}

#[test]
fn no_circle_of_imports() {
    none(&circles(&repository()), "these imports form a circle");
}

/// The imports between rooms of which each needs another one to be there first.
fn circles(sources: &[Source]) -> Vec<String> {
    let mut left: Vec<Import> = sources.iter().flat_map(imports).collect();
    loop {
        // A room that imports nothing (any more) is in no circle; so are imports of it.
        let importing: BTreeSet<String> = left.iter().map(|import| import.from.clone()).collect();
        let before = left.len();
        left.retain(|import| importing.contains(&import.room));
        if left.len() == before {
            return left.into_iter().map(|import| import.shown).collect();
        }
    }
}

/// One mention of another room.
struct Import {
    from: String,
    room: String,
    /// What of it, where the path goes on.
    part: Option<String>,
    /// `path:line: text`, for messages.
    shown: String,
}

fn forbidden_imports(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for import in sources.iter().flat_map(imports) {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == import.from) else {
            findings.push(format!("{}: `{}` is not a room of the architecture", import.shown, import.from));
            continue;
        };
        let open = allowed.iter().find(|(room, _)| *room == import.room).map(|(_, parts)| *parts);
        match (open, import.part.as_deref()) {
            (None, _) => findings.push(format!("{}: {} must not import {}", import.shown, import.from, import.room)),
            (Some([]), _) => {}
            (Some(parts), Some(part)) if parts.contains(&part) => {}
            (Some(parts), _) => {
                let (from, room) = (&import.from, &import.room);
                findings.push(format!("{}: {from} may import of {room} only {}", import.shown, parts.join(", ")));
            }
        }
    }
    findings
}

/// The rooms that a file of `src` mentions, other than its own. The root (`lib.rs`) may mention all.
fn imports(source: &Source) -> Vec<Import> {
    let Some(modules) = module_path(&source.path) else { return Vec::new() };
    let Some(own) = modules.first().cloned() else { return Vec::new() };
    let mut paths = Vec::new();
    for root in ["crate", LIBRARY] {
        paths.extend(source.words(root).map(|at| (at, at + root.len())));
    }
    let mut supers_end = 0;
    for at in source.words("super").filter(|&at| !source.code[..at].ends_with("super::")) {
        let chain = source.code[at..].split("::").take_while(|part| *part == "super").count();
        supers_end = (at + chain * "super::".len() - "::".len()).max(supers_end);
        if chain == modules.len() + inline_depth(&source.code[..at]) {
            paths.push((at, supers_end));
        }
    }
    let mut found = Vec::new();
    for (at, end) in paths {
        let Some(rest) = source.code[end..].strip_prefix("::") else { continue };
        for (room, part) in first_two(rest) {
            if room == own {
                continue;
            }
            let line = source.line_of(at);
            let text = source.raw.lines().nth(line - 1).unwrap_or_default().trim();
            found.push(Import { from: own.clone(), room, part, shown: format!("{}:{line}: {text}", source.path) });
        }
    }
    found
}

/// `src/a/b.rs` → [a, b]; `src/a/mod.rs` → [a]; `src/main.rs` → [main]; `src/lib.rs` → []. None outside of `src`.
fn module_path(path: &str) -> Option<Vec<String>> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inside = if inside == "lib" { "" } else { inside.strip_suffix("/mod").unwrap_or(inside) };
    Some(inside.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

/// How many `mod name {` are open at the end of this code.
fn inline_depth(code: &str) -> usize {
    let mut stack = Vec::new();
    let mut statement = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => {
                let head: Vec<&str> = code[statement..at].split_whitespace().collect();
                stack.push(matches!(head.as_slice(), [.., "mod", _]));
                statement = at + 1;
            }
            '}' => {
                stack.pop();
                statement = at + 1;
            }
            ';' => statement = at + 1,
            _ => {}
        }
    }
    stack.iter().filter(|&&is_mod| is_mod).count()
}

/// The first and second name of each path in `a::b`, `{a::b, c::{d, e}}` and so on.
fn first_two(rest: &str) -> Vec<(String, Option<String>)> {
    let mut pairs = Vec::new();
    for path in alternatives(rest) {
        let name = identifier(path);
        if name.is_empty() {
            continue;
        }
        match path[name.len()..].strip_prefix("::") {
            None => pairs.push((name.to_owned(), None)),
            Some(rest) => {
                for part in alternatives(rest) {
                    pairs.push((name.to_owned(), Some(identifier(part).to_owned())));
                }
            }
        }
    }
    pairs
}

fn identifier(text: &str) -> &str {
    &text[..text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())]
}

/// The members of `{a, b::{c, d}}`, or the text itself when it is no group.
fn alternatives(text: &str) -> Vec<&str> {
    let Some(inside) = text.strip_prefix('{') else { return vec![text] };
    let (mut members, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                members.push(inside[start..at].trim());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    members
}

#[test]
fn forbidden_imports_are_found_in_every_form() {
    for (path, text, finding) in [
        ("src/engine/x.rs", "use crate::metrics::Skew;", "engine must not import metrics"),
        ("src/engine/x.rs", "fn f() -> crate::cluster::spec::Trace {}", "engine must not import cluster"),
        ("src/engine/mod.rs", "use super::metrics::Skew;", "engine must not import metrics"),
        ("src/engine/a/b.rs", "use super::super::super::metrics;", "engine must not import metrics"),
        ("src/engine/x.rs", "mod tests { use super::super::super::metrics; }", "engine must not import metrics"),
        (
            "src/import/x.rs",
            "use crate::{engine::Span, cluster::{spec::Trace, flows}};",
            "import may import of cluster only spec",
        ),
        ("src/scenario.rs", "use crate::cluster::Cluster;", "scenario may import of cluster only spec, balancer"),
        ("src/report/x.rs", "use stickysim::cluster::Cluster;", "report must not import cluster"),
        ("src/main.rs", "use stickysim::study::Study;", "main must not import study"),
        ("src/attic/x.rs", "use crate::engine::Span;", "`attic` is not a room"),
    ] {
        let findings = forbidden_imports(&[Source::new(path, text)]).join("\n");
        assert!(findings.contains(finding), "{text}: {findings}");
    }
    for (path, text) in [
        ("src/engine/x.rs", "use super::time::Span; // crate::metrics\nuse crate::engine::Law;"),
        ("src/engine/mod.rs", "mod tests { use super::*; }"),
        ("src/engine/x.rs", "mod a { fn f() { x } } pub(crate) use super::rng::Stream;"),
        ("src/cluster/x.rs", "use crate::{engine::{Span, Law}, metrics::Skew};"),
        ("src/lib.rs", "pub use crate::study::Study;"),
        ("tests/it/x.rs", "use stickysim::study::Study;"),
    ] {
        assert_eq!(forbidden_imports(&[Source::new(path, text)]), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn circles_are_found() {
    let file = |path, text| Source::new(path, text);
    let a = file("src/a/x.rs", "use crate::b::X;\nuse crate::c::Y;");
    let b = file("src/b.rs", "use crate::c::X;");
    assert_eq!(circles(&[a, b]), Vec::<String>::new());
    let a = file("src/a/x.rs", "use crate::b::X;\nuse crate::d::Y;");
    let b = file("src/b.rs", "use crate::c::X;");
    let c = file("src/c/mod.rs", "use super::a::X;");
    assert_eq!(
        circles(&[a, b, c]),
        ["src/a/x.rs:1: use crate::b::X;", "src/b.rs:1: use crate::c::X;", "src/c/mod.rs:1: use super::a::X;"]
    );
}

// ------------------------------------------------------------------------------------------------------------- size

#[test]
fn files_and_functions_stay_readable() {
    let sources = repository();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/") && source.path.ends_with(".rs")) {
        let lines = source.raw.lines().count();
        if lines > MAX_FILE_LINES {
            findings.push(format!("{}: {lines} lines, more than {MAX_FILE_LINES}", source.path));
        }
        for (name, line, lines) in functions(source) {
            if lines > MAX_FUNCTION_LINES {
                findings.push(format!(
                    "{}:{line}: fn {name} has {lines} lines, more than {MAX_FUNCTION_LINES}",
                    source.path
                ));
            }
        }
    }
    none(&findings, "too long to be read in one go; is one of them two things?");
}

/// Name, first line and number of lines of every function with a body.
fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for at in source.words("fn") {
        let name = identifier(source.code[at + 2..].trim_start());
        let (mut depth, mut open) = (0, None);
        for (offset, c) in source.code[at..].char_indices() {
            match c {
                ';' if depth == 0 => break,
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                '{' => {
                    depth += 1;
                    open = open.or(Some(depth));
                }
                '}' => {
                    if open == Some(depth) {
                        let (first, last) = (source.line_of(at), source.line_of(at + offset));
                        found.push((name.to_owned(), first, last - first + 1));
                        break;
                    }
                    depth -= 1;
                }
                _ => {}
            }
            if depth < 0 {
                break; // a function type in an argument list or a field
            }
        }
    }
    found
}

#[test]
fn functions_are_measured() {
    let text = "fn a(x: [u8; 2]) -> u8 {\n  if x { b() }\n}\ntrait T { fn c(); fn d(f: fn(u8)) {\n\n} }";
    let lines = functions(&Source::new("src/x.rs", text));
    assert_eq!(lines, [("a".to_owned(), 1, 3), ("d".to_owned(), 4, 3)]);
}

// ------------------------------------------------------------------------------------------------------ other habits

#[test]
fn integration_tests_are_two_binaries() {
    let sources = repository();
    let mut findings = Vec::new();
    for source in &sources {
        let Some(name) = source.path.strip_prefix("tests/").and_then(|name| name.strip_suffix(".rs")) else { continue };
        // `real` runs other programs; all else is `it`.
        let Some((binary, module)) = name.split_once('/').filter(|(binary, _)| ["it", "real"].contains(binary)) else {
            findings.push(format!("{}: move it to tests/it/", source.path));
            continue;
        };
        let module = module.strip_suffix("/mod").unwrap_or(module);
        let main = format!("tests/{binary}/main.rs");
        let main = sources.iter().find(|source| source.path == main).expect("each has one");
        // Deeper files belong to these.
        if module != "main" && !module.contains('/') && !main.code.contains(&format!("mod {module};")) {
            findings.push(format!("{}: add `mod {module};` to {}", source.path, main.path));
        }
    }
    none(&findings, "these tests are in neither binary");
}

#[test]
fn nothing_is_left_for_later() {
    // In two halves, or this file would be its own finding.
    let marks = [concat!("FIX", "ME"), concat!("X", "XX")];
    let mut findings = Vec::new();
    for source in &repository() {
        for call in ["todo", "unimplemented", "dbg"] {
            for at in source.words(call).filter(|at| source.code[at + call.len()..].starts_with('!')) {
                findings.push(format!("{}:{}: {call}!", source.path, source.line_of(at)));
            }
        }
        for (at, _) in source.code.match_indices("#[ignore") {
            findings.push(format!("{}:{}: an ignored test", source.path, source.line_of(at)));
        }
        if source.path.ends_with(".rs") {
            findings.extend(lines_with(source, |line| marks.iter().any(|mark| line.contains(mark))));
        }
    }
    none(&findings, "finish or remove these");
}

#[test]
fn no_path_of_one_machine_is_in_the_tree() {
    let roots = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let starts_path = |line: &str, root: &str| {
        line.match_indices(root).any(|(at, _)| {
            // `framework/work/x` and `https://host/home/` are other things.
            !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~})>$*".contains(c))
        })
    };
    let mut findings = Vec::new();
    for source in &repository() {
        findings.extend(lines_with(source, |line| roots.iter().any(|root| starts_path(line, root))));
    }
    none(&findings, "these paths exist on one machine only");
}

#[test]
fn text_files_are_clean() {
    let mut findings = Vec::new();
    for source in &repository() {
        let ending = source.path.rsplit('.').next().unwrap_or_default();
        // Scenarios that are wrong on purpose, and recorded answers that are as they are.
        let deliberate = source.path.split('/').any(|part| part.starts_with("bad")) || ending == "snap";
        if deliberate {
            continue;
        }
        if !source.raw.is_empty() && !source.raw.ends_with('\n') && ending != "json" && ending != "svg" {
            findings.push(format!("{}: does not end with a line end", source.path));
        }
        if ["rs", "md", "yaml", "yml"].contains(&ending) {
            findings.extend(lines_with(source, |line| line.contains('\t') || line.ends_with([' ', '\r'])));
        }
    }
    none(&findings, "tabs, blanks at the end of a line, or no line end at the end");
}

#[test]
fn units_stand_last_in_names() {
    let mut findings = Vec::new();
    for source in repository().iter().filter(|source| source.path.starts_with("src/")) {
        for (at, word) in identifiers(&source.code) {
            if ["ms_", "ns_", "us_"].iter().any(|unit| word.starts_with(unit)) {
                findings.push(format!("{}:{}: {word}", source.path, source.line_of(at)));
            }
        }
    }
    none(&findings, "units stand last in names, as in `latency_ms`");
}

/// All identifiers and keywords with their places.
fn identifiers(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

#[test]
fn only_cli_and_study_may_be_impure() {
    let lints = ["disallowed_methods", "disallowed_types", "iter_over_hash_type", "unsafe_code"];
    let mut findings = Vec::new();
    for source in repository().iter().filter(|source| source.path.starts_with("src/")) {
        let exempt = ["src/cli/", "src/cli.rs", "src/study/", "src/study.rs"];
        if exempt.iter().any(|room| source.path.starts_with(room)) {
            continue;
        }
        for lint in lints {
            if (lint, source.path.as_str()) == ("unsafe_code", "src/engine/prefetch.rs") {
                continue; // docs/decisions/019
            }
            findings.extend(source.words(lint).map(|at| format!("{}:{}: {lint}", source.path, source.line_of(at))));
        }
        for call in ["println", "eprintln", "print", "eprint"] {
            let calls = source.words(call).filter(|at| source.code[at + call.len()..].starts_with('!'));
            findings.extend(calls.map(|at| format!("{}:{}: {call}!", source.path, source.line_of(at))));
        }
        if ["src/engine/", "src/metrics/", "src/cluster/"].iter().any(|room| source.path.starts_with(room)) {
            for path in ["std::fs", "std::env", "std::io", "serde_yaml"] {
                findings.extend(source.words(path).map(|at| format!("{}:{}: {path}", source.path, source.line_of(at))));
            }
        }
    }
    none(&findings, "only src/cli knows the terminal, clock, files and environment, and only src/study threads");
}

/// `path:line: text` of every line that this holds for.
fn lines_with(source: &Source, holds: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = source.raw.split('\n').enumerate().filter(|(_, line)| holds(line));
    lines.map(|(n, line)| format!("{}:{}: {}", source.path, n + 1, line.trim())).collect()
}
