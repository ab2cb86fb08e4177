//! Skew and moves of affinity against closed forms (facts: oracles A1–A3, A5). Bounds come from the replications.

use std::net::{IpAddr, Ipv4Addr};

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    AwsAlbSpec, BalancerSpec, Decide, Nginx, NginxMethod, NginxSpec, Peer, Request, Ring, TargetAlgorithm, Tries,
};
use stickysim::cluster::spec::{ClusterSpec, RolloutMode, Sharing};
use stickysim::engine::{Law, LazyStream, Seed, Span};
use stickysim::metrics::Record;

use crate::support::{assert_agrees, assert_agrees_to, cluster, run};

/// Weights 1/rankˢ.
fn zipf(s: f64, ranks: u32) -> Vec<f64> {
    (1..=ranks).map(|rank| libm::pow(f64::from(rank), -s)).collect()
}

/// Checks E[CV²] = (n−1)·HHI for clients that share addresses, over `replications` of `pods` pods, and that the effective
/// number of groups is 1/`hhi`.
fn skew(id: &str, sharing: &Sharing, clients: u32, pods: u32, hhi: f64, replications: u32) {
    let mut spec = cluster(pods, NginxMethod::IpHash, clients, true);
    spec.audiences[0].network.sharing = sharing.clone();
    (spec.duration, spec.sample_every) = (Span::from_secs(2), Span::from_secs(2));
    let (mut ratios, mut groups) = (Vec::new(), 0.0);
    for replication in 0..replications {
        let record = run(&spec, replication);
        let cv = record.load.connections.expect("there are connections").cv;
        // whole clients make sizes a little other than the weights: the effective number measured is what counts
        ratios.push(cv * cv * record.n_eff.networks / f64::from(pods - 1));
        groups += record.n_eff.networks / f64::from(replications);
    }
    println!("{id}: {groups:.3} effective groups, theory {:.3}", 1.0 / hhi);
    assert!((groups * hhi - 1.0).abs() < 0.02, "{id}: {groups} effective groups, theory {}", 1.0 / hhi);
    assert_agrees_to(&format!("{id}, {pods} pods: CV² over (n−1)·HHI"), &ratios, 1.0, 0.25);
}

#[test]
fn ip_hash_skew_of_equal_groups() {
    for (pods, replications) in [(3, 400), (5, 250), (10, 150)] {
        skew("A1.1", &Sharing::Weights(vec![1.0; 100]), 1_000, pods, 0.01, replications);
        skew("A1.1 by sizes", &Sharing::Sizes(Law::Fixed(10.0)), 1_000, pods, 0.01, replications);
        skew("A1.2", &Sharing::Own, 1_000, pods, 0.001, replications);
    }
}

#[test]
fn ip_hash_skew_behind_carriers_and_an_office() {
    let mut sizes = vec![1.0; 6_000];
    sizes.extend([150.0; 20]);
    sizes.push(1_000.0);
    for (pods, replications) in [(3, 250), (5, 130), (10, 80)] {
        skew("A1.3", &Sharing::Weights(sizes.clone()), 10_000, pods, 0.01456, replications);
    }
}

#[test]
fn ip_hash_skew_of_zipf_groups() {
    for (pods, replications) in [(3, 250), (5, 130), (10, 80)] {
        skew("A1.4", &Sharing::Weights(zipf(1.0, 1_000)), 4_000, pods, 0.02933907, replications);
        skew("A1.5", &Sharing::Weights(zipf(1.2, 1_000)), 4_000, pods, 0.07358415, replications);
    }
    skew("A1.6", &Sharing::Weights(zipf(0.8, 10_000)), 20_000, 10, 0.003100913, 80);
}

fn peers(addresses: impl Iterator<Item = String>) -> Vec<Peer> {
    addresses.enumerate().map(|(pod, address)| Peer::new(PodId::new(pod as u32), address)).collect()
}

/// nginx with `ip_hash` and so many server lines.
fn ip_hash(lines: usize) -> Nginx {
    let mut nginx = Nginx::new(NginxSpec { method: NginxMethod::IpHash, ..NginxSpec::default() });
    nginx.set_peers(&peers((0..lines).map(|line| format!("10.0.0.{}:3000", line + 1))), &mut Seed(1).stream(1, 1, 1));
    nginx
}

fn line(nginx: &mut Nginx, address: [u8; 4]) -> usize {
    let request = Request::from_address(IpAddr::V4(Ipv4Addr::from(address)));
    nginx.pick(&request, &mut Tries::default(), &mut LazyStream::new(Seed(1), 1, 1, 1), |_| 0).expect("all are up")
}

