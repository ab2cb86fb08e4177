//! Events of clients that are to be acknowledged: answers, time-outs, and what is sent again.
//!
//! Without retries (`socket.timeout(…).emitWithAck`) the clock runs from when the client emits, and what is still held back
//! then is never sent. With retries (`retries`, `ackTimeout`) it runs from when the event is sent; what got no answer is sent
//! again, at once when the client is connected again.

use crate::cluster::clients::{ClientId, Link};
use crate::cluster::flows::Held;
use crate::cluster::spec::AckSpec;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};

/// An event that waits for its acknowledgement.
pub struct Unacknowledged {
    client: ClientId,
    event: Held,
    /// How often it may be sent again.
    retries: u32,
    /// When it is given up, or sent again; [`SimTime::NEVER`]: no clock runs.
    deadline: SimTime,
    /// What became of it when it was sent last; `None`: it was not, or is on its way.
    handled: Option<Handled>,
    /// A pod has had it before.
    repeated: bool,
}

/// A pod has handled it: its answer leaves then, on this connection, if the process lives.
#[derive(Clone, Copy)]
struct Handled {
    connection: u32,
    pod: PodId,
    process: u32,
    leaves: SimTime,
}

impl Cluster<'_> {
    /// A client emits an event that is to be acknowledged, if events of its kind are.
    #[inline(never)]
    pub fn want_ack(&mut self, client: ClientId, event: Held, ctx: &mut Ctx<Event>) -> Held {
        let Some(AckSpec { timeout, retries }) = self.spec.traffic[usize::from(event.item)].ack else { return event };
        self.meter.counts.acks_wanted += 1;
        let deadline = if retries == 0 { event.emitted + timeout } else { SimTime::NEVER };
        let waiting = Unacknowledged { client, event, retries, deadline, handled: None, repeated: false };
        let slot = self.unacknowledged.insert(waiting);
        self.unacknowledged_of.entry(client).or_default().push(slot);
        ctx.schedule(deadline.max(ctx.now()), Event::AckDue(slot));
        let event = Held { ack: Some(slot), ..event };
        self.unacknowledged.get_mut(slot).event = event;
        event
    }

    /// A pod will have handled an event of a client, and sends the answer, at `leaves`.
    #[inline(never)]
    pub fn handled(&mut self, client: ClientId, event: &Held, leaves: SimTime, ctx: &mut Ctx<Event>) {
        let Some(slot) = self.unacknowledged_slot(client, event) else { return };
        let Some(AckSpec { timeout, .. }) = self.spec.traffic[usize::from(event.item)].ack else { return };
        let (connection, pod) = (self.clients.wire(client).connection, self.clients.wire(client).pod);
        let process = self.pods[pod].process;
        let sent = (ctx.now() - SimTime::ZERO).saturating_sub(self.clients[client].one_way());
        let waiting = self.unacknowledged.get_mut(slot);
        waiting.handled = Some(Handled { connection, pod, process, leaves });
        self.meter.counts.events_repeated += u64::from(std::mem::replace(&mut waiting.repeated, true));
        if waiting.deadline == SimTime::NEVER {
            waiting.deadline = SimTime::ZERO + sent + timeout;
            ctx.schedule(waiting.deadline.max(ctx.now()), Event::AckDue(slot));
        }
    }

    /// The client has waited for long enough: the answer has come meanwhile, or the event is sent again or given up.
    pub fn ack_due(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Some(waiting) = self.unacknowledged.peek_mut(slot).filter(|waiting| waiting.deadline <= now) else {
            return;
        };
        let (client, event, handled, retries) = (waiting.client, waiting.event, waiting.handled, waiting.retries);
        if let Some(arrived) = handled.and_then(|handled| self.answer_arrives(client, handled)).filter(|&at| at <= now)
        {
            self.acknowledged(&event, arrived);
            return self.forget_unacknowledged(client, slot);
        }
        if retries > 0 {
            self.send_again(client, slot);
            if self.clients[client].link == Link::Open {
                let epoch = self.clients.wire(client).epoch;
                ctx.schedule_in(self.clients[client].one_way(), Event::Flush(client, epoch));
            }
            return;
        }
        self.meter.counts.acks_timed_out += 1;
        if let Some(held) = self.held.get_mut(&client)
            && let Some(position) = held.iter().position(|one| one.ack == Some(slot))
        {
            held.remove(position);
            self.not_sent(client, event.item, event.n);
        }
        self.forget_unacknowledged(client, slot);
    }

    /// A client is connected again: what got no answer on its last connection is sent again.
    pub fn send_unacknowledged(&mut self, client: ClientId) {
        if self.unacknowledged_of.is_empty() {
            return;
        }
        let Some(slots) = self.unacknowledged_of.get(&client).cloned() else { return };
        for slot in slots {
            let waiting = self.unacknowledged.get_mut(slot);
            let (handled, retries) = (waiting.handled, waiting.retries);
            if let Some(handled) = handled
                && retries > 0
                && self.answer_arrives(client, handled).is_none()
            {
                self.send_again(client, slot);
            }
        }
    }

    /// A client loads its page anew, or leaves: nothing waits for answers any more.
    pub fn abandon_acks(&mut self, client: ClientId) {
        for slot in self.unacknowledged_of.remove(&client).unwrap_or_default() {
            let Unacknowledged { handled, event, .. } = self.unacknowledged.take(slot);
            // answers that are there already have arrived
            let arrived = handled.and_then(|handled| self.answer_arrives(client, handled));
            match arrived.filter(|&at| at <= self.clients.wire(client).lost_at) {
                Some(at) => self.acknowledged(&event, at),
                None => self.meter.counts.acks_abandoned += 1,
            }
        }
    }

    /// An event that a POST could not deliver: it is sent again with the next connection, if that is how it is meant.
    pub fn is_kept_for_retry(&mut self, client: ClientId, event: &Held) -> bool {
        let Some(slot) = self.unacknowledged_slot(client, event) else { return false };
        let keeps = self.unacknowledged.get_mut(slot).retries > 0;
        if keeps {
            self.send_again(client, slot);
        }
        keeps
    }

    fn acknowledged(&mut self, event: &Held, at: SimTime) {
        self.meter.counts.acks += 1;
        self.meter.latencies.ack.record(at - event.emitted);
    }

    /// When the answer is at the client, unless process or connection end before it has left.
    fn answer_arrives(&self, client: ClientId, handled: Handled) -> Option<SimTime> {
        let Handled { connection, pod, process, leaves } = handled;
        let death = self.pods[pod].deaths.get(process as usize).copied().unwrap_or(SimTime::NEVER);
        let ends = death.min(self.clients.ended_at(client, connection));
        (leaves <= ends).then(|| leaves + self.clients[client].one_way())
    }

    /// An event is to go to a pod again, with what the client holds back.
    fn send_again(&mut self, client: ClientId, slot: u32) {
        let waiting = self.unacknowledged.get_mut(slot);
        waiting.retries -= 1;
        (waiting.deadline, waiting.handled) = (SimTime::NEVER, None);
        let event = waiting.event;
        self.held.entry(client).or_default().push(event);
    }

    /// Where an event waits for its acknowledgement, if it still does.
    fn unacknowledged_slot(&mut self, client: ClientId, event: &Held) -> Option<u32> {
        let slot = event.ack?;
        let waiting = self.unacknowledged.peek_mut(slot)?;
        (waiting.client == client && waiting.event.n == event.n && waiting.event.item == event.item).then_some(slot)
    }

    fn forget_unacknowledged(&mut self, client: ClientId, slot: u32) {
        self.unacknowledged.take(slot);
        if let Some(slots) = self.unacknowledged_of.get_mut(&client) {
            slots.retain(|&other| other != slot);
            if slots.is_empty() {
                self.unacknowledged_of.remove(&client);
            }
        }
    }
}
