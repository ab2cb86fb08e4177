//! Commands that subscribe and unsubscribe.

use super::broadcast::{CHANNEL, CLASSIC_ID, CLUSTER_ID, OWN_CHANNEL, PYTHON_CHANNEL, STREAM};
use super::operation::{Operation, To};
use super::plan::{Plan, Times};
use super::requests::{REQUEST, RESPONSE};
use super::{Adapter, Client, Command, Law, Mode, SOCKET_ID, Subscribe};

/// How rooms of some kind are subscribed to and left, and how long the channel of a room is beyond its name.
#[derive(Clone, Copy)]
pub(super) struct Following {
    pub subscribe: Command,
    pub unsubscribe: Command,
    around: u32,
}

impl Following {
    pub(super) const fn channel(self, name: u32) -> u32 {
        self.around + name
    }
}

impl Adapter {
    /// How rooms are followed, if they are (`create-room` and `delete-room` in `sharded-adapter.js`).
    pub(super) const fn rooms_followed(self) -> Option<Following> {
        if self.follows_rooms() { Some(self.following()) } else { None }
    }
    /// How single clients are followed, if they are.
    pub(super) const fn clients_followed(self) -> Option<Following> {
        if self.follows_clients() { Some(self.following()) } else { None }
    }
    const fn following(self) -> Following {
        match self {
            Adapter::PubSub { .. } => {
                Following { subscribe: Command::Subscribe, unsubscribe: Command::Unsubscribe, around: 0 }
            }
            _ => Following {
                subscribe: Command::Ssubscribe,
                unsubscribe: Command::Sunsubscribe,
                around: CHANNEL + "#".len() as u32,
            },
        }
    }
}

/// One client connects, leaves, or changes its rooms.
pub(super) fn one_client(adapter: Adapter, operation: Operation, plan: Plan) -> Plan {
    let (followed, name, comes) = match operation {
        Operation::Connect => (adapter.clients_followed(), SOCKET_ID, true),
        Operation::Disconnect => (adapter.clients_followed(), SOCKET_ID, false),
        Operation::Join { room, first: true } => (adapter.rooms_followed(), room, true),
        Operation::Leave { room, last: true } => (adapter.rooms_followed(), room, false),
        _ => (None, 0, false),
    };
    match followed {
        Some(follow) => {
            let command = if comes { follow.subscribe } else { follow.unsubscribe };
            plan.aside(command, Times::Exactly(1), follow.channel(name))
        }
        None => plan,
    }
}

impl Law {
    /// Clients of many pods join or leave a room that is theirs alone.
    pub(super) fn room_of_many(&self, plan: Plan, room: u32, local: bool, joins: bool) -> Plan {
        let Some(follow) = self.adapter.rooms_followed() else { return plan };
        let command = if joins { follow.subscribe } else { follow.unsubscribe };
        plan.aside(command, if local { Times::IfHeldHere } else { Times::PerHolder }, follow.channel(room))
    }

    /// Clients of many pods are disconnected: their own rooms go, and the room that they were in.
    pub(super) fn rooms_gone(&self, plan: Plan, to: To) -> Plan {
        let plan = match self.adapter.clients_followed() {
            Some(follow) => plan.aside(follow.unsubscribe, Times::PerMember, follow.channel(SOCKET_ID)),
            None => plan,
        };
        match (self.adapter.rooms_followed(), to) {
            (Some(follow), To::Room { name }) => plan.aside(follow.unsubscribe, Times::PerHolder, follow.channel(name)),
            _ => plan,
        }
    }

    /// All pods start.
    pub(super) fn starting(&self, plan: Plan) -> Plan {
        let per_pod = Times::PerPod;
        let private = CHANNEL + CLUSTER_ID + "#".len() as u32;
        match self.adapter {
            Adapter::None | Adapter::PubSub { subscribe: Subscribe::PerRoom, .. } => plan,
            Adapter::PubSub { subscribe: Subscribe::All, .. } => plan.aside(Command::Subscribe, per_pod, OWN_CHANNEL),
            Adapter::Classic { .. } => {
                let specific = RESPONSE + CLASSIC_ID + "#".len() as u32;
                plan.aside(Command::Psubscribe, per_pod, CHANNEL + "*".len() as u32).aside_of(
                    Command::Subscribe,
                    per_pod,
                    [REQUEST, RESPONSE, specific],
                )
            }
            Adapter::Sharded(_) => {
                plan.aside(Command::Ssubscribe, per_pod, CHANNEL).aside(Command::Ssubscribe, per_pod, private)
            }
            Adapter::Streams { sharded_requests } => {
                let plan = plan.aside(Command::Xread, per_pod, STREAM);
                if sharded_requests {
                    plan.aside(Command::Ssubscribe, per_pod, CHANNEL).aside(Command::Ssubscribe, per_pod, private)
                } else {
                    plan.aside_of(Command::Subscribe, per_pod, [CHANNEL, private, 0])
                }
            }
            Adapter::PythonSocketIo => plan.aside(Command::Subscribe, per_pod, PYTHON_CHANNEL),
        }
    }

    /// A pod without clients ends in order. Streams and python-socketio just close their connections.
    pub(super) fn closing(&self, plan: Plan) -> Plan {
        let once = Times::Exactly(1);
        let specific = RESPONSE + CLASSIC_ID + "#".len() as u32;
        match self.adapter {
            Adapter::Classic { .. } => {
                let plan = plan.aside(Command::Punsubscribe, once, CHANNEL + "*".len() as u32);
                match self.client {
                    // "There is a bug in redis v4 when unsubscribing multiple channels at once"
                    Client::NodeRedis => [REQUEST, RESPONSE, specific]
                        .into_iter()
                        .fold(plan, |plan, channel| plan.aside(Command::Unsubscribe, once, channel)),
                    Client::Ioredis => plan.aside_of(Command::Unsubscribe, once, [REQUEST, RESPONSE, specific]),
                }
            }
            Adapter::Sharded(Mode::Dynamic | Mode::Static | Mode::DynamicPrivate) => {
                let private = CHANNEL + CLUSTER_ID + "#".len() as u32;
                plan.aside(Command::Sunsubscribe, once, CHANNEL).aside(Command::Sunsubscribe, once, private)
            }
            Adapter::PubSub { subscribe: Subscribe::All, .. } => plan.aside(Command::Unsubscribe, once, OWN_CHANNEL),
            _ => plan,
        }
    }
}
