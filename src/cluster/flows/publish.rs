//! What pods hand to Redis, and what comes of it on the others.

use std::rc::Rc;

use crate::cluster::adapter::{Command, Order, Reach};
use crate::cluster::deliveries::Part;
use crate::cluster::flows::emit::Batch;
use crate::cluster::flows::{Message, Subscribers};
use crate::cluster::redis::Passage;
use crate::cluster::rooms::{Recipients, Room, Share};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::LossReason;

/// Copies of a message on their way to some pods.
pub struct Delivery {
    message: u32,
    /// Copies for each of the pods.
    times: u32,
    to: Subscribers,
    /// The sender's reply comes with them, and its clients wait for that.
    reply: bool,
    /// Those pods read a stream, and ask again when they are done.
    asks_again: bool,
}

impl Delivery {
    /// How many copies there are.
    pub fn copies(&self) -> u64 {
        self.to.len() as u64 * u64::from(self.times)
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
    /// An event reaches Redis, unless its pod died before it left.
    pub fn publish(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Message { sender, process, leaves, recipients, others, .. } = *self.messages.get_mut(slot);
        let death = self.pods[sender].deaths.get(process as usize);
        if death.is_some_and(|&death| death < leaves) {
            self.messages.take(slot);
            let (_, online) = self.reach(recipients);
            let reachable = online.min(others);
            self.lose(LossReason::PodDied, reachable);
            self.lose(LossReason::RecipientOffline, others - reachable);
            return;
        }
        let passage = self.passage(slot);
        let reply = self.spec.redis.law.adapter.order() == Order::AfterReply;
        let streamed = passage.message.command == Command::Xadd;
        let to = if streamed { self.waiting_readers(slot) } else { self.getting(passage.message.reach, recipients) };
        let copies = to.len() as u32;
        let times = passage.message.times;
        let (waited, sent) = self.redis.publish(now, times, copies);
        self.meter.latencies.redis_wait.record(waited);
        let counts = &mut self.meter.counts;
        counts.redis_publish += u64::from(times);
        counts.redis_commands.add_many(passage.message.command, u64::from(times));
        counts.redis_bytes_in += passage.sent * u64::from(times);
        counts.redis_bytes_out += passage.message.bytes_answered(copies) * u64::from(times);
        self.hand_out(Delivery { message: slot, times, to, reply, asks_again: streamed }, sent, ctx);
    }

    /// Copies leave Redis then.
    fn hand_out(&mut self, delivery: Delivery, sent: SimTime, ctx: &mut Ctx<Event>) {
        let passage = self.passage(delivery.message);
        let copies = delivery.copies();
        self.meter.counts.redis_copies += copies;
        self.meter.counts.redis_bytes_out += passage.copied * copies;
        self.messages.get_mut(delivery.message).left += 1;
        let slot = self.handed_out.insert(delivery);
        ctx.schedule(sent + self.redis.hop(), Event::Copies(slot));
    }

    /// Copies reach pods: the publisher throws its own away, or serves its clients then; the others serve theirs or drop what
    /// nobody there wants.
    pub fn copies(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Delivery { message: slot, times, to, reply, asks_again } = self.handed_out.take(slot);
        let serves_sender = self.passage(slot).serves_sender();
        let times = u64::from(times);
        let Message { emitted, recipients, sender, process: sender_process, .. } = *self.messages.get_mut(slot);
        let one = self.share_of_one(recipients);
        let Cluster { pods, rooms, deliveries, meter, redis, .. } = self;
        let counts = &mut meter.counts;
        let mut shares = rooms.find(recipients).map_or(one.as_slice(), Room::shares);
        let mut batch = Batch::new(emitted, recipients, false);
        let mut polled = Vec::new();
        for &(pod, process) in to.iter() {
            let target = &mut pods[pod];
            if target.process != process {
                counts.redis_copies_undelivered += times; // that process is dead
                continue;
            }
            let share = next_share(&mut shares, pod);
            let done = if pod == sender && process == sender_process && !serves_sender {
                counts.redis_copies_own += times; // its cost is part of publishing
                if asks_again { target.book_slowed(now, Span::ZERO).done } else { now }
            } else if share.copies() == 0 {
                counts.redis_copies_dropped += times;
                target.book_slowed(now, target.copy_dropped() * times).done
            } else {
                counts.redis_copies_useful += times;
                let taken_on = target.copy_delivered() * times;
                let booking = target.book_slowed(now, taken_on + target.send() * u64::from(share.copies()));
                let Share { live, pollers, ghosts, .. } = share;
                target.sends += u64::from(share.copies());
                counts.ghost_sends += u64::from(ghosts);
                if pollers > 0 {
                    polled.push((pod, booking.done));
                    batch.served += pollers;
                }
                if live > 0 {
                    let part = Part { pod, process, start: booking.start + taken_on, send: target.send() };
                    batch.add(part, live, booking.done, now, deliveries);
                }
                booking.done
            };
            if asks_again {
                ctx.schedule(done + redis.hop(), Event::ReadStream(pod, process as u16));
            }
        }
        let mut served = batch.served;
        self.deliver_later(batch, now);
        for (pod, done) in polled {
            self.serve_pollers(pod, recipients, (emitted, false), done, ctx);
        }
        if reply && self.pods[sender].process == sender_process {
            served += self.replied(sender, (emitted, recipients), ctx);
        }
        self.reached(slot, served);
    }

    /// Redis has replied to a pod, whose own clients are served when its event loop comes to it; returns how many.
    fn replied(&mut self, pod: PodId, event: (SimTime, Recipients), ctx: &mut Ctx<Event>) -> u32 {
        let share = self.share(pod, event.1);
        let target = &mut self.pods[pod];
        let broadcast = target.stretched(self.spec.pods.costs.broadcast);
        let booking = target.book_slowed(ctx.now(), broadcast + target.send() * u64::from(share.copies()));
        self.serve(share, event, booking.start + broadcast, ctx);
        share.live + share.pollers
    }

    /// A delivery of a message has reached so many clients. After the last one, who was meant and is nowhere in reach misses
    /// it, on the way from pod to pod included; who came meanwhile gets it although nobody meant them.
    pub fn reached(&mut self, slot: u32, served: u32) {
        let message = self.messages.get_mut(slot);
        let unmeant = served.saturating_sub(message.others);
        message.others = message.others.saturating_sub(served);
        message.left -= 1;
        self.meter.counts.deliveries_unmeant += u64::from(unmeant);
        let Message { left, others, .. } = *message;
        if left == 0 {
            self.messages.take(slot);
            self.lose(LossReason::RecipientOffline, others);
        }
    }

    /// The next read of a process reaches the stream.
    pub fn read_stream(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        if self.pods[pod].process as u16 != process || !self.pods[pod].serves() {
            return;
        }
        let messages = self.redis.reader(pod).ask(now);
        let counts = &mut self.meter.counts;
        counts.redis_commands.add(Command::Xread);
        counts.redis_bytes_in += self.redis.upkeep.read.bytes_in;
        let Some(&last) = messages.last() else { return };
        let sent = self.redis.read(now, messages.len() as u32);
        let to: Subscribers = Rc::new([(pod, self.pods[pod].process)]);
        for message in messages {
            let delivery =
                Delivery { message, times: 1, to: Rc::clone(&to), reply: false, asks_again: message == last };
            // it was counted among those that are left when it was offered
            self.messages.get_mut(message).left -= 1;
            self.hand_out(delivery, sent, ctx);
        }
    }

    /// The pods whose read waits for what is added now. The others find it when they ask next.
    fn waiting_readers(&mut self, slot: u32) -> Subscribers {
        let mut waiting = Vec::new();
        for &(pod, process) in Rc::clone(&self.subscribers).iter() {
            if self.redis.reader(pod).offer(slot) {
                waiting.push((pod, process));
            } else {
                self.messages.get_mut(slot).left += 1;
            }
        }
        waiting.into()
    }

    /// The pods that get a copy of what is published now.
    fn getting(&self, reach: Reach, recipients: Recipients) -> Subscribers {
        let holders = |shares: &[Share]| {
            let listening = shares.iter().filter(|share| self.pods[share.pod].listens);
            listening.map(|share| (share.pod, self.pods[share.pod].process)).collect()
        };
        match (reach, self.rooms.find(recipients)) {
            (Reach::Holders, Some(room)) => holders(room.shares()),
            (Reach::Holders, None) => holders(self.share_of_one(recipients).as_slice()),
            (Reach::EveryPod | Reach::Caller, _) => Rc::clone(&self.subscribers),
        }
    }

    fn passage(&mut self, slot: u32) -> Passage {
        let Message { kind, own_socket, .. } = *self.messages.get_mut(slot);
        *self.redis.passages.get(kind, own_socket).expect("a message is there because its event goes to Redis")
    }
}
