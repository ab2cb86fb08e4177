//! Many runs together: what a report shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alert::AlertReport;
use super::count::Counts;
use super::figure::FigureId;
use super::over_time::{OverTime, Steady};
use super::record::{LIMITS, Limit, Limiting, Mark, closest};
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
    /// How well figures are known then; `None` where the number of runs was given.
    pub precision: Option<Precision>,
    /// Simulated length of each run in seconds.
    pub duration_s: f64,
    /// Of which not measured, from the start.
    pub warm_up_s: f64,
    /// In the order of the scenario.
    pub variants: Vec<VariantReport>,
    /// Position of the variant that the others are compared with.
    pub baseline: usize,
    /// Currency of the scenario's prices, such as `EUR`, if it says one.
    pub currency: Option<String>,
    /// The figure by which variants are ranked, where one was asked for. `summary.json` has the ranks instead.
    #[serde(skip)]
    pub rank_by: Option<FigureId>,
    /// Every value the user did not give, with its source.
    pub assumptions: Vec<Assumption>,
    /// What came of changing them, where that was asked for. `summary.json` has what it means instead.
    #[serde(skip)]
    pub sensitivity: Option<Sensitivity>,
}

/// How well the least known figure is known, of those that reports put first or that are expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Precision {
    /// Half the width of a 95 % interval that was asked for, as a share of the mean.
    pub wanted: f64,
    /// What was reached; `None` where the interval contains 0.
    pub reached: Option<f64>,
    /// The figure.
    pub figure: String,
    /// Whose.
    pub variant: String,
}

impl Precision {
    /// Whether it is known as well as was asked for.
    pub fn is_reached(&self) -> bool {
        self.reached.is_some_and(|reached| reached <= self.wanted)
    }
    /// No more runs are added once all variants together handled so many events: one to three minutes of one core.
    pub const MOST_EVENTS: u64 = 500_000_000;
    /// A share (0 to 1) that is known to so much is known well enough, however small it is: a tenth of a percentage point.
    pub const SMALLEST_SHARE: f64 = 0.001;
}

/// A percentile with too few samples beyond it to say where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TooFew {
    /// Such as `event.latency.p99`.
    pub id: String,
    /// Samples beyond it, over all replications.
    pub beyond: u64,
    /// So many there should be.
    pub wanted: u64,
}

impl TooFew {
    /// So many samples must lie beyond a percentile, over all replications:
    pub const BEYOND: u64 = 100;
    /// and so many in each, on average. With fewer the percentile of a run is biased, which no number of runs would mend: with 5 beyond
    /// it, that of an exponential tail is 2 % too low.
    const BEYOND_EACH: u64 = 5;

    /// Whether too few samples lie beyond a figure, of all of so many replications, to say where it is.
    pub fn to_tell(figure: FigureId, beyond: u64, replications: usize) -> Option<TooFew> {
        let wanted = TooFew::BEYOND.max(TooFew::BEYOND_EACH * replications as u64);
        (beyond < wanted).then(|| TooFew { id: figure.to_string(), beyond, wanted })
    }
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
    /// Percentiles that are not among them, since too few samples lie beyond.
    pub too_few: Vec<TooFew>,
    /// By replication: every figure of [`FigureId::all`], then that of each expectation. What other pairs of variants than those
    /// with the baseline are compared by.
    #[serde(skip)]
    pub samples: Vec<Vec<Option<f64>>>,
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
    /// Series over all replications.
    pub over_time: OverTime,
    /// From when on they are steady; empty where the timeline changes something, or the run is too short to say.
    pub steady: Vec<Steady>,
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
    /// What comes closest to its limit on average over the runs, and its share; `None` where nothing of any is used.
    pub fn closest(&self) -> Option<(Limit, &Estimate)> {
        let used = LIMITS.into_iter().filter_map(|limit| Some((limit, &self.figure(limit.figure)?.value)));
        closest(used.filter(|(_, share)| share.mean > 0.0), |(_, share)| share.mean)
    }
    /// The figure called `id`, such as `event.latency.p99`, if this variant has it.
    pub fn figure(&self, id: &str) -> Option<&FigureReport> {
        self.figures.iter().find(|figure| figure.id == id)
    }
    /// How many of its expectations do not hold.
    pub fn failed(&self) -> usize {
        self.expectations.iter().filter(|outcome| !outcome.holds).count()
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

impl DistributionReport {
    /// Whether enough durations lie beyond a share, away from the middle, to say where it is.
    pub fn is_told(&self, share: f64) -> bool {
        libm::floor(self.count as f64 * share.min(1.0 - share) + 1e-6) as u64 >= TooFew::BEYOND
    }
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
    /// Seconds from the start between which the figure is taken; `None` = all that is measured.
    pub during_s: Option<(f64, f64)>,
    /// How sure it must be that the mean meets the bound, 0.5 to 1; `None` = the mean over the replications itself must.
    pub confidence: Option<f64>,
    /// True when it does.
    pub holds: bool,
    /// Why it does or does not.
    pub judgement: Judgement,
    /// What was measured; `None` when the run has no such figure, or too little of it (then it does not hold).
    pub measured: Option<Estimate>,
    /// Where it is a percentile that nothing can be said of.
    pub too_few: Option<TooFew>,
}

/// What was found out of something that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// So many replications do not tell with the confidence asked for, or had nothing of it.
    Unsure,
}

impl Judgement {
    /// In files.
    pub const fn name(self) -> &'static str {
        match self {
            Judgement::Holds => "holds",
            Judgement::Fails => "fails",
            Judgement::Unsure => "unsure",
        }
    }
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
