//! The slow and obvious twin of one pod: every start, every end and every copy is an event of its own.
//!
//! The model books work when it arrives and computes what follows; here nothing is computed ahead. Both must agree on
//! every duration to the nanosecond, and on what is lost when the process dies.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stickysim::cluster::adapter::Adapter;
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{
    Action, Choice, ClusterSpec, Costs, Population, RedisCosts, RetryLaw, TickSpec, TimedAction, Trace, TraceRequest,
};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{FailReason, Histogram, LossReason, Record};

use crate::support::{CLASSIC, TO_ALL, audience, cluster, no_costs, run};
use pod::Twin;

mod pod;

/// One small scenario, all times in nanoseconds.
#[derive(Clone, Debug)]
struct Small {
    horizon: u64,
    workers: u32,
    /// Work takes this many times as long: 1 or 2.
    stretch: u64,
    costs: [u64; 5],
    classic: bool,
    /// Redis: publish, copy, hop.
    redis: [u64; 3],
    /// (clients, one way) of each audience with WebSockets.
    sockets: Vec<(u32, u64)>,
    /// Back-off: first, max.
    back_off: [u64; 2],
    /// (one way, work, moments) of each trace.
    traces: Vec<(u64, u64, Vec<u64>)>,
    ticks: Vec<u64>,
    crashes: Vec<u64>,
    startup: u64,
}

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const HORIZON: u64 = 20 * SECOND;

fn small() -> impl Strategy<Value = Small> {
    let costs = prop::array::uniform5(0..30 * MS);
    let sockets = vec((1u32..12, 0..200 * MS), 1..3);
    let traces = vec((0..100 * MS, 0..300 * MS, vec(0..HORIZON, 1..60)), 0..3);
    let load = (sockets, traces, vec(20 * MS..2 * SECOND, 0..3), vec(0..HORIZON, 0..3));
    let pod = (1u32..4, 1u64..3, costs, 0..5 * SECOND, any::<bool>());
    (pod, load, [0..5 * MS, 0..5 * MS, 0..20 * MS], [SECOND / 10..2 * SECOND, SECOND / 10..6 * SECOND]).prop_map(
        |((workers, stretch, costs, startup, classic), (sockets, mut traces, ticks, mut crashes), redis, back_off)| {
            traces.iter_mut().for_each(|trace| trace.2.sort_unstable());
            crashes.sort_unstable();
            let horizon = HORIZON;
            Small {
                horizon,
                workers,
                stretch,
                costs,
                classic,
                redis,
                sockets,
                back_off,
                traces,
                ticks,
                crashes,
                startup,
            }
        },
    )
}

impl Small {
    /// As the model takes it.
    fn spec(&self) -> ClusterSpec {
        let ns = Span::from_nanos;
        let mut spec = cluster(1, NginxMethod::RoundRobin, 0, true);
        let [connect, request, broadcast, send, publish] = self.costs.map(ns);
        spec.duration = ns(self.horizon);
        spec.pods.workers = self.workers;
        spec.pods.cpu = f64::from(self.workers) / self.stretch as f64;
        spec.pods.costs = Costs { connect, request, broadcast, send, publish, ..no_costs() };
        spec.pods.startup = Law::Fixed(self.startup as f64);
        spec.redis.law.adapter = if self.classic { CLASSIC } else { Adapter::None };
        let [publish, copy, hop] = self.redis.map(ns);
        (spec.redis.costs, spec.redis.hop) = (RedisCosts::even(publish, copy), hop);
        let [first, max] = self.back_off.map(ns);
        spec.audiences.clear();
        for &(count, one_way) in &self.sockets {
            let mut sockets = audience(count, true);
            sockets.network.rtt = Law::Fixed(2.0 * one_way as f64);
            sockets.reconnect = RetryLaw::Exponential { first, max, jitter: 0.0 }.into();
            spec.audiences.push(sockets);
        }
        for (one_way, work, moments) in &self.traces {
            let address = IpAddr::V4(Ipv4Addr::new(81, 2, 69, 142));
            let requests = moments.iter().map(|&at| TraceRequest { at: ns(at), client: 0, address }).collect();
            let mut caller = audience(0, false);
            let trace = Arc::new(Trace { requests, clients: 1 });
            caller.population = Population::Trace { trace, work: Law::Fixed(*work as f64) };
            caller.network.rtt = Law::Fixed(2.0 * *one_way as f64);
            spec.audiences.push(caller);
        }
        let tick = |&every: &u64| TickSpec { name: "tick".to_owned(), every: ns(every), operation: TO_ALL, bytes: 1 };
        spec.ticks = self.ticks.iter().map(tick).collect();
        let crash = |&at: &u64| TimedAction::once(ns(at), Action::Crash(Choice::Number(0)));
        spec.timeline = self.crashes.iter().map(crash).collect();
        spec
    }
}

/// What the model counted, in the twin's words.
fn counted(record: &Record, classic: bool) -> Vec<(&'static str, u64)> {
    let c = &record.counts;
    let mut all = vec![
        ("requests", c.requests),
        ("answered", c.requests_answered),
        ("requests refused", c.requests_failed.of(FailReason::PodUnreachable)),
        ("requests died", c.requests_failed.of(FailReason::PodDied)),
        ("requests in flight", c.requests_in_flight),
        ("connect attempts", c.connect_attempts),
        ("connects", c.connects),
        ("connects refused", c.connects_failed.of(FailReason::PodUnreachable)),
        ("connects died", c.connects_failed.of(FailReason::PodDied)),
        ("connects in flight", c.connects_in_flight),
        ("delivered", c.delivered_local),
        ("not sent", c.lost.of(LossReason::NotSent)),
        ("recipients", c.recipients),
        ("published", c.redis_publish),
        ("copies own", c.redis_copies_own),
        ("copies undelivered", c.redis_copies_undelivered),
    ];
    if !classic {
        // with an adapter the recipients elsewhere are accounted for when the copies arrive, or would have
        all.push(("deliveries in flight", c.deliveries_in_flight));
        all.push(("copies lost", c.lost.of(LossReason::PodDied)));
        all.push(("lost offline", c.lost.of(LossReason::RecipientOffline)));
    }
    all
}

/// A histogram to the last bit of what it holds: the exact sum and every bucket.
fn exactly(histogram: &Histogram) -> (u64, f64, Vec<(f64, f64)>) {
    (histogram.count(), histogram.sum_s(), histogram.distribution(2_000))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        // the same verdict every time; 20,000 cases of another seed held when this was written
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn one_pod_equals_its_slow_twin_to_the_nanosecond(small in small()) {
        let record = run(&small.spec(), 0);
        // the twin has no limit per attempt
        prop_assume!(record.counts.connects_failed.of(FailReason::TimedOut) == 0);
        let tally = Twin::new(&small).run();
        for (what, modelled) in counted(&record, small.classic) {
            prop_assert_eq!(modelled, tally.counts.get(what).copied().unwrap_or(0), "{}", what);
        }
        let latencies = &record.latencies;
        for (what, model, twin) in [
            ("request", &latencies.request, &tally.request),
            ("event", &latencies.event_local, &tally.event),
            ("connect", &latencies.connect, &tally.connect),
            ("offline", &latencies.offline, &tally.offline),
            ("redis wait", &latencies.redis_wait, &tally.redis_wait),
        ] {
            prop_assert_eq!(exactly(model), exactly(twin), "{}", what);
        }
    }
}
