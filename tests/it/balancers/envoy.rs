//! Envoy 1.39.3.

use std::collections::BTreeMap;

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    AffinityKey, Balancer, BalancerSpec, Decide, EnvoySpec, Health, List, Request, SetCookie, Settings, Tries, Trusts,
};
use stickysim::engine::{SimTime, Span};

use super::moves::{assert_moves, host};
use super::{Row, assert_binomial, lazy, request, rows, send, servers, stream, weights};

pub(super) const HOSTS: u16 = 19_801;

fn spec(yaml: &str) -> EnvoySpec {
    let spec: EnvoySpec = serde_yaml::from_str(yaml).expect("settings of Envoy");
    assert_eq!(spec.problems(), [], "{yaml}");
    let again: EnvoySpec = serde_yaml::from_str(&serde_yaml::to_string(&spec).expect("written")).expect("read again");
    assert_eq!(spec, again);
    spec
}

fn envoy(yaml: &str, lines: &[u32]) -> Balancer {
    let mut balancer = Balancer::new(&BalancerSpec::Envoy(spec(yaml)));
    balancer.set_peers(&servers(HOSTS, lines, None), &mut stream(0));
    balancer
}

/// The host that answers, and the cookie that is set with the answer.
fn get(balancer: &mut Balancer, request: &Request<'_>, refusing: &[u32], n: u64) -> (Option<u32>, Option<SetCookie>) {
    let outcome = send(balancer, request, refusing, &[], &mut lazy(n));
    let pod = outcome.tried.last().map(|&position| balancer.peers()[position].pod.raw());
    (pod.filter(|pod| !refusing.contains(pod)), outcome.cookie)
}

fn with_key(key: &str) -> Request<'_> {
    Request { user: key.as_bytes(), room: key.as_bytes(), ..request("192.0.2.1", 0) }
}

fn with_cookie(cookie: Option<u32>) -> Request<'static> {
    Request { cookie, ..request("192.0.2.1", 0) }
}

const BY_USER: &str = "hash_policy: [{header: {header_name: x-user-id}}]";
const BY_ADDRESS: &str = "hash_policy: [{connection_properties: {source_ip: true}}]";

#[test]
fn rings_and_tables_decide_as_recorded() {
    let rows = rows(include_str!("../data/envoy_hash.csv"));
    assert_eq!(rows.len(), 1_040);
    let mut running: BTreeMap<(String, String), Balancer> = BTreeMap::new();
    for row in rows {
        let (policy, key) = match row["variant"].split_once("_HASH_") {
            Some((_, key)) => ("RING_HASH", key),
            None => row["variant"].split_once('_').expect("policy and key"),
        };
        let by_address = key == "source_ip";
        let hashed = if by_address { BY_ADDRESS } else { BY_USER };
        let balancer = running
            .entry((row["variant"].clone(), row["weights"].clone()))
            .or_insert_with(|| envoy(&format!("lb_policy: {policy}\n{hashed}"), &weights(&row["weights"])));
        let request = if by_address { request(&row["client"], 0) } else { with_key(&row["client"]) };
        let (host, cookie) = get(balancer, &request, &[], 0);
        assert_eq!(host.map(|host| host.to_string()).as_ref(), Some(&row["server_index"]), "{row:?}");
        assert_eq!(cookie, None);
    }
}

/// The value in a recorded `Cookie` or `Set-Cookie`.
fn value(header: &str) -> &str {
    header.split_once('=').expect("name=value").1.split(';').next().expect("a value").trim_matches('"')
}

/// The lifetime in a recorded `Set-Cookie`.
fn until(header: &str) -> SimTime {
    let age = header.split("; ").find_map(|part| part.strip_prefix("Max-Age="));
    age.map_or(SimTime::NEVER, |age| SimTime::ZERO + Span::from_secs(age.parse().expect("seconds")))
}

