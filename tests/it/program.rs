//! The program as its users start it: a folder of their own, and what they get back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A scenario that has something of everything and runs in a few hundredths of a second.
pub const TINY: &str = "\
name: tiny
title: Tiny & <small>
duration: 20s
replications: 2
clients:
  - name: homes
    count: 30
    network: {preset: home}
  - name: phones
    arrivals: {rate: 2/s, profile: {at: [[0s, 1.0], [10s, 2.0]]}}
    session: {exp: 10s}
    network: {preset: cellular, address_change: {every: {exp: 10s}}}
traffic:
  - api: {every: {exp: 2s}, work: {lognormal: {mean: 3ms, cv: 1}}}
  - emit: {every: {exp: 3s}, to: room, bytes: 300}
server_traffic:
  - tick: {every: 1s, to: all}
rooms: {sizes: {empirical: [[3, 50%], [6, 50%]]}, per_client: 2}
balancers: [{ingress-nginx: {affinity: cookie}}]
pods: {replicas: 3, startup: {lognormal: {median: 1s, p95: 2s}}, memory: 512Mi}
timeline:
  - {at: 8s, rolling_restart: {}}
  - {at: 15s, crash: {pod: random}}
expect: [mean event.latency < 10h, lost.messages < 100%]
variants:
  none: {balancers: [{nginx: {}}]}
  ip-hash: {balancers: [{nginx: {method: ip_hash}}], pods.replicas: 4}
  cookie: {}
";

/// Recorded requests, as they stand beside a scenario.
pub const TRACE: &str = "at_ms,client,address\n0,ann,192.0.2.1\n0,bob,192.0.2.200\n900.5,ann,192.0.2.1\n\
    4000,cid,2001:db8::1\n9000,bob,198.51.100.3\n9000,ann,192.0.2.1\n";

/// A scenario that plays [`TRACE`].
pub const REPLAY: &str = "\
name: played
replications: 2
clients: {trace: logs/day.csv}
variants: {none: {balancers: [{nginx: {}}]}, ip-hash: {balancers: [{nginx: {method: ip_hash}}]}}
";

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Refused as bad input: exit code 2, a message, nothing on standard output.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        assert!(self.err.starts_with("error"), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is not in: {}", self.err);
        }
    }
    /// Ended well and without a word on standard error.
    #[track_caller]
    pub fn fine(&self) -> &str {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        &self.out
    }
}

/// A folder to work in.
pub struct Place(TempDir);

impl Place {
    /// An empty one.
    pub fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }
    /// One with `tiny.yaml`, and `played.yaml` with its trace.
    pub fn furnished() -> Place {
        let place = Place::new();
        place.write("tiny.yaml", TINY);
        place.write("played.yaml", REPLAY);
        place.write("logs/day.csv", TRACE);
        place
    }
    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    /// Reads a text file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
    /// A command of the program in this folder, not yet started.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stickysim"));
        command.args(words.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }
    /// Runs the program with these words, split at blanks.
    pub fn run(&self, words: &str) -> Said {
        self.run_with(words, &[], b"")
    }
    /// Runs the program with more arguments, as they are, and something on standard input.
    pub fn run_with(&self, words: &str, more: &[&str], stdin: &[u8]) -> Said {
        let mut command = assert_cmd::Command::from_std({
            let mut command = self.command(words);
            command.args(more);
            command
        });
        let output = command.write_stdin(stdin).output().unwrap();
        said(output)
    }
    /// Runs a line of the shell in this folder; `stickysim` is the program.
    pub fn shell(&self, line: &str) -> Said {
        let program = env!("CARGO_BIN_EXE_stickysim");
        let line = format!("set -o pipefail; stickysim() {{ '{program}' \"$@\"; }}; {line}");
        said(Command::new("bash").args(["-c", &line]).current_dir(self.0.path()).output().unwrap())
    }
    /// Every file below a folder of this one: path with `/` to content.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path(folder), "", &mut files);
        files
    }
    /// Asserts that two folders hold the same files with the same bytes.
    #[track_caller]
    pub fn assert_same(&self, a: &str, b: &str) {
        let (left, right) = (self.files(a), self.files(b));
        assert!(!left.is_empty(), "{a} is empty");
        assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
        for (name, bytes) in &left {
            let (x, y) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&right[name]));
            let differs = x.lines().zip(y.lines()).position(|(x, y)| x != y);
            let line = differs.unwrap_or(x.lines().count().min(y.lines().count()));
            let show = |text: &str| text.lines().nth(line).unwrap_or("(end)").chars().take(300).collect::<String>();
            assert!(x == y, "{name}, line {}:\n  {a}: {}\n  {b}: {}", line + 1, show(&x), show(&y));
        }
    }
    /// `summary.json` in a folder.
    pub fn summary(&self, folder: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(&format!("{folder}/summary.json"))).unwrap()
    }
}

fn said(output: std::process::Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("the program speaks UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}
