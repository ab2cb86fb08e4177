//! Nodes and zones that are cut off, drained and upgraded; and what happens again and again.

use stickysim::cluster::adapter::{self, Adapter};
use stickysim::cluster::balancer::{Affinity, BalancerSpec, IngressNginxSpec, NginxMethod, NginxSpec, ServiceSpec};
use stickysim::cluster::spec::{
    Action, Amount, Choice, ClusterSpec, DisruptionBudget, Keeps, NodeSet, NodesSpec, Outage, RolloutMode,
    RolloutStrategy, TickSpec, TimedAction, Transports,
};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{CloseReason, FailReason, Record};

use crate::support::{api, cluster, seconds};

fn run(spec: &ClusterSpec) -> Record {
    crate::support::run(spec, 0)
}

fn at(second: u64, action: Action) -> TimedAction {
    TimedAction::once(Span::from_secs(second), action)
}

fn cut(of: NodeSet, from: Outage, lasts_s: Option<u64>) -> Action {
    Action::Outage { of, from, lasts: lasts_s.map(Span::from_secs) }
}

fn node(number: u32) -> NodeSet {
    NodeSet::Node(Choice::Number(number))
}

const NODES: NodesSpec = NodesSpec {
    count: 4,
    zones: 2,
    max_pods: 110,
    lease_renewal: Span::from_secs(10),
    monitor_period: Span::from_secs(5),
    monitor_grace: Span::from_secs(40),
    toleration: Span::from_secs(300),
};

/// All pods on one node.
const ONE_NODE: NodesSpec = NodesSpec { count: 1, zones: 1, ..NODES };

/// Eight pods on four nodes in two zones, 400 clients with WebSockets that never leave, and this timeline; fifteen minutes.
fn on_nodes(timeline: Vec<TimedAction>) -> ClusterSpec {
    let mut spec = cluster(8, NginxMethod::RoundRobin, 400, true);
    spec.duration = Span::from_secs(900);
    spec.pods.startup = Law::Fixed(seconds(5.0));
    spec.pods.costs.heartbeat_every = Span::from_secs(25);
    spec.pods.costs.heartbeat_timeout = Span::from_secs(20);
    let quick = NginxSpec { proxy_connect_timeout: Some(Span::from_secs(1)), ..NginxSpec::default() };
    spec.balancers = vec![BalancerSpec::Nginx(quick)];
    spec.nodes = Some(NODES);
    spec.timeline = timeline;
    spec
}

/// When something was marked for the first time, in seconds.
fn first(record: &Record, words: &str) -> Option<u64> {
    record.marks.iter().find(|mark| mark.what.starts_with(words)).map(|mark| mark.at_ms / 1000)
}

fn marked(record: &Record, words: &str) -> usize {
    record.marks.iter().filter(|mark| mark.what.starts_with(words)).count()
}

#[test]
fn a_node_without_power_is_noticed_given_up_and_replaced() {
    let record = run(&on_nodes(vec![at(100, cut(node(0), Outage::Power, None))]));
    // the lease is renewed every ten seconds and looked at every five: 30 to 45 s after the loss; pods go 300 s later
    let lost = first(&record, "node-0 is not ready").expect("the control plane notices");
    assert!((130..=145).contains(&lost), "{lost}");
    assert_eq!(first(&record, "remove"), Some(lost + 300));
    assert_eq!(first(&record, "create"), Some(lost + 300), "nobody is replaced before");
    assert_eq!((marked(&record, "remove"), record.counts.pods_evicted), (2, 2), "two pods were on it");
    // a quarter of the clients hears nothing any more, and finds out 20 to 45 s later
    assert_eq!(record.counts.closed.of(CloseReason::NodeLost), 100);
    assert_eq!((record.counts.reconnects, record.counts.closed.total()), (100, 100));
    let offline = |q| record.latencies.offline.quantile_ms(q).map_or(0.0, |ms| ms / 1e3);
    assert!((20.0..=46.0).contains(&offline(0.0)), "{}", offline(0.0));
    assert!((40.0..=52.0).contains(&offline(1.0)), "{}", offline(1.0));
}

