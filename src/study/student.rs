//! Quantiles of Student's t law.

use std::cell::Cell;

/// The two-sided `confidence` (0 to 1, exclusive) quantile of Student's t with `df` degrees of freedom, to 10 digits.
///
/// ```
/// // table value for 19 degrees of freedom
/// assert!((stickysim::study::student_t(0.95, 19) - 2.093_024_054_4).abs() < 1e-9);
/// ```
pub fn student_t(confidence: f64, df: u32) -> f64 {
    thread_local! {
        /// The last answer: hundreds of figures of one study ask the same.
        static LAST: Cell<(f64, u32, f64)> = const { Cell::new((0.0, 0, 0.0)) };
    }
    let last = LAST.get();
    if (confidence, df) == (last.0, last.1) {
        return last.2;
    }
    let quantile = quantile(confidence, df);
    LAST.set((confidence, df, quantile));
    quantile
}

fn quantile(confidence: f64, df: u32) -> f64 {
    let wanted = 0.5 + confidence / 2.0;
    let (mut low, mut high) = (0.0, 1.0);
    while cdf(high, df) < wanted && high < 1e9 {
        high *= 2.0;
    }
    // the distribution function is monotone: halving reaches the last bit
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if middle == low || middle == high {
            break;
        }
        if cdf(middle, df) < wanted { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// P(|T| ≥ |t|) for Student's t with `df` degrees of freedom; exact far out as well.
pub fn student_p(t: f64, df: u32) -> f64 {
    let df = f64::from(df);
    incomplete_beta(df / (df + t * t), df / 2.0, 0.5)
}

/// P(T ≤ t) for t ≥ 0: 1 − I(df/(df+t²); df/2, 1/2) / 2.
fn cdf(t: f64, df: u32) -> f64 {
    1.0 - student_p(t, df) / 2.0
}

/// The regularised incomplete beta function I(x; a, b), by its continued fraction (modified Lentz).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x);
    const TINY: f64 = 1e-300;
    let keep = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut c, mut d) = (1.0, 1.0 / keep(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / keep(1.0 + term * d);
            c = keep(1.0 + term / c);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    libm::exp(log_front) * fraction / a
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, StudentsT};

    use super::student_t;

    #[test]
    fn quantiles_equal_an_independent_implementation() {
        for df in [1, 2, 3, 4, 5, 9, 19, 29, 99, 999] {
            for confidence in [0.5, 0.9, 0.95, 0.99, 0.999] {
                let theirs = StudentsT::new(0.0, 1.0, f64::from(df)).unwrap().inverse_cdf(0.5 + confidence / 2.0);
                let ours = student_t(confidence, df);
                assert!((ours / theirs - 1.0).abs() < 1e-7, "df {df}, {confidence}: {ours} and {theirs}");
            }
        }
    }
}
