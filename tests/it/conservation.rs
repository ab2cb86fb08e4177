//! Any small cluster, whatever happens to it: the books balance, nothing panics, and a run repeats itself.
//!
//! The balances themselves are in `cluster/conservation.rs`; [`simulate`] refuses a run that breaks one.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use stickysim::cluster::adapter::{self, Adapter, NAMED, OPERATIONS, Operation, Subscribe, To};
use stickysim::cluster::balancer::{Affinity, AffinityMode, BalancerSpec, IngressNginxSpec, NginxMethod, NginxSpec};
use stickysim::cluster::spec::{
    AckSpec, Action, AddressChangeSpec, Admission, Amount, AudienceSpec, AutoscalerSpec, CacheSpec, Choice,
    ClusterSpec, CookieSpec, Costs, DataUse, DatabaseSpec, DeletionCost, DisruptionBudget, Http, Keeps, KeyOwner,
    MetricSpec, NetworkSpec, NodeSet, NodesSpec, OnSigterm, Outage, OutputBufferLimits, PodSpec, Population, Probe,
    Readiness, Rebalance, ReconnectPolicy, RedisClient, RedisCosts, RedisSpec, RefreshSpec, RetryLaw, RolloutMode,
    RolloutSpec, RolloutStrategy, RoomsSpec, Saves, ScaleBy, ScalingPolicy, ScalingRules, Select, SessionSpec,
    SessionStore, Sharing, ShutdownSpec, Target, TickSpec, TimedAction, Trace, TraceRequest, TrafficAction,
    TrafficSpec, Transports, Via, WithoutRedis,
};
use stickysim::cluster::{simulate, simulate_during};
use stickysim::engine::{Law, Seed, Span};
use stickysim::metrics::{Counts, FigureId, Unit, Window};

use crate::support::{TO_ALL, api, cluster, no_costs, product, seconds};

/// A law with a mean between these many seconds.
fn law(from_s: f64, to_s: f64) -> impl Strategy<Value = Law> {
    (from_s..to_s, 0..5).prop_map(|(mean, kind)| match kind {
        0 => Law::Fixed(seconds(mean)),
        1 => Law::exponential(seconds(mean)),
        2 => Law::log_normal_mean_cv(seconds(mean), 2.0),
        3 => Law::Uniform { low: 0.0, high: seconds(mean * 2.0) },
        _ => Law::Erlang { k: 3, mean: seconds(mean) },
    })
}

fn span(to_ms: u64) -> impl Strategy<Value = Span> {
    prop_oneof![Just(Span::ZERO), (0..to_ms * 1_000_000).prop_map(Span::from_nanos)]
}

fn trace() -> impl Strategy<Value = Trace> {
    vec((0u64..60_000, 0u32..8, 0u8..4), 1..60).prop_map(|mut raw| {
        raw.sort_unstable();
        let request = |(at, client, network)| {
            let address = IpAddr::V4(Ipv4Addr::new(81, 2, network, client as u8));
            TraceRequest { at: Span::from_millis(at), client, address }
        };
        Trace { requests: raw.into_iter().map(request).collect(), clients: 8 }
    })
}

fn population() -> impl Strategy<Value = Population> {
    let profile = vec((0u64..60, 0.0..3.0), 0..4).prop_map(|mut raw| {
        raw.sort_by_key(|corner: &(u64, f64)| corner.0);
        raw.dedup_by_key(|corner| corner.0);
        raw.into_iter().map(|(at, factor)| (Span::from_secs(at), factor)).collect()
    });
    prop_oneof![
        3 => (1u32..40).prop_map(|count| Population::Present { count }),
        3 => (0.05..1.5, profile, law(2.0, 40.0))
            .prop_map(|(rate_per_s, profile, session)| Population::Arriving { rate_per_s, profile, session }),
        1 => (trace(), law(0.001, 0.2)).prop_map(|(trace, work)| Population::Trace { trace: Arc::new(trace), work }),
    ]
}

fn network() -> impl Strategy<Value = NetworkSpec> {
    let sharing = prop_oneof![
        Just(Sharing::Own),
        (1.0..9.0).prop_map(|mean| Sharing::Sizes(Law::Geometric { mean })),
        vec(0.1..5.0, 1..5).prop_map(Sharing::Weights),
    ];
    let change = (law(3.0, 40.0), law(0.0, 8.0), 0.0..1.0).prop_map(|(every, gap, same_network)| AddressChangeSpec {
        every,
        gap,
        same_network,
    });
    let http = prop_oneof![Just(Http::OneRequest), Just(Http::OneAtATime), Just(Http::Shared)];
    let blocks = prop_oneof![3 => Just(0.0), 1 => 0.0..1.0];
    (law(0.0, 0.5), prop_oneof![Just(0.0), 0.0..1.5], 0.0..1.0, sharing, option::of(change), http, blocks).prop_map(
        |(rtt, jitter_sigma, ipv6, sharing, address_change, http, blocks_websockets)| NetworkSpec {
            rtt,
            jitter_sigma,
            ipv6,
            sharing,
            address_change,
            http,
            blocks_websockets,
        },
    )
}

