//! One point: its runs, of which only sums are kept, so that memory does not grow with the number of replications.

use std::ops::ControlFlow;

use super::super::jobs::{Options, StudyError, in_order};
use super::super::judge::outcome;
use super::super::replicate::{Candidate, Figures, baseline, estimate_of, number_of_figures, run_once};
use super::super::stopping::{replicate, uncertainty};
use crate::metrics::{
    Estimate, FigureId, FigureReport, HEADLINE, Latencies, PointReport, Precision, Record, TooFew, VariantAtPoint,
};
use crate::scenario::{Expectation, Scenario};

/// Count, mean, spread and range of values that come one by one (Welford 1962).
#[derive(Clone, Copy, Default)]
struct Running {
    n: u32,
    sum: f64,
    /// Running mean; `sum / n` but for rounding.
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

impl Running {
    fn add(&mut self, value: f64) {
        (self.min, self.max) = if self.n == 0 { (value, value) } else { (self.min.min(value), self.max.max(value)) };
        self.n += 1;
        self.sum += value;
        let before = value - self.mean;
        self.mean += before / f64::from(self.n);
        self.squares += before * (value - self.mean);
    }
    fn estimate(&self) -> Option<Estimate> {
        let n = f64::from(self.n);
        let variance = (self.n > 1).then(|| self.squares / (n - 1.0));
        (self.n > 0).then(|| estimate_of(self.n, self.sum / n, variance, (self.min, self.max)))
    }
}

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
    let baseline = baseline(&candidates);
    let mut all: Vec<Sums> = candidates.iter().map(Sums::of).collect();
    let one =
        |&(replication, variant): &(u32, usize)| -> Result<(Record, Figures), StudyError> {
            let candidate = &candidates[variant];
            run_once(candidate.spec, candidate.expectations, scenario.seed, replication)
                .map_err(|error| StudyError::Run { variant: candidate.name.to_owned(), replication, error })
        };
    let mut together: Vec<Vec<Option<f64>>> = Vec::with_capacity(candidates.len());
    replicate(scenario.replications, |replications| -> Result<ControlFlow<(), Option<f64>>, StudyError> {
        // all variants of one replication before the next
        let jobs: Vec<(u32, usize)> = replications
            .flat_map(|replication| (0..candidates.len()).map(move |variant| (replication, variant)))
            .collect();
        in_order(&jobs, options, one, |(record, figures)| {
            together.push(all[together.len()].add(record, figures));
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
        if events >= Precision::MOST_EVENTS {
            return Ok(ControlFlow::Break(()));
        }
        let known = candidates.iter().zip(&all).flat_map(|(candidate, sums)| sums.uncertainties(candidate));
        Ok(ControlFlow::Continue(known.reduce(f64::max)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;
    use crate::study::estimate;

    #[test]
    fn sums_say_what_all_values_say() {
        let mut stream = Seed(3).stream(1, 0, 0);
        for n in [1, 2, 5, 1000] {
            let values: Vec<f64> = (0..n).map(|_| 1e6 + stream.unit()).collect();
            let mut running = Running::default();
            values.iter().for_each(|&value| running.add(value));
            let (ours, theirs) = (running.estimate().expect("values"), estimate(&values).expect("values"));
            assert_eq!((ours.mean, ours.min, ours.max, ours.replications), (theirs.mean, theirs.min, theirs.max, n));
            match (ours.half_width, theirs.half_width) {
                (Some(a), Some(b)) => assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}"),
                (a, b) => assert_eq!(a, b),
            }
        }
        assert!(Running::default().estimate().is_none());
    }
}
