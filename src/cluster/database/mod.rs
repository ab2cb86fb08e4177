//! A database and the pools of connections that processes keep to it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::PodId;
use super::spec::DatabaseSpec;
use crate::engine::{Column, Id, SimTime, Span};

/// Tag of pool ids.
pub enum PoolTag {}
/// The pool of one process, by its number; never used again.
pub type PoolId = Id<PoolTag>;

/// What becomes of a query that wants a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It has one.
    Granted,
    /// All of the pool are in use: it waits. True: nobody has set the clock that ends waits.
    Waits(bool),
    /// The database accepts no more connections.
    Refused,
}

/// The connections of one process. They are opened when they are needed and kept.
struct Pool {
    pod: PodId,
    process: u32,
    /// Open connections that nobody uses.
    idle: u32,
    in_use: u32,
    /// Who waits for one and since when, in order of arrival.
    waiting: VecDeque<(u32, SimTime)>,
    /// Whether a clock is set for the first that waits.
    clock: bool,
    /// Whether its process has ended in order: what is handed back is closed.
    closing: bool,
}

/// Time for which connections of a pod were in use.
#[derive(Clone, Copy, Default)]
struct Use {
    in_use: u32,
    since: SimTime,
    ns: u128,
}

/// The database.
pub struct Database {
    spec: DatabaseSpec,
    pools: Column<PoolTag, Pool>,
    /// The pool of the present process of each pod.
    current: Vec<Option<PoolId>>,
    used: Vec<Use>,
    open: u32,
    /// When each of those that execute queries is free, where their number is limited.
    free: BinaryHeap<Reverse<SimTime>>,
    /// Time of executions taken on, ever.
    work_ns: u128,
    /// Executions take so many times as long until then.
    slow: (f64, SimTime),
}

