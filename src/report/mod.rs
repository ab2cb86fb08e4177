//! What people and programs read: a [`Study`] as text, JSON, CSV, plots and one page.
//!
//! Nothing here touches the model, the clock or the disk: a report is a function of the study, and the same study gives
//! the same bytes. The command line writes them.
//!
//! | file | for |
//! |---|---|
//! | `report.html` | people: one page, offline, without scripts |
//! | `summary.json` | programs; the schema is [`summary_schema_json`] |
//! | `latency.csv`, `redis.csv`, `load.csv`, `timeseries.csv`, `over-time.csv` | spreadsheets and `diff` |
//! | `replications.csv` | the same, and `stickysim diff`: figures run by run |
//! | `alerts.csv` | the same, where the scenario has alerts |
//! | `ranking.csv` | the same, where variants are ranked |
//! | `sensitivity.csv` | the same, where assumptions were changed |
//! | `plots/*.svg` | slides and pull requests |

mod alerts;
mod diff;
mod expect;
mod finding;
mod html;
mod json;
mod junit;
pub(crate) mod number;
mod openmetrics;
mod pairing;
mod plan;
mod plots;
mod precision;
mod ranking;
mod recommend;
mod rows;
mod saved;
mod sensitivity;
mod sweep;
mod tables;
mod terminal;
mod verdict;

pub use diff::{Diff, diff_csv, diff_json, diff_text, got_worse, nothing_tested};
pub use expect::words as outcome_words;
pub use json::{FORMAT, summary_schema_json};
pub use junit::junit;
pub use openmetrics::openmetrics;
pub use plan::{PlanAbout, plan_files, plan_optional_paths, plan_schema_json, plan_text, point_text};
pub use recommend::{recommend_files, recommend_schema_json, recommend_text};
pub use saved::{REPLICATIONS, SUMMARY, read_results};
pub use sweep::{SweepAbout, SweepFiles, SweepReport, SweepTables, sweep_optional_paths};
pub use terminal::{TerminalStyle, terminal};
pub use verdict::verdict;

use crate::metrics::Study;

/// One file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Where it belongs in the output directory; relative, with `/` between its parts.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Every file that a report may have or lack, as paths in the output directory. A report without one of them leaves no
/// older one beside it.
pub fn optional_paths() -> Vec<String> {
    let charts = plots::NAMES.iter().map(|name| chart_path(name));
    charts.chain([ALERTS, RANKING, SENSITIVITY].map(str::to_owned)).collect()
}

/// The table of alerts, where there are rules.
const ALERTS: &str = "alerts.csv";
/// The table of ranks, where there are several variants.
const RANKING: &str = "ranking.csv";
/// The table of changed assumptions, where they were changed.
const SENSITIVITY: &str = "sensitivity.csv";

fn chart_path(name: &str) -> String {
    format!("plots/{name}.svg")
}

/// Every file of the report of `study`, except the scenario itself, which the caller has.
///
/// `scenario_yaml` is quoted on the page, so that the page alone is enough to repeat the study.
pub fn files(study: &Study, scenario_yaml: &str) -> Vec<OutputFile> {
    let charts = plots::all(study);
    let file = |path: &str, bytes: Vec<u8>| OutputFile { path: path.to_owned(), bytes };
    let mut files = vec![
        file("report.html", html::page(study, scenario_yaml, &charts).into_bytes()),
        file("summary.json", json::summary(study).into_bytes()),
        file("latency.csv", tables::latency(study)),
        file("redis.csv", tables::redis(study)),
        file("load.csv", tables::load(study)),
        file("timeseries.csv", tables::timeseries(study)),
        file("over-time.csv", tables::over_time(study)),
        file("replications.csv", tables::replications(study)),
    ];
    files.extend(alerts::is_there(study).then(|| file(ALERTS, tables::alerts(study))));
    files.extend(ranking::Reading::of(study).map(|reading| file(RANKING, tables::ranking(&reading))));
    files.extend(sensitivity::Reading::of(study).map(|reading| file(SENSITIVITY, tables::sensitivity(&reading))));
    files.extend(charts.iter().map(|chart| file(&chart_path(&chart.name), chart.file().into_bytes())));
    files
}
