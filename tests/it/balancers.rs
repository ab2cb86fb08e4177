//! Decisions of balancers against recordings of the real programs (nginx 1.22.1 and 1.31.4, ingress-nginx 1.15.1).

use std::collections::BTreeMap;
use std::net::IpAddr;

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    Affinity, AffinityMode, Balancer, BalancerSpec, IngressNginxSpec, Nginx, NginxMethod, NginxSpec, Peer, Request,
    Ring, Tries,
};
use stickysim::engine::{LazyStream, Seed, SimTime, Span, Stream};

/// The rows of a recording, by column name.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().expect("recordings are CSV")
}

/// `1>0` as positions.
fn chain(tried: &str) -> Vec<usize> {
    tried.split('>').filter(|text| !text.is_empty()).map(|text| text.parse().expect("a position")).collect()
}

fn peers(addresses: impl Iterator<Item = String>) -> Vec<Peer> {
    addresses.enumerate().map(|(pod, address)| Peer { pod: PodId::new(pod as u32), address }).collect()
}

fn request(address: &str, now_ms: u64, cookie: Option<u32>) -> Request {
    let now = SimTime::ZERO + Span::from_millis(now_ms);
    Request { now, address: address.parse::<IpAddr>().expect("an address"), cookie }
}

fn lazy(n: u64) -> LazyStream {
    LazyStream::new(Seed(4), 1, 1, n)
}

fn stream(n: u64) -> Stream {
    Seed(4).stream(1, 1, n)
}

/// nginx with one server line per weight; those of `down` are marked so.
fn nginx(method: NginxMethod, max_fails: u32, weights: &str, down: Option<usize>) -> Nginx {
    let weights: Vec<u32> = weights.split('-').map(|weight| weight.parse().expect("a weight")).collect();
    let mut nginx = Nginx::new(NginxSpec { method, max_fails, fail_timeout: Span::from_secs(3) });
    nginx.set_peers(&peers((0..weights.len()).map(|line| format!("127.0.0.1:{}", 19_001 + line))));
    for (line, &weight) in weights.iter().enumerate() {
        nginx.configure(line, weight, down == Some(line));
    }
    nginx
}

/// The lines tried for one request while those of `refusing` refuse.
fn tried(nginx: &mut Nginx, request: &Request, refusing: Option<usize>, loads: &[u32]) -> Vec<usize> {
    let (mut tries, mut chain) = (Tries::default(), Vec::new());
    while let Some(line) =
        nginx.pick(request, &mut tries, &mut lazy(0), |peer| loads.get(peer.pod.index()).copied().unwrap_or(0))
    {
        chain.push(line);
        if refusing != Some(line) {
            nginx.finished(line);
            break;
        }
        nginx.failed(line, request.now);
        tries.refused.push(line);
    }
    chain
}

/// (line that is down, line that refuses) of a recording's condition.
fn condition(text: &str) -> (Option<usize>, Option<usize>) {
    match text {
        "ok" => (None, None),
        "refuse1_mf0" => (None, Some(1)),
        down => (Some(down.strip_prefix("down").expect("a known condition").parse().expect("a line")), None),
    }
}

#[test]
fn ip_hash_decides_as_recorded() {
    let rows = rows(include_str!("data/nginx_ip_hash.csv"));
    assert_eq!(rows.len(), 2_240);
    for row in rows {
        let (down, refusing) = condition(&row["condition"]);
        // each row on its own: none of these fell back to round robin, whose state spans requests
        let mut nginx = nginx(NginxMethod::IpHash, 0, &row["weights"], down);
        let chosen = tried(&mut nginx, &request(&row["client"], 0, None), refusing, &[]);
        assert_eq!(chosen, chain(&row["tried"]), "{row:?}");
    }
}

#[test]
fn round_robin_decides_as_recorded() {
    let rows = rows(include_str!("data/nginx_rr.csv"));
    assert_eq!(rows.len(), 720);
    let mut running: BTreeMap<(String, String), Nginx> = BTreeMap::new();
    for row in rows {
        let (down, refusing) = condition(&row["condition"]);
        let nginx = running
            .entry((row["weights"].clone(), row["condition"].clone()))
            .or_insert_with(|| nginx(NginxMethod::RoundRobin, 0, &row["weights"], down));
        let chosen = tried(nginx, &request("192.0.2.1", 0, None), refusing, &[]);
        assert_eq!(chosen, chain(&row["tried"]), "{row:?}");
    }
}

