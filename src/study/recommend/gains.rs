//! What each remedy brings, against the scenario as it stands.

use super::super::pairing::{holm, pairing};
use super::super::ranking::{Betters, SMALL, USUAL, price, ranks, worse};
use super::super::replicate::{CONFIDENCE, column, number_of_figures, pairs};
use super::super::student_t;
use crate::metrics::{Better, Comparison, Estimate, ExpectationOutcome, FigureId, Study, VariantReport};

/// Remedies in their order.
#[derive(Clone, Debug)]
pub struct Recommendation {
    /// The figure that is to become better.
    pub goal: FigureId,
    /// Which direction that is.
    pub better: Better,
    /// The expectation that it comes from, as written; `None`: it was asked for, or is the usual one.
    pub expected: Option<String>,
    /// The best one first, the scenario as it stands among them.
    pub entries: Vec<Entry>,
}

/// One remedy in its place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its position in the study; 0 is the scenario as it stands.
    pub variant: usize,
    /// From 1: one more than the number of those that surely do better.
    pub rank: u32,
    /// Expectations that hold with it, surely because of it, by their position.
    pub gained: Vec<usize>,
    /// Expectations that fail with it, surely because of it, by their position.
    pub broken: Vec<usize>,
    /// Change of the goal as a share of its value as it stands; `None` where that is zero, or for the scenario as it stands.
    pub relative: Option<Estimate>,
    /// Whether the change of the goal is surely one, for as many remedies as there are (Holm), and no small one: for the better or for
    /// the worse.
    pub found: Option<bool>,
}

impl Entry {
    /// Expectations gained less those broken.
    fn balance(&self) -> i64 {
        self.gained.len() as i64 - self.broken.len() as i64
    }
}

/// Ranks the variants of a study whose baseline is the first one; `None` where none has a figure that could become better.
pub fn recommendation(study: &Study) -> Option<Recommendation> {
    let (goal, better, expected) = goal(study)?;
    let position = FigureId::all().position(|figure| figure == goal)?;
    let n = study.variants.len();
    let of_pair = |a: usize, b: usize| pairs(&study.variants[a].samples, &study.variants[b].samples, position);
    let goodness = |variant: usize| Some(worse(better, study.variants[variant].figure(&goal.to_string())?.value.mean));
    if (0..n).all(|variant| goodness(variant).is_none()) {
        return None;
    }
    let sure = surely_different(study, position);
    let outcomes = |variant: usize| &study.variants[variant].expectations;
    let mut entries: Vec<Entry> = (0..n)
        .map(|variant| Entry::of(variant, &of_pair(variant, 0), goodness(variant).is_some(), better, &sure))
        .collect();
    for (at, before) in outcomes(0).iter().enumerate() {
        // one that turns by a hair, from one side of its bound to the other, turned by chance
        let turned = surely_different(study, number_of_figures() + at);
        for entry in entries.iter_mut().filter(|entry| turned[entry.variant]) {
            match (before.holds, outcomes(entry.variant)[at].holds) {
                (false, true) => entry.gained.push(at),
                (true, false) => entry.broken.push(at),
                _ => {}
            }
        }
    }
    // remedies among themselves: pairs of their own
    let among = Betters::new(n - 1, better, |a, b| of_pair(a + 1, b + 1));
    let beats = |a: usize, b: usize| match entries[a].balance().cmp(&entries[b].balance()) {
        std::cmp::Ordering::Equal => match (goodness(a).is_some(), goodness(b).is_some(), a, b) {
            (true, true, 0, b) => entries[b].found == Some(false),
            (true, true, a, 0) => entries[a].found == Some(true),
            (true, true, a, b) => among.surely(a - 1, b - 1),
            (mine, theirs, ..) => mine && !theirs,
        },
        order => order.is_gt(),
    };
    let found = ranks(n, beats);
    for (entry, rank) in entries.iter_mut().zip(found) {
        entry.rank = rank;
    }
    let cost = |entry: &Entry| price(&study.variants[entry.variant]);
    entries.sort_by(|a, b| {
        let best = |entry: &Entry| goodness(entry.variant).unwrap_or(f64::INFINITY);
        a.rank.cmp(&b.rank).then(cost(a).total_cmp(&cost(b))).then(best(a).total_cmp(&best(b)))
    });
    Some(Recommendation { goal, better, expected, entries })
}

impl Entry {
    fn of(variant: usize, pairs: &[(f64, f64)], is_known: bool, better: Better, sure: &[bool]) -> Entry {
        let relative = if variant > 0 { ratio(pairs) } else { None };
        let change: f64 = pairs.iter().map(|(mine, theirs)| worse(better, mine - theirs)).sum();
        let before: f64 = pairs.iter().map(|(_, theirs)| theirs).sum();
        let found = match pairs {
            // one of the two has nothing of it: it is rather known than not
            [] => sure[variant].then_some(is_known),
            _ => (sure[variant] && change.abs() >= SMALL * before.abs()).then_some(change < 0.0),
        };
        Entry { variant, rank: 1, gained: Vec::new(), broken: Vec::new(), relative, found }
    }
}

