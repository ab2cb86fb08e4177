//! One point: its runs, of which only sums are kept, so that memory does not grow with the number of replications.

use super::super::jobs::{Options, StudyError, in_order};
use super::super::replicate::{Candidate, baseline, estimate_of, figures_of, number_of_figures, outcome};
use crate::cluster::simulate;
use crate::engine::Seed;
use crate::metrics::{Estimate, FigureId, FigureReport, PointReport, Record, VariantAtPoint};
use crate::scenario::Scenario;

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
    events: u64,
    /// Of the first run.
    digest: Option<u64>,
}

/// Runs every variant of a point.
pub(super) fn measure(point: usize, scenario: &Scenario, options: &Options) -> Result<PointReport, StudyError> {
    let candidates = Candidate::all(scenario, options.variants);
    let baseline = baseline(&candidates);
    let sums = |candidate: &Candidate| Sums {
        values: vec![Running::default(); number_of_figures() + candidate.expectations.len()],
        differences: vec![Running::default(); number_of_figures()],
        events: 0,
        digest: None,
    };
    let mut all: Vec<Sums> = candidates.iter().map(sums).collect();
    // all variants of one replication before the next
    let jobs: Vec<(u32, usize)> = (0..scenario.replications)
        .flat_map(|replication| (0..candidates.len()).map(move |variant| (replication, variant)))
        .collect();
    let one = |&(replication, variant): &(u32, usize)| -> Result<Record, StudyError> {
        let candidate = &candidates[variant];
        simulate(candidate.spec, Seed(scenario.seed).replication(replication)).map_err(|error| StudyError::Run {
            variant: candidate.name.to_owned(),
            replication,
            error,
        })
    };
    let mut together: Vec<Vec<Option<f64>>> = Vec::with_capacity(candidates.len());
    in_order(&jobs, options, one, |record| {
        let variant = together.len();
        let sums = &mut all[variant];
        sums.digest.get_or_insert(record.digest);
        sums.events += record.events;
        let figures = figures_of(&record, candidates[variant].expectations);
        let values = sums.values.iter_mut().zip(&figures);
        values.for_each(|(sum, figure)| figure.iter().for_each(|&value| sum.add(value)));
        together.push(figures);
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
    let variants = candidates.iter().zip(all).enumerate().map(|(at, (candidate, sums))| {
        let expected = candidate.expectations.iter().zip(&sums.values[number_of_figures()..]);
        let figures = FigureId::all().zip(&sums.values).zip(&sums.differences);
        let figures = figures.filter_map(|((figure, value), difference)| {
            let difference = if at == baseline { None } else { difference.estimate() };
            Some(FigureReport { id: figure.to_string(), value: value.estimate()?, difference, pairing: None })
        });
        VariantAtPoint {
            name: candidate.name.to_owned(),
            figures: figures.collect(),
            expectations: expected.map(|(expectation, value)| outcome(expectation, value.estimate())).collect(),
            digest: format!("{:016x}", sums.digest.unwrap_or_default()),
            events: sums.events,
        }
    });
    Ok(PointReport { point, stopped: None, variants: variants.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
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
