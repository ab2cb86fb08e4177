//! Whether what is expected holds.

use super::replicate::standard_error;
use super::student_t;
use crate::metrics::{Comparison, Estimate, ExpectationOutcome, Judgement, TooFew};
use crate::scenario::Expectation;

/// What is said of an expectation for what was measured, unless too few samples lie beyond the percentile that it is about.
pub(super) fn outcome(
    expectation: &Expectation,
    measured: Option<Estimate>,
    too_few: Option<TooFew>,
) -> ExpectationOutcome {
    outcome_at(expectation, measured, too_few, expectation.confidence)
}

/// The same, judged with another confidence than it states.
pub(super) fn outcome_at(
    expectation: &Expectation,
    measured: Option<Estimate>,
    too_few: Option<TooFew>,
    confidence: Option<f64>,
) -> ExpectationOutcome {
    let measured = measured.filter(|_| too_few.is_none());
    let judgement = judgement(expectation, measured.as_ref(), confidence);
    ExpectationOutcome {
        text: expectation.text.clone(),
        figure: expectation.figure.to_string(),
        comparison: expectation.comparison.to_string(),
        bound: expectation.bound,
        during_s: expectation.during.map(|window| (window.from.as_secs_f64(), window.to.as_secs_f64())),
        confidence: expectation.confidence,
        holds: judgement == Judgement::Holds,
        judgement,
        measured,
        too_few,
    }
}

/// Whether it holds for the replications that had the figure: for their mean, or, where a confidence is asked for, for all that their
/// mean may be.
pub(super) fn judgement(expectation: &Expectation, measured: Option<&Estimate>, confidence: Option<f64>) -> Judgement {
    match (confidence, measured) {
        (Some(confidence), _) => judge(expectation, measured, confidence),
        (None, Some(measured)) if expectation.holds(measured.mean) => Judgement::Holds,
        (None, _) => Judgement::Fails,
    }
}

/// Whether a mean is on the right side of its bound, or on the wrong one, so surely; one-sided.
pub(super) fn judge(expectation: &Expectation, measured: Option<&Estimate>, confidence: f64) -> Judgement {
    let Some(measured) = measured else { return Judgement::Unsure };
    if expectation.comparison == Comparison::Equal {
        // in every replication
        let all = expectation.holds(measured.min) && expectation.holds(measured.max);
        return if all { Judgement::Holds } else { Judgement::Fails };
    }
    let half = standard_error(measured)
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
    use crate::study::estimate;

    #[test]
    fn a_mean_is_judged_by_its_interval() {
        let said = |text: &str, values: &[f64]| {
            let expectation = Expectation::parse(text).expect("an expectation");
            judge(&expectation, estimate(values).as_ref(), 0.9875)
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
