//! What can be typed after `sweep`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::shared::{Runs, Threads};
use crate::metrics::FigureId;
use crate::scenario::{self, Axis};
use crate::study::{Range, Shard};

/// Plans the points, runs them on this machine, and merges.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = SWEEP_HELP)]
pub struct SweepArgs {
    #[command(subcommand)]
    pub command: Option<SweepCommand>,
    #[command(flatten)]
    pub question: Option<SweepQuestion>,
    // an optional group cannot hold another one
    #[command(flatten)]
    pub runs: Runs,
    #[command(flatten)]
    pub shown: SweepShown,
    #[command(flatten)]
    pub threads: Threads,
    /// Prints nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum SweepCommand {
    /// Writes a folder with the points, the scenario and its files: all that workers need
    Plan {
        #[command(flatten)]
        question: SweepQuestion,
        #[command(flatten)]
        runs: Runs,
        /// Prints nothing but errors
        #[arg(long, short)]
        quiet: bool,
    },
    /// Runs the points of a planned folder, or one part of them; finished ones are passed over
    #[command(after_help = RUN_HELP)]
    Run {
        /// The folder that `sweep plan` wrote, or a copy of it
        folder: PathBuf,
        /// Only part I of N, counted from 0; without it the environment of an array job decides, if there is one
        #[arg(long, value_name = "I/N")]
        shard: Option<Shard>,
        /// How many parts there are, where the environment tells the index alone
        #[arg(long, value_name = "N", conflicts_with = "shard")]
        of: Option<usize>,
        #[command(flatten)]
        threads: Threads,
        /// Prints nothing but errors
        #[arg(long, short)]
        quiet: bool,
    },
    /// Makes tables, pictures and a page of finished points; refuses missing points, and those of other sweeps and versions
    Merge {
        /// The planned folder, which gets the results, and copies of it in which other workers left points
        #[arg(required = true, value_name = "FOLDER")]
        folders: Vec<PathBuf>,
        #[command(flatten)]
        shown: SweepShown,
        /// Prints nothing but errors
        #[arg(long, short)]
        quiet: bool,
    },
}

#[derive(Clone, Debug, Args)]
pub struct SweepQuestion {
    /// The scenario (YAML); `-` reads standard input
    pub scenario: PathBuf,
    /// A path and its values, such as `pods.replicas=3,5,8`; may be given again: every combination is a point. Replaces the
    /// scenario's own `sweep`
    #[arg(long, value_name = "PATH=V1,V2,…", value_parser = Axis::parse, conflicts_with_all = ["points", "lhs"])]
    pub axis: Vec<Axis>,
    /// A table of points (CSV): its header holds paths, its rows values
    #[arg(long, value_name = "FILE", conflicts_with = "lhs")]
    pub points: Option<PathBuf>,
    /// Draws N points evenly from ranges (a Latin hypercube), with the seed of the scenario
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), requires = "range")]
    pub lhs: Option<u32>,
    /// A path and the range to draw from, such as `pods.replicas=3..20`, `pods.cpu=0.5..8:log`; may be given again
    #[arg(long, value_name = "PATH=LOW..HIGH", value_parser = Range::parse, requires = "lhs")]
    pub range: Vec<Range>,
    /// Folder for plan, points and results; `output/NAME/sweep` if not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct SweepShown {
    /// A figure to draw, such as `event.latency.p99`; may be given again. Without it: what is expected, and usual ones
    #[arg(long, value_name = "FIGURE", value_parser = figure)]
    pub figure: Vec<FigureId>,
}

/// A figure that every point keeps.
fn figure(text: &str) -> Result<FigureId, String> {
    let figure = scenario::figure(text).map_err(|error| format!("{}; {}", error.message, error.help))?;
    if FigureId::all().any(|kept| kept == figure) {
        return Ok(figure);
    }
    Err(format!("points keep mean, p50, p95 and p99 of each distribution; `{figure}` can be expected, not drawn"))
}

/// What stands below the options of `sweep`.
const SWEEP_HELP: &str = "\
Every point runs every variant of the scenario with the same random numbers. The same command again goes on where it was stopped:
what is finished is never run twice.

Exit codes: 0 fine, 2 bad input. An `expect` that fails at a point is a result, in points.csv, and no failure.

Examples:
  stickysim sweep scenarios/auction.yaml --axis pods.replicas=3,5,8 --axis clients.offices.count=200,2000,6000 -r 5
  stickysim sweep scenarios/auction.yaml --lhs 50 --range pods.replicas=3..20 --range clients.homes.count=100..5000:log
  stickysim sweep plan scenarios/auction.yaml --axis pods.replicas=3,5,8 --out sweep
  stickysim sweep run sweep --shard 0/8
  stickysim sweep merge sweep";

/// What stands below the options of `sweep run`.
const RUN_HELP: &str = "\
Without --shard: SLURM_ARRAY_TASK_ID with SLURM_ARRAY_TASK_COUNT and _MIN, or JOB_COMPLETION_INDEX with --of N or JOB_COMPLETIONS.
Without these, all points.";
