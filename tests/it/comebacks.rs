//! Sessions and recovery where they are easily got wrong: what a review of them found.

use stickysim::cluster::adapter::{Adapter, Law as AdapterLaw};
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{
    Action, Choice, ClusterSpec, DatabaseSpec, RedisClient, RefreshSpec, RolloutMode, RoomsSpec, SessionStore, Target,
    Via,
};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{Counts, FailReason, RecoveryMiss, RedisCommand, SessionLoss};

use crate::sessions::{self, STREAMS, at, store};
use crate::support::{api, cluster, emit, product, run, seconds};

/// 300 clients on three pods that can be recovered, rooms of `size`, an event every 5 s of each.
fn recovering(size: f64) -> ClusterSpec {
    let rooms = Some(RoomsSpec { sizes: Law::Fixed(size), per_client: 1 });
    ClusterSpec { rooms, ..sessions::recovering(STREAMS) }
}

fn roaming(spec: &mut ClusterSpec, every_s: f64, gap_s: f64) {
    spec.audiences[0].network.address_change = Some(stickysim::cluster::spec::AddressChangeSpec {
        every: Law::exponential(seconds(every_s)),
        gap: Law::Fixed(seconds(gap_s)),
        same_network: 0.0,
    });
}

#[test]
fn the_balancer_hears_of_the_end_of_requests_that_wait_for_their_session() {
    // with four workers that count for themselves and at most 100 at a time, any end that is not told fills a pod
    let mut spec = cluster(3, NginxMethod::LeastConn, 300, false);
    spec.balancers = vec![product("nginx: {method: least_conn, max_conns: 20, worker_processes: 4}")];
    spec.traffic =
        vec![emit(Law::exponential(seconds(1.0)), Target::All, Via::Api), api(1.0, Law::Fixed(seconds(0.001)))];
    spec.sessions = Some(store(SessionStore::Redis));
    spec.redis.hop = Span::from_micros(100);
    spec.duration = Span::from_secs(100);
    spec.timeline = vec![at(50, Action::Crash(Choice::Number(1)))];
    let counts = run(&spec, 0).counts;
    assert!(counts.requests > 50_000);
    assert_eq!(counts.requests_failed.of(FailReason::NoPod) + counts.requests_failed.of(FailReason::QueueFull), 0);
}

#[test]
fn who_is_not_recovered_goes_by_what_is_in_memory() {
    let crash = |recovery| {
        let mut spec = recovering(6.0);
        spec.sessions = Some(store(SessionStore::Memory));
        spec.recovery = recovery;
        spec.timeline = vec![at(100, Action::Crash(Choice::Number(0)))];
        run(&spec, 0).counts
    };
    let (with, without) = (crash(Some(Span::from_secs(120))), crash(None));
    assert_eq!(with.recoveries, 0);
    assert_eq!(with.session_lookups, with.reconnects);
    assert_eq!(with.session_lost.of(SessionLoss::PodGone), without.session_lost.of(SessionLoss::PodGone));
}

#[test]
fn a_shutdown_in_order_stores_the_sessions_of_ghosts_too() {
    // away for 10 s, and the pods are replaced in that time: nobody would have noticed for half an hour
    let mut spec = recovering(6.0);
    spec.pods.costs.heartbeat_every = Span::from_secs(1_800);
    roaming(&mut spec, 60.0, 10.0);
    spec.timeline = vec![at(150, Action::RollingRestart(RolloutMode::Surge))];
    let c = run(&spec, 0).counts;
    let without = {
        spec.timeline.clear();
        run(&spec, 0).counts
    };
    let away = 300.0 * 10.0 / 70.0;
    assert_eq!(without.recoveries, 0);
    // those of the 300 that were connected, and most of those that were away
    assert!(c.recoveries as f64 > 300.0 - away + away / 2.0, "{}", c.recoveries);
}

#[test]
fn who_is_left_out_of_an_event_has_not_got_it() {
    let mut spec = recovering(1.0);
    spec.traffic = vec![emit(Law::exponential(seconds(5.0)), Target::RoomButSender, Via::Socket)];
    spec.timeline = vec![at(100, Action::RollingRestart(RolloutMode::Surge))];
    let alone = run(&spec, 0).counts;
    assert_eq!(alone.recoveries_missed.of(RecoveryMiss::NoEvent), alone.recoveries_asked);
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(2.0), per_client: 1 });
    let two = run(&spec, 0).counts;
    assert_eq!(two.recoveries, two.recoveries_asked, "the other one's events");
}

#[test]
fn a_library_keeps_its_offset_when_it_was_not_recovered() {
    // crash, then a restart of every pod, with no event between them
    let mut spec = recovering(6.0);
    spec.traffic[0].every = Law::Fixed(seconds(80.0));
    spec.timeline =
        vec![at(100, Action::Crash(Choice::Number(0))), at(112, Action::RollingRestart(RolloutMode::Surge))];
    spec.duration = Span::from_secs(140);
    let c = run(&spec, 0).counts;
    assert!(c.recoveries_missed.of(RecoveryMiss::PodCrash) > 60);
    assert!(c.recoveries >= 290, "{} {:?}", c.recoveries, c.recoveries_missed);
}