/// Of each variant whether a column of its samples surely differs from that of the baseline, the first one (Holm).
fn surely_different(study: &Study, position: usize) -> Vec<bool> {
    let base = &study.variants[0].samples;
    let has = |samples: &[Vec<Option<f64>>]| column(samples, position).iter().any(Option::is_some);
    let p_value = |variant: &VariantReport| match pairing(&pairs(&variant.samples, base, position), 0.0) {
        Some(pairing) => pairing.p_value,
        // one of them has nothing of it, ever
        None => f64::from(u8::from(has(&variant.samples) == has(base))),
    };
    let alone: Vec<f64> = study.variants.iter().skip(1).map(p_value).collect();
    let sure = holm(&alone, alone.len()).into_iter().map(|p_value| p_value < 1.0 - CONFIDENCE);
    std::iter::once(false).chain(sure).collect()
}

/// What is to become better, in which direction, and the expectation that says so: what was asked for; else the first expectation
/// that fails as things stand, else the first one; else the usual.
fn goal(study: &Study) -> Option<(FigureId, Better, Option<String>)> {
    if let Some(figure) = study.rank_by {
        return Some((figure, figure.family().better, None));
    }
    let base = study.variants.first()?;
    let aim = |outcome: &ExpectationOutcome| -> Option<(FigureId, Better)> {
        let figure: FigureId = outcome.figure.parse().ok()?;
        let below = [Comparison::Below, Comparison::AtMost].iter().any(|known| known.sign() == outcome.comparison);
        let above = [Comparison::Above, Comparison::AtLeast].iter().any(|known| known.sign() == outcome.comparison);
        let better = match figure.family().better {
            Better::Neither if below => Better::Lower,
            Better::Neither if above => Better::Higher,
            better => better,
        };
        // who expects something bad describes, and wants no more of it
        let fits = match better {
            Better::Lower => !above,
            Better::Higher => !below,
            Better::Neither => false,
        };
        (fits && FigureId::all().any(|shown| shown == figure)).then_some((figure, better))
    };
    let aims: Vec<(&ExpectationOutcome, (FigureId, Better))> =
        base.expectations.iter().filter_map(|outcome| Some((outcome, aim(outcome)?))).collect();
    let first = aims.iter().find(|(outcome, _)| !outcome.holds).or(aims.first());
    if let Some((outcome, (figure, better))) = first {
        return Some((*figure, *better, Some(outcome.text.clone())));
    }
    let usual = USUAL.into_iter().find(|id| base.figure(id).is_some())?;
    let figure: FigureId = usual.parse().ok()?;
    Some((figure, figure.family().better, None))
}

/// How much more the first of each pair is than the second, as a share of it: the ratio of the means less one, with its 95 % interval
/// (the ratio estimator: residuals m − r·t over the mean of t). `None` where the second is zero on average, and with fewer than two pairs.
fn ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let n = pairs.len() as f64;
    let (mine, theirs) = pairs.iter().fold((0.0, 0.0), |(a, b), (mine, theirs)| (a + mine, b + theirs));
    if theirs == 0.0 || pairs.len() < 2 {
        return None;
    }
    let share = mine / theirs;
    let residual = |(mine, theirs): &(f64, f64)| (mine - share * theirs) * (mine - share * theirs);
    let variance = pairs.iter().map(residual).sum::<f64>() / (n - 1.0);
    let half_width = student_t(CONFIDENCE, pairs.len() as u32 - 1) * libm::sqrt(variance / n) / (theirs / n).abs();
    let each = pairs.iter().filter(|(_, theirs)| *theirs != 0.0).map(|(mine, theirs)| mine / theirs - 1.0);
    let fold = |combine: fn(f64, f64) -> f64| each.clone().reduce(combine).unwrap_or(share - 1.0);
    Some(Estimate {
        mean: share - 1.0,
        half_width: Some(half_width),
        min: fold(f64::min),
        max: fold(f64::max),
        replications: pairs.len() as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_share_of_what_it_was() {
        let same = ratio(&[(1.0, 1.0), (2.0, 2.0)]).expect("a ratio");
        assert_eq!((same.mean, same.half_width), (0.0, Some(0.0)));
        let half = ratio(&[(1.0, 2.0), (3.0, 6.0)]).expect("a ratio");
        assert_eq!((half.mean, half.half_width), (-0.5, Some(0.0)), "always half is surely half");
        // by hand: means 3 and 2, r = 1.5, residuals ±0.5 and 0, variance 0.25, t of 2 degrees of freedom 4.3027
        let more = ratio(&[(2.0, 1.0), (3.0, 2.0), (4.0, 3.0)]).expect("a ratio");
        assert_eq!(more.mean, 0.5);
        let expected = 4.302_652_73 * f64::sqrt(0.25 / 3.0) / 2.0;
        assert!((more.half_width.expect("three pairs") - expected).abs() < 1e-6, "{more:?}");
        assert!(ratio(&[(1.0, 0.0), (2.0, 0.0)]).is_none());
        assert!(ratio(&[(1.0, 2.0)]).is_none(), "one pair has no interval");
    }
}
