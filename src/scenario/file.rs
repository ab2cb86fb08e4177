//! The shape of a scenario file, 1:1 with `scenarios/schema.json`.
//!
//! `None` means "not written"; [`fill`](super::fill) puts the default there before anything is built from it.
//! The comments on the fields are the help that editors show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::law::{DurationLaw, NumberLaw};
use super::units::{Number, Rate, Share, Size, Whole};
use super::words::{Attempts, CountOrShare, LawOrNever, Memory, PodRef, Recipients, ReconnectText, WarmUp};
use crate::cluster::balancer::BalancerSpec;
use crate::engine::Span;

/// A scenario of stickysim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "stickysim scenario")]
pub struct ScenarioFile {
    /// Short name: lower-case letters, digits and hyphens. Also the name of the folder of results.
    #[schemars(regex(pattern = r"^[a-z0-9-]+$"))]
    pub name: String,
    /// One line for people.
    pub title: Option<String>,
    /// Simulated length of a run, such as `20m`.
    pub duration: Option<Span>,
    /// Figures are taken after this: `auto`, a duration, or `none`.
    pub warm_up: Option<WarmUp>,
    /// First seed; the same seed gives the same numbers.
    pub seed: Option<u64>,
    /// Runs per variant, each with its own random numbers.
    #[schemars(range(min = 1, max = 10000))]
    pub replications: Option<u32>,
    /// Distance of the samples of the time series.
    pub sample_every: Option<Span>,
    /// `steady`: clients are connected already at time zero. `empty`: everybody arrives at time zero.
    pub start: Option<Start>,
    /// The kinds of clients; a single one may stand without a list.
    #[schemars(with = "OneOrMany<Audience>")]
    pub clients: Vec<Audience>,
    /// What clients do while they are present.
    pub traffic: Option<Vec<Traffic>>,
    /// What servers emit by themselves.
    pub server_traffic: Option<Vec<ServerTraffic>>,
    /// How clients form rooms.
    pub rooms: Option<Rooms>,
    /// The load balancer: exactly one in this version.
    #[schemars(with = "Option<OneOrMany<BalancerSpec>>")]
    pub balancers: Option<Vec<BalancerSpec>>,
    /// The pods.
    pub pods: Option<Pods>,
    /// How a surge rollout proceeds: the fields of a Kubernetes Deployment.
    pub rollout: Option<Rollout>,
    /// How pods reach each other.
    pub redis: Option<Redis>,
    /// What happens when.
    pub timeline: Option<Vec<TimelineEntry>>,
    /// What must hold, such as `p99 event.latency < 100ms`.
    pub expect: Option<Vec<String>>,
    /// A run with more events than this ends with an error.
    pub max_events: Option<Whole>,
    /// Named patches on what stands above, for comparisons.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Map<String, serde_json::Value>>>")]
    pub variants: Option<BTreeMap<String, serde_yaml::Value>>,
}

/// One entry, or a list of them (for the schema; text is brought to a list before it is read).
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is used
enum OneOrMany<T> {
    /// A list.
    Many(Vec<T>),
    /// One entry.
    One(T),
}

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Clients are connected already, sessions under way.
    Steady,
    /// Everybody arrives at an empty cluster at time zero.
    Empty,
}

/// One kind of clients. Exactly one of `count`, `arrivals` and `trace` says who is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Name; needed when there are several.
    pub name: Option<String>,
    /// This many clients, present all the time.
    pub count: Option<u32>,
    /// Clients that come, stay for a `session` and leave for good.
    pub arrivals: Option<Arrivals>,
    /// How long a client that arrived stays.
    pub session: Option<DurationLaw>,
    /// Recorded requests: a CSV file with the header `at_ms,client,address`.
    #[schemars(with = "Option<FileOrTrace>")]
    pub trace: Option<TraceText>,
    /// Where they are.
    pub network: Option<Network>,
    /// What their cookie jar does.
    pub cookies: Option<Cookies>,
    /// When they come back after a loss: `socket.io`, `never`, or `{first: 1s, max: 5s, jitter: 50%, attempts: 10}`.
    pub reconnect: Option<ReconnectText>,
    /// True: each client keeps a WebSocket open. False: only HTTP requests.
    pub websocket: Option<bool>,
}

/// Clients that come and go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arrivals {
    /// Arrivals where the profile is 1.
    pub rate: Rate,
    /// How the rate changes over time.
    pub profile: Option<Profile>,
}

