//! Adapters in a cluster: what they publish, to whom, and when clients are served.

use stickysim::cluster::adapter::{Adapter, Emit, Law as AdapterLaw, Mode, Operation, Subscribe, To};
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{ClusterSpec, RedisCosts, RoomsSpec, Target, TickSpec, Via};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{Counts, Record, RedisCommand};

use crate::support::{CLASSIC, audience, cluster, emit, product, run, seconds};

const SHARDED: Adapter = Adapter::Sharded(Mode::Dynamic);
const STREAMS: Adapter = Adapter::Streams { sharded_requests: false };

/// Clients on random pods in rooms of so many; each emits once in 10 s.
fn chat(adapter: Adapter, pods: u32, size: u32, to: Target, via: Via) -> ClusterSpec {
    let mut spec = cluster(pods, NginxMethod::Random { two: false }, 600, true);
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(f64::from(size)), per_client: 1 });
    spec.traffic = vec![emit(Law::exponential(seconds(10.0)), to, via)];
    spec.redis.law = AdapterLaw::of(adapter);
    spec.redis.hop = Span::from_millis(1);
    spec.duration = Span::from_secs(60);
    spec
}

fn counts(spec: &ClusterSpec) -> Counts {
    run(spec, 0).counts
}

#[test]
fn copies_go_to_pods_with_members_or_to_all() {
    // facts, A8: P(1 − (1 − 1/P)^n) pods have somebody of a room of n when clients are anywhere
    for (pods, size) in [(4u32, 2u32), (4, 3), (10, 5), (8, 40)] {
        let of = |adapter| counts(&chat(adapter, pods, size, Target::Room, Via::Socket));
        let (sharded, classic) = (of(SHARDED), of(CLASSIC));
        assert_eq!(sharded.redis_commands.of(RedisCommand::Spublish), sharded.events_emitted);
        assert_eq!(classic.redis_copies, classic.events_emitted * u64::from(pods));
        let p = f64::from(pods);
        let expected = p * (1.0 - libm::pow(1.0 - 1.0 / p, f64::from(size)));
        let mean = sharded.redis_copies as f64 / sharded.events_emitted as f64;
        assert!((mean / expected - 1.0).abs() < 0.04, "P={pods}, n={size}: {mean}, expected {expected}");
        // every copy finds somebody, unless it is the publisher's own
        assert_eq!(sharded.redis_copies_dropped, 0);
        assert_eq!(sharded.redis_copies_own, sharded.events_emitted);
        assert_eq!(
            sharded.delivered_local + sharded.delivered_cross,
            classic.delivered_local + classic.delivered_cross
        );
    }
}

#[test]
fn c16_subscribing_to_rooms_of_the_pod_saves_what_was_reported() {
    // Socket.IO redis-adapter pull request 486: half of the outgoing traffic; case C16: at least 40 % with four pods or more and
    // rooms of three or fewer, nothing for large rooms
    let saving = |pods, size| {
        let of = |adapter| counts(&chat(adapter, pods, size, Target::Room, Via::Socket)).redis_copies as f64;
        1.0 - of(SHARDED) / of(CLASSIC)
    };
    for (pods, size) in [(4, 1), (4, 2), (4, 3), (8, 3), (16, 3)] {
        assert!(saving(pods, size) >= 0.40, "{pods} pods, rooms of {size}: {}", saving(pods, size));
    }
    assert!(saving(4, 60) < 0.01, "{}", saving(4, 60));
}

#[test]
fn rooms_that_share_a_pod_cost_one_copy_with_subscriptions_by_room_only() {
    // facts, A8, case 1: a hash of the room, and the sharded adapter; with the classic one the same placement saves nothing
    let of = |adapter, by_room| {
        let mut spec = chat(adapter, 5, 10, Target::Room, Via::Socket);
        if by_room {
            spec.balancers = vec![product("nginx: {method: hash $arg_room consistent}")];
        }
        let c = counts(&spec);
        c.redis_copies as f64 / c.events_emitted as f64
    };
    assert_eq!((of(CLASSIC, true), of(CLASSIC, false)), (5.0, 5.0));
    assert_eq!(of(SHARDED, true), 1.0);
    assert!((of(SHARDED, false) - 4.46).abs() < 0.15, "{}", of(SHARDED, false));
}