#[test]
fn ip_hash_gives_the_vectors_computed_from_its_source() {
    // A2
    for (address, lines, expected) in [
        ([8, 8, 8, 8], 3, 2),
        ([203, 0, 113, 9], 3, 0),
        ([1, 1, 1, 1], 5, 1),
        ([100, 20, 30, 4], 4, 1),
        ([198, 51, 100, 7], 10, 6),
    ] {
        assert_eq!(line(&mut ip_hash(lines), address), expected, "{address:?}");
    }
    // neighbours are dealt out cyclically: of the 256 networks of 81.2.0.0/16 no pod of three gets more than 86
    let mut counts = [0; 3];
    (0..=255).for_each(|c| counts[line(&mut ip_hash(3), [81, 2, c, 1])] += 1);
    assert_eq!(counts.iter().max(), Some(&86));
}

#[test]
fn ip_hash_moves_nearly_everybody_when_a_pod_is_added() {
    // A2, exact over all public /24s; here 20 × 5,000 random ones
    for (lines, moved) in [(2, 0.6665603), (3, 0.7498013), (4, 0.7997129), (9, 0.899536)] {
        let (mut before, mut after) = (ip_hash(lines), ip_hash(lines + 1));
        let share = |replication: u64| {
            let mut stream = Seed(5).stream(1, replication, lines as u64);
            let mut moved = 0;
            for _ in 0..5_000 {
                let [a, b, c, d, ..] = stream.bits().to_be_bytes();
                // near enough to all public ones: the share is the same for any first octet
                let address = [a % 223 + 1, b, c, d];
                moved += u32::from(line(&mut before, address) != line(&mut after, address));
            }
            f64::from(moved) / 5_000.0
        };
        assert_agrees(&format!("moved {lines} → {}", lines + 1), &(0..20).map(share).collect::<Vec<_>>(), moved);
    }
}

#[test]
fn the_cookie_ring_moves_one_share_and_only_to_the_new_pod() {
    // A3: 1/(n+1) on average over rings of different pods
    let address = |set: u64, pod: u64| format!("10.{}.{}.{}:3000", 244 + set / 200, set % 200, pod + 2);
    for pods in [2u64, 3, 4, 9] {
        let share = |set: u64| {
            let ring = |count: u64| {
                let addresses: Vec<String> = (0..count).map(|pod| address(set, pod)).collect();
                Ring::new(addresses.iter().map(String::as_str))
            };
            let (before, after) = (ring(pods), ring(pods + 1));
            let mut stream = Seed(6).stream(2, set, pods);
            let mut moved = 0;
            for _ in 0..4_000 {
                let key = stream.bits() as u32;
                let (old, new) = (before.find(key), after.find(key));
                assert!(old == new || new == Some(pods as usize), "nobody moves between old pods");
                moved += u32::from(old != new);
            }
            f64::from(moved) / 4_000.0
        };
        let shares: Vec<f64> = (0..100).map(share).collect();
        assert_agrees(&format!("ring {pods} → {}", pods + 1), &shares, 1.0 / (pods + 1) as f64);
    }
}

/// Clients of the rolling restarts: divisible by 3, 5 and 10.
const CLIENTS: u32 = 3_000;

/// Every pod of `pods` is restarted, one after the other.
fn rolling_restart(pods: u32, method: NginxMethod, mode: RolloutMode) -> ClusterSpec {
    stickysim::selftest::bare::rolling_restart(pods, method, mode, CLIENTS)
}

/// Connections at the end of the pods that run then, in order of number, in shares of a fair one.
fn shares(record: &Record) -> Vec<f64> {
    let at_end: Vec<f64> = record.series.pods.iter().filter_map(|pod| record.series.connections_at_end(pod)).collect();
    let fair = f64::from(CLIENTS) / at_end.len() as f64;
    assert_eq!(at_end.iter().sum::<f64>(), f64::from(CLIENTS), "everybody is back");
    at_end.into_iter().map(|connections| connections / fair).collect()
}

/// Checks the share of each pod in order of restart, and the reconnects per client.
fn assert_restart(what: &str, spec: &ClusterSpec, theory: impl Fn(u32) -> f64, reconnects: f64) {
    let records: Vec<Record> = (0..20).map(|replication| run(spec, replication)).collect();
    let ends: Vec<Vec<f64>> = records.iter().map(shares).collect();
    assert_eq!(ends[0].len() as u32, spec.pods.replicas);
    for position in 0..spec.pods.replicas {
        let values: Vec<f64> = ends.iter().map(|end| end[position as usize]).collect();
        assert_agrees_to(&format!("{what}, pod {}", position + 1), &values, theory(position + 1), 0.12);
    }
    let per_client: Vec<f64> = records.iter().map(|r| r.counts.reconnects as f64 / f64::from(CLIENTS)).collect();
    assert_agrees(&format!("{what}, reconnects"), &per_client, reconnects);
}

