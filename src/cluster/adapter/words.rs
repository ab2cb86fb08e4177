//! Adapters and operations by the names that users write.

use super::operation::{Emit, Operation, To};
use super::{Adapter, Mode, Subscribe};

/// An adapter, how users write it, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// As on the command line.
    pub word: &'static str,
    /// In words.
    pub what: &'static str,
    /// Which.
    pub adapter: Adapter,
}

const fn named(word: &'static str, what: &'static str, adapter: Adapter) -> Named {
    Named { word, what, adapter }
}

/// All of them. Options that change nothing here (`requestsTimeout`, `streamCount` …) have no word.
pub const NAMED: [Named; 11] = [
    named("none", "no adapter", Adapter::None),
    named("classic", "@socket.io/redis-adapter", Adapter::Classic { specific_responses: false }),
    named("classic.specific", "… with publishOnSpecificResponseChannel", Adapter::Classic { specific_responses: true }),
    named("sharded", "@socket.io/redis-adapter, sharded, dynamic", Adapter::Sharded(Mode::Dynamic)),
    named("sharded.static", "… subscriptionMode: static", Adapter::Sharded(Mode::Static)),
    named("sharded.private", "… subscriptionMode: dynamic-private", Adapter::Sharded(Mode::DynamicPrivate)),
    named("streams", "@socket.io/redis-streams-adapter", Adapter::Streams { sharded_requests: false }),
    named("streams.sharded", "… with useShardedPubSub", Adapter::Streams { sharded_requests: true }),
    named("python-socketio", "AsyncRedisManager", Adapter::PythonSocketIo),
    named("pubsub", "own pub/sub, a channel per room", Adapter::PubSub { publishes: 1, subscribe: Subscribe::PerRoom }),
    named("pubsub.all", "own pub/sub, one channel", Adapter::PubSub { publishes: 1, subscribe: Subscribe::All }),
];

/// An operation, how users write it, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct NamedOperation {
    /// As on the command line and in scenarios.
    pub word: &'static str,
    /// As in an application.
    pub call: &'static str,
    /// Servers may do it by themselves in a scenario.
    pub by_servers: bool,
    /// Which, if the names of rooms have so many characters.
    pub operation: fn(u32) -> Operation,
}

/// A server-side event has so long a name.
const SERVER_SIDE: u32 = 10;

const fn emit(to: To) -> Operation {
    Operation::Emit(Emit::to(to))
}

macro_rules! operations {
    (@by servers) => { true };
    (@by none) => { false };
    ($($word:literal, $call:literal, $by:ident, |$name:pat_param| $operation:expr;)*) => {
        /// All of them.
        pub const OPERATIONS: &[NamedOperation] = &[$(NamedOperation {
            word: $word,
            call: $call,
            by_servers: operations!(@by $by),
            operation: |$name| $operation,
        },)*];
    };
}

