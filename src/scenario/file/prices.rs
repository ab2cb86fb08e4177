//! What the user pays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::units::Number;

/// What the user pays. There is no built-in list: those of others are old tomorrow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricesText {
    /// What a pod costs per hour, such as `0.048`: its share of the node that it runs on.
    pub pod_hour: Number,
    /// In what, such as `EUR`. Only said, never converted.
    #[schemars(regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: Option<String>,
}
