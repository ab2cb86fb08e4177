//! Pods subscribe and unsubscribe.

use std::rc::Rc;

use crate::cluster::adapter::Times;
use crate::cluster::flows::emit::Emission;
use crate::cluster::pods::Subscription;
use crate::cluster::redis::{Commands, Upkeep};
use crate::cluster::rooms::Room;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};
use crate::metrics::Counts;

impl Cluster<'_> {
    /// A process listens to what others publish from now on: when it is ready or, if the adapter waits for that, when its
    /// first client is there.
    pub fn listen(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        if self.pods[pod].is_alone() {
            return;
        }
        if self.redis.is_down(now) {
            return self.break_connections(pod, ctx);
        }
        self.pods[pod].subscription = Subscription::Live;
        self.command(pod, |upkeep| &upkeep.start, 1, now);
        self.resubscribe();
        self.read_now(pod, ctx);
    }

    /// A process ends, in order or not: nobody listens any more. What it has not read of a stream goes to nobody else.
    pub fn stop_listening(&mut self, pod: PodId, in_order: bool, now: SimTime) {
        self.redis.set_back(pod, SimTime::ZERO);
        let was = std::mem::replace(&mut self.pods[pod].subscription, Subscription::None);
        if !matches!(was, Subscription::Live | Subscription::Broken | Subscription::CutOff) {
            return;
        }
        if in_order && was == Subscription::Live {
            self.command(pod, |upkeep| &upkeep.close, 1, now);
        }
        self.sent_again(pod, now);
        for message in self.redis.reader(pod).stop() {
            self.reached(message, 0, now);
        }
        self.resubscribe();
    }

    /// The processes that listen now.
    pub fn resubscribe(&mut self) {
        let listening = self.running.iter().copied().filter(|&pod| self.pods[pod].listens());
        self.subscribers = listening.map(|pod| (pod, self.pods[pod].process)).collect();
    }

    /// A client is connected to a pod, which had nobody of so many of its rooms.
    pub fn client_joins(&mut self, pod: PodId, new_rooms: u32, now: SimTime) {
        if self.redis.upkeep.follows {
            self.command(pod, |upkeep| &upkeep.connect, 1, now);
            self.command(pod, |upkeep| &upkeep.join, u64::from(new_rooms), now);
        }
    }

    /// A pod has cleaned up after a client, and has nobody of so many of its rooms any more.
    pub fn client_left(&mut self, pod: PodId, empty_rooms: u32, now: SimTime) {
        if self.redis.upkeep.follows {
            self.command(pod, |upkeep| &upkeep.disconnect, 1, now);
            self.command(pod, |upkeep| &upkeep.leave, u64::from(empty_rooms), now);
        }
    }

    /// Reads of the stream that found nothing up to now.
    pub fn count_reads(&mut self, now: SimTime) {
        for pod in self.pods.ids() {
            self.sent_again(pod, now);
        }
    }

    /// Counts them without their being anything that Redis does now.
    pub fn count_waiting_reads(&self, now: SimTime, counts: &mut Counts) {
        for pod in self.pods.ids().filter(|&pod| self.has_connection(pod, now)) {
            self.redis.upkeep.read.count(self.redis.waiting_reads(pod, now), counts);
        }
    }

    /// The command of a reader that waits has been sent again some times.
    pub fn sent_again(&mut self, pod: PodId, now: SimTime) {
        let times = self.redis.reader(pod).sent_again(now);
        self.command(pod, |upkeep| &upkeep.read, times, now);
    }

    /// Commands that go along with what a pod emits or asks.
    pub fn asides(&mut self, pod: PodId, emission: &Emission, now: SimTime) {
        let course = self.redis.courses.get(emission.kind, emission.origin);
        if course.asides.is_empty() || !self.has_connection(pod, now) {
            return;
        }
        let one = self.share_of_one(emission.recipients);
        let shares = self.rooms.find(emission.recipients).map_or(one.as_slice(), Room::shares);
        let mut commands = Commands::default();
        for aside in &course.asides {
            let times = match aside.times {
                Times::Exactly(times) => u64::from(times),
                Times::PerPod => self.subscribers.len() as u64,
                Times::PerHolder => shares.len() as u64,
                Times::IfHeldHere => u64::from(shares.iter().any(|share| share.pod == pod)),
                Times::PerMember => shares.iter().map(|share| u64::from(share.clients())).sum(),
            };
            commands.add(aside, times, self.subscribers.len() as u32);
        }
        self.send(pod, &commands, 1, now);
    }

    /// Whether a pod can send commands. What it subscribes to meanwhile, it does when its connection is back.
    pub fn has_connection(&self, pod: PodId, now: SimTime) -> bool {
        let has = matches!(self.pods[pod].subscription, Subscription::None | Subscription::Live | Subscription::CutOff);
        has && !self.redis.is_down(now)
    }

    /// Commands of a pod reach Redis so many times. Those of the start belong to the time before the run.
    pub fn command(&mut self, pod: PodId, which: fn(&Upkeep) -> &Commands, times: u64, now: SimTime) {
        if times == 0 || now == SimTime::ZERO || !self.has_connection(pod, now) {
            return;
        }
        let upkeep = Rc::clone(&self.redis.upkeep);
        self.send(pod, which(&upkeep), times, now);
    }

    /// Commands of a pod that nobody waits for reach Redis so many times.
    pub fn send(&mut self, pod: PodId, commands: &Commands, times: u64, now: SimTime) {
        commands.count(times, &mut self.meter.counts);
        self.redis.serve_upkeep(now, pod, commands.total() * times);
    }
}
