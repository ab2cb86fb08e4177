//! Whether what is expected holds.

use super::replicate::{estimate, standard_error};
use super::student_t;
use crate::metrics::{Comparison, Judgement};
use crate::scenario::Expectation;

/// Whether it holds for these values, one per replication that had the figure: their mean, or, where a confidence is asked for,
/// all that their mean may be.
pub(super) fn outcome(expectation: &Expectation, values: &[f64]) -> Judgement {
    match (expectation.confidence, estimate(values)) {
        (Some(confidence), _) => judge(expectation, values, confidence),
        (None, Some(measured)) if expectation.holds(measured.mean) => Judgement::Holds,
        (None, _) => Judgement::Fails,
    }
}

/// Whether a mean is on the right side of its bound, or on the wrong one, so surely; one-sided.
pub(super) fn judge(expectation: &Expectation, values: &[f64], confidence: f64) -> Judgement {
    let Some(measured) = estimate(values) else { return Judgement::Unsure };
    if expectation.comparison == Comparison::Equal {
        let all = values.iter().all(|&value| expectation.holds(value));
        return if all { Judgement::Holds } else { Judgement::Fails };
    }
    let half = standard_error(&measured)
        .map_or(f64::INFINITY, |error| student_t(2.0 * confidence - 1.0, measured.replications - 1) * error);
    let (worse, better) = match expectation.comparison {
        Comparison::Below | Comparison::AtMost => (measured.mean + half, measured.mean - half),
        _ => (measured.mean - half, measured.mean + half),
    };
    match (expectation.holds(worse), expectation.holds(better)) {
        (true, _) => Judgement::Holds,
        (false, false) => Judgement::Fails,
        (false, true) => Judgement::Unsure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_judged_by_its_interval() {
        let said = |text: &str, values: &[f64]| {
            let expectation = Expectation::parse(text).expect("an expectation");
            judge(&expectation, values, 0.9875)
        };
        // mean 100, s/√n 1: t of 4 degrees of freedom at 98.75 % is 3.495
        let around = |mean: f64| [-2.0, -1.0, 0.0, 1.0, 2.0].map(|d| mean + d * f64::sqrt(2.0)).to_vec();
        for (text, mean, expected) in [
            ("p99 event.latency < 100ms", 96.0, Judgement::Holds),
            ("p99 event.latency < 100ms", 97.0, Judgement::Unsure),
            ("p99 event.latency < 100ms", 103.0, Judgement::Unsure),
            ("p99 event.latency < 100ms", 104.0, Judgement::Fails),
            ("p99 event.latency > 100ms", 104.0, Judgement::Holds),
            ("p99 event.latency > 100ms", 96.0, Judgement::Fails),
        ] {
            assert_eq!(said(text, &around(mean)), expected, "{text} at {mean}");
        }
        assert_eq!(said("lost.messages == 0", &[0.0, 0.0]), Judgement::Holds);
        assert_eq!(said("lost.messages == 0", &[0.0, 1e-9]), Judgement::Fails);
        assert_eq!(said("lost.messages < 1%", &[0.0]), Judgement::Unsure, "one run says nothing");
        assert_eq!(said("lost.messages < 1%", &[0.0, 0.0]), Judgement::Holds);
    }
}
