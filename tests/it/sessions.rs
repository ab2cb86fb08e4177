//! What an application knows of its clients, by where it keeps that; what they miss while they are offline, and get later.

use stickysim::cluster::adapter::{Adapter, Law as AdapterLaw};
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{
    Action, AddressChangeSpec, Choice, ClusterSpec, DatabaseSpec, Population, ReconnectPolicy, RedisClient,
    RefreshSpec, RetryLaw, RolloutMode, RoomsSpec, SessionSpec, SessionStore, Target, TimedAction, TrafficAction,
    TrafficSpec, Via,
};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{Counts, FailReason, LossReason, RecoveryMiss, RedisCommand, SessionLoss};

use crate::support::{api, assert_agrees, cluster, emit, product, run, seconds};

pub const STREAMS: Adapter = Adapter::Streams { sharded_requests: false };

pub const fn store(store: SessionStore) -> SessionSpec {
    SessionSpec { store, ttl: None, requests: true, bytes: 300, pending: None }
}

pub fn at(second: u64, action: Action) -> TimedAction {
    TimedAction::once(Span::from_secs(second), action)
}

/// 100 clients on `pods` pods, a request every 10 s of each, ten minutes.
fn web(pods: u32, sessions: SessionSpec) -> ClusterSpec {
    let mut spec = cluster(pods, NginxMethod::Random { two: false }, 100, false);
    spec.traffic = vec![api(10.0, Law::Fixed(seconds(0.001)))];
    spec.sessions = Some(sessions);
    spec
}

/// Share of the looks for those who had been there before.
fn found(counts: &Counts) -> f64 {
    counts.session_found as f64 / (counts.session_lookups - counts.session_new) as f64
}

#[test]
fn in_memory_a_session_is_found_by_the_pod_that_saw_the_client_last() {
    // requests go to any of n pods: the one before went to the same in one of n cases
    for pods in [2, 5] {
        let spec = web(pods, store(SessionStore::Memory));
        let shares: Vec<f64> = (0..20).map(|replication| found(&run(&spec, replication).counts)).collect();
        assert_agrees("found in memory", &shares, 1.0 / f64::from(pods));
    }
    let mut sticky = web(5, store(SessionStore::Memory));
    sticky.balancers = vec![product("ingress-nginx: {affinity: cookie, affinity-mode: persistent}")];
    assert_eq!(found(&run(&sticky, 0).counts), 1.0, "a cookie brings everybody back");
}

#[test]
fn a_process_takes_the_sessions_in_its_memory_with_it() {
    let mut spec = web(3, store(SessionStore::Memory));
    spec.balancers = vec![product("ingress-nginx: {affinity: cookie, affinity-mode: persistent}")];
    spec.timeline = vec![at(200, Action::RollingRestart(RolloutMode::Surge))];
    let counts = run(&spec, 0).counts;
    // once each; whoever was moved first to a pod that was replaced later lost it twice
    let lost = counts.session_lost.of(SessionLoss::PodGone);
    assert!((100..=150).contains(&lost), "{lost}");
    assert_eq!(counts.session_lost.total(), lost);
    assert_eq!(counts.session_new, 100);
}

#[test]
fn a_store_outside_the_pods_finds_everybody_anywhere() {
    for kind in [SessionStore::Redis, SessionStore::Database] {
        let mut spec = web(5, store(kind));
        spec.redis.hop = Span::from_micros(100);
        spec.database = (kind == SessionStore::Database).then(database);
        spec.timeline = vec![at(200, Action::RollingRestart(RolloutMode::Surge))];
        let record = run(&spec, 0);
        let counts = &record.counts;
        assert_eq!((found(counts), counts.session_new), (1.0, 100), "{kind:?}");
        let looks = counts.session_lookups;
        if kind == SessionStore::Redis {
            let command = |command| counts.redis_commands.of(command);
            assert_eq!(command(RedisCommand::Get), looks, "each look is one GET");
            assert_eq!(command(RedisCommand::Set), 100, "and makes a session, once for each client");
            assert_eq!(command(RedisCommand::Expire), looks - 100, "or lets it age anew");
            // two trips of 0.2 ms each, beside 1 ms of work
            let mean = record.latencies.request.mean_ms().unwrap();
            assert!((1.39..1.45).contains(&mean), "{mean}");
        } else {
            assert_eq!(counts.queries, 2 * looks, "each is read and written");
        }
    }
}

