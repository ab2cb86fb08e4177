//! How often each variant is run: so many times, or until its figures are known well enough.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IntoDeserializer, MapAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::units::Share;

/// Runs per variant, each with its own random numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Replications {
    /// So many.
    Exactly(u32),
    /// Until every headline figure is known well enough.
    Until(Until),
}

/// When there are enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// Every headline figure's 95 % interval reaches no further than this share of its mean to either side; 5 % if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Share>,
    /// No more runs than this; 100 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 10000))]
    pub at_most: Option<u32>,
}

impl Until {
    /// Half the width of a 95 % interval, as a share of the mean.
    pub fn precision(&self) -> f64 {
        self.precision.map_or(0.05, Share::fraction)
    }
    /// Runs, at most.
    pub fn at_most(&self) -> u32 {
        self.at_most.unwrap_or(100)
    }
}

impl Replications {
    /// Before it is looked at whether they are enough, there are so many.
    pub const FIRST: u32 = 10;

    /// So many there are in any case.
    pub fn least(&self) -> u32 {
        match self {
            Replications::Exactly(number) => *number,
            Replications::Until(_) => Replications::FIRST,
        }
    }
}

impl<'de> Deserialize<'de> for Replications {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Replications, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Replications;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of runs, `auto`, or a mapping such as `{precision: 2%, at_most: 200}`")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Replications, E> {
                u32::deserialize(number.into_deserializer()).map(Replications::Exactly)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Replications, E> {
                match text {
                    "auto" => Ok(Replications::Until(Until::default())),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Replications, A::Error> {
                Until::deserialize(MapAccessDeserializer::new(map)).map(Replications::Until)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Replications {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Replications::Exactly(number) => serializer.serialize_u32(*number),
            Replications::Until(until) if *until == Until::default() => serializer.serialize_str("auto"),
            Replications::Until(until) => until.serialize(serializer),
        }
    }
}

impl JsonSchema for Replications {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Replications".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": 10000}, generator.subschema_for::<Until>()]})
    }
}
