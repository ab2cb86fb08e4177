//! Alerting rules over the series of a run, evaluated as Prometheus does: at every sample, pending until the condition has
//! held for the time that the rule asks for, then firing until it holds no longer.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::comparison::Comparison;
use super::figure::Unit;
use super::series::{CLUSTER_SERIES, POD_SERIES, TimeSeries};
use crate::engine::Span;

/// One of the series of a run, by its position in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesId {
    /// Of the cluster.
    Cluster(usize),
    /// Of each pod.
    Pod(usize),
}

impl SeriesId {
    /// Every series there is.
    pub fn all() -> impl Iterator<Item = SeriesId> {
        (0..CLUSTER_SERIES.len()).map(SeriesId::Cluster).chain((0..POD_SERIES.len()).map(SeriesId::Pod))
    }
    /// Its name, which one of the cluster and one of the pods may share.
    pub const fn name(self) -> &'static str {
        match self {
            SeriesId::Cluster(position) => CLUSTER_SERIES[position].0,
            SeriesId::Pod(position) => POD_SERIES[position].0,
        }
    }
    /// The unit of its values.
    pub const fn unit(self) -> Unit {
        match self {
            SeriesId::Cluster(position) => CLUSTER_SERIES[position].1,
            SeriesId::Pod(position) => POD_SERIES[position].1,
        }
    }
}

impl fmt::Display for SeriesId {
    /// With whose it is: `cluster.connected`, `pod.cpu`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if matches!(self, SeriesId::Cluster(_)) { "cluster" } else { "pod" };
        write!(f, "{whose}.{}", self.name())
    }
}

/// An alerting rule.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    /// Its name, such as `uneven-load`.
    pub name: String,
    /// The condition as written.
    pub when: String,
    /// What is looked at. A rule about pods is evaluated for each of them.
    pub series: SeriesId,
    /// How.
    pub comparison: Comparison,
    /// The right side in the unit of the series.
    pub bound: f64,
    /// The condition must have held for so long.
    pub hold: Span,
}

/// What became of an alerting rule in one run.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AlertReport {
    /// Name of the rule.
    pub name: String,
    /// Its condition, as written.
    pub when: String,
    /// Seconds that the condition must have held.
    pub for_s: f64,
    /// Each time that it fired, in the order of time, then of pods.
    pub firings: Vec<Firing>,
    /// How often the condition held, but not long enough.
    pub pending_only: u32,
}

/// An alert from its first pending moment to its last firing one.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Firing {
    /// Which pod it is about; `None` for the cluster.
    pub pod: Option<String>,
    /// Seconds from the start of the run to the sample at which the condition began to hold.
    pub pending_s: f64,
    /// To the sample at which it had held long enough.
    pub firing_s: f64,
    /// To the sample at which it held no longer; `None` when it still fired at the end of the run.
    pub resolved_s: Option<f64>,
    /// How long it fired: to `resolved_s`, or to the last sample.
    pub duration_s: f64,
    /// The value farthest beyond the bound while it fired.
    pub worst: f64,
}

impl AlertRule {
    /// When it would have fired.
    pub fn evaluate(&self, series: &TimeSeries) -> AlertReport {
        let mut outcome = (Vec::new(), 0);
        match self.series {
            SeriesId::Cluster(position) => {
                let values = &series.cluster.0[position];
                self.watch(&series.times_s, None, |sample| values.get(sample).copied(), &mut outcome);
            }
            SeriesId::Pod(position) => {
                for pod in &series.pods {
                    let value = |sample| pod.at(pod.get(position), sample);
                    self.watch(&series.times_s, Some(&pod.name), value, &mut outcome);
                }
            }
        }
        let (mut firings, pending_only) = outcome;
        // stable: firings of the same moment stay in the order of pods
        firings.sort_by(|a, b| a.firing_s.total_cmp(&b.firing_s));
        let (name, when) = (self.name.clone(), self.when.clone());
        AlertReport { name, when, for_s: self.hold.as_secs_f64(), firings, pending_only }
    }

