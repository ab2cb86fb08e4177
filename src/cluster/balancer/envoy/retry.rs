//! Envoy's settings for further tries, as they stand in its configuration.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proxy::Retries;
use super::{Problem, wrong};
use crate::cluster::balancer::words::{as_text, one_of};
use crate::engine::Span;

/// What happens when a host refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryPolicy {
    /// After which failures there is another try: `connect-failure`, `5xx`, … Envoy tries nothing again without it.
    pub retry_on: RetryOn,
    /// So many more tries.
    #[serde(default = "one")]
    pub num_retries: u32,
    /// `envoy.retry_host_predicates.previous_hosts`: another host. Without it the policy chooses anew, and a hash chooses the
    /// same host again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_host_predicate: Vec<RetryHostPredicate>,
    /// So often a host that refused is chosen and left, for each try; then it is tried again.
    #[serde(default = "one")]
    pub host_selection_retry_max_attempts: u32,
    /// Pauses between tries.
    #[serde(default)]
    pub retry_back_off: RetryBackOff,
}

const fn one() -> u32 {
    1
}

impl RetryPolicy {
    pub(super) fn problem(&self, setting: &'static str) -> Option<Problem> {
        retries_problem(setting, self.num_retries, self.host_selection_retry_max_attempts, &self.retry_back_off)
    }
}

/// What is wrong with the bounds of retries.
pub(super) fn retries_problem(
    setting: &'static str,
    count: u32,
    choices: u32,
    RetryBackOff { base_interval, max_interval }: &RetryBackOff,
) -> Option<Problem> {
    const MOST: u32 = 100;
    if count > MOST || choices > MOST {
        return Some(wrong(setting, "more than 100 tries or choices", "write fewer"));
    }
    if *base_interval < Span::from_millis(1) || max_interval.is_some_and(|most| most < *base_interval) {
        let message = "pauses are 1ms or more, and the longest is not shorter than the first";
        return Some(wrong(setting, message, "write for example `25ms`"));
    }
    None
}

/// A rule about hosts of further tries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryHostPredicate {
    /// Which rule.
    pub name: PredicateName,
    /// What Envoy wants beside the name; without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed_config: Option<TypedConfig>,
}

/// A rule about hosts of further tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PredicateName {
    /// Hosts that refused are avoided.
    #[serde(rename = "envoy.retry_host_predicates.previous_hosts")]
    PreviousHosts,
}

/// The type of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedConfig {
    /// Its type.
    #[serde(rename = "@type")]
    pub type_url: PredicateType,
}

/// The type of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PredicateType {
    /// That of `envoy.retry_host_predicates.previous_hosts`.
    #[serde(rename = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")]
    PreviousHosts,
}

/// Pauses between tries: each is drawn from zero up to a bound that doubles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBackOff {
    /// The first bound.
    pub base_interval: Span,
    /// The last bound; ten times the first unless written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval: Option<Span>,
}

impl Default for RetryBackOff {
    fn default() -> Self {
        RetryBackOff { base_interval: Retries::BASE_INTERVAL, max_interval: None }
    }
}

impl RetryBackOff {
    pub(super) fn longest(&self) -> Span {
        let tenfold = Span::from_nanos(self.base_interval.as_nanos().saturating_mul(10));
        self.max_interval.unwrap_or(tenfold)
    }
}

/// Conditions of another try, with commas between; one of them covers a host that refuses the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryOn(String);

as_text!(RetryOn, "connect-failure,refused-stream");

/// Conditions that cover a host that refuses the connection (`retry_state_impl.cc`).
const COVER_REFUSALS: [&str; 5] = ["connect-failure", "5xx", "gateway-error", "reset", "reset-before-request"];
/// Conditions that cover what does not happen here. Status codes may stand among them (Istio).
const OTHER_CONDITIONS: [&str; 10] = [
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

impl fmt::Display for RetryOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RetryOn {
    type Err = String;
    fn from_str(text: &str) -> Result<RetryOn, String> {
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let is_code = |word: &str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
        let known = |word: &str| COVER_REFUSALS.contains(&word) || OTHER_CONDITIONS.contains(&word) || is_code(word);
        if let Some(word) = words.iter().find(|word| !known(word)) {
            let all: Vec<&str> = COVER_REFUSALS.iter().chain(&OTHER_CONDITIONS).copied().collect();
            return Err(format!("`{word}` is no condition of another try: write {}", one_of(&all)));
        }
        if !words.iter().any(|word| COVER_REFUSALS.contains(word)) {
            return Err(format!(
                "`{text}` does not cover a host that refuses, so nothing would be tried again: write {} too",
                one_of(&COVER_REFUSALS)
            ));
        }
        Ok(RetryOn(words.join(",")))
    }
}
