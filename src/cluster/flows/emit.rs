//! An event is emitted on a pod: its own clients get it from there, the others through Redis.

use std::rc::Rc;

use crate::cluster::adapter::{Order, Senders, To};
use crate::cluster::clients::{ClientId, Link};
use crate::cluster::deliveries::{Audience, Deliveries, FanOut, PROMPT, Part};
use crate::cluster::flows::Message;
use crate::cluster::flows::request::Call;
use crate::cluster::redis::{Course, EventKind, Origin};
use crate::cluster::rooms::{Member, Members, Path, Recipients, RoomId, Share, Who};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::LossReason;

/// An event to be emitted.
#[derive(Clone, Copy)]
pub struct Emission {
    /// When its sender emitted it.
    pub emitted: SimTime,
    pub recipients: Recipients,
    pub kind: EventKind,
    pub origin: Origin,
}

/// Instead of the number of a process: who emits is no pod.
const NOT_A_POD: u32 = u32::MAX;

/// A broadcast while pods take on their parts.
pub struct Batch {
    /// With the time when the last of the pods that are in time is done.
    fan_out: FanOut,
    /// Clients that get it.
    pub served: u32,
    /// Pods that send it in time.
    parts: u32,
    /// When the last of the pods far behind is done.
    behind_done: SimTime,
}

impl Batch {
    pub const fn new(emitted: SimTime, recipients: Recipients, local: bool) -> Batch {
        let fan_out = FanOut { emitted, done: SimTime::ZERO, copies: 0, recipients, local };
        Batch { fan_out, served: 0, parts: 0, behind_done: SimTime::ZERO }
    }
    /// A pod will have sent so many copies at `done`.
    #[inline(always)]
    pub fn add(&mut self, part: Part, copies: u32, done: SimTime, now: SimTime, deliveries: &mut Deliveries) {
        self.served += copies;
        let in_time = done <= now + PROMPT;
        deliveries.push_part(part, in_time);
        if in_time {
            self.parts += 1;
            self.fan_out.copies += copies;
            self.fan_out.done = self.fan_out.done.max(done);
        } else {
            self.behind_done = self.behind_done.max(done);
        }
    }
}

