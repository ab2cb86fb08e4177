//! What the replications of one variant add up to, and what can be said of it.

use super::bins::Bins;
use super::judge::outcome;
use super::pairing::paired;
use super::replicate::{Candidate, Figures, column, estimate, number_of_figures, pairs};
use super::steady::check;
use super::totals::Totals;
use crate::metrics::{
    Counts, DistributionReport, Family, FigureId, FigureReport, Latencies, Limiting, Mark, Record, TimeSeries,
    VariantReport,
};

/// Corners of a distribution in reports.
const DISTRIBUTION_POINTS: usize = 400;
/// What the replications of one variant add up to, in their order.
pub(super) struct Pooled {
    pub(super) totals: Totals,
    counts: Counts,
    limits: Limiting,
    /// Series and marks of replication 0.
    first: Option<(TimeSeries, Vec<Mark>)>,
    bins: Bins,
    /// By replication: every figure of [`FigureId::all`], then that of each expectation.
    samples: Vec<Vec<Option<f64>>>,
    pub(super) digests: Vec<u64>,
}

impl Pooled {
    /// Of no replication yet.
    pub(super) fn of(candidate: &Candidate) -> Pooled {
        Pooled {
            totals: Totals::of(candidate),
            counts: Counts::default(),
            limits: Limiting::default(),
            first: None,
            bins: Bins::default(),
            samples: Vec::new(),
            digests: Vec::new(),
        }
    }

    /// Adds the next replication.
    pub(super) fn add(&mut self, record: Record, figures: &Figures) {
        self.samples.push(self.totals.add(&record, figures));
        self.counts.add(&record.counts);
        self.limits.raise(&record.limits);
        self.digests.push(record.digest);
        self.bins.add(&record.series);
        self.first.get_or_insert((record.series, record.marks));
    }

    /// A figure, by its position, of every replication.
    pub(super) fn column(&self, position: usize) -> Vec<Option<f64>> {
        column(&self.samples, position)
    }

    /// Every figure that can be told, and its difference to the baseline's.
    pub(super) fn figures(&self, baseline: Option<&Pooled>) -> Vec<FigureReport> {
        let figures = FigureId::all().enumerate().filter(|&(_, figure)| self.totals.too_few(figure).is_none());
        let told = figures.filter_map(|(position, figure)| {
            let values = self.column(position);
            let baseline = baseline.filter(|baseline| baseline.totals.too_few(figure).is_none());
            let pairs = baseline.map(|baseline| pairs(&self.samples, &baseline.samples, position));
            let (difference, pairing) = pairs.map_or((None, None), |pairs| paired(figure, &pairs));
            let value = estimate(&values.into_iter().flatten().collect::<Vec<_>>())?;
            Some(FigureReport { id: figure.to_string(), value, difference, pairing })
        });
        told.collect()
    }

    /// What is said of the variant.
    pub(super) fn report(self, candidate: &Candidate, figures: Vec<FigureReport>) -> VariantReport {
        let expectations = candidate.expectations.iter().enumerate().map(|(at, expectation)| {
            let values: Vec<f64> = self.column(number_of_figures() + at).into_iter().flatten().collect();
            outcome(expectation, estimate(&values), self.totals.too_few_expected(at, expectation))
        });
        let expectations = expectations.collect();
        let too_few = FigureId::all().filter_map(|figure| self.totals.too_few(figure)).collect();
        let over_time = self.bins.report();
        let is_left_alone = candidate.spec.timeline.is_empty();
        let steady = if is_left_alone { check(&over_time, candidate.spec.warm_up.as_secs_f64()) } else { Vec::new() };
        let (series, marks) = self.first.unwrap_or_default();
        VariantReport {
            name: candidate.name.to_owned(),
            balancer: candidate.spec.describe_balancers(),
            decisions: candidate.spec.decisions(),
            figures,
            too_few,
            samples: self.samples,
            distributions: distributions(&self.totals.latencies),
            counts: self.counts,
            limits: self.limits,
            alerts: candidate.alerts.iter().map(|rule| rule.evaluate(&series)).collect(),
            series,
            marks,
            over_time,
            steady,
            expectations,
            digests: self.digests.iter().map(|digest| format!("{digest:016x}")).collect(),
            events: self.totals.events,
        }
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
