//! An event is emitted on a pod: local clients get it from there, the others through Redis.

use std::rc::Rc;

use crate::cluster::clients::{ClientId, Link};
use crate::cluster::deliveries::{Audience, Deliveries, FanOut, PROMPT, Part};
use crate::cluster::flows::Message;
use crate::cluster::flows::request::Call;
use crate::cluster::pods::Phase;
use crate::cluster::redis::bytes;
use crate::cluster::rooms::{Member, Members, Path, Recipients, Room, RoomId, Share, Who};
use crate::cluster::spec::{Adapter, Target};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::LossReason;

/// Who emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The handler of the recipient's own socket (`socket.emit`): no adapter is asked.
    OwnSocket,
    /// The same if that socket is on the pod of the handler, else as any other.
    OwnSocketIfHere,
    /// Anything else (`io.to(…).emit`): the adapter is asked, wherever the recipients are.
    Application,
}

/// An event to be emitted.
#[derive(Clone, Copy)]
pub struct Emission {
    /// When its sender emitted it.
    pub emitted: SimTime,
    pub recipients: Recipients,
    pub bytes: u32,
    pub origin: Origin,
}

/// A broadcast while pods take on their parts.
struct Batch {
    /// With the time when the last of the pods that are in time is done.
    fan_out: FanOut,
    /// Clients that get it.
    served: u32,
    /// Pods that send it in time.
    parts: u32,
    /// When the last of the pods far behind is done.
    behind_done: SimTime,
}

