//! Handlers that wait for others: for the session store, and for the database.
//!
//! Where what is known of clients is not in the pod, a handler first asks for it, command by command or query by query. Then,
//! for an HTTP request, it looks into the caches of its pod. What they save is saved; then it does its work, all of it, and
//! sends its queries, one after the other. With the last result the answer leaves, and what the caches did not have is there
//! from now on. While a handler waits its event loop is free for others.

use crate::cluster::caches::Keys;
use crate::cluster::clients::{ClientId, Link};
use crate::cluster::database::PoolId;
use crate::cluster::draws::Owner;
use crate::cluster::flows::emit::Emission;
use crate::cluster::flows::poll::CONNECT_TIMEOUT;
use crate::cluster::flows::request::Call;
use crate::cluster::flows::retry::Errand;
use crate::cluster::flows::session::Welcome;
use crate::cluster::flows::session_store::Access;
use crate::cluster::pods::timed_out;
use crate::cluster::purpose::keys_stream;
use crate::cluster::spec::{DataUse, KeyOwner, Saves, TrafficAction};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::{FailReason, RecoveryMiss};

/// A request on its way whose handler asks caches and the database.
#[derive(Clone, Copy)]
pub struct DataCall {
    pub call: Call,
    pub owner: Owner,
    /// Work of its handler when no cache saves any.
    pub work: Span,
}

/// What a handler is there for.
#[derive(Clone, Copy)]
pub enum Task {
    /// An HTTP request with its work.
    Call(Call, Span),
    /// One that emits an event.
    CallThatEmits(Call, Span, Emission),
    /// One that asks caches and the database.
    CallWithData(DataCall),
    /// To let a client join, in this connect attempt; first it is looked for in a stream, if it asks to be recovered.
    Connect { epoch: u16, recovers: bool },
}

/// What a handler is at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Its own work.
    Work,
    /// Waiting for a connection.
    Queue,
    /// A query.
    Query,
    /// A command of its is on its way to Redis.
    ToStore,
    /// Its reply is on its way back; Redis had it in hand from the first time to the second one.
    FromStore(SimTime, SimTime),
    /// Its process is dead; an event is still under way to it.
    Dead,
}

/// A handler that waits, or will.
#[derive(Clone, Copy)]
pub struct Asking {
    pub client: ClientId,
    /// See [`crate::cluster::clients::Client::number`].
    pub number: u32,
    pub pod: PodId,
    pub process: u32,
    pub task: Task,
    /// When its request reached the balancer, or its packet the pod.
    pub arrived: SimTime,
    pub at: At,
    /// What it asks the store next, or is asking.
    pub access: Option<Access>,
    /// When it did.
    pub asked: SimTime,
    /// What came of it; whether the client is recovered, and entries of the stream to be read for that.
    pub welcome: Welcome,
    pub recovery: Result<u32, RecoveryMiss>,
    pub pool: Option<PoolId>,
    /// Queries sent for the request, and in all.
    pub sent: u8,
    queries: u8,
    /// It has begun its work.
    begun: bool,
    /// Its request is recorded as given up by the balancer. It goes on nevertheless.
    given_up: bool,
    /// What it wanted of caches; bit j: the j-th had it not.
    keys: Keys,
    missed: u8,
    /// What to tell the balancer at the end.
    end: Option<u32>,
}

