//! Operations by name.

use super::Question;
use crate::cluster::adapter::{Emit, Operation, Scene, To};

/// An operation that can be asked about.
pub struct Entry {
    /// As on the command line.
    pub word: &'static str,
    /// As in an application.
    pub call: &'static str,
    /// What it is.
    pub operation: fn(&Question) -> Operation,
    /// How it finds the cluster.
    pub scene: fn(&Question) -> Scene,
}

/// What is shown unless somebody says which.
pub const USUAL: &str = "emit,to-room,to-socket,own-socket,to-room-ack,sockets-join,fetch-sockets,join-first,connect";

/// A server-side event has so long a name.
const SERVER_SIDE: u32 = 10;

const fn emit(to: To) -> Operation {
    Operation::Emit(Emit::to(to))
}
const fn room(question: &Question) -> To {
    To::Room { name: question.name }
}

macro_rules! entries {
    ($($word:literal, $call:literal, |$q:pat_param| $operation:expr, $scene:ident;)*) => {
        /// All of them.
        pub const OPERATIONS: &[Entry] =
            &[$(Entry { word: $word, call: $call, operation: |$q| $operation, scene: Question::$scene },)*];
    };
}

entries! {
    "emit", "io.emit", |_| emit(To::All), everybody;
    "to-room", "io.to(room).emit", |q| emit(room(q)), room;
    "to-two-rooms", "io.to(room).to(room).emit", |q| emit(To::TwoRooms { names: [q.name; 2] }), room;
    "to-socket", "io.to(socketId).emit", |_| emit(To::Socket), one_anywhere;
    "except-room", "io.except(room).emit", |q| Operation::Emit(Emit { except: Some(q.name), ..Emit::to(To::All) }), everybody;
    "volatile", "io.volatile.emit", |_| Operation::Emit(Emit { volatile: true, ..Emit::to(To::All) }), everybody;
    "local", "io.local.emit", |_| Operation::Emit(Emit { local: true, ..Emit::to(To::All) }), everybody;
    "from-socket-to-room", "socket.to(room).emit", |q| Operation::Emit(Emit { but_sender: true, ..Emit::to(room(q)) }), room_but_sender;
    "broadcast", "socket.broadcast.emit", |_| Operation::Emit(Emit { but_sender: true, ..Emit::to(To::All) }), everybody_but_sender;
    "own-socket", "socket.emit", |_| Operation::OwnSocket { ack: false, volatile: false }, one_here;
    "own-socket-ack", "socket.emitWithAck", |_| Operation::OwnSocket { ack: true, volatile: false }, one_here;
    "own-socket-volatile", "socket.volatile.emit", |_| Operation::OwnSocket { ack: false, volatile: true }, one_here;
    "emit-ack", "io.emitWithAck", |_| Operation::Emit(Emit { ack: true, ..Emit::to(To::All) }), everybody;
    "to-room-ack", "io.to(room).emitWithAck", |q| Operation::Emit(Emit { ack: true, ..Emit::to(room(q)) }), room;
    "local-ack", "io.local.emitWithAck", |_| Operation::Emit(Emit { ack: true, local: true, ..Emit::to(To::All) }), everybody;
    "emitter", "emitter.emit, from outside", |_| Operation::Emitter { to: To::All }, everybody;
    "emitter-to-room", "emitter.to(room).emit, from outside", |q| Operation::Emitter { to: room(q) }, room;
    "client-event", "an event from a client", |_| Operation::FromClient, one_here;
    "connect", "a client connects", |_| Operation::Connect, one_here;
    "disconnect", "a client leaves that was in no room", |_| Operation::Disconnect, one_here;
    "join-first", "socket.join, the first of its pod", |q| Operation::Join { room: q.name, first: true }, one_here;
    "join", "socket.join, not the first of its pod", |q| Operation::Join { room: q.name, first: false }, one_here;
    "leave-last", "socket.leave, the last of its pod", |q| Operation::Leave { room: q.name, last: true }, one_here;
    "leave", "socket.leave, not the last of its pod", |q| Operation::Leave { room: q.name, last: false }, one_here;
    "sockets-join", "io.in(room).socketsJoin(new room)", |q| Operation::SocketsJoin { to: room(q), room: q.name, local: false }, room;
    "sockets-leave", "io.in(room).socketsLeave(its other room)", |q| Operation::SocketsLeave { to: room(q), room: q.name, local: false }, room;
    "disconnect-sockets", "io.in(room).disconnectSockets", |q| Operation::DisconnectSockets { to: room(q), close: false }, room;
    "fetch-sockets", "io.fetchSockets", |_| Operation::FetchSockets { to: To::All, local: false }, everybody;
    "fetch-room", "io.in(room).fetchSockets", |q| Operation::FetchSockets { to: room(q), local: false }, room;
    "fetch-local", "io.local.fetchSockets", |_| Operation::FetchSockets { to: To::All, local: true }, everybody;
    "server-side-emit", "io.serverSideEmit", |_| Operation::ServerSideEmit { ack: false, name: SERVER_SIDE }, everybody;
    "server-side-emit-ack", "io.serverSideEmitWithAck", |_| Operation::ServerSideEmit { ack: true, name: SERVER_SIDE }, everybody;
    "server-count", "adapter.serverCount", |_| Operation::ServerCount, everybody;
    "all-rooms", "adapter.allRooms", |_| Operation::AllRooms, everybody;
    "all-sockets", "io.allSockets", |_| Operation::AllSockets, everybody;
    "session-lost", "a client that may be recovered is lost", |_| Operation::SessionLost, one_here;
    "session-recovered", "it is recovered and missed nothing", |_| Operation::SessionRecovered { missed: false }, one_here;
    "session-recovered-missed", "it is recovered and missed an event", |_| Operation::SessionRecovered { missed: true }, one_here;
    "call-local", "sio.call(to=local sid)", |_| Operation::Call { remote: false }, one_here;
    "call-remote", "sio.call(to=remote sid)", |_| Operation::Call { remote: true }, one_elsewhere;
    "remote-room", "sio.enter_room(remote sid)", |q| Operation::RemoteRoom { room: q.name }, one_elsewhere;
    "close-room", "sio.close_room", |q| Operation::CloseRoom { room: q.name }, room;
    "disconnect-local", "sio.disconnect(local sid)", |_| Operation::DisconnectOne { remote: false }, one_here;
    "disconnect-remote", "sio.disconnect(remote sid)", |_| Operation::DisconnectOne { remote: true }, one_elsewhere;
    "start", "all pods start", |_| Operation::Start, everybody;
    "close", "io.close on a pod without clients", |_| Operation::Close, everybody;
    "five-seconds", "five seconds without anything", |_| Operation::FiveSecondsIdle, everybody;
}