/// A piecewise linear factor over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Corners `[time, factor]` in order of time.
    pub at: Vec<(Span, Number)>,
}

/// Recorded requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceText {
    /// CSV file beside the scenario, with the header `at_ms,client,address`.
    pub file: String,
    /// Work of each request on a pod.
    pub work: Option<DurationLaw>,
}

/// A file name, or a file name with settings (for the schema).
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is used
enum FileOrTrace {
    /// The CSV file.
    File(String),
    /// The CSV file, and what a request costs.
    Trace(TraceText),
}

/// Where clients are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Values for what is not said here.
    pub preset: Option<NetworkPreset>,
    /// Base round-trip time to the balancer, drawn once per client.
    pub rtt: Option<DurationLaw>,
    /// Sigma of the log-normal factor on each single trip; 0 = none.
    pub jitter: Option<Number>,
    /// Share of clients with an IPv6 address of their own.
    pub ipv6: Option<Share>,
    /// How many clients share a public IPv4 address; `own` = none do.
    #[schemars(with = "Option<OwnOrShared>")]
    pub shared_address: Option<SharedAddress>,
    /// How public addresses change; `never` = they do not.
    #[schemars(with = "Option<NeverOrChange>")]
    pub address_change: Option<AddressChange>,
}

/// `never`, or how addresses change (for the schema; text is brought to the long form before it is read).
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is used
enum NeverOrChange {
    /// `never`.
    Never(Never),
    /// How.
    Change(AddressChange),
}

/// The word `never`.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code)] // only its schema is used
enum Never {
    /// Not at all.
    Never,
}

/// `own`, or how addresses are shared (for the schema; text is brought to the long form before it is read).
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is used
enum OwnOrShared {
    /// `own`.
    Own(Own),
    /// How.
    Shared(SharedAddress),
}

/// The word `own`.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code)] // only its schema is used
enum Own {
    /// Everybody has an own address.
    Own,
}

/// Kinds of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkPreset {
    /// Fixed lines at home, a few people behind each.
    Home,
    /// A fixed line with a public address for each client.
    Fixed,
    /// Fixed lines with tens of people behind each.
    Office,
    /// Mobile phones behind carrier-grade NAT.
    Cellular,
    /// As `home`, on another continent.
    Far,
}

/// How clients share public IPv4 addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedAddress {
    /// This many addresses, of equal size unless `sizes` is a `zipf`.
    pub groups: Option<u32>,
    /// How many clients share an address.
    pub sizes: Option<NumberLaw>,
    /// The number of clients behind each shared address; everybody else has an own one.
    pub list: Option<Vec<u32>>,
}

/// How public addresses change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressChange {
    /// Time from one change of a client to its next; `never` = addresses stay.
    pub every: Option<LawOrNever>,
    /// How long the client has no network at a change.
    pub gap: Option<DurationLaw>,
    /// Share of changes that stay inside the same /24 (IPv4) or /64 (IPv6).
    pub same_network: Option<Share>,
}

/// What cookie jars do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cookies {
    /// Share of clients that store and return cookies.
    pub keep: Option<Share>,
    /// Time between two clearings of a jar, or `never`.
    pub cleared_every: Option<LawOrNever>,
}

/// A policy of reconnecting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// Delay before the first attempt; it doubles from one attempt to the next.
    pub first: Option<Span>,
    /// Longest delay.
    pub max: Option<Span>,
    /// Share of the delay by which it is spread on both sides.
    pub jitter: Option<Share>,
    /// Attempts before the client gives up, or `unlimited`.
    pub attempts: Option<Attempts>,
}

/// One thing that clients do again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// An HTTP request with an answer.
    Api(ApiTraffic),
    /// An event for other clients.
    Emit(EmitTraffic),
    /// An event for the client's own user, emitted by an API call.
    Notify(NotifyTraffic),
}

/// An HTTP request with an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiTraffic {
    /// Time from one request of a client to its next.
    pub every: DurationLaw,
    /// Who does it: `all`, a name of an audience, or a list of names.
    pub clients: Option<Recipients>,
    /// Work on the pod beyond the framework's own.
    pub work: Option<DurationLaw>,
}

