//! Pods: what they are made of, what their work costs, how they start, end and are replaced.

use crate::engine::{Law, Span};

/// The pods.
#[derive(Clone, Debug)]
pub struct PodSpec {
    /// Number at the start, at least 1.
    pub replicas: u32,
    /// CPU limit in cores, above zero. Work is stretched when it is less than `workers`.
    pub cpu: f64,
    /// Event loops per pod, at least 1.
    pub workers: u32,
    /// Memory limit in bytes; beyond it the pod is killed. `None` = no limit.
    pub memory_bytes: Option<u64>,
    /// What each step costs.
    pub costs: Costs,
    /// From creation to when the first container starts: a node is found, the image is there. In nanoseconds.
    pub scheduling: Law,
    /// From the start of a container to when its process accepts connections, in nanoseconds.
    pub startup: Law,
    /// When a pod counts as ready.
    pub readiness: Readiness,
    /// Whose failures end the container.
    pub liveness: Option<Probe>,
    /// Until it succeeds the two others are off; its failures end the container.
    pub startup_probe: Option<Probe>,
    /// A pod is an endpoint from its first container to its end, ready or not (`publishNotReadyAddresses`).
    pub publish_not_ready: bool,
    /// The kubelet looks for containers that have ended at this distance.
    pub relist: Span,
    /// It looks whether a back-off is over at this distance, or up to half of it more; zero: when it is over.
    pub resync: Span,
    /// How a pod ends.
    pub shutdown: ShutdownSpec,
    /// The limit of new WebSockets; `None` = all are let in.
    pub admission: Option<Admission>,
    /// Connections that a pod may have, at least 1; `None` = no limit.
    pub max_connections: Option<u32>,
    /// When a pod closes a connection because of its age, in nanoseconds; `None` = never.
    pub max_connection_age: Option<Law>,
    /// Who has the fullest pods close connections; `None` = nobody.
    pub rebalance: Option<Rebalance>,
    /// What one costs per hour, in whatever currency; `None` = nobody said.
    pub hour_price: Option<f64>,
}

/// A controller that has pods with too many connections close some.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rebalance {
    /// It looks at this distance, above zero.
    pub every: Span,
    /// Pods with more than so many times the mean have too many; at least 1.
    pub above: f64,
    /// Connections that a pod closes at a time, at most.
    pub most: u32,
}

/// One pod that starts at once, ends at once and costs nothing.
impl Default for PodSpec {
    fn default() -> PodSpec {
        PodSpec {
            replicas: 1,
            cpu: 1.0,
            workers: 1,
            memory_bytes: None,
            costs: Costs::default(),
            scheduling: Law::Fixed(0.0),
            startup: Law::Fixed(0.0),
            readiness: Readiness::Immediate,
            liveness: None,
            startup_probe: None,
            publish_not_ready: false,
            relist: Span::ZERO,
            resync: Span::ZERO,
            shutdown: ShutdownSpec { pre_stop: Span::ZERO, grace: Span::from_secs(30), on_sigterm: OnSigterm::Close },
            admission: None,
            max_connections: None,
            max_connection_age: None,
            rebalance: None,
            hour_price: None,
        }
    }
}

/// When a pod counts as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The moment it accepts connections.
    Immediate,
    /// As long as its container runs: there is no probe.
    Unprobed,
    /// When a probe says so.
    Probed(Probe),
}

/// A probe: the kubelet asks at a distance, and believes so many answers in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Not before a container is so old.
    pub initial_delay: Span,
    /// Distance of probes, above zero.
    pub period: Span,
    /// How long an answer may take.
    pub timeout: Span,
    /// Successes in a row that are believed, at least 1.
    pub successes: u32,
    /// Failures in a row that are believed, at least 1.
    pub failures: u32,
    /// Instead of the pod's own grace period, for containers that it ends.
    pub grace: Option<Span>,
}

/// How a pod ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownSpec {
    /// What comes before SIGTERM, within the grace period.
    pub pre_stop: Span,
    /// From deletion to SIGKILL (`terminationGracePeriodSeconds`).
    pub grace: Span,
    /// What the application does on SIGTERM.
    pub on_sigterm: OnSigterm,
}

/// What an application does on SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSigterm {
    /// It closes every connection, answers the requests that it has, and exits.
    Close,
    /// It takes nothing new, closes its connections over a time, and exits after the last one.
    Drain {
        /// Over this time …
        over: Span,
        /// … in batches at this distance; zero: each connection at a moment of its own.
        every: Span,
    },
    /// Nothing: it goes on until SIGKILL.
    Ignore,
}

/// Whatever is left of the grace period, a process has this time after SIGTERM (`minimumGracePeriodInSeconds`).
const LEAST_AFTER_SIGTERM: Span = Span::from_secs(2);

impl ShutdownSpec {
    /// From deletion to SIGTERM and to SIGKILL: the hook is cut when the grace period is over, and of what is left of that, whole
    /// seconds are counted (`killContainer` of kuberuntime_container.go).
    pub fn times(&self, grace: Span) -> [Span; 2] {
        let hook = self.pre_stop.min(grace);
        let elapsed = Span::from_secs(hook.as_nanos() / 1_000_000_000);
        [hook, hook + grace.saturating_sub(elapsed).max(LEAST_AFTER_SIGTERM)]
    }
}