impl Database {
    /// An idle database without connections.
    pub fn new(spec: DatabaseSpec) -> Database {
        let free = (0..spec.parallel.unwrap_or(0)).map(|_| Reverse(SimTime::ZERO)).collect();
        Database {
            spec,
            pools: Column::new(),
            current: Vec::new(),
            used: Vec::new(),
            open: 0,
            free,
            work_ns: 0,
            slow: (1.0, SimTime::ZERO),
        }
    }
    /// What it was built from.
    pub const fn spec(&self) -> &DatabaseSpec {
        &self.spec
    }
    /// Executions take `factor` times as long until then.
    pub const fn slow_down(&mut self, factor: f64, until: SimTime) {
        self.slow = (factor, until);
    }
    /// The pool of a process, which is the present one of its pod.
    pub fn pool_of(&mut self, pod: PodId, process: u32) -> PoolId {
        if self.current.len() <= pod.index() {
            self.current.resize(pod.index() + 1, None);
            self.used.resize(pod.index() + 1, Use::default());
        }
        match self.current[pod.index()] {
            Some(pool) if self.pools[pool].process == process => pool,
            _ => {
                let pool = self.pools.push(Pool {
                    pod,
                    process,
                    idle: 0,
                    in_use: 0,
                    waiting: VecDeque::new(),
                    clock: false,
                    closing: false,
                });
                self.current[pod.index()] = Some(pool);
                pool
            }
        }
    }
    /// A query wants a connection.
    pub fn ask(&mut self, pool: PoolId, who: u32, now: SimTime) -> Asked {
        let Pool { pod, idle, in_use, waiting, clock, .. } = &mut self.pools[pool];
        let pod = *pod;
        if *idle > 0 {
            *idle -= 1;
        } else if *in_use >= self.spec.pool_per_pod {
            waiting.push_back((who, now));
            let unset = self.spec.pool_timeout.is_some() && !std::mem::replace(clock, true);
            return Asked::Waits(unset);
        } else if self.open >= self.spec.connections {
            return Asked::Refused;
        } else {
            self.open += 1;
        }
        *in_use += 1;
        self.note_use(pod, 1, now);
        Asked::Granted
    }
    /// A query hands its connection back. Who gets it next, and how long that one has waited.
    pub fn hand_back(&mut self, pool: PoolId, now: SimTime) -> Option<(u32, Span)> {
        let Pool { pod, idle, in_use, waiting, closing, .. } = &mut self.pools[pool];
        if let Some((who, since)) = waiting.pop_front() {
            return Some((who, now - since));
        }
        let pod = *pod;
        *in_use -= 1;
        if *closing {
            self.open -= 1
        } else {
            *idle += 1
        }
        self.note_use(pod, -1, now);
        None
    }
    /// Who has waited too long, first come first; `None` when nobody has.
    pub fn next_too_late(&mut self, pool: PoolId, now: SimTime) -> Option<u32> {
        let timeout = self.spec.pool_timeout?;
        let waiting = &mut self.pools[pool].waiting;
        let late = waiting.front().is_some_and(|(_, since)| *since + timeout <= now);
        if late { waiting.pop_front().map(|(who, _)| who) } else { None }
    }
    /// When the first that waits will have waited too long; if nobody waits the clock is off.
    pub fn next_deadline(&mut self, pool: PoolId) -> Option<SimTime> {
        let timeout = self.spec.pool_timeout?;
        let Pool { waiting, clock, .. } = &mut self.pools[pool];
        *clock = !waiting.is_empty();
        waiting.front().map(|(_, since)| *since + timeout)
    }
    /// A process has ended. `in_order`: what it has begun goes on, and its connections are closed as they are handed back;
    /// otherwise all are closed now, and who waited waits no more.
    pub fn end_process(&mut self, pod: PodId, process: u32, in_order: bool, now: SimTime) {
        let Some(pool) = self.current.get_mut(pod.index()).and_then(Option::take) else { return };
        let Pool { process: of, idle, in_use, waiting, closing, .. } = &mut self.pools[pool];
        debug_assert_eq!(*of, process, "whoever asks for a pool is alive");
        self.open -= std::mem::take(idle);
        *closing = true;
        if !in_order {
            let closed = std::mem::take(in_use);
            waiting.clear();
            self.open -= closed;
            self.note_use(pod, -i64::from(closed), now);
        }
    }
    /// A query with this execution time leaves its pod now; when its result is back.
    pub fn execute(&mut self, time: Span, now: SimTime) -> SimTime {
        let arrives = now + self.spec.hop;
        let (factor, until) = self.slow;
        let time = if arrives < until { Span::from_nanos_f64(time.as_nanos() as f64 * factor) } else { time };
        self.work_ns += u128::from(time.as_nanos());
        let done = match self.free.pop() {
            None => arrives + time,
            Some(Reverse(free)) => {
                let done = free.max(arrives) + time;
                self.free.push(Reverse(done));
                done
            }
        };
        done + self.spec.hop
    }
    fn note_use(&mut self, pod: PodId, change: i64, now: SimTime) {
        let of = &mut self.used[pod.index()];
        of.ns += u128::from(of.in_use) * u128::from((now - of.since).as_nanos());
        of.since = now;
        of.in_use = (i64::from(of.in_use) + change) as u32;
    }
    /// Open connections of all pods.
    pub const fn open(&self) -> u32 {
        self.open
    }
    /// Time for which connections of a pod were in use until now, each counted for itself, in nanoseconds.
    pub fn used_ns(&self, pod: PodId, now: SimTime) -> u128 {
        let of = self.used.get(pod.index()).copied().unwrap_or_default();
        of.ns + u128::from(of.in_use) * u128::from((now - of.since).as_nanos())
    }
    /// Time of executions until `now`, where so many execute at a time; the trip of the last queries is taken for a part
    /// of their execution.
    pub fn executed_ns(&self, now: SimTime) -> u128 {
        let ahead: u128 = self.free.iter().map(|Reverse(free)| u128::from(free.since(now).as_nanos())).sum();
        self.work_ns.saturating_sub(ahead)
    }
}
