//! Requests whose outcome is known only when they are done, because the pod may die before.
//!
//! When a request will be done is known when it arrives, so no event is needed for it; its outcome is recorded when
//! somebody needs to know it ([`super::Pod::take_done`]), or the process dies. Those that wait for too long fail before
//! they are done ([`super::Pod::given_up`]).

use crate::cluster::fifo::Fifo;
use crate::engine::{SimTime, Span};

/// Requests of a worker are recorded so many at a time: they are then at hand, and memory stays small.
const MANY: usize = 256;

/// The balancer gives up an HTTP request without an answer after this (`proxy_read_timeout` of nginx and ingress-nginx).
const READ_TIMEOUT: Span = Span::from_secs(60);

/// One event loop: when it is free again, and the requests it has taken on.
#[derive(Default)]
pub struct Worker {
    /// When all its work is done.
    pub free: SimTime,
    /// Requests without a recorded outcome, in order of completion.
    jobs: Fifo<Job>,
    /// How many of them, the first ones, the balancer knows to be done.
    answered: usize,
    /// How many were left when some were recorded last.
    left: usize,
}

/// An HTTP request at a pod.
#[derive(Clone, Copy)]
pub struct Job {
    /// When it is answered.
    pub done: SimTime,
    /// When it reached the balancer.
    pub arrived: SimTime,
    /// From when the client sent it to when it has the answer.
    pub latency: Span,
}

impl Job {
    /// Whether the balancer has given it up by `now`, if it has no answer by then.
    pub fn is_given_up(&self, now: SimTime) -> bool {
        timed_out(self.arrived, now)
    }
    /// Whether the balancer gives it up before it is answered.
    pub fn is_late(&self) -> bool {
        self.is_given_up(self.done)
    }
}

/// Whether the balancer had given up by `now` a request that arrived then.
pub fn timed_out(arrived: SimTime, now: SimTime) -> bool {
    now.since(arrived) > READ_TIMEOUT
}

impl Worker {
    /// Takes on a request that will be done after all others. True: many wait to be recorded by now. A backlog that
    /// grows is gone through the more rarely the longer it is.
    #[inline]
    pub fn push(&mut self, job: Job) -> bool {
        self.jobs.push(job);
        self.jobs.len() >= 2 * self.left + MANY
    }
    /// Counts how many more are done by `now` than the last time.
    pub fn count_answered(&mut self, now: SimTime) -> u32 {
        let more = self.jobs.as_slice()[self.answered..].partition_point(|job| job.done <= now);
        self.answered += more;
        more as u32
    }
    /// When the first is done that was not the last time.
    pub fn next_answer(&self) -> SimTime {
        self.jobs.as_slice().get(self.answered).map_or(SimTime::NEVER, |job| job.done)
    }
    /// When the last of its requests is answered; in the past if all are.
    pub fn last_answer(&self) -> SimTime {
        self.jobs.as_slice().last().map_or(SimTime::ZERO, |job| job.done)
    }
    /// How many the balancer has given up by `now`, of those that are there. `in_order`: they stand in order of arrival.
    pub fn given_up(&self, now: SimTime, in_order: bool) -> usize {
        let jobs = self.jobs.as_slice();
        if in_order {
            jobs.partition_point(|job| job.is_given_up(now))
        } else {
            jobs.iter().filter(|job| job.is_given_up(now)).count()
        }
    }
    /// Takes out those that were done the last time.
    pub fn take_answered(&mut self) -> impl Iterator<Item = Job> {
        self.take(self.answered)
    }
    /// Takes out all.
    pub fn take_all(&mut self) -> impl Iterator<Item = Job> {
        self.take(self.jobs.len())
    }
    fn take(&mut self, count: usize) -> impl Iterator<Item = Job> {
        self.jobs.forget_taken();
        let taken = self.jobs.take(count);
        (self.answered, self.left) = (0, self.jobs.len());
        self.jobs.taken(taken).iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_given_up_after_its_own_minute_whoever_overtook_it() {
        let at = |s| SimTime::ZERO + Span::from_secs(s);
        let queue = |arrived: [u64; 3]| {
            let mut worker = Worker::default();
            for (n, arrived) in (1..).zip(arrived) {
                worker.push(Job { done: at(1_000 * n), arrived: at(arrived), latency: Span::ZERO });
            }
            worker
        };
        let given_up = |worker: &Worker, in_order| [60, 61, 62, 66].map(|s| worker.given_up(at(s), in_order));
        assert_eq!(given_up(&queue([0, 1, 5]), true), [0, 1, 2, 3]);
        assert_eq!(given_up(&queue([5, 0, 1]), false), [0, 1, 2, 3]);
    }
}
