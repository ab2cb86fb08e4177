//! Durations, counted in buckets of three significant digits, with an exact mean.

use crate::engine::Span;

/// Longest duration told apart: a week. Longer ones count as this long.
const HIGHEST_NS: u64 = 7 * 24 * 3_600 * 1_000_000_000;
/// Durations are told apart in steps of 2⁹ ns = 512 ns up to 2048 steps (1 ms) …
const UNIT_BITS: u32 = 9;
/// … and then in 1024 steps per octave.
const HALF_BITS: u32 = 10;
/// Shortest duration told apart: shorter ones are shown as nothing.
const LOWEST_NS: u64 = 1_000;

/// Durations in buckets of at most 0.1 % width between 1 µs and a week; the mean is exact.
///
/// Merging is adding integers, so it gives the same histogram in any order. The buckets are those of an HDR histogram of
/// three significant digits; recording is two additions, because broadcasts record a hundred million copies a second.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// By bucket, as far as any duration has come.
    counts: Vec<u64>,
    sum_ns: u128,
}

/// The bucket of a duration: linear below 2048 units, then 1024 buckets per octave.
#[inline]
const fn bucket_of(ns: u64) -> usize {
    let units = ns >> UNIT_BITS;
    let shift = (u64::BITS - (units | ((2 << HALF_BITS) - 1)).leading_zeros()) - (HALF_BITS + 1);
    ((shift as usize) << HALF_BITS) + (units >> shift) as usize
}

/// The shortest and the longest duration of a bucket, in nanoseconds.
const fn bounds_of(bucket: usize) -> (u64, u64) {
    let octave = (bucket as u32 >> HALF_BITS).saturating_sub(1);
    let units = (bucket as u64) - ((octave as u64) << HALF_BITS);
    let low = units << (octave + UNIT_BITS);
    (low, low + (1 << (octave + UNIT_BITS)) - 1)
}

