//! Connections that begin with long polling, against what the real library did behind the real nginx
//! (handshake.csv: socket.io 4.8.4, 200 clients, 40 s) and against the law that follows from its requests.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{ClusterSpec, Http, Population, ReconnectPolicy, RetryLaw, Target, Transports, Via};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{CloseReason, FailReason};

use crate::support::{cluster, emit, run, seconds};

/// 200 clients next to so many pods, which arrive at once and do nothing but connect.
fn arriving(pods: u32, method: NginxMethod, transports: Transports) -> ClusterSpec {
    let mut spec = cluster(pods, method, 200, true);
    spec.audiences[0].transports = transports;
    spec.audiences[0].network.http = Http::OneRequest; // as it was recorded
    spec.audiences[0].network.rtt = Law::Uniform { low: 1e7, high: 3e7 };
    spec.steady_start = false;
    spec.duration = Span::from_secs(40);
    spec.pods.costs.connect = Span::from_micros(20);
    spec.pods.costs.poll = Span::from_micros(5);
    spec
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[test]
fn nothing_is_needed_where_there_is_one_pod_or_a_sticky_balancer() {
    for (pods, method) in [(1, NginxMethod::RoundRobin), (2, NginxMethod::IpHash), (5, NginxMethod::IpHash)] {
        let counts = run(&arriving(pods, method, Transports::PollingFirst), 0).counts;
        assert_eq!((counts.connect_attempts, counts.connects, counts.upgrades), (200, 200, 200), "{pods} pods");
        // open, CONNECT, probe and two GETs
        assert_eq!((counts.session_requests, counts.sessions_unknown), (1_000, 0));
    }
}

#[test]
fn a_websocket_from_the_start_needs_no_affinity() {
    for pods in [1, 2, 3, 5] {
        let counts = run(&arriving(pods, NginxMethod::RoundRobin, Transports::WebSocket), 0).counts;
        assert_eq!((counts.connect_attempts, counts.connects, counts.session_requests), (200, 200, 0));
    }
}

/// Random: each of the requests reaches the session's pod with probability 1/P.
#[test]
fn at_random_a_handshake_succeeds_as_recorded() {
    // (pods, recorded: connected and upgraded per attempt)
    for (pods, connected, upgraded) in [(2, 0.2496, 0.1018), (3, 0.1080, 0.0233), (5, 0.0430, 0.0044)] {
        // where the network takes the time, the GET after the connect is sent before the probe has gone through; where the
        // pods take it, the probe overtakes the connect and that GET is never sent. The real clients did both
        let (by_network, by_pods) = both(pods, |_| {});
        let one = 1.0 / f64::from(pods);
        for ((attempts, p, q), law) in [(by_network, one * one * one * one), (by_pods, one * one * one)] {
            let error = |p: f64| 4.0 * (p * (1.0 - p) / attempts).sqrt();
            println!("{pods} pods: connected {p:.4} (recorded {connected}), upgraded {q:.4} ({upgraded})");
            assert!((p - one * one).abs() < error(p), "{pods} pods: {p} against {}", one * one);
            assert!((p / connected - 1.0).abs() < 0.1, "{pods} pods: {p} against the recorded {connected}");
            assert!((q - law).abs() < error(law), "{pods} pods: {q} against {law}");
        }
        assert!(by_network.2 < upgraded && upgraded < by_pods.2, "the recorded share lies between them");
    }
}

/// Attempts until a client is connected for the first time: each succeeds with 1/P², whatever came before.
#[test]
fn at_random_the_attempts_until_connected_are_geometric() {
    // (pods, recorded median of 200 clients)
    for (pods, recorded) in [(2_u32, 3_u32), (3, 7)] {
        let p = 1.0 / f64::from(pods * pods);
        let within = |attempts: u32| {
            let connected = |replication| {
                let mut spec = arriving(pods, NginxMethod::Random { two: false }, Transports::PollingFirst);
                spec.audiences[0].population = Population::Present { count: 1 };
                spec.audiences[0].network.rtt = Law::Fixed(1e4);
                // one attempt a second: a limit of attempts would not do, since each of them opens a session and so begins anew
                let law = RetryLaw::Fixed { delay: Span::from_secs(1), jitter: 0.0 };
                spec.audiences[0].reconnect = ReconnectPolicy { law, attempts: None };
                spec.duration = Span::from_millis(500 + 1_000 * u64::from(attempts - 1));
                run(&spec, replication).counts.connects > 0
            };
            let runs = 1_500;
            f64::from((0..runs).map(|run| u32::from(connected(run))).sum::<u32>()) / f64::from(runs)
        };
        for attempts in [1, 2, 4, 8, 16] {
            let (law, share) = (1.0 - libm::pow(1.0 - p, f64::from(attempts)), within(attempts));
            let error = 4.0 * (law * (1.0 - law) / 1_500.0).sqrt();
            println!("{pods} pods, {attempts} attempts: {share:.3}, law {law:.3}");
            assert!((share - law).abs() < error, "{pods} pods, {attempts} attempts: {share} against {law}");
        }
        // the median of 200 clients is known to about ± 0.07 in probability
        let (before, at) = (within(recorded - 1), within(recorded));
        assert!(before < 0.57 && at > 0.43, "{pods} pods: half of them after {recorded} attempts: {before}, {at}");
    }
}

/// Clients that have a stable connection after 40 s: those that were upgraded.
#[test]
fn at_random_as_many_are_stable_after_40_s_as_were_recorded() {
    for (pods, recorded) in [(2, 183.0_f64), (3, 122.0), (5, 35.0)] {
        let stable = |share: f64| 200.0 * share;
        // the recorded clients emitted an event as soon as they were connected: who polls does not get far with that
        let (by_network, by_pods) =
            both(pods, |spec| spec.traffic = vec![emit(Law::Fixed(seconds(0.5)), Target::Own, Via::Socket)]);
        let [least, most] = [by_network, by_pods].map(|(attempts, _, upgraded)| stable(attempts * upgraded / 800.0));
        println!("{pods} pods: {least:.0} to {most:.0} of 200 are stable, recorded {recorded}");
        let error = 2.0 * (recorded * (1.0 - recorded / 200.0)).sqrt();
        assert!(least - error < recorded && recorded < most + error, "{pods} pods: {least} to {most}, {recorded}");
    }
}

/// Where the network takes the time, and where the pods do.
fn both(pods: u32, change: impl Fn(&mut ClusterSpec)) -> ((f64, f64, f64), (f64, f64, f64)) {
    let by_pods = random(pods, |spec| {
        change(spec);
        spec.audiences[0].network.rtt = Law::Uniform { low: 1e4, high: 3e4 };
        spec.pods.costs.poll = Span::from_micros(200);
    });
    (random(pods, change), by_pods)
}

/// (attempts, connected, upgraded per attempt) with a random balancer.
fn random(pods: u32, change: impl Fn(&mut ClusterSpec)) -> (f64, f64, f64) {
    let (mut attempts, mut connects, mut upgrades) = (0, 0, 0);
    for replication in 0..4 {
        let mut spec = arriving(pods, NginxMethod::Random { two: false }, Transports::PollingFirst);
        change(&mut spec);
        let counts = run(&spec, replication).counts;
        attempts += counts.connect_attempts;
        connects += counts.connects;
        upgrades += counts.upgrades;
    }
    (attempts as f64, share(connects, attempts), share(upgrades, attempts))
}

/// Round robin deals the requests of one handshake out in turn: with two pods the CONNECT and the GET can be lucky
/// together, since the probe comes between them, but then the probe is not, and of the next POST and GET one is not either;
/// with more nobody ever connects.
#[test]
fn in_turn_nobody_is_ever_upgraded() {
    // (pods, recorded: attempts, connected per attempt, requests per attempt, answers 400 per attempt)
    let recorded = [(2, 7538, 0.4767, 5.53, 2.28), (3, 7533, 0.0, 4.73, 2.51), (5, 7114, 0.0, 4.8, 3.1)];
    for (pods, attempts, connected, requests, refused) in recorded {
        let mut spec = arriving(pods, NginxMethod::RoundRobin, Transports::PollingFirst);
        // the recorded clients emitted an event as soon as they were connected
        spec.traffic = vec![emit(Law::Fixed(seconds(0.5)), Target::Own, Via::Socket)];
        let counts = run(&spec, 0).counts;
        let of = |count: u64| share(count, counts.connect_attempts);
        let (c, r, u) = (of(counts.connects), of(counts.session_requests), of(counts.sessions_unknown));
        println!(
            "{pods} pods, {} attempts ({attempts}): connected {c:.3} ({connected}), {r:.2} requests ({requests}), {u:.2} \
             of them answered 400 ({refused})",
            counts.connect_attempts
        );
        assert_eq!(counts.upgrades, 0);
        assert!((c - connected).abs() < 0.05, "{pods} pods: {c} against the recorded {connected}");
        // about an attempt a second per client, for ever
        assert!((counts.connect_attempts as f64 / f64::from(attempts) - 1.0).abs() < 0.1);
        assert!((r / requests - 1.0).abs() < 0.1 && (u / refused - 1.0).abs() < 0.15, "{r} and {u}");
    }
}

#[test]
fn polling_for_good_fails_in_turn_and_holds_with_affinity() {
    for pods in [2, 3] {
        let counts = run(&arriving(pods, NginxMethod::RoundRobin, Transports::Polling), 0).counts;
        assert_eq!((counts.connects, counts.upgrades), (0, 0));
        let sticky = run(&arriving(pods, NginxMethod::IpHash, Transports::Polling), 0).counts;
        assert_eq!((sticky.connects, sticky.connect_attempts, sticky.closed.total()), (200, 200, 0));
        // open, CONNECT, two GETs; then a pong and a GET for the ping after 25 s
        assert_eq!(sticky.session_requests, 200 * 6);
    }
}

#[test]
fn a_proxy_that_lets_no_websocket_through_leaves_clients_polling() {
    let mut spec = arriving(3, NginxMethod::IpHash, Transports::PollingFirst);
    spec.audiences[0].network.blocks_websockets = 0.25;
    let counts = run(&spec, 0).counts;
    assert_eq!(counts.connects, 200);
    let blocked = 200 - counts.upgrades;
    assert!((35..=65).contains(&blocked), "{blocked} of 200");
    spec.audiences[0].transports = Transports::WebSocket;
    let counts = run(&spec, 0).counts;
    assert_eq!(counts.connects, 200 - blocked, "the same clients have nothing to fall back to");
    assert!(counts.connects_failed.of(FailReason::WebSocketBlocked) > 0);
}

/// The second outage: the hash of their addresses points back to the pod that has returned.
#[test]
fn clients_that_poll_behind_ip_hash_are_cut_again_when_their_pod_is_back() {
    use stickysim::cluster::spec::{Action, Choice, TimedAction};
    let closed = |transports| {
        let mut spec = arriving(3, NginxMethod::IpHash, transports);
        spec.steady_start = true;
        spec.duration = Span::from_secs(120);
        spec.timeline = vec![TimedAction::once(Span::from_secs(30), Action::Crash(Choice::Number(1)))];
        let counts = run(&spec, 0).counts;
        let of = |reason| counts.closed.of(reason);
        (of(CloseReason::PodCrash), of(CloseReason::SessionUnknown), counts.connects)
    };
    let (crashed, unknown, again) = closed(Transports::Polling);
    assert!((40..90).contains(&crashed), "a third of them: {crashed}");
    assert_eq!((unknown, again), (crashed, 2 * crashed));
    let (crashed, unknown, again) = closed(Transports::WebSocket);
    assert_eq!((unknown, again), (0, crashed), "WebSockets stay where they are");
}
