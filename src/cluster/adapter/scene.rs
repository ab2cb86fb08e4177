//! An operation on a cluster that stands still.

use super::command::{Command, Commands};
use super::plan::{Aside, Message, Plan, Reach, Role, Senders, Times, Writes};
use super::{Event, Law, Operation, resp};

/// One pod as an operation finds it. Everything may be an expectation: all costs are linear in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Clients.
    pub clients: f64,
    /// Those that are meant.
    pub members: f64,
    /// The probability that there are any.
    pub holds: f64,
    /// Those that an event is for: not its sender, nor who is excepted.
    pub recipients: f64,
    /// The probability that there are any.
    pub serves: f64,
}

impl Place {
    /// A pod with so many clients, of whom so many are meant.
    pub const fn new(clients: u32, members: u32) -> Place {
        Place::meaning(clients, members, members)
    }
    /// The same when not all who are meant get an event.
    pub const fn meaning(clients: u32, members: u32, recipients: u32) -> Place {
        const fn any(n: u32) -> f64 {
            if n > 0 { 1.0 } else { 0.0 }
        }
        Place {
            clients: clients as f64,
            members: members as f64,
            holds: any(members),
            recipients: recipients as f64,
            serves: any(recipients),
        }
    }
}

/// All pods, that on which the operation is asked for first, and the event that they are asked to pass on.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// At least one.
    pub pods: Vec<Place>,
    /// What is emitted.
    pub event: Event,
}

impl Scene {
    /// So many pods with so many clients each, all of whom are meant.
    pub fn all(pods: u32, clients: u32, event: Event) -> Scene {
        Scene { pods: vec![Place::new(clients, clients); pods as usize], event }
    }
    /// So many clients out of those of all pods, each equally likely to be on any pod.
    pub fn at_random(pods: u32, clients: u32, members: u32, event: Event) -> Scene {
        let (share, holds) = (f64::from(members) / f64::from(pods), 1.0 - none_here(pods, members));
        let place = Place { clients: f64::from(clients), members: share, holds, recipients: share, serves: holds };
        Scene { pods: vec![place; pods as usize], event }
    }
    /// Pods with a member, expected: P(1−(1−1/P)ⁿ) when clients are anywhere.
    pub fn holders(&self) -> f64 {
        self.pods.iter().map(|pod| pod.holds).sum()
    }
}

/// The probability that none of so many clients is on a pod: (1−1/P)ⁿ.
fn none_here(pods: u32, members: u32) -> f64 {
    let (mut power, mut square, mut left) = (1.0, 1.0 - 1.0 / f64::from(pods), members);
    while left > 0 {
        if left & 1 == 1 {
            power *= square;
        }
        square *= square;
        left >>= 1;
    }
    power
}

/// The first message of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// How it is sent.
    pub command: Command,
    /// Bytes of the channel.
    pub channel: u32,
    /// Bytes of the payload.
    pub payload: u32,
}

/// What an operation costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Commands by kind.
    pub commands: Commands,
    /// Receivers that Redis reports to pods which publish: streams report none.
    pub reported: f64,
    /// Copies for each pod.
    pub copies: Vec<f64>,
    /// Copies of what the pod sent itself, dropped after decoding, unless it acts on them.
    pub own: f64,
    /// Copies that led to a write to a client of the pod.
    pub wrote: f64,
    /// Copies for a room that the pod has no member of, dropped before decoding.
    pub unknown_room: f64,
    /// Own copies that the pod acts on all the same.
    pub own_used: f64,
    /// Copies of others' messages that led to no write: nobody here is meant, or there is nothing to write.
    pub idle: f64,
    /// Answers that came to the pod which waits for them.
    pub answers: f64,
    /// Answers that came to others.
    pub not_mine: f64,
    /// Events that clients get.
    pub client_packets: f64,
    /// The first message.
    pub first: Option<First>,
    /// Bytes from pods to Redis.
    pub bytes_in: f64,
    /// Bytes from Redis to pods.
    pub bytes_out: f64,
}

impl Cost {
    /// Copies for all pods.
    pub fn delivered(&self) -> f64 {
        self.copies.iter().sum()
    }
}

impl Law {
    /// What an operation costs, or nothing if this adapter has no such thing.
    pub fn evaluate(&self, operation: Operation, scene: &Scene) -> Option<Cost> {
        let plan = self.plan(operation, scene.event)?;
        let mut sum =
            Sum { law: self, pods: &scene.pods, cost: Cost { copies: vec![0.0; scene.pods.len()], ..Cost::default() } };
        for aside in &plan.asides {
            sum.aside(aside);
        }
        for (at, message) in plan.messages.iter().enumerate() {
            // nobody is asked for answers when there is nobody else (`numSub <= 1`)
            let waits = plan.messages.get(at + 1).is_some_and(|next| next.role == Role::Answer);
            if waits && at == 0 && sum.subscribed() <= 1.0 && !plan.is_event {
                break;
            }
            sum.message(message);
        }
        sum.clients(&plan);
        Some(sum.cost)
    }
}

