//! The whole model against closed forms (facts: oracles Q1–Q4, A1, A3, A5). Bounds come from the replications.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{Population, Target, TrafficAction, TrafficSpec, Transports, Via};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{FigureId, Record};

use stickysim::selftest::bare::{queue, sessions};

use crate::support::{api, assert_agrees, assert_agrees_to, replications, run, seconds};

fn means(records: &[Record]) -> Vec<f64> {
    records.iter().map(|record| record.latencies.request.mean_ms().unwrap()).collect()
}
fn p99s(records: &[Record]) -> Vec<f64> {
    records.iter().map(|record| record.latencies.request.quantile_ms(0.99).unwrap()).collect()
}

#[test]
fn mm1_response_time() {
    // Q1: ρ = 0.8, mean work 10 ms: W = 50 ms, p99 = 230.2585 ms
    let records = replications(queue(1, 80.0, Law::exponential(seconds(0.01))), 100_000.0, 80.0);
    assert_agrees("M/M/1 mean", &means(&records), 50.0);
    assert_agrees("M/M/1 p99", &p99s(&records), 230.2585);
}

#[test]
fn mmc_response_time() {
    // Q2.2: λ = 2.4, μ = 1, c = 3, in units of 10 ms: W = 2.078652, p99 = 8.455477
    let records = replications(queue(3, 240.0, Law::exponential(seconds(0.01))), 100_000.0, 240.0);
    assert_agrees("M/M/3 mean", &means(&records), 20.78652);
    assert_agrees("M/M/3 p99", &p99s(&records), 84.55477);
}

#[test]
fn md1_response_time() {
    // Q3.D2: ρ = 0.8, work exactly 10 ms: W = 30 ms; p99 of waiting 103.5589 ms, so of the response 113.5589 ms
    let records = replications(queue(1, 80.0, Law::Fixed(seconds(0.01))), 100_000.0, 80.0);
    assert_agrees("M/D/1 mean", &means(&records), 30.0);
    assert_agrees("M/D/1 p99", &p99s(&records), 113.5589);
}

#[test]
fn mg1_log_normal_mean() {
    // Q3.L2: ρ = 0.8, log-normal work with cv 1: Wq = 4, so W = 50 ms
    let records = replications(queue(1, 80.0, Law::log_normal_mean_cv(seconds(0.01), 1.0)), 100_000.0, 80.0);
    assert_agrees("M/G/1 mean", &means(&records), 50.0);
}

#[test]
fn mg1_log_normal_wait_p99() {
    // Q3.L2: p99 of the wait is 23.36816 units. A probe that needs no work itself sees the wait alone (PASTA): an event
    // by socket to its sender arrives when the work before it is done.
    let mut spec = queue(1, 80.0, Law::log_normal_mean_cv(seconds(0.01), 1.0));
    spec.audiences[0].transports = Transports::WebSocket;
    let probe = TrafficAction::Emit { to: Target::Own, via: Via::Socket, bytes: 1, work: Law::Fixed(0.0) };
    spec.traffic.push(TrafficSpec { name: "probe".to_owned(), action: probe, ..api(500.0 / 80.0, Law::Fixed(0.0)) });
    let records = replications(spec, 100_000.0, 80.0);
    let waits = |q: f64| records.iter().map(|r| r.latencies.event_local.quantile_ms(q).unwrap()).collect::<Vec<_>>();
    assert_agrees("M/G/1 wait p50", &waits(0.5), 21.55854);
    assert_agrees("M/G/1 wait p90", &waits(0.9), 106.1961);
    assert_agrees("M/G/1 wait p99", &waits(0.99), 233.6816);
}

