//! What one operation costs in Redis, adapter by adapter: the pure law, without a clock.
//!
//! An [`Operation`] on one pod is a [`Plan`]: messages (which command, who gets copies, how many bytes, who answers),
//! questions about the number of subscribers, and changes of subscriptions. The simulation follows [`Law::plan`] event by
//! event; [`Law::evaluate`] adds a plan up on a still [`Scene`].
//!
//! Read from the sources of socket.io 4.8.4 (`dist/socket.js`, `broadcast-operator.js`), socket.io-adapter 2.5.8
//! (`dist/cluster-adapter.js`), @socket.io/redis-adapter 8.3.0 (`dist/index.js`, `sharded-adapter.js`),
//! @socket.io/redis-streams-adapter 0.3.1 (`dist/adapter.js`) and python-socketio 5.18.1 (`async_pubsub_manager.py`), and
//! compared with what their MONITOR output and subscribers showed: `tests/it/adapter_counts.rs`.

mod broadcast;
mod command;
mod format;
mod operation;
mod plan;
mod plans;
mod python;
mod requests;
pub(in crate::cluster) mod resp;
mod scene;
mod sessions;
mod subscriptions;
mod words;

pub use broadcast::Event;
pub use command::{Command, Commands};
pub use operation::{Emit, Operation, To};
pub use plan::{Aside, Message, Plan, Reach, Role, Senders, Times, Writes};
pub use scene::{Cost, First, Place, Scene};
pub use words::{NAMED, Named, NamedOperation, OPERATIONS};

/// How pods hear of each other's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Adapter {
    /// Not at all: a pod serves its own clients.
    None,
    /// `createAdapter` of @socket.io/redis-adapter.
    Classic {
        /// `publishOnSpecificResponseChannel`: answers go to the pod that asked, instead of to all.
        specific_responses: bool,
    },
    /// `createShardedAdapter` of @socket.io/redis-adapter.
    Sharded(Mode),
    /// @socket.io/redis-streams-adapter, one stream.
    Streams {
        /// `useShardedPubSub`: requests and their answers go through SPUBLISH.
        sharded_requests: bool,
    },
    /// `AsyncRedisManager` of python-socketio.
    PythonSocketIo,
    /// An application of its own on plain WebSockets: it publishes, and serves clients when copies come in, its own too.
    PubSub {
        /// PUBLISH commands per event.
        publishes: u32,
        /// Which channels a pod is subscribed to.
        subscribe: Subscribe,
    },
}

/// `subscriptionMode` of the sharded adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A channel per public room, on the pods that have members of it.
    #[default]
    Dynamic,
    /// One channel.
    Static,
    /// A channel per room, the private ones of single sockets too.
    DynamicPrivate,
}

/// Subscriptions of an application of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subscribe {
    /// A channel per room (and per client), on the pods that have members of it.
    PerRoom,
    /// One channel for everything.
    All,
}

/// The library that speaks to Redis. Both send the same, but for how they unsubscribe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Client {
    /// `redis`; redis-py under python-socketio.
    #[default]
    NodeRedis,
    /// `ioredis`.
    Ioredis,
}

/// When the clients of the emitting pod are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// At once after the command was sent, whatever becomes of it (classic `broadcast`).
    AfterPublish,
    /// Once Redis has answered, when the event loop comes to it (`await publishAndReturnOffset` of `ClusterAdapter`).
    AfterReply,
    /// Before the command is sent (`await self._handle_emit(message)` of python-socketio).
    BeforePublish,
    /// When the pod's own copy comes in.
    WithOwnCopy,
}

/// An adapter with what changes its costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Law {
    /// Which adapter.
    pub adapter: Adapter,
    /// `connectionStateRecovery` is set: `socket.emit` goes through the adapter, whether the adapter can recover or not
    /// (`emit` in `dist/socket.js` of socket.io).
    pub recovery: bool,
    /// The library that speaks to Redis.
    pub client: Client,
}

/// The room of every socket is named by its id of so many characters, and the sharded adapter takes any room with a name as
/// long for one of those (`looksLikeASocketId`).
pub const SOCKET_ID: u32 = 20;

impl Adapter {
    /// When the clients of the emitting pod are served.
    pub const fn order(self) -> Order {
        match self {
            Adapter::None | Adapter::Classic { .. } => Order::AfterPublish,
            Adapter::Sharded(_) | Adapter::Streams { .. } => Order::AfterReply,
            Adapter::PythonSocketIo => Order::BeforePublish,
            Adapter::PubSub { .. } => Order::WithOwnCopy,
        }
    }

    /// Connections of a pod to Redis: one to publish, one to subscribe, and one that waits for the stream. redis-py opens more
    /// when it publishes several things at once.
    pub const fn connections(self) -> u32 {
        match self {
            Adapter::None => 0,
            Adapter::Streams { .. } => 3,
            _ => 2,
        }
    }

    /// Whether rooms have a channel each, which pods with members are subscribed to.
    pub const fn follows_rooms(self) -> bool {
        matches!(
            self,
            Adapter::Sharded(Mode::Dynamic | Mode::DynamicPrivate)
                | Adapter::PubSub { subscribe: Subscribe::PerRoom, .. }
        )
    }

    /// Whether every client has a channel of its own.
    pub const fn follows_clients(self) -> bool {
        matches!(self, Adapter::Sharded(Mode::DynamicPrivate) | Adapter::PubSub { subscribe: Subscribe::PerRoom, .. })
    }

    /// Whether events are entries of a stream.
    pub const fn reads_streams(self) -> bool {
        matches!(self, Adapter::Streams { .. })
    }
    /// Whether a pod is subscribed before its first client (python-socketio is not: `manager.initialize` is called from
    /// `_handle_eio_connect`).
    pub const fn subscribes_at_start(self) -> bool {
        !matches!(self, Adapter::PythonSocketIo)
    }
}

impl Law {
    /// An adapter without connection state recovery.
    pub const fn of(adapter: Adapter) -> Law {
        Law { adapter, recovery: false, client: Client::NodeRedis }
    }
    /// The same with connection state recovery.
    pub const fn recovering(self) -> Law {
        Law { recovery: true, ..self }
    }
    /// The same with another library.
    pub const fn with(self, client: Client) -> Law {
        Law { client, ..self }
    }
}
