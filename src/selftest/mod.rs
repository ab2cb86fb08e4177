//! The program against theory: clusters small enough for closed forms, run by the binary at hand.
//!
//! An [`Oracle`] is a value that theory gives and an experiment that measures it. Evidence is the independent replication: each
//! has a seed of its own, and so has each row, so that the z scores of a table are independent and their spread can be tested.
//! A test may change what is run ([`Oracle::with_spec`]) and see that a row turns red; theory stays.

pub mod bare;
mod formula;
mod gate;
mod pods;
mod population;
mod queues;
mod samplers;
mod skew;
pub mod text;

use serde::Serialize;

use crate::cluster::simulate;
use crate::cluster::spec::ClusterSpec;
use crate::engine::Seed;
use crate::metrics::{Estimate, Record};
use crate::study::{Options, StudyError, estimate, in_parallel, standard_error, student_p, student_t};

pub use gate::{ALPHA, POWER};

/// The seed of `stickysim selftest` unless another one is asked for.
pub const SEED: u64 = 1;

/// What one replication gives; `None` when it measured nothing.
type Measure = Box<dyn Fn(&Record) -> Option<f64> + Send + Sync>;
type Draw = Box<dyn Fn(Seed) -> f64 + Send + Sync>;

/// How a value is measured.
enum Experiment {
    /// By a run of a cluster.
    Cluster(Box<ClusterSpec>, Measure),
    /// By draws of random numbers alone.
    Draws(Draw),
}

/// A value that theory gives, and how to measure it.
pub struct Oracle {
    /// Unique name, such as `mm1-wait-0.8`.
    pub id: &'static str,
    /// In words, with its unit.
    pub what: &'static str,
    /// The formula, and who found it.
    pub source: &'static str,
    /// What theory says.
    pub theory: f64,
    /// Independent runs.
    pub replications: u32,
    experiment: Experiment,
}

impl Oracle {
    /// What a cluster is measured to do.
    fn cluster(
        (id, what, source): (&'static str, &'static str, &'static str),
        theory: f64,
        replications: u32,
        spec: ClusterSpec,
        measure: impl Fn(&Record) -> Option<f64> + Send + Sync + 'static,
    ) -> Oracle {
        let experiment = Experiment::Cluster(Box::new(spec), Box::new(measure));
        Oracle { id, what, source, theory, replications, experiment }
    }

    /// The same with another cluster: a mutant, which theory must reject. Oracles of draws have none and stay.
    #[must_use]
    pub fn with_spec(mut self, change: impl FnOnce(&mut ClusterSpec)) -> Oracle {
        if let Experiment::Cluster(spec, _) = &mut self.experiment {
            change(spec);
        }
        self
    }

    fn measure(&self, seed: Seed, replication: u32) -> Result<Option<f64>, StudyError> {
        // rows have seeds of their own: what one of them draws says nothing about another
        let row = u64::from(crc32fast::hash(self.id.as_bytes()));
        let seed = Seed(seed.stream(ROW, row, 0).bits()).replication(replication);
        match &self.experiment {
            Experiment::Draws(draw) => Ok(Some(draw(seed))),
            Experiment::Cluster(spec, measure) => match simulate(spec, seed) {
                Ok(record) => Ok(measure(&record)),
                Err(error) => Err(StudyError::Run { variant: self.id.to_owned(), replication, error }),
            },
        }
    }
}

/// What the seeds of rows are drawn for.
const ROW: u64 = u64::MAX;

/// All oracles, in the order of the table.
pub fn oracles() -> Vec<Oracle> {
    [samplers::oracles(), queues::oracles(), population::oracles(), skew::oracles(), pods::oracles()]
        .into_iter()
        .flatten()
        .collect()
}

/// One row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// See [`Oracle::id`].
    pub id: &'static str,
    /// See [`Oracle::what`].
    pub what: &'static str,
    /// See [`Oracle::source`].
    pub source: &'static str,
    /// See [`Oracle::theory`].
    pub theory: f64,
    /// Mean over the replications with its 95 % interval; `None` when none measured anything.
    pub measured: Option<Estimate>,
    /// Standard normal score with the probability that Student's t has.
    pub z: f64,
    /// Two-sided probability of a deviation like this or larger.
    pub p: f64,
    /// The relative bias that would have turned this row red with probability [`POWER`].
    pub excludes: f64,
    /// Whether it agrees with theory, by Holm's procedure over all rows.
    pub agrees: bool,
}

