//! ingress-nginx 1.15.1.

use std::collections::BTreeMap;

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    Affinity, AffinityMode, Balancer, BalancerSpec, Decide, IngressNginxSpec, Peer, Request, Ring,
};

use super::{Row, assert_binomial, chain, lazy, request, rows, send, stream};

/// Endpoints of the recordings of ingress-nginx, numbered as there.
fn endpoints(numbers: &[u32]) -> Vec<Peer> {
    let peer = |&number: &u32| Peer::new(PodId::new(number), format!("127.0.3.{}:8080", number + 1));
    numbers.iter().map(peer).collect()
}

fn ring(numbers: &[u32]) -> Ring {
    Ring::new(endpoints(numbers).iter().map(|peer| peer.address.as_str()))
}

/// The endpoint to which a key belongs, by its number.
fn on_ring(numbers: &[u32], key: &str) -> u32 {
    numbers[ring(numbers).find(Ring::hash(key)).expect("there are endpoints")]
}

#[test]
fn the_ring_of_ingress_nginx_decides_as_recorded() {
    let rows = rows(include_str!("../data/ingress_ring.csv"));
    assert_eq!(rows.len(), 240);
    for row in rows {
        let numbers: Vec<u32> = (0..row["n_servers"].parse().expect("a number")).collect();
        assert_eq!(on_ring(&numbers, &row["client"]).to_string(), row["server_index"], "{row:?}");
    }
}

#[test]
fn a_key_that_hits_a_point_belongs_to_it() {
    for peer in endpoints(&[0, 1, 2, 3, 4]) {
        // the first point of an endpoint is the hash of its address and four zero bytes
        let point = Ring::hash(&format!("{}\0\0\0\0", peer.address));
        assert_eq!(ring(&[0, 1, 2, 3, 4]).find(point), Some(peer.pod.index()));
    }
}

/// The key in a recorded `Set-Cookie` or `Cookie`; of two, the last, which a browser keeps.
fn key(header: &str) -> &str {
    let value = header.rsplit("INGRESSCOOKIE=").next().expect("rsplit gives something");
    value.split(['|', ';']).next().expect("split gives something")
}

#[test]
fn recorded_balanced_cookies_belong_to_the_endpoint_that_answered() {
    // only those of `scale`: of the endpoint that refuses (90) the recording does not say the address
    let rows = rows(include_str!("../data/ingress_sticky.csv"));
    let issued = |row: &&Row| {
        row["scenario"] == "scale" && row["request"] == "no cookie" && !row["state"].starts_with("persistent")
    };
    let mut checked = 0;
    for row in rows.iter().filter(issued) {
        assert_eq!(on_ring(&[0, 1, 2], key(&row["set_cookie"])).to_string(), row["tried"], "{row:?}");
        checked += 1;
    }
    assert_eq!(checked, 6, "rows of the recording");
}

/// A balanced cookie that belongs to the endpoint that refuses.
fn cookie_of_refusing() -> u32 {
    let belongs = |key: &String| on_ring(&[0, 1, 90], key) == 90;
    Ring::hash(&(0..).map(|n| format!("user-{n}")).find(belongs).expect("one in three does"))
}

fn ingress(mode: AffinityMode, change_on_failure: bool) -> Balancer {
    Balancer::new(&BalancerSpec::IngressNginx(IngressNginxSpec {
        affinity: Affinity::Cookie,
        affinity_mode: mode,
        session_cookie_change_on_failure: change_on_failure,
        ..IngressNginxSpec::default()
    }))
}

/// (endpoints tried, cookie set) for one request while endpoint 90 refuses. Without an answer no cookie is set.
fn sticky(balancer: &mut Balancer, cookie: Option<u32>, n: u64) -> (Vec<u32>, Option<u32>) {
    let request = Request { cookie, ..request("192.0.2.1", 0) };
    let outcome = send(balancer, &request, &[90], &[], &mut lazy(n));
    let number = |&position: &usize| balancer.peers()[position].pod.raw();
    (outcome.tried.iter().map(number).collect(), outcome.cookie.map(|cookie| cookie.value))
}

/// What a recorded request is: which balancer, with which cookie.
fn failing_balancer(state: &str) -> (AffinityMode, bool) {
    let mode = if state.starts_with("balanced") { AffinityMode::Balanced } else { AffinityMode::Persistent };
    (mode, state.ends_with("True"))
}

