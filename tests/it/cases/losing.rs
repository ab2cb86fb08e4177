//! A pod is killed under its clients: what was measured on the real software (socket.io 4.8.4, nginx 1.22.1), statement by
//! statement, on `scenarios/cases/losing-a-pod.yaml`.

use std::path::Path;

use stickysim::cluster::simulate;
use stickysim::engine::Seed;
use stickysim::metrics::{CloseReason, Record};
use stickysim::scenario::{Scenario, load};

/// When the pod is killed, and when it is back.
const KILLED_S: f64 = 20.5;
const BACK_S: f64 = 28.5;

fn scenario(changes: &[&str]) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/cases/losing-a-pod.yaml");
    let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
    load(&path, &changes).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(changes: &[&str], variant: &str, replication: u32) -> Record {
    let scenario = scenario(changes);
    let variant = scenario.variants.iter().find(|other| other.name == variant).unwrap();
    simulate(&variant.spec, Seed(scenario.seed).replication(replication)).unwrap_or_else(|error| panic!("{error}"))
}

/// Connections of each pod in the last sample at or before this time.
fn connections(record: &Record, at_s: f64) -> Vec<u32> {
    let sample = record.series.times_s.iter().rposition(|&time| time <= at_s + 1e-9).unwrap();
    record.series.pods.iter().map(|pod| pod.connections[sample].unwrap_or(0.0) as u32).collect()
}

#[test]
fn only_its_own_clients_are_cut_and_all_are_back_at_the_first_try() {
    for variant in ["nginx-round-robin", "nginx-least-conn", "nginx-ip-hash", "haproxy-cookie"] {
        let record = run(&[], variant, 0);
        let before = connections(&record, KILLED_S - 1.0);
        let counts = &record.counts;
        assert_eq!(before.iter().sum::<u32>(), 330, "{variant}");
        // with checks, HAProxy's turns are one off after the start here; what the program does then was not measured
        let uneven = if variant == "haproxy-cookie" { 1 } else { 0 };
        let even = before.iter().all(|pod| pod.abs_diff(110) <= uneven);
        assert!(even || variant == "nginx-ip-hash", "{variant}: {before:?}");
        assert_eq!(counts.closed.of(CloseReason::PodCrash), u64::from(before[1]), "{variant}");
        assert_eq!(counts.closed.total(), u64::from(before[1]), "{variant}");
        assert_eq!((counts.reconnects, counts.connects_failed.total()), (u64::from(before[1]), 0), "{variant}");
    }
}

#[test]
fn they_go_to_both_survivors() {
    // measured: 55 and 55 in turns, 50 and 60 by ip_hash
    for (variant, spread) in [("nginx-round-robin", 1), ("nginx-least-conn", 1), ("nginx-ip-hash", 40)] {
        let record = run(&[], variant, 0);
        let [before, after] = [KILLED_S - 1.0, KILLED_S + 5.0].map(|at| connections(&record, at));
        let gained = [0, 2].map(|pod| after[pod] - before[pod]);
        assert_eq!(gained[0] + gained[1], before[1], "{variant}");
        assert!(gained[0].abs_diff(gained[1]) <= spread, "{variant}: {gained:?}");
    }
}

#[test]
fn nobody_goes_back_when_the_pod_does() {
    for variant in ["nginx-round-robin", "nginx-least-conn", "nginx-ip-hash", "haproxy-cookie"] {
        let record = run(&[], variant, 0);
        let later = connections(&record, BACK_S + 15.0);
        assert_eq!((later[1], later.iter().sum::<u32>()), (0, 330), "{variant}: {later:?}");
    }
}

/// A second audience: 90 clients that come at once, 17 s after the pod is back.
const NEWCOMERS: &str = "clients=[{name: clients, count: 330, transports: [websocket], network: {preset: fixed, rtt: 500us, jitter: 0, \
    address_change: never}}, {name: new, arrivals: {rate: 90/s, profile: {at: [[0s, 0], [44999ms, 0], [45s, 1], [46s, 1], \
    [46001ms, 0]]}}, session: 1h, transports: [websocket], network: {preset: fixed, rtt: 500us, jitter: 0, address_change: never}}]";

#[test]
fn nginx_lets_one_of_the_newcomers_to_the_pod_that_is_back() {
    // measured: 45, 1 and 44 of 90
    let record = run(&[NEWCOMERS], "nginx-round-robin", 0);
    let [before, after] = [44.0, 48.0].map(|at| connections(&record, at));
    let came: Vec<u32> = (0..3).map(|pod| after[pod] - before[pod]).collect();
    assert_eq!(came[1], 1, "{came:?}");
    assert!(came[0].abs_diff(came[2]) <= 1 && came.iter().sum::<u32>() > 60, "{came:?}");
}

#[test]
fn a_returned_pod_gets_a_connection_in_ten_seconds_by_default_and_its_share_without_the_pause() {
    // measured with 30 new connections per 10 s: 1, 1, 2, 3, 4, 5 of 30 … 180; with max_fails=0 and least_conn all of the first 30
    let newcomers = "clients=[{name: clients, count: 330, transports: [websocket], network: {preset: fixed, rtt: 500us, jitter: 0, address_change: \
        never}}, {name: new, arrivals: {rate: 3/s, profile: {at: [[0s, 0], [29999ms, 0], [30s, 1]]}}, session: 1h, transports: [websocket], network: \
        {preset: fixed, rtt: 500us, jitter: 0, address_change: never}}]";
    for variant in ["nginx-round-robin", "nginx-least-conn"] {
        let record = run(&[newcomers, "duration=91s"], variant, 0);
        let on_it: Vec<u32> = (1..=6).map(|n| connections(&record, 30.0 + 10.0 * f64::from(n))[1]).collect();
        println!("{variant}: {on_it:?}");
        assert!(on_it.is_sorted() && (4..=7).contains(&on_it[5]) && on_it[0] <= 2, "{variant}: {on_it:?}");
    }
    let patient = "variants.nginx-least-conn.balancers=[{nginx: {method: least_conn, max_fails: 0}}]";
    let record = run(&[newcomers, "duration=91s", patient], "nginx-least-conn", 0);
    let [before, after] = [30.0, 40.0].map(|at| connections(&record, at));
    assert!(after[1] >= 20, "{before:?} {after:?}");
    assert_eq!([after[0], after[2]], [before[0], before[2]], "all newcomers go to the empty one");
}

#[test]
fn the_first_retry_is_as_late_as_measured() {
    // n = 1250: p5 578, p25 789, median 1057, p75 1268, p95 1478, mean 1036 ms from notice to the attempt; a comb of ten bands,
    // where a quantile falls on a gap it may move by 50 ms
    let records: Vec<Record> = (0..10).map(|n| run(&[], "nginx-round-robin", n)).collect();
    let mut offline = records[0].latencies.offline.clone();
    records[1..].iter().for_each(|record| offline.merge(&record.latencies.offline));
    assert_eq!(offline.count(), 1_100);
    let mean = offline.mean_ms().unwrap();
    assert!((mean / 1036.0 - 1.0).abs() < 0.03, "{mean}");
    for (q, measured) in [(0.05, 578.0), (0.25, 789.0), (0.5, 1057.0), (0.75, 1268.0), (0.95, 1478.0)] {
        let ours = offline.quantile_ms(q).unwrap();
        println!("{q}: {ours:.0} ms, measured {measured} ms");
        assert!((ours - measured).abs() < 62.0, "{q}: {ours} ms against {measured} ms");
    }
}