operations! {
    "emit", "io.emit", servers, |_| emit(To::All);
    "to-room", "io.to(room).emit", servers, |name| emit(To::Room { name });
    "to-two-rooms", "io.to(room).to(room).emit", none, |name| emit(To::TwoRooms { names: [name; 2] });
    "to-socket", "io.to(socketId).emit", none, |_| emit(To::Socket);
    "except-room", "io.except(room).emit", none, |name| Operation::Emit(Emit { except: Some(name), ..Emit::to(To::All) });
    "volatile", "io.volatile.emit", servers, |_| Operation::Emit(Emit { volatile: true, ..Emit::to(To::All) });
    "local", "io.local.emit", servers, |_| Operation::Emit(Emit { local: true, ..Emit::to(To::All) });
    "from-socket-to-room", "socket.to(room).emit", none, |name| Operation::Emit(Emit { but_sender: true, ..Emit::to(To::Room { name }) });
    "broadcast", "socket.broadcast.emit", none, |_| Operation::Emit(Emit { but_sender: true, ..Emit::to(To::All) });
    "own-socket", "socket.emit", none, |_| Operation::OwnSocket { ack: false, volatile: false };
    "own-socket-ack", "socket.emitWithAck", none, |_| Operation::OwnSocket { ack: true, volatile: false };
    "own-socket-volatile", "socket.volatile.emit", none, |_| Operation::OwnSocket { ack: false, volatile: true };
    "emit-ack", "io.emitWithAck", servers, |_| Operation::Emit(Emit { ack: true, ..Emit::to(To::All) });
    "to-room-ack", "io.to(room).emitWithAck", servers, |name| Operation::Emit(Emit { ack: true, ..Emit::to(To::Room { name }) });
    "local-ack", "io.local.emitWithAck", servers, |_| Operation::Emit(Emit { ack: true, local: true, ..Emit::to(To::All) });
    "emitter", "emitter.emit, from outside", servers, |_| Operation::Emitter { to: To::All };
    "emitter-to-room", "emitter.to(room).emit, from outside", servers, |name| Operation::Emitter { to: To::Room { name } };
    "client-event", "an event from a client", none, |_| Operation::FromClient;
    "connect", "a client connects", none, |_| Operation::Connect;
    "disconnect", "a client leaves that was in no room", none, |_| Operation::Disconnect;
    "join-first", "socket.join, the first of its pod", none, |name| Operation::Join { room: name, first: true };
    "join", "socket.join, not the first of its pod", none, |name| Operation::Join { room: name, first: false };
    "leave-last", "socket.leave, the last of its pod", none, |name| Operation::Leave { room: name, last: true };
    "leave", "socket.leave, not the last of its pod", none, |name| Operation::Leave { room: name, last: false };
    "sockets-join", "io.in(room).socketsJoin(new room)", servers, |name| Operation::SocketsJoin { to: To::Room { name }, room: name, local: false };
    "sockets-leave", "io.in(room).socketsLeave(its other room)", servers, |name| Operation::SocketsLeave { to: To::Room { name }, room: name, local: false };
    "disconnect-sockets", "io.in(room).disconnectSockets", none, |name| Operation::DisconnectSockets { to: To::Room { name }, close: false };
    "fetch-sockets", "io.fetchSockets", servers, |_| Operation::FetchSockets { to: To::All, local: false };
    "fetch-room", "io.in(room).fetchSockets", servers, |name| Operation::FetchSockets { to: To::Room { name }, local: false };
    "fetch-local", "io.local.fetchSockets", servers, |_| Operation::FetchSockets { to: To::All, local: true };
    "server-side-emit", "io.serverSideEmit", servers, |_| Operation::ServerSideEmit { ack: false, name: SERVER_SIDE };
    "server-side-emit-ack", "io.serverSideEmitWithAck", servers, |_| Operation::ServerSideEmit { ack: true, name: SERVER_SIDE };
    "server-count", "adapter.serverCount", servers, |_| Operation::ServerCount;
    "all-rooms", "adapter.allRooms", servers, |_| Operation::AllRooms;
    "all-sockets", "io.allSockets", servers, |_| Operation::AllSockets;
    "session-lost", "a client that may be recovered is lost", none, |_| Operation::SessionLost;
    "session-not-found", "it is back, and there is no session of it", none, |_| Operation::SessionNotFound;
    "session-recovered", "it is recovered and missed nothing", none, |_| Operation::SessionRecovered { missed: false };
    "session-recovered-missed", "it is recovered and missed an event", none, |_| Operation::SessionRecovered { missed: true };
    "call-local", "sio.call(to=local sid)", none, |_| Operation::Call { remote: false };
    "call-remote", "sio.call(to=remote sid)", none, |_| Operation::Call { remote: true };
    "remote-room", "sio.enter_room(remote sid)", none, |name| Operation::RemoteRoom { room: name };
    "close-room", "sio.close_room", none, |name| Operation::CloseRoom { room: name };
    "disconnect-local", "sio.disconnect(local sid)", none, |_| Operation::DisconnectOne { remote: false };
    "disconnect-remote", "sio.disconnect(remote sid)", none, |_| Operation::DisconnectOne { remote: true };
    "start", "all pods start", none, |_| Operation::Start;
    "close", "io.close on a pod without clients", none, |_| Operation::Close;
    "five-seconds", "five seconds without anything", none, |_| Operation::FiveSecondsIdle;
}
