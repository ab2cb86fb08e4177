//! Pods and their clients answer what another pod has asked.

use crate::cluster::adapter::Senders;
use crate::cluster::flows::Message;
use crate::cluster::rooms::{Member, Recipients};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};

impl Cluster<'_> {
    /// A pod has taken on the first message of a course, at `done`: it answers, and so do its clients.
    pub fn answer_message(&mut self, slot: u32, pod: PodId, done: SimTime, ctx: &mut Ctx<Event>) {
        let asked = *self.messages.get_mut(slot);
        let clients = self.share(pod, asked.recipients).clients();
        for step in 1..self.course(slot).0.messages.len() {
            let message = self.course(slot).0.messages[step].message;
            let answer = Message { step: step as u8, recipients: Recipients::Nobody, others: 0, left: 0, ..asked };
            match message.senders {
                Senders::EachOtherPod => {
                    let more = u64::from(message.per_member * clients);
                    self.send_answer(pod, Message { more, ..answer }, done, ctx);
                }
                Senders::EachClientElsewhere | Senders::Owner => {
                    for one_way in self.one_ways(pod, asked.recipients) {
                        self.send_answer(pod, answer, done + one_way * 2, ctx);
                    }
                }
                Senders::Caller | Senders::Outside => {}
            }
        }
    }

    /// One answer leaves a pod, at `ready` at the earliest.
    fn send_answer(&mut self, pod: PodId, answer: Message, ready: SimTime, ctx: &mut Ctx<Event>) {
        let target = &mut self.pods[pod];
        let leaves = target.book(ctx.now(), self.spec.pods.costs.publish).done.max(ready);
        let slot =
            self.messages.insert(Message { emitted: leaves, sender: pod, process: target.process, leaves, ..answer });
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