impl Histogram {
    /// Nothing recorded.
    pub const fn new() -> Histogram {
        Histogram { counts: Vec::new(), sum_ns: 0 }
    }
    /// Records one duration.
    #[inline]
    pub fn record(&mut self, span: Span) {
        self.add(span.as_nanos());
        self.sum_ns += u128::from(span.as_nanos());
    }
    /// Records many durations and returns how many.
    #[inline]
    pub fn record_all(&mut self, mut spans: impl Iterator<Item = Span>) -> u64 {
        let (mut recorded, mut sum_ns) = (0, 0u128);
        loop {
            let mut too_long = None;
            let counts = self.counts.as_mut_slice();
            for span in spans.by_ref() {
                let ns = span.as_nanos();
                recorded += 1;
                sum_ns += u128::from(ns);
                match counts.get_mut(bucket_of(ns)) {
                    Some(count) => *count += 1,
                    None => {
                        too_long = Some(ns);
                        break;
                    }
                }
            }
            let Some(ns) = too_long else { break };
            self.add_beyond(ns);
        }
        self.sum_ns += sum_ns;
        recorded
    }
    /// Records those of many durations that count, and returns how many. Which ones do cannot be foretold, so that is not
    /// asked at each: one that does not adds nothing.
    #[inline]
    pub fn record_some(&mut self, spans: impl Iterator<Item = (Span, bool)>) -> u64 {
        let (mut recorded, mut sum_ns) = (0, 0u128);
        for (span, counts) in spans {
            let (ns, one) = (span.as_nanos(), u64::from(counts));
            recorded += one;
            sum_ns += u128::from(ns & one.wrapping_neg());
            match self.counts.get_mut(bucket_of(ns)) {
                Some(count) => *count += one,
                None if counts => self.add_beyond(ns),
                None => {}
            }
        }
        self.sum_ns += sum_ns;
        recorded
    }
    #[inline]
    fn add(&mut self, ns: u64) {
        let bucket = bucket_of(ns);
        match self.counts.get_mut(bucket) {
            Some(count) => *count += 1,
            None => self.add_beyond(ns),
        }
    }
    /// The first duration of this length so far.
    #[cold]
    fn add_beyond(&mut self, ns: u64) {
        let bucket = bucket_of(ns.min(HIGHEST_NS));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
    }
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.sum_ns += other.sum_ns;
    }
    /// Takes away what `earlier`, an earlier state of this one, had.
    pub fn subtract(&mut self, earlier: &Histogram) {
        for (mine, theirs) in self.counts.iter_mut().zip(&earlier.counts) {
            *mine -= theirs;
        }
        self.sum_ns -= earlier.sum_ns;
    }
    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Histogram::new();
    }
    /// How many durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
    /// Sum of all durations in nanoseconds.
    pub const fn sum_ns(&self) -> u128 {
        self.sum_ns
    }
    /// Sum of all durations in seconds.
    pub fn sum_s(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }
    /// Mean in milliseconds; `None` when nothing was recorded.
    pub fn mean_ms(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum_ns as f64 / count as f64 / 1e6)
    }
    /// The duration in milliseconds that a share `q` (0 to 1) does not exceed; `None` when nothing was recorded.
    pub fn quantile_ms(&self, q: f64) -> Option<f64> {
        let total = self.count();
        let rank = libm::ceil(q * total as f64).max(1.0) as u64;
        // from the top, where percentiles are: the bucket above which no more are than may be
        let may_be_above = total.checked_sub(rank)?;
        let mut above = 0;
        let bucket = self.counts.iter().rposition(|&count| {
            above += count;
            above > may_be_above
        })?;
        let (low, high) = bounds_of(bucket);
        let value_ns = if q == 0.0 { low } else { high };
        Some(if value_ns < LOWEST_NS { 0.0 } else { value_ns as f64 / 1e6 })
    }
    /// How far durations may lie apart, in milliseconds, that are not told apart from one of so many.
    pub fn width_ms(ms: f64) -> f64 {
        let (low, high) = bounds_of(bucket_of(libm::round(ms.max(0.0) * 1e6) as u64));
        (high - low) as f64 / 1e6
    }
    /// The cumulative distribution as (milliseconds, share not above), at most `points` of them, the last one at 1.
    pub fn distribution(&self, points: usize) -> Vec<(f64, f64)> {
        let total = self.count();
        if total == 0 || points < 2 {
            return Vec::new();
        }
        let mut corners: Vec<(f64, f64)> = Vec::with_capacity(points);
        let mut seen = 0u64;
        let mut next = 0usize;
        for (bucket, _) in self.counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            seen += self.counts[bucket];
            let share = seen as f64 / total as f64;
            // one corner per step of probability, finer in the tail where the questions are
            let wanted = |i: usize| {
                let t = i as f64 / (points - 1) as f64;
                1.0 - libm::exp(-7.0 * t)
            };
            if share >= wanted(next) || seen == total {
                corners.push((bounds_of(bucket).1 as f64 / 1e6, share));
                while next < points && wanted(next) <= share {
                    next += 1;
                }
            }
        }
        corners
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gap_and_are_narrow() {
        let mut next = 0;
        for bucket in 0..=bucket_of(HIGHEST_NS) {
            let (low, high) = bounds_of(bucket);
            assert_eq!(low, next, "bucket {bucket}");
            assert_eq!((bucket_of(low), bucket_of(high)), (bucket, bucket));
            assert!(high - low < 512 || (high - low) as f64 <= 1e-3 * low as f64, "bucket {bucket}: {low} to {high}");
            next = high + 1;
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_durations() {
        let mut histogram = Histogram::new();
        let mut all: Vec<u64> = (0..5_000u64).map(|n| 2_000 + n * n * 977).collect();
        histogram.record_all(all.iter().map(|&ns| Span::from_nanos(ns)));
        all.sort_unstable();
        for q in [0.0, 0.001, 0.25, 0.5, 0.99, 0.9999, 1.0] {
            let rank = (libm::ceil(q * 5_000.0) as usize).max(1);
            let exact = all[rank - 1] as f64 / 1e6;
            let shown = histogram.quantile_ms(q).expect("not empty");
            assert!((shown - exact).abs() <= 0.0012 * exact + 0.000_6, "q {q}: {shown} ms, exactly {exact} ms");
        }
        let exact_mean = all.iter().sum::<u64>() as f64 / 5_000.0 / 1e6;
        assert_eq!(histogram.mean_ms(), Some(exact_mean));
    }

    #[test]
    fn recording_some_is_recording_those_that_count() {
        let spans = |n: u64| Span::from_nanos(n * n * n);
        let (mut some, mut those) = (Histogram::new(), Histogram::new());
        let recorded = some.record_some((0..3_000).map(|n| (spans(n), n % 3 != 0)));
        assert_eq!(those.record_all((0..3_000).filter(|n| n % 3 != 0).map(spans)), recorded);
        assert_eq!((some.counts, some.sum_ns), (those.counts, those.sum_ns));
    }

    #[test]
    fn what_is_too_long_counts_as_a_week() {
        let mut histogram = Histogram::new();
        histogram.record(Span::MAX);
        let week_ms = HIGHEST_NS as f64 / 1e6;
        assert!((histogram.quantile_ms(0.5).expect("not empty") / week_ms - 1.0).abs() < 0.001);
        assert_eq!(histogram.count(), 1);
    }
}
