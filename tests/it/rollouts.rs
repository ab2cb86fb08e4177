//! Pods come and go: several changes at once, and what the balancer is told.

use stickysim::cluster::balancer::{BalancerSpec, IngressNginxSpec, NginxMethod, NginxSpec};
use stickysim::cluster::spec::{Action, Choice, ClusterSpec, Population, RolloutMode, TimedAction};
use stickysim::engine::{Law, Span};
use stickysim::metrics::Record;

use crate::support::{api, cluster, run, seconds};

fn at(seconds: u64, action: Action) -> TimedAction {
    TimedAction::once(Span::from_secs(seconds), action)
}

fn restart(pod: u32) -> Action {
    Action::Restart(Choice::Number(pod))
}

/// Three pods with 5 s before SIGTERM, 20 s to boot, ten clients, and this timeline.
fn three(timeline: Vec<TimedAction>) -> ClusterSpec {
    let mut spec = cluster(3, NginxMethod::RoundRobin, 10, true);
    spec.pods.shutdown.pre_stop = Span::from_secs(5);
    spec.pods.startup = Law::Fixed(seconds(20.0));
    spec.timeline = timeline;
    spec
}

/// Numbers of the pods that run at the end.
fn running(record: &Record) -> Vec<usize> {
    let runs = |&pod: &usize| record.series.connections_at_end(&record.series.pods[pod]).is_some();
    (0..record.series.pods.len()).filter(runs).collect()
}

/// How often a mark begins with these words.
fn marks(record: &Record, words: &str) -> usize {
    record.marks.iter().filter(|mark| mark.what.contains(words)).count()
}

#[test]
fn a_pod_that_restarts_can_be_removed_at_any_moment() {
    // at the same moment, before its SIGTERM, and while it boots: it is the least ready, so it goes first
    for scale_at in [100, 102, 110] {
        let record = run(&three(vec![at(100, restart(0)), at(scale_at, Action::Scale { to: 2 })]), 0);
        assert_eq!(running(&record), [1, 2], "scaled at {scale_at} s");
        assert_eq!(record.connected_mean.round(), 10.0, "its clients found another");
    }
}

#[test]
fn a_surge_rollout_replaces_a_pod_that_restarts() {
    let record = run(&three(vec![at(100, restart(0)), at(100, Action::RollingRestart(RolloutMode::Surge))]), 0);
    assert_eq!(running(&record).len(), 3);
    assert!(running(&record).iter().all(|&pod| pod > 2), "{:?}", running(&record));
}

#[test]
fn a_rolling_restart_in_place_goes_on_when_its_pod_is_removed() {
    let rolling = at(100, Action::RollingRestart(RolloutMode::InPlace));
    for scale_at in [102, 110] {
        let record = run(&three(vec![rolling.clone(), at(scale_at, Action::Scale { to: 2 })]), 0);
        assert_eq!(running(&record), [1, 2]);
        assert_eq!((marks(&record, "restart pod"), marks(&record, "ready")), (3, 2), "{:#?}", record.marks);
    }
}

#[test]
fn a_server_list_forgets_a_crashed_pod_that_is_removed() {
    let mut spec = three(vec![at(100, Action::Crash(Choice::Number(1))), at(120, Action::Scale { to: 2 })]);
    spec.balancers = vec![BalancerSpec::Nginx(NginxSpec { max_fails: 0, ..NginxSpec::default() })];
    spec.pods.startup = Law::Fixed(seconds(10_000.0));
    spec.traffic = vec![api(1.0, Law::Fixed(0.0))];
    let retried = |until: u64| {
        spec.duration = Span::from_secs(until);
        run(&spec, 0).counts.requests_retried
    };
    let [crashed, removed, later] = [119, 122, 600].map(retried);
    assert!(crashed > 30, "while it is listed, every third request tries it first: {crashed}");
    assert!(removed >= crashed && later == removed, "{removed} tries by then, {later} in the end");
}

#[test]
fn a_surge_rollout_keeps_to_its_limits() {
    // one more and none less than wanted: never fewer than three ready, never more than four not terminating
    let record = run(&three(vec![at(100, Action::RollingRestart(RolloutMode::Surge))]), 0);
    assert_eq!(running(&record), [3, 4, 5]);
    let moments = |words: &str| {
        let of = record.marks.iter().filter(|mark| mark.what.contains(words));
        of.map(|mark| mark.at_ms / 1000).collect::<Vec<_>>()
    };
    assert_eq!(moments("create pod"), [100, 120, 140]);
    assert_eq!(moments("ready"), [120, 140, 160]);
    assert_eq!(moments("remove pod"), [120, 140, 160]);
}

#[test]
fn ingress_nginx_is_told_late_and_nothing_is_lost_when_pods_wait_for_it() {
    // endpoints travel for up to 0.1 + 3.3 + 1 s: with a longer preStop nobody meets a closed door, without one some do
    let failures = |pre_stop_s: u64| {
        let mut spec = three(vec![at(100, Action::RollingRestart(RolloutMode::Surge))]);
        spec.balancers = vec![BalancerSpec::IngressNginx(IngressNginxSpec::default())];
        spec.pods.shutdown.pre_stop = Span::from_secs(pre_stop_s);
        spec.traffic = vec![api(0.02, Law::Fixed(0.0))];
        spec.duration = Span::from_secs(200);
        let counts = run(&spec, 0).counts;
        (counts.requests_failed.total() + counts.connects_failed.total(), counts.requests_retried)
    };
    assert_eq!(failures(5), (0, 0));
    let (_, retried) = failures(0);
    assert!(retried > 100, "{retried}");
}

#[test]
fn a_crash_loop_backs_off() {
    // restarts after 0, 10, 20, 40 s and 20 s of boot each
    let crashes = [100, 130, 170, 230].map(|s| at(s, Action::Crash(Choice::Number(0))));
    let record = run(&three(crashes.to_vec()), 0);
    let ready: Vec<u64> = record.marks.iter().filter(|m| m.what == "ready: pod-0").map(|m| m.at_ms / 1000).collect();
    assert_eq!(ready, [120, 160, 210, 290]);
}

#[test]
fn nginx_lets_one_websocket_per_pause_back_to_a_pod_that_is_back() {
    // Passive failures are forgiven when a probe has ended well, and a WebSocket ends late: with fail_timeout = 10 s the
    // pod gets one connection in 11 s. This is what the idealised rolling restarts (oracle A5) leave out.
    let mut spec = cluster(2, NginxMethod::RoundRobin, 0, true);
    let session = Law::Fixed(seconds(1e6));
    spec.audiences[0].population = Population::Arriving { rate_per_s: 2.0, profile: vec![], session };
    spec.steady_start = false;
    spec.timeline = vec![at(100, Action::Crash(Choice::Number(0)))];
    spec.duration = Span::from_secs(320);
    let record = run(&spec, 0);
    let connections = record.series.pods[0].connections.last().copied().flatten().expect("it is back");
    // 212 s since it is ready
    assert!((18.0..=20.0).contains(&connections), "{connections}");
}