/// Least and most of a histogram, in milliseconds.
fn range(record: &Record, local: bool) -> (f64, f64) {
    let latencies = &record.latencies;
    let histogram = if local { &latencies.event_local } else { &latencies.event_cross };
    (histogram.quantile_ms(0.0).unwrap(), histogram.quantile_ms(1.0).unwrap())
}

#[test]
fn clients_of_the_emitting_pod_wait_for_redis_or_do_not() {
    // one way between pods and Redis takes 1 ms, everything else nothing but 2 ms of trips
    for (adapter, waits) in [(CLASSIC, false), (Adapter::PythonSocketIo, false), (SHARDED, true), (STREAMS, true)] {
        let mut spec = chat(adapter, 4, 10, Target::Room, Via::Socket);
        spec.audiences[0].network.rtt = Law::Fixed(seconds(0.002));
        let record = run(&spec, 0);
        let (local, cross) = (range(&record, true), range(&record, false));
        let near = |ms: f64, expected: f64| (ms / expected - 1.0).abs() < 0.02;
        assert!(near(local.0, if waits { 4.0 } else { 2.0 }) && near(local.0, local.1), "{adapter:?}: {local:?}");
        assert!(near(cross.0, 4.0), "{adapter:?}: {cross:?}");
    }
}

#[test]
fn an_application_of_its_own_serves_everybody_through_redis() {
    for subscribe in [Subscribe::PerRoom, Subscribe::All] {
        let c = counts(&chat(Adapter::PubSub { publishes: 2, subscribe }, 5, 4, Target::Room, Via::Socket));
        assert_eq!((c.redis_publish, c.delivered_local), (2 * c.events_emitted, 0), "{subscribe:?}");
        assert_eq!(c.redis_copies_own, 0, "{subscribe:?}: its own copies serve its clients");
        assert_eq!(c.delivered_cross, c.recipients);
    }
}

#[test]
fn recovery_makes_a_message_of_what_needed_none_and_python_always_does() {
    // facts, A5 and A6
    let of = |law| {
        let mut spec = chat(CLASSIC, 5, 4, Target::Own, Via::Socket);
        spec.redis.law = law;
        let c = counts(&spec);
        (c.redis_publish / c.events_emitted, c.redis_copies / c.events_emitted)
    };
    assert_eq!(of(AdapterLaw::of(CLASSIC)), (0, 0));
    assert_eq!(of(AdapterLaw::of(CLASSIC).recovering()), (1, 5));
    assert_eq!(of(AdapterLaw::of(STREAMS).recovering()), (1, 5));
    assert_eq!(of(AdapterLaw::of(Adapter::Sharded(Mode::DynamicPrivate)).recovering()), (1, 1));
    assert_eq!(of(AdapterLaw::of(Adapter::PythonSocketIo)), (1, 5));
}

#[test]
fn whoever_emits_to_the_others_does_not_get_it() {
    for adapter in [CLASSIC, SHARDED, STREAMS, Adapter::None] {
        let of = |to| counts(&chat(adapter, 3, 6, to, Via::Socket));
        let (room, others) = (of(Target::Room), of(Target::RoomButSender));
        assert_eq!(room.events_emitted, others.events_emitted);
        assert_eq!(room.recipients - others.recipients, room.events_emitted, "{adapter:?}");
        assert_eq!(room.redis_copies, others.redis_copies, "{adapter:?}: Redis is asked all the same");
        assert_eq!(room.delivered_local - others.delivered_local, room.events_emitted, "{adapter:?}");
        let everybody = of(Target::AllButSender);
        assert_eq!(everybody.recipients, everybody.events_emitted * 599, "{adapter:?}");
    }
}

#[test]
fn pods_subscribe_when_rooms_come_and_unsubscribe_when_they_go() {
    // arriving clients in rooms of their own: one room each comes and goes with its client
    let mut spec = chat(SHARDED, 4, 1, Target::Room, Via::Socket);
    spec.audiences = vec![audience(200, true)];
    spec.audiences[0].reconnect =
        stickysim::cluster::spec::RetryLaw::Fixed { delay: Span::from_secs(1), jitter: 0.0 }.into();
    spec.audiences[0].refresh = Some(stickysim::cluster::spec::RefreshSpec {
        every: Law::exponential(seconds(20.0)),
        load: Law::Fixed(seconds(0.5)),
    });
    spec.traffic.clear();
    let c = counts(&spec);
    let (subscribed, unsubscribed) =
        (c.redis_commands.of(RedisCommand::Ssubscribe), c.redis_commands.of(RedisCommand::Sunsubscribe));
    // those of the start belong to the time before it
    let connects = c.connects;
    assert!(connects > 300, "{connects}");
    assert_eq!((subscribed, unsubscribed), (connects, c.closed.total()));
    let private = AdapterLaw::of(Adapter::Sharded(Mode::DynamicPrivate));
    spec.redis.law = private;
    assert_eq!(
        counts(&spec).redis_commands.of(RedisCommand::Ssubscribe),
        2 * connects,
        "and one for the client itself"
    );
    spec.redis.law = AdapterLaw::of(Adapter::Sharded(Mode::Static));
    assert_eq!(counts(&spec).redis_commands.total(), 0);
}

