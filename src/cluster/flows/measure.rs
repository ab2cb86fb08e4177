//! Samples of the series, the end of the warm-up, the record at the end.

use std::net::{IpAddr, Ipv6Addr};

use crate::cluster::balancer::{AffinityKey, Sees};
use crate::cluster::clients::ClientId;
use crate::cluster::database::Database;
use crate::cluster::flows::publish::Delivery;
use crate::cluster::meter::PodTotals;
use crate::cluster::network::network_of;
use crate::cluster::pods::{Container, Phase};
use crate::cluster::sources;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, End, SimTime, Span};
use crate::metrics::{Counts, LoadSkew, NEff, PodSeries, Record, Skew};

/// See [`Cluster::peak_window`].
const PEAK_WINDOW: Span = Span::from_secs(10);

impl Cluster<'_> {
    /// From here on figures count.
    pub fn end_warm_up(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.settle_all(now);
        self.count_reads(now);
        self.sessions.end_warm_up(|client| self.rooms.missed(client));
        for histogram in self.meter.latencies.each_mut() {
            histogram.clear();
        }
        let heartbeats = self.meter.counts.heartbeats + self.open_heartbeats(now);
        self.meter.at_warm_up = Some(Counts { heartbeats, ..self.meter.counts.clone() });
        self.meter.pods_at_warm_up = self.pods.ids().map(|pod| self.totals(pod, now)).collect();
        self.meter.redis_at_warm_up = self.redis.cpu_used(now);
        self.meter.executed_at_warm_up = self.database.as_ref().map_or(0, |database| database.executed_ns(now));
        self.meter.n_eff = self.n_eff_of_clients();
    }

    /// Takes a sample of every series.
    pub fn sample(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        ctx.schedule_in(self.spec.sample_every, Event::Sample);
        let interval = now.since(self.meter.sampled_at);
        if interval.is_zero() {
            return;
        }
        self.settle_all(now);
        self.meter.series.times_s.push(now.as_secs_f64());
        self.sample_pods(now, interval);
        self.sample_cluster(now, interval);
        self.meter.at_sample = self.meter.counts.clone();
        self.meter.sampled_at = now;
    }

    fn sample_pods(&mut self, now: SimTime, interval: Span) {
        let samples = self.meter.series.times_s.len();
        let seconds = interval.as_secs_f64();
        self.meter.pods_at_sample.resize(self.pods.len(), PodTotals::default());
        for pod in self.pods.ids() {
            if self.meter.series.pods.len() <= pod.index() {
                let name = format!("pod-{}", pod.raw());
                self.meter.series.pods.push(PodSeries { name, first: samples - 1, ..PodSeries::default() });
            }
            let life = &self.pods[pod].life;
            if life.phase == Phase::Gone {
                continue;
            }
            let totals = self.totals(pod, now);
            let before = std::mem::replace(&mut self.meter.pods_at_sample[pod.index()], totals);
            let cpu = self.cpu_share(pod, totals.cpu.saturating_sub(before.cpu), interval);
            let memory = self.memory_of(pod) as f64;
            let rate = |now: u64, then: u64| (now - then) as f64 / seconds;
            // nothing is left of a process whose node is lost
            let runs = !life.silent || life.container != Container::Waiting;
            let shown = |value: f64| runs.then_some(value);
            let series = &mut self.meter.series.pods[pod.index()];
            series.connections.push(shown(f64::from(self.pods[pod].connections())));
            series.requests_per_s.push(shown(rate(totals.requests, before.requests)));
            series.messages_per_s.push(shown(rate(totals.sends, before.sends)));
            series.cpu.push(shown(cpu));
            series.memory_bytes.push(shown(memory));
        }
    }

    fn sample_cluster(&mut self, now: SimTime, interval: Span) {
        let seconds = interval.as_secs_f64();
        let since = self.meter.counts.since(&self.meter.at_sample);
        let rate = |count: u64| count as f64 / seconds;
        let redis = self.redis.cpu_used(now);
        let redis_cpu = redis.saturating_sub(self.meter.redis_at_sample).as_secs_f64() / seconds;
        self.meter.redis_at_sample = redis;
        let ghosts: u32 = self.running.iter().map(|&pod| self.pods[pod].ghosts).sum();
        let ready = || self.running.iter().copied().filter(|&pod| self.pods[pod].life.is_ready());
        let skew_of = |load: &dyn Fn(PodId) -> f64| Skew::of(&ready().map(load).collect::<Vec<_>>());
        let skew = skew_of(&|pod| f64::from(self.pods[pod].connections()));
        let ready = ready().count() as u64;
        let memory_skew = skew_of(&|pod| self.memory_of(pod) as f64);
        let failed = since.requests_failed.total() + since.connects_failed.total();
        let row = [
            f64::from(self.rooms.everyone().online()),
            f64::from(ghosts),
            skew.map_or(1.0, |skew| skew.max_over_mean),
            rate(since.connects),
            rate(since.reconnects),
            rate(since.requests),
            rate(failed),
            rate(since.moved.total()),
            rate(since.lost.total()),
            rate(since.redis_publish),
            rate(since.redis_copies),
            redis_cpu,
            rate(since.closed.total()),
            if since.routed_again > 0 { since.moved.total() as f64 / since.routed_again as f64 } else { 0.0 },
            self.meter.latencies.session.quantile_ms(0.99).unwrap_or(0.0),
        ];
        for (series, value) in self.meter.series.cluster.0.iter_mut().zip(row) {
            series.push(value);
        }
        if self.is_measured(now) {
            self.meter.skews.extend(skew);
            self.meter.memory_skews.extend(memory_skew);
            let per_pod = f64::from(self.spec.redis.law.adapter.connections());
            self.meter.ready_pods += ready;
            self.meter.redis_connections += per_pod * self.subscribers.len() as f64;
            self.meter.database_connections += f64::from(self.database.as_ref().map_or(0, Database::open));
            self.meter.connected.0 += f64::from(self.rooms.everyone().online());
            self.meter.connected.1 += 1;
        }
    }

    /// Whether what is seen now counts: the warm-up is over.
    fn is_measured(&self, now: SimTime) -> bool {
        now > SimTime::ZERO + self.spec.warm_up
    }

    pub fn totals(&self, pod: PodId, now: SimTime) -> PodTotals {
        let lookups = self.caches.lookups(pod);
        let pod = &self.pods[pod];
        PodTotals { requests: pod.requests, sends: pod.sends, cpu: pod.cpu_used(now), lookups }
    }

    /// Length of the windows over which peaks of CPU and memory are taken: the same for runs of all lengths.
    pub fn peak_window(&self) -> Span {
        PEAK_WINDOW.min(self.spec.duration / 10).max(Span::from_nanos(1))
    }

    /// A window of peaks ends.
    pub fn window(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let window = self.peak_window();
        ctx.schedule_in(window, Event::Window);
        let measuring = self.is_measured(now);
        let redis = self.redis.cpu_used(now);
        let (mut pods_before, redis_before) = std::mem::take(&mut self.meter.cpu_at_window);
        pods_before.resize(self.pods.len(), Span::ZERO);
        for pod in self.running.iter().copied() {
            let used = self.pods[pod].cpu_used(now);
            let before = std::mem::replace(&mut pods_before[pod.index()], used);
            if !measuring {
                continue;
            }
            let cpu = self.cpu_share(pod, used.saturating_sub(before), window);
            self.meter.limits.pod_cpu = self.meter.limits.pod_cpu.max(cpu);
            if let Some(limit) = self.spec.pods.memory_bytes {
                let share = self.memory_of(pod) as f64 / limit as f64;
                self.meter.limits.pod_memory = Some(self.meter.limits.pod_memory.unwrap_or(0.0).max(share));
            }
        }
        if measuring {
            let cpu = redis.saturating_sub(redis_before).as_secs_f64() / window.as_secs_f64();
            self.meter.limits.redis_cpu = self.meter.limits.redis_cpu.max(cpu);
        }
        self.meter.cpu_at_window = (pods_before, redis);
        self.window_of_data(now, window, measuring);
    }

    /// Share of a pod's CPU limit in use, if its queue took `used` in an interval: heartbeats take theirs of the rest.
    fn cpu_share(&self, pod: PodId, used: Span, interval: Span) -> f64 {
        let queue = used.as_secs_f64() / interval.as_secs_f64() / self.spec.pods.cpu;
        queue + (1.0 - queue).max(0.0) * self.pods[pod].heartbeat_share()
    }

    /// Effective numbers of sources by the clients that are present.
    fn n_eff_of_clients(&self) -> NEff {
        let present = || self.clients.ids().filter(|&client| self.clients[client].is_present());
        let by = |key: fn(IpAddr) -> IpAddr| {
            let weight = |client| (key(self.clients.address(client)), 1);
            sources::effective(self.clients.len(), || present().map(weight))
        };
        let networks = by(network_of);
        let balancer = match self.path.last.affinity {
            AffinityKey::None | AffinityKey::Cookie | AffinityKey::User => present().count() as f64,
            AffinityKey::Network if self.path.last.sees == Sees::Client => networks,
            AffinityKey::Network | AffinityKey::Address | AffinityKey::Room => {
                let weight = |client| self.source_of(client).map(|source| (source, 1));
                sources::effective(self.clients.len(), || present().filter_map(weight))
            }
        };
        NEff { addresses: by(|address| address), networks, balancer, requests: 0.0 }
    }

    /// What the last balancer takes a client for, if it is not the client itself: the address that it sees, or the room,
    /// which stands here as an address of its own.
    pub fn source_of(&self, client: ClientId) -> Option<IpAddr> {
        let sees_another = self.path.last.sees != Sees::Client;
        if sees_another && self.path.last.affinity.is_address() && self.path.hop(client).connections == 0 {
            return None; // nothing has come from it yet
        }
        match self.path.last.affinity {
            AffinityKey::None | AffinityKey::Cookie | AffinityKey::User => None,
            AffinityKey::Network => Some(network_of(self.visible_address(client))),
            AffinityKey::Address => Some(self.visible_address(client)),
            AffinityKey::Room => {
                // who has no room stands for himself
                let alone = || 1 << 64 | u128::from(self.clients[client].number);
                let source = self.room_of(client).map_or_else(alone, |room| u128::from(room.raw()));
                Some(Ipv6Addr::from(source).into())
            }
        }
    }

    /// Settles what is left at the end of the run.
    pub fn finish(&mut self, horizon: SimTime) {
        self.settle_for_good(horizon);
        if self.path.last.sees != Sees::Client {
            // clients have no address there before their first request, and many have not sent one when the warm-up ends
            self.meter.n_eff.balancer = self.n_eff_of_clients().balancer;
        }
        self.meter.counts.heartbeats += self.open_heartbeats(horizon);
        let upgrading = self.clients.iter().filter(|client| client.link == crate::cluster::clients::Link::Connecting);
        self.meter.counts.connects_in_flight = upgrading.count() as u64;
        self.meter.counts.requests_in_flight += self.pending.requests();
        self.meter.counts.deliveries_in_flight += (self.pollers.buffered() + self.packets.iter().count()) as u64;
        self.meter.counts.acks_in_flight += self.unacknowledged.iter().count() as u64;
        self.finish_data(horizon);
        self.count_reads(horizon);
        let counts = &mut self.meter.counts;
        counts.redis_copies_undelivered += self.handed_out.iter().map(Delivery::copies).sum::<u64>();
        counts.deliveries_in_flight += self.messages.iter().map(|message| u64::from(message.others)).sum::<u64>();
    }

    /// Pods that existed on average from the end of the warm-up on, from creation to when they are gone: what a bill counts.
    fn pods_mean(&self, horizon: SimTime) -> f64 {
        let from = SimTime::ZERO + self.spec.warm_up;
        let existed = self.pods.ids().map(|pod| {
            let life = &self.pods[pod].life;
            life.gone_at.min(horizon).since(life.created_at.max(from)).as_secs_f64()
        });
        existed.sum::<f64>() / horizon.since(from).as_secs_f64()
    }

    /// Everything that was measured.
    pub fn into_record(mut self, horizon: SimTime, end: End) -> Record {
        let measured = horizon.since(SimTime::ZERO + self.spec.warm_up);
        // a pod that restarts in place is still the same pod
        let was_there = |pod: &PodId| self.pods[*pod].life.created_at <= SimTime::ZERO + self.spec.warm_up;
        let throughout: Vec<PodId> = self.running.iter().copied().filter(was_there).collect();
        let skew_of = |load: fn(&PodTotals) -> f64| {
            let loads: Vec<f64> = throughout
                .iter()
                .map(|&pod| {
                    load(&self.totals(pod, horizon)) - self.meter.pods_at_warm_up.get(pod.index()).map_or(0.0, load)
                })
                .collect();
            // one pod is neither even nor uneven
            (loads.len() > 1).then(|| Skew::of(&loads)).flatten()
        };
        let redis_busy = self.redis.cpu_used(horizon).saturating_sub(self.meter.redis_at_warm_up);
        let load = LoadSkew {
            connections: Skew::mean(&self.meter.skews),
            memory: Skew::mean(&self.meter.memory_skews),
            requests: skew_of(|totals| totals.requests as f64),
            messages: skew_of(|totals| totals.sends as f64),
            cpu: skew_of(|totals| totals.cpu.as_secs_f64()),
            connections_worst: self.meter.skews.iter().map(|skew| skew.max_over_mean).reduce(f64::max),
            connections_last: self.meter.skews.last().copied(),
        };
        let database = self.database_use(horizon);
        let cache_hits_worst = self.cache_hits_worst(&throughout);
        let (sum, samples) = self.meter.connected;
        let pods_mean = self.pods_mean(horizon);
        let reconnects_peak_per_s = f64::from(self.meter.reconnects_peak());
        let there = self.clients.ids().filter(|&client| self.clients[client].is_present());
        for client in there {
            self.meter.departed.add(self.source_of(client), self.clients[client].routed);
        }
        let n_eff = NEff { requests: self.meter.departed.effective(), ..self.meter.n_eff };
        let counts = self.meter.at_warm_up.map_or_else(|| self.meter.counts.clone(), |at| self.meter.counts.since(&at));
        Record {
            measured_s: measured.as_secs_f64(),
            latencies: self.meter.latencies,
            counts,
            load,
            n_eff,
            limits: self.meter.limits,
            connected_mean: if samples > 0 { sum / f64::from(samples) } else { 0.0 },
            ready_mean: if samples > 0 { self.meter.ready_pods as f64 / f64::from(samples) } else { 0.0 },
            pods_mean,
            pod_hour: self.spec.pods.hour_price,
            reconnects_peak_per_s,
            redis_connections_mean: if samples > 0 { self.meter.redis_connections / f64::from(samples) } else { 0.0 },
            cache_hits_worst,
            database,
            redis_cpu: redis_busy.as_secs_f64() / measured.as_secs_f64(),
            series: self.meter.series,
            marks: self.meter.marks,
            events: end.events,
            digest: end.digest,
        }
    }
}
