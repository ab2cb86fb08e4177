//! A filled file to the specification of a cluster. Validation has passed: nothing here can fail for a user's reason.

mod autoscaler;
mod data;
mod life;
mod nodes;
mod redis;
mod sessions;
mod timeline;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::*;
use super::law::{DurationLaw, LawText, NumberLaw};
use super::units::{Share, Size};
use super::words::{Attempts, LawOrNever, Memory, Recipients, ReconnectText, RefreshText, TransportsText, WarmUp};
use crate::cluster::spec::*;
use crate::engine::{Law, Span};

/// What the tables of defaults put there.
fn filled<T>(value: &Option<T>) -> &T {
    value.as_ref().expect("every default is filled in before a cluster is built")
}

fn nanos(law: &Option<DurationLaw>) -> Law {
    filled(law).law()
}

fn bytes(size: &Option<Size>) -> u32 {
    u32::try_from(filled(size).bytes()).unwrap_or(u32::MAX)
}

/// Builds the cluster of a filled and validated file.
pub fn build(file: &ScenarioFile, traces: &BTreeMap<String, Arc<Trace>>) -> ClusterSpec {
    let pods = build_pods(filled(&file.pods), filled(&file.redis), file.prices.as_ref());
    ClusterSpec {
        duration: *filled(&file.duration),
        warm_up: match filled(&file.warm_up) {
            WarmUp::After(span) => *span,
            WarmUp::Auto => Span::ZERO,
        },
        steady_start: *filled(&file.start) == Start::Steady,
        sample_every: *filled(&file.sample_every),
        audiences: file.clients.iter().map(|audience| build_audience(audience, traces)).collect(),
        traffic: build_traffic(file.traffic.as_deref().unwrap_or_default(), file),
        ticks: build_ticks(file.server_traffic.as_deref().unwrap_or_default()),
        rooms: file
            .rooms
            .as_ref()
            .map(|rooms| RoomsSpec { sizes: rooms.sizes.law(), per_client: *filled(&rooms.per_client) }),
        balancers: filled(&file.balancers).clone(),
        nodes: file.nodes.as_ref().map(nodes::nodes),
        rollout: life::rollout(filled(&file.rollout)),
        disruption_budget: file.disruption_budget.as_ref().map(nodes::budget),
        autoscaler: file.autoscaler.as_ref().map(|text| autoscaler::autoscaler(text, &pods)),
        pods,
        redis: redis::redis(filled(&file.redis)),
        database: file.database.as_ref().map(data::database),
        sessions: filled(&filled(&file.pods).sessions).store().map(|(store, text)| sessions::sessions(store, text)),
        recovery: redis::recovery(filled(&file.redis)),
        timeline: timeline::timeline(filled(&file.timeline).as_slice(), filled(&file.redis)),
        max_events: filled(&file.max_events).value(),
    }
}

fn build_audience(audience: &Audience, traces: &BTreeMap<String, Arc<Trace>>) -> AudienceSpec {
    let network = filled(&audience.network);
    let cookies = filled(&audience.cookies);
    AudienceSpec {
        name: filled(&audience.name).clone(),
        population: population(audience, traces),
        network: NetworkSpec {
            rtt: nanos(&network.rtt),
            jitter_sigma: filled(&network.jitter).value(),
            ipv6: filled(&network.ipv6).fraction(),
            sharing: sharing(filled(&network.shared_address), audience.count),
            address_change: address_change(filled(&network.address_change)),
            http: match filled(&network.http) {
                HttpText::Http10 => Http::OneRequest,
                HttpText::Http11 => Http::OneAtATime,
                HttpText::Http2 => Http::Shared,
            },
            blocks_websockets: filled(&network.blocks_websockets).fraction(),
        },
        cookies: CookieSpec {
            keep: filled(&cookies.keep).fraction(),
            cleared_every: law_or_never(filled(&cookies.cleared_every)),
        },
        reconnect: reconnect(filled(&audience.reconnect)),
        refresh: match filled(&audience.refresh) {
            RefreshText::Never => None,
            RefreshText::Refresh(refresh) => {
                Some(RefreshSpec { every: refresh.every.law(), load: nanos(&refresh.load) })
            }
        },
        transports: match filled(&audience.transports) {
            TransportsText::None => Transports::None,
            TransportsText::PollingFirst => Transports::PollingFirst,
            TransportsText::WebSocketFirst | TransportsText::WebSocket => Transports::WebSocket,
            TransportsText::Polling => Transports::Polling,
        },
    }
}

