//! Numbers for people: an interval is rounded to two significant digits, the value to the same place.

use crate::metrics::{Estimate, Unit};

/// Most decimal places ever shown: beyond them an interval says more about floats than about clusters.
const MAX_PLACES: i32 = 6;

/// How the values of one row are shown: all in the same unit, so that they can be compared by eye.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    factor: f64,
    /// Unit of values, such as `ms`; empty for plain numbers.
    pub(super) unit: &'static str,
    /// Unit of differences: a share's difference is in percentage points.
    pub(super) difference_unit: &'static str,
}

impl Scale {
    /// The scale in which the largest of `values` reads well.
    pub(crate) fn fitting(unit: Unit, values: impl Iterator<Item = f64>) -> Scale {
        let largest = values.map(f64::abs).fold(0.0, f64::max);
        let (factor, unit) = match unit {
            Unit::Milliseconds if largest >= 36_000_000.0 => (1.0 / 3_600_000.0, "h"),
            Unit::Milliseconds if largest >= 600_000.0 => (1.0 / 60_000.0, "min"),
            Unit::Milliseconds if largest >= 10_000.0 => (1e-3, "s"),
            Unit::Milliseconds if largest > 0.0 && largest < 0.1 => (1e3, "µs"),
            Unit::Milliseconds => (1.0, "ms"),
            Unit::Share => return Scale { factor: 100.0, unit: "%", difference_unit: "pp" },
            Unit::PerSecond => (1.0, "/s"),
            Unit::BytesPerSecond if largest >= 1e6 => (1e-6, "MB/s"),
            Unit::BytesPerSecond if largest >= 1e3 => (1e-3, "kB/s"),
            Unit::BytesPerSecond => (1.0, "B/s"),
            Unit::Bytes if largest >= 1e6 => (1e-6, "MB"),
            Unit::Bytes if largest >= 1e3 => (1e-3, "kB"),
            Unit::Bytes => (1.0, "B"),
            Unit::Number => (1.0, ""),
        };
        Scale { factor, unit, difference_unit: unit }
    }

    /// An estimate as two texts without unit.
    pub(crate) fn parts(&self, estimate: &Estimate) -> Parts {
        let mean = estimate.mean * self.factor;
        let half_width = estimate.half_width.map(|half| half * self.factor);
        match half_width {
            None => Parts { mean: fixed(mean, places_for(mean, 3).max(0)), half: None },
            Some(half) if is_zero(half, mean) => {
                let text = fixed(mean, places_for(mean, 4).max(0));
                Parts { mean: trimmed(text), half: Some("0".to_owned()) }
            }
            Some(half) => {
                let places = places_for(half, 2).min(MAX_PLACES);
                Parts { mean: fixed(mean, places), half: Some(fixed(half, places)) }
            }
        }
    }

    /// An estimate in few digits, for sentences and tiles: at most three of the value, an interval rounded up.
    pub(super) fn brief(&self, estimate: &Estimate) -> Parts {
        let mean = estimate.mean * self.factor;
        let places = places_for(mean, 3).max(0);
        match estimate.half_width.map(|half| half * self.factor) {
            Some(half) if !is_zero(half, mean) => {
                let places = if mean == 0.0 { places_for(half, 1) } else { places.min(places_for(half, 1)) };
                let step = libm::pow(10.0, f64::from(-places));
                // Rounded up: an interval that got narrower by rounding would claim too much.
                let rounded = libm::ceil(half / step - 1e-9) * step;
                if rounded >= libm::round(mean.abs() / step) * step && half < mean.abs() {
                    return self.parts(estimate); // rounding alone would make the interval reach zero
                }
                Parts { mean: fixed(mean, places), half: Some(fixed(rounded, places)) }
            }
            Some(_) => Parts { mean: trimmed(fixed(mean, places)), half: Some("0".to_owned()) },
            None => Parts { mean: fixed(mean, places), half: None },
        }
    }