#[test]
fn a_refusing_endpoint_is_handled_as_recorded() {
    // What the real program draws at random differs; the chain of tries up to the answer, whether there is an answer
    // and whether a cookie is set must be one that the model gives too, and the model must give no other.
    let mut recorded: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let refused = |chain: &[u32]| chain.iter().map(|&number| number == 90).collect::<Vec<bool>>();
    for row in rows(include_str!("../data/ingress_sticky.csv")).iter().filter(|row| row["scenario"] == "fail") {
        let numbers: Vec<u32> = chain(&row["tried"]).iter().map(|&number| number as u32).collect();
        let outcome = (refused(&numbers), row["status"] == "200", !row["set_cookie"].is_empty());
        recorded.entry((row["state"].clone(), row["request"].clone())).or_default().push(outcome);
    }
    assert_eq!(recorded.len(), 12, "two modes, change on failure or not, three kinds of request");
    for ((state, kind), outcomes) in recorded {
        let (mode, change) = failing_balancer(&state);
        let mut balancer = ingress(mode, change);
        balancer.set_peers(&endpoints(&[0, 1, 90]), &mut stream(0));
        let cookie = match (kind.as_str(), mode) {
            ("no cookie", _) => None,
            ("garbage cookie", AffinityMode::Persistent) => Some(77),
            // to the ring any value is a key; the recorded garbage belonged to the endpoint that refuses
            (_, AffinityMode::Balanced) => Some(cookie_of_refusing()),
            (_, AffinityMode::Persistent) => Some(90),
        };
        let mut modelled: Vec<_> = (0..200)
            .map(|n| {
                let (chain, set) = sticky(&mut balancer, cookie, n);
                (refused(&chain), chain.last() != Some(&90), set.is_some())
            })
            .collect();
        modelled.sort();
        modelled.dedup();
        for outcome in &outcomes {
            assert!(modelled.contains(outcome), "{state}, {kind}: recorded {outcome:?}, the model has {modelled:?}");
        }
        // at most: answered at once, or after one refusal (in 200 draws both are seen)
        assert!(modelled.len() <= 2, "{state}, {kind}: {modelled:?}");
    }
}

/// The endpoint that each of `keys` gets, and whether a new cookie was set.
fn replay(balancer: &mut Balancer, numbers: &[u32], keys: &[u32]) -> Vec<(u32, bool)> {
    balancer.set_peers(&endpoints(numbers), &mut stream(0));
    let get = |(n, &key): (usize, &u32)| {
        let (chain, set) = sticky(balancer, Some(key), 1_000_000 + n as u64);
        (chain[0], set.is_some())
    };
    keys.iter().enumerate().map(get).collect()
}

/// Cookies of `count` new clients on three endpoints, and where they are.
fn new_clients(balancer: &mut Balancer, count: u64) -> (Vec<u32>, Vec<u32>) {
    balancer.set_peers(&endpoints(&[0, 1, 2]), &mut stream(0));
    let client = |n| {
        let (chain, cookie) = sticky(balancer, None, n);
        (cookie.expect("a new client gets a cookie"), chain[0])
    };
    (0..count).map(client).unzip()
}

/// (moved, cookies set) of a replay.
fn moves(before: &[u32], after: &[(u32, bool)]) -> (u64, u64) {
    let moved = before.iter().zip(after).filter(|(old, (new, _))| *old != new).count();
    (moved as u64, after.iter().filter(|(_, set)| *set).count() as u64)
}

/// The endpoint sets of the recording, in order, each with what `ingress_sticky.csv` calls it.
const STEPS: [(&str, &[u32]); 6] = [
    ("n=3 replay", &[0, 1, 2]),
    ("n=4", &[0, 1, 2, 3]),
    ("n=3 again", &[0, 1, 2]),
    ("n=2 (2 gone)", &[0, 1]),
    ("n=3 back", &[0, 1, 2]),
    ("replaced 2->3", &[0, 1, 3]),
];

/// (moved, cookies set) of 600 recorded clients in mode `mode` at a step.
fn recorded_moves(mode: &str, step: &str) -> (u64, u64) {
    let rows = rows(include_str!("../data/ingress_sticky.csv"));
    let state = format!("{mode} {step}");
    let is_it = |row: &&Row| row["state"] == state && row["tried"].starts_with("moved=");
    let row = rows.iter().find(is_it).expect("recorded");
    let number = |text: &str| text.split('=').nth(1).expect("a number").parse().expect("a number");
    (number(&row["tried"]), number(&row["set_cookie"]))
}

#[test]
fn scaling_moves_balanced_clients_as_recorded() {
    let mut balancer = ingress(AffinityMode::Balanced, false);
    let (keys, before) = new_clients(&mut balancer, 100_000);
    for (step, numbers) in STEPS {
        let after = replay(&mut balancer, numbers, &keys);
        let (moved, set) = moves(&before, &after);
        let share = moved as f64 / keys.len() as f64;
        println!("{step}: {share:.4} of the clients move");
        assert_eq!(set, 0, "{step}: a balanced cookie is never re-issued");
        for mode in ["balanced", "unset"] {
            let (recorded, recorded_set) = recorded_moves(mode, step);
            assert_binomial(&format!("{mode} {step}"), recorded, 600, share);
            assert_eq!(recorded_set, 0);
        }
    }
}

#[test]
fn scaling_moves_persistent_clients_as_recorded() {
    let mut balancer = ingress(AffinityMode::Persistent, false);
    let (keys, before) = new_clients(&mut balancer, 100_000);
    for (step, numbers) in STEPS {
        let after = replay(&mut balancer, numbers, &keys);
        let (moved, set) = moves(&before, &after);
        let (recorded, recorded_set) = recorded_moves("persistent", step);
        assert_eq!((moved, recorded), (set, recorded_set), "{step}: exactly those that move get a new cookie");
        if numbers.contains(&2) {
            assert_eq!((moved, recorded), (0, 0), "{step}: as long as its pod is there, nobody moves");
        } else {
            assert_binomial(step, moved, 100_000, 1.0 / 3.0);
            assert_binomial(step, recorded, 600, 1.0 / 3.0);
        }
    }
}
