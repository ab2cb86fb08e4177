//! Runs a study again and again, each time with one of its assumptions changed.

use super::jobs::{Options, StudyError, in_parallel};
use super::judge::judgement;
use super::replicate::{Candidate, estimate, number_of_figures, run_once};
use crate::cluster::RunError;
use crate::cluster::spec::ClusterSpec;
use crate::metrics::{Judgement, Outcome, Sample, Sensitivity, Varied};
use crate::scenario::{Scenario, Trial};

/// Runs per variant and value unless more or fewer are asked for: pairs with the same random numbers need few.
pub const SENSITIVITY_RUNS: u32 = 5;

/// What one run left behind; or why it stopped.
type Run = Result<Vec<Option<f64>>, String>;

/// One cluster of which all runs are wanted.
struct Job<'s> {
    candidate: usize,
    spec: &'s ClusterSpec,
    /// Position of the variation and whether it is the higher value; `None` = as assumed.
    of: Option<(usize, bool)>,
}

/// Lowers and raises every assumption in turn; `runs` runs of each variant, with the seeds of the study's first ones.
///
/// # Errors
/// When a run of the scenario as it stands fails, the books of any run do not balance, or the caller aborts.
pub fn sensitivity(scenario: &Scenario, runs: u32, options: &Options) -> Result<Sensitivity, StudyError> {
    let candidates = Candidate::all(scenario, options.variants);
    let variations = scenario.variations(options.variants);
    let mut jobs: Vec<Job> = Vec::new();
    jobs.extend(candidates.iter().enumerate().map(|(candidate, of)| Job { candidate, spec: of.spec, of: None }));
    for (at, variation) in variations.iter().enumerate() {
        for (is_higher, trial) in [(false, &variation.lower), (true, &variation.higher)] {
            let specs = trial.iter().flat_map(|changed| changed.specs.iter().enumerate());
            let changed = specs.filter_map(|(candidate, spec)| Some((candidate, spec.as_ref()?)));
            jobs.extend(changed.map(|(candidate, spec)| Job { candidate, spec, of: Some((at, is_higher)) }));
        }
    }
    let each: Vec<(usize, u32)> = (0..jobs.len()).flat_map(|job| (0..runs).map(move |run| (job, run))).collect();
    let one = |&(job, replication): &(usize, u32)| -> Result<Run, StudyError> {
        let Job { candidate, spec, of } = jobs[job];
        let candidate = &candidates[candidate];
        match run_once(spec, candidate.expectations, scenario.seed, replication) {
            Ok((_, figures)) => Ok(Ok(figures.values())),
            // what is too large with another value is no fault of the scenario
            Err(error @ RunError::TooManyEvents { .. }) if of.is_some() => Ok(Err(error.to_string())),
            Err(error) => Err(StudyError::Run { variant: candidate.name.to_owned(), replication, error }),
        }
    };
    let mut outcomes = in_parallel(&each, options, one)?.into_iter();
    let mut sampled = jobs.iter().map(|job| sample(outcomes.by_ref().take(runs as usize), &candidates[job.candidate]));
    // in the order in which the jobs were listed
    let assumed = candidates.iter().map(|_| sampled.next().expect("a job for each"));
    let assumed = assumed.collect::<Result<Vec<Sample>, String>>().expect("a run as assumed that fails ends the study");
    let mut outcome = |trial: Trial| -> Result<Outcome, String> {
        let changed = trial?;
        let samples: Vec<Result<Sample, String>> = changed
            .specs
            .iter()
            .zip(&assumed)
            .map(|(spec, assumed)| match spec {
                Some(_) => sampled.next().expect("a job for each"),
                None => Ok(assumed.clone()),
            })
            .collect();
        Ok(Outcome { value: changed.value, samples: samples.into_iter().collect::<Result<_, _>>()? })
    };
    let mut assumptions = Vec::with_capacity(variations.len());
    for variation in variations.iter().cloned() {
        let (lower, higher) = (outcome(variation.lower), outcome(variation.higher));
        assumptions.push(Varied { assumption: variation.assumption, places: variation.places, lower, higher });
    }
    drop(sampled);
    Ok(Sensitivity { replications: runs, assumed, assumptions })
}

fn sample(runs: impl Iterator<Item = Run>, candidate: &Candidate) -> Result<Sample, String> {
    let mut sample = Sample { figures: Vec::new(), holds: Vec::new() };
    for run in runs.collect::<Vec<Run>>() {
        sample.figures.push(run?);
    }
    let expectations = candidate.expectations.iter().enumerate();
    let holds = expectations.map(|(position, expectation)| {
        let at = number_of_figures() + position;
        let values: Vec<f64> = sample.figures.iter().filter_map(|run| run[at]).collect();
        judgement(expectation, estimate(&values).as_ref(), expectation.confidence) == Judgement::Holds
    });
    sample.holds = holds.collect();
    Ok(sample)
}
