//! Work on all threads, of which the results come back in the order of the jobs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
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
    /// No more results are wanted.
    is_over: bool,
    /// The first job that failed, by position.
    failed: Option<(usize, StudyError)>,
}

/// Does so many jobs on all threads, in turn, and gives what comes of them to `take`, in the order of the jobs whatever the number
/// of threads, until `take` wants no more: what was begun meanwhile is thrown away, failed or not. Only what overtook a slower job is
/// kept meanwhile. Of several jobs that fail, the first one's error counts.
///
/// # Errors
/// When a job fails, the threads cannot be started, or the caller aborts; what comes before the failed job is taken.
pub fn in_order<T: Send>(
    jobs: usize,
    options: &Options,
    one: impl Fn(usize) -> Result<T, StudyError> + Sync,
    take: impl FnMut(T) -> ControlFlow<()> + Send,
) -> Result<(), StudyError> {
    let (begun, done, stop) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let line = Mutex::new(Line { next: 0, waiting: BTreeMap::new(), take, is_over: false, failed: None });
    let told = |job: usize| -> Result<T, StudyError> {
        let result = one(job)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        (options.progress)(Progress { done, total: jobs }).map_err(|Aborted| StudyError::Aborted)?;
        Ok(result)
    };
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let at = begun.fetch_add(1, Ordering::Relaxed);
            if at >= jobs {
                break;
            }
            let result = told(at);
            let mut line = line.lock().expect("nobody panics while results are taken");
            match result {
                Ok(result) => line.arrive(at, result),
                // every job before a begun one was begun, so the first to fail is found whoever is faster
                Err(error) if line.failed.as_ref().is_none_or(|&(first, _)| at < first) => {
                    line.failed = Some((at, error));
                }
                Err(_) => {}
            }
            stop.fetch_or(line.is_over || line.failed.is_some(), Ordering::Relaxed);
        }
    };
    if options.threads == Some(1) {
        worker();
    } else {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.unwrap_or(0)).build()?;
        pool.broadcast(|_| worker());
    }
    let line = line.into_inner().expect("nobody panics while results are taken");
    match line.failed {
        // whatever failed comes after the last that was wanted
        Some((_, error)) if !line.is_over => Err(error),
        _ => Ok(()),
    }
}

/// Does all of these jobs as [`in_order`] does; gives everything that comes of them in their order.
///
/// # Errors
/// As [`in_order`].
pub fn in_parallel<J: Sync, T: Send>(
    jobs: &[J],
    options: &Options,
    one: impl Fn(&J) -> Result<T, StudyError> + Sync,
) -> Result<Vec<T>, StudyError> {
    let mut results = Vec::with_capacity(jobs.len());
    let take = |result| {
        results.push(result);
        ControlFlow::Continue(())
    };
    in_order(jobs.len(), options, |job| one(&jobs[job]), take)?;
    Ok(results)
}

impl<T, F: FnMut(T) -> ControlFlow<()>> Line<T, F> {
    fn arrive(&mut self, at: usize, result: T) {
        self.waiting.insert(at, result);
        while !self.is_over
            && let Some(result) = self.waiting.remove(&self.next)
        {
            self.is_over = (self.take)(result).is_break();
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
        for threads in [1, 2, 8] {
            let mut taken = Vec::new();
            let take = |job| {
                taken.push(job);
                ControlFlow::Continue(())
            };
            let error = in_order(100, &options(threads), some_fail, take).expect_err("some fail");
            assert!(matches!(error, StudyError::Run { replication: 17, .. }), "{error}");
            assert_eq!(taken, (0..17).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_comes_after_the_last_that_was_wanted_counts_for_nothing() {
        for threads in [1, 2, 8] {
            let mut taken = Vec::new();
            let take = |job| {
                taken.push(job);
                if job == 16 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            in_order(100, &options(threads), some_fail, take).expect("17 and all after it were not wanted");
            assert_eq!(taken, (0..=16).collect::<Vec<_>>());
        }
    }

    fn some_fail(job: usize) -> Result<usize, StudyError> {
        match job {
            17 | 18 | 60 => Err(StudyError::Run {
                variant: "a".to_owned(),
                replication: job as u32,
                error: RunError::TooManyEvents { events: 1, at: SimTime::ZERO, duration: Span::from_nanos(1) },
            }),
            job => Ok(job),
        }
    }
}
