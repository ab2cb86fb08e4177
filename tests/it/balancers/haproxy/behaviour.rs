//! Failures, lifetimes, full servers, reloads: what the facts state beyond the recordings.

use std::net::{IpAddr, Ipv4Addr};

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{Balancer, Decide, Forgotten, Health, Peer, Queue, Request, Tries};
use stickysim::engine::Span;

use super::super::{lazy, request, servers, stream};
use super::{Answer, ask, ask_at, haproxy};

/// Clients of a /16.
fn clients(count: u32) -> impl Iterator<Item = Request<'static>> {
    (0..count).map(|n| Request::from_address(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n * 977))))
}

fn from(answer: &Answer) -> usize {
    answer.from.expect("answered")
}

#[test]
fn a_map_meets_the_same_dead_server_again_even_with_redispatch() {
    for lines in ["{balance: source, option: [redispatch 1]}", "balance: source"] {
        let mut haproxy = haproxy(lines, &[1; 3]);
        for client in clients(60) {
            let answer = ask(&mut haproxy, &client, &[1]);
            if answer.tried[0] == 1 {
                assert_eq!((answer.tried, answer.from), (vec![1; 4], None), "{lines}");
            }
        }
        // only a check helps
        haproxy.set_health(1, Health::Down);
        assert!(clients(60).all(|client| ask(&mut haproxy, &client, &[1]).tried.len() == 1));
    }
}

#[test]
fn a_ring_goes_on_to_the_next_server_where_redispatch_lets_it() {
    let lines = |option: &str| format!("{{balance: source, hash-type: consistent, timeout-connect: 400ms{option}}}");
    let mut every = haproxy(&lines(", option: [redispatch 1]"), &[1; 3]);
    let mut last = haproxy(&lines(", option: [redispatch]"), &[1; 3]);
    let mut never = haproxy(&lines(""), &[1; 3]);
    let mut met = 0;
    for client in clients(60) {
        let answer = ask(&mut every, &client, &[1]);
        if answer.tried[0] != 1 {
            continue;
        }
        met += 1;
        let next = from(&answer);
        assert_eq!((answer.tried, answer.waited), (vec![1, next], Span::ZERO));
        let answer = ask(&mut last, &client, &[1]);
        assert_eq!((answer.tried, answer.waited), (vec![1, 1, 1, next], Span::from_millis(800)));
        let answer = ask(&mut never, &client, &[1]);
        assert_eq!((answer.tried, answer.waited), (vec![1; 4], Span::from_millis(1_200)));
    }
    assert!(met > 10);
}

#[test]
fn who_is_bound_to_nobody_goes_elsewhere_at_once_if_redispatch_stands_there() {
    for algorithm in ["roundrobin", "static-rr", "leastconn", "random"] {
        let mut haproxy = haproxy(&format!("{{balance: {algorithm}, option: [redispatch]}}"), &[1; 3]);
        for client in clients(30) {
            let answer = ask(&mut haproxy, &client, &[1]);
            assert_ne!(from(&answer), 1, "{algorithm}");
            assert_eq!((answer.tried.len() <= 2, answer.waited), (true, Span::ZERO), "{algorithm}");
        }
    }
    let mut alone = haproxy("{balance: roundrobin, option: [redispatch], retries: 2}", &[1]);
    let answer = ask(&mut alone, &request("192.0.2.1", 0), &[0]);
    assert_eq!((answer.tried, answer.waited), (vec![0; 3], Span::from_secs(2)), "there is no other server");
}

#[test]
fn roundrobin_and_leastconn_avoid_the_server_that_refused_and_no_other() {
    let mut turns = haproxy("{balance: roundrobin, option: [redispatch 1]}", &[1; 4]);
    assert_eq!(ask(&mut turns, &request("192.0.2.1", 0), &[0, 1, 2, 3]).tried, [0, 1, 2, 3]);
    let mut pair = haproxy("{balance: roundrobin, option: [redispatch 1]}", &[1; 2]);
    assert_eq!(ask(&mut pair, &request("192.0.2.1", 0), &[0, 1]).tried, [0, 1, 0, 1]);
}

