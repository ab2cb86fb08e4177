//! `stickysim check`, `stickysim schema` and `stickysim defaults`.

use std::fmt::Write;
use std::path::PathBuf;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use super::args::SchemaOf;
use super::{Failure, Success, print, study};
use crate::{report, scenario};

/// `stickysim check SCENARIO…`: all problems of all files, or a line per file.
pub fn check(paths: &[PathBuf], changes: &[String], quiet: bool) -> Result<Success, Failure> {
    let mut problems = Vec::new();
    let mut lines = String::new();
    for path in paths {
        match study::load(path, changes) {
            Ok(scenario) => {
                let variants = match scenario.variants.len() {
                    0 => "no variants".to_owned(),
                    1 => "1 variant".to_owned(),
                    n => format!("{n} variants"),
                };
                let _ = writeln!(lines, "{}: fine ({}, {variants})", path.display(), scenario.base.duration);
            }
            Err(internal @ Failure::Internal(_)) => return Err(internal),
            Err(failure) => problems.push(failure.shown() + "\n"),
        }
    }
    if !quiet {
        print::out(&lines)?;
    }
    if problems.is_empty() { Ok(Success::Fine) } else { Err(Failure::Problems(problems.join("\n"))) }
}

/// `stickysim schema`.
pub fn schema(of: SchemaOf) -> Result<Success, Failure> {
    let text = match of {
        SchemaOf::Scenario => scenario::schema_json(),
        SchemaOf::Summary => report::summary_schema_json(),
        SchemaOf::Plan => report::plan_schema_json(),
        SchemaOf::Recommend => report::recommend_schema_json(),
    };
    print::out(&format!("{}\n", text.trim_end()))?;
    Ok(Success::Fine)
}

/// `stickysim defaults`.
pub fn defaults() -> Result<Success, Failure> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(print::width() as u16);
    table.set_header(["value", "default", "grade and spread", "source"]);
    for default in scenario::defaults_table() {
        let spread = default.spread.map(|spread| format!("\n{spread}")).unwrap_or_default();
        table.add_row([default.path, default.value, format!("{}{spread}", default.grade.name()), default.source]);
    }
    let legend = "Grades: measured = on the real program or read in its source; A = peer-reviewed, regulator or vendor \
                  documentation; B = one report or a small benchmark; C = our assumption. Spread: what was seen where it was measured. Every value can be set in a \
                  scenario; `stickysim compare --sensitivity` says which ones a verdict hinges on.";
    print::out(&format!("{table}\n\n{legend}\n"))?;
    Ok(Success::Fine)
}
