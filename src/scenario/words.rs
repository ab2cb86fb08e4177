//! Values that are either a word or something else: `never`, `auto`, `random`, `25%` or `2`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, IntoDeserializer, MapAccess, SeqAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::file::{Backoff, CacheItems, Refresh};
use super::law::DurationLaw;
use super::units::{Share, Size};
use crate::engine::Span;

/// From when on figures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// A tenth of the run, at most a minute.
    Auto,
    /// From this time on.
    After(Span),
}

/// A time between events, or never.
#[derive(Clone, Debug, PartialEq)]
pub enum LawOrNever {
    /// Never.
    Never,
    /// Again and again.
    Every(DurationLaw),
}

/// When a client tries again.
#[derive(Clone, Debug, PartialEq)]
pub enum ReconnectText {
    /// As the JavaScript client of Socket.IO.
    SocketIo,
    /// Never.
    Never,
    /// By a policy with settings.
    Backoff(Backoff),
}

/// When clients load their page anew.
#[derive(Clone, Debug, PartialEq)]
pub enum RefreshText {
    /// Never.
    Never,
    /// Again and again.
    Refresh(Refresh),
}

/// A duration that its library writes as a number of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Milliseconds(pub Span);

/// A number of attempts, or no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempts {
    /// No limit.
    Unlimited,
    /// This many.
    Number(u32),
}

/// A duration, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanOrNone {
    /// None.
    None,
    /// This long.
    Span(Span),
}

/// A number, or as many as there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberOrAll {
    /// As many as there are.
    All,
    /// This many.
    Number(u32),
}

/// What the entries of a cache are about; with a law of items, if there are several of each.
#[derive(Clone, Debug, PartialEq)]
pub enum CacheKey {
    /// One per client.
    Own,
    /// One per room.
    Room,
    /// Several of each.
    Items(CacheItems),
}

/// What a hit of a cache saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitSaves {
    /// So many queries.
    Queries(u8),
    /// So much work.
    Work(Span),
}

/// A memory limit, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// No limit.
    None,
    /// This many bytes.
    Limit(Size),
}

/// Which pod, node or zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// One of those that are there.
    Random,
    /// Every one, on a clock of its own.
    Each,
    /// The one with this number.
    Number(u32),
}

/// A number of pods, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CountOrShare {
    /// A number.
    Count(u32),
    /// A share.
    Share(Share),
}

/// How clients hold their connection: the `transports` of the client library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportsText {
    /// Not at all.
    None,
    /// Long polling at first, then a WebSocket.
    PollingFirst,
    /// A WebSocket; the library does not fall back to polling.
    WebSocketFirst,
    /// A WebSocket and nothing else.
    WebSocket,
    /// Long polling for good.
    Polling,
}

impl TransportsText {
    /// Each with the words that say it.
    const LISTS: [(TransportsText, &'static [&'static str]); 4] = [
        (TransportsText::PollingFirst, &["polling", "websocket"]),
        (TransportsText::WebSocketFirst, &["websocket", "polling"]),
        (TransportsText::WebSocket, &["websocket"]),
        (TransportsText::Polling, &["polling"]),
    ];
}

/// Whose clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// Every audience.
    All,
    /// These audiences.
    Names(Vec<String>),
}

/// The longest timer of JavaScript.
const LONGEST_MS: u64 = (1 << 31) - 1;

fn whole<E: Error>(number: u64, what: &str) -> Result<u32, E> {
    u32::try_from(number).map_err(|_| E::custom(format!("`{number}` is too large for {what}")))
}

