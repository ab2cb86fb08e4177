//! A Kubernetes Service, against kube-proxy's rules in kernel 6.18.

use std::net::{IpAddr, Ipv4Addr};

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    Balancer, BalancerSpec, Decide, Forgotten, Forwards, Health, Layer, Peer, ProxyMode, Request, ServiceSpec,
    SessionAffinity, Settings, TrafficPolicy, Tries,
};
use stickysim::engine::{LazyStream, Seed, SimTime, Span};

use super::{Row, assert_binomial, balancer, rows, stream};

const CSV: &str = include_str!("../data/kubeproxy_clientip.csv");
const TEXT: &str = include_str!("../data/kubeproxy_measurements.txt");
const MODES: [(&str, ProxyMode); 2] = [("iptables", ProxyMode::Iptables), ("nftables", ProxyMode::Nftables)];

fn spec(mode: ProxyMode, session_affinity: SessionAffinity, timeout_seconds: u32) -> BalancerSpec {
    BalancerSpec::Service(ServiceSpec { session_affinity, timeout_seconds, mode, ..ServiceSpec::default() })
}

fn endpoints(pods: &[u32]) -> Vec<Peer> {
    pods.iter().map(|&pod| Peer::new(PodId::new(pod), format!("10.244.0.{}:3000", pod + 2))).collect()
}

/// A Service with affinity and three endpoints, and the numbers of one run.
struct Node {
    balancer: Balancer,
    stream: LazyStream,
    forgotten: Option<Forgotten>,
}

impl Node {
    fn new(mode: ProxyMode, timeout_s: u32, seed: u64) -> Node {
        let balancer = balancer(&spec(mode, SessionAffinity::ClientIP, timeout_s), &endpoints(&[0, 1, 2]));
        Node { balancer, stream: LazyStream::new(Seed(seed), 1, 2, 3), forgotten: None }
    }
    /// The pod of a new connection of a client.
    fn connect(&mut self, client: u32, at_ms: u64) -> u32 {
        let request = Request { now: at(at_ms), ..Request::from_address(source(client)) };
        let mut tries = Tries::default();
        let position = self.balancer.pick(&request, &mut tries, &mut self.stream, |_| 0).expect("there are endpoints");
        self.forgotten = tries.forgotten;
        self.balancer.peers()[position].pod.raw()
    }
    fn set(&mut self, pods: &[u32]) {
        self.balancer.set_peers(&endpoints(pods), &mut stream(1));
    }
    /// How many of these clients get the same endpoint at a second connection, made so much later.
    fn kept(&mut self, clients: u32, later_ms: u64) -> u64 {
        let first: Vec<u32> = (0..clients).map(|client| self.connect(client, 0)).collect();
        let mut again = |(client, &pod): (usize, &u32)| self.connect(client as u32, later_ms) == pod;
        first.iter().enumerate().filter(|&pair| again(pair)).count() as u64
    }
}

fn at(ms: u64) -> SimTime {
    SimTime::ZERO + Span::from_millis(ms)
}

fn source(client: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0A01_0000 + client))
}

/// The numbers in what was measured under this heading.
fn measured(mode: &str, heading: &str) -> Vec<u64> {
    let start = format!("{mode} {heading}");
    let line = TEXT.lines().find_map(|line| line.strip_prefix(&start)).expect("measured");
    let numbers = line.split(|c: char| !c.is_ascii_digit()).filter(|text| !text.is_empty());
    numbers.map(|text| text.parse().expect("a number")).collect()
}

#[test]
fn a_client_that_reconnects_in_time_stays_as_recorded() {
    for (name, mode) in MODES {
        let mut recorded: Vec<_> =
            rows(CSV).into_iter().filter(|row| row["mode"] == name && row["test"].contains("every 2 s")).collect();
        assert_eq!(recorded.len(), 12, "two clients, six connections each");
        let seconds = |row: &Row| row["t_s_or_n"].parse::<f64>().expect("seconds");
        recorded.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
        // the first endpoint is a random draw: one that draws as the kernel did must decide all else as the kernel did
        let same = |seed: &u64| {
            let mut node = Node::new(mode, 3, *seed);
            recorded.iter().all(|row| {
                let client = if row["client"] == "10.1.50.1" { 1 } else { 2 };
                node.connect(client, (seconds(row) * 1000.0).round() as u64).to_string() == row["endpoint_or_count"]
            })
        };
        let seeds = (0..900).filter(same).count() as u64;
        assert_binomial(name, seeds, 900, 1.0 / 9.0);
    }
}