fn reconnect(text: &ReconnectText) -> ReconnectPolicy {
    let backoff = match text {
        ReconnectText::SocketIo => return ReconnectPolicy::SOCKET_IO,
        ReconnectText::Never => return ReconnectPolicy::NEVER,
        ReconnectText::Backoff(backoff) => backoff,
    };
    let (first, max) = (backoff.first.unwrap_or_default(), backoff.max.unwrap_or_default());
    let jitter = backoff.jitter.map_or(0.0, Share::fraction);
    let (law, attempts) = match filled(&backoff.policy) {
        PolicyName::SocketIo => (
            RetryLaw::SocketIo {
                first: filled(&backoff.reconnection_delay).0,
                max: filled(&backoff.reconnection_delay_max).0,
                randomization: filled(&backoff.randomization_factor).fraction(),
            },
            &backoff.reconnection_attempts,
        ),
        PolicyName::PythonSocketIo => (RetryLaw::PythonSocketIo, &backoff.attempts),
        PolicyName::Immediate => (RetryLaw::Immediate, &backoff.attempts),
        PolicyName::Fixed => (RetryLaw::Fixed { delay: first, jitter }, &backoff.attempts),
        PolicyName::Exponential => (RetryLaw::Exponential { first, max, jitter }, &backoff.attempts),
        PolicyName::FullJitter => (RetryLaw::FullJitter { first, max }, &backoff.attempts),
        PolicyName::EqualJitter => (RetryLaw::EqualJitter { first, max }, &backoff.attempts),
        PolicyName::Decorrelated => (RetryLaw::Decorrelated { first, max }, &backoff.attempts),
    };
    let attempts = match filled(attempts) {
        Attempts::Unlimited => None,
        Attempts::Number(number) => Some(*number),
    };
    ReconnectPolicy { law, attempts }
}

fn population(audience: &Audience, traces: &BTreeMap<String, Arc<Trace>>) -> Population {
    if let Some(trace) = &audience.trace {
        let requests = traces.get(&trace.file).cloned().unwrap_or_default();
        return Population::Trace { trace: requests, work: nanos(&trace.work) };
    }
    if let Some(arrivals) = &audience.arrivals {
        let mut profile: Vec<(Span, f64)> =
            filled(&arrivals.profile).at.iter().map(|(at, factor)| (*at, factor.value())).collect();
        if matches!(profile[..], [(_, 1.0)]) {
            profile.clear();
        }
        return Population::Arriving {
            rate_per_s: arrivals.rate.per_second(),
            profile,
            session: nanos(&audience.session),
        };
    }
    Population::Present { count: *filled(&audience.count) }
}

fn sharing(shared: &SharedAddress, count: Option<u32>) -> Sharing {
    if let Some(list) = &shared.list {
        let mut weights: Vec<f64> = list.iter().map(|&size| f64::from(size)).collect();
        let members = list.iter().map(|&size| u64::from(size)).sum::<u64>();
        let others = count.map_or(0, |count| u64::from(count).saturating_sub(members));
        weights.extend((0..others).map(|_| 1.0)); // an own address each
        return Sharing::Weights(weights);
    }
    match (shared.groups, &shared.sizes) {
        (Some(groups), Some(NumberLaw::Zipf(zipf))) => {
            let weight = |rank: u32| libm::exp(-zipf.s.value() * libm::log(f64::from(rank)));
            Sharing::Weights((1..=groups).map(weight).collect())
        }
        (Some(groups), _) => Sharing::Weights(vec![1.0; groups as usize]),
        (None, Some(LawText::Fixed(one))) if one.value() == 1.0 => Sharing::Own,
        (None, Some(sizes)) => Sharing::Sizes(sizes.law()),
        (None, None) => Sharing::Own,
    }
}

fn law_or_never(law: &LawOrNever) -> Option<Law> {
    match law {
        LawOrNever::Never => None,
        LawOrNever::Every(law) => Some(law.law()),
    }
}

fn address_change(change: &AddressChange) -> Option<AddressChangeSpec> {
    let every = law_or_never(filled(&change.every))?;
    Some(AddressChangeSpec { every, gap: nanos(&change.gap), same_network: filled(&change.same_network).fraction() })
}

/// Names of things of the same kind: `api`, `api 2`, `api 3`.
pub fn numbered(kind: &str, before: usize) -> String {
    if before == 0 { kind.to_owned() } else { format!("{kind} {}", before + 1) }
}

/// The kind of an entry of `traffic`, as it is written.
pub fn kind(traffic: &Traffic) -> &'static str {
    match traffic {
        Traffic::Api(_) => "api",
        Traffic::Emit(_) => "emit",
        Traffic::Notify(_) => "notify",
    }
}

/// For each audience, whether its clients take part. `all` leaves out traces, whose requests are recorded already, and
/// for events over a WebSocket those who have none.
pub fn takes_part(clients: &Recipients, file: &ScenarioFile, needs_websocket: bool) -> Vec<bool> {
    let chosen = |audience: &Audience| match clients {
        Recipients::All => {
            audience.trace.is_none() && (!needs_websocket || audience.transports != Some(TransportsText::None))
        }
        Recipients::Names(names) => audience.name.as_ref().is_some_and(|name| names.contains(name)),
    };
    file.clients.iter().map(chosen).collect()
}

