//! Alerting rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::Span;

/// An alerting rule; a built-in one needs its name alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertText {
    /// A name of your own, or of a built-in rule.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub name: String,
    /// The condition: a series, a comparison and a number with its unit, such as `max_over_mean > 1.5`. A series of pods, such as
    /// `pod.cpu > 80%`, is watched for each pod.
    pub when: Option<String>,
    /// It fires when the condition has held for so long.
    pub r#for: Option<Span>,
}

/// The name of a built-in rule, or a rule (for the schema; text is brought to a rule before it is read).
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is used
pub(super) enum AlertEntry {
    /// By name.
    Named(BuiltIn),
    /// In full.
    Rule(AlertText),
}

/// The built-in rules: those that run in production somewhere.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code)] // only its schema is used
pub(super) enum BuiltIn {
    /// More than 10 reconnects per second for a minute.
    ReconnectSurge,
    /// One WebSocket in a hundred lasted longer than an hour.
    LongSessions,
    /// The fullest pod has more than 30 % over the mean.
    UnevenLoad,
    /// More than 5 % of returning clients' requests and connects landed on another pod.
    StickinessFailures,
    /// A pod got no request for five minutes.
    SilentInstance,
}