/// A visitor that accepts the words, then whatever else `$method` bodies accept.
macro_rules! word_or {
    ($type:ident, $expecting:literal, { $($word:literal => $value:expr),* }, $($methods:tt)*) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        match text {
                            $($word => Ok($value),)*
                            other => self.other(other),
                        }
                    }
                    $($methods)*
                }
                impl Visitor {
                    word_or!(@other $type, $expecting);
                }
                deserializer.deserialize_any(Visitor)
            }
        }
    };
    (@other WarmUp, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<WarmUp, E> {
            text.parse().map(WarmUp::After).map_err(|_| E::custom(format!("`{text}` is not {}", $e)))
        }
    };
    (@other LawOrNever, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<LawOrNever, E> {
            DurationLaw::deserialize(text.into_deserializer()).map(LawOrNever::Every)
        }
    };
    (@other Memory, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<Memory, E> {
            text.parse().map(Memory::Limit).map_err(E::custom)
        }
    };
    (@other CountOrShare, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<CountOrShare, E> {
            if text.trim().ends_with('%') {
                return text.parse().map(CountOrShare::Share).map_err(E::custom);
            }
            text.trim().parse().map(CountOrShare::Count).map_err(|_| E::custom(format!("`{text}` is not {}", $e)))
        }
    };
    (@other Milliseconds, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<Milliseconds, E> {
            text.parse().map(Milliseconds).map_err(E::custom)
        }
    };
    (@other Recipients, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<Recipients, E> {
            Ok(Recipients::Names(vec![text.to_owned()]))
        }
    };
    (@other SpanOrNone, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<SpanOrNone, E> {
            text.parse().map(SpanOrNone::Span).map_err(|_| E::custom(format!("`{text}` is not {}", $e)))
        }
    };
    (@other HitSaves, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<HitSaves, E> {
            let queries = text.trim().strip_suffix("query").or_else(|| text.trim().strip_suffix("queries"));
            let saves = match queries {
                Some(number) => number.trim().parse().ok().filter(|&number| number > 0).map(HitSaves::Queries),
                None => text.parse().ok().map(HitSaves::Work),
            };
            saves.ok_or_else(|| E::custom(format!("`{text}` is not {}", $e)))
        }
    };
    (@other $type:ident, $e:literal) => {
        fn other<E: Error>(&self, text: &str) -> Result<$type, E> {
            Err(E::custom(format!("`{text}` is not {}", $e)))
        }
    };
}

