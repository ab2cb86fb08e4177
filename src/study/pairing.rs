//! What it brings that variants run with the same random numbers, and what so many comparisons allow to say.

use super::replicate::{CONFIDENCE, estimate};
use super::{student_p, student_t};
use crate::metrics::{Estimate, FigureId, Pairing, VariantReport};

/// Differences below this share of the values are those of rounding.
const NOISE: f64 = 1e-12;

/// The difference of a figure to the baseline's, of (own, baseline's) values replication by replication, with its interval, and what
/// pairing says of it; `None` without a pair, or with one alone. The p-value is that of this pair alone ([`adjust`]).
pub fn paired(figure: FigureId, pairs: &[(f64, f64)]) -> (Option<Estimate>, Option<Pairing>) {
    let differences: Vec<f64> = pairs.iter().map(|(mine, theirs)| mine - theirs).collect();
    let Some(difference) = estimate(&differences) else { return (None, None) };
    let least = if differences.iter().all(|difference| *difference == 0.0) { 0.0 } else { blur(figure, pairs) };
    let half_width = difference.half_width.map(|half| {
        let n = f64::from(difference.replications);
        half.max(student_t(CONFIDENCE, difference.replications - 1) * libm::sqrt(least / n))
    });
    (Some(Estimate { half_width, ..difference }), pairing(pairs, least))
}

/// The variance of a difference between two values of which only the buckets are known: that of two even distributions.
fn blur(figure: FigureId, pairs: &[(f64, f64)]) -> f64 {
    let mean = pairs.iter().map(|pair| f64::midpoint(pair.0, pair.1)).sum::<f64>() / pairs.len() as f64;
    let width = figure.resolution(mean);
    width * width / 6.0
}

/// Of values of a variant and of the baseline, replication by replication, whose differences have this variance at least; `None` with
/// fewer than two pairs.
pub fn pairing(pairs: &[(f64, f64)], least_variance: f64) -> Option<Pairing> {
    if pairs.len() < 2 {
        return None;
    }
    let n = pairs.len() as f64;
    let mean = |get: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(get).sum::<f64>() / n;
    let moment = |a: &dyn Fn(&(f64, f64)) -> f64, b: &dyn Fn(&(f64, f64)) -> f64| {
        let (of_a, of_b) = (mean(a), mean(b));
        pairs.iter().map(|pair| (a(pair) - of_a) * (b(pair) - of_b)).sum::<f64>() / (n - 1.0)
    };
    let (mine, theirs) = (|pair: &(f64, f64)| pair.0, |pair: &(f64, f64)| pair.1);
    let difference = |pair: &(f64, f64)| pair.0 - pair.1;
    let (own, other, covariance) = (moment(&mine, &mine), moment(&theirs, &theirs), moment(&mine, &theirs));
    let largest = pairs.iter().flat_map(|pair| [pair.0.abs(), pair.1.abs()]).fold(0.0, f64::max);
    // what sums of floats leave over is no variance
    let varies = |variance: f64| libm::sqrt(variance) > NOISE * largest;
    let of_difference = Some(moment(&difference, &difference)).filter(|variance| varies(*variance)).unwrap_or(0.0);
    let of_difference = of_difference.max(least_variance);
    let distance = Some(mean(&difference)).filter(|distance| distance.abs() > NOISE * largest).unwrap_or(0.0);
    let p_value = match (distance == 0.0, of_difference > 0.0) {
        (true, _) => 1.0,
        (false, true) => student_p(distance / libm::sqrt(of_difference / n), pairs.len() as u32 - 1),
        (false, false) => 0.0, // the same difference every time
    };
    let defined = |value: f64| value.is_finite().then_some(value);
    Some(Pairing {
        correlation: defined(covariance / libm::sqrt(own * other)).filter(|_| varies(own) && varies(other)),
        gain: defined((own + other) / of_difference).filter(|_| varies(own) || varies(other)),
        p_value: p_value.min(1.0),
    })
}

