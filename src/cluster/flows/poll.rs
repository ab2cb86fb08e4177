//! Long polling: what the server sends waits for a GET, what the client sends is a POST, and each of them may reach a pod
//! that does not know the session.

use crate::cluster::clients::{ClientId, Link, Packet};
use crate::cluster::flows::handshake::Step;
use crate::cluster::flows::retry::Errand;
use crate::cluster::flows::{Held, disconnect::Ghost};
use crate::cluster::rooms::{Recipients, Who};
use crate::cluster::spec::Http;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::{CloseReason, FailReason};

impl Cluster<'_> {
    /// A GET is at the right pod, which may answer it from `ready` on.
    pub fn poll_waits(&mut self, client: ClientId, ready: SimTime, ctx: &mut Ctx<Event>) {
        let connected = self.clients[client].link == Link::Open;
        let poller = self.poller(client);
        poller.waiting = Some(ready);
        if !connected {
            self.join_if_complete(client, ctx);
        } else if poller.ping_due || !poller.buffer.is_empty() {
            self.answer_poll(client, ctx);
        }
    }

    /// The GET that waits is answered with all there is, and the client sends the next one, unless it is about to be
    /// upgraded. Without one that waits, the next is answered at once if there is anything to say.
    pub fn answer_poll(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let one_way = self.clients[client].one_way();
        let request = self.request_trip(client);
        let poller = self.poller(client);
        let Some(ready) = poller.waiting.take() else { return };
        let arrives = now.max(ready) + one_way;
        let (packets, upgrade) = (std::mem::take(&mut poller.buffer), poller.upgrade);
        let ping = std::mem::take(&mut poller.ping_due);
        for packet in packets {
            self.deliver_packet(&packet, arrives);
        }
        if ping {
            self.schedule_step(client, arrives + request, Step::Pong, ctx);
        }
        if upgrade.is_some_and(|upgrade| upgrade.pauses_at <= arrives) {
            self.schedule_step(client, arrives + one_way, Step::Upgraded, ctx);
        } else {
            self.schedule_step(client, arrives + request, Step::Poll, ctx);
        }
    }

    /// How long a request of a session travels, its connection being set up if that is needed.
    pub fn request_trip(&self, client: ClientId) -> Span {
        let record = &self.clients[client];
        if self.http(client) == Http::OneRequest { record.first_trip() } else { record.one_way() }
    }

    /// The server pings.
    pub fn ping(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        self.poller(client).ping_due = true;
        self.answer_poll(client, ctx);
    }

    /// So many clients of a pod that poll are sent an event after all others: the last copy leaves at `done`.
    pub fn serve_pollers(
        &mut self,
        pod: PodId,
        recipients: Recipients,
        (emitted, local): (SimTime, bool),
        done: SimTime,
        ctx: &mut Ctx<Event>,
    ) {
        let theirs: Vec<_> = match (recipients, self.rooms.find(recipients)) {
            (Recipients::One(client, _), _) => vec![self.member(client).who],
            (_, Some(room)) => {
                let theirs = room.pollers().iter().filter(|member| member.path.pod == pod).map(|member| member.who);
                theirs.filter(|&who| Some(who) != recipients.but()).collect()
            }
            (_, None) => Vec::new(),
        };
        let send = self.pods[pod].send();
        for (after, who) in (0..theirs.len() as u64).rev().zip(theirs) {
            let slot = self.packets.insert(Packet { client: who.client, connection: who.connection, emitted, local });
            let leaves = SimTime::from_nanos(done.as_nanos() - (send * after).as_nanos());
            ctx.schedule(leaves, Event::Packet(slot));
        }
    }

    /// A packet leaves the pod, or waits there for a GET.
    pub fn packet(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let packet = self.packets.take(slot);
        let Packet { client, connection, .. } = packet;
        if self.clients.ended_at(client, connection) != SimTime::NEVER {
            self.missed_on_the_way(Who { client, connection }, 1);
        } else if let Some(poller) = self.pollers.get_mut(client) {
            poller.buffer.push(packet);
            self.answer_poll(client, ctx);
        } else {
            self.deliver_packet(&packet, ctx.now() + self.clients[client].one_way());
        }
    }

    /// A packet arrives then.
    pub fn deliver_packet(&mut self, packet: &Packet, arrives: SimTime) {
        let counts = &mut self.meter.counts;
        if arrives > self.meter.horizon {
            counts.deliveries_in_flight += 1;
            return;
        }
        *(if packet.local { &mut counts.delivered_local } else { &mut counts.delivered_cross }) += 1;
        self.meter.latencies.event_mut(packet.local).record(arrives - packet.emitted);
    }

    /// A POST with events reaches the balancer.
    pub fn post(&mut self, client: ClientId, events: Vec<Held>, ctx: &mut Ctx<Event>) {
        self.meter.counts.session_requests += 1;
        match self.route(client, false, ctx.now()) {
            Ok(pod) => self.post_at(pod, client, events, ctx),
            Err(why) => self.unrouted(client, Errand::Post(events, self.clients.wire(client).epoch), why, ctx),
        }
    }

    /// It reaches a pod.
    pub fn post_at(&mut self, pod: PodId, client: ClientId, events: Vec<Held>, ctx: &mut Ctx<Event>) {
        if self.known_at(pod, client, self.known_by(client), ctx).is_some() {
            for held in events {
                self.emit_held(client, &held, ctx);
            }
        } else {
            self.not_posted(client, &events);
            self.session_failed(client, FailReason::SessionUnknown, ctx);
        }
    }

    /// Events in a POST that failed are lost: the client took them for sent.
    pub fn not_posted(&mut self, client: ClientId, events: &[Held]) {
        for event in events {
            if !self.is_kept_for_retry(client, event) {
                self.not_sent(client, event.item, event.n);
            }
        }
    }

    /// A GET or POST of a session got no good answer, of which the client learns when it has travelled back.
    pub fn session_failed(&mut self, client: ClientId, reason: FailReason, ctx: &mut Ctx<Event>) {
        let one_way = self.clients[client].one_way();
        if !self.pollers.has(client) {
            return; // it has a WebSocket by now, and needs the session no more
        }
        if self.poller(client).failed.is_none() {
            self.poller(client).failed = Some(reason);
            self.schedule_step(client, ctx.now() + one_way, Step::Failed, ctx);
        }
    }

    /// The client knows: it closes the session, says so to whatever pod its last POST reaches, and begins anew. It does not
    /// say so while it pauses for an upgrade.
    pub fn close_session(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let reason = self.poller(client).failed.unwrap_or(FailReason::SessionUnknown);
        let goodbye = (!self.pollers.pauses(client, now)).then(|| now + self.request_trip(client));
        if self.clients[client].link == Link::Open {
            let reason = match reason {
                FailReason::SessionUnknown => CloseReason::SessionUnknown,
                _ => CloseReason::PollFailed,
            };
            self.lose_connection(client, reason, goodbye, ctx);
            self.retry_later(client, Span::ZERO, ctx);
        } else {
            self.leave_session(client, goodbye, ctx);
            self.attempt_failed(client, reason, Span::ZERO, ctx);
        }
    }

    /// The client's last POST of a session reaches the balancer, for the pod that still knows the session.
    pub fn goodbye(&mut self, ghost: u32, ctx: &mut Ctx<Event>) {
        let &mut Ghost { client, pod, process, noticed_at, .. } = self.ghosts.get_mut(ghost);
        let now = ctx.now();
        self.meter.counts.session_requests += 1;
        // one that finds no pod at once is not tried again
        let reached = self.route(client, false, now).ok();
        let known = reached.and_then(|reached| self.known_at(reached, client, (pod, process), ctx));
        if known.is_some() {
            self.ghost_noticed(ghost, ctx);
        } else {
            ctx.schedule(noticed_at.max(now), Event::GhostNoticed(ghost));
        }
    }

    /// What a pod still had for a client that polled is lost; nobody polls any more.
    pub fn end_polling(&mut self, client: ClientId) {
        if let Some(poller) = self.pollers.end(client) {
            let connection = self.clients.wire(client).connection;
            self.missed_on_the_way(Who { client, connection }, poller.buffer.len());
        }
    }
}

/// The server closes a session that has not joined by then (socket.io `connectTimeout`).
pub const CONNECT_TIMEOUT: Span = Span::from_secs(45);
