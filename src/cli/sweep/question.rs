//! From what was typed to a folder with a plan; every point is checked before anything runs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::held::{Draft, Held, scenario_with};
use crate::cli::Failure;
use crate::cli::args::{Runs, SweepQuestion, Threads};
use crate::cli::kind::Kind;
use crate::cli::study::{bad_scenario, load_text};
use crate::scenario::{self, Files, Folder, Scenario, Source};
use crate::study::{self, Options, Points};

/// Longest table of points.
const MAX_TABLE_BYTES: u64 = 64 << 20;

/// Notes which files are read.
struct Noted<'f> {
    files: &'f Folder,
    names: RefCell<BTreeSet<String>>,
}

impl Files for Noted<'_> {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        self.names.borrow_mut().insert(name.to_owned());
        self.files.open(name)
    }
}

/// The folder of what is asked, written or found; true when it is new.
pub fn held(args: &SweepQuestion, runs: &Runs, threads: Threads) -> Result<(Held, bool), Failure> {
    let name =
        if args.scenario == Path::new("-") { "standard input".to_owned() } else { args.scenario.display().to_string() };
    let text = match load_text(&args.scenario)? {
        Some(text) => text,
        None => scenario::read(&args.scenario).map_err(bad_scenario)?,
    };
    let files = Folder::beside(&args.scenario);
    let set = runs.list();
    let parsed = |changes: &[String]| -> Result<(Scenario, BTreeSet<String>), Failure> {
        let noted = Noted { files: &files, names: RefCell::default() };
        let source = Source { name: &name, text: &text, folder: &noted };
        let scenario = scenario_with(source, changes, &runs.scenario.expect)?;
        Ok((scenario, noted.names.into_inner()))
    };
    let (base, mut names) = parsed(&set)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("output").join(&base.name).join("sweep"));
    Kind::Sweep.check(&out)?;
    let points = points(args, &base)?;
    let stop = AtomicBool::new(false);
    let one = |point: &usize| -> Result<Option<Result<BTreeSet<String>, Failure>>, study::StudyError> {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let read = parsed(&[&set[..], &points.changes(*point)].concat()).map(|(_, names)| names);
        stop.fetch_or(read.is_err(), Ordering::Relaxed);
        Ok(Some(read.map_err(|failure| at_point(failure, &points, *point))))
    };
    let all: Vec<usize> = (0..points.len()).collect();
    let options = Options { variants: true, threads: threads.number(), progress: &|_| Ok(()) };
    for read in study::in_parallel(&all, &options, one).map_err(Failure::from)?.into_iter().flatten() {
        names.append(&mut read?);
    }
    // how the file is called, not where it lies on this machine
    let called = args.scenario.file_name().filter(|_| name != "standard input");
    let called = called.map_or(name.clone(), |file| file.to_string_lossy().into_owned());
    let draft = Draft {
        scenario: called,
        text: text.clone(),
        files: &files,
        names: names.into_iter().collect(),
        set: set.clone(),
        expect: runs.scenario.expect.clone(),
        points: points.clone(),
    };
    Held::write(&out, draft)
}

/// A failure with the point at which it was found, whose values were not given with `--set`.
fn at_point(failure: Failure, points: &Points, point: usize) -> Failure {
    let place = format!("at point {point} of {} (counted from 0): {}", points.len(), points.words(point));
    match failure {
        Failure::Problems(rendered) => {
            let own = |rendered: String, change: &String| {
                rendered.replace(&format!("in `--set {change}`"), &format!("in `{change}`, a value of this point"))
            };
            let rendered = points.changes(point).iter().fold(rendered, own);
            Failure::Problems(format!("{}\n\n{place}", rendered.trim_end()))
        }
        Failure::Input(message) => Failure::Input(format!("{message}\n{place}")),
        other => other,
    }
}

fn points(args: &SweepQuestion, base: &Scenario) -> Result<Points, Failure> {
    let bad = |option: &str, what: String| Failure::Input(format!("{option}{what}"));
    if let Some(path) = &args.points {
        let shown = path.display();
        let mut bytes = Vec::new();
        let read = scenario::open_file(path).and_then(|file| file.take(MAX_TABLE_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|error| bad("", format!("cannot read the points in `{shown}`: {error}")))?;
        if bytes.len() as u64 > MAX_TABLE_BYTES {
            return Err(bad("", format!("`{shown}` is longer than 64 MiB; sweep its points in several parts")));
        }
        let text = String::from_utf8(bytes).map_err(|_| bad("", format!("`{shown}` is not UTF-8 text")))?;
        return Points::table(&text).map_err(|what| bad("", format!("`{shown}`: {what}")));
    }
    if let Some(count) = args.lhs {
        return Points::latin_hypercube(&args.range, count as usize, base.seed).map_err(|what| bad("--lhs: ", what));
    }
    let axes = if args.axis.is_empty() { base.axes() } else { args.axis.clone() };
    if axes.is_empty() {
        let help =
            "write for example `--axis pods.replicas=3,5,8`, or `sweep: {pods.replicas: [3, 5, 8]}` into the scenario";
        return Err(bad("", format!("nothing is swept; {help}")));
    }
    Points::grid(&axes).map_err(|what| bad("", what))
}
