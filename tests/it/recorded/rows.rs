//! The recordings of the real adapters' commands, and what was asked in each.
//!
//! As many pods as the row says with two clients each, the operation issued on the first pod, commands from MONITOR, copies from a
//! wrapped receive function, events counted at the clients. What a recording cannot say is named in [`Row::unseen`] and
//! [`IDLE_READS`].

use std::collections::BTreeMap;

use stickysim::cluster::adapter::{Adapter, Client, Command, Emit, Event, Law, Mode, Operation, Place, Scene, To};

pub const COUNTS: &str = include_str!("../data/socketio/counts_sample.csv");

/// The event of all recordings: `2["ev","100 characters"]`.
pub const EVENT: Event = Event { bytes: 110 };
/// The server-side event is called `sse`.
const SERVER_SIDE: u32 = 3;

/// Rooms of the recordings by the length of their names, which their channels tell.
mod room {
    pub const EVERY_POD: u32 = 10;
    pub const THIS_POD: u32 = 6;
    pub const ONE_OTHER: u32 = 6;
    pub const TWO_OTHERS: u32 = 9;
    pub const EMPTY: u32 = 5;
    pub const LIKE_A_SOCKET: u32 = 20;
    /// A room that is joined: the first one, the others, and those of python-socketio.
    pub const NEW: u32 = 2;
    pub const OTHER_NEW: u32 = 3;
}

pub struct Row<'a>(BTreeMap<&'a str, String>);

impl Row<'_> {
    pub fn text(&self, column: &str) -> &str {
        &self.0[column]
    }
    /// An integer; none where the recording has none.
    pub fn number(&self, column: &str) -> Option<f64> {
        let text = self.text(column);
        (!text.is_empty()).then(|| text.parse().unwrap())
    }
    pub fn pods(&self) -> u32 {
        self.text("pods").parse().unwrap()
    }
    pub fn law(&self) -> Law {
        let adapter = match self.text("adapter") {
            "classic" => Adapter::Classic { specific_responses: false },
            "classic-specific" => Adapter::Classic { specific_responses: true },
            "sharded-dynamic" => Adapter::Sharded(Mode::Dynamic),
            "sharded-static" => Adapter::Sharded(Mode::Static),
            "sharded-private" => Adapter::Sharded(Mode::DynamicPrivate),
            "streams" => Adapter::Streams { sharded_requests: false },
            "streams-sharded" => Adapter::Streams { sharded_requests: true },
            "python AsyncRedisManager" => Adapter::PythonSocketIo,
            other => panic!("adapter {other}"),
        };
        let client = if self.text("redis_lib") == "ioredis" { Client::Ioredis } else { Client::NodeRedis };
        Law { adapter, recovery: self.text("csr") == "1", client }
    }
    pub fn name(&self) -> String {
        let of = |column| self.text(column);
        format!("{} ({}, csr {}) P={} {}", of("adapter"), of("redis_lib"), of("csr"), of("pods"), of("operation"))
    }
    /// Whether the recording could not see what this column counts.
    pub fn unseen(&self, column: &str) -> bool {
        let operation = self.text("operation");
        match column {
            // with ioredis the classic adapter's receive function was not wrapped: no copies, so nothing of their fate
            "of_which_own_copy_or_request"
            | "copies_that_led_to_a_local_write"
            | "dropped_unknown_room"
            | "responses_not_mine" => self.text("copies_per_pod").is_empty(),
            // replies to a process that is no pod were not recorded
            "first_publish_channel_bytes" | "first_publish_payload_bytes" => operation.starts_with("@socket.io"),
            _ => false,
        }
    }
}

/// Rows of CSV, by the names of their columns.
pub fn rows(text: &str) -> Vec<Row<'_>> {
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines.map(|line| Row(columns.iter().copied().zip(fields(line)).collect())).collect()
}

fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

/// Two clients on each pod; of those so many are meant, on the first pod, the second and the others.
pub fn room(pods: u32, members: [u32; 3]) -> Scene {
    let on = |pod: u32| members[pod.min(2) as usize];
    Scene { pods: (0..pods).map(|pod| Place::new(2, on(pod))).collect(), event: EVENT }
}
/// Everybody, but so many on the first pod and on each other one.
fn all_but(pods: u32, here: u32, elsewhere: u32) -> Scene {
    let but = |pod| if pod == 0 { here } else { elsewhere };
    Scene { pods: (0..pods).map(|pod| Place::meaning(2, 2, 2 - but(pod))).collect(), event: EVENT }
}
/// The same without the socket that emits, which is on the first pod.
fn but_sender(mut scene: Scene) -> Scene {
    let Place { clients, members, .. } = scene.pods[0];
    scene.pods[0] = Place::meaning(clients as u32, members as u32, members as u32 - 1);
    scene
}

