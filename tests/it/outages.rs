//! Redis is gone, or stands still: who gets what, by adapter and library.

use stickysim::cluster::adapter::{Adapter, Law as AdapterLaw, Mode};
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{
    Action, AddressChangeSpec, Choice, ClusterSpec, RedisClient, RefreshSpec, RoomsSpec, Target, TimedAction, Via,
    WithoutRedis,
};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{LossReason, Record};

use crate::support::{CLASSIC, cluster, emit, run, seconds};

const SHARDED: Adapter = Adapter::Sharded(Mode::Dynamic);
const STREAMS: Adapter = Adapter::Streams { sharded_requests: false };

/// 300 clients on three pods, rooms of six, an event every 10 s of each; something happens after 20 s of a minute.
fn chat(adapter: Adapter, client: RedisClient, action: Action) -> ClusterSpec {
    let mut spec = cluster(3, NginxMethod::Random { two: false }, 300, true);
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(6.0), per_client: 1 });
    spec.traffic = vec![emit(Law::exponential(seconds(10.0)), Target::Room, Via::Socket)];
    spec.audiences[0].network.rtt = Law::Fixed(0.0);
    spec.redis.law = AdapterLaw::of(adapter);
    spec.redis.client = client;
    spec.redis.hop = Span::from_micros(100);
    spec.timeline = vec![TimedAction::once(Span::from_secs(20), action)];
    spec.duration = Span::from_secs(60);
    spec
}

fn outage(seconds: u64) -> Action {
    Action::RedisOutage { lasts: Span::from_secs(seconds), forgets: None }
}

/// The longest that a client of the emitting pod waited, and one of another pod, in milliseconds.
fn longest(record: &Record) -> [f64; 2] {
    [&record.latencies.event_local, &record.latencies.event_cross].map(|histogram| histogram.quantile_ms(1.0).unwrap())
}

#[test]
fn while_redis_stands_still_who_waits_for_it_waits() {
    // facts, A7: Redis stalled for 1 s, same pod and other pod: classic 1 and 1071 ms, sharded and streams 1027 and 1027, python 4
    // and 1065
    let stall = Action::RedisStall { lasts: Span::from_secs(1) };
    for (adapter, waits) in [(CLASSIC, false), (Adapter::PythonSocketIo, false), (SHARDED, true), (STREAMS, true)] {
        let record = run(&chat(adapter, RedisClient::NodeRedis6, stall.clone()), 0);
        let [same, other] = longest(&record);
        assert_eq!(record.counts.lost.total(), 0, "{adapter:?}: nothing is lost");
        assert!((900.0..1_010.0).contains(&other), "{adapter:?}: {other}");
        assert!(if waits { same > 900.0 } else { same < 1.0 }, "{adapter:?}: {same}");
    }
}

#[test]
fn a_stream_loses_nothing_that_its_library_keeps() {
    let record = run(&chat(STREAMS, RedisClient::IoRedis5, outage(10)), 0);
    assert_eq!(record.counts.lost.total(), 0, "{:?}", record.counts.lost);
    let [same, other] = longest(&record);
    assert!(same > 9_500.0 && other > 9_500.0, "everybody waits until it is back: {same}, {other}");
    // a command of node-redis 6 fails after 5 s: for clients of other pods about half of the ten seconds is lost, those of the emitting
    // pod get theirs then
    let record = run(&chat(STREAMS, RedisClient::NodeRedis6, outage(10)), 0);
    let c = &record.counts;
    let lost = c.lost.of(LossReason::RedisDown) as f64 / (c.recipients as f64 * 10.0 / 60.0 * 2.0 / 3.0);
    assert!((0.4..0.75).contains(&lost), "{lost}");
    let [same, _] = longest(&record);
    assert!((4_900.0..5_100.0).contains(&same), "{same}");
}

#[test]
fn what_is_published_before_others_listen_again_is_lost() {
    // facts, 7.5: queued messages are delivered to a pod only if its own connection was back first; 12 to 72 % of them were
    let share = |adapter, client| {
        let lost = |replication| {
            let c = run(&chat(adapter, client, outage(1)), replication).counts;
            c.lost.of(LossReason::RedisDown) as f64
        };
        (0..20).map(lost).sum::<f64>() / 20.0
    };
    // both connections of a library without jitter come back at once: what was kept back is heard
    assert_eq!(share(CLASSIC, RedisClient::NodeRedis4), 0.0);
    let (jitter, nothing_kept) = (share(CLASSIC, RedisClient::NodeRedis5), share(CLASSIC, RedisClient::RedisPy));
    assert!(jitter > 10.0 && nothing_kept > jitter, "{jitter}, {nothing_kept}");
}

