//! How pods start, end and are replaced.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::words::CountOrShare;
use crate::engine::Span;

/// A probe of the kubelet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeText {
    /// Not before a container is so old (`initialDelaySeconds`).
    pub initial_delay: Option<Span>,
    /// Distance of probes (`periodSeconds`).
    pub period: Option<Span>,
    /// How long an answer may take (`timeoutSeconds`).
    pub timeout: Option<Span>,
    /// Successes in a row that are believed (`successThreshold`).
    #[schemars(range(min = 1, max = 1000))]
    pub successes: Option<u32>,
    /// Failures in a row that are believed (`failureThreshold`).
    #[schemars(range(min = 1, max = 1000))]
    pub failures: Option<u32>,
    /// Grace period of containers that this probe ends, instead of the pod's own; of `liveness` and `startup_probe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace: Option<Span>,
}

/// When a pod counts as ready.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadinessText {
    /// The moment it accepts connections.
    Immediate,
    /// As long as its container runs: there is no probe.
    None,
    /// When a probe says so.
    Probe(ProbeText),
}

impl<'de> Deserialize<'de> for ReadinessText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ReadinessText, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = ReadinessText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`immediate`, `none`, or a probe such as `{period: 10s, failures: 3}`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ReadinessText, E> {
                match text {
                    "immediate" => Ok(ReadinessText::Immediate),
                    "none" => Ok(ReadinessText::None),
                    _ => Err(E::custom(format!(
                        "`{text}` is neither `immediate` nor `none`, nor a probe such as `{{period: 10s}}`"
                    ))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ReadinessText, A::Error> {
                ProbeText::deserialize(MapAccessDeserializer::new(map)).map(ReadinessText::Probe)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for ReadinessText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ReadinessText::Immediate => serializer.serialize_str("immediate"),
            ReadinessText::None => serializer.serialize_str("none"),
            ReadinessText::Probe(probe) => probe.serialize(serializer),
        }
    }
}

impl JsonSchema for ReadinessText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReadinessText".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"const": "immediate", "description": "Ready the moment it accepts connections."},
            {"const": "none", "description": "No probe: ready as soon as its container runs, whether it accepts connections or not."},
            generator.subschema_for::<ProbeText>(),
        ]})
    }
}

/// How a pod ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// Between the removal of a pod from the endpoints and its SIGTERM; part of the grace period.
    pub pre_stop: Option<Span>,
    /// From deletion to SIGKILL (`terminationGracePeriodSeconds`); after SIGTERM a process has 2 s at least.
    pub grace: Option<Span>,
    /// What the application does on SIGTERM: `close` all connections, `{drain: {over: 20s, every: 1s}}`, or `ignore` it.
    pub on_sigterm: Option<SigtermText>,
}

/// What an application does on SIGTERM.
#[derive(Clone, Debug, PartialEq)]
pub enum SigtermText {
    /// It closes every connection, answers the requests that it has, and exits.
    Close,
    /// Nothing: it goes on until SIGKILL.
    Ignore,
    /// It takes nothing new, closes its connections over a time, and exits after the last one.
    Drain(DrainText),
}

/// How an application closes its connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainText {
    /// Over this time.
    pub over: Option<Span>,
    /// In batches at this distance; `0s`: each connection at a moment of its own.
    pub every: Option<Span>,
}

/// `{drain: …}`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Drains {
    /// It takes nothing new, closes its connections over a time, and exits after the last one.
    #[serde(deserialize_with = "said")]
    drain: DrainText,
}

/// `drain:` without settings is `drain: {}`.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DrainText, D::Error> {
    Option::<DrainText>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl<'de> Deserialize<'de> for SigtermText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SigtermText, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = SigtermText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`close`, `ignore`, `drain`, or `{drain: {over: 20s, every: 1s}}`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<SigtermText, E> {
                match text {
                    "close" => Ok(SigtermText::Close),
                    "ignore" => Ok(SigtermText::Ignore),
                    "drain" => Ok(SigtermText::Drain(DrainText::default())),
                    _ => Err(E::custom(format!(
                        "`{text}` is nothing that an application does on SIGTERM; write `close`, `ignore` or `drain`"
                    ))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SigtermText, A::Error> {
                let Drains { drain } = Drains::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SigtermText::Drain(drain))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for SigtermText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SigtermText::Close => serializer.serialize_str("close"),
            SigtermText::Ignore => serializer.serialize_str("ignore"),
            SigtermText::Drain(drain) => Drains { drain: drain.clone() }.serialize(serializer),
        }
    }
}

impl JsonSchema for SigtermText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SigtermText".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"enum": ["close", "ignore", "drain"]}, generator.subschema_for::<Drains>()]})
    }
}

/// How pods are replaced: the fields of a Deployment, or of a StatefulSet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// `rolling` and `recreate` are those of a Deployment; `ordered` is a StatefulSet.
    pub strategy: Option<StrategyText>,
    /// Pods above the wanted number: a number, or a share (rounded up); with `rolling`.
    pub max_surge: Option<CountOrShare>,
    /// Pods that may be missing: a number, or a share (rounded down); with `rolling`.
    pub max_unavailable: Option<CountOrShare>,
    /// Pods with lower numbers keep their template; with `ordered`.
    pub partition: Option<u32>,
    /// How long a pod must have been ready before the rollout goes on (`minReadySeconds`).
    pub min_ready: Option<Span>,
    /// A rollout without progress for so long counts as stuck, which stops nothing (`progressDeadlineSeconds`).
    pub progress_deadline: Option<Span>,
    /// What a controller writes to the pods as their deletion cost: `none`, or their `connections`.
    pub deletion_cost: Option<DeletionCostText>,
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StrategyText {
    /// Some at a time.
    Rolling,
    /// All are removed, and when the last one is gone all are created.
    Recreate,
    /// A StatefulSet: from the highest number down, one at a time, each with its old name and a new address.
    Ordered,
}

/// `controller.kubernetes.io/pod-deletion-cost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeletionCostText {
    /// None: all are alike.
    None,
    /// Connections, as they are when a pod is chosen.
    Connections,
}
