//! Redis as the single-threaded server that it is.

mod client;
mod course;
mod fate;
mod output_buffer;
mod reader;
mod slot;
mod store;
mod upkeep;

pub use client::{Keeps, RedisClient};
pub use course::{Course, Courses, EventKind, Origin, Passage};
pub use fate::Fate;
pub use output_buffer::{OutputBuffer, Unread};
pub use reader::Reader;
pub use slot::{SLOTS, hash_slot, node_of_slot};
pub use store::Store;
pub use upkeep::{Commands, Upkeep};

use std::rc::Rc;

use super::PodId;
use super::adapter::{Command, Reach};
use super::rooms::Recipients;
use super::spec::{ClusterSpec, RedisCosts, RedisSpec, SessionStore};
use crate::engine::{SimTime, Span};

/// One Redis server, and what the application does with it.
pub struct Redis {
    spec: RedisSpec,
    /// How events go through it.
    pub courses: Courses,
    /// Who subscribes to what when.
    pub upkeep: Rc<Upkeep>,
    /// What a session store in it is asked, if there is one.
    pub store: Option<Rc<Store>>,
    /// The loops that read a stream, by pod.
    readers: Vec<Reader>,
    /// What it holds for subscribers, by pod.
    buffers: Vec<OutputBuffer>,
    /// One, or the masters of a cluster.
    servers: Vec<Server>,
    /// Of the last outage: when it began, when it ends, and how many there were.
    down_since: SimTime,
    down_until: SimTime,
    outages: u32,
    /// When the connection of each pod that publishes is back, if it broke.
    back: Vec<SimTime>,
}

