//! Clusters small enough to compare with theory.

use stickysim::cluster::adapter::{Adapter, Emit, Law as AdapterLaw, Operation, To};
use stickysim::cluster::balancer::{BalancerSpec, NginxMethod, NginxSpec};
use stickysim::cluster::simulate;
use stickysim::cluster::spec::{
    Amount, AudienceSpec, ClusterSpec, CookieSpec, Costs, Http, NetworkSpec, OutputBufferLimits, PodSpec, Population,
    ReconnectPolicy, RedisClient, RedisCosts, RedisSpec, RolloutSpec, Sharing, Target, TrafficAction, TrafficSpec,
    Transports, Via, WithoutRedis,
};
use stickysim::engine::{Law, Seed, Span};
use stickysim::metrics::Record;

/// The adapter that most applications use.
pub const CLASSIC: Adapter = Adapter::Classic { specific_responses: false };

/// `io.emit`.
pub const TO_ALL: Operation = Operation::Emit(Emit::to(To::All));

/// The product that this text describes, as a scenario would.
pub fn product(yaml: &str) -> BalancerSpec {
    read_product(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

/// The same, or what is wrong with it.
pub fn read_product(yaml: &str) -> Result<BalancerSpec, String> {
    let value: serde_json::Value = serde_yaml::from_str(yaml).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// A law in seconds.
pub fn seconds(s: f64) -> f64 {
    s * 1e9
}

/// Costs that are all zero: what a test does not mention takes no time.
pub fn no_costs() -> Costs {
    Costs {
        heartbeat_every: Span::from_secs(25),
        heartbeat_timeout: Span::from_secs(20),
        upgrade_check: Span::from_millis(100),
        ..Costs::default()
    }
}

/// `count` clients without distance or jitter.
pub fn audience(count: u32, websocket: bool) -> AudienceSpec {
    AudienceSpec {
        name: "clients".to_owned(),
        population: Population::Present { count },
        network: NetworkSpec {
            rtt: Law::Fixed(0.0),
            jitter_sigma: 0.0,
            ipv6: 0.0,
            sharing: Sharing::Own,
            address_change: None,
            http: Http::Shared,
            blocks_websockets: 0.0,
        },
        cookies: CookieSpec { keep: 1.0, cleared_every: None },
        reconnect: ReconnectPolicy::SOCKET_IO,
        refresh: None,
        transports: if websocket { Transports::WebSocket } else { Transports::None },
    }
}

/// `pods` pods behind nginx with `method`, `clients` clients with or without WebSockets, and nothing that takes time.
pub fn cluster(pods: u32, method: NginxMethod, clients: u32, websocket: bool) -> ClusterSpec {
    ClusterSpec {
        duration: Span::from_secs(600),
        warm_up: Span::ZERO,
        steady_start: true,
        sample_every: Span::from_secs(10),
        audiences: vec![audience(clients, websocket)],
        traffic: vec![],
        ticks: vec![],
        rooms: None,
        balancers: vec![BalancerSpec::Nginx(NginxSpec { method, ..NginxSpec::default() })],
        pods: PodSpec {
            replicas: pods,
            cpu: 1.0,
            workers: 1,
            memory_bytes: None,
            costs: no_costs(),
            startup: Law::Fixed(seconds(8.0)),
            ..PodSpec::default()
        },
        nodes: None,
        disruption_budget: None,
        rollout: RolloutSpec { max_surge: Amount::Pods(1), max_unavailable: Amount::Pods(0), ..RolloutSpec::default() },
        autoscaler: None,
        redis: RedisSpec {
            law: AdapterLaw::of(CLASSIC),
            costs: RedisCosts::even(Span::ZERO, Span::ZERO),
            hop: Span::ZERO,
            nodes: 1,
            forward: Span::ZERO,
            client: RedisClient::NodeRedis6,
            at_start: WithoutRedis::Waits,
            output_buffer: OutputBufferLimits { hard: 0, soft: 0, soft_for: Span::ZERO },
        },
        database: None,
        sessions: None,
        recovery: None,
        timeline: vec![],
        max_events: 1_000_000_000,
    }
}

/// Every client calls the API at exponential distances with this mean, each call with this work.
pub fn api(every_s: f64, work: Law) -> TrafficSpec {
    TrafficSpec {
        name: "api".to_owned(),
        every: Law::exponential(seconds(every_s)),
        audiences: vec![true],
        action: TrafficAction::Api { work },
        ack: None,
    }
}

/// Runs one replication.
pub fn run(spec: &ClusterSpec, replication: u32) -> Record {
    simulate(spec, Seed(2026).replication(replication)).unwrap_or_else(|error| panic!("{error}"))
}

/// 30 replications, each of about this many requests at `rate` per second after a tenth of them as warm-up.
pub fn replications(mut spec: ClusterSpec, requests: f64, rate: f64) -> Vec<Record> {
    spec.duration = Span::from_nanos_f64(seconds(requests / rate * 1.1));
    spec.warm_up = Span::from_nanos_f64(seconds(requests / rate * 0.1));
    spec.sample_every = spec.duration / 20;
    (0..30).map(|replication| run(&spec, replication)).collect()
}

/// Every client emits such an event of 100 bytes at these distances, and its handler does nothing else.
pub fn emit(every: Law, to: Target, via: Via) -> TrafficSpec {
    let action = TrafficAction::Emit { to, via, bytes: 100, work: Law::Fixed(0.0) };
    TrafficSpec { name: "emit".to_owned(), every, audiences: vec![true], action, ack: None }
}

/// Checks that the mean over independent replications is `theory`, within a 99.9 % Student interval computed from
/// them; prints what it excludes, so that a green test says how sharp it is.
pub fn assert_agrees(what: &str, values: &[f64], theory: f64) {
    assert_agrees_to(what, values, theory, 0.1);
}

/// The same where more than 10 % of width has to do; `bluntest` is the share of `theory` it may have.
pub fn assert_agrees_to(what: &str, values: &[f64], theory: f64, bluntest: f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let half_width = t_999(values.len()) * (variance / n).sqrt();
    println!("{what}: {mean:.6} ± {half_width:.6} (99.9 %), theory {theory:.6}");
    assert!((mean - theory).abs() <= half_width + 1e-12, "{what}: {mean} ± {half_width}, theory {theory}");
    assert!(half_width <= bluntest * theory.abs() + 1e-9, "{what}: ± {half_width} is too blunt to test {theory}");
}

/// Two-sided 99.9 % point of Student's t.
fn t_999(n: usize) -> f64 {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    StudentsT::new(0.0, 1.0, n as f64 - 1.0).unwrap().inverse_cdf(0.9995)
}

/// Something handed to the developers, which is not part of the repository: beside the checkout or further up.
pub fn shared(path: &str) -> Option<std::path::PathBuf> {
    let found = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|dir| dir.join("shared").join(path))
        .find(|f| f.exists());
    if found.is_none() {
        println!("skipped: shared/{path} does not stand beside this checkout");
    }
    found
}
