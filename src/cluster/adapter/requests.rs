//! Operations of all pods, and requests that they answer.

use super::broadcast::{
    BROADCAST, CHANNEL, CLASSIC_ID, CLUSTER_ID, STREAM, broadcast_data, entry, envelope, options, packet, plain,
};
use super::format::Format::{self, Json, Msgpack};
use super::operation::{Emit, Operation, To};
use super::plan::{Message, Plan, Reach, Role, Senders, Times, Writes};
use super::{Adapter, Command, Event, Law, Order, SOCKET_ID, resp};

/// Channel of requests in the classic adapter.
pub(super) const REQUEST: u32 = "socket.io-request#/#".len() as u32;
/// Channel of answers in the classic adapter.
pub(super) const RESPONSE: u32 = "socket.io-response#/#".len() as u32;
/// Clients and pods are taken to answer with so short a text.
pub(super) const ANSWER: u32 = "ok".len() as u32;
/// One socket in an answer to `fetchSockets`, its handshake included: measured in JSON, 1184 B for two. It depends on what
/// headers clients send.
const SOCKET: u32 = 574;

/// `RequestType` of the classic adapter, by its position.
mod classic_type {
    pub const ALL_ROOMS: u64 = 1;
    pub const JOIN: u64 = 2;
    pub const LEAVE: u64 = 3;
    pub const DISCONNECT: u64 = 4;
    pub const FETCH: u64 = 5;
    pub const SERVER_SIDE_EMIT: u64 = 6;
    pub const BROADCAST: u64 = 7;
    pub const CLIENT_COUNT: u64 = 8;
    pub const ACK: u64 = 9;
}
/// `MessageType` of `ClusterAdapter`.
mod cluster_type {
    pub const JOIN: u64 = 4;
    pub const LEAVE: u64 = 5;
    pub const DISCONNECT: u64 = 6;
    pub const FETCH: u64 = 7;
    pub const FETCHED: u64 = 8;
    pub const SERVER_SIDE_EMIT: u64 = 9;
    pub const SERVER_SIDE_EMITTED: u64 = 10;
    pub const CLIENT_COUNT: u64 = 11;
    pub const ACK: u64 = 12;
}

/// Names of events and rooms in a list.
fn texts(format: Format, names: impl IntoIterator<Item = u32>) -> u32 {
    format.list(names.into_iter().map(|name| format.text(name)))
}

/// `{uid, requestId?, type, …}`.
fn classic_request(format: Format, kind: u64, waits: bool, fields: &[(&str, u32)]) -> u32 {
    let id = format.text(CLASSIC_ID);
    let mut all = vec![("uid", id), ("type", format.number(kind))];
    all.extend(waits.then_some(("requestId", id)));
    all.extend(fields);
    format.object(&all)
}

/// To all pods, each of which gives its answer once.
fn per_pod(answer: Message) -> Message {
    Message { senders: Senders::EachOtherPod, ..answer }
}

impl Law {
    /// `PUBSUB NUMSUB` or `SHARDNUMSUB` (`serverCount`).
    fn counting(&self, plan: Plan) -> Plan {
        let (command, channel) = match self.adapter {
            Adapter::Classic { .. } => (Command::NumSub, REQUEST),
            Adapter::Sharded(_) | Adapter::Streams { sharded_requests: true } => (Command::ShardNumSub, CHANNEL),
            Adapter::Streams { sharded_requests: false } => (Command::NumSub, CHANNEL),
            Adapter::None | Adapter::PythonSocketIo | Adapter::PubSub { .. } => return plan,
        };
        plan.aside(command, Times::Exactly(1), channel)
    }

