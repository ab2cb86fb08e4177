//! Balancers of which several stand side by side.

use stickysim::cluster::balancer::{BalancerSpec, Ends};

fn spec(yaml: &str) -> BalancerSpec {
    let value: serde_yaml::Value = serde_yaml::from_str(yaml).expect("YAML");
    serde_yaml::with::singleton_map::deserialize(value).expect("a balancer")
}

/// What is wrong with settings.
fn wrong(yaml: &str) -> String {
    let problems = spec(yaml).settings().problems();
    problems.iter().map(|problem| format!("{}: {}; {}", problem.setting, problem.message, problem.help)).collect()
}

#[test]
fn there_are_as_many_as_written() {
    for (yaml, instances) in [
        ("ingress-nginx: {}", 1),
        ("ingress-nginx: {replicas: 3, worker-processes: 2}", 6),
        ("haproxy: {}", 1),
        ("haproxy: {replicas: 2, cookie: SRV insert indirect}", 2),
        ("haproxy: {replicas: 2, stick-table: type ip size 1k, stick: on src}", 2),
        ("envoy: {}", 1),
        ("envoy: {replicas: 100}", 100),
        ("istio: {}", 1),
        ("istio: {replicas: 2}", 2),
        ("traefik: {}", 1),
        ("traefik: {replicas: 4}", 4),
        ("aws-alb: {}", 2),
        ("aws-alb: {nodes: 3, stickiness.enabled: true}", 3),
        ("cloudflare: {}", 16),
        ("cloudflare: {edges: 1}", 1),
        ("cloudflare: {session_affinity: header, session_affinity_attributes: {headers: [x-session-id]}}", 1),
    ] {
        assert_eq!(spec(yaml).settings().instances(), instances, "{yaml}");
        assert_eq!(wrong(yaml), "", "{yaml}");
    }
}

#[test]
fn what_cannot_stand_side_by_side_is_refused() {
    for (yaml, sentence) in [
        ("haproxy: {replicas: 0}", "replicas: `0` is not from 1 to 100; write a whole number"),
        ("haproxy: {replicas: 2, cookie: SRV insert maxidle 30m}", "write 1, or leave out both limits"),
        ("haproxy: {replicas: 2, stick-table: type ip size 1k peers a, stick: on src}", "leave `peers` out"),
        ("envoy: {replicas: 101}", "replicas: `101` is not from 1 to 100"),
        ("istio: {replicas: 0}", "replicas: `0` is not from 1 to 100"),
        ("traefik: {replicas: 0}", "replicas: `0` is not from 1 to 100"),
        ("aws-alb: {nodes: 0}", "nodes: `0` is not from 1 to 100"),
        ("cloudflare: {edges: 101}", "edges: `101` is not from 1 to 100"),
        (
            "cloudflare: {edges: 2, session_affinity: header, session_affinity_attributes: {headers: [x-session-id]}}",
            "leave `edges` out, or choose `session_affinity: cookie`",
        ),
    ] {
        assert!(wrong(yaml).contains(sentence), "{yaml}: {}", wrong(yaml));
    }
    // one alone may
    assert_eq!(wrong("haproxy: {cookie: SRV insert maxidle 30m}"), "");
}

#[test]
fn those_whose_decisions_look_at_connections_count_their_own() {
    for (yaml, counts) in [
        ("ingress-nginx: {load-balance: ewma}", false),
        ("haproxy: {balance: roundrobin}", false),
        ("haproxy: {balance: leastconn}", true),
        ("haproxy: {balance: random}", true),
        ("haproxy: {balance: random(1)}", false),
        ("haproxy: {balance: roundrobin, default-server: maxconn 10}", true),
        ("haproxy: {balance: source, hash-type: consistent, hash-balance-factor: 150}", true),
        ("envoy: {lb_policy: ROUND_ROBIN}", false),
        ("envoy: {lb_policy: LEAST_REQUEST}", true),
        ("istio: {}", true),
        ("istio: {loadBalancer: {simple: ROUND_ROBIN}}", false),
        ("traefik: {}", false),
        ("traefik: {strategy: p2c}", true),
        ("aws-alb: {}", false),
        ("aws-alb: {load_balancing.algorithm.type: least_outstanding_requests}", true),
        ("cloudflare: {}", false),
        ("cloudflare: {origin_steering: {policy: least_connections}}", true),
        ("cloudflare: {origin_steering: {policy: least_outstanding_requests}}", true),
    ] {
        assert_eq!(spec(yaml).settings().counts_connections(), counts, "{yaml}");
    }
    assert_eq!(spec("haproxy: {balance: leastconn}").settings().ends(), Ends::Watched);
    assert_eq!(spec("haproxy: {balance: random}").settings().ends(), Ends::Ignored);
    assert_eq!(spec("ingress-nginx: {load-balance: ewma}").settings().ends(), Ends::All);
}
