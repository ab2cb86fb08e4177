//! What a WebSocket, a cookie and a reconnect mean, one by one.

use std::sync::Arc;

use stickysim::cluster::balancer::{Affinity, AffinityMode, BalancerSpec, IngressNginxSpec, NginxMethod, NginxSpec};
use stickysim::cluster::simulate_during;
use stickysim::cluster::spec::{
    Action, AddressChangeSpec, Choice, ClusterSpec, Costs, Population, ReconnectPolicy, RetryLaw, TimedAction, Trace,
    TraceRequest,
};
use stickysim::engine::{Law, Seed, Span};
use stickysim::metrics::{CloseReason, FailReason, FigureId, MoveReason, Record, Window};

use crate::support::{api, assert_agrees, audience, cluster, no_costs, run, seconds};

fn at(seconds: u64, action: Action) -> TimedAction {
    TimedAction::once(Span::from_secs(seconds), action)
}

fn crash(seconds: u64, pod: u32) -> TimedAction {
    at(seconds, Action::Crash(Choice::Number(pod)))
}

/// nginx that never leaves a server alone.
fn patient(method: NginxMethod) -> BalancerSpec {
    BalancerSpec::Nginx(NginxSpec { method, max_fails: 0, ..NginxSpec::default() })
}

fn cookies(mode: AffinityMode, max_age_s: Option<u64>) -> BalancerSpec {
    BalancerSpec::IngressNginx(IngressNginxSpec {
        affinity: Affinity::Cookie,
        affinity_mode: mode,
        session_cookie_max_age: max_age_s.map(Span::from_secs),
        ..IngressNginxSpec::default()
    })
}

/// How long ghosts were counted, in seconds.
fn ghost_seconds(record: &Record) -> f64 {
    let times = &record.series.times_s;
    record.series.cluster.get("ghosts").iter().sum::<f64>() * (times[1] - times[0])
}

#[test]
fn a_silent_death_is_noticed_by_the_heartbeat() {
    // A6: uniform between ping timeout and ping interval + timeout, 20 to 45 s
    let mut spec = cluster(1, NginxMethod::RoundRobin, 1, true);
    spec.audiences[0].reconnect = ReconnectPolicy::NEVER;
    spec.audiences[0].network.address_change =
        Some(AddressChangeSpec { every: Law::Fixed(seconds(100.0)), gap: Law::Fixed(0.0), same_network: 0.0 });
    (spec.duration, spec.sample_every) = (Span::from_secs(150), Span::from_millis(250));
    let lived: Vec<f64> = (0..100).map(|replication| ghost_seconds(&run(&spec, replication))).collect();
    assert!(lived.iter().all(|&s| (19.5..=45.5).contains(&s)), "{lived:?}");
    assert_agrees("life of a ghost in seconds", &lived, 32.5);
    let (min, max) = lived.iter().fold((99.0, 0.0), |(min, max), &s| (s.min(min), s.max(max)));
    assert!(min < 22.0 && max > 43.0, "the whole range is used: {min} to {max}");
}

#[test]
fn a_clean_close_is_noticed_after_half_a_round_trip() {
    let mut spec = cluster(1, NginxMethod::RoundRobin, 0, true);
    // one session after the other, each leaves a ghost for the second that its close travels
    spec.audiences[0].population =
        Population::Arriving { rate_per_s: 0.2, profile: vec![], session: Law::Fixed(seconds(30.0)) };
    spec.audiences[0].network.rtt = Law::Fixed(seconds(2.0));
    (spec.duration, spec.sample_every) = (Span::from_secs(2_000), Span::from_millis(20));
    let record = run(&spec, 0);
    let closed = record.counts.closed.of(CloseReason::SessionEnd) as f64;
    assert!(closed > 300.0 && (ghost_seconds(&record) / closed - 1.0).abs() < 0.01, "{}", ghost_seconds(&record));
}

