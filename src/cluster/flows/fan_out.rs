//! What becomes of requests and broadcasts: answers, deliveries, losses.
//!
//! No event marks their end. Their outcome is recorded when it is known and somebody needs it, many at a time.

use std::rc::Rc;

use crate::cluster::deliveries::{Audience, FanOut, Part};
use crate::cluster::pods::Job;
use crate::cluster::rooms::{Member, Room};
use crate::cluster::{Cluster, PodId};
use crate::engine::{SimTime, Span};
use crate::metrics::{FailReason, LossReason};

/// No trip takes longer: trips are kept in 32 bits.
pub const LONGEST_TRIP: Span = Span::from_nanos(u32::MAX as u64);

/// If only one in so many recipients gets a copy from a broadcast, they are looked for one by one.
const RARE: usize = 4;

impl Cluster<'_> {
    /// Records everything that is done by `now`.
    pub fn settle_all(&mut self, now: SimTime) {
        for pod in self.pods.ids() {
            self.settle(pod, now);
        }
        self.settle_finishing(now);
        self.give_up_handled(now);
        self.settle_fan_outs(now);
    }

    /// Records the requests of a pod that are done by `now`, or given up by then.
    pub fn settle(&mut self, pod: PodId, now: SimTime) {
        // a handler that asks a store before it takes its turn may overtake another
        let in_order = !self.requests_look_up();
        let Cluster { pods, meter, .. } = self;
        let pod = &mut pods[pod];
        let known = std::mem::replace(&mut pod.given_up_until, now);
        let mut given_up = 0;
        let in_time = pod.take_done(now).filter(|job| {
            let late = job.is_late();
            given_up += u64::from(late && !job.is_given_up(known));
            !late
        });
        let answered = meter.latencies.request.record_all(in_time.map(|job| job.latency));
        meter.counts.requests_answered += answered;
        given_up += pod.given_up(known, now, in_order);
        meter.counts.requests_failed.add_many(FailReason::TimedOut, given_up);
    }

    /// Records what processes that ended in order had still to answer, as far as it is done or given up by `now`.
    fn settle_finishing(&mut self, now: SimTime) {
        let is_over = |job: &Job| job.done <= now || job.is_given_up(now);
        let (over, left): (Vec<Job>, Vec<Job>) = std::mem::take(&mut self.finishing).into_iter().partition(is_over);
        self.finishing = left;
        for job in over {
            self.record(&job);
        }
    }

    /// Records the broadcasts that are done by `now`.
    pub fn settle_fan_outs(&mut self, now: SimTime) {
        let mut deliveries = std::mem::take(&mut self.deliveries);
        while let Some((fan_out, to, parts)) = deliveries.pop_prompt(now) {
            let undisturbed = self.is_undisturbed(&fan_out, &to);
            self.deliver(&fan_out, deliveries.parts(parts), &to, undisturbed);
        }
        while let Some((fan_out, to, parts)) = deliveries.pop_late(now) {
            self.deliver(&fan_out, deliveries.late_parts(parts), &to, false);
        }
        deliveries.forget_what_was_popped();
        self.deliveries = deliveries;
    }

    /// Records the parts of broadcasts that a process did not finish before it ended.
    pub fn settle_late_of(&mut self, pod: PodId, process: u32) {
        for (fan_out, part, members) in self.deliveries.take_late(pod, |_, part| part.process == process) {
            self.deliver(&fan_out, &[part], &Audience::Room(members, None), false);
        }
    }

    /// The requests of a process that ended now before they were done, when all are recorded that were given up by now.
    /// `answered`: they are finished nevertheless (a shutdown in order waits for them).
    pub fn leave_unfinished(&mut self, jobs: Vec<Job>, now: SimTime, answered: bool) {
        let left = jobs.into_iter().filter(|job| !job.is_given_up(now));
        if answered {
            self.finishing.extend(left);
        } else {
            self.meter.counts.requests_failed.add_many(FailReason::PodDied, left.count() as u64);
        }
    }

    /// Records the outcome of one request that is over.
    pub fn record(&mut self, job: &Job) {
        let counts = &mut self.meter.counts;
        if job.is_late() {
            counts.requests_failed.add(FailReason::TimedOut);
        } else {
            counts.requests_answered += 1;
            self.meter.latencies.request.record(job.latency);
        }
    }

    /// The end of the run: what is not done by now is in flight.
    pub fn settle_for_good(&mut self, horizon: SimTime) {
        self.settle_all(horizon);
        self.settle_fan_outs(SimTime::NEVER);
        let unfinished = self.pods.ids().flat_map(|pod| self.pods[pod].unfinished());
        let in_flight = unfinished.filter(|job| !job.is_given_up(horizon)).count() + self.finishing.len();
        self.meter.counts.requests_in_flight += in_flight as u64;
    }

    /// Whether all connections that a broadcast was meant for are still there: whoever connects or loses a connection
    /// changes the list of a room.
    fn is_undisturbed(&self, fan_out: &FanOut, to: &Audience) -> bool {
        match to {
            Audience::One(Member { who, .. }) => self.clients.ended_at(who.client, who.connection) == SimTime::NEVER,
            Audience::Room(members, _) => {
                self.rooms.find(fan_out.recipients).is_some_and(|room| Rc::ptr_eq(members, room.members()))
            }
        }
    }

    /// Records a broadcast. The copies of each pod leave one after the other, each for a client whose connection ends at
    /// some time, at the latest with the process. What has left arrives half a round trip later.
    fn deliver(&mut self, fan_out: &FanOut, parts: &[Part], to: &Audience, undisturbed: bool) {
        self.progress.begin(fan_out, parts, self.pods.len());
        let delivered = if undisturbed && fan_out.done + LONGEST_TRIP <= self.meter.horizon {
            // every copy leaves, and arrives before the end of the run
            let copies = u64::from(fan_out.copies);
            let histogram = self.meter.latencies.event_mut(fan_out.local);
            let mut delivered = 0;
            for paths in to.paths().into_iter().filter(|paths| !paths.is_empty()) {
                let left = copies - delivered;
                delivered += if (left as usize) < paths.len() / RARE {
                    histogram.record_all(self.progress.few_latencies(paths, left as usize))
                } else {
                    histogram.record_some(self.progress.latencies(paths))
                };
            }
            delivered
        } else {
            for part in parts.iter().filter(|part| !part.is_void()) {
                let death = self.pods[part.pod].deaths.get(part.process as usize);
                self.progress.set_death(part.pod, death.copied().unwrap_or(SimTime::NEVER));
            }
            self.deliver_one_by_one(fan_out, to)
        };
        let counts = &mut self.meter.counts;
        *(if fan_out.local { &mut counts.delivered_local } else { &mut counts.delivered_cross }) += delivered;
    }

    /// Connections ended meanwhile, or the run ends. Returns how many copies arrive.
    fn deliver_one_by_one(&mut self, fan_out: &FanOut, to: &Audience) -> u64 {
        let Cluster { progress, meter, clients, rooms, sessions, .. } = self;
        let counts = &mut meter.counts;
        let horizon = meter.horizon;
        // most members are where they were: they need not be looked at themselves
        let now = rooms.find(fan_out.recipients).map(Room::members);
        let arrivals = to.members().filter_map(|(position, Member { path, who })| {
            let (left, death) = progress.next(path.pod)?;
            let leaves = fan_out.emitted + left;
            let is_open = now.is_some_and(|now| now.who(position) == Some(who));
            let ended = if is_open { SimTime::NEVER } else { clients.ended_at(who.client, who.connection) };
            let ends = ended.min(death);
            let arrives = leaves + path.one_way();
            if leaves > ends {
                if ends == death {
                    counts.lost.add(LossReason::PodDied);
                } else {
                    counts.lost.add(LossReason::RecipientOffline);
                    sessions.miss_on_the_way(who, 1, clients[who.client].link);
                }
                None
            } else if arrives > horizon {
                counts.deliveries_in_flight += 1;
                None
            } else {
                Some(arrives - fan_out.emitted)
            }
        });
        meter.latencies.event_mut(fan_out.local).record_all(arrivals)
    }
}
