//! Redis and the adapter.

use super::super::file::{AtStart, ClientText, OperationText, PersistenceText, RecoveryText, Redis, TickTo};
use super::filled;
use crate::cluster::adapter::{Adapter, Emit, Law, Operation, To};
use crate::cluster::spec::{OutputBufferLimits, ROOM_NAME, RedisClient, RedisCosts, RedisSpec, WithoutRedis};
use crate::engine::Span;

/// How pods reach each other.
pub fn redis(redis: &Redis) -> RedisSpec {
    let recovers = *filled(&redis.recovery) != RecoveryText::Off;
    let law = Law { recovery: recovers, ..Law::of(filled(&redis.adapter).adapter()) };
    let stretch = (1.0 / filled(&redis.cpu).value()).max(1.0);
    let stretched = |span: &Option<Span>| Span::from_nanos_f64(filled(span).as_nanos() as f64 * stretch);
    let limits = filled(&redis.output_buffer);
    RedisSpec {
        law,
        costs: RedisCosts {
            publish: stretched(&redis.publish),
            copy: stretched(&redis.copy),
            publish_busy: stretched(&redis.publish_busy),
            copy_busy: stretched(&redis.copy_busy),
        },
        hop: *filled(&redis.hop),
        nodes: *filled(&redis.nodes),
        forward: stretched(&redis.forward),
        client: match filled(&redis.client) {
            ClientText::NodeRedis4 => RedisClient::NodeRedis4,
            ClientText::NodeRedis5 => RedisClient::NodeRedis5,
            ClientText::NodeRedis6 => RedisClient::NodeRedis6,
            ClientText::IoRedis5 => RedisClient::IoRedis5,
            ClientText::IoRedis6 => RedisClient::IoRedis6,
            ClientText::RedisPy => RedisClient::RedisPy,
        },
        at_start: match filled(&redis.at_start) {
            AtStart::Wait => WithoutRedis::Waits,
            AtStart::Alone => WithoutRedis::StaysAlone,
        },
        output_buffer: OutputBufferLimits {
            hard: filled(&limits.hard).bytes(),
            soft: filled(&limits.soft).bytes(),
            soft_for: *filled(&limits.soft_for),
        },
    }
}

/// How long connections can be recovered, with an adapter that is able to.
pub fn recovery(redis: &Redis) -> Option<Span> {
    let able = matches!(filled(&redis.adapter).adapter(), Adapter::None | Adapter::Streams { .. });
    match *filled(&redis.recovery) {
        RecoveryText::For(length) if able => Some(length),
        RecoveryText::For(_) | RecoveryText::Off => None,
    }
}

/// What Redis has forgotten when it is started again after its death: what was written in this time before it.
pub const fn forgets(persistence: PersistenceText) -> Option<Span> {
    match persistence {
        PersistenceText::None => Some(Span::MAX),
        PersistenceText::Everysec => Some(Span::from_secs(1)),
        PersistenceText::Always | PersistenceText::Replica => None,
    }
}

/// Whether copies are entries of a stream.
pub fn reads_streams(redis: &Redis) -> bool {
    filled(&redis.adapter).adapter().reads_streams()
}

/// An event of a server.
pub const fn emit_to(to: TickTo) -> Operation {
    Operation::Emit(Emit::to(match to {
        TickTo::All => To::All,
        TickTo::Room => To::Room { name: ROOM_NAME },
    }))
}

/// What a server asks of the adapter.
pub fn operation(name: OperationText) -> Operation {
    (name.0.operation)(ROOM_NAME)
}