#[test]
fn a_server_that_drains_keeps_its_clients_and_gets_no_new_ones() {
    for lines in ["{balance: roundrobin, cookie: SRV insert}", "{balance: leastconn, cookie: SRV insert}"] {
        let mut haproxy = haproxy(lines, &[1; 3]);
        haproxy.set_health(2, Health::Draining);
        let bound = Request { cookie: Some(2), ..request("192.0.2.1", 0) };
        assert!((0..9).all(|_| from(&ask(&mut haproxy, &bound, &[])) == 2));
        assert!((0..9).all(|_| from(&ask(&mut haproxy, &request("192.0.2.1", 0), &[])) != 2));
    }
}

#[test]
fn a_server_whose_clients_kept_the_old_cookie_has_them_back_at_once() {
    let mut haproxy = haproxy("{balance: roundrobin, cookie: SRV insert indirect}", &[1; 3]);
    let bound = Request { cookie: Some(1), ..request("192.0.2.1", 0) };
    assert_eq!(haproxy.bound(1), Some(PodId::new(1)), "nothing else can come of it");
    haproxy.set_health(1, Health::Down);
    assert_eq!(haproxy.bound(1), None);
    let answer = ask(&mut haproxy, &bound, &[]);
    assert_ne!(from(&answer), 1);
    assert_eq!(answer.cookie.map(|cookie| cookie.value as usize), answer.from, "a new cookie");
    haproxy.set_health(1, Health::Up);
    let answer = ask(&mut haproxy, &bound, &[]);
    assert_eq!((answer.from, answer.cookie), (Some(1), None));
    // over a reload too, wherever its line stands now
    let mut moved = servers(19_101, &[1; 3], None);
    moved.reverse();
    haproxy.set_peers(&moved, &mut stream(0));
    assert_eq!((ask(&mut haproxy, &bound, &[]).from, haproxy.bound(1)), (Some(1), Some(PodId::new(1))));
    haproxy.set_peers(&moved[..1], &mut stream(0));
    assert_eq!((ask(&mut haproxy, &bound, &[]).from, haproxy.bound(1)), (Some(0), None));
}

#[test]
fn persist_tries_servers_that_are_down() {
    let mut haproxy = haproxy("{balance: roundrobin, cookie: SRV insert, option: [persist]}", &[1; 3]);
    haproxy.set_health(1, Health::Down);
    let bound = Request { cookie: Some(1), ..request("192.0.2.1", 0) };
    assert_eq!(ask(&mut haproxy, &bound, &[]).from, Some(1));
    assert_eq!(ask(&mut haproxy, &bound, &[1]).tried, [1; 4]);
}

#[test]
fn a_cookie_that_only_has_a_first_date_is_renewed_but_does_not_live_on() {
    let mut haproxy = haproxy("{balance: roundrobin, cookie: SRV insert maxlife 60}", &[1; 3]);
    let mut cookie = ask(&mut haproxy, &request("192.0.2.1", 1_000), &[]).cookie.expect("a new client");
    let first = cookie;
    for second in (5..65).step_by(5) {
        let answer =
            ask(&mut haproxy, &Request { cookie: Some(cookie.value), ..request("192.0.2.1", second * 1_000) }, &[]);
        assert_eq!(answer.from, Some(0));
        cookie = answer.cookie.unwrap_or(cookie);
        assert_eq!(cookie.until, first.until);
    }
    assert_eq!(
        first.until,
        request("192.0.2.1", 65_000).now,
        "dates are rounded up to four seconds: 4 + 60 is not over"
    );
    let answer = ask(&mut haproxy, &Request { cookie: Some(cookie.value), ..request("192.0.2.1", 65_000) }, &[]);
    assert_eq!(answer.from, Some(1), "ignored now");
    assert_eq!(haproxy.bound(cookie.value), None, "dates change at every answer");
}

