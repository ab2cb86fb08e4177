//! What must hold.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::super::units::Share;
use crate::engine::Span;

/// Something that must hold. In one line: `p99 event.latency < 100ms during 8m..10m with 95%`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectText {
    /// A figure, a comparison and a number with its unit, such as `p99 event.latency < 100ms`.
    pub that: String,
    /// The figure is taken over this window alone, from the start of the run, such as `[8m, 10m]`; not before the end of the warm-up.
    pub during: Option<(Span, Span)>,
    /// It must be as sure as this, such as `95%`, that the mean meets the bound.
    pub with: Option<Share>,
}

impl fmt::Display for ExpectText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.that.trim())?;
        if let Some((from, to)) = self.during {
            write!(f, " during {from}..{to}")?;
        }
        self.with.map_or(Ok(()), |share| write!(f, " with {share}"))
    }
}

/// In one line.
impl Serialize for ExpectText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// In one line or in parts (for the schema; text is brought to parts before it is read).
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is used
pub(super) enum ExpectEntry {
    /// Such as `p99 event.latency < 100ms during 8m..10m with 95%`.
    Line(String),
    /// In parts.
    Parts(ExpectText),
}