/// A cost while it is added up.
struct Sum<'a> {
    law: &'a Law,
    pods: &'a [Place],
    cost: Cost,
}

impl Sum<'_> {
    /// Whether a pod gets what goes to all.
    fn listens(&self, pod: &Place) -> f64 {
        if self.law.adapter.subscribes_at_start() || pod.clients > 0.0 { 1.0 } else { 0.0 }
    }
    fn subscribed(&self) -> f64 {
        self.pods.iter().map(|pod| self.listens(pod)).sum()
    }

    fn aside(&mut self, aside: &Aside) {
        let times = match aside.times {
            Times::Exactly(times) => f64::from(times),
            Times::PerPod => self.subscribed(),
            Times::PerHolder => self.pods.iter().map(|pod| pod.holds).sum(),
            Times::IfHeldHere => self.pods.first().map_or(0.0, |pod| pod.holds),
            Times::PerMember => self.pods.iter().map(|pod| pod.members).sum(),
        };
        self.cost.commands.add(aside.command, times);
        let (to, back) = resp::aside(aside, self.subscribed() as u64);
        self.cost.bytes_in += times * to as f64;
        self.cost.bytes_out += times * back as f64;
    }

    fn message(&mut self, message: &Message) {
        let elsewhere = &self.pods[1..];
        let members_elsewhere: f64 = elsewhere.iter().map(|pod| pod.members).sum();
        let senders = match message.senders {
            Senders::Caller | Senders::Outside => 1.0,
            Senders::Owner => elsewhere.iter().map(|pod| pod.holds).sum(),
            Senders::EachOtherPod => elsewhere.len() as f64,
            Senders::EachClientElsewhere => members_elsewhere,
        };
        let sent = senders * f64::from(message.times);
        if sent == 0.0 {
            return;
        }
        let cost = &mut self.cost;
        let Message { command, channel, payload, .. } = *message;
        cost.first.get_or_insert(First { command, channel, payload });
        cost.commands.add(command, sent);
        let mut copies = 0.0;
        for (at, pod) in self.pods.iter().enumerate() {
            let listens = if self.law.adapter.subscribes_at_start() || pod.clients > 0.0 { 1.0 } else { 0.0 };
            let gets = match message.reach {
                Reach::EveryPod => listens,
                Reach::Holders => pod.holds,
                Reach::Caller if at == 0 => 1.0,
                Reach::Caller => 0.0,
            };
            cost.copies[at] += gets * sent;
            copies += gets;
            cost.fate(message, pod, at == 0, gets, sent);
        }
        let from_pods = message.senders != Senders::Outside;
        if from_pods && command != Command::Xadd {
            cost.reported += copies * sent;
        }
        // beyond what all messages have in common, answers carry something for each client of their sender
        let more = f64::from(message.per_member) * members_elsewhere;
        let answered = if from_pods { resp::answered(message, copies) as f64 } else { 0.0 };
        cost.bytes_in += sent * resp::sent(message) as f64 + more;
        cost.bytes_out += sent * (answered + copies * resp::copy(message) as f64) + more * copies;
        if command == Command::Xadd {
            cost.commands.add(Command::Xread, copies * sent);
            cost.bytes_in += copies * sent * resp::read(channel) as f64;
        }
    }

    /// Events that clients get: through copies, or directly from the pod itself.
    fn clients(&mut self, plan: &Plan) {
        if !plan.is_event {
            return;
        }
        let reaches = |at: usize, pod: &Place| {
            let through = plan.messages.iter().any(|message| match message.role {
                Role::Event(Writes::Elsewhere) => at > 0 || message.senders == Senders::Outside,
                Role::Event(Writes::Everywhere) => true,
                Role::Event(Writes::Never) | Role::Answer => false,
            });
            let through = through && self.listens(pod) > 0.0;
            if (at == 0 && plan.serves_own) || through { pod.recipients } else { 0.0 }
        };
        self.cost.client_packets = self.pods.iter().enumerate().map(|(at, pod)| reaches(at, pod)).sum();
    }
}

impl Cost {
    /// What becomes of the copies for one pod: it gets `gets` (a probability) of each of `sent` messages.
    fn fate(&mut self, message: &Message, pod: &Place, caller: bool, gets: f64, sent: f64) {
        let copies = gets * sent;
        match message.role {
            Role::Answer if caller => self.answers += copies,
            Role::Answer => self.not_mine += copies,
            Role::Event(writes) => {
                let decoded = if message.room_checked { pod.holds } else { 1.0 };
                self.unknown_room += copies * (1.0 - decoded);
                let own = caller && message.senders == Senders::Caller;
                if own {
                    self.own += copies * decoded;
                }
                if own && writes != Writes::Everywhere {
                    return;
                }
                // who gets a copy of its own channel has members; the rest may or may not
                let serves = match (message.reach, writes) {
                    (_, Writes::Never) => 0.0,
                    (Reach::Holders, _) if gets > 0.0 => pod.serves / gets,
                    _ => pod.serves,
                };
                self.wrote += copies * serves;
                let rest = copies * decoded - copies * serves;
                if own { self.own_used += copies * serves } else { self.idle += rest }
            }
        }
    }
}
