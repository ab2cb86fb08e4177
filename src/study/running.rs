//! What is known of values that come one by one, of which none is kept.

use super::replicate::estimate_of;
use crate::metrics::Estimate;

/// Count, mean, spread and range (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    pub(super) n: u32,
    sum: f64,
    /// Running mean; `sum / n` but for rounding.
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

impl Running {
    pub(super) fn add(&mut self, value: f64) {
        (self.min, self.max) = if self.n == 0 { (value, value) } else { (self.min.min(value), self.max.max(value)) };
        self.n += 1;
        self.sum += value;
        let before = value - self.mean;
        self.mean += before / f64::from(self.n);
        self.squares += before * (value - self.mean);
    }
    /// `None` before the first value.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / f64::from(self.n))
    }
    /// `None` before the second value.
    pub(super) fn variance(&self) -> Option<f64> {
        (self.n > 1).then(|| self.squares / (f64::from(self.n) - 1.0))
    }
    /// Whether any value was not zero.
    pub(super) fn is_something(&self) -> bool {
        self.min != 0.0 || self.max != 0.0
    }
    /// As [`estimate`](super::estimate) of all values.
    pub(super) fn estimate(&self) -> Option<Estimate> {
        Some(estimate_of(self.n, self.mean()?, self.variance(), (self.min, self.max)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;
    use crate::study::estimate;

    #[test]
    fn sums_say_what_all_values_say() {
        let mut stream = Seed(3).stream(1, 0, 0);
        for n in [1, 2, 5, 1000] {
            let values: Vec<f64> = (0..n).map(|_| 1e6 + stream.unit()).collect();
            let mut running = Running::default();
            values.iter().for_each(|&value| running.add(value));
            let (ours, theirs) = (running.estimate().expect("values"), estimate(&values).expect("values"));
            assert_eq!((ours.mean, ours.min, ours.max, ours.replications), (theirs.mean, theirs.min, theirs.max, n));
            match (ours.half_width, theirs.half_width) {
                (Some(a), Some(b)) => assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}"),
                (a, b) => assert_eq!(a, b),
            }
        }
        assert!(Running::default().estimate().is_none());
    }
}