#[test]
fn a_crash_is_seen_after_half_a_round_trip_and_mended_in_four_more() {
    let mut spec = cluster(2, NginxMethod::RoundRobin, 10, true);
    spec.balancers = vec![patient(NginxMethod::RoundRobin)];
    spec.audiences[0].network.rtt = Law::Fixed(seconds(0.2));
    let second = Span::from_secs(1);
    spec.audiences[0].reconnect = RetryLaw::Exponential { first: second, max: second, jitter: 0.0 }.into();
    spec.timeline = vec![crash(100, 0)];
    let record = run(&spec, 0);
    // 0.1 s until the close is seen, 1 s of back-off, TCP, TLS, upgrade and CONNECT take a round trip each: 0.8 s
    assert_eq!((record.latencies.offline.count(), record.latencies.offline.sum_s()), (5, 5.0 * 1.9));
    assert_eq!((record.counts.reconnects, record.counts.sessions_moved), (5, 5));
    assert!(record.counts.requests_retried > 0, "nginx tries the next server within the same request");
}

#[test]
fn socket_io_comes_back_after_its_own_delays() {
    // A6: the first delay is 551 to 1499 ms, mean 1025 ms
    let mut spec = cluster(2, NginxMethod::RoundRobin, 4_000, true);
    spec.balancers = vec![patient(NginxMethod::RoundRobin)];
    spec.timeline = vec![crash(100, 0)];
    let offline = run(&spec, 0).latencies.offline;
    assert_eq!(offline.count(), 2_000);
    let [min, max] = [0.0, 1.0].map(|q| offline.quantile_ms(q).unwrap());
    assert!((550.0..560.0).contains(&min) && (1490.0..=1501.0).contains(&max), "{min} to {max} ms");
    // standard deviation 290 ms, so ± 6.5 ms of one standard error
    assert!((offline.mean_ms().unwrap() - 1025.0).abs() < 25.0, "{:?}", offline.mean_ms());
}

#[test]
fn whoever_gives_up_stays_away() {
    let mut spec = cluster(1, NginxMethod::RoundRobin, 20, true);
    let second = Span::from_secs(1);
    spec.audiences[0].reconnect =
        ReconnectPolicy { law: RetryLaw::Fixed { delay: second, jitter: 0.0 }, attempts: Some(3) };
    spec.pods.startup = Law::Fixed(seconds(60.0));
    spec.timeline = vec![crash(100, 0)];
    let counts = run(&spec, 0).counts;
    assert_eq!((counts.connect_attempts, counts.reconnects), (60, 0), "three attempts each");
}

/// 100 HTTP clients that call every 10 s for 600 s: 60 requests each.
fn callers(balancer: BalancerSpec) -> ClusterSpec {
    let mut spec = cluster(3, NginxMethod::RoundRobin, 100, false);
    spec.balancers = vec![balancer];
    spec.traffic = vec![api(10.0, Law::Fixed(0.0))];
    spec.traffic[0].every = Law::Fixed(seconds(10.0));
    spec
}

#[test]
fn max_age_runs_from_issue_and_not_from_use() {
    let counts = run(&callers(cookies(AffinityMode::Persistent, Some(100))), 0).counts;
    // used every 10 s, and still a new one every 100 s
    assert_eq!((counts.requests, counts.cookies_issued, counts.cookies_reissued), (6_000, 600, 0));
    assert_eq!(counts.moved.total(), counts.moved.of(MoveReason::CookieExpired));
    // a new cookie is a new draw among three pods
    let moved = counts.moved.total() as f64 / 500.0;
    assert!((moved - 2.0 / 3.0).abs() < 0.08, "{moved}");
}

#[test]
fn a_cookie_of_the_browser_session_lasts() {
    for mode in [AffinityMode::Balanced, AffinityMode::Persistent] {
        let counts = run(&callers(cookies(mode, None)), 0).counts;
        assert_eq!((counts.cookies_issued, counts.moved.total()), (100, 0), "{mode:?}");
    }
}

