//! Handlers ask a store for what is known of a client: Redis, or the database.

use crate::cluster::flows::handler::{Asking, At, Task};
use crate::cluster::flows::outage::Sending;
use crate::cluster::redis::{Commands, Store};
use crate::cluster::sessions::{State, Stored};
use crate::cluster::spec::{SessionSpec, SessionStore};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};
use crate::metrics::RecoveryMiss;

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
        let asking = *self.asking.get_mut(slot);
        let Asking { client, pod, process, access, asked, recovery, .. } = asking;
        match self.sending(pod, asked, now) {
            Sending::Now => {}
            Sending::At(back) => return ctx.schedule(back + self.redis.hop(), Event::HandlerGoesOn(slot)),
            Sending::GivenUp(at) if at > now => return ctx.schedule(at, Event::HandlerGoesOn(slot)),
            Sending::GivenUp(_) => return self.store_fails(slot, ctx),
        }
        let is_there = self.is_still_there(&asking);
        let mut read = 0;
        let commands = match access {
            Some(Access::Recover) => {
                let found = self.sessions.recover(client, (pod, process), now);
                let found = found.and_then(|entries| is_there.then_some(entries).ok_or(RecoveryMiss::NotStored));
                self.asking.get_mut(slot).recovery = found;
                let upkeep = &self.redis.upkeep;
                let (all, reads) = match found {
                    Ok(0) => (&upkeep.session_found, 1),
                    Ok(_) => (&upkeep.session_replayed, 2),
                    Err(_) => (&upkeep.session_not_found, 0),
                };
                all.count(1, &mut self.meter.counts);
                if found.is_ok() {
                    self.sessions.absence(client).stored = Stored::NotYet; // GET and DEL
                }
                // what it takes to read on comes command by command
                all.total() - reads
            }
            Some(Access::Read(reads)) => {
                read = if reads > 1 { recovery.unwrap_or(0) } else { 0 };
                1
            }
            Some(Access::LookUp) => {
                let found = self.sessions.state(client, (pod, process), now) == State::There;
                self.ask_store_of(|store| if found { &store.found } else { &store.missing })
            }
            Some(Access::Keep { found }) => self.ask_store_of(|store| if found { &store.renew } else { &store.make }),
            None => 0,
        };
        // the bytes of one are among those of the command
        self.meter.counts.redis_bytes_out += self.sessions.event_bytes(read.saturating_sub(1));
        let left = self.redis.answer(now, pod, commands, read);
        self.asking.get_mut(slot).at = At::FromStore(now, left);
        ctx.schedule(left + self.redis.hop(), Event::HandlerGoesOn(slot));
    }

    /// The reply is at the pod, unless Redis died with it in hand.
    pub fn store_replied(&mut self, slot: u32, taken: SimTime, left: SimTime, ctx: &mut Ctx<Event>) {
        if self.redis.went_down_in(taken, left) {
            return self.store_fails(slot, ctx);
        }
        let now = ctx.now();
        let asking = *self.asking.get_mut(slot);
        let Asking { client, pod, task, recovery, mut welcome, .. } = asking;
        let is_there = self.is_still_there(&asking);
        let next = match asking.access {
            Some(Access::Recover) => {
                self.count_recovery(recovery.err());
                welcome.recovered = recovery.is_ok();
                match recovery {
                    Ok(0) => Some(Access::Read(1)),
                    Ok(_) => Some(Access::Read(2)),
                    Err(_) => self.store_is_elsewhere().then_some(Access::LookUp),
                }
            }
            Some(Access::Read(reads)) => (reads > 1).then(|| Access::Read(reads - 1)),
            Some(Access::LookUp) if is_there => {
                let found = self.look_up(client, pod, now);
                welcome.found = found;
                self.meter.latencies.session_lookup.record(now - asking.asked);
                self.keeps(pod, task, found, now)
            }
            Some(Access::LookUp | Access::Keep { .. }) | None => None,
        };
        let asking = self.asking.get_mut(slot);
        (asking.at, asking.access, asking.welcome) = (At::Work, next, welcome);
        self.next_step(slot, ctx);
    }

    /// That a session was used, or made, is another command: a request waits for it, who connects does not.
    fn keeps(&mut self, pod: PodId, task: Task, found: bool, now: SimTime) -> Option<Access> {
        if !matches!(task, Task::Connect { .. }) {
            return Some(Access::Keep { found });
        }
        if self.is_sent(pod, now) {
            self.ask_store(pod, if found { |store| &store.renew } else { |store| &store.make }, now);
        }
        None
    }

    /// The command is given up, or its reply is lost: the handler goes on without what is known of the client.
    fn store_fails(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let asking = *self.asking.get_mut(slot);
        match asking.access {
            Some(Access::Recover) => {
                self.count_recovery(Some(RecoveryMiss::StoreDown));
                if self.store_is_elsewhere() {
                    self.store_is_down(&asking, ctx.now());
                }
            }
            Some(Access::LookUp) => self.store_is_down(&asking, ctx.now()),
            Some(Access::Read(_) | Access::Keep { .. }) | None => {}
        }
        let asking = self.asking.get_mut(slot);
        (asking.at, asking.access) = (At::Work, None);
        self.next_step(slot, ctx);
    }

    /// The database has answered a query about what is known of a client.
    pub fn row_found(&mut self, slot: u32, access: Access, ctx: &Ctx<Event>) {
        let now = ctx.now();
        let asking = *self.asking.get_mut(slot);
        let Asking { client, pod, asked, .. } = asking;
        let is_there = self.is_still_there(&asking);
        let next = (access == Access::LookUp && is_there).then(|| {
            self.meter.latencies.session_lookup.record(now - asked);
            self.look_up(client, pod, now)
        });
        let asking = self.asking.get_mut(slot);
        asking.welcome.found |= next == Some(true);
        asking.access = next.map(|found| Access::Keep { found });
    }

    /// Whether the client that a handler works for has not left; its place may be another one's by now.
    pub fn is_still_there(&self, asking: &Asking) -> bool {
        self.clients[asking.client].number == asking.number
    }

    /// Commands of a handler to the store in Redis: how many.
    fn ask_store_of(&mut self, which: impl Fn(&Store) -> &Commands) -> u64 {
        let Some(store) = &self.redis.store else { return 0 };
        let commands = which(store);
        commands.count(1, &mut self.meter.counts);
        commands.total()
    }
}
