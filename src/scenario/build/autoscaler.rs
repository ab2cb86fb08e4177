//! Who changes the wanted number of pods by himself.

use super::super::file::{AskedBy, Autoscaler, BehaviorText, PolicyText, RulesText, SelectText};
use super::super::units::Size;
use super::filled;
use crate::cluster::spec::{AutoscalerSpec, MetricSpec, PodSpec, ScaleBy, ScalingPolicy, ScalingRules, Select};

/// An autoscaler of pods with these limits, which are requested where nothing else is said.
pub fn autoscaler(text: &Autoscaler, pods: &PodSpec) -> AutoscalerSpec {
    let metric = &text.metric;
    let metrics = [
        metric.cpu.map(|cpu| MetricSpec::Cpu(cpu.value())),
        metric.memory.map(|memory| MetricSpec::Memory(memory.value())),
        metric.connections.map(|connections| MetricSpec::Connections(connections.value())),
        metric.requests.map(|requests| MetricSpec::Requests(requests.per_second())),
    ];
    AutoscalerSpec {
        min: *filled(&text.min),
        max: text.max,
        metrics: metrics.into_iter().flatten().collect(),
        tolerance: filled(&text.tolerance).fraction(),
        sync: *filled(&text.sync),
        scrape: *filled(&text.scrape),
        cpu_request: text.cpu_request.map_or(pods.cpu, |cpu| cpu.value()),
        memory_request: text.memory_request.map(Size::bytes).or(pods.memory_bytes),
        external: *filled(&text.by) == AskedBy::Keda,
        behavior: text
            .behavior
            .as_ref()
            .map(|BehaviorText { scale_up, scale_down }| [scale_up, scale_down].map(|text| rules(filled(text)))),
    }
}

fn rules(text: &RulesText) -> ScalingRules {
    ScalingRules {
        window: *filled(&text.stabilization),
        policies: filled(&text.policies).iter().map(policy).collect(),
        select: match filled(&text.select) {
            SelectText::Max => Select::Max,
            SelectText::Min => Select::Min,
            SelectText::Disabled => Select::Disabled,
        },
    }
}

fn policy(text: &PolicyText) -> ScalingPolicy {
    let by = match (text.pods, text.percent) {
        (Some(pods), _) => ScaleBy::Pods(pods),
        (None, percent) => ScaleBy::Percent(percent.unwrap_or(0)),
    };
    ScalingPolicy { by, every: text.per }
}
