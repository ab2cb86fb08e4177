//! Defaults and presets: every value that a user may leave out, with its source.
//!
//! Data only. A path with `*` is meant for each entry of a list; `key?` is entered only where the user wrote that
//! key; everything else is made where it is missing.

mod alerts;
mod costs;
mod general;
mod network;
mod pools;
mod reconnect;
mod redis;

pub use alerts::ALERTS;
pub use costs::COSTS;
pub use general::{GENERAL, SESSION};
pub use network::NETWORKS;
pub use pools::POOLS;
pub use reconnect::RECONNECTS;
pub use redis::{REDIS, TOPOLOGIES};

use crate::metrics::{Assumption, Grade, Spread};

/// A value for a path.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Where it belongs.
    pub path: &'static str,
    /// The value as YAML.
    pub value: &'static str,
    /// How well it is founded.
    pub grade: Grade,
    /// Where it comes from.
    pub source: &'static str,
    /// The lowest and the highest value seen where it was measured, over repetitions and conditions.
    pub spread: Option<(&'static str, &'static str)>,
}

/// A named set of values.
#[derive(Clone, Copy, Debug)]
pub struct PresetSet {
    /// As users write it.
    pub name: &'static str,
    /// Its values; paths count from where `preset` stands.
    pub values: &'static [Preset],
}

const fn preset(path: &'static str, value: &'static str, grade: Grade, source: &'static str) -> Preset {
    Preset { path, value, grade, source, spread: None }
}

impl Preset {
    /// The same with its spread. What was measured has one; what was read in a source has none.
    const fn seen(self, low: &'static str, high: &'static str) -> Preset {
        Preset { spread: Some((low, high)), ..self }
    }
    /// What is assumed when it stands at a path.
    pub fn assumed(&self, path: String) -> Assumption {
        Assumption {
            path,
            value: self.value.to_owned(),
            grade: self.grade,
            source: self.source.to_owned(),
            spread: self.spread.map(|(low, high)| Spread { low: low.to_owned(), high: high.to_owned() }),
        }
    }
}
