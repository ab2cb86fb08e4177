//! Audiences: who they are, where they are, what they keep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::law::{DurationLaw, NumberLaw};
use super::super::units::{Number, Rate, Share, Sigma};
use super::super::words::{Attempts, LawOrNever, Milliseconds, ReconnectText, RefreshText, TransportsText};
use crate::engine::Span;

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
    /// When they come back after a loss: the name of a policy, such as `socket.io`, `python-socketio`, `full-jitter`,
    /// `immediate` or `never`; or a policy with its settings, such as `{fixed: 2s}`, `{reconnectionDelay: 500ms}` or
    /// `{policy: exponential, first: 1s, max: 5s, jitter: 50%, attempts: 10}`.
    pub reconnect: Option<ReconnectText>,
    /// When they load their page anew; `never`.
    pub refresh: Option<RefreshText>,
    /// How each client holds its connection, as the client library is told: `[polling, websocket]`, `[websocket]`, `[polling]`;
    /// `none`: only HTTP requests.
    pub transports: Option<TransportsText>,
}

/// Loading a page anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// Time from one to the next.
    pub every: DurationLaw,
    /// From the close of the old page to the first attempt of the new one to connect.
    pub load: Option<DurationLaw>,
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
    pub jitter: Option<Sigma>,
    /// Share of clients with an IPv6 address of their own.
    pub ipv6: Option<Share>,
    /// How many clients share a public IPv4 address; `own` = none do.
    #[schemars(with = "Option<OwnOrShared>")]
    pub shared_address: Option<SharedAddress>,
    /// How public addresses change; `never` = they do not.
    #[schemars(with = "Option<NeverOrChange>")]
    pub address_change: Option<AddressChange>,
    /// How HTTP requests share connections: `h2`, all in one; `http/1.1`, one at a time; `http/1.0`, not at all.
    pub http: Option<HttpText>,
    /// Share of clients behind a proxy that lets no WebSocket through.
    pub blocks_websockets: Option<Share>,
}

/// Versions of HTTP by their ALPN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpText {
    /// HTTP/1.0, or a client without keep-alive: a connection for each request.
    #[serde(rename = "http/1.0")]
    Http10,
    /// HTTP/1.1: a request that is not answered yet keeps its connection.
    #[serde(rename = "http/1.1")]
    Http11,
    /// HTTP/2: all requests share a connection.
    #[serde(rename = "h2")]
    Http2,
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The law of the delays; `exponential` unless the options of Socket.IO stand here.
    pub policy: Option<PolicyName>,
    /// `{fixed: 2s}` is short for `{policy: fixed, first: 2s}`.
    pub fixed: Option<Span>,
    /// Delay before the first attempt; of `full-jitter` and `equal-jitter` the longest one, of `decorrelated` the shortest.
    pub first: Option<Span>,
    /// Longest delay.
    pub max: Option<Span>,
    /// Share of the delay by which it is spread on both sides (`exponential` and `fixed`).
    pub jitter: Option<Share>,
    /// Attempts before the client gives up, or `unlimited`.
    pub attempts: Option<Attempts>,
    /// Option of the JavaScript client of Socket.IO: delay before the first attempt, in milliseconds or as a duration.
    #[serde(rename = "reconnectionDelay")]
    pub reconnection_delay: Option<Milliseconds>,
    /// Option of the JavaScript client of Socket.IO: longest delay, in milliseconds or as a duration.
    #[serde(rename = "reconnectionDelayMax")]
    pub reconnection_delay_max: Option<Milliseconds>,
    /// Option of the JavaScript client of Socket.IO: share of the delay by which it deviates at most.
    #[serde(rename = "randomizationFactor")]
    pub randomization_factor: Option<Share>,
    /// Option of the JavaScript client of Socket.IO: attempts before it gives up, or `Infinity`.
    #[serde(rename = "reconnectionAttempts")]
    pub reconnection_attempts: Option<Attempts>,
}

/// Laws of the delays between attempts to reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyName {
    /// The JavaScript client of Socket.IO 4, with `reconnectionDelay` and its other options.
    #[serde(rename = "socket.io")]
    SocketIo,
    /// The client of python-socketio: 1, 2, 4, 5, 5 … s, each ± 0.5 s.
    #[serde(rename = "python-socketio")]
    PythonSocketIo,
    /// At once (after 1 ms).
    Immediate,
    /// Always `first`, ± `jitter`.
    Fixed,
    /// `first` · 2^k, ± `jitter`, at most `max`.
    Exponential,
    /// Anything between 0 and min(`max`, `first` · 2^k).
    FullJitter,
    /// Anything between a half and the whole of min(`max`, `first` · 2^k).
    EqualJitter,
    /// Anything between `first` and three times the previous delay, at most `max`.
    Decorrelated,
}
