//! The folder of a sweep: what was asked, with everything that is needed to answer it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::presence::Presence;
use super::store;
use crate::cli::Failure;
use crate::cli::kind::Kind;
use crate::cli::output::Folder;
use crate::cli::study::{bad_scenario, expecting};
use crate::scenario::{self, Files, Scenario, Source};
use crate::study::Points;

/// Name and version of the format of `plan.json`.
const FORMAT: &str = "stickysim-sweep/1";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Longest `plan.json` that is read.
const MAX_PLAN_BYTES: u64 = 1 << 30;
const PLAN: &str = "plan.json";
const SCENARIO: &str = "scenario.yaml";
/// What helps where a plan cannot be used any more. What stands in its folder is never replaced.
const ANEW: &str = "plan it anew into another folder";

/// `plan.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    format: String,
    /// Of the program: other versions may give other numbers.
    version: String,
    /// SHA-256 of everything that determines the results: all of this, the scenario and its files.
    pub hash: String,
    /// How messages call the scenario.
    pub scenario: String,
    /// What holds at every point, as `--set` takes it.
    pub set: Vec<String>,
    /// What is expected besides, as `--expect` takes it.
    pub expect: Vec<String>,
    /// The files that the scenario reads.
    files: Vec<HeldFile>,
    /// The points.
    pub points: Points,
}

/// A file beside the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct HeldFile {
    /// What the scenario calls it.
    name: String,
    /// Where it lies in the folder.
    held: String,
    sha256: String,
}

/// What is asked, before there is a folder.
pub struct Draft<'f> {
    /// How messages call the scenario.
    pub scenario: String,
    /// Its text.
    pub text: String,
    /// Where its files are.
    pub files: &'f dyn Files,
    /// Which of them it reads.
    pub names: Vec<String>,
    pub set: Vec<String>,
    pub expect: Vec<String>,
    pub points: Points,
}

/// A folder that holds a sweep. Others know that somebody works there for as long as this lives.
pub struct Held {
    folder: PathBuf,
    plan: Plan,
    text: String,
    /// `None` where the file system does not tell who works in it.
    presence: Option<Presence>,
}

/// The files of a scenario where the folder has them.
struct FilesOf<'h>(&'h Held);

impl Files for FilesOf<'_> {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        let file = self.0.plan.files.iter().find(|file| file.name == name);
        let file = file.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the sweep does not hold it"))?;
        scenario::open_file(&self.0.folder.join(&file.held))
    }
}

/// A scenario with changes and more expectations.
pub fn scenario_with(source: Source<'_>, changes: &[String], expect: &[String]) -> Result<Scenario, Failure> {
    expecting(scenario::parse(source, changes).map_err(bad_scenario)?, expect)
}

impl Held {
    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// What was asked.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
    /// The text of the scenario.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// The scenario without any point.
    pub fn base(&self) -> Result<Scenario, Failure> {
        self.scenario(&self.plan.set)
    }
    /// The scenario at a point.
    pub fn at(&self, point: usize) -> Result<Scenario, Failure> {
        self.scenario(&[&self.plan.set[..], &self.plan.points.changes(point)].concat())
    }
    fn scenario(&self, changes: &[String]) -> Result<Scenario, Failure> {
        let source = Source { name: &self.plan.scenario, text: &self.text, folder: &FilesOf(self) };
        scenario_with(source, changes, &self.plan.expect)
    }

    /// Writes what is asked into a folder; or finds that it is there already (then false).
    pub fn write(folder: &Path, draft: Draft<'_>) -> Result<(Held, bool), Failure> {
        let mut files = Vec::new();
        for (at, name) in draft.names.iter().enumerate() {
            let opened = draft.files.open(name).and_then(|mut file| hash_of(&mut file));
            let sha256 = opened.map_err(|error| Failure::Input(format!("cannot read `{name}`: {error}")))?;
            let plain = name.rsplit(['/', '\\']).next().unwrap_or_default();
            files.push(HeldFile { name: name.clone(), held: format!("files/{at}-{plain}"), sha256 });
        }
        let Draft { scenario, text, set, expect, points, .. } = draft;
        let (format, version) = (FORMAT.to_owned(), VERSION.to_owned());
        let mut plan = Plan { format, version, hash: String::new(), scenario, set, expect, files, points };
        plan.hash = plan.content_hash(&text);
        let mut asked = Held { folder: folder.to_owned(), plan, text, presence: None };
        if folder.join(PLAN).exists() {
            let there = Held::open(folder)?;
            if there.plan.hash != asked.plan.hash {
                return Err(Failure::Input(format!(
                    "`{}` holds another sweep: {}; name another folder with --out, or remove that one",
                    folder.display(),
                    there.difference(&asked)
                )));
            }
            return Ok((there, false));
        }
        let out = Folder::prepare(folder, Kind::Sweep)?;
        asked.presence = Presence::of(folder);
        for file in &asked.plan.files {
            let opened = draft.files.open(&file.name);
            let mut opened = opened.map_err(|error| Failure::Input(format!("cannot read `{}`: {error}", file.name)))?;
            out.copy(&file.held, &mut opened)?;
        }
        let json = serde_json::to_string_pretty(&asked.plan).expect("a plan is plain data") + "\n";
        // the plan last: where it is, all is
        out.write(&[(SCENARIO.to_owned(), asked.text.clone().into_bytes())], &[])?;
        out.write(&[(PLAN.to_owned(), json.into_bytes())], &[])?;
        Ok((asked, true))
    }

