//! ingress-nginx 1.15.1.

use std::collections::BTreeMap;

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    Affinity, AffinityKey, AffinityMode, Balancer, BalancerSpec, Decide, Ends, IngressNginxSpec, Peer, Request, Ring,
    Settings, Trusts,
};
use stickysim::engine::{SimTime, Span};

use super::moves::{assert_same_share, host, places};
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

fn spec(yaml: &str) -> Result<IngressNginxSpec, String> {
    serde_yaml::from_str(yaml).map_err(|error| error.to_string())
}

fn read(yaml: &str) -> IngressNginxSpec {
    let spec = spec(yaml).expect("it is accepted");
    assert!(spec.problems().is_empty(), "{yaml}: {:?}", spec.problems());
    spec
}

fn controller(yaml: &str) -> Balancer {
    Balancer::new(&BalancerSpec::IngressNginx(read(yaml)))
}

#[test]
fn upstream_hash_by_decides_as_recorded() {
    let rows = rows(include_str!("../data/ingress_ring.csv"));
    assert_eq!(rows.len(), 240);
    for variable in ["$cookie_user", "$arg_room", "${http_x_session}"] {
        let mut controller = controller(&format!("upstream-hash-by: {variable}"));
        for row in &rows {
            let count: u32 = row["n_servers"].parse().expect("a number");
            controller.set_peers(&endpoints(&(0..count).collect::<Vec<_>>()), &mut stream(0));
            let request =
                Request { user: row["client"].as_bytes(), room: row["client"].as_bytes(), ..request("192.0.2.1", 0) };
            let at: u32 = row["server_index"].parse().expect("a number");
            let all = send(&mut controller, &request, &[], &[], &mut lazy(0));
            assert_eq!((all.tried, all.cookie), (vec![at as usize], None), "{row:?}");
            let refused = send(&mut controller, &request, &[at], &[], &mut lazy(0));
            assert_eq!(refused.tried, [at as usize; 3], "the same endpoint until there are no tries left");
        }
    }
}

#[test]
fn addresses_are_hashed_as_text_or_as_octets_and_nothing_as_nothing() {
    let all = [0, 1, 2, 3, 4];
    let land = |yaml: &str, address: &str| {
        let mut controller = controller(yaml);
        controller.set_peers(&endpoints(&all), &mut stream(0));
        send(&mut controller, &request(address, 0), &[], &[], &mut lazy(0)).tried[0]
    };
    for n in 0..50 {
        let text = format!("198.51.{n}.7");
        assert_eq!(land("upstream-hash-by: $remote_addr", &text), on_ring(&all, &text) as usize);
        let octets = crc32fast::hash(&[198, 51, n, 7]);
        assert_eq!(
            land("upstream-hash-by: $binary_remote_addr", &text),
            ring(&all).find(octets).expect("there are some")
        );
        // without the variable everybody has the same key
        assert_eq!(land("upstream-hash-by: $arg_room", &text), on_ring(&all, "") as usize);
    }
}

#[test]
fn as_many_keys_move_as_computed() {
    const CLIENTS: u32 = 40_000;
    let mut controller = controller("upstream-hash-by: $cookie_user");
    let table = rows(include_str!("../data/ingress_remap.csv"));
    assert_eq!(table.len(), 5);
    for row in &table {
        let count: u32 = row["n"].parse().expect("a number");
        let all: Vec<u32> = (0..count).collect();
        let mut land = |numbers: &[u32]| {
            let hosts: Vec<Peer> = numbers.iter().map(|&number| host(number)).collect();
            places(&mut controller, &hosts, CLIENTS, false)
        };
        let before = land(&all);
        let without_second: Vec<u32> = all.iter().copied().filter(|&number| number != 1).collect();
        let more: Vec<u32> = (0..=count).collect();
        for (column, numbers) in [
            ("moved_add_one_last", &more[..]),
            ("moved_remove_last", &all[..all.len() - 1]),
            ("moved_remove_second", &without_second),
        ] {
            let moved = before.iter().zip(land(numbers)).filter(|(old, new)| *old != new).count() as f64;
            let recorded: f64 = row[column].parse().expect("a share");
            assert_same_share(&format!("{count} {column}"), moved / f64::from(CLIENTS), recorded, CLIENTS);
        }
        let held = |number| before.iter().filter(|&&host| host == number).count() as f64 / f64::from(CLIENTS);
        let most = all.iter().map(|&number| held(number)).fold(0.0, f64::max);
        let recorded: f64 = row["max_over_mean"].parse().expect("a number");
        assert_same_share(&format!("{count} most"), most, recorded / f64::from(count), CLIENTS);
    }
}

