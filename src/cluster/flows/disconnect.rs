//! A connection ends: known to both sides, or as a ghost that the pod serves until its heartbeat fails.

use crate::cluster::clients::{ClientId, Link};
use crate::cluster::pods::Members;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};
use crate::metrics::{CloseReason, FailReason};

/// A connection whose client is gone without the pod knowing.
pub struct Ghost {
    client: ClientId,
    pod: PodId,
    process: u32,
}

impl Cluster<'_> {
    /// A client's end of a connection is gone: it left, or its network changed. The pod learns of the first when the
    /// close arrives, of the second when its heartbeat fails; until then it sends to a ghost.
    pub fn lose_connection(&mut self, client: ClientId, reason: CloseReason, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let (pod, process) = (self.clients[client].pod, self.wire(client).process);
        self.settle(pod, now);
        self.freeze(pod);
        self.remove_live(client, pod);
        let target = &mut self.pods[pod];
        target.all.ghosts += 1;
        for room in self.rooms.of(client) {
            target.rooms.entry(*room).or_default().ghosts += 1;
        }
        let noticed = match reason {
            CloseReason::SessionEnd => now + self.clients[client].one_way(),
            _ => self.noticed_at(client, now),
        };
        let ghost = self.ghosts.insert(Ghost { client, pod, process });
        ctx.schedule(noticed, Event::GhostNoticed(ghost));
        self.connection_ended(client, reason, now);
    }

    /// A pod notices that a connection is dead and cleans up.
    pub fn ghost_noticed(&mut self, ghost: u32, ctx: &mut Ctx<Event>) {
        let Ghost { client, pod, process } = self.ghosts.take(ghost);
        let now = ctx.now();
        if self.pods[pod].process != process {
            return; // the process died first, and its ghosts with it
        }
        self.settle(pod, now);
        let target = &mut self.pods[pod];
        target.all.ghosts -= 1;
        target.count_heartbeats();
        for room in self.rooms.of(client) {
            if let Some(members) = target.rooms.get_mut(room) {
                members.ghosts -= 1;
                if members.live.is_empty() && members.ghosts == 0 {
                    target.rooms.remove(room);
                }
            }
        }
        target.book(now, self.spec.pods.costs.disconnect);
        self.balancer.finished(pod);
    }

    /// A pod's process ends: every client on it, or about to be, sees the connection close after half a round trip and
    /// comes back.
    pub fn close_all(&mut self, pod: PodId, reason: CloseReason, ctx: &mut Ctx<Event>) {
        for client in self.clients.ids() {
            let record = &self.clients[client];
            if record.link == Link::Connecting && record.pod == pod && self.wire(client).upgrading {
                self.attempt_failed(client, FailReason::PodDied, record.one_way(), ctx);
            }
        }
        let Members { live, .. } = std::mem::take(&mut self.pods[pod].all);
        self.pods[pod].count_heartbeats();
        self.pods[pod].rooms.clear();
        for client in live {
            self.connection_ended(client, reason, ctx.now());
            self.retry_later(client, self.clients[client].one_way(), ctx);
        }
    }

    /// What every end of a connection has in common, seen from the client.
    fn connection_ended(&mut self, client: ClientId, reason: CloseReason, now: SimTime) {
        let record = &mut self.clients[client];
        record.link = Link::None;
        let wire = &mut self.wires[record.wire as usize];
        wire.lost_one |= reason != CloseReason::SessionEnd;
        wire.lost_pod = record.pod;
        wire.lost_at = now;
        wire.attempt = 0;
        self.meter.counts.closed.add(reason);
        if wire.opened_at < SimTime::NEVER {
            self.meter.latencies.session.record(now - wire.opened_at);
        }
        self.meter.counts.heartbeats += self.pings(client, now);
        self.rooms.count_online(client, -1);
        self.online -= 1;
    }

    /// Takes a client out of the live connections of its pod; the last one takes its place.
    fn remove_live(&mut self, client: ClientId, pod: PodId) {
        let target = &mut self.pods[pod];
        let position = self.wires[self.clients[client].wire as usize].position as usize;
        target.all.live.swap_remove(position);
        if let Some(&moved) = target.all.live.get(position) {
            self.wires[self.clients[moved].wire as usize].position = position as u32;
        }
        let rooms = self.rooms.of(client).to_vec();
        for room in rooms {
            let Some(members) = target.rooms.get_mut(&room) else { continue };
            let position = *self.rooms.position_mut(client, room) as usize;
            members.live.swap_remove(position);
            if let Some(&moved) = members.live.get(position) {
                *self.rooms.position_mut(moved, room) = position as u32;
            }
        }
    }

    /// Heartbeats are not events: how many there were follows from how long a connection was open. Those of the
    /// connections that are open now, which no counter has yet.
    pub fn open_heartbeats(&self, now: SimTime) -> u64 {
        let open = self.clients.ids().filter(|&client| self.clients[client].link == Link::Open);
        open.map(|client| self.pings(client, now)).sum()
    }
}
