//! Requests that wait for pods, and queries that wait for the database.

use super::bare::{api, cluster, queue, seconds};
use super::{Oracle, formula};
use crate::cluster::balancer::{BalancerSpec, NginxMethod};
use crate::cluster::spec::{ClusterSpec, Costs, DataUse, DatabaseSpec, Target, TrafficAction, TrafficSpec, Via};
use crate::engine::{Law, Span};
use crate::metrics::Record;

/// Mean work of a request, in milliseconds: the unit of theory.
const WORK_MS: f64 = 10.0;
const REPLICATIONS: u32 = 40;

/// Runs about this many requests at `rate` per second, after a tenth of them that do not count.
fn lasting(mut spec: ClusterSpec, requests: f64, rate: f64) -> ClusterSpec {
    spec.duration = Span::from_nanos_f64(seconds(requests / rate * 1.1));
    spec.warm_up = Span::from_nanos_f64(seconds(requests / rate * 0.1));
    spec.sample_every = spec.duration;
    spec
}

fn work(cv: f64) -> Law {
    Law::log_normal_mean_cv(seconds(WORK_MS / 1e3), cv)
}
fn exponential() -> Law {
    Law::exponential(seconds(WORK_MS / 1e3))
}

/// Mean response less the mean work: the mean wait.
fn wait(record: &Record) -> Option<f64> {
    record.latencies.request.mean_ms().map(|response| response - WORK_MS)
}
fn response(record: &Record) -> Option<f64> {
    record.latencies.request.mean_ms()
}

