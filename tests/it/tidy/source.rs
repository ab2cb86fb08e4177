//! Source text with comments and literals blanked, so that checks look at code only.

use std::path::Path;

/// A file of the repository.
pub struct Source {
    /// Path from the root of the repository, with slashes.
    pub path: String,
    /// As it stands.
    pub raw: String,
    /// The same with comments, string and character literals blanked; line ends and lengths stay. For `.rs` only.
    pub code: String,
}

impl Source {
    /// A file with this text.
    pub fn new(path: &str, raw: &str) -> Source {
        let code = if path.ends_with(".rs") { blanked(raw) } else { String::new() };
        Source { path: path.to_owned(), raw: raw.to_owned(), code }
    }
    /// Every text file under `root` that is not built, downloaded or produced; in order of path.
    pub fn all(root: &Path) -> Vec<Source> {
        let mut sources = Vec::new();
        collect(root, "", &mut sources);
        sources
    }
    /// The line, counted from 1, that this byte stands in.
    pub fn line_of(&self, at: usize) -> usize {
        1 + self.code.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count()
    }
    /// Every place where `word` stands in the code with no identifier character on either side.
    pub fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let bytes = self.code.as_bytes();
        self.code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
            let inside = |b: Option<&u8>| b.is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_');
            !inside(at.checked_sub(1).and_then(|before| bytes.get(before))) && !inside(bytes.get(at + word.len()))
        })
    }
}

/// Folders that hold no source of ours.
const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", "corpus", "artifacts"];

fn collect(folder: &Path, prefix: &str, sources: &mut Vec<Source>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().expect("a type");
        if path == "output" {
            continue; // what runs wrote
        }
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(&entry.path(), &format!("{path}/"), sources);
        } else if kind.is_file()
            && name != ".git" // a worktree's pointer to its repository
            && let Ok(raw) = String::from_utf8(std::fs::read(entry.path()).expect("a file"))
        {
            sources.push(Source::new(&path, &raw));
        }
    }
}

/// Replaces comments and the contents of literals by blanks, byte for byte.
fn blanked(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(out).expect("whole literals were blanked")
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none starts there.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let after_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => at + rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => at + block_comment(rest),
        [b'"', ..] => at + quoted(rest, b'"'),
        [b'r', b'"' | b'#', ..] if !after_word || bytes[at - 1] == b'b' => at + raw_string(rest),
        // A lifetime has no closing quote two or more bytes on; `'\x'` and `'c'` have.
        [b'\'', b'\\', ..] => at + quoted(rest, b'\''),
        [b'\'', ..] => {
            let text = String::from_utf8_lossy(&rest[1..rest.len().min(8)]);
            let first = text.chars().next().map_or(0, char::len_utf8);
            if first > 0 && rest.get(1 + first) == Some(&b'\'') { at + first + 2 } else { at }
        }
        _ => at,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|&&b| b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0; // a raw identifier
    }
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = 2 + hashes;
    rest[body..]
        .windows(close.len())
        .position(|window| window == close)
        .map_or(rest.len(), |end| body + end + close.len())
}

#[test]
fn only_code_is_left() {
    let text = r##"let a = "use crate::x"; // crate::y
let b = r#"crate::"z"#; let c = '"'; let d: &'static str = b"\""; /* a /* b */ c */ e('\'')"##;
    let code = Source::new("a.rs", text).code;
    assert_eq!(code.len(), text.len());
    assert_eq!(
        code.split_whitespace().collect::<Vec<_>>().join(" "),
        "let a = ; let b = ; let c = ; let d: &'static str = b ; e( )"
    );
}
