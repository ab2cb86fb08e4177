//! Results that were written before, read again: of `summary.json` and `replications.csv` what a comparison needs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json::FORMAT;
use super::tables::RUN_COLUMNS;
use crate::metrics::{Estimate, FigureId};
use crate::study::{Results, VariantResults};

/// The file of a result folder that has everything but the runs.
pub const SUMMARY: &str = "summary.json";
/// The one that has them.
pub const REPLICATIONS: &str = "replications.csv";

#[derive(Deserialize)]
struct Head {
    format: String,
}

#[derive(Deserialize)]
struct Summary {
    version: String,
    study: SavedStudy,
}

#[derive(Deserialize)]
struct SavedStudy {
    name: String,
    seed: u64,
    replications: u32,
    variants: Vec<SavedVariant>,
}

#[derive(Deserialize)]
struct SavedVariant {
    name: String,
    digests: Vec<String>,
    figures: Vec<SavedFigure>,
}

#[derive(Deserialize)]
struct SavedFigure {
    id: String,
    value: Estimate,
}

/// Reads `summary.json`, and `replications.csv` where there is one. What this version does not know is left out.
///
/// # Errors
/// With a sentence that begins with the name of the file.
pub fn read_results(summary: &[u8], replications: Option<&[u8]>) -> Result<Results, String> {
    let head: Head = serde_json::from_slice(summary).map_err(|error| {
        format!("{SUMMARY} is no summary of stickysim, or not whole: {error}; make the results again")
    })?;
    if head.format != FORMAT {
        let format = head.format.chars().take(60).collect::<String>();
        return Err(format!(
            "{SUMMARY} is of the format `{format}`, and this version reads `{FORMAT}`; make the results again"
        ));
    }
    let Summary { version, study } = serde_json::from_slice(summary)
        .map_err(|error| format!("{SUMMARY} is damaged: {error}; make the results again"))?;
    let SavedStudy { name, seed, replications: number, variants } = study;
    let mut read = Vec::new();
    for SavedVariant { name, digests, figures } in variants {
        if figures.iter().any(|figure| figure.value.replications == 0) {
            return Err(format!("{SUMMARY} is damaged: a figure of `{name}` has no runs; make the results again"));
        }
        let known = figures.into_iter().filter_map(|figure| Some((figure.id.parse::<FigureId>().ok()?, figure.value)));
        read.push(VariantResults { name, digests, figures: known.collect(), values: BTreeMap::new() });
    }
    let mut results = Results { name, version, seed, replications: number, variants: read };
    if let Some(csv) = replications {
        add_runs(&mut results, csv).map_err(|error| format!("{REPLICATIONS} {error}; make the results again"))?;
    }
    Ok(results)
}

/// Adds the figures of each run. They must be those of the runs of which the summary speaks.
fn add_runs(results: &mut Results, csv: &[u8]) -> Result<(), String> {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().map_err(|error| format!("is damaged: {error}"))?.clone();
    if !header.iter().take(RUN_COLUMNS.len()).eq(RUN_COLUMNS) {
        return Err(format!("does not begin with the columns {}", RUN_COLUMNS.join(", ")));
    }
    let mut digests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| format!("is damaged: {error}"))?;
        let Some(variant) = results.variants.iter_mut().find(|variant| variant.name == row[0]) else {
            return Err("does not belong to summary.json: it has other variants".to_owned());
        };
        digests.entry(variant.name.clone()).or_default().push(row[2].to_owned());
        for (figure, cell) in header.iter().zip(&row).skip(RUN_COLUMNS.len()) {
            let value = match cell {
                "" => None,
                cell => {
                    let number = cell.parse::<f64>().ok().filter(|value| value.is_finite());
                    Some(number.ok_or_else(|| {
                        format!("is damaged: `{}` is no number", cell.chars().take(40).collect::<String>())
                    })?)
                }
            };
            variant.values.entry(figure.to_owned()).or_default().push(value);
        }
    }
    let is_same = |variant: &VariantResults| digests.get(&variant.name).is_some_and(|runs| *runs == variant.digests);
    if results.variants.iter().all(is_same) {
        Ok(())
    } else {
        Err("does not belong to summary.json: it is of other runs".to_owned())
    }
}
