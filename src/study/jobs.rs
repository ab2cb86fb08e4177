//! Work on all threads, of which the results come back in the order of the jobs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::cluster::RunError;

/// What to run, and how.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// True: every variant of the scenario. False: the scenario as it stands.
    pub variants: bool,
    /// Threads; `None` = one per core. One is the caller's own.
    pub threads: Option<usize>,
    /// Called after each run, from any thread; [`Aborted`] stops the study.
    pub progress: &'a (dyn Fn(Progress) -> Result<(), Aborted> + Sync),
}

/// How far a study is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Runs done.
    pub done: usize,
    /// Runs in all, as far as is known.
    pub total: usize,
}

/// The caller wants no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted;

/// Why there is no study.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A run failed.
    #[error("variant `{variant}`, replication {replication}: {error}")]
    Run {
        /// Which variant.
        variant: String,
        /// Which replication, from 0.
        replication: u32,
        /// Why.
        error: RunError,
    },
    /// The threads could not be started.
    #[error("cannot start the worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The caller stopped it.
    #[error("stopped")]
    Aborted,
}

/// What is done but not yet taken, because something before it is still being done.
struct Line<T, F> {
    next: usize,
    waiting: BTreeMap<usize, T>,
    take: F,
    /// The first job that failed, by position.
    failed: Option<(usize, StudyError)>,
}

/// Does the jobs on all threads, in turn, and gives what comes of them to `take`, in the order of the jobs whatever the number of
/// threads. Only what overtook a slower job is kept meanwhile. Of several jobs that fail, the first one's error counts.
///
/// # Errors
/// When a job fails, the threads cannot be started, or the caller aborts; what comes before the failed job is taken.
pub fn in_order<J: Sync, T: Send>(
    jobs: &[J],
    options: &Options,
    one: impl Fn(&J) -> Result<T, StudyError> + Sync,
    take: impl FnMut(T) + Send,
) -> Result<(), StudyError> {
    let total = jobs.len();
    let (begun, done, stop) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let line = Mutex::new(Line { next: 0, waiting: BTreeMap::new(), take, failed: None });
    let told = |job: &J| -> Result<T, StudyError> {
        let result = one(job)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        (options.progress)(Progress { done, total }).map_err(|Aborted| StudyError::Aborted)?;
        Ok(result)
    };
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let at = begun.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { break };
            let result = told(job);
            let mut line = line.lock().expect("nobody panics while results are taken");
            match result {
                Ok(result) => line.arrive(at, result),
                Err(error) => {
                    // every job before a begun one was begun, so the first to fail is found whoever is faster
                    stop.store(true, Ordering::Relaxed);
                    if line.failed.as_ref().is_none_or(|&(first, _)| at < first) {
                        line.failed = Some((at, error));
                    }
                }
            }
        }
    };
    if options.threads == Some(1) {
        worker();
    } else {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.unwrap_or(0)).build()?;
        pool.broadcast(|_| worker());
    }
    let line = line.into_inner().expect("nobody panics while results are taken");
    line.failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// As [`in_order`], with everything that comes of the jobs in their order.
///
/// # Errors
/// As [`in_order`].
pub fn in_parallel<J: Sync, T: Send>(
    jobs: &[J],
    options: &Options,
    one: impl Fn(&J) -> Result<T, StudyError> + Sync,
) -> Result<Vec<T>, StudyError> {
    let mut results = Vec::with_capacity(jobs.len());
    in_order(jobs, options, one, |result| results.push(result))?;
    Ok(results)
}

impl<T, F: FnMut(T)> Line<T, F> {
    fn arrive(&mut self, at: usize, result: T) {
        self.waiting.insert(at, result);
        while let Some(result) = self.waiting.remove(&self.next) {
            (self.take)(result);
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{SimTime, Span};

    fn options(threads: usize) -> Options<'static> {
        Options { variants: true, threads: Some(threads), progress: &|_| Ok(()) }
    }

    #[test]
    fn results_are_taken_in_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..200).collect();
        let uneven = |&job: &u64| {
            (0..(job % 7) * 1000).for_each(|x| assert!(std::hint::black_box(x) == x));
            Ok(job)
        };
        for threads in [1, 2, 8] {
            assert_eq!(in_parallel(&jobs, &options(threads), uneven).expect("nothing fails"), jobs);
        }
    }

    #[test]
    fn the_first_failure_counts_and_what_comes_before_it_is_taken() {
        let jobs: Vec<u32> = (0..100).collect();
        let one = |&job: &u32| match job {
            17 | 18 | 60 => Err(StudyError::Run {
                variant: "a".to_owned(),
                replication: job,
                error: RunError::TooManyEvents { events: 1, at: SimTime::ZERO, duration: Span::from_nanos(1) },
            }),
            job => Ok(job),
        };
        for threads in [1, 2, 8] {
            let mut taken = Vec::new();
            let error = in_order(&jobs, &options(threads), one, |job| taken.push(job)).expect_err("some fail");
            assert!(matches!(error, StudyError::Run { replication: 17, .. }), "{error}");
            assert_eq!(taken, (0..17).collect::<Vec<_>>());
        }
    }
}