#[test]
fn idle_clients_are_forgotten_as_measured() {
    for (name, mode) in MODES {
        assert_eq!(measured(name, "60 clients, idle 1.5 s: same endpoint"), [60, 60]);
        assert_eq!(Node::new(mode, 3, 1).kept(60, 1_500), 60);
        // whether they hold their first connection meanwhile makes no difference: only new ones count
        for heading in [
            "60 clients, idle 4.2 s: same endpoint",
            "60 clients holding a connection 4.2 s (T=3): 2nd connection to same endpoint",
        ] {
            assert_binomial(heading, measured(name, heading)[0], 60, 1.0 / 3.0);
        }
        let kept = (0..100).map(|seed| Node::new(mode, 3, seed).kept(60, 4_200)).sum();
        assert_binomial(name, kept, 6_000, 1.0 / 3.0);
        let mut node = Node::new(mode, 3, 1);
        node.connect(1, 0);
        node.connect(1, 4_200);
        assert_eq!(node.forgotten, Some(Forgotten::Expired));
    }
}

#[test]
fn a_mark_counts_until_it_is_older_than_the_timeout() {
    for (mode, inclusive) in [(ProxyMode::Iptables, true), (ProxyMode::Nftables, false)] {
        let mut node = Node::new(mode, 3, 1);
        node.connect(1, 0);
        node.connect(1, 3_000);
        assert_eq!(node.forgotten.is_none(), inclusive, "{mode:?}");
    }
}

#[test]
fn as_many_clients_keep_their_endpoint_as_recorded() {
    // three runs each were published as ranges; the recorded count is one of them
    let published = [(250, 100, 100), (280, 94, 100), (300, 90, 94), (330, 33, 36), (400, 30, 38), (600, 29, 34)];
    let recorded = rows(CSV);
    let recorded: Vec<_> = recorded.iter().filter(|row| row["test"].contains("keeps endpoint")).collect();
    assert_eq!(recorded.len(), 16);
    for row in recorded {
        let (_, mode) = MODES.into_iter().find(|(name, _)| row["mode"] == *name).expect("a known mode");
        let clients: u32 = row["t_s_or_n"].parse().expect("a number");
        let count: u64 = row["endpoint_or_count"].parse().expect("a number");
        let mut kept: Vec<u64> = (0..300).map(|seed| Node::new(mode, 10_800, seed).kept(clients, 1_000)).collect();
        kept.sort_unstable();
        println!("{mode:?} {clients}: {} to {}, median {}; recorded {count}", kept[0], kept[299], kept[150]);
        assert!((kept[0]..=kept[299]).contains(&count), "{row:?}: the model has {} to {}", kept[0], kept[299]);
        if mode == ProxyMode::Nftables {
            assert_eq!(kept[0], u64::from(clients), "nobody is forgotten");
        } else if let Some((_, least, most)) = published.iter().find(|range| range.0 == clients) {
            let percent = |count: u64| (100.0 * count as f64 / f64::from(clients)).round() as u64;
            assert!(percent(kept[0]) <= *least && *most <= percent(kept[299]), "{clients}: {least} to {most} %");
        }
    }
}

#[test]
fn above_a_hundred_addresses_per_endpoint_affinity_is_chance() {
    let mut node = Node::new(ProxyMode::Iptables, 10_800, 1);
    let kept = (0..20).map(|seed| Node::new(ProxyMode::Iptables, 10_800, seed).kept(600, 1_000)).sum();
    assert_binomial("600 clients", kept, 12_000, 1.0 / 3.0);
    node.kept(600, 1_000);
    // long before the last one came, its list has forgotten the first
    node.connect(0, 2_000);
    assert_eq!(node.forgotten, Some(Forgotten::TableFull));
}

