//! What can be typed: a file per command that takes more than a few options.

mod adapter;
mod diff;
mod import;
mod plan;
mod recommend;
mod route;
mod selftest;
mod shared;
mod study;
mod sweep;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub use adapter::{AdapterArgs, AdapterFormat};
pub use diff::{DiffArgs, DiffFormat};
pub use import::{AccessLogArgs, Deny, ImportSource, KubernetesArgs};
pub use plan::{DuringArg, FindArg, PlanArgs};
pub use recommend::RecommendArgs;
pub use route::{RouteArgs, RouteFormat};
pub use selftest::SelftestArgs;
pub use shared::{Runs, Threads};
pub use study::{SensitivityRuns, StudyArgs};
pub use sweep::{SweepArgs, SweepCommand, SweepQuestion};

/// Simulates real-time (WebSocket, Socket.IO) clusters behind load balancers, with and without session affinity.
///
/// Without a command it compares no affinity, IP hash and cookie on a built-in live auction.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 fine, 1 an `expect` does not hold, a finding or a change is denied or the self-test fails, 2 bad input, 3 a bug in stickysim.\n\
                  Start with: stickysim            (the built-in comparison)\n\
                  then:       stickysim run scenarios/auction.yaml"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub study: StudyArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a scenario and writes a report
    Run {
        /// The scenario (YAML); `-` reads standard input
        scenario: PathBuf,
        #[command(flatten)]
        study: StudyArgs,
    },
    /// Runs every variant of a scenario with the same random numbers and compares them
    Compare {
        /// The scenario (YAML) with its `variants`; `-` reads standard input
        scenario: PathBuf,
        /// The figure that variants are ranked by, such as 'p99 event.latency' or redis.copies; if not given, the 99th percentile of
        /// event latency, else of request latency, else max/mean of connections
        #[arg(long, value_name = "FIGURE")]
        rank: Option<String>,
        #[command(flatten)]
        study: StudyArgs,
    },
    /// Finds the fewest pods, or the smallest or largest value of another setting, at which everything holds that is expected
    Plan(PlanArgs),
    /// Says what changed between two folders of results: configuration and figures
    Diff(DiffArgs),
    /// Tries remedies (another affinity, drain in batches, a pod more …) and ranks them by gain and price
    Recommend(RecommendArgs),
    /// Runs a scenario at many points, on this machine or on many, and says how figures depend on the settings
    Sweep(Box<SweepArgs>),
    /// Checks scenarios without running them
    Check {
        /// The scenarios (YAML); `-` reads standard input
        #[arg(required = true)]
        scenarios: Vec<PathBuf>,
        /// Changes a value before checking, such as `pods.replicas=8`; may be given again
        #[arg(long, value_name = "PATH=VALUE")]
        set: Vec<String>,
        /// Says nothing when all is well
        #[arg(long, short)]
        quiet: bool,
    },
    /// Says where clients land, without a simulation
    Route(RouteArgs),
    /// Says what operations cost in Redis, adapter by adapter, without a simulation
    Adapter(AdapterArgs),
    /// Prints a JSON schema, for editors and for readers of results
    Schema {
        /// Of what
        #[arg(value_enum, default_value = "scenario")]
        of: SchemaOf,
    },
    /// Runs what theory can compute exactly, and compares
    Selftest(SelftestArgs),
    /// Prints every default and preset with its source
    Defaults,
    /// Makes scenarios out of what you have
    Import {
        #[command(subcommand)]
        source: ImportSource,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files
    Scenario,
    /// summary.json
    Summary,
    /// plan.json
    Plan,
    /// recommend.json
    Recommend,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