word_or!(WarmUp, "`auto`, `none`, or a duration such as `2m`", { "auto" => WarmUp::Auto, "none" => WarmUp::After(Span::ZERO) },
    fn visit_u64<E: Error>(self, number: u64) -> Result<WarmUp, E> {
        Span::deserialize(number.into_deserializer()).map(WarmUp::After)
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<WarmUp, E> {
        Span::deserialize(number.into_deserializer()).map(WarmUp::After)
    }
);

word_or!(LawOrNever, "`never`, or a distribution of durations such as `{exp: 20m}`", { "never" => LawOrNever::Never },
    fn visit_u64<E: Error>(self, number: u64) -> Result<LawOrNever, E> {
        DurationLaw::deserialize(number.into_deserializer()).map(LawOrNever::Every)
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<LawOrNever, E> {
        DurationLaw::deserialize(number.into_deserializer()).map(LawOrNever::Every)
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<LawOrNever, E> {
        DurationLaw::deserialize(number.into_deserializer()).map(LawOrNever::Every)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LawOrNever, A::Error> {
        DurationLaw::deserialize(MapAccessDeserializer::new(map)).map(LawOrNever::Every)
    }
);

word_or!(ReconnectText, "a policy of reconnecting; write `socket.io`, `python-socketio`, `exponential`, `full-jitter`, `equal-jitter`, `decorrelated`, `immediate` or `never`, or a mapping such as `{fixed: 2s}` or `{first: 1s, max: 5s}`",
    { "socket.io" => ReconnectText::SocketIo, "never" => ReconnectText::Never },
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ReconnectText, A::Error> {
        Backoff::deserialize(MapAccessDeserializer::new(map)).map(ReconnectText::Backoff)
    }
);

word_or!(RefreshText, "`never`, or a mapping such as `{every: {exp: 20m}}`", { "never" => RefreshText::Never },
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RefreshText, A::Error> {
        Refresh::deserialize(MapAccessDeserializer::new(map)).map(RefreshText::Refresh)
    }
);

word_or!(Attempts, "a whole number of attempts, or `unlimited`",
    { "unlimited" => Attempts::Unlimited, "Infinity" => Attempts::Unlimited },
    fn visit_u64<E: Error>(self, number: u64) -> Result<Attempts, E> {
        whole(number, "a number of attempts").map(Attempts::Number)
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Attempts, E> {
        if number == f64::INFINITY { Ok(Attempts::Unlimited) } else { self.other(&number.to_string()) }
    }
);

word_or!(
    Milliseconds,
    "a number of milliseconds, or a duration such as `2s`",
    {},
    fn visit_u64<E: Error>(self, number: u64) -> Result<Milliseconds, E> {
        let longest = number <= LONGEST_MS;
        longest.then(|| Milliseconds(Span::from_millis(number))).ok_or_else(|| {
            E::custom(format!("`{number}` ms are too long; the longest timer of JavaScript has {LONGEST_MS} ms"))
        })
    }
);

word_or!(Memory, "a size such as `512Mi`, or `none`", { "none" => Memory::None },
    fn visit_u64<E: Error>(self, number: u64) -> Result<Memory, E> {
        Err(E::custom(format!("`{number}` has no unit; write for example `{number}Mi`, or `none` for no limit")))
    }
);

word_or!(SpanOrNone, "a duration such as `30s`, or `none`", { "none" => SpanOrNone::None },
    fn visit_u64<E: Error>(self, number: u64) -> Result<SpanOrNone, E> {
        Span::deserialize(number.into_deserializer()).map(SpanOrNone::Span)
    }
);

word_or!(NumberOrAll, "a whole number, or `all`", { "all" => NumberOrAll::All },
    fn visit_u64<E: Error>(self, number: u64) -> Result<NumberOrAll, E> {
        whole(number, "a number of queries").map(NumberOrAll::Number)
    }
);

word_or!(CacheKey, "`own`, `room`, or a mapping such as `{shared: {zipf: {s: 1, n: 1000}}}`",
    { "own" => CacheKey::Own, "room" => CacheKey::Room },
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CacheKey, A::Error> {
        CacheItems::deserialize(MapAccessDeserializer::new(map)).map(CacheKey::Items)
    }
);

word_or!(
    HitSaves,
    "what a hit saves, such as `1 query` or `300ms`",
    {},
    fn visit_u64<E: Error>(self, number: u64) -> Result<HitSaves, E> {
        Err(E::custom(format!("`{number}` of what? write for example `{number} query` or `{number}ms`")))
    }
);

word_or!(Which, "`random`, `each`, or a number from 0", { "random" => Which::Random, "each" => Which::Each },
    fn visit_u64<E: Error>(self, number: u64) -> Result<Which, E> {
        whole(number, "the number of a pod, node or zone").map(Which::Number)
    }
);

word_or!(
    CountOrShare,
    "a number of pods such as `1`, or a share such as `25%`",
    {},
    fn visit_u64<E: Error>(self, number: u64) -> Result<CountOrShare, E> {
        whole(number, "a number of pods").map(CountOrShare::Count)
    }
);

word_or!(Recipients, "`all`, the name of an audience, or a list of names", { "all" => Recipients::All },
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Recipients, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Recipients::Names)
    }
);

word_or!(TransportsText, "`none`, or a list such as `[polling, websocket]`", { "none" => TransportsText::None },
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<TransportsText, A::Error> {
        let words: Vec<String> = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
        let said = |(_, list): &&(TransportsText, &[&str])| words.iter().eq(*list);
        TransportsText::LISTS.iter().find(said).map(|(transports, _)| *transports).ok_or_else(|| {
            let message = format!("`[{}]` is not one of `[polling, websocket]`, `[websocket]`, `[polling]`, \
                `[websocket, polling]`; for clients without a connection write `none`", words.join(", "));
            A::Error::custom(message)
        })
    }
);

/// A word, or another type.
macro_rules! serialize_word {
    ($type:ident, $($pattern:pat => $word:literal),* ; $other:pat => $value:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $($pattern => serializer.serialize_str($word),)*
                    $other => $value.serialize(serializer),
                }
            }
        }
    };
}