#[test]
fn a_node_that_is_back_in_time_keeps_its_pods_with_other_addresses() {
    let record = run(&on_nodes(vec![at(100, cut(node(1), Outage::Power, Some(120)))]));
    assert_eq!((marked(&record, "remove"), marked(&record, "create"), record.counts.pods_evicted), (0, 0, 0));
    assert_eq!(marked(&record, "pod-1 starts anew") + marked(&record, "pod-"), 2, "{:#?}", record.marks);
    let short = run(&on_nodes(vec![at(100, cut(node(1), Outage::Power, Some(10)))]));
    assert_eq!((marked(&short, "node-1 is not ready"), marked(&short, "node-1 is back")), (0, 1), "nobody noticed");
    assert_eq!(short.counts.closed.of(CloseReason::NodeLost), 100, "but connections are gone");
}

#[test]
fn a_stateful_set_waits_for_the_node() {
    let mut spec = on_nodes(vec![at(100, cut(node(2), Outage::Power, Some(700)))]);
    spec.rollout.strategy = RolloutStrategy::Ordered { partition: 0 };
    let record = run(&spec);
    let removed = first(&record, "remove").expect("deleted when they tolerate no more");
    assert!(removed < 450, "{removed}");
    assert_eq!(first(&record, "create"), Some(800), "only when the node says that they are gone");
}

#[test]
fn cut_off_from_the_control_plane_pods_serve_on_and_are_replaced_all_the_same() {
    let mut spec = on_nodes(vec![at(100, cut(node(0), Outage::ControlPlane, Some(500)))]);
    spec.traffic = vec![api(5.0, Law::Fixed(0.0))];
    let record = run(&spec);
    assert_eq!((record.counts.requests_failed.total(), record.counts.closed.of(CloseReason::NodeLost)), (0, 0));
    assert_eq!(marked(&record, "create"), 2, "ten pods run for a while");
    // at 600 s the kubelet hears that it is to end two of them
    assert_eq!(record.counts.closed.of(CloseReason::PodShutdown), record.counts.closed.total());
    assert!(record.counts.closed.total() > 0, "{:?}", record.counts.closed);
    // a short one costs nothing at all
    spec.timeline = vec![at(100, cut(node(0), Outage::ControlPlane, Some(200)))];
    let record = run(&spec);
    assert_eq!((record.counts.closed.total(), marked(&record, "create")), (0, 0));
    assert_eq!(marked(&record, "ready"), 2, "they are ready again when they are heard of");
}

#[test]
fn cut_off_from_the_network_connections_survive_what_is_shorter_than_a_heartbeat() {
    let record = run(&on_nodes(vec![at(100, cut(node(0), Outage::Network, Some(15)))]));
    assert_eq!(record.counts.closed.total(), 0);
    let record = run(&on_nodes(vec![at(100, cut(node(0), Outage::Network, Some(120)))]));
    assert_eq!(record.counts.closed.of(CloseReason::PingTimeout), 100);
    assert_eq!(marked(&record, "create"), 0, "they are back before they are given up");
}

#[test]
fn requests_wait_for_a_pod_that_does_not_answer() {
    let losing = |balancer: BalancerSpec, keep| {
        let mut spec = on_nodes(vec![at(100, cut(node(0), Outage::Power, None))]);
        spec.audiences[0].transports = Transports::None;
        spec.audiences[0].cookies.keep = keep;
        spec.traffic = vec![api(5.0, Law::Fixed(0.0))];
        spec.balancers = vec![balancer];
        run(&spec)
    };
    let failed = |record: &Record| {
        let failed = &record.counts.requests_failed;
        (failed.of(FailReason::TimedOut), failed.of(FailReason::PodUnreachable), failed.of(FailReason::PodDied))
    };
    // round robin: the next pod takes it, after 5 s
    let ingress = IngressNginxSpec::default();
    let record = losing(BalancerSpec::IngressNginx(ingress.clone()), 1.0);
    assert!(failed(&record).0 < 40 && failed(&record).1 == 0, "{:?}", failed(&record));
    let slowest = record.latencies.request.quantile_ms(1.0).unwrap_or(0.0) / 1e3;
    assert!((5.0..=15.5).contains(&slowest), "{slowest}");
    // a cookie: the same pod three times, then an error; a quarter of the clients for 30 to 45 s, six to nine requests each …
    let cookie = IngressNginxSpec { affinity: Affinity::Cookie, ..ingress };
    let record = losing(BalancerSpec::IngressNginx(cookie.clone()), 1.0);
    assert!((500..=950).contains(&failed(&record).0), "{:?}", failed(&record));
    // … unless it may change
    let change = IngressNginxSpec { session_cookie_change_on_failure: true, ..cookie };
    let record = losing(BalancerSpec::IngressNginx(change), 1.0);
    assert!(failed(&record).0 < 40, "{:?}", failed(&record));
    // nobody stands behind a Service to try another pod
    let record = losing(BalancerSpec::Service(ServiceSpec::default()), 1.0);
    assert!(failed(&record).0 > 200, "{:?}", failed(&record));
}

