//! Whether an expectation holds, in words, and by how much.

use super::number::Scale;
use crate::metrics::{Estimate, ExpectationOutcome, FigureId, Unit};

/// `holds: measured 80.1 ± 2.0 ms, 19.9 ms below the limit`.
pub(super) fn words(outcome: &ExpectationOutcome) -> String {
    let word = if outcome.holds { "holds" } else { "fails" };
    let Some(measured) = &outcome.measured else {
        return format!("{word}: nothing of it was measured");
    };
    let Some((figure, operator, limit)) = parsed(&outcome.text) else {
        return format!("{word}: measured {:.4}", measured.mean);
    };
    let unit = figure.family().unit;
    let scale = Scale::fitting(unit, [measured.mean].into_iter());
    let value = scale.show(measured);
    match limit.and_then(|limit| limit_in_base(limit, unit)) {
        Some(limit) if !operator.starts_with(['=', '!']) => {
            format!("{word}: measured {value}{}", margin(measured, limit, &scale))
        }
        _ => format!("{word}: measured {value}"),
    }
}

/// How far the mean is from the limit, and whether the interval allows to rely on it.
fn margin(measured: &Estimate, limit: f64, scale: &Scale) -> String {
    let distance = measured.mean - limit;
    let side = match distance {
        _ if distance == 0.0 => return ", exactly the limit".to_owned(),
        _ if distance > 0.0 => "above",
        _ => "below",
    };
    let size = Estimate { mean: distance.abs(), half_width: None, ..*measured };
    let crosses = measured.half_width.is_some_and(|half| half >= distance.abs());
    let doubt = if crosses { "; its interval contains the limit" } else { "" };
    format!(", {} {side} the limit{doubt}", scale.show_size(&size))
}

/// Figure, operator and limit of `p99 event.latency < 100ms`.
fn parsed(text: &str) -> Option<(FigureId, &str, Option<&str>)> {
    let at = text.find(['<', '>', '=', '!'])?;
    let figure = text[..at].trim().parse().ok()?;
    let rest = &text[at..];
    let end = rest.find(|c: char| !"<>=!".contains(c)).unwrap_or(rest.len());
    let limit = rest[end..].trim();
    Some((figure, &rest[..end], (!limit.is_empty()).then_some(limit)))
}

/// A limit such as `100ms` or `5 %` in the unit that figures are kept in; `None` when that is not certain.
fn limit_in_base(text: &str, unit: Unit) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let value: f64 = text[..end].parse().ok()?;
    let factor = match (unit, text[end..].trim()) {
        (Unit::Milliseconds, "us" | "µs") => 1e-3,
        (Unit::Milliseconds, "ms") => 1.0,
        (Unit::Milliseconds, "s") => 1e3,
        (Unit::Milliseconds, "m" | "min") => 6e4,
        (Unit::Milliseconds, "h") => 3.6e6,
        (Unit::Share, "%") => 0.01,
        (Unit::PerSecond, "/s") | (Unit::Share | Unit::PerSecond | Unit::Number, "") => 1.0,
        _ => return None,
    };
    Some(value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, mean: f64, half: f64, holds: bool) -> String {
        let measured = Estimate { mean, half_width: Some(half), min: mean, max: mean, replications: 20 };
        words(&ExpectationOutcome { text: text.to_owned(), holds, measured: Some(measured) })
    }

    #[test]
    fn an_expectation_says_by_how_much() {
        assert_eq!(
            said("p99 event.latency < 100ms", 166.6, 1.5, false),
            "fails: measured 166.6 ± 1.5 ms, 66.6 ms above the limit"
        );
        assert_eq!(
            said("requests.failed <= 5 %", 0.048, 0.004, true),
            "holds: measured 4.80 ± 0.40 %, 0.200 percentage points below the limit; its interval contains the limit"
        );
        assert_eq!(said("lost.messages == 0", 0.0, 0.0, true), "holds: measured 0 ±0 %");
    }
}
