//! What is being measured while a run goes on.

use super::caches::Lookups;
use super::sources::Departed;
use super::spec::ClusterSpec;
use crate::engine::{SimTime, Span};
use crate::metrics::{Counts, Latencies, Limiting, Mark, NEff, Record, Skew, TimeSeries, Window};

/// What one pod had done at the last sample, or when a part began.
#[derive(Clone, Copy, Default)]
pub struct PodTotals {
    pub requests: u64,
    pub sends: u64,
    pub cpu: Span,
    pub lookups: Lookups,
}

/// What had been done when a part began.
#[derive(Clone, Default)]
pub struct Totals {
    pub counts: Counts,
    /// Since the end of the warm-up.
    pub latencies: Latencies,
    pub pods: Vec<PodTotals>,
    /// CPU of Redis.
    pub redis: Span,
    /// Executions of the database, in nanoseconds.
    pub executed_ns: u128,
}

/// A sample of what is looked at now and then.
pub struct Sample {
    /// Of the connections of ready pods; `None` if there are none.
    pub skew: Option<Skew>,
    /// Of their memory.
    pub memory_skew: Option<Skew>,
    pub ready_pods: u64,
    pub redis_connections: f64,
    pub database_connections: f64,
    pub connected: f64,
}

/// The samples of a part.
#[derive(Default)]
pub struct Samples {
    pub number: u32,
    pub skews: Vec<Skew>,
    pub memory_skews: Vec<Skew>,
    ready_pods: u64,
    redis_connections: f64,
    database_connections: f64,
    connected: f64,
}

impl Samples {
    fn add(&mut self, sample: &Sample) {
        self.number += 1;
        self.skews.extend(sample.skew);
        self.memory_skews.extend(sample.memory_skew);
        self.ready_pods += sample.ready_pods;
        self.redis_connections += sample.redis_connections;
        self.database_connections += sample.database_connections;
        self.connected += sample.connected;
    }
    fn mean(&self, sum: f64) -> f64 {
        if self.number > 0 { sum / f64::from(self.number) } else { 0.0 }
    }
}

/// A part of the run over which figures are taken: all that is measured, or a window that somebody asks for.
///
/// What flows (counts, durations, CPU) belongs to a part from just before anything happens at its beginning to just before
/// anything happens at its end. So does what is looked at, which is seen after what happens at that moment; of all that is
/// measured that at the end instead of that at the beginning. Peaks speak of the time before them: the one at the end belongs to it.
pub struct Part {
    pub from: SimTime,
    pub to: SimTime,
    /// `None` before it begins.
    pub begun: Option<Totals>,
    /// What flowed; `None` before it ends.
    pub ended: Option<Record>,
    pub samples: Samples,
    pub limits: Limiting,
    /// Most reconnects in one second.
    reconnects_peak: u32,
}

impl Part {
    fn new(window: &Window) -> Part {
        Part {
            from: SimTime::ZERO + window.from,
            to: SimTime::ZERO + window.to,
            begun: None,
            ended: None,
            samples: Samples::default(),
            limits: Limiting::default(),
            reconnects_peak: 0,
        }
    }
    /// Its record: what flowed, with what samples and peaks say.
    pub fn into_record(self) -> Record {
        let Part { samples, limits, reconnects_peak, .. } = self;
        let mut record = self.ended.expect("every part has ended when the run has");
        record.load.connections = Skew::mean(&samples.skews);
        record.load.memory = Skew::mean(&samples.memory_skews);
        record.load.connections_worst = samples.skews.iter().map(|skew| skew.max_over_mean).reduce(f64::max);
        record.load.connections_last = samples.skews.last().copied();
        record.limits = limits;
        record.connected_mean = samples.mean(samples.connected);
        record.ready_mean = samples.mean(samples.ready_pods as f64);
        record.redis_connections_mean = samples.mean(samples.redis_connections);
        if let Some(database) = &mut record.database {
            database.connections = samples.mean(samples.database_connections);
        }
        record.reconnects_peak_per_s = f64::from(reconnects_peak);
        record
    }
}

/// Everything that is being measured.
pub struct Meter {
    /// End of the run: what arrives later is in flight.
    pub horizon: SimTime,
    /// Durations since the end of the warm-up.
    pub latencies: Latencies,
    /// Totals since the start.
    pub counts: Counts,
    /// All that is measured, then the windows that are asked for.
    pub parts: Vec<Part>,
    /// Totals at the last sample.
    pub at_sample: Counts,
    /// [`Meter::latency_sums`] at the last sample.
    pub sums_at_sample: [i128; 2],
    /// When the last sample was taken.
    pub sampled_at: SimTime,
    /// Of each pod at the last sample.
    pub pods_at_sample: Vec<PodTotals>,
    /// Of Redis at the last sample.
    pub redis_at_sample: Span,
    /// Over time.
    pub series: TimeSeries,
    /// Marks of the series.
    pub marks: Vec<Mark>,
    /// The second that is being counted with its reconnects.
    reconnects_now: (u64, u32),
    /// CPU used at the end of the last window of peaks, by pod and by Redis.
    pub cpu_at_window: (Vec<Span>, Span),
    /// Use of the pools of pods and executions of the database by then, in nanoseconds.
    pub data_at_window: (Vec<u128>, u128),
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
    pub fn new(spec: &ClusterSpec, windows: &[Window]) -> Meter {
        let whole = Window { from: spec.warm_up, to: spec.duration };
        Meter {
            horizon: SimTime::ZERO + spec.duration,
            latencies: Latencies::default(),
            counts: Counts::default(),
            parts: [&whole].into_iter().chain(windows).map(Part::new).collect(),
            at_sample: Counts::default(),
            sums_at_sample: [0; 2],
            sampled_at: SimTime::ZERO,
            pods_at_sample: Vec::new(),
            redis_at_sample: Span::ZERO,
            series: TimeSeries::default(),
            marks: Vec::new(),
            reconnects_now: (0, 0),
            cpu_at_window: (Vec::new(), Span::ZERO),
            data_at_window: (Vec::new(), 0),
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
        for part in self.parts.iter_mut().filter(|part| part.begun.is_some() && part.ended.is_none()) {
            part.reconnects_peak = part.reconnects_peak.max(self.reconnects_now.1);
        }
    }
    /// A sample was taken.
    pub fn sampled(&mut self, now: SimTime, sample: &Sample) {
        let (first, last) = (self.parts[0].from, self.horizon);
        let is_in = |part: &&mut Part| {
            let after = part.from < now || (part.from == now && now > first);
            after && (now < part.to || (part.to == now && now == last))
        };
        self.parts.iter_mut().filter(is_in).for_each(|part| part.samples.add(sample));
    }
    /// A window of peaks has ended, with these.
    pub fn peaked(&mut self, now: SimTime, peaks: &Limiting) {
        let is_in = |part: &&mut Part| part.from < now && now <= part.to;
        self.parts.iter_mut().filter(is_in).for_each(|part| part.limits.raise(peaks));
    }
    /// Marks a moment in the plots.
    pub fn mark(&mut self, at: SimTime, what: String) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(Mark { at_ms: at.as_nanos() / 1_000_000, what });
        }
    }
}
