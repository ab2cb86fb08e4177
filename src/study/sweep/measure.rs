//! One point: its runs, of which only sums are kept, so that memory does not grow with the number of replications.

use super::super::jobs::{Options, StudyError};
use super::super::judge::outcome;
use super::super::replicate::{Candidate, baseline, known, number_of_figures, run_as_often};
use super::super::running::Running;
use super::super::totals::Totals;
use crate::metrics::{FigureId, FigureReport, PointReport, VariantAtPoint};
use crate::scenario::Scenario;

/// What the runs of a variant add up to.
struct Sums {
    totals: Totals,
    /// Of every figure, run by run against the baseline.
    differences: Vec<Running>,
    /// Of the first run.
    digest: Option<u64>,
}

impl Sums {
    fn of(candidate: &Candidate) -> Sums {
        Sums { totals: Totals::of(candidate), differences: vec![Running::default(); number_of_figures()], digest: None }
    }
}

/// Runs every variant of a point.
pub(super) fn measure(point: usize, scenario: &Scenario, options: &Options) -> Result<PointReport, StudyError> {
    let candidates = Candidate::all(scenario, options.variants);
    let baseline = baseline(&candidates, scenario);
    let all: Vec<Sums> = candidates.iter().map(Sums::of).collect();
    let mut together: Vec<Vec<Option<f64>>> = Vec::with_capacity(candidates.len());
    let mut found = (all, None);
    let replications = run_as_often(
        &candidates,
        scenario,
        options,
        &mut found,
        |(all, _), variant, record, figures| {
            all[variant].digest.get_or_insert(record.digest);
            together.push(all[variant].totals.add(&record, &figures));
            if together.len() == candidates.len() {
                for (sums, figures) in all.iter_mut().zip(&together) {
                    let pairs = figures.iter().zip(&together[baseline]);
                    for (sum, (mine, theirs)) in sums.differences.iter_mut().zip(pairs) {
                        mine.zip(*theirs).into_iter().for_each(|(mine, theirs)| sum.add(mine - theirs));
                    }
                }
                together.clear();
            }
        },
        |(all, precision)| known(&candidates, scenario, all.iter().map(|sums| &sums.totals), precision),
    )?;
    let (all, precision) = found;
    let variants = candidates.iter().zip(all).enumerate().map(|(at, (candidate, sums))| {
        let expected = candidate.expectations.iter().enumerate();
        let expected = expected.map(|(position, expectation)| {
            let too_few = sums.totals.too_few_expected(position, expectation);
            outcome(expectation, sums.totals.expected(position), too_few)
        });
        let figures = FigureId::all().enumerate().filter(|(_, figure)| sums.totals.too_few(*figure).is_none());
        let figures = figures.filter_map(|(position, figure)| {
            let difference = if at == baseline { None } else { sums.differences[position].estimate() };
            Some(FigureReport {
                id: figure.to_string(),
                value: sums.totals.value(position)?,
                difference,
                pairing: None,
            })
        });
        VariantAtPoint {
            name: candidate.name.to_owned(),
            figures: figures.collect(),
            expectations: expected.collect(),
            digest: format!("{:016x}", sums.digest.unwrap_or_default()),
            events: sums.totals.events,
        }
    });
    Ok(PointReport { point, stopped: None, replications, precision, variants: variants.collect() })
}
