//! Pods and their clients answer what another pod has asked.

use crate::cluster::adapter::Senders;
use crate::cluster::flows::Message;
use crate::cluster::redis::{EventKind, Origin};
use crate::cluster::rooms::{Member, Recipients};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};

impl Cluster<'_> {
    /// A pod has taken on the first message of a course, at `done`: it answers, and so do its clients.
    pub fn answer_message(&mut self, slot: u32, pod: PodId, done: SimTime, ctx: &mut Ctx<Event>) {
        let Message { kind, origin, step, caller, recipients, .. } = *self.messages.get_mut(slot);
        if step > 0 {
            return;
        }
        let course = self.redis.courses.get(kind, origin);
        let answers: Vec<(u8, Senders, u32)> = (1u8..)
            .zip(&course.messages[1..])
            .map(|(step, answer)| (step, answer.message.senders, answer.message.per_member))
            .collect();
        let share = self.share(pod, recipients);
        for (step, senders, per_member) in answers {
            let asked = Asked { kind, origin, step, caller };
            match senders {
                Senders::EachOtherPod => {
                    let clients = if per_member > 0 { share.live + share.pollers } else { 0 };
                    self.send_answer(pod, asked, u64::from(per_member * clients), done, ctx);
                }
                Senders::EachClientElsewhere | Senders::Owner => {
                    for one_way in self.one_ways(pod, recipients) {
                        self.send_answer(pod, asked, 0, done + one_way * 2, ctx);
                    }
                }
                Senders::Caller | Senders::Outside => {}
            }
        }
    }

    /// One answer leaves a pod, at `ready` at the earliest.
    fn send_answer(&mut self, pod: PodId, asked: Asked, more: u64, ready: SimTime, ctx: &mut Ctx<Event>) {
        let target = &mut self.pods[pod];
        let booking = target.book(ctx.now(), self.spec.pods.costs.publish);
        let leaves = booking.done.max(ready);
        let Asked { kind, origin, step, caller } = asked;
        let message = Message {
            emitted: leaves,
            recipients: Recipients::Nobody,
            kind,
            origin,
            step,
            caller,
            more,
            others: 0,
            sender: pod,
            process: target.process,
            leaves,
            given_up: false,
            left: 0,
        };
        let slot = self.messages.insert(message);
        ctx.schedule(leaves + self.redis.hop(), Event::Publish(slot));
    }

    /// The trips to the clients that a pod has of a target.
    fn one_ways(&self, pod: PodId, recipients: Recipients) -> Vec<Span> {
        let there = |member: &Member| member.path.pod == pod && Some(member.who) != recipients.but();
        match (recipients, self.rooms.find(recipients)) {
            (_, Some(room)) => {
                let all = room.members().iter().chain(room.pollers().iter().copied());
                all.filter(there).map(|member| member.path.one_way()).collect()
            }
            (Recipients::One(client, _), _) => self
                .share_of_one(recipients)
                .map(|_| self.member(client))
                .filter(there)
                .map(|member| member.path.one_way())
                .into_iter()
                .collect(),
            (_, None) => Vec::new(),
        }
    }
}

/// What is answered.
#[derive(Clone, Copy)]
struct Asked {
    kind: EventKind,
    origin: Origin,
    step: u8,
    caller: (PodId, u32),
}