#[test]
fn half_a_core_takes_twice_as_long_and_shows_how_busy_it_is() {
    // the utilisation law with a CPU limit: 25 requests/s of 10 ms need 0.25 cores, half of the limit of 0.5, and the
    // queue is an M/D/1 with ρ = 0.5 and work of 20 ms: W = 30 ms
    let mut spec = queue(1, 25.0, Law::Fixed(seconds(0.01)));
    spec.pods.cpu = 0.5;
    let records = replications(spec, 20_000.0, 25.0);
    assert_agrees("mean under a limit", &means(&records), 30.0);
    let busy = |record: &Record| {
        let cpu = &record.series.pods[0].cpu;
        cpu.iter().flatten().sum::<f64>() / cpu.len() as f64
    };
    assert_agrees("share of the limit", &records.iter().map(busy).collect::<Vec<_>>(), 0.5);
}

#[test]
fn of_five_times_too_much_work_all_fails_that_comes_after_a_quarter_of_the_time_limit() {
    // M/M/1, λ = 5 μ: who comes at t waits for 4 t, so that all who come after 15 s wait for more than a minute. Until 75 s
    // μ are answered per second; from then on λ fail, each a minute after it came. From 60 s to 120 s: 15 μ and 45 λ = 225 μ
    let figure: FigureId = "requests.failed".parse().expect("a figure");
    let failed = |from, to| -> Vec<f64> {
        let mut spec = queue(1, 1_000.0, Law::exponential(seconds(0.005)));
        (spec.warm_up, spec.duration) = (Span::from_secs(from), Span::from_secs(to));
        (0..20).map(|replication| figure.value(&run(&spec, replication)).expect("requests ended")).collect()
    };
    assert_agrees_to("share that failed", &failed(60, 120), 225.0 / 240.0, 0.002);
    assert_eq!(failed(90, 120), [1.0; 20], "of those that ended none was answered");
}

/// Mean responses, in units of the mean work, of `pods` pods at ρ = 0.8 with exponential work.
fn responses(pods: u32, method: NginxMethod) -> Vec<f64> {
    let rate = 80.0 * f64::from(pods);
    let mut spec = queue(1, rate, Law::exponential(seconds(0.01)));
    spec.pods.replicas = pods;
    if let stickysim::cluster::balancer::BalancerSpec::Nginx(nginx) = &mut spec.balancers[0] {
        nginx.method = method;
    }
    means(&replications(spec, 30_000.0, rate)).into_iter().map(|ms| ms / 10.0).collect()
}

#[test]
fn balancers_rank_as_queueing_theory_says() {
    // Q7, Q8: shortest queue < round robin < random, each at its exact mean (ties do not matter to the first: the
    // queues are alike)
    for (pods, shortest, round_robin) in [(2, 2.955737, 3.84398), (3, 2.285548, 3.459423)] {
        assert_agrees(&format!("least_conn, {pods} pods"), &responses(pods, NginxMethod::LeastConn), shortest);
        assert_agrees(&format!("round robin, {pods} pods"), &responses(pods, NginxMethod::RoundRobin), round_robin);
        assert_agrees(&format!("random, {pods} pods"), &responses(pods, NginxMethod::Random { two: false }), 5.0);
    }
}

/// Connections of every pod at the end of a run.
fn connections(record: &Record) -> Vec<f64> {
    record.series.pods.iter().filter_map(|pod| pod.connections.last().copied().flatten()).collect()
}

#[test]
fn connections_per_pod_are_poisson_in_the_steady_state() {
    // Q4.I: M/G/∞ split at random, here λS/n = 150 per pod: mean and variance are 150 for any law of sessions
    for law in [Law::exponential(seconds(600.0)), Law::log_normal_mean_cv(seconds(600.0), 2.0)] {
        let spec = sessions(law, 1.0, true, 300.0, NginxMethod::Random { two: false });
        let loads: Vec<Vec<f64>> = (0..500).map(|replication| connections(&run(&spec, replication))).collect();
        let mean: Vec<f64> = loads.iter().map(|pods| pods.iter().sum::<f64>() / 4.0).collect();
        let square: Vec<f64> =
            loads.iter().map(|pods| pods.iter().map(|x| (x - 150.0) * (x - 150.0)).sum::<f64>() / 4.0).collect();
        assert_agrees("connections per pod", &mean, 150.0);
        assert_agrees_to("their variance", &square, 150.0, 0.15);
    }
}

