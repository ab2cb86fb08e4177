//! What can be typed after `run`, `compare`, and nothing.

use std::path::PathBuf;

use clap::Args;

use super::shared::{Runs, Threads};

#[derive(Clone, Debug, Args)]
pub struct StudyArgs {
    /// Folder for the results; `output/NAME` if not given. Only files that a report consists of are replaced in it
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub runs: Runs,
    /// Also writes what was expected as JUnit XML, for pipelines
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    #[command(flatten)]
    pub threads: Threads,
    /// Halves and doubles every assumption in turn and says which ones the verdict hinges on; RUNS of each variant [default: 5]
    #[arg(long, value_name = "RUNS", num_args = 0..=1, require_equals = true, default_missing_value = "",
        value_parser = sensitivity_runs)]
    pub sensitivity: Option<SensitivityRuns>,
    /// Also writes the series of the first run of each variant as OpenMetrics text: metrics for Prometheus
    #[arg(long, value_name = "FILE")]
    pub openmetrics: Option<PathBuf>,
    /// When these runs begin, in seconds since 1970; 2024-01-01 00:00 UTC if not given
    #[arg(long, value_name = "SECONDS", default_value_t = 1_704_067_200, hide_default_value = true,
        requires = "openmetrics", value_parser = clap::value_parser!(u64).range(..=LAST_EPOCH_S))]
    pub openmetrics_epoch: u64,
    /// Prints nothing but errors and expectations that do not hold
    #[arg(long, short)]
    pub quiet: bool,
}

/// The end of the year 9999: later times are somebody's milliseconds.
const LAST_EPOCH_S: u64 = 253_402_300_799;

/// How many runs of each variant `--sensitivity` makes; `None`: as many as usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SensitivityRuns(pub Option<u32>);

fn sensitivity_runs(text: &str) -> Result<SensitivityRuns, String> {
    if text.is_empty() {
        return Ok(SensitivityRuns(None));
    }
    let runs =
        text.parse().map_err(|_| "it is not a number of runs; write for example `--sensitivity=10`".to_owned())?;
    Ok(SensitivityRuns(Some(runs)))
}
