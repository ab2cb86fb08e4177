//! Traefik 3.7: no recordings, so what its source says.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    AffinityKey, Balancer, BalancerSpec, Decide, Health, List, Peer, Request, Settings, TraefikSpec, Tries,
};
use stickysim::engine::{SimTime, Span};

use super::moves::{assert_moves, host};
use super::{assert_binomial, lazy, peers, request, send, servers, stream};

fn spec(yaml: &str) -> TraefikSpec {
    let spec: TraefikSpec = serde_yaml::from_str(yaml).expect("settings of Traefik");
    assert_eq!(spec.problems(), [], "{yaml}");
    let again: TraefikSpec = serde_yaml::from_str(&serde_yaml::to_string(&spec).expect("written")).expect("read again");
    assert_eq!(spec, again);
    spec
}

fn traefik(yaml: &str, lines: &[u32]) -> Balancer {
    let mut balancer = Balancer::new(&BalancerSpec::Traefik(spec(yaml)));
    balancer.set_peers(&servers(8_001, lines, None), &mut stream(0));
    balancer
}

fn with_cookie(cookie: Option<u32>) -> Request<'static> {
    Request { cookie, ..request("192.0.2.1", 0) }
}

/// The position asked first, and the cookie set.
fn get(balancer: &mut Balancer, cookie: Option<u32>, n: u64) -> (usize, Option<(u32, SimTime)>) {
    let outcome = send(balancer, &with_cookie(cookie), &[], &[], &mut lazy(n));
    (outcome.tried[0], outcome.cookie.map(|cookie| (cookie.value, cookie.until)))
}

const STICKY: &str = "sticky: {cookie: {name: lb, maxAge: 3600, secure: true, httpOnly: true, sameSite: lax}}";

#[test]
fn servers_of_equal_weight_have_one_turn_each_in_an_order_that_is_drawn() {
    let mut firsts = [0; 5];
    for n in 0..1_000 {
        let mut balancer = traefik("{}", &[1; 5]);
        balancer.set_peers(&servers(8_001, &[1; 5], None), &mut stream(n));
        firsts[get(&mut balancer, None, 0).0] += 1;
        if n < 20 {
            for _ in 0..4 {
                get(&mut balancer, None, 0);
            }
            for _ in 0..10 {
                let mut round: Vec<usize> = (0..5).map(|_| get(&mut balancer, None, 0).0).collect();
                round.sort_unstable();
                assert_eq!(round, [0, 1, 2, 3, 4]);
            }
        }
    }
    firsts.iter().for_each(|&count| assert_binomial("first", count, 1_000, 0.2));
}

#[test]
fn turns_follow_weights() {
    let mut balancer = traefik("servers: [{weight: 5}, {weight: 1}]", &[5, 1, 2]);
    let mut counts = [0; 3];
    for _ in 0..800 {
        counts[get(&mut balancer, None, 0).0] += 1;
    }
    assert_eq!(counts, [500, 100, 200]);
    let spec = spec("servers: [{weight: 5}, {weight: 1}]");
    assert_eq!([0, 1, 2].map(|position| spec.line(position).weight), [5, 1, 1]);
}

#[test]
fn a_cookie_is_set_only_when_its_server_changes() {
    let mut balancer = traefik(STICKY, &[1; 3]);
    let (server, set) = get(&mut balancer, None, 0);
    let (value, until) = set.expect("a new client gets a cookie");
    assert_eq!(until, SimTime::ZERO + Span::from_secs(3_600));
    assert_eq!(value as usize, server);
    assert_eq!(balancer.bound(value), Some(PodId::new(value)));
    assert_eq!(get(&mut balancer, Some(value), 1), (server, None), "fixed when issued");
    // a new configuration with more servers: nobody moves
    balancer.set_peers(&servers(8_001, &[1; 6], None), &mut stream(1));
    assert_eq!(get(&mut balancer, Some(value), 2), (server, None));
    // fenced: it keeps its clients and gets no new ones
    balancer.set_health(server, Health::Draining);
    assert_eq!(get(&mut balancer, Some(value), 3), (server, None));
    for n in 0..20 {
        assert_ne!(get(&mut balancer, None, n).0, server);
    }
    // out of the healthy ones: another, and a new cookie
    balancer.set_health(server, Health::Down);
    let (other, set) = get(&mut balancer, Some(value), 4);
    assert!(other != server && set.map(|(value, _)| value as usize) == Some(other));
    assert!(get(&mut balancer, Some(99), 5).1.is_some(), "an unknown value");
    assert_eq!(spec("sticky: {cookie: {}}").affinity(), AffinityKey::Cookie);
    let (_, set) = get(&mut traefik("sticky: {cookie: {maxAge: 0}}", &[1; 3]), None, 0);
    assert_eq!(set.map(|(_, until)| until), Some(SimTime::NEVER));
}

#[test]
fn nobody_is_left_when_all_are_fenced_or_down() {
    for strategy in ["wrr", "p2c", "hrw"] {
        let mut balancer = traefik(&format!("strategy: {strategy}"), &[1; 3]);
        balancer.set_health(0, Health::Draining);
        balancer.set_health(1, Health::Down);
        assert_eq!(get(&mut balancer, None, 0).0, 2, "{strategy}");
        balancer.set_health(2, Health::Down);
        let none = balancer.pick(&with_cookie(None), &mut Tries::default(), &mut lazy(0), |_| 0);
        assert_eq!(none, None, "{strategy}");
        balancer.set_peers(&[], &mut stream(0));
        assert_eq!(balancer.pick(&with_cookie(None), &mut Tries::default(), &mut lazy(0), |_| 0), None);
    }
}