#[test]
fn the_minute_of_a_request_begins_before_its_session_is_looked_for() {
    // read and written in 20 s each, then 25 s of work
    let mut spec = web(1, store(SessionStore::Database));
    spec.database = Some(DatabaseSpec { query: Law::Fixed(seconds(20.0)), ..database() });
    spec.audiences[0].population = Population::Present { count: 1 };
    let work = Law::Fixed(seconds(25.0));
    let emits = TrafficAction::Emit { to: Target::All, via: Via::Api, bytes: 100, work: work.clone() };
    for action in [emits, TrafficAction::Api { work }] {
        spec.traffic = vec![TrafficSpec { action, every: Law::Fixed(seconds(100.0)), ..api(1.0, Law::Fixed(0.0)) }];
        let counts = run(&spec, 0).counts;
        assert_eq!((counts.requests_answered, counts.requests_failed.of(FailReason::TimedOut)), (0, 6));
    }
}

fn database() -> DatabaseSpec {
    DatabaseSpec {
        pool_per_pod: 10,
        pool_timeout: None,
        connections: 100,
        parallel: None,
        query: Law::Fixed(seconds(0.001)),
        hop: Span::ZERO,
    }
}

#[test]
fn a_session_that_is_not_used_for_too_long_is_forgotten() {
    // exponential distances with a mean of 10 s: longer than 15 s in exp(-1.5) of the cases
    let sessions = SessionSpec { ttl: Some(Span::from_secs(15)), ..store(SessionStore::Redis) };
    // long runs: what is under way at the end is longer than others
    let spec = ClusterSpec { duration: Span::from_secs(6_000), ..web(3, sessions) };
    let expired = |replication| 1.0 - found(&run(&spec, replication).counts);
    let shares: Vec<f64> = (0..20).map(expired).collect();
    assert_agrees("expired", &shares, libm::exp(-1.5));
}

#[test]
fn redis_that_dies_loses_what_it_had_not_saved() {
    let lost = |forgets| {
        let mut spec = web(3, store(SessionStore::Redis));
        spec.redis.client = RedisClient::IoRedis5;
        spec.timeline = vec![at(300, Action::RedisOutage { lasts: Span::from_secs(3), forgets })];
        run(&spec, 0).counts.session_lost
    };
    assert_eq!(lost(None).total(), 0, "the library waits, and nothing is lost");
    let nothing_saved = lost(Some(Span::MAX));
    assert_eq!(nothing_saved.of(SessionLoss::StoreLost), 100, "everybody's, once");
    let last_second = lost(Some(Span::from_secs(1)));
    assert_eq!(last_second.total(), 0, "sessions were made long before; that they were used is lost, and does no harm");
}

#[test]
fn without_redis_handlers_wait_or_go_on_without_the_session() {
    let of = |client| {
        let mut spec = web(3, store(SessionStore::Redis));
        spec.redis.client = client;
        spec.timeline = vec![at(300, Action::RedisOutage { lasts: Span::from_secs(10), forgets: None })];
        run(&spec, 0)
    };
    let waits = of(RedisClient::IoRedis5);
    assert_eq!(waits.counts.session_lost.total(), 0);
    assert!(waits.latencies.request.quantile_ms(1.0).unwrap() > 9_000.0, "requests wait until Redis is back");
    let goes_on = of(RedisClient::RedisPy);
    let without = goes_on.counts.session_lost.of(SessionLoss::StoreDown) as f64;
    // 10 requests per second for 10 s, and until the library has tried again
    assert!((80.0..250.0).contains(&without), "{without}");
    assert!(goes_on.latencies.request.quantile_ms(1.0).unwrap() < 10.0);
    // node-redis 6 keeps a command for 5 s
    let both = of(RedisClient::NodeRedis6);
    let longest = both.latencies.request.quantile_ms(1.0).unwrap();
    assert!((4_990.0..5_100.0).contains(&longest), "{longest}");
    assert!(both.counts.session_lost.of(SessionLoss::StoreDown) > 20);
}

/// 300 clients with WebSockets on three pods, rooms of six, an event every 5 s of each, to its room.
fn chat() -> ClusterSpec {
    let mut spec = cluster(3, NginxMethod::Random { two: false }, 300, true);
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(6.0), per_client: 1 });
    spec.traffic = vec![emit(Law::exponential(seconds(5.0)), Target::Room, Via::Socket)];
    spec.redis.hop = Span::from_micros(100);
    spec.pods.startup = Law::Fixed(seconds(2.0));
    spec.duration = Span::from_secs(300);
    spec
}

