//! What both programs share: latencies, and how a result is printed for `run.py`.

use hdrhistogram::Histogram;

/// Durations in buckets of three significant digits, with an exact mean.
pub struct Latencies {
    buckets: Histogram<u64>,
    sum_s: f64,
}

impl Latencies {
    pub fn new() -> Latencies {
        let highest_ns = 7 * 24 * 3_600 * 1_000_000_000;
        let buckets = Histogram::new_with_bounds(1_000, highest_ns, 3).expect("constant bounds are valid");
        Latencies { buckets, sum_s: 0.0 }
    }
    pub fn record(&mut self, seconds: f64) {
        self.buckets.saturating_record((seconds * 1e9) as u64);
        self.sum_s += seconds;
    }
    pub fn count(&self) -> u64 {
        self.buckets.len()
    }
    pub fn mean_s(&self) -> f64 {
        self.sum_s / self.count() as f64
    }
    pub fn p99_s(&self) -> f64 {
        self.buckets.value_at_quantile(0.99) as f64 / 1e9
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies::new()
    }
}

/// The first argument as a number.
pub fn argument(what: &str) -> f64 {
    let text = std::env::args().nth(1).unwrap_or_else(|| panic!("{what} is missing"));
    text.parse().unwrap_or_else(|_| panic!("{what} is not a number: {text}"))
}
