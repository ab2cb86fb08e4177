//! Values that Kubernetes' annotations and the attributes of AWS hold as texts: `"true"` is as good as `true`, `"3"` as good
//! as `3`; and what a cookie may be called.

use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};

use super::Problem;

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
    json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+$" }] })
}

/// Notes the name of a cookie that no browser would send back (RFC 6265, section 4.1.1: a token).
pub fn check_cookie_name(problems: &mut Vec<Problem>, setting: &'static str, name: &str, example: &str) {
    let is_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    let message = if name.is_empty() {
        "a cookie needs a name".to_owned()
    } else if let Some(wrong) = name.chars().find(|&c| !u8::try_from(c).is_ok_and(is_token)) {
        format!("`{name}` cannot be the name of a cookie: it has {wrong:?} in it")
    } else {
        return;
    };
    problems.push(Problem {
        setting,
        message,
        help: format!("write letters, digits, `-` and `_`, such as `{example}`"),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_cookies_are_tokens() {
        let said = |name: &str| {
            let mut problems = Vec::new();
            check_cookie_name(&mut problems, "name", name, "route");
            problems.pop().map(|problem| problem.message)
        };
        for name in ["route", "INGRESSCOOKIE", "__cflb", "a.b-c_1!"] {
            assert_eq!(said(name), None);
        }
        assert_eq!(said("").as_deref(), Some("a cookie needs a name"));
        assert_eq!(said("a b;c").as_deref(), Some("`a b;c` cannot be the name of a cookie: it has ' ' in it"));
        for name in ["a;b", "a=b", "ä", "a\tb"] {
            assert!(said(name).is_some(), "{name}");
        }
    }
}
