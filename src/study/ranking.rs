//! In which order variants do, and which of them cannot be told apart.
//!
//! A rank is one more than the number of variants that surely do better, and by so much that it matters: where no such difference is
//! found, a rank is shared. That needs no order in which pairs are looked at, and holds where A and B are alike, B and C too, and A and
//! C are not.

use super::pairing::{holm, pairing};
use super::replicate::{CONFIDENCE, estimate, pairs};
use crate::metrics::{Better, Estimate, FigureId, Study, VariantReport};

/// A difference of less than this share is real but small: nobody pays for it.
pub const SMALL: f64 = 0.02;

/// What variants are ranked by unless a figure is asked for: the first that all of them have.
pub(super) const USUAL: [&str; 5] = [
    "event.latency.p99",
    "request.latency.p99",
    "load.connections.max_over_mean",
    "event.latency.mean",
    "request.latency.mean",
];

/// Variants in their order.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// What counts after expectations.
    pub by: FigureId,
    /// The best one first; of one rank the cheapest one.
    pub places: Vec<Ranked>,
}

/// One variant in its place.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// Its position in the study.
    pub variant: usize,
    /// From 1: one more than the number of variants that surely do better.
    pub rank: u32,
    /// How many of its expectations do not hold.
    pub failed: usize,
    /// Its figure less that of the place before, run by run; `None` for the first one.
    pub behind: Option<Estimate>,
}

/// The ranks of the variants; `None` where there is nothing to rank: fewer than two, or a figure that none of them has.
pub fn ranking(study: &Study) -> Option<Ranking> {
    let variants = &study.variants;
    let by = study.rank_by.or_else(|| usual(study))?;
    let position = FigureId::all().position(|figure| figure == by)?;
    let id = by.to_string();
    let means: Vec<Option<f64>> = variants.iter().map(|v| Some(v.figure(&id)?.value.mean)).collect();
    if variants.len() < 2 || means.iter().all(Option::is_none) {
        return None;
    }
    let of_pair = |a: usize, b: usize| pairs(&variants[a].samples, &variants[b].samples, position);
    let better = Betters::new(variants.len(), by.family().better, of_pair);
    let failed: Vec<usize> = variants.iter().map(VariantReport::failed).collect();
    let beats = |a: usize, b: usize| match failed[a].cmp(&failed[b]) {
        std::cmp::Ordering::Equal if means[a].is_none() || means[b].is_none() => means[a].is_some(),
        std::cmp::Ordering::Equal => better.surely(a, b),
        order => order.is_lt(),
    };
    let mut places: Vec<Ranked> = ranks(variants.len(), beats)
        .into_iter()
        .enumerate()
        .map(|(variant, rank)| Ranked { variant, rank, failed: failed[variant], behind: None })
        .collect();
    places.sort_by(|a, b| {
        let cost = |place: &Ranked| price(&variants[place.variant]);
        let goodness =
            |place: &Ranked| means[place.variant].map_or(f64::INFINITY, |mean| worse(by.family().better, mean));
        a.rank.cmp(&b.rank).then(cost(a).total_cmp(&cost(b))).then(goodness(a).total_cmp(&goodness(b)))
    });
    for at in 1..places.len() {
        let distances =
            of_pair(places[at].variant, places[at - 1].variant).into_iter().map(|(mine, theirs)| mine - theirs);
        places[at].behind = estimate(&distances.collect::<Vec<_>>());
    }
    Some(Ranking { by, places })
}

fn usual(study: &Study) -> Option<FigureId> {
    let all_have = |id: &&str| study.variants.iter().all(|variant| variant.figure(id).is_some());
    USUAL.into_iter().find(all_have)?.parse().ok()
}

/// What a variant costs, to put those in order that are alike.
pub(super) fn price(variant: &VariantReport) -> f64 {
    let figure = variant.figure("price.month").or_else(|| variant.figure("pods.mean"));
    figure.map_or(0.0, |figure| figure.value.mean)
}

