//! Integer time: instants and spans in nanoseconds.

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An instant of simulated time: nanoseconds since the start of the run.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SimTime(u64);

/// A length of simulated time in nanoseconds, never negative.
///
/// Its text form is what users write: `250ms`, `90s`, `1h30m`, `2.5s`. Parsing and printing are exact to the nanosecond.
///
/// ```
/// use stickysim::engine::Span;
/// assert_eq!("1h30m".parse::<Span>().unwrap(), Span::from_secs(5400));
/// assert_eq!(Span::from_millis(1500).to_string(), "1.5s");
/// assert!("15".parse::<Span>().is_err()); // a bare number has no unit
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(
    transparent,
    extend("pattern" = r"^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$"),
    extend("examples" = ["250ms", "3h", "1h30m"])
)]
pub struct Span(#[schemars(with = "String")] u64);

impl SimTime {
    /// The start of the run.
    pub const ZERO: SimTime = SimTime(0);
    /// Later than every event: "never".
    pub const NEVER: SimTime = SimTime(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> SimTime {
        SimTime(nanos)
    }
    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// Seconds since the start, for reports only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// The span since `earlier`, or zero when `earlier` is later.
    pub const fn since(self, earlier: SimTime) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// The longest span: about 584 years.
    pub const MAX: Span = Span(u64::MAX);

    /// A span of whole nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Span {
        Span(nanos)
    }
    /// A span of whole microseconds.
    pub const fn from_micros(micros: u64) -> Span {
        Span(micros * 1_000)
    }
    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Span {
        Span(millis * 1_000_000)
    }
    /// A span of whole seconds.
    pub const fn from_secs(secs: u64) -> Span {
        Span(secs * 1_000_000_000)
    }
    /// The nearest whole number of nanoseconds; negative and NaN become zero, too large becomes [`Span::MAX`].
    ///
    /// The only rounding in the model happens here, once per draw.
    #[inline]
    pub fn from_nanos_f64(nanos: f64) -> Span {
        // Added to a smaller number, 2⁵² makes the processor round it to a whole one, which then stands in the low bits.
        const ROUNDER: f64 = (1u64 << 52) as f64;
        if (0.0..ROUNDER).contains(&nanos) {
            return Span((nanos + ROUNDER).to_bits() - ROUNDER.to_bits());
        }
        Span(nanos as u64) // whole already; `as` saturates
    }
    /// Whole nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// Seconds, for reports only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// Milliseconds, for reports only.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
    /// Milliseconds as text, exact to the nanosecond: `1250.5`. For tables whose columns have a unit.
    pub fn to_millis_text(self) -> String {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:06}").trim_end_matches('0').to_owned() }
    }
    /// True for the empty span.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// The difference, or zero.
    pub const fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for SimTime {
    type Output = SimTime;
    /// Saturates at [`SimTime::NEVER`], so a draw of a thousand years means "not in this run".
    fn add(self, span: Span) -> SimTime {
        SimTime(self.0.saturating_add(span.0))
    }
}
impl AddAssign<Span> for SimTime {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}
impl Sub for SimTime {
    type Output = Span;
    /// The span between two instants; the later one stands first.
    fn sub(self, earlier: SimTime) -> Span {
        debug_assert!(self >= earlier, "time runs forward");
        self.since(earlier)
    }
}
impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}
impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        debug_assert!(self >= other, "a span is never negative");
        self.saturating_sub(other)
    }
}
impl SubAssign for Span {
    fn sub_assign(&mut self, other: Span) {
        *self = *self - other;
    }
}
impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, times: u64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}
impl Div<u64> for Span {
    type Output = Span;
    fn div(self, parts: u64) -> Span {
        Span(self.0 / parts)
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t={}", Span(self.0))
    }
}
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Units in the order in which a composed span prints them.
const WHOLE_UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = |f: &mut fmt::Formatter<'_>, scale: u64, unit: &str| {
            let digits = format!("{:0width$}", self.0 % scale, width = scale.ilog10() as usize);
            let digits = digits.trim_end_matches('0');
            let point = if digits.is_empty() { "" } else { "." };
            write!(f, "{}{point}{digits}{unit}", self.0 / scale)
        };
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if !self.0.is_multiple_of(1_000_000_000) {
            return match self.0 {
                0..1_000 => fraction(f, 1, "ns"),
                1_000..1_000_000 => fraction(f, 1_000, "us"),
                1_000_000..1_000_000_000 => fraction(f, 1_000_000, "ms"),
                _ => fraction(f, 1_000_000_000, "s"),
            };
        }
        let mut rest = self.0 / 1_000_000_000;
        for (unit, seconds) in WHOLE_UNITS {
            if rest >= seconds {
                write!(f, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

/// Why a text is not a [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSpanError {
    /// A number without a unit, such as `15`.
    #[error("`{0}` has no unit; write for example `{0}s` or `{0}ms`")]
    NoUnit(String),
    /// A unit nobody knows, such as `15sec`.
    #[error("`{0}` is not a unit of time; use ns, us, ms, s, m, h or d")]
    UnknownUnit(String),
    /// Not a number where one is needed.
    #[error("`{0}` is not a duration; write for example `250ms`, `90s` or `1h30m`")]
    NotADuration(String),
    /// More than the clock can hold.
    #[error("`{0}` is longer than 584 years")]
    TooLong(String),
}

impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Span, ParseSpanError> {
        let not_a_duration = || ParseSpanError::NotADuration(text.to_owned());
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(not_a_duration());
        }
        let mut total: u128 = 0;
        while !rest.is_empty() {
            let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, after) = rest.split_at(number_end);
            let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, tail) = after.split_at(unit_end);
            if number.is_empty() {
                return Err(not_a_duration());
            }
            let unit_ns: u128 = match unit.trim_end() {
                "" => return Err(ParseSpanError::NoUnit(text.trim().to_owned())),
                "ns" => 1,
                "us" | "µs" | "μs" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                "d" => 86_400_000_000_000,
                other => return Err(ParseSpanError::UnknownUnit(other.to_owned())),
            };
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            let digits = |s: &str| -> Option<u128> {
                if s.is_empty() { Some(0) } else { s.parse().ok().filter(|_| s.len() <= 20) }
            };
            if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
                return Err(not_a_duration());
            }
            let too_long = || ParseSpanError::TooLong(text.to_owned());
            let whole = digits(whole).ok_or_else(too_long)?;
            let scale = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(u32::MAX).min(20));
            let part = digits(fraction).ok_or_else(not_a_duration)? * unit_ns / scale;
            total = whole
                .checked_mul(unit_ns)
                .and_then(|ns| ns.checked_add(part))
                .and_then(|ns| total.checked_add(ns))
                .ok_or_else(too_long)?;
            rest = tail;
        }
        u64::try_from(total).map(Span).map_err(|_| ParseSpanError::TooLong(text.to_owned()))
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `250ms`, `90s` or `3h`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Span, E> {
                if number == 0 { Ok(Span::ZERO) } else { Err(E::custom(ParseSpanError::NoUnit(number.to_string()))) }
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Span, E> {
                Err(E::custom(format!("`{number}` is negative; a duration is zero or more, such as `250ms`")))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Span, E> {
                Err(E::custom(ParseSpanError::NoUnit(number.to_string())))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_print_and_parse_back_to_the_nanosecond() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5us"),
            (250_000_000, "250ms"),
            (1_000_000_001, "1.000000001s"),
            (90_000_000_000, "1m30s"),
            (172_800_000_000_000, "2d"),
        ] {
            assert_eq!(Span(nanos).to_string(), text);
            assert_eq!(text.parse::<Span>(), Ok(Span(nanos)));
        }
    }

    #[test]
    fn what_is_not_a_span_says_why() {
        assert_eq!("15".parse::<Span>(), Err(ParseSpanError::NoUnit("15".into())));
        assert_eq!("15sec".parse::<Span>(), Err(ParseSpanError::UnknownUnit("sec".into())));
        assert!(matches!("-3s".parse::<Span>(), Err(ParseSpanError::NotADuration(_))));
        assert!(matches!("".parse::<Span>(), Err(ParseSpanError::NotADuration(_))));
        assert!(matches!("1.2.3s".parse::<Span>(), Err(ParseSpanError::NotADuration(_))));
        assert!(matches!("99999999999h".parse::<Span>(), Err(ParseSpanError::TooLong(_))));
    }

    #[test]
    fn adding_saturates_at_never() {
        assert_eq!(SimTime::from_nanos(5) + Span::MAX, SimTime::NEVER);
    }
}
