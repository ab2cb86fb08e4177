//! What can be typed after `recommend`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::shared::{Runs, Threads};

use crate::study::REMEDIES;

/// Tries remedies on a scenario, each with the same random numbers as the scenario as it stands, and ranks them by what they bring and
/// what they are paid with. Each is a patch that can be written into the scenario.
#[derive(Clone, Debug, Args)]
#[command(after_help = RECOMMEND_HELP)]
pub struct RecommendArgs {
    /// The scenario (YAML); `-` reads standard input
    pub scenario: PathBuf,
    /// What is to become better, such as 'p99 event.latency' or lost.messages; if not given, what the scenario expects, else event
    /// latency, else request latency, else max/mean of connections
    #[arg(long, value_name = "FIGURE")]
    pub goal: Option<String>,
    /// Only these remedies, by their names with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = names())]
    pub only: Vec<String>,
    /// Of this variant instead of the scenario without variants
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    #[command(flatten)]
    pub runs: Runs,
    #[command(flatten)]
    pub threads: Threads,
    /// Folder for the results; `output/NAME/recommend` if not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Prints nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// What stands below the options of `recommend`.
const RECOMMEND_HELP: &str = "\
Exit codes: 0 they were tried, whatever came of it, 2 bad input.

Examples:
  stickysim recommend scenarios/auction.yaml --set prices.pod_hour=0.048 --set prices.currency=EUR
  stickysim recommend scenarios/social.yaml --goal connections.reconnects_peak
  stickysim recommend scenarios/music.yaml --only sharded-adapter,one-pod-more -r 40";

/// The names of remedies.
fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(REMEDIES.map(|(name, _)| name))
}
