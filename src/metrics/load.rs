//! How unevenly a load is spread.

use serde::Serialize;

/// Measures of unevenness of one set of loads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Skew {
    /// Largest load over mean load; 1 is even.
    pub max_over_mean: f64,
    /// Standard deviation over mean (of the population, not of a sample); 0 is even.
    pub cv: f64,
    /// Gini coefficient; 0 is even, 1−1/n when one carries all.
    pub gini: f64,
    /// Jain's index; 1 is even, 1/n when one carries all.
    pub jain: f64,
    /// Largest load.
    pub max: f64,
    /// Smallest load.
    pub min: f64,
    /// Share of those that carry anything.
    pub used: f64,
}

impl Skew {
    /// The skew of these loads; `None` when there are none or all are zero.
    ///
    /// ```
    /// let skew = stickysim::metrics::Skew::of(&[2.0, 0.0]).unwrap();
    /// assert_eq!((skew.max_over_mean, skew.cv, skew.gini, skew.jain), (2.0, 1.0, 0.5, 0.5));
    /// ```
    pub fn of(loads: &[f64]) -> Option<Skew> {
        let n = loads.len() as f64;
        let sum: f64 = loads.iter().sum();
        if loads.is_empty() || sum <= 0.0 {
            return None;
        }
        let mean = sum / n;
        let variance = loads.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let mut sorted = loads.to_vec();
        sorted.sort_by(f64::total_cmp);
        let ranked: f64 = sorted.iter().enumerate().map(|(i, x)| (2.0 * (i as f64 + 1.0) - n - 1.0) * x).sum();
        let max = sorted[sorted.len() - 1];
        let cv = libm::sqrt(variance) / mean;
        let used = loads.iter().filter(|&&load| load > 0.0).count() as f64 / n;
        let gini = ranked / (n * sum);
        Some(Skew { max_over_mean: max / mean, cv, gini, jain: 1.0 / (1.0 + cv * cv), max, min: sorted[0], used })
    }
    /// The mean of several skews, figure by figure.
    pub fn mean(skews: &[Skew]) -> Option<Skew> {
        if skews.is_empty() {
            return None;
        }
        let mean = |get: fn(&Skew) -> f64| skews.iter().map(get).sum::<f64>() / skews.len() as f64;
        Some(Skew {
            max_over_mean: mean(|s| s.max_over_mean),
            cv: mean(|s| s.cv),
            gini: mean(|s| s.gini),
            jain: mean(|s| s.jain),
            max: mean(|s| s.max),
            min: mean(|s| s.min),
            used: mean(|s| s.used),
        })
    }
}
