//! What nginx does, and what it draws.

use stickysim::engine::Span;

use super::super::random::{addresses, asks, draw_alike, stream, tunnels};
use super::super::subject::Step::{self, Open, Pass, Start, Stop};
use super::super::subject::{Ask, agree};
use super::nginx;

/// Both take these steps, with these settings and so many servers.
fn both(settings: &str, servers: usize, steps: &[Step]) {
    if let Some((mut simulated, mut nginx)) = nginx(settings, servers) {
        agree(&mut simulated, &mut nginx, steps);
    }
}

#[test]
fn round_robin_takes_turns_by_weight() {
    for (servers, lines) in [(3, ""), (3, "weight=5"), (4, "weight=3, weight=2, weight=2"), (2, "weight=10, weight=3")]
    {
        both(&format!("servers: [{lines}]"), servers, &asks(60));
    }
    both("servers: ['', down, weight=2]", 4, &asks(40));
}

#[test]
fn ip_hash_looks_at_the_network() {
    for (servers, lines) in [(3, ""), (5, "weight=2, '', weight=3"), (4, "'', down"), (3, "weight=50 down")] {
        let mut clients = addresses(150, &mut stream(1));
        clients.extend((0..20).map(|last| format!("203.0.113.{last}")));
        let steps: Vec<Step> = clients.into_iter().map(|address| Step::Ask(Ask::from(address))).collect();
        both(&format!("{{method: ip_hash, servers: [{lines}]}}"), servers, &steps);
    }
}

#[test]
fn hashes_go_on_where_a_server_refuses() {
    for method in ["ip_hash", "hash $http_x_user", "hash $http_x_user consistent", "hash $remote_addr consistent"] {
        for (servers, lines) in [(4, ""), (3, "'', weight=20"), (5, "weight=2, '', down")] {
            let clients = addresses(60, &mut stream(2));
            let users = clients.into_iter().enumerate().map(|(n, address)| Ask::from(address).of_user(format!("u{n}")));
            let steps: Vec<Step> = [Stop(1)].into_iter().chain(users.map(Step::Ask)).collect();
            both(&format!("{{method: {method}, max_fails: 0, servers: [{lines}]}}"), servers, &steps);
        }
    }
}

#[test]
fn hash_looks_at_a_key() {
    for method in ["hash $http_x_user", "hash $http_x_user consistent"] {
        for (servers, lines) in [(3, ""), (4, "weight=3, '', weight=2"), (3, "'', down"), (3, "weight=50 down")] {
            // every fifth one has none, and takes turns
            let user = |n: usize| if n % 5 == 4 { String::new() } else { format!("user-{n}") };
            let steps: Vec<Step> = (0..150).map(|n| Step::Ask(Ask::from("192.0.2.1").of_user(user(n)))).collect();
            both(&format!("{{method: {method}, servers: [{lines}]}}"), servers, &steps);
        }
    }
}

#[test]
fn hash_looks_at_an_address() {
    for method in ["hash $remote_addr", "hash $binary_remote_addr", "hash $binary_remote_addr consistent"] {
        let clients = addresses(100, &mut stream(3));
        let steps: Vec<Step> = clients.into_iter().map(|address| Step::Ask(Ask::from(address))).collect();
        both(&format!("method: {method}"), 4, &steps);
    }
}

#[test]
fn least_conn_counts_tunnels() {
    for (servers, lines) in [(3, ""), (4, "weight=5, '', weight=2"), (3, "'', down")] {
        both(
            &format!("{{method: least_conn, servers: [{lines}]}}"),
            servers,
            &tunnels(150, 4, |_| Ask::from("192.0.2.1")),
        );
    }
}

#[test]
fn full_servers_get_no_more() {
    for (method, lines) in [
        ("round_robin", "max_conns=1, '', max_conns=3"),
        ("round_robin", "'', '', backup"),
        ("least_conn", "max_conns=1, weight=4"),
        ("ip_hash", "max_conns=1, weight=2"),
        ("hash $http_x_user consistent", "max_conns=1, weight=2"),
    ] {
        let users = tunnels(100, 5, |_| Ask::from("192.0.2.1")).into_iter().enumerate().map(|(n, step)| match step {
            Open(ask) => Open(ask.of_user(n)),
            Step::Ask(ask) => Step::Ask(ask.of_user(n)),
            other => other,
        });
        both(&format!("{{method: {method}, max_conns: 4, servers: [{lines}]}}"), 3, &users.collect::<Vec<_>>());
    }
}

#[test]
fn a_server_that_failed_rests() {
    for settings in [
        "fail_timeout: 60s",
        "{fail_timeout: 60s, max_fails: 3}",
        "{fail_timeout: 60s, max_fails: 2, servers: [weight=5, weight=4]}",
        "{fail_timeout: 60s, method: least_conn}",
        "{fail_timeout: 60s, method: ip_hash}",
        "{fail_timeout: 60s, method: hash $http_x_user consistent}",
        "{fail_timeout: 60s, max_fails: 2, proxy_next_upstream_tries: 1}",
        "{fail_timeout: 60s, proxy_next_upstream: 'off'}",
    ] {
        let clients = addresses(40, &mut stream(6)).into_iter().enumerate();
        let clients: Vec<Step> =
            clients.map(|(n, address)| Step::Ask(Ask::from(address).of_user(format!("u{n}")))).collect();
        let mut steps = asks(4);
        steps.push(Stop(1));
        steps.extend_from_slice(&clients[..20]);
        // it does not know that the server is back; then all go, and nobody is left
        steps.push(Start(1));
        steps.extend(asks(10));
        steps.extend([Stop(0), Stop(2)]);
        steps.extend_from_slice(&clients[20..]);
        both(settings, 3, &steps);
    }
}

