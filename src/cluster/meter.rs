//! What is being measured while a run goes on.

use super::caches::Lookups;
use super::sources::Departed;
use super::spec::ClusterSpec;
use crate::engine::{SimTime, Span};
use crate::metrics::{Counts, Latencies, Limiting, Mark, NEff, Skew, TimeSeries};

/// What one pod had done at the last sample, or at the end of the warm-up.
#[derive(Clone, Copy, Default)]
pub struct PodTotals {
    pub requests: u64,
    pub sends: u64,
    pub cpu: Span,
    pub lookups: Lookups,
}

/// Everything that is being measured.
pub struct Meter {
    /// End of the run: what arrives later is in flight.
    pub horizon: SimTime,
    /// Durations since the end of the warm-up.
    pub latencies: Latencies,
    /// Totals since the start.
    pub counts: Counts,
    /// Totals at the end of the warm-up; `None` before it.
    pub at_warm_up: Option<Counts>,
    /// Totals at the last sample.
    pub at_sample: Counts,
    /// [`Meter::latency_sums`] at the last sample.
    pub sums_at_sample: [i128; 2],
    /// When the last sample was taken.
    pub sampled_at: SimTime,
    /// Of each pod at the last sample, and at the end of the warm-up.
    pub pods_at_sample: Vec<PodTotals>,
    /// See `pods_at_sample`.
    pub pods_at_warm_up: Vec<PodTotals>,
    /// Of Redis at the last sample, and at the end of the warm-up.
    pub redis_at_sample: Span,
    /// See `redis_at_sample`.
    pub redis_at_warm_up: Span,
    /// Executions of the database at the end of the warm-up, in nanoseconds.
    pub executed_at_warm_up: u128,
    /// Over time.
    pub series: TimeSeries,
    /// Marks of the series.
    pub marks: Vec<Mark>,
    /// Skew of connections, one per measured sample that had any; and of memory.
    pub skews: Vec<Skew>,
    /// See `skews`.
    pub memory_skews: Vec<Skew>,
    /// Sum of connections to Redis over the measured samples.
    pub redis_connections: f64,
    /// Ready pods, summed over the samples.
    pub ready_pods: u64,
    /// Sum of connections to the database over the measured samples.
    pub database_connections: f64,
    /// Sum of connected clients over the measured samples, and their number.
    pub connected: (f64, u32),
    /// Most reconnects in one second so far, and the second that is being counted with its reconnects.
    reconnects_peak: u32,
    reconnects_now: (u64, u32),
    /// CPU used at the end of the last window of peaks, by pod and by Redis.
    pub cpu_at_window: (Vec<Span>, Span),
    /// Use of the pools of pods and executions of the database by then, in nanoseconds.
    pub data_at_window: (Vec<u128>, u128),
    /// Peaks over windows.
    pub limits: Limiting,
    /// Effective numbers at the end of the warm-up.
    pub n_eff: NEff,
    /// What clients that are gone sent.
    pub departed: Departed,
}

/// Marks beyond this many are left out: plots cannot show them, and a crash loop would fill memory.
const MAX_MARKS: usize = 1_000;

impl Meter {
    /// Sums of the latencies of requests and of events, in nanoseconds.
    pub fn latency_sums(&self) -> [i128; 2] {
        let Latencies { request, event_local, event_cross, .. } = &self.latencies;
        [request.sum_ns(), event_local.sum_ns() + event_cross.sum_ns()].map(u128::cast_signed)
    }
    /// Nothing measured yet.
    pub fn new(spec: &ClusterSpec) -> Meter {
        Meter {
            horizon: SimTime::ZERO + spec.duration,
            latencies: Latencies::default(),
            counts: Counts::default(),
            at_warm_up: None,
            at_sample: Counts::default(),
            sums_at_sample: [0; 2],
            sampled_at: SimTime::ZERO,
            pods_at_sample: Vec::new(),
            pods_at_warm_up: Vec::new(),
            redis_at_sample: Span::ZERO,
            redis_at_warm_up: Span::ZERO,
            executed_at_warm_up: 0,
            series: TimeSeries::default(),
            marks: Vec::new(),
            skews: Vec::new(),
            memory_skews: Vec::new(),
            redis_connections: 0.0,
            ready_pods: 0,
            database_connections: 0.0,
            connected: (0.0, 0),
            reconnects_peak: 0,
            reconnects_now: (0, 0),
            cpu_at_window: (Vec::new(), Span::ZERO),
            data_at_window: (Vec::new(), 0),
            limits: Limiting::default(),
            n_eff: NEff::default(),
            departed: Departed::default(),
        }
    }
    /// A client is back.
    pub fn reconnected(&mut self, now: SimTime) {
        self.counts.reconnects += 1;
        let second = now.as_nanos() / 1_000_000_000;
        if self.reconnects_now.0 != second {
            self.reconnects_now = (second, 0);
        }
        self.reconnects_now.1 += 1;
        if self.at_warm_up.is_some() {
            self.reconnects_peak = self.reconnects_peak.max(self.reconnects_now.1);
        }
    }
    /// Most reconnects in one measured second.
    pub const fn reconnects_peak(&self) -> u32 {
        self.reconnects_peak
    }
    /// Marks a moment in the plots.
    pub fn mark(&mut self, at: SimTime, what: String) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(Mark { at_ms: at.as_nanos() / 1_000_000, what });
        }
    }
}
