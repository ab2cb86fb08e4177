//! Who changes the wanted number of pods by himself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::percent::Percent;
use super::super::units::{Number, Rate, Share, Size};
use crate::engine::Span;

/// A HorizontalPodAutoscaler, or one that KEDA makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Autoscaler {
    /// Fewest pods.
    pub min: Option<u32>,
    /// Most pods.
    pub max: u32,
    /// What it looks at; with several, the one that asks for most pods wins.
    pub metric: MetricText,
    /// Who asks: an `hpa`, whose metrics are averages of pods; or `keda`, whose connections and requests are sums over whatever runs.
    pub by: Option<AskedBy>,
    /// Deviations from a target that change nothing.
    pub tolerance: Option<Share>,
    /// Distance of its decisions.
    pub sync: Option<Span>,
    /// Distance of the measurements that it sees.
    pub scrape: Option<Span>,
    /// CPU that each pod requests, in cores, of which `cpu` is a share; without it the limit, `pods.cpu`.
    pub cpu_request: Option<Number>,
    /// Memory that each pod requests, of which `memory` is a share; without it the limit, `pods.memory`.
    pub memory_request: Option<Size>,
    /// How fast it may go up and down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behavior: Option<BehaviorText>,
}

/// What an autoscaler looks at, and what it wants of each pod: at least one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct MetricText {
    /// CPU, of what is requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Percent>,
    /// Memory, of what is requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Percent>,
    /// Connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Number>,
    /// Requests and upgrades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Rate>,
}

/// Whose autoscaler it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AskedBy {
    /// A HorizontalPodAutoscaler.
    Hpa,
    /// KEDA.
    Keda,
}

/// `behavior` of an autoscaler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BehaviorText {
    /// How fast it goes up.
    pub scale_up: Option<RulesText>,
    /// How fast it goes down.
    pub scale_down: Option<RulesText>,
}

/// How fast an autoscaler may go in one direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesText {
    /// Of the numbers that it has wanted within this time it takes the most cautious one (`stabilizationWindowSeconds`).
    pub stabilization: Option<Span>,
    /// Limits, of which one is chosen.
    pub policies: Option<Vec<PolicyText>>,
    /// Which: the one that allows most (`max`) or least (`min`); `disabled`: it never goes this way.
    pub select: Option<SelectText>,
}

/// A limit: `pods` or `percent` of the pods, `per` time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// So many pods …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<u32>,
    /// … or so many per cent of those that there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// Within this time (`periodSeconds`).
    pub per: Span,
}

/// Which of several limits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SelectText {
    /// The one that allows most.
    Max,
    /// The one that allows least.
    Min,
    /// None: it never goes this way.
    Disabled,
}