/// A value as something that is better the smaller it is.
pub(super) fn worse(better: Better, value: f64) -> f64 {
    if better == Better::Higher { -value } else { value }
}

/// The rank of each of `n`: one more than the number of those that beat it.
pub(super) fn ranks(n: usize, beats: impl Fn(usize, usize) -> bool) -> Vec<u32> {
    (0..n).map(|of| 1 + (0..n).filter(|&other| other != of && beats(other, of)).count() as u32).collect()
}

fn sum(pairs: &[(f64, f64)], get: fn(&(f64, f64)) -> f64) -> f64 {
    pairs.iter().map(get).sum()
}

/// Which of many surely do better than which others by so much that it matters, by all pairs of them (Holm).
pub(super) struct Betters {
    /// (the better one, the other one).
    found: Vec<(usize, usize)>,
}

impl Betters {
    /// Of `n`, of which `of_pair` gives the values of two, replication by replication.
    pub(super) fn new(n: usize, better: Better, of_pair: impl Fn(usize, usize) -> Vec<(f64, f64)>) -> Betters {
        let mut tried = Vec::new();
        for (a, b) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
            let pairs = of_pair(a, b);
            let Some(found) = pairing(&pairs, 0.0) else { continue };
            let distance: f64 = pairs.iter().map(|(mine, theirs)| worse(better, mine - theirs)).sum();
            let matters =
                distance.abs() >= SMALL * sum(&pairs, |pair| pair.0).abs().max(sum(&pairs, |pair| pair.1).abs());
            tried.push((if distance < 0.0 { (a, b) } else { (b, a) }, found.p_value, matters));
        }
        let alone: Vec<f64> = tried.iter().map(|(_, p_value, _)| *p_value).collect();
        let adjusted = holm(&alone, alone.len());
        let sure =
            tried.iter().zip(adjusted).filter(|((.., matters), p_value)| *matters && *p_value < 1.0 - CONFIDENCE);
        Betters { found: sure.map(|((pair, ..), _)| *pair).collect() }
    }
    /// Whether `a` surely does better than `b`.
    pub(super) fn surely(&self, a: usize, b: usize) -> bool {
        self.found.contains(&(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranks of three by five runs each; the smaller the better.
    fn of(values: [[f64; 5]; 3]) -> Vec<u32> {
        let of_pair = |a: usize, b: usize| values[a].into_iter().zip(values[b]).collect();
        let better = Betters::new(3, Better::Lower, of_pair);
        ranks(3, |a, b| better.surely(a, b))
    }

    #[test]
    fn what_cannot_be_told_apart_shares_a_rank() {
        let low = [1.0, 1.1, 0.9, 1.2, 0.8];
        let noisy = [2.3, 0.4, 1.9, 0.2, 2.2];
        let high = low.map(|x| x + 1.0);
        assert_eq!(of([low, low, low]), [1, 1, 1]);
        assert_eq!(of([high, low, low]), [3, 1, 1]);
        // sure, and a hundredth
        assert_eq!(of([low, low.map(|x| x * 1.01), low]), [1, 1, 1]);
        // B is like A and like C, and yet A is surely better than C
        assert_eq!(of([low, noisy, high]), [1, 1, 2]);
    }

    #[test]
    fn so_many_pairs_need_more_than_one_alone() {
        // t = 3.16 with 4 degrees of freedom: p = 0.034 alone, 0.10 for three pairs
        let near = [1.0, 2.0, 3.0, 4.0, 5.0];
        let apart = [0.0, 0.5, 1.5, 4.0, 4.0];
        let p = pairing(&near.into_iter().zip(apart).collect::<Vec<_>>(), 0.0).expect("five pairs").p_value;
        assert!((0.017..0.05).contains(&p), "{p}");
        assert_eq!(of([near, apart, near]), [1, 1, 1]);
    }
}
