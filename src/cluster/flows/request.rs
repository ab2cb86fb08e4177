//! Traffic of clients: HTTP requests, and events they emit.

use crate::cluster::clients::{ClientId, Link, TrafficSlot};
use crate::cluster::draws::{Draws, Owner};
use crate::cluster::flows::Held;
use crate::cluster::flows::emit::Emission;
use crate::cluster::flows::handler::{DataCall, Task};
use crate::cluster::flows::retry::Errand;
use crate::cluster::flows::route::Unrouted;
use crate::cluster::pods::Job;
use crate::cluster::purpose::traffic;
use crate::cluster::redis::{EventKind, Origin};
use crate::cluster::rooms::{Recipients, Who};
use crate::cluster::spec::{Population, Target, TrafficAction, Via};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::FailReason;

/// An HTTP request on its way.
#[derive(Clone, Copy)]
pub struct Call {
    /// When the client sent it.
    pub sent: SimTime,
    /// How long its answer will travel.
    pub down: Span,
}

impl Call {
    /// What the pod has to answer, if it arrived and is done then.
    pub fn job(self, arrived: SimTime, done: SimTime) -> Job {
        Job { done, arrived, latency: done + self.down - self.sent }
    }
}

impl Cluster<'_> {
    /// Request number `slot.n` of a client for a traffic entry reaches the balancer, or its pod if it comes by socket.
    pub fn traffic(&mut self, client: ClientId, item: u8, ctx: &mut Ctx<Event>) {
        let slot = self.clients.slot(client, item);
        let draws = self.draws_now(Owner { client, item, n: slot.n });
        if !self.clients[client].is_present() {
            return;
        }
        let sent = SimTime::from_nanos(ctx.now().as_nanos() - u64::from(slot.up_ns));
        self.schedule_traffic(client, item, slot.n.wrapping_add(1), sent + draws.gap, draws.up, ctx);
        let call = Call { sent, down: draws.down };
        match &self.spec.traffic[usize::from(item)].action {
            TrafficAction::Api { .. } => self.call(client, call, draws.work, ctx),
            TrafficAction::ApiWithData { .. } => {
                let owner = Owner { client, item, n: slot.n };
                self.call_with_data(DataCall { call, owner, work: draws.work }, ctx);
            }
            TrafficAction::Emit { .. } => {
                self.traffic_of_events(client, Held { item, n: slot.n, emitted: sent, ack: None }, call, draws, ctx)
            }
        }
    }

    /// It emits an event. Apart, so that plain requests stay short.
    #[inline(never)]
    fn traffic_of_events(&mut self, client: ClientId, event: Held, call: Call, draws: Draws, ctx: &mut Ctx<Event>) {
        let Held { item, emitted, .. } = event;
        let TrafficAction::Emit { to, via, .. } = self.spec.traffic[usize::from(item)].action else { return };
        if via != Via::Socket {
            let emission = self.emission(client, (to, via), item, emitted, draws.choice);
            self.call_that_emits(client, call, draws.work, emission, ctx);
            return;
        }
        let wants_ack = self.spec.traffic[usize::from(item)].ack.is_some();
        let event = if wants_ack { self.want_ack(client, event, ctx) } else { event };
        if self.clients[client].link == Link::HalfOpen {
            // it goes nowhere, and the client takes it for sent
            self.not_posted(client, &[event]);
        } else if self.clients[client].link != Link::Open || self.pollers.pauses(client, emitted) {
            self.meter.counts.events_held += 1;
            self.held.entry(client).or_default().push(event);
        } else if self.pollers.has(client) {
            self.post(client, vec![event], ctx);
        } else {
            self.emit_by_socket(client, &event, draws.work, draws.choice, ctx);
        }
    }

    /// A client that is new, or there at the start, will send its first request for a traffic entry.
    pub fn schedule_first_traffic(&mut self, client: ClientId, item: u8, at_start: bool, ctx: &mut Ctx<Event>) {
        let (gap, up) = self.first_draws(client, item, at_start);
        self.schedule_traffic(client, item, 1, ctx.now() + gap, up, ctx);
    }

    /// The client will send its `n`-th request for a traffic entry at `send_at`, if it is still there; it travels for `up`.
    #[inline(always)]
    fn schedule_traffic(
        &mut self,
        client: ClientId,
        item: u8,
        n: u32,
        send_at: SimTime,
        up: Span,
        ctx: &mut Ctx<Event>,
    ) {
        if send_at >= self.clients.leaves_at(client) {
            return;
        }
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
        if self.pollers.pauses(client, ctx.now()) {
            return; // until it is upgraded
        }
        let events = self.held.remove(&client).unwrap_or_default();
        if self.pollers.has(client) {
            if !events.is_empty() {
                self.post(client, events, ctx);
            }
            return;
        }
        for held in events {
            self.emit_held(client, &held, ctx);
        }
    }

    /// An event that a client held back, or posts, is at its pod.
    pub fn emit_held(&mut self, client: ClientId, held: &Held, ctx: &mut Ctx<Event>) {
        let draws = self.draws_again(Owner { client, item: held.item, n: held.n });
        self.emit_by_socket(client, held, draws.work, draws.choice, ctx);
    }

    fn emit_by_socket(&mut self, client: ClientId, event: &Held, work: Span, choice: u64, ctx: &mut Ctx<Event>) {
        let &Held { item, emitted, ack, .. } = event;
        let TrafficAction::Emit { to, .. } = self.spec.traffic[usize::from(item)].action else { return };
        let emission = self.emission(client, (to, Via::Socket), item, emitted, choice);
        let pod = self.clients.wire(client).pod;
        let costs = &self.spec.pods.costs;
        let answer = if ack.is_some() { costs.send } else { Span::ZERO };
        let done = self.emit(pod, emission, costs.receive + work + answer, None, ctx);
        if ack.is_some() {
            self.handled(client, event, done, ctx);
        }
    }

    /// An HTTP request reaches the balancer.
    #[inline(always)]
    fn call(&mut self, client: ClientId, call: Call, work: Span, ctx: &mut Ctx<Event>) {
        match self.balance(client, call.sent, ctx.now()) {
            Ok(pod) => self.call_at(client, pod, call, work, ctx),
            Err(why) => self.unrouted(client, Errand::Call(call, work), why, ctx),
        }
    }

    /// It reaches its pod.
    #[inline(always)]
    pub fn call_at(&mut self, client: ClientId, pod: PodId, call: Call, work: Span, ctx: &mut Ctx<Event>) {
        if self.requests_look_up() {
            return self.handle(client, pod, Task::Call(call, work), ctx);
        }
        let now = ctx.now();
        let target = &mut self.pods[pod];
        target.requests += 1;
        let booking = target.book(now, self.spec.pods.costs.request + work);
        if target.push(booking, call.job(now, booking.done)) {
            self.settle(pod, now);
        }
        if self.path.last.wants_ends {
            self.tell_end(client, pod, booking.done, ctx);
        }
    }

    /// An HTTP request reaches the balancer whose handler emits an event.
    fn call_that_emits(&mut self, client: ClientId, call: Call, work: Span, emission: Emission, ctx: &mut Ctx<Event>) {
        match self.balance(client, call.sent, ctx.now()) {
            Ok(pod) => self.call_that_emits_at(client, pod, call, work, emission, ctx),
            Err(why) => self.unrouted(client, Errand::CallThatEmits(call, work, emission), why, ctx),
        }
    }

    /// It reaches its pod.
    pub fn call_that_emits_at(
        &mut self,
        client: ClientId,
        pod: PodId,
        call: Call,
        work: Span,
        emission: Emission,
        ctx: &mut Ctx<Event>,
    ) {
        if self.requests_look_up() {
            return self.handle(client, pod, Task::CallThatEmits(call, work, emission), ctx);
        }
        self.pods[pod].requests += 1;
        let done = self.emit_for_call(client, pod, (call, ctx.now()), work, emission, ctx);
        if self.path.last.wants_ends {
            self.tell_end(client, pod, done, ctx);
        }
    }

    /// Its handler emits, for a call that arrived then; returns when it is done.
    pub fn emit_for_call(
        &mut self,
        client: ClientId,
        pod: PodId,
        call: (Call, SimTime),
        work: Span,
        emission: Emission,
        ctx: &mut Ctx<Event>,
    ) -> SimTime {
        let origin = match emission.origin {
            Origin::HereFirst => self.origin_at(pod, client),
            other => other,
        };
        let emission = Emission { origin, ..emission };
        self.emit(pod, emission, self.spec.pods.costs.request + work, Some(call), ctx)
    }

    /// How a handler on a pod that looks for the client's socket there first emits to that client.
    fn origin_at(&mut self, pod: PodId, client: ClientId) -> Origin {
        let here = self.clients[client].link == Link::Open && self.clients.wire(client).pod == pod;
        self.meter.counts.events_local_first += 1;
        self.meter.counts.events_kept_local += u64::from(here);
        if here { Origin::Here } else { Origin::Application }
    }

    /// The pod that gets an HTTP request which was sent then, or why none does yet.
    #[inline(always)]
    pub fn balance(&mut self, client: ClientId, sent: SimTime, now: SimTime) -> Result<PodId, Unrouted> {
        self.meter.counts.requests += 1;
        if self.clients.has_network(client, sent) {
            self.route(client, false, now)
        } else {
            Err(FailReason::ClientOffline.into())
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
            self.path.forget(client, false);
            self.meter.counts.address_changes += 1;
        }
        let record = &self.clients[client];
        let call = Call { sent: SimTime::ZERO + request.at, down: record.one_way() };
        // traces draw their work after the last traffic entry
        let mut stream = traffic(self.seed, u8::MAX).stream(u64::from(record.number), u64::from(number));
        let work = work.span(&mut stream);
        self.call(client, call, work, ctx);
    }

    /// An event that was held back is lost because its client leaves.
    pub fn not_sent(&mut self, client: ClientId, item: u8, n: u32) {
        let draws = self.draws_again(Owner { client, item, n });
        if let TrafficAction::Emit { to, .. } = self.spec.traffic[usize::from(item)].action {
            let recipients = self.recipients(client, to, draws.choice);
            self.emission_failed(recipients);
        }
    }

    fn emission(
        &self,
        client: ClientId,
        (to, via): (Target, Via),
        item: u8,
        emitted: SimTime,
        choice: u64,
    ) -> Emission {
        let recipients = self.recipients(client, to, choice);
        // `socket.emit` writes to the socket in hand; whoever emits from elsewhere must ask the adapter
        let origin = match via {
            Via::Socket if to == Target::Own => Origin::OwnSocket,
            Via::LocalFirst => Origin::HereFirst,
            Via::Socket | Via::Api => Origin::Application,
        };
        Emission { emitted, recipients, kind: EventKind(u16::from(item)), origin }
    }

    fn recipients(&self, client: ClientId, to: Target, choice: u64) -> Recipients {
        match to {
            Target::All => Recipients::All(None),
            Target::AllButSender => Recipients::All(self.connected(client)),
            Target::Own => Recipients::One(client, self.clients[client].number),
            Target::Room | Target::RoomButSender => {
                let rooms = self.rooms.of(client);
                let but = if to == Target::Room { None } else { self.connected(client) };
                Recipients::Room(rooms[choice as usize % rooms.len()], but)
            }
        }
    }

    /// The connection of a client, if it has one.
    fn connected(&self, client: ClientId) -> Option<Who> {
        (self.clients[client].link == Link::Open).then(|| self.member(client).who)
    }
}