/// Clients are away for so long, a third of them in a run, and their pod is not told.
fn roaming(spec: &mut ClusterSpec, gap_s: f64) {
    spec.audiences[0].network.address_change = Some(AddressChangeSpec {
        every: Law::exponential(seconds(800.0)),
        gap: Law::Fixed(seconds(gap_s)),
        same_network: 0.0,
    });
    let law = RetryLaw::Fixed { delay: Span::from_secs(1), jitter: 0.0 };
    spec.audiences[0].reconnect = ReconnectPolicy { law, attempts: None };
}

/// Share of what offline clients missed that they got later.
fn later(counts: &Counts) -> f64 {
    counts.recovered as f64 / counts.lost.of(LossReason::RecipientOffline) as f64
}

#[test]
fn pending_lists_keep_what_comes_after_a_shutdown_in_order() {
    let mut spec = chat();
    spec.sessions = Some(SessionSpec { pending: Some(1_000), ..store(SessionStore::Redis) });
    spec.timeline = vec![at(100, Action::RollingRestart(RolloutMode::Surge))];
    let kept = run(&spec, 0).counts;
    assert!(kept.lost.of(LossReason::RecipientOffline) > 50, "{:?}", kept.lost);
    assert_eq!(later(&kept), 1.0, "the pod says goodbye to each, and everybody knows");
    let command = |command| kept.redis_commands.of(command);
    assert_eq!(command(RedisCommand::Rpush), kept.pending_kept);
    assert_eq!(kept.pending_kept, kept.recovered, "what is in the lists is delivered");
    assert_eq!(command(RedisCommand::Lrange), kept.reconnects, "each list is read when its client is back");
    // a crash tells nobody
    spec.timeline = vec![at(100, Action::Crash(Choice::Number(0)))];
    let crashed = run(&spec, 0).counts;
    assert!(crashed.lost.of(LossReason::RecipientOffline) > 20);
    assert_eq!((crashed.pending_kept, crashed.recovered), (0, 0));
}

#[test]
fn pending_lists_miss_what_is_sent_to_ghosts() {
    // away for 5 s: the pod learns of it after 20 to 45 s
    let mut spec = chat();
    spec.sessions = Some(SessionSpec { pending: Some(1_000), ..store(SessionStore::Redis) });
    roaming(&mut spec, 5.0);
    let short = run(&spec, 0).counts;
    assert!(short.lost.of(LossReason::RecipientOffline) > 500);
    assert_eq!(short.recovered, 0, "nobody was known to be offline");
    // away for 60 s: what came in the last 15 to 40 s of them is kept
    roaming(&mut spec, 60.0);
    let long = later(&run(&spec, 0).counts);
    assert!((0.3..0.55).contains(&long), "{long}");
}

#[test]
fn a_full_list_drops_the_oldest() {
    let mut spec = chat();
    roaming(&mut spec, 100.0);
    let of = |pending: u32| {
        let mut spec = spec.clone();
        spec.sessions = Some(SessionSpec { pending: Some(pending), ..store(SessionStore::Redis) });
        run(&spec, 0).counts
    };
    let (all, ten) = (of(100_000), of(10));
    assert_eq!(all.pending_dropped, 0);
    assert!(ten.pending_dropped > 0 && ten.recovered + ten.pending_dropped == all.recovered, "{}", ten.recovered);
}

/// [`chat`], whose connections can be recovered.
pub fn recovering(adapter: Adapter) -> ClusterSpec {
    let mut spec = chat();
    spec.redis.law = AdapterLaw::of(adapter).recovering();
    spec.recovery = Some(Span::from_secs(120));
    spec
}