/// The whole table.
#[derive(Clone, Debug, Serialize)]
pub struct Selftest {
    /// The version of the program.
    pub version: &'static str,
    /// The seed.
    pub seed: u64,
    /// The family-wise level of the rows, and that of their spread.
    pub alpha: f64,
    /// The probability with which a bias as large as `excludes` would have been seen.
    pub power: f64,
    /// Oracle by oracle.
    pub rows: Vec<Row>,
    /// Σz² over all rows: χ² with as many degrees of freedom as rows.
    pub sum_of_squares: f64,
    /// Its two-sided probability.
    pub spread_p: f64,
    /// Whether every row agrees, and their spread does.
    pub passed: bool,
}

/// Measures these oracles. `family`: how many rows share the level α, at least as many as there are.
///
/// # Errors
/// When a run fails or the caller aborts.
pub fn run(oracles: &[Oracle], family: usize, seed: u64, options: &Options) -> Result<Selftest, StudyError> {
    let each = |row: usize| (0..oracles[row].replications).map(move |replication| (row, replication));
    let jobs: Vec<(usize, u32)> = (0..oracles.len()).flat_map(each).collect();
    let measured = in_parallel(&jobs, options, |&(row, replication)| oracles[row].measure(Seed(seed), replication))?;
    let mut measured = measured.into_iter();
    let values = |oracle: &Oracle| measured.by_ref().take(oracle.replications as usize).collect::<Vec<Option<f64>>>();
    let values: Vec<Vec<Option<f64>>> = oracles.iter().map(values).collect();
    let family = family.max(oracles.len());
    let mut rows: Vec<Row> = oracles.iter().zip(&values).map(|(oracle, values)| row(oracle, values, family)).collect();
    let probabilities: Vec<f64> = rows.iter().map(|row| row.p).collect();
    for (row, rejected) in rows.iter_mut().zip(gate::holm(&probabilities, family)) {
        row.agrees = !rejected;
    }
    let sum_of_squares = rows.iter().map(|row| row.z * row.z).sum();
    let spread_p = gate::spread_probability(sum_of_squares, rows.len() as u32);
    let passed = rows.iter().all(|row| row.agrees) && spread_p >= ALPHA;
    let version = env!("CARGO_PKG_VERSION");
    Ok(Selftest { version, seed, alpha: ALPHA, power: POWER, rows, sum_of_squares, spread_p, passed })
}

/// One row, before it is known whether it agrees.
fn row(oracle: &Oracle, values: &[Option<f64>], family: usize) -> Row {
    // a replication that measured nothing is no agreement with anything: it must not be left out
    let all: Option<Vec<f64>> = values.iter().copied().collect();
    let measured = all.as_deref().and_then(estimate);
    let Oracle { id, what, source, theory, .. } = *oracle;
    let failed = Row { id, what, source, theory, measured, z: gate::MOST_Z, p: 0.0, excludes: 0.0, agrees: false };
    let Some((estimate, error)) = measured.and_then(|measured| Some((measured, standard_error(&measured)?))) else {
        return failed;
    };
    let df = estimate.replications - 1;
    let off = estimate.mean - theory;
    if error <= theory.abs() * 1e-12 {
        // nothing in it is random
        return if off.abs() <= theory.abs() * 1e-9 { Row { z: 0.0, p: 1.0, ..failed } } else { failed };
    }
    let p = student_p(off / error, df);
    let z = gate::normal_score(p).copysign(off);
    // the bias that is beyond the gate but for a bad tenth: t at α/K plus the one-sided point of the power
    let gate = student_t(1.0 - ALPHA / family as f64, df);
    let reach = gate + student_t(2.0 * POWER - 1.0, df);
    Row { z, p, excludes: reach * error / theory.abs(), ..failed }
}
