//! An event is emitted on a pod: local clients get it from there, the others through Redis.

use std::rc::Rc;

use crate::cluster::clients::Link;
use crate::cluster::flows::Message;
use crate::cluster::flows::request::Call;
use crate::cluster::pods::{FanOut, JobKind, Phase, Recipients};
use crate::cluster::redis::bytes;
use crate::cluster::rooms::RoomId;
use crate::cluster::spec::{Adapter, Target};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::LossReason;

/// Who emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The handler of the recipient's own socket (`socket.emit`): no adapter is asked.
    OwnSocket,
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
        let (live, ghosts) = self.local(pod, emission.recipients);
        let (present, online) = self.reach(emission.recipients);
        let connection = self.connection_of(emission.recipients);
        let until_published = before + if publishes { costs.publish } else { Span::ZERO };
        let until_sending = until_published + costs.broadcast;
        let work = until_sending + costs.send * u64::from(live + ghosts);
        let target = &mut self.pods[pod];
        let booking = target.book(now, work);
        let leaves = booking.start + target.stretched(until_published);
        let sending = booking.start + target.stretched(until_sending);
        if live > 0 {
            let fan_out = FanOut {
                emitted: emission.emitted,
                start: sending,
                send: target.stretched(costs.send),
                recipients: emission.recipients,
                local: true,
                connection,
                frozen: None,
            };
            target.push(booking, JobKind::FanOut(fan_out));
        }
        if let Some(Call { sent, down }) = call {
            target.push(booking, JobKind::Request { sent, arrived: now, down });
        }
        target.sends += u64::from(live + ghosts);
        let process = target.process;
        let counts = &mut self.meter.counts;
        counts.events_emitted += 1;
        counts.recipients += u64::from(present);
        counts.ghost_sends += u64::from(ghosts);
        let others = present - live;
        if publishes {
            let Emission { emitted, recipients, bytes, .. } = emission;
            let message =
                Message { emitted, recipients, bytes, others, sender: pod, process, leaves, subscribers: None };
            let slot = self.messages.insert(message);
            ctx.schedule(leaves + self.redis.hop(), Event::Publish(slot));
        } else {
            // without an adapter nobody else hears of it; an own socket is on this pod
            self.lose(LossReason::NoAdapter, online - live);
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
                self.settle(pod, ctx.now());
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
        let mut served = 0;
        for &(pod, process) in subscribers.iter() {
            if self.pods[pod].process != process {
                self.meter.counts.redis_copies_undelivered += 1; // that process is dead
            } else if pod == message.sender && process == message.process {
                self.meter.counts.redis_copies_own += 1; // its cost is part of publishing
            } else {
                served += self.copy_arrives(pod, &message, now);
            }
        }
        // who was meant and is nowhere in reach now misses it, on the way from pod to pod included; who came meanwhile
        // gets it although nobody meant them
        self.lose(LossReason::RecipientOffline, message.others.saturating_sub(served));
        self.meter.counts.deliveries_unmeant += u64::from(served.saturating_sub(message.others));
    }

    /// The pods that are subscribed now: everybody whose process serves.
    pub fn resubscribe(&mut self) {
        let serving = self.running.iter().copied().filter(|&pod| self.pods[pod].serves());
        self.subscribers = serving.map(|pod| (pod, self.pods[pod].process)).collect();
    }

    /// Returns for how many clients the copy is of use.
    fn copy_arrives(&mut self, pod: PodId, message: &Message, now: SimTime) -> u32 {
        self.settle(pod, now);
        let (live, ghosts) = self.local(pod, message.recipients);
        let connection = self.connection_of(message.recipients);
        let costs = &self.spec.pods.costs;
        let target = &mut self.pods[pod];
        if live + ghosts == 0 {
            target.book(now, costs.copy_dropped);
            self.meter.counts.redis_copies_dropped += 1;
            return 0;
        }
        let booking = target.book(now, costs.copy_delivered + costs.send * u64::from(live + ghosts));
        if live > 0 {
            let fan_out = FanOut {
                emitted: message.emitted,
                start: booking.start + target.stretched(costs.copy_delivered),
                send: target.stretched(costs.send),
                recipients: message.recipients,
                local: false,
                connection,
                frozen: None,
            };
            target.push(booking, JobKind::FanOut(fan_out));
        }
        target.sends += u64::from(live + ghosts);
        let counts = &mut self.meter.counts;
        counts.redis_copies_useful += 1;
        counts.ghost_sends += u64::from(ghosts);
        live
    }

    /// An event that never gets to a pod is lost for everybody.
    pub fn emission_failed(&mut self, recipients: Recipients) {
        let (present, _) = self.reach(recipients);
        self.meter.counts.events_emitted += 1;
        self.meter.counts.recipients += u64::from(present);
        self.lose(LossReason::NotSent, present);
    }

    /// Connections of a target on one pod: (live, ghosts).
    fn local(&self, pod: PodId, recipients: Recipients) -> (u32, u32) {
        if let Recipients::One(client) = recipients {
            let record = &self.clients[client];
            return (u32::from(record.link == Link::Open && record.pod == pod), 0);
        }
        let (live, ghosts) = self.pods[pod].members(recipients);
        (live.len() as u32, ghosts)
    }

    /// The present connection of a target that is one client with WebSockets.
    fn connection_of(&self, recipients: Recipients) -> u32 {
        match recipients {
            Recipients::One(client) if self.clients[client].link == Link::Open => self.wire(client).connection,
            _ => 0,
        }
    }

    /// Clients of a target in the whole cluster: (present, connected).
    fn reach(&self, recipients: Recipients) -> (u32, u32) {
        match recipients {
            Recipients::All => (self.present, self.online),
            Recipients::Room(room) => (self.rooms.present(room), self.rooms.online(room)),
            Recipients::One(client) => {
                let record = &self.clients[client];
                (u32::from(record.present), u32::from(record.link == Link::Open))
            }
        }
    }

    fn lose(&mut self, reason: LossReason, recipients: u32) {
        self.meter.counts.lost.add_many(reason, u64::from(recipients));
    }
}