#[test]
fn hash_cookies_are_as_recorded() {
    let rows = rows(include_str!("../data/envoy_cookie.csv"));
    let rows: Vec<&Row> = rows.iter().filter(|row| row["request"].starts_with("cookie ")).collect();
    assert_eq!(rows.len(), 18);
    let mut by_text = envoy(&format!("lb_policy: RING_HASH\n{BY_USER}"), &[1; 3]);
    let mut drawn: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for row in rows {
        let (kind, what) = row["request"].split_once(": ").expect("kind and what");
        let ttl = match kind {
            "cookie ttl 3600" => ", ttl: 3600s",
            "cookie ttl 0" => ", ttl: 0s",
            _ => "",
        };
        let yaml = format!("lb_policy: RING_HASH\nhash_policy: [{{cookie: {{name: sticky{ttl}, path: /}}}}]");
        let mut balancer = envoy(&yaml, &[1; 3]);
        let recorded: u32 = row["backend"].parse().expect("a host");
        // a value, whoever made it, is hashed as any text is
        let text = if what == "none" { &row["set_cookie"] } else { &row["header"] };
        if !text.is_empty() {
            assert_eq!(get(&mut by_text, &with_key(value(text)), &[], 0).0, Some(recorded), "{row:?}");
        }
        let mut modelled = Vec::new();
        for n in 0..60 {
            let cookie = (what != "none").then_some(77 + n as u32);
            let (host, set) = get(&mut balancer, &with_cookie(cookie), &[], n);
            assert_eq!(set.is_some(), !row["set_cookie"].is_empty(), "{row:?}");
            if let Some(set) = set {
                assert_eq!(set.until, until(&row["set_cookie"]), "{row:?}");
                let replay = get(&mut balancer, &with_cookie(Some(set.value)), &[], 1_000 + n);
                assert_eq!(replay, (host, None), "never issued again, and to the same host");
            } else if cookie.is_some() {
                assert_eq!(get(&mut balancer, &with_cookie(cookie), &[], 1_000 + n).0, host, "a key, whatever it is");
            }
            modelled.extend(host);
        }
        modelled.sort_unstable();
        modelled.dedup();
        assert_eq!(modelled, [0, 1, 2], "{row:?}");
        if (kind, what) == ("cookie no ttl", "none") {
            drawn.entry(kind.to_owned()).or_default().push(recorded);
        }
    }
    assert_eq!(drawn["cookie no ttl"], [0, 2, 1, 0, 1, 2], "drawn, as here");
}

/// The `ip:port` in the value of a stateful session: base64 of a message whose first field is a text.
fn session_address(value: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: u8| DIGITS.iter().position(|&digit| digit == byte).expect("base64") as u32;
    let mut bytes = Vec::new();
    for four in value.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four.iter().fold(0, |bits, &byte| bits << 6 | digit(byte)) << (6 * (4 - four.len()));
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    assert_eq!(bytes[0], 0x0a, "a text");
    String::from_utf8(bytes[2..2 + usize::from(bytes[1])].to_vec()).expect("a text")
}

#[test]
fn stateful_sessions_are_as_recorded() {
    let rows = rows(include_str!("../data/envoy_cookie.csv"));
    let rows: Vec<&Row> = rows.iter().filter(|row| row["request"].starts_with("stateful_session")).collect();
    assert_eq!(rows.len(), 12);
    for row in rows {
        let (kind, what) = row["request"].split_once(": ").expect("kind and what");
        let strict = kind.ends_with("strict");
        let mut balancer =
            envoy(&format!("stateful_session: {{cookie: {{name: gs, ttl: 120s}}, strict: {strict}}}"), &[1; 3]);
        let named = |header: &str| {
            let address = session_address(value(header));
            balancer.peers().iter().find(|peer| peer.address == address).expect("a host").pod.raw()
        };
        let cookie = match what {
            "none" => None,
            "replay" => Some(named(&row["header"])),
            "unknown host" => Some(77),
            "garbage" => Some(u32::MAX),
            other => panic!("{other} is new"),
        };
        if !row["set_cookie"].is_empty() {
            assert_eq!(
                named(&row["set_cookie"]).to_string(),
                row["backend"],
                "a new cookie names the host that answered"
            );
        }
        let (host, set) = get(&mut balancer, &with_cookie(cookie), &[], 0);
        assert_eq!(host.is_some(), row["status"] == "200", "{row:?}");
        assert_eq!(set.is_some(), !row["set_cookie"].is_empty(), "{row:?}");
        if what == "replay" {
            assert_eq!(host.map(|host| host.to_string()).as_ref(), Some(&row["backend"]), "{row:?}");
            assert_eq!(balancer.bound(cookie.expect("a replay")).map(PodId::raw), host);
        }
        if let Some(set) = set {
            assert_eq!(set.until - SimTime::ZERO, Span::from_secs(120));
            assert_eq!((Some(set.value), until(&row["set_cookie"])), (host, set.until), "{row:?}");
        }
    }
}

