//! What an operation comes to.

use super::{Command, Order, resp};

/// Who sends a message of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    /// The pod on which the operation was asked for.
    Caller,
    /// Each other pod, once: its answer.
    EachOtherPod,
    /// Each other pod, once for each of its clients that is addressed: their acknowledgements.
    EachClientElsewhere,
    /// The other pod that has the one client.
    Owner,
    /// A process that serves no clients.
    Outside,
}

/// Who gets copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every pod that is subscribed, the sender among them.
    EveryPod,
    /// Pods with a member of the room, the sender too if it has one.
    Holders,
    /// The pod on which the operation was asked for.
    Caller,
}

/// What copies do to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nothing.
    Never,
    /// They are served on other pods; a pod drops its own copy.
    Elsewhere,
    /// They are served on every pod that gets a copy, the sender too.
    Everywhere,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Something that pods act on.
    Event(Writes),
    /// An answer to the pod on which the operation was asked for.
    Answer,
}

/// A message through Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// PUBLISH, SPUBLISH or XADD.
    pub command: Command,
    /// How many times each sender sends it.
    pub times: u32,
    /// By whom.
    pub senders: Senders,
    /// To whom.
    pub reach: Reach,
    /// Bytes of the channel's or stream's name.
    pub channel: u32,
    /// Bytes of the payload; of a stream's entry: names and values of its fields.
    pub payload: u32,
    /// Bytes that it is longer for every client of the target that its sender has.
    pub per_member: u32,
    /// Of what kind.
    pub role: Role,
    /// Copies come through a pattern of so many characters.
    pub pattern: Option<u32>,
    /// The channel names a room: pods without members drop a copy before they decode it (`onmessage` of the classic adapter).
    pub room_checked: bool,
}

impl Message {
    /// Bytes from its sender to Redis.
    pub fn bytes_sent(&self) -> u64 {
        resp::sent(self)
    }
    /// Bytes of the reply, when so many pods get a copy.
    pub fn bytes_answered(&self, copies: u32) -> u64 {
        resp::answered(self, f64::from(copies))
    }
    /// Bytes of each copy.
    pub fn bytes_copied(&self) -> u64 {
        resp::copy(self)
    }
}

/// How often a command goes along with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// So many times.
    Exactly(u32),
    /// Once on every pod.
    PerPod,
    /// Once on each pod that has a member of the target.
    PerHolder,
    /// Once if the pod on which the operation was asked for has a member of the target.
    IfHeldHere,
    /// Once for every client of the target, on its pod.
    PerMember,
}

/// Lengths of up to three names; those that are not there are 0.
pub type Names = [u32; 3];

/// A command that hands nothing to other pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Which.
    pub command: Command,
    /// How often.
    pub times: Times,
    /// Bytes of the names that it is about: channels, a stream or a key.
    pub names: Names,
    /// Bytes that it carries beside, in or out.
    pub carries: u32,
}

impl Aside {
    /// Bytes to Redis and back, once, when so many pods are subscribed.
    pub fn bytes(&self, pods: u32) -> (u64, u64) {
        resp::aside(self, u64::from(pods))
    }
}

/// What an operation comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When clients of the pod itself are served, if the operation serves any.
    pub order: Order,
    /// Whether clients of the pod itself are served directly.
    pub serves_own: bool,
    /// Whether what clients get is an event.
    pub is_event: bool,
    /// Messages, one after the other: answers come after what they answer.
    pub messages: Vec<Message>,
    /// Everything else.
    pub asides: Vec<Aside>,
}

impl Plan {
    /// Nothing goes to Redis.
    pub(super) const fn nothing(order: Order) -> Plan {
        Plan { order, serves_own: false, is_event: false, messages: Vec::new(), asides: Vec::new() }
    }
    /// An event, which clients of the pod itself get directly, unless they get it with the pod's own copy.
    pub(super) fn event(mut self) -> Plan {
        self.serves_own = !matches!(self.order, Order::WithOwnCopy);
        self.is_event = true;
        self
    }
    pub(super) fn ordered(self, order: Order) -> Plan {
        Plan { order, ..self }
    }
    pub(super) fn with(mut self, messages: impl IntoIterator<Item = Message>) -> Plan {
        self.messages.extend(messages);
        self
    }
    pub(super) fn aside(mut self, command: Command, times: Times, name: u32) -> Plan {
        self.asides.push(Aside { command, times, names: [name, 0, 0], carries: 0 });
        self
    }
    pub(super) fn aside_of(mut self, command: Command, times: Times, names: Names) -> Plan {
        self.asides.push(Aside { command, times, names, carries: 0 });
        self
    }
    pub(super) fn carrying(mut self, command: Command, name: u32, carries: u32) -> Plan {
        self.asides.push(Aside { command, times: Times::Exactly(1), names: [name, 0, 0], carries });
        self
    }
}
