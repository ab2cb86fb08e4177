//! Decisions of balancers against recordings of the real programs (nginx 1.22.1 and 1.31.4, ingress-nginx 1.15.1, HAProxy
//! 2.6.12, kube-proxy's rules in a kernel, Envoy 1.39.3), and of those that nobody can record against what their documentation
//! says.
//!
//! The recordings are in `tests/it/data`; one file here per product.

use std::collections::BTreeMap;

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{Balancer, BalancerSpec, Decide, Health, Peer, Request, SetCookie, Tries};
use stickysim::engine::{LazyStream, Seed, SimTime, Span, Stream};

mod aws_alb;
mod aws_nlb;
mod azure;
mod by_command;
mod cloudflare;
mod clouds;
mod conformance;
mod envoy;
mod google_cloud;
mod haproxy;
mod ingress_nginx;
mod instances;
mod istio;
mod moves;
mod nginx;
mod refusals;
mod service;
mod strategies;
mod traefik;

/// A row of a recording, by column name.
type Row = BTreeMap<String, String>;

/// The rows of a recording.
fn rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().expect("recordings are CSV")
}

/// `1>0` as positions.
fn chain(tried: &str) -> Vec<usize> {
    tried.split('>').filter(|text| !text.is_empty()).map(|text| text.parse().expect("a position")).collect()
}

/// `5-1-1` as weights.
fn weights(text: &str) -> Vec<u32> {
    text.split('-').map(|weight| weight.parse().expect("a weight")).collect()
}

/// Peers with these addresses, numbered from 0, of weight 1.
fn peers(addresses: impl Iterator<Item = String>) -> Vec<Peer> {
    addresses.enumerate().map(|(pod, address)| Peer::new(PodId::new(pod as u32), address)).collect()
}

/// Servers on ports of 127.0.0.1 from `port` on, with these weights; those of `down` are down.
fn servers(port: u16, weights: &[u32], down: Option<usize>) -> Vec<Peer> {
    let mut peers = peers((0..weights.len()).map(|line| format!("127.0.0.1:{}", usize::from(port) + line)));
    for (line, peer) in peers.iter_mut().enumerate() {
        peer.weight = weights[line];
        peer.health = if down == Some(line) { Health::Down } else { Health::Up };
    }
    peers
}

/// A balancer with these peers.
fn balancer(spec: &BalancerSpec, peers: &[Peer]) -> Balancer {
    let mut balancer = Balancer::new(spec);
    balancer.set_peers(peers, &mut stream(0));
    balancer
}

/// A request without key and cookie.
fn request(address: &str, now_ms: u64) -> Request<'static> {
    let now = SimTime::ZERO + Span::from_millis(now_ms);
    Request { now, ..Request::from_address(address.parse().expect("an address")) }
}

fn lazy(n: u64) -> LazyStream {
    LazyStream::new(Seed(4), 1, 1, n)
}

fn stream(n: u64) -> Stream {
    Seed(4).stream(1, 1, n)
}

/// What became of a request: the positions tried, and the cookie set with the answer if there was one.
struct Outcome {
    tried: Vec<usize>,
    cookie: Option<SetCookie>,
}

/// Sends a request while the pods of `refusing` refuse; `loads` are the connections of each pod. An answer ends it.
fn send(
    balancer: &mut Balancer,
    request: &Request<'_>,
    refusing: &[u32],
    loads: &[u32],
    stream: &mut LazyStream,
) -> Outcome {
    let (mut tries, mut tried) = (Tries::default(), Vec::new());
    for _ in 0..balancer.max_tries() {
        let load = |peer: &Peer| loads.get(peer.pod.index()).copied().unwrap_or(0);
        let Some(position) = balancer.pick(request, &mut tries, stream, load) else { break };
        tried.push(position);
        if !refusing.contains(&balancer.peers()[position].pod.raw()) {
            balancer.finished(position, request.now);
            return Outcome { tried, cookie: tries.cookie };
        }
        balancer.failed(position, request.now);
        tries.refused.push(position);
    }
    Outcome { tried, cookie: None }
}

/// The positions tried for one request while the pod `refusing` refuses.
fn tried(balancer: &mut Balancer, request: &Request<'_>, refusing: Option<u32>, loads: &[u32]) -> Vec<usize> {
    send(balancer, request, refusing.as_slice(), loads, &mut lazy(0)).tried
}

/// (line that is down, pod that refuses) of a recording's condition.
fn condition(text: &str) -> (Option<usize>, Option<u32>) {
    match text {
        "ok" => (None, None),
        "refuse1_mf0" => (None, Some(1)),
        down => (Some(down.strip_prefix("down").expect("a known condition").parse().expect("a line")), None),
    }
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
