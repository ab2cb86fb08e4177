//! Samples of the series, the end of the warm-up, the end of the run.

use std::net::{IpAddr, Ipv6Addr};

use crate::cluster::balancer::{AffinityKey, Sees};
use crate::cluster::clients::ClientId;
use crate::cluster::database::Database;
use crate::cluster::flows::publish::Delivery;
use crate::cluster::meter::{PodTotals, Sample};
use crate::cluster::network::network_of;
use crate::cluster::pods::{Container, Phase};
use crate::cluster::sources;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::{Limiting, NEff, PodSeries, Skew};

impl Cluster<'_> {
    /// From here on figures count.
    pub fn end_warm_up(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.settle_all(now);
        self.count_reads(now);
        self.sessions.end_warm_up(|client| self.rooms.missed(client));
        // what is forgotten now belongs to the sample under way
        let forgotten = self.meter.latency_sums();
        self.meter.sums_at_sample.iter_mut().zip(forgotten).for_each(|(sum, forgotten)| *sum -= forgotten);
        for histogram in self.meter.latencies.each_mut() {
            histogram.clear();
        }
        self.meter.n_eff = self.n_eff_of_clients();
        self.begin_parts(now);
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
        let sums = self.meter.latency_sums();
        let before = std::mem::replace(&mut self.meter.sums_at_sample, sums);
        let mean_ms = |which: usize, count: u64| match count {
            0 => 0.0,
            _ => (sums[which] - before[which]) as f64 / count as f64 / 1e6,
        };
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
            mean_ms(0, since.requests_answered),
            mean_ms(1, since.delivered_local + since.delivered_cross),
        ];
        for (series, value) in self.meter.series.cluster.0.iter_mut().zip(row) {
            series.push(value);
        }
        let per_pod = f64::from(self.spec.redis.law.adapter.connections());
        let sample = Sample {
            skew,
            memory_skew,
            ready_pods: ready,
            redis_connections: per_pod * self.subscribers.len() as f64,
            database_connections: f64::from(self.database.as_ref().map_or(0, Database::open)),
            connected: f64::from(self.rooms.everyone().online()),
        };
        self.meter.sampled(now, &sample);
    }

    pub fn totals(&self, pod: PodId, now: SimTime) -> PodTotals {
        let lookups = self.caches.lookups(pod);
        let pod = &self.pods[pod];
        PodTotals { requests: pod.requests, sends: pod.sends, cpu: pod.cpu_used(now), lookups }
    }

    /// A window of peaks ends.
    pub fn window(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let window = self.spec.peak_window();
        ctx.schedule_in(window, Event::Window);
        let redis = self.redis.cpu_used(now);
        let (mut pods_before, redis_before) = std::mem::take(&mut self.meter.cpu_at_window);
        pods_before.resize(self.pods.len(), Span::ZERO);
        let mut peaks = Limiting::default();
        for pod in self.running.iter().copied() {
            let used = self.pods[pod].cpu_used(now);
            let before = std::mem::replace(&mut pods_before[pod.index()], used);
            peaks.pod_cpu = peaks.pod_cpu.max(self.cpu_share(pod, used.saturating_sub(before), window));
            if let Some(limit) = self.spec.pods.memory_bytes {
                let share = self.memory_of(pod) as f64 / limit as f64;
                peaks.pod_memory = Some(peaks.pod_memory.unwrap_or(0.0).max(share));
            }
        }
        peaks.redis_cpu = redis.saturating_sub(redis_before).as_secs_f64() / window.as_secs_f64();
        self.meter.cpu_at_window = (pods_before, redis);
        self.window_of_data(now, window, &mut peaks);
        self.meter.peaked(now, &peaks);
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
        self.finish_data();
        self.count_reads(horizon);
        let counts = &mut self.meter.counts;
        counts.redis_copies_undelivered += self.handed_out.iter().map(Delivery::copies).sum::<u64>();
        counts.deliveries_in_flight += self.messages.iter().map(|message| u64::from(message.others)).sum::<u64>();
    }
}
