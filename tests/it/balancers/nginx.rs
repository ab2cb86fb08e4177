//! nginx 1.22.1 and 1.31.4.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use stickysim::cluster::balancer::{Balancer, BalancerSpec, Decide, NginxMethod, NginxSpec, Peer, Request};
use stickysim::engine::{SimTime, Span};

use super::{Row, balancer, chain, condition, lazy, request, rows, send, servers, tried, weights};

/// nginx with one server line per weight; the one of `down` is marked so.
fn nginx(method: NginxMethod, max_fails: u32, lines: &str, down: Option<usize>) -> Balancer {
    let spec = NginxSpec { method, max_fails, fail_timeout: Span::from_secs(3), ..NginxSpec::default() };
    balancer(&BalancerSpec::Nginx(spec), &servers(19_001, &weights(lines), down))
}

#[test]
fn ip_hash_decides_as_recorded() {
    let rows = rows(include_str!("../data/nginx_ip_hash.csv"));
    assert_eq!(rows.len(), 2_240);
    for row in rows {
        let (down, refusing) = condition(&row["condition"]);
        // each row on its own: none of these fell back to round robin, whose state spans requests
        let mut nginx = nginx(NginxMethod::IpHash, 0, &row["weights"], down);
        let chosen = tried(&mut nginx, &request(&row["client"], 0), refusing, &[]);
        assert_eq!(chosen, chain(&row["tried"]), "{row:?}");
    }
}

#[test]
fn round_robin_decides_as_recorded() {
    let rows = rows(include_str!("../data/nginx_rr.csv"));
    assert_eq!(rows.len(), 720);
    let mut running: BTreeMap<(String, String), Balancer> = BTreeMap::new();
    for row in rows {
        let (down, refusing) = condition(&row["condition"]);
        let nginx = running
            .entry((row["weights"].clone(), row["condition"].clone()))
            .or_insert_with(|| nginx(NginxMethod::RoundRobin, 0, &row["weights"], down));
        let chosen = tried(nginx, &request("192.0.2.1", 0), refusing, &[]);
        assert_eq!(chosen, chain(&row["tried"]), "{row:?}");
    }
}

#[test]
fn least_conn_decides_as_recorded() {
    let rows = rows(include_str!("../data/nginx_leastconn.csv"));
    let mut running = BTreeMap::new();
    let mut opens = 0;
    for row in &rows {
        let (nginx, loads, open) = running
            .entry(row["weights"].clone())
            .or_insert_with(|| (nginx(NginxMethod::LeastConn, 1, &row["weights"], None), vec![0; 5], BTreeMap::new()));
        if row["op"] == "open" {
            let chosen = tried(nginx, &request("192.0.2.1", 0), None, loads);
            assert_eq!(chosen, chain(&row["server_index"]), "{row:?}");
            loads[chosen[0]] += 1;
            open.insert(row["conn"].clone(), chosen[0]);
            opens += 1;
        } else {
            loads[open.remove(&row["conn"]).expect("closed after it was opened")] -= 1;
        }
    }
    assert_eq!(opens, 699);
}

/// Whether all rows of a case match when the recording began `phase_ms` into a wall-clock second.
fn failures_match(rows: &[&Row], method: &NginxMethod, max_fails: u32, phase_ms: u64) -> bool {
    let mut nginx = nginx(method.clone(), max_fails, "1-1-1", None);
    rows.iter().all(|row| {
        let at = phase_ms + row["t_ms"].parse::<u64>().expect("milliseconds");
        tried(&mut nginx, &request(&row["client"], at), Some(1), &[]) == chain(&row["tried"])
    })
}

#[test]
fn a_dead_server_is_probed_when_recorded() {
    // nginx counts whole seconds of the wall clock, and the recording does not say where in a second it began: there
    // must be one such moment with which every row of all three cases matches.
    let rows = rows(include_str!("../data/nginx_failtimeout.csv"));
    assert_eq!(rows.len(), 477);
    let of = |case: &str| rows.iter().filter(|row| row["case"] == case).collect::<Vec<_>>();
    let cases = [
        (of("rr_mf1_ft3"), NginxMethod::RoundRobin, 1),
        (of("iphash_mf1_ft3"), NginxMethod::IpHash, 1),
        (of("rr_mf3_ft3"), NginxMethod::RoundRobin, 3),
    ];
    let all = |phase: &u64| cases.iter().all(|(rows, method, fails)| failures_match(rows, method, *fails, *phase));
    let phases: Vec<u64> = (0..1000).filter(all).collect();
    println!("recording began {phases:?} ms into a second");
    assert!(!phases.is_empty(), "no phase explains the recording");
}

