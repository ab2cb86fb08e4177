//! What applications ask of an adapter.

use super::SOCKET_ID;

/// Who an operation is for. Names are given by their length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Everybody: `io.emit`.
    All,
    /// A room that clients were put into: `io.to("room")`.
    Room {
        /// Characters of its name.
        name: u32,
    },
    /// Two rooms: `io.to("a").to("b")`.
    TwoRooms {
        /// Characters of their names.
        names: [u32; 2],
    },
    /// One socket by its own room: `io.to(socketId)`.
    Socket,
}

impl To {
    /// Lengths of the names of rooms that are addressed.
    pub(super) fn rooms(self) -> impl Iterator<Item = u32> + Clone {
        let (names, count) = match self {
            To::All => ([0, 0], 0),
            To::Room { name } => ([name, 0], 1),
            To::TwoRooms { names } => (names, 2),
            To::Socket => ([SOCKET_ID, 0], 1),
        };
        names.into_iter().take(count)
    }
    /// The one room that is addressed, if it is one.
    pub(super) const fn one_room(self) -> Option<u32> {
        match self {
            To::Room { name } => Some(name),
            To::Socket => Some(SOCKET_ID),
            To::All | To::TwoRooms { .. } => None,
        }
    }
}

/// An event for rooms or everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emit {
    /// For whom.
    pub to: To,
    /// Not for the socket that emits: `socket.to`, `socket.broadcast`, `skip_sid` of python-socketio.
    pub but_sender: bool,
    /// Not for the members of this room, given by the length of its name: `io.except`.
    pub except: Option<u32>,
    /// `io.volatile`: dropped for recipients that are not writable. The message is sent all the same.
    pub volatile: bool,
    /// `io.local`, `ignore_queue=True`.
    pub local: bool,
    /// `emitWithAck` or a callback, with `timeout(500)`.
    pub ack: bool,
}

impl Emit {
    /// A plain event.
    pub const fn to(to: To) -> Emit {
        Emit { to, but_sender: false, except: None, volatile: false, local: false, ack: false }
    }
}

/// What is asked of an adapter on one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `io.emit` and all its kin.
    Emit(Emit),
    /// `socket.emit`; `sio.emit(to=sid)` of a local client in python-socketio.
    OwnSocket {
        /// With an acknowledgement, and `timeout(500)`.
        ack: bool,
        /// `socket.volatile.emit`.
        volatile: bool,
    },
    /// An event from outside of all pods: @socket.io/redis-emitter, `AsyncRedisManager(write_only=True)`.
    Emitter {
        /// For whom.
        to: To,
    },
    /// An event from a client, with or without an acknowledgement.
    FromClient,
    /// A client connects; it is in no room but its own.
    Connect,
    /// A client leaves that is in no room but its own.
    Disconnect,
    /// `socket.join`; `sio.enter_room` of a local client.
    Join {
        /// Characters of the room's name.
        room: u32,
        /// No client of the pod is a member yet.
        first: bool,
    },
    /// `socket.leave`; `sio.leave_room` of a local client.
    Leave {
        /// Characters of the room's name.
        room: u32,
        /// No client of the pod is a member any more.
        last: bool,
    },
    /// `io.socketsJoin`, `io.in(…).socketsJoin`.
    SocketsJoin {
        /// Who joins.
        to: To,
        /// Characters of the name of the room that they join, which nobody was in.
        room: u32,
        /// `io.local`.
        local: bool,
    },
    /// `io.socketsLeave`; nobody is in the room afterwards.
    SocketsLeave {
        /// Who leaves.
        to: To,
        /// Characters of the name of the room that they leave.
        room: u32,
        /// `io.local`.
        local: bool,
    },
    /// `io.in(…).disconnectSockets`.
    DisconnectSockets {
        /// Who is disconnected.
        to: To,
        /// `true`: the connection itself is closed too.
        close: bool,
    },
    /// `io.in(…).fetchSockets`.
    FetchSockets {
        /// Which.
        to: To,
        /// `io.local`.
        local: bool,
    },
    /// `io.serverSideEmit`.
    ServerSideEmit {
        /// `serverSideEmitWithAck`.
        ack: bool,
        /// Characters of the event's name, which is all there is to it.
        name: u32,
    },
    /// `adapter.serverCount()`.
    ServerCount,
    /// `adapter.allRooms()` of the classic adapter.
    AllRooms,
    /// `io.allSockets()`, deprecated: knows only its own pod.
    AllSockets,
    /// A client that may be recovered loses its connection.
    SessionLost,
    /// It comes back, on whichever pod, and there is no session of it.
    SessionNotFound,
    /// It comes back, on whichever pod, and is recovered.
    SessionRecovered {
        /// It missed events.
        missed: bool,
    },
    /// `sio.call(to=sid)` of python-socketio: an event whose answer is waited for.
    Call {
        /// The client is on another pod.
        remote: bool,
    },
    /// `sio.enter_room` or `sio.leave_room` of python-socketio for a client of another pod.
    RemoteRoom {
        /// Characters of the room's name.
        room: u32,
    },
    /// `sio.close_room` of python-socketio.
    CloseRoom {
        /// Characters of the room's name.
        room: u32,
    },
    /// `sio.disconnect(sid)` of python-socketio.
    DisconnectOne {
        /// The client is on another pod.
        remote: bool,
    },
    /// All pods start, with one namespace; in python-socketio each once it has its first client.
    Start,
    /// One pod without clients ends in order: `io.close()`.
    Close,
    /// Nothing happens on any pod for five seconds.
    FiveSecondsIdle,
}

impl Operation {
    /// Whom it is for, if it is for clients of whatever pod.
    pub const fn target(&self) -> Option<To> {
        match *self {
            Operation::Emit(Emit { to, .. })
            | Operation::Emitter { to }
            | Operation::SocketsJoin { to, .. }
            | Operation::SocketsLeave { to, .. }
            | Operation::DisconnectSockets { to, .. }
            | Operation::FetchSockets { to, .. } => Some(to),
            Operation::CloseRoom { room } => Some(To::Room { name: room }),
            Operation::OwnSocket { .. } | Operation::Call { .. } | Operation::DisconnectOne { .. } => Some(To::Socket),
            _ => None,
        }
    }
}
