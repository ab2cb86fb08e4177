//! The series of the first replications as OpenMetrics text, under the names that clusters in production export: for the same
//! dashboards and alerts.

use std::fmt::Write;

use crate::metrics::{PodSeries, SeriesId, Study, TimeSeries, VariantReport};

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A level.
    Gauge,
    /// What a rate adds up to.
    Counter,
    /// A p99 in milliseconds.
    Quantile,
}
use Kind::{Counter, Gauge, Quantile};

/// (series, name of the metric, what it is, help). The first five are what the operators of a messaging cluster watch; the names
/// of the others begin with that of this program.
const METRICS: [(&str, &str, Kind, &str); 22] = [
    ("pod.connections", "websocket_connections_active", Gauge, "Open WebSockets as the pod counts them."),
    ("cluster.connects_per_s", "websocket_connections_created", Counter, "WebSockets opened."),
    ("cluster.closed_per_s", "websocket_connections_closed", Counter, "WebSockets that ended."),
    ("cluster.reconnects_per_s", "websocket_reconnects", Counter, "WebSockets opened by clients that had lost one."),
    (
        "cluster.session_p99_ms",
        "websocket_session_duration_seconds",
        Quantile,
        "Length of the WebSockets that have ended so far, anew from the end of the warm-up.",
    ),
    ("cluster.connected", "stickysim_connected_clients", Gauge, "Clients with an open WebSocket."),
    (
        "cluster.ghosts",
        "stickysim_ghost_connections",
        Gauge,
        "Connections that a pod still counts without their client.",
    ),
    (
        "cluster.max_over_mean",
        "stickysim_connections_max_over_mean_ratio",
        Gauge,
        "Connections of the fullest ready pod over the mean of the ready pods.",
    ),
    ("cluster.requests_per_s", "stickysim_api_requests", Counter, "API requests that arrived."),
    ("cluster.failed_per_s", "stickysim_failed", Counter, "Requests and connects that failed."),
    ("cluster.moved_per_s", "stickysim_moved", Counter, "Requests and connects on another pod than the last one."),
    ("cluster.moved_share", "stickysim_moved_ratio", Gauge, "Share of these among those of returning clients."),
    ("cluster.lost_per_s", "stickysim_lost_events", Counter, "Events times recipients lost."),
    ("cluster.redis_publish_per_s", "stickysim_redis_publish", Counter, "PUBLISH commands."),
    ("cluster.redis_copies_per_s", "stickysim_redis_copies", Counter, "Copies handed to pods."),
    (
        "cluster.request_mean_ms",
        "stickysim_request_latency_mean_seconds",
        Gauge,
        "Mean latency of API calls answered since the last sample.",
    ),
    (
        "cluster.event_mean_ms",
        "stickysim_event_latency_mean_seconds",
        Gauge,
        "Mean latency of events delivered since the last sample.",
    ),
    ("cluster.redis_cpu", "stickysim_redis_cpu_ratio", Gauge, "Share of one core that Redis uses."),
    ("pod.requests_per_s", "stickysim_pod_requests", Counter, "HTTP requests and upgrades that arrived at the pod."),
    ("pod.messages_per_s", "stickysim_pod_messages_sent", Counter, "Events sent to clients."),
    ("pod.cpu", "stickysim_pod_cpu_ratio", Gauge, "Share of the CPU limit of the pod in use."),
    ("pod.memory_bytes", "stickysim_pod_memory_bytes", Gauge, "Memory of the pod in use."),
];

/// The text; the runs begin at `epoch_s` seconds after 1970.
pub fn openmetrics(study: &Study, epoch_s: u64) -> String {
    let mut out = String::new();
    for (series, name, kind, help) in METRICS {
        let Some(series) = SeriesId::all().find(|id| id.to_string() == series) else { continue };
        let type_name = match kind {
            Gauge => "gauge",
            Counter => "counter",
            Quantile => "summary",
        };
        let _ = writeln!(out, "# TYPE {name} {type_name}");
        if let Some(unit) = ["seconds", "bytes", "ratio"].iter().find(|unit| name.ends_with(&format!("_{unit}"))) {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
        let _ = writeln!(out, "# HELP {name} {help}");
        for variant in &study.variants {
            Writer { out: &mut out, epoch_s, variant, name, kind }.series(series);
        }
    }
    out.push_str("# EOF\n");
    out
}

/// Writes one metric of one variant.
struct Writer<'a> {
    out: &'a mut String,
    epoch_s: u64,
    variant: &'a VariantReport,
    name: &'static str,
    kind: Kind,
}

impl Writer<'_> {
    fn series(&mut self, series: SeriesId) {
        let variant = self.variant;
        let times = &variant.series;
        let name = &variant.name;
        match series {
            SeriesId::Cluster(position) => {
                let values: Vec<Option<f64>> = times.cluster.0[position].iter().copied().map(Some).collect();
                self.samples(&format!("variant=\"{name}\""), times, 0, &values);
            }
            SeriesId::Pod(position) => {
                for pod in &times.pods {
                    let PodSeries { name: pod_name, first, .. } = pod;
                    let labels = format!("variant=\"{name}\",pod=\"{pod_name}\"");
                    self.samples(&labels, times, *first, pod.get(position));
                }
            }
        }
    }

    /// The samples of one series, of which the first one is that of the run with this number.
    fn samples(&mut self, labels: &str, times: &TimeSeries, first: usize, values: &[Option<f64>]) {
        let time_before = |sample: usize| sample.checked_sub(1).map_or(0.0, |before| times.times_s[before]);
        let mut total = 0.0;
        // series of durations are in milliseconds, metrics in seconds
        let scale = if self.name.ends_with("_seconds") { 1e3 } else { 1.0 };
        // a counter begins with zero: what it counts first would be lost to whoever looks at differences
        if self.kind == Counter && !values.is_empty() {
            self.sample(labels, "_total", 0.0, time_before(first));
        }
        for (sample, value) in values.iter().enumerate().map(|(at, value)| (first + at, value)) {
            let (Some(value), Some(&time_s)) = (value, times.times_s.get(sample)) else { continue };
            match self.kind {
                Gauge => self.sample(labels, "", *value / scale, time_s),
                Counter => {
                    // what was counted is whole; the rate is that over the time since the last sample
                    total += libm::round(value * (time_s - time_before(sample)));
                    self.sample(labels, "_total", total, time_s);
                }
                Quantile => self.sample(&format!("{labels},quantile=\"0.99\""), "", value / scale, time_s),
            }
        }
    }

    fn sample(&mut self, labels: &str, suffix: &str, value: f64, time_s: f64) {
        // in whole nanoseconds: seconds since 1970 as a float tell them apart no more
        let nanos = libm::round(time_s * 1e9) as u64;
        let fraction = format!("{:09}", nanos % 1_000_000_000);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let seconds = self.epoch_s + nanos / 1_000_000_000;
        let _ = writeln!(self.out, "{}{suffix}{{{labels}}} {value} {seconds}{point}{fraction}", self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_exported_once() {
        for series in SeriesId::all() {
            let times = METRICS.iter().filter(|(name, ..)| *name == series.to_string()).count();
            assert_eq!(times, 1, "{series}");
        }
        assert_eq!(SeriesId::all().count(), METRICS.len());
    }
}