#[test]
fn connect_attempts_last_no_longer_than_the_client_waits() {
    // nginx waits a minute for each pod; socket.io-client 20 s for everything
    let mut spec = on_nodes(vec![at(100, cut(NodeSet::Zone(Choice::Number(0)), Outage::Power, None))]);
    let quick = std::mem::replace(&mut spec.balancers, vec![BalancerSpec::Nginx(NginxSpec::default())]);
    let record = run(&spec);
    assert!(record.counts.connects_failed.of(FailReason::TimedOut) > 50, "{:?}", record.counts.connects_failed);
    let longest = record.latencies.connect.quantile_ms(1.0).unwrap_or(0.0) / 1e3;
    assert!(longest <= 20.5, "{longest}");
    spec.balancers = quick;
    assert_eq!(run(&spec).counts.connects_failed.of(FailReason::TimedOut), 0);
}

#[test]
fn when_every_node_is_lost_nobody_is_given_up() {
    let lose = |lasts| [0, 1].map(|zone| at(100, cut(NodeSet::Zone(Choice::Number(zone)), Outage::Power, lasts)));
    let record = run(&on_nodes(lose(None).to_vec()));
    assert_eq!((marked(&record, "node-3 is not ready"), record.counts.pods_evicted), (1, 0));
    // one zone is back: the other one is given up, a node every ten seconds, the first one after
    // ten, and 300 s later its pods
    let mut timeline = lose(None).to_vec();
    timeline[0] = at(100, cut(NodeSet::Zone(Choice::Number(0)), Outage::Power, Some(200)));
    let record = run(&on_nodes(timeline));
    assert_eq!(record.counts.pods_evicted, 4);
    let removed: Vec<u64> =
        record.marks.iter().filter(|mark| mark.what.starts_with("remove")).map(|mark| mark.at_ms / 1000).collect();
    assert_eq!((removed[0], removed[2] - removed[0]), (610, 10), "{removed:?}");
}

#[test]
fn a_drain_evicts_as_the_budget_allows() {
    let drained = |keeps: Option<Keeps>, seconds: u64| {
        let mut spec = on_nodes(vec![at(100, Action::DrainNode { node: Choice::Number(0), lasts: None })]);
        spec.disruption_budget = keeps.map(|keeps| DisruptionBudget { keeps, evicts_unready: false });
        spec.duration = Span::from_secs(seconds);
        run(&spec)
    };
    let record = drained(None, 300);
    let counts = |record: &Record| (record.counts.pods_evicted, record.counts.evictions_refused);
    assert_eq!((counts(&record), first(&record, "node-0 is drained")), ((2, 0), Some(100)));
    // one may be missing: the other one goes when its successor is ready, at the next question
    let record = drained(Some(Keeps::MaxUnavailable(Amount::Pods(1))), 300);
    assert_eq!((counts(&record), first(&record, "node-0 is drained")), ((2, 1), Some(105)));
    // all must stay: it is asked every five seconds, for each of both pods, for ever
    let record = drained(Some(Keeps::MinAvailable(Amount::Share(1.0))), 203);
    assert_eq!((counts(&record), first(&record, "node-0 is drained")), ((0, 42), None));
}

