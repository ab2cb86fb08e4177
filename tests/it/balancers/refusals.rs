//! Settings that would be accepted without effect: each is an error that says so, and what real programs accept is accepted.

use stickysim::scenario::{NoFiles, Source, parse};

/// What is said of a scenario with this balancer; its resolved text if it is accepted.
fn said(balancer: &str) -> Result<String, String> {
    let text = format!("name: x\nclients: {{count: 9}}\nbalancers:\n  - {balancer}\n");
    parse(Source { name: "x.yaml", text: &text, folder: &NoFiles }, &[])
        .map(|scenario| scenario.resolved_yaml())
        .map_err(|problems| problems.render(false))
}

#[test]
fn what_would_have_no_effect_is_refused() {
    for (balancer, sentence) in [
        ("azure-application-gateway: {AffinityCookieName: ''}", "needs a name"),
        ("azure-application-gateway: {AffinityCookieName: 'a;b'}", "cannot be the name"),
        ("nginx: {fail_timeout: 500ms}", "whole seconds and refuses fractions"),
        ("nginx: {fail_timeout: 1500ms}", "whole seconds and refuses fractions"),
        ("nginx: {servers: [fail_timeout=500ms]}", "whole seconds and refuses fractions"),
        ("nginx: {proxy_next_upstream: error http_418}", "`http_418` is no word"),
        ("nginx: {proxy_next_upstream_timeout: soon}", "soon"),
        ("service: {timeoutSeconds: 60}", "no address is remembered without"),
        ("aws-alb: {stickiness.lb_cookie.duration_seconds: 60}", "`stickiness.enabled` is false"),
        ("aws-alb: {stickiness.app_cookie.duration_seconds: 60}", "`stickiness.enabled` is false"),
        ("aws-alb: {stickiness.app_cookie.cookie_name: sid}", "`stickiness.enabled` is false"),
        ("aws-alb: {stickiness.type: app_cookie, stickiness.enabled: 'false'}", "`stickiness.enabled` is false"),
        ("aws-alb: {stickiness.enabled: 'yes'}", "neither `true` nor `false`"),
        (
            "aws-alb: {stickiness.enabled: true, stickiness.type: app_cookie, stickiness.app_cookie.cookie_name: 'a b'}",
            "cannot be the name",
        ),
        ("haproxy: {default-server: inter 2s fall 3}", "`inter` in `default-server` is about checks"),
        ("haproxy: {default-server: rise 3}", "`rise` in `default-server` is about checks"),
        ("haproxy: {default-server: on-marked-down shutdown-sessions}", "add `check`"),
        (
            "envoy: {lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 0}, hash_policy: [{header: {header_name: x-user}}]}",
            "from 1 to",
        ),
        ("nginx: {zone: 'true'}", "write it without quotes"),
        ("ingress-nginx: {session-cookie-max-age: 1e300}", "`1e300` is not"),
        ("ingress-nginx: {canary-by-cookie: always}", "a canary is a second set of pods"),
        (
            "service: {externalTrafficPolicy: Local, nodes: 3}\n  - ingress-nginx: {replicas: 2}",
            "2 nodes have the 2 instances",
        ),
        // each key of a pasted block is found where it stands
        ("ingress-nginx: {nginx.ingress.kubernetes.io/affinty: cookie}", "did you mean `affinity`?"),
        ("ingress-nginx: {nginx.ingress.kubernetes.io/canary-weight: '20'}", "a canary is a second set of pods"),
        (
            "ingress-nginx: {affinity: none, nginx.ingress.kubernetes.io/affinity: cookie}",
            "`nginx.ingress.kubernetes.io/affinity` is not a key",
        ),
        (
            "ingress-nginx: {nginx.ingress.kubernetes.io/affinity: cookie, affinity: none}",
            "`nginx.ingress.kubernetes.io/affinity` is not a key",
        ),
    ] {
        let refused = said(balancer).expect_err(balancer);
        assert!(refused.contains(sentence) && refused.contains("x.yaml:4:"), "{balancer}: {refused}");
        assert!(refused.lines().all(|line| line.len() < 700), "{balancer}: {refused}");
    }
}