/// Of each figure the p-values of all variants are adjusted for their number (Holm 1979): of several variants without any
/// difference to the baseline, one would often look different by chance.
pub fn adjust(variants: &mut [VariantReport]) {
    let mut ids: Vec<String> =
        variants.iter().flat_map(|variant| variant.figures.iter().map(|figure| figure.id.clone())).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let of_figure = variants.iter_mut().flat_map(|variant| variant.figures.iter_mut().filter(|f| f.id == id));
        let mut pairings: Vec<&mut Pairing> = of_figure.filter_map(|figure| figure.pairing.as_mut()).collect();
        let alone: Vec<f64> = pairings.iter().map(|pairing| pairing.p_value).collect();
        for (pairing, adjusted) in pairings.iter_mut().zip(holm(&alone, alone.len())) {
            pairing.p_value = adjusted;
        }
    }
}

/// P-values adjusted for their number (Holm 1979); `family`: how many there are in all, at least these. One that is no number stays
/// so.
pub fn holm(probabilities: &[f64], family: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let mut adjusted = probabilities.to_vec();
    let mut largest: f64 = 0.0;
    for (rank, at) in order.into_iter().enumerate() {
        let left = family.max(probabilities.len()) - rank;
        if !probabilities[at].is_nan() {
            largest = largest.max(probabilities[at] * left as f64).min(1.0);
            adjusted[at] = largest;
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_go_together_have_a_gain() {
        // by hand: variances 10 and 10, covariance 9, so that of the difference is 2
        let base = [-4.0, -2.0, 0.0, 2.0, 4.0];
        let pairs: Vec<(f64, f64)> =
            base.iter().zip([1.0, -2.0, 0.0, -2.0, 3.0]).map(|(x, e)| (x + 5.0 + e, *x)).collect();
        let Pairing { correlation, gain, p_value } = pairing(&pairs, 0.0).expect("five pairs");
        let var = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / 5.0;
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 4.0
        };
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let d: Vec<f64> = pairs.iter().map(|(a, b)| a - b).collect();
        assert!((gain.expect("a gain") - (var(&a) + var(&b)) / var(&d)).abs() < 1e-12);
        // ρ = (σ₁² + σ₂² − σ_d²) / 2 σ₁ σ₂
        let rho = (var(&a) + var(&b) - var(&d)) / (2.0 * (var(&a) * var(&b)).sqrt());
        assert!((correlation.expect("a correlation") - rho).abs() < 1e-12);
        // t = 5 / √(4.5/5) with 4 degrees of freedom: p = 0.0063
        assert!((p_value - 0.0063).abs() < 2e-4, "{p_value}");
    }

    #[test]
    fn the_same_twice_is_no_difference_and_always_the_same_is_one() {
        let same = pairing(&[(1.0, 1.0), (2.0, 2.0), (4.0, 4.0)], 0.0).expect("three pairs");
        assert_eq!((same.p_value, same.gain), (1.0, None));
        assert_eq!(pairing(&[(2.0, 1.0), (3.0, 2.0)], 0.0).expect("two pairs").p_value, 0.0);
        assert!(pairing(&[(1.0, 2.0)], 0.0).is_none());
    }

    #[test]
    fn percentiles_are_known_to_the_width_of_their_buckets() {
        // near 131 ms buckets are 2¹⁶ ns wide
        let figure: FigureId = "request.latency.p95".parse().expect("a figure");
        let pairs = [(131.2, 131.0), (131.3, 131.1), (131.4, 131.2)];
        let (difference, pairing) = paired(figure, &pairs);
        // t of 2 degrees of freedom is 4.303
        let half = difference.and_then(|difference| difference.half_width).expect("three pairs");
        assert!((half - 4.303 * 0.065_536 / 6f64.sqrt() / 3f64.sqrt()).abs() < 1e-3, "{half}");
        assert!(pairing.expect("three pairs").p_value > 0.001);
        let (same, _) = paired(figure, &[(131.2, 131.2), (131.3, 131.3)]);
        assert_eq!(same.and_then(|same| same.half_width), Some(0.0));
    }
}
