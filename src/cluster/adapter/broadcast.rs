//! The message of an event: which command, to whom, how long.

use super::format::Format::{self, Json, Msgpack, SpacedJson};
use super::operation::{Emit, To};
use super::plan::{Message, Reach, Role, Senders, Writes};
use super::{Adapter, Command, Law, Mode, SOCKET_ID, Subscribe, resp};

/// Channel of all pods, namespace `/` (classic, sharded, streams).
pub(super) const CHANNEL: u32 = "socket.io#/#".len() as u32;
/// The stream.
pub(super) const STREAM: u32 = "socket.io".len() as u32;
/// Channel of python-socketio.
pub(super) const PYTHON_CHANNEL: u32 = "socketio".len() as u32;
/// The one channel of an application of its own.
pub(super) const OWN_CHANNEL: u32 = "events".len() as u32;
/// Namespace.
pub(super) const NAMESPACE: u32 = "/".len() as u32;
/// `uid2(6)` names pods and requests of the classic adapter.
pub(super) const CLASSIC_ID: u32 = 6;
/// `randomId()` names them in `ClusterAdapter`: eight bytes in hexadecimal.
pub(super) const CLUSTER_ID: u32 = 16;
/// `uuid.uuid4().hex` names processes of python-socketio.
pub(super) const HOST_ID: u32 = 32;
/// `MessageType.BROADCAST`.
pub(super) const BROADCAST: u64 = 3;
/// Operations with an acknowledgement wait so long, in milliseconds.
const TIMEOUT: u64 = 500;

/// An event: its Socket.IO packet, such as `2["ev","text"]`, has so many bytes. It is taken to have one text of 32 to 255
/// characters and a name of two: other contents change a msgpack payload by a few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Bytes of the packet.
    pub bytes: u32,
}

impl Event {
    /// Characters of its name.
    const NAME: u32 = 2;

    /// `["ev", "text"]`: without the packet's type in JSON; quotes, commas and brackets take four bytes less in msgpack.
    pub(super) const fn data(self, format: Format) -> u32 {
        match format {
            Json | SpacedJson => self.bytes.saturating_sub(1),
            Msgpack => self.bytes.saturating_sub(4),
        }
    }
    /// `["text"]` alone in spaced JSON.
    const fn text(self) -> u32 {
        self.data(Json).saturating_sub(Event::NAME + "\"\",".len() as u32)
    }
}

/// `{rooms, except, flags}`; requests of the classic adapter leave the flags out.
pub(super) fn options(format: Format, emit: &Emit, with_flags: bool) -> u32 {
    let names = |names: &mut dyn Iterator<Item = u32>| format.list(names.map(|name| format.text(name)));
    let rooms = names(&mut emit.to.rooms());
    let sender = emit.but_sender.then_some(SOCKET_ID);
    let except = names(&mut emit.except.into_iter().chain(sender));
    let flag = |is: bool, name: &'static str, value| is.then_some((name, value));
    let flags = [flag(emit.volatile, "volatile", format.flag(true)), flag(emit.ack, "timeout", format.number(TIMEOUT))];
    let given: Vec<(&str, u32)> = flags.into_iter().flatten().collect();
    let all = [("rooms", rooms), ("except", except), ("flags", format.object(&given))];
    format.object(if with_flags { &all } else { &all[..2] })
}

/// The packet. The classic adapter names the namespace in it; the others publish before they do. `socket.emit` with an
/// acknowledgement numbers it.
pub(super) fn packet(format: Format, event: Event, namespace: bool, numbered: bool) -> u32 {
    let mut fields = vec![("type", format.number(2)), ("data", event.data(format))];
    fields.extend(numbered.then(|| ("id", format.number(0))));
    fields.extend(namespace.then(|| ("nsp", format.text(NAMESPACE))));
    format.object(&fields)
}

impl Law {
    /// The message of an event, if it goes to Redis at all. Not for acknowledged broadcasts, which are requests.
    pub fn broadcast(&self, emit: &Emit, event: Event) -> Option<Message> {
        self.numbered_broadcast(emit, event, false)
    }

    /// What `socket.emit` sends, if anything: with connection state recovery an event for the socket's own room.
    pub fn own_socket(&self, ack: bool, volatile: bool, event: Event) -> Option<Message> {
        match self.adapter {
            // `sio.emit(to=sid)` always publishes
            Adapter::PythonSocketIo if !ack => self.broadcast(&Emit::to(To::Socket), event),
            Adapter::PythonSocketIo => Some(python_emit(&Emit { ack, ..Emit::to(To::Socket) }, event)),
            Adapter::None | Adapter::PubSub { .. } => None,
            _ if !self.recovery => None,
            _ => self.numbered_broadcast(&Emit { ack, volatile, ..Emit::to(To::Socket) }, event, ack),
        }
    }

