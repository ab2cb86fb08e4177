//! What is known of a client when it comes, and what it has missed: session stores, lists of pending events, connection
//! state recovery.

use std::rc::Rc;

use crate::cluster::clients::ClientId;
use crate::cluster::flows::handler::{Asking, Task};
use crate::cluster::flows::outage::Sending;
use crate::cluster::redis::{Commands, EventKind, Store};
use crate::cluster::rooms::{Offline, Recipients, Who};
use crate::cluster::sessions::{State, Stored};
use crate::cluster::spec::{SessionSpec, SessionStore};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};
use crate::metrics::{CloseReason, LossReason, RecoveryMiss, SessionLoss};

/// How a client is met when its connection opens.
#[derive(Clone, Copy, Default)]
pub struct Welcome {
    /// Its connection is recovered.
    pub recovered: bool,
    /// What was known of it is found.
    pub found: bool,
}

impl Cluster<'_> {
    /// The CONNECT packet of a client reaches its pod, which looks for what is known of it before it lets it join.
    pub fn connect_packet(&mut self, client: ClientId, epoch: u16, ctx: &mut Ctx<Event>) {
        if self.clients.wire(client).epoch != epoch {
            return;
        }
        let (pod, now) = (self.clients.wire(client).pod, ctx.now());
        let asks = self.asks_to_be_recovered(client);
        let by_stream = self.spec.redis.law.adapter.reads_streams();
        // whoever is recovered passes by what is done for others (`skipMiddlewares`)
        let recovered = asks && !by_stream && self.recover_here(client, pod, now);
        if !recovered && (asks && by_stream || self.store_is_elsewhere()) {
            return self.handle(client, pod, Task::Connect { epoch, recovers: asks && by_stream }, ctx);
        }
        let found = !recovered && self.look_up(client, pod, now);
        self.join(client, epoch, Welcome { recovered, found }, ctx);
    }

    /// Whether what is known of clients is in no pod.
    pub fn store_is_elsewhere(&self) -> bool {
        self.spec.sessions.is_some_and(|spec| spec.store != SessionStore::Memory)
    }

    /// Whether HTTP requests look for what is known of their client.
    #[inline]
    pub const fn requests_look_up(&self) -> bool {
        self.sessions.on_requests()
    }

    /// Whether a client that connects asks to be recovered: it must know up to where it has got events.
    fn asks_to_be_recovered(&mut self, client: ClientId) -> bool {
        if self.spec.recovery.is_none() || !self.sessions.absence(client).asks {
            return false;
        }
        self.meter.counts.recoveries_asked += 1;
        if !self.sessions.has_offset(client) {
            self.count_recovery(Some(RecoveryMiss::NoEvent));
            return false;
        }
        true
    }

    /// A process looks in its memory for the session of a client that asks to be recovered, and takes it away.
    fn recover_here(&mut self, client: ClientId, pod: PodId, now: SimTime) -> bool {
        let found = self.sessions.recover(client, (pod, self.pods[pod].process), now);
        self.count_recovery(found.err());
        if found.is_ok() {
            self.sessions.absence(client).stored = Stored::NotYet;
        }
        found.is_ok()
    }

    /// A client is recovered, or it is not for this reason.
    pub fn count_recovery(&mut self, missed: Option<RecoveryMiss>) {
        let counts = &mut self.meter.counts;
        match missed {
            None => counts.recoveries += 1,
            Some(reason) => counts.recoveries_missed.add(reason),
        }
    }

    /// A pod looks for what is known of a client, and remembers it from now on: whether it was found.
    pub fn look_up(&mut self, client: ClientId, pod: PodId, now: SimTime) -> bool {
        if self.spec.sessions.is_none() {
            return false;
        }
        let process = self.pods[pod].process;
        let state = self.sessions.state(client, (pod, process), now);
        let counts = &mut self.meter.counts;
        counts.session_lookups += 1;
        match state {
            State::New => counts.session_new += 1,
            State::There => counts.session_found += 1,
            State::Lost(SessionLoss::Elsewhere) => {
                let (had, by) = self.sessions.seen_by(client);
                let lives = self.pods[had].process == by && self.pods[had].life.serves();
                counts.session_lost.add(if lives { SessionLoss::Elsewhere } else { SessionLoss::PodGone });
            }
            State::Lost(reason) => counts.session_lost.add(reason),
        }
        self.sessions.used(client, (pod, process), now);
        state == State::There
    }

    /// The store cannot be reached: a pod goes on without what is known of a client.
    pub fn store_is_down(&mut self, asking: &Asking, now: SimTime) {
        if !self.is_still_there(asking) {
            return;
        }
        let client = asking.client;
        let counts = &mut self.meter.counts;
        counts.session_lookups += 1;
        if self.sessions.state(client, self.sessions.seen_by(client), now) == State::New {
            counts.session_new += 1;
        } else {
            counts.session_lost.add(SessionLoss::StoreDown);
        }
    }

    /// A client that is connected when the run begins is known.
    pub fn known_at_start(&mut self, client: ClientId, pod: PodId, now: SimTime) {
        self.sessions.used(client, (pod, self.pods[pod].process), now);
        self.sessions.new_page(client);
    }

    /// Whether a command of a pod that nobody waits for is sent sooner or later.
    pub fn is_sent(&mut self, pod: PodId, now: SimTime) -> bool {
        !matches!(self.sending(pod, now, now), Sending::GivenUp(_))
    }

    /// A client loses a connection, and misses what comes from now on.
    pub fn absence_begins(&mut self, client: ClientId, connection: u32, reason: CloseReason) {
        if self.sessions.follow() {
            let asks = !matches!(reason, CloseReason::SessionEnd | CloseReason::Refresh);
            self.sessions.absent(client, connection, asks, self.rooms.missed(client), self.rooms.last(client));
            if matches!(reason, CloseReason::PodCrash | CloseReason::PodKilled | CloseReason::NodeLost) {
                self.sessions.absence(client).stored = Stored::Crashed;
            }
        }
    }

    /// A pod knows that a connection is dead, and does what it does then: the session is stored, what is known of the client
    /// starts to age anew, events are kept for it.
    pub fn absence_noticed(&mut self, client: ClientId, connection: u32, pod: PodId, now: SimTime) {
        self.store_session(client, connection, pod, now);
        let Some(SessionSpec { store, pending, .. }) = self.spec.sessions else { return };
        let process = self.pods[pod].process;
        let reached = store != SessionStore::Redis || self.is_sent(pod, now);
        if !reached || self.sessions.state(client, (pod, process), now) != State::There {
            return;
        }
        if store == SessionStore::Redis {
            self.ask_store(pod, |store| &store.renew, now);
        }
        self.sessions.used(client, (pod, process), now);
        if pending.is_some() && self.sessions.is_absent(client, connection, self.clients[client].link) {
            self.sessions.keep_for(client, self.rooms.missed(client));
            self.rooms.wait(client, true);
        }
    }

    /// The session of a lost connection is stored where it can be recovered from.
    fn store_session(&mut self, client: ClientId, connection: u32, pod: PodId, now: SimTime) {
        if self.spec.recovery.is_none() {
            return;
        }
        let by_stream = self.spec.redis.law.adapter.reads_streams();
        let reached = !by_stream || self.is_sent(pod, now);
        if by_stream && reached {
            let upkeep = Rc::clone(&self.redis.upkeep);
            self.send(pod, &upkeep.session_lost, 1, now);
        }
        if self.sessions.is_absent(client, connection, self.clients[client].link) {
            let process = self.pods[pod].process;
            let stored = if reached { Stored::At(now, pod, process) } else { Stored::NoRedis };
            self.sessions.absence(client).stored = stored;
        }
    }

    /// Commands of a pod go to the store in Redis without anybody waiting for them.
    pub fn ask_store(&mut self, pod: PodId, which: fn(&Store) -> &Commands, now: SimTime) {
        if let Some(store) = self.redis.store.clone() {
            self.send(pod, which(&store), 1, now);
        }
    }

    /// A client is there again.
    pub fn welcome(&mut self, client: ClientId, pod: PodId, welcome: Welcome, now: SimTime) {
        if !self.sessions.follow() {
            return;
        }
        self.no_longer_waits(client);
        let rooms = self.rooms.missed(client);
        let absence = self.sessions.end_absence(client);
        let (missed, kept) = absence.missed(rooms);
        let mut events = 0;
        if welcome.recovered {
            events = missed;
        } else {
            self.sessions.begin(client, absence);
            let limit = self.spec.sessions.and_then(|spec| spec.pending).filter(|_| welcome.found);
            if let Some(limit) = limit.filter(|_| self.is_sent(pod, now))
                && let Some(store) = &self.redis.store
            {
                events = kept.min(limit);
                self.meter.counts.pending_dropped += u64::from(kept - events);
                let commands = store.take(events, self.sessions.pending_bytes(events));
                self.send(pod, &commands, 1, now);
            }
        }
        // who was on the way between two pods may have been counted there, and nowhere as lost
        let counts = &mut self.meter.counts;
        let events = u64::from(events).min(counts.lost.of(LossReason::RecipientOffline) - counts.recovered);
        counts.recovered += events;
        let target = &mut self.pods[pod];
        target.sends += events;
        if events > 0 {
            target.book_slowed(now, target.send() * events);
        }
    }

    /// No more events are kept for a client: it is back, or gone for good.
    pub fn no_longer_waits(&mut self, client: ClientId) {
        if self.sessions.keep_pending() && self.sessions.absence(client).waits {
            self.rooms.wait(client, false);
        }
    }

    /// An event goes out that clients could ask for again later.
    #[inline(never)]
    pub fn number_event(&mut self, recipients: Recipients, bytes: u64, now: SimTime) {
        let number = self.sessions.number_event(self.only(recipients), bytes, now);
        if let Some(offline) = self.rooms.offline(recipients) {
            offline.last.add((number, now), recipients.but().map(|who| who.client));
        }
    }

    /// So many recipients of an event are offline: they miss it, unless it is kept for them somewhere.
    #[inline]
    pub fn missed(&mut self, recipients: Recipients, kind: EventKind, many: u32, from: (PodId, u32), now: SimTime) {
        self.lose(LossReason::RecipientOffline, many);
        if many > 0 && self.sessions.follow() {
            self.note_missed(recipients, kind, from, now);
        }
    }

    #[inline(never)]
    fn note_missed(&mut self, recipients: Recipients, kind: EventKind, from: (PodId, u32), now: SimTime) {
        let one = self.only(recipients);
        let waiting = match one {
            Some(client) => u32::from(self.sessions.absence(client).waits),
            None => self.rooms.offline(recipients).map_or(0, |offline| offline.waiting),
        };
        let (from, process) = from;
        let alive = self.pods[from].process == process;
        let kept = waiting > 0 && alive && self.is_sent(from, now) && self.push(kind, waiting, from, now);
        if let Some(Offline { missed, .. }) = self.rooms.offline(recipients) {
            missed.events = missed.events.wrapping_add(1);
            missed.kept = missed.kept.wrapping_add(u32::from(kept));
        }
        if let Some(client) = one {
            self.sessions.miss_alone(client, kept);
        }
    }

    /// The only recipient that is meant, if it is one client, and still there.
    fn only(&self, recipients: Recipients) -> Option<ClientId> {
        match recipients {
            Recipients::One(client, number) if self.clients[client].number == number => Some(client),
            _ => None,
        }
    }

    /// A pod puts an event into so many lists.
    fn push(&mut self, kind: EventKind, lists: u32, from: PodId, now: SimTime) -> bool {
        let Some(store) = &self.redis.store else { return false };
        let bytes = self.redis.courses.bytes(kind);
        let commands = store.push(bytes, u64::from(lists));
        self.send(from, &commands, 1, now);
        self.pods[from].book(now, self.spec.pods.costs.publish * u64::from(lists));
        self.meter.counts.pending_kept += u64::from(lists);
        self.sessions.note_pending(bytes, lists);
        true
    }

    /// Events that were on their way to a connection when that ended are missed by its client.
    pub fn missed_on_the_way(&mut self, who: Who, events: usize) {
        self.meter.counts.lost.add_many(LossReason::RecipientOffline, events as u64);
        self.sessions.miss_on_the_way(who, events as u32, self.clients[who.client].link);
    }
}
