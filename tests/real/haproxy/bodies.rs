//! What HAProxy does, and what it draws.

use stickysim::cluster::balancer::Health::{Down, Draining, Up};
use stickysim::engine::Span;

use super::super::random::{addresses, asks, draw_alike, stream, tunnels};
use super::super::subject::Step::{self, Close, Open, Pass, Start, Stop, Tell};
use super::super::subject::{Ask, Outcome, agree};
use super::haproxy;

/// The tunnel of a user.
fn of_user(n: usize) -> Ask {
    Ask::from("192.0.2.1").of_user(format!("user-{n}"))
}

/// One request of each of so many clients, each from its own address, IPv4 and IPv6.
fn clients(count: usize, body: u64) -> Vec<Step> {
    let of = |(n, address)| Step::Ask(Ask::from(address).of_user(format!("user-{n}")));
    addresses(count, &mut stream(body)).into_iter().enumerate().map(of).collect()
}

/// One request of a client that keeps its cookies.
fn client(n: u32) -> Step {
    Step::Ask(Ask::from(format!("192.0.2.{}", n + 1)).of_client(n))
}

/// Both take these steps, with these lines and so many servers.
fn both(settings: &str, servers: usize, steps: &[Step]) -> Vec<Outcome> {
    match haproxy(settings, servers) {
        Some((mut simulated, mut haproxy)) => agree(&mut simulated, &mut haproxy, steps),
        None => Vec::new(),
    }
}

#[test]
fn turns_are_taken_by_weight() {
    for balance in ["roundrobin", "static-rr"] {
        for (servers, lines) in
            [(3, ""), (3, "weight 5"), (4, "weight 3, weight 2, weight 2"), (4, "'', disabled, weight 3")]
        {
            both(&format!("{{balance: {balance}, servers: [{lines}]}}"), servers, &asks(60));
        }
    }
}

#[test]
fn servers_leave_the_turns_and_come_back() {
    for balance in ["roundrobin", "static-rr", "leastconn"] {
        for lines in ["", "weight 5, weight 2"] {
            let mut steps = asks(7);
            for (server, health) in [(1, Down), (0, Draining), (1, Up), (0, Up), (2, Down), (2, Up)] {
                steps.push(Tell(server, health));
                steps.extend(asks(9));
            }
            both(&format!("{{balance: {balance}, servers: [{lines}]}}"), 3, &steps);
        }
    }
}

#[test]
fn leastconn_counts_tunnels() {
    for (servers, lines) in [(3, ""), (4, "weight 5, '', weight 2"), (3, "'', disabled")] {
        both(&format!("{{balance: leastconn, servers: [{lines}]}}"), servers, &tunnels(150, 11, of_user));
    }
}

#[test]
fn source_looks_at_the_address() {
    for hash in ["map-based", "map-based sdbm avalanche", "consistent", "consistent sdbm"] {
        for (servers, lines) in [(3, ""), (4, "weight 3, '', weight 2"), (5, "'', disabled")] {
            let mut steps = clients(60, 12);
            steps.push(Tell(2, Down));
            steps.extend(clients(30, 12));
            steps.push(Tell(2, Up));
            steps.extend(clients(30, 12));
            both(&format!("{{balance: source, hash-type: {hash}, servers: [{lines}]}}"), servers, &steps);
        }
    }
}

#[test]
fn octets_of_the_address_are_hashed() {
    for hash in ["map-based", "map-based wt6", "consistent crc32 avalanche"] {
        both(&format!("{{balance: hash src, hash-type: {hash}}}"), 3, &clients(60, 18));
    }
}

#[test]
fn headers_are_hashed() {
    let mut steps = clients(40, 13);
    // who has none takes turns
    steps.extend(asks(7));
    for function in ["sdbm", "djb2", "wt6", "crc32"] {
        for (kind, avalanche) in
            [("map-based", ""), ("map-based", " avalanche"), ("consistent", ""), ("consistent", " avalanche")]
        {
            let hash = format!("{kind} {function}{avalanche}");
            both(&format!("{{balance: hdr(x-user), hash-type: {hash}, servers: [weight 2]}}"), 3, &steps);
        }
    }
}

#[test]
fn a_full_server_is_passed_over() {
    for (settings, servers) in [
        ("{balance: hdr(x-user), hash-type: consistent, hash-balance-factor: 125, servers: [weight 10, weight 20]}", 4),
        ("{balance: leastconn, servers: [maxconn 2]}", 3),
        ("{balance: roundrobin, servers: [maxconn 1, weight 3]}", 3),
        ("{balance: first, default-server: maxconn 2, servers: ['', '', maxconn 100]}", 3),
    ] {
        both(settings, servers, &tunnels(80, 14, of_user));
    }
}

#[test]
fn who_is_bound_to_a_full_server_waits_for_it() {
    let lines = "balance: roundrobin, timeout-queue: 100ms, default-server: maxconn 1, cookie: SRV insert indirect";
    let hold = |n| Open(Ask::from("192.0.2.1").of_client(n));
    both(
        &format!("{{{lines}}}"),
        2,
        &[hold(0), client(0), client(1), hold(2), client(1), Close(0), client(0), client(1)],
    );
}

