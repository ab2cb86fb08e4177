//! A decision of every strategy at 50 pods.
//!
//! `cargo bench --bench balancers`; figures with machine and date are in docs/PERFORMANCE.md.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stickysim::cluster::balancer::{Balancer, BalancerSpec, Decide, Peer, Request, Tries};
use stickysim::cluster::{PodId, pod_address};
use stickysim::engine::{LazyStream, Seed, SimTime, Span};

#[path = "../tests/it/balancers/strategies.rs"]
mod strategies;

const PODS: u32 = 50;
/// Decisions per measured batch, after which a pod is replaced: tables are built once per batch.
const BATCH: u64 = 10_000;
/// Clients that come again and again.
const CLIENTS: u64 = 4_096;

/// One of them: address, text, cookie and what it takes.
struct Client {
    address: std::net::IpAddr,
    key: [u8; 16],
    cookie: Option<u32>,
}

struct Site {
    balancer: Balancer,
    clients: Vec<Client>,
    loads: Vec<u32>,
    batch: u64,
}

fn peers(first: u32) -> Vec<Peer> {
    (0..PODS)
        .map(|n| PodId::new(if n == 0 { PODS + first } else { n }))
        .map(|pod| Peer::new(pod, pod_address(pod)))
        .collect()
}

impl Site {
    fn new(yaml: &str) -> Site {
        let value: serde_json::Value = serde_yaml::from_str(yaml).expect("YAML");
        let spec: BalancerSpec = serde_json::from_value(value).expect("a balancer");
        let client = |n| {
            let mut draws = Seed(1).stream(1, n, 0);
            let address = std::net::Ipv4Addr::from_bits(draws.bits() as u32).into();
            let key = format!("{:016x}", draws.bits()).into_bytes().try_into().expect("16 digits");
            Client { address, key, cookie: None }
        };
        let mut site = Site {
            balancer: Balancer::new(&spec),
            clients: (0..CLIENTS).map(client).collect(),
            loads: vec![0; 52],
            batch: 0,
        };
        site.balancer.set_peers(&peers(0), &mut Seed(1).stream(2, 0, 0));
        site
    }

    /// A pod is replaced, and then everybody comes. Gives something that depends on all decisions.
    fn batch(&mut self) -> usize {
        self.batch += 1;
        self.balancer.set_peers(&peers((self.batch % 2) as u32), &mut Seed(1).stream(2, 0, self.batch));
        let mut sum = 0;
        for n in 0..BATCH {
            let index = (n % CLIENTS) as usize;
            let client = &mut self.clients[index];
            let now = SimTime::ZERO + Span::from_micros(self.batch * 100_000 + n * 10);
            let request = Request {
                now,
                port: n as u16,
                user: &client.key,
                room: &client.key,
                cookie: client.cookie,
                ..Request::from_address(client.address)
            };
            let mut tries = Tries::default();
            let mut draws = LazyStream::new(Seed(1), 3, n, self.batch & 0xffff_ffff);
            let loads = &self.loads;
            let Some(position) = self.balancer.pick(&request, &mut tries, &mut draws, |peer| loads[peer.pod.index()])
            else {
                continue;
            };
            let pod = self.balancer.peers()[position].pod;
            // requests take long enough that some are at every pod
            self.loads[pod.index()] = (self.loads[pod.index()] + 1) % 64;
            client.cookie = tries.cookie.map_or(client.cookie, |cookie| Some(cookie.value));
            sum += position;
        }
        sum
    }
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    group.throughput(Throughput::Elements(BATCH)).sample_size(10);
    group.warm_up_time(std::time::Duration::from_millis(200)).measurement_time(std::time::Duration::from_millis(500));
    for yaml in strategies::STRATEGIES {
        let mut site = Site::new(yaml);
        group.bench_function(BenchmarkId::from_parameter(yaml), |bencher| bencher.iter(|| site.batch()));
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
