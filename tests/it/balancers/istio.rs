//! Istio, whose proxies are Envoy.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    AffinityKey, Balancer, BalancerSpec, Decide, EnvoySpec, Health, IstioSpec, List, Peer, Request, Settings, Trusts,
};
use stickysim::engine::{SimTime, Span};

use super::envoy::HOSTS;
use super::moves::places;
use super::{assert_binomial, lazy, request, send, servers, stream};

fn spec(yaml: &str) -> IstioSpec {
    let spec: IstioSpec = serde_yaml::from_str(yaml).expect("settings of Istio");
    assert_eq!(spec.problems(), [], "{yaml}");
    let again: IstioSpec = serde_yaml::from_str(&serde_yaml::to_string(&spec).expect("written")).expect("read again");
    assert_eq!(spec, again);
    spec
}

fn istio(yaml: &str, lines: &[u32]) -> Balancer {
    let mut balancer = Balancer::new(&BalancerSpec::Istio(spec(yaml)));
    balancer.set_peers(&servers(HOSTS, lines, None), &mut stream(0));
    balancer
}

fn with_key(key: &str) -> Request<'_> {
    Request { user: key.as_bytes(), room: key.as_bytes(), ..request("192.0.2.1", 0) }
}

#[test]
fn rings_and_tables_are_those_of_envoy() {
    let hosts: Vec<Peer> = servers(HOSTS, &[1; 7], None);
    let pairs = [
        (
            "loadBalancer: {consistentHash: {httpHeaderName: x-user-id}}",
            "{lb_policy: RING_HASH, hash_policy: [{header: {header_name: x-user-id}}]}",
            false,
        ),
        (
            "loadBalancer: {consistentHash: {httpQueryParameterName: user, maglev: {tableSize: 65537}}}",
            "{lb_policy: MAGLEV, hash_policy: [{query_parameter: {name: user}}]}",
            false,
        ),
        (
            "loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 4096}}}",
            "{lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 4096}, \
              hash_policy: [{connection_properties: {source_ip: true}}]}",
            true,
        ),
    ];
    for (ours, theirs, by_address) in pairs {
        let theirs: EnvoySpec = serde_yaml::from_str(theirs).expect("settings of Envoy");
        let mut envoy = Balancer::new(&BalancerSpec::Envoy(theirs));
        let expected = places(&mut envoy, &hosts, 2_000, by_address);
        assert_eq!(places(&mut istio(ours, &[1]), &hosts, 2_000, by_address), expected, "{ours}");
    }
}

#[test]
fn a_hashed_client_is_tried_at_the_same_pod_again() {
    // the default of two more tries, without the rule against pods that refused
    let mut hash = istio("loadBalancer: {consistentHash: {httpHeaderName: x-user-id}}", &[1; 5]);
    let first = send(&mut hash, &with_key("user-1"), &[], &[], &mut lazy(0)).tried[0];
    let refusing = [first as u32];
    assert_eq!(send(&mut hash, &with_key("user-1"), &refusing, &[], &mut lazy(0)).tried, [first; 3]);
    let yaml = "{loadBalancer: {consistentHash: {httpHeaderName: x-user-id}}, \
                retries: {attempts: 4, retryOn: 'connect-failure,503', retryIgnorePreviousHosts: true}}";
    let mut told = istio(yaml, &[1; 5]);
    let chain = send(&mut told, &with_key("user-1"), &refusing, &[], &mut lazy(0)).tried;
    assert!(chain.len() == 2 && chain[1] != first, "{chain:?}");
    assert_eq!(istio("retries: {attempts: 0}", &[1]).max_tries(), 1);
}

#[test]
fn without_a_hash_other_pods_are_tried() {
    let mut balancer = istio("{}", &[1; 4]);
    let (mut answered, mut at_first) = (0, 0);
    for n in 0..4_000 {
        let chain = send(&mut balancer, &with_key(""), &[2], &[], &mut lazy(n)).tried;
        answered += u64::from(chain.last() != Some(&2));
        at_first += u64::from(chain[0] != 2);
    }
    // all have as many requests: the first drawn one is taken
    assert_binomial("at first", at_first, 4_000, 0.75);
    assert!(answered >= 3_990, "{answered} of 4000");
}

