//! Sessions that come and go: how many there are, and where.

use super::bare::{seconds, sessions};
use super::{Oracle, formula};
use crate::cluster::balancer::NginxMethod;
use crate::cluster::spec::{Action, ClusterSpec, Population, ReconnectPolicy, TimedAction};
use crate::engine::{Law, Span};
use crate::metrics::{FailReason, Record};

const RANDOM: NginxMethod = NginxMethod::Random { two: false };

/// Connections of every pod at the end of a run.
pub(super) fn connections(record: &Record) -> Vec<f64> {
    let pods = record.series.pods.iter();
    pods.filter_map(|pod| record.series.connections_at_end(pod)).collect()
}

fn mean_of_pods(record: &Record) -> Option<f64> {
    let pods = connections(record);
    Some(pods.iter().sum::<f64>() / pods.len() as f64)
}

/// Mean square of the distance from `mean`, over the mean.
fn dispersion(mean: f64) -> impl Fn(&Record) -> Option<f64> {
    move |record| {
        let pods = connections(record);
        Some(pods.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / pods.len() as f64 / mean)
    }
}

/// One pod that takes ten connections; who is refused stays away. 8 would be there without the limit.
fn limited(session: Law) -> ClusterSpec {
    let mut spec = sessions(session, 8.0, false, 2_200.0, NginxMethod::RoundRobin);
    spec.warm_up = Span::from_secs(200);
    spec.pods.replicas = 1;
    spec.pods.max_connections = Some(10);
    for audience in &mut spec.audiences {
        audience.reconnect = ReconnectPolicy::NEVER;
    }
    spec
}

fn refused(record: &Record) -> Option<f64> {
    let counts = &record.counts;
    let refused = counts.connects_failed.of(FailReason::PodFull) as f64;
    (counts.connect_attempts > 0).then(|| refused / counts.connect_attempts as f64)
}

/// Arrivals that swing by half around 0.5 per second in an hour, until the moment of the peak, two cycles in.
fn wave() -> ClusterSpec {
    let hour = 3_600.0;
    let corner = |minute: u32| {
        let factor = 1.0 + 0.5 * libm::sin(std::f64::consts::TAU * f64::from(minute) / 60.0);
        (Span::from_secs(60 * u64::from(minute)), factor)
    };
    let mut spec = sessions(Law::exponential(seconds(600.0)), 0.5, false, 2.25 * hour + 463.207, RANDOM);
    for audience in &mut spec.audiences {
        if let Population::Arriving { profile, .. } = &mut audience.population {
            *profile = (0..=180).map(corner).collect();
        }
    }
    spec
}

/// Three pods become four, and `after_s` later the new one's connections are compared with a fair share.
///
/// nginx hears of the new pod by a reload, one second later.
fn scale_out(session: Law, after_s: u64) -> ClusterSpec {
    let mut spec = sessions(session, 10.0, true, 0.0, RANDOM);
    spec.duration = Span::from_secs(10 + 1 + after_s);
    spec.sample_every = spec.duration;
    spec.pods.replicas = 3;
    spec.pods.startup = Law::Fixed(0.0);
    spec.timeline = vec![TimedAction::once(Span::from_secs(10), Action::Scale { to: 4 })];
    spec
}

fn new_over_fair(record: &Record) -> Option<f64> {
    connections(record).get(3).map(|new| new / 1_500.0)
}

fn steady() -> Vec<Oracle> {
    let heavy = || Law::log_normal_mean_cv(seconds(600.0), 2.0);
    let four = |law| sessions(law, 1.0, true, 300.0, RANDOM);
    vec![
        Oracle::cluster(
            ("mginf-mean", "M/G/∞ connections per pod, log-normal, cv 2", "λE[S]/n, any law of sessions"),
            150.0,
            100,
            four(heavy()),
            mean_of_pods,
        ),
        Oracle::cluster(
            ("mginf-dispersion", "variance/mean of them, random split", "1 (Poisson)"),
            1.0,
            400,
            four(heavy()),
            dispersion(150.0),
        ),
        Oracle::cluster(
            ("turns-dispersion", "variance/mean of connections, round robin", "1/(1−(λS/(λS+1))ⁿ) − λS/n  (Takács)"),
            formula::turns_dispersion(150.0, 4),
            400,
            sessions(Law::exponential(seconds(60.0)), 10.0, true, 300.0, NginxMethod::RoundRobin),
            dispersion(150.0),
        ),
        Oracle::cluster(
            ("fullest", "connections of the fullest of 4 pods", "E[max of 4 Poisson(1500)] (oracle Q4.I1)"),
            1_539.958,
            200,
            sessions(Law::exponential(seconds(600.0)), 10.0, true, 20.0, RANDOM),
            |record| connections(record).into_iter().reduce(f64::max),
        ),
        Oracle::cluster(
            ("erlang-b", "refused at a limit of 10, exponential sessions", "B(8, 10)  (Erlang B)"),
            formula::erlang_b(8.0, 10),
            40,
            limited(Law::exponential(seconds(1.0))),
            refused,
        ),
        Oracle::cluster(
            ("erlang-b-lognormal", "the same, log-normal sessions, cv 1", "B(8, 10): insensitive to the law"),
            formula::erlang_b(8.0, 10),
            40,
            limited(Law::log_normal_mean_cv(seconds(1.0), 1.0)),
            refused,
        ),
    ]
}

fn changing() -> Vec<Oracle> {
    let heavy = || Law::log_normal_mean_cv(seconds(600.0), 2.0);
    let exponential = || Law::exponential(seconds(600.0));
    vec![
        Oracle::cluster(
            (
                "filling",
                "connections per pod 600 s after an empty start",
                "λS/n·G_e(S), log-normal, cv 2 (oracle Q4.I)",
            ),
            150.0 * 0.525_873_2,
            100,
            sessions(heavy(), 1.0, false, 600.0, RANDOM),
            mean_of_pods,
        ),
        Oracle::cluster(
            ("wave", "connections at the peak of a daily wave", "λS(1 + β/√(1+ω²S²))  (Eick–Massey–Whitt)"),
            403.593_2,
            100,
            wave(),
            |record| Some(connections(record).iter().sum()),
        ),
        Oracle::cluster(
            ("scale-out", "3 → 4 pods: new/fair after 300 s", "1 − e^(−t/S)  (oracle A4)"),
            -libm::expm1(-0.5),
            60,
            scale_out(exponential(), 300),
            new_over_fair,
        ),
        Oracle::cluster(
            ("scale-out-lognormal", "the same after 600 s, log-normal, cv 2", "G_e(t)  (oracle A4)"),
            0.525_873_2,
            60,
            scale_out(heavy(), 600),
            new_over_fair,
        ),
    ]
}

pub fn oracles() -> Vec<Oracle> {
    [steady(), changing()].into_iter().flatten().collect()
}
