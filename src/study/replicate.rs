//! Runs every variant so many times and puts the figures together.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::jobs::{Options, Progress, StudyError, in_order};
use super::pairing::adjust;
use super::pool::Pooled;
use super::stopping::Stopping;
use super::student_t;
use super::totals::{Totals, least_of};
use crate::cluster::balancer::AffinityKey;
use crate::cluster::spec::ClusterSpec;
use crate::cluster::{RunError, simulate_during};
use crate::engine::Seed;
use crate::metrics::{AlertRule, Estimate, FigureId, FigureReport, Precision, Record, Study, VariantReport, Window};
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
    let baseline = baseline(&candidates, scenario);
    compared(scenario, &candidates, baseline, options)
}

/// Runs a scenario as it stands, called `name`, and each of its variants, compared with it.
///
/// # Errors
/// As [`run`].
pub fn run_changes(scenario: &Scenario, name: &str, options: &Options) -> Result<Study, StudyError> {
    let mut candidates = Candidate::all(scenario, false);
    candidates[0].name = name;
    if !scenario.variants.is_empty() {
        candidates.extend(Candidate::all(scenario, true));
    }
    compared(scenario, &candidates, 0, options)
}

fn compared(
    scenario: &Scenario,
    candidates: &[Candidate],
    baseline: usize,
    options: &Options,
) -> Result<Study, StudyError> {
    let (pooled, precision) = run_all(candidates, scenario, options)?;
    let replications = pooled[0].digests.len() as u32;
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
        currency: scenario.currency().map(str::to_owned),
        rank_by: None,
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
    let pools: Vec<Pooled> = candidates.iter().map(Pooled::of).collect();
    let mut all = (pools, None);
    run_as_often(
        candidates,
        scenario,
        options,
        &mut all,
        |(pools, _), variant, record, figures| pools[variant].add(record, &figures),
        |(pools, precision)| known(candidates, scenario, pools.iter().map(|pool| &pool.totals), precision),
    )?;
    Ok(all)
}

/// Runs all variants of each replication before the next, so that an early stop leaves whole comparisons, as often as the scenario
/// says. `take` gets the runs in that order, each with the position of its variant; `known` says how well the figures are known by
/// then. Threads that have nothing to do go on with the next replications meanwhile. Gives how many replications there are.
pub(super) fn run_as_often<S: Send>(
    candidates: &[Candidate],
    scenario: &Scenario,
    options: &Options,
    sums: &mut S,
    mut take: impl FnMut(&mut S, usize, Record, Figures) + Send,
    mut known: impl FnMut(&mut S) -> ControlFlow<(), Option<f64>> + Send,
) -> Result<u32, StudyError> {
    let variants = candidates.len();
    let mut stopping = Stopping::new(scenario.replications);
    let jobs = stopping.at_most() as usize * variants;
    // as far as is known
    let total = AtomicUsize::new(stopping.next_look() as usize * variants);
    let progress =
        |Progress { done, .. }| (options.progress)(Progress { done, total: total.load(Ordering::Relaxed).max(done) });
    let one = |job: usize| -> Result<(usize, (Record, Figures)), StudyError> {
        let (replication, variant) = ((job / variants) as u32, job % variants);
        let candidate = &candidates[variant];
        let run = run_once(candidate.spec, candidate.expectations, scenario.seed, replication)
            .map_err(|error| StudyError::Run { variant: candidate.name.to_owned(), replication, error })?;
        Ok((variant, run))
    };
    let mut done = 0;
    let taken = |(variant, (record, figures))| {
        take(sums, variant, record, figures);
        done += u32::from(variant + 1 == variants);
        if variant + 1 < variants || done < stopping.next_look() {
            return ControlFlow::Continue(());
        }
        let enough = stopping.look(known(sums));
        total.store(stopping.next_look() as usize * variants, Ordering::Relaxed);
        enough
    };
    in_order(jobs, &Options { progress: &progress, ..*options }, one, taken)?;
    Ok(done)
}

