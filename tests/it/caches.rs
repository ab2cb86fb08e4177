//! Caches of pods against closed forms (facts: oracles A9), with and without affinity.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{
    CacheSpec, ClusterSpec, DataUse, KeyOwner, Population, Saves, TrafficAction, TrafficSpec,
};
use stickysim::engine::{Law, Span};
use stickysim::metrics::Record;

use crate::support::{api, assert_agrees, cluster, run, seconds};

/// A cache that saves nothing, without end and without age.
fn cache(owner: KeyOwner, items: Option<Law>) -> CacheSpec {
    CacheSpec { owner, items, capacity: 1_000_000, ttl: None, saves: Saves::Work(Span::ZERO) }
}

/// Every client asks this cache at exponential distances with this mean.
fn asks(every_s: f64, cache: CacheSpec) -> TrafficSpec {
    let data = Box::new(DataUse { queries: 0, caches: vec![cache] });
    TrafficSpec { action: TrafficAction::ApiWithData { work: Law::Fixed(0.0), data }, ..api(every_s, Law::Fixed(0.0)) }
}

fn hits(record: &Record) -> f64 {
    record.counts.cache_hits as f64 / record.counts.cache_lookups as f64
}

/// Shares of hits of 30 runs of this length.
fn runs(mut spec: ClusterSpec, warm_up_s: u64, measured_s: u64) -> Vec<f64> {
    spec.warm_up = Span::from_secs(warm_up_s);
    spec.duration = Span::from_secs(warm_up_s + measured_s);
    spec.sample_every = spec.duration;
    (0..30).map(|replication| hits(&run(&spec, replication))).collect()
}

const RANDOM: NginxMethod = NginxMethod::Random { two: false };

#[test]
fn lru_hits_are_those_of_the_exact_stack_orders() {
    for (n, capacity, s, theory) in [(5, 2, 1.0, 0.5188846), (6, 3, 1.0, 0.637815), (7, 3, 0.7, 0.5047734)] {
        let mut spec = cluster(1, NginxMethod::RoundRobin, 100, false);
        let items = Law::zipf(s, n).expect("ranks");
        spec.traffic = vec![asks(1.0, CacheSpec { capacity, ..cache(KeyOwner::Everybody, Some(items)) })];
        assert_agrees(&format!("LRU {n} {capacity} {s}"), &runs(spec, 100, 1_000), theory);
    }
}

#[test]
fn a_large_lru_hits_as_its_characteristic_time_says() {
    // Che: N = 1000, C = 100, Zipf 0.8: 0.3777902, which is an approximation; the simulated value of the facts is
    // 0.3784 ± 0.0003, and both must be within half a percent
    let mut spec = cluster(1, NginxMethod::RoundRobin, 100, false);
    let items = Law::zipf(0.8, 1_000).expect("ranks");
    spec.traffic = vec![asks(1.0, CacheSpec { capacity: 100, ..cache(KeyOwner::Everybody, Some(items)) })];
    let hits = runs(spec, 50, 500);
    let mean = hits.iter().sum::<f64>() / hits.len() as f64;
    println!("LRU 1000 100 0.8: {mean}");
    assert!((mean / 0.3777902 - 1.0).abs() < 0.005 && (mean - 0.3784).abs() < 0.001, "{mean}");
}

#[test]
fn affinity_changes_nothing_for_what_all_clients_share() {
    for method in [RANDOM, NginxMethod::IpHash] {
        let mut spec = cluster(3, method.clone(), 300, false);
        let items = Law::zipf(1.0, 5).expect("ranks");
        spec.traffic = vec![asks(1.0, CacheSpec { capacity: 2, ..cache(KeyOwner::Everybody, Some(items)) })];
        assert_agrees(&format!("shared, {method:?}"), &runs(spec, 50, 500), 0.5188846);
    }
}

#[test]
fn affinity_lifts_the_hits_of_what_clients_own() {
    // a time to live T from the fill, x = λT per key: x/(1+x) with affinity, x/(n+x) without
    for (x, n) in [(1.0, 3), (5.0, 3), (5.0, 10)] {
        for (method, pods) in [(NginxMethod::IpHash, 1.0), (RANDOM, f64::from(n))] {
            let mut spec = cluster(n, method.clone(), 300, false);
            let ttl = Some(Span::from_nanos_f64(seconds(x * 10.0)));
            spec.traffic = vec![asks(10.0, CacheSpec { ttl, ..cache(KeyOwner::Client, None) })];
            assert_agrees(&format!("TTL {x} {n} {method:?}"), &runs(spec, 200, 1_000), x / (pods + x));
        }
    }
}

#[test]
fn a_session_of_k_requests_hits_as_often_as_pods_repeat() {
    // no expiry, k requests of each client: 1−1/k with affinity, 1−n(1−(1−1/n)^k)/k without
    for (k, n, without) in [(5u32, 3u32, 0.4790123), (20, 3, 0.8500451), (20, 10, 0.5607883)] {
        for (method, theory) in [(NginxMethod::IpHash, 1.0 - 1.0 / f64::from(k)), (RANDOM, without)] {
            let mut spec = cluster(n, method.clone(), 500, false);
            spec.traffic = vec![asks(1.0, cache(KeyOwner::Client, None))];
            // evenly, from a random moment of the first ten seconds on: k in k times ten seconds
            spec.traffic[0].every = Law::Fixed(seconds(10.0));
            assert_agrees(&format!("{k} requests, {n} pods, {method:?}"), &runs(spec, 0, 10 * u64::from(k)), theory);
        }
    }
}

#[test]
fn a_cache_is_empty_after_a_crash() {
    use stickysim::cluster::spec::{Action, Choice, TimedAction};
    let mut spec = cluster(1, NginxMethod::RoundRobin, 100, false);
    spec.pods.startup = Law::Fixed(0.0);
    spec.traffic = vec![asks(1.0, cache(KeyOwner::Client, None))];
    spec.duration = Span::from_secs(100);
    let misses = |spec: &ClusterSpec| {
        let counts = run(spec, 0).counts;
        counts.cache_lookups - counts.cache_hits
    };
    assert_eq!(misses(&spec), 100);
    let crash = TimedAction::once(Span::from_secs(50), Action::Crash(Choice::Number(0)));
    spec.timeline = vec![crash];
    assert_eq!(misses(&spec), 200);
}

#[test]
fn a_hit_saves_what_it_says() {
    let mut spec = cluster(1, NginxMethod::RoundRobin, 1, false);
    spec.audiences[0].population = Population::Present { count: 20 };
    spec.traffic =
        vec![asks(5.0, CacheSpec { saves: Saves::Work(Span::from_millis(30)), ..cache(KeyOwner::Client, None) })];
    spec.traffic[0].every = Law::Fixed(seconds(5.0)); // nobody asks again before the first answer
    if let TrafficAction::ApiWithData { work, .. } = &mut spec.traffic[0].action {
        *work = Law::Fixed(seconds(0.05));
    }
    let record = run(&spec, 0);
    let request = &record.latencies.request;
    // the first of each client 50 ms, all others 20 ms: 20 misses
    let work_s = record.counts.requests as f64 * 0.02 + 20.0 * 0.03;
    assert!(request.sum_s() >= work_s - 0.1 && request.quantile_ms(0.5).unwrap() < 21.0, "{}", request.sum_s());
    assert_eq!(record.counts.cache_lookups - record.counts.cache_hits, 20);
}
