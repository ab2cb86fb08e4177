//! Whether everything that is expected holds at one value: replications are added until the answer is sure.

use super::super::jobs::{Options, StudyError, in_parallel};
use super::super::replicate::{Candidate, estimate, figures_of, number_of_figures, standard_error};
use super::super::student_t;
use super::{During, Question};
use crate::cluster::spec::ClusterSpec;
use crate::cluster::{RunError, simulate};
use crate::engine::Seed;
use crate::metrics::{Comparison, Estimate, Limiting, TooFew};
use crate::scenario::Expectation;

/// After so many replications it is looked at whether the answer is sure, each time as sure as all of them together must be
/// (Bonferroni): looking again and again would find something by chance.
const LOOKS: [u32; 4] = [5, 10, 20, 40];
/// Replications per value, at most, unless fewer are asked for.
pub const MOST_RUNS: u32 = 40;

/// What was found out of something that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// As many replications as may be did not tell.
    Unsure,
}

/// Something that is expected, at one value.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is expected.
    pub expectation: Expectation,
    /// What was measured, with its two-sided 95 % interval; `None` = nothing, or too little.
    pub measured: Option<Estimate>,
    /// Where it is a percentile that nothing can be said of.
    pub too_few: Option<TooFew>,
    /// What follows.
    pub judgement: Judgement,
}

/// One value.
#[derive(Clone, Debug)]
pub struct Point {
    /// The value.
    pub value: f64,
    /// Everything that is expected.
    pub checks: Vec<Check>,
    /// What came closest to its limit, and its share of that.
    pub limiting: (&'static str, f64),
    /// Replications.
    pub runs: u32,
    /// Why runs stopped early, if they did: then nothing holds.
    pub stopped: Option<String>,
}

impl Point {
    /// Whether everything that is expected holds, surely.
    pub fn holds(&self) -> bool {
        self.stopped.is_none() && self.checks.iter().all(|check| check.judgement == Judgement::Holds)
    }
}

/// Tries a value.
pub(super) fn try_point(
    value: f64,
    spec: &ClusterSpec,
    candidate: &Candidate,
    seed: u64,
    question: &Question,
    options: &Options,
) -> Result<Point, StudyError> {
    let expectations = candidate.expectations;
    let mut samples: Vec<Run> = Vec::new();
    let mut limits = Limiting::default();
    let mut point = Point { value, checks: Vec::new(), limiting: limits.first(), runs: 0, stopped: None };
    if question.during == During::PodLost && spec.pods.replicas < 2 {
        point.stopped = Some("without its only pod nobody is served".to_owned());
        return Ok(point);
    }
    for look in LOOKS {
        let runs = look.min(question.most_runs);
        let jobs: Vec<u32> = (samples.len() as u32..runs).collect();
        let one = |&replication: &u32| match simulate(spec, Seed(seed).replication(replication)) {
            Ok(record) => {
                let beyond = expectations.iter().map(|e| e.figure.samples_beyond(&record.latencies)).collect();
                let values = figures_of(&record, expectations)[number_of_figures()..].to_vec();
                Ok(Ok((Run { values, beyond }, record.limits)))
            }
            // what is too much for the machine is too much for the cluster
            Err(error @ RunError::TooManyEvents { .. }) => Ok(Err(error.to_string())),
            Err(error) => Err(StudyError::Run { variant: candidate.name.to_owned(), replication, error }),
        };
        for run in in_parallel(&jobs, options, one)? {
            match run {
                Ok((run, measured)) => {
                    samples.push(run);
                    limits.raise(&measured);
                }
                Err(why) => point.stopped = Some(why),
            }
        }
        point.runs = samples.len() as u32;
        point.limiting = limits.first();
        point.checks = expectations.iter().enumerate().map(|(at, e)| check(e, at, &samples, question)).collect();
        let is_sure = point.checks.iter().any(|check| check.judgement == Judgement::Fails) || point.holds();
        if is_sure || point.stopped.is_some() || runs >= question.most_runs {
            break;
        }
    }
    Ok(point)
}

/// What a replication says of each expectation.
struct Run {
    values: Vec<Option<f64>>,
    /// Samples beyond it, where it is about a percentile.
    beyond: Vec<Option<u64>>,
}

fn check(expectation: &Expectation, at: usize, samples: &[Run], question: &Question) -> Check {
    let values: Vec<f64> = samples.iter().filter_map(|run| run.values[at]).collect();
    let beyond = samples.iter().filter_map(|run| run.beyond[at]).reduce(|a, b| a + b);
    let too_few = beyond.and_then(|beyond| TooFew::to_tell(expectation.figure, beyond, samples.len()));
    let measured = estimate(&values).filter(|_| too_few.is_none());
    let judgement = measured.as_ref().map_or(Judgement::Unsure, |measured| {
        judge(expectation, measured, &values, 1.0 - (1.0 - question.confidence) / LOOKS.len() as f64)
    });
    Check { expectation: expectation.clone(), measured, too_few, judgement }
}

/// Whether a mean is on the right side of its bound, or on the wrong one, so surely; one-sided.
fn judge(expectation: &Expectation, measured: &Estimate, values: &[f64], confidence: f64) -> Judgement {
    if expectation.comparison == Comparison::Equal {
        let all = values.iter().all(|&value| expectation.holds(value));
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

    #[test]
    fn a_mean_is_judged_by_its_interval() {
        let said = |text: &str, values: &[f64]| {
            let expectation = Expectation::parse(text).expect("an expectation");
            judge(&expectation, &estimate(values).expect("values"), values, 0.9875)
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