#[test]
fn the_fullest_of_four_pods_is_as_full_as_the_law_says() {
    // Q4.I1: λ = 10/s, S = 600 s, four pods at random: 1500 connections per pod, the fullest 1539.958 on average
    let spec = sessions(Law::exponential(seconds(600.0)), 10.0, true, 20.0, NginxMethod::Random { two: false });
    let loads: Vec<Vec<f64>> = (0..200).map(|replication| connections(&run(&spec, replication))).collect();
    let fullest: Vec<f64> = loads.iter().map(|pods| pods.iter().copied().fold(0.0, f64::max)).collect();
    let excess: Vec<f64> = fullest.iter().map(|x| x - 1500.0).collect();
    assert_agrees("connections of the fullest pod", &fullest, 1539.958);
    assert_agrees_to("their excess over the mean", &excess, 39.958, 0.25);
}

#[test]
fn an_empty_cluster_fills_with_the_equilibrium_law() {
    // Q4.I: mean(t) = 150·G_e(t), at t = S = 600 s: 1−1/e for exponential sessions, 0.5258732 for log-normal, cv 2
    for (law, filled) in
        [(Law::exponential(seconds(600.0)), 0.6321206), (Law::log_normal_mean_cv(seconds(600.0), 2.0), 0.5258732)]
    {
        let spec = sessions(law, 1.0, false, 600.0, NginxMethod::Random { two: false });
        let mean = |replication| connections(&run(&spec, replication)).iter().sum::<f64>() / 4.0;
        assert_agrees("connections after 600 s", &(0..100).map(mean).collect::<Vec<_>>(), 150.0 * filled);
    }
}

#[test]
fn round_robin_nearly_halves_the_variance_of_connections() {
    // Q4 [Takács]: n = 4, λS = 600: variance/mean = 0.6255204, mean 150
    let spec = sessions(Law::exponential(seconds(60.0)), 10.0, true, 300.0, NginxMethod::RoundRobin);
    let square = |replication| {
        let pods = connections(&run(&spec, replication));
        pods.iter().map(|x| (x - 150.0) * (x - 150.0)).sum::<f64>() / 4.0
    };
    let squares: Vec<f64> = (0..400).map(square).collect();
    assert_agrees_to("variance of connections", &squares, 150.0 * 0.6255204, 0.15);
}

#[test]
fn a_daily_wave_of_arrivals_peaks_late_and_lower() {
    // Q4.T3 at a hundredth of its rate: λ(t) = 0.5(1 + 0.5 sin ωt) per second, an hour's cycle, S = 600 s: the peak of
    // 403.5932 connections comes 463.207 s after that of the arrivals. Two cycles in, the empty start is forgotten.
    let hour = 3_600.0;
    let corner = |minute: u32| {
        let factor = 1.0 + 0.5 * libm::sin(std::f64::consts::TAU * f64::from(minute) / 60.0);
        (Span::from_secs(60 * u64::from(minute)), factor)
    };
    let peak = 2.25 * hour + 463.207;
    let mut spec = sessions(Law::exponential(seconds(600.0)), 0.5, false, 0.0, NginxMethod::Random { two: false });
    let Population::Arriving { profile, .. } = &mut spec.audiences[0].population else { unreachable!() };
    *profile = (0..=180).map(corner).collect();
    spec.duration = Span::from_nanos_f64(seconds(peak));
    spec.sample_every = spec.duration;
    let total = |replication| connections(&run(&spec, replication)).iter().sum::<f64>();
    assert_agrees("connections at the peak", &(0..100).map(total).collect::<Vec<_>>(), 403.5932);
}
