//! How many clients move and how uneven they are, against `remap_and_skew.csv`: computed by an independent program for 40,000
//! random clients. Here others are drawn, so two samples are compared.

use std::net::Ipv4Addr;

use stickysim::cluster::balancer::{Balancer, Decide, Health, Request};

use super::super::{rows, servers, stream};
use super::{ask, haproxy};

const CLIENTS: usize = 40_000;

/// Where each client is.
fn places(haproxy: &mut Balancer) -> Vec<u32> {
    let mut stream = stream(77);
    let mut place = |_| {
        let address = Ipv4Addr::from_bits((stream.bits() >> 32) as u32);
        let from = ask(haproxy, &Request::from_address(address.into()), &[]).from.expect("a server answers");
        haproxy.peers()[from].pod.raw()
    };
    (0..CLIENTS).map(&mut place).collect()
}

/// Two shares of 40,000 each are of the same law, at 99.99 %.
fn assert_same(what: &str, here: f64, there: f64) {
    let bound = 3.9 * (2.0 * there * (1.0 - there) / CLIENTS as f64).sqrt() + 1e-4;
    assert!((here - there).abs() <= bound, "{what}: {here:.4}, expected {there:.4} ± {bound:.4}");
}

fn moved(before: &[u32], after: &[u32]) -> f64 {
    before.iter().zip(after).filter(|(before, after)| before != after).count() as f64 / CLIENTS as f64
}

#[test]
fn shares_are_those_of_the_reference() {
    let strategies = [
        ("haproxy source map-based", "balance: source", 1),
        ("haproxy source consistent, weight 1", "{balance: source, hash-type: consistent}", 1),
        ("haproxy source consistent, weight 100", "{balance: source, hash-type: consistent}", 100),
    ];
    let rows = rows(include_str!("../../data/haproxy_remap.csv"));
    assert_eq!(rows.len(), 15);
    for row in &rows {
        let (_, lines, weight) =
            *strategies.iter().find(|(name, ..)| *name == row["strategy"]).expect("a known strategy");
        let n: usize = row["n"].parse().expect("a number");
        let expected = |column: &str| row[column].parse::<f64>().expect("a share");
        let what = |column: &str| format!("{} n={n} {column}", row["strategy"]);
        let mut haproxy = haproxy(lines, &vec![weight; n]);
        let before = places(&mut haproxy);

        let mut counts = vec![0; n];
        before.iter().for_each(|&pod| counts[pod as usize] += 1);
        for (column, count) in [("max_over_mean", counts.iter().max()), ("min_over_mean", counts.iter().min())] {
            let share = f64::from(*count.expect("there are servers")) / CLIENTS as f64;
            assert_same(&what(column), share, expected(column) / n as f64);
        }
        haproxy.set_health(1, Health::Down);
        let column = "moved_mark_second_down";
        assert_same(&what(column), moved(&before, &places(&mut haproxy)), expected(column));
        haproxy.set_health(1, Health::Up);
        assert_eq!(moved(&before, &places(&mut haproxy)), 0.0, "all come back");

        let all = servers(19_101, &vec![weight; n + 1], None);
        let without_second: Vec<_> = all[..n].iter().filter(|peer| peer.pod.raw() != 1).cloned().collect();
        let changes = [
            ("moved_add_one_last", &all[..]),
            ("moved_remove_last", &all[..n - 1]),
            ("moved_remove_second", &without_second),
        ];
        for (column, servers) in changes {
            haproxy.set_peers(servers, &mut stream(0));
            assert_same(&what(column), moved(&before, &places(&mut haproxy)), expected(column));
        }
    }
}

#[test]
fn ids_of_their_own_keep_the_ring_when_a_line_goes() {
    // lines 1 and 3 of three; without ids the third one would take the place of the second
    let lines = "{balance: source, hash-type: consistent, servers: [id 1 weight 100, id 3 weight 100]}";
    let before = places(&mut haproxy("{balance: source, hash-type: consistent}", &[100; 3]));
    let after = places(&mut haproxy(lines, &[100; 2]));
    let stayed = before.iter().zip(&after).filter(|&(&before, &after)| before != 1 && after == before.min(1)).count();
    assert_eq!(stayed, before.iter().filter(|&&before| before != 1).count());
}

/// How often each server is chosen by so many requests that leave nothing behind.
fn chosen(lines: &str, weights: &[u32], loads: &[u32], requests: u64) -> Vec<u64> {
    use stickysim::cluster::balancer::{Peer, Tries};

    let mut haproxy = haproxy(lines, weights);
    let mut counts = vec![0; weights.len()];
    for n in 0..requests {
        let load = |peer: &Peer| loads[peer.pod.index()];
        let request = super::super::request("192.0.2.1", 0);
        let position = haproxy.pick(&request, &mut Tries::default(), &mut super::super::lazy(n), load);
        counts[position.expect("a server is usable")] += 1;
    }
    counts
}

#[test]
fn random_draws_follow_the_arcs_of_the_ring_and_take_the_less_loaded() {
    let n = 20_000;
    let by_one = chosen("balance: random(1)", &[100; 4], &[0; 4], n);
    let ring = places(&mut haproxy("{balance: source, hash-type: consistent}", &[100; 4]));
    for (server, &count) in by_one.iter().enumerate() {
        let arc = ring.iter().filter(|&&pod| pod as usize == server).count() as f64 / CLIENTS as f64;
        let bound = 3.9 * (arc * (1.0 - arc) * (1.0 / n as f64 + 1.0 / CLIENTS as f64)).sqrt();
        assert!((count as f64 / n as f64 - arc).abs() < bound, "server {server}: {count} of {n}, arc {arc}");
    }
    // with two draws the most loaded one is taken only when both draws meet it, the least loaded whenever one does
    let by_two = chosen("balance: random", &[100; 4], &[9, 3, 2, 1], n);
    let share = |server: usize| by_one[server] as f64 / n as f64;
    super::super::assert_binomial("the fullest", by_two[0], n, share(0) * share(0));
    super::super::assert_binomial("the emptiest", by_two[3], n, 1.0 - (1.0 - share(3)) * (1.0 - share(3)));
}