#[test]
fn pods_are_spread_over_zones_and_do_not_go_where_none_may() {
    // 8 pods: two on each of four nodes; none of those that come later goes to a node that is drained
    let mut spec = on_nodes(vec![
        at(50, Action::DrainNode { node: Choice::Number(3), lasts: Some(Span::from_secs(200)) }),
        at(100, Action::Scale { to: 24 }),
        at(200, cut(node(3), Outage::Power, None)),
        at(210, cut(node(0), Outage::Power, None)),
    ]);
    spec.duration = Span::from_secs(220);
    spec.steady_start = true;
    let record = run(&spec);
    // zone 1 has only node 1 left, and both zones get as many: 12 on node 1, 6 on each of nodes 0 and 2
    let lost = record.counts.closed.of(CloseReason::NodeLost);
    assert_eq!((marked(&record, "create"), marked(&record, "nothing")), (18, 0), "{:#?}", record.marks);
    assert!(lost > 0 && record.counts.pods_evicted == 2, "{lost}");
}

#[test]
fn nodes_that_are_full_let_pods_wait() {
    let mut spec = on_nodes(vec![at(100, Action::Scale { to: 10 }), at(300, Action::Scale { to: 8 })]);
    spec.nodes = Some(NodesSpec { max_pods: 2, ..NODES });
    let record = run(&spec);
    assert_eq!((marked(&record, "create"), marked(&record, "ready"), marked(&record, "remove")), (2, 0, 2));
}

#[test]
fn nodes_are_upgraded_one_after_the_other() {
    let record = run(&on_nodes(vec![at(100, Action::UpgradeNodes { reboot: Span::from_secs(60) })]));
    let drained: Vec<(u64, &str)> = record
        .marks
        .iter()
        .filter(|mark| mark.what.ends_with("is drained"))
        .map(|mark| (mark.at_ms / 1000, mark.what.as_str()))
        .collect();
    let expected = ["node-0 is drained", "node-1 is drained", "node-2 is drained", "node-3 is drained"];
    let by_hand: Vec<(u64, &str)> = (0..).map(|n| 100 + 60 * n).zip(expected).collect();
    assert_eq!(drained, by_hand);
    assert_eq!(first(&record, "end of the upgrade"), Some(340));
}

#[test]
fn who_shares_a_node_with_more_of_us_goes_first() {
    // five pods on two nodes: 3 and 2; of the three one goes, whoever it is, and then any
    let mut spec = on_nodes(vec![at(100, Action::Scale { to: 4 }), at(200, cut(node(0), Outage::Power, None))]);
    spec.pods.replicas = 5;
    spec.nodes = Some(NodesSpec { count: 2, zones: 1, ..NODES });
    spec.duration = Span::from_secs(250);
    let record = run(&spec);
    assert_eq!(marked(&record, "remove"), 1);
    let left: f64 =
        record.series.pods.iter().filter_map(|pod| record.series.connections_at_end(pod)).filter(|&n| n > 0.0).count()
            as f64;
    assert_eq!(left, 2.0, "two of the four were on node 0");
}

#[test]
fn what_recurs_keeps_to_its_law() {
    let recurring = |law, action| {
        let mut spec = on_nodes(vec![TimedAction::every(law, action)]);
        spec.duration = Span::from_secs(100_000);
        spec.sample_every = Span::from_secs(1_000);
        spec.audiences[0].transports = Transports::None;
        spec.pods.resync = Span::ZERO;
        run(&spec)
    };
    let once_in = |mean| Law::exponential(seconds(mean));
    let crashes = |choice, mean| marked(&recurring(once_in(mean), Action::Crash(choice)), "crash pod-") as f64;
    // a Poisson process of mean 100: four standard deviations
    let of_all = crashes(Choice::Random, 1_000.0);
    assert!((60.0..=140.0).contains(&of_all), "{of_all}");
    // eight clocks of mean 12.5 each
    let of_each = crashes(Choice::Each, 8_000.0);
    assert!((60.0..=140.0).contains(&of_each), "{of_each}");
    let lost = recurring(once_in(8_000.0), cut(NodeSet::Node(Choice::Each), Outage::Power, Some(60)));
    assert!((25..=75).contains(&marked(&lost, "loss of node-")), "{}", marked(&lost, "loss of node-"));
    // every ten thousand seconds, the first time as said
    let mut spec = on_nodes(vec![TimedAction {
        at: Some(Span::from_secs(30)),
        every: Some(Law::Fixed(seconds(100.0))),
        action: Action::AddressChanges { share: 0.25, gap: Law::Fixed(seconds(1.0)), same_network: 0.0 },
    }]);
    spec.duration = Span::from_secs(400);
    let record = run(&spec);
    let waves: Vec<u64> = record
        .marks
        .iter()
        .filter(|mark| mark.what.ends_with("another address"))
        .map(|mark| mark.at_ms / 1000)
        .collect();
    assert_eq!(waves, [30, 130, 230, 330]);
    let changed = record.counts.address_changes as f64;
    assert!((changed - 400.0).abs() < 4.0 * f64::sqrt(1_600.0 * 0.25 * 0.75), "{changed}");
    assert_eq!(record.counts.closed.of(CloseReason::AddressChange), record.counts.closed.total());
}

