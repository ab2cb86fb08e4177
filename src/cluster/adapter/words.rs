//! Adapters by the names that users write.

use super::{Adapter, Mode, Subscribe};

/// An adapter, how users write it, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// As on the command line.
    pub word: &'static str,
    /// In words.
    pub what: &'static str,
    /// Which.
    pub adapter: Adapter,
}

const fn named(word: &'static str, what: &'static str, adapter: Adapter) -> Named {
    Named { word, what, adapter }
}

/// All of them. Options that change nothing here (`requestsTimeout`, `streamCount` …) have no word.
pub const NAMED: [Named; 11] = [
    named("none", "no adapter", Adapter::None),
    named("classic", "@socket.io/redis-adapter", Adapter::Classic { specific_responses: false }),
    named("classic.specific", "… with publishOnSpecificResponseChannel", Adapter::Classic { specific_responses: true }),
    named("sharded", "@socket.io/redis-adapter, sharded, dynamic", Adapter::Sharded(Mode::Dynamic)),
    named("sharded.static", "… subscriptionMode: static", Adapter::Sharded(Mode::Static)),
    named("sharded.private", "… subscriptionMode: dynamic-private", Adapter::Sharded(Mode::DynamicPrivate)),
    named("streams", "@socket.io/redis-streams-adapter", Adapter::Streams { sharded_requests: false }),
    named("streams.sharded", "… with useShardedPubSub", Adapter::Streams { sharded_requests: true }),
    named("python-socketio", "AsyncRedisManager", Adapter::PythonSocketIo),
    named("pubsub", "own pub/sub, a channel per room", Adapter::PubSub { publishes: 1, subscribe: Subscribe::PerRoom }),
    named("pubsub.all", "own pub/sub, one channel", Adapter::PubSub { publishes: 1, subscribe: Subscribe::All }),
];
