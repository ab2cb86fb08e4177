//! What changed between two studies that were made before: figure by figure, with what chance explains of it.

use std::collections::BTreeMap;

use super::pairing::{self, holm};
use super::replicate::{CONFIDENCE, standard_error};
use super::{student_p, student_t};
use crate::metrics::{Estimate, FigureId};

/// What a folder of results holds of a study.
#[derive(Clone, Debug)]
pub struct Results {
    /// Name of the scenario.
    pub name: String,
    /// Version of the program that made it.
    pub version: String,
    /// First seed.
    pub seed: u64,
    /// Runs per variant.
    pub replications: u32,
    /// In the order of the study.
    pub variants: Vec<VariantResults>,
}

/// The same of one variant.
#[derive(Clone, Debug)]
pub struct VariantResults {
    /// Its name.
    pub name: String,
    /// Digest of each replication.
    pub digests: Vec<String>,
    /// The figures that it has and this version knows.
    pub figures: Vec<(FigureId, Estimate)>,
    /// Values by replication, by name of the figure; empty where they are not known.
    pub values: BTreeMap<String, Vec<Option<f64>>>,
}

/// What changed from one study to another one.
#[derive(Clone, Debug)]
pub struct Contrasts {
    /// How many runs of both had the same random numbers: the first ones; 0 with another seed.
    pub common: u32,
    /// The variants that both have.
    pub variants: Vec<Contrast>,
    /// Names of those that only the first one has.
    pub only_before: Vec<String>,
    /// Names of those that only the second one has.
    pub only_after: Vec<String>,
}

/// What changed of one variant.
#[derive(Clone, Debug)]
pub struct Contrast {
    /// Its name; both where they differ.
    pub name: String,
    /// The same events happened in the same order in every run that both have.
    pub same_runs: bool,
    /// The figures that both have.
    pub figures: Vec<Contrasted>,
    /// Figures that only the first one has.
    pub only_before: Vec<FigureId>,
    /// Figures that only the second one has.
    pub only_after: Vec<FigureId>,
}

/// One figure of both.
#[derive(Clone, Debug)]
pub struct Contrasted {
    /// Which.
    pub figure: FigureId,
    /// In the first study.
    pub before: Estimate,
    /// In the second one.
    pub after: Estimate,
    /// The second less the first, with its 95 % interval.
    pub difference: Estimate,
    /// True: run by run with the same random numbers. False: as means of independent runs (Welch).
    pub paired: bool,
    /// How likely a difference at least as large is where there is none, adjusted for all figures that are not identical (Holm);
    /// `None` with fewer than two runs.
    pub p_value: Option<f64>,
}

/// What changed from `before` to `after`.
pub fn contrast(before: &Results, after: &Results) -> Contrasts {
    let common = if before.seed == after.seed { before.replications.min(after.replications) } else { 0 };
    let mut variants: Vec<Contrast> = Vec::new();
    let (mut only_before, mut only_after) = (Vec::new(), Vec::new());
    if let ([one], [other]) = (&before.variants[..], &after.variants[..]) {
        // the names of the scenarios need not be the same
        variants.push(of_variant(one, other, common));
    } else {
        for variant in &before.variants {
            match after.variants.iter().find(|other| other.name == variant.name) {
                Some(other) => variants.push(of_variant(variant, other, common)),
                None => only_before.push(variant.name.clone()),
            }
        }
        let is_new = |other: &&VariantResults| before.variants.iter().all(|variant| variant.name != other.name);
        only_after.extend(after.variants.iter().filter(is_new).map(|other| other.name.clone()));
    }
    adjust(&mut variants);
    Contrasts { common, variants, only_before, only_after }
}

fn of_variant(before: &VariantResults, after: &VariantResults, common: u32) -> Contrast {
    let common = common as usize;
    let name =
        if before.name == after.name { before.name.clone() } else { format!("{} → {}", before.name, after.name) };
    let find = |of: &VariantResults, figure: FigureId| of.figures.iter().find(|(id, _)| *id == figure).map(|(_, e)| *e);
    let lacking = |of: &VariantResults, other: &VariantResults| -> Vec<FigureId> {
        let all = of.figures.iter().map(|(figure, _)| *figure);
        all.filter(|figure| find(other, *figure).is_none()).collect()
    };
    let figures = before.figures.iter().filter_map(|&(figure, first)| {
        let second = find(after, figure)?;
        let pairs = || -> Option<Vec<(f64, f64)>> {
            let id = figure.to_string();
            let both = after.values.get(&id)?.iter().zip(before.values.get(&id)?);
            Some(both.take(common).filter_map(|(after, before)| Some(((*after)?, (*before)?))).collect())
        };
        Some(match pairs().filter(|pairs| !pairs.is_empty()) {
            Some(pairs) => paired(figure, first, second, &pairs),
            None => welch(figure, first, second),
        })
    });
    let digests = |of: &VariantResults| of.digests.iter().take(common).cloned().collect::<Vec<_>>();
    Contrast {
        name,
        same_runs: common > 0 && digests(before) == digests(after) && !before.digests.is_empty(),
        figures: figures.collect(),
        only_before: lacking(before, after),
        only_after: lacking(after, before),
    }
}

