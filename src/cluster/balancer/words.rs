//! Settings as texts: lifetimes, and lines that users paste from their own configuration.

use schemars::JsonSchema;
use serde::Deserialize;

use super::AffinityKey;
use crate::engine::Span;

/// Serde and schema of a setting that is one line of text: [`std::str::FromStr`] (whose error is a sentence for people) reads it,
/// [`std::fmt::Display`] writes it.
macro_rules! as_text {
    ($type:ty, $example:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "examples": [$example] })
            }
        }
    };
}
pub(super) use as_text;

/// The sentence for a word that nobody knows at its place: the nearest known one, or all of them.
pub fn unknown(word: &str, place: &str, known: &[&str]) -> String {
    format!("`{word}` is not known in `{place}`: write {}", one_of(known))
}

/// What a header, cookie or parameter holds, going by its name: the room, or something that each client has for itself.
pub fn key_of(name: &str) -> Option<AffinityKey> {
    const OF_CLIENTS: [&str; 8] = ["user", "session", "client", "token", "sid", "uid", "account", "device"];
    let name = name.to_ascii_lowercase();
    if name.contains("room") {
        return Some(AffinityKey::Room);
    }
    OF_CLIENTS.iter().any(|word| name.contains(word)).then_some(AffinityKey::User)
}

/// `a`, `b` or `c`, each in backticks.
pub fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", most.join(", "))
        }
    }
}

/// How products write a lifetime: a number of seconds, or a duration with a unit.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SecondsOrSpan {
    /// Seconds, as in the product's own configuration.
    #[expect(dead_code, reason = "describes the shape for the schema")]
    Seconds(u32),
    /// With a unit, such as `48h`.
    #[expect(dead_code, reason = "describes the shape for the schema")]
    Span(Span),
}

/// Reads what [`SecondsOrSpan`] describes.
pub fn seconds_or_span<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Span>, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = Option<Span>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number of seconds such as 172800, or a duration such as `48h`")
        }
        fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Self::Value, E> {
            if seconds > u64::from(u32::MAX) {
                return Err(E::custom(format!("`{seconds}` seconds is longer than 136 years")));
            }
            Ok(Some(Span::from_secs(seconds)))
        }
        fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<Self::Value, E> {
            Err(E::custom(format!("`{seconds}` is not a number of seconds; write for example 172800, or `48h`")))
        }
        fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<Self::Value, E> {
            // such as 1e300, which has three hundred digits
            let seconds = if seconds.abs() < 1e9 { seconds.to_string() } else { format!("{seconds:e}") };
            Err(E::custom(format!("`{seconds}` is not a whole number of seconds; write for example 172800, or `48h`")))
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text.parse::<u32>() {
                Ok(seconds) => self.visit_u64(u64::from(seconds)),
                Err(_) => text.parse().map(Some).map_err(E::custom),
            }
        }
    }
    deserializer.deserialize_any(Visitor)
}
