//! `stickysim diff`: what changed between two folders of results.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::args::{DiffArgs, DiffFormat};
use super::{Failure, Success, print};
use crate::report::{self, Diff};
use crate::scenario::{self, MAX_TEXT_BYTES};
use crate::study::{self, Results};

/// The scenario of a folder of results.
const SCENARIO: &str = "scenario.yaml";
/// Longest file of results that is read, in bytes.
const MAX_RESULT_BYTES: usize = 1 << 30;

/// Runs the command.
pub fn diff(args: &DiffArgs) -> Result<Success, Failure> {
    let (before, old) = read(&args.a)?;
    let (after, new) = read(&args.b)?;
    let configuration = scenario::changes(&old, &new).map_err(|(is_second, fault)| {
        let path = if is_second { &args.b } else { &args.a }.join(SCENARIO);
        Failure::Input(format!("`{}` cannot be read: {fault}; make the results again", path.display()))
    })?;
    let contrasts = study::contrast(&before, &after);
    if contrasts.variants.is_empty() {
        return Err(Failure::Input(format!(
            "the folders have no variant in common: `{}` has {}, and `{}` has {}",
            args.a.display(),
            names(&before),
            args.b.display(),
            names(&after)
        )));
    }
    let (a, b) = (args.a.display().to_string(), args.b.display().to_string());
    let diff = Diff {
        before: (&a, &before),
        after: (&b, &after),
        configuration: &configuration,
        contrasts: &contrasts,
        at_least: args.at_least.fraction(),
        all: args.all,
    };
    if args.deny.is_some() && report::nothing_tested(&diff) {
        return Err(Failure::Input(format!(
            "--deny worse: nothing can be told from chance, since one run has no interval: `{}` has {}, and `{}` has {}; run both with \
             `-r 2` or more",
            args.a.display(),
            runs(&before),
            args.b.display(),
            runs(&after)
        )));
    }
    if !args.quiet {
        let text = match args.format {
            DiffFormat::Table => report::diff_text(&diff, print::width()),
            DiffFormat::Csv => String::from_utf8_lossy(&report::diff_csv(&diff)).into_owned(),
            DiffFormat::Json => report::diff_json(&diff),
        };
        print::out(&text)?;
    }
    let worse = report::got_worse(&diff);
    if args.deny.is_none() || worse.is_empty() {
        return Ok(Success::Fine);
    }
    if args.quiet {
        let lines: Vec<String> =
            worse.iter().map(|(variant, figure)| format!("{variant}: {figure} got worse")).collect();
        print::note(&lines.join("\n"));
    }
    Ok(Success::ExpectationFailed)
}

fn runs(results: &Results) -> String {
    if results.replications == 1 { "1 run".to_owned() } else { format!("{} runs", results.replications) }
}

fn names(results: &Results) -> String {
    let names: Vec<String> = results.variants.iter().map(|variant| format!("`{}`", variant.name)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What a folder holds, and its scenario.
fn read(folder: &Path) -> Result<(Results, String), Failure> {
    let shown = folder.display();
    let no_folder = |why: String| {
        Failure::Input(format!(
            "`{shown}` is no folder of results: {why}; name one that `stickysim run` or `compare` wrote"
        ))
    };
    if !folder.is_dir() {
        let why = if folder.exists() { "it is a file" } else { "there is nothing of that name" };
        return Err(no_folder(why.to_owned()));
    }
    let needed = |name: &str, most: usize| match bounded(&folder.join(name), most) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(no_folder(format!("it has no {name}"))),
        Err(failure) => Err(failure),
    };
    let summary = needed(report::SUMMARY, MAX_RESULT_BYTES)?;
    let scenario = needed(SCENARIO, MAX_TEXT_BYTES)?;
    // versions that did not write the runs had no such file
    let replications = bounded(&folder.join(report::REPLICATIONS), MAX_RESULT_BYTES)?;
    let results = report::read_results(&summary, replications.as_deref())
        .map_err(|error| Failure::Input(format!("`{shown}`: {error}")))?;
    let scenario = String::from_utf8(scenario)
        .map_err(|_| Failure::Input(format!("`{shown}`: {SCENARIO} is not UTF-8 text; make the results again")))?;
    Ok((results, scenario))
}

/// The bytes of a file, if there is one.
fn bounded(path: &Path, most: usize) -> Result<Option<Vec<u8>>, Failure> {
    let fail = |error: &dyn std::fmt::Display| Failure::Input(format!("cannot read `{}`: {error}", path.display()));
    let is_file = match std::fs::metadata(path) {
        Ok(found) => found.is_file(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(&error)),
    };
    if !is_file {
        return Err(fail(&"it is not a regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| fail(&error))?;
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| fail(&error))?;
    if bytes.len() > most { Err(fail(&format!("it has more than {most} bytes"))) } else { Ok(Some(bytes)) }
}
