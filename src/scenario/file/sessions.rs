//! Where the application keeps what it knows of its clients.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::units::Size;
use super::super::words::SpanOrNone;

/// Where the application keeps what it knows of its clients.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionsText {
    /// Nobody looks.
    None,
    /// There, with settings.
    Store(StoreName, StoreText),
}

/// Where sessions can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreName {
    /// In the memory of the process that saw the client last.
    Memory,
    /// In Redis.
    Redis,
    /// In the database.
    Database,
}

/// Settings of a store of sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreText {
    /// How long after its last use a session is forgotten, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<SpanOrNone>,
    /// Whether HTTP requests look for the session of their client, as connects do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<bool>,
    /// Length of a session; in Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Size>,
    /// Events for clients that are offline are put into a list each, of so many at most, and delivered when they are back; in Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub pending: Option<u32>,
}

impl StoreName {
    const ALL: [StoreName; 3] = [StoreName::Memory, StoreName::Redis, StoreName::Database];
    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            StoreName::Memory => "memory",
            StoreName::Redis => "redis",
            StoreName::Database => "database",
        }
    }
}

impl SessionsText {
    /// The store, if there is one.
    pub const fn store(&self) -> Option<(StoreName, &StoreText)> {
        match self {
            SessionsText::None => None,
            SessionsText::Store(name, text) => Some((*name, text)),
        }
    }
}

impl<'de> Deserialize<'de> for SessionsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SessionsText, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = SessionsText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "`none`, `memory`, `redis`, `database`, or one of these with settings: `{redis: {ttl: 1h}}`",
                )
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<SessionsText, E> {
                let store = StoreName::ALL.into_iter().find(|store| store.word() == text);
                match (text, store) {
                    ("none", _) => Ok(SessionsText::None),
                    (_, Some(store)) => Ok(SessionsText::Store(store, StoreText::default())),
                    _ => Err(E::custom(format!(
                        "`{text}` is no place for sessions; write `none`, `memory`, `redis` or `database`"
                    ))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SessionsText, A::Error> {
                let Stores { memory, redis, database } = Stores::deserialize(MapAccessDeserializer::new(map))?;
                let stores = StoreName::ALL.into_iter().zip([memory, redis, database]);
                let mut said = stores.filter_map(|(name, text)| Some((name, text?)));
                match (said.next(), said.next()) {
                    (Some((name, text)), None) => Ok(SessionsText::Store(name, text)),
                    _ => Err(A::Error::custom(
                        "sessions are in one place; write one of `memory`, `redis` and `database`",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// `{redis: …}`: one of them.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
struct Stores {
    /// In the memory of the process that saw the client last.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    memory: Option<StoreText>,
    /// In Redis, a key each.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    redis: Option<StoreText>,
    /// In the database, a row each.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    database: Option<StoreText>,
}

/// `redis:` without settings is `redis: {}`.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<StoreText>, D::Error> {
    Option::<StoreText>::deserialize(deserializer).map(|text| Some(text.unwrap_or_default()))
}

impl Serialize for SessionsText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SessionsText::Store(store, text) = self else { return serializer.serialize_str("none") };
        let mut stores = Stores::default();
        *(match store {
            StoreName::Memory => &mut stores.memory,
            StoreName::Redis => &mut stores.redis,
            StoreName::Database => &mut stores.database,
        }) = Some(text.clone());
        stores.serialize(serializer)
    }
}

impl JsonSchema for SessionsText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SessionsText".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"enum": ["none", "memory", "redis", "database"]},
            generator.subschema_for::<Stores>(),
        ]})
    }
}
