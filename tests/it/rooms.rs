//! Events between pods: what Redis carries, who gets an event, and that everybody is accounted for.

use stickysim::cluster::adapter::Adapter;
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{
    Action, Choice, ClusterSpec, Costs, RoomsSpec, Target, TickSpec, TimedAction, TrafficAction, TrafficSpec, Via,
};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{Counts, LossReason};

use crate::support::{CLASSIC, TO_ALL, api, assert_agrees, cluster, no_costs, run, seconds};

/// Clients in rooms of exactly `size` on random pods; each emits once in 10 s to its room.
fn chat(pods: u32, size: u32, clients: u32, via: Via) -> ClusterSpec {
    let mut spec = cluster(pods, NginxMethod::Random { two: false }, clients, true);
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(f64::from(size)), per_client: 1 });
    let action = TrafficAction::Emit { to: Target::Room, via, bytes: 110, work: Law::Fixed(0.0) };
    spec.traffic = vec![TrafficSpec { action, ..api(10.0, Law::Fixed(0.0)) }];
    spec.duration = Span::from_secs(20);
    spec
}

fn counts(spec: &ClusterSpec, replications: u32) -> Vec<Counts> {
    (0..replications).map(|replication| run(spec, replication).counts).collect()
}

#[test]
fn rooms_reach_as_many_pods_as_chance_says() {
    // A8: the sender's own pod, and of the others (n−1)(1−(1−1/n)^(r−1)) have somebody of a room of r
    for (pods, size, remote) in [(3, 2, 2.0 / 3.0), (3, 5, 1.604938), (5, 4, 1.952), (10, 5, 3.0951)] {
        let all = counts(&chat(pods, size, 1_000 - 1_000 % size, Via::Socket), 20);
        let (n, r) = (u64::from(pods), u64::from(size));
        for c in &all {
            assert!(c.events_emitted > 1_000);
            assert_eq!((c.redis_publish, c.redis_copies), (c.events_emitted, c.events_emitted * n));
            assert_eq!(c.redis_copies_own, c.events_emitted);
            assert_eq!(c.redis_copies_useful + c.redis_copies_dropped, c.events_emitted * (n - 1));
            assert_eq!(c.delivered_local + c.delivered_cross, c.events_emitted * r, "each member gets each event once");
            assert_eq!(c.recipients, c.events_emitted * r);
            assert_eq!(c.redis_bytes_in, c.events_emitted * (199 + 22), "facts: 199 B per emit, 22 B for a room");
        }
        let useful: Vec<f64> = all.iter().map(|c| c.redis_copies_useful as f64 / c.events_emitted as f64).collect();
        assert_agrees(&format!("{pods} pods, rooms of {size}: useful copies"), &useful, remote);
        let local: Vec<f64> = all.iter().map(|c| c.delivered_local as f64 / c.events_emitted as f64).collect();
        let theory = 1.0 + (f64::from(size) - 1.0) / f64::from(pods);
        assert_agrees(&format!("{pods} pods, rooms of {size}: local recipients"), &local, theory);
    }
}

#[test]
fn an_emit_by_api_starts_on_any_pod() {
    // the emitting pod is drawn anew: E[pods of the room other than it] = (n−1)(1−(1−1/n)^r)
    let (pods, size) = (5.0, 4.0);
    let all = counts(&chat(5, 4, 1_000, Via::Api), 20);
    let useful: Vec<f64> = all.iter().map(|c| c.redis_copies_useful as f64 / c.events_emitted as f64).collect();
    let theory = (pods - 1.0) * (1.0 - libm::pow(1.0 - 1.0 / pods, size));
    assert_agrees("useful copies of an emit by API", &useful, theory);
    assert!(all.iter().all(|c| c.recipients == c.events_emitted * 4));
}

#[test]
fn without_an_adapter_other_pods_hear_nothing() {
    let mut spec = chat(5, 4, 1_000, Via::Socket);
    spec.redis.law.adapter = Adapter::None;
    for c in counts(&spec, 5) {
        assert_eq!((c.redis_publish, c.redis_copies, c.delivered_cross), (0, 0, 0));
        assert_eq!(c.delivered_local + c.lost.of(LossReason::NoAdapter), c.events_emitted * 4);
    }
}

