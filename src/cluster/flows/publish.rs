//! What pods hand to Redis, and what comes of it on the others.

use std::rc::Rc;

use crate::cluster::adapter::{Command, Order, Reach};
use crate::cluster::deliveries::{PROMPT, Part};
use crate::cluster::flows::emit::Batch;
use crate::cluster::flows::{Message, Subscribers};
use crate::cluster::pods::Subscription;
use crate::cluster::redis::{Course, Fate, Passage, Unread};
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
    /// When Redis took it, and when the copies left.
    taken: SimTime,
    left: SimTime,
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
    /// A message reaches Redis, unless its pod died before it left.
    pub fn publish(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Message { sender, process, leaves, recipients, caller, step, more, .. } = *self.messages.get_mut(slot);
        let death = self.pods[sender].deaths.get(process as usize);
        if death.is_some_and(|&death| death < leaves) {
            return self.message_lost(slot, LossReason::PodDied);
        }
        if self.kept_back(slot, ctx) {
            return;
        }
        let (course, &passage) = self.course(slot);
        let reply = course.waits_for_reply(step);
        let Passage { message, sent: bytes_in, .. } = passage;
        let streamed = message.command == Command::Xadd;
        if streamed && self.spec.recovery.is_some() {
            self.number_event(recipients, passage.copied, now);
        }
        let to = match message.reach {
            Reach::Caller => Rc::new([caller]),
            _ if streamed => self.waiting_readers(slot),
            Reach::EveryPod => Rc::clone(&self.subscribers),
            Reach::Holders => self.holders(recipients),
        };
        let copies = to.len() as u32;
        let counts = &mut self.meter.counts;
        let times = u64::from(message.times);
        counts.redis_publish += times;
        counts.redis_commands.add_many(message.command, times);
        counts.redis_bytes_in += (bytes_in + more) * times;
        counts.redis_bytes_out += message.bytes_answered(copies) * times;
        let node = match message.command {
            Command::Publish => self.redis.node_of(sender),
            command => self.redis.node_of_channel(recipients, message.reach, command),
        };
        if message.command == Command::Publish && self.redis.nodes() > 1 {
            debug_assert!(!reply, "who waits for a reply sends SPUBLISH or XADD");
            return self.publish_in_cluster(slot, &passage, node, &to, ctx);
        }
        let (waited, sent) = self.redis.publish(now, node, message.times, copies);
        self.meter.latencies.redis_wait.record(waited);
        let delivery =
            Delivery { message: slot, times: message.times, to, taken: now, left: sent, reply, asks_again: streamed };
        self.hand_out(delivery, passage.copied, ctx);
    }

    /// A PUBLISH in a cluster: the master passes it on to all others, and each hands it to the pods that listen to it.
    fn publish_in_cluster(&mut self, slot: u32, passage: &Passage, at: u16, to: &Subscribers, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let times = passage.message.times;
        // it is there until the last master has handed it out
        self.messages.get_mut(slot).left += 1;
        for node in 0..self.redis.nodes() {
            let theirs: Subscribers = to.iter().copied().filter(|&(pod, _)| self.redis.node_of(pod) == node).collect();
            let copies = theirs.len() as u32;
            let left = if node == at {
                let (waited, sent) = self.redis.publish(now, node, times, copies);
                self.meter.latencies.redis_wait.record(waited);
                sent
            } else {
                self.redis.pass_on(now, node, times, copies)
            };
            if copies > 0 {
                let delivery =
                    Delivery { message: slot, times, to: theirs, taken: now, left, reply: false, asks_again: false };
                self.hand_out(delivery, passage.copied, ctx);
            }
        }
        self.reached(slot, 0, now);
    }

    /// Copies of so many bytes are to leave Redis.
    fn hand_out(&mut self, delivery: Delivery, bytes: u64, ctx: &mut Ctx<Event>) {
        let copies = delivery.copies();
        let message = self.messages.get_mut(delivery.message);
        message.left += 1;
        self.meter.counts.redis_copies += copies;
        self.meter.counts.redis_bytes_out += (bytes + message.more) * copies;
        let sent = delivery.left;
        let slot = self.handed_out.insert(delivery);
        ctx.schedule(sent + self.redis.hop(), Event::Copies(slot));
    }

    /// Copies reach pods: the publisher throws its own away, or serves its clients then; the others serve theirs or drop what
    /// nobody there wants.
    pub fn copies(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let delivery = self.handed_out.take(slot);
        let Delivery { message: slot, times, taken, left, .. } = delivery;
        if self.redis.went_down_in(taken, left) {
            return self.lost_in_hand(delivery, ctx);
        }
        let Delivery { to, reply, asks_again, .. } = delivery;
        let (course, &Passage { message, copied, .. }) = self.course(slot);
        let (is_event, answers) = (course.is_event, course.messages.len() - 1);
        let times = u64::from(times);
        let Message { emitted, recipients, sender, process: sender_process, caller, step, more, .. } =
            *self.messages.get_mut(slot);
        let bytes = (copied + more) * times;
        let is_asked = step == 0 && answers > 0;
        let one = self.share_of_one(recipients);
        // whoever is left out is on one of the pods
        let but = recipients.but().map(|who| self.clients.wire(who.client).pod);
        let without = but.map(|pod| self.share(pod, recipients));
        let Cluster { pods, rooms, deliveries, meter, redis, .. } = self;
        let counts = &mut meter.counts;
        let mut shares = rooms.find(recipients).map_or(one.as_slice(), Room::shares);
        let mut batch = Batch::new(emitted, recipients, false);
        let (mut polled, mut asked, mut cut_off) = (Vec::new(), Vec::new(), Vec::new());
        for &(pod, process) in to.iter() {
            let target = &mut pods[pod];
            if target.process != process {
                counts.redis_copies_undelivered += times; // that process is dead
                continue;
            }
            let members = next_share(&mut shares, pod);
            let share = without.filter(|without| without.pod == pod).unwrap_or(members);
            let is_own = (pod, process) == (sender, sender_process);
            // classic: dropped before it is decoded, whoever sent it
            let fate = if message.room_checked && members.copies() == 0 {
                Fate::Dropped
            } else {
                Fate::of(message.role, is_own, (pod, process) == caller, share.copies() == 0)
            };
            *fate.counter(counts) += times;
            let booking = match fate {
                // its cost is part of publishing
                Fate::Own if !asks_again => continue,
                Fate::Own => target.book_slowed(now, Span::ZERO),
                Fate::Dropped => target.book_slowed(now, target.copy_dropped() * times),
                Fate::Used => target.book_slowed(now, target.copy_delivered() * times),
                Fate::Served => {
                    let taken_on = target.copy_delivered() * times;
                    let booking = target.book_slowed(now, taken_on + target.send() * u64::from(share.copies()));
                    let Share { live, pollers, ghosts, .. } = share;
                    target.sends += u64::from(share.copies());
                    counts.ghost_sends += u64::from(ghosts);
                    if pollers > 0 && is_event {
                        polled.push((pod, booking.done));
                        batch.served += pollers;
                    }
                    if live > 0 && is_event {
                        let part = Part { pod, process, start: booking.start + taken_on, send: target.send() };
                        batch.add(part, live, booking.done, now, deliveries);
                    }
                    booking
                }
            };
            if asks_again {
                ctx.schedule(booking.done + redis.hop(), Event::ReadStream(pod, process as u16));
            } else if booking.start > now + PROMPT && redis.hold(pod, Unread { booking, bytes, times }, now) {
                cut_off.push(pod);
            }
            if is_asked && !is_own {
                asked.push((pod, booking.done));
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
        for (pod, done) in asked {
            self.answer_message(slot, pod, done, ctx);
        }
        self.reached(slot, served, now);
        for pod in cut_off {
            self.cut_off(pod, ctx);
        }
    }

    /// Redis went while it had copies in hand. What is in a stream stays there, for readers that come back; the rest is lost.
    fn lost_in_hand(&mut self, delivery: Delivery, ctx: &mut Ctx<Event>) {
        let Delivery { message: slot, to, asks_again, reply, .. } = &delivery;
        let slot = *slot;
        self.meter.counts.redis_copies_undelivered += delivery.copies();
        if *reply {
            self.serve_without_reply(slot, ctx);
        }
        let own = self.serves_with_own_copy(slot);
        let Message { recipients, sender, .. } = *self.messages.get_mut(slot);
        let mut lost = 0;
        for &(pod, process) in to.iter().filter(|&&(pod, process)| self.pods[pod].process == process) {
            if *asks_again {
                self.messages.get_mut(slot).left += 1;
                self.redis.reader(pod).put_back(slot);
                if self.pods[pod].listens() {
                    ctx.schedule_in(self.redis.hop(), Event::ReadStream(pod, process as u16));
                }
            } else if pod != sender || own {
                lost += self.share(pod, recipients).clients();
            }
        }
        let message = self.messages.get_mut(slot);
        let lost = lost.min(message.others);
        message.others -= lost;
        self.lose(LossReason::RedisDown, lost);
        self.reached(slot, 0, ctx.now());
    }

    /// Whether the clients of a message's own pod get it with a copy, as others do.
    pub fn serves_with_own_copy(&mut self, slot: u32) -> bool {
        self.course(slot).0.order == Order::WithOwnCopy
    }

    /// Redis has replied to a pod, whose own clients are served when its event loop comes to it; returns how many.
    pub fn replied(&mut self, pod: PodId, event: (SimTime, Recipients), ctx: &mut Ctx<Event>) -> u32 {
        let share = self.share(pod, event.1);
        let target = &mut self.pods[pod];
        let broadcast = target.stretched(self.spec.pods.costs.broadcast);
        let booking = target.book_slowed(ctx.now(), broadcast + target.send() * u64::from(share.copies()));
        self.serve(share, event, booking.start + broadcast, ctx);
        share.clients()
    }

    /// A delivery of a message has reached so many clients. After the last one, who was meant and is nowhere in reach misses
    /// it, on the way from pod to pod included; who came meanwhile gets it although nobody meant them.
    #[inline]
    pub fn reached(&mut self, slot: u32, served: u32, now: SimTime) {
        self.got(slot, served);
        let message = self.messages.get_mut(slot);
        message.left -= 1;
        if message.left > 0 {
            return;
        }
        let own = self.serves_with_own_copy(slot);
        let Message { recipients, sender, process, others, kind, .. } = self.messages.take(slot);
        if others > 0 {
            // the sender's own clients have it already
            let but = if own { None } else { Some(sender) };
            let deaf = if self.subscribers.len() < self.running.len() {
                self.lose_on_deaf_pods(recipients, but, others)
            } else {
                0
            };
            self.missed(recipients, kind, others - deaf, (sender, process), now);
        }
    }

    /// So many clients get a message, whether they were meant or have come meanwhile.
    #[inline]
    pub fn got(&mut self, slot: u32, served: u32) {
        let message = self.messages.get_mut(slot);
        let meant = served.min(message.others);
        message.others -= meant;
        self.meter.counts.deliveries_unmeant += u64::from(served - meant);
    }

    /// Of so many recipients, those are lost who are on pods that do not hear of others; returns how many.
    fn lose_on_deaf_pods(&mut self, recipients: Recipients, but: Option<PodId>, others: u32) -> u32 {
        let mut left = others;
        for (subscription, reason) in [
            (Subscription::Broken, LossReason::RedisDown),
            (Subscription::Alone, LossReason::NoAdapter),
            (Subscription::CutOff, LossReason::BufferOverflow),
        ] {
            let lost = self.on_pods(recipients, but, subscription).min(left);
            self.lose(reason, lost);
            left -= lost;
        }
        others - left
    }

    /// Recipients on pods that hear of others in this way.
    fn on_pods(&self, recipients: Recipients, but: Option<PodId>, subscription: Subscription) -> u32 {
        let pods = self.running.iter().filter(|&&pod| Some(pod) != but && self.pods[pod].subscription == subscription);
        pods.map(|&pod| self.share(pod, recipients).clients()).sum()
    }

    /// The next read of a process reaches the stream.
    pub fn read_stream(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        if self.pods[pod].process as u16 == process && self.pods[pod].listens() {
            let counts = &mut self.meter.counts;
            counts.redis_commands.add(Command::Xread);
            counts.redis_bytes_in += self.redis.upkeep.read.bytes_in;
            self.read_now(pod, ctx);
        }
    }

    /// A read finds what is there, or waits.
    pub fn read_now(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let messages = self.redis.reader(pod).ask(now);
        let Some(&last) = messages.last() else { return };
        let sent = self.redis.read(now, messages.len() as u32);
        let to: Subscribers = Rc::new([(pod, self.pods[pod].process)]);
        for message in messages {
            let (to, asks_again) = (Rc::clone(&to), message == last);
            // it was counted among those that are left when it was offered
            self.messages.get_mut(message).left -= 1;
            let bytes = self.course(message).1.copied;
            let delivery = Delivery { message, times: 1, to, taken: now, left: sent, reply: false, asks_again };
            self.hand_out(delivery, bytes, ctx);
        }
    }

    /// The pods whose read waits for what is added now. The others find it when they ask next.
    fn waiting_readers(&mut self, slot: u32) -> Subscribers {
        let mut waiting = Vec::new();
        for &pod in self.running.iter().filter(|&&pod| self.pods[pod].subscribed()) {
            if self.redis.reader(pod).offer(slot) {
                waiting.push((pod, self.pods[pod].process));
            } else {
                self.messages.get_mut(slot).left += 1;
            }
        }
        waiting.into()
    }

    /// The pods that have somebody of a target and follow it.
    fn holders(&self, recipients: Recipients) -> Subscribers {
        let one = self.share_of_one(recipients);
        let shares = self.rooms.find(recipients).map_or(one.as_slice(), Room::shares);
        let listening = shares.iter().filter(|share| self.pods[share.pod].listens());
        listening.map(|share| (share.pod, self.pods[share.pod].process)).collect()
    }

    /// What a message is part of, and itself.
    #[inline(always)]
    pub fn course(&mut self, slot: u32) -> (&Course, &Passage) {
        let Message { kind, origin, step, .. } = *self.messages.get_mut(slot);
        let course = self.redis.courses.get(kind, origin);
        (course, &course.messages[usize::from(step)])
    }
}
