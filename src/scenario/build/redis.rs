//! Redis and the adapter.

use super::super::file::{AdapterText, PubSub, Redis, SubscribeText};
use super::filled;
use crate::cluster::adapter::{Adapter, Law, Named, Subscribe};
use crate::cluster::spec::{RedisCosts, RedisSpec};

/// How pods reach each other.
pub fn redis(redis: &Redis) -> RedisSpec {
    let law = Law { recovery: *filled(&redis.recovery), ..Law::of(adapter(*filled(&redis.adapter))) };
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
pub const fn reads_streams(redis: &Redis) -> bool {
    matches!(redis.adapter, Some(AdapterText::Named(Named { adapter: Adapter::Streams { .. }, .. })))
}

const fn adapter(text: AdapterText) -> Adapter {
    match text {
        AdapterText::Named(named) => named.adapter,
        AdapterText::PubSub(PubSub { publishes, subscribe }) => Adapter::PubSub {
            publishes: match publishes {
                Some(publishes) => publishes,
                None => 1,
            },
            subscribe: match subscribe {
                SubscribeText::PerRoom => Subscribe::PerRoom,
                SubscribeText::All => Subscribe::All,
            },
        },
    }
}
