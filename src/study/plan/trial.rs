//! Whether everything that is expected holds at one value: replications are added until the answer is sure.

use super::super::jobs::{Options, StudyError, in_parallel};
use super::super::judge::outcome_at;
use super::super::replicate::{Candidate, Expected, estimate, run_once};
use super::{During, Question};
use crate::cluster::RunError;
use crate::cluster::spec::ClusterSpec;
use crate::metrics::{self, Estimate, ExpectationOutcome, Judgement, LIMITS, Limit, Limiting, TooFew};
use crate::scenario::Expectation;

/// After so many replications it is looked at for the first time whether the answer is sure, and then after twice as many each time.
const FIRST_LOOK: u32 = 5;
/// Replications per value, at most, unless others are asked for.
pub const MOST_RUNS: u32 = 40;
/// After so many, percentiles beyond which there are too few samples stay so: from then on the number that is wanted grows as they do.
const TELLING: u32 = 20;

/// After how many replications it is looked at whether an answer is sure, if there are so many at most.
pub fn looks(most: u32) -> Vec<u32> {
    let mut looks: Vec<u32> =
        std::iter::successors(Some(FIRST_LOOK), |look| Some(look * 2)).take_while(|&look| look < most).collect();
    looks.push(most);
    looks
}

/// One value.
#[derive(Clone, Debug)]
pub struct Point {
    /// The value.
    pub value: f64,
    /// Everything that is expected, each with the confidence that it was asked for.
    pub checks: Vec<ExpectationOutcome>,
    /// What comes closest to its limit on average over the runs, and its share; `None` where nothing was run.
    pub closest: Option<(Limit, Estimate)>,
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
    let mut limits: Vec<Limiting> = Vec::new();
    let mut point = Point { value, checks: Vec::new(), closest: None, runs: 0, stopped: None };
    if question.during == During::PodLost && super::has_single_pod(candidate.spec) {
        point.stopped = Some("without its only pod nobody is served".to_owned());
        return Ok(point);
    }
    let looks = looks(question.most_runs);
    for &runs in &looks {
        let jobs: Vec<u32> = (samples.len() as u32..runs).collect();
        let one = |&replication: &u32| match run_once(spec, expectations, seed, replication) {
            Ok((record, run)) => Ok(Ok((run.expected().to_vec(), record.limits))),
            // what is too much for the machine is too much for the cluster
            Err(error @ RunError::TooManyEvents { .. }) => Ok(Err(error.to_string())),
            Err(error) => Err(StudyError::Run { variant: candidate.name.to_owned(), replication, error }),
        };
        for run in in_parallel(&jobs, options, one)? {
            match run {
                Ok((run, measured)) => {
                    samples.push(run);
                    limits.push(measured);
                }
                Err(why) => point.stopped = Some(why),
            }
        }
        point.runs = samples.len() as u32;
        point.closest = closest(&limits);
        point.checks =
            expectations.iter().enumerate().map(|(at, e)| check(e, at, &samples, question, looks.len())).collect();
        let is_sure = point.checks.iter().any(|check| check.judgement == Judgement::Fails) || point.holds();
        // what no run has is not in this scenario, and longer runs alone would tell what too few samples do not
        let is_hopeless = point.checks.iter().any(|check| match &check.too_few {
            Some(_) => runs >= TELLING,
            None => check.measured.is_none(),
        });
        if is_sure || is_hopeless || point.stopped.is_some() {
            break;
        }
    }
    Ok(point)
}

fn check(
    expectation: &Expectation,
    at: usize,
    samples: &[Vec<Expected>],
    question: &Question,
    looks: usize,
) -> ExpectationOutcome {
    let values: Vec<f64> = samples.iter().filter_map(|run| run[at].value).collect();
    let beyond = samples.iter().filter_map(|run| run[at].beyond).reduce(|a, b| a + b);
    let too_few = beyond.and_then(|beyond| TooFew::to_tell(expectation.figure, beyond, samples.len()));
    let confidence = expectation.confidence.unwrap_or(question.confidence);
    let asked = Expectation { confidence: Some(confidence), ..expectation.clone() };
    // each look as sure as all of them together must be (Bonferroni): looking again and again would find something by chance
    outcome_at(&asked, estimate(&values), too_few, Some(1.0 - (1.0 - confidence) / looks as f64))
}

/// What comes closest to its limit in these runs, on average.
fn closest(runs: &[Limiting]) -> Option<(Limit, Estimate)> {
    let shares: Vec<[Option<f64>; LIMITS.len()]> = runs.iter().map(Limiting::shares).collect();
    let each = LIMITS.into_iter().enumerate().filter_map(|(at, limit)| {
        let values: Vec<f64> = shares.iter().filter_map(|run| run[at]).collect();
        Some((limit, estimate(&values)?))
    });
    metrics::closest(each, |(_, share)| share.mean)
}