fn reconnect() -> impl Strategy<Value = ReconnectPolicy> {
    // a back-off of nothing would try for ever at one moment
    let law = (0..8, span(3_000), span(9_000), 0.0..0.9).prop_map(|(law, first, max, jitter)| {
        let (first, max) = (first.max(Span::from_millis(100)), max.max(Span::from_millis(50)));
        match law {
            0 => RetryLaw::Exponential { first, max, jitter },
            1 => RetryLaw::Fixed { delay: first, jitter },
            2 => RetryLaw::FullJitter { first, max },
            3 => RetryLaw::EqualJitter { first, max },
            4 => RetryLaw::Decorrelated { first, max },
            5 => RetryLaw::PythonSocketIo,
            _ => RetryLaw::SocketIo { first, max, randomization: jitter },
        }
    });
    let any = (law, option::of(0u32..4)).prop_map(|(law, attempts)| ReconnectPolicy { law, attempts });
    prop_oneof![4 => Just(ReconnectPolicy::SOCKET_IO), 2 => any, 1 => Just(ReconnectPolicy::NEVER)]
}

fn audience() -> impl Strategy<Value = AudienceSpec> {
    let cookies =
        (0.0..=1.0, option::of(law(5.0, 40.0))).prop_map(|(keep, cleared_every)| CookieSpec { keep, cleared_every });
    let transports = prop_oneof![
        1 => Just(Transports::None),
        2 => Just(Transports::WebSocket),
        2 => Just(Transports::PollingFirst),
        1 => Just(Transports::Polling),
    ];
    let refresh =
        option::weighted(0.3, (law(4.0, 40.0), law(0.0, 5.0)).prop_map(|(every, load)| RefreshSpec { every, load }));
    (population(), network(), cookies, reconnect(), refresh, transports).prop_map(
        |(population, network, cookies, reconnect, refresh, transports)| AudienceSpec {
            name: "some".to_owned(),
            population,
            network,
            cookies,
            reconnect,
            refresh,
            transports,
        },
    )
}

/// Traffic of any kind; what a cluster cannot have (rooms, sockets) is turned into something else in [`spec`].
fn traffic() -> impl Strategy<Value = TrafficSpec> {
    let to = select(vec![Target::Room, Target::RoomButSender, Target::All, Target::AllButSender, Target::Own]);
    let via = prop_oneof![Just(Via::Socket), Just(Via::Api), Just(Via::LocalFirst)];
    let action = prop_oneof![
        law(0.0, 0.3).prop_map(|work| TrafficAction::Api { work }),
        (law(0.0, 0.3), data()).prop_map(|(work, data)| TrafficAction::ApiWithData { work, data: Box::new(data) }),
        (to, via, 1u32..5_000, law(0.0, 0.1)).prop_map(|(to, via, bytes, work)| TrafficAction::Emit {
            to,
            via,
            bytes,
            work
        }),
    ];
    let ack = option::of(
        (1u64..12_000, 0u32..4).prop_map(|(ms, retries)| AckSpec { timeout: Span::from_millis(ms), retries }),
    );
    (law(0.3, 8.0), action, ack).prop_map(|(every, action, ack)| {
        let by_socket = matches!(action, TrafficAction::Emit { via: Via::Socket, .. });
        let ack = ack.filter(|_| by_socket);
        TrafficSpec { name: "some".to_owned(), every, audiences: vec![], action, ack }
    })
}

fn data() -> impl Strategy<Value = DataUse> {
    let owner = prop_oneof![Just(KeyOwner::Client), Just(KeyOwner::Room), Just(KeyOwner::Everybody)];
    let items = option::of((1u32..50).prop_map(|n| Law::zipf(0.8, n).expect("ranks")));
    let saves = prop_oneof![(1u8..3).prop_map(Saves::Queries), span(200).prop_map(Saves::Work)];
    let cache = (owner, items, 1u32..40, option::of(span(5_000)), saves);
    let cache = cache.prop_map(|(owner, items, capacity, ttl, saves)| CacheSpec { owner, items, capacity, ttl, saves });
    (0u8..5, vec(cache, 0..4)).prop_map(|(queries, caches)| DataUse { queries, caches })
}

