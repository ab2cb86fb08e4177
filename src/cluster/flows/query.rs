//! HTTP requests whose handlers ask caches and the database.
//!
//! On arrival the handler looks into the caches of its pod. What they save is saved; then it does its work, all of it, and
//! sends its queries, one after the other, while its event loop is free for others. With the last result the answer leaves,
//! and what the caches did not have is there from now on. Each query takes a connection of its process's pool for as long
//! as it lasts, and waits for one in order of arrival.

use crate::cluster::caches::Keys;
use crate::cluster::database::{Asked, PoolId};
use crate::cluster::draws::Owner;
use crate::cluster::flows::fan_out::timed_out;
use crate::cluster::flows::request::Call;
use crate::cluster::flows::retry::Errand;
use crate::cluster::purpose::{keys_stream, query_stream};
use crate::cluster::spec::{DataUse, KeyOwner, Saves, TrafficAction};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::FailReason;

/// Such a request on its way.
#[derive(Clone, Copy)]
pub struct DataCall {
    pub call: Call,
    pub owner: Owner,
    /// Work of its handler when no cache saves any.
    pub work: Span,
}

/// What a handler is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Its own work.
    Work,
    /// Waiting for a connection.
    Queue,
    /// A query.
    Query,
    /// Its process is dead; an event is still under way to it.
    Dead,
}