#[test]
fn clients_of_the_emitting_pod_go_on_or_wait() {
    for adapter in [CLASSIC, Adapter::PythonSocketIo] {
        let record = run(&chat(adapter, RedisClient::RedisPy, outage(10)), 0);
        let [same, _] = longest(&record);
        assert!(same < 1.0, "{adapter:?}: {same}");
        assert_eq!(
            record.counts.delivered_local + record.counts.delivered_cross + record.counts.lost.total(),
            record.counts.recipients
        );
    }
    let record = run(&chat(SHARDED, RedisClient::IoRedis5, outage(10)), 0);
    let [same, _] = longest(&record);
    assert!(same > 9_000.0, "served when Redis has replied: {same}");
}

#[test]
fn a_pod_that_starts_without_redis_stays_alone_or_waits() {
    let of = |at_start| {
        let mut spec = chat(CLASSIC, RedisClient::NodeRedis5, outage(20));
        spec.pods.startup = Law::Fixed(seconds(1.0));
        spec.redis.at_start = at_start;
        // so that clients come to the pod that was restarted
        spec.audiences[0].refresh =
            Some(RefreshSpec { every: Law::exponential(seconds(60.0)), load: Law::Fixed(seconds(0.5)) });
        let restart = Action::Restart(Choice::Number(0));
        spec.timeline.push(TimedAction::once(Span::from_secs(25), restart));
        spec.duration = Span::from_secs(300);
        run(&spec, 0)
    };
    let (alone, waits) = (of(WithoutRedis::StaysAlone), of(WithoutRedis::Waits));
    let ready = |record: &Record| {
        record.marks.iter().find(|mark| mark.what == "ready: pod-0").map(|mark| mark.at_ms as f64 / 1e3).unwrap()
    };
    assert!(ready(&alone) < 27.0 && ready(&waits) >= 40.0, "{} {}", ready(&alone), ready(&waits));
    let (alone, waits) = (alone.counts.lost, waits.counts.lost);
    assert!(alone.of(LossReason::NoAdapter) > 100, "{alone:?}");
    assert_eq!(waits.of(LossReason::NoAdapter), 0, "{waits:?}");
}

#[test]
fn what_redis_has_in_hand_is_lost_with_it_but_for_streams() {
    // it stands still, so that everything waits in it, and dies
    let of = |adapter, client| {
        let mut spec = chat(adapter, client, Action::RedisStall { lasts: Span::from_secs(20) });
        spec.timeline.push(TimedAction::once(Span::from_secs(30), outage(1)));
        run(&spec, 0).counts
    };
    let c = of(CLASSIC, RedisClient::IoRedis5);
    let stalled = c.recipients as f64 * 10.0 / 60.0 * 2.0 / 3.0;
    let lost = c.lost.of(LossReason::RedisDown) as f64 / stalled;
    assert!((0.8..1.25).contains(&lost), "{lost}");
    assert_eq!(c.lost.total(), c.lost.of(LossReason::RedisDown), "nobody is offline: {:?}", c.lost);
    let c = of(STREAMS, RedisClient::IoRedis5);
    assert_eq!(c.lost.total(), 0, "entries stay in the stream: {:?}", c.lost);
}

#[test]
fn who_is_offline_is_not_lost_to_redis() {
    // an outage of nearly the whole run; clients of the emitting pod have what python-socketio gave them at once
    let mut spec = chat(Adapter::PythonSocketIo, RedisClient::RedisPy, outage(600));
    spec.timeline[0].at = Some(Span::ZERO);
    let all = run(&spec, 0).counts;
    let elsewhere = all.lost.of(LossReason::RedisDown) as f64 / all.recipients as f64;
    spec.audiences[0].network.address_change = Some(AddressChangeSpec {
        every: Law::exponential(seconds(20.0)),
        gap: Law::Fixed(seconds(10.0)),
        same_network: 1.0,
    });
    let c = run(&spec, 0).counts;
    let (down, offline) = (c.lost.of(LossReason::RedisDown), c.lost.of(LossReason::RecipientOffline));
    let online = 1.0 - offline as f64 / c.recipients as f64;
    let share = down as f64 / c.recipients as f64;
    assert!((share / (elsewhere * online) - 1.0).abs() < 0.15, "{share}, {elsewhere} of {online}");
}

#[test]
fn a_new_process_has_connections_of_its_own() {
    // facts: redis-py tries to publish on a connection of its own each time; one that was broken belongs to the process before
    let of = |restart: bool| {
        let mut spec = chat(CLASSIC, RedisClient::NodeRedis5, outage(10));
        spec.pods.startup = Law::Fixed(seconds(1.0));
        spec.redis.at_start = WithoutRedis::StaysAlone;
        if restart {
            let action = Action::Restart(Choice::Number(0));
            spec.timeline.push(TimedAction::once(Span::from_millis(30_001), action));
        }
        run(&spec, 0).counts.lost.of(LossReason::NoAdapter)
    };
    assert_eq!((of(false), of(true)), (0, 0), "Redis is back when the pod is");
}
