//! Events of clients that are to be acknowledged.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{
    AckSpec, Action, AddressChangeSpec, Choice, ClusterSpec, RefreshSpec, Target, TimedAction, Via,
};
use stickysim::engine::{Law, Span};

use crate::support::{cluster, emit, run, seconds};

/// 100 clients 10 ms away from two pods emit an event every 5 s of each, and want an answer within 2 s.
fn asking(retries: u32) -> ClusterSpec {
    let mut spec = cluster(2, NginxMethod::RoundRobin, 100, true);
    spec.audiences[0].network.rtt = Law::Fixed(seconds(0.02));
    spec.traffic = vec![emit(Law::exponential(seconds(5.0)), Target::Own, Via::Socket)];
    spec.traffic[0].ack = Some(AckSpec { timeout: Span::from_secs(2), retries });
    spec.pods.costs.receive = Span::from_millis(1);
    spec.pods.costs.send = Span::from_micros(500);
    spec.duration = Span::from_secs(300);
    spec
}

fn at(second: u64, action: Action) -> TimedAction {
    TimedAction::once(Span::from_secs(second), action)
}

#[test]
fn an_answer_takes_a_round_trip_and_the_handler() {
    let record = run(&asking(0), 0);
    let c = &record.counts;
    assert!(c.acks_wanted > 5_000);
    assert_eq!((c.acks + c.acks_in_flight, c.acks_timed_out, c.events_repeated), (c.acks_wanted, 0, 0));
    // 10 ms, 1 ms, 0.5 ms for the answer and 0.5 ms for the event itself, 10 ms; now and then somebody is before it
    let mean = record.latencies.ack.mean_ms().unwrap();
    assert!((22.0..22.2).contains(&mean), "{mean}");
}

#[test]
fn a_frozen_pod_answers_too_late() {
    let freeze = |retries| {
        let mut spec = asking(retries);
        spec.timeline = vec![at(100, Action::Freeze { pod: Choice::Number(0), length: Span::from_secs(10) })];
        run(&spec, 0)
    };
    let once = freeze(0);
    // half of the clients, 10 events a second for eight seconds
    assert!((60..100).contains(&once.counts.acks_timed_out), "{}", once.counts.acks_timed_out);
    assert_eq!(once.counts.events_repeated, 0);
    // with retries the pod gets it again, up to four times, and has handled all of them when it goes on
    let again = freeze(10).counts;
    assert_eq!(again.acks_timed_out, 0);
    assert!((150..350).contains(&again.events_repeated), "{}", again.events_repeated);
    assert_eq!(again.events_emitted, again.acks_wanted + again.events_repeated, "each time it is a new event");
}

#[test]
fn after_a_crash_what_had_no_answer_is_sent_again_with_the_next_connection() {
    let crash = |retries| {
        let mut spec = asking(retries);
        spec.pods.costs.receive = Span::from_millis(30);
        spec.timeline = vec![at(100, Action::Crash(Choice::Number(0)))];
        let counts = (0..20).map(|replication| run(&spec, replication).counts);
        counts.fold((0, 0), |(late, again), c| (late + c.acks_timed_out, again + c.events_repeated))
    };
    let (late, again) = crash(0);
    assert!(late > 5 && again == 0, "what the process had in hand: {late}");
    let (late, again) = crash(10);
    assert_eq!(late, 0);
    assert!(again > 5, "{again}");
}

#[test]
fn without_retries_what_is_held_back_for_too_long_is_never_sent() {
    let away = |retries| {
        let mut spec = asking(retries);
        spec.audiences[0].network.address_change = Some(AddressChangeSpec {
            every: Law::exponential(seconds(300.0)),
            gap: Law::Fixed(seconds(20.0)),
            same_network: 0.0,
        });
        run(&spec, 0).counts
    };
    let once = away(0);
    assert!(once.acks_timed_out > 100);
    // an event is meant for one client: what is not sent reaches nobody
    let not_sent = once.lost.of(stickysim::metrics::LossReason::NotSent);
    assert!(not_sent > 100 && not_sent <= once.acks_timed_out, "{not_sent}");
    let again = away(3);
    assert_eq!(again.acks_timed_out, 0, "the clock runs from when an event is sent");
    assert_eq!(again.lost.of(stickysim::metrics::LossReason::NotSent), 0);
}

#[test]
fn a_new_page_waits_for_no_answer() {
    let mut spec = asking(3);
    // one second away: many answers are on their way
    spec.audiences[0].network.rtt = Law::Fixed(seconds(2.0));
    spec.audiences[0].refresh =
        Some(RefreshSpec { every: Law::exponential(seconds(30.0)), load: Law::Fixed(seconds(1.0)) });
    let counts = run(&spec, 0).counts;
    assert!(counts.acks_abandoned > 100, "{}", counts.acks_abandoned);
}
