//! What can be typed after `selftest`.

use clap::Args;

use super::shared::Threads;

/// Clusters that have closed forms (queues, populations, skew of hashes, deploys, probes) are run and compared with theory, each by
/// independent runs. The table says how far off each is in standard errors, and how large a bias it would have seen.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Seed; any must pass, but for two in a thousand [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub threads: Threads,
    /// Everything, for programs
    #[arg(long)]
    pub json: bool,
}
