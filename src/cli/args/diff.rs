//! What can be typed after `diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::scenario::Share;

/// Folders with the same seed and number of runs are compared run by run, for both had the same random numbers; others as means of
/// independent runs (Welch). What changes counts when chance does not explain it, for as many figures as there are (Holm).
#[derive(Clone, Debug, Args)]
#[command(after_help = DIFF_HELP)]
pub struct DiffArgs {
    /// The first folder of results, as `run` and `compare` write it
    pub a: PathBuf,
    /// The second one
    pub b: PathBuf,
    /// Lists every figure, not only those that changed
    #[arg(long)]
    pub all: bool,
    /// Changes of less than this share of the value in A do not count, such as `2%`
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    pub at_least: Share,
    /// Exits with 1 when a figure got worse
    #[arg(long, value_enum, value_name = "WHAT")]
    pub deny: Option<DenyChange>,
    /// As what
    #[arg(long, value_enum, default_value = "table")]
    pub format: DiffFormat,
    /// Prints nothing but errors, and the figures that `--deny` is about
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DenyChange {
    /// Changes for the worse
    Worse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// What is configured otherwise, and a table per variant
    Table,
    /// A row per variant and figure
    Csv,
    /// Everything
    Json,
}

/// What stands below the options of `diff`.
const DIFF_HELP: &str = "\
Exit codes: 0 compared, 1 a figure got worse and --deny is given, 2 bad input.

Examples:
  stickysim diff output/before output/after
  stickysim diff main/auction branch/auction --deny worse --at-least 5%";