#[test]
fn as_many_clients_move_as_computed() {
    let no_panic = "common_lb_config: {healthy_panic_threshold: {value: 0}}";
    let mut ring = envoy(&format!("lb_policy: RING_HASH\n{BY_USER}\n{no_panic}"), &[1]);
    assert_moves(&mut ring, "envoy ring_hash 1024", false, host);
    let mut maglev = envoy(&format!("lb_policy: MAGLEV\n{BY_ADDRESS}\n{no_panic}"), &[1]);
    assert_moves(&mut maglev, "envoy maglev 65537", true, host);
}

#[test]
fn parts_of_a_hash_are_combined() {
    let at = |yaml: &str, request: &Request<'_>| get(&mut envoy(yaml, &[1; 8]), request, &[], 0).0;
    let alone = |part: &str| format!("lb_policy: RING_HASH\nhash_policy: [{part}]");
    let user = "{header: {header_name: x-user-id}}";
    let terminal = "{header: {header_name: x-user-id}, terminal: true}";
    let address = "{connection_properties: {source_ip: true}}";
    let mut twice_differs = 0;
    for n in 0..100 {
        let key = format!("user-{n}");
        let request = with_key(&key);
        let once = at(&alone(user), &request);
        assert_eq!(at(&alone(&format!("{terminal}, {address}")), &request), once, "what follows is not looked at");
        let query = "{query_parameter: {name: token}}";
        twice_differs += u32::from(at(&alone(&format!("{user}, {query}")), &request) != once);
        // no text: the address decides
        let without = Request { user: &[], room: &[], ..request };
        assert_eq!(at(&alone(&format!("{terminal}, {address}")), &without), at(&alone(address), &without));
    }
    assert!((75..100).contains(&twice_differs), "the same text twice is another hash: {twice_differs}");
}

#[test]
fn without_anything_to_hash_hosts_are_drawn() {
    let mut balancer = envoy(&format!("lb_policy: MAGLEV\n{BY_USER}"), &[1; 4]);
    let mut counts = [0; 4];
    for n in 0..4_000 {
        counts[get(&mut balancer, &with_key(""), &[], n).0.expect("a host") as usize] += 1;
    }
    counts.iter().for_each(|&count| assert_binomial("a host", count, 4_000, 0.25));
}

#[test]
fn round_robin_begins_anywhere_and_goes_on() {
    let mut balancer = envoy("{}", &[1; 5]);
    let mut next = || get(&mut balancer, &with_cookie(None), &[], 0).0.expect("a host");
    let first = next();
    assert_eq!([next(), next(), next(), next(), next()], [1, 2, 3, 4, 5].map(|more| (first + more) % 5));
    // hosts come: turns are counted on
    balancer.set_peers(&servers(HOSTS, &[1; 6], None), &mut stream(9));
    let mut next = || get(&mut balancer, &with_cookie(None), &[], 0).0.expect("a host");
    let first = next();
    assert_eq!(next(), (first + 1) % 6);
    let starts = |n| {
        let mut balancer = Balancer::new(&BalancerSpec::Envoy(EnvoySpec::default()));
        balancer.set_peers(&servers(HOSTS, &[1; 5], None), &mut stream(n));
        get(&mut balancer, &with_cookie(None), &[], 0).0.expect("a host")
    };
    let mut counts = [0; 5];
    (0..1_000).for_each(|n| counts[starts(n) as usize] += 1);
    counts.iter().for_each(|&count| assert_binomial("a start", count, 1_000, 0.2));
}

#[test]
fn weighted_turns_are_as_recorded() {
    // recorded: 1 2 0 0 0 0 0 …, from a random place on
    let mut balancer = envoy("{}", &[5, 1, 1]);
    let turns: Vec<u32> = (0..70).map(|_| get(&mut balancer, &with_cookie(None), &[], 0).0.expect("a host")).collect();
    let start = turns.iter().position(|&host| host == 1).expect("it has its turn");
    assert!(start < 7);
    for round in turns[start..].chunks_exact(7) {
        assert_eq!(round, [1, 2, 0, 0, 0, 0, 0]);
    }
}

