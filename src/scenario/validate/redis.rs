//! Bounds of Redis, and what adapters can and cannot do.

use super::super::file::{AdapterText, ClientText, PubSub, RecoveryText, ScenarioFile, ServerTraffic, TopologyText};
use super::Checks;
use crate::cluster::adapter::{Adapter, Event, Law};
use crate::engine::Span;

/// No event is published more often than this.
const MAX_PUBLISHES: u32 = 1_000;
/// More masters than this are not recommended by anybody.
const MAX_NODES: u16 = 1_000;

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    let Some(redis) = &file.redis else { return };
    if let Some(cpu) = redis.cpu.map(|cpu| cpu.value())
        && !(0.01..=1_000.0).contains(&cpu)
    {
        checks.fail("out-of-range", "redis.cpu", format!("{cpu} cores are not possible"), "write 0.01 to 1000");
    }
    if let Some(nodes) = redis.nodes {
        let alone = redis.topology != Some(TopologyText::Cluster);
        if !(1..=MAX_NODES).contains(&nodes) {
            let message = format!("a cluster of {nodes} masters is not possible");
            checks.fail("out-of-range", "redis.nodes", message, format!("write 1 to {MAX_NODES}"));
        } else if alone && nodes > 1 {
            checks.fail(
                "no-effect",
                "redis.nodes",
                "without a cluster one server takes all commands",
                "add `topology: cluster`, or remove `nodes`",
            );
        }
    }
    if let Some(buffer) = redis.output_buffer
        && let (Some(hard), Some(soft)) = (buffer.hard, buffer.soft)
        && hard.bytes() > 0
        && soft > hard
    {
        checks.fail(
            "no-effect",
            "redis.output_buffer.soft",
            "it is more than the hard limit, which cuts a pod off before",
            "write less than `hard`, or `0Mi` for none",
        );
    }
    let Some(text) = redis.adapter else { return };
    if let AdapterText::PubSub(PubSub { publishes: Some(publishes), .. }) = text
        && !(1..=MAX_PUBLISHES).contains(&publishes)
    {
        checks.fail(
            "out-of-range",
            "redis.adapter.pubsub.publishes",
            format!("an event cannot be published {publishes} times"),
            format!("write 1 to {MAX_PUBLISHES}; for no adapter at all `adapter: none`"),
        );
        return;
    }
    let adapter = text.adapter();
    if let Some(client) = redis.client
        && (client == ClientText::RedisPy) != (adapter == Adapter::PythonSocketIo)
        && !matches!(adapter, Adapter::None | Adapter::PubSub { .. })
    {
        checks.fail(
            "conflict",
            "redis.client",
            "this library is of another language than the adapter",
            "python-socketio goes with `redis-py`, the adapters of Node.js with `node-redis-6`, `ioredis-6` or older ones",
        );
    }
    let recovers = redis.recovery.is_some_and(|recovery| recovery != RecoveryText::Off);
    let law = Law { recovery: recovers, ..Law::of(adapter) };
    if recovers {
        let replicas = file.pods.as_ref().and_then(|pods| pods.replicas);
        let scaled = file.timeline.iter().flatten().filter_map(|entry| entry.scale.as_ref()).any(|scale| scale.to > 1);
        check_recovery(checks, redis.recovery, adapter, replicas == Some(1) && !scaled);
    }
    for (at, traffic) in file.server_traffic.iter().flatten().enumerate() {
        let ServerTraffic::Operation(operation) = traffic else { continue };
        let name = operation.name.0;
        if law.plan((name.operation)(1), Event { bytes: 100 }).is_none() {
            checks.fail(
                "no-operation",
                &format!("server_traffic.{at}.operation.name"),
                format!("this adapter has no `{}`", name.call),
                format!("`stickysim adapter --operations {}` shows which adapters have it", name.word),
            );
        }
    }
}

fn check_recovery(checks: &mut Checks, recovery: Option<RecoveryText>, adapter: Adapter, one_pod: bool) {
    let path = "redis.recovery";
    match adapter {
        Adapter::PythonSocketIo | Adapter::PubSub { .. } => checks.fail(
            "no-effect",
            path,
            "connection state recovery is a setting of Socket.IO on Node.js; here it changes nothing",
            "remove it, or choose `adapter: streams`, with which clients are recovered on any pod",
        ),
        Adapter::None if !one_pod => checks.fail(
            "conflict",
            path,
            "without an adapter a pod knows only what it has emitted itself, so clients are recovered with one pod alone",
            "write `pods: {replicas: 1}` without `scale`, or choose `adapter: streams`, with which clients are recovered on any pod",
        ),
        _ => {}
    }
    if recovery == Some(RecoveryText::For(Span::ZERO)) {
        checks.fail(
            "zero",
            path,
            "a connection that can be recovered for no time cannot be recovered",
            "write `2m`, or `false`",
        );
    }
}