/// Why the table does not know this client.
fn forgotten(haproxy: &mut Balancer, request: &Request<'_>) -> Option<Forgotten> {
    let mut tries = Tries::default();
    haproxy.pick(request, &mut tries, &mut lazy(0), |_| 0);
    tries.forgotten
}

#[test]
fn a_table_says_why_it_does_not_know_a_client() {
    let mut haproxy = haproxy("{balance: roundrobin, stick-table: type ip size 2 expire 10s, stick: on src}", &[1; 3]);
    assert_eq!(forgotten(&mut haproxy, &request("10.0.0.1", 0)), Some(Forgotten::Expired));
    assert_eq!(forgotten(&mut haproxy, &request("10.0.0.1", 9_999)), None);
    assert_eq!(forgotten(&mut haproxy, &request("10.0.0.1", 19_999)), Some(Forgotten::Expired));
    forgotten(&mut haproxy, &request("10.0.0.2", 20_000));
    forgotten(&mut haproxy, &request("10.0.0.3", 20_000));
    assert_eq!(forgotten(&mut haproxy, &request("10.0.0.1", 20_001)), Some(Forgotten::TableFull));
    assert_eq!(
        forgotten(&mut haproxy, &request("2001:db8::1", 20_001)),
        Some(Forgotten::Expired),
        "type ip does not keep IPv6"
    );
    assert_eq!(forgotten(&mut haproxy, &request("::ffff:10.0.0.1", 20_002)), None, "a mapped address is IPv4");
}

#[test]
fn a_new_client_that_got_no_answer_is_not_in_the_table() {
    let mut haproxy = haproxy("{balance: roundrobin, stick-table: type ip size 1k, stick: on src}", &[1; 3]);
    let client = request("10.0.0.1", 0);
    assert_eq!(ask(&mut haproxy, &client, &[0]).tried, [0; 4], "no redispatch");
    assert_eq!(ask(&mut haproxy, &client, &[0]).from, Some(1), "balanced anew");
    assert_eq!(ask(&mut haproxy, &client, &[0]).from, Some(1), "and kept");
}

#[test]
fn a_table_is_lost_with_a_reload_unless_it_has_peers() {
    for (peers, after) in [("", 0), (" peers mine", 1)] {
        let lines = format!("{{balance: roundrobin, stick-table: type ipv6 size 1k{peers}, stick: on src}}");
        let mut haproxy = haproxy(&lines, &[1; 3]);
        let ask_for = |haproxy: &mut Balancer, client| from(&ask(haproxy, &request(client, 0), &[]));
        assert_eq!([ask_for(&mut haproxy, "10.0.0.1"), ask_for(&mut haproxy, "10.0.0.2")], [0, 1]);
        assert_eq!(ask_for(&mut haproxy, "::ffff:10.0.0.2"), 1, "IPv4 is mapped into IPv6");
        haproxy.set_peers(&servers(19_101, &[1; 4], None), &mut stream(0));
        assert_eq!(ask_for(&mut haproxy, "10.0.0.2"), after);
    }
}

#[test]
fn a_table_of_texts_counts_so_many_bytes() {
    let lines = "{balance: roundrobin, stick-table: type string len 4 size 1k, stick: on req.cook(session)}";
    let mut haproxy = haproxy(lines, &[1; 3]);
    let mut of =
        |key: &[u8]| from(&ask(&mut haproxy, &Request { user: key, room: key, ..request("10.0.0.1", 0) }, &[]));
    assert_eq!([of(b"abcd1"), of(b"abcd2"), of(b"abce"), of(b"")], [0, 0, 1, 2]);
    assert_eq!([of(b""), of(b"abce")], [0, 1], "without a text nobody is kept");
}