    /// Reads a folder, and checks that it is as it was planned, by this version.
    pub fn open(folder: &Path) -> Result<Held, Failure> {
        let shown = folder.display();
        let bad = |what: String| Failure::Input(format!("`{shown}`: {what}"));
        let read = |name: &str, most: u64| -> Result<Vec<u8>, Failure> {
            let mut bytes = Vec::new();
            let file = scenario::open_file(&folder.join(name));
            file.and_then(|file| file.take(most).read_to_end(&mut bytes))
                .map_err(|error| bad(format!("cannot read {name}: {error}")))?;
            Ok(bytes)
        };
        if !folder.join(PLAN).exists() {
            return Err(bad(format!(
                "there is no sweep; write one with `stickysim sweep plan SCENARIO --axis pods.replicas=3,5,8 --out {shown}`"
            )));
        }
        let presence = Presence::of(folder);
        let bytes = read(PLAN, MAX_PLAN_BYTES)?;
        let json: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| bad(format!("{PLAN} cannot be read ({error}); {ANEW}")))?;
        let field = |name: &str| json.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        if field("format").starts_with("stickysim-plan/") {
            return Err(bad(format!(
                "its {PLAN} is an answer of `stickysim plan`, and no sweep; name the folder of a sweep"
            )));
        }
        if (field("format").as_str(), field("version").as_str()) != (FORMAT, VERSION) {
            return Err(bad(format!(
                "version {} of stickysim planned it, this is {VERSION}; numbers of two versions do not belong together: run it with \
                 that version, or {ANEW}",
                field("version")
            )));
        }
        let plan: Plan =
            serde_json::from_value(json).map_err(|error| bad(format!("{PLAN} cannot be read ({error}); {ANEW}")))?;
        let text = String::from_utf8(read(SCENARIO, scenario::MAX_TEXT_BYTES as u64 + 1)?)
            .map_err(|_| bad(format!("{SCENARIO} is not UTF-8 text; {ANEW}")))?;
        for file in &plan.files {
            let hash = scenario::open_file(&folder.join(&file.held)).and_then(|mut opened| hash_of(&mut opened));
            let hash = hash.map_err(|error| bad(format!("cannot read {}: {error}", file.held)))?;
            if hash != file.sha256 {
                return Err(bad(format!("{} was changed after the sweep was planned; plan it anew", file.held)));
            }
        }
        if plan.content_hash(&text) != plan.hash {
            return Err(bad(format!("{PLAN} or {SCENARIO} was changed after the sweep was planned; {ANEW}")));
        }
        Ok(Held { folder: folder.to_owned(), plan, text, presence })
    }

    /// Ends the work; if nobody else is at work there, what killed processes left half-written is removed.
    pub fn leave(self) {
        let alone = self.presence.and_then(Presence::end);
        if alone.is_some() {
            store::tidy(&self.folder);
        }
    }

    /// What another sweep asks differently.
    pub fn difference(&self, other: &Held) -> String {
        let (here, there) = (&self.plan, &other.plan);
        if self.text != other.text {
            let same = self.text.lines().zip(other.text.lines()).take_while(|(a, b)| a == b).count();
            return format!("its scenario differs from line {} on", same + 1);
        }
        let options = |name: &str, list: &[String]| match list {
            [] => format!("no {name}"),
            list => list.iter().map(|text| format!("{name} '{text}'")).collect::<Vec<_>>().join(" "),
        };
        for (name, here, there) in [("--set", &here.set, &there.set), ("--expect", &here.expect, &there.expect)] {
            if here != there {
                return format!("it has {}, the other has {}", options(name, here), options(name, there));
            }
        }
        let (a, b) = (&here.points, &there.points);
        if a.paths != b.paths {
            return format!("it sweeps {}, not {}", a.paths.join(", "), b.paths.join(", "));
        }
        if a.len() != b.len() {
            return format!("it has {} points, not {}", a.len(), b.len());
        }
        match (0..a.len()).find(|&at| a.rows[at] != b.rows[at]) {
            Some(at) => format!("its point {at} is {}, not {}", a.words(at), b.words(at)),
            None => "the files that the scenario reads differ".to_owned(),
        }
    }
}

impl Plan {
    /// SHA-256 over all that determines the results, each part with its length before it.
    fn content_hash(&self, text: &str) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part(&self.format);
        part(&self.version);
        part(text);
        for list in [&self.set, &self.expect, &self.points.paths] {
            part(&list.len().to_string());
            list.iter().for_each(|text| part(text));
        }
        part(&self.files.len().to_string());
        for file in &self.files {
            [&file.name, &file.sha256].into_iter().for_each(|text| part(text));
        }
        part(&self.points.len().to_string());
        self.points.rows.iter().flatten().for_each(|value| part(value));
        hex(&hash.finalize())
    }
}

fn hash_of(reader: &mut dyn Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Bytes as text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
