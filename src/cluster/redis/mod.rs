//! Redis as the single-threaded server that it is.

mod course;
mod reader;
mod slot;
mod upkeep;

pub use course::{Course, Courses, EventKind, Passage};
pub use reader::Reader;
pub use slot::{SLOTS, hash_slot, node_of_slot};
pub use upkeep::{Commands, Upkeep};

use super::spec::{ClusterSpec, RedisCosts, RedisSpec};
use crate::engine::{SimTime, Span};

/// One Redis server, and what the application does with it.
pub struct Redis {
    spec: RedisSpec,
    /// How events go through it.
    pub courses: Courses,
    /// Who subscribes to what when.
    pub upkeep: Upkeep,
    /// The loops that read a stream, by pod.
    readers: Vec<Reader>,
    server: Server,
}

impl Redis {
    /// An idle server.
    pub fn new(spec: &ClusterSpec) -> Redis {
        Redis {
            spec: spec.redis.clone(),
            courses: Courses::new(spec),
            upkeep: Upkeep::new(spec),
            readers: Vec::new(),
            server: Server::default(),
        }
    }
    /// One way between a pod and Redis.
    pub const fn hop(&self) -> Span {
        self.spec.hop
    }
    /// An event arrives so many times, each of which goes to so many pods: (waiting, when the copies leave).
    pub fn publish(&mut self, now: SimTime, times: u32, copies: u32) -> (Span, SimTime) {
        let RedisCosts { publish, copy, publish_busy, copy_busy } = self.spec.costs;
        let (times, copies) = (u64::from(times), u64::from(copies));
        let (idle, busy) = (publish + copy * copies, publish_busy + copy_busy * copies);
        self.server.serve(now, idle * times, busy * times)
    }
    /// A read of a stream arrives and takes so many entries, at least one: when they leave.
    pub fn read(&mut self, now: SimTime, entries: u32) -> SimTime {
        let RedisCosts { copy, copy_busy, .. } = self.spec.costs;
        let others = copy_busy * u64::from(entries - 1);
        self.server.serve(now, copy + others, copy_busy + others).1
    }
    /// So many other commands arrive.
    pub fn serve_upkeep(&mut self, now: SimTime, commands: u64) {
        let RedisCosts { publish, publish_busy, .. } = self.spec.costs;
        self.server.serve(now, publish * commands, publish_busy * commands);
    }
    /// CPU time used up to `now`.
    pub fn cpu_used(&self, now: SimTime) -> Span {
        self.server.cpu_used(now)
    }
    /// The loop in which a pod reads the stream.
    pub fn reader(&mut self, pod: super::PodId) -> &mut Reader {
        if self.readers.len() <= pod.index() {
            self.readers.resize_with(pod.index() + 1, Reader::default);
        }
        &mut self.readers[pod.index()]
    }
}

/// One thread, first come, first served.
#[derive(Default)]
struct Server {
    free: SimTime,
    work: u128,
}

impl Server {
    /// Work arrives that takes so long if there is none before it, and so long if there is: (waiting, done).
    fn serve(&mut self, now: SimTime, idle: Span, busy: Span) -> (Span, SimTime) {
        let start = self.free.max(now);
        let work = if start > now { busy } else { idle };
        self.free = start + work;
        self.work += u128::from(work.as_nanos());
        (start - now, self.free)
    }
    fn cpu_used(&self, now: SimTime) -> Span {
        let ahead = u128::from(self.free.since(now).as_nanos());
        Span::from_nanos(u64::try_from(self.work.saturating_sub(ahead)).unwrap_or(u64::MAX))
    }
}
