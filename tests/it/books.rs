//! The books of messages: everybody who is meant is accounted for, also by events that nobody ever sees.

use stickysim::cluster::adapter::Adapter;
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{AddressChangeSpec, ClusterSpec, RetryLaw, TickSpec};
use stickysim::engine::{Law, Span};
use stickysim::metrics::LossReason;

use crate::support::{CLASSIC, TO_ALL, cluster, run, seconds};

/// `clients` connected clients, a tick to all of them at this distance.
fn ticking(clients: u32, every_s: u64, duration_s: u64) -> ClusterSpec {
    let mut spec = cluster(3, NginxMethod::RoundRobin, clients, true);
    spec.duration = Span::from_secs(duration_s);
    spec.ticks =
        vec![TickSpec { name: "tick".to_owned(), every: Span::from_secs(every_s), operation: TO_ALL, bytes: 100 }];
    spec
}

#[test]
fn everybody_present_is_meant_even_when_pods_drown() {
    for broadcast_ms in [0, 900, 2_500] {
        let mut spec = ticking(100, 1, 60);
        spec.pods.costs.broadcast = Span::from_millis(broadcast_ms);
        let counts = run(&spec, 0).counts;
        // ticks at 1, 2, … 60 s
        assert_eq!((counts.events_emitted, counts.recipients), (60, 6_000), "{broadcast_ms} ms per broadcast");
    }
}

#[test]
fn whoever_loses_the_network_before_a_copy_leaves_does_not_get_it() {
    // the only tick, at 21 s, leaves its pod at 36 s; by then nobody has a network, and nobody ever has one again
    for adapter in [Adapter::None, CLASSIC] {
        let mut spec = ticking(100, 21, 41);
        spec.redis.law.adapter = adapter;
        spec.pods.costs.broadcast = Span::from_millis(1);
        spec.pods.costs.publish = Span::from_secs(15);
        if adapter == Adapter::None {
            spec.pods.costs.broadcast = Span::from_secs(15);
        }
        spec.audiences[0].network.address_change = Some(AddressChangeSpec {
            every: Law::Uniform { low: seconds(22.0), high: seconds(30.0) },
            gap: Law::Fixed(seconds(1e6)),
            same_network: 0.0,
        });
        spec.steady_start = false;
        let counts = run(&spec, 0).counts;
        assert_eq!(counts.recipients, 100);
        assert_eq!(counts.delivered_local + counts.delivered_cross, 0);
        let elsewhere = counts.lost.of(LossReason::NoAdapter);
        assert_eq!(counts.lost.of(LossReason::RecipientOffline) + elsewhere, 100, "{counts:#?}");
    }
}

#[test]
fn a_copy_is_for_a_connection_and_not_for_its_client() {
    // the only client has a new address at 21.5 s and is back in the same place of the list at 21.6 s, thanks to a
    // second worker; the first one sends the tick of 21 s after that, in time (0.9 s) or far behind
    for broadcast_ms in [900, 15_000] {
        let mut spec = ticking(1, 21, 41);
        (spec.pods.replicas, spec.pods.workers, spec.pods.cpu) = (1, 2, 2.0);
        spec.pods.costs.broadcast = Span::from_millis(broadcast_ms);
        let delay = Span::from_millis(100);
        spec.audiences[0].reconnect = RetryLaw::Exponential { first: delay, max: delay, jitter: 0.0 }.into();
        spec.audiences[0].network.address_change =
            Some(AddressChangeSpec { every: Law::Fixed(seconds(21.5)), gap: Law::Fixed(0.0), same_network: 0.0 });
        spec.steady_start = false;
        let counts = run(&spec, 0).counts;
        assert_eq!((counts.recipients, counts.reconnects), (1, 1), "{broadcast_ms} ms per broadcast");
        assert_eq!((counts.delivered_local, counts.lost.of(LossReason::RecipientOffline)), (0, 1));
    }
}

#[test]
fn the_peak_of_reconnects_does_not_depend_on_the_length_of_the_run() {
    let peak = |duration_s: u64| {
        let mut spec = cluster(4, NginxMethod::Random { two: false }, 2_000, true);
        spec.duration = Span::from_secs(duration_s);
        spec.sample_every = Span::from_secs(duration_s / 100);
        let crash = stickysim::cluster::spec::Action::Crash(stickysim::cluster::spec::Choice::Number(0));
        spec.timeline = vec![stickysim::cluster::spec::TimedAction::once(Span::from_secs(60), crash)];
        run(&spec, 0).reconnects_peak_per_s
    };
    assert!(peak(200) > 100.0);
    assert_eq!((peak(400), peak(4_000)), (peak(200), peak(200)));
}

#[test]
fn heartbeats_leave_less_for_everything_else() {
    // 500 connections whose heartbeats take 25 ms per 25 s each use half of the pod: work takes twice as long
    let mut spec = cluster(1, NginxMethod::RoundRobin, 500, true);
    spec.pods.costs.heartbeat = Span::from_millis(25);
    spec.traffic = vec![crate::support::api(10_000.0, Law::Fixed(seconds(0.01)))];
    let record = run(&spec, 0);
    let median_ms = record.latencies.request.quantile_ms(0.5).unwrap();
    assert!((median_ms - 20.0).abs() < 0.1, "{median_ms} ms");
    assert!((0.5..0.56).contains(&record.limits.pod_cpu), "{}", record.limits.pod_cpu);
}
