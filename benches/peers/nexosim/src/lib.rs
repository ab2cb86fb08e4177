//! What both programs share: latencies, random numbers, and the argument.

use std::time::Duration;

use hdrhistogram::Histogram;
use nexosim::time::MonotonicTime;
use rand::{Rng, SeedableRng};
use rand_distr::{Exp1, StandardNormal};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

/// Durations in buckets of three significant digits, with an exact mean.
#[derive(Clone)]
pub struct Latencies {
    buckets: Histogram<u64>,
    sum: Duration,
}

impl Latencies {
    pub fn record(&mut self, duration: Duration) {
        self.buckets.saturating_record(duration.as_nanos() as u64);
        self.sum += duration;
    }
    pub fn merge(&mut self, other: &Latencies) {
        self.buckets.add(&other.buckets).expect("all histograms have the same bounds");
        self.sum += other.sum;
    }
    pub fn count(&self) -> u64 {
        self.buckets.len()
    }
    pub fn mean_s(&self) -> f64 {
        self.sum.as_secs_f64() / self.count() as f64
    }
    pub fn p99_s(&self) -> f64 {
        self.buckets.value_at_quantile(0.99) as f64 / 1e9
    }
}

impl Default for Latencies {
    fn default() -> Self {
        let highest_ns = 7 * 24 * 3_600 * 1_000_000_000;
        let buckets = Histogram::new_with_bounds(1_000, highest_ns, 3).expect("constant bounds are valid");
        Latencies { buckets, sum: Duration::ZERO }
    }
}

/// A model's own random numbers.
#[derive(Serialize, Deserialize)]
pub struct Random(Pcg64Mcg);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(Pcg64Mcg::seed_from_u64(seed))
    }
    /// Exponential with this mean; never zero, because an event must be scheduled in the future.
    pub fn exponential(&mut self, mean_s: f64) -> Duration {
        let unit: f64 = self.0.sample(Exp1);
        Duration::from_secs_f64(unit * mean_s).max(Duration::from_nanos(1))
    }
    /// Uniform in 0..n.
    pub fn below(&mut self, n: u32) -> u32 {
        self.0.gen_range(0..n)
    }
    /// Log-normal with this median and this standard deviation of the logarithm.
    pub fn log_normal(&mut self, median_s: f64, sigma: f64) -> Duration {
        let unit: f64 = self.0.sample(StandardNormal);
        Duration::from_secs_f64(median_s * (sigma * unit).exp())
    }
}

/// How long ago that was.
pub fn since(now: MonotonicTime, then: MonotonicTime) -> Duration {
    now.duration_since(then)
}

/// The first argument as a number.
pub fn argument(what: &str) -> f64 {
    let text = std::env::args().nth(1).unwrap_or_else(|| panic!("{what} is missing"));
    text.parse().unwrap_or_else(|_| panic!("{what} is not a number: {text}"))
}