#[test]
fn a_full_set_of_nftables_takes_nobody_until_others_expire() {
    let mut node = Node::new(ProxyMode::Nftables, 100, 7);
    node.set(&[0, 1]);
    let first: Vec<u32> = (0..140_000).map(|client| node.connect(client, 0)).collect();
    let mut stored = [0; 2];
    let (mut moved, mut late) = (0, 0);
    for (client, &pod) in first.iter().enumerate() {
        stored[pod as usize] += 1;
        let again = node.connect(client as u32, 50_000);
        if stored[pod as usize] <= 65_535 {
            assert_eq!(again, pod, "client {client} was stored");
        } else {
            assert_eq!(node.forgotten, Some(Forgotten::TableFull), "client {client} found no room");
            late += 1;
            moved += u64::from(again != pod);
        }
    }
    assert_binomial("clients without affinity that moved", moved, late, 0.5);
    // 100 s after their last connection all are forgotten, and there is room again
    let first: Vec<u32> = (0..1_000).map(|client| node.connect(client, 160_000)).collect();
    assert_eq!(node.forgotten, Some(Forgotten::Expired));
    let again: Vec<u32> = (0..1_000).map(|client| node.connect(client, 170_000)).collect();
    assert_eq!(again, first);
}

#[test]
fn deleting_an_endpoint_moves_its_own_clients_only_and_nobody_returns() {
    for (name, mode) in MODES {
        let of = measured(name, "endpoint 2 removed: clients of 0/1 moved");
        let [0, 2, to @ ..] = &of[..] else { panic!("somebody else moved: {of:?}") };
        assert_eq!(measured(name, "endpoint 2 back: changed vs. before return")[..3], [0, 90, 0]);
        let (mut moved_to_0, mut gone) = (0, 0);
        for seed in 0..30 {
            let mut node = Node::new(mode, 10_800, seed);
            let before: Vec<u32> = (0..90).map(|client| node.connect(client, 0)).collect();
            node.set(&[0, 1]);
            let without: Vec<u32> = (0..90).map(|client| node.connect(client, 1_000)).collect();
            for (&old, &new) in before.iter().zip(&without) {
                assert!(if old == 2 { new < 2 } else { new == old }, "{old} became {new}");
                moved_to_0 += u64::from(old == 2 && new == 0);
                gone += u64::from(old == 2);
            }
            node.set(&[0, 1, 2]);
            let back: Vec<u32> = (0..90).map(|client| node.connect(client, 2_000)).collect();
            assert_eq!(back, without, "nobody moves when it returns");
        }
        assert_binomial(name, moved_to_0, gone, 0.5);
        let to_0_and_1: u64 = to.chunks(2).map(|pair| pair[1]).sum();
        let of_0 = to.chunks(2).find(|pair| pair[0] == 0).map_or(0, |pair| pair[1]);
        assert_binomial(name, of_0, to_0_and_1, 0.5);
    }
}

#[test]
fn new_clients_are_spread_evenly_as_measured() {
    for (name, mode) in MODES {
        for heading in ["first choice of 90 clients", "90 new clients after return"] {
            for pair in measured(name, heading).chunks(2) {
                assert_binomial(heading, pair[1], 90, 1.0 / 3.0);
            }
        }
        for affinity in [SessionAffinity::ClientIP, SessionAffinity::None] {
            let mut node =
                Node { balancer: balancer(&spec(mode, affinity, 3), &endpoints(&[0, 1, 2])), ..Node::new(mode, 3, 5) };
            let mut counts = [0; 3];
            (0..9_000).for_each(|client| counts[node.connect(client, 0) as usize] += 1);
            counts.iter().for_each(|&count| assert_binomial(name, count, 9_000, 1.0 / 3.0));
        }
    }
    // IPVS takes turns
    let mut node = Node {
        balancer: balancer(&spec(ProxyMode::Ipvs, SessionAffinity::None, 3), &endpoints(&[0, 1, 2])),
        ..Node::new(ProxyMode::Ipvs, 3, 5)
    };
    let turns: Vec<u32> = (0..6).map(|_| node.connect(1, 0)).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    node.set(&[1, 2, 3]);
    assert_eq!([1, 2, 3, 1].map(|_| node.connect(1, 0)), [1, 2, 3, 1], "who was next still is");
}

#[test]
fn terminating_endpoints_serve_only_when_none_is_ready() {
    for mode in [ProxyMode::Iptables, ProxyMode::Nftables, ProxyMode::Ipvs] {
        let mut node = Node::new(mode, 10_800, 3);
        let first: Vec<u32> = (0..60).map(|client| node.connect(client, 0)).collect();
        node.balancer.set_health(1, Health::Draining);
        for (client, &pod) in (0..).zip(&first) {
            let again = node.connect(client, 1_000);
            assert!(again != 1 && (pod == 1 || again == pod), "{mode:?}: client {client} of {pod} got {again}");
        }
        node.balancer.set_health(0, Health::Draining);
        node.balancer.set_health(2, Health::Draining);
        let all: std::collections::BTreeSet<u32> = (100..160).map(|client| node.connect(client, 2_000)).collect();
        assert_eq!(all.len(), 3, "{mode:?}");
        (0..3).for_each(|position| node.balancer.set_health(position, Health::Down));
        let request = Request::from_address(source(1));
        assert_eq!(node.balancer.pick(&request, &mut Tries::default(), &mut node.stream, |_| 0), None);
    }
}

