//! How many clients move when servers come and go, against what was computed for 40,000 of them.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{Balancer, Decide, Health, Peer, Request, Tries};

use super::{Row, lazy, request, rows, stream};

/// Where each of these clients lands.
pub fn places(balancer: &mut Balancer, hosts: &[Peer], clients: u32, by_address: bool) -> Vec<u32> {
    balancer.set_peers(hosts, &mut stream(0));
    let get = |client: u32| {
        let draw = stream(u64::from(client)).bits();
        let key = format!("{draw:x}");
        let address = std::net::Ipv4Addr::from(draw as u32).to_string();
        let request = if by_address {
            request(&address, 0)
        } else {
            Request { user: key.as_bytes(), room: key.as_bytes(), ..request("192.0.2.1", 0) }
        };
        let at = balancer.pick(&request, &mut Tries::default(), &mut lazy(0), |_| 0).expect("there are hosts");
        hosts[at].pod.raw()
    };
    (0..clients).map(get).collect()
}

/// Shares of clients that move, and how the fullest host fills, against the recording of 40,000 clients.
pub fn assert_moves(balancer: &mut Balancer, strategy: &str, by_address: bool, peer: impl Fn(u32) -> Peer) {
    const CLIENTS: u32 = 40_000;
    let table = rows(include_str!("../data/envoy_traefik_remap.csv"));
    let table: Vec<&Row> = table.iter().filter(|row| row["strategy"] == strategy).collect();
    assert_eq!(table.len(), 5);
    for row in table {
        let count: u32 = row["n"].parse().expect("a number");
        let peers = |numbers: &[u32]| numbers.iter().map(|&number| peer(number)).collect::<Vec<_>>();
        let all: Vec<u32> = (0..count).collect();
        let before = places(balancer, &peers(&all), CLIENTS, by_address);
        let mut check = |column: &str, hosts: &[Peer]| {
            let after = places(balancer, hosts, CLIENTS, by_address);
            let moved = before.iter().zip(&after).filter(|(old, new)| old != new).count() as f64 / f64::from(CLIENTS);
            let recorded: f64 = row[column].parse().expect("a share");
            println!("{strategy} {count} {column}: {moved:.4}, recorded {recorded}");
            assert_same_share(&format!("{strategy} {count} {column}"), moved, recorded, CLIENTS);
        };
        check("moved_add_one_last", &peers(&(0..=count).collect::<Vec<_>>()));
        check("moved_remove_last", &peers(&all[..all.len() - 1]));
        let without_second: Vec<u32> = all.iter().copied().filter(|&number| number != 1).collect();
        check("moved_remove_second", &peers(&without_second));
        let mut down = peers(&all);
        down[1].health = Health::Down;
        check("moved_mark_second_down", &down);
        let held = |number| before.iter().filter(|&&host| host == number).count() as f64 / f64::from(CLIENTS);
        let most = all.iter().map(|&number| held(number)).fold(0.0, f64::max);
        let recorded: f64 = row["max_over_mean"].parse().expect("a number");
        assert_same_share(&format!("{strategy} {count} most"), most, recorded / f64::from(count), CLIENTS);
    }
}

/// Whether two shares of as many clients each may be draws of the same: 99.99 % bounds of their difference.
pub fn assert_same_share(what: &str, one: f64, other: f64, clients: u32) {
    let p = f64::midpoint(one, other);
    let sd = (2.0 * p * (1.0 - p) / f64::from(clients)).sqrt();
    assert!((one - other).abs() <= 3.9 * sd + 1e-4, "{what}: {one} and {other}, {sd} apart by chance");
}

/// A host as in the computation of `envoy_traefik_remap.csv`: of its many shares only these names give all.
pub fn host(number: u32) -> Peer {
    Peer::new(PodId::new(number), format!("10.0.0.{}:8080", number + 1))
}