#[test]
fn cleared_jars_start_afresh() {
    let mut spec = callers(cookies(AffinityMode::Persistent, None));
    spec.audiences[0].cookies.cleared_every = Some(Law::Fixed(seconds(60.0)));
    let counts = run(&spec, 0).counts;
    // 10 clearings each, the first perhaps before the first request, the last perhaps after the last
    assert!((950..=1_100).contains(&counts.cookies_issued), "{}", counts.cookies_issued);
    assert_eq!(counts.moved.total(), counts.moved.of(MoveReason::CookieExpired));
}

#[test]
fn who_keeps_no_cookies_gets_one_each_time() {
    let mut spec = callers(cookies(AffinityMode::Persistent, None));
    spec.audiences[0].cookies.keep = 0.7;
    spec.audiences[0].population = Population::Present { count: 1_000 };
    let counts = run(&spec, 0).counts;
    // K keepers get one, the others 60: the keepers follow from the total
    let keepers = (60_000 - counts.cookies_issued) as f64 / 59.0;
    assert_eq!(keepers % 1.0, 0.0);
    assert!((keepers - 700.0).abs() < 3.3 * 14.5, "{keepers} of 1000 keep cookies");
    assert_eq!(counts.moved.total(), counts.moved.of(MoveReason::CookieMissing));
}

/// Requests that a pod got, as seen by the series.
fn requests(record: &Record, pod: usize) -> f64 {
    record.series.pods[pod].requests_per_s.iter().flatten().sum::<f64>() * 10.0
}

#[test]
fn a_new_pod_gets_only_new_clients_when_cookies_name_pods() {
    let scaled = |mode| {
        let mut spec = callers(cookies(mode, None));
        spec.audiences[0].population = Population::Present { count: 1_000 };
        spec.timeline = vec![at(100, Action::Scale { to: 4 })];
        spec
    };
    let persistent = run(&scaled(AffinityMode::Persistent), 0);
    assert_eq!((requests(&persistent, 3), persistent.counts.moved.total()), (0.0, 0));
    // a ring gives it about a quarter of everybody, once
    let balanced = run(&scaled(AffinityMode::Balanced), 0).counts.moved;
    assert_eq!(balanced.total(), balanced.of(MoveReason::Rebalanced));
    assert!((200..300).contains(&balanced.total()), "{balanced:?}");
    // newcomers are a third audience's business: they go everywhere
    let mut spec = scaled(AffinityMode::Persistent);
    spec.audiences.push(audience(0, false));
    spec.audiences[1].population =
        Population::Arriving { rate_per_s: 1.0, profile: vec![], session: Law::Fixed(seconds(100.0)) };
    spec.traffic[0].audiences = vec![true, true];
    assert!(requests(&run(&spec, 0), 3) > 500.0, "newcomers go to the new pod as well");
}

#[test]
fn a_short_restart_in_place_keeps_clients_and_a_long_one_moves_them() {
    let restart = |startup_s: f64| {
        let mut spec = cluster(3, NginxMethod::RoundRobin, 300, true);
        spec.balancers = vec![cookies(AffinityMode::Persistent, None)];
        spec.pods.startup = Law::Fixed(seconds(startup_s));
        spec.timeline = vec![at(100, Action::Restart(Choice::Number(1)))];
        // when the control plane looks is part of the seed
        let mut counts = run(&spec, 0).counts;
        (1..8).for_each(|replication| counts.add(&run(&spec, replication).counts));
        counts
    };
    // back before the control plane has looked: the name in the cookie means the pod again
    let short = restart(0.05);
    assert!(short.reconnects > 480 && short.sessions_moved == 0, "{short:?}");
    // gone from the endpoints: whoever comes then is given another pod for good
    let long = restart(30.0);
    assert_eq!((long.reconnects, long.sessions_moved), (short.reconnects, short.reconnects));
    assert!(long.connects_failed.of(FailReason::PodUnreachable) > 0, "first the cookie's pod is tried, and only that");
}

#[test]
fn a_ring_takes_its_clients_back_after_a_restart_in_place() {
    let mut spec = callers(cookies(AffinityMode::Balanced, None));
    spec.pods.startup = Law::Fixed(seconds(60.0));
    spec.timeline = vec![at(200, Action::Restart(Choice::Number(1)))];
    let moved = run(&spec, 0).counts.moved;
    // away when the pod is gone, home when it is back
    let [away, home] = [MoveReason::PodGone, MoveReason::Rebalanced].map(|reason| moved.of(reason));
    assert!(away > 15 && away == home && away + home == moved.total(), "{moved:?}");
}