#[test]
fn a_page_that_is_loaded_anew_while_it_is_offline_does_not_ask_either() {
    let mut spec = recovering(6.0);
    roaming(&mut spec, 100.0, 60.0);
    spec.audiences[0].refresh = Some(RefreshSpec { every: Law::Fixed(seconds(10.0)), load: Law::Fixed(seconds(0.5)) });
    let c = run(&spec, 0).counts;
    assert!(c.reconnects > 300);
    assert_eq!((c.recoveries_asked, c.recovered), (0, 0));
}

#[test]
fn memory_keeps_events_for_as_long_as_sessions() {
    let of = |every_s| {
        let mut spec = recovering(6.0);
        spec.redis.law = AdapterLaw::of(Adapter::None).recovering();
        spec.pods.replicas = 1;
        spec.traffic[0].every = Law::exponential(seconds(every_s));
        roaming(&mut spec, 400.0, 60.0);
        spec.duration = Span::from_secs(3_600);
        let c = run(&spec, 0).counts;
        c.recoveries as f64 / c.recoveries_asked as f64
    };
    // an event in a room of six every 50 s, or every half hour
    let (often, rarely) = (of(300.0), of(10_800.0));
    assert!(often > 0.6 && rarely < 0.15, "{often} {rarely}");
}

fn database(connections: u32) -> DatabaseSpec {
    DatabaseSpec {
        pool_per_pod: connections,
        pool_timeout: None,
        connections: 100,
        parallel: None,
        query: Law::Fixed(seconds(1.0)),
        hop: Span::ZERO,
    }
}

#[test]
fn nobody_waits_for_longer_than_45_s_to_be_let_in() {
    let mut spec = cluster(1, NginxMethod::RoundRobin, 200, true);
    spec.steady_start = false;
    spec.sessions = Some(store(SessionStore::Database));
    spec.database = Some(database(5));
    spec.duration = Span::from_secs(120);
    let record = run(&spec, 0);
    // five queries a second: all have read after 40 s, and 25 of them have written when the others give up
    assert!(record.latencies.connect.quantile_ms(1.0).unwrap() < 46_000.0);
    assert!(record.counts.connects_failed.of(FailReason::TimedOut) > 150);
    assert!((20..=30).contains(&record.counts.connects), "{}", record.counts.connects);
}

#[test]
fn a_shutdown_in_order_answers_requests_that_wait_for_their_session() {
    for kind in [SessionStore::Redis, SessionStore::Database] {
        let mut spec = cluster(3, NginxMethod::RoundRobin, 300, false);
        spec.traffic = vec![api(0.5, Law::Fixed(seconds(0.001)))];
        spec.sessions = Some(store(kind));
        spec.redis.hop = Span::from_millis(5);
        spec.database = Some(DatabaseSpec { query: Law::Fixed(seconds(0.01)), ..database(50) });
        spec.timeline = vec![at(30, Action::RollingRestart(RolloutMode::Surge))];
        spec.duration = Span::from_secs(100);
        let failed = run(&spec, 0).counts.requests_failed;
        assert_eq!(failed.of(FailReason::PodDied), 0, "{kind:?}");
    }
}

#[test]
fn a_lost_reply_finds_nothing() {
    // Redis stands still with the questions in hand, and dies
    let mut spec = recovering(6.0);
    spec.sessions = Some(store(SessionStore::Redis));
    spec.timeline = vec![
        at(99, Action::RedisStall { lasts: Span::from_secs(30) }),
        at(100, Action::RollingRestart(RolloutMode::InPlace)),
        at(120, Action::RedisOutage { lasts: Span::from_secs(3), forgets: Some(Span::MAX) }),
    ];
    let c: Counts = run(&spec, 0).counts;
    assert!(c.recoveries_missed.of(RecoveryMiss::StoreDown) > 50, "{:?}", c.recoveries_missed);
    assert!(c.session_lost.of(SessionLoss::StoreDown) > 50, "{:?}", c.session_lost);
}

#[test]
fn what_was_missed_in_the_warm_up_is_not_delivered_after_it() {
    let mut spec = recovering(6.0);
    spec.timeline = vec![at(59, Action::RollingRestart(RolloutMode::InPlace))];
    spec.warm_up = Span::from_secs(60);
    let c = run(&spec, 0).counts;
    let lost = c.lost.of(stickysim::metrics::LossReason::RecipientOffline);
    assert!(lost > 0 && c.recovered <= lost, "{} of {lost}", c.recovered);
}

#[test]
fn a_session_that_waits_in_the_library_is_stored_when_redis_is_back() {
    // pods are replaced while Redis is gone for two seconds: ioredis sends each SET when it is there again
    let mut spec = recovering(6.0);
    spec.redis.client = RedisClient::IoRedis5;
    spec.pods.startup = Law::Fixed(seconds(0.5));
    spec.timeline = vec![
        at(100, Action::Restart(Choice::Number(0))),
        at(100, Action::RedisOutage { lasts: Span::from_secs(2), forgets: None }),
    ];
    spec.timeline.reverse();
    let c = run(&spec, 0).counts;
    assert!(c.recoveries_asked > 60);
    assert_eq!(c.redis_commands.of(RedisCommand::Set), c.recoveries_asked);
    assert_eq!(c.recoveries, c.recoveries_asked, "{:?}", c.recoveries_missed);
}