fn database() -> impl Strategy<Value = DatabaseSpec> {
    let pool = (1u32..6, option::of(span(3_000)), 1u32..15);
    (pool, option::of(1u32..4), law(0.0, 1.0), span(10)).prop_map(
        |((pool_per_pod, pool_timeout, connections), parallel, query, hop)| DatabaseSpec {
            pool_per_pod,
            pool_timeout,
            connections,
            parallel,
            query,
            hop,
        },
    )
}

fn sessions() -> impl Strategy<Value = SessionSpec> {
    let store = select(vec![SessionStore::Memory, SessionStore::Redis, SessionStore::Database]);
    (store, option::of(span(20_000)), any::<bool>(), option::of(1u32..20)).prop_map(
        |(store, ttl, requests, pending)| {
            let pending = pending.filter(|_| store == SessionStore::Redis);
            SessionSpec { store, ttl, requests, bytes: 300, pending }
        },
    )
}

fn tick() -> impl Strategy<Value = TickSpec> {
    let servers: Vec<Operation> =
        OPERATIONS.iter().filter(|one| one.by_servers).map(|one| (one.operation)(10)).collect();
    let operation = prop_oneof![Just(TO_ALL), select(servers)];
    (50u64..5_000, operation, 1u32..500).prop_map(|(every, operation, bytes)| TickSpec {
        name: "some".to_owned(),
        every: Span::from_millis(every),
        operation,
        bytes,
    })
}

/// Products with whatever makes requests wait, queue, be redirected, or their ends be told.
fn written() -> Vec<BalancerSpec> {
    let texts = [
        "nginx: {method: least_conn, max_conns: 2, worker_processes: 3, worker_shutdown_timeout: 5s}",
        "nginx: {method: least_time last_byte inflight, proxy_next_upstream: 'off'}",
        "nginx: {sticky: cookie a expires=10s, servers: ['weight=3', backup, drain]}",
        "nginx: {sticky: 'learn create=$upstream_cookie_a lookup=$cookie_a zone=a:8k', method: hash $arg_room consistent}",
        "haproxy: {balance: leastconn, default-server: check inter 1s fall 2 rise 1 maxconn 1, timeout-queue: 2s}",
        "haproxy: {balance: source, option: [redispatch], default-server: maxconn 2}",
        "haproxy: {balance: roundrobin, cookie: A insert indirect maxidle 10s maxlife 30s, retries: 2}",
        "haproxy: {balance: random, stick-table: type ip size 20 expire 10s, stick: on src}",
        "envoy: {lb_policy: MAGLEV, hash_policy: [{cookie: {name: a, ttl: 20s}}]}",
        "istio: {loadBalancer: {consistentHash: {useSourceIp: true}}}",
        "traefik: {sticky: {cookie: {}}, retry: {attempts: 3, initialInterval: 100ms}}",
        "service: {sessionAffinity: ClientIP, timeoutSeconds: 5, mode: ipvs, nodes: 3}",
        "service: {sessionAffinity: ClientIP, timeoutSeconds: 5, externalTrafficPolicy: Local}",
        "service: {}",
        "aws-alb: {stickiness.enabled: true, deregistration_delay.timeout_seconds: 5, HealthCheckIntervalSeconds: 5}",
        "aws-nlb: {deregistration_delay.timeout_seconds: 3, deregistration_delay.connection_termination.enabled: true}",
        "cloudflare: {session_affinity: ip_cookie, session_affinity_attributes: {drain_duration: 9}}",
        "azure-load-balancer: {}",
        "app-redirect: {}",
        "app-redirect: {corrected: true}",
    ];
    texts.into_iter().map(product).collect()
}

fn balancer() -> impl Strategy<Value = BalancerSpec> {
    let method = prop_oneof![
        Just(NginxMethod::RoundRobin),
        Just(NginxMethod::LeastConn),
        Just(NginxMethod::Random { two: false }),
        Just(NginxMethod::IpHash),
    ];
    let nginx = (method, 0u32..4, 0u64..12).prop_map(|(method, max_fails, fail_timeout)| {
        BalancerSpec::Nginx(NginxSpec {
            method,
            max_fails,
            fail_timeout: Span::from_secs(fail_timeout),
            ..NginxSpec::default()
        })
    });
    let ingress = (any::<bool>(), any::<bool>(), option::of(1u64..60), any::<bool>()).prop_map(
        |(affine, balanced, max_age, change)| {
            BalancerSpec::IngressNginx(IngressNginxSpec {
                affinity: if affine { Affinity::Cookie } else { Affinity::None },
                affinity_mode: if balanced { AffinityMode::Balanced } else { AffinityMode::Persistent },
                session_cookie_max_age: max_age.map(Span::from_secs),
                session_cookie_change_on_failure: change,
                ..IngressNginxSpec::default()
            })
        },
    );
    prop_oneof![2 => nginx, 2 => ingress, 4 => select(written())]
}

