//! Pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::law::DurationLaw;
use super::super::units::{Number, Rate, Size};
use super::super::words::Memory;
use super::{ProbeText, ReadinessText, SessionsText, Shutdown};
use crate::engine::Span;

/// The pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pods {
    /// Number at the start.
    pub replicas: Option<u32>,
    /// CPU limit in cores.
    pub cpu: Option<Number>,
    /// Event loops per pod: 1 for Node.js or one uvicorn worker.
    pub workers: Option<u32>,
    /// Memory limit, or `none`.
    pub memory: Option<Memory>,
    /// What each step costs.
    pub costs: Option<CostsText>,
    /// From creation to when its container starts: a node is found, and the image is there. Restarts in place do without.
    pub scheduling: Option<DurationLaw>,
    /// From the start of a container to when its process accepts connections.
    pub startup: Option<DurationLaw>,
    /// When a pod is ready: `immediate`, the moment it accepts connections; by a probe, such as `{period: 10s}`; or `none`, as
    /// long as its container runs.
    pub readiness: Option<ReadinessText>,
    /// A probe that ends the container when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<ProbeText>,
    /// A probe that keeps the two others off until it succeeds, and ends the container when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_probe: Option<ProbeText>,
    /// True: a pod is an endpoint from its first container to its end, ready or not (`publishNotReadyAddresses`).
    pub publish_not_ready: Option<bool>,
    /// The kubelet looks for containers that have died at this distance.
    pub relist: Option<Span>,
    /// It looks whether a container that crashed may be started again at this distance, or up to half of it more.
    pub resync: Option<Span>,
    /// How a pod ends.
    pub shutdown: Option<Shutdown>,
    /// Where the application keeps what it knows of its clients: `memory` (lost when a client lands elsewhere), `redis`,
    /// `database`, or with settings, such as `{redis: {ttl: 1h}}`; `none`: nobody looks.
    pub sessions: Option<SessionsText>,
    /// How many new WebSockets a pod, or the platform in front of it, lets in; without it all of them.
    pub admission: Option<AdmissionText>,
    /// Connections that a pod may have; beyond them it answers with a 503. Without it there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// When a pod closes a connection because of its age, such as `{uniform: [54m, 66m]}`; without it never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connection_age: Option<DurationLaw>,
    /// A controller that has pods with more connections than others close some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<RebalanceText>,
}

/// A controller that has pods with more connections than others close some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RebalanceText {
    /// It looks at this distance.
    pub every: Option<Span>,
    /// Pods with more than so many times the mean close what they have more than the mean: `1.1`.
    pub above: Option<Number>,
    /// … but not more at a time.
    pub at_most: Option<u32>,
}

/// A limit of new WebSockets: those beyond it are refused with a 503.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmissionText {
    /// New WebSockets per second and pod.
    pub rate: Rate,
    /// How many may come at once after a pause.
    pub burst: Option<u32>,
}

/// CPU per step and memory per connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostsText {
    /// Values for what is not said here.
    pub preset: Option<CostsPreset>,
    /// Accepting a WebSocket.
    pub connect: Option<Span>,
    /// Cleaning up after a connection.
    pub disconnect: Option<Span>,
    /// Each HTTP request of long polling and of the handshake that starts with it.
    pub poll: Option<Span>,
    /// Distance of the server's looks whether an upgrade from polling can be completed; `0s`: it does so at once.
    pub upgrade_check: Option<Span>,
    /// The framework's own work per HTTP request.
    pub request: Option<Span>,
    /// Receiving an event from a client.
    pub receive: Option<Span>,
    /// Starting a broadcast to local clients.
    pub broadcast: Option<Span>,
    /// Each local recipient of a broadcast.
    pub send: Option<Span>,
    /// Handing an event to Redis, the pod's own copy coming back included.
    pub publish: Option<Span>,
    /// A copy from Redis that nobody here wants.
    pub copy_dropped: Option<Span>,
    /// A copy from Redis that goes to local clients, before its first recipient.
    pub copy_delivered: Option<Span>,
    /// What an entry of a stream takes beyond a copy.
    pub stream_entry: Option<Span>,
    /// One ping and pong of an idle connection.
    pub heartbeat: Option<Span>,
    /// Distance of pings.
    pub heartbeat_every: Option<Span>,
    /// How long a pong may take.
    pub heartbeat_timeout: Option<Span>,
    /// Memory of a pod without connections.
    pub memory_base: Option<Size>,
    /// Memory of each connection.
    pub memory_per_connection: Option<Size>,
    /// Memory of each connection by long polling.
    pub memory_per_poller: Option<Size>,
}

/// Servers whose costs were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CostsPreset {
    /// Socket.IO 4 on Node.js 20.
    #[serde(rename = "socket.io-node20")]
    SocketIoNode20,
    /// python-socketio on uvicorn.
    #[serde(rename = "python-socketio-uvicorn")]
    PythonSocketIoUvicorn,
    /// Plain `ws` on Node.js.
    #[serde(rename = "ws-node")]
    WsNode,
}