/// An event for other clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmitTraffic {
    /// Time from one event of a client to its next.
    pub every: DurationLaw,
    /// Who gets it.
    pub to: EmitTo,
    /// Length of the encoded event.
    pub bytes: Option<Size>,
    /// `socket`: over the WebSocket. `api`: with an HTTP request that is balanced on its own.
    pub via: Option<ViaText>,
    /// Who does it: `all`, a name of an audience, or a list of names.
    pub clients: Option<Recipients>,
    /// Work of the handler beyond the costs of sending.
    pub work: Option<DurationLaw>,
}

/// An event for the client's own user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifyTraffic {
    /// Time from one event of a client to its next.
    pub every: DurationLaw,
    /// Who gets it: `self`.
    pub to: Option<NotifyTo>,
    /// Length of the encoded event.
    pub bytes: Option<Size>,
    /// How it reaches the cluster: `api`.
    pub via: Option<NotifyVia>,
    /// Whose clients do it: `all`, a name of an audience, or a list of names.
    pub clients: Option<Recipients>,
    /// Work of the handler beyond the costs of sending.
    pub work: Option<DurationLaw>,
}

/// Who gets an event of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmitTo {
    /// Everybody in one of the sender's rooms.
    Room,
    /// Every connected client.
    All,
    /// The sender alone.
    #[serde(rename = "self")]
    Own,
}

/// Who gets a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NotifyTo {
    /// The client's own user.
    #[serde(rename = "self")]
    Own,
}

/// How a notification reaches the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NotifyVia {
    /// With an HTTP request.
    #[serde(rename = "api")]
    Api,
}

/// How an event reaches the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ViaText {
    /// Over the client's WebSocket.
    Socket,
    /// With an HTTP request that is balanced on its own.
    Api,
}

/// What servers emit by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerTraffic {
    /// An event at regular intervals.
    Tick(Tick),
}

/// An event at regular intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// Distance of ticks.
    pub every: Span,
    /// Who gets it; `room`: each room in turn, one per tick.
    pub to: TickTo,
    /// Length of the encoded event.
    pub bytes: Option<Size>,
}

/// Who gets an event of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TickTo {
    /// Every connected client.
    All,
    /// Each room in turn.
    Room,
}

/// How clients form rooms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rooms {
    /// `groups`, the only kind of this version.
    pub kind: Option<RoomKind>,
    /// Number of members of a room.
    pub sizes: NumberLaw,
    /// Rooms of each client.
    pub per_client: Option<u32>,
}

/// Kinds of rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Clients dealt to rooms at random.
    Groups,
}

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
    /// From creation (or restart) to ready.
    pub startup: Option<DurationLaw>,
    /// How a pod ends.
    pub shutdown: Option<Shutdown>,
}

/// How a pod ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// Between the removal of a pod from the endpoints and its SIGTERM.
    pub pre_stop: Option<Span>,
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
}

/// How a surge rollout proceeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// Pods above the wanted number: a number, or a share (rounded up).
    pub max_surge: Option<CountOrShare>,
    /// Pods that may be missing: a number, or a share (rounded down).
    pub max_unavailable: Option<CountOrShare>,
}

/// How pods reach each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Which adapter the application uses.
    pub adapter: Option<AdapterText>,
    /// CPU of Redis per PUBLISH.
    pub publish: Option<Span>,
    /// CPU of Redis per copy delivered to a subscriber.
    pub copy: Option<Span>,
    /// One way between a pod and Redis.
    pub hop: Option<Span>,
}

/// Adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AdapterText {
    /// None: events reach only the clients of the pod that emits them.
    None,
    /// `@socket.io/redis-adapter`: every event to every pod.
    Classic,
}

/// Something that happens at a time: `at` and exactly one of the other keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimelineEntry {
    /// When, from the start of the run.
    pub at: Span,
    /// Every pod is replaced, or with `in_place: true` restarted, some at a time.
    pub rolling_restart: Option<RollingRestart>,
    /// The process of a pod dies and its container restarts in place.
    pub crash: Option<OnePod>,
    /// One pod is shut down in order and started again in place.
    pub restart: Option<OnePod>,
    /// The wanted number of pods changes.
    pub scale: Option<Scale>,
}

/// How pods are replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollingRestart {
    /// True: one after the other, each with its old name and address. False: new pods, as `rollout` allows.
    pub in_place: Option<bool>,
}

/// Which pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnePod {
    /// `random`, or a number; numbers count from 0 and replacements go on counting.
    pub pod: Option<PodRef>,
}

/// A new number of pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The new number.
    pub to: u32,
}