    /// An estimate in its unit.
    pub(super) fn scaled(&self, estimate: &Estimate) -> Estimate {
        let in_unit = |value: f64| value * self.factor;
        Estimate {
            mean: in_unit(estimate.mean),
            half_width: estimate.half_width.map(in_unit),
            min: in_unit(estimate.min),
            max: in_unit(estimate.max),
            replications: estimate.replications,
        }
    }

    /// The same with its unit.
    pub(super) fn show_brief(&self, estimate: &Estimate) -> String {
        with_unit(&self.brief(estimate).to_string(), self.unit)
    }

    /// An estimate with its unit, such as `12.3 ± 0.4 ms`.
    pub(super) fn show(&self, estimate: &Estimate) -> String {
        with_unit(&self.parts(estimate).to_string(), self.unit)
    }

    /// A difference with sign and unit, such as `+12.3 ± 0.4 pp`.
    pub(super) fn show_difference(&self, difference: &Estimate) -> String {
        let parts = self.parts(difference);
        let sign = if parts.mean.starts_with('−') || is_all_zero(&parts.mean) { "" } else { "+" };
        with_unit(&format!("{sign}{parts}"), self.difference_unit)
    }

    /// The size of a difference, for sentences that say `higher` or `lower` themselves.
    pub(super) fn show_size(&self, difference: &Estimate) -> String {
        let size = Estimate { mean: difference.mean.abs(), ..*difference };
        let unit = if self.difference_unit == "pp" { "percentage points" } else { self.difference_unit };
        with_unit(&self.brief(&size).to_string(), unit)
    }

    /// A value in this unit.
    pub(super) fn value(&self, value: f64) -> f64 {
        value * self.factor
    }

    /// What is shown with its unit, such as `event latency p99 (ms)`.
    pub(super) fn title(&self, what: &str) -> String {
        if self.unit.is_empty() { what.to_owned() } else { format!("{what} ({})", self.unit) }
    }

    /// A value without an interval, with three significant digits and its unit.
    pub(super) fn show_value(&self, value: f64) -> String {
        let value = value * self.factor;
        with_unit(&fixed(value, places_for(value, 3).max(0)), self.unit)
    }
}

/// A mean and its half width, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) mean: String,
    pub(super) half: Option<String>,
}

impl std::fmt::Display for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.half.as_deref() {
            None => f.write_str(&self.mean),
            Some(half) => write!(f, "{} ± {half}", self.mean),
        }
    }
}

/// Puts a unit behind a number; `/s` follows without a space.
pub(super) fn with_unit(number: &str, unit: &str) -> String {
    match unit {
        "" => number.to_owned(),
        _ if unit.starts_with('/') => format!("{number}{unit}"),
        _ => format!("{number} {unit}"),
    }
}

/// A share as per cent with three significant digits.
pub(super) fn percent(share: f64) -> String {
    Scale::fitting(Unit::Share, std::iter::empty()).show_value(share)
}

/// A whole number with groups of three digits.
pub(super) fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// True when a half width is nothing but rounding error of the mean.
pub(super) fn is_zero(half: f64, mean: f64) -> bool {
    half <= mean.abs() * 1e-9 || half == 0.0
}

/// Decimal places that show `digits` significant digits of `x`; negative when even whole numbers are too fine.
pub(super) fn places_for(x: f64, digits: i32) -> i32 {
    if x == 0.0 || !x.is_finite() {
        return 0;
    }
    // The formatter rounds before it names the exponent, so 9.96 counts as 10; a logarithm would not.
    let text = format!("{:.*e}", (digits - 1) as usize, x.abs());
    let exponent: i32 = text.rsplit('e').next().and_then(|e| e.parse().ok()).unwrap_or(0);
    digits - 1 - exponent
}

