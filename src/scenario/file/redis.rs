//! How pods reach each other.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::units::{Number, Size};
use crate::cluster::adapter::{Adapter, NAMED, Named, NamedOperation, OPERATIONS, Subscribe};
use crate::engine::Span;

/// How pods reach each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Which adapter the application uses.
    pub adapter: Option<AdapterText>,
    /// Connection state recovery (`connectionStateRecovery` of Socket.IO): `true`, or how long a lost connection can be
    /// recovered (`maxDisconnectionDuration`). `socket.emit` goes through the adapter then, whether that can recover or not.
    pub recovery: Option<RecoveryText>,
    /// CPU limit in cores of each server: less than one stretches all its work, more than one is of no use to it.
    pub cpu: Option<Number>,
    /// CPU of Redis for a command (PUBLISH, SPUBLISH, XADD, or one that subscribes) that finds it idle.
    pub publish: Option<Span>,
    /// CPU of Redis per copy delivered to a subscriber, or read from a stream, then.
    pub copy: Option<Span>,
    /// CPU of Redis for a command that had to wait for others: they are read and answered many at a time.
    pub publish_busy: Option<Span>,
    /// CPU of Redis per copy of such a command.
    pub copy_busy: Option<Span>,
    /// One way between a pod and Redis.
    pub hop: Option<Span>,
    /// The library by which pods speak to Redis: it says when connections are made again, and what becomes of commands until then.
    pub client: Option<ClientText>,
    /// What a pod does that starts while Redis is gone: `wait` until it is back, or stay `alone` for as long as it runs.
    pub at_start: Option<AtStart>,
    /// What stands there when it dies.
    pub topology: Option<TopologyText>,
    /// Masters of a cluster.
    #[schemars(range(min = 1, max = 1000))]
    pub nodes: Option<u16>,
    /// CPU of a master for a PUBLISH that another one has passed on.
    pub forward: Option<Span>,
    /// From the death of Redis until it, or what replaces it, takes commands; for `redis_crash`.
    pub downtime: Option<Span>,
    /// What it still has then of what was written to it; for `redis_crash` and sessions.
    pub persistence: Option<PersistenceText>,
    /// How much it holds for a pod that is slow to read what others publish, before it cuts that pod off.
    pub output_buffer: Option<OutputBufferText>,
}

/// `client-output-buffer-limit pubsub` of redis.conf; a limit of `0Mi` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputBufferText {
    /// Never more than this.
    pub hard: Option<Size>,
    /// Not more than this for longer than `for`.
    pub soft: Option<Size>,
    /// How long it may be more than `soft`.
    #[serde(rename = "for")]
    pub soft_for: Option<Span>,
}

/// What Redis still has after its death.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PersistenceText {
    /// Nothing: there is no file, or no volume for it.
    None,
    /// All but the last second (`appendfsync everysec`).
    Everysec,
    /// Everything (`appendfsync always`).
    Always,
    /// What a replica had: everything but the last milliseconds, which are taken for nothing.
    Replica,
}

/// Whether lost connections can be recovered, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryText {
    /// They cannot.
    Off,
    /// For this long.
    For(Span),
}

/// `maxDisconnectionDuration` of socket.io where nothing is said.
const RECOVERY: Span = Span::from_secs(120);

impl<'de> Deserialize<'de> for RecoveryText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RecoveryText, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = RecoveryText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`true`, `false`, or how long a lost connection can be recovered, such as `2m`")
            }
            fn visit_bool<E: Error>(self, is_on: bool) -> Result<RecoveryText, E> {
                Ok(if is_on { RecoveryText::For(RECOVERY) } else { RecoveryText::Off })
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RecoveryText, E> {
                text.parse().map(RecoveryText::For).map_err(|_| {
                    E::custom(format!("`{text}` is neither `true` nor `false`, nor a duration such as `2m`"))
                })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for RecoveryText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            RecoveryText::Off => serializer.serialize_bool(false),
            RecoveryText::For(length) => length.serialize(serializer),
        }
    }
}

impl JsonSchema for RecoveryText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RecoveryText".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "boolean"}, generator.subschema_for::<Span>()]})
    }
}

/// Libraries that speak to Redis, by their major versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientText {
    /// `redis` 4 for Node.js.
    #[serde(rename = "node-redis-4")]
    NodeRedis4,
    /// `redis` 5 for Node.js.
    #[serde(rename = "node-redis-5")]
    NodeRedis5,
    /// `redis` 6 for Node.js.
    #[serde(rename = "node-redis-6")]
    NodeRedis6,
    /// `ioredis` 5.
    #[serde(rename = "ioredis-5")]
    IoRedis5,
    /// `ioredis` 6.
    #[serde(rename = "ioredis-6")]
    IoRedis6,
    /// `redis` for Python, under python-socketio.
    RedisPy,
}