#[test]
fn the_host_with_fewer_requests_of_two_is_chosen() {
    let mut balancer = envoy("lb_policy: LEAST_REQUEST", &[1; 4]);
    let mut counts = [0; 4];
    for n in 0..8_000 {
        let chosen = send(&mut balancer, &with_cookie(None), &[], &[9, 9, 0, 9], &mut lazy(n)).tried[0];
        counts[chosen] += 1;
    }
    // the idle one whenever it is drawn: 1 − (3/4)²; the others share the rest
    assert_binomial("idle", counts[2], 8_000, 7.0 / 16.0);
    [0, 1, 3].iter().for_each(|&host| assert_binomial("busy", counts[host], 8_000, 3.0 / 16.0));
    let mut all = envoy("{lb_policy: LEAST_REQUEST, least_request_lb_config: {selection_method: FULL_SCAN}}", &[1; 4]);
    let mut counts = [0; 4];
    for n in 0..2_000 {
        counts[send(&mut all, &with_cookie(None), &[], &[3, 0, 0, 7], &mut lazy(n)).tried[0]] += 1;
    }
    assert_eq!((counts[0], counts[3]), (0, 0));
    assert_binomial("one of two", counts[1], 2_000, 0.5);
}

#[test]
fn least_request_with_weights_takes_turns_by_weight_and_requests() {
    let mut balancer = envoy("lb_policy: LEAST_REQUEST", &[2, 1]);
    let mut share = |loads: [u32; 2]| {
        let hits =
            (0..600).filter(|_| send(&mut balancer, &with_cookie(None), &[], &loads, &mut lazy(0)).tried[0] == 0);
        hits.count()
    };
    assert!((398..=402).contains(&share([0, 0])), "2 : 1");
    assert!((298..=302).contains(&share([3, 1])), "2/4 : 1/2");
}

#[test]
fn further_tries_avoid_hosts_only_where_told() {
    let retries = |more: &str| format!("retry_policy: {{retry_on: connect-failure, num_retries: 2{more}}}");
    let avoid = ", retry_host_predicate: [{name: envoy.retry_host_predicates.previous_hosts}], \
                 host_selection_retry_max_attempts: 5";
    for policy in ["RING_HASH", "MAGLEV"] {
        let yaml = |more: &str| format!("lb_policy: {policy}\n{BY_USER}\n{}", retries(more));
        let (mut same, mut other) = (envoy(&yaml(""), &[1; 5]), envoy(&yaml(avoid), &[1; 5]));
        let mut answered = 0;
        for n in 0..200 {
            let key = format!("user-{n}");
            let first = get(&mut same, &with_key(&key), &[], 0).0.expect("a host");
            let chain = send(&mut same, &with_key(&key), &[first], &[], &mut lazy(n)).tried;
            assert_eq!(chain, [first as usize; 3], "the hash leads to the same host");
            let chain = send(&mut other, &with_key(&key), &[first], &[], &mut lazy(n)).tried;
            answered += u32::from(chain.len() == 2 && chain[1] != first as usize);
        }
        // six places are looked at for each try: nearly always one of them is another host's
        assert!(answered >= 198, "{policy}: {answered}");
    }
    let mut none = envoy("{}", &[1; 2]);
    assert_eq!(none.max_tries(), 1, "no further tries unless told");
    let mut tries = Tries::default();
    tries.refused.push(0);
    let mut waits = envoy(&retries(""), &[1; 2]);
    for n in 0..50 {
        assert!(waits.pick(&with_cookie(None), &mut tries, &mut lazy(n), |_| 0).is_some());
        assert!(tries.wait < Span::from_millis(25));
    }
    assert!(none.pick(&with_cookie(None), &mut Tries::default(), &mut lazy(0), |_| 0).is_some());
}

