//! What can be typed after `selftest`.

use clap::Args;

/// Clusters that have closed forms (queues, populations, skew of hashes, deploys, probes) are run and compared with theory, each by
/// independent runs. The table says how far off each is in standard errors, and how large a bias it would have seen.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Seed; any must pass, but for two in a thousand [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads; one per core if not given. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Everything, for programs
    #[arg(long)]
    pub json: bool,
}