fn costs() -> impl Strategy<Value = Costs> {
    vec(span(15), 12).prop_map(|c| Costs {
        connect: c[0],
        disconnect: c[1],
        request: c[2],
        receive: c[3],
        broadcast: c[4],
        send: c[5] / 10,
        publish: c[6],
        copy_dropped: c[7],
        copy_delivered: c[8],
        heartbeat: c[9],
        heartbeat_every: Span::from_secs(10),
        heartbeat_timeout: Span::from_secs(5),
        memory_base: 1_000,
        memory_per_connection: 100,
        memory_per_poller: 250,
        poll: c[10],
        upgrade_check: c[11] * 10,
    })
}

fn pods() -> impl Strategy<Value = PodSpec> {
    // with 3 to 20 connections allowed, clients of a dead pod kill the next one
    let memory = option::weighted(0.3, (3u64..20).prop_map(|connections| 1_000 + 100 * connections));
    let limit = (1u64..500, 1u32..9).prop_map(|(ms, burst)| Admission { every: Span::from_millis(ms), burst });
    let admission = option::weighted(0.2, limit);
    let size = (1u32..6, 0.1..3.0, 1u32..4, memory, costs());
    let rebalance = (1u64..20, 1.0..2.0, 1u32..5);
    let rebalance = rebalance.prop_map(|(s, above, most)| Rebalance { every: Span::from_secs(s), above, most });
    let most =
        (option::weighted(0.2, 1u32..12), option::weighted(0.2, law(1.0, 40.0)), option::weighted(0.2, rebalance));
    (size, start(), shutdown(), admission, most).prop_map(
        |(
            (replicas, cpu, workers, memory_bytes, costs),
            start,
            shutdown,
            admission,
            (max_connections, age, rebalance),
        )| PodSpec {
            replicas,
            cpu,
            workers,
            memory_bytes,
            costs,
            shutdown,
            admission,
            max_connections,
            max_connection_age: age,
            rebalance,
            ..start
        },
    )
}

fn probe() -> impl Strategy<Value = Probe> {
    let times = (span(9_000), 1u64..8, span(1_500), option::of(span(9_000)));
    (times, 1u32..3, 1u32..4).prop_map(|((initial_delay, period, timeout, grace), successes, failures)| Probe {
        initial_delay,
        period: Span::from_secs(period),
        timeout,
        successes,
        failures,
        grace,
    })
}

fn start() -> impl Strategy<Value = PodSpec> {
    let readiness = prop_oneof![
        3 => Just(Readiness::Immediate),
        1 => Just(Readiness::Unprobed),
        2 => probe().prop_map(Readiness::Probed),
    ];
    let probes = (readiness, option::weighted(0.3, probe()), option::weighted(0.2, probe()));
    (law(0.0, 5.0), law(0.0, 15.0), probes, any::<bool>(), span(1_000)).prop_map(
        |(scheduling, startup, (readiness, liveness, startup_probe), publish_not_ready, relist)| PodSpec {
            scheduling,
            startup,
            readiness,
            liveness,
            startup_probe,
            publish_not_ready,
            relist,
            resync: relist * 10,
            ..PodSpec::default()
        },
    )
}

