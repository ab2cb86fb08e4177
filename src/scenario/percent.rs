//! Per cent of something, which may be more than all of it.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whole per cent, 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(u32);

/// More than this is a mistake.
const MOST: u32 = 10_000;

impl Percent {
    /// The number before the sign.
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = String;
    fn from_str(text: &str) -> Result<Percent, String> {
        let shown = text.trim();
        let number = shown.strip_suffix('%').and_then(|number| number.trim().parse().ok());
        match number {
            Some(number) if (1..=MOST).contains(&number) => Ok(Percent(number)),
            _ => Err(format!("`{shown}` is not in whole per cent; write for example `70%`")),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Percent;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("whole per cent such as `70%`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Percent, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whole per cent.",
            "type": "string",
            "pattern": r"^\s*[0-9]+\s*%\s*$",
            "examples": ["70%", "150%"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_per_cent_are_read() {
        assert_eq!("70%".parse::<Percent>().map(Percent::value), Ok(70));
        assert_eq!(" 150 % ".parse::<Percent>().map(Percent::value), Ok(150));
        for bad in ["", "%", "0%", "70", "0.7", "70.5%", "-1%", "10001%", "x%"] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
    }
}
