//! The whole model against closed forms (facts: oracles Q1–Q4, A1, A3, A5). Bounds come from the replications.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::ClusterSpec;
use stickysim::engine::{Law, Span};
use stickysim::metrics::Record;

use crate::support::{api, assert_agrees, cluster, run, seconds};

/// One pod with `workers` workers, Poisson requests at `rate` per second from 500 clients, this law of work (seconds).
fn queue(workers: u32, rate: f64, work: Law) -> ClusterSpec {
    const CLIENTS: u32 = 500;
    let mut spec = cluster(1, NginxMethod::RoundRobin, CLIENTS, false);
    spec.traffic = vec![api(f64::from(CLIENTS) / rate, work)];
    spec.pods.workers = workers;
    spec.pods.cpu = f64::from(workers);
    spec
}

/// 30 replications of a queue at a work scale of milliseconds: one unit of theory is `unit_ms`.
fn replications(mut spec: ClusterSpec, requests: f64, rate: f64) -> Vec<Record> {
    spec.duration = Span::from_nanos_f64(seconds(requests / rate * 1.1));
    spec.warm_up = Span::from_nanos_f64(seconds(requests / rate * 0.1));
    spec.sample_every = spec.duration / 20;
    (0..30).map(|replication| run(&spec, replication)).collect()
}

fn means(records: &[Record]) -> Vec<f64> {
    records.iter().map(|record| record.latencies.request.mean_ms().unwrap()).collect()
}
fn p99s(records: &[Record]) -> Vec<f64> {
    records.iter().map(|record| record.latencies.request.quantile_ms(0.99).unwrap()).collect()
}

#[test]
fn mm1_response_time() {
    // Q1: ρ = 0.8, mean work 10 ms: W = 50 ms, p99 = 230.2585 ms
    let records = replications(queue(1, 80.0, Law::exponential(seconds(0.01))), 200_000.0, 80.0);
    assert_agrees("M/M/1 mean", &means(&records), 50.0);
    assert_agrees("M/M/1 p99", &p99s(&records), 230.2585);
}

#[test]
fn mmc_response_time() {
    // Q2.2: λ = 2.4, μ = 1, c = 3, in units of 10 ms: W = 2.078652, p99 = 8.455477
    let records = replications(queue(3, 240.0, Law::exponential(seconds(0.01))), 200_000.0, 240.0);
    assert_agrees("M/M/3 mean", &means(&records), 20.78652);
    assert_agrees("M/M/3 p99", &p99s(&records), 84.55477);
}

#[test]
fn md1_response_time() {
    // Q3.D2: ρ = 0.8, work exactly 10 ms: W = 30 ms; p99 of waiting 103.5589 ms, so of the response 113.5589 ms
    let records = replications(queue(1, 80.0, Law::Fixed(seconds(0.01))), 200_000.0, 80.0);
    assert_agrees("M/D/1 mean", &means(&records), 30.0);
    assert_agrees("M/D/1 p99", &p99s(&records), 113.5589);
}

#[test]
fn mg1_log_normal_mean() {
    // Q3.L2: ρ = 0.8, log-normal work with cv 1: Wq = 4, so W = 50 ms
    let records = replications(queue(1, 80.0, Law::log_normal_mean_cv(seconds(0.01), 1.0)), 200_000.0, 80.0);
    assert_agrees("M/G/1 mean", &means(&records), 50.0);
}