#[test]
fn heartbeats_follow_from_connected_time() {
    // 40 connections, a ping each 25 s: in 500 measured seconds exactly 20 each, with and without a warm-up
    for warm_up in [0, 250] {
        let mut spec = cluster(2, NginxMethod::RoundRobin, 40, true);
        spec.warm_up = Span::from_secs(warm_up);
        spec.duration = Span::from_secs(warm_up + 500);
        assert_eq!(run(&spec, 0).counts.heartbeats, 40 * 20, "warm-up {warm_up} s");
    }
    // sessions that come and go: connections·time/25, less the half period that each new session is short of a ping
    let mut spec = cluster(1, NginxMethod::RoundRobin, 0, true);
    spec.audiences[0].population =
        Population::Arriving { rate_per_s: 1.0, profile: vec![], session: Law::Fixed(seconds(260.0)) };
    spec.duration = Span::from_secs(5_000);
    spec.steady_start = false;
    let record = run(&spec, 0);
    // 260 s have 10 pings: the first comes 25 s after the start
    let ended = record.counts.closed.total();
    let expected = 10 * ended + 5 * (record.counts.connects - ended);
    assert!(record.counts.heartbeats.abs_diff(expected) < expected / 100, "{} {expected}", record.counts.heartbeats);
}

/// Request n comes at n seconds for five minutes, each of 10 s of work: it is done at 10·(n+1) s, 10 + 9·n s after it came.
/// From the seventh on (n = 6) everybody waits for longer than a minute.
fn ever_longer_queue() -> ClusterSpec {
    let mut spec = cluster(1, NginxMethod::RoundRobin, 1, false);
    let request = |n| TraceRequest { at: Span::from_secs(n), client: 0, address: [81, 2, 69, 142].into() };
    let trace = Arc::new(Trace { requests: (0..300).map(request).collect(), clients: 1 });
    spec.audiences[0].population = Population::Trace { trace, work: Law::Fixed(seconds(10.0)) };
    spec.duration = Span::from_secs(300);
    spec
}

#[test]
fn a_request_without_an_answer_for_a_minute_has_failed() {
    let mut spec = ever_longer_queue();
    let counts = run(&spec, 0).counts;
    assert_eq!(counts.requests_answered, 6);
    assert_eq!((counts.requests_in_flight, counts.requests_failed.of(FailReason::TimedOut)), (60, 234));
    // the same when the process ends first: those of the last minute were waiting for it, the others had given up
    spec.timeline = vec![crash(200, 0)];
    let failed = run(&spec, 0).counts.requests_failed;
    assert_eq!(failed.of(FailReason::PodDied), 60);
}

#[test]
fn a_request_has_failed_when_its_minute_is_over_and_not_when_the_pod_comes_to_it() {
    let mut spec = ever_longer_queue();
    spec.sample_every = Span::from_secs(1);
    let timed_out = |spec: &ClusterSpec, seconds: &[(u64, u64)]| -> (Record, Vec<u64>) {
        let window = |&(from, to): &(u64, u64)| Window { from: Span::from_secs(from), to: Span::from_secs(to) };
        let windows: Vec<Window> = seconds.iter().map(window).collect();
        let (whole, parts) = simulate_during(spec, &windows, Seed(1)).expect("the books balance");
        (whole, parts.iter().map(|part| part.counts.requests_failed.of(FailReason::TimedOut)).collect())
    };
    // one that has waited for a minute sharp has not failed yet
    let (whole, failed) = timed_out(&spec, &[(0, 66), (66, 67), (67, 200), (200, 260)]);
    assert_eq!(failed, [0, 1, 133, 60]);
    let rates = whole.series.times_s.iter().zip(whole.series.cluster.get("failed_per_s"));
    let wrong: Vec<_> = rates.filter(|&(&time, &rate)| rate != f64::from(u8::from(time >= 67.0))).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // who begins to measure later finds no others
    spec.warm_up = Span::from_secs(240);
    let late = run(&spec, 0);
    assert_eq!((late.counts.requests_failed.total(), late.counts.requests_in_flight), (60, 60));
    assert_eq!("requests.failed".parse::<FigureId>().expect("a figure").value(&late), Some(1.0));
    // nor does it matter to who is given up that the process has been told to end, and answers what it still has to
    spec.warm_up = Span::ZERO;
    spec.pods.startup = Law::Fixed(seconds(1_000.0));
    spec.timeline = vec![at(200, Action::Restart(Choice::Number(0)))];
    let (whole, failed) = timed_out(&spec, &[(0, 66), (66, 67), (67, 200), (200, 260), (261, 300)]);
    assert_eq!(failed, [0, 1, 133, 60, 0]);
    assert_eq!(whole.counts.requests_failed.of(FailReason::PodDied), 0);
}

