//! A connection ends: known to both sides, or as a ghost that the pod serves until its heartbeat fails.

use crate::cluster::clients::{Client, ClientId, Link, Wire};
use crate::cluster::flows::poll::CONNECT_TIMEOUT;
use crate::cluster::path::Tunnel;
use crate::cluster::purpose::Purpose;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::{CloseReason, FailReason};

/// A connection whose client is gone without the pod knowing.
pub struct Ghost {
    pub client: ClientId,
    pub pod: PodId,
    pub process: u32,
    /// Instance of the balancer that holds the tunnel.
    instance: u16,
    tunnel: Option<Tunnel>,
    /// The balancer has lost count of it when its connection was opened before a reload.
    opened_at: SimTime,
    /// When the pod notices by itself.
    pub noticed_at: SimTime,
    /// It went by long polling: the balancer holds nothing for it.
    polled: bool,
    /// It is in the rooms of its client, as this connection.
    joined: Option<u32>,
}

/// What a balancer cuts.
pub enum Cut {
    /// Tunnels that are older than a reload.
    Before(SimTime),
    /// Those to a process that has left its list.
    To(PodId, u32),
}

impl Cluster<'_> {
    /// A client's end of a connection is gone: it left, or its network changed. The pod learns of the first when the
    /// close arrives, of the second when its heartbeat fails; until then it sends to a ghost. `goodbye`: the client polls, and
    /// a last POST of it reaches the balancer then.
    pub fn lose_connection(
        &mut self,
        client: ClientId,
        reason: CloseReason,
        goodbye: Option<SimTime>,
        ctx: &mut Ctx<Event>,
    ) {
        let now = ctx.now();
        self.settle_fan_outs(now); // while their lists are unchanged
        let &Wire { pod, process, instance, opened_at, connection, .. } = self.clients.wire(client);
        let polled = self.pollers.has(client);
        self.remove_live(client, pod);
        self.pods[pod].pollers -= u32::from(polled);
        self.pods[pod].leave_ghost(polled);
        self.rooms.disconnect(client, pod, true);
        let noticed_at = match reason {
            // the close travels to the pod
            CloseReason::SessionEnd | CloseReason::Refresh | CloseReason::PingTimeout => {
                now + self.clients[client].one_way()
            }
            _ => self.noticed_at(client, now),
        };
        // who stands still notices nothing
        let noticed_at = noticed_at.max(self.pods[pod].life.frozen_until);
        let tunnel = if self.path.tunnels.is_empty() { None } else { self.path.tunnels.remove(&client) };
        if polled {
            self.path.uncount(instance, pod);
        }
        let ghost =
            Ghost { client, pod, process, instance, tunnel, opened_at, noticed_at, polled, joined: Some(connection) };
        self.add_ghost(ghost, goodbye, ctx);
        self.connection_ended(client, reason, now);
    }

    /// A client has not heard a ping for too long.
    pub fn silence_noticed(&mut self, client: ClientId, epoch: u16, ctx: &mut Ctx<Event>) {
        if self.clients.wire(client).epoch != epoch {
            return;
        }
        match self.clients[client].link {
            Link::Open => {
                self.lose_connection(client, CloseReason::PingTimeout, None, ctx);
                self.retry_later(client, Span::ZERO, ctx);
            }
            Link::HalfOpen => self.half_open_noticed(client, ctx),
            Link::None | Link::Waiting | Link::Connecting | Link::Left => {}
        }
    }

    /// A client loads its page anew.
    pub fn refresh(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let Client { number, link, .. } = self.clients[client];
        let Some(refresh) = &self.audience_of(client).refresh else { return };
        if link == Link::Left {
            return;
        }
        let habits = self.clients.habits_mut(client);
        habits.refreshes += 1;
        // draws of their own number, apart from the time of the next one
        let load = refresh.load.span(&mut Purpose::Refresh.stream(self.seed, number, habits.refreshes | 1 << 31));
        match link {
            Link::Open => self.lose_connection(client, CloseReason::Refresh, None, ctx),
            Link::HalfOpen => self.half_open_ended(client, ctx),
            Link::Connecting => self.abandon_attempt(client, ctx),
            Link::None | Link::Waiting | Link::Left => {}
        }
        // what the old page had not sent is lost with it
        self.abandon_acks(client);
        self.sessions.new_page(client);
        for event in self.held.remove(&client).unwrap_or_default() {
            self.not_sent(client, event.item, event.n);
        }
        self.clients.wire_mut(client).attempt = 0;
        self.begin_anew(client, Some(load), ctx);
        self.schedule_refresh(client, false, ctx);
    }

    /// When a client loads its page anew for the next time, if it ever does.
    pub fn schedule_refresh(&mut self, client: ClientId, at_start: bool, ctx: &mut Ctx<Event>) {
        let Some(refresh) = &self.audience_of(client).refresh else { return };
        let refreshes = self.clients.habits(client).map_or(0, |habits| habits.refreshes);
        let stream = Purpose::Refresh.stream(self.seed, self.clients[client].number, refreshes);
        self.schedule_habit(client, &refresh.every, stream, at_start, Event::Refresh(client), ctx);
    }

    /// A client gives a session up before it is connected; the pod keeps it until it is told, or until it finds that nobody
    /// joins.
    pub fn leave_session(&mut self, client: ClientId, goodbye: Option<SimTime>, ctx: &mut Ctx<Event>) {
        self.end_polling(client);
        let &Wire { pod, process, instance, opened_at, upgrading, .. } = self.clients.wire(client);
        if !upgrading {
            return; // the process has ended
        }
        self.path.uncount(instance, pod);
        self.forget_upgrade(client);
        let target = &mut self.pods[pod];
        target.leave_ghost(true);
        target.connections_changed();
        let noticed_at = ctx.now() + CONNECT_TIMEOUT;
        let ghost =
            Ghost { client, pod, process, instance, tunnel: None, opened_at, noticed_at, polled: true, joined: None };
        self.add_ghost(ghost, goodbye, ctx);
    }

    fn add_ghost(&mut self, ghost: Ghost, goodbye: Option<SimTime>, ctx: &mut Ctx<Event>) {
        let noticed_at = ghost.noticed_at;
        self.clients.speak_of(ghost.client, noticed_at, ctx.now());
        let slot = self.ghosts.insert(ghost);
        match goodbye {
            Some(at) => ctx.schedule(at, Event::Goodbye(slot)),
            None => ctx.schedule(noticed_at, Event::GhostNoticed(slot)),
        }
    }

    /// A pod notices that a connection is dead and cleans up.
    pub fn ghost_noticed(&mut self, ghost: u32, ctx: &mut Ctx<Event>) {
        let Ghost { client, pod, process, instance, tunnel, opened_at, polled, joined, .. } = self.ghosts.take(ghost);
        let now = ctx.now();
        self.path.told_of_tunnel(instance, pod, tunnel, now);
        if self.pods[pod].process != process {
            return; // the process died first, and its ghosts with it
        }
        if let Some(connection) = joined {
            let empty_rooms = self.rooms.forget_ghost(client, pod);
            self.client_left(pod, empty_rooms, now);
            self.absence_noticed(client, connection, pod, now);
        }
        let target = &mut self.pods[pod];
        target.forget_ghost(polled);
        target.book(now, self.spec.pods.costs.disconnect);
        if !polled {
            self.uncount_tunnel(instance, pod, opened_at);
        }
        self.ended_well(pod, ctx);
    }

    /// A pod's process ends: every client on it, or about to be, sees the connection close after half a round trip and
    /// comes back.
    pub fn close_all(&mut self, pod: PodId, reason: CloseReason, ctx: &mut Ctx<Event>) {
        let target = &mut self.pods[pod];
        let process = target.process;
        let upgrading = std::mem::take(&mut target.upgrading);
        let live = std::mem::take(&mut target.live);
        (target.ghosts, target.silent_ghosts, target.pollers) = (0, 0, 0);
        target.connections_changed();
        self.path.uncount_all(pod);
        let there = |ghost: &&Ghost| ghost.pod == pod && ghost.process == process && ghost.joined.is_some();
        // a process that ends in order unsubscribes from everything
        let mut left: Vec<u32> =
            self.ghosts.iter().filter(there).map(|ghost| self.rooms.forget_ghost(ghost.client, pod)).collect();
        if self.pods[pod].life.silent {
            return self.leave_half_open(pod, upgrading, live, reason, ctx);
        }
        for client in upgrading {
            self.end_polling(client);
            self.tunnel_broken(client, pod, ctx.now());
            self.clients.wire_mut(client).upgrading = false;
            self.attempt_failed(client, FailReason::PodDied, self.clients[client].one_way(), ctx);
        }
        for client in live {
            self.tunnel_broken(client, pod, ctx.now());
            left.push(self.rooms.disconnect(client, pod, false));
            self.connection_ended(client, reason, ctx.now());
            if reason.in_order() {
                self.absence_noticed(client, self.clients.wire(client).connection, pod, ctx.now());
            }
            self.retry_later(client, self.clients[client].one_way(), ctx);
        }
        if reason.in_order() {
            // it closes those that are gone as well
            let gone: Vec<(ClientId, u32)> =
                self.ghosts.iter().filter(there).filter_map(|ghost| Some((ghost.client, ghost.joined?))).collect();
            for (client, connection) in gone {
                self.absence_noticed(client, connection, pod, ctx.now());
            }
            left.into_iter().for_each(|empty_rooms| self.client_left(pod, empty_rooms, ctx.now()));
        }
    }

    /// The balancer cuts tunnels: both sides see it at once.
    pub fn cut(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.settle_fan_outs(now); // while lists are unchanged
        let cut = self.cuts.take(slot);
        for pod in self.running.clone() {
            let tunnels = self.pods[pod].live.clone();
            let mut gone = 0;
            for client in tunnels {
                if self.pollers.has(client) {
                    continue; // requests are finished by those who have them
                }
                let &Wire { opened_at, process, .. } = self.clients.wire(client);
                let is_cut = match cut {
                    // what was open at the start is older than anything
                    Cut::Before(reload) => opened_at == SimTime::NEVER || opened_at <= reload,
                    Cut::To(left, of) => left == pod && of == process && self.path.last.peers().position(pod).is_none(),
                };
                if !is_cut {
                    continue;
                }
                gone += 1;
                self.end_connection(client, CloseReason::BalancerCut, ctx);
            }
            self.connections_gone(pod, gone, ctx);
        }
    }

    /// A pod closes the connection of a client.
    pub fn pod_closes(&mut self, client: ClientId, reason: CloseReason, ctx: &mut Ctx<Event>) {
        self.settle_fan_outs(ctx.now()); // while lists are unchanged
        let pod = self.clients.wire(client).pod;
        self.end_connection(client, reason, ctx);
        self.connections_gone(pod, 1, ctx);
    }

    /// A connection ends, of which its pod knows at once and its client half a round trip later.
    fn end_connection(&mut self, client: ClientId, reason: CloseReason, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let &Wire { pod, opened_at, instance, connection, .. } = self.clients.wire(client);
        self.remove_live(client, pod);
        let empty_rooms = self.rooms.disconnect(client, pod, false);
        self.client_left(pod, empty_rooms, now);
        if self.pollers.has(client) {
            self.pods[pod].pollers -= 1;
            self.path.uncount(instance, pod);
        } else {
            self.uncount_tunnel(instance, pod, opened_at);
        }
        self.tunnel_broken(client, pod, now);
        self.connection_ended(client, reason, now);
        self.absence_noticed(client, connection, pod, now);
        self.retry_later(client, self.clients[client].one_way(), ctx);
    }

    /// A pod cleans up after so many connections.
    fn connections_gone(&mut self, pod: PodId, gone: u64, ctx: &mut Ctx<Event>) {
        if gone > 0 {
            self.pods[pod].connections_changed();
            self.pods[pod].book(ctx.now(), self.spec.pods.costs.disconnect * gone);
            self.ended_well(pod, ctx);
        }
    }

    /// The balancer counts one tunnel less, or one less of those that it has forgotten.
    fn uncount_tunnel(&mut self, instance: u16, pod: PodId, opened_at: SimTime) {
        if self.path.has_forgotten(opened_at) {
            self.pods[pod].forgotten_ended();
        } else {
            self.path.uncount(instance, pod);
        }
    }

    /// The balancer sees that the tunnel of a client is over.
    pub fn tunnel_broken(&mut self, client: ClientId, pod: PodId, now: SimTime) {
        if !self.path.tunnels.is_empty() {
            let tunnel = self.path.tunnels.remove(&client);
            self.path.told_of_tunnel(self.clients.wire(client).instance, pod, tunnel, now);
        }
    }

    /// What every end of a connection has in common, seen from the client.
    pub fn connection_ended(&mut self, client: ClientId, reason: CloseReason, now: SimTime) {
        let connection = self.clients.wire(client).connection;
        self.clients[client].link = Link::None;
        self.absence_begins(client, connection, reason);
        self.end_polling(client);
        let wire = self.clients.wire_mut(client);
        wire.lost_one |= reason != CloseReason::SessionEnd;
        wire.lost_pod = wire.pod;
        wire.lost_at = now;
        wire.attempt = 0;
        self.meter.counts.closed.add(reason);
        if wire.opened_at < SimTime::NEVER {
            self.meter.latencies.session.record(now - wire.opened_at);
        }
        self.meter.counts.heartbeats += self.pings(client, now);
    }

    /// Takes a client out of the live connections of its pod; the last one takes its place.
    fn remove_live(&mut self, client: ClientId, pod: PodId) {
        let position = self.clients.wire(client).position;
        let live = &mut self.pods[pod].live;
        live.swap_remove(position as usize);
        if let Some(&moved) = live.get(position as usize) {
            self.clients.wire_mut(moved).position = position;
        }
    }

    /// Heartbeats are not events: how many there were follows from how long a connection was open. Those of the
    /// connections that are open now, which no counter has yet.
    pub fn open_heartbeats(&self, now: SimTime) -> u64 {
        let open = self.clients.ids().filter(|&client| self.clients[client].link == Link::Open);
        open.map(|client| self.pings(client, now)).sum()
    }
}
