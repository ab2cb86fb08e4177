//! The whole model: requests per second of wall time by number of clients, and copies per second of fan-out.
//!
//! `cargo bench --bench model`; figures with machine and date are in docs/PERFORMANCE.md.

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use stickysim::cluster::adapter;
use stickysim::cluster::balancer::{Affinity, AffinityMode, BalancerSpec, IngressNginxSpec};
use stickysim::cluster::simulate;
use stickysim::cluster::spec::{
    AddressChangeSpec, AudienceSpec, ClusterSpec, CookieSpec, Costs, Http, NetworkSpec, OutputBufferLimits, PodSpec,
    Population, ReconnectPolicy, RedisClient, RedisCosts, RedisSpec, RolloutSpec, RoomsSpec, Sharing, Target,
    TrafficAction, TrafficSpec, Transports, Via, WithoutRedis,
};
use stickysim::engine::{Law, Seed, Span};

const SECOND: f64 = 1e9;

/// 20 pods behind cookie affinity, homes behind small NATs.
fn base(clients: u32, websocket: bool, duration: Span) -> ClusterSpec {
    let micros = Span::from_micros;
    ClusterSpec {
        duration,
        warm_up: Span::ZERO,
        steady_start: true,
        sample_every: Span::from_secs(1),
        audiences: vec![AudienceSpec {
            name: "homes".to_owned(),
            population: Population::Present { count: clients },
            network: NetworkSpec {
                rtt: Law::log_normal_median_p95(25e6, 67e6),
                jitter_sigma: 0.15,
                ipv6: 0.45,
                sharing: Sharing::Sizes(Law::Geometric { mean: 1.2 }),
                address_change: Some(AddressChangeSpec {
                    every: Law::exponential(24.0 * 3600.0 * SECOND),
                    gap: Law::log_normal_median_p95(2e9, 15e9),
                    same_network: 0.2,
                }),
                http: Http::Shared,
                blocks_websockets: 0.0,
            },
            cookies: CookieSpec { keep: 0.99, cleared_every: None },
            reconnect: ReconnectPolicy::SOCKET_IO,
            refresh: None,
            transports: if websocket { Transports::WebSocket } else { Transports::None },
        }],
        traffic: vec![],
        ticks: vec![],
        rooms: None,
        balancers: vec![BalancerSpec::IngressNginx(IngressNginxSpec {
            affinity: Affinity::Cookie,
            affinity_mode: AffinityMode::Persistent,
            session_cookie_max_age: Some(Span::from_secs(172_800)),
            ..IngressNginxSpec::default()
        })],
        pods: PodSpec {
            replicas: 20,
            cpu: 1.0,
            workers: 1,
            memory_bytes: None,
            costs: Costs {
                connect: micros(400),
                disconnect: micros(46),
                request: micros(12),
                receive: micros(7),
                broadcast: micros(3),
                send: micros(8),
                publish: micros(35),
                copy_dropped: micros(10),
                copy_delivered: micros(12),
                heartbeat: micros(34),
                heartbeat_every: Span::from_secs(25),
                heartbeat_timeout: Span::from_secs(20),
                memory_base: 60 << 20,
                memory_per_connection: 17_000,
                memory_per_poller: 49_000,
                poll: micros(160),
                upgrade_check: Span::from_millis(100),
            },
            startup: Law::Fixed(8.0 * SECOND),
            ..PodSpec::default()
        },
        nodes: None,
        disruption_budget: None,
        rollout: RolloutSpec::default(),
        autoscaler: None,
        redis: RedisSpec {
            law: adapter::Law::of(adapter::Adapter::Classic { specific_responses: false }),
            costs: RedisCosts::even(micros(15), micros(3)),
            hop: micros(300),
            nodes: 1,
            forward: Span::ZERO,
            client: RedisClient::NodeRedis6,
            at_start: WithoutRedis::Waits,
            output_buffer: OutputBufferLimits { hard: 32 << 20, soft: 8 << 20, soft_for: Span::from_secs(60) },
        },
        database: None,
        sessions: None,
        recovery: None,
        timeline: vec![],
        max_events: u64::MAX,
    }
}

/// Each client calls the API every 18 s on average; pods are 70 % busy whatever the number of clients.
fn requests(clients: u32, requests: u64) -> ClusterSpec {
    let duration = Span::from_nanos_f64(requests as f64 / f64::from(clients) * 18.0 * SECOND);
    let mut spec = base(clients, false, duration);
    let work = 0.7 * 20.0 * 18.0 * SECOND / f64::from(clients);
    spec.traffic = vec![TrafficSpec {
        name: "api".to_owned(),
        every: Law::exponential(18.0 * SECOND),
        audiences: vec![true],
        action: TrafficAction::Api { work: Law::exponential(work) },
        ack: None,
    }];
    spec.sample_every = duration / 20;
    spec
}

fn whole_model(c: &mut Criterion) {
    let mut group = c.benchmark_group("requests");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for clients in [10_000u32, 100_000, 1_000_000] {
        let total = 2_000_000u64;
        let spec = requests(clients, total);
        group.throughput(Throughput::Elements(total));
        group.bench_function(BenchmarkId::from_parameter(clients), |b| {
            b.iter(|| simulate(&spec, Seed(1)).expect("the books balance").counts.requests);
        });
    }
    group.finish();
}

/// 20,000 connected clients in rooms of one size; each emits to its room now and then.
fn fan_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("copies");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for room in [10u32, 100, 1_000] {
        let clients = 20_000;
        let emits = 20_000_000 / u64::from(room);
        let mut spec = base(clients, true, Span::from_secs(100));
        spec.pods.costs.send = Span::from_nanos(1); // the pods keep up
        spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(f64::from(room)), per_client: 1 });
        spec.traffic = vec![TrafficSpec {
            name: "emit".to_owned(),
            every: Law::exponential(f64::from(clients) * 100.0 * SECOND / emits as f64),
            audiences: vec![true],
            action: TrafficAction::Emit { to: Target::Room, via: Via::Socket, bytes: 300, work: Law::Fixed(0.0) },
            ack: None,
        }];
        group.throughput(Throughput::Elements(emits * u64::from(room)));
        group.bench_function(BenchmarkId::from_parameter(room), |b| {
            b.iter(|| simulate(&spec, Seed(1)).expect("the books balance").counts.recipients);
        });
    }
    group.finish();
}

criterion_group!(benches, whole_model, fan_out);
criterion_main!(benches);