const EVERY: To = To::Room { name: room::EVERY_POD };
const HERE: To = To::Room { name: room::THIS_POD };

/// The operation that a row is about, and how it finds the cluster.
#[rustfmt::skip]
pub fn asked(name: &str, pods: u32) -> (Operation, Scene) {
    let (all, every, here) = (Scene::all(pods, 2, EVENT), room(pods, [1, 1, 1]), room(pods, [2, 0, 0]));
    let (one_other, socket, socket_elsewhere) = (room(pods, [0, 1, 0]), room(pods, [1, 0, 0]), room(pods, [0, 1, 0]));
    let emit = |to| Operation::Emit(Emit::to(to));
    let other = To::Room { name: room::ONE_OTHER };
    let others = To::Room { name: room::TWO_OTHERS };
    let both = To::TwoRooms { names: [room::EVERY_POD, room::THIS_POD] };
    let with_ack = |to| Operation::Emit(Emit { ack: true, ..Emit::to(to) });
    let but_self = |to| Operation::Emit(Emit { but_sender: true, ..Emit::to(to) });
    let local = |to| Operation::Emit(Emit { local: true, ..Emit::to(to) });
    let join = |to, room| Operation::SocketsJoin { to, room, local: false };
    let leave = |to, room| Operation::SocketsLeave { to, room, local: false };
    match name {
        // a twentieth of the time after which a reader of a stream asks again: none did
        "idle(250ms)" => (Operation::FromClient, all),
        "io.emit" | "sio.emit (all)" => (emit(To::All), all),
        "io.to(room: member on every pod).emit" | "sio.emit(room: member on every pod)" => (emit(EVERY), every),
        "io.to(room: members on this pod only).emit" | "sio.emit(room: members on this pod only)" => (emit(HERE), here),
        "io.to(room: member on 1 other pod).emit" | "sio.emit(room: member on 1 other pod)" => (emit(other), one_other),
        "io.to(room: members on 2 other pods).emit" | "sio.emit(room: members on 2 other pods)" => (emit(others), room(pods, [0, 1, 1])),
        "io.to(room without members).emit" | "sio.emit(room without members)" => (emit(To::Room { name: room::EMPTY }), room(pods, [0, 0, 0])),
        "io.to(roomA).to(roomB).emit" | "sio.emit(room=[a,b])" => (emit(both), room(pods, [2, 1, 1])),
        "io.except(room).emit" => (Operation::Emit(Emit { except: Some(room::THIS_POD), ..Emit::to(To::All) }), all_but(pods, 2, 0)),
        "io.to(socketId on this pod).emit" => (emit(To::Socket), socket),
        "io.to(socketId on other pod).emit" | "sio.emit(to=sid on other pod)" => (emit(To::Socket), socket_elsewhere),
        "io.to(20-char public room, local members only).emit" => (emit(To::Room { name: room::LIKE_A_SOCKET }), socket),
        "socket.emit" | "sio.emit(to=sid on this pod) [= socket.emit]" => (Operation::OwnSocket { ack: false, volatile: false }, socket),
        "socket.emit + ack (timeout 500)" => (Operation::OwnSocket { ack: true, volatile: false }, socket),
        "socket.volatile.emit" => (Operation::OwnSocket { ack: false, volatile: true }, socket),
        "socket.broadcast.emit" => (but_self(To::All), all_but(pods, 1, 0)),
        "socket.to(room: every pod).emit" | "sio.emit(room, skip_sid=self) [= socket.to(room)]" => (but_self(EVERY), but_sender(every)),
        "socket.to(room: this pod only).emit" => (but_self(HERE), but_sender(here)),
        "io.local.emit" | "sio.emit(ignore_queue=True) [= local]" => (local(To::All), all),
        "io.local.to(room).emit" => (local(EVERY), every),
        "sio.emit(to=sid on this pod, ignore_queue=True)" => (local(To::Socket), socket),
        "io.volatile.emit" => (Operation::Emit(Emit { volatile: true, ..Emit::to(To::All) }), all),
        "io.timeout(500).emitWithAck (2 clients per pod)" => (with_ack(To::All), all),
        "io.to(room: every pod).timeout(500).emitWithAck" => (with_ack(EVERY), every),
        "io.to(room: this pod only).timeout(500).emitWithAck" => (with_ack(HERE), here),
        "io.to(room: 1 other pod).timeout(500).emitWithAck" => (with_ack(other), one_other),
        "io.local.timeout(500).emitWithAck" => (Operation::Emit(Emit { ack: true, local: true, ..Emit::to(To::All) }), all),
        "join (room new on this pod)" | "enter_room(local sid, room new on pod)" => (Operation::Join { room: room::NEW, first: true }, socket),
        "join (room already on this pod)" => (Operation::Join { room: room::NEW, first: false }, socket),
        "leave (not the last local member)" => (Operation::Leave { room: room::NEW, last: false }, socket),
        "leave (last local member)" | "leave_room(local sid)" => (Operation::Leave { room: room::NEW, last: true }, socket),
        "client connects (websocket, no rooms)" | "client connects (websocket)" => (Operation::Connect, socket),
        "client disconnects (no rooms)" | "client disconnects" => (Operation::Disconnect, socket),
        "io.socketsJoin(new room) (2 clients per pod)" => (join(To::All, room::NEW), all),
        "io.socketsLeave(room)" => (leave(To::All, room::NEW), all),
        "io.in(room: this pod only).socketsJoin(r2)" => (join(HERE, room::OTHER_NEW), here),
        "io.in(room: this pod only).socketsLeave(r2)" => (leave(HERE, room::OTHER_NEW), here),
        "io.in(socketId on other pod).socketsJoin(r3)" => (join(To::Socket, room::OTHER_NEW), socket_elsewhere),
        "io.in(socketId on other pod).socketsLeave(r3)" => (leave(To::Socket, room::OTHER_NEW), socket_elsewhere),
        "io.local.socketsJoin(r4)" => (Operation::SocketsJoin { to: To::All, room: room::NEW, local: true }, all),
        "io.local.socketsLeave(r4)" => (Operation::SocketsLeave { to: To::All, room: room::NEW, local: true }, all),
        "io.fetchSockets" => (Operation::FetchSockets { to: To::All, local: false }, all),
        "io.in(room: this pod only).fetchSockets" => (Operation::FetchSockets { to: HERE, local: false }, here),
        "io.local.fetchSockets" => (Operation::FetchSockets { to: To::All, local: true }, all),
        "io.serverSideEmit (no ack)" => (Operation::ServerSideEmit { ack: false, name: SERVER_SIDE }, all),
        "io.serverSideEmitWithAck" => (Operation::ServerSideEmit { ack: true, name: SERVER_SIDE }, all),
        "adapter.serverCount()" => (Operation::ServerCount, all),
        "adapter.allRooms()" => (Operation::AllRooms, all),
        "io.allSockets() [deprecated]" => (Operation::AllSockets, all),
        "client->server event" | "client->server event + ack" => (Operation::FromClient, all),
        "@socket.io/redis-emitter emit()" => (Operation::Emitter { to: To::All }, all),
        "@socket.io/redis-emitter to(room: 1 pod).emit()" => (Operation::Emitter { to: HERE }, here),
        // the payload's length and the one SUNSUBSCRIBE of dynamic-private say what the room was: that of one socket of this
        // pod, closed altogether
        "io.in(room: this pod only).disconnectSockets()" => (Operation::DisconnectSockets { to: To::Socket, close: true }, socket),
        "pod start (all P pods, 1 namespace)" | "pod start, after first client on each pod" => (Operation::Start, all),
        "pod start, before first client" => (Operation::Start, Scene::all(pods, 0, EVENT)),
        "io.close() on one pod without clients" => (Operation::Close, all),
        "sio.call(to=sid on this pod) (ack)" => (Operation::Call { remote: false }, socket),
        "sio.call(to=sid on other pod) (ack)" => (Operation::Call { remote: true }, socket_elsewhere),
        "enter_room(remote sid)" | "leave_room(remote sid)" => (Operation::RemoteRoom { room: room::NEW }, socket_elsewhere),
        "close_room" => (Operation::CloseRoom { room: room::NEW }, all),
        "sio.disconnect(local sid)" => (Operation::DisconnectOne { remote: false }, socket),
        "sio.disconnect(remote sid)" => (Operation::DisconnectOne { remote: true }, socket_elsewhere),
        other => panic!("an operation that nobody knows: {other}"),
    }
}

/// Readers of streams that wait in vain ask again every five seconds. In these two recordings, of an operation that has nothing
/// to do with streams, that fell into the time in which commands were recorded.
const IDLE_READS: [&str; 2] = [
    "streams (ioredis, csr 0) P=3 client disconnects (no rooms)",
    "streams-sharded (redis, csr 0) P=3 client disconnects (no rooms)",
];

/// Idle reads of the streams that came to an end while something else was recorded.
pub fn idle_reads(row: &Row<'_>) -> f64 {
    let idle = row.law().evaluate(Operation::FiveSecondsIdle, &Scene::all(row.pods(), 2, EVENT)).unwrap();
    if IDLE_READS.contains(&row.name().as_str()) { idle.commands.of(Command::Xread) } else { 0.0 }
}