    /// A broadcast that clients acknowledge (`emitWithAck` of `broadcast-operator.js`): a request to all pods, whatever the
    /// room; each other pod says how many clients will answer, and each answer is passed on. Clients of the pod itself are
    /// served at once. The number of pods is asked for even when the event is local.
    pub(super) fn acknowledged(&self, emit: &Emit, event: Event, plan: Plan) -> Plan {
        let plan = self.counting(plan.ordered(Order::AfterPublish).event());
        if emit.local {
            return plan;
        }
        let short = |format: Format| format.text(ANSWER);
        let [request, count, ack] = match self.adapter {
            Adapter::None | Adapter::PythonSocketIo | Adapter::PubSub { .. } => return plan,
            Adapter::Classic { .. } => {
                let fields = [("packet", packet(Msgpack, event, true, false)), ("opts", options(Msgpack, emit, true))];
                let payload = classic_request(Msgpack, classic_type::BROADCAST, true, &fields);
                let count = [("type", Json.number(classic_type::CLIENT_COUNT)), ("clientCount", Json.number(1))];
                let ack = [("type", Msgpack.number(classic_type::ACK)), ("packet", short(Msgpack))];
                [
                    Message { channel: REQUEST, payload, ..plain() },
                    self.classic_answer(Json, &count, true),
                    self.classic_answer(Msgpack, &ack, true),
                ]
            }
            Adapter::Sharded(_) | Adapter::Streams { .. } => [
                self.ephemeral(BROADCAST, |f| broadcast_data(f, emit, event, false, true), Writes::Elsewhere),
                self.cluster_answer(cluster_type::CLIENT_COUNT, |f| ("clientCount", f.number(1))),
                self.cluster_answer(cluster_type::ACK, |f| ("packet", short(f))),
            ],
        };
        plan.with([request, per_pod(count), Message { senders: Senders::EachClientElsewhere, ..ack }])
    }

    /// What the classic adapter does with the operations of all pods (`dist/index.js`). Joins, leaves and disconnections
    /// reach the pod's own clients with its own copy too.
    pub(super) fn classic(&self, operation: Operation, plan: Plan) -> Option<Plan> {
        let publish =
            |payload: u32, writes: Writes| Message { channel: REQUEST, payload, role: Role::Event(writes), ..plain() };
        let targets = |to: To| ("opts", options(Json, &Emit::to(to), false));
        Some(match operation {
            Operation::SocketsJoin { local: true, .. } | Operation::SocketsLeave { local: true, .. } => plan,
            Operation::FetchSockets { local: true, .. } => plan,
            Operation::SocketsJoin { to, room, .. } | Operation::SocketsLeave { to, room, .. } => {
                let joins = matches!(operation, Operation::SocketsJoin { .. });
                let kind = if joins { classic_type::JOIN } else { classic_type::LEAVE };
                let fields = [targets(to), ("rooms", texts(Json, [room]))];
                plan.with([publish(classic_request(Json, kind, false, &fields), Writes::Never)])
            }
            Operation::DisconnectSockets { to, close } => {
                let fields = [targets(to), ("close", Json.flag(close))];
                plan.with([publish(
                    classic_request(Json, classic_type::DISCONNECT, false, &fields),
                    Writes::Everywhere,
                )])
            }
            Operation::FetchSockets { to, .. } => {
                let request = publish(classic_request(Json, classic_type::FETCH, true, &[targets(to)]), Writes::Never);
                let answer = self.classic_answer(Json, &[("sockets", Json.list([]))], true);
                self.counting(plan).with([request, per_pod(Message { per_member: SOCKET, ..answer })])
            }
            Operation::ServerSideEmit { ack, name } => {
                let fields = [("data", texts(Json, [name]))];
                let kind = classic_type::SERVER_SIDE_EMIT;
                let request = publish(classic_request(Json, kind, ack, &fields), Writes::Never);
                if !ack {
                    return Some(plan.with([request]));
                }
                // the answers do not go through `publishResponse`: the option changes nothing
                let answer = [("type", Json.number(kind)), ("data", Json.text(ANSWER))];
                self.counting(plan).with([request, per_pod(self.classic_answer(Json, &answer, false))])
            }
            Operation::ServerCount => self.counting(plan),
            Operation::AllRooms => {
                let request = publish(classic_request(Json, classic_type::ALL_ROOMS, true, &[]), Writes::Never);
                // the room of each client at least
                let answer = self.classic_answer(Json, &[("rooms", Json.list([]))], true);
                let per_member = Json.text(SOCKET_ID) + ",".len() as u32;
                self.counting(plan).with([request, per_pod(Message { per_member, ..answer })])
            }
            _ => return None,
        })
    }

    /// `{requestId, …}` to all pods, or to the one that asked.
    fn classic_answer(&self, format: Format, fields: &[(&str, u32)], through_option: bool) -> Message {
        let specific = through_option && self.adapter == Adapter::Classic { specific_responses: true };
        let mut all = vec![("requestId", format.text(CLASSIC_ID))];
        all.extend(fields);
        Message {
            reach: if specific { Reach::Caller } else { Reach::EveryPod },
            channel: RESPONSE + if specific { CLASSIC_ID + 1 } else { 0 },
            payload: format.object(&all),
            role: Role::Answer,
            ..plain()
        }
    }