#[test]
fn cookies_are_followed_and_set() {
    let all = |n: u32| (0..n).map(client);
    for (cookie, lines) in [
        ("insert indirect", ""),
        ("insert indirect nocache", "weight 3"),
        ("insert", "'', disabled"),
        ("insert indirect", "'', weight 0"),
        ("insert preserve", ""),
    ] {
        let mut steps: Vec<Step> = all(6).chain(all(6)).collect();
        steps.push(Step::Ask(Ask::from("192.0.2.1").forged()));
        // a tunnel's answer carries it, too
        steps.push(Open(Ask::from("192.0.2.1").of_client(6)));
        for (server, health) in [(0, Draining), (0, Up), (2, Down), (2, Up)] {
            steps.push(Tell(server, health));
            steps.extend(all(9));
        }
        both(&format!("{{balance: roundrobin, cookie: SRV {cookie}, servers: [{lines}]}}"), 3, &steps);
    }
}

#[test]
fn a_table_binds_and_moves_with_its_client() {
    let all = |n: u32| (0..n).map(client);
    let mut steps: Vec<Step> = all(5).chain(all(5)).collect();
    for (server, health) in [(0, Draining), (0, Up), (2, Down), (2, Up)] {
        steps.push(Tell(server, health));
        steps.extend(all(8));
    }
    // an IPv6 client has no place in a table of IPv4
    steps.extend(vec![Step::Ask(Ask::from("2001:db8::1")); 4]);
    let lines = "balance: roundrobin, stick-table: type ip size 10k expire 30m, stick: on src";
    both(&format!("{{{lines}}}"), 3, &steps);
    let lines = "balance: leastconn, stick-table: type string size 10k, stick: on hdr(x-user)";
    let steps = [clients(20, 15), vec![Tell(1, Down)], clients(20, 15), vec![Tell(1, Up)], clients(25, 15), asks(3)];
    both(&format!("{{{lines}}}"), 3, &steps.concat());
}

#[test]
fn a_table_forgets() {
    let mut steps: Vec<Step> = vec![client(0), client(1), client(2), client(0)];
    // far from the moment at which the entries go
    steps.extend([Pass(Span::from_secs(3)), client(2), client(1), client(0), client(3)]);
    both("{balance: roundrobin, stick-table: type ip size 10 expire 1s, stick: on src}", 3, &steps);
}

#[test]
fn retries_may_go_elsewhere() {
    let refused = [vec![Stop(1)], clients(8, 16), asks(4), vec![Start(1)], asks(4)].concat();
    for (balance, option) in [
        ("roundrobin", "[redispatch]"),
        ("static-rr", "[redispatch]"),
        ("leastconn", "[redispatch 1]"),
        ("hdr(x-user), hash-type: consistent", "[redispatch 1]"),
        ("source, hash-type: consistent sdbm", "[redispatch 1]"),
        ("hdr(x-user), hash-type: consistent", "[redispatch -1]"),
    ] {
        both(&format!("{{balance: {balance}, option: {option}, timeout-connect: 200ms}}"), 3, &refused);
    }
}

#[test]
fn retries_at_the_same_server_fail() {
    // the map does not know of servers to be avoided, and without redispatch nobody looks for another
    for settings in [
        "{balance: source, option: [redispatch 1], retries: 2, timeout-connect: 200ms}",
        "{balance: roundrobin, retries: 1, timeout-connect: 200ms}",
        "{balance: leastconn, retries: 1, timeout-connect: 200ms}",
        "{balance: source, retries: 0, timeout-connect: 200ms}",
    ] {
        both(settings, 2, &[vec![Stop(1)], clients(6, 17), vec![Start(1)], clients(6, 17)].concat());
    }
}

#[test]
fn the_bound_find_their_server_refusing() {
    let all = |n: u32| (0..n).map(client).collect::<Vec<_>>();
    let steps = [all(3), vec![Stop(1)], all(5), vec![Start(1)], all(5)].concat();
    for kept in ["cookie: SRV insert indirect", "stick-table: type ip size 10k, stick: on src"] {
        for option in ["[]", "[redispatch]", "[redispatch 1]", "[redispatch 2]"] {
            let settings = format!("balance: roundrobin, {kept}, option: {option}, retries: 2, timeout-connect: 200ms");
            both(&format!("{{{settings}}}"), 3, &steps);
        }
    }
    // `persist`: even a server that is known to be down is tried
    let steps = [all(3), vec![Stop(1), Tell(1, Down)], all(4), vec![Start(1)], all(4)].concat();
    let settings = "balance: roundrobin, cookie: SRV insert, option: [persist, redispatch 1], timeout-connect: 200ms";
    both(&format!("{{{settings}}}"), 3, &steps);
}

#[test]
fn random_draws_by_weight_and_load() {
    for (settings, tunnels) in [
        ("balance: random(1)", [0, 0, 0]),
        ("{balance: random, servers: [weight 20, weight 50, weight 10]}", [0, 0, 0]),
        ("{balance: random(2), servers: [weight 2]}", [1, 0, 3]),
    ] {
        if let Some((mut simulated, mut haproxy)) = haproxy(settings, 3) {
            draw_alike(&mut simulated, &mut haproxy, &tunnels);
        }
    }
}
