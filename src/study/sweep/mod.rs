//! A sweep: the same scenario at many points, each with other values in it.

mod draw;
mod measure;
mod points;
mod shard;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::jobs::{Options, Progress, StudyError, in_order};
use crate::cluster::RunError;
use crate::metrics::PointReport;
use crate::scenario::Scenario;

pub use draw::Range;
pub use points::Points;
pub use shard::Shard;

/// Runs points, and hands each to `done` from the thread that ran it; what is given out does not depend on the number of threads.
///
/// With as many points as threads or more, each point has one thread: then no thread waits for another one. `at` gives the scenario
/// of a point.
///
/// # Errors
/// The first that `at` or `done` gives, or a run. Points that other threads are at are still finished and handed out.
pub fn run_points<E: From<StudyError> + Send>(
    points: &[usize],
    options: &Options,
    at: impl Fn(usize) -> Result<Scenario, E> + Sync,
    done: impl Fn(PointReport) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let threads = options.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let (outer, inner) = if points.len() >= threads { (threads, 1) } else { (1, threads) };
    let count = RunCount::new(points.len());
    let stop = AtomicBool::new(false);
    let one = |&point: &usize| -> Result<(), E> {
        let scenario = at(point)?;
        count.point_begins(&scenario, options.variants);
        let inner = Options { threads: Some(inner), progress: &|_| (options.progress)(count.run_ends()), ..*options };
        let report = match measure::measure(point, &scenario, &inner) {
            Ok(report) => report,
            // what is too much for the machine is a result, too
            Err(StudyError::Run { variant, replication, error: error @ RunError::TooManyEvents { .. } }) => {
                PointReport::stopped(point, format!("variant `{variant}`, replication {replication}: {error}"))
            }
            Err(error) => return Err(error.into()),
        };
        done(report)
    };
    let mut failed = None;
    let told = |point: &usize| {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let error = one(point).err();
        stop.fetch_or(error.is_some(), Ordering::Relaxed);
        Ok(error)
    };
    let outer = Options { threads: Some(outer), progress: &|_| Ok(()), ..*options };
    let take = |error| {
        failed = failed.take().or(error);
        ControlFlow::Continue(())
    };
    in_order(points.len(), &outer, |at| told(&points[at]), take)?;
    failed.map_or(Ok(()), Err)
}

/// How many runs are done, of how many as far as is known.
struct RunCount {
    points: usize,
    begun: AtomicUsize,
    /// Of the points that have begun.
    runs: AtomicUsize,
    done: AtomicUsize,
}

impl RunCount {
    fn new(points: usize) -> RunCount {
        RunCount { points, begun: AtomicUsize::new(0), runs: AtomicUsize::new(0), done: AtomicUsize::new(0) }
    }
    fn point_begins(&self, scenario: &Scenario, variants: bool) {
        let variants = if variants { scenario.variants.len().max(1) } else { 1 };
        self.runs.fetch_add(variants * scenario.replications.least() as usize, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }
    /// Points that have not begun are taken to be like those that have.
    fn run_ends(&self) -> Progress {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let (begun, runs) = (self.begun.load(Ordering::Relaxed).max(1), self.runs.load(Ordering::Relaxed));
        Progress { done, total: (runs * self.points / begun).max(done) }
    }
}
