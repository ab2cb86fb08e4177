//! How the events of an application go through Redis, worked out once.

use super::super::adapter::{Emit, Event, Law, Message, Role, To, Writes};
use super::super::spec::{ClusterSpec, Target, TrafficAction, Via};

/// Names of rooms are taken to be this long.
pub const ROOM_NAME: u32 = 10;

/// An entry of `traffic`, or after those of `ticks`: what it emits is of one length and for one kind of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventKind(pub u16);

/// How one event goes through Redis.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    /// The command, and who gets copies.
    pub message: Message,
    /// Bytes of the command.
    pub sent: u64,
    /// Bytes of a copy.
    pub copied: u64,
}

impl Passage {
    fn of(message: Message) -> Passage {
        Passage { message, sent: message.bytes_sent(), copied: message.bytes_copied() }
    }
    /// Whether a pod that gets a copy of its own event serves its clients then.
    pub fn serves_sender(&self) -> bool {
        self.message.role == Role::Event(Writes::Everywhere)
    }
}

/// Those of all kinds of events.
pub struct Passages {
    /// By kind: emitted by the handler of the recipient's own socket, and by anything else.
    by_kind: Vec<[Option<Passage>; 2]>,
}

impl Passages {
    /// Those of a cluster.
    pub fn new(spec: &ClusterSpec) -> Passages {
        let law = &spec.redis.law;
        let traffic = spec.traffic.iter().map(|entry| match entry.action {
            TrafficAction::Emit { to, bytes, .. } => passages(law, to, bytes),
            TrafficAction::Api { .. } | TrafficAction::ApiWithData { .. } => [None; 2],
        });
        let ticks = spec.ticks.iter().map(|tick| passages(law, tick.to, tick.bytes));
        Passages { by_kind: traffic.chain(ticks).collect() }
    }
    /// That of one; nothing if it does not go to Redis.
    pub fn get(&self, kind: EventKind, own_socket: bool) -> Option<&Passage> {
        self.by_kind[usize::from(kind.0)][usize::from(!own_socket)].as_ref()
    }
}

fn passages(law: &Law, to: Target, bytes: u32) -> [Option<Passage>; 2] {
    let event = Event { bytes };
    let to = match to {
        Target::All => To::All,
        // users have rooms of their own
        Target::Room | Target::Own => To::Room { name: ROOM_NAME },
    };
    [law.own_socket(false, false, event), law.broadcast(&Emit::to(to), event)].map(|message| message.map(Passage::of))
}

/// Whether each client is in a room of its own, because something is emitted to users from elsewhere.
pub fn users_have_rooms(spec: &ClusterSpec) -> bool {
    spec.traffic.iter().any(|entry| {
        matches!(entry.action, TrafficAction::Emit { to: Target::Own, via: Via::Api | Via::LocalFirst, .. })
    })
}
