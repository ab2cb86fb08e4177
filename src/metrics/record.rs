//! Everything one run measured.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::count::Counts;
use super::histogram::Histogram;
use super::load::Skew;
use super::series::TimeSeries;
use crate::engine::Span;

/// A window of a run over which figures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Where it begins, from the start of the run; not before the end of the warm-up.
    pub from: Span,
    /// Where it ends; after `from`, and not after the end of the run.
    pub to: Span,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

/// Everything one run measured from the end of its warm-up on, or in a window. That of a window has no series, marks, effective
/// numbers of sources, events and digest.
#[derive(Clone, Debug)]
pub struct Record {
    /// Length of the measured part in seconds.
    pub measured_s: f64,
    /// Durations.
    pub latencies: Latencies,
    /// Whole numbers.
    pub counts: Counts,
    /// How evenly pods were loaded.
    pub load: LoadSkew,
    /// How many independent sources the load really has.
    pub n_eff: NEff,
    /// What came closest to its limit.
    pub limits: Limiting,
    /// Clients that were connected on average.
    pub connected_mean: f64,
    /// Ready pods, mean over the samples.
    pub ready_mean: f64,
    /// Pods that existed, mean over the measured time: starting, ready, draining.
    pub pods_mean: f64,
    /// What a pod costs per hour; `None` = nobody said.
    pub pod_hour: Option<f64>,
    /// Most reconnects in one second.
    pub reconnects_peak_per_s: f64,
    /// Share of one core that Redis used.
    pub redis_cpu: f64,
    /// Connections of pods to Redis on average.
    pub redis_connections_mean: f64,
    /// Smallest share of hits among the caches of the pods that were there throughout; `None` without caches.
    pub cache_hits_worst: Option<f64>,
    /// How the database was used; `None` without one.
    pub database: Option<DatabaseUse>,
    /// Over time.
    pub series: TimeSeries,
    /// What happened when.
    pub marks: Vec<Mark>,
    /// Events handled by the kernel, warm-up included.
    pub events: u64,
    /// Digest of the run.
    pub digest: u64,
}

/// The durations that are measured.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Emit to receive, recipient on the emitting pod.
    pub event_local: Histogram,
    /// Emit to receive, recipient on another pod.
    pub event_cross: Histogram,
    /// API call: send to last byte, answered ones only.
    pub request: Histogram,
    /// Start of a connect attempt to usable.
    pub connect: Histogram,
    /// Transport lost to usable again.
    pub offline: Histogram,
    /// Length of a WebSocket that ended.
    pub session: Histogram,
    /// Waiting of a PUBLISH in Redis before its turn.
    pub redis_wait: Histogram,
    /// Waiting of a query for a connection of its pod, where it got one; none at all counts as nothing.
    pub pool_wait: Histogram,
    /// From when a query leaves its pod to when its result is back.
    pub query: Histogram,
    /// Looking for what is known of a client in a store outside the pod, where it could be reached.
    pub session_lookup: Histogram,
    /// From when a client emits an event to when it has its acknowledgement.
    pub ack: Histogram,
}

impl Latencies {
    /// Events from the recipient's own pod, or from another one.
    pub const fn event_mut(&mut self, local: bool) -> &mut Histogram {
        if local { &mut self.event_local } else { &mut self.event_cross }
    }
    /// All of them, to merge or clear.
    pub fn each_mut(&mut self) -> [&mut Histogram; 11] {
        [
            &mut self.event_local,
            &mut self.event_cross,
            &mut self.request,
            &mut self.connect,
            &mut self.offline,
            &mut self.session,
            &mut self.redis_wait,
            &mut self.pool_wait,
            &mut self.query,
            &mut self.session_lookup,
            &mut self.ack,
        ]
    }
    fn each(&self) -> [&Histogram; 11] {
        [
            &self.event_local,
            &self.event_cross,
            &self.request,
            &self.connect,
            &self.offline,
            &self.session,
            &self.redis_wait,
            &self.pool_wait,
            &self.query,
            &self.session_lookup,
            &self.ack,
        ]
    }
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Latencies) {
        for (mine, theirs) in self.each_mut().into_iter().zip(other.each()) {
            mine.merge(theirs);
        }
    }
    /// Takes away what `earlier`, an earlier state of these, had.
    pub fn subtract(&mut self, earlier: &Latencies) {
        for (mine, theirs) in self.each_mut().into_iter().zip(earlier.each()) {
            mine.subtract(theirs);
        }
    }
    /// Local and cross-pod events together.
    pub fn event(&self) -> Histogram {
        let mut both = self.event_local.clone();
        both.merge(&self.event_cross);
        both
    }
}

