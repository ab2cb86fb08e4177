//! Whether everything that is expected holds at one value: replications are added until the answer is sure.

use super::super::jobs::{Options, StudyError, in_parallel};
use super::super::judge::outcome_at;
use super::super::replicate::{Candidate, Expected, estimate, run_once};
use super::{During, Question};
use crate::cluster::RunError;
use crate::cluster::spec::ClusterSpec;
use crate::metrics::{ExpectationOutcome, Judgement, Limiting, TooFew};
use crate::scenario::Expectation;

/// After so many replications it is looked at whether the answer is sure, each time as sure as all of them together must be
/// (Bonferroni): looking again and again would find something by chance.
const LOOKS: [u32; 4] = [5, 10, 20, 40];
/// Replications per value, at most, unless fewer are asked for.
pub const MOST_RUNS: u32 = 40;

/// One value.
#[derive(Clone, Debug)]
pub struct Point {
    /// The value.
    pub value: f64,
    /// Everything that is expected, each with the confidence that it was asked for.
    pub checks: Vec<ExpectationOutcome>,
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
        self.stopped.is_none() && self.checks.iter().all(|check| check.holds)
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
    let mut samples: Vec<Vec<Expected>> = Vec::new();
    let mut limits = Limiting::default();
    let mut point = Point { value, checks: Vec::new(), limiting: limits.first(), runs: 0, stopped: None };
    if question.during == During::PodLost && spec.pods.replicas < 2 {
        point.stopped = Some("without its only pod nobody is served".to_owned());
        return Ok(point);
    }
    for look in LOOKS {
        let runs = look.min(question.most_runs);
        let jobs: Vec<u32> = (samples.len() as u32..runs).collect();
        let one = |&replication: &u32| match run_once(spec, expectations, seed, replication) {
            Ok((record, run)) => Ok(Ok((run.expected(), record.limits))),
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

fn check(expectation: &Expectation, at: usize, samples: &[Vec<Expected>], question: &Question) -> ExpectationOutcome {
    let values: Vec<f64> = samples.iter().filter_map(|run| run[at].value).collect();
    let beyond = samples.iter().filter_map(|run| run[at].beyond).reduce(|a, b| a + b);
    let too_few = beyond.and_then(|beyond| TooFew::to_tell(expectation.figure, beyond, samples.len()));
    let confidence = expectation.confidence.unwrap_or(question.confidence);
    let asked = Expectation { confidence: Some(confidence), ..expectation.clone() };
    outcome_at(&asked, estimate(&values), too_few, Some(1.0 - (1.0 - confidence) / LOOKS.len() as f64))
}