#[test]
fn who_is_bound_by_the_table_gets_no_cookie() {
    let lines = "{balance: roundrobin, cookie: SRV insert, stick-table: type ip size 1k, stick: on src}";
    let mut haproxy = haproxy(lines, &[1; 3]);
    assert!(ask(&mut haproxy, &request("10.0.0.1", 0), &[]).cookie.is_some());
    let answer = ask(&mut haproxy, &request("10.0.0.1", 0), &[]);
    assert_eq!((answer.from, answer.cookie), (Some(0), None));
    // a cookie goes before the table, and is stored there
    let answer = ask(&mut haproxy, &Request { cookie: Some(2), ..request("10.0.0.1", 0) }, &[]);
    assert_eq!(answer.from, Some(2));
    assert_eq!(ask(&mut haproxy, &request("10.0.0.1", 0), &[]).from, Some(2));
}

#[test]
fn without_a_key_hashes_take_turns() {
    for kind in ["map-based", "consistent"] {
        let mut haproxy = haproxy(&format!("{{balance: url_param room, hash-type: {kind}}}"), &[1; 3]);
        let mut counts = [0; 3];
        for _ in 0..48 {
            counts[from(&ask(&mut haproxy, &request("10.0.0.1", 0), &[]))] += 1;
        }
        assert_eq!(counts, [16; 3], "{kind}");
        let mut of =
            |key: &[u8]| from(&ask(&mut haproxy, &Request { user: key, room: key, ..request("10.0.0.1", 0) }, &[]));
        assert!((0..20).all(|n: u8| of(&[n]) == of(&[n])));
    }
}

#[test]
fn a_full_server_is_waited_for_by_those_who_are_bound_and_left_by_others() {
    let waits = |position| Some(Queue { position, timeout: Span::from_secs(7) });
    let lines = |more: &str| format!("{{default-server: maxconn 10, timeout-queue: 7s, {more}}}");
    let full = [3, 10, 4];
    let mut cookie = haproxy(&lines("balance: roundrobin, cookie: SRV insert"), &[1; 3]);
    let bound = Request { cookie: Some(1), ..request("10.0.0.1", 0) };
    let answer = ask_at(&mut cookie, &bound, &[], &full);
    assert_eq!((answer.from, answer.queue), (None, waits(Some(1))));
    assert_eq!(cookie.bound(1), None, "it may have to wait");
    for algorithm in ["roundrobin", "static-rr", "leastconn", "first"] {
        let mut haproxy = haproxy(&lines(&format!("balance: {algorithm}")), &[1; 3]);
        let got: Vec<usize> =
            (0..6).map(|_| from(&ask_at(&mut haproxy, &request("10.0.0.1", 0), &[], &full))).collect();
        assert!(!got.contains(&1), "{algorithm}: {got:?}");
        let answer = ask_at(&mut haproxy, &request("10.0.0.1", 0), &[], &[10; 3]);
        assert_eq!((answer.from, answer.queue), (None, waits(None)), "{algorithm}");
    }
    let mut hash = haproxy(&lines("balance: source"), &[1; 3]);
    let waiting = clients(60).filter(|client| ask_at(&mut hash, client, &[], &full).queue == waits(Some(1))).count();
    assert!(waiting > 10, "{waiting} of 60 wait for their server");
    let mut none = haproxy(&lines("balance: roundrobin"), &[1]);
    none.set_health(0, Health::Down);
    assert_eq!(ask(&mut none, &request("10.0.0.1", 0), &[]).queue, None, "nothing to wait for");
}

#[test]
fn first_fills_servers_in_the_order_of_their_ids() {
    let lines = "{balance: first, default-server: maxconn 2, servers: [id 7, id 5], option: [redispatch 1]}";
    let mut haproxy = haproxy(lines, &[1; 3]);
    let client = request("10.0.0.1", 0);
    // the third line has the lowest free id, 1
    let loads = [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 2, 2]];
    let got = loads.map(|loads| from(&ask_at(&mut haproxy, &client, &[], &loads)));
    assert_eq!(got, [2, 2, 1, 0]);
    assert_eq!(ask(&mut haproxy, &client, &[2]).tried, [2, 1]);
}

