//! What the runs of one variant add up to, of which none is kept: whether percentiles can be told, and how well figures are known.

use super::replicate::{Candidate, Figures, number_of_figures};
use super::running::Running;
use super::stopping::uncertainty;
use crate::metrics::{Estimate, FigureId, HEADLINE, Latencies, Precision, Record, TooFew};
use crate::scenario::Expectation;

/// Sums over the runs of one variant.
pub(super) struct Totals {
    /// Every duration of every run.
    pub(super) latencies: Latencies,
    /// Events that were handled.
    pub(super) events: u64,
    runs: usize,
    /// Of every figure of [`FigureId::all`], then of every expectation's.
    values: Vec<Running>,
    /// Of each expectation the samples beyond it, where it is a percentile.
    beyond: Vec<Option<u64>>,
}

impl Totals {
    /// Of no run yet.
    pub(super) fn of(candidate: &Candidate) -> Totals {
        let expectations = candidate.expectations.len();
        Totals {
            latencies: Latencies::default(),
            events: 0,
            runs: 0,
            values: vec![Running::default(); number_of_figures() + expectations],
            beyond: vec![None; expectations],
        }
    }

    /// Adds a run; gives back its values, in the order in which they are summed.
    pub(super) fn add(&mut self, record: &Record, figures: &Figures) -> Vec<Option<f64>> {
        self.latencies.merge(&record.latencies);
        self.events += record.events;
        self.runs += 1;
        let values = figures.values();
        self.values.iter_mut().zip(&values).for_each(|(sum, value)| value.iter().for_each(|&value| sum.add(value)));
        for (beyond, expected) in self.beyond.iter_mut().zip(figures.expected()) {
            *beyond = beyond.map_or(expected.beyond, |before| Some(before + expected.beyond.unwrap_or(0)));
        }
        values
    }

    /// A figure, by its position; `None` where no run had any of it.
    pub(super) fn value(&self, position: usize) -> Option<Estimate> {
        self.values[position].estimate()
    }

    /// An expectation's figure, by its position.
    pub(super) fn expected(&self, at: usize) -> Option<Estimate> {
        self.value(number_of_figures() + at)
    }

    /// Whether a figure is a percentile beyond which there are too few samples to say where it is.
    pub(super) fn too_few(&self, figure: FigureId) -> Option<TooFew> {
        TooFew::to_tell(figure, figure.samples_beyond(&self.latencies)?, self.runs)
    }

    /// The same of an expectation's, which may be about a part of the run.
    pub(super) fn too_few_expected(&self, at: usize, expectation: &Expectation) -> Option<TooFew> {
        TooFew::to_tell(expectation.figure, self.beyond[at]?, self.runs)
    }

    /// How well the headline figure, or the one that something is expected of, is known that is known least; `None` without any.
    pub(super) fn least_known(&self, candidate: &Candidate, wanted: f64) -> Option<Precision> {
        let headline: Vec<FigureId> = HEADLINE.iter().map(|id| id.parse().expect("headline figures exist")).collect();
        let figures = FigureId::all().enumerate().filter(|(_, figure)| headline.contains(figure));
        let told = figures.filter(|(_, figure)| self.too_few(*figure).is_none());
        let told = told.map(|(position, figure)| (figure, self.value(position)));
        let expected = candidate.expectations.iter().enumerate();
        let expected = expected.filter(|(at, expectation)| self.too_few_expected(*at, expectation).is_none());
        let expected = expected.map(|(at, expectation)| (expectation.figure, self.expected(at)));
        let known = told.chain(expected).filter_map(|(figure, value)| {
            let reached = uncertainty(&value?, figure.family().unit)?;
            Some((figure, reached))
        });
        // of equals the first one
        let (figure, reached) = known.reduce(|worst, other| if other.1 > worst.1 { other } else { worst })?;
        Some(Precision {
            wanted,
            reached: Some(reached).filter(|reached| reached.is_finite()),
            figure: figure.to_string(),
            variant: candidate.name.to_owned(),
        })
    }
}

/// The one of several variants that is known least; of equals the first one.
pub(super) fn least_of(all: impl Iterator<Item = Precision>) -> Option<Precision> {
    let far = |precision: &Precision| precision.reached.unwrap_or(f64::INFINITY);
    all.reduce(|worst, other| if far(&other) > far(&worst) { other } else { worst })
}