/// The mean wait at one pod with so many workers, at this load.
fn waits(
    names: (&'static str, &'static str, &'static str),
    theory: f64,
    (workers, load, law): (u32, f64, Law),
    requests: f64,
) -> Oracle {
    let rate = load * f64::from(workers) * 1e3 / WORK_MS;
    Oracle::cluster(names, theory * WORK_MS, REPLICATIONS, lasting(queue(workers, rate, law), requests, rate), wait)
}

/// Exponential requests at `load` to so many pods behind this method of nginx.
fn balanced(pods: u32, load: f64, method: NginxMethod, requests: f64) -> ClusterSpec {
    let rate = load * f64::from(pods) * 1e3 / WORK_MS;
    let mut spec = queue(1, rate, exponential());
    spec.pods.replicas = pods;
    if let Some(BalancerSpec::Nginx(nginx)) = spec.balancers.first_mut() {
        nginx.method = method;
    }
    lasting(spec, requests, rate)
}

/// Arrivals per second, their dispersion, and how busy they keep a pod.
fn arrivals() -> Vec<Oracle> {
    let spec = || lasting(queue(1, 80.0, exponential()), 30_000.0, 80.0);
    let mut by_second = spec();
    by_second.sample_every = Span::from_secs(1);
    let dispersion = |record: &Record| {
        let counts: Vec<f64> = record.series.pods.first()?.requests_per_s.iter().copied().flatten().collect();
        let squares: f64 = counts.iter().map(|n| (n - 80.0) * (n - 80.0)).sum();
        Some(squares / counts.len() as f64 / 80.0)
    };
    let busy = |record: &Record| record.series.pods.first()?.cpu.last().copied().flatten();
    // one interval that is the whole run: what was done in it over its length
    let mut whole = spec();
    whole.warm_up = Span::ZERO;
    vec![
        Oracle::cluster(("arrivals", "requests per second", "λ"), 80.0, REPLICATIONS, spec(), |record| {
            Some(record.counts.requests as f64 / record.measured_s)
        }),
        Oracle::cluster(
            ("dispersion", "variance/mean of arrivals per second", "1 (Poisson)"),
            1.0,
            REPLICATIONS,
            by_second,
            dispersion,
        ),
        Oracle::cluster(("utilisation", "busy share of a pod, ρ = 0.8", "ρ = λ·E[S]"), 0.8, REPLICATIONS, whole, busy),
    ]
}

fn single() -> Vec<Oracle> {
    let pareto = Law::Pareto { min: seconds(WORK_MS / 1e3) * 3.5 / 4.5, alpha: 4.5 };
    // two branches of equal weight in time ("balanced means") with cv² = 4
    let p = (1.0 + libm::sqrt(3.0 / 5.0)) / 2.0;
    let branch = |p: f64| (p, seconds(WORK_MS / 1e3) / (2.0 * p));
    let two_branches = Law::HyperExponential(vec![branch(p), branch(1.0 - p)]);
    let quantile = |record: &Record| record.latencies.request.quantile_ms(0.99);
    let unqueued = |record: &Record| record.latencies.request.quantile_ms(0.95);
    // the work itself: a pod with so many workers that nobody waits
    let sigma2 = std::f64::consts::LN_2;
    let p95 = WORK_MS * libm::exp(1.644_853_626_951_472 * libm::sqrt(sigma2) - sigma2 / 2.0);
    const PK: &str = "ρ(1+c²)/(2(1−ρ))·E[S]  (Pollaczek–Khinchine)";
    vec![
        waits(("mm1-wait-0.5", "M/M/1 wait (ms), ρ = 0.5", "ρ/(1−ρ)·E[S]"), 1.0, (1, 0.5, exponential()), 50_000.0),
        waits(("mm1-wait-0.8", "M/M/1 wait (ms), ρ = 0.8", "ρ/(1−ρ)·E[S]"), 4.0, (1, 0.8, exponential()), 100_000.0),
        Oracle::cluster(
            ("mm1-p99", "M/M/1 response p99 (ms), ρ = 0.8", "ln 100/(μ−λ)"),
            libm::log(100.0) * WORK_MS / 0.2,
            REPLICATIONS,
            lasting(queue(1, 80.0, exponential()), 50_000.0, 80.0),
            quantile,
        ),
        waits(
            ("md1-wait-0.8", "M/D/1 wait (ms), ρ = 0.8", PK),
            2.0,
            (1, 0.8, Law::Fixed(seconds(WORK_MS / 1e3))),
            50_000.0,
        ),
        waits(
            ("mm3-wait-0.8", "M/M/3 wait (ms), ρ = 0.8", "C/(cμ−λ)  (Erlang C)"),
            formula::mmc_wait(0.8, 3),
            (3, 0.8, exponential()),
            50_000.0,
        ),
        waits(
            ("mm10-wait-0.8", "M/M/10 wait (ms), ρ = 0.8", "C/(cμ−λ)  (Erlang C)"),
            formula::mmc_wait(0.8, 10),
            (10, 0.8, exponential()),
            50_000.0,
        ),
        waits(("lognormal-wait", "M/G/1 wait (ms), log-normal, cv 1, ρ = 0.5", PK), 1.0, (1, 0.5, work(1.0)), 50_000.0),
        waits(
            ("pareto-wait", "M/G/1 wait (ms), Pareto, α = 4.5, ρ = 0.8", PK),
            formula::mg1_wait(0.8, 1.0 / (4.5 * 2.5)),
            (1, 0.8, pareto),
            50_000.0,
        ),
        waits(("h2-wait", "M/G/1 wait (ms), hyper-exp., cv² = 4, ρ = 0.5", PK), 2.5, (1, 0.5, two_branches), 50_000.0),
        Oracle::cluster(
            ("unqueued-p95", "log-normal work p95 (ms), nobody waits", "E[S]·exp(1.6449σ − σ²/2)"),
            p95,
            REPLICATIONS,
            lasting(queue(1_000, 80.0, work(1.0)), 20_000.0, 80.0),
            unqueued,
        ),
    ]
}

/// The share of requests that the first of the pods gets.
fn first_share(record: &Record) -> Option<f64> {
    let per_s: Vec<f64> =
        record.series.pods.iter().filter_map(|pod| pod.requests_per_s.last().copied().flatten()).collect();
    Some(per_s.first()? / per_s.iter().sum::<f64>())
}

fn several() -> Vec<Oracle> {
    let (two, three) = (NginxMethod::Random { two: true }, NginxMethod::LeastConn);
    vec![
        Oracle::cluster(
            ("round-robin", "round robin, 2 pods: response (ms), ρ = 0.8", "1/(μ(1−σ)), σ = (2ρ/(2ρ+1−σ))²  (E₂/M/1)"),
            formula::every_nth_response(0.8, 2) * WORK_MS,
            REPLICATIONS,
            balanced(2, 0.8, NginxMethod::RoundRobin, 50_000.0),
            response,
        ),
        Oracle::cluster(
            (
                "least-conn",
                "least connections, 2 pods: response (ms), ρ = 0.8",
                "Markov chain, 120 levels (oracle Q7.J2)",
            ),
            2.955_736_617_64 * WORK_MS,
            REPLICATIONS,
            balanced(2, 0.8, three, 50_000.0),
            response,
        ),
        Oracle::cluster(
            (
                "least-of-two",
                "least of two of 3 pods: response (ms), ρ = 0.8",
                "Markov chain, 60 levels (oracle Q7.J5)",
            ),
            2.509_999_789_04 * WORK_MS,
            REPLICATIONS,
            balanced(3, 0.8, two, 50_000.0),
            response,
        ),
        Oracle::cluster(
            ("least-conn-ties", "least connections, 2 pods: share of the first, ρ = 0.5", "1/2 (symmetry)"),
            0.5,
            REPLICATIONS,
            balanced(2, 0.5, NginxMethod::LeastConn, 20_000.0),
            first_share,
        ),
    ]
}

fn others() -> Vec<Oracle> {
    // a database that is never at any limit but its one core
    let database = DatabaseSpec {
        pool_per_pod: 100_000,
        pool_timeout: None,
        connections: 100_000,
        parallel: Some(1),
        query: Law::exponential(seconds(WORK_MS / 2e3)),
        hop: Span::ZERO,
    };
    let mut tandem = queue(1, 80.0, Law::Fixed(0.0));
    let data = Box::new(DataUse { queries: 1, caches: vec![] });
    for traffic in &mut tandem.traffic {
        traffic.action = TrafficAction::ApiWithData { work: exponential(), data: data.clone() };
    }
    tandem.database = Some(database);
    let mut broadcasts = cluster(1, NginxMethod::RoundRobin, 1_000, true);
    broadcasts.pods.costs = Costs { send: Span::from_micros(100), ..super::bare::no_costs() };
    let action = TrafficAction::Emit { to: Target::All, via: Via::Socket, bytes: 10, work: Law::Fixed(0.0) };
    broadcasts.traffic = vec![TrafficSpec { action, ..api(200.0, Law::Fixed(0.0)) }];
    vec![
        Oracle::cluster(
            ("tandem", "pod, then database: response (ms)", "1/(μ₁−λ) + 1/(μ₂−λ)  (Jackson)"),
            1e3 / (100.0 - 80.0) + 1e3 / (200.0 - 80.0),
            REPLICATIONS,
            lasting(tandem, 50_000.0, 80.0),
            response,
        ),
        Oracle::cluster(
            (
                "broadcast",
                "broadcasts to 1,000 clients: emit to receive (ms)",
                "bD²/(2(1−bD)) + (r+1)s/2, D = rs  (M/D/1)",
            ),
            100.05,
            REPLICATIONS,
            lasting(broadcasts, 2_000.0, 5.0),
            |record| record.latencies.event_local.mean_ms(),
        ),
    ]
}

pub fn oracles() -> Vec<Oracle> {
    [arrivals(), single(), several(), others()].into_iter().flatten().collect()
}
