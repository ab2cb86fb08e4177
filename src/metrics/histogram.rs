//! Durations, counted in buckets of three significant digits, with an exact mean.

use hdrhistogram::Histogram as Buckets;

use crate::engine::Span;

/// Longest duration told apart: a week. Longer ones count as this long.
const HIGHEST_NS: u64 = 7 * 24 * 3_600 * 1_000_000_000;
/// Shortest duration told apart.
const LOWEST_NS: u64 = 1_000;

/// Durations in buckets of at most 0.1 % width between 1 µs and a week; the mean is exact.
///
/// Merging is adding integers, so it gives the same histogram in any order.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Buckets<u64>,
    sum_ns: u128,
}

impl Histogram {
    /// Nothing recorded.
    pub fn new() -> Histogram {
        let buckets = Buckets::new_with_bounds(LOWEST_NS, HIGHEST_NS, 3).expect("constant bounds are valid");
        Histogram { buckets, sum_ns: 0 }
    }
    /// Records one duration.
    #[inline]
    pub fn record(&mut self, span: Span) {
        self.buckets.saturating_record(span.as_nanos());
        self.sum_ns += u128::from(span.as_nanos());
    }
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Histogram) {
        self.buckets.add(&other.buckets).expect("all histograms have the same bounds");
        self.sum_ns += other.sum_ns;
    }
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets.reset();
        self.sum_ns = 0;
    }
    /// How many durations.
    pub fn count(&self) -> u64 {
        self.buckets.len()
    }
    /// Sum of all durations in seconds.
    pub fn sum_s(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }
    /// Mean in milliseconds; `None` when nothing was recorded.
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.sum_ns as f64 / self.count() as f64 / 1e6)
    }
    /// The duration in milliseconds that a share `q` (0 to 1) does not exceed; `None` when nothing was recorded.
    pub fn quantile_ms(&self, q: f64) -> Option<f64> {
        let value_ns = |q| match self.buckets.value_at_quantile(q) {
            0..LOWEST_NS => 0, // below what is told apart
            value => value,
        };
        (self.count() > 0).then(|| value_ns(q) as f64 / 1e6)
    }
    /// The cumulative distribution as (milliseconds, share not above), at most `points` of them, the last one at 1.
    pub fn distribution(&self, points: usize) -> Vec<(f64, f64)> {
        if self.count() == 0 || points < 2 {
            return Vec::new();
        }
        let mut corners: Vec<(f64, f64)> = Vec::with_capacity(points);
        let mut seen = 0u64;
        let mut next = 0usize;
        for bucket in self.buckets.iter_recorded() {
            seen += bucket.count_since_last_iteration();
            let share = seen as f64 / self.count() as f64;
            // one corner per step of probability, finer in the tail where the questions are
            let wanted = |i: usize| {
                let t = i as f64 / (points - 1) as f64;
                1.0 - libm::exp(-7.0 * t)
            };
            if share >= wanted(next) || seen == self.count() {
                corners.push((bucket.value_iterated_to() as f64 / 1e6, share));
                while next < points && wanted(next) <= share {
                    next += 1;
                }
            }
        }
        corners
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram::new()
    }
}