impl Cluster<'_> {
    /// Such a request reaches the balancer.
    #[inline(never)]
    pub fn call_with_data(&mut self, call: DataCall, ctx: &mut Ctx<Event>) {
        let client = call.owner.client;
        match self.balance(client, call.call.sent, ctx.now()) {
            Ok(pod) => self.call_with_data_at(pod, call, ctx),
            Err(why) => self.unrouted(client, Errand::CallWithData(call), why, ctx),
        }
    }

    /// It reaches its pod.
    pub fn call_with_data_at(&mut self, pod: PodId, call: DataCall, ctx: &mut Ctx<Event>) {
        self.handle(call.owner.client, pod, Task::CallWithData(call), ctx);
    }

    /// A handler begins on a pod: by asking for what is known of the client, unless that is there.
    #[inline(never)]
    pub fn handle(&mut self, client: ClientId, pod: PodId, task: Task, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let target = &mut self.pods[pod];
        let process = target.process;
        let is_request = !matches!(task, Task::Connect { .. });
        if is_request {
            target.requests += 1;
            target.begin_open_end();
        }
        let access = match task {
            Task::Connect { recovers: true, .. } => Some(Access::Recover),
            _ if is_request && !self.requests_look_up() => None,
            _ if self.store_is_elsewhere() => Some(Access::LookUp),
            _ => {
                if is_request {
                    self.look_up(client, pod, now);
                }
                None
            }
        };
        let pool = self.database.as_mut().map(|database| database.pool_of(pod, process));
        let tells = self.path.last.wants_ends && is_request;
        let end = if tells { self.end_to_tell(client, pod, ctx) } else { None };
        if let Task::Connect { epoch, .. } = task {
            ctx.schedule_in(CONNECT_TIMEOUT, Event::ConnectDue(client, epoch));
        }
        let asking = Asking {
            client,
            number: self.clients[client].number,
            pod,
            process,
            task,
            arrived: now,
            at: At::Work,
            access,
            asked: now,
            welcome: Welcome::default(),
            recovery: Err(RecoveryMiss::StoreDown),
            pool,
            sent: 0,
            queries: 0,
            begun: false,
            given_up: false,
            keys: Keys::default(),
            missed: 0,
            end,
        };
        let slot = self.asking.insert(asking);
        self.next_step(slot, ctx);
    }

    /// The handler's work is done, the result of a query is there, or its command has reached Redis, or the reply the pod.
    pub fn handler_goes_on(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let Asking { pool, at, access, task, .. } = *self.asking.get_mut(slot);
        match at {
            At::Dead => {
                self.asking.take(slot);
            }
            At::ToStore => self.store_serves(slot, ctx),
            At::FromStore(taken, left) => self.store_replied(slot, taken, left, ctx),
            At::Query => {
                self.meter.counts.queries_done += 1;
                self.hand_back(pool, ctx);
                if let Some(access) = access {
                    self.row_found(slot, access, ctx);
                }
                self.next_step(slot, ctx);
            }
            At::Work => {
                let counts = &mut self.meter.counts;
                counts.requests_with_data += u64::from(matches!(task, Task::CallWithData(_)));
                self.next_step(slot, ctx);
            }
            At::Queue => self.next_step(slot, ctx),
        }
    }

    /// The next thing that a handler does.
    pub fn next_step(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let Asking { access, begun, sent, queries, .. } = *self.asking.get_mut(slot);
        if let Some(access) = access {
            self.access(slot, access, ctx);
        } else if !begun {
            self.begin_work(slot, ctx);
        } else if sent < queries {
            self.ask_for_connection(slot, ctx);
        } else {
            self.answer(slot, ctx);
        }
    }

    /// What is known of the client is there: the work begins.
    fn begin_work(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let &mut Asking { client, pod, process, task, arrived, mut welcome, end, .. } = self.asking.get_mut(slot);
        if let Task::Connect { epoch, .. } = task {
            self.asking.take(slot);
            if self.clients.wire(client).epoch == epoch {
                // one that was not recovered goes by what is in memory, where that is the store
                welcome.found |= !welcome.recovered && !self.store_is_elsewhere() && self.look_up(client, pod, now);
                self.join(client, epoch, welcome, ctx);
            }
            return;
        }
        if timed_out(arrived, now) {
            return self.fail(slot, FailReason::TimedOut, ctx);
        }
        let request = self.spec.pods.costs.request;
        let alive = self.pods[pod].process == process;
        let work = match task {
            Task::Call(_, work) => work,
            Task::CallWithData(call) => self.look_into_caches(slot, call, now),
            Task::CallThatEmits(call, work, emission) if alive => {
                self.asking.take(slot);
                self.pods[pod].open_end_done();
                let done = self.emit_for_call(client, pod, (call, arrived), work, emission, ctx);
                if self.path.last.wants_ends {
                    self.tell_end_at(pod, end, done, ctx);
                }
                return;
            }
            // its process has ended in order: it answers, and nobody hears what it emits
            Task::CallThatEmits(_, work, emission) => {
                self.emission_failed(emission.recipients);
                work
            }
            Task::Connect { .. } => return,
        };
        let done = if alive { self.pods[pod].book(now, request + work).done } else { now + request + work };
        let asking = self.asking.get_mut(slot);
        (asking.begun, asking.at) = (true, At::Work);
        ctx.schedule(done, Event::HandlerGoesOn(slot));
    }

    /// A handler looks into the caches of its pod: what work is left for it.
    fn look_into_caches(&mut self, slot: u32, DataCall { owner, work, .. }: DataCall, now: SimTime) -> Span {
        let spec = self.spec;
        let TrafficAction::ApiWithData { data, .. } = &spec.traffic[usize::from(owner.item)].action else {
            return work;
        };
        let (pod, number) = (self.asking.get_mut(slot).pod, self.asking.get_mut(slot).number);
        let keys = self.keys(owner, number, data);
        let hits = self.caches.look_up(pod, owner.item, &keys[..data.caches.len()], now);
        let (mut queries, mut work, mut missed) = (data.queries, work, 0);
        for (j, cache) in data.caches.iter().enumerate() {
            match cache.saves {
                _ if hits >> j & 1 == 0 => missed |= 1 << j,
                Saves::Queries(saved) => queries = queries.saturating_sub(saved),
                Saves::Work(saved) => work = work.saturating_sub(saved),
            }
        }
        let counts = &mut self.meter.counts;
        counts.cache_lookups += data.caches.len() as u64;
        counts.cache_hits += u64::from(hits.count_ones());
        let asking = self.asking.get_mut(slot);
        (asking.queries, asking.keys, asking.missed) = (queries, keys, missed);
        work
    }

    /// What a request wants of the caches of its entry: the owner in the upper half, the item in the lower one.
    fn keys(&self, owner: Owner, number: u32, data: &DataUse) -> Keys {
        const ROOM: u64 = 1 << 63;
        let mut keys = Keys::default();
        let mut stream = keys_stream(self.seed, owner.item, number, owner.n);
        for (key, cache) in keys.iter_mut().zip(&data.caches) {
            let own = u64::from(number) << 31;
            let whose = match cache.owner {
                KeyOwner::Everybody => 0,
                KeyOwner::Client => own,
                KeyOwner::Room => self.room_of(owner.client).map_or(own, |room| ROOM | u64::from(room.raw()) << 31),
            };
            *key = whose | cache.items.as_ref().map_or(0, |items| items.draw(&mut stream) as u64);
        }
        keys
    }

    /// The answer leaves, and what caches did not have is there from now on.
    fn answer(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let asking = self.asking.take(slot);
        let call = match asking.task {
            Task::Call(call, _) => call,
            Task::CallWithData(DataCall { call, owner, .. }) => {
                if self.pods[asking.pod].process == asking.process {
                    for j in (0..8).filter(|j| asking.missed >> j & 1 == 1) {
                        self.caches.fill(asking.pod, owner.item, j, asking.keys[j], now);
                    }
                }
                call
            }
            Task::CallThatEmits(call, ..) => call,
            Task::Connect { .. } => return,
        };
        if !asking.given_up {
            self.record(&call.job(asking.arrived, now));
        }
        self.over(&asking, ctx);
    }

    /// The pod answers with an error; a client is let in without what was known of it.
    pub fn fail(&mut self, slot: u32, reason: FailReason, ctx: &mut Ctx<Event>) {
        let asking = self.asking.take(slot);
        if let Task::Connect { epoch, .. } = asking.task {
            if asking.access == Some(Access::LookUp) {
                self.store_is_down(&asking, ctx.now());
            }
            return self.join(asking.client, epoch, asking.welcome, ctx);
        }
        self.failed(&asking, reason, ctx.now());
        self.over(&asking, ctx);
    }

    /// A request failed, or was given up before.
    fn failed(&mut self, asking: &Asking, reason: FailReason, now: SimTime) {
        if !asking.given_up {
            let late = timed_out(asking.arrived, now);
            self.meter.counts.requests_failed.add(if late { FailReason::TimedOut } else { reason });
        }
        if let Task::CallThatEmits(_, _, emission) = asking.task {
            self.emission_failed(emission.recipients);
        }
    }

    /// A request is over for its pod and the balancer.
    fn over(&mut self, asking: &Asking, ctx: &mut Ctx<Event>) {
        let target = &mut self.pods[asking.pod];
        if target.process == asking.process {
            target.open_end_done();
        }
        if self.path.last.wants_ends {
            self.tell_end_at(asking.pod, asking.end, ctx.now(), ctx);
        }
    }

    /// A process ends, with its caches. `in_order`: it answers the requests it has, and closes its connections as they come
    /// back. Otherwise those requests fail and its connections are closed; the database executes what it has begun.
    pub fn end_data(&mut self, pod: PodId, in_order: bool, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let process = self.pods[pod].process;
        self.caches.clear(pod);
        if let Some(database) = &mut self.database {
            database.end_process(pod, process, in_order, now);
        }
        if in_order {
            return;
        }
        let is_lost = |asking: &Asking| asking.pod == pod && asking.process == process && asking.at != At::Dead;
        for slot in self.asking.find(is_lost) {
            let asking = *self.asking.get_mut(slot);
            self.meter.counts.queries_lost += u64::from(matches!(asking.at, At::Queue | At::Query));
            if asking.at == At::Queue {
                self.asking.take(slot); // no event is under way to it
            } else {
                self.asking.get_mut(slot).at = At::Dead;
            }
            // connect attempts are ended by their clients
            if asking.access == Some(Access::Recover) {
                self.meter.counts.recoveries_missed.add(RecoveryMiss::PodCrash);
            }
            if !matches!(asking.task, Task::Connect { .. }) {
                self.failed(&asking, FailReason::PodDied, now);
                if self.path.last.wants_ends {
                    self.tell_end_at(pod, asking.end, now, ctx);
                }
            }
        }
    }

    /// A client has waited for too long to be let in, in this connect attempt (`connectTimeout`).
    pub fn connect_due(&mut self, client: ClientId, epoch: u16, ctx: &mut Ctx<Event>) {
        if self.clients.wire(client).epoch == epoch && self.clients[client].link == Link::Connecting {
            self.attempt_failed(client, FailReason::TimedOut, self.clients[client].one_way(), ctx);
        }
    }

    /// Clients whose request to be recovered is not answered yet, nor given up.
    pub fn recoveries_in_flight(&self) -> u64 {
        let asks = |asking: &&Asking| asking.access == Some(Access::Recover) && asking.at != At::Dead;
        self.asking.iter().filter(asks).count() as u64
    }

    /// Records the requests that the balancer has given up by `now` while their handlers wait.
    pub fn give_up_handled(&mut self, now: SimTime) {
        let waits = |asking: &&mut Asking| asking.at != At::Dead && !matches!(asking.task, Task::Connect { .. });
        for asking in self.asking.iter_mut().filter(waits).filter(|asking| !asking.given_up) {
            asking.given_up = timed_out(asking.arrived, now);
            self.meter.counts.requests_failed.add_many(FailReason::TimedOut, u64::from(asking.given_up));
        }
    }

    /// The end of the run, when all is recorded that is given up by now: what is not answered is in flight.
    pub fn finish_data(&mut self) {
        for asking in self.asking.iter().filter(|asking| asking.at != At::Dead) {
            self.meter.counts.queries_in_flight += u64::from(matches!(asking.at, At::Queue | At::Query));
            let is_open = !asking.given_up && !matches!(asking.task, Task::Connect { .. });
            self.meter.counts.requests_in_flight += u64::from(is_open);
        }
    }
}
