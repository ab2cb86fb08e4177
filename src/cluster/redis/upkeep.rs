//! Commands that subscribe and unsubscribe, worked out once.

use super::super::adapter::{Adapter, Aside, Command, Event, Law, Operation, Scene};
use super::super::spec::{ClusterSpec, ROOM_NAME};
use super::course::users_have_rooms;
use crate::metrics::Counts;

/// Commands that hand nothing to other pods.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    /// How many of each kind.
    pub each: Vec<(Command, u64)>,
    /// Bytes to Redis.
    pub bytes_in: u64,
    /// Bytes back.
    pub bytes_out: u64,
}

impl Commands {
    /// How many there are together.
    pub fn total(&self) -> u64 {
        self.each.iter().map(|&(_, times)| times).sum()
    }
    /// So many more of a command, when so many pods are subscribed.
    pub fn add(&mut self, aside: &Aside, times: u64, pods: u32) {
        let (to, back) = aside.bytes(pods);
        self.each.push((aside.command, times));
        self.bytes_in += to * times;
        self.bytes_out += back * times;
    }
    /// Others are sent with them.
    pub fn add_all(&mut self, others: Commands) {
        self.each.extend(others.each);
        self.bytes_in += others.bytes_in;
        self.bytes_out += others.bytes_out;
    }
    /// All of them so many times.
    pub fn times(mut self, times: u64) -> Commands {
        self.each.iter_mut().for_each(|(_, of_it)| *of_it *= times);
        Commands { bytes_in: self.bytes_in * times, bytes_out: self.bytes_out * times, ..self }
    }
    /// Counts them so many times.
    pub fn count(&self, times: u64, counts: &mut Counts) {
        for &(command, of_it) in &self.each {
            counts.redis_commands.add_many(command, of_it * times);
        }
        counts.redis_bytes_in += self.bytes_in * times;
        counts.redis_bytes_out += self.bytes_out * times;
    }
    /// Those of operations on one pod.
    fn of(law: &Law, operations: &[Operation]) -> Commands {
        let alone = Scene::all(1, 1, Event { bytes: 0 });
        let mut sum = Commands::default();
        for cost in operations.iter().filter_map(|&operation| law.evaluate(operation, &alone)) {
            sum.each.extend(cost.commands.iter().map(|(command, times)| (command, times as u64)));
            sum.bytes_in += cost.bytes_in as u64;
            sum.bytes_out += cost.bytes_out as u64;
        }
        sum
    }
}

/// When pods subscribe to what.
pub struct Upkeep {
    /// A process starts.
    pub start: Commands,
    /// It is shut down in order.
    pub close: Commands,
    /// A room has its first member on a pod.
    pub join: Commands,
    /// A room has lost its last member on a pod.
    pub leave: Commands,
    /// A client connects: rooms of its own.
    pub connect: Commands,
    /// It is gone.
    pub disconnect: Commands,
    /// A read of the stream that finds nothing.
    pub read: Commands,
    /// A client is lost that may be recovered; it is back, and its session is not there, or it is and nothing was missed, or
    /// something was.
    pub session_lost: Commands,
    pub session_not_found: Commands,
    pub session_found: Commands,
    pub session_replayed: Commands,
    /// Rooms are followed, or clients are: connections change subscriptions.
    pub follows: bool,
}

impl Upkeep {
    /// That of a cluster.
    pub fn new(spec: &ClusterSpec) -> Upkeep {
        let law = &spec.redis.law;
        let of = |operations: &[Operation]| Commands::of(law, operations);
        let join = Operation::Join { room: ROOM_NAME, first: true };
        let leave = Operation::Leave { room: ROOM_NAME, last: true };
        // where clients have channels, users need no others
        let user_rooms = users_have_rooms(spec) && !matches!(law.adapter, Adapter::PubSub { .. });
        Upkeep {
            start: of(&[Operation::Start]),
            close: of(&[Operation::Close]),
            join: of(&[join]),
            leave: of(&[leave]),
            connect: if user_rooms { of(&[Operation::Connect, join]) } else { of(&[Operation::Connect]) },
            disconnect: if user_rooms { of(&[Operation::Disconnect, leave]) } else { of(&[Operation::Disconnect]) },
            read: of(&[Operation::FiveSecondsIdle]),
            session_lost: of(&[Operation::SessionLost]),
            session_not_found: of(&[Operation::SessionNotFound]),
            session_found: of(&[Operation::SessionRecovered { missed: false }]),
            session_replayed: of(&[Operation::SessionRecovered { missed: true }]),
            follows: law.adapter.follows_rooms() || law.adapter.follows_clients(),
        }
    }
}
