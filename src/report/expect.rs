//! Whether an expectation holds, in words, and by how much.

use super::number::Scale;
use super::precision;
use crate::metrics::{Estimate, ExpectationOutcome, FigureId};

/// `holds: measured 80.1 ± 2.0 ms, 19.9 ms below the limit`.
pub fn words(outcome: &ExpectationOutcome) -> String {
    let word = if outcome.holds { "holds" } else { "fails" };
    if let Some(too_few) = &outcome.too_few {
        return format!("{word}: {}", precision::too_few(too_few));
    }
    let Some(measured) = &outcome.measured else {
        return format!("{word}: nothing of it was measured");
    };
    // a study read from elsewhere may name figures that this version has not
    let Ok(figure) = outcome.figure.parse::<FigureId>() else {
        return format!("{word}: measured {:.4}", measured.mean);
    };
    let scale = Scale::fitting(figure.family().unit, [measured.mean].into_iter());
    let value = scale.show(measured);
    match outcome.comparison.as_str() {
        "==" => format!("{word}: measured {value}"),
        _ => format!("{word}: measured {value}{}", margin(measured, outcome.bound, &scale)),
    }
}

/// How far the mean is from the limit, and whether the interval allows to rely on it.
fn margin(measured: &Estimate, limit: f64, scale: &Scale) -> String {
    let far = (measured.mean - limit).abs();
    if far == 0.0 {
        return ", exactly the limit".to_owned();
    }
    let crosses = measured.half_width.is_some_and(|half| half >= far);
    let doubt = if crosses { "; its interval contains the limit" } else { "" };
    format!(", {} the limit{doubt}", distance(measured, limit, scale))
}

/// `19.9 ms below`.
pub(super) fn distance(measured: &Estimate, limit: f64, scale: &Scale) -> String {
    let distance = measured.mean - limit;
    let size = Estimate { mean: distance.abs(), half_width: None, ..*measured };
    format!("{} {}", scale.show_size(&size), if distance > 0.0 { "above" } else { "below" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(figure: &str, comparison: &str, bound: f64, mean: f64, half: f64, holds: bool) -> String {
        let measured = Estimate { mean, half_width: Some(half), min: mean, max: mean, replications: 20 };
        let (figure, comparison) = (figure.to_owned(), comparison.to_owned());
        let text = String::new();
        words(&ExpectationOutcome { text, figure, comparison, bound, holds, measured: Some(measured), too_few: None })
    }

    #[test]
    fn an_expectation_says_by_how_much() {
        assert_eq!(
            said("event.latency.p99", "<", 100.0, 166.6, 1.5, false),
            "fails: measured 166.6 ± 1.5 ms, 66.6 ms above the limit"
        );
        assert_eq!(
            said("requests.failed", "<=", 0.05, 0.048, 0.004, true),
            "holds: measured 4.80 ± 0.40 %, 0.200 percentage points below the limit; its interval contains the limit"
        );
        assert_eq!(said("lost.messages", "==", 0.0, 0.0, 0.0, true), "holds: measured 0 ± 0 %");
    }
}