#[test]
fn readers_of_a_stream_take_bursts_in_batches_and_ask_again_when_idle() {
    // facts, A7: 1 XADD and one XREAD of each pod for an event by itself; 0.2 XREAD/s of each pod that waits
    let mut spec = chat(STREAMS, 3, 600, Target::Room, Via::Socket);
    spec.traffic.clear();
    let idle = counts(&spec);
    assert_eq!(idle.redis_commands.of(RedisCommand::Xread), 3 * 12, "60 s");
    let operation = Operation::Emit(Emit::to(To::All));
    spec.ticks = vec![TickSpec { name: "tick".to_owned(), every: Span::from_secs(4), operation, bytes: 100 }];
    let single = counts(&spec);
    assert_eq!((single.redis_publish, single.redis_commands.of(RedisCommand::Xread)), (14, 3 * 14));
    // ten or a hundred events at once: the first one is taken alone, the others by the next read
    let burst = |n: u64| {
        let mut spec = spec.clone();
        spec.ticks = (0..n).map(|_| TickSpec { every: Span::from_secs(2), ..spec.ticks[0].clone() }).collect();
        spec.duration = Span::from_secs(3);
        counts(&spec).redis_commands.of(RedisCommand::Xread)
    };
    // measured: two for each pod, for 10 in one tick and for 100
    assert_eq!((burst(10), burst(100)), (3 * 2, 3 * 2));
}

#[test]
fn fetching_all_sockets_costs_the_square_of_the_pods_with_the_classic_adapter() {
    let of = |adapter, pods: u32| {
        let mut spec = chat(adapter, pods, 4, Target::Room, Via::Socket);
        spec.traffic.clear();
        let operation = Operation::FetchSockets { to: To::All, local: false };
        spec.ticks = vec![TickSpec { name: "fetch".to_owned(), every: Span::from_secs(10), operation, bytes: 100 }];
        spec.duration = Span::from_secs(65);
        let c = counts(&spec);
        let times = c.redis_commands.of(RedisCommand::NumSub) + c.redis_commands.of(RedisCommand::ShardNumSub);
        (c.redis_publish / times, c.redis_copies / times)
    };
    for pods in [2u64, 5, 10] {
        assert_eq!(of(CLASSIC, pods as u32), (pods, pods * pods));
        assert_eq!(of(Adapter::Classic { specific_responses: true }, pods as u32), (pods, 2 * pods - 1));
        assert_eq!(of(SHARDED, pods as u32), (pods, 2 * pods - 1));
    }
}

#[test]
fn a_cluster_of_redis_spreads_sharded_channels_and_copies_classic_ones_to_all() {
    let of = |adapter, nodes| {
        let mut spec = chat(adapter, 6, 4, Target::Room, Via::Socket);
        spec.redis.nodes = nodes;
        spec.redis.costs = RedisCosts::even(Span::from_micros(10), Span::from_micros(1));
        spec.redis.forward = Span::from_micros(10);
        run(&spec, 0)
    };
    for adapter in [CLASSIC, SHARDED] {
        let (one, three) = (of(adapter, 1), of(adapter, 3));
        assert_eq!(one.counts.redis_copies, three.counts.redis_copies, "{adapter:?}");
        assert_eq!(one.counts.recipients, three.counts.delivered_local + three.counts.delivered_cross);
        // the busiest master: with classic Pub/Sub it has all messages and a third of the copies
        let share = three.redis_cpu / one.redis_cpu;
        let expected = if adapter == CLASSIC { (10.0 + 2.0) / (10.0 + 6.0) } else { 1.0 / 3.0 };
        assert!((share - expected).abs() < 0.05, "{adapter:?}: {share}, expected {expected}");
    }
}