/// What a pod does that starts while Redis is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AtStart {
    /// It is ready when its connections are there.
    Wait,
    /// It does without an adapter for as long as it runs.
    Alone,
}

/// What there is of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TopologyText {
    /// One server, which is started again where it died.
    Single,
    /// A master with replicas, one of which takes its place when the sentinels say so.
    Sentinel,
    /// Several masters with replicas: a PUBLISH goes to all of them, a sharded channel or a stream belongs to one.
    Cluster,
}

/// The adapter of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterText {
    /// By its name, as in `stickysim adapter`.
    Named(Named),
    /// An application of its own on plain WebSockets.
    PubSub(PubSub),
}

/// An application of its own on plain WebSockets: it publishes, and serves clients when copies come in, its own too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PubSub {
    /// PUBLISH commands per event.
    pub publishes: Option<u32>,
    /// Which channels a pod is subscribed to.
    pub subscribe: SubscribeText,
}

/// Channels of an application of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscribeText {
    /// One per room and per client, on the pods that have members of it.
    PerRoom,
    /// One for everything.
    All,
}

impl AdapterText {
    /// As the law has it.
    pub fn adapter(self) -> Adapter {
        match self {
            AdapterText::Named(named) => named.adapter,
            AdapterText::PubSub(PubSub { publishes, subscribe }) => Adapter::PubSub {
                publishes: publishes.unwrap_or(1),
                subscribe: match subscribe {
                    SubscribeText::PerRoom => Subscribe::PerRoom,
                    SubscribeText::All => Subscribe::All,
                },
            },
        }
    }
}

/// `{pubsub: …}`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnPubSub {
    /// An application of its own.
    pubsub: PubSub,
}

impl<'de> Deserialize<'de> for AdapterText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AdapterText, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = AdapterText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of an adapter, such as `classic`, or `{pubsub: {subscribe: per_room}}`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<AdapterText, E> {
                let named = NAMED.iter().find(|named| named.word == text);
                named.map(|&named| AdapterText::Named(named)).ok_or_else(|| {
                    let names: Vec<String> = NAMED.iter().map(|named| format!("`{}`", named.word)).collect();
                    E::custom(format!("`{text}` is no adapter; the adapters are {}", names.join(", ")))
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AdapterText, A::Error> {
                let OwnPubSub { pubsub } = OwnPubSub::deserialize(MapAccessDeserializer::new(map))?;
                Ok(AdapterText::PubSub(pubsub))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for AdapterText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            AdapterText::Named(named) => serializer.serialize_str(named.word),
            AdapterText::PubSub(pubsub) => OwnPubSub { pubsub: *pubsub }.serialize(serializer),
        }
    }
}

impl JsonSchema for AdapterText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AdapterText".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names: Vec<Schema> =
            NAMED.iter().map(|named| json_schema!({"const": named.word, "description": named.what})).collect();
        json_schema!({"anyOf": [{"oneOf": names}, generator.subschema_for::<OwnPubSub>()]})
    }
}

/// What a server asks of the adapter, by its name in `stickysim adapter`.
#[derive(Clone, Copy, Debug)]
pub struct OperationText(pub &'static NamedOperation);

impl OperationText {
    fn all() -> impl Iterator<Item = &'static NamedOperation> {
        OPERATIONS.iter().filter(|operation| operation.by_servers)
    }
}

impl PartialEq for OperationText {
    fn eq(&self, other: &OperationText) -> bool {
        self.0.word == other.0.word
    }
}

impl<'de> Deserialize<'de> for OperationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OperationText, D::Error> {
        let text = String::deserialize(deserializer)?;
        OperationText::all().find(|operation| operation.word == text).map(OperationText).ok_or_else(|| {
            let names: Vec<String> = OperationText::all().map(|operation| format!("`{}`", operation.word)).collect();
            D::Error::custom(format!(
                "`{text}` is nothing that servers do by themselves; write one of {}",
                names.join(", ")
            ))
        })
    }
}

impl Serialize for OperationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word)
    }
}

impl JsonSchema for OperationText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OperationText".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<Schema> = OperationText::all()
            .map(|operation| json_schema!({"const": operation.word, "description": operation.call}))
            .collect();
        json_schema!({"oneOf": names})
    }
}
