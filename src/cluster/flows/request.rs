//! Traffic of clients: HTTP requests, and events they emit.

use std::cmp::Reverse;

use crate::cluster::clients::{Client, ClientId, Link, TrafficSlot};
use crate::cluster::flows::Held;
use crate::cluster::flows::emit::{Emission, Origin};
use crate::cluster::pods::{Booking, Job};
use crate::cluster::purpose::traffic;
use crate::cluster::rooms::Recipients;
use crate::cluster::spec::{Population, Target, TrafficAction, Via};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span, exp, normal};
use crate::metrics::FailReason;

/// An HTTP request on its way.
#[derive(Clone, Copy)]
pub struct Call {
    /// When the client sent it.
    pub sent: SimTime,
    /// How long its answer will travel.
    pub down: Span,
}

impl Cluster<'_> {
    /// Request number `slot.n` of a client for a traffic entry reaches the balancer, or its pod if it comes by socket.
    pub fn traffic(&mut self, client: ClientId, item: u8, ctx: &mut Ctx<Event>) {
        if !self.clients[client].is_present() {
            return;
        }
        let slot = self.clients.slot(client, item);
        let entry = &self.spec.traffic[usize::from(item)];
        let sent = SimTime::from_nanos(ctx.now().as_nanos() - u64::from(slot.up_ns));
        let draws = self.draws(client, item, slot.n);
        match &entry.action {
            TrafficAction::Api { .. } => self.call(client, Call { sent, down: draws.down }, draws.work, None, ctx),
            TrafficAction::Emit { to, via: Via::Api, bytes, .. } => {
                let emission = self.emission(client, *to, Via::Api, *bytes, sent, draws.choice);
                self.call(client, Call { sent, down: draws.down }, draws.work, Some(emission), ctx);
            }
            TrafficAction::Emit { via: Via::Socket, .. } => {
                if self.clients[client].link == Link::Open {
                    self.emit_by_socket(client, item, draws.work, draws.choice, sent, ctx);
                } else {
                    self.meter.counts.events_held += 1;
                    self.held.entry(client).or_default().push(Held { item, n: slot.n, emitted: sent });
                }
            }
        }
        self.schedule_traffic(client, item, sent + draws.gap, draws.up, ctx);
    }

    /// A client that is new, or there at the start, will send its first request for a traffic entry.
    pub fn schedule_first_traffic(&mut self, client: ClientId, item: u8, at_start: bool, ctx: &mut Ctx<Event>) {
        let every = &self.spec.traffic[usize::from(item)].every;
        let mut stream = traffic(self.seed, item, self.clients[client].number, u32::MAX);
        let gap = if at_start { every.residual(&mut stream) } else { every.span(&mut stream) };
        let up = self.trip(&self.clients[client], normal(&mut stream));
        self.schedule_traffic(client, item, ctx.now() + gap, up, ctx);
    }

    /// The client will send its next request for a traffic entry at `send_at`, if it is still there; it travels for `up`.
    fn schedule_traffic(&mut self, client: ClientId, item: u8, send_at: SimTime, up: Span, ctx: &mut Ctx<Event>) {
        if send_at >= self.clients.leaves_at(client) {
            return;
        }
        let n = self.clients.slot(client, item).n.wrapping_add(1);
        let slot = TrafficSlot { n, up_ns: u32::try_from(up.as_nanos()).unwrap_or(u32::MAX) };
        self.clients.set_slot(client, item, slot);
        // never before now: a trip is at least as long as nothing, and the last one may have been longer than the gap
        ctx.schedule((send_at + slot.up()).max(ctx.now()), Event::Traffic(client, item));
    }

    /// What a client held back while it was not connected arrives at its pod, in order.
    pub fn flush(&mut self, client: ClientId, epoch: u16, ctx: &mut Ctx<Event>) {
        if self.clients.wire(client).epoch != epoch || self.clients[client].link != Link::Open {
            return; // it lost the connection again: what is held stays held
        }
        for held in self.held.remove(&client).unwrap_or_default() {
            let draws = self.draws(client, held.item, held.n);
            self.emit_by_socket(client, held.item, draws.work, draws.choice, held.emitted, ctx);
        }
    }

    fn emit_by_socket(
        &mut self,
        client: ClientId,
        item: u8,
        work: Span,
        choice: u64,
        emitted: SimTime,
        ctx: &mut Ctx<Event>,
    ) {
        let TrafficAction::Emit { to, bytes, .. } = &self.spec.traffic[usize::from(item)].action else { return };
        let emission = self.emission(client, *to, Via::Socket, *bytes, emitted, choice);
        let pod = self.clients.wire(client).pod;
        self.emit(pod, emission, self.spec.pods.costs.receive + work, None, ctx);
    }

    /// An HTTP request reaches the balancer; its handler may emit an event.
    pub fn call(&mut self, client: ClientId, call: Call, work: Span, emission: Option<Emission>, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.meter.counts.requests += 1;
        let routed = if self.clients.has_network(client, call.sent) {
            self.route(client, now)
        } else {
            Err(FailReason::ClientOffline)
        };
        let pod = match routed {
            Ok(pod) => pod,
            Err(reason) => {
                self.meter.counts.requests_failed.add(reason);
                if let Some(emission) = emission {
                    self.emission_failed(emission.recipients);
                }
                return;
            }
        };
        let target = &mut self.pods[pod];
        target.requests += 1;
        let work = self.spec.pods.costs.request + work;
        let done = match emission {
            Some(emission) => self.emit(pod, emission, work, Some(call), ctx),
            None => {
                let booking = target.book(now, work);
                self.answer(pod, booking, call, now);
                booking.done
            }
        };
        if self.balancer.watches(pod) {
            ctx.schedule(done, Event::ProbeSucceeded(pod));
        }
    }

    /// A pod will answer a request that arrived now when the booked work is done.
    pub fn answer(&mut self, pod: PodId, booking: Booking, call: Call, now: SimTime) {
        let job = Job { done: booking.done, sent: call.sent, arrived: now, down: call.down };
        if self.pods[pod].push(booking, job) {
            self.settle(pod, now);
        }
        if self.balancer.counts_connections() {
            self.answers.push(Reverse((booking.done, pod)));
        }
    }

    /// The next request of a trace is sent.
    pub fn trace_sent(&mut self, audience: u16, ctx: &mut Ctx<Event>) {
        let Population::Trace { trace, .. } = &self.spec.audiences[usize::from(audience)].population else { return };
        let state = &mut self.audiences[usize::from(audience)];
        let number = state.next_request;
        state.next_request += 1;
        let client = ClientId::new(state.first_client + trace.requests[number as usize].client);
        let up = self.clients[client].one_way();
        ctx.schedule_in(up, Event::TraceArrives(audience, number));
        if let Some(next) = trace.requests.get(number as usize + 1) {
            ctx.schedule(SimTime::ZERO + next.at, Event::TraceSent(audience));
        }
    }

    /// A request of a trace reaches the balancer, from the address that the trace says.
    pub fn trace_arrives(&mut self, audience: u16, number: u32, ctx: &mut Ctx<Event>) {
        let Population::Trace { trace, work } = &self.spec.audiences[usize::from(audience)].population else { return };
        let request = trace.requests[number as usize];
        let client = ClientId::new(self.audiences[usize::from(audience)].first_client + request.client);
        if self.clients.address(client) != request.address {
            self.clients.move_to(client, request.address);
            self.meter.counts.address_changes += 1;
        }
        let record = &self.clients[client];
        let call = Call { sent: SimTime::ZERO + request.at, down: record.one_way() };
        // traces draw their work after the last traffic entry
        let work = work.span(&mut traffic(self.seed, u8::MAX, record.number, number));
        self.call(client, call, work, None, ctx);
    }

    /// An event that was held back is lost because its client leaves.
    pub fn not_sent(&mut self, client: ClientId, item: u8, n: u32) {
        let draws = self.draws(client, item, n);
        if let TrafficAction::Emit { to, .. } = self.spec.traffic[usize::from(item)].action {
            let recipients = self.recipients(client, to, draws.choice);
            self.emission_failed(recipients);
        }
    }

    fn emission(&self, client: ClientId, to: Target, via: Via, bytes: u32, emitted: SimTime, choice: u64) -> Emission {
        let recipients = self.recipients(client, to, choice);
        // `socket.emit` writes to the socket in hand; whoever emits from elsewhere must ask the adapter
        let origin = if via == Via::Socket && to == Target::Own { Origin::OwnSocket } else { Origin::Application };
        Emission { emitted, recipients, bytes, origin }
    }

    fn recipients(&self, client: ClientId, to: Target, choice: u64) -> Recipients {
        match to {
            Target::All => Recipients::All,
            Target::Own => Recipients::One(client, self.clients[client].number),
            Target::Room => {
                let rooms = self.rooms.of(client);
                Recipients::Room(rooms[choice as usize % rooms.len()])
            }
        }
    }

    /// The random numbers of one request and of when the next one is sent. All are drawn together: the processor works on
    /// several at a time, for none waits for another.
    fn draws(&self, client: ClientId, item: u8, n: u32) -> Draws {
        let record = &self.clients[client];
        let mut stream = traffic(self.seed, item, record.number, n);
        let entry = &self.spec.traffic[usize::from(item)];
        let (TrafficAction::Api { work } | TrafficAction::Emit { work, .. }) = &entry.action;
        let (down, up) = (normal(&mut stream), normal(&mut stream));
        let (down, up) = (self.trip(record, down), self.trip(record, up));
        let work = work.span(&mut stream);
        let gap = entry.every.span(&mut stream);
        let choice = match entry.action {
            TrafficAction::Emit { to: Target::Room, .. } => stream.bits() >> 1,
            TrafficAction::Api { .. } | TrafficAction::Emit { .. } => 0,
        };
        Draws { work, down, choice, gap, up }
    }

    /// One trip between a client and the balancer: its base, spread by the audience's jitter.
    fn trip(&self, client: &Client, standard_normal: f64) -> Span {
        let sigma = self.spec.audiences[usize::from(client.audience)].network.jitter_sigma;
        if sigma == 0.0 {
            return client.one_way();
        }
        Span::from_nanos_f64(f64::from(client.one_way_ns) * exp(sigma * standard_normal))
    }
}

/// The random numbers of one request.
struct Draws {
    work: Span,
    /// Trip of the answer, if there is one.
    down: Span,
    /// Which room, modulo the number of rooms.
    choice: u64,
    /// From when this request was sent to when the next one will be.
    gap: Span,
    /// Trip of the next one.
    up: Span,
}
