//! Queries of handlers: each takes a connection of its process's pool for as long as it lasts, and waits for one in order of
//! arrival.

use crate::cluster::database::{Asked, PoolId};
use crate::cluster::draws::Owner;
use crate::cluster::flows::handler::{At, DataCall, Task};
use crate::cluster::flows::session_store::Access;
use crate::cluster::purpose::{query_stream, session_query_stream};
use crate::cluster::{Cluster, Event};
use crate::engine::{Ctx, Span};
use crate::metrics::FailReason;

impl Cluster<'_> {
    /// The next query wants a connection.
    pub fn ask_for_connection(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let asking = self.asking.get_mut(slot);
        let (Some(database), Some(pool)) = (&mut self.database, asking.pool) else { return };
        asking.sent += u8::from(asking.access.is_none());
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
        let (sent, number) = (asking.sent, asking.number);
        let mut stream = match (asking.access, asking.task) {
            (None, Task::CallWithData(DataCall { owner: Owner { item, n, .. }, .. })) => {
                query_stream(self.seed, item, sent - 1, number, n)
            }
            (access, _) => {
                let writes = u8::from(matches!(access, Some(Access::Keep { .. })));
                session_query_stream(self.seed, writes, number, self.clients[asking.client].routed)
            }
        };
        let time = database.spec().query.span(&mut stream);
        let done = database.execute(time, ctx.now());
        self.meter.latencies.query.record(done - ctx.now());
        ctx.schedule(done, Event::HandlerGoesOn(slot));
    }

    /// A query is over: the first that waits for its connection gets it.
    pub fn hand_back(&mut self, pool: Option<PoolId>, ctx: &mut Ctx<Event>) {
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
}
