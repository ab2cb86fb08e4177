//! Deaths that nobody hears of at once, against the recording of a process under SIGSTOP (reconnect.csv), and pages that
//! are loaded anew.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{
    Action, Choice, ClusterSpec, Population, RefreshSpec, RoomsSpec, TimedAction, Transports,
};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{CloseReason, FailReason};

use crate::support::{cluster, run, seconds};

/// 150 clients on three pods behind round robin, one of which stands still 5 s after they have connected.
fn frozen(length_s: u64) -> ClusterSpec {
    let mut spec = cluster(3, NginxMethod::RoundRobin, 150, true);
    spec.audiences[0].network.rtt = Law::Fixed(1e6);
    spec.steady_start = false;
    spec.duration = Span::from_secs(125);
    let action = Action::Freeze { pod: Choice::Number(1), length: Span::from_secs(length_s) };
    spec.timeline = vec![TimedAction::once(Span::from_secs(5), action)];
    spec
}

/// Recorded: those of the pod, and nobody else, notice 38.1 to 41.0 s after a freeze that comes 4 to 7 s after they have
/// connected: no ping for 25 + 20 s. A third of their attempts meets the frozen pod and costs 20 s.
#[test]
fn clients_of_a_frozen_pod_notice_when_no_ping_comes() {
    let record = run(&frozen(600), 0);
    let counts = &record.counts;
    assert_eq!((counts.closed.of(CloseReason::PingTimeout), counts.closed.total()), (50, 50));
    let session = |p| record.latencies.session.quantile_ms(p / 100.0).unwrap() / 1e3;
    println!("noticed {:.2} to {:.2} s after connecting", session(0.1), session(99.9));
    assert!((44.9..45.1).contains(&session(1.0)) && (44.9..45.1).contains(&session(99.0)));
    // recorded: 33 back after one attempt (0.56 to 1.49 s), 12 after two (21.8 to 24.4 s), 3 after three, 2 not in 70 s
    let timed_out = counts.connects_failed.of(FailReason::TimedOut);
    assert!((12..=40).contains(&timed_out), "{timed_out}");
    let lost = |p| record.latencies.offline.quantile_ms(p / 100.0).unwrap() / 1e3;
    assert!((0.5..1.6).contains(&lost(50.0)), "{}", lost(50.0));
    assert!(lost(97.0) > 21.0, "{}", lost(97.0));
}

#[test]
fn a_short_freeze_is_noticed_by_nobody_and_everything_waits() {
    let mut spec = frozen(15);
    spec.traffic = vec![crate::support::api(1.0, Law::Fixed(seconds(1e-6)))];
    let record = run(&spec, 0);
    assert_eq!(record.counts.closed.total(), 0);
    assert_eq!(record.counts.requests_failed.total(), 0);
    // a third of the requests of 15 s waits for 7.5 s on average
    let p99 = record.latencies.request.quantile_ms(0.99).unwrap() / 1e3;
    assert!((8.0..15.1).contains(&p99), "{p99}");
}

/// The old page says goodbye, the new one connects when it is there, wherever the balancer sends it.
#[test]
fn a_page_that_is_loaded_anew_closes_its_connection_and_opens_another() {
    for transports in [Transports::WebSocket, Transports::PollingFirst, Transports::Polling] {
        let mut spec = cluster(3, NginxMethod::IpHash, 60, true);
        spec.audiences[0].transports = transports;
        spec.audiences[0].refresh =
            Some(RefreshSpec { every: Law::Fixed(seconds(100.0)), load: Law::Fixed(seconds(2.0)) });
        let record = run(&spec, 0);
        let counts = &record.counts;
        let refreshed = counts.closed.of(CloseReason::Refresh);
        assert_eq!((counts.closed.total(), counts.sessions_moved), (refreshed, 0));
        // those of the last two seconds are still loading
        assert!((refreshed - 4..=refreshed).contains(&counts.reconnects), "{}", counts.reconnects);
        assert!((330..=360).contains(&refreshed), "{transports:?}: {refreshed}");
        let offline = record.latencies.offline.quantile_ms(0.5).unwrap() / 1e3;
        assert!((2.0..2.02).contains(&offline), "{offline}");
    }
}

/// A pod that stands still for long serves the rooms of clients that have left meanwhile, and others have come in their places.
#[test]
fn whoever_left_a_frozen_pod_keeps_its_rooms_until_the_pod_knows() {
    let mut spec = cluster(2, NginxMethod::RoundRobin, 1, true);
    let session = Law::exponential(seconds(20.0));
    spec.audiences[0].population = Population::Arriving { rate_per_s: 2.0, profile: Vec::new(), session };
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(4.0), per_client: 2 });
    spec.duration = Span::from_secs(240);
    let action = Action::Freeze { pod: Choice::Number(0), length: Span::from_secs(120) };
    spec.timeline = vec![TimedAction::once(Span::from_secs(30), action)];
    for replication in 0..5 {
        run(&spec, replication); // its books balance
    }
}