/// A request at a pod until its answer leaves.
pub struct Asking {
    owner: Owner,
    /// See [`crate::cluster::clients::Client::number`].
    number: u32,
    pod: PodId,
    process: u32,
    call: Call,
    /// When it reached the balancer.
    arrived: SimTime,
    pool: Option<PoolId>,
    at: At,
    /// Queries sent, and in all.
    sent: u8,
    queries: u8,
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
    pub fn call_with_data_at(&mut self, pod: PodId, DataCall { call, owner, work }: DataCall, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let spec = self.spec;
        let TrafficAction::ApiWithData { data, .. } = &spec.traffic[usize::from(owner.item)].action else { return };
        let number = self.clients[owner.client].number;
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
        counts.requests_with_data += 1;
        counts.cache_lookups += data.caches.len() as u64;
        counts.cache_hits += u64::from(hits.count_ones());
        let target = &mut self.pods[pod];
        target.requests += 1;
        target.begin_open_end();
        let booking = target.book(now, spec.pods.costs.request + work);
        let process = target.process;
        let pool = self.database.as_mut().map(|database| database.pool_of(pod, process));
        let end = if self.path.last.wants_ends { self.end_to_tell(owner.client, pod, ctx) } else { None };
        let asking = Asking {
            owner,
            number,
            pod,
            process,
            call,
            arrived: now,
            pool,
            at: At::Work,
            sent: 0,
            queries,
            keys,
            missed,
            end,
        };
        let slot = self.asking.insert(asking);
        ctx.schedule(booking.done, Event::HandlerGoesOn(slot));
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

    /// The handler's work is done, or the result of a query is there.
    pub fn handler_goes_on(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let Asking { pool, at, sent, queries, .. } = *self.asking.get_mut(slot);
        match at {
            At::Dead => {
                self.asking.take(slot);
                return;
            }
            At::Query => {
                self.meter.counts.queries_done += 1;
                self.hand_back(pool, ctx);
            }
            At::Work | At::Queue => {}
        }
        if sent < queries { self.ask_for_connection(slot, ctx) } else { self.answer(slot, ctx) }
    }

    /// The next query wants a connection.
    fn ask_for_connection(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let asking = self.asking.get_mut(slot);
        let (Some(database), Some(pool)) = (&mut self.database, asking.pool) else { return };
        asking.sent += 1;
        self.meter.counts.queries += 1;
        match database.ask(pool, slot, ctx.now()) {
            Asked::Granted => {
                self.meter.latencies.pool_wait.record(Span::ZERO);
                self.send_query(slot, ctx);
            }
            Asked::Waits(no_clock) => {
                asking.at = At::Queue;
                if no_clock {
                    self.set_clock(pool, ctx);
                }
            }
            Asked::Refused => {
                self.meter.counts.queries_refused += 1;
                self.fail(slot, FailReason::TooManyClients, ctx);
            }
        }
    }

    /// It has one: the query leaves the pod.
    fn send_query(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let asking = self.asking.get_mut(slot);
        let Some(database) = &mut self.database else { return };
        asking.at = At::Query;
        let Owner { item, n, .. } = asking.owner;
        let mut stream = query_stream(self.seed, item, asking.sent - 1, asking.number, n);
        let time = database.spec().query.span(&mut stream);
        let done = database.execute(time, ctx.now());
        self.meter.latencies.query.record(done - ctx.now());
        ctx.schedule(done, Event::HandlerGoesOn(slot));
    }

    /// A query is over: the first that waits for its connection gets it.
    fn hand_back(&mut self, pool: Option<PoolId>, ctx: &mut Ctx<Event>) {
        let (Some(database), Some(pool)) = (&mut self.database, pool) else { return };
        if let Some((next, waited)) = database.hand_back(pool, ctx.now()) {
            self.meter.latencies.pool_wait.record(waited);
            self.send_query(next, ctx);
        }
    }

    fn set_clock(&mut self, pool: PoolId, ctx: &mut Ctx<Event>) {
        if let Some(deadline) = self.database.as_mut().and_then(|database| database.next_deadline(pool)) {
            ctx.schedule(deadline, Event::PoolTimeout(pool));
        }
    }

    /// Whoever has waited too long for a connection of this pool fails.
    pub fn pool_timeout(&mut self, pool: PoolId, ctx: &mut Ctx<Event>) {
        while let Some(late) = self.database.as_mut().and_then(|database| database.next_too_late(pool, ctx.now())) {
            self.meter.counts.queries_timed_out += 1;
            self.fail(late, FailReason::PoolTimeout, ctx);
        }
        self.set_clock(pool, ctx);
    }

    /// The answer leaves, and what caches did not have is there from now on.
    fn answer(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let asking = self.asking.take(slot);
        if self.pods[asking.pod].process == asking.process {
            for j in (0..8).filter(|j| asking.missed >> j & 1 == 1) {
                self.caches.fill(asking.pod, asking.owner.item, j, asking.keys[j], now);
            }
        }
        self.record(&asking.call.job_done(asking.arrived, now));
        self.over(&asking, ctx);
    }

    /// The pod answers with an error.
    fn fail(&mut self, slot: u32, reason: FailReason, ctx: &mut Ctx<Event>) {
        let asking = self.asking.take(slot);
        let late = timed_out(asking.arrived, ctx.now());
        self.meter.counts.requests_failed.add(if late { FailReason::TimedOut } else { reason });
        self.over(&asking, ctx);
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
            let asking = self.asking.get_mut(slot);
            let (at, arrived, end) = (asking.at, asking.arrived, asking.end);
            asking.at = At::Dead;
            if at == At::Queue {
                self.asking.take(slot); // no event is under way to it
            }
            let reason = if timed_out(arrived, now) { FailReason::TimedOut } else { FailReason::PodDied };
            self.meter.counts.requests_failed.add(reason);
            self.meter.counts.queries_lost += u64::from(at != At::Work);
            if self.path.last.wants_ends {
                self.tell_end_at(pod, end, now, ctx);
            }
        }
    }

    /// The end of the run: what is not answered by now is in flight.
    pub fn finish_data(&mut self, horizon: SimTime) {
        for asking in self.asking.iter().filter(|asking| asking.at != At::Dead) {
            if timed_out(asking.arrived, horizon) {
                self.meter.counts.requests_failed.add(FailReason::TimedOut);
            } else {
                self.meter.counts.requests_in_flight += 1;
            }
            self.meter.counts.queries_in_flight += u64::from(asking.at != At::Work);
        }
    }
}