#[test]
fn a_subset_is_filled_up_with_the_first_endpoints_and_drawn_from() {
    let mut controller = controller("{upstream-hash-by: $arg_room, upstream-hash-by-subset: 'true'}");
    // seven endpoints make three sets: 0 1 2, 3 4 5, 6 0 1
    controller.set_peers(&endpoints(&[0, 1, 2, 3, 4, 5, 6]), &mut stream(0));
    let sets = Ring::new(["set1", "set2", "set3"].into_iter());
    let mut seen = [0; 3];
    for n in 0..40 {
        let key = format!("room-{n}");
        let set = sets.find(Ring::hash(&key)).expect("there are sets");
        seen[set] += 1;
        let request = Request { user: key.as_bytes(), room: key.as_bytes(), ..request("192.0.2.1", 0) };
        let mut hits = [0; 7];
        for draw in 0..600 {
            hits[send(&mut controller, &request, &[], &[], &mut lazy(draw)).tried[0]] += 1;
        }
        let members: [[usize; 3]; 3] = [[0, 1, 2], [3, 4, 5], [6, 0, 1]];
        for (endpoint, hits) in hits.into_iter().enumerate() {
            let p = if members[set].contains(&endpoint) { 1.0 / 3.0 } else { 0.0 };
            assert_binomial(&format!("{key}: {endpoint}"), hits, 600, p);
        }
    }
    assert!(seen.iter().all(|&keys| keys > 0), "{seen:?}");
    // two endpoints in a set of three: the first one stands there twice
    controller.set_peers(&endpoints(&[0, 1]), &mut stream(0));
    let first = (0..6_000).filter(|&draw| {
        let request = Request { user: b"room", room: b"room", ..request("192.0.2.1", 0) };
        send(&mut controller, &request, &[], &[], &mut lazy(draw)).tried == [0]
    });
    assert_binomial("first of two", first.count() as u64, 6_000, 2.0 / 3.0);
    // each try draws again, also who refused
    let tried = |draw| {
        let request = Request { user: b"room", room: b"room", ..request("192.0.2.1", 0) };
        send(&mut controller, &request, &[0, 1], &[], &mut lazy(draw)).tried
    };
    let chains: Vec<Vec<usize>> = (0..100).map(tried).collect();
    assert!(chains.iter().all(|chain| chain.len() == 3) && chains.contains(&vec![0, 0, 1]), "{chains:?}");
}

#[test]
fn ewma_prefers_whoever_answers_faster_and_lets_times_fade() {
    let mut controller = controller("load-balance: ewma");
    controller.set_peers(&endpoints(&[0, 1]), &mut stream(0));
    let at = |ms: u64| SimTime::ZERO + Span::from_millis(ms);
    let address = "192.0.2.1".parse().expect("an address");
    let land = |controller: &mut Balancer, ms: u64| {
        let lands = (0..20).map(|n| send(controller, &request("192.0.2.1", ms), &[], &[], &mut lazy(n)).tried[0]);
        let mut lands: Vec<usize> = lands.collect();
        lands.sort_unstable();
        lands.dedup();
        lands
    };
    controller.ended(PodId::new(0), address, at(1_000), at(1_200));
    controller.ended(PodId::new(1), address, at(1_000), at(1_100));
    assert_eq!(land(&mut controller, 1_200), [1], "0.1 s are less than 0.2 s");
    // a tunnel of a minute ends on the faster one
    controller.ended(PodId::new(1), address, at(2_000), at(62_000));
    assert_eq!(land(&mut controller, 62_000), [0], "60 s, nearly all of it new");
    // a new endpoint begins at the mean, and who refuses is not tried again
    controller.set_peers(&endpoints(&[0, 1, 2]), &mut stream(0));
    assert_eq!(land(&mut controller, 62_000), [0, 2], "of the new one and the slow one the new one");
    let chain = |n| send(&mut controller, &request("192.0.2.1", 62_000), &[0, 1, 2], &[], &mut lazy(n)).tried;
    for mut tried in (0..20).map(chain) {
        tried.sort_unstable();
        assert_eq!(tried, [0, 1, 2], "each endpoint once");
    }
}

