//! Parts of the run over which figures are taken: where they begin and end, and their records.

use crate::cluster::meter::{PodTotals, Totals};
use crate::cluster::{Cluster, PodId};
use crate::engine::{End, SimTime};
use crate::metrics::{Counts, Latencies, Limiting, LoadSkew, NEff, Record, Skew, TimeSeries};

impl Cluster<'_> {
    /// What is asked for begins or ends now, before anything else happens now. It is only looked at: the run goes on as
    /// if nobody had.
    pub fn pause(&mut self, now: SimTime) {
        self.settle_all(now);
        for part in 0..self.meter.parts.len() {
            if self.meter.parts[part].to == now {
                let (counts, latencies) = (self.counts_so_far(now), self.meter.latencies.clone());
                self.end_part(part, now, &counts, latencies);
            }
        }
        self.begin_parts(now);
    }

    /// The parts that begin now do so.
    pub fn begin_parts(&mut self, now: SimTime) {
        let mut totals = None;
        for part in 0..self.meter.parts.len() {
            if self.meter.parts[part].from == now {
                let totals = totals.get_or_insert_with(|| self.totals_of_all(now)).clone();
                self.meter.parts[part].begun = Some(totals);
            }
        }
    }

    /// All counts, with what has no event of its own.
    fn counts_so_far(&self, now: SimTime) -> Counts {
        let mut counts = self.meter.counts.clone();
        counts.heartbeats += self.open_heartbeats(now);
        self.count_waiting_reads(now, &mut counts);
        counts
    }

    fn totals_of_all(&self, now: SimTime) -> Totals {
        Totals {
            counts: self.counts_so_far(now),
            latencies: self.meter.latencies.clone(),
            pods: self.pods.ids().map(|pod| self.totals(pod, now)).collect(),
            redis: self.redis.cpu_used(now),
            executed_ns: self.database.as_ref().map_or(0, |database| database.executed_ns(now)),
        }
    }

    /// Puts down what flowed in a part that ends now, of what there was so far in all.
    fn end_part(&mut self, part: usize, now: SimTime, counts: &Counts, mut latencies: Latencies) {
        let from = self.meter.parts[part].from;
        let begun = self.meter.parts[part].begun.take().unwrap_or_default();
        let measured = now.since(from);
        // a pod that restarts in place is still the same pod
        let was_there = |pod: &PodId| self.pods[*pod].life.created_at <= from;
        let throughout: Vec<PodId> = self.running.iter().copied().filter(was_there).collect();
        let skew_of = |load: fn(&PodTotals) -> f64| {
            let before = |pod: PodId| begun.pods.get(pod.index()).map_or(0.0, load);
            let loads: Vec<f64> = throughout.iter().map(|&pod| load(&self.totals(pod, now)) - before(pod)).collect();
            // one pod is neither even nor uneven
            (loads.len() > 1).then(|| Skew::of(&loads)).flatten()
        };
        let load = LoadSkew {
            requests: skew_of(|totals| totals.requests as f64),
            messages: skew_of(|totals| totals.sends as f64),
            cpu: skew_of(|totals| totals.cpu.as_secs_f64()),
            ..LoadSkew::default()
        };
        latencies.subtract(&begun.latencies);
        let redis_busy = self.redis.cpu_used(now).saturating_sub(begun.redis);
        let pods_mean = self.pods_mean(from, now);
        let record = Record {
            measured_s: measured.as_secs_f64(),
            latencies,
            counts: counts.since(&begun.counts),
            load,
            n_eff: NEff::default(),
            limits: Limiting::default(),
            connected_mean: 0.0,
            ready_mean: 0.0,
            pods_mean,
            pod_hour: self.spec.pods.hour_price,
            reconnects_peak_per_s: 0.0,
            redis_cpu: redis_busy.as_secs_f64() / measured.as_secs_f64(),
            redis_connections_mean: 0.0,
            cache_hits_worst: self.cache_hits_worst(&throughout, &begun.pods),
            database: self.database_use(now, measured, begun.executed_ns),
            series: TimeSeries::default(),
            marks: Vec::new(),
            events: 0,
            digest: 0,
        };
        let part = &mut self.meter.parts[part];
        (part.begun, part.ended) = (Some(begun), Some(record));
    }

    /// Pods that existed on average, from creation to when they are gone: what a bill counts.
    fn pods_mean(&self, from: SimTime, to: SimTime) -> f64 {
        let existed = self.pods.ids().map(|pod| {
            let life = &self.pods[pod].life;
            life.gone_at.min(to).since(life.created_at.max(from)).as_secs_f64()
        });
        existed.sum::<f64>() / to.since(from).as_secs_f64()
    }

    /// Everything that was measured, and the same of each window that was asked for.
    pub fn into_records(mut self, horizon: SimTime, end: End) -> (Record, Vec<Record>) {
        let counts = std::mem::take(&mut self.meter.counts);
        for part in 1..self.meter.parts.len() {
            if self.meter.parts[part].to == horizon {
                let latencies = self.meter.latencies.clone();
                self.end_part(part, horizon, &counts, latencies);
            }
        }
        let latencies = std::mem::take(&mut self.meter.latencies);
        self.end_part(0, horizon, &counts, latencies);
        let there = self.clients.ids().filter(|&client| self.clients[client].is_present());
        for client in there {
            self.meter.departed.add(self.source_of(client), self.clients[client].routed);
        }
        let n_eff = NEff { requests: self.meter.departed.effective(), ..self.meter.n_eff };
        let mut records = self.meter.parts.into_iter().map(|part| part.into_record());
        let whole = records.next().expect("all that is measured is the first part");
        let (series, marks) = (self.meter.series, self.meter.marks);
        let whole = Record { n_eff, series, marks, events: end.events, digest: end.digest, ..whole };
        (whole, records.collect())
    }
}