impl Cluster<'_> {
    /// A pod runs a handler for `before` and then emits. When its own clients are served is up to the adapter; they are
    /// served one by one. `call` is the HTTP request that is answered at the end, and when it arrived. Returns when the
    /// handler is done.
    pub fn emit(
        &mut self,
        pod: PodId,
        emission: Emission,
        before: Span,
        call: Option<(Call, SimTime)>,
        ctx: &mut Ctx<Event>,
    ) -> SimTime {
        let now = ctx.now();
        let Emission { emitted, recipients, kind, origin } = emission;
        let costs = &self.spec.pods.costs;
        let course = self.redis.courses.get(kind, origin);
        let Course { mut order, is_event, mut serves_own, only_here, .. } = *course;
        let mut alone = course.is_for_others() && self.subscribers.len() <= 1;
        if self.pods[pod].is_alone() {
            (order, serves_own, alone) = (Order::AfterPublish, true, true);
        }
        let first = course.messages.first().filter(|_| !alone).map(|passage| passage.message);
        let from_outside = first.is_some_and(|message| message.senders == Senders::Outside);
        let times = first.map_or(0, |message| message.times);
        let publish = if from_outside { Span::ZERO } else { costs.publish * u64::from(times) };
        let serves_now = serves_own && is_event && matches!(order, Order::AfterPublish | Order::BeforePublish);
        let (first, last) = if order == Order::BeforePublish { (Span::ZERO, publish) } else { (publish, Span::ZERO) };
        let broadcast = if serves_now { costs.broadcast } else { Span::ZERO };
        let share = if serves_now { self.share(pod, recipients) } else { Share::nothing(pod) };
        let served = share.clients();
        let (present, online) = match is_event {
            true if only_here => (served, served),
            true => self.reach(recipients),
            false => (0, 0),
        };
        let target = &mut self.pods[pod];
        let (until_published, until_sending) =
            (target.stretched(before + first), target.stretched(before + first + broadcast));
        let sending = target.send() * u64::from(share.copies());
        let last = target.stretched(last);
        let booking = target.book_slowed(now, until_sending + sending + last);
        let leaves = if order == Order::BeforePublish { booking.done } else { booking.start + until_published };
        let process = if from_outside { NOT_A_POD } else { target.process };
        self.serve(share, (emitted, recipients), booking.start + until_sending, ctx);
        if let Some((call, arrived)) = call
            && self.pods[pod].push(booking, call.job(arrived, booking.done))
        {
            self.settle(pod, now);
        }
        let counts = &mut self.meter.counts;
        counts.events_emitted += u64::from(is_event);
        counts.recipients += u64::from(present);
        if is_event && times == 0 && !only_here && self.spec.recovery.is_some() {
            self.number_event(recipients, 0, now);
        }
        self.asides(pod, &emission, now);
        if times > 0 {
            let message = Message {
                emitted,
                recipients,
                kind,
                origin,
                step: 0,
                caller: (pod, process),
                more: 0,
                others: present - served,
                sender: pod,
                process,
                leaves,
                given_up: false,
                left: 0,
            };
            let slot = self.messages.insert(message);
            ctx.schedule(leaves + self.redis.hop(), Event::Publish(slot));
        } else {
            // without an adapter nobody else hears of it; an own socket is on this pod
            self.lose(LossReason::NoAdapter, online - served);
            self.missed(recipients, kind, present - online, (pod, self.pods[pod].process), now);
        }
        booking.done
    }

    /// A pod sends to the clients that it has of a target itself, one by one from `start` on.
    pub fn serve(
        &mut self,
        share: Share,
        (emitted, recipients): (SimTime, Recipients),
        start: SimTime,
        ctx: &mut Ctx<Event>,
    ) {
        let Share { pod, live, pollers, ghosts } = share;
        let target = &mut self.pods[pod];
        let part = Part { pod, process: target.process, start, send: target.send() };
        let done = start + part.send * u64::from(share.copies());
        target.sends += u64::from(share.copies());
        self.meter.counts.ghost_sends += u64::from(ghosts);
        if live > 0 {
            let mut batch = Batch::new(emitted, recipients, true);
            batch.add(part, live, done, ctx.now(), &mut self.deliveries);
            self.deliver_later(batch, ctx.now());
        }
        if pollers > 0 {
            self.serve_pollers(pod, recipients, (emitted, true), done, ctx);
        }
    }

    /// A server does something by itself: the first ready pod, or nobody.
    pub fn tick(&mut self, item: u8, ctx: &mut Ctx<Event>) {
        let spec = &self.spec.ticks[usize::from(item)];
        ctx.schedule_in(spec.every, Event::Tick(item));
        let recipients = match spec.operation.target() {
            Some(To::All) => Recipients::All(None),
            Some(_) => {
                let turn = &mut self.tick_rooms[usize::from(item)];
                let room = RoomId::new(*turn);
                *turn = (*turn + 1) % self.rooms.len().max(1);
                Recipients::Room(room, None)
            }
            None => Recipients::Nobody,
        };
        let ready = self.running.iter().copied().find(|&pod| self.pods[pod].life.is_up());
        let kind = EventKind(self.spec.traffic.len() as u16 + u16::from(item));
        let emission = Emission { emitted: ctx.now(), recipients, kind, origin: Origin::Application };
        match ready {
            Some(pod) => {
                self.emit(pod, emission, Span::ZERO, None, ctx);
            }
            None if self.redis.courses.get(kind, Origin::Application).is_event => self.emission_failed(recipients),
            None => {}
        }
    }

    /// A broadcast to the recipients as they are now is recorded when it is done.
    pub fn deliver_later(&mut self, batch: Batch, now: SimTime) {
        let Batch { fan_out, parts, behind_done, .. } = batch;
        if parts == 0 && behind_done == SimTime::ZERO {
            return; // nobody with a WebSocket
        }
        let recipients = fan_out.recipients;
        let to = match (recipients, self.rooms.find(recipients)) {
            (Recipients::One(client, _), _) => Audience::One(self.member(client)),
            (_, Some(room)) => {
                let but = self.left_out(recipients).and_then(|client| self.rooms.position(recipients, client));
                Audience::Room(Rc::clone(room.members()), but)
            }
            (_, None) => Audience::Room(Members::default(), None),
        };
        if self.deliveries.push(fan_out, to, parts, behind_done) {
            self.settle_fan_outs(now);
        }
    }

    /// An event that never gets to a pod is lost for everybody.
    pub fn emission_failed(&mut self, recipients: Recipients) {
        let (present, _) = self.reach(recipients);
        self.meter.counts.events_emitted += 1;
        self.meter.counts.recipients += u64::from(present);
        self.lose(LossReason::NotSent, present);
    }

    /// What one pod has of a target.
    #[inline]
    pub fn share(&self, pod: PodId, recipients: Recipients) -> Share {
        match self.rooms.find(recipients) {
            Some(room) => self.without_left_out(room.share(pod), recipients),
            None => {
                let here = self.share_of_one(recipients).filter(|share| share.pod == pod);
                here.unwrap_or(Share::nothing(pod))
            }
        }
    }

    /// The client that is left out, if it is still connected as it was.
    #[inline(always)]
    fn left_out(&self, recipients: Recipients) -> Option<ClientId> {
        let Who { client, connection } = recipients.but()?;
        (self.clients.ended_at(client, connection) == SimTime::NEVER).then_some(client)
    }

    /// A share of a target without the client that is left out.
    #[inline(always)]
    fn without_left_out(&self, share: Share, recipients: Recipients) -> Share {
        match self.left_out(recipients) {
            Some(client) if self.clients.wire(client).pod == share.pod => {
                let polls = u32::from(self.pollers.has(client));
                Share { live: share.live - (1 - polls), pollers: share.pollers - polls, ..share }
            }
            _ => share,
        }
    }

    /// What the pod of a target that is one connected client has of it: the client.
    pub fn share_of_one(&self, recipients: Recipients) -> Option<Share> {
        match recipients {
            Recipients::One(client, number) if self.is_connected(client, number) => {
                let polls = u32::from(self.pollers.has(client));
                Some(Share { live: 1 - polls, pollers: polls, ..Share::nothing(self.clients.wire(client).pod) })
            }
            _ => None,
        }
    }

    /// A connected client as the only recipient of something.
    pub fn member(&self, client: ClientId) -> Member {
        let wire = self.clients.wire(client);
        let one_way_ns = self.clients[client].one_way_ns;
        let who = Who { client, connection: wire.connection };
        Member { path: Path { one_way_ns, pod: wire.pod }, who }
    }

    /// Whether the client with this number, once in this place, has a WebSocket open.
    fn is_connected(&self, client: ClientId, number: u32) -> bool {
        let record = &self.clients[client];
        record.number == number && record.link == Link::Open
    }

    /// Clients of a target in the whole cluster: (present, connected).
    pub fn reach(&self, recipients: Recipients) -> (u32, u32) {
        match (recipients, self.rooms.find(recipients)) {
            (Recipients::One(client, number), _) => {
                let record = &self.clients[client];
                let present = record.number == number && record.is_present();
                (u32::from(present), u32::from(self.is_connected(client, number)))
            }
            (_, Some(room)) => {
                let but = u32::from(self.left_out(recipients).is_some());
                (room.present - but, room.online() - but)
            }
            (_, None) => (0, 0),
        }
    }

    /// So many recipients do not get an event.
    pub fn lose(&mut self, reason: LossReason, recipients: u32) {
        self.meter.counts.lost.add_many(reason, u64::from(recipients));
    }
}
