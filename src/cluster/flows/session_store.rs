//! Handlers ask a store for what is known of a client: Redis, or the database.

use crate::cluster::flows::handler::{Asking, At, Task};
use crate::cluster::flows::outage::Sending;
use crate::cluster::flows::poll::CONNECT_TIMEOUT;
use crate::cluster::redis::{Commands, Store};
use crate::cluster::spec::{SessionSpec, SessionStore};
use crate::cluster::{Cluster, Event};
use crate::engine::{Ctx, SimTime};
use crate::metrics::{FailReason, RecoveryMiss};

/// What a handler asks a store for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The session of a client that asks to be recovered, and whether the stream still has the last event that it got.
    Recover,
    /// What came after that, read until there is nothing more: so many reads.
    Read(u8),
    /// What is known of the client.
    LookUp,
    /// That it was used, or has been made anew.
    Keep {
        /// It was there.
        found: bool,
    },
}

impl Cluster<'_> {
    /// A handler asks its store.
    pub fn access(&mut self, slot: u32, access: Access, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let in_stream = matches!(access, Access::Recover | Access::Read(_));
        let store = self.spec.sessions.map(|SessionSpec { store, .. }| store);
        let asking = self.asking.get_mut(slot);
        asking.asked = now;
        let (pod, process) = (asking.pod, asking.process);
        if !in_stream && store == Some(SessionStore::Database) {
            return self.ask_for_connection(slot, ctx);
        }
        asking.at = At::ToStore;
        let alive = self.pods[pod].process == process;
        let leaves = if alive { self.pods[pod].book(now, self.spec.pods.costs.publish).done } else { now };
        ctx.schedule(leaves + self.redis.hop(), Event::HandlerGoesOn(slot));
    }

    /// The command reaches Redis, unless the library keeps it back or gives it up.
    pub fn store_serves(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let &mut Asking { client, pod, access, arrived, asked, task, entries, .. } = self.asking.get_mut(slot);
        let gives_up = if matches!(task, Task::Connect { .. }) { arrived + CONNECT_TIMEOUT } else { SimTime::NEVER };
        match self.sending(pod, asked, now) {
            Sending::Now => {}
            Sending::At(back) if now < gives_up => {
                return ctx.schedule((back + self.redis.hop()).min(gives_up), Event::HandlerGoesOn(slot));
            }
            Sending::GivenUp(at) if at > now && now < gives_up => {
                return ctx.schedule(at.min(gives_up), Event::HandlerGoesOn(slot));
            }
            Sending::At(_) | Sending::GivenUp(_) => return self.store_fails(slot, ctx),
        }
        let mut next = None;
        let commands = match access {
            Some(Access::Recover) => match self.recover(client, pod, now) {
                Some(after) => {
                    let asking = self.asking.get_mut(slot);
                    (asking.welcome.recovered, asking.entries) = (true, after);
                    let reads = if after > 0 { 2 } else { 1 };
                    next = Some(Access::Read(reads));
                    let upkeep = &self.redis.upkeep;
                    let all = if after > 0 { &upkeep.session_replayed } else { &upkeep.session_found };
                    all.count(1, &mut self.meter.counts);
                    // the reads come one by one
                    all.total() - u64::from(reads)
                }
                None => {
                    next = self.store_is_elsewhere().then_some(Access::LookUp);
                    self.redis.upkeep.session_not_found.count(1, &mut self.meter.counts);
                    self.redis.upkeep.session_not_found.total()
                }
            },
            Some(Access::Read(reads)) => {
                next = (reads > 1).then(|| Access::Read(reads - 1));
                1
            }
            Some(Access::LookUp) => {
                let found = self.look_up(client, pod, now);
                self.asking.get_mut(slot).welcome.found = found;
                next = Some(Access::Keep { found });
                self.ask_store_of(|store| if found { &store.found } else { &store.missing })
            }
            Some(Access::Keep { found }) => self.ask_store_of(|store| if found { &store.renew } else { &store.make }),
            None => 0,
        };
        let read = if let Some(Access::Read(2..)) = access { entries } else { 0 };
        // the bytes of one are among those of the command
        self.meter.counts.redis_bytes_out += self.sessions.event_bytes(read.saturating_sub(1));
        let left = self.redis.answer(now, pod, commands, read);
        let asking = self.asking.get_mut(slot);
        (asking.access, asking.at) = (next, At::FromStore(now, left));
        ctx.schedule(left + self.redis.hop(), Event::HandlerGoesOn(slot));
    }

    /// The reply is at the pod. What was to be known of a client that connects is known then; that it was asked for is noted
    /// by another command, for which nobody waits.
    pub fn store_replied(&mut self, slot: u32, taken: SimTime, left: SimTime, ctx: &mut Ctx<Event>) {
        if self.redis.went_down_in(taken, left) {
            // whether a command was executed is not known to who sent it; the library reports an error
            self.asking.get_mut(slot).access = None;
            self.asking.get_mut(slot).at = At::Work;
            return self.next_step(slot, ctx);
        }
        let asking = self.asking.get_mut(slot);
        asking.at = At::Work;
        if let Some(Access::Keep { found }) = asking.access {
            self.meter.latencies.session_lookup.record(ctx.now() - asking.asked);
            if matches!(asking.task, Task::Connect { .. }) {
                let pod = asking.pod;
                asking.access = None;
                if self.has_connection(pod, ctx.now()) {
                    self.ask_store(pod, if found { |store| &store.renew } else { |store| &store.make }, ctx.now());
                }
            }
        }
        self.next_step(slot, ctx);
    }

    /// The command is given up: the handler goes on without what is known of the client.
    fn store_fails(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let asking = self.asking.get_mut(slot);
        let (client, task, access) = (asking.client, asking.task, asking.access.take());
        asking.at = At::Work;
        match access {
            Some(Access::Recover) => {
                self.meter.counts.recoveries_missed.add(RecoveryMiss::StoreDown);
                if self.store_is_elsewhere() {
                    self.store_is_down(client, now);
                }
            }
            Some(Access::LookUp) => self.store_is_down(client, now),
            Some(Access::Read(_) | Access::Keep { .. }) | None => {}
        }
        if let Task::Connect { epoch, .. } = task
            && self.asking.get_mut(slot).arrived + CONNECT_TIMEOUT <= now
        {
            self.asking.take(slot);
            if self.clients.wire(client).epoch == epoch {
                self.attempt_failed(client, FailReason::TimedOut, self.clients[client].one_way(), ctx);
            }
            return;
        }
        self.next_step(slot, ctx);
    }

    /// The database has answered a query about what is known of a client.
    pub fn row_found(&mut self, slot: u32, access: Access, ctx: &Ctx<Event>) {
        let now = ctx.now();
        let &mut Asking { client, pod, asked, .. } = self.asking.get_mut(slot);
        let next = (access == Access::LookUp).then(|| {
            self.meter.latencies.session_lookup.record(now - asked);
            Access::Keep { found: self.look_up(client, pod, now) }
        });
        let asking = self.asking.get_mut(slot);
        if let Some(Access::Keep { found }) = next {
            asking.welcome.found = found;
        }
        asking.access = next;
    }

    /// Commands of a handler to the store in Redis: how many.
    fn ask_store_of(&mut self, which: impl Fn(&Store) -> &Commands) -> u64 {
        let Some(store) = &self.redis.store else { return 0 };
        let commands = which(store);
        commands.count(1, &mut self.meter.counts);
        commands.total()
    }
}