serialize_word!(WarmUp, WarmUp::Auto => "auto"; WarmUp::After(span) => span);
serialize_word!(LawOrNever, LawOrNever::Never => "never"; LawOrNever::Every(law) => law);
serialize_word!(ReconnectText, ReconnectText::SocketIo => "socket.io", ReconnectText::Never => "never"; ReconnectText::Backoff(b) => b);
serialize_word!(RefreshText, RefreshText::Never => "never"; RefreshText::Refresh(r) => r);
serialize_word!(Attempts, Attempts::Unlimited => "unlimited"; Attempts::Number(n) => n);
serialize_word!(SpanOrNone, SpanOrNone::None => "none"; SpanOrNone::Span(span) => span);
serialize_word!(NumberOrAll, NumberOrAll::All => "all"; NumberOrAll::Number(n) => n);
serialize_word!(CacheKey, CacheKey::Own => "own", CacheKey::Room => "room"; CacheKey::Items(items) => items);
serialize_word!(Which, Which::Random => "random", Which::Each => "each"; Which::Number(n) => n);
serialize_word!(Recipients, Recipients::All => "all"; Recipients::Names(names) => names);

impl Serialize for TransportsText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match TransportsText::LISTS.iter().find(|(transports, _)| transports == self) {
            Some((_, list)) => list.serialize(serializer),
            None => serializer.serialize_str("none"),
        }
    }
}

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for HitSaves {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            HitSaves::Queries(1) => serializer.serialize_str("1 query"),
            HitSaves::Queries(number) => serializer.serialize_str(&format!("{number} queries")),
            HitSaves::Work(span) => span.serialize(serializer),
        }
    }
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Memory::None => serializer.serialize_str("none"),
            // a text always, since a bare number is refused
            Memory::Limit(size) => {
                let text = size.to_string();
                if text.ends_with(|c: char| c.is_ascii_digit()) {
                    return serializer.serialize_str(&format!("{}k", size.bytes() as f64 / 1e3));
                }
                serializer.serialize_str(&text)
            }
        }
    }
}

impl Serialize for CountOrShare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            CountOrShare::Count(count) => count.serialize(serializer),
            CountOrShare::Share(share) => {
                let text = share.to_string();
                let percent = if text.ends_with('%') { text } else { format!("{}%", share.fraction() * 100.0) };
                serializer.serialize_str(&percent)
            }
        }
    }
}

macro_rules! schema {
    ($type:ident, |$generator:ident| $branches:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                json_schema!({"anyOf": $branches})
            }
        }
    };
}

schema!(WarmUp, |generator| [{"enum": ["auto", "none"]}, generator.subschema_for::<Span>()]);
schema!(LawOrNever, |generator| [{"const": "never"}, generator.subschema_for::<DurationLaw>()]);
schema!(ReconnectText, |generator| [
    {"enum": ["socket.io", "python-socketio", "exponential", "full-jitter", "equal-jitter", "decorrelated", "immediate", "never"]},
    generator.subschema_for::<Backoff>()
]);
schema!(Milliseconds, |generator| [{"type": "integer", "minimum": 0}, generator.subschema_for::<Span>()]);
schema!(RefreshText, |generator| [{"const": "never"}, generator.subschema_for::<Refresh>()]);
schema!(Attempts, |_generator| [{"enum": ["unlimited", "Infinity"]}, {"type": "integer", "minimum": 1}]);
schema!(Memory, |generator| [{"const": "none"}, generator.subschema_for::<Size>()]);
schema!(SpanOrNone, |generator| [{"const": "none"}, generator.subschema_for::<Span>()]);
schema!(NumberOrAll, |_generator| [{"const": "all"}, {"type": "integer", "minimum": 1}]);
schema!(CacheKey, |generator| [{"enum": ["own", "room"]}, generator.subschema_for::<CacheItems>()]);
schema!(HitSaves, |generator| [{"type": "string", "pattern": r"^\d+ quer(y|ies)$"}, generator.subschema_for::<Span>()]);
schema!(Which, |_generator| [{"enum": ["random", "each"]}, {"type": "integer", "minimum": 0}]);
schema!(CountOrShare, |_generator| [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?%$"}]);
schema!(Recipients, |_generator| [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]);
schema!(TransportsText, |_generator| [{"const": "none"}, {"enum": TransportsText::LISTS.map(|(_, list)| list)}]);
