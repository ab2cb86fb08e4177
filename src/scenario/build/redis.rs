//! Redis and the adapter.

use super::super::file::{OperationText, Redis, TickTo};
use super::filled;
use crate::cluster::adapter::{Adapter, Emit, Law, Operation, To};
use crate::cluster::spec::{ROOM_NAME, RedisCosts, RedisSpec};

/// How pods reach each other.
pub fn redis(redis: &Redis) -> RedisSpec {
    let law = Law { recovery: *filled(&redis.recovery), ..Law::of(filled(&redis.adapter).adapter()) };
    RedisSpec {
        law,
        costs: RedisCosts {
            publish: *filled(&redis.publish),
            copy: *filled(&redis.copy),
            publish_busy: *filled(&redis.publish_busy),
            copy_busy: *filled(&redis.copy_busy),
        },
        hop: *filled(&redis.hop),
    }
}

/// Whether copies are entries of a stream.
pub fn reads_streams(redis: &Redis) -> bool {
    matches!(filled(&redis.adapter).adapter(), Adapter::Streams { .. })
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
