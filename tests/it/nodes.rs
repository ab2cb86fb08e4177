//! A Service with `externalTrafficPolicy: Local`: each node has the pods that stand on it, and who checks nodes leaves out those
//! that have none.

use stickysim::cluster::spec::{Action, Choice, ClusterSpec, Sharing, TimedAction};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{FailReason, Record};

use crate::support::{api, cluster, product, run, seconds};

/// Clients with an address each that call once a minute behind these balancers.
fn callers(pods: u32, balancers: &[&str]) -> ClusterSpec {
    let mut spec = cluster(pods, stickysim::cluster::balancer::NginxMethod::RoundRobin, 3_000, false);
    spec.audiences[0].network.sharing = Sharing::Own;
    spec.balancers = balancers.iter().map(|yaml| product(yaml)).collect();
    spec.traffic = vec![api(60.0, Law::Fixed(0.0))];
    spec
}

/// The share of requests that found no pod.
fn without_pod(record: &Record) -> f64 {
    record.counts.requests_failed.of(FailReason::NoPod) as f64 / record.counts.requests as f64
}

const LOCAL: &str = "service: {nodes: 4, externalTrafficPolicy: Local}";

#[test]
fn a_node_without_a_pod_of_its_own_fails_who_enters_by_it() {
    // two pods stand on two of four nodes, and each connection enters by any; those that live for five seconds are nearly none
    let failed = without_pod(&run(&callers(2, &[LOCAL]), 0));
    assert!((failed - 0.5).abs() < 0.05, "{failed}");
    for balancers in [["service: {nodes: 4}"], ["service: {nodes: 2, externalTrafficPolicy: Local}"]] {
        assert_eq!(run(&callers(2, &balancers), 0).counts.requests_failed.total(), 0, "{balancers:?}");
    }
}

#[test]
fn a_node_sends_to_its_own_pods_only() {
    // three pods on two nodes: the one that has its node for itself gets half of the requests
    let skew = |policy: &str| {
        let service = format!("service: {{nodes: 2, externalTrafficPolicy: {policy}}}");
        run(&callers(3, &[&service]), 0).load.requests.expect("requests").max_over_mean
    };
    let (local, cluster) = (skew("Local"), skew("Cluster"));
    assert!((local - 1.5).abs() < 0.05, "half of the requests against a third: {local}");
    assert!(cluster < 1.05, "{cluster}");
}

#[test]
fn who_checks_nodes_leaves_out_those_without_a_pod() {
    for front in ["aws-nlb: {}", "aws-alb: {}", "google-cloud: {}", "azure-load-balancer: {}"] {
        assert_eq!(run(&callers(2, &[front, LOCAL]), 0).counts.requests_failed.total(), 0, "{front}");
    }
    // nginx checks nobody, and goes on to send to all four
    let failed = without_pod(&run(&callers(2, &["nginx: {}", LOCAL]), 0));
    assert!((failed - 0.5).abs() < 0.05, "{failed}");
}

#[test]
fn checks_find_out_some_time_after_a_node_has_lost_its_pod() {
    // the pod of one of two nodes is away for five minutes: half of the requests of the first minute fail, as two checks in a
    // row must, thirty seconds apart; it comes back before five good ones, and that costs nothing
    let mut spec = callers(2, &["aws-nlb: {}", "service: {nodes: 2, externalTrafficPolicy: Local}"]);
    spec.timeline = vec![TimedAction::once(Span::from_secs(200), Action::Crash(Choice::Number(1)))];
    spec.pods.startup = Law::Fixed(seconds(200.0));
    let record = run(&spec, 0);
    let seconds = record.counts.requests_failed.total() as f64 / (record.counts.requests as f64 / 600.0) * 2.0;
    assert!((seconds - 61.0).abs() < 6.0, "requests of so many seconds failed: {seconds}");
    // without a node of its own for each pod nothing of the kind happens
    spec.balancers[1] = product("service: {nodes: 2}");
    let failed = run(&spec, 0).counts.requests_failed.total();
    assert!(failed < record.counts.requests_failed.total() / 10, "{failed}");
}

