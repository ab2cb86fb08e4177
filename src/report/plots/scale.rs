//! From values to pixels, and where the ticks stand.

use crate::report::number::{fixed, places_for};

/// From this ratio of the ends on an axis of lines is logarithmic.
pub(super) const WIDE: f64 = 15.0;
/// Intervals that go beyond so many times the largest mean are cut off.
pub(super) const WIDEST: f64 = 4.0;

/// A linear or logarithmic axis over a length in pixels.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    is_log: bool,
}

impl Axis {
    /// `low` lies at pixel `from`, `high` at `to`.
    pub(super) fn linear(low: f64, high: f64, from: f64, to: f64) -> Axis {
        Axis { low, high: if high > low { high } else { low + 1.0 }, from, to, is_log: false }
    }
    /// The same with equal distances for equal ratios.
    pub(super) fn log(low: f64, high: f64, from: f64, to: f64) -> Axis {
        let low = low.max(1e-9);
        Axis { low, high: high.max(low * 1.5), from, to, is_log: true }
    }
    /// Pixel of a value, held within the axis.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let part = if self.is_log {
            libm::log(value / self.low) / libm::log(self.high / self.low)
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + part * (self.to - self.from)
    }
    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }
    /// True for a value above the axis.
    pub(super) fn is_beyond(&self, value: f64) -> bool {
        value > self.high * (1.0 + 1e-9)
    }
    /// About `wanted` round values within the axis.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<f64> {
        if self.is_log { self.log_ticks(wanted) } else { linear_ticks(self.low, self.high, wanted) }
    }
    fn log_ticks(&self, wanted: usize) -> Vec<f64> {
        let mut decades = Vec::new();
        let mut decade = 1e-9;
        while decade <= self.high {
            decades.push(decade);
            decade *= 10.0;
        }
        let within = |steps: &[f64]| -> Vec<f64> {
            let all = decades.iter().flat_map(|d| steps.iter().map(move |s| snapped(d * s)));
            all.filter(|x| *x >= self.low * 0.999 && *x <= self.high * 1.001).collect()
        };
        let fine = within(&[1.0, 2.0, 5.0]);
        let middle = within(&[1.0, 3.0]);
        let is_short = self.high < 4.0 * self.low;
        if fine.len() < 2 || (fine.len() < 3 && is_short) {
            // on so short an axis the steps of a linear one tell more
            linear_ticks(self.low, self.high, wanted)
        } else if fine.len() <= wanted {
            fine
        } else if middle.len() <= wanted {
            middle
        } else {
            within(&[1.0])
        }
    }
}

/// Takes away what repeated multiplication added.
fn snapped(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let step = round_step((high - low) / wanted.max(1) as f64);
    let first = libm::ceil(low / step - 1e-9);
    (0..=4 * wanted).map(|i| snapped((first + i as f64) * step)).take_while(|x| *x <= high + step * 1e-6).collect()
}

/// The smallest of 1, 2, 5, 10 … that is not below `step`.
fn round_step(step: f64) -> f64 {
    let exponent = libm::floor(libm::log10(step.max(1e-12)));
    let decade = libm::pow(10.0, exponent);
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * decade >= step * (1.0 - 1e-9)).unwrap_or(10.0);
    snapped(factor * decade)
}

/// An axis from zero that holds `highest`, and its ticks.
pub(super) fn from_zero(highest: f64, wanted: usize, from: f64, to: f64) -> (Axis, Vec<f64>) {
    let end = round_up(highest, wanted);
    // a line at the very end would lie on the edge, where it cannot be seen
    (Axis::linear(0.0, end.max(highest * 1.04), from, to), linear_ticks(0.0, end, wanted))
}

/// How far an axis reaches for means and their intervals; of very wide ones, which would flatten all else, the ends are cut off.
pub(super) fn with_intervals(highest_mean: f64, highest_end: f64) -> f64 {
    if highest_mean > 0.0 { highest_end.min(WIDEST * highest_mean) } else { highest_end }
}

/// A round value not below `x`, so that the last tick closes the axis; 1 where there is nothing but zero.
pub(super) fn round_up(x: f64, ticks: usize) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let step = round_step(x.max(1e-9) / ticks as f64);
    libm::ceil(x.max(1e-9) / step - 1e-9) * step
}

/// Text of a tick: no more digits than the distance between ticks needs.
pub(super) fn tick_text(value: f64, step: f64) -> String {
    fixed(value, places_for(step, 1).max(0))
}