#[test]
fn a_failure_starts_the_pause_anew_and_only_a_probe_ends_it() {
    // ngx_http_upstream_free_round_robin_peer; what the recordings cannot show. Two failures, 3 s of pause.
    let mut nginx = nginx(NginxMethod::RoundRobin, 2, "1-1", None);
    let asked = |nginx: &mut Balancer, second: u64, refusing| {
        let twice = [0, 1].map(|_| tried(nginx, &request("192.0.2.1", second * 1000), refusing, &[]));
        twice.iter().any(|chain| chain.contains(&0))
    };
    assert!(asked(&mut nginx, 0, Some(0)), "first failure");
    assert!(asked(&mut nginx, 3, Some(0)), "second failure, from which the pause counts");
    assert!(!asked(&mut nginx, 6, None), "3 s later it still rests");
    nginx.finished(0, SimTime::ZERO);
    assert!(!asked(&mut nginx, 6, None), "the end of a request that began before the failure forgives nothing");
    assert!(asked(&mut nginx, 7, None), "a probe, which succeeds");
    assert!(asked(&mut nginx, 8, None), "forgiven");
}

#[test]
fn hash_decides_as_recorded() {
    let rows = rows(include_str!("../data/nginx_hash.csv"));
    assert_eq!(rows.len(), 3_240);
    for row in rows {
        let (down, refusing) = condition(&row["condition"]);
        let method = NginxMethod::hash("$cookie_user", row["variant"] == "hash_consistent").expect("known");
        // each row on its own: none of these fell back to round robin, whose state spans requests
        let mut nginx = nginx(method, 0, &row["weights"], down);
        if refusing.is_some() {
            let mut peers: Vec<Peer> = nginx.peers().iter().cloned().collect();
            // where nobody listens; the recording does not name it, and only with this port its rows for two servers agree
            peers[1].address = "127.0.0.1:19502".to_owned();
            nginx.set_peers(&peers, &mut super::stream(0));
        }
        let request =
            Request { user: row["client"].as_bytes(), room: row["client"].as_bytes(), ..request("192.0.2.1", 0) };
        assert_eq!(tried(&mut nginx, &request, refusing, &[]), chain(&row["tried"]), "{row:?}");
    }
}

/// nginx with these directives; the recordings have three servers.
fn sticky_nginx(method: &str, sticky: &str, lines: &[&str]) -> Balancer {
    let spec = NginxSpec {
        method: method.parse().expect("a method"),
        sticky: Some(sticky.parse().expect("a directive")),
        servers: lines.iter().map(|line| line.parse().expect("parameters")).collect(),
        ..NginxSpec::default()
    };
    let spec = BalancerSpec::Nginx(spec);
    let mut peers = servers(19_601, &[1, 1, 1], None);
    for (position, peer) in peers.iter_mut().enumerate() {
        let line = spec.settings().line(position);
        (peer.weight, peer.health) = (line.weight, line.health);
    }
    balancer(&spec, &peers)
}

/// What a recorded cookie of nginx means: the md5 of a server's address, or its route.
fn server_of(cookie: &str, peers: &[Peer]) -> Option<u32> {
    let value = cookie.split_once('=')?.1.split(';').next()?;
    let names = |peer: &Peer| {
        let digest: String = Md5::digest(&peer.address).iter().map(|byte| format!("{byte:02x}")).collect();
        digest == value || value == ["a", "b", "c"][peer.pod.index()]
    };
    peers.iter().position(names).map(|position| position as u32)
}

