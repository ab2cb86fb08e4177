//! Values of annotations, which Kubernetes writes as texts: `"true"` is as good as `true`, `"3"` as good as `3`.

use std::fmt;
use std::str::FromStr;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};

use crate::cluster::balancer::NginxKey;
use crate::cluster::balancer::words::as_text;

/// What `upstream-hash-by` takes the hash of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamHashBy {
    /// The variable as written.
    variable: String,
    /// What it holds.
    pub(super) key: NginxKey,
}

as_text!(UpstreamHashBy, "$arg_room");

impl FromStr for UpstreamHashBy {
    type Err = String;
    fn from_str(text: &str) -> Result<UpstreamHashBy, String> {
        let text = text.trim();
        let braced = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let variable = braced.map_or_else(|| text.to_owned(), |name| format!("${name}"));
        let is_variable = variable.strip_prefix('$').is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if !is_variable {
            return Err(format!(
                "`{text}` is not one variable of nginx; write for example `$arg_room` or `$remote_addr`"
            ));
        }
        if variable == "$http_x_forwarded_for" {
            return Err(format!(
                "`{variable}` holds addresses; write `$remote_addr`, with `use-forwarded-headers: true` behind another proxy"
            ));
        }
        Ok(UpstreamHashBy { key: NginxKey::of(&variable)?, variable })
    }
}

impl fmt::Display for UpstreamHashBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.variable)
    }
}

/// Reads `true`, or the same as a text.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Flag;
    impl Visitor<'_> for Flag {
        type Value = bool;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("`true` or `false`")
        }
        fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
            text.parse().map_err(|_| E::custom(format!("`{text}` is neither `true` nor `false`; write one of them")))
        }
    }
    deserializer.deserialize_any(Flag)
}

/// The same where nothing may be written.
pub fn optional_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    flag(deserializer).map(Some)
}

/// Reads a whole number, or the same as a text.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    struct Number;
    impl Visitor<'_> for Number {
        type Value = u32;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number such as 3")
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<u32, E> {
            u32::try_from(value).map_err(|_| E::custom(format!("`{value}` is too large; write a smaller number")))
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
            text.parse().map_err(|_| E::custom(format!("`{text}` is not a whole number; write for example 3")))
        }
    }
    deserializer.deserialize_any(Number)
}

/// What [`flag`] reads.
pub fn flag_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [true, false, "true", "false"] })
}

/// What [`number`] reads.
pub fn number_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": "^[0-9]+$" }] })
}

/// Annotations that are always refused, each with a sentence.
macro_rules! refused {
    ($($name:ident: $sentence:literal;)*) => {
        $(pub fn $name<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
            Err(D::Error::custom($sentence))
        })*
    };
}

refused! {
    websocket_services:
        "ingress-nginx has no annotation `websocket-services`; take it out: WebSockets need none";
    session_cookie_httponly:
        "ingress-nginx has no annotation `session-cookie-httponly`; take it out: its cookies are always HttpOnly";
    canary:
        "a canary is a second set of pods, and there is one set behind a balancer here; take the annotation out";
    affinity_canary_behavior:
        "`affinity-canary-behavior` is about a second set of pods, the canary, and there is one set here; take it out";
}