#[test]
fn cookies_are_those_of_envoy() {
    let cookie = |ttl: &str| format!("loadBalancer: {{consistentHash: {{httpCookie: {{name: user{ttl}}}}}}}");
    let set = |yaml: &str| {
        let mut balancer = istio(yaml, &[1; 3]);
        send(&mut balancer, &with_key(""), &[], &[], &mut lazy(0)).cookie.map(|cookie| cookie.until)
    };
    assert_eq!(set(&cookie(", ttl: 0s, path: /")), Some(SimTime::NEVER));
    assert_eq!(set(&cookie(", ttl: 3600s")), Some(SimTime::ZERO + Span::from_secs(3_600)));
    assert_eq!(set(&cookie("")), None);
    assert_eq!(spec(&cookie(", ttl: 0s")).affinity(), AffinityKey::Cookie);
    assert_eq!(spec(&cookie("")).affinity(), AffinityKey::None);
}

#[test]
fn a_persistent_session_ends_with_its_pod() {
    let yaml = "istio.io/persistent-session: 'session:/'";
    let mut balancer = istio(yaml, &[1; 4]);
    let get = |balancer: &mut Balancer, cookie| {
        let outcome = send(balancer, &Request { cookie, ..with_key("") }, &[], &[], &mut lazy(5));
        (balancer.peers()[outcome.tried[0]].pod, outcome.cookie)
    };
    let (pod, set) = get(&mut balancer, None);
    let set = set.expect("a new client gets a cookie");
    assert_eq!((PodId::new(set.value), set.until), (pod, SimTime::NEVER));
    assert_eq!(get(&mut balancer, Some(set.value)), (pod, None), "no new cookie");
    // more pods: nobody moves
    balancer.set_peers(&servers(HOSTS, &[1; 8], None), &mut stream(1));
    assert_eq!(get(&mut balancer, Some(set.value)), (pod, None));
    // it drains: it keeps its clients, and gets no new ones
    balancer.set_health(pod.index(), Health::Draining);
    assert_eq!(get(&mut balancer, Some(set.value)), (pod, None));
    assert_eq!(balancer.bound(set.value), Some(pod));
    for n in 0..100 {
        assert_ne!(send(&mut balancer, &with_key(""), &[], &[], &mut lazy(n)).tried[0], pod.index());
    }
    // it is gone: another pod, a new cookie
    let rest: Vec<Peer> = servers(HOSTS, &[1; 8], None).into_iter().filter(|peer| peer.pod != pod).collect();
    balancer.set_peers(&rest, &mut stream(2));
    let (other, new) = get(&mut balancer, Some(set.value));
    assert!(other != pod && new.map(|new| new.value) == Some(other.raw()));
    assert_eq!(spec(yaml).following().list, List::ServingEndpoints);
    assert_eq!(spec("{}").following().list, List::Endpoints);
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let problems = |yaml: &str| {
        let spec: IstioSpec = serde_yaml::from_str(yaml).expect("the shape is right");
        spec.problems().iter().map(|problem| problem.setting).collect::<Vec<_>>()
    };
    assert_eq!(problems("loadBalancer: {consistentHash: {}}"), ["loadBalancer"]);
    assert_eq!(problems("loadBalancer: {consistentHash: {useSourceIp: true, httpHeaderName: user}}"), ["loadBalancer"]);
    assert_eq!(problems("loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}"), ["loadBalancer"]);
    assert_eq!(
        problems("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 9}}}"),
        ["loadBalancer"]
    );
    assert_eq!(problems("retries: {attempts: 1000}"), ["retries"]);
    let both = "{persistent-session: s, loadBalancer: {consistentHash: {useSourceIp: true}}}";
    assert_eq!(problems(both), ["persistent-session"]);
    let error = |yaml: &str| serde_yaml::from_str::<IstioSpec>(yaml).expect_err("refused").to_string();
    assert!(error("loadBalancer: {simple: PASSTHROUGH}").contains("LEAST_REQUEST"));
    assert!(error("persistent-session: ':/'").contains("session:/"));
    assert!(error("outlierDetection: {}").contains("unknown field"));
    assert_eq!(spec("{}").trusts(), Trusts::Nobody);
    assert_eq!(spec("gatewayTopology: {numTrustedProxies: 2}").trusts(), Trusts::BeforeLast(1));
}
