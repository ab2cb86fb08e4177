//! Runs every variant so many times and puts the figures together.

use std::ops::ControlFlow;

use super::jobs::{Options, Progress, StudyError, in_order};
use super::pairing::adjust;
use super::pool::Pooled;
use super::stopping::{replicate, uncertainty};
use super::student_t;
use crate::cluster::balancer::AffinityKey;
use crate::cluster::simulate;
use crate::cluster::spec::ClusterSpec;
use crate::engine::Seed;
use crate::metrics::{AlertRule, Estimate, FigureId, FigureReport, HEADLINE, Precision, Record, Study, VariantReport};
use crate::scenario::{Expectation, Replications, Scenario};

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

/// Runs a scenario.
///
/// # Errors
/// When a run fails (the first failing one, by variant and replication, if several do), or the caller aborts.
pub fn run(scenario: &Scenario, options: &Options) -> Result<Study, StudyError> {
    let candidates = Candidate::all(scenario, options.variants);
    let (pooled, precision) = run_all(&candidates, scenario, options)?;
    let replications = pooled[0].digests.len() as u32;
    // what others are compared with: the variant called `none`, else the first without affinity, else the first
    let named = candidates.iter().position(|candidate| candidate.name == "none");
    let plain = || candidates.iter().position(|candidate| candidate.spec.affinity() == AffinityKey::None);
    let baseline = named.or_else(plain).unwrap_or(0);
    let figures: Vec<Vec<FigureReport>> = (0..pooled.len())
        .map(|variant| pooled[variant].figures((variant != baseline).then_some(&pooled[baseline])))
        .collect();
    let variants = candidates.iter().zip(pooled).zip(figures);
    let mut variants: Vec<VariantReport> =
        variants.map(|((candidate, pooled), figures)| pooled.report(candidate, figures)).collect();
    adjust(&mut variants);
    Ok(Study {
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        seed: scenario.seed,
        replications,
        precision,
        duration_s: scenario.base.duration.as_secs_f64(),
        warm_up_s: scenario.base.warm_up.as_secs_f64(),
        variants,
        baseline,
        assumptions: scenario.assumptions(),
        sensitivity: None,
    })
}

/// Runs everything as often as is asked for; with how well the least known figure is known where that was to be found out.
fn run_all(
    candidates: &[Candidate],
    scenario: &Scenario,
    options: &Options,
) -> Result<(Vec<Pooled>, Option<Precision>), StudyError> {
    let mut pools: Vec<Pooled> = candidates.iter().map(|_| Pooled::default()).collect();
    let mut precision = None;
    let one = |&(replication, variant): &(u32, usize)| -> Result<(usize, Record), StudyError> {
        let candidate = &candidates[variant];
        let record = simulate(candidate.spec, Seed(scenario.seed).replication(replication))
            .map_err(|error| StudyError::Run { variant: candidate.name.to_owned(), replication, error })?;
        Ok((variant, record))
    };
    replicate(scenario.replications, |replications| -> Result<ControlFlow<(), Option<f64>>, StudyError> {
        let before = replications.start as usize * candidates.len();
        let progress =
            |Progress { done, total }| (options.progress)(Progress { done: before + done, total: before + total });
        let options = Options { progress: &progress, ..*options };
        // all variants of one replication before the next, so that an early stop leaves whole comparisons
        let jobs: Vec<(u32, usize)> = replications
            .flat_map(|replication| (0..candidates.len()).map(move |variant| (replication, variant)))
            .collect();
        let add = |(variant, record): (usize, Record)| pools[variant].add(record, candidates[variant].expectations);
        in_order(&jobs, &options, one, add)?;
        if let Replications::Until(until) = scenario.replications {
            precision = least_known(candidates, &pools, until.precision());
        }
        let events: u64 = pools.iter().map(|pooled| pooled.events).sum();
        if events >= Precision::MOST_EVENTS {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(precision.as_ref().map(|precision| precision.reached)))
    })?;
    Ok((pools, precision))
}

/// The headline figure, or the expected one, that is known least.
fn least_known(candidates: &[Candidate], pools: &[Pooled], wanted: f64) -> Option<Precision> {
    let headline: Vec<FigureId> = HEADLINE.iter().map(|id| id.parse().expect("headline figures exist")).collect();
    let of_variant = candidates.iter().zip(pools).flat_map(|(candidate, pooled)| {
        let expected = candidate.expectations.iter().map(|expectation| expectation.figure);
        let mut figures: Vec<(usize, FigureId)> = columns(candidate.expectations).enumerate().collect();
        figures.retain(|(_, figure)| {
            (headline.contains(figure) || expected.clone().any(|f| f == *figure)) && pooled.too_few(*figure).is_none()
        });
        figures.into_iter().filter_map(|(position, figure)| {
            let values: Vec<f64> = pooled.column(position).into_iter().flatten().collect();
            let reached = uncertainty(&values, figure.family().unit)?;
            Some(Precision { wanted, reached, figure: figure.to_string(), variant: candidate.name.to_owned() })
        })
    });
    // of equals the first one
    of_variant.reduce(|worst, other| if other.reached > worst.reached { other } else { worst })
}

/// How many figures come before those of expectations.
pub(super) fn number_of_figures() -> usize {
    FigureId::all().count()
}

/// Every figure, then every expectation's.
fn columns(expectations: &[Expectation]) -> impl Iterator<Item = FigureId> {
    FigureId::all().chain(expectations.iter().map(|expectation| expectation.figure))
}

/// The values of [`columns`] in one run.
pub(super) fn figures_of(record: &Record, expectations: &[Expectation]) -> Vec<Option<f64>> {
    columns(expectations).map(|figure| figure.value(record)).collect()
}

/// Mean, 95 % interval and range of independent values; `None` when there are none.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let half_width = (values.len() > 1).then(|| {
        let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
        student_t(CONFIDENCE, values.len() as u32 - 1) * libm::sqrt(variance / n)
    });
    let fold = |combine: fn(f64, f64) -> f64| values.iter().copied().reduce(combine).unwrap_or(mean);
    Some(Estimate { mean, half_width, min: fold(f64::min), max: fold(f64::max), replications: values.len() as u32 })
}

/// The standard error of an estimate's mean; `None` with fewer than two replications.
pub fn standard_error(estimate: &Estimate) -> Option<f64> {
    Some(estimate.half_width? / student_t(CONFIDENCE, estimate.replications - 1))
}
