//! How things went over time, sampled at even distances.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::figure::Unit;

/// Series of one run. Rates are means over the interval that ends at the sample; levels are taken at it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct TimeSeries {
    /// Seconds from the start of the run, one per sample.
    pub times_s: Vec<f64>,
    /// One per pod that ever was, in order of number.
    pub pods: Vec<PodSeries>,
    /// Of the whole cluster, in the order of [`CLUSTER_SERIES`].
    pub cluster: ClusterSeries,
}

impl TimeSeries {
    /// Connections of a pod at the last sample, if it ran then.
    pub fn connections_at_end(&self, pod: &PodSeries) -> Option<f64> {
        pod.at(&pod.connections, self.times_s.len().checked_sub(1)?)
    }
}

/// (name, unit, meaning) of the series of a pod, in order of [`PodSeries::get`].
pub const POD_SERIES: [(&str, Unit, &str); 5] = [
    ("connections", Unit::Number, "open WebSockets as the pod counts them, ghosts included"),
    ("requests_per_s", Unit::PerSecond, "HTTP requests and WebSocket upgrades arriving per second"),
    ("messages_per_s", Unit::PerSecond, "events sent to clients per second"),
    ("cpu", Unit::Share, "share of the pod's CPU limit in use"),
    ("memory_bytes", Unit::Bytes, "memory in use"),
];

/// Series of one pod, from the first sample at which it was there to the last one; `None` where it did not run meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct PodSeries {
    /// `pod-3`.
    pub name: String,
    /// Which sample is the first one of each series here, counted from 0.
    pub first: usize,
    /// Open WebSockets as the pod counts them, ghosts included.
    pub connections: Vec<Option<f64>>,
    /// HTTP requests and WebSocket upgrades arriving per second.
    pub requests_per_s: Vec<Option<f64>>,
    /// Events sent to clients per second.
    pub messages_per_s: Vec<Option<f64>>,
    /// Share of the pod's CPU limit in use.
    pub cpu: Vec<Option<f64>>,
    /// Memory in use.
    pub memory_bytes: Vec<Option<f64>>,
}

impl PodSeries {
    /// The series with this position in [`POD_SERIES`].
    pub fn get(&self, position: usize) -> &[Option<f64>] {
        [&self.connections, &self.requests_per_s, &self.messages_per_s, &self.cpu, &self.memory_bytes][position]
    }
    /// The value of one of its series at a sample of the run.
    pub fn at(&self, series: &[Option<f64>], sample: usize) -> Option<f64> {
        series.get(sample.checked_sub(self.first)?).copied().flatten()
    }
}

/// (name, unit, meaning) of the series of the cluster.
pub const CLUSTER_SERIES: [(&str, Unit, &str); 17] = [
    ("connected", Unit::Number, "clients with an open WebSocket"),
    ("ghosts", Unit::Number, "connections that a pod still counts although their client is gone"),
    ("max_over_mean", Unit::Number, "connections of the fullest ready pod over the mean of the ready pods"),
    ("connects_per_s", Unit::PerSecond, "WebSockets opened per second"),
    ("reconnects_per_s", Unit::PerSecond, "… by clients that had lost one"),
    ("requests_per_s", Unit::PerSecond, "API requests arriving per second"),
    ("failed_per_s", Unit::PerSecond, "requests and connects that failed, per second"),
    ("moved_per_s", Unit::PerSecond, "requests and connects that landed on another pod than the last one, per second"),
    ("lost_per_s", Unit::PerSecond, "events times recipients lost, per second"),
    ("redis_publish_per_s", Unit::PerSecond, "PUBLISH commands per second"),
    ("redis_copies_per_s", Unit::PerSecond, "copies handed to pods per second"),
    ("redis_cpu", Unit::Share, "share of one core that Redis uses"),
    ("closed_per_s", Unit::PerSecond, "WebSockets that ended, per second"),
    (
        "moved_share",
        Unit::Share,
        "share of the requests and connects of returning clients that landed on another pod than the last one; 0 where there were none",
    ),
    (
        "session_p99_ms",
        Unit::Milliseconds,
        "p99 length of the WebSockets that have ended so far, anew from the end of the warm-up; 0 while none has",
    ),
    (
        "request_mean_ms",
        Unit::Milliseconds,
        "mean latency of the API calls answered since the last sample; 0 where none was",
    ),
    (
        "event_mean_ms",
        Unit::Milliseconds,
        "mean latency of the events delivered since the last sample; 0 where none was",
    ),
];

/// Series of the cluster, one vector per row of [`CLUSTER_SERIES`].
///
/// In files it is a map from name to values: positions would mean nothing to a reader.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterSeries(
    /// In the order of [`CLUSTER_SERIES`].
    pub [Vec<f64>; CLUSTER_SERIES.len()],
);

impl ClusterSeries {
    /// The series called `name`; panics when there is none.
    pub fn get(&self, name: &str) -> &[f64] {
        let position = CLUSTER_SERIES.iter().position(|(n, ..)| *n == name).expect("a name of CLUSTER_SERIES");
        &self.0[position]
    }
}

impl Serialize for ClusterSeries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(CLUSTER_SERIES.iter().map(|(name, ..)| name).zip(&self.0))
    }
}

impl JsonSchema for ClusterSeries {
    fn schema_name() -> Cow<'static, str> {
        "ClusterSeries".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let series = |what: &str| json_schema!({ "description": what, "type": "array", "items": { "type": "number" } });
        let properties: serde_json::Map<String, serde_json::Value> =
            CLUSTER_SERIES.iter().map(|&(name, _, what)| (name.to_owned(), series(what).into())).collect();
        let required: Vec<&str> = CLUSTER_SERIES.iter().map(|&(name, ..)| name).collect();
        json_schema!({
            "description": "Series of the whole cluster, one value per sample.",
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}