#[test]
fn sticky_cookie_and_route_decide_as_recorded() {
    let balancers = || -> BTreeMap<&str, Balancer> {
        let routes = ["route=a", "route=b", "route=c"];
        [
            ("ck", sticky_nginx("round_robin", "cookie srv_id", &[])),
            ("ck_exp", sticky_nginx("round_robin", "cookie srv_id expires=1h httponly samesite=lax path=/", &[])),
            ("ck_down1", sticky_nginx("round_robin", "cookie srv_id", &["", "down"])),
            ("ck_drain1", sticky_nginx("round_robin", "cookie srv_id", &["", "drain"])),
            ("ck_ref1", sticky_nginx("round_robin", "cookie srv_id", &[])),
            ("ck_route", sticky_nginx("round_robin", "cookie srv_id", &routes)),
            ("ck_w511", sticky_nginx("round_robin", "cookie srv_id", &["weight=5"])),
            ("iph_ck", sticky_nginx("ip_hash", "cookie srv_id", &[])),
            ("route", sticky_nginx("round_robin", "route $cookie_r $arg_r", &routes)),
        ]
        .into()
    };
    let rows = rows(include_str!("../data/nginx_sticky.csv"));
    let mut running = balancers();
    let mut checked = 0;
    for row in &rows {
        let Some(nginx) = running.get_mut(&row["upstream"][..]) else { continue };
        let mut peers: Vec<Peer> = nginx.peers().iter().cloned().collect();
        if row["upstream"] == "ck_ref1" {
            // the recording has another port for the one that refuses
            peers[1].address = "127.0.0.1:19699".to_owned();
        }
        let sent = match (&row["request"][..], &row["cookie_sent"][..]) {
            ("arg r=c", _) => Some(2),
            (_, "") => None,
            // a value that names no server
            (_, cookie) => Some(server_of(cookie, &peers).unwrap_or(99)),
        };
        let refusing: &[u32] = if row["upstream"] == "ck_ref1" { &[1] } else { &[] };
        let request = Request { cookie: sent, ..request("127.0.0.1", 0) };
        let outcome = send(nginx, &request, refusing, &[], &mut lazy(0));
        let tried: Vec<String> = outcome.tried.iter().map(|&at| peers[at].address.clone()).collect();
        assert_eq!(tried.join(", "), row["upstream_addr"], "{row:?}");
        if row["upstream"] != "route" {
            // set with every answer, naming the server that answered
            let set = outcome.cookie.map(|cookie| cookie.value);
            assert_eq!(set, server_of(&row["set_cookie"], &peers), "{row:?}");
            let lifetime = if row["set_cookie"].contains("max-age=3600") { Some(3_600) } else { None };
            let until = outcome.cookie.map(|cookie| cookie.until).filter(|&until| until < SimTime::NEVER);
            assert_eq!(until.map(|until| until.as_secs_f64() as u64), lifetime, "{row:?}");
        }
        checked += 1;
    }
    assert_eq!(checked, rows.iter().filter(|row| row["upstream"] != "learn").count());
    assert_eq!(checked, 41);
}

#[test]
fn sticky_learn_decides_as_recorded() {
    let directive = "learn create=$upstream_cookie_SID lookup=$cookie_SID zone=sessions:1m timeout=3s";
    let mut nginx = sticky_nginx("round_robin", directive, &[]);
    let rows: Vec<Row> =
        rows(include_str!("../data/nginx_sticky.csv")).into_iter().filter(|row| row["upstream"] == "learn").collect();
    assert_eq!(rows.len(), 10);
    let mut now_ms = 0;
    for row in rows {
        now_ms += match &row["request"][..] {
            name if name.contains("every 2 s") => 2_000,
            name if name.contains("after 4 s") => 4_000,
            _ => 10,
        };
        let session = row["cookie_sent"].strip_prefix("SID=");
        let key = session.unwrap_or("sess0").as_bytes();
        let request = Request { user: key, room: key, cookie: session.map(|_| 0), ..request("127.0.0.1", now_ms) };
        let outcome = send(&mut nginx, &request, &[], &[], &mut lazy(0));
        assert_eq!(outcome.tried, chain(&row["backend"]), "{row:?}");
        assert_eq!(outcome.cookie.is_some(), !row["set_cookie"].is_empty(), "{row:?}");
    }
}

#[test]
fn learnt_sessions_outlive_a_reload_and_a_full_zone_loses_the_oldest() {
    // 8k is room for 31 sessions
    let directive = "learn create=$upstream_cookie_a lookup=$cookie_a zone=sessions:8k";
    let mut nginx = sticky_nginx("round_robin", directive, &[]);
    let ask = |nginx: &mut Balancer, key: &str, known: bool| {
        let request = Request {
            user: key.as_bytes(),
            room: key.as_bytes(),
            cookie: known.then_some(0),
            ..request("127.0.0.1", 0)
        };
        send(nginx, &request, &[], &[], &mut lazy(0)).tried[0]
    };
    let first = ask(&mut nginx, "first", false);
    ask(&mut nginx, "second", false);
    let peers: Vec<Peer> = nginx.peers().iter().cloned().collect();
    nginx.set_peers(&peers, &mut super::stream(1));
    for _ in 0..4 {
        assert_eq!(ask(&mut nginx, "first", true), first, "as before the reload");
    }
    for n in 0..31 {
        ask(&mut nginx, &format!("user-{n}"), false);
    }
    let places: Vec<usize> = (0..3).map(|_| ask(&mut nginx, "first", true)).collect();
    assert!(places.iter().any(|&place| place != first), "its entry made room for others: {places:?}");
}

