//! nginx 1.22.1 and 1.31.4.

use std::collections::BTreeMap;

use stickysim::cluster::balancer::{Balancer, BalancerSpec, Decide, NginxMethod, NginxSpec};
use stickysim::engine::{SimTime, Span};

use super::{Row, balancer, chain, condition, request, rows, servers, tried, weights};

/// nginx with one server line per weight; the one of `down` is marked so.
fn nginx(method: NginxMethod, max_fails: u32, lines: &str, down: Option<usize>) -> Balancer {
    let spec = NginxSpec { method, max_fails, fail_timeout: Span::from_secs(3) };
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
fn failures_match(rows: &[&Row], method: NginxMethod, max_fails: u32, phase_ms: u64) -> bool {
    let mut nginx = nginx(method, max_fails, "1-1-1", None);
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
    let all = |phase: &u64| cases.iter().all(|(rows, method, fails)| failures_match(rows, *method, *fails, *phase));
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
