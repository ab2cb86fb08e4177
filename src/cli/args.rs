//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Simulates real-time (WebSocket, Socket.IO) clusters behind load balancers, with and without session affinity.
///
/// Without a command it compares no affinity, IP hash and cookie on a built-in live auction.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 fine, 1 an `expect` does not hold, 2 bad input, 3 a bug in stickysim.\n\
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
        #[command(flatten)]
        study: StudyArgs,
    },
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
    /// Prints a JSON schema, for editors and for readers of summary.json
    Schema {
        /// Of what
        #[arg(value_enum, default_value = "scenario")]
        of: SchemaOf,
    },
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
}

#[derive(Debug, Subcommand)]
pub enum ImportSource {
    /// From an access log: an audience with the clients and addresses of the log, and a replay of its requests
    AccessLog(AccessLogArgs),
}

#[derive(Debug, Args)]
pub struct AccessLogArgs {
    /// The log in combined or common format, plain or gzip; `-` reads standard input
    pub log: PathBuf,
    /// Also writes a trace of every request and a scenario that plays it
    #[arg(long)]
    pub replay: bool,
    /// Name of the scenario; made from the file's name if not given
    #[arg(long)]
    pub name: Option<String>,
    /// Folder for the files; `output/NAME` if not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Prints nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Clone, Debug, Args)]
pub struct StudyArgs {
    /// Folder for the results; `output/NAME` if not given. Only files that a report consists of are replaced in it
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Changes a value of the scenario, such as `pods.replicas=8` or `clients.phones.count=500`; may be given again
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed; the same as `--set seed=N`
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Runs per variant; the same as `--set replications=N`
    #[arg(long, short = 'r', value_name = "N")]
    pub replications: Option<u32>,
    /// Threads; one per core if not given. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Prints nothing but errors and expectations that do not hold
    #[arg(long, short)]
    pub quiet: bool,
}

impl StudyArgs {
    /// All changes of the scenario, in the order in which they apply.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = self.set.clone();
        changes.extend(self.seed.map(|seed| format!("seed={seed}")));
        changes.extend(self.replications.map(|replications| format!("replications={replications}")));
        changes
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