/// Of values (after, before) that were measured with the same random numbers.
fn paired(figure: FigureId, before: Estimate, after: Estimate, pairs: &[(f64, f64)]) -> Contrasted {
    let (difference, pairing) = pairing::paired(figure, pairs);
    let difference = difference.expect("there are pairs");
    Contrasted { figure, before, after, difference, paired: true, p_value: pairing.map(|pairing| pairing.p_value) }
}

/// Of means of independent runs, whose variances may differ (Welch 1947). The degrees of freedom are rounded down.
fn welch(figure: FigureId, before: Estimate, after: Estimate) -> Contrasted {
    let mean = after.mean - before.mean;
    let errors = standard_error(&before).zip(standard_error(&after));
    let test = errors.map(|(first, second)| {
        let (a, b) = (first * first, second * second);
        let error = libm::sqrt(a + b);
        if error == 0.0 {
            return (0.0, if mean == 0.0 { 1.0 } else { 0.0 });
        }
        let of = |square: f64, estimate: &Estimate| square * square / f64::from(estimate.replications - 1);
        let freedom = libm::floor((a + b) * (a + b) / (of(a, &before) + of(b, &after)) + 1e-9).max(1.0) as u32;
        (student_t(CONFIDENCE, freedom) * error, student_p(mean / error, freedom).min(1.0))
    });
    let difference = Estimate {
        mean,
        half_width: test.map(|(half_width, _)| half_width),
        min: after.min - before.max,
        max: after.max - before.min,
        replications: before.replications.min(after.replications),
    };
    Contrasted { figure, before, after, difference, paired: false, p_value: test.map(|(_, p_value)| p_value) }
}

/// Of a hundred figures without any difference a few would look different by chance.
fn adjust(variants: &mut [Contrast]) {
    let is_open = |figure: &&mut Contrasted| figure.difference.min != 0.0 || figure.difference.max != 0.0;
    let tested = variants.iter_mut().flat_map(|variant| &mut variant.figures).filter(is_open);
    let mut tested: Vec<&mut f64> = tested.filter_map(|figure| figure.p_value.as_mut()).collect();
    let alone: Vec<f64> = tested.iter().map(|p_value| **p_value).collect();
    for (p_value, adjusted) in tested.iter_mut().zip(holm(&alone, alone.len())) {
        **p_value = adjusted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::estimate;

    fn figure() -> FigureId {
        "redis.copies".parse().expect("a figure")
    }

    #[test]
    fn welch_is_that_of_the_textbook() {
        // worked by hand: means 20.6 and 22.5, variances 62.0/9 and 14.0/4; se² = 0.689 + 0.7, df = 1.3889²/(0.689²/9 + 0.7²/4)
        let before = [24.0, 18.0, 22.0, 17.0, 20.0, 22.0, 24.0, 18.0, 19.0, 22.0];
        let after = [20.0, 24.0, 22.5, 21.0, 25.0];
        let (first, second) = (estimate(&before).expect("ten"), estimate(&after).expect("five"));
        let found = welch(figure(), first, second);
        let variance = |values: &[f64], mean: f64| {
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (values.len() as f64 - 1.0)
        };
        let (a, b) = (variance(&before, first.mean) / 10.0, variance(&after, second.mean) / 5.0);
        let freedom = ((a + b) * (a + b) / (a * a / 9.0 + b * b / 4.0)).floor() as u32;
        let half_width = student_t(0.95, freedom) * (a + b).sqrt();
        assert!((found.difference.mean - 1.9).abs() < 1e-12);
        assert!((found.difference.half_width.expect("two and more") - half_width).abs() < 1e-9, "{found:?}");
        let p_value = student_p(1.9 / (a + b).sqrt(), freedom);
        assert!((found.p_value.expect("two and more") - p_value).abs() < 1e-12);
        // the other way round it is the same with the other sign
        let back = welch(figure(), second, first);
        assert_eq!(
            (back.difference.mean, back.difference.half_width),
            (-found.difference.mean, found.difference.half_width)
        );
        assert_eq!(back.p_value, found.p_value);
    }

    #[test]
    fn one_run_and_equal_runs_have_no_test() {
        let one = estimate(&[3.0]).expect("one");
        assert_eq!(welch(figure(), one, one).p_value, None);
        let same = estimate(&[3.0, 3.0]).expect("two");
        let found = welch(figure(), same, same);
        assert_eq!((found.p_value, found.difference.min, found.difference.max), (Some(1.0), 0.0, 0.0));
        let other = welch(figure(), same, estimate(&[4.0, 4.0]).expect("two"));
        assert_eq!((other.p_value, other.difference.half_width), (Some(0.0), Some(0.0)));
    }
}
