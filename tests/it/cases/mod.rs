//! Published cases: what others measured and reported, and what this program says of it. Every figure of docs/VALIDATION.md
//! is written by these runs and compared with the document; UPDATE_VALIDATION=1 writes them anew.

mod contention;
mod latency;
mod losing;
mod relay;
mod slots;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use stickysim::metrics::{ExpectationOutcome, VariantReport};
use stickysim::report::outcome_words;
use stickysim::scenario::load;
use stickysim::study::{Options, run};

/// Cases with a misprediction that is known and shown as a miss.
const MISSES: [&str; 0] = [];
/// What the comment at the head of a case says, in order.
const HEADINGS: [&str; 5] = ["Source", "Setting", "Reported", "Tolerance", "Assumed"];

const DOCUMENT: &str = "docs/VALIDATION.md";
const BEGIN: &str = "<!-- written by tests/it/cases -->\n";
const END: &str = "<!-- end -->\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Scenarios of `scenarios/cases` in order of name.
fn scenarios() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("scenarios/cases")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.iter().all(|path| path.extension().is_some_and(|extension| extension == "yaml")), "{paths:?}");
    paths
}

#[test]
fn the_document_of_validation_says_what_the_runs_say() {
    let mut figures = String::new();
    let mut missed = Vec::new();
    for path in scenarios() {
        case(&path, &mut figures, &mut missed);
    }
    figures.push_str(&slots::table());
    contention::table(&mut figures, &mut missed);
    latency::table(&mut figures, &mut missed);
    assert_eq!(missed, MISSES, "cases that miss are listed, and shown as misses");

    let path = root().join(DOCUMENT);
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the place of the figures");
    let (written, after) = rest.split_once(END).expect("the end of the figures");
    if std::env::var_os("UPDATE_VALIDATION").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{figures}{END}{after}")).unwrap();
        return;
    }
    let differs = figures.lines().zip(written.lines()).find(|(ours, theirs)| ours != theirs);
    assert_eq!(differs, None, "run UPDATE_VALIDATION=1 cargo test --test it cases and read the changes");
    assert_eq!(figures.lines().count(), written.lines().count());
}

/// Runs one case and describes it.
fn case(path: &Path, figures: &mut String, missed: &mut Vec<String>) {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let scenario = load(path, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(scenario.name, name);
    let study = run(&scenario, &Options { variants: true, threads: None, progress: &|_| Ok(()) }).unwrap();
    let (title, said) = head(&std::fs::read_to_string(path).unwrap());
    writeln!(figures, "### {title}\n").unwrap();
    for (heading, text) in said {
        writeln!(figures, "- {heading}: {text}").unwrap();
    }
    writeln!(figures, "- Command: `stickysim compare scenarios/cases/{name}.yaml`\n").unwrap();
    figures.push_str("| Variant | Must hold | Predicted | |\n| --- | --- | --- | --- |\n");
    for VariantReport { name: variant, expectations, .. } in &study.variants {
        assert!(!expectations.is_empty(), "{name}, {variant}: nothing is compared");
        for outcome in expectations {
            let (text, measured) = (&outcome.text, measured(outcome));
            let verdict = verdict(outcome.holds, &format!("{name} {variant}"), missed);
            writeln!(figures, "| {variant} | {text} | {measured} | {verdict} |").unwrap();
        }
    }
    figures.push('\n');
}

/// `holds`, or a miss that is remembered.
fn verdict(holds: bool, what: &str, missed: &mut Vec<String>) -> &'static str {
    if holds {
        return "holds";
    }
    if missed.last().is_none_or(|last| last != what) {
        missed.push(what.to_owned());
    }
    "**misses**"
}

/// What was measured, with its interval, as reports say it.
fn measured(outcome: &ExpectationOutcome) -> String {
    let words = outcome_words(outcome);
    let value = words.split_once("measured ").unwrap_or_else(|| panic!("{}: {words}", outcome.text)).1;
    value.split_once(", ").map_or(value, |(value, _)| value).to_owned()
}

/// The title and the paragraphs of the comment at the head of a case.
fn head(text: &str) -> (String, Vec<(&'static str, String)>) {
    let comment = text.lines().take_while(|line| line.starts_with('#')).skip(2).map(|line| line[1..].trim());
    let mut lines = comment;
    let title = lines.next().unwrap().trim_start_matches("Case ").trim_end_matches('.').to_owned();
    let mut said: Vec<(&'static str, String)> = Vec::new();
    for line in lines {
        let heading = HEADINGS.iter().find(|heading| line.starts_with(&format!("{heading}: ")));
        match (heading, said.last_mut()) {
            (Some(heading), _) => said.push((heading, line[heading.len() + 2..].to_owned())),
            (None, Some((_, text))) => *text = format!("{text} {line}"),
            (None, None) => panic!("{title}: `{line}` has no heading"),
        }
    }
    assert_eq!(said.iter().map(|(heading, _)| *heading).collect::<Vec<_>>(), HEADINGS, "{title}");
    (title, said)
}