impl Redis {
    /// An idle server.
    pub fn new(spec: &ClusterSpec) -> Redis {
        Redis {
            spec: spec.redis.clone(),
            courses: Courses::new(spec),
            upkeep: Rc::new(Upkeep::new(spec)),
            store: spec
                .sessions
                .as_ref()
                .filter(|sessions| sessions.store == SessionStore::Redis)
                .map(|sessions| Rc::new(Store::new(sessions))),
            readers: Vec::new(),
            buffers: Vec::new(),
            servers: (0..spec.redis.nodes).map(|_| Server::default()).collect(),
            down_since: SimTime::NEVER,
            down_until: SimTime::ZERO,
            outages: 0,
            back: Vec::new(),
        }
    }
    /// One way between a pod and Redis.
    pub const fn hop(&self) -> Span {
        self.spec.hop
    }
    /// How many masters there are.
    pub const fn nodes(&self) -> u16 {
        self.spec.nodes
    }
    /// The master that a pod has its connections to.
    pub const fn node_of(&self, pod: PodId) -> u16 {
        (pod.raw() % self.spec.nodes as u32) as u16
    }
    /// The master of a sharded channel, or of the stream.
    pub fn node_of_channel(&self, recipients: Recipients, reach: Reach, command: Command) -> u16 {
        if self.spec.nodes == 1 {
            return 0;
        }
        let channel = match (command, reach, recipients) {
            (Command::Xadd, ..) => "socket.io".to_owned(),
            (_, Reach::Holders, Recipients::Room(room, _)) => format!("socket.io#/#room-{}#", room.raw()),
            (_, Reach::Holders, Recipients::One(client, _)) => format!("socket.io#/#user-{}#", client.raw()),
            _ => "socket.io#/#".to_owned(),
        };
        node_of_slot(hash_slot(channel.as_bytes()), self.spec.nodes)
    }
    /// An event arrives at a master so many times, each of which goes to so many pods: (waiting, when the copies leave).
    pub fn publish(&mut self, now: SimTime, node: u16, times: u32, copies: u32) -> (Span, SimTime) {
        let RedisCosts { publish, copy, publish_busy, copy_busy } = self.spec.costs;
        let (times, copies) = (u64::from(times), u64::from(copies));
        let (idle, busy) = (publish + copy * copies, publish_busy + copy_busy * copies);
        self.servers[usize::from(node)].serve(now, idle * times, busy * times)
    }
    /// Another master has passed it on: when the copies of this one leave.
    pub fn pass_on(&mut self, now: SimTime, node: u16, times: u32, copies: u32) -> SimTime {
        let RedisCosts { copy, copy_busy, .. } = self.spec.costs;
        let (times, copies, forward) = (u64::from(times), u64::from(copies), self.spec.forward);
        let (idle, busy) = (forward + copy * copies, forward + copy_busy * copies);
        // on its way it has to wait for nobody: that it is late is added at the end
        self.servers[usize::from(node)].serve(now, idle * times, busy * times).1 + self.spec.hop
    }
    /// A read of a stream arrives and takes so many entries, at least one: when they leave.
    pub fn read(&mut self, now: SimTime, entries: u32) -> SimTime {
        let RedisCosts { copy, copy_busy, .. } = self.spec.costs;
        let others = copy_busy * u64::from(entries - 1);
        let node = self.node_of_channel(Recipients::Nobody, Reach::EveryPod, Command::Xadd);
        self.servers[usize::from(node)].serve(now, copy + others, copy_busy + others).1
    }
    /// Commands of a pod arrive that are waited for, and read so many entries of the stream: when the reply leaves.
    pub fn answer(&mut self, now: SimTime, pod: PodId, commands: u64, entries: u32) -> SimTime {
        let RedisCosts { publish, publish_busy, copy_busy, .. } = self.spec.costs;
        let read = copy_busy * u64::from(entries);
        let node = self.node_of(pod);
        self.servers[usize::from(node)].serve(now, publish * commands + read, publish_busy * commands + read).1
    }
    /// So many other commands of a pod arrive.
    pub fn serve_upkeep(&mut self, now: SimTime, pod: PodId, commands: u64) {
        let RedisCosts { publish, publish_busy, .. } = self.spec.costs;
        let node = self.node_of(pod);
        self.servers[usize::from(node)].serve(now, publish * commands, publish_busy * commands);
    }
    /// It does nothing else for so long.
    pub fn stall(&mut self, now: SimTime, lasts: Span) {
        for server in &mut self.servers {
            server.serve(now, lasts, lasts);
        }
    }
    /// It is gone, with what it had in hand, until then.
    pub fn go_down(&mut self, now: SimTime, until: SimTime) {
        self.servers.iter_mut().for_each(|server| server.forget(now));
        (self.down_since, self.down_until) = (now, self.down_until.max(until));
        self.outages += 1;
    }
    /// Whether it is gone.
    pub fn is_down(&self, now: SimTime) -> bool {
        now < self.down_until
    }
    /// When it is back.
    pub const fn back(&self) -> SimTime {
        self.down_until
    }
    /// How often it was gone.
    pub const fn outages(&self) -> u32 {
        self.outages
    }
    /// Whether it went between these times, the last one included.
    pub fn went_down_in(&self, after: SimTime, until: SimTime) -> bool {
        after < self.down_since && self.down_since <= until && self.outages > 0
    }
    /// The connection by which a pod publishes is back then.
    pub fn set_back(&mut self, pod: PodId, at: SimTime) {
        if self.back.len() <= pod.index() {
            self.back.resize(pod.index() + 1, SimTime::ZERO);
        }
        self.back[pod.index()] = at;
    }
    /// When the connection by which a pod publishes is back; in the past if it is there.
    pub fn back_for(&self, pod: PodId) -> SimTime {
        self.back.get(pod.index()).copied().unwrap_or(SimTime::ZERO)
    }
    /// CPU time used up to `now`, by the master that has used most.
    pub fn cpu_used(&self, now: SimTime) -> Span {
        self.servers.iter().map(|server| server.cpu_used(now)).max().unwrap_or_default()
    }
    /// A copy is held for a subscriber that is slow to read. True: Redis closes the connection.
    pub fn hold(&mut self, pod: PodId, copy: Unread, now: SimTime) -> bool {
        if self.buffers.len() <= pod.index() {
            self.buffers.resize_with(pod.index() + 1, OutputBuffer::default);
        }
        self.buffers[pod.index()].push(copy, now, &self.spec.output_buffer)
    }
    /// The connection of a subscriber is closed: what was held for it is gone.
    pub fn drop_held(&mut self, pod: PodId, now: SimTime) -> Vec<Unread> {
        self.buffers.get_mut(pod.index()).map(|buffer| buffer.close(now).collect()).unwrap_or_default()
    }
    /// How often the command by which a pod reads the stream has been sent again lately.
    pub fn waiting_reads(&self, pod: PodId, now: SimTime) -> u64 {
        self.readers.get(pod.index()).map_or(0, |reader| reader.waiting(now))
    }
    /// The loop in which a pod reads the stream.
    pub fn reader(&mut self, pod: PodId) -> &mut Reader {
        if self.readers.len() <= pod.index() {
            self.readers.resize_with(pod.index() + 1, Reader::default);
        }
        &mut self.readers[pod.index()]
    }
}

/// One thread, first come, first served.
#[derive(Default)]
struct Server {
    free: SimTime,
    work: u128,
}

impl Server {
    /// Work arrives that takes so long if there is none before it, and so long if there is: (waiting, done).
    fn serve(&mut self, now: SimTime, idle: Span, busy: Span) -> (Span, SimTime) {
        let start = self.free.max(now);
        let work = if start > now { busy } else { idle };
        self.free = start + work;
        self.work += u128::from(work.as_nanos());
        (start - now, self.free)
    }
    /// What is not done by now is not done at all.
    fn forget(&mut self, now: SimTime) {
        self.work = self.work.saturating_sub(u128::from(self.free.since(now).as_nanos()));
        self.free = self.free.min(now);
    }
    fn cpu_used(&self, now: SimTime) -> Span {
        let ahead = u128::from(self.free.since(now).as_nanos());
        Span::from_nanos(u64::try_from(self.work.saturating_sub(ahead)).unwrap_or(u64::MAX))
    }
}
