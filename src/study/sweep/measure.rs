//! One point: its runs, of which only sums are kept, so that memory does not grow with the number of replications.

use std::ops::ControlFlow;

use super::super::jobs::{Options, StudyError};
use super::super::judge::outcome;
use super::super::replicate::{Candidate, Figures, afforded, baseline, number_of_figures, run_block};
use super::super::running::Running;
use super::super::stopping::{replicate, uncertainty};
use crate::metrics::{FigureId, FigureReport, HEADLINE, Latencies, PointReport, Record, TooFew, VariantAtPoint};
use crate::scenario::{Expectation, Scenario};

/// What the runs of a variant add up to.
struct Sums {
    /// Of every figure, then of every expectation's.
    values: Vec<Running>,
    /// Of every figure, run by run against the baseline.
    differences: Vec<Running>,
    /// All runs' durations, and of each expectation the samples beyond it: whether percentiles can be told.
    latencies: Latencies,
    beyond: Vec<Option<u64>>,
    runs: usize,
    events: u64,
    /// Of the first run.
    digest: Option<u64>,
}

impl Sums {
    fn of(candidate: &Candidate) -> Sums {
        Sums {
            values: vec![Running::default(); number_of_figures() + candidate.expectations.len()],
            differences: vec![Running::default(); number_of_figures()],
            latencies: Latencies::default(),
            beyond: vec![None; candidate.expectations.len()],
            runs: 0,
            events: 0,
            digest: None,
        }
    }

    /// Adds a run; gives back its values.
    fn add(&mut self, record: Record, figures: Figures) -> Vec<Option<f64>> {
        self.digest.get_or_insert(record.digest);
        self.events += record.events;
        self.runs += 1;
        self.latencies.merge(&record.latencies);
        let values = figures.values();
        self.values.iter_mut().zip(&values).for_each(|(sum, value)| value.iter().for_each(|&value| sum.add(value)));
        for (beyond, expected) in self.beyond.iter_mut().zip(figures.expected()) {
            *beyond = beyond.map_or(expected.beyond, |before| Some(before + expected.beyond.unwrap_or(0)));
        }
        values
    }

    fn too_few(&self, figure: FigureId) -> Option<TooFew> {
        TooFew::to_tell(figure, figure.samples_beyond(&self.latencies)?, self.runs)
    }

    fn too_few_expected(&self, at: usize, expectation: &Expectation) -> Option<TooFew> {
        TooFew::to_tell(expectation.figure, self.beyond[at]?, self.runs)
    }

    /// How well headline figures, and what is expected, are known.
    fn uncertainties<'s>(&'s self, candidate: &'s Candidate<'s>) -> impl Iterator<Item = f64> + 's {
        let figures = FigureId::all().zip(&self.values);
        let headline = figures.filter(|(figure, _)| HEADLINE.contains(&figure.to_string().as_str()));
        let told = headline.filter(|(figure, _)| self.too_few(*figure).is_none());
        let expected = candidate.expectations.iter().zip(&self.values[number_of_figures()..]).enumerate();
        let expected = expected.filter(|(at, (expectation, _))| self.too_few_expected(*at, expectation).is_none());
        let expected = expected.map(|(_, (expectation, value))| (expectation.figure, value));
        told.chain(expected).filter_map(|(figure, value)| uncertainty(&value.estimate()?, figure.family().unit))
    }
}

/// Runs every variant of a point.
pub(super) fn measure(point: usize, scenario: &Scenario, options: &Options) -> Result<PointReport, StudyError> {
    let candidates = Candidate::all(scenario, options.variants);
    let baseline = baseline(&candidates, scenario);
    let mut all: Vec<Sums> = candidates.iter().map(Sums::of).collect();
    let mut together: Vec<Vec<Option<f64>>> = Vec::with_capacity(candidates.len());
    replicate(scenario.replications, |replications| -> Result<ControlFlow<(), Option<f64>>, StudyError> {
        run_block(&candidates, scenario.seed, replications, options, |variant, record, figures| {
            together.push(all[variant].add(record, figures));
            if together.len() == candidates.len() {
                for (sums, figures) in all.iter_mut().zip(&together) {
                    let pairs = figures.iter().zip(&together[baseline]);
                    for (sum, (mine, theirs)) in sums.differences.iter_mut().zip(pairs) {
                        mine.zip(*theirs).into_iter().for_each(|(mine, theirs)| sum.add(mine - theirs));
                    }
                }
                together.clear();
            }
        })?;
        let events: u64 = all.iter().map(|sums| sums.events).sum();
        let known = candidates.iter().zip(&all).flat_map(|(candidate, sums)| sums.uncertainties(candidate));
        Ok(afforded(events, known.reduce(f64::max)))
    })?;
    let variants = candidates.iter().zip(all).enumerate().map(|(at, (candidate, sums))| {
        let expected = candidate.expectations.iter().enumerate();
        let expected = expected.map(|(position, expectation)| {
            let value = sums.values[number_of_figures() + position].estimate();
            outcome(expectation, value, sums.too_few_expected(position, expectation))
        });
        let figures = FigureId::all().zip(&sums.values).zip(&sums.differences);
        let figures = figures.filter(|((figure, _), _)| sums.too_few(*figure).is_none());
        let figures = figures.filter_map(|((figure, value), difference)| {
            let difference = if at == baseline { None } else { difference.estimate() };
            Some(FigureReport { id: figure.to_string(), value: value.estimate()?, difference, pairing: None })
        });
        VariantAtPoint {
            name: candidate.name.to_owned(),
            figures: figures.collect(),
            expectations: expected.collect(),
            digest: format!("{:016x}", sums.digest.unwrap_or_default()),
            events: sums.events,
        }
    });
    Ok(PointReport { point, stopped: None, variants: variants.collect() })
}