    /// Follows one series from sample to sample. Where it has no value, the condition does not hold.
    fn watch(
        &self,
        times_s: &[f64],
        pod: Option<&str>,
        value: impl Fn(usize) -> Option<f64>,
        (firings, pending_only): &mut (Vec<Firing>, u32),
    ) {
        // whole nanoseconds, so that differences of samples are exact
        let nanos = |seconds: f64| libm::round(seconds * 1e9) as u64;
        let mut active: Option<(f64, Option<Firing>)> = None;
        for (sample, &now_s) in times_s.iter().enumerate() {
            let Some(value) = value(sample).filter(|value| self.comparison.holds(*value, self.bound)) else {
                match active.take() {
                    Some((_, Some(firing))) => {
                        let duration_s = now_s - firing.firing_s;
                        firings.push(Firing { resolved_s: Some(now_s), duration_s, ..firing });
                    }
                    Some((_, None)) => *pending_only += 1,
                    None => {}
                }
                continue;
            };
            let (pending_s, firing) = active.get_or_insert((now_s, None));
            let has_held = nanos(now_s) - nanos(*pending_s) >= self.hold.as_nanos();
            if let Some(firing) = firing {
                firing.duration_s = now_s - firing.firing_s;
                firing.worst = self.worse(firing.worst, value);
            } else if has_held {
                let pod = pod.map(str::to_owned);
                let (pending_s, firing_s) = (*pending_s, now_s);
                *firing = Some(Firing { pod, pending_s, firing_s, resolved_s: None, duration_s: 0.0, worst: value });
            }
        }
        match active {
            Some((_, Some(firing))) => firings.push(firing),
            Some((_, None)) => *pending_only += 1,
            None => {}
        }
    }

    fn worse(&self, a: f64, b: f64) -> f64 {
        match self.comparison {
            Comparison::Above | Comparison::AtLeast => a.max(b),
            Comparison::Below | Comparison::AtMost => a.min(b),
            Comparison::Equal => a,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::{ClusterSeries, PodSeries};
    use super::*;

    fn rule(series: SeriesId, comparison: Comparison, bound: f64, hold_s: u64) -> AlertRule {
        let (name, when) = ("rule".to_owned(), "condition".to_owned());
        AlertRule { name, when, series, comparison, bound, hold: Span::from_secs(hold_s) }
    }

    fn every_ten_seconds(values: &[f64]) -> TimeSeries {
        let times_s = (1..=values.len()).map(|sample| 10.0 * sample as f64).collect();
        let mut cluster = ClusterSeries::default();
        cluster.0[0] = values.to_vec();
        TimeSeries { times_s, pods: Vec::new(), cluster }
    }

    /// (pending, firing, resolved) of each firing, and how often it was not long enough.
    fn fired(values: &[f64], hold_s: u64) -> (Vec<(f64, f64, Option<f64>)>, u32) {
        let report = rule(SeriesId::Cluster(0), Comparison::Above, 1.0, hold_s).evaluate(&every_ten_seconds(values));
        let times = report.firings.iter().map(|firing| (firing.pending_s, firing.firing_s, firing.resolved_s));
        (times.collect(), report.pending_only)
    }

    #[test]
    fn an_alert_is_pending_before_it_fires() {
        let values = [0.0, 2.0, 2.0, 2.0, 2.0, 0.0, 2.0, 0.0];
        assert_eq!(fired(&values, 20), (vec![(20.0, 40.0, Some(60.0))], 1));
        // the same at once
        assert_eq!(fired(&values, 0), (vec![(20.0, 20.0, Some(60.0)), (70.0, 70.0, Some(80.0))], 0));
        assert_eq!(fired(&values, 31), (vec![], 2));
        assert_eq!(fired(&values, 30), (vec![(20.0, 50.0, Some(60.0))], 1));
    }

    #[test]
    fn the_end_of_a_run_resolves_nothing() {
        assert_eq!(fired(&[0.0, 2.0, 3.0], 10), (vec![(20.0, 30.0, None)], 0));
        assert_eq!(fired(&[0.0, 0.0, 3.0], 10), (vec![], 1));
    }

    #[test]
    fn a_pod_that_is_gone_has_no_alert() {
        let quiet = |name: &str, first, requests_per_s| PodSeries {
            name: name.to_owned(),
            first,
            requests_per_s,
            ..PodSeries::default()
        };
        let pods = vec![
            quiet("pod-0", 0, vec![Some(0.0), Some(0.0), None, Some(0.0)]),
            quiet("pod-1", 1, vec![Some(0.0), Some(0.0), Some(0.0)]),
        ];
        let series = TimeSeries { pods, ..every_ten_seconds(&[0.0; 4]) };
        let report = rule(SeriesId::Pod(1), Comparison::Equal, 0.0, 10).evaluate(&series);
        let firing = |pod: &str, firing_s, resolved_s| {
            report.firings.iter().any(|firing| {
                firing.pod.as_deref() == Some(pod) && firing.firing_s == firing_s && firing.resolved_s == resolved_s
            })
        };
        assert!(firing("pod-0", 20.0, Some(30.0)) && firing("pod-1", 30.0, None), "{report:?}");
        assert_eq!((report.firings.len(), report.pending_only), (2, 1));
    }
}