#[test]
fn connections_are_recovered_after_a_shutdown_in_order_and_not_after_a_crash() {
    // facts, A5: SIGKILL: recovered=false, the missed event is lost; io.close(): recovered=true, and it is replayed on another pod
    let mut spec = recovering(STREAMS);
    spec.timeline = vec![at(100, Action::RollingRestart(RolloutMode::Surge))];
    let closed = run(&spec, 0).counts;
    assert!(closed.recoveries_asked >= 300);
    assert_eq!(closed.recoveries, closed.recoveries_asked);
    assert!(closed.lost.of(LossReason::RecipientOffline) > 50);
    assert_eq!(later(&closed), 1.0);
    let command = |command| closed.redis_commands.of(command);
    assert_eq!(command(RedisCommand::Set), closed.recoveries, "a session is stored per loss");
    for asked in [RedisCommand::Multi, RedisCommand::Get, RedisCommand::Del, RedisCommand::Exec] {
        assert_eq!(command(asked), closed.recoveries);
    }
    // everybody misses something of the stream, whatever room it was for
    assert_eq!(command(RedisCommand::Xrange), 3 * closed.recoveries);

    spec.timeline = vec![at(100, Action::Crash(Choice::Number(0)))];
    let crashed = run(&spec, 0).counts;
    assert!(crashed.recoveries_asked > 60);
    assert_eq!(crashed.recoveries_missed.of(RecoveryMiss::PodCrash), crashed.recoveries_asked);
    assert_eq!((crashed.recoveries, crashed.recovered), (0, 0));
}

#[test]
fn who_comes_back_before_the_server_knows_is_not_recovered() {
    let of = |gap_s| {
        let mut spec = recovering(STREAMS);
        roaming(&mut spec, gap_s);
        spec.duration = Span::from_secs(900);
        run(&spec, 0).counts
    };
    let share = |counts: &Counts, reason| counts.recoveries_missed.of(reason) as f64 / counts.recoveries_asked as f64;
    // the next ping comes within 25 s and is given 20 s
    let short = of(3.0);
    assert!(share(&short, RecoveryMiss::NotStored) > 0.99, "{:?}", short.recoveries_missed);
    assert_eq!(short.recoveries, 0);
    let long = of(60.0);
    assert!(long.recoveries as f64 / long.recoveries_asked as f64 > 0.9, "{:?}", long.recoveries_missed);
    // what was sent to the ghost is in the stream as well; some are still away at the end
    assert!(later(&long) > 0.9, "{}", later(&long));
    let longer = of(170.0);
    assert!(share(&longer, RecoveryMiss::Expired) > 0.8, "{:?}", longer.recoveries_missed);
}

#[test]
fn a_stream_reaches_back_ten_thousand_events() {
    let mut spec = recovering(STREAMS);
    roaming(&mut spec, 60.0);
    // 300 clients every 0.5 s: 600 events per second, 36,000 in a minute
    spec.traffic = vec![emit(Law::exponential(seconds(0.5)), Target::Room, Via::Socket)];
    spec.duration = Span::from_secs(150);
    let counts = run(&spec, 0).counts;
    assert!(counts.recoveries_asked > 20);
    assert_eq!(counts.recoveries_missed.of(RecoveryMiss::Trimmed), counts.recoveries_asked);
}

#[test]
fn who_has_got_nothing_or_loads_the_page_anew_does_not_ask() {
    let mut spec = recovering(STREAMS);
    spec.traffic = vec![];
    spec.timeline = vec![at(100, Action::RollingRestart(RolloutMode::Surge))];
    let silent = run(&spec, 0).counts;
    assert_eq!(silent.recoveries_missed.of(RecoveryMiss::NoEvent), silent.recoveries_asked);
    assert_eq!(silent.redis_commands.of(RedisCommand::Get), 0, "without an offset nothing is asked");
    let mut spec = recovering(STREAMS);
    spec.audiences[0].refresh =
        Some(RefreshSpec { every: Law::exponential(seconds(60.0)), load: Law::Fixed(seconds(1.0)) });
    assert_eq!(run(&spec, 0).counts.recoveries_asked, 0, "a new page knows nothing of the old one");
}

#[test]
fn one_pod_recovers_from_its_memory_what_it_has_not_lost_itself() {
    let mut spec = recovering(Adapter::None);
    spec.pods.replicas = 1;
    roaming(&mut spec, 60.0);
    let counts = run(&spec, 0).counts;
    assert!(counts.recoveries as f64 / counts.recoveries_asked as f64 > 0.9, "{:?}", counts.recoveries_missed);
    assert_eq!(counts.redis_commands.total(), 0);
    let mut spec = recovering(Adapter::None);
    spec.pods.replicas = 1;
    spec.timeline = vec![at(100, Action::Restart(Choice::Number(0)))];
    let restarted = run(&spec, 0).counts;
    assert_eq!(restarted.recoveries_missed.of(RecoveryMiss::Elsewhere), restarted.recoveries_asked);
    assert!(restarted.recoveries_asked >= 300);
}
