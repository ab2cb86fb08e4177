//! What can be typed after `plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shared::{Changes, Threads};

/// At each value as many replications are run as it takes to know, with this confidence, whether what is expected holds: 5, 10, 20
/// and so on. A value at which that stays open does not do. Beyond the answer everything is taken to hold, and before it not.
#[derive(Clone, Debug, Args)]
#[command(after_help = PLAN_HELP)]
pub struct PlanArgs {
    /// The scenario (YAML) with what is expected; `-` reads standard input
    pub scenario: PathBuf,
    /// The setting
    #[arg(long, value_name = "PATH", default_value = "pods.replicas")]
    pub knob: String,
    /// Its lowest value: a number, a share such as `10%`, a duration such as `1m`
    #[arg(long, value_name = "VALUE", default_value = "1")]
    pub from: String,
    /// Its highest value
    #[arg(long, value_name = "VALUE", default_value = "200")]
    pub to: String,
    /// The smallest value at which everything holds, or the largest
    #[arg(long, value_enum, default_value = "fewest")]
    pub find: FindArg,
    /// Through what it must hold, besides the timeline of the scenario
    #[arg(long, value_enum)]
    pub during: Option<DuringArg>,
    /// Only this variant
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// How sure each answer about one value must be, in per cent
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = confidence)]
    pub confidence: f64,
    /// Replications per value, at most [default: 40]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub runs: Option<u32>,
    #[command(flatten)]
    pub changes: Changes,
    #[command(flatten)]
    pub threads: Threads,
    /// Folder for the results; `output/NAME/plan` if not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Prints the answers alone
    #[arg(long, short)]
    pub quiet: bool,
}

/// What stands below the options of `plan`.
const PLAN_HELP: &str = "\
Exit codes: 0 there is an answer for each variant, 1 there is none in the range, 2 bad input.

Examples:
  stickysim plan scenarios/auction.yaml --expect 'p99 event.latency < 100ms'
  stickysim plan scenarios/auction.yaml --expect 'limits.pod_cpu < 50%' --during pod-lost
  stickysim plan scenarios/auction.yaml --knob clients.homes.count --from 100 --to 100000 --find most --expect 'limits.pod_cpu < 80%'";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FindArg {
    /// The smallest value
    Fewest,
    /// The largest value
    Most,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DuringArg {
    /// Every pod is replaced, from when figures begin to be taken
    RollingRestart,
    /// A pod dies when figures begin to be taken, and is not replaced
    PodLost,
}

/// 60 to 99.9 per cent, as a share.
fn confidence(text: &str) -> Result<f64, String> {
    let percent =
        text.trim_end_matches('%').trim().parse::<f64>().ok().filter(|percent| (60.0..=99.9).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or_else(|| "write a number of per cent from 60 to 99.9".to_owned())
}
