//! How long it takes to see that a pod is gone, and who is still there when it goes.

use super::Oracle;
use super::bare::{cluster, seconds, sessions};
use crate::cluster::balancer::NginxMethod;
use crate::cluster::spec::{Action, Choice, ClusterSpec, Probe, Readiness, TimedAction};
use crate::engine::{Law, Span};
use crate::metrics::{CloseReason, Record};

/// A pod stands still at 100 s, and a probe asks so often.
fn frozen(period_s: u64, failures: u32) -> ClusterSpec {
    let mut spec = cluster(3, NginxMethod::RoundRobin, 1, true);
    let freeze = Action::Freeze { pod: Choice::Number(0), length: Span::from_secs(400) };
    spec.timeline = vec![TimedAction::once(Span::from_secs(100), freeze)];
    spec.duration = Span::from_secs(140);
    spec.pods.readiness = Readiness::Probed(Probe {
        initial_delay: Span::ZERO,
        period: Span::from_secs(period_s),
        timeout: Span::from_secs(1),
        successes: 1,
        failures,
        grace: None,
    });
    spec
}

/// Seconds until it is found; an answer that does not come takes its time-out of a second more.
fn found(record: &Record) -> Option<f64> {
    let mark = record.marks.iter().find(|mark| mark.what == "not ready: pod-0")?;
    Some(mark.at_ms as f64 / 1e3 - 101.0)
}

/// One of two pods with 4,000 clients each is removed, and SIGTERM comes 301 s later.
///
/// nginx sends clients there until its reload, one second later; from then on they only leave, for 300 s.
fn drained() -> ClusterSpec {
    let session_s = 600.0;
    let mut spec =
        sessions(Law::exponential(seconds(session_s)), 8_000.0 / session_s, true, 420.0, NginxMethod::RoundRobin);
    spec.pods.replicas = 2;
    spec.pods.shutdown.pre_stop = Span::from_secs(301);
    spec.pods.shutdown.grace = Span::from_secs(340);
    spec.timeline = vec![TimedAction::once(Span::from_secs(100), Action::Scale { to: 1 })];
    spec
}

pub fn oracles() -> Vec<Oracle> {
    vec![
        Oracle::cluster(
            ("probe-10", "probe every 10 s, 3 failures: found after (s)", "(f − ½)·P  (oracle A10)"),
            25.0,
            400,
            frozen(10, 3),
            found,
        ),
        Oracle::cluster(
            ("probe-5", "probe every 5 s, 2 failures: found after (s)", "(f − ½)·P  (oracle A10)"),
            7.5,
            400,
            frozen(5, 2),
            found,
        ),
        Oracle::cluster(
            ("drain", "still there after 300 s of draining", "e^(−D/S)  (oracle A10)"),
            libm::exp(-0.5),
            40,
            drained(),
            |record| Some(record.counts.closed.of(CloseReason::PodShutdown) as f64 / 4_000.0),
        ),
    ]
}
