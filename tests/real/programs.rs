//! The real programs: where they are, and that they end with their test.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ports::while_nothing_starts;
use super::wire::PATIENCE;

/// Says once why something is not compared, past the test harness, which keeps the words of tests that pass.
pub fn skip(reason: String) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&reason) {
        drop(writeln!(std::io::stderr(), "skipped: {reason}"));
        said.insert(reason);
    }
}

/// Where a program is; without it, says so.
///
/// # Panics
/// Without it, where it is required.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // where Debian has them, and where the PATH of a user does not lead
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        let required = std::env::var_os("REAL_PROGRAMS").is_some_and(|value| value == "required");
        assert!(!required, "{name} is required, and not installed");
        skip(format!("{name} is neither on PATH nor in /usr/sbin"));
    }
    found
}

/// An installed program.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    name: &'static str,
    /// Such as [1, 22, 1].
    pub version: Vec<u32>,
}

impl Program {
    /// The program of this name; without it, says so.
    ///
    /// # Panics
    /// Without it, where it is required.
    pub fn find(name: &'static str) -> Option<Program> {
        let path = installed(name)?;
        let output = while_nothing_starts(|| Command::new(&path).arg("-v").output())
            .unwrap_or_else(|error| panic!("{name} -v: {error}"));
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let numbers = said.split(|c: char| !(c.is_ascii_digit() || c == '.')).find(|text| text.contains('.'));
        let version = numbers.unwrap_or_default().split('.').filter_map(|number| number.parse().ok()).collect();
        Some(Program { path, name, version })
    }
    /// A command that runs it, with nothing to read and its words kept in a file.
    pub fn command(&self, log: &Path) -> Command {
        let file =
            || std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a file of our own folder");
        let mut command = Command::new(&self.path);
        command.stdin(Stdio::null()).stdout(file()).stderr(file());
        command
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version: Vec<String> = self.version.iter().map(u32::to_string).collect();
        write!(f, "{} {}", self.name, version.join("."))
    }
}

/// A process that ends when this goes, whatever becomes of the test.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it, and waits until it listens on its port; `None` when it ended instead.
    pub fn start(mut command: Command, port: u16) -> Option<Process> {
        let mut process =
            Process(while_nothing_starts(|| command.spawn()).expect("the program was there a moment ago"));
        let pause = Duration::from_millis(5);
        for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
            if process.0.try_wait().expect("it is our own").is_some() {
                return None;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Some(process);
            }
            std::thread::sleep(pause);
        }
        panic!("the program does not listen on port {port}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // one that has ended already needs no end
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
