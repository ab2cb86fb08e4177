//! Whether an expectation holds, in words, and by how much.

use super::number::Scale;
use super::precision;
use crate::metrics::{Estimate, ExpectationOutcome, FigureId, Judgement};

/// `holds: measured 80.1 ± 2.0 ms, 19.9 ms below the limit`.
pub fn words(outcome: &ExpectationOutcome) -> String {
    let word = match (outcome.judgement, outcome.holds) {
        (Judgement::Unsure, _) => "not sure",
        (_, true) => "holds",
        (_, false) => "fails",
    };
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
    match (outcome.comparison.as_str(), outcome.confidence) {
        ("==", _) => format!("{word}: measured {value}"),
        (_, None) => format!("{word}: measured {value}{}{}", margin(measured, outcome.bound, &scale), doubt(outcome)),
        (_, Some(confidence)) => {
            let sure = match outcome.judgement {
                Judgement::Unsure if measured.replications < 2 => ", and only one run has it".to_owned(),
                Judgement::Unsure => format!(
                    ", which {} runs do not tell with {}; more replications would",
                    measured.replications,
                    per_cent(confidence)
                ),
                _ => format!(", with {}{}", per_cent(confidence), never_varied(measured, confidence)),
            };
            format!("{word}: measured {value}{}{sure}", margin(measured, outcome.bound, &scale))
        }
    }
}

/// A figure that was the same in all runs may be another one in runs that were not made: how rare these are, at most, so surely.
fn never_varied(measured: &Estimate, confidence: f64) -> String {
    if measured.half_width != Some(0.0) {
        return String::new();
    }
    let n = measured.replications;
    let share = 1.0 - libm::pow(1.0 - confidence, 1.0 / f64::from(n));
    format!(
        " (the same in each of {n} runs: what happens in fewer than {} of runs may be missing)",
        whole_percent(share)
    )
}

/// A share rounded up to a whole number of per cent.
fn whole_percent(share: f64) -> String {
    format!("{} %", libm::ceil(share * 100.0))
}

/// A confidence as it is written.
pub(super) fn per_cent(confidence: f64) -> String {
    format!("{} %", libm::round(confidence * 1e4) / 1e2)
}

/// How far the mean is from the limit.
fn margin(measured: &Estimate, limit: f64, scale: &Scale) -> String {
    if measured.mean == limit {
        return ", exactly the limit".to_owned();
    }
    format!(", {} the limit", distance(measured, limit, scale))
}

/// Whether the interval does not allow to rely on it.
fn doubt(outcome: &ExpectationOutcome) -> &'static str {
    let crosses = |measured: &Estimate| {
        let far = (measured.mean - outcome.bound).abs();
        far > 0.0 && measured.half_width.is_some_and(|half| half >= far)
    };
    if outcome.measured.as_ref().is_some_and(crosses) { "; its interval contains the limit" } else { "" }
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

    fn outcome(figure: &str, comparison: &str, bound: f64, mean: f64, half: f64, holds: bool) -> ExpectationOutcome {
        ExpectationOutcome {
            text: String::new(),
            figure: figure.to_owned(),
            comparison: comparison.to_owned(),
            bound,
            during_s: None,
            confidence: None,
            holds,
            judgement: if holds { Judgement::Holds } else { Judgement::Fails },
            measured: Some(Estimate { mean, half_width: Some(half), min: mean, max: mean, replications: 20 }),
            too_few: None,
        }
    }

    #[test]
    fn an_expectation_says_by_how_much() {
        assert_eq!(
            words(&outcome("event.latency.p99", "<", 100.0, 166.6, 1.5, false)),
            "fails: measured 166.6 ± 1.5 ms, 66.6 ms above the limit"
        );
        assert_eq!(
            words(&outcome("requests.failed", "<=", 0.05, 0.048, 0.004, true)),
            "holds: measured 4.80 ± 0.40 %, 0.200 percentage points below the limit; its interval contains the limit"
        );
        assert_eq!(words(&outcome("lost.messages", "==", 0.0, 0.0, 0.0, true)), "holds: measured 0 ± 0 %");
    }

    #[test]
    fn what_is_not_sure_says_so() {
        let unsure = outcome("event.latency.p99", "<", 105.0, 101.0, 9.0, false);
        let unsure = ExpectationOutcome { confidence: Some(0.95), judgement: Judgement::Unsure, ..unsure };
        assert_eq!(
            words(&unsure),
            "not sure: measured 101.0 ± 9.0 ms, 4.00 ms below the limit, which 20 runs do not tell with 95 %; more \
             replications would"
        );
        let fails = ExpectationOutcome { judgement: Judgement::Fails, bound: 80.0, ..unsure.clone() };
        assert_eq!(words(&fails), "fails: measured 101.0 ± 9.0 ms, 21.0 ms above the limit, with 95 %");
        let nothing = ExpectationOutcome { measured: None, ..unsure };
        assert_eq!(words(&nothing), "not sure: nothing of it was measured");
    }
}
