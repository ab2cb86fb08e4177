//! Runs every variant so many times and puts the figures together.

use super::jobs::{Options, StudyError, in_order};
use super::pairing::{adjust, pairing};
use super::student_t;
use crate::cluster::balancer::AffinityKey;
use crate::cluster::simulate;
use crate::cluster::spec::ClusterSpec;
use crate::engine::Seed;
use crate::metrics::{
    AlertRule, Counts, DistributionReport, Estimate, ExpectationOutcome, Family, FigureId, FigureReport, Latencies,
    Limiting, Mark, Record, Study, TimeSeries, VariantReport,
};
use crate::scenario::{Expectation, Scenario};

/// Corners of a distribution in reports.
const DISTRIBUTION_POINTS: usize = 400;
/// The confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// One variant to be run.
pub(super) struct Candidate<'s> {
    pub(super) name: &'s str,
    pub(super) spec: &'s ClusterSpec,
    pub(super) expectations: &'s [Expectation],
    pub(super) alerts: &'s [AlertRule],
}

impl<'s> Candidate<'s> {
    /// Every variant, or the scenario as it stands where there is none or none is asked for.
    pub(super) fn all(scenario: &'s Scenario, variants: bool) -> Vec<Candidate<'s>> {
        let base = Candidate {
            name: &scenario.name,
            spec: &scenario.base,
            expectations: &scenario.expectations,
            alerts: &scenario.alerts,
        };
        if !variants || scenario.variants.is_empty() {
            return vec![base];
        }
        let of = scenario.variants.iter().map(|variant| Candidate {
            name: &variant.name,
            spec: &variant.spec,
            expectations: &variant.expectations,
            alerts: &variant.alerts,
        });
        of.collect()
    }
}

/// What the replications of one variant add up to, in their order.
#[derive(Default)]
struct Pooled {
    latencies: Latencies,
    counts: Counts,
    limits: Limiting,
    events: u64,
    /// Series and marks of replication 0.
    first: Option<(TimeSeries, Vec<Mark>)>,
    /// By replication: every figure of [`FigureId::all`], then every expectation's.
    figures: Vec<Vec<Option<f64>>>,
    digests: Vec<u64>,
}

/// Runs a scenario.
///
/// # Errors
/// When a run fails (the first failing one, by variant and replication, if several do), or the caller aborts.
pub fn run(scenario: &Scenario, options: &Options) -> Result<Study, StudyError> {
    let candidates = Candidate::all(scenario, options.variants);
    let pooled = run_all(&candidates, scenario, options)?;
    let baseline = baseline(&candidates);
    let baseline_figures = pooled[baseline].figures.clone();
    let variants = candidates.iter().zip(pooled).enumerate().map(|(position, (candidate, pooled))| {
        report(candidate, pooled, (position != baseline).then_some(&baseline_figures))
    });
    let mut variants: Vec<VariantReport> = variants.collect();
    adjust(&mut variants);
    Ok(Study {
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        seed: scenario.seed,
        replications: scenario.replications,
        duration_s: scenario.base.duration.as_secs_f64(),
        warm_up_s: scenario.base.warm_up.as_secs_f64(),
        variants,
        baseline,
        assumptions: scenario.assumptions(),
        sensitivity: None,
    })
}

fn run_all(candidates: &[Candidate], scenario: &Scenario, options: &Options) -> Result<Vec<Pooled>, StudyError> {
    let mut pools: Vec<Pooled> = candidates.iter().map(|_| Pooled::default()).collect();
    // all variants of one replication before the next, so that an early stop leaves whole comparisons
    let jobs: Vec<(u32, usize)> = (0..scenario.replications)
        .flat_map(|replication| (0..candidates.len()).map(move |variant| (replication, variant)))
        .collect();
    let one = |&(replication, variant): &(u32, usize)| -> Result<(usize, Record), StudyError> {
        let candidate = &candidates[variant];
        let record = simulate(candidate.spec, Seed(scenario.seed).replication(replication))
            .map_err(|error| StudyError::Run { variant: candidate.name.to_owned(), replication, error })?;
        Ok((variant, record))
    };
    in_order(&jobs, options, one, |(variant, record)| pools[variant].add(record, candidates[variant].expectations))?;
    Ok(pools)
}

/// What others are compared with: the variant called `none`, else the first without affinity, else the first.
pub(super) fn baseline(candidates: &[Candidate]) -> usize {
    let named = candidates.iter().position(|candidate| candidate.name == "none");
    let plain = || candidates.iter().position(|candidate| candidate.spec.affinity() == AffinityKey::None);
    named.or_else(plain).unwrap_or(0)
}

/// How many figures come before those of expectations.
pub(super) fn number_of_figures() -> usize {
    FigureId::all().count()
}

/// Every figure, then every expectation's, of one run.
pub(super) fn figures_of(record: &Record, expectations: &[Expectation]) -> Vec<Option<f64>> {
    let wanted = FigureId::all().chain(expectations.iter().map(|expectation| expectation.figure));
    wanted.map(|figure| figure.value(record)).collect()
}

impl Pooled {
    /// Adds the next replication.
    fn add(&mut self, record: Record, expectations: &[Expectation]) {
        self.figures.push(figures_of(&record, expectations));
        self.latencies.merge(&record.latencies);
        self.counts.add(&record.counts);
        self.events += record.events;
        self.limits.raise(&record.limits);
        self.digests.push(record.digest);
        self.first.get_or_insert((record.series, record.marks));
    }
}

fn report(candidate: &Candidate, pooled: Pooled, baseline: Option<&Vec<Vec<Option<f64>>>>) -> VariantReport {
    let column = |figures: &[Vec<Option<f64>>], position: usize| -> Vec<Option<f64>> {
        figures.iter().map(|run| run.get(position).copied().flatten()).collect()
    };
    let known = number_of_figures();
    let figures = FigureId::all().enumerate().filter_map(|(position, figure)| {
        let values = column(&pooled.figures, position);
        let pairs: Option<Vec<(f64, f64)>> = baseline.map(|baseline| {
            let theirs = column(baseline, position);
            values.iter().zip(&theirs).filter_map(|(mine, theirs)| Some(((*mine)?, (*theirs)?))).collect()
        });
        let difference = pairs
            .as_ref()
            .and_then(|pairs| estimate(&pairs.iter().map(|(mine, theirs)| mine - theirs).collect::<Vec<_>>()));
        let pairing = pairs.and_then(|pairs| pairing(&pairs));
        let value = estimate(&values.into_iter().flatten().collect::<Vec<_>>())?;
        Some(FigureReport { id: figure.to_string(), value, difference, pairing })
    });
    let figures = figures.collect();
    let expectations = candidate.expectations.iter().enumerate().map(|(position, expectation)| {
        let values: Vec<f64> = column(&pooled.figures, known + position).into_iter().flatten().collect();
        outcome(expectation, estimate(&values))
    });
    let expectations = expectations.collect();
    let (series, marks) = pooled.first.unwrap_or_default();
    VariantReport {
        name: candidate.name.to_owned(),
        balancer: candidate.spec.describe_balancers(),
        decisions: candidate.spec.decisions(),
        figures,
        distributions: distributions(&pooled.latencies),
        counts: pooled.counts,
        limits: pooled.limits,
        alerts: candidate.alerts.iter().map(|rule| rule.evaluate(&series)).collect(),
        series,
        marks,
        expectations,
        digests: pooled.digests.iter().map(|digest| format!("{digest:016x}")).collect(),
        events: pooled.events,
    }
}

/// Whether what is expected holds of what was measured.
pub(super) fn outcome(expectation: &Expectation, measured: Option<Estimate>) -> ExpectationOutcome {
    ExpectationOutcome {
        text: expectation.text.clone(),
        figure: expectation.figure.to_string(),
        comparison: expectation.comparison.to_string(),
        bound: expectation.bound,
        holds: measured.is_some_and(|measured| expectation.holds(measured.mean)),
        measured,
    }
}

fn distributions(latencies: &Latencies) -> Vec<DistributionReport> {
    let families = Family::all().iter();
    let reports = families.filter_map(|family| {
        let histogram = family.histogram_of(latencies)?;
        let points = histogram.distribution(DISTRIBUTION_POINTS);
        (histogram.count() > 0).then(|| DistributionReport {
            family: family.name.to_owned(),
            count: histogram.count(),
            points,
        })
    });
    reports.collect()
}

/// Mean, 95 % interval and range of independent values; `None` when there are none.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = (values.len() > 1).then(|| values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0));
    let fold = |combine: fn(f64, f64) -> f64| values.iter().copied().reduce(combine).unwrap_or(mean);
    Some(estimate_of(values.len() as u32, mean, variance, (fold(f64::min), fold(f64::max))))
}

/// The same of what is known of the values.
pub(super) fn estimate_of(n: u32, mean: f64, variance: Option<f64>, (min, max): (f64, f64)) -> Estimate {
    let half_width = variance.map(|variance| student_t(CONFIDENCE, n - 1) * libm::sqrt(variance / f64::from(n)));
    Estimate { mean, half_width, min, max, replications: n }
}

/// The standard error of an estimate's mean; `None` with fewer than two replications.
pub fn standard_error(estimate: &Estimate) -> Option<f64> {
    Some(estimate.half_width? / student_t(CONFIDENCE, estimate.replications - 1))
}