#[test]
fn a_further_try_of_a_session_is_the_policys_and_its_cookie_is_new() {
    let yaml = "stateful_session: {cookie: {name: s}, strict: true}\n\
                retry_policy: {retry_on: '5xx', num_retries: 3, retry_host_predicate: \
                [{name: envoy.retry_host_predicates.previous_hosts}], host_selection_retry_max_attempts: 9}";
    let mut balancer = envoy(yaml, &[1; 3]);
    let (host, set) = get(&mut balancer, &with_cookie(Some(1)), &[1], 0);
    assert!(matches!(host, Some(0 | 2)));
    assert_eq!(set.map(|set| (Some(set.value), set.until)), Some((host, SimTime::NEVER)));
}

#[test]
fn few_healthy_hosts_are_panic() {
    let with_down = |down: &[u32]| {
        let mut hosts = servers(HOSTS, &[1; 10], None);
        down.iter().for_each(|&host| hosts[host as usize].health = Health::Down);
        hosts
    };
    let used = |yaml: &str, down: &[u32]| {
        let mut balancer = envoy(yaml, &[1; 10]);
        balancer.set_peers(&with_down(down), &mut stream(1));
        let mut hosts: Vec<u32> = (0..40).filter_map(|n| get(&mut balancer, &with_cookie(None), &[], n).0).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    };
    let half: Vec<u32> = (0..5).collect();
    let most: Vec<u32> = (0..6).collect();
    let all: Vec<u32> = (0..10).collect();
    assert_eq!(used("{}", &half), [5, 6, 7, 8, 9], "half are enough");
    assert_eq!(used("{}", &most), all, "with less, all are taken");
    let never = "common_lb_config: {healthy_panic_threshold: {value: 0}}";
    assert_eq!(used(never, &most), [6, 7, 8, 9]);
    assert!(used(never, &all).is_empty(), "nobody is left");
    // 8 of 10, counted 1.4 times, are as many as all
    assert_eq!(used("common_lb_config: {healthy_panic_threshold: {value: 90}}", &[0, 1]).len(), 8);
    assert_eq!(used("common_lb_config: {healthy_panic_threshold: {value: 90}}", &[0, 1, 2]).len(), 10);
    // a health check that comes later counts as well
    let mut balancer = envoy("{}", &[1; 2]);
    balancer.set_health(0, Health::Down);
    assert_eq!([0, 1, 2].map(|n| get(&mut balancer, &with_cookie(None), &[], n).0), [Some(1); 3]);
}

#[test]
fn draining_hosts_keep_sessions_where_told() {
    let yaml = |more: &str| format!("stateful_session: {{cookie: {{name: s}}}}{more}");
    let told = "\ncommon_lb_config: {override_host_status: {statuses: [HEALTHY, DRAINING]}}";
    let drained = |yaml: &str| {
        let mut balancer = envoy(yaml, &[1; 3]);
        balancer.set_health(1, Health::Draining);
        get(&mut balancer, &with_cookie(Some(1)), &[], 0).0
    };
    assert_ne!(drained(&yaml("")), Some(1));
    assert_eq!(drained(&yaml(told)), Some(1));
    assert_eq!(spec(&yaml("")).following().list, List::Endpoints);
    assert_eq!(spec(&yaml(told)).following().list, List::ServingEndpoints);
}

#[test]
fn what_a_cookie_leads_to_is_known_before_it_is_asked() {
    let yaml = "{lb_policy: RING_HASH, hash_policy: [{cookie: {name: s, ttl: 0s}}]}";
    let mut balancer = envoy(yaml, &[1; 5]);
    assert_eq!(balancer.bound(7), None, "the ring is built when it is needed first");
    for cookie in 0..100 {
        let (host, _) = get(&mut balancer, &with_cookie(Some(cookie)), &[], 0);
        assert_eq!(balancer.bound(cookie).map(PodId::raw), host);
    }
    let both = "{lb_policy: RING_HASH, hash_policy: [{cookie: {name: s, ttl: 0s}}, \
                {connection_properties: {source_ip: true}}]}";
    let mut balancer = envoy(both, &[1; 5]);
    get(&mut balancer, &with_cookie(Some(3)), &[], 0);
    assert_eq!(balancer.bound(3), None, "the address decides too");
}