#[test]
fn a_pod_that_has_never_run_is_reached_when_it_does() {
    let mut spec = on_nodes(vec![at(100, Action::Scale { to: 12 }), at(105, cut(node(0), Outage::Power, Some(10)))]);
    spec.pods.scheduling = Law::Fixed(seconds(20.0));
    spec.audiences[0].transports = Transports::None;
    spec.traffic = vec![api(5.0, Law::Fixed(0.0))];
    let record = run(&spec);
    assert_eq!((marked(&record, "node-0 is back"), record.counts.requests_failed.of(FailReason::TimedOut)), (1, 0));
    assert!(record.counts.requests_retried < 400, "{}", record.counts.requests_retried);
}

#[test]
fn tries_that_wait_count_for_least_connections() {
    let mut spec = on_nodes(vec![at(100, cut(node(0), Outage::Power, None))]);
    spec.balancers = vec![BalancerSpec::Nginx(NginxSpec { method: NginxMethod::LeastConn, ..NginxSpec::default() })];
    spec.audiences[0].transports = Transports::None;
    spec.traffic = vec![api(5.0, Law::Fixed(0.0))];
    spec.duration = Span::from_secs(125);
    let waiting = run(&spec).counts.requests_in_flight;
    assert!((1..10).contains(&waiting), "{waiting}: both pods have a try each, which is more than others have");
}

#[test]
fn drains_and_upgrades_find_whoever_is_on_the_node() {
    // the node loses its power while it is drained: its pods start anew, and are asked for again
    let budget = Some(DisruptionBudget { keeps: Keeps::MaxUnavailable(Amount::Pods(1)), evicts_unready: false });
    let upgrade = at(100, Action::UpgradeNodes { reboot: Span::from_secs(60) });
    let mut spec = on_nodes(vec![upgrade.clone(), at(103, cut(node(0), Outage::Power, Some(10)))]);
    spec.disruption_budget = budget;
    let record = run(&spec);
    assert_eq!(marked(&record, "end of the upgrade"), 1, "{:#?}", record.marks);
    // a pod that is being restarted in place is evicted all the same
    let mut spec = on_nodes(vec![at(95, Action::Restart(Choice::Number(0))), upgrade]);
    spec.pods.shutdown.pre_stop = Span::from_secs(20);
    let record = run(&spec);
    assert_eq!(marked(&record, "end of the upgrade"), 1, "{:#?}", record.marks);
    // two that drain the same node ask once
    let drain = || Action::DrainNode { node: Choice::Number(0), lasts: None };
    let mut spec = on_nodes(vec![at(100, drain()), at(101, drain())]);
    spec.disruption_budget =
        Some(DisruptionBudget { keeps: Keeps::MaxUnavailable(Amount::Pods(0)), evicts_unready: false });
    spec.duration = Span::from_secs(203);
    assert_eq!(run(&spec).counts.evictions_refused, 42);
}

