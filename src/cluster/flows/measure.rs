//! Samples of the series, the end of the warm-up, the record at the end.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cluster::balancer::AffinityKey;
use crate::cluster::meter::PodTotals;
use crate::cluster::network::network_of;
use crate::cluster::pods::Phase;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, End, SimTime, Span};
use crate::metrics::{Counts, LoadSkew, NEff, PodSeries, Record, Skew};

impl Cluster<'_> {
    /// From here on figures count.
    pub fn end_warm_up(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        for pod in self.pods.ids() {
            self.settle(pod, now);
        }
        for histogram in self.meter.latencies.each_mut() {
            histogram.clear();
        }
        let heartbeats = self.meter.counts.heartbeats + self.open_heartbeats(now);
        self.meter.at_warm_up = Some(Counts { heartbeats, ..self.meter.counts.clone() });
        self.meter.pods_at_warm_up = self.pods.ids().map(|pod| self.totals(pod, now)).collect();
        self.meter.redis_at_warm_up = self.redis.cpu_used(now);
        self.meter.n_eff = self.n_eff();
    }

    /// Takes a sample of every series.
    pub fn sample(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        ctx.schedule_in(self.spec.sample_every, Event::Sample);
        let interval = now.since(self.meter.sampled_at);
        if interval.is_zero() {
            return;
        }
        let measuring = self.meter.at_warm_up.is_some() && now > SimTime::ZERO + self.spec.warm_up;
        for pod in self.pods.ids() {
            self.settle(pod, now);
        }
        self.meter.series.times_s.push(now.as_secs_f64());
        self.sample_pods(now, interval, measuring);
        self.sample_cluster(now, interval, measuring);
        self.meter.at_sample = self.meter.counts.clone();
        self.meter.sampled_at = now;
    }

    fn sample_pods(&mut self, now: SimTime, interval: Span, measuring: bool) {
        let samples = self.meter.series.times_s.len();
        let seconds = interval.as_secs_f64();
        self.meter.pods_at_sample.resize(self.pods.len(), PodTotals::default());
        for pod in self.pods.ids() {
            if self.meter.series.pods.len() <= pod.index() {
                let blank = vec![None; samples - 1];
                self.meter.series.pods.push(PodSeries {
                    name: format!("pod-{}", pod.raw()),
                    connections: blank.clone(),
                    requests_per_s: blank.clone(),
                    messages_per_s: blank.clone(),
                    cpu: blank.clone(),
                    memory_bytes: blank,
                });
            }
            let totals = self.totals(pod, now);
            let before = std::mem::replace(&mut self.meter.pods_at_sample[pod.index()], totals);
            let runs = self.pods[pod].phase != Phase::Gone;
            let heartbeats = self.heartbeat_load(pod);
            // heartbeats are counted, not queued: they fit in beside the queue, up to the limit
            let busy = totals.cpu.saturating_sub(before.cpu).as_secs_f64() / seconds / self.spec.pods.cpu;
            let cpu = busy.max((busy + heartbeats / self.spec.pods.cpu).min(1.0));
            let memory = self.memory_of(pod) as f64;
            if measuring && runs {
                self.meter.limits.pod_cpu = self.meter.limits.pod_cpu.max(cpu);
                if let Some(limit) = self.spec.pods.memory_bytes {
                    let share = memory / limit as f64;
                    self.meter.limits.pod_memory = Some(self.meter.limits.pod_memory.unwrap_or(0.0).max(share));
                }
            }
            let rate = |now: u64, then: u64| (now - then) as f64 / seconds;
            let series = &mut self.meter.series.pods[pod.index()];
            let shown = |value: f64| runs.then_some(value);
            series.connections.push(shown(f64::from(self.pods[pod].connections())));
            series.requests_per_s.push(shown(rate(totals.requests, before.requests)));
            series.messages_per_s.push(shown(rate(totals.sends, before.sends)));
            series.cpu.push(shown(cpu));
            series.memory_bytes.push(shown(memory));
        }
    }

    fn sample_cluster(&mut self, now: SimTime, interval: Span, measuring: bool) {
        let seconds = interval.as_secs_f64();
        let since = self.meter.counts.since(&self.meter.at_sample);
        let rate = |count: u64| count as f64 / seconds;
        let redis = self.redis.cpu_used(now);
        let redis_cpu = redis.saturating_sub(self.meter.redis_at_sample).as_secs_f64() / seconds;
        self.meter.redis_at_sample = redis;
        let ghosts: u32 = self.running.iter().map(|&pod| self.pods[pod].all.ghosts).sum();
        let ready = self.running.iter().map(|&pod| &self.pods[pod]).filter(|pod| pod.phase == Phase::Ready);
        let connections: Vec<f64> = ready.map(|pod| f64::from(pod.connections())).collect();
        let skew = Skew::of(&connections);
        let reconnects = rate(since.reconnects);
        let failed = since.requests_failed.total() + since.connects_failed.total();
        let row = [
            f64::from(self.online),
            f64::from(ghosts),
            skew.map_or(1.0, |skew| skew.max_over_mean),
            rate(since.connects),
            reconnects,
            rate(since.requests),
            rate(failed),
            rate(since.moved.total()),
            rate(since.lost.total()),
            rate(since.redis_publish),
            rate(since.redis_copies),
            redis_cpu,
        ];
        for (series, value) in self.meter.series.cluster.0.iter_mut().zip(row) {
            series.push(value);
        }
        if measuring {
            self.meter.skews.extend(skew);
            self.meter.connected.0 += f64::from(self.online);
            self.meter.connected.1 += 1;
            self.meter.reconnects_peak_per_s = self.meter.reconnects_peak_per_s.max(reconnects);
            self.meter.limits.redis_cpu = self.meter.limits.redis_cpu.max(redis_cpu);
        }
    }

    fn totals(&self, pod: PodId, now: SimTime) -> PodTotals {
        let pod = &self.pods[pod];
        PodTotals { requests: pod.requests, sends: pod.sends, cpu: pod.cpu_used(now) }
    }

    /// CPU that the heartbeats of a pod's connections take, as a share of one core. They are counted, not queued.
    fn heartbeat_load(&self, pod: PodId) -> f64 {
        let costs = &self.spec.pods.costs;
        if costs.heartbeat_every.is_zero() {
            return 0.0;
        }
        let per_connection = costs.heartbeat.as_secs_f64() / costs.heartbeat_every.as_secs_f64();
        f64::from(self.pods[pod].connections()) * per_connection
    }

    /// Effective numbers of sources among the clients that are present now.
    fn n_eff(&self) -> NEff {
        let mut by_address: BTreeMap<IpAddr, u64> = BTreeMap::new();
        let mut by_network: BTreeMap<IpAddr, u64> = BTreeMap::new();
        let mut clients = 0u64;
        for client in self.clients.iter().filter(|client| client.present) {
            clients += 1;
            *by_address.entry(client.address).or_default() += 1;
            *by_network.entry(network_of(client.address)).or_default() += 1;
        }
        let effective = |groups: &BTreeMap<IpAddr, u64>| {
            let squares: f64 = groups.values().map(|&size| (size * size) as f64).sum();
            if squares > 0.0 { (clients * clients) as f64 / squares } else { 0.0 }
        };
        let networks = effective(&by_network);
        let balancer = match self.spec.balancer.affinity() {
            AffinityKey::Network => networks,
            AffinityKey::None | AffinityKey::Cookie => clients as f64,
        };
        NEff { addresses: effective(&by_address), networks, balancer }
    }

    /// Settles what is left at the end of the run.
    pub fn finish(&mut self, horizon: SimTime) {
        self.settle_all(horizon);
        self.meter.counts.heartbeats += self.open_heartbeats(horizon);
        let upgrading = self.clients.iter().filter(|client| client.link == crate::cluster::clients::Link::Connecting);
        self.meter.counts.connects_in_flight = upgrading.count() as u64;
        let on_the_way: u64 = self.messages.iter().map(|message| u64::from(message.copies)).sum();
        self.meter.counts.redis_copies_undelivered += on_the_way;
    }

    /// Everything that was measured.
    pub fn into_record(self, horizon: SimTime, end: End) -> Record {
        let measured = horizon.since(SimTime::ZERO + self.spec.warm_up);
        // a pod that restarts in place is still the same pod
        let was_there = |pod: &PodId| self.pods[*pod].created_at <= SimTime::ZERO + self.spec.warm_up;
        let throughout: Vec<PodId> = self.running.iter().copied().filter(was_there).collect();
        let skew_of = |load: fn(&PodTotals) -> f64| {
            let loads: Vec<f64> = throughout
                .iter()
                .map(|&pod| {
                    load(&self.totals(pod, horizon)) - self.meter.pods_at_warm_up.get(pod.index()).map_or(0.0, load)
                })
                .collect();
            Skew::of(&loads)
        };
        let redis_busy = self.redis.cpu_used(horizon).saturating_sub(self.meter.redis_at_warm_up);
        let load = LoadSkew {
            connections: Skew::mean(&self.meter.skews),
            requests: skew_of(|totals| totals.requests as f64),
            cpu: skew_of(|totals| totals.cpu.as_secs_f64()),
            connections_worst: self.meter.skews.iter().map(|skew| skew.max_over_mean).reduce(f64::max),
        };
        let (sum, samples) = self.meter.connected;
        let counts = self.meter.at_warm_up.map_or_else(|| self.meter.counts.clone(), |at| self.meter.counts.since(&at));
        Record {
            measured_s: measured.as_secs_f64(),
            latencies: self.meter.latencies,
            counts,
            load,
            n_eff: self.meter.n_eff,
            limits: self.meter.limits,
            connected_mean: if samples > 0 { sum / f64::from(samples) } else { 0.0 },
            reconnects_peak_per_s: self.meter.reconnects_peak_per_s,
            redis_cpu: redis_busy.as_secs_f64() / measured.as_secs_f64(),
            series: self.meter.series,
            marks: self.meter.marks,
            events: end.events,
            digest: end.digest,
        }
    }
}