#[test]
fn settings_say_what_is_looked_at() {
    let ring = |policies: &str| spec(&format!("{{lb_policy: RING_HASH, hash_policy: [{policies}]}}"));
    let of = |policies: &str| ring(policies).affinity();
    assert_eq!(of("{header: {header_name: X-Room}}"), AffinityKey::Room);
    assert_eq!(of("{query_parameter: {name: access_token}}"), AffinityKey::User);
    assert_eq!(of("{cookie: {name: c, ttl: 1h}}"), AffinityKey::Cookie);
    assert_eq!(of("{cookie: {name: c}}"), AffinityKey::None, "nobody issues it");
    assert_eq!(of("{cookie: {name: c}}, {connection_properties: {source_ip: true}}"), AffinityKey::Address);
    assert_eq!(spec("{}").affinity(), AffinityKey::None);
    assert_eq!(spec("{}").trusts(), Trusts::BeforeLast(0), "`use_remote_address` is false in Envoy");
    assert_eq!(spec("use_remote_address: true").trusts(), Trusts::Nobody);
    assert_eq!(spec("{use_remote_address: true, xff_num_trusted_hops: 1}").trusts(), Trusts::BeforeLast(0));
    assert_eq!(spec("xff_num_trusted_hops: 1").trusts(), Trusts::BeforeLast(1));
    let checks = spec("health_checks: [{interval: 10s, unhealthy_threshold: 3, healthy_threshold: 2}]");
    assert_eq!(checks, spec("health_checks: {interval: 10s, unhealthy_threshold: 3, healthy_threshold: 2}"));
    assert_eq!(checks.following().checks.map(|checks| (checks.fall, checks.rise)), Some((3, 2)));
    assert_eq!(spec("lb_endpoints: [{load_balancing_weight: 5}]").line(0).weight, 5);
    assert_eq!(spec("lb_endpoints: [{load_balancing_weight: 5}]").line(1).weight, 1);
    assert_eq!(ring("{cookie: {name: c, ttl: 0s}}").describe(), "Envoy ring hash of cookie");
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let problems = |yaml: &str| {
        let spec: EnvoySpec = serde_yaml::from_str(yaml).expect("the shape is right");
        spec.problems().iter().map(|problem| problem.setting).collect::<Vec<_>>()
    };
    let ring = |policies: &str| problems(&format!("{{lb_policy: RING_HASH, hash_policy: [{policies}]}}"));
    assert_eq!(problems(BY_USER), ["hash_policy"], "nobody looks at it");
    assert_eq!(problems("maglev_lb_config: {table_size: 65536}"), ["maglev_lb_config"]);
    assert_eq!(problems("ring_hash_lb_config: {minimum_ring_size: 9000000}"), ["ring_hash_lb_config"]);
    assert_eq!(problems("least_request_lb_config: {choice_count: 1}"), ["least_request_lb_config"]);
    assert_eq!(problems("common_lb_config: {healthy_panic_threshold: {value: 101}}"), ["common_lb_config"]);
    assert_eq!(problems("lb_endpoints: [{load_balancing_weight: 0}]"), ["lb_endpoints"]);
    assert_eq!(ring("{terminal: true}"), ["hash_policy"]);
    assert_eq!(ring("{header: {header_name: room}}, {header: {header_name: user}}"), ["hash_policy"]);
    assert_eq!(ring("{cookie: {name: a, ttl: 1s}}, {cookie: {name: b, ttl: 1s}}"), ["hash_policy"]);
    assert_eq!(ring("{header: {header_name: user}}, {connection_properties: {source_ip: true}}"), ["hash_policy"]);
    let error = |yaml: &str| serde_yaml::from_str::<EnvoySpec>(yaml).expect_err("refused").to_string();
    let known = [
        ("hash_policy: [{header: {header_name: x-forwarded-for}}]", "source_ip: true"),
        ("retry_policy: {retry_on: cancelled}", "write `connect-failure`"),
        ("retry_policy: {retry_on: sometimes}", "no condition"),
        ("retry_policy: {num_retries: 3}", "retry_on"),
        ("outlier_detection: {}", "unknown field `outlier_detection`"),
        ("lb_policy: LEAST_CONN", "LEAST_REQUEST"),
    ];
    for (yaml, sentence) in known {
        assert!(error(yaml).contains(sentence), "{}", error(yaml));
    }
}
