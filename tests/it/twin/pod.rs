//! The twin itself: one pod, its clients and its Redis, one event at a time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use stickysim::engine::Span;
use stickysim::metrics::Histogram;

use super::{SECOND, Small};

/// What happens in the twin. Equal times: work ends first, then as the model orders its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A copy of a broadcast leaves for a client: (process, task, client).
    Leave(u32, u64, usize),
    /// A worker ends a task: (process, task).
    End(u32, u64),
    /// An event leaves for Redis, if the process still lives: (process, message).
    Leaves(u32, usize),
    Crash,
    Ready(u32),
    Connect(usize, u32),
    Upgrade(usize, u32),
    Join(usize, u32),
    /// A request of a trace arrives: (trace, request).
    Arrives(usize, usize),
    Tick(usize),
    Publish(usize),
    Copies(usize),
}

/// What a worker does.
#[derive(Clone, Debug)]
enum Task {
    Request {
        trace: usize,
        sent: u64,
    },
    Connect {
        client: usize,
        epoch: u32,
    },
    /// The clients there at its arrival, one copy each, of which `left` have left; with a message for Redis when there
    /// is an adapter.
    Broadcast {
        emitted: u64,
        recipients: Vec<usize>,
        left: usize,
        message: Option<usize>,
    },
}

#[derive(Clone, Debug)]
struct Client {
    one_way: u64,
    online: bool,
    /// Its upgrade request is at the pod.
    upgrading: bool,
    connecting: bool,
    epoch: u32,
    attempt: u32,
    started: u64,
    lost_at: u64,
}

/// An event for other pods: how many the sender's pod serves itself, and how many copies Redis has sent.
#[derive(Clone, Debug)]
struct Message {
    local: usize,
    process: u32,
    copies: usize,
}

/// What the twin counted and measured.
#[derive(Default)]
pub struct Tally {
    pub counts: BTreeMap<&'static str, u64>,
    pub request: Histogram,
    pub event: Histogram,
    pub connect: Histogram,
    pub offline: Histogram,
    pub redis_wait: Histogram,
}

impl Tally {
    fn add(&mut self, what: &'static str, n: usize) {
        *self.counts.entry(what).or_default() += n as u64;
    }
}

/// The twin as it stands.
pub struct Twin<'s> {
    small: &'s Small,
    now: u64,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    clients: Vec<Client>,
    /// In the order in which they joined.
    connected: Vec<usize>,
    ready: bool,
    process: u32,
    crashes: u32,
    /// (task, time it takes a worker).
    queue: VecDeque<(u64, u64)>,
    busy: u32,
    tasks: BTreeMap<u64, Task>,
    next_task: u64,
    messages: Vec<Message>,
    redis_free: u64,
    tally: Tally,
}