impl Batch {
    const fn new(emitted: SimTime, recipients: Recipients, local: bool) -> Batch {
        let fan_out = FanOut { emitted, done: SimTime::ZERO, copies: 0, recipients, local };
        Batch { fan_out, served: 0, parts: 0, behind_done: SimTime::ZERO }
    }
    /// Whether any pod sends it to a WebSocket.
    const fn is_for_websockets(&self) -> bool {
        self.parts > 0 || self.behind_done.as_nanos() > 0
    }
    /// A pod will have sent so many copies at `done`.
    fn add(&mut self, part: Part, copies: u32, done: SimTime, now: SimTime, deliveries: &mut Deliveries) {
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

/// What a pod has of a room. Pods are asked for in order, as shares are.
fn next_share(shares: &mut &[Share], pod: PodId) -> Share {
    while let [first, rest @ ..] = *shares
        && first.pod <= pod
    {
        *shares = rest;
        if first.pod == pod {
            return *first;
        }
    }
    Share::nothing(pod)
}

impl Cluster<'_> {
    /// A pod runs a handler for `before` and then emits: the adapter publishes first (fire and forget), then the local
    /// clients are served one by one. `call` is the HTTP request that is answered at the end. Returns when all is done.
    pub fn emit(
        &mut self,
        pod: PodId,
        emission: Emission,
        before: Span,
        call: Option<Call>,
        ctx: &mut Ctx<Event>,
    ) -> SimTime {
        let now = ctx.now();
        let costs = &self.spec.pods.costs;
        let publishes = emission.origin == Origin::Application && self.spec.redis.adapter == Adapter::Classic;
        let share = self.share(pod, emission.recipients);
        let Share { live, pollers, ghosts, .. } = share;
        let (present, online) = self.reach(emission.recipients);
        let until_published = before + if publishes { costs.publish } else { Span::ZERO };
        let until_sending = until_published + costs.broadcast;
        let target = &mut self.pods[pod];
        let (until_published, until_sending) = (target.stretched(until_published), target.stretched(until_sending));
        let booking = target.book_slowed(now, until_sending + target.send() * u64::from(share.copies()));
        let leaves = booking.start + until_published;
        let sending = booking.start + until_sending;
        let part = Part { pod, process: target.process, start: sending, send: target.send() };
        target.sends += u64::from(share.copies());
        let process = target.process;
        if live > 0 {
            let Emission { emitted, recipients, .. } = emission;
            let mut batch = Batch::new(emitted, recipients, true);
            batch.add(part, live, booking.done, now, &mut self.deliveries);
            self.deliver_later(batch, now);
        }
        if pollers > 0 {
            self.serve_pollers(pod, emission.recipients, (emission.emitted, true), booking.done, ctx);
        }
        if let Some(call) = call
            && self.pods[pod].push(booking, call.job(booking, now))
        {
            self.settle(pod, now);
        }
        let counts = &mut self.meter.counts;
        counts.events_emitted += 1;
        counts.recipients += u64::from(present);
        counts.ghost_sends += u64::from(ghosts);
        let others = present - live - pollers;
        if publishes {
            let Emission { emitted, recipients, bytes, .. } = emission;
            let message =
                Message { emitted, recipients, bytes, others, sender: pod, process, leaves, subscribers: None };
            let slot = self.messages.insert(message);
            ctx.schedule(leaves + self.redis.hop(), Event::Publish(slot));
        } else {
            // without an adapter nobody else hears of it; an own socket is on this pod
            self.lose(LossReason::NoAdapter, online - live - pollers);
            self.lose(LossReason::RecipientOffline, present - online);
        }
        booking.done
    }

    /// A server emits by itself: the first ready pod, or nobody.
    pub fn tick(&mut self, item: u8, ctx: &mut Ctx<Event>) {
        let spec = &self.spec.ticks[usize::from(item)];
        ctx.schedule_in(spec.every, Event::Tick(item));
        let recipients = match spec.to {
            Target::Room => {
                let turn = &mut self.tick_rooms[usize::from(item)];
                let room = RoomId::new(*turn);
                *turn = (*turn + 1) % self.rooms.len().max(1);
                Recipients::Room(room)
            }
            Target::All | Target::Own => Recipients::All,
        };
        let ready = self.running.iter().copied().find(|&pod| self.pods[pod].phase == Phase::Ready);
        let emission = Emission { emitted: ctx.now(), recipients, bytes: spec.bytes, origin: Origin::Application };
        match ready {
            Some(pod) => {
                self.emit(pod, emission, Span::ZERO, None, ctx);
            }
            None => self.emission_failed(recipients),
        }
    }

    /// A PUBLISH reaches Redis, unless its pod died before it left.
    pub fn publish(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Message { sender, process, leaves, recipients, bytes, others, .. } = *self.messages.get_mut(slot);
        let death = self.pods[sender].deaths.get(process as usize);
        if death.is_some_and(|&death| death < leaves) {
            self.messages.take(slot);
            let (_, online) = self.reach(recipients);
            let reachable = online.min(others);
            self.lose(LossReason::PodDied, reachable);
            self.lose(LossReason::RecipientOffline, others - reachable);
            return;
        }
        let copies = self.subscribers.len() as u32;
        let (waited, sent) = self.redis.publish(now, copies);
        self.messages.get_mut(slot).subscribers = Some(Rc::clone(&self.subscribers));
        let one_room = !matches!(recipients, Recipients::All);
        self.meter.latencies.redis_wait.record(waited);
        let counts = &mut self.meter.counts;
        counts.redis_publish += 1;
        counts.redis_copies += u64::from(copies);
        counts.redis_bytes_in += bytes::published(bytes, one_room);
        counts.redis_bytes_out += bytes::copied(bytes, one_room) * u64::from(copies);
        ctx.schedule(sent + self.redis.hop(), Event::Copies(slot));
    }

    /// The copies of a PUBLISH reach the pods: the publisher throws its own away, the others serve their clients or
    /// drop what nobody there wants.
    pub fn copies(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let message = self.messages.take(slot);
        let subscribers = message.subscribers.clone().unwrap_or_default();
        let Message { emitted, recipients, others, sender, process: sender_process, .. } = message;
        let one = self.share_of_one(recipients);
        let Cluster { pods, rooms, deliveries, meter, .. } = self;
        let counts = &mut meter.counts;
        let mut shares = rooms.find(recipients).map_or(one.as_slice(), Room::shares);
        let mut batch = Batch::new(emitted, recipients, false);
        let mut polled = Vec::new();
        for &(pod, process) in subscribers.iter() {
            let target = &mut pods[pod];
            if target.process != process {
                counts.redis_copies_undelivered += 1; // that process is dead
                continue;
            }
            if pod == sender && process == sender_process {
                counts.redis_copies_own += 1; // its cost is part of publishing
                continue;
            }
            let share = next_share(&mut shares, pod);
            let Share { live, pollers, ghosts, .. } = share;
            if share.copies() == 0 {
                target.book_slowed(now, target.copy_dropped());
                counts.redis_copies_dropped += 1;
                continue;
            }
            let sending = target.send() * u64::from(share.copies());
            let booking = target.book_slowed(now, target.copy_delivered() + sending);
            let start = booking.start + target.copy_delivered();
            target.sends += u64::from(share.copies());
            if pollers > 0 {
                polled.push((pod, booking.done));
                batch.served += pollers;
            }
            counts.redis_copies_useful += 1;
            counts.ghost_sends += u64::from(ghosts);
            if live > 0 {
                batch.add(Part { pod, process, start, send: target.send() }, live, booking.done, now, deliveries);
            }
        }
        // who was meant and is nowhere in reach now misses it, on the way from pod to pod included; who came meanwhile
        // gets it although nobody meant them
        counts.deliveries_unmeant += u64::from(batch.served.saturating_sub(others));
        self.lose(LossReason::RecipientOffline, others.saturating_sub(batch.served));
        if batch.is_for_websockets() {
            self.deliver_later(batch, now);
        }
        for (pod, done) in polled {
            self.serve_pollers(pod, recipients, (emitted, false), done, ctx);
        }
    }

    /// The pods that are subscribed now: everybody whose process serves.
    pub fn resubscribe(&mut self) {
        let serving = self.running.iter().copied().filter(|&pod| self.pods[pod].serves());
        self.subscribers = serving.map(|pod| (pod, self.pods[pod].process)).collect();
    }

    /// A broadcast to the recipients as they are now is recorded when it is done.
    fn deliver_later(&mut self, batch: Batch, now: SimTime) {
        let Batch { fan_out, parts, behind_done, .. } = batch;
        let to = match (fan_out.recipients, self.rooms.find(fan_out.recipients)) {
            (Recipients::One(client, _), _) => Audience::One(self.member(client)),
            (_, Some(room)) => Audience::Room(Rc::clone(room.members())),
            (_, None) => Audience::Room(Members::default()),
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
    fn share(&self, pod: PodId, recipients: Recipients) -> Share {
        match self.rooms.find(recipients) {
            Some(room) => room.share(pod),
            None => {
                let here = self.share_of_one(recipients).filter(|share| share.pod == pod);
                here.unwrap_or(Share::nothing(pod))
            }
        }
    }

    /// What the pod of a target that is one connected client has of it: the client.
    fn share_of_one(&self, recipients: Recipients) -> Option<Share> {
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
    fn reach(&self, recipients: Recipients) -> (u32, u32) {
        match (recipients, self.rooms.find(recipients)) {
            (Recipients::One(client, number), _) => {
                let record = &self.clients[client];
                let present = record.number == number && record.is_present();
                (u32::from(present), u32::from(self.is_connected(client, number)))
            }
            (_, room) => room.map_or((0, 0), |room| (room.present, room.online())),
        }
    }

    fn lose(&mut self, reason: LossReason, recipients: u32) {
        self.meter.counts.lost.add_many(reason, u64::from(recipients));
    }
}