#[test]
fn annotations_are_taken_as_people_paste_them() {
    let pasted = read(
        "{affinity: cookie, affinity-mode: persistent, session-cookie-name: route, session-cookie-max-age: '172800',
          session-cookie-expires: '172800', session-cookie-path: /, session-cookie-domain: example.com,
          session-cookie-samesite: None, session-cookie-secure: 'true', session-cookie-conditional-samesite-none: 'true',
          session-cookie-change-on-failure: 'true', upstream-hash-by: $remote_addr, load-balance: ewma,
          proxy-next-upstream: error timeout, proxy-next-upstream-tries: '2', service-upstream: 'false',
          use-forwarded-headers: 'true', worker-shutdown-timeout: 10s, worker-processes: '4', replicas: 3}",
    );
    assert_eq!(pasted.session_cookie_max_age, Some(Span::from_secs(172_800)));
    assert_eq!(pasted.affinity(), AffinityKey::Cookie, "affinity goes before the hash, the hash before `load-balance`");
    assert_eq!((pasted.instances(), pasted.ends()), (12, Ends::Ignored));
    assert_eq!(pasted.trusts(), Trusts::First);
    assert_eq!(pasted.shutdown_timeout(), Some(Span::from_secs(10)));
    assert_eq!(Balancer::new(&BalancerSpec::IngressNginx(pasted.clone())).max_tries(), 2);
    assert_eq!(read(&serde_yaml::to_string(&pasted).expect("settings are plain data")), pasted);
    assert_eq!(read("{}"), IngressNginxSpec::default());
    assert_eq!(read("{}").shutdown_timeout(), Some(Span::from_secs(240)));
    assert_eq!(read("worker-shutdown-timeout: 0").shutdown_timeout(), None);
    assert_eq!(controller("proxy-next-upstream: 'off'").max_tries(), 1);
    for (yaml, what, key) in [
        ("{}", "ingress-nginx round robin", AffinityKey::None),
        ("load-balance: ewma", "ingress-nginx ewma", AffinityKey::None),
        (
            "{upstream-hash-by: $remote_addr, load-balance: ewma}",
            "ingress-nginx upstream-hash-by $remote_addr",
            AffinityKey::Address,
        ),
        (
            "{upstream-hash-by: '${arg_room}', upstream-hash-by-subset: true, upstream-hash-by-subset-size: '5'}",
            "ingress-nginx upstream-hash-by $arg_room, sets of 5",
            AffinityKey::Room,
        ),
    ] {
        assert_eq!((read(yaml).describe().as_str(), read(yaml).affinity()), (what, key));
    }
    let averages = read("{load-balance: ewma, replicas: 2, worker-processes: 8}");
    assert_eq!((averages.instances(), averages.ends()), (2, Ends::All), "workers of a replica share them");
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    for (yaml, sentence) in [
        ("websocket-services: chat", "no annotation `websocket-services`"),
        ("session-cookie-httponly: 'true'", "no annotation `session-cookie-httponly`"),
        ("affinity-canary-behavior: legacy", "simulate each set"),
        ("canary: 'true'", "second set of pods"),
        ("canary-weight: '10'", "second set of pods"),
        ("canary-weight-total: '10'", "second set of pods"),
        ("canary-by-header: x-canary", "second set of pods"),
        ("canary-by-header-value: always", "second set of pods"),
        ("canary-by-header-pattern: a.*", "second set of pods"),
        ("canary-by-cookie: canary", "second set of pods"),
        ("session-cookie-name: ''", "needs a name"),
        ("session-cookie-name: a b;c", "cannot be the name"),
        ("session-cookie-domain: ''", "is no domain"),
        ("session-cookie-domain: 'a; Secure'", "is no domain"),
        ("session-cookie-path: chat", "begins with `/`"),
        ("session-cookie-samesite: Banana", "`None`, `Lax` or `Strict`"),
        ("session-cookie-max-age: 1e300", "`1e300` is not a whole number of seconds"),
        ("session-cookie-max-age: -5", "`-5` is not a number of seconds"),
        ("session-cookie-max-age: 1.5", "`1.5` is not a whole number of seconds"),
        ("service-upstream: 'true'", "put a `service` behind it"),
        ("upstream-hash-by: $request_uri", "what `$request_uri` holds is not known here"),
        ("upstream-hash-by: $http_x_forwarded_for", "use-forwarded-headers: true"),
        ("upstream-hash-by: $host$arg_room", "not one variable"),
        ("upstream-hash-by-subset: 'true'", "no hash chooses a set"),
        ("{upstream-hash-by: $arg_room, upstream-hash-by-subset-size: 5}", "no sets"),
        ("{upstream-hash-by: $arg_room, upstream-hash-by-subset: true, upstream-hash-by-subset-size: 0}", "`0` is not"),
        ("session-cookie-change-on-failure: 'yes'", "neither `true` nor `false`"),
        ("proxy-next-upstream-tries: 0", "`0` is not from 1 to 100"),
        ("proxy-next-upstream: error http_502 http_418", "`http_418` is no word"),
        ("worker-processes: auto", "`auto` is not a whole number"),
        ("worker-processes: 0", "`0` is not from 1 to 512"),
        ("replicas: 101", "`101` is not from 1 to 100"),
        ("load-balance: ip_hash", "unknown variant"),
    ] {
        let said = match spec(yaml) {
            Ok(spec) => {
                spec.problems().iter().map(|problem| format!("{}; {}", problem.message, problem.help)).collect()
            }
            Err(error) => error,
        };
        assert!(said.contains(sentence), "{yaml}: {said}");
    }
}