#[test]
fn affinity_goes_by_the_address_that_the_node_sees() {
    // a Service hides addresses from pods with `Cluster`; its own affinity sees who comes to the node: with an NLB the client,
    // with an ALB the ALB
    for policy in ["Cluster", "Local"] {
        let service =
            format!("service: {{sessionAffinity: ClientIP, mode: nftables, externalTrafficPolicy: {policy}}}");
        let addresses = |front: &str| {
            let record = run(&callers(4, &[front, &service]), 0);
            assert_eq!(record.counts.moved.total(), 0, "{front} {policy}");
            record.n_eff.requests
        };
        let clients = addresses("aws-nlb: {}");
        assert!(clients > 2_000.0, "{policy}: {clients}");
        let hidden = addresses("aws-alb: {nodes: 1}");
        assert!((hidden - 1.0).abs() < 1e-9, "{policy}: {hidden}");
    }
}

#[test]
fn what_stands_behind_a_service_in_front_is_on_its_nodes_too() {
    // three controllers on two nodes, whose addresses a hash behind them sees: one has half of the clients, two a quarter each
    let n_eff = |policy: &str| {
        let front = format!("service: {{nodes: 2, externalTrafficPolicy: {policy}}}");
        let record = run(&callers(4, &[&front, "ingress-nginx: {replicas: 3, upstream-hash-by: $remote_addr}"]), 0);
        assert_eq!(record.counts.requests_failed.total(), 0);
        record.n_eff.requests
    };
    let (local, cluster) = (n_eff("Local"), n_eff("Cluster"));
    assert!(local > 2_000.0, "packets keep their source: {local}");
    assert!((cluster - 2.0).abs() < 0.05, "the addresses of two nodes: {cluster}");
    let hidden = |policy: &str| {
        let front = format!("service: {{nodes: 2, externalTrafficPolicy: {policy}}}");
        let list = [&*front, "ingress-nginx: {replicas: 3}", "service: {sessionAffinity: ClientIP}"];
        run(&callers(4, &list), 0).n_eff.requests
    };
    let (local, cluster) = (hidden("Local"), hidden("Cluster"));
    assert!((local - 8.0 / 3.0).abs() < 0.1, "1/(1/4 + 2/16): {local}");
    assert!((cluster - 3.0).abs() < 0.1, "{cluster}");
}

#[test]
fn a_connection_that_was_never_made_is_not_used_again() {
    // calls come much faster than connections are closed: who met a node without a pod enters by any node the next time, so
    // that a connection fails with probability a quarter, and everybody is on a good one soon
    let mut spec = callers(3, &[LOCAL]);
    spec.traffic = vec![api(0.5, Law::Fixed(0.0))];
    spec.duration = Span::from_secs(60);
    let failed = without_pod(&run(&spec, 0));
    assert!(failed > 0.001 && failed < 0.01, "{failed}");
}

#[test]
fn a_node_whose_pods_are_shut_down_is_left_out_while_they_still_serve() {
    // two checks of ten seconds fit into a minute of grace, and not into five seconds
    let failed = |pre_stop: u64| {
        let mut spec = callers(
            3,
            &["aws-nlb: {HealthCheckIntervalSeconds: 10}", "service: {nodes: 3, externalTrafficPolicy: Local}"],
        );
        spec.traffic = vec![api(3.0, Law::Fixed(0.0))];
        spec.pods.shutdown.pre_stop = Span::from_secs(pre_stop);
        spec.timeline = vec![TimedAction::once(Span::from_secs(200), Action::Scale { to: 2 })];
        run(&spec, 0).counts.requests_failed.total()
    };
    assert_eq!(failed(60), 0);
    assert!(failed(5) > 1_000);
}

#[test]
fn checks_of_one_outage_say_nothing_of_the_next() {
    // away for 12 s, which two checks of ten seconds do not notice; back for 6 s; away for 22 s, of which they notice the last two
    let failed = |crashes: &[u64]| {
        let mut spec = callers(
            3,
            &["aws-nlb: {HealthCheckIntervalSeconds: 10}", "service: {nodes: 3, externalTrafficPolicy: Local}"],
        );
        spec.traffic = vec![api(3.0, Law::Fixed(0.0))];
        spec.pods.startup = Law::Fixed(seconds(12.0));
        let crash = |&at: &u64| TimedAction::once(Span::from_secs(at), Action::Crash(Choice::Number(1)));
        spec.timeline = crashes.iter().map(crash).collect();
        run(&spec, 0).counts.requests_failed.total() as f64
    };
    let ratio = failed(&[60, 78]) / failed(&[60]);
    assert!((ratio - (12.0 + 20.0) / 12.0).abs() < 0.4, "{ratio}");
}
