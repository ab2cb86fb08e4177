//! Many runs together: what a report shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alert::AlertReport;
use super::count::Counts;
use super::figure::FigureId;
use super::record::{Limiting, Mark};
use super::sensitivity::Sensitivity;
use super::series::TimeSeries;

/// The outcome of running one scenario, or several variants of it, many times.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Study {
    /// Name of the scenario.
    pub name: String,
    /// Its title.
    pub title: String,
    /// First seed.
    pub seed: u64,
    /// Runs per variant.
    pub replications: u32,
    /// Simulated length of each run in seconds.
    pub duration_s: f64,
    /// Of which not measured, from the start.
    pub warm_up_s: f64,
    /// In the order of the scenario.
    pub variants: Vec<VariantReport>,
    /// Position of the variant that the others are compared with.
    pub baseline: usize,
    /// Every value the user did not give, with its source.
    pub assumptions: Vec<Assumption>,
    /// What came of changing them, where that was asked for. `summary.json` has what it means instead.
    #[serde(skip)]
    pub sensitivity: Option<Sensitivity>,
}

/// One variant, over its replications.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VariantReport {
    /// Name, such as `ip-hash`.
    pub name: String,
    /// The balancer in a few words, such as `nginx ip_hash`.
    pub balancer: String,
    /// Whether its decisions equal the real program's (`exact`) or are seeded draws of its stated law (`seeded draw`).
    pub decisions: String,
    /// Every figure that this variant has.
    pub figures: Vec<FigureReport>,
    /// Distributions, all replications pooled.
    pub distributions: Vec<DistributionReport>,
    /// Totals over all replications.
    pub counts: Counts,
    /// Highest peaks over the replications.
    pub limits: Limiting,
    /// Series of the first replication.
    pub series: TimeSeries,
    /// Marks of the first replication.
    pub marks: Vec<Mark>,
    /// Whether each `expect` holds.
    pub expectations: Vec<ExpectationOutcome>,
    /// When each alert would have fired, in the first replication.
    pub alerts: Vec<AlertReport>,
    /// Digest of each replication, in hexadecimal.
    pub digests: Vec<String>,
    /// Events handled in all replications.
    pub events: u64,
}

impl VariantReport {
    /// The figure called `id`, such as `event.latency.p99`, if this variant has it.
    pub fn figure(&self, id: &str) -> Option<&FigureReport> {
        self.figures.iter().find(|figure| figure.id == id)
    }
}

/// One figure over the replications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureReport {
    /// Such as `event.latency.p99`; see [`FigureId`].
    pub id: String,
    /// Its value.
    pub value: Estimate,
    /// Variant minus baseline, paired replication by replication; `None` for the baseline itself.
    pub difference: Option<Estimate>,
    /// What the pairs say of that difference; `None` for the baseline itself, and with fewer than two replications.
    pub pairing: Option<Pairing>,
}

/// Values of a variant and of the baseline that were measured with the same random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pairing {
    /// How much they go together, −1 to 1; `None` where one of them never varies.
    pub correlation: Option<f64>,
    /// Variance of the difference with random numbers of their own over that with the same ones: so many times as many
    /// replications would be needed. `None` where the difference never varies.
    pub gain: Option<f64>,
    /// How likely a difference at least as large is where there is none (Student's t), adjusted for the number of variants (Holm).
    pub p_value: f64,
}

impl FigureReport {
    /// Its parsed id.
    pub fn figure(&self) -> FigureId {
        self.id.parse().expect("figures are made from ids")
    }
}

/// A mean with its 95 % confidence interval (Student's t over the replications).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Mean over the replications.
    pub mean: f64,
    /// Half the width of the interval; `None` with fewer than two replications.
    pub half_width: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// How many replications had this figure.
    pub replications: u32,
}

/// A distribution of durations.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DistributionReport {
    /// Which, such as `event.latency`.
    pub family: String,
    /// How many durations in all.
    pub count: u64,
    /// (milliseconds, share not above).
    pub points: Vec<(f64, f64)>,
}

/// Whether an `expect` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationOutcome {
    /// As written.
    pub text: String,
    /// The figure on the left, such as `event.latency.p99`; see [`FigureId`].
    pub figure: String,
    /// The operator: `<`, `<=`, `>`, `>=` or `==`.
    pub comparison: String,
    /// The right side in the figure's unit: milliseconds, a share, per second, or a plain number.
    pub bound: f64,
    /// True when the mean over the replications meets it.
    pub holds: bool,
    /// What was measured; `None` when the run has no such figure (then it does not hold).
    pub measured: Option<Estimate>,
}

/// How well a value is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Grade {
    /// Measured on the real program by this project, or read in its source.
    Measured,
    /// Peer-reviewed, regulator or vendor documentation.
    A,
    /// One operator's or user's report, or a small benchmark.
    B,
    /// Our assumption, with a reason.
    C,
}

impl Grade {
    /// In tables.
    pub const fn name(self) -> &'static str {
        match self {
            Grade::Measured => "measured",
            Grade::A => "A",
            Grade::B => "B",
            Grade::C => "C",
        }
    }
}

/// A value that the user did not give.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Assumption {
    /// Where it stands in the resolved scenario, such as `pods.costs.send`.
    pub path: String,
    /// The value as text.
    pub value: String,
    /// How well it is founded.
    pub grade: Grade,
    /// Where it comes from.
    pub source: String,
    /// What was seen where it was measured; `None` for what was not measured, or read in a source.
    pub spread: Option<Spread>,
}

/// The lowest and the highest of what was measured, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Spread {
    /// The lowest.
    pub low: String,
    /// The highest.
    pub high: String,
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.low == self.high { f.write_str("one value") } else { write!(f, "{} to {}", self.low, self.high) }
    }
}