#[test]
fn what_programs_accept_is_accepted() {
    for (balancer, kept) in [
        ("nginx: {fail_timeout: 0s}", "fail_timeout: 0s"),
        ("nginx: {servers: [fail_timeout=0]}", "fail_timeout=0s"),
        ("nginx: {servers: [fail_timeout=1m30s]}", "fail_timeout=1m30s"),
        (
            "nginx: {proxy_next_upstream: error http_502 non_idempotent}",
            "proxy_next_upstream: error non_idempotent http_502",
        ),
        ("nginx: {proxy_next_upstream_timeout: 0}", "proxy_next_upstream_timeout: 0s"),
        ("ingress-nginx: {proxy-next-upstream-timeout: '0', proxy-next-upstream: error http_503}", "error http_503"),
        (
            "ingress-nginx: {session-cookie-samesite: none, session-cookie-domain: .example.org, session-cookie-path: /a}",
            "/a",
        ),
        ("service: {sessionAffinity: ClientIP, timeoutSeconds: 60}", "timeoutSeconds: 60"),
        (
            "aws-alb: {stickiness.enabled: 'true', stickiness.lb_cookie.duration_seconds: '600'}",
            "duration_seconds: 600",
        ),
        ("aws-alb: {stickiness.enabled: 'false', stickiness.lb_cookie.duration_seconds: '86400'}", "enabled: false"),
        (
            "aws-nlb: {stickiness.enabled: 'true', preserve_client_ip.enabled: 'false'}",
            "preserve_client_ip.enabled: false",
        ),
        ("haproxy: {default-server: check inter 2s fall 3 on-marked-down shutdown-sessions}", "inter 2s"),
    ] {
        let resolved = said(balancer).unwrap_or_else(|refused| panic!("{balancer}: {refused}"));
        assert!(resolved.contains(kept), "{balancer}: {resolved}");
    }
}

#[test]
fn annotations_are_pasted_as_they_stand_in_kubernetes() {
    let pasted = "ingress-nginx:
      nginx.ingress.kubernetes.io/affinity: \"cookie\"
      nginx.ingress.kubernetes.io/affinity-mode: \"persistent\"
      nginx.ingress.kubernetes.io/session-cookie-name: \"route\"
      nginx.ingress.kubernetes.io/session-cookie-max-age: \"3600\"
      nginx.ingress.kubernetes.io/session-cookie-change-on-failure: \"true\"
      nginx.ingress.kubernetes.io/proxy-next-upstream-tries: \"2\"
      replicas: 2";
    let plain = "ingress-nginx: {affinity: cookie, affinity-mode: persistent, session-cookie-name: route,
      session-cookie-max-age: 3600, session-cookie-change-on-failure: true, proxy-next-upstream-tries: 2, replicas: 2}";
    assert_eq!(said(pasted).expect("annotations"), said(plain).expect("settings"));
}

#[test]
fn variants_and_settings_find_annotations_by_either_name() {
    let text = "name: x\nclients: {count: 9}\nbalancers:\n  - ingress-nginx: {nginx.ingress.kubernetes.io/affinity: cookie}\nvariants:
  none: {balancers.0.ingress-nginx.affinity: none}
  long: {balancers: [{ingress-nginx: {nginx.ingress.kubernetes.io/affinity-mode: persistent}}]}\n";
    let set = "balancers.0.ingress-nginx.nginx.ingress.kubernetes.io/session-cookie-name=route".to_owned();
    let read = parse(Source { name: "x.yaml", text, folder: &NoFiles }, &[set]);
    let scenario = read.unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let yaml = scenario.resolved_yaml();
    assert!(yaml.contains("session-cookie-name: route") && yaml.contains("affinity: none"), "{yaml}");
    assert!(yaml.contains("affinity-mode: persistent") && !yaml.contains("kubernetes.io"), "{yaml}");
}
