//! How the events of an application go through Redis, worked out once.

use super::super::adapter::{Aside, Emit, Event, Law, Message, Operation, Order, Plan, Role, To};
use super::super::spec::{ClusterSpec, ROOM_NAME, Target, TrafficAction, Via};

/// An entry of `traffic`, or after those of `server_traffic`: what it does is always of one kind and one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventKind(pub u16);

/// Who emits an event, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Anything (`io.to(…).emit`): the adapter is asked, wherever the recipients are.
    Application,
    /// The handler of the recipient's own socket (`socket.emit`): most adapters are not asked.
    OwnSocket,
    /// Anything, for recipients on the same pod alone (`io.local`, `ignore_queue=True`).
    Here,
    /// The same if the recipient's socket is there, else as any other.
    HereFirst,
}

/// One message of a course, with the bytes that it takes.
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
}

/// What an operation comes to: the adapter's plan, ready to be followed.
#[derive(Clone, Debug)]
pub struct Course {
    /// When clients of the pod itself are served.
    pub order: Order,
    /// Clients get an event.
    pub is_event: bool,
    /// Those of the pod itself get it directly.
    pub serves_own: bool,
    /// It is for those alone (`io.local`).
    pub only_here: bool,
    /// The first one is the caller's; pods that get a copy of it send the others, its answers.
    pub messages: Vec<Passage>,
    /// Commands that go along.
    pub asides: Vec<Aside>,
}

impl Course {
    fn of(operation: Operation, plan: Plan) -> Course {
        let Plan { order, serves_own, is_event, messages, asides } = plan;
        // what does not go to Redis is for the clients of the pod itself
        let order = if messages.is_empty() { Order::AfterPublish } else { order };
        let only_here = matches!(operation, Operation::Emit(Emit { local: true, .. }));
        let messages = messages.into_iter().map(Passage::of).collect();
        Course { order, is_event, serves_own, only_here, messages, asides }
    }
    /// Whether clients of the pod itself get one of its messages when Redis has replied.
    pub fn waits_for_reply(&self, step: u8) -> bool {
        step == 0 && self.order == Order::AfterReply && self.is_event
    }
    /// Whether a lone pod does without the message: there is nobody who could answer (`numSub <= 1`).
    pub fn is_for_others(&self) -> bool {
        !self.is_event && self.messages.get(1).is_some_and(|next| next.message.role == Role::Answer)
    }
}

/// Those of all kinds of events.
pub struct Courses {
    /// By kind and [`Origin`].
    by_kind: Vec<[Option<Course>; 3]>,
    /// Length of the event of each kind.
    bytes: Vec<u32>,
}

impl Courses {
    /// Those of a cluster.
    pub fn new(spec: &ClusterSpec) -> Courses {
        let law = &spec.redis.law;
        let traffic = spec.traffic.iter().map(|entry| match entry.action {
            TrafficAction::Emit { to, bytes, .. } => {
                let own = Operation::OwnSocket { ack: false, volatile: false };
                let (emit, here) = (emit_to(to), Emit { local: true, ..emit_to(to) });
                [Operation::Emit(emit), own, Operation::Emit(here)].map(|operation| course(law, operation, bytes))
            }
            TrafficAction::Api { .. } | TrafficAction::ApiWithData { .. } => [None, None, None],
        });
        let ticks = spec.ticks.iter().map(|tick| [course(law, tick.operation, tick.bytes), None, None]);
        let emitted = spec.traffic.iter().map(|entry| match entry.action {
            TrafficAction::Emit { bytes, .. } => bytes,
            TrafficAction::Api { .. } | TrafficAction::ApiWithData { .. } => 0,
        });
        let bytes = emitted.chain(spec.ticks.iter().map(|tick| tick.bytes)).collect();
        Courses { by_kind: traffic.chain(ticks).collect(), bytes }
    }
    /// Length of an event of this kind.
    pub fn bytes(&self, kind: EventKind) -> u32 {
        self.bytes[usize::from(kind.0)]
    }
    /// That of one.
    pub fn get(&self, kind: EventKind, origin: Origin) -> &Course {
        let course = &self.by_kind[usize::from(kind.0)][match origin {
            Origin::Application | Origin::HereFirst => 0,
            Origin::OwnSocket => 1,
            Origin::Here => 2,
        }];
        course.as_ref().expect("who emits has a course, and adapters know every operation of a scenario")
    }
}

fn course(law: &Law, operation: Operation, bytes: u32) -> Option<Course> {
    law.plan(operation, Event { bytes }).map(|plan| Course::of(operation, plan))
}

const fn emit_to(to: Target) -> Emit {
    let but_sender = matches!(to, Target::RoomButSender | Target::AllButSender);
    let to = match to {
        Target::All | Target::AllButSender => To::All,
        // users have rooms of their own
        Target::Room | Target::RoomButSender | Target::Own => To::Room { name: ROOM_NAME },
    };
    Emit { but_sender, ..Emit::to(to) }
}

/// Whether each client is in a room of its own, because something is emitted to users from elsewhere.
pub fn users_have_rooms(spec: &ClusterSpec) -> bool {
    spec.traffic.iter().any(|entry| {
        matches!(entry.action, TrafficAction::Emit { to: Target::Own, via: Via::Api | Via::LocalFirst, .. })
    })
}
