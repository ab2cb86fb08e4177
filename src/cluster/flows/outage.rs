//! Redis is gone for a while, or stands still.

use crate::cluster::adapter::Adapter;
use crate::cluster::deliveries::{FanOut, PROMPT, Part};
use crate::cluster::flows::Message;
use crate::cluster::pods::Subscription;
use crate::cluster::purpose::Purpose;
use crate::cluster::redis::{Keeps, Unread};
use crate::cluster::rooms::Member;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::LossReason;

/// What becomes of a command that is ready to be sent.
pub enum Sending {
    /// It is on its way.
    Now,
    /// It waits for the connection, which is there then.
    At(SimTime),
    /// It waits until then, and fails.
    GivenUp(SimTime),
}

impl Cluster<'_> {
    /// Redis takes nothing for so long: connections break, what it had in hand is lost. Each pod tries again with each of its
    /// connections, so some publish while others do not listen yet.
    pub fn redis_outage(&mut self, lasts: Span, forgets: Option<Span>, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let until = now + lasts;
        self.meter.mark(now, "Redis is gone".to_owned());
        if let Some(length) = forgets {
            self.sessions.forget(now, length);
        }
        self.redis.go_down(now, until);
        for pod in self.running.clone() {
            if self.pods[pod].subscribed() {
                self.break_connections(pod, ctx);
            }
        }
        self.resubscribe();
    }

    /// Redis does nothing else for so long: a slow command, a fork. What comes waits.
    pub fn redis_stall(&mut self, lasts: Span, now: SimTime) {
        self.meter.mark(now, "Redis stands still".to_owned());
        self.redis.stall(now, lasts);
    }

    /// A process has no connections from now on, until each of them is made again.
    pub fn break_connections(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let [publishes, listens] = self.back_at(pod, now);
        self.redis.set_back(pod, publishes);
        self.sent_again(pod, now);
        self.redis.reader(pod).pause();
        self.pods[pod].subscription = Subscription::Broken;
        ctx.schedule(listens, Event::Reconnected(pod, self.pods[pod].process as u16));
    }

    /// A pod has not read what Redis holds for it, which closes that connection: what it held is gone. The pod notices when it has
    /// done what it had read, and connects again.
    pub fn cut_off(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.meter.mark(now, format!("Redis cuts off pod-{}", pod.raw()));
        self.meter.counts.redis_cuts += 1;
        let process = self.pods[pod].process;
        for Unread { booking, times, .. } in self.redis.drop_held(pod, now) {
            self.pods[pod].unbook(booking, now);
            self.meter.counts.redis_copies_cut += times;
        }
        let is_held =
            |fan_out: &FanOut, part: &Part| !fan_out.local && part.process == process && part.start > now + PROMPT;
        for (_, _, members) in self.deliveries.take_late(pod, is_held) {
            for Member { who, .. } in members.iter() {
                if self.clients.ended_at(who.client, who.connection) > now {
                    self.lose(LossReason::BufferOverflow, 1);
                } else {
                    self.lose(LossReason::RecipientOffline, 1);
                    self.sessions.miss_on_the_way(who, 1, self.clients[who.client].link);
                }
            }
        }
        self.pods[pod].subscription = Subscription::CutOff;
        self.resubscribe();
        let notices = self.pods[pod].free_at(now);
        let mut stream =
            Purpose::RedisLink.stream(self.seed, pod.raw(), u32::MAX - self.meter.counts.redis_cuts as u32);
        let back = self.spec.redis.client.after_close(notices, &mut stream);
        ctx.schedule(back, Event::Reconnected(pod, process as u16));
    }

    /// When the two connections of a process are back: the one that publishes and the one that listens.
    fn back_at(&self, pod: PodId, since: SimTime) -> [SimTime; 2] {
        // nothing happens after the end
        let until = self.redis.back().min(self.meter.horizon + Span::from_secs(1));
        [0, 1].map(|connection| {
            let mut stream = Purpose::RedisLink.stream(self.seed, pod.raw(), self.redis.outages() * 2 + connection);
            self.spec.redis.client.back_at(since, until, &mut stream)
        })
    }

    /// The connection of a process that listens is back.
    pub fn reconnected(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let target = &self.pods[pod];
        // another outage began meanwhile: its own attempts go on
        if target.process as u16 != process || !target.life.runs() || target.listens() || self.redis.is_down(now) {
            return;
        }
        self.listen(pod, ctx);
        let rooms = self.rooms.iter().filter(|room| room.share(pod).copies() > 0).count() as u64;
        if self.redis.upkeep.follows {
            let clients = u64::from(self.pods[pod].connections());
            self.command(pod, |upkeep| &upkeep.join, rooms, now);
            self.command(pod, |upkeep| &upkeep.connect, clients, now);
        }
    }

    /// When a process that starts while Redis is gone has its connections.
    pub fn redis_back_for(&self, pod: PodId, now: SimTime) -> Option<SimTime> {
        let adapter = self.spec.redis.law.adapter;
        let needs_it = adapter != Adapter::None && adapter.subscribes_at_start();
        (needs_it && self.redis.is_down(now)).then(|| {
            let [publishes, listens] = self.back_at(pod, now);
            publishes.max(listens)
        })
    }

    /// A message is ready to be sent and its pod has no connection: the library keeps it back, or gives it up. True: it is not to
    /// be published now.
    pub fn kept_back(&mut self, slot: u32, ctx: &mut Ctx<Event>) -> bool {
        let Message { sender, leaves, given_up, .. } = *self.messages.get_mut(slot);
        let now = ctx.now();
        if given_up {
            // who waits for Redis with its own clients serves them all the same (`broadcast` of `ClusterAdapter` catches the error)
            self.serve_without_reply(slot, ctx);
            self.message_lost(slot, LossReason::RedisDown);
            return true;
        }
        match self.sending(sender, leaves, now) {
            Sending::Now => return false,
            Sending::At(back) => {
                self.messages.get_mut(slot).leaves = back;
                ctx.schedule(back + self.redis.hop(), Event::Publish(slot));
            }
            Sending::GivenUp(at) => {
                self.messages.get_mut(slot).given_up = true;
                ctx.schedule(at, Event::Publish(slot));
            }
        }
        true
    }

    /// What the library of a pod does with a command that was ready then.
    pub fn sending(&mut self, pod: PodId, ready: SimTime, now: SimTime) -> Sending {
        if self.redis.is_down(now) && self.redis.back_for(pod) <= now {
            // a process that had not used its connection yet finds that there is none
            let [publishes, _] = self.back_at(pod, now);
            self.redis.set_back(pod, publishes);
        }
        if self.pods[pod].is_alone() {
            return Sending::GivenUp(now);
        }
        let back = self.redis.back_for(pod);
        if back <= now {
            return Sending::Now;
        }
        let limit = match self.spec.redis.client.keeps_back() {
            Keeps::Nothing => Some(Span::ZERO),
            Keeps::For(limit) => Some(limit),
            Keeps::Everything => None,
        };
        match limit {
            Some(limit) if ready + limit < back => Sending::GivenUp(now.max(ready + limit)),
            _ => Sending::At(back),
        }
    }

    /// No reply comes for a message: the clients of its pod that wait for it are served without.
    pub fn serve_without_reply(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let Message { emitted, recipients, sender, process, step, .. } = *self.messages.get_mut(slot);
        if self.course(slot).0.waits_for_reply(step) && self.pods[sender].process == process {
            let served = self.replied(sender, (emitted, recipients), ctx);
            self.got(slot, served);
        }
    }

    /// A message goes nowhere: for those who are there, and have not got it from its own pod, it is lost for this reason.
    pub fn message_lost(&mut self, slot: u32, reason: LossReason) {
        let own = self.serves_with_own_copy(slot);
        let Message { recipients, others, sender, .. } = self.messages.take(slot);
        let here = self.share(sender, recipients);
        let served = if own { 0 } else { here.clients() };
        let (_, online) = self.reach(recipients);
        let reachable = (online - served).min(others);
        self.lose(reason, reachable);
        self.lose(LossReason::RecipientOffline, others - reachable); // it is in no stream, and in no list
    }
}
