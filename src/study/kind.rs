//! What kind of value a setting takes, for searching and drawing values between two ends.

use crate::engine::Span;

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// A share; 20 is `20%`.
    Percent,
    /// A duration, in milliseconds.
    Duration,
}

impl Kind {
    /// Reads a value; `None` where it is neither a number, a share nor a duration.
    pub fn read(text: &str) -> Option<(Kind, f64)> {
        let text = text.trim();
        if let Ok(whole) = text.parse::<u32>() {
            return Some((Kind::Whole, f64::from(whole)));
        }
        if let Some(percent) = text.strip_suffix('%') {
            let value: f64 = percent.trim().parse().ok()?;
            return value.is_finite().then_some((Kind::Percent, value));
        }
        if let Ok(number) = text.parse::<f64>() {
            // such as 1e6
            let is_whole = !text.contains('.') && libm::trunc(number) == number && number.abs() <= f64::from(u32::MAX);
            return number.is_finite().then_some((if is_whole { Kind::Whole } else { Kind::Number }, number));
        }
        text.parse::<Span>().ok().map(|span| (Kind::Duration, span.as_millis_f64()))
    }
    /// The kind of values that are given together: whole numbers are numbers; `None` where they do not go together.
    pub fn common(self, other: Kind) -> Option<Kind> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Kind::Whole, Kind::Number) | (Kind::Number, Kind::Whole) => Some(Kind::Number),
            _ => None,
        }
    }
    /// Reads the two ends of a range.
    ///
    /// # Errors
    /// When one is no value, or they are of different kinds; `names` are what messages call them.
    pub fn range(names: [&str; 2], texts: [&str; 2]) -> Result<(Kind, f64, f64), String> {
        let read = |at: usize| {
            Kind::read(texts[at]).ok_or_else(|| {
                format!("{}: write a number, a share such as `20%`, or a duration such as `5m`", names[at])
            })
        };
        let ((kind_from, from), (kind_to, to)) = (read(0)?, read(1)?);
        let kind = kind_from.common(kind_to).ok_or_else(|| {
            format!("{} and {} are not of the same kind; write both with the same unit", names[0], names[1])
        })?;
        Ok((kind, from, to))
    }
    /// As a scenario has it; what is not a whole number has four significant digits.
    pub fn write(self, value: f64) -> String {
        match self {
            Kind::Whole => format!("{value:.0}"),
            Kind::Number => format!("{}", rounded(value)),
            Kind::Percent => format!("{}%", rounded(value)),
            Kind::Duration => Span::from_nanos_f64(rounded(value) * 1e6).to_string(),
        }
    }
}

/// To four significant digits, as it is written.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