#[test]
fn one_request_probes_a_server_that_rested() {
    let Some((mut simulated, mut nginx)) = nginx("{fail_timeout: 2s, max_fails: 1}", 3) else { return };
    // three whole seconds go by, wherever in a second it begins
    let rest = Pass(Span::from_millis(3_200));
    let mut steps = [vec![Stop(1)], asks(6), vec![rest.clone()], asks(6)].concat();
    let outcomes = agree(&mut simulated, &mut nginx, &steps);
    let refused = |n: usize| outcomes[n].tried != super::Tried::Chain(outcomes[n].from.into_iter().collect());
    assert_eq!((0..12).filter(|&n| refused(n)).count(), 2, "{outcomes:?}");
    steps = [vec![rest, Start(1)], asks(9)].concat();
    let outcomes = agree(&mut simulated, &mut nginx, &steps);
    assert!(outcomes.iter().any(|outcome| outcome.from == Some(1)), "{outcomes:?}");
}

#[test]
fn a_server_alone_never_rests() {
    let steps = [vec![Stop(0)], asks(4), vec![Start(0)], asks(2)].concat();
    both("fail_timeout: 60s", 1, &steps);
}

#[test]
fn a_server_alone_is_left_out_when_it_is_down_or_full() {
    let ask = || Step::Ask(Ask::from("192.0.2.1"));
    let open = || Open(Ask::from("192.0.2.1"));
    // two tunnels fit; the third, and a request beside them, get 502; one ends, and there is room again
    let steps = [open(), open(), open(), ask(), Step::Close(0), ask(), open(), ask()];
    for settings in [
        "max_conns: 2",
        "servers: [max_conns=2]",
        "{method: least_conn, max_conns: 2}",
        "{method: ip_hash, max_conns: 2}",
        "{method: hash $remote_addr consistent, max_conns: 2}",
        "{max_conns: 2, servers: [max_conns=1]}",
    ] {
        both(settings, 1, &steps);
    }
    both("servers: [down]", 1, &asks(3));
    // neither failures nor their pause count
    let steps = [vec![open(), Stop(0)], asks(3), vec![Start(0)], asks(2), vec![open(), ask()]].concat();
    both("{max_conns: 2, max_fails: 1, fail_timeout: 60s}", 1, &steps);
}

#[test]
fn only_errors_are_passed_on_where_servers_refuse() {
    for settings in [
        "proxy_next_upstream: error timeout http_500 http_502 http_503 http_504 http_403 http_404 http_429",
        "proxy_next_upstream: error invalid_header non_idempotent",
        "proxy_next_upstream: timeout",
        "proxy_next_upstream: http_502",
        "proxy_next_upstream: 'off'",
        "proxy_next_upstream: 'off error'",
        "{proxy_next_upstream_timeout: 10s, proxy_next_upstream_tries: 2}",
        "proxy_next_upstream_timeout: 0",
    ] {
        both(settings, 3, &[asks(2), vec![Stop(1), Stop(2)], asks(8)].concat());
    }
}

#[test]
fn a_fail_timeout_of_zero_is_one() {
    for settings in ["{fail_timeout: 0s, max_fails: 0}", "{max_fails: 0, servers: [fail_timeout=0, fail_timeout=0s]}"] {
        both(settings, 3, &[asks(2), vec![Stop(1)], asks(8)].concat());
    }
}

#[test]
fn sticky_cookies_are_followed_and_set() {
    let client = |n| Step::Ask(Ask::from("192.0.2.1").of_client(n));
    for (method, lines) in [
        ("round_robin", ""),
        ("round_robin", "weight=5"),
        ("round_robin", "'', drain"),
        ("round_robin", "'', down"),
        ("ip_hash", ""),
        ("least_conn", ""),
    ] {
        let mut steps: Vec<Step> = (0..12).map(|n| client(n % 7)).collect();
        steps.push(Step::Ask(Ask::from("192.0.2.1").forged()));
        steps.push(Stop(0));
        steps.extend((0..12).map(|n| client(n % 7)));
        steps.push(Start(0));
        steps.extend((0..12).map(|n| client(n % 9)));
        let settings = format!("{{method: {method}, sticky: cookie srv_id, fail_timeout: 60s, servers: [{lines}]}}");
        both(&settings, 3, &steps);
    }
}

#[test]
fn random_draws_by_weight_and_load() {
    for (settings, tunnels) in [
        ("method: random", [0, 0, 0]),
        ("{method: random, servers: [weight=5, weight=2]}", [0, 3, 0]),
        ("method: random two", [2, 0, 1]),
        ("{method: random two, servers: [weight=3, '', weight=2]}", [1, 1, 0]),
    ] {
        if let Some((mut simulated, mut nginx)) = nginx(settings, 3) {
            draw_alike(&mut simulated, &mut nginx, &tunnels);
        }
    }
}