fn build_traffic(traffic: &[Traffic], file: &ScenarioFile) -> Vec<TrafficSpec> {
    let one = |(at, entry): (usize, &Traffic)| {
        let before = traffic[..at].iter().filter(|other| kind(other) == kind(entry)).count();
        let (every, clients, action) = match entry {
            Traffic::Api(api) => (&api.every, &api.clients, data::api(api)),
            Traffic::Emit(emit) => {
                let to = match emit.to {
                    EmitTo::Room => Target::Room,
                    EmitTo::RoomButSender => Target::RoomButSender,
                    EmitTo::All => Target::All,
                    EmitTo::AllButSender => Target::AllButSender,
                    EmitTo::Own => Target::Own,
                };
                let via = match filled(&emit.via) {
                    ViaText::Socket => Via::Socket,
                    ViaText::Api => Via::Api,
                };
                (
                    &emit.every,
                    &emit.clients,
                    TrafficAction::Emit { to, via, bytes: bytes(&emit.bytes), work: nanos(&emit.work) },
                )
            }
            Traffic::Notify(notify) => {
                let action = TrafficAction::Emit {
                    to: Target::Own,
                    via: if *filled(&notify.local_first) { Via::LocalFirst } else { Via::Api },
                    bytes: bytes(&notify.bytes),
                    work: nanos(&notify.work),
                };
                (&notify.every, &notify.clients, action)
            }
        };
        let needs_websocket = matches!(
            action,
            TrafficAction::Emit { via: Via::Socket, .. } | TrafficAction::Emit { to: Target::Own, .. }
        );
        TrafficSpec {
            name: numbered(kind(entry), before),
            every: every.law(),
            audiences: takes_part(filled(clients), file, needs_websocket),
            action,
            ack: match entry {
                Traffic::Emit(EmitTraffic { ack: Some(ack), .. }) => {
                    Some(AckSpec { timeout: *filled(&ack.timeout), retries: *filled(&ack.retries) })
                }
                Traffic::Api(_) | Traffic::Emit(_) | Traffic::Notify(_) => None,
            },
        }
    };
    traffic.iter().enumerate().map(one).collect()
}

fn build_ticks(traffic: &[ServerTraffic]) -> Vec<TickSpec> {
    let one = |(at, traffic): (usize, &ServerTraffic)| match traffic {
        ServerTraffic::Tick(tick) => TickSpec {
            name: numbered("tick", at),
            every: tick.every,
            operation: redis::emit_to(tick.to),
            bytes: bytes(&tick.bytes),
        },
        ServerTraffic::Operation(operation) => TickSpec {
            name: numbered("operation", at),
            every: operation.every,
            operation: redis::operation(operation.name),
            bytes: bytes(&operation.bytes),
        },
    };
    traffic.iter().enumerate().map(one).collect()
}

fn build_pods(pods: &Pods, redis: &Redis, prices: Option<&PricesText>) -> PodSpec {
    let costs = filled(&pods.costs);
    let entry = if redis::reads_streams(redis) { *filled(&costs.stream_entry) } else { Span::ZERO };
    PodSpec {
        replicas: *filled(&pods.replicas),
        cpu: filled(&pods.cpu).value(),
        workers: *filled(&pods.workers),
        memory_bytes: match filled(&pods.memory) {
            Memory::None => None,
            Memory::Limit(size) => Some(size.bytes()),
        },
        costs: Costs {
            connect: *filled(&costs.connect),
            disconnect: *filled(&costs.disconnect),
            request: *filled(&costs.request),
            receive: *filled(&costs.receive),
            broadcast: *filled(&costs.broadcast),
            send: *filled(&costs.send),
            publish: *filled(&costs.publish),
            copy_dropped: *filled(&costs.copy_dropped) + entry,
            copy_delivered: *filled(&costs.copy_delivered) + entry,
            heartbeat: *filled(&costs.heartbeat),
            heartbeat_every: *filled(&costs.heartbeat_every),
            heartbeat_timeout: *filled(&costs.heartbeat_timeout),
            poll: *filled(&costs.poll),
            upgrade_check: *filled(&costs.upgrade_check),
            memory_base: filled(&costs.memory_base).bytes(),
            memory_per_connection: filled(&costs.memory_per_connection).bytes(),
            memory_per_poller: filled(&costs.memory_per_poller).bytes(),
        },
        scheduling: nanos(&pods.scheduling),
        startup: nanos(&pods.startup),
        readiness: life::readiness(filled(&pods.readiness)),
        liveness: pods.liveness.as_ref().map(life::probe),
        startup_probe: pods.startup_probe.as_ref().map(life::probe),
        publish_not_ready: *filled(&pods.publish_not_ready),
        relist: *filled(&pods.relist),
        resync: *filled(&pods.resync),
        shutdown: life::shutdown(filled(&pods.shutdown)),
        admission: pods.admission.as_ref().map(|admission| Admission {
            every: Span::from_nanos_f64(1e9 / admission.rate.per_second()),
            burst: *filled(&admission.burst),
        }),
        max_connections: pods.max_connections,
        max_connection_age: pods.max_connection_age.as_ref().map(DurationLaw::law),
        rebalance: pods.rebalance.as_ref().map(life::rebalance),
        hour_price: prices.map(|prices| prices.pod_hour.value()),
    }
}
