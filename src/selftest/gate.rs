//! When a set of measurements contradicts theory: Holm's procedure over rows, and the spread of all their z scores.

use crate::study;

/// The probability that Holm's procedure rejects any row although all agree with theory; the same for the spread.
pub const ALPHA: f64 = 1e-3;
/// The power at which a row states the bias it excludes.
pub const POWER: f64 = 0.9;
/// Scores beyond this are shown as this: further out all are equally impossible.
pub const MOST_Z: f64 = 37.0;

/// The standard normal score with this two-sided probability.
pub fn normal_score(p: f64) -> f64 {
    let (mut low, mut high) = (0.0, MOST_Z);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if libm::erfc(middle / std::f64::consts::SQRT_2) > p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Which of these two-sided probabilities, being some of a family of `family`, Holm's procedure rejects.
pub fn holm(probabilities: &[f64], family: usize) -> Vec<bool> {
    // not `<`: a probability that is no number is no agreement
    let agrees = |adjusted: &f64| *adjusted >= ALPHA;
    study::holm(probabilities, family).iter().map(|adjusted| !agrees(adjusted)).collect()
}

/// P(χ² ≥ x) with `df` degrees of freedom.
pub fn chi_square_above(x: f64, df: u32) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let (a, x) = (f64::from(df) / 2.0, x / 2.0);
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        // the series of the lower incomplete gamma function
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..10_000 {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return 1.0 - front * sum;
    }
    // the continued fraction of the upper one (modified Lentz)
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for n in 1..10_000 {
        let n = f64::from(n);
        let numerator = -n * (n - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * fraction
}

/// The two-sided probability of a sum of squares of `df` independent z scores: too much spread is bias, too little is noise that
/// is clipped or shared.
pub fn spread_probability(sum_of_squares: f64, df: u32) -> f64 {
    if df == 0 {
        return 1.0;
    }
    let above = chi_square_above(sum_of_squares, df);
    (2.0 * above.min(1.0 - above)).min(1.0)
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ChiSquared, ContinuousCDF};

    use super::*;

    #[test]
    fn gates_are_those_of_the_tables() {
        // S1: two-sided family of 10⁻³
        for (tests, score) in [(20.0, 4.055627), (100.0, 4.417173), (400.0, 4.70813)] {
            assert!((normal_score(ALPHA / tests) - score).abs() < 1e-6);
        }
        assert!((normal_score(0.05) - 1.959964).abs() < 1e-6);
    }

    #[test]
    fn the_chi_square_law_equals_an_independent_implementation() {
        for df in [1, 2, 5, 37, 100] {
            let theirs = ChiSquared::new(f64::from(df)).unwrap();
            for x in [0.1, 1.0, 10.0, 37.0, 60.0, 140.0] {
                let (ours, theirs) = (chi_square_above(x, df), theirs.sf(x));
                assert!((ours - theirs).abs() < 1e-9, "df {df}, x {x}: {ours} and {theirs}");
            }
        }
    }

    #[test]
    fn holm_steps_down() {
        // the second passes at α/(K − 1) what it would not at α/K
        assert_eq!(holm(&[2.9e-4, 1e-5, 4.0e-4], 3), [true, true, true]);
        assert_eq!(holm(&[6e-4, 1e-5, 0.5], 3), [false, true, false]);
        assert_eq!(holm(&[6e-4, 1e-5], 100), [false, false]);
        assert_eq!(holm(&[0.0], 100), [true]);
    }
}
