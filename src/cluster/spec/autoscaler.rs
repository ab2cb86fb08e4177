//! Who changes the wanted number of pods by himself.

use crate::engine::Span;

/// A HorizontalPodAutoscaler, or one that KEDA makes.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoscalerSpec {
    /// Fewest pods, at least 1.
    pub min: u32,
    /// Most pods, not below `min`.
    pub max: u32,
    /// What it looks at, at least one: each asks for a number of pods, and the largest wins.
    pub metrics: Vec<MetricSpec>,
    /// Deviations from a target, as a share of it, that change nothing.
    pub tolerance: f64,
    /// Distance of its decisions, above zero.
    pub sync: Span,
    /// Distance of the measurements that it sees, above zero.
    pub scrape: Span,
    /// CPU that each pod requests, in cores, above zero; what shares of CPU are shares of.
    pub cpu_request: f64,
    /// Memory that each pod requests, in bytes; what shares of memory are shares of. `None` = nothing, and no share of it.
    pub memory_request: Option<u64>,
    /// Metrics are sums over whatever runs, as of an external metric (KEDA), not averages of pods.
    pub external: bool,
    /// How fast it may go up and down; `None` = what it does without `behavior`.
    pub behavior: Option<[ScalingRules; 2]>,
}

/// Of one pod, by CPU, with the defaults of Kubernetes.
impl Default for AutoscalerSpec {
    fn default() -> AutoscalerSpec {
        AutoscalerSpec {
            min: 1,
            max: 1,
            metrics: vec![MetricSpec::Cpu(80)],
            tolerance: 0.1,
            sync: Span::from_secs(15),
            scrape: Span::from_secs(15),
            cpu_request: 1.0,
            memory_request: None,
            external: false,
            behavior: None,
        }
    }
}

/// What an autoscaler looks at, and what it wants of each pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricSpec {
    /// CPU in per cent of what is requested.
    Cpu(u32),
    /// Memory in per cent of what is requested.
    Memory(u32),
    /// Connections.
    Connections(f64),
    /// Requests and upgrades per second.
    Requests(f64),
}

/// How fast an autoscaler may go in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// Of the numbers that it has wanted within this time, it takes the most cautious one.
    pub window: Span,
    /// Limits, of which one is chosen.
    pub policies: Vec<ScalingPolicy>,
    /// Which.
    pub select: Select,
}

/// A limit of how fast an autoscaler may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalingPolicy {
    /// Pods, or per cent of the pods that there were.
    pub by: ScaleBy,
    /// Within this time.
    pub every: Span,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleBy {
    /// Pods.
    Pods(u32),
    /// Per cent.
    Percent(u32),
}

/// Which of several limits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// The one that allows most.
    Max,
    /// The one that allows least.
    Min,
    /// None: it never goes this way.
    Disabled,
}