    fn numbered_broadcast(&self, emit: &Emit, event: Event, numbered: bool) -> Option<Message> {
        if emit.local {
            return None;
        }
        let message = match self.adapter {
            Adapter::None => return None,
            Adapter::Classic { .. } => classic(emit, event, numbered),
            Adapter::Sharded(mode) => {
                let own_channel = emit.to.one_room().filter(|&name| has_channel(mode, name));
                Message {
                    command: Command::Spublish,
                    reach: if own_channel.is_some() { Reach::Holders } else { Reach::EveryPod },
                    channel: CHANNEL + own_channel.map_or(0, |name| name + 1),
                    payload: envelope(Json, BROADCAST, broadcast_data(Json, emit, event, numbered, false)),
                    ..plain()
                }
            }
            Adapter::Streams { .. } => Message {
                command: Command::Xadd,
                channel: STREAM,
                payload: resp::FIELD_NAMES + entry(BROADCAST, broadcast_data(Json, emit, event, numbered, false)),
                ..plain()
            },
            Adapter::PythonSocketIo => python_emit(emit, event),
            Adapter::PubSub { publishes, subscribe } => {
                let room = emit.to.one_room().filter(|_| subscribe == Subscribe::PerRoom);
                Message {
                    times: publishes,
                    reach: if room.is_some() { Reach::Holders } else { Reach::EveryPod },
                    channel: room.unwrap_or(OWN_CHANNEL),
                    payload: event.bytes,
                    role: Role::Event(Writes::Everywhere),
                    ..plain()
                }
            }
        };
        Some(message)
    }
}

/// A PUBLISH of the caller to every pod, whose clients get it; channel and payload are to be said.
pub(super) const fn plain() -> Message {
    Message {
        command: Command::Publish,
        times: 1,
        senders: Senders::Caller,
        reach: Reach::EveryPod,
        channel: 0,
        payload: 0,
        per_member: 0,
        role: Role::Event(Writes::Elsewhere),
        pattern: None,
        room_checked: false,
    }
}

/// `broadcast` of the classic adapter: `[uid, packet, opts]`.
fn classic(emit: &Emit, event: Event, numbered: bool) -> Message {
    let f = Msgpack;
    let room = emit.to.one_room();
    Message {
        channel: CHANNEL + room.map_or(0, |name| name + 1),
        payload: f.list([f.text(CLASSIC_ID), packet(f, event, true, numbered), options(f, emit, true)]),
        pattern: Some(CHANNEL + "*".len() as u32),
        room_checked: room.is_some(),
        ..plain()
    }
}

/// Whether a room has a channel of its own to publish to (`computeChannel`, `looksLikeASocketId`).
pub(super) const fn has_channel(mode: Mode, name: u32) -> bool {
    match mode {
        Mode::Dynamic => name != SOCKET_ID,
        Mode::Static => false,
        Mode::DynamicPrivate => true,
    }
}

/// `{packet, requestId?, opts}`.
pub(super) fn broadcast_data(format: Format, emit: &Emit, event: Event, numbered: bool, request: bool) -> u32 {
    let mut fields = vec![("packet", packet(format, event, false, numbered))];
    fields.extend(request.then(|| ("requestId", format.text(CLUSTER_ID))));
    fields.push(("opts", options(format, emit, true)));
    format.object(&fields)
}

/// A message of `ClusterAdapter`: `{type, data, uid, nsp}`.
pub(super) fn envelope(format: Format, kind: u64, data: u32) -> u32 {
    let (uid, nsp) = (format.text(CLUSTER_ID), format.text(NAMESPACE));
    format.object(&[("type", format.number(kind)), ("data", data), ("uid", uid), ("nsp", nsp)])
}

/// The values of an entry of the stream: uid, nsp, type, and data as JSON.
pub(super) const fn entry(kind: u64, data: u32) -> u32 {
    CLUSTER_ID + NAMESPACE + super::format::digits(kind) + data
}

/// `emit` of python-socketio.
pub(super) fn python_emit(emit: &Emit, event: Event) -> Message {
    let f = SpacedJson;
    let room = match emit.to {
        To::All => f.null(),
        To::TwoRooms { names } => f.list(names.map(|name| f.text(name))),
        To::Room { name } => f.text(name),
        To::Socket => f.text(SOCKET_ID),
    };
    let skipped = if emit.but_sender { f.text(SOCKET_ID) } else { f.null() };
    // (room, namespace, id)
    let callback = if emit.ack { f.list([f.text(SOCKET_ID), f.text(NAMESPACE), f.number(1)]) } else { f.null() };
    let payload = f.object(&[
        ("method", f.text("emit".len() as u32)),
        ("event", f.text(Event::NAME)),
        ("data", event.text()),
        ("binary", f.flag(false)),
        ("namespace", f.text(NAMESPACE)),
        ("room", room),
        ("skip_sid", skipped),
        ("callback", callback),
        ("host_id", f.text(HOST_ID)),
    ]);
    Message { channel: PYTHON_CHANNEL, payload, ..plain() }
}
