//! The database and the pools of pods against closed forms (facts: oracles Q2–Q6), and when they are at their limits.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::simulate_during;
use stickysim::cluster::spec::{
    Action, Choice, ClusterSpec, DataUse, DatabaseSpec, Population, TimedAction, TrafficAction, TrafficSpec,
};
use stickysim::engine::{Law, Seed, Span};
use stickysim::metrics::{FailReason, FigureId, Record, Window};

use crate::support::{api, assert_agrees, cluster, replications, run, seconds};

const CLIENTS: u32 = 500;

/// A database that is never at any limit and at no distance.
fn database(query: Law) -> DatabaseSpec {
    DatabaseSpec {
        pool_per_pod: 100_000,
        pool_timeout: None,
        connections: 100_000,
        parallel: None,
        query,
        hop: Span::ZERO,
    }
}

/// Each client asks so often, with this work before so many queries.
fn asks(every_s: f64, work: Law, queries: u8) -> TrafficSpec {
    let data = Box::new(DataUse { queries, caches: vec![] });
    TrafficSpec { action: TrafficAction::ApiWithData { work, data }, ..api(every_s, Law::Fixed(0.0)) }
}

/// One pod, Poisson requests at `rate` per second that are nothing but `queries` queries.
fn cluster_of(rate: f64, queries: u8, database: DatabaseSpec) -> ClusterSpec {
    let mut spec = cluster(1, NginxMethod::RoundRobin, CLIENTS, false);
    spec.traffic = vec![asks(f64::from(CLIENTS) / rate, Law::Fixed(0.0), queries)];
    spec.database = Some(database);
    spec
}

fn figure(records: &[Record], name: &str) -> Vec<f64> {
    let figure: FigureId = name.parse().expect(name);
    records.iter().map(|record| figure.value(record).expect(name)).collect()
}

#[test]
fn the_wait_for_a_connection_is_that_of_an_mmc() {
    // Q2.2 in units of 10 ms: λ = 2.4, μ = 1, a pool of 3: Wq = 1.078652, its p99 6.950094, W = 2.078652
    let pool = DatabaseSpec { pool_per_pod: 3, ..database(Law::exponential(seconds(0.01))) };
    let records = replications(cluster_of(240.0, 1, pool), 100_000.0, 240.0);
    assert_agrees("wait", &figure(&records, "mean database.pool_wait"), 10.78652);
    assert_agrees("wait p99", &figure(&records, "p99 database.pool_wait"), 69.50094);
    assert_agrees("response", &figure(&records, "mean request.latency"), 20.78652);
    assert_agrees("queries per request", &figure(&records, "database.queries_per_request"), 1.0);
}

#[test]
fn a_database_with_so_many_cores_is_an_mmc() {
    // the same queue, inside the database
    let cores = DatabaseSpec { parallel: Some(3), ..database(Law::exponential(seconds(0.01))) };
    let records = replications(cluster_of(240.0, 1, cores), 100_000.0, 240.0);
    assert_agrees("response", &figure(&records, "mean request.latency"), 20.78652);
    assert_agrees("response p99", &figure(&records, "p99 database.query"), 84.55477);
    assert_agrees("busy", &figure(&records, "database.busy"), 0.8);
    assert_agrees("wait", &figure(&records, "mean database.pool_wait"), 0.0);
}

#[test]
fn without_a_limit_nobody_waits_for_anybody() {
    // M/G/∞: the response is the sum of two queries, and one event loop is enough for twelve requests at a time
    let query = Law::log_normal_mean_cv(seconds(0.025), 2.0);
    let records = replications(cluster_of(240.0, 2, database(query)), 50_000.0, 240.0);
    assert_agrees("response", &figure(&records, "mean request.latency"), 50.0);
    assert_agrees("queries per request", &figure(&records, "database.queries_per_request"), 2.0);
    assert!(records.iter().all(|record| record.latencies.pool_wait.sum_s() == 0.0));
}

#[test]
fn pod_and_database_are_a_tandem() {
    // Q6.2 in units of 10 ms: λ = 0.8, μ = 1 and 2: W = 5.833333, p95 15.89027, p99 23.93746
    let mut spec =
        cluster_of(80.0, 1, DatabaseSpec { parallel: Some(1), ..database(Law::exponential(seconds(0.005))) });
    spec.traffic = vec![asks(f64::from(CLIENTS) / 80.0, Law::exponential(seconds(0.01)), 1)];
    let records = replications(spec, 100_000.0, 80.0);
    assert_agrees("response", &figure(&records, "mean request.latency"), 58.33333);
    assert_agrees("response p95", &figure(&records, "p95 request.latency"), 158.9027);
    assert_agrees("response p99", &figure(&records, "p99 request.latency"), 239.3746);
}