#[test]
fn least_conn_decides_as_recorded() {
    let rows = rows(include_str!("data/nginx_leastconn.csv"));
    let mut running = BTreeMap::new();
    let mut opens = 0;
    for row in &rows {
        let (nginx, loads, open) = running
            .entry(row["weights"].clone())
            .or_insert_with(|| (nginx(NginxMethod::LeastConn, 1, &row["weights"], None), vec![0; 5], BTreeMap::new()));
        if row["op"] == "open" {
            let chosen = tried(nginx, &request("192.0.2.1", 0, None), None, loads);
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
fn failures_match(rows: &[&BTreeMap<String, String>], method: NginxMethod, max_fails: u32, phase_ms: u64) -> bool {
    let mut nginx = nginx(method, max_fails, "1-1-1", None);
    rows.iter().all(|row| {
        let at = phase_ms + row["t_ms"].parse::<u64>().expect("milliseconds");
        tried(&mut nginx, &request(&row["client"], at, None), Some(1), &[]) == chain(&row["tried"])
    })
}

#[test]
fn a_dead_server_is_probed_when_recorded() {
    // nginx counts whole seconds of the wall clock, and the recording does not say where in a second it began: there
    // must be one such moment with which every row of all three cases matches.
    let rows = rows(include_str!("data/nginx_failtimeout.csv"));
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
    let asked = |nginx: &mut Nginx, second: u64, refusing| {
        let twice = [0, 1].map(|_| tried(nginx, &request("192.0.2.1", second * 1000, None), refusing, &[]));
        twice.iter().any(|chain| chain.contains(&0))
    };
    assert!(asked(&mut nginx, 0, Some(0)), "first failure");
    assert!(asked(&mut nginx, 3, Some(0)), "second failure, from which the pause counts");
    assert!(!asked(&mut nginx, 6, None), "3 s later it still rests");
    nginx.finished(0);
    assert!(!asked(&mut nginx, 6, None), "the end of a request that began before the failure forgives nothing");
    assert!(asked(&mut nginx, 7, None), "a probe, which succeeds");
    assert!(asked(&mut nginx, 8, None), "forgiven");
}

/// Endpoints of the recordings of ingress-nginx, numbered as there.
fn endpoints(numbers: &[u32]) -> Vec<Peer> {
    let peer = |&number: &u32| Peer { pod: PodId::new(number), address: format!("127.0.3.{}:8080", number + 1) };
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
    let rows = rows(include_str!("data/ingress_ring.csv"));
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
    let rows = rows(include_str!("data/ingress_sticky.csv"));
    let issued = |row: &&BTreeMap<String, String>| {
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
    let (mut tries, mut chain) = (Tries::default(), Vec::new());
    let mut stream = lazy(n);
    for _ in 0..balancer.max_tries() {
        let request = request("192.0.2.1", 0, cookie);
        let position = balancer.pick(&request, &mut tries, &mut stream, |_| 0).expect("there are endpoints");
        let number = balancer.pod_at(position).raw();
        chain.push(number);
        if number != 90 {
            return (chain, tries.cookie);
        }
        balancer.failed(position, request.now);
        tries.refused.push(position);
    }
    (chain, None)
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
    for row in rows(include_str!("data/ingress_sticky.csv")).iter().filter(|row| row["scenario"] == "fail") {
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

/// Whether `hits` of `n` is within the 99.99 % binomial bounds of probability `p`.
fn assert_binomial(what: &str, hits: u64, n: u64, p: f64) {
    let mean = n as f64 * p;
    let sd = (mean * (1.0 - p)).sqrt();
    assert!(
        (hits as f64 - mean).abs() <= 3.9 * sd + 0.5,
        "{what}: {hits} of {n}, expected {mean:.1} ± {:.1}",
        3.9 * sd
    );
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
    let rows = rows(include_str!("data/ingress_sticky.csv"));
    let state = format!("{mode} {step}");
    let is_it = |row: &&BTreeMap<String, String>| row["state"] == state && row["tried"].starts_with("moved=");
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