    /// What `ClusterAdapter`, which the sharded and the streams adapter extend, does with the operations of all pods. It serves
    /// its own clients itself and drops its own copy.
    pub(super) fn cluster(&self, operation: Operation, plan: Plan) -> Option<Plan> {
        let targets = |f: Format, to: To| ("opts", options(f, &Emit::to(to), true));
        let number = |f: Format| ("requestId", f.text(CLUSTER_ID));
        Some(match operation {
            Operation::SocketsJoin { to, room, local } | Operation::SocketsLeave { to, room, local } => {
                let joins = matches!(operation, Operation::SocketsJoin { .. });
                let plan = self.room_of_many(plan, room, local, joins);
                if local {
                    return Some(plan);
                }
                let kind = if joins { cluster_type::JOIN } else { cluster_type::LEAVE };
                let data = Json.object(&[targets(Json, to), ("rooms", texts(Json, [room]))]);
                plan.with([self.lasting(kind, data, Writes::Never)])
            }
            Operation::DisconnectSockets { to, close } => {
                let data = Json.object(&[targets(Json, to), ("close", Json.flag(close))]);
                self.rooms_gone(plan, to).with([self.lasting(cluster_type::DISCONNECT, data, Writes::Elsewhere)])
            }
            // the number of pods is asked for even when it does not matter
            Operation::FetchSockets { local: true, .. } | Operation::ServerCount => self.counting(plan),
            Operation::FetchSockets { to, .. } => {
                let request = |f: Format| f.object(&[targets(f, to), number(f)]);
                let answer = self.cluster_answer(cluster_type::FETCHED, |f| ("sockets", f.list([])));
                let request = self.ephemeral(cluster_type::FETCH, request, Writes::Never);
                self.counting(plan).with([request, per_pod(Message { per_member: SOCKET, ..answer })])
            }
            Operation::ServerSideEmit { ack: false, name } => {
                let data = |f: Format| f.object(&[("packet", texts(f, [name]))]);
                plan.with([self.ephemeral(cluster_type::SERVER_SIDE_EMIT, data, Writes::Never)])
            }
            Operation::ServerSideEmit { ack: true, name } => {
                let data = |f: Format| f.object(&[number(f), ("packet", texts(f, [name]))]);
                let request = self.ephemeral(cluster_type::SERVER_SIDE_EMIT, data, Writes::Never);
                let answer = self.cluster_answer(cluster_type::SERVER_SIDE_EMITTED, |f| ("packet", f.text(ANSWER)));
                self.counting(plan).with([request, per_pod(answer)])
            }
            _ => return None,
        })
    }

    /// SPUBLISH or PUBLISH for what is worth nothing later (`isEphemeral`, `useShardedPubSub` of the streams adapter), and the
    /// encoding.
    const fn requests_through(&self) -> (Command, Format) {
        match self.adapter {
            Adapter::Streams { sharded_requests: false } => (Command::Publish, Msgpack),
            Adapter::Streams { sharded_requests: true } => (Command::Spublish, Msgpack),
            _ => (Command::Spublish, Json),
        }
    }

    fn ephemeral(&self, kind: u64, data: impl Fn(Format) -> u32, writes: Writes) -> Message {
        let (command, format) = self.requests_through();
        let payload = envelope(format, kind, data(format));
        Message { command, channel: CHANNEL, payload, role: Role::Event(writes), ..plain() }
    }

    /// What the streams adapter puts into the stream; data in JSON.
    fn lasting(&self, kind: u64, data: u32, writes: Writes) -> Message {
        let (command, channel, payload) = match self.adapter {
            Adapter::Streams { .. } => (Command::Xadd, STREAM, resp::FIELD_NAMES + entry(kind, data)),
            _ => (Command::Spublish, CHANNEL, envelope(Json, kind, data)),
        };
        Message { command, channel, payload, role: Role::Event(writes), ..plain() }
    }

    /// `{type, data: {requestId, …}, uid, nsp}` on the channel of the pod that asked (`doPublishResponse`).
    fn cluster_answer<'a>(&self, kind: u64, field: impl Fn(Format) -> (&'a str, u32)) -> Message {
        let (command, format) = self.requests_through();
        let data = format.object(&[("requestId", format.text(CLUSTER_ID)), field(format)]);
        let channel = CHANNEL + CLUSTER_ID + "#".len() as u32;
        let payload = envelope(format, kind, data);
        Message { command, reach: Reach::Caller, channel, payload, role: Role::Answer, ..plain() }
    }
}
