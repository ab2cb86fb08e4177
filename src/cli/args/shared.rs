//! What can be typed after several commands.

use clap::Args;

/// What is changed in a scenario.
#[derive(Clone, Debug, Args)]
pub struct Changes {
    /// Changes a value of the scenario, such as `pods.replicas=8` or `clients.phones.count=500`; may be given again
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed; the same as `--set seed=N`
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Expects something more, such as 'p99 event.latency < 100ms'; may be given again
    #[arg(long, value_name = "EXPECTATION")]
    pub expect: Vec<String>,
}

impl Changes {
    /// All of them but what is expected, in the order in which they apply.
    pub fn list(&self) -> Vec<String> {
        self.set.iter().cloned().chain(self.seed.map(|seed| format!("seed={seed}"))).collect()
    }
}

/// What is changed in a scenario, and how often it is run.
#[derive(Clone, Debug, Args)]
pub struct Runs {
    #[command(flatten)]
    pub scenario: Changes,
    /// Runs per variant, or `auto`; the same as `--set replications=N`
    #[arg(long, short = 'r', value_name = "N")]
    pub replications: Option<String>,
    /// As many runs as it takes to know every headline figure so well, 10 to 100; the same as `--set replications.precision=PERCENT`
    #[arg(long, value_name = "PERCENT", conflicts_with = "replications")]
    pub precision: Option<String>,
}

impl Runs {
    /// All changes but what is expected, in the order in which they apply.
    pub fn list(&self) -> Vec<String> {
        let mut list = self.scenario.list();
        list.extend(self.replications.iter().map(|replications| format!("replications={replications}")));
        let percent = |text: &String| if text.parse::<f64>().is_ok() { format!("{text}%") } else { text.clone() };
        list.extend(self.precision.iter().map(|text| format!("replications={{precision: {}}}", percent(text))));
        list
    }
}

/// How many threads work.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Threads {
    /// Threads; one per core if not given. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Threads {
    /// As studies take it.
    pub fn number(self) -> Option<usize> {
        self.threads.map(usize::from)
    }
}