impl<'s> Twin<'s> {
    /// The pod at time zero, everybody connected.
    pub fn new(small: &'s Small) -> Twin<'s> {
        let client = |one_way| Client {
            one_way,
            online: true,
            upgrading: false,
            connecting: false,
            epoch: 0,
            attempt: 0,
            started: 0,
            lost_at: 0,
        };
        let clients: Vec<Client> =
            small.sockets.iter().flat_map(|&(count, one_way)| (0..count).map(move |_| client(one_way))).collect();
        let mut twin = Twin {
            small,
            now: 0,
            events: BinaryHeap::new(),
            connected: (0..clients.len()).collect(),
            clients,
            ready: true,
            process: 0,
            crashes: 0,
            queue: VecDeque::new(),
            busy: 0,
            tasks: BTreeMap::new(),
            next_task: 0,
            messages: Vec::new(),
            redis_free: 0,
            tally: Tally::default(),
        };
        small.crashes.iter().for_each(|&at| twin.at(at, Event::Crash));
        small.ticks.iter().enumerate().for_each(|(tick, &every)| twin.at(every, Event::Tick(tick)));
        for (trace, (one_way, _, moments)) in small.traces.iter().enumerate() {
            moments.iter().enumerate().for_each(|(n, &at)| twin.at(at + one_way, Event::Arrives(trace, n)));
        }
        twin
    }
    fn at(&mut self, at: u64, event: Event) {
        self.events.push(Reverse((at, event)));
    }
    /// Everything up to the horizon.
    pub fn run(mut self) -> Tally {
        while let Some(&Reverse((at, event))) = self.events.peek()
            && at <= self.small.horizon
        {
            self.events.pop();
            self.now = at;
            self.handle(event);
        }
        let settled = self.count("delivered") + self.count("copies lost");
        let begun = self.count("copies");
        self.tally.add("deliveries in flight", begun - settled);
        for Reverse((_, event)) in std::mem::take(&mut self.events) {
            if let Event::Copies(message) = event {
                self.tally.add("copies undelivered", self.messages[message].copies);
            }
        }
        let requests = self.tasks.values().filter(|task| matches!(task, Task::Request { .. })).count();
        self.tally.add("requests in flight", requests);
        let connecting = self.clients.iter().filter(|client| client.connecting).count();
        self.tally.add("connects in flight", connecting);
        self.tally
    }

    fn handle(&mut self, event: Event) {
        let [connect, ..] = self.small.costs;
        match event {
            Event::Leave(process, task, client) if process == self.process => self.copy_leaves(task, client),
            Event::End(process, task) if process == self.process => self.ended(task),
            Event::Leaves(process, message) if process == self.process => {
                self.at(self.now + self.small.redis[2], Event::Publish(message));
            }
            Event::Leave(..) | Event::End(..) | Event::Leaves(..) => {}
            Event::Crash => self.crash(),
            Event::Ready(_) => self.ready = true,
            Event::Connect(client, epoch) => {
                let now = self.now;
                let record = &mut self.clients[client];
                (record.connecting, record.started) = (true, now);
                let upgrade = now + 5 * record.one_way;
                self.tally.add("connect attempts", 1);
                self.at(upgrade, Event::Upgrade(client, epoch));
            }
            Event::Upgrade(client, epoch) => {
                if self.ready {
                    self.clients[client].upgrading = true;
                    self.arrive(Task::Connect { client, epoch }, connect);
                } else {
                    self.tally.add("connects refused", 1);
                    self.retry(client, self.clients[client].one_way);
                }
            }
            Event::Join(client, epoch) if self.clients[client].epoch == epoch => self.join(client),
            Event::Join(..) => {}
            Event::Arrives(trace, n) => {
                self.tally.add("requests", 1);
                if self.ready {
                    let (_, work, moments) = &self.small.traces[trace];
                    self.arrive(Task::Request { trace, sent: moments[n] }, self.small.costs[1] + work);
                } else {
                    self.tally.add("requests refused", 1);
                }
            }
            Event::Tick(tick) => {
                self.at(self.now + self.small.ticks[tick], Event::Tick(tick));
                self.emit();
            }
            Event::Publish(message) => self.publish(message),
            Event::Copies(message) => {
                let Message { local, process, copies } = self.messages[message];
                self.tally.add(if process == self.process { "copies own" } else { "copies undelivered" }, copies);
                self.tally.add("lost offline", self.clients.len() - local);
            }
        }
    }

    /// A task joins the queue; `work` is what it needs of a worker.
    fn arrive(&mut self, task: Task, work: u64) {
        self.tasks.insert(self.next_task, task);
        self.queue.push_back((self.next_task, work * self.small.stretch));
        self.next_task += 1;
        self.start_next();
    }

    /// Idle workers take what waits, first come, first served.
    fn start_next(&mut self) {
        while self.busy < self.small.workers
            && let Some((id, takes)) = self.queue.pop_front()
        {
            self.busy += 1;
            if let Task::Broadcast { recipients, message, .. } = self.tasks[&id].clone() {
                let [_, _, broadcast, send, publish] = self.small.costs.map(|cost| cost * self.small.stretch);
                let mut at = self.now;
                if let Some(message) = message {
                    at += publish;
                    self.at(at, Event::Leaves(self.process, message));
                }
                at += broadcast;
                for client in recipients {
                    at += send;
                    self.at(at, Event::Leave(self.process, id, client));
                }
            }
            self.at(self.now + takes, Event::End(self.process, id));
        }
    }

    fn ended(&mut self, id: u64) {
        match self.tasks.remove(&id).expect("a task ends once") {
            Task::Request { trace, sent } => {
                self.tally.add("answered", 1);
                self.tally.request.record(Span::from_nanos(self.now + self.small.traces[trace].0 - sent));
            }
            Task::Connect { client, epoch } => {
                let one_way = self.clients[client].one_way;
                self.at(self.now + 2 * one_way, Event::Join(client, epoch));
            }
            Task::Broadcast { .. } => {}
        }
        self.busy -= 1;
        self.start_next();
    }

    fn copy_leaves(&mut self, id: u64, client: usize) {
        let Some(Task::Broadcast { emitted, left, .. }) = self.tasks.get_mut(&id) else {
            panic!("copies are of broadcasts")
        };
        *left += 1;
        let arrives = self.now + self.clients[client].one_way;
        if arrives <= self.small.horizon {
            self.tally.event.record(Span::from_nanos(arrives - *emitted));
            self.tally.add("delivered", 1);
        }
    }

    fn emit(&mut self) {
        self.tally.add("recipients", self.clients.len());
        if !self.ready {
            self.tally.add("not sent", self.clients.len());
            return;
        }
        let [_, _, broadcast, send, publish] = self.small.costs;
        let recipients = self.connected.clone();
        let mut work = broadcast + send * recipients.len() as u64;
        let mut message = None;
        if self.small.classic {
            work += publish;
            message = Some(self.messages.len());
            self.messages.push(Message { local: recipients.len(), process: self.process, copies: 0 });
        } else {
            self.tally.add("lost offline", self.clients.len() - recipients.len());
        }
        self.tally.add("copies", recipients.len());
        self.arrive(Task::Broadcast { emitted: self.now, recipients, left: 0, message }, work);
    }

    fn publish(&mut self, message: usize) {
        let [publish, copy, hop] = self.small.redis;
        let copies = usize::from(self.ready);
        self.messages[message].copies = copies;
        let start = self.redis_free.max(self.now);
        self.redis_free = start + publish + copy * copies as u64;
        self.tally.redis_wait.record(Span::from_nanos(start - self.now));
        self.tally.add("published", 1);
        self.at(self.redis_free + hop, Event::Copies(message));
    }

    fn crash(&mut self) {
        if !self.ready {
            return;
        }
        (self.ready, self.busy) = (false, 0);
        self.process += 1;
        self.queue.clear();
        for task in std::mem::take(&mut self.tasks).into_values() {
            match task {
                Task::Request { .. } => self.tally.add("requests died", 1),
                Task::Broadcast { recipients, left, .. } => self.tally.add("copies lost", recipients.len() - left),
                Task::Connect { .. } => {}
            }
        }
        self.connected.clear();
        for client in 0..self.clients.len() {
            let now = self.now;
            let record = &mut self.clients[client];
            let one_way = record.one_way;
            if record.online {
                (record.online, record.lost_at, record.attempt) = (false, now, 0);
                self.retry(client, one_way);
            } else if record.upgrading {
                self.tally.add("connects died", 1);
                self.retry(client, one_way);
            }
        }
        let back_off = [0, 10, 20, 40][self.crashes as usize] * SECOND;
        self.crashes += 1;
        self.at(self.now + back_off + self.small.startup, Event::Ready(self.process));
    }

    fn retry(&mut self, client: usize, after: u64) {
        let [first, max] = self.small.back_off;
        let record = &mut self.clients[client];
        let delay = (first << record.attempt).min(max);
        (record.connecting, record.upgrading) = (false, false);
        record.attempt += 1;
        record.epoch += 1;
        let epoch = record.epoch;
        self.at(self.now + after + delay, Event::Connect(client, epoch));
    }

    fn join(&mut self, client: usize) {
        let record = &mut self.clients[client];
        (record.connecting, record.upgrading, record.online, record.attempt) = (false, false, true, 0);
        let usable = self.now + record.one_way;
        self.tally.connect.record(Span::from_nanos(usable - record.started));
        self.tally.offline.record(Span::from_nanos(usable - record.lost_at));
        self.tally.add("connects", 1);
        self.connected.push(client);
    }

    fn count(&self, what: &str) -> usize {
        self.tally.counts.get(what).copied().unwrap_or(0) as usize
    }
}