#[test]
fn an_answer_to_the_own_socket_asks_no_adapter_and_a_notice_by_user_id_does() {
    let mut spec = chat(5, 4, 1_000, Via::Socket);
    let emit = |via| TrafficAction::Emit { to: Target::Own, via, bytes: 110, work: Law::Fixed(0.0) };
    spec.traffic[0].action = emit(Via::Socket);
    for c in counts(&spec, 3) {
        assert_eq!((c.redis_publish, c.delivered_local), (0, c.events_emitted));
    }
    spec.traffic[0].action = emit(Via::Api);
    for c in counts(&spec, 3) {
        // whether or not the socket happens to be on the pod of the call
        assert_eq!((c.redis_publish, c.redis_copies), (c.events_emitted, 5 * c.events_emitted));
        assert_eq!(c.delivered_local + c.delivered_cross, c.events_emitted);
        assert_eq!(c.redis_copies_useful, c.delivered_cross);
        let local = c.delivered_local as f64 / c.events_emitted as f64;
        assert!((local - 0.2).abs() < 0.05, "{local}");
    }
}

#[test]
fn everybody_present_is_a_recipient_once_whatever_dies() {
    // a server tick to all 60 clients; its pod is slow, so that it dies with events in hand, published or not
    for (adapter, crash_ms) in [(CLASSIC, 41_000), (CLASSIC, 42_800), (Adapter::None, 41_000)] {
        let mut spec = cluster(3, NginxMethod::LeastConn, 60, true);
        spec.redis.law.adapter = adapter;
        let ms = Span::from_millis;
        spec.pods.costs =
            Costs { publish: ms(2_000), broadcast: ms(1_000), send: ms(50), copy_delivered: ms(10), ..no_costs() };
        spec.ticks =
            vec![TickSpec { name: "tick".to_owned(), every: Span::from_secs(4), operation: TO_ALL, bytes: 10 }];
        let action = Action::Crash(Choice::Number(0));
        spec.timeline = vec![TimedAction::once(ms(crash_ms), action)];
        spec.pods.startup = Law::Fixed(seconds(20.0));
        spec.duration = Span::from_secs(103);
        let c = run(&spec, 0).counts;
        assert_eq!(c.recipients, c.events_emitted * 60, "{adapter:?}, crash at {crash_ms} ms: {c:#?}");
        assert!(c.lost.of(LossReason::PodDied) > 0, "the crash costs something: {:?}", c.lost);
    }
}

#[test]
fn the_last_of_a_broadcast_waits_for_all_before_it() {
    // Q8, broadcast loop: 5 per second to 1000 clients at 100 µs each is an M/D/1; with even ticks there is no queue, so
    // the mean is (r+1)s/2 = 50.05 ms and the last gets it after 100 ms
    let mut spec = cluster(1, NginxMethod::RoundRobin, 1_000, true);
    spec.pods.costs = Costs { send: Span::from_micros(100), ..no_costs() };
    spec.ticks =
        vec![TickSpec { name: "tick".to_owned(), every: Span::from_millis(200), operation: TO_ALL, bytes: 10 }];
    let event = run(&spec, 0).latencies.event_local;
    assert!((event.mean_ms().unwrap() - 50.05).abs() < 1e-6);
    assert!((event.quantile_ms(1.0).unwrap() / 100.0 - 1.0).abs() < 0.001);
}

#[test]
fn a_random_broadcast_loop_is_an_md1() {
    // Q8: b = 5/s, r = 1000, s = 100 µs: mean delivery bD²/(2(1−bD)) + (r+1)s/2 = 0.10005 s with D = 0.1 s
    let mut spec = cluster(1, NginxMethod::RoundRobin, 1_000, true);
    spec.pods.costs = Costs { send: Span::from_micros(100), ..no_costs() };
    let action = TrafficAction::Emit { to: Target::All, via: Via::Socket, bytes: 10, work: Law::Fixed(0.0) };
    spec.traffic = vec![TrafficSpec { action, ..api(200.0, Law::Fixed(0.0)) }];
    spec.duration = Span::from_secs(1_000);
    let means: Vec<f64> = (0..20).map(|n| run(&spec, n).latencies.event_local.mean_ms().unwrap()).collect();
    assert_agrees("mean delivery", &means, 100.05);
}