#[test]
fn open_connections_keep_a_template_of_ipvs_alive() {
    let mut node = Node::new(ProxyMode::Ipvs, 10, 1);
    let pod = node.connect(1, 0);
    node.connect(2, 0); // so that it would not be the same one's turn
    // the timer ends at 10, 70 and 130 s and starts anew, since a connection is open or in TIME_WAIT (until 220 s)
    node.balancer.ended(PodId::new(pod), source(1), at(0), at(100_000));
    let mut later = Node { balancer: node.balancer.clone(), ..Node::new(ProxyMode::Ipvs, 10, 1) };
    assert_eq!(later.connect(1, 249_000), pod, "190 s was the last time that something hung on it");
    assert_eq!(later.forgotten, None);
    assert_ne!(node.connect(1, 250_000), pod);
    assert_eq!(node.forgotten, Some(Forgotten::Expired));
}

#[test]
fn without_open_connections_a_template_of_ipvs_lives_as_long_as_its_timeout() {
    let mut node = Node::new(ProxyMode::Ipvs, 300, 1);
    let pod = node.connect(1, 0);
    node.connect(2, 0);
    node.balancer.ended(PodId::new(pod), source(1), at(0), at(1_000));
    assert_eq!(node.connect(1, 299_999), pod);
    // a refused connection leaves nothing, but has started the timer anew
    let position = node.balancer.peers().position(PodId::new(pod)).expect("it is there");
    node.balancer.failed(position, at(299_999));
    node.connect(1, 599_998);
    assert_eq!(node.forgotten, None);
    node.balancer.failed(position, at(599_998));
    node.connect(1, 899_998);
    assert_eq!(node.forgotten, Some(Forgotten::Expired));
    // while it is gone its templates are ignored, and when it returns they do not come back
    let pod = node.connect(9, 900_000);
    let others: Vec<u32> = (0..3).filter(|&other| other != pod).collect();
    node.set(&others);
    node.set(&[0, 1, 2]);
    node.connect(9, 900_001);
    assert_eq!(node.forgotten, None, "nothing was forgotten: the endpoint was gone");
}

#[test]
fn lists_forget_in_the_order_of_a_plain_model() {
    // one endpoint's list as a vector, the last one seen at its end
    let mut node = Node::new(ProxyMode::Iptables, 50, 11);
    let mut lists: [Vec<(u32, u64)>; 3] = Default::default();
    let mut numbers = stream(77);
    for n in 0..60_000u64 {
        let (client, now) = (numbers.below(420) as u32, n * 200);
        let live = |list: &Vec<(u32, u64)>| list.iter().any(|&(c, seen)| c == client && now - seen <= 50_000);
        let expected = lists.iter().position(live);
        let pod = node.connect(client, now);
        assert_eq!(node.forgotten.is_none(), expected.is_some(), "connection {n}");
        assert!(expected.is_none_or(|expected| expected == pod as usize), "connection {n}");
        let list = &mut lists[pod as usize];
        list.retain(|&(c, _)| c != client);
        if list.len() == 100 {
            list.remove(0);
        }
        list.push((client, now));
    }
}

#[test]
fn what_pods_see_and_how_many_memories_there_are() {
    let service = ServiceSpec { nodes: 4, ..ServiceSpec::default() };
    assert_eq!((service.instances(), service.forwards(), service.layer()), (4, Forwards::NOTHING, Layer::Connections));
    let local = ServiceSpec { external_traffic_policy: TrafficPolicy::Local, ..service };
    assert_eq!(local.forwards(), Forwards::SOURCE);
    let session_affinity = SessionAffinity::ClientIP;
    let wrong = ServiceSpec { session_affinity, timeout_seconds: 86_401, nodes: 0, ..ServiceSpec::default() };
    assert_eq!(wrong.problems().iter().map(|problem| problem.setting).collect::<Vec<_>>(), ["timeoutSeconds", "nodes"]);
}