#[test]
fn servers_beyond_their_connections_get_no_more_and_backups_serve_when_nobody_else_can() {
    let spec = NginxSpec {
        max_conns: 2,
        servers: ["", "max_conns=5", "backup"].iter().map(|line| line.parse().expect("parameters")).collect(),
        ..NginxSpec::default()
    };
    let spec = BalancerSpec::Nginx(spec);
    let mut nginx = balancer(&spec, &servers(19_001, &[1, 1, 1], None));
    let mut pick = |loads: &[u32], refusing: &[u32]| {
        send(&mut nginx, &request("192.0.2.1", 0), refusing, loads, &mut lazy(0)).tried
    };
    assert_eq!([pick(&[0, 0, 0], &[]), pick(&[0, 0, 0], &[])], [[0], [1]], "a backup takes no turns");
    assert_eq!([pick(&[2, 4, 0], &[]), pick(&[2, 4, 0], &[])], [[1], [1]], "the first one is full");
    assert_eq!(pick(&[2, 5, 0], &[]), [2], "both are full");
    assert_eq!(pick(&[2, 5, 2], &[]), [0usize; 0], "the backup, too: 502");
    let chain = pick(&[0, 0, 0], &[0, 1]);
    assert_eq!(chain.last(), Some(&2), "{chain:?}");
}

#[test]
fn a_server_that_is_alone_is_left_out_when_it_is_down_or_full_and_for_nothing_else() {
    // asked of nginx 1.22.1: `tests/real/nginx/bodies.rs`
    let spec = NginxSpec { max_conns: 2, fail_timeout: Span::from_secs(1_000), ..NginxSpec::default() };
    let mut alone = balancer(&BalancerSpec::Nginx(spec.clone()), &servers(19_001, &[1], None));
    let from = request("192.0.2.1", 0);
    for (load, position) in [(0, Some(0)), (1, Some(0)), (2, None), (3, None), (1, Some(0))] {
        assert_eq!(tried(&mut alone, &from, None, &[load]), Vec::from_iter(position), "{load} connections");
    }
    // it has failed, and gets the next request all the same
    for _ in 0..3 {
        assert_eq!(tried(&mut alone, &from, Some(0), &[0]), [0]);
    }
    let mut down = balancer(&BalancerSpec::Nginx(spec), &servers(19_001, &[1], Some(0)));
    assert!(tried(&mut down, &from, None, &[0]).is_empty());
}

#[test]
fn least_time_prefers_the_fast_server_and_takes_turns_among_equals() {
    let mut nginx = nginx("least_time last_byte".parse().expect("a method"), 1, "1-1-1", None);
    let one = |nginx: &mut Balancer, now_ms: u64, took_ms: [u64; 3]| {
        let chosen = tried(nginx, &request("192.0.2.1", now_ms), None, &[])[0];
        let (pod, began) = (nginx.peers()[chosen].pod, SimTime::ZERO + Span::from_millis(now_ms));
        nginx.ended(pod, "192.0.2.1".parse().expect("an address"), began, began + Span::from_millis(took_ms[chosen]));
        chosen
    };
    let turns: Vec<usize> = (0..6).map(|n| one(&mut nginx, n * 100, [10, 15, 10])).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2], "less than 20 ms is equally fast");
    let later: Vec<usize> = (6..40).map(|n| one(&mut nginx, n * 100, [10, 400, 10])).collect();
    assert_eq!(later.iter().filter(|&&line| line == 1).count(), 1, "once, and then it is known to be slow: {later:?}");
}

#[test]
fn random_two_takes_the_less_loaded_of_two() {
    let mut nginx = nginx(NginxMethod::Random { two: true }, 1, "1-1-1-1", None);
    let loads = [9, 9, 0, 9];
    let mut counts = [0u64; 4];
    for n in 0..20_000 {
        let outcome = send(&mut nginx, &request("192.0.2.1", 0), &[], &loads, &mut lazy(n));
        counts[outcome.tried[0]] += 1;
    }
    // the idle one is among two different ones of four with probability one half
    super::assert_binomial("the idle one", counts[2], 20_000, 0.5);
    super::assert_binomial("a loaded one", counts[0], 20_000, 1.0 / 6.0);
}
