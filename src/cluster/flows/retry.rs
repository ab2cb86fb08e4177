//! A balancer pauses between two tries of a request.

use crate::cluster::clients::ClientId;
use crate::cluster::flows::emit::Emission;
use crate::cluster::flows::request::Call;
use crate::cluster::flows::route::{Attempt, Unrouted};
use crate::cluster::{Cluster, Event};
use crate::engine::{Ctx, Span};
use crate::metrics::FailReason;

/// What a request is about.
pub enum Errand {
    /// An HTTP request with its work.
    Call(Call, Span),
    /// One whose handler emits an event.
    CallThatEmits(Call, Span, Emission),
    /// The upgrade of a WebSocket, in this connect attempt.
    Upgrade(u16),
}

/// A request that waits for its next try.
pub struct Pending {
    errand: Errand,
    attempt: Box<Attempt>,
}

impl Cluster<'_> {
    /// A request got no pod at once: it has failed, or its balancer will try again.
    pub fn unrouted(&mut self, client: ClientId, errand: Errand, why: Unrouted, ctx: &mut Ctx<Event>) {
        match why {
            Unrouted::Failed(reason) => self.errand_failed(client, &errand, reason, ctx),
            Unrouted::Pauses(pause, attempt) => {
                let slot = self.pending.insert(Pending { errand, attempt });
                ctx.schedule_in(pause, Event::TryAgain(slot));
            }
        }
    }

    /// The pause is over.
    pub fn try_again(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let Pending { errand, attempt } = self.pending.take(slot);
        let (client, now) = (attempt.client, ctx.now());
        if let Errand::Upgrade(epoch) = errand
            && self.clients.wire(client).epoch != epoch
        {
            return; // the client gave this attempt up
        }
        match (self.resume(attempt, now), errand) {
            (Ok(pod), Errand::Call(call, work)) => self.call_at(client, pod, call, work, ctx),
            (Ok(pod), Errand::CallThatEmits(call, work, emission)) => {
                self.call_that_emits_at(client, pod, call, work, emission, ctx);
            }
            (Ok(pod), Errand::Upgrade(epoch)) => self.upgrade_at(pod, client, epoch, ctx),
            (Err(why), errand) => self.unrouted(client, errand, why, ctx),
        }
    }

    fn errand_failed(&mut self, client: ClientId, errand: &Errand, reason: FailReason, ctx: &mut Ctx<Event>) {
        match errand {
            Errand::Call(..) => self.meter.counts.requests_failed.add(reason),
            Errand::CallThatEmits(_, _, emission) => {
                self.meter.counts.requests_failed.add(reason);
                self.emission_failed(emission.recipients);
            }
            Errand::Upgrade(_) => self.attempt_failed(client, reason, self.clients[client].one_way(), ctx),
        }
    }

    /// How many HTTP requests wait for their next try.
    pub fn requests_pending(&self) -> u64 {
        self.pending.iter().filter(|pending| !matches!(pending.errand, Errand::Upgrade(_))).count() as u64
    }
}