fn shutdown() -> impl Strategy<Value = ShutdownSpec> {
    let drain = (span(20_000), prop_oneof![Just(Span::ZERO), (1u64..30).prop_map(|n| Span::from_millis(n * 100))]);
    let on_sigterm = prop_oneof![
        3 => Just(OnSigterm::Close),
        1 => Just(OnSigterm::Ignore),
        2 => drain.prop_map(|(over, every)| OnSigterm::Drain { over, every }),
    ];
    (span(6_000), span(20_000), on_sigterm).prop_map(|(pre_stop, grace, on_sigterm)| ShutdownSpec {
        pre_stop,
        grace,
        on_sigterm,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let choice = prop_oneof![Just(Choice::Random), (0u32..8).prop_map(Choice::Number)];
    prop_oneof![
        3 => choice.clone().prop_map(Action::Crash),
        2 => choice.prop_map(Action::Restart),
        1 => Just(Action::RollingRestart(RolloutMode::Surge)),
        1 => Just(Action::RollingRestart(RolloutMode::InPlace)),
        3 => (1u32..7).prop_map(|to| Action::Scale { to }),
        1 => Just(Action::ReloadBalancer),
        1 => (0u32..4, span(60_000)).prop_map(|(pod, length)| Action::Freeze { pod: Choice::Number(pod), length }),
        1 => (0.1..50.0, span(9_000)).prop_map(|(factor, lasts)| Action::SlowDatabase { factor, lasts }),
        2 => (span(12_000), option::of(span(20_000))).prop_map(|(lasts, forgets)| Action::RedisOutage { lasts, forgets }),
        1 => span(5_000).prop_map(|lasts| Action::RedisStall { lasts }),
        4 => outage(),
        1 => (place(), option::of(span(60_000))).prop_map(|(node, lasts)| Action::DrainNode { node, lasts }),
        1 => span(9_000).prop_map(|reboot| Action::UpgradeNodes { reboot }),
        1 => (0.0..1.0, law(0.0, 5.0), 0.0..1.0)
            .prop_map(|(share, gap, same_network)| Action::AddressChanges { share, gap, same_network }),
    ]
}

/// Two nodes there always are.
fn place() -> impl Strategy<Value = Choice> {
    prop_oneof![Just(Choice::Random), (0u32..2).prop_map(Choice::Number)]
}

fn outage() -> impl Strategy<Value = Action> {
    let from = select(vec![Outage::Power, Outage::Network, Outage::ControlPlane]);
    let of = prop_oneof![
        2 => place().prop_map(NodeSet::Node),
        1 => prop_oneof![Just(Choice::Random), Just(Choice::Number(0))].prop_map(NodeSet::Zone),
    ];
    (of, from, option::of(span(30_000))).prop_map(|(of, from, lasts)| Action::Outage { of, from, lasts })
}

fn nodes() -> impl Strategy<Value = NodesSpec> {
    (2u32..6, 1u32..3, 1u32..5, [1u64..9, 1u64..5, 10u64..30, 1u64..20]).prop_map(
        |(count, zones, max_pods, [renewal, period, grace, toleration])| NodesSpec {
            count,
            zones,
            max_pods,
            lease_renewal: Span::from_secs(renewal),
            monitor_period: Span::from_secs(period),
            monitor_grace: Span::from_secs(grace),
            toleration: Span::from_secs(toleration),
        },
    )
}

fn budget() -> impl Strategy<Value = DisruptionBudget> {
    let amount = || prop_oneof![(0u32..4).prop_map(Amount::Pods), (0.0..1.0).prop_map(Amount::Share)];
    let keeps = prop_oneof![amount().prop_map(Keeps::MinAvailable), amount().prop_map(Keeps::MaxUnavailable)];
    (keeps, any::<bool>()).prop_map(|(keeps, evicts_unready)| DisruptionBudget { keeps, evicts_unready })
}

/// Something that happens again and again, each with a clock of its own if it can be.
fn recurring() -> impl Strategy<Value = TimedAction> {
    let each = prop_oneof![
        Just(Action::Crash(Choice::Each)),
        Just(Action::Restart(Choice::Each)),
        span(5_000).prop_map(|length| Action::Freeze { pod: Choice::Each, length }),
        span(9_000).prop_map(|lasts| Action::Outage {
            of: NodeSet::Node(Choice::Each),
            from: Outage::Power,
            lasts: Some(lasts)
        }),
    ];
    ((2.0..40.0), prop_oneof![each, action()])
        .prop_map(|(mean, action)| TimedAction::every(Law::exponential(mean * 1e9), action))
}

fn timeline() -> impl Strategy<Value = Vec<TimedAction>> {
    // half seconds, so that some fall on the same moment
    vec((0u64..120, action()), 0..8).prop_map(|mut raw| {
        raw.sort_by_key(|entry| entry.0);
        raw.into_iter().map(|(at, action)| TimedAction::once(Span::from_millis(at * 500), action)).collect()
    })
}

fn rollout() -> impl Strategy<Value = RolloutSpec> {
    let amount = || prop_oneof![(0u32..3).prop_map(Amount::Pods), (0.0..1.0).prop_map(Amount::Share)];
    let strategy = prop_oneof![
        3 => Just(RolloutStrategy::Rolling),
        1 => Just(RolloutStrategy::Recreate),
        1 => (0u32..4).prop_map(|partition| RolloutStrategy::Ordered { partition }),
    ];
    let cost = prop_oneof![Just(DeletionCost::None), Just(DeletionCost::Connections)];
    (amount(), amount(), strategy, span(9_000), span(30_000), cost).prop_map(
        |(max_surge, max_unavailable, strategy, min_ready, progress_deadline, deletion_cost)| RolloutSpec {
            max_surge,
            max_unavailable,
            strategy,
            min_ready,
            progress_deadline,
            deletion_cost,
        },
    )
}

fn autoscaler() -> impl Strategy<Value = AutoscalerSpec> {
    let metric = prop_oneof![
        (1u32..200).prop_map(MetricSpec::Cpu),
        (1u32..200).prop_map(MetricSpec::Memory),
        (0.5..20.0).prop_map(MetricSpec::Connections),
        (0.1..9.0).prop_map(MetricSpec::Requests),
    ];
    let by = prop_oneof![(1u32..9).prop_map(ScaleBy::Pods), (1u32..200).prop_map(ScaleBy::Percent)];
    let policy = (by, 1u64..30).prop_map(|(by, s)| ScalingPolicy { by, every: Span::from_secs(s) });
    let select = select(vec![Select::Max, Select::Min, Select::Disabled]);
    let rules = (span(20_000), vec(policy, 1..3), select);
    let rules = rules.prop_map(|(window, policies, select)| ScalingRules { window, policies, select });
    let both = vec(rules, 2).prop_map(|rules| <[ScalingRules; 2]>::try_from(rules).expect("two"));
    let periods = (1u64..20, 1u64..20, 0.0..0.3, any::<bool>());
    ((1u32..4, 0u32..5), vec(metric, 1..4), periods, option::of(both)).prop_map(
        |((min, more), metrics, (sync, scrape, tolerance, external), behavior)| AutoscalerSpec {
            min,
            max: min + more,
            metrics,
            tolerance,
            sync: Span::from_secs(sync),
            scrape: Span::from_secs(scrape),
            cpu_request: 0.5,
            memory_request: Some(100_000),
            external,
            behavior,
        },
    )
}

fn redis() -> impl Strategy<Value = RedisSpec> {
    let own = (1u32..4, any::<bool>()).prop_map(|(publishes, all)| Adapter::PubSub {
        publishes,
        subscribe: if all { Subscribe::All } else { Subscribe::PerRoom },
    });
    let adapter = prop_oneof![3 => select(NAMED.map(|named| named.adapter).to_vec()), 1 => own];
    let clients = vec![
        RedisClient::NodeRedis4,
        RedisClient::NodeRedis5,
        RedisClient::NodeRedis6,
        RedisClient::IoRedis5,
        RedisClient::IoRedis6,
        RedisClient::RedisPy,
    ];
    let at_start = prop_oneof![Just(WithoutRedis::Waits), Just(WithoutRedis::StaysAlone)];
    let held = (0u64..20_000, 0u64..2_000, span(5_000));
    let output_buffer = held.prop_map(|(hard, soft, soft_for)| OutputBufferLimits { hard, soft, soft_for });
    let who = (adapter, any::<bool>(), select(clients), at_start, 1u16..4, output_buffer);
    (who, [span(5), span(3), span(2), span(1)], span(10)).prop_map(
        |(
            (adapter, recovery, client, at_start, nodes, output_buffer),
            [publish, copy, publish_busy, copy_busy],
            hop,
        )| RedisSpec {
            law: adapter::Law { recovery, ..adapter::Law::of(adapter) },
            costs: RedisCosts { publish, copy, publish_busy, copy_busy },
            hop,
            nodes,
            forward: publish_busy,
            client,
            at_start,
            output_buffer,
        },
    )
}

fn spec() -> impl Strategy<Value = ClusterSpec> {
    let times = (10u64..60, 0u64..9, any::<bool>(), 1u64..8);
    let rooms = option::of(
        (1.0..8.0, 1u32..4).prop_map(|(mean, per_client)| RoomsSpec { sizes: Law::Geometric { mean }, per_client }),
    );
    let load = (vec(audience(), 1..4), vec((traffic(), any::<u8>()), 0..4), vec(tick(), 0..3), rooms);
    let data = (option::of(database()), option::of(sessions()), option::of(span(40_000)));
    let places = (option::weighted(0.5, nodes()), option::of(budget()), option::weighted(0.3, recurring()));
    let pods = (pods(), rollout(), option::weighted(0.3, autoscaler()), places);
    (times, load, vec(balancer(), 1..4), pods, redis(), data, timeline()).prop_map(
        |((duration, warm_up, steady_start, sample), load, balancers, pods, redis, data, mut timeline)| {
            let (pods, rollout, autoscaler, (nodes, disruption_budget, recurring)) = pods;
            timeline.extend(recurring);
            let needs_nodes = |action: &Action| {
                matches!(action, Action::Outage { .. } | Action::DrainNode { .. } | Action::UpgradeNodes { .. })
            };
            timeline.retain(|timed| nodes.is_some() || !needs_nodes(&timed.action));
            let (database, sessions, recovery) = data;
            let able = matches!(redis.law.adapter, Adapter::None | Adapter::Streams { .. });
            let recovery = recovery.filter(|_| able && redis.law.recovery);
            let sessions = sessions.filter(|known| known.store != SessionStore::Database || database.is_some());
            let (audiences, traffic, mut ticks, rooms) = load;
            let traffic = traffic
                .into_iter()
                .map(|(entry, mask)| possible(entry, mask, &audiences, rooms.is_some(), database.is_some()));
            for tick in &mut ticks {
                let for_room = !matches!(tick.operation.target(), None | Some(To::All));
                let is_known = redis.law.plan(tick.operation, adapter::Event { bytes: tick.bytes }).is_some();
                if !is_known || (for_room && rooms.is_none()) {
                    tick.operation = TO_ALL;
                }
            }
            ClusterSpec {
                duration: Span::from_secs(duration),
                warm_up: Span::from_secs(warm_up),
                steady_start,
                sample_every: Span::from_secs(sample),
                traffic: traffic.collect(),
                audiences,
                ticks,
                rooms,
                balancers,
                pods,
                nodes,
                rollout,
                disruption_budget,
                autoscaler,
                redis,
                database,
                sessions,
                recovery,
                timeline,
                max_events: 3_000_000,
            }
        },
    )
}

/// Traffic that these audiences can have: only those with a WebSocket emit by it or are in rooms.
fn possible(mut entry: TrafficSpec, mask: u8, audiences: &[AudienceSpec], rooms: bool, database: bool) -> TrafficSpec {
    if let TrafficAction::ApiWithData { data, .. } = &mut entry.action
        && !database
    {
        data.queries = 0;
    }
    if let TrafficAction::Emit { to, via: Via::LocalFirst, .. } = &mut entry.action {
        *to = Target::Own;
    }
    if let TrafficAction::Emit { to, .. } = &mut entry.action
        && !rooms
        && to.is_room()
    {
        *to = Target::All;
    }
    let needs_socket =
        matches!(entry.action, TrafficAction::Emit { to, via, .. } if to.is_room() || via == Via::Socket);
    entry.audiences = audiences
        .iter()
        .enumerate()
        .map(|(i, a)| mask >> i & 1 == 1 && (a.transports.connect() || !needs_socket))
        .collect();
    entry
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        // the same verdict every time; 20,000 cases of another seed held when this was written
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_books_of_any_cluster_balance_and_a_run_repeats_itself(spec in spec(), seed in any::<u64>()) {
        let first = simulate(&spec, Seed(seed)).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let again = simulate(&spec, Seed(seed)).expect("as before");
        prop_assert_eq!((first.digest, first.events), (again.digest, again.events));
        prop_assert_eq!(&first.counts, &again.counts);
        prop_assert_eq!(&first.series, &again.series);
        prop_assert_eq!(first.latencies.request.sum_s(), again.latencies.request.sum_s());
        // nothing is more than all of it; limits may be passed, and an event may be repeated several times
        let is_share = |figure: &FigureId| {
            let family = figure.family();
            family.unit == Unit::Share && !family.name.starts_with("limits.") && family.name != "acks.repeated"
        };
        for figure in FigureId::all().filter(is_share) {
            let value = figure.value(&first).unwrap_or(0.0);
            prop_assert!((0.0..=1.0).contains(&value), "{figure}: {value}");
        }
        // whatever is counted as done has its duration
        let done = &first.counts;
        prop_assert_eq!(first.latencies.request.count(), done.requests_answered);
        prop_assert_eq!(first.latencies.event_local.count(), done.delivered_local);
        prop_assert_eq!(first.latencies.event_cross.count(), done.delivered_cross);
        let times = match spec.redis.law.adapter {
            Adapter::PubSub { publishes, .. } => u64::from(publishes),
            _ => 1,
        };
        prop_assert_eq!(first.latencies.redis_wait.count() * times, done.redis_publish);
        prop_assert_eq!(first.latencies.offline.count(), done.reconnects);
        prop_assert!(done.cache_hits <= done.cache_lookups);
        prop_assert!(done.sessions_moved <= done.reconnects && done.moved.total() <= done.routed_again);
    }

    #[test]
    fn what_is_known_of_requests_at_a_moment_is_what_a_run_knows_that_ends_then(
        mut spec in spec(), seed in any::<u64>(), slow in 500u64..5_000, cut in 61u64..140,
    ) {
        spec.pods.costs.request = Span::from_millis(slow);
        (spec.warm_up, spec.duration) = (Span::ZERO, Span::from_secs(140));
        let window = Window { from: Span::ZERO, to: Span::from_secs(cut) };
        let (_, parts) = simulate_during(&spec, &[window], Seed(seed)).expect("balances");
        spec.duration = window.to;
        let ended = simulate(&spec, Seed(seed)).expect("balances");
        let of = |c: &Counts| (c.requests, c.requests_answered, c.requests_failed);
        prop_assert_eq!(of(&parts[0].counts), of(&ended.counts));
    }

    #[test]
    fn more_cpu_never_makes_a_request_slower(
        trace in trace(),
        work in law(0.001, 0.5),
        cpu in vec(0.1f64..1.0, 2),
        pods in 1u32..4,
        seed in any::<u64>(),
    ) {
        // the trace ends long before the run, so that both answer every request: else the slower one would look
        // faster by leaving slow requests out
        let mut spec = cluster(pods, NginxMethod::RoundRobin, 1, false);
        spec.duration = Span::from_secs(3_600);
        spec.audiences[0].population = Population::Trace { trace: Arc::new(trace), work };
        let quantiles = |cpu: f64| {
            let mut spec = spec.clone();
            spec.pods.cpu = cpu;
            let request = simulate(&spec, Seed(seed)).expect("balances").latencies.request;
            (request.count(), [0.5, 0.99, 1.0].map(|q| request.quantile_ms(q)), request.mean_ms())
        };
        let (less, more) = (quantiles(cpu[0].min(cpu[1])), quantiles(cpu[0].max(cpu[1])));
        prop_assume!(less.0 == more.0); // none timed out
        for (slow, fast) in less.1.iter().chain([&less.2]).zip(more.1.iter().chain([&more.2])) {
            prop_assert!(fast <= slow, "{less:?} with less CPU, {more:?} with more");
        }
    }
}

/// Every balancer there is, with the settings that matter.
fn balancers() -> Vec<BalancerSpec> {
    let nginx = |method| BalancerSpec::Nginx(NginxSpec { method, ..NginxSpec::default() });
    let ingress = |affinity, affinity_mode| {
        BalancerSpec::IngressNginx(IngressNginxSpec { affinity, affinity_mode, ..IngressNginxSpec::default() })
    };
    vec![
        nginx(NginxMethod::RoundRobin),
        nginx(NginxMethod::LeastConn),
        nginx(NginxMethod::Random { two: false }),
        nginx(NginxMethod::IpHash),
        ingress(Affinity::None, AffinityMode::Balanced),
        ingress(Affinity::Cookie, AffinityMode::Balanced),
        ingress(Affinity::Cookie, AffinityMode::Persistent),
    ]
}

#[test]
fn every_balancer_sees_the_same_clients_and_the_same_traffic() {
    let mut spec = cluster(3, NginxMethod::RoundRobin, 0, true);
    spec.pods.costs = Costs { request: Span::from_millis(3), connect: Span::from_millis(2), ..no_costs() };
    spec.audiences[0].population =
        Population::Arriving { rate_per_s: 0.5, profile: vec![], session: Law::exponential(seconds(120.0)) };
    spec.audiences[0].network.rtt = Law::exponential(seconds(0.05));
    spec.audiences[0].network.jitter_sigma = 0.3;
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(4.0), per_client: 2 });
    let emit = |to, via| TrafficAction::Emit { to, via, bytes: 100, work: Law::exponential(seconds(0.001)) };
    spec.traffic = vec![api(5.0, Law::exponential(seconds(0.01)))];
    for (to, via) in [(Target::Room, Via::Api), (Target::Own, Via::Api), (Target::All, Via::Api)] {
        spec.traffic.push(TrafficSpec { action: emit(to, via), ..api(20.0, Law::Fixed(0.0)) });
    }
    let seen: Vec<_> = balancers()
        .into_iter()
        .map(|balancer| {
            let record =
                simulate(&ClusterSpec { balancers: vec![balancer], ..spec.clone() }, Seed(9)).expect("balances");
            let counts = record.counts;
            (counts.requests, counts.events_emitted, counts.connect_attempts, counts.closed, counts.heartbeats)
        })
        .collect();
    println!("{:?}", seen[0]);
    assert!(seen[0].0 > 5_000 && seen.iter().all(|other| *other == seen[0]), "{seen:?}");
}