#[test]
fn bounded_loads_go_on_to_the_next_server_of_the_ring() {
    // 29 connections and this one, 150 %: 45 slots, 15 per server
    let mut bounded = haproxy("{balance: source, hash-type: consistent, hash-balance-factor: 150}", &[1; 3]);
    let mut free = haproxy("{balance: source, hash-type: consistent}", &[1; 3]);
    for client in clients(60) {
        let home = from(&ask(&mut free, &client, &[]));
        let mut loads = [7; 3];
        loads[home] = 14;
        loads[(home + 1) % 3] = 8;
        assert_eq!(ask_at(&mut bounded, &client, &[], &loads).from, Some(home), "14 of 15");
        loads[home] = 15;
        loads[(home + 1) % 3] = 7;
        assert_ne!(ask_at(&mut bounded, &client, &[], &loads).from, Some(home), "15 of 15");
    }
}

#[test]
fn turns_go_on_when_a_server_leaves_and_comes_back() {
    let mut haproxy = haproxy("balance: roundrobin", &[1; 3]);
    let client = request("10.0.0.1", 0);
    let turns = |haproxy: &mut Balancer, count| -> Vec<usize> {
        (0..count).map(|_| from(&ask(haproxy, &client, &[]))).collect()
    };
    assert_eq!(turns(&mut haproxy, 4), [0, 1, 2, 0]);
    haproxy.set_health(1, Health::Down);
    assert_eq!(turns(&mut haproxy, 4), [2, 0, 2, 0]);
    haproxy.set_health(1, Health::Up);
    let mut counts = [0; 3];
    turns(&mut haproxy, 30).into_iter().for_each(|server| counts[server] += 1);
    assert!(counts.iter().all(|count| (9..=11).contains(count)), "{counts:?}");
    (0..3).for_each(|server| haproxy.set_health(server, Health::Down));
    assert_eq!(ask(&mut haproxy, &client, &[]).from, None);
    haproxy.set_health(2, Health::Up);
    assert_eq!(turns(&mut haproxy, 2), [2, 2]);
    haproxy.set_peers(&servers(19_101, &[1; 3], None), &mut stream(0));
    assert_eq!(turns(&mut haproxy, 3), [0, 1, 2], "a reload begins anew");
}

#[test]
fn no_algorithm_picks_a_server_that_is_not_up() {
    let algorithms =
        ["roundrobin", "static-rr", "leastconn", "random(3)", "first", "source", "hash src", "url_param room"];
    for algorithm in algorithms {
        for kind in ["", ", hash-type: consistent"] {
            let lines = format!("{{balance: {algorithm}{kind}}}");
            let mut haproxy = haproxy(&lines, &[3, 1, 2, 256]);
            let mut stream = stream(5);
            for (n, client) in clients(400).enumerate() {
                let health = [Health::Up, Health::Draining, Health::Down][stream.below(3) as usize];
                haproxy.set_health(stream.below(4) as usize, health);
                let key = [n as u8; 9];
                let client = Request { user: &key[..n % 10], room: &key[..n % 10], ..client };
                let load = |peer: &Peer| peer.pod.raw() + n as u32 % 3;
                let chosen = haproxy.pick(&client, &mut Tries::default(), &mut lazy(n as u64), load);
                assert_eq!(chosen.is_some(), haproxy.peers().up() > 0, "{lines}");
                assert!(chosen.is_none_or(|at| haproxy.peers()[at].health == Health::Up), "{lines}");
            }
            haproxy.set_peers(&[], &mut stream);
            assert_eq!(ask(&mut haproxy, &request("10.0.0.1", 0), &[]).from, None);
        }
    }
}