/// How the database was used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DatabaseUse {
    /// Open connections of all pods on average.
    pub connections: f64,
    /// Share of the queries that it can execute at a time; `None` where that is not limited.
    pub busy: Option<f64>,
}

/// Unevenness over the ready pods: means over the samples of the measured part. `None`: there was no such load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LoadSkew {
    /// Of connections.
    pub connections: Option<Skew>,
    /// Of memory.
    pub memory: Option<Skew>,
    /// Of arriving requests, over the whole measured part.
    pub requests: Option<Skew>,
    /// Of events sent to clients, over the whole measured part.
    pub messages: Option<Skew>,
    /// Of CPU time, over the whole measured part.
    pub cpu: Option<Skew>,
    /// Largest max/mean of connections in any sample.
    pub connections_worst: Option<f64>,
    /// Of connections, in the last sample.
    pub connections_last: Option<Skew>,
}

/// Effective numbers 1/Σp² of sources, p being the share of clients (or requests) of each source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct NEff {
    /// Clients by full address.
    pub addresses: f64,
    /// Clients by /24 (IPv4) or full address (IPv6): what nginx's `ip_hash` sees.
    pub networks: f64,
    /// Clients by the key that the balancer in use looks at.
    pub balancer: f64,
    /// Requests and connects of the whole run by that key.
    pub requests: f64,
}

/// Peaks of what is limited, as shares of the limit, over windows of ten seconds (a tenth of shorter runs) of the measured
/// part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Limiting {
    /// CPU of the busiest pod.
    pub pod_cpu: f64,
    /// Memory of the fullest pod; `None` without a limit.
    pub pod_memory: Option<f64>,
    /// The one core of Redis.
    pub redis_cpu: f64,
    /// Connections in use of the pool that is used most; `None` without a database.
    pub pool: Option<f64>,
    /// Queries executed of those that the database can execute at a time; `None` where that is not limited.
    pub database: Option<f64>,
    /// Connections open to the database of those that it accepts; `None` without a database.
    pub database_connections: Option<f64>,
}

impl Limiting {
    /// The larger one of each.
    pub fn raise(&mut self, other: &Limiting) {
        self.pod_cpu = self.pod_cpu.max(other.pod_cpu);
        self.redis_cpu = self.redis_cpu.max(other.redis_cpu);
        let optional = [
            (&mut self.pod_memory, other.pod_memory),
            (&mut self.pool, other.pool),
            (&mut self.database, other.database),
            (&mut self.database_connections, other.database_connections),
        ];
        for (mine, theirs) in optional {
            *mine = mine.map_or(theirs, |a| Some(theirs.map_or(a, |b| a.max(b))));
        }
    }
    /// The share of each of [`LIMITS`], in their order; `None` where there is no such limit.
    pub const fn shares(&self) -> [Option<f64>; LIMITS.len()] {
        let Limiting { pod_cpu, pod_memory, redis_cpu, pool, database, database_connections } = *self;
        [Some(pod_cpu), pod_memory, Some(redis_cpu), pool, database, database_connections]
    }
}

/// Something that a cluster can run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// For people.
    pub name: &'static str,
    /// The figure that has its share.
    pub figure: &'static str,
    /// When it is looked at.
    pub when: &'static str,
}

/// Everything that a cluster can run out of.
pub const LIMITS: [Limit; 6] = [
    Limit { name: "pod CPU", figure: "limits.pod_cpu", when: BUSIEST },
    Limit { name: "pod memory", figure: "limits.pod_memory", when: FULLEST },
    Limit { name: "Redis CPU", figure: "limits.redis_cpu", when: BUSIEST },
    Limit { name: "database pool", figure: "limits.pool", when: BUSIEST },
    Limit { name: "database", figure: "limits.database", when: BUSIEST },
    Limit { name: "database connections", figure: "limits.database_connections", when: FULLEST },
];
/// The one of several whose share of a limit is the largest; of equals the first one.
pub fn closest<T>(all: impl Iterator<Item = T>, share: impl Fn(&T) -> f64) -> Option<T> {
    all.reduce(|a, b| if share(&b) > share(&a) { b } else { a })
}

const BUSIEST: &str = "in its busiest ten seconds";
const FULLEST: &str = "at its fullest moment";

/// Something that happened at one moment, to be marked in plots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mark {
    /// Milliseconds from the start.
    pub at_ms: u64,
    /// A few words, such as `crash pod-2`.
    pub what: String,
}