#[test]
fn nobody_hears_of_a_crash_behind_a_partition() {
    let mut spec = on_nodes(vec![
        at(100, cut(node(0), Outage::ControlPlane, Some(25))),
        at(101, Action::Crash(Choice::Number(0))),
    ]);
    spec.nodes = Some(ONE_NODE);
    spec.audiences[0].transports = Transports::None;
    spec.traffic = vec![api(5.0, Law::Fixed(0.0))];
    let record = run(&spec);
    // its place in the list stays, and it is back after five seconds: others take what it refuses
    assert_eq!((record.counts.requests_failed.total(), marked(&record, "not ready")), (0, 0), "{:#?}", record.marks);
    assert!(record.counts.requests_retried > 0);
    // a pod that ends meanwhile keeps its name until its kubelet is heard
    let mut spec = on_nodes(vec![
        at(99, Action::RollingRestart(RolloutMode::Surge)),
        at(100, cut(NodeSet::Zone(Choice::Number(0)), Outage::ControlPlane, Some(200))),
        at(100, cut(NodeSet::Zone(Choice::Number(1)), Outage::ControlPlane, Some(200))),
    ]);
    spec.pods.shutdown.pre_stop = Span::from_secs(10);
    spec.rollout.strategy = RolloutStrategy::Ordered { partition: 0 };
    assert_eq!(first(&run(&spec), "create"), Some(300));
}

#[test]
fn who_is_cut_off_does_nothing_that_others_see() {
    let mut spec = on_nodes(vec![at(100, cut(node(0), Outage::Network, Some(300)))]);
    spec.pods.costs.heartbeat = Span::from_micros(100);
    let record = run(&spec);
    assert!(record.limits.pod_cpu < 0.1, "it does not work: {}", record.limits.pod_cpu);
    // a process that dies there says no goodbye
    let nodes = spec.nodes.replace(ONE_NODE);
    spec.timeline.push(at(101, Action::Crash(Choice::Number(0))));
    let record = run(&spec);
    let offline = record.latencies.offline.quantile_ms(0.0).unwrap_or(0.0) / 1e3;
    assert_eq!(record.counts.closed.of(CloseReason::PodCrash), 50);
    assert!(offline >= 19.0, "{offline}");
    // nor does it store what is known of those who have left
    spec.timeline.pop();
    spec.nodes = nodes;
    spec.recovery = Some(Span::from_secs(600));
    spec.redis.law = adapter::Law { recovery: true, ..adapter::Law::of(Adapter::Streams { sharded_requests: false }) };
    let operation = crate::support::TO_ALL;
    spec.ticks = vec![TickSpec { name: "tick".to_owned(), every: Span::from_secs(5), operation, bytes: 10 }];
    let record = run(&spec);
    assert!(record.counts.recoveries_asked >= 100, "{}", record.counts.recoveries_asked);
    assert_eq!(record.counts.recoveries, 0, "{:?}", record.counts.recoveries_missed);
}

#[test]
fn a_proxy_before_a_service_tries_again() {
    let mut spec = on_nodes(vec![at(100, cut(node(0), Outage::Power, None))]);
    spec.audiences[0].transports = Transports::None;
    spec.traffic = vec![api(5.0, Law::Fixed(0.0))];
    let service = BalancerSpec::Service(ServiceSpec::default());
    spec.balancers = vec![BalancerSpec::IngressNginx(IngressNginxSpec::default()), service];
    let record = run(&spec);
    // three tries of 5 s, each at one of eight pods, two of which are lost: 1/64 of some 3,200 requests
    let failed = record.counts.requests_failed.of(FailReason::TimedOut);
    assert!((15..=95).contains(&failed) && record.counts.requests_retried > 400, "{failed}");
}

#[test]
fn a_server_is_not_blamed_for_clients_that_do_not_wait() {
    // nginx waits a minute, WebSockets 20 s: nobody ever finds out, until the line of the pod goes
    let mut spec = on_nodes(vec![at(100, cut(node(0), Outage::Power, None))]);
    spec.balancers = vec![BalancerSpec::Nginx(NginxSpec { method: NginxMethod::IpHash, ..NginxSpec::default() })];
    let record = run(&spec);
    let offline = record.latencies.offline.quantile_ms(0.5).unwrap_or(0.0) / 1e3;
    assert!(offline > 300.0, "{offline}");
}

#[test]
fn a_restart_in_place_ends_with_the_node() {
    let mut spec =
        on_nodes(vec![at(99, Action::Restart(Choice::Number(0))), at(100, cut(node(0), Outage::Power, Some(30)))]);
    spec.pods.shutdown.pre_stop = Span::from_secs(10);
    spec.nodes = Some(ONE_NODE);
    let record = run(&spec);
    assert_eq!((marked(&record, "create"), marked(&record, "pod-0 starts anew")), (0, 1), "{:#?}", record.marks);
}
