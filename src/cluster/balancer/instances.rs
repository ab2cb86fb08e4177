//! How many instances of a balancer there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;

/// Instances at most.
const MOST: u32 = 100;

/// How many instances of a balancer there are, each with a state of its own: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Replicas(#[schemars(range(min = 1, max = 100))] pub u32);

impl Replicas {
    /// True when nothing must be written: there is one.
    pub const fn is_one(&self) -> bool {
        self.0 == 1
    }
    /// What is wrong with this number, in this setting.
    pub fn problem(self, setting: &'static str) -> Option<Problem> {
        (!(1..=MOST).contains(&self.0)).then(|| Problem {
            setting,
            message: format!("`{}` is not from 1 to {MOST}", self.0),
            help: format!("write a whole number from 1 to {MOST}"),
        })
    }
}

impl Default for Replicas {
    fn default() -> Self {
        Replicas(1)
    }
}