/// A limit of new WebSockets per pod, as `limit_req` of nginx counts (a leaky bucket): beyond it they are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Distance of WebSockets that come evenly, above zero.
    pub every: Span,
    /// How many may come at once after a pause, at least 1.
    pub burst: u32,
}

/// CPU per step and memory per connection of one pod; nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    /// Accepting a WebSocket (HTTP upgrade and Socket.IO CONNECT).
    pub connect: Span,
    /// Cleaning up after a connection.
    pub disconnect: Span,
    /// Each HTTP request of long polling and of the handshake that starts with it.
    pub poll: Span,
    /// An upgrade from polling ends when the server next looks whether a request waits: it does so at this distance, and at
    /// once when it is zero.
    pub upgrade_check: Span,
    /// The framework's own work per HTTP request.
    pub request: Span,
    /// Receiving an event from a client.
    pub receive: Span,
    /// Starting a broadcast to local clients.
    pub broadcast: Span,
    /// Each local recipient of it.
    pub send: Span,
    /// Handing an event to Redis, the pod's own copy coming back included.
    pub publish: Span,
    /// A copy from Redis that nobody here wants.
    pub copy_dropped: Span,
    /// A copy from Redis that goes to local clients, before its first recipient.
    pub copy_delivered: Span,
    /// One ping and pong of an idle connection.
    pub heartbeat: Span,
    /// Distance of pings.
    pub heartbeat_every: Span,
    /// How long a pong may take before the server gives a connection up.
    pub heartbeat_timeout: Span,
    /// Memory of a pod without connections.
    pub memory_base: u64,
    /// Memory of each connection.
    pub memory_per_connection: u64,
    /// Memory of each connection by long polling.
    pub memory_per_poller: u64,
}

/// How a surge rollout proceeds: the fields of a Kubernetes Deployment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutSpec {
    /// Pods above the wanted number; a share is rounded up.
    pub max_surge: Amount,
    /// Pods that may be missing; a share is rounded down.
    pub max_unavailable: Amount,
    /// How pods are replaced.
    pub strategy: RolloutStrategy,
    /// How long a pod must have been ready to count as available (`minReadySeconds`).
    pub min_ready: Span,
    /// A rollout without progress for so long has failed, which stops nothing (`progressDeadlineSeconds`).
    pub progress_deadline: Span,
    /// What a controller writes to the pods as the cost of their deletion.
    pub deletion_cost: DeletionCost,
}

/// A Deployment with the defaults of Kubernetes.
impl Default for RolloutSpec {
    fn default() -> RolloutSpec {
        RolloutSpec {
            max_surge: Amount::Share(0.25),
            max_unavailable: Amount::Share(0.25),
            strategy: RolloutStrategy::Rolling,
            min_ready: Span::ZERO,
            progress_deadline: Span::from_secs(600),
            deletion_cost: DeletionCost::None,
        }
    }
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutStrategy {
    /// A Deployment: some at a time.
    Rolling,
    /// A Deployment: all are removed, and when the last one is gone all are created.
    Recreate,
    /// A StatefulSet: from the highest number down to this one, each with its old name and a new address.
    Ordered {
        /// Pods with lower numbers keep their template.
        partition: u32,
    },
}

/// `controller.kubernetes.io/pod-deletion-cost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionCost {
    /// None: all are alike.
    None,
    /// Connections, as they are when a pod is chosen.
    Connections,
}

/// A number of pods, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// A number.
    Pods(u32),
    /// A share, 0 to 1.
    Share(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_after_the_hook_is_counted_in_whole_seconds() {
        let times = |pre_stop_ms, grace_s| {
            let shutdown = ShutdownSpec {
                pre_stop: Span::from_millis(pre_stop_ms),
                grace: Span::from_secs(grace_s),
                on_sigterm: OnSigterm::Close,
            };
            shutdown.times(shutdown.grace).map(|span| span.as_nanos() / 1_000_000)
        };
        // hook, grace: SIGTERM, SIGKILL, all in milliseconds from the deletion
        for (pre_stop_ms, grace_s, expected) in [
            (0, 30, [0, 30_000]),
            (15_000, 30, [15_000, 30_000]),
            (14_600, 30, [14_600, 30_600]),
            (28_000, 30, [28_000, 30_000]),
            (29_000, 30, [29_000, 31_000]),
            (30_000, 30, [30_000, 32_000]),
            (180_000, 180, [180_000, 182_000]),
            (60_000, 30, [30_000, 32_000]),
            (10_000, 45, [10_000, 45_000]),
            (10_000, 0, [0, 2_000]),
            (0, 1, [0, 2_000]),
        ] {
            assert_eq!(times(pre_stop_ms, grace_s), expected, "hook of {pre_stop_ms} ms, grace of {grace_s} s");
        }
    }
}
