//! `summary.json`: the whole study, for programs. Its schema is committed as `docs/summary.schema.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use crate::metrics::{Better, Family, Study, Unit};

/// Name and version of the format. A reader checks it before anything else.
pub const FORMAT: &str = "stickysim-summary/1";

/// What `summary.json` holds.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "stickysim summary", description = "Everything a stickysim study measured. File: summary.json.")]
struct Summary<'a> {
    /// `stickysim-summary/1`; another number means that fields changed their meaning.
    #[schemars(regex(pattern = r"^stickysim-summary/1$"))]
    format: &'a str,
    /// Version of the program that wrote it.
    version: &'a str,
    /// What the study shows, in words.
    verdict: String,
    /// The study itself.
    study: &'a Study,
    /// What each family of figures measures, by name; `event.latency.p99` belongs to `event.latency`.
    definitions: BTreeMap<&'a str, Definition>,
}

/// What a family of figures measures.
#[derive(Serialize, JsonSchema)]
struct Definition {
    /// For people.
    title: &'static str,
    /// Unit of its values: `ms`, `share`, `per_second`, `bytes_per_second` or `number`.
    unit: &'static str,
    /// Which direction is good: `lower`, `higher` or `neither`.
    better: &'static str,
    /// What exactly is measured.
    definition: &'static str,
}

/// Name of a unit in files.
pub(super) const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Share => "share",
        Unit::PerSecond => "per_second",
        Unit::BytesPerSecond => "bytes_per_second",
        Unit::Number => "number",
    }
}

const fn direction(better: Better) -> &'static str {
    match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
        Better::Neither => "neither",
    }
}

/// `summary.json` as text.
pub(super) fn summary(study: &Study) -> String {
    let definition = |family: &Family| Definition {
        title: family.title,
        unit: unit_name(family.unit),
        better: direction(family.better),
        definition: family.definition,
    };
    let summary = Summary {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        verdict: super::verdict(study),
        study,
        definitions: Family::all().iter().map(|family| (family.name, definition(family))).collect(),
    };
    let mut text = serde_json::to_string_pretty(&summary).expect("plain data has no keys that JSON lacks");
    text.push('\n');
    compact_numbers(&text)
}

/// Puts arrays of numbers on one line: a series of a thousand samples is one thing to a reader, not a thousand.
fn compact_numbers(pretty: &str) -> String {
    let is_scalar = |line: &str| {
        let line = line.trim().trim_end_matches(',');
        line == "null" || line.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'))
    };
    let mut out = String::with_capacity(pretty.len());
    let mut lines = pretty.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        if line.ends_with('[') && lines.peek().is_some_and(|next| is_scalar(next)) {
            while let Some(number) = lines.next_if(|next| is_scalar(next)) {
                out.push_str(number.trim());
                if number.ends_with(',') {
                    out.push(' ');
                }
            }
            out.push_str(lines.next().unwrap_or_default().trim_start());
        }
        out.push('\n');
    }
    out
}

/// The JSON schema of `summary.json`.
pub fn summary_schema_json() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<Summary<'_>>();
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain data");
    text.push('\n');
    text
}