/// `x` rounded to `places` decimals (to tens, hundreds … when negative), with groups of three digits.
pub(super) fn fixed(x: f64, places: i32) -> String {
    if !x.is_finite() {
        return "∞".to_owned();
    }
    let text = if places >= 0 {
        format!("{:.*}", places as usize, x.abs())
    } else {
        let mut step = 1.0;
        (0..-places).for_each(|_| step *= 10.0);
        format!("{:.0}", libm::round(x.abs() / step) * step)
    };
    let sign = if x < 0.0 && !is_all_zero(&text) { "−" } else { "" };
    format!("{sign}{}", grouped(&text))
}

fn grouped(text: &str) -> String {
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::with_capacity(text.len() + 4);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn is_all_zero(text: &str) -> bool {
    text.chars().all(|c| !c.is_ascii_digit() || c == '0')
}

/// `1 run`, `20 runs`.
pub(super) fn count_of(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{} {what}s", count(n)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(mean: f64, half_width: Option<f64>) -> Estimate {
        Estimate { mean, half_width, min: mean, max: mean, replications: 20 }
    }
    fn show(unit: Unit, mean: f64, half_width: Option<f64>) -> String {
        Scale::fitting(unit, [mean].into_iter()).show(&estimate(mean, half_width))
    }

    #[test]
    fn the_interval_decides_the_digits() {
        assert_eq!(show(Unit::Milliseconds, 12.3456, Some(0.0567)), "12.346 ± 0.057 ms");
        assert_eq!(show(Unit::Milliseconds, 12.3456, Some(0.996)), "12.3 ± 1.0 ms");
        assert_eq!(show(Unit::PerSecond, 56_789.0, Some(1_234.0)), "56,800 ± 1,200/s");
        assert_eq!(show(Unit::Share, 0.0512, Some(0.0101)), "5.1 ± 1.0 %");
        assert_eq!(show(Unit::Number, 1.5, None), "1.50");
        assert_eq!(show(Unit::Number, 12_345.6, None), "12,346");
    }

    #[test]
    fn sentences_get_fewer_digits_and_no_narrower_interval() {
        let brief =
            |mean, half| Scale::fitting(Unit::Number, [mean].into_iter()).show_brief(&estimate(mean, Some(half)));
        assert_eq!(brief(1.0130, 0.0071), "1.01 ± 0.01");
        assert_eq!(brief(1229.0, 1.7), "1,229 ± 2");
        assert_eq!(brief(56_789.0, 1_234.0), "57,000 ± 2,000");
        assert_eq!(brief(78.68, 0.22), "78.7 ± 0.3");
        assert_eq!(brief(1.0, 0.0), "1 ± 0");
        assert_eq!(brief(2.4, 2.3), "2.4 ± 2.3");
        assert_eq!(brief(2.0, 3.6), "2 ± 4");
    }

    #[test]
    fn a_constant_has_a_half_width_of_zero() {
        assert_eq!(show(Unit::Number, 1.0, Some(0.0)), "1 ± 0");
        assert_eq!(show(Unit::Number, 1234.5678, Some(1e-12)), "1,235 ± 0");
        assert_eq!(show(Unit::Share, 0.0, Some(0.0)), "0 ± 0 %");
    }

    #[test]
    fn units_follow_the_size() {
        assert_eq!(show(Unit::Milliseconds, 0.0123, None), "12.3 µs");
        assert_eq!(show(Unit::Milliseconds, 12_345.0, Some(120.0)), "12.35 ± 0.12 s");
        assert_eq!(show(Unit::Milliseconds, 1_200_000.0, None), "20.0 min");
        assert_eq!(show(Unit::BytesPerSecond, 2_500_000.0, None), "2.50 MB/s");
    }

    #[test]
    fn differences_have_signs_and_points() {
        let share = Scale::fitting(Unit::Share, [0.1].into_iter());
        assert_eq!(share.show_difference(&estimate(0.012, Some(0.001))), "+1.20 ± 0.10 pp");
        assert_eq!(share.show_difference(&estimate(-0.012, Some(0.001))), "−1.20 ± 0.10 pp");
        assert_eq!(share.show_difference(&estimate(-0.00001, Some(0.01))), "0.0 ± 1.0 pp");
    }
}