#[test]
fn a_rolling_restart_in_place_leaves_the_last_pod_empty() {
    // A5.1: uniform over the other pods
    for n in [3u32, 5, 10] {
        let q = f64::from(n) / f64::from(n - 1);
        let power = |exponent: u32| libm::pow(q, f64::from(exponent));
        let spec = rolling_restart(n, NginxMethod::Random { two: false }, RolloutMode::InPlace);
        let reconnects = (power(n) - 1.0) / q;
        assert_restart(&format!("in place, {n} pods"), &spec, |j| power(n) - power(j), reconnects);
    }
}

#[test]
fn a_surge_rollout_loads_the_first_new_pod_most() {
    // A5.2: uniform over all ready pods
    for n in [3u32, 5, 10] {
        let r = 1.0 + 1.0 / f64::from(n);
        let power = |exponent: u32| libm::pow(r, f64::from(exponent));
        let spec = rolling_restart(n, NginxMethod::Random { two: false }, RolloutMode::Surge);
        assert_restart(&format!("surge, {n} pods"), &spec, |j| power(n) - power(j - 1), power(n) - 1.0);
    }
}

#[test]
fn a_surge_rollout_with_least_conn_is_even() {
    // A5.3: exactly, and everybody reconnects once; with a balancer that does not lose count when its list changes
    for n in [3u32, 5, 10] {
        let mut spec = rolling_restart(n, NginxMethod::LeastConn, RolloutMode::Surge);
        let algorithm = TargetAlgorithm::LeastOutstandingRequests;
        spec.balancers = vec![BalancerSpec::AwsAlb(AwsAlbSpec { algorithm, nodes: 1, ..AwsAlbSpec::default() })];
        spec.pods.shutdown.pre_stop = Span::from_secs(8); // it learns of a change after 5 s
        let record = run(&spec, 0);
        assert_eq!(shares(&record), vec![1.0; n as usize]);
        assert_eq!(record.counts.reconnects, u64::from(CLIENTS));
    }
}

#[test]
fn a_surge_rollout_with_the_least_conn_of_nginx_is_as_uneven_as_a_random_one() {
    // each change of the list is a reload, after which all connections count as none: who comes back is spread evenly over
    // all ready pods, as in A5.2
    for n in [3u32, 5, 10] {
        let r = 1.0 + 1.0 / f64::from(n);
        let power = |exponent: u32| libm::pow(r, f64::from(exponent));
        let spec = rolling_restart(n, NginxMethod::LeastConn, RolloutMode::Surge);
        let record = run(&spec, 0);
        for (share, j) in shares(&record).into_iter().zip(1..) {
            let theory = power(n) - power(j - 1);
            assert!((share - theory).abs() < 0.01, "{n} pods, pod {j}: {share}, theory {theory}");
        }
    }
}

#[test]
fn a_restart_in_place_with_least_conn_leaves_only_the_last_pod_empty() {
    // A5.4: the others share all clients, to within one
    for n in [3u32, 5, 10] {
        let record = run(&rolling_restart(n, NginxMethod::LeastConn, RolloutMode::InPlace), 0);
        let (fair, one) = (f64::from(n) / f64::from(n - 1), f64::from(n) / f64::from(CLIENTS));
        let ends = shares(&record);
        let (last, others) = ends.split_last().expect("there are pods");
        assert_eq!(*last, 0.0);
        assert!(others.iter().all(|share| (share - fair).abs() <= one), "{ends:?}");
        let per_client = record.counts.reconnects as f64 / f64::from(CLIENTS);
        assert!((per_client - 1.0 - 1.0 / f64::from(n)).abs() < 0.001, "{per_client}");
    }
}

#[test]
fn a_restart_in_place_with_ip_hash_brings_clients_home_late() {
    // A5.5: slots are stable; who is displaced returns when it is kicked again
    for n in [3u32, 5, 10] {
        let spec = rolling_restart(n, NginxMethod::IpHash, RolloutMode::InPlace);
        let share = |j: u32| 2.0 * f64::from(n - j) / f64::from(n - 1);
        assert_restart(&format!("ip_hash in place, {n} pods"), &spec, share, 1.5);
    }
}