#[test]
fn a_storm_of_handshakes_is_served_in_turn() {
    // A6, fluid: 1000 clients, 400 handshakes per second: the last is served at 3.05 s, the mean wait is 0.775 s
    let mut spec = cluster(2, NginxMethod::RoundRobin, 2_000, true);
    spec.balancers = vec![patient(NginxMethod::RoundRobin)];
    spec.pods.costs = Costs { connect: Span::from_micros(2_500), ..no_costs() };
    spec.timeline = vec![crash(100, 0)];
    let means: Vec<f64> = (0..10).map(|n| run(&spec, n).latencies.connect.mean_ms().unwrap() / 1e3).collect();
    // besides the wait there is the own handshake of 2.5 ms; noise is of the order 1/√N
    let mean = means.iter().sum::<f64>() / 10.0;
    println!("mean wait {mean:.4} s");
    assert!((mean / 0.7775 - 1.0).abs() < 0.03, "{mean}");
    let last = run(&spec, 0).latencies.offline.quantile_ms(1.0).unwrap() / 1e3;
    assert!((last / 3.05 - 1.0).abs() < 0.03, "{last}");
}

#[test]
fn who_comes_into_the_place_of_another_inherits_nothing() {
    // clients of 20 s in a run of 15 min: each place is used about ten times, a minute after it became free
    let mut spec = cluster(3, NginxMethod::RoundRobin, 0, true);
    spec.balancers = vec![cookies(AffinityMode::Persistent, None)];
    spec.pods.costs =
        Costs { heartbeat_every: Span::from_secs(25), heartbeat_timeout: Span::from_secs(20), ..no_costs() };
    spec.audiences[0].population =
        Population::Arriving { rate_per_s: 5.0, profile: vec![], session: Law::exponential(seconds(20.0)) };
    spec.audiences[0].network.address_change = Some(AddressChangeSpec {
        every: Law::exponential(seconds(60.0)),
        gap: Law::Fixed(seconds(1.0)),
        same_network: 0.0,
    });
    spec.traffic = vec![api(4.0, Law::Fixed(0.0))];
    spec.duration = Span::from_secs(900);
    let record = run(&spec, 0);
    let counts = &record.counts;
    // a client of its own at its first routed request: no cookie, no last pod
    let routed = counts.requests - counts.requests_failed.total() + counts.connects;
    let newcomers = routed - counts.routed_again;
    assert_eq!(counts.cookies_issued, newcomers, "one cookie for each of them");
    assert_eq!(counts.moved.total(), 0, "and nobody is sent where another one had been");
    let arrived = 5.0 * 900.0 + 100.0;
    assert!((newcomers as f64 / arrived - 1.0).abs() < 0.1, "{newcomers} of about {arrived}");
    assert!((record.connected_mean / 100.0 - 1.0).abs() < 0.1, "as many as by Little's law: {}", record.connected_mean);
    // a reconnect is of a client that had lost a connection itself
    assert!(counts.reconnects <= counts.closed.of(CloseReason::AddressChange), "{counts:?}");
}
