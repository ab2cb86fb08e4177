//! Clusters in which nothing takes time but what an oracle is about.

use crate::cluster::adapter::{Adapter, Law as AdapterLaw};
use crate::cluster::balancer::{BalancerSpec, NginxMethod, NginxSpec};
use crate::cluster::spec::{
    Action, Amount, AudienceSpec, ClusterSpec, CookieSpec, Costs, Http, NetworkSpec, OutputBufferLimits, PodSpec,
    Population, ReconnectPolicy, RedisClient, RedisCosts, RedisSpec, RolloutMode, RolloutSpec, Sharing, TimedAction,
    TrafficAction, TrafficSpec, Transports, WithoutRedis,
};
use crate::engine::{Law, Span};

/// The adapter that most applications use.
pub const CLASSIC: Adapter = Adapter::Classic { specific_responses: false };

/// A law in seconds.
pub fn seconds(s: f64) -> f64 {
    s * 1e9
}

/// Costs that are all zero: what an oracle does not mention takes no time.
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

/// One pod with `workers` workers, Poisson requests at `rate` per second, this law of work (nanoseconds).
///
/// Many clients with exponential gaps are together a Poisson process, exactly.
pub fn queue(workers: u32, rate: f64, work: Law) -> ClusterSpec {
    const CLIENTS: u32 = 500;
    let mut spec = cluster(1, NginxMethod::RoundRobin, CLIENTS, false);
    spec.traffic = vec![api(f64::from(CLIENTS) / rate, work)];
    spec.pods.workers = workers;
    spec.pods.cpu = f64::from(workers);
    spec
}

/// Sessions of this law, so many new ones per second, on four pods, for `run_s` seconds; one sample at the end.
pub fn sessions(session: Law, rate_per_s: f64, steady: bool, run_s: f64, method: NginxMethod) -> ClusterSpec {
    let mut spec = cluster(4, method, 0, true);
    spec.audiences[0].population = Population::Arriving { rate_per_s, profile: vec![], session };
    spec.steady_start = steady;
    spec.duration = Span::from_nanos_f64(seconds(run_s));
    spec.sample_every = spec.duration;
    spec
}

/// Every pod of `pods` is restarted, one after the other.
///
/// The oracle knows no passive failures and no delays, so the parameters leave none: `max_fails=0` (else nginx would
/// leave a pod that is back alone until one of its probes, a WebSocket, has ended), pods that boot for longer than all
/// clients need to come back, and 5 s between the endpoints and SIGTERM, more than nginx needs for its reload.
pub fn rolling_restart(pods: u32, method: NginxMethod, mode: RolloutMode, clients: u32) -> ClusterSpec {
    let mut spec = cluster(pods, method.clone(), clients, true);
    spec.balancers = vec![BalancerSpec::Nginx(NginxSpec { method, max_fails: 0, ..NginxSpec::default() })];
    spec.pods.startup = Law::Fixed(seconds(20.0));
    spec.pods.shutdown.pre_stop = Span::from_secs(5);
    spec.duration = Span::from_secs(u64::from(pods) * 30 + 30);
    spec.sample_every = spec.duration;
    spec.timeline = vec![TimedAction::once(Span::from_secs(5), Action::RollingRestart(mode))];
    spec
}
