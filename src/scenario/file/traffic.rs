//! What clients and servers do, and the rooms they do it in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::law::{DurationLaw, NumberLaw};
use super::super::units::Size;
use super::super::words::{CacheKey, HitSaves, Recipients, SpanOrNone};
use super::OperationText;
use crate::cluster::adapter::To;
use crate::engine::Span;

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
    /// Queries that its handler sends to the database, one after the other.
    #[schemars(range(max = 200))]
    pub database: Option<u32>,
    /// Caches in the memory of each pod that its handler looks into; a single one may stand without a list.
    #[schemars(with = "Option<super::OneOrMany<Cache>>")]
    pub cache: Option<Vec<Cache>>,
}

/// A cache in the memory of each pod, empty when its process starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// What entries are about: `own` (one per client), `room` (one per room), or several of each, or shared by all:
    /// `{shared: {zipf: {s: 1, n: 1000}}}`.
    pub key: CacheKey,
    /// What a hit saves: `1 query`, `2 queries`, or work such as `300ms`.
    pub hit_saves: HitSaves,
    /// Most entries per pod; the one used least recently goes first.
    pub capacity: Option<u32>,
    /// How long an entry is good from when it was filled, or `none`.
    pub ttl: Option<SpanOrNone>,
}

/// Items by whose they are: whole numbers from 1, of which each request wants one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheItems {
    /// Each client's own.
    Own(NumberLaw),
    /// Those of each room.
    Room(NumberLaw),
    /// The same for everybody.
    Shared(NumberLaw),
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
    /// The client wants an acknowledgement of the server, for events over the WebSocket.
    pub ack: Option<AckText>,
    /// Who does it: `all`, a name of an audience, or a list of names.
    pub clients: Option<Recipients>,
    /// Work of the handler beyond the costs of sending.
    pub work: Option<DurationLaw>,
}

/// How a client waits for the acknowledgement of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AckText {
    /// How long: from when it emits the event or, with `retries`, from when it sends it (`ackTimeout`).
    pub timeout: Option<Span>,
    /// How often it sends the event again.
    #[schemars(range(max = 1000))]
    pub retries: Option<u32>,
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
    /// True: the handler writes to the user's socket directly if it is on the same pod, and asks the adapter only if not.
    pub local_first: Option<bool>,
    /// Whose clients do it: `all`, a name of an audience, or a list of names.
    pub clients: Option<Recipients>,
    /// Work of the handler beyond the costs of sending.
    pub work: Option<DurationLaw>,
}

/// Who gets an event of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EmitTo {
    /// Everybody in one of the sender's rooms (`io.to(room)`).
    Room,
    /// Everybody in one of the sender's rooms but the sender (`socket.to(room)`).
    RoomButSender,
    /// Every connected client (`io.emit`).
    All,
    /// Every connected client but the sender (`socket.broadcast`).
    AllButSender,
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
    /// Something that a server asks of the adapter at regular intervals.
    Operation(ServerOperation),
}

impl ServerTraffic {
    /// Its key.
    pub const fn kind(&self) -> &'static str {
        match self {
            ServerTraffic::Tick(_) => "tick",
            ServerTraffic::Operation(_) => "operation",
        }
    }
    /// Distance.
    pub const fn every(&self) -> Span {
        match self {
            ServerTraffic::Tick(tick) => tick.every,
            ServerTraffic::Operation(operation) => operation.every,
        }
    }
    /// Length of the event.
    pub const fn bytes(&self) -> Option<Size> {
        match self {
            ServerTraffic::Tick(tick) => tick.bytes,
            ServerTraffic::Operation(operation) => operation.bytes,
        }
    }
    /// The key of what is for rooms, if it is.
    pub fn for_rooms(&self) -> Option<&'static str> {
        match self {
            ServerTraffic::Tick(tick) => (tick.to == TickTo::Room).then_some("to"),
            ServerTraffic::Operation(ServerOperation { name, .. }) => {
                matches!((name.0.operation)(1).target(), Some(To::Room { .. })).then_some("name")
            }
        }
    }
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

/// Something that a server asks of the adapter at regular intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerOperation {
    /// Which, as in `stickysim adapter`: `fetch-sockets`, `emit-ack` … One for a room is for each room in turn.
    pub name: OperationText,
    /// Distance.
    pub every: Span,
    /// Length of the encoded event, if there is one.
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