#[test]
fn the_server_with_fewer_requests_of_two_is_chosen() {
    let mut balancer = traefik("strategy: p2c", &[1; 4]);
    let mut counts = [0; 4];
    for n in 0..8_000 {
        counts[send(&mut balancer, &with_cookie(None), &[], &[9, 9, 0, 9], &mut lazy(n)).tried[0]] += 1;
    }
    // two different ones are drawn: the idle one is among them half the time
    assert_binomial("idle", counts[2], 8_000, 0.5);
    [0, 1, 3].iter().for_each(|&server| assert_binomial("busy", counts[server], 8_000, 1.0 / 6.0));
}

#[test]
fn further_tries_follow_the_cookie() {
    let yaml = format!("{STICKY}\nretry: {{attempts: 4, initialInterval: 100ms}}");
    let mut balancer = traefik(&yaml, &[1; 3]);
    let outcome = send(&mut balancer, &with_cookie(Some(1)), &[1], &[], &mut lazy(0));
    assert_eq!(outcome.tried, [1; 4], "without health checks its server stays");
    let outcome = send(&mut balancer, &with_cookie(None), &[1], &[], &mut lazy(0));
    let answered = *outcome.tried.last().expect("a try");
    assert!(answered != 1 && outcome.cookie.map(|cookie| cookie.value as usize) == Some(answered));
    assert_eq!(traefik("{}", &[1; 3]).max_tries(), 1, "no further tries unless told");
    let mut longest = [Span::ZERO; 3];
    for n in 0..500 {
        for (at, longest) in longest.iter_mut().enumerate() {
            let mut tries = Tries::default();
            tries.refused.resize(at + 1, 1);
            balancer.pick(&with_cookie(None), &mut tries, &mut lazy(n), |_| 0);
            let first = Span::from_millis(50);
            assert!(tries.wait >= first);
            *longest = (*longest).max(tries.wait);
        }
    }
    // half to one and a half times 100 ms, 126 ms, 159 ms
    let millis = longest.map(|span| span.as_nanos() / 1_000_000);
    assert!(millis[0] >= 147 && millis[0] < 150, "{millis:?}");
    assert!(millis[1] >= 186 && millis[1] < 189 && millis[2] >= 234 && millis[2] < 239, "{millis:?}");
}

/// FNV-1a of a text, 64 bits.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn hrw_takes_the_highest_score() {
    assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8, "a value of the function's authors");
    let mut servers = peers((0..5).map(|n| format!("10.0.0.{}:80", n + 1)));
    servers[3].weight = 3;
    let mut balancer = traefik("strategy: hrw", &[1]);
    balancer.set_peers(&servers, &mut stream(0));
    let mut counts = [0; 5];
    for n in 0..7_000_u32 {
        let client = std::net::Ipv4Addr::from(n.wrapping_mul(2_654_435_761)).to_string();
        let score = |peer: &Peer| {
            let hash = fnv1a(&format!("{client}http://{}", peer.address)) as f64 / 18_446_744_073_709_551_616.0;
            f64::from(peer.weight) / -libm::log(hash)
        };
        let best = servers.iter().max_by(|one, other| score(one).total_cmp(&score(other))).expect("servers");
        for _ in 0..2 {
            assert_eq!(send(&mut balancer, &request(&client, 0), &[], &[], &mut lazy(0)).tried[0], best.pod.index());
        }
        counts[best.pod.index()] += 1;
    }
    assert!(counts[3] > 2_600, "{counts:?}");
}

#[test]
fn as_many_clients_move_as_computed() {
    let mut hrw = traefik("strategy: hrw", &[1]);
    assert_moves(&mut hrw, "traefik hrw (not measured)", true, host);
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let problems = |yaml: &str| {
        let spec: TraefikSpec = serde_yaml::from_str(yaml).expect("the shape is right");
        spec.problems().iter().map(|problem| problem.setting).collect::<Vec<_>>()
    };
    assert_eq!(problems(&format!("strategy: hrw\n{STICKY}")), ["sticky"]);
    assert_eq!(problems("{strategy: p2c, servers: [{weight: 2}]}"), ["servers"]);
    assert_eq!(problems("servers: [{weight: 0}]"), ["servers"]);
    assert_eq!(problems("retry: {attempts: 0}"), ["retry"]);
    assert_eq!(problems("healthCheck: {interval: 0s}"), ["healthCheck"]);
    let error = |yaml: &str| serde_yaml::from_str::<TraefikSpec>(yaml).expect_err("refused").to_string();
    assert!(error("strategy: leasttime").contains("response times"));
    assert!(error("strategy: drr").contains("write `wrr`, `p2c` or `hrw`"));
    assert!(error("servers: [{url: 'http://a'}]").contains("unknown field `url`"));
    let following = spec("healthCheck: {interval: 5s}").following();
    assert_eq!(following.list, List::ServingEndpoints);
    assert_eq!(following.checks.map(|checks| (checks.fall, checks.rise, checks.begins_up)), Some((1, 1, true)));
    assert_eq!(spec(STICKY).describe(), "Traefik sticky cookie, wrr");
}