/// Distance between the first ticks, or the tick itself where there is one.
pub(super) fn tick_step(ticks: &[f64]) -> f64 {
    match ticks {
        [a, b, ..] => b - a,
        [a] => *a,
        [] => 1.0,
    }
}

/// A duration in milliseconds as a tick: `500 µs`, `20 ms`, `5 s`.
pub(super) fn duration_text(ms: f64) -> String {
    let (value, unit) = match ms {
        _ if ms < 1.0 => (ms * 1e3, "µs"),
        _ if ms < 1e3 => (ms, "ms"),
        _ if ms < 6e4 => (ms / 1e3, "s"),
        _ if ms < 3.6e6 => (ms / 6e4, "min"),
        _ => (ms / 3.6e6, "h"),
    };
    // as many places as it needs, if these are few
    let is_exact = |places: &i32| {
        let step = libm::pow(10.0, f64::from(*places));
        (libm::round(value * step) - value * step).abs() < 1e-6 * step
    };
    let places = (0..=3).find(is_exact).unwrap_or(if value < 10.0 { 1 } else { 0 });
    format!("{} {unit}", fixed(value, places))
}

/// Ticks of a time axis of this many seconds: (seconds, text), and the unit of the texts.
pub(super) fn time_ticks(duration_s: f64, wanted: usize) -> (Vec<(f64, String)>, &'static str) {
    const STEPS: [f64; 20] = [
        1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 21600.0,
        43200.0, 86400.0, 172_800.0, 604_800.0,
    ];
    let least = duration_s / wanted as f64;
    let step = STEPS.into_iter().find(|step| *step >= least).unwrap_or_else(|| round_step(least));
    let (per_unit, unit) = match step {
        _ if step >= 86_400.0 => (86_400.0, "d"),
        _ if step >= 3_600.0 => (3_600.0, "h"),
        _ if step >= 60.0 || duration_s >= 600.0 => (60.0, "min"),
        _ => (1.0, "s"),
    };
    let count = libm::floor(duration_s / step + 1e-9) as usize;
    let ticks = (0..=count).map(|i| i as f64 * step).map(|t| (t, tick_text(t / per_unit, step / per_unit)));
    (ticks.collect(), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Axis::linear(0.0, 1234.0, 0.0, 1.0).ticks(5), [0.0, 500.0, 1000.0]);
        assert_eq!(Axis::linear(0.9, 2.3, 0.0, 1.0).ticks(6), [1.0, 1.5, 2.0]);
        assert_eq!(Axis::log(3.0, 400.0, 0.0, 1.0).ticks(8), [5.0, 10.0, 20.0, 50.0, 100.0, 200.0]);
        assert_eq!(Axis::log(0.003, 400.0, 0.0, 1.0).ticks(8), [0.01, 0.1, 1.0, 10.0, 100.0]);
        assert_eq!(round_up(1234.0, 5), 1500.0);
        assert_eq!((round_up(0.0, 5), from_zero(0.0, 5, 0.0, 1.0).1.len()), (1.0, 6));
    }

    #[test]
    fn a_short_logarithmic_axis_has_ticks() {
        let ticks = Axis::log(700.0, 1850.0, 0.0, 1.0).ticks(8);
        assert_eq!(ticks, [800.0, 1000.0, 1200.0, 1400.0, 1600.0, 1800.0]);
        assert!(Axis::log(1000.0, 1060.0, 0.0, 1.0).ticks(8).len() >= 3);
    }

    #[test]
    fn what_reaches_the_end_of_an_axis_can_be_seen() {
        let (axis, ticks) = from_zero(4.0, 4, 100.0, 0.0);
        assert_eq!(ticks, [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert!(axis.at(4.0) > 3.0);
    }

    #[test]
    fn time_is_told_in_fitting_units() {
        let (ticks, unit) = time_ticks(1800.0, 8);
        assert_eq!((unit, ticks.len(), ticks[1].1.as_str()), ("min", 7, "5"));
        let (ticks, unit) = time_ticks(90.0, 8);
        assert_eq!((unit, ticks[1].1.as_str()), ("s", "20"));
        assert_eq!(duration_text(0.5), "500 µs");
        assert_eq!(duration_text(2500.0), "2.5 s");
        assert_eq!([1050.0, 100_000.0, 0.25].map(duration_text), ["1.05 s", "1.7 min", "250 µs"]);
    }
}