#[test]
fn who_waits_too_long_for_a_connection_fails() {
    // M/M/1 + D [Barrer 1957]: a wait of at most τ loses (1−ρ)ρe / (1−ρ²e) of all, with e = exp(−(μ−λ)τ)
    let (rho, tau) = (0.8, 2.0);
    let e = libm::exp(-(1.0 - rho) * tau);
    let lost = (1.0 - rho) * rho * e / (1.0 - rho * rho * e);
    let pool = DatabaseSpec {
        pool_per_pod: 1,
        pool_timeout: Some(Span::from_nanos_f64(seconds(0.01 * tau))),
        ..database(Law::exponential(seconds(0.01)))
    };
    let records = replications(cluster_of(80.0, 1, pool), 50_000.0, 80.0);
    assert_agrees("pool time-outs", &figure(&records, "requests.failed.pool_timeout"), lost);
    for record in &records {
        assert!(record.latencies.pool_wait.quantile_ms(1.0).unwrap() <= 10.0 * tau * 1.001);
        assert_eq!(record.counts.queries_timed_out, record.counts.requests_failed.of(FailReason::PoolTimeout));
    }
}

#[test]
fn who_waits_for_longer_than_the_balancer_is_given_up_then() {
    // a request per second, and one query of 10 s at a time: the k-th is done 10 + 9·k s after it came, which is too late
    // from the seventh on; each is given up a minute after it came, whenever its turn would have been
    let mut spec = cluster_of(1.0, 1, DatabaseSpec { pool_per_pod: 1, ..database(Law::Fixed(seconds(10.0))) });
    spec.audiences[0].population = Population::Present { count: 1 };
    spec.traffic[0].every = Law::Fixed(seconds(1.0));
    spec.duration = Span::from_secs(300);
    let given_up = |spec: &ClusterSpec| -> Vec<u64> {
        let window = |(from, to)| Window { from: Span::from_secs(from), to: Span::from_secs(to) };
        let (_, parts) =
            simulate_during(spec, &[(0, 66), (68, 200), (200, 300)].map(window), Seed(1)).expect("balances");
        parts.iter().map(|part| part.counts.requests_failed.of(FailReason::TimedOut)).collect()
    };
    assert_eq!(given_up(&spec), [0, 132, 100]);
    spec.timeline = vec![TimedAction::once(Span::from_secs(200), Action::Crash(Choice::Number(0)))];
    spec.pods.startup = Law::Fixed(seconds(1_000.0));
    assert_eq!(given_up(&spec), [0, 132, 0], "the others fail with their pod");
}

#[test]
fn queries_per_request_are_those_of_requests_that_come_to_them() {
    // a pod that has work for twice its time comes to half of its requests
    let mut spec = cluster_of(200.0, 3, database(Law::Fixed(seconds(0.01))));
    spec.traffic = vec![asks(f64::from(CLIENTS) / 200.0, Law::Fixed(seconds(0.01)), 3)];
    spec.duration = Span::from_secs(50);
    let queries = figure(&[run(&spec, 0)], "database.queries_per_request")[0];
    assert!((2.99..=3.0).contains(&queries), "{queries}");
}

#[test]
fn connections_beyond_what_the_database_accepts_are_refused() {
    // three pools of ten would like 30 of 25 connections; what two of them need there is
    let pools = DatabaseSpec { pool_per_pod: 10, connections: 25, ..database(Law::Fixed(seconds(0.1))) };
    let mut spec = cluster_of(250.0, 1, pools);
    spec.pods.replicas = 3;
    spec.duration = Span::from_secs(60);
    let record = run(&spec, 0);
    let figure = |name: &str| name.parse::<FigureId>().unwrap().value(&record).unwrap();
    assert!(figure("requests.failed.too_many_clients") > 0.05);
    assert_eq!(figure("limits.database_connections"), 1.0);
    assert_eq!(record.counts.queries_refused, record.counts.requests_failed.of(FailReason::TooManyClients));
    spec.database.as_mut().unwrap().connections = 30;
    assert_eq!(run(&spec, 0).counts.requests_failed.total(), 0);
}

#[test]
fn a_crash_gives_connections_back_and_a_shutdown_in_order_answers() {
    let pools = DatabaseSpec { pool_per_pod: 5, connections: 10, ..database(Law::Fixed(seconds(0.2))) };
    let mut spec = cluster_of(30.0, 1, pools);
    spec.pods.replicas = 2;
    spec.pods.startup = Law::Fixed(seconds(1.0));
    spec.duration = Span::from_secs(60);
    let at = |second, action| TimedAction::once(Span::from_secs(second), action);
    spec.timeline = vec![at(20, Action::Crash(Choice::Number(0)))];
    let counts = run(&spec, 0).counts;
    // who was at the database or waited for it has failed; afterwards the pod finds room for all its connections again
    let died = counts.requests_failed.of(FailReason::PodDied);
    assert!(died > 0 && counts.queries_lost == died, "{died}");
    assert_eq!(counts.queries_refused, 0);
    spec.timeline = vec![at(20, Action::Restart(Choice::Number(0)))];
    assert_eq!(run(&spec, 0).counts.requests_failed.of(FailReason::PodDied), 0);
}

#[test]
fn a_slow_database_is_slow_for_as_long_as_it_says() {
    let mut spec = cluster_of(100.0, 1, database(Law::Fixed(seconds(0.01))));
    spec.duration = Span::from_secs(100);
    let action = Action::SlowDatabase { factor: 5.0, lasts: Span::from_secs(20) };
    spec.timeline = vec![TimedAction::once(Span::from_secs(40), action)];
    let request = run(&spec, 0).latencies.request;
    let slow = (request.sum_s() - request.count() as f64 * 0.01) / 0.04;
    assert!((slow - 2_000.0).abs() < 200.0, "{slow} slow queries of about 2000");
}