/// How well figures are known by what the runs of each candidate add up to, which `precision` keeps where it was to be found out; unless
/// so many events were handled that no more runs are added.
pub(super) fn known<'t>(
    candidates: &[Candidate],
    scenario: &Scenario,
    totals: impl Iterator<Item = &'t Totals> + Clone,
    precision: &mut Option<Precision>,
) -> ControlFlow<(), Option<f64>> {
    if let Replications::Until(until) = scenario.replications {
        let each = candidates.iter().zip(totals.clone());
        *precision = least_of(each.filter_map(|(candidate, totals)| totals.least_known(candidate, until.precision())));
    }
    let reached = precision.as_ref().map(|precision| precision.reached.unwrap_or(f64::INFINITY));
    let events: u64 = totals.map(|totals| totals.events).sum();
    if events >= Precision::MOST_EVENTS { ControlFlow::Break(()) } else { ControlFlow::Continue(reached) }
}

/// What others are compared with: the variant that the scenario says, else the one called `none`, else the first without affinity, else
/// the first.
pub(super) fn baseline(candidates: &[Candidate], scenario: &Scenario) -> usize {
    let called = |name: &str| candidates.iter().position(|candidate| candidate.name == name);
    let named = scenario.baseline().and_then(called).or_else(|| called("none"));
    let plain = || candidates.iter().position(|candidate| candidate.spec.affinity() == AffinityKey::None);
    named.or_else(plain).unwrap_or(0)
}

/// How many figures come before those of expectations.
pub(super) fn number_of_figures() -> usize {
    FigureId::all().count()
}

/// What one run says.
pub(super) struct Figures {
    /// Every figure of [`FigureId::all`]; `None` where the run had nothing of it.
    all: Vec<Option<f64>>,
    expected: Vec<Expected>,
}

/// What one run says of something that is expected.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    /// `None` = the run had nothing of it.
    pub(super) value: Option<f64>,
    /// Samples beyond it, where it is a percentile.
    pub(super) beyond: Option<u64>,
}

impl Figures {
    /// Every expectation's, in their order.
    pub(super) fn expected(&self) -> &[Expected] {
        &self.expected
    }
    /// All of them, then every expectation's.
    pub(super) fn values(&self) -> Vec<Option<f64>> {
        let expected = self.expected.iter().map(|expected| expected.value);
        self.all.iter().copied().chain(expected).collect()
    }
}

/// The values of one figure, by replication.
pub(super) fn column(samples: &[Vec<Option<f64>>], position: usize) -> Vec<Option<f64>> {
    samples.iter().map(|run| run.get(position).copied().flatten()).collect()
}

/// The values of one figure in two variants, of each replication in which both have it.
pub(super) fn pairs(mine: &[Vec<Option<f64>>], theirs: &[Vec<Option<f64>>], position: usize) -> Vec<(f64, f64)> {
    let both = column(mine, position).into_iter().zip(column(theirs, position));
    both.filter_map(|(mine, theirs)| Some((mine?, theirs?))).collect()
}

/// Makes one run, with a record of each window that something is expected of.
pub(super) fn run_once(
    spec: &ClusterSpec,
    expectations: &[Expectation],
    seed: u64,
    replication: u32,
) -> Result<(Record, Figures), RunError> {
    let mut windows: Vec<Window> = Vec::new();
    for window in expectations.iter().filter_map(|expectation| expectation.during) {
        if !windows.contains(&window) {
            windows.push(window);
        }
    }
    let (record, in_windows) = simulate_during(spec, &windows, Seed(seed).replication(replication))?;
    let record_of = |during: Option<Window>| {
        let at = during.and_then(|window| windows.iter().position(|known| *known == window));
        at.map_or(&record, |at| &in_windows[at])
    };
    let expected = expectations.iter().map(|expectation| {
        let record = record_of(expectation.during);
        let beyond = expectation.figure.samples_beyond(&record.latencies);
        Expected { value: expectation.figure.value(record), beyond }
    });
    let expected = expected.collect();
    let all = FigureId::all().map(|figure| figure.value(&record)).collect();
    Ok((record, Figures { all, expected }))
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
