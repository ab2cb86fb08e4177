//! A connection that begins with long polling, as engine.io-client 6 makes it. Each step is an HTTP request that is
//! balanced on its own:
//!
//! open (GET) → the Socket.IO CONNECT (POST), the WebSocket's probe and a GET that waits, all at once → connected when that
//! GET is answered → another GET → upgraded when the probe has gone through and no GET waits any more.
//!
//! All but the first are about a session that only one pod knows.

use crate::cluster::clients::{ClientId, Link, Poller, Upgrade};
use crate::cluster::flows::retry::Errand;
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::{Http, Transports};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::FailReason;

/// The server gives an upgrade up after this (engine.io `upgradeTimeout`).
const UPGRADE_LIMIT: Span = Span::from_secs(10);
/// It looks again after this when it is to answer at once and no request waits.
const SOON: Span = Span::from_millis(1);

/// What happens next in a session. Equal times are ordered as listed: in this order the client library makes its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first request, which any pod may take.
    Open,
    /// A POST with the Socket.IO CONNECT.
    Connect,
    /// A WebSocket that is to replace the polling.
    Probe,
    /// A GET that waits for something to be sent.
    Poll,
    /// A POST that answers a ping.
    Pong,
    /// The server's next ping.
    Ping,
    /// The server looks whether the upgrade can be completed.
    CheckUpgrade,
    /// The server learns on the WebSocket that the client polls no more.
    Upgraded,
    /// The client learns that a request failed.
    Failed,
}

impl Step {
    const ALL: [Step; 9] = [
        Step::Open,
        Step::Connect,
        Step::Probe,
        Step::Poll,
        Step::Pong,
        Step::Ping,
        Step::CheckUpgrade,
        Step::Upgraded,
        Step::Failed,
    ];
    /// The step with this number.
    pub const fn from_number(number: u8) -> Step {
        Step::ALL[number as usize]
    }
}

impl Cluster<'_> {
    /// The next step of a session is due, unless the session is another one by now.
    pub fn step(&mut self, client: ClientId, epoch: u16, step: Step, ctx: &mut Ctx<Event>) {
        let stale = self.clients.wire(client).epoch != epoch;
        if stale || (step != Step::Open && !self.pollers.has(client)) {
            return;
        }
        match step {
            Step::Ping => self.ping(client, ctx),
            Step::CheckUpgrade => self.check_upgrade(client, ctx),
            Step::Upgraded => self.upgraded(client, ctx),
            Step::Failed => self.close_session(client, ctx),
            Step::Open | Step::Connect | Step::Probe | Step::Poll | Step::Pong => {
                self.meter.counts.session_requests += 1;
                match self.route(client, step == Step::Probe, ctx.now()) {
                    Ok(pod) => self.session_request_at(pod, client, step, ctx),
                    Err(why) => self.unrouted(client, Errand::Session(step, epoch), why, ctx),
                }
            }
        }
    }

    /// A request of a session reaches a pod.
    pub fn session_request_at(&mut self, pod: PodId, client: ClientId, step: Step, ctx: &mut Ctx<Event>) {
        if step == Step::Open {
            return self.session_opened(pod, client, ctx);
        }
        let Some(done) = self.known_at(pod, client, self.known_by(client), ctx) else {
            if step == Step::Probe {
                // the client swallows it and goes on polling
                self.meter.counts.upgrades_failed += 1;
            } else {
                self.session_failed(client, FailReason::SessionUnknown, ctx);
            }
            return;
        };
        match step {
            Step::Connect => {
                let done = self.pods[pod].book(ctx.now(), self.spec.pods.costs.connect).done;
                self.poller(client).joins_at = Some(done);
                self.join_if_complete(client, ctx);
            }
            Step::Probe => self.probed(client, done, ctx),
            Step::Poll => self.poll_waits(client, done, ctx),
            _ => {
                self.schedule_step(client, ctx.now() + self.spec.pods.costs.heartbeat_every, Step::Ping, ctx);
            }
        }
    }

    /// A request of a session, which a process of a pod knows, is at a pod. When that has worked on it if it is the one; if
    /// not, it answers 400 "Session ID unknown".
    pub fn known_at(
        &mut self,
        pod: PodId,
        client: ClientId,
        known_by: (PodId, u32),
        ctx: &mut Ctx<Event>,
    ) -> Option<SimTime> {
        let target = &mut self.pods[pod];
        target.requests += 1;
        let known = known_by == (pod, target.process);
        let costs = &self.spec.pods.costs;
        let done = target.book(ctx.now(), if known { costs.poll } else { costs.request }).done;
        if self.path.last.wants_ends {
            self.tell_end(client, pod, done, ctx);
        }
        self.meter.counts.sessions_unknown += u64::from(!known);
        known.then_some(done)
    }

    /// The process that knows the session of a client.
    pub fn known_by(&self, client: ClientId) -> (PodId, u32) {
        let wire = self.clients.wire(client);
        (wire.pod, wire.process)
    }

    /// The first request chooses the pod that will know the session.
    fn session_opened(&mut self, pod: PodId, client: ClientId, ctx: &mut Ctx<Event>) {
        self.pods[pod].requests += 1;
        if self.refused(pod, client, ctx) {
            return;
        }
        let done = self.pods[pod].book(ctx.now(), self.spec.pods.costs.poll).done;
        let record = &self.clients[client];
        let opened = done + record.one_way();
        // the POST is sent before the GET
        let (there, there_anew) = (opened + record.one_way(), opened + record.first_trip());
        if !self.attempt_goes_on(pod, client, opened, ctx) {
            return;
        }
        let wire = self.clients.wire_mut(client);
        wire.attempt = 0; // the library takes this for success and starts its back-off anew
        self.pollers.begin(client);
        let (posted, waits) = match self.http(client) {
            Http::OneRequest => (there_anew, there_anew),
            Http::OneAtATime => (there, there_anew),
            Http::Shared => (there, there),
        };
        self.schedule_step(client, posted, Step::Connect, ctx);
        self.schedule_step(client, waits, Step::Poll, ctx);
        if self.upgrades(client) {
            self.schedule_step(client, there_anew, Step::Probe, ctx);
        }
    }

    /// The probe is at the right pod, which has the WebSocket open when it is `done`; a ping and a pong go over it.
    fn probed(&mut self, client: ClientId, done: SimTime, ctx: &mut Ctx<Event>) {
        let instance = self.path.used;
        let record = &self.clients[client];
        let probed = done + record.round_trip();
        let (pauses_at, gives_up) = (probed + record.one_way(), ctx.now() + UPGRADE_LIMIT);
        self.poller(client).upgrade = Some(Upgrade { pauses_at, gives_up, instance });
        self.schedule_step(client, probed + self.spec.pods.costs.upgrade_check, Step::CheckUpgrade, ctx);
    }

    /// The server looks whether a GET waits that it can answer with nothing, so that the client ends its polling.
    fn check_upgrade(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let again = self.spec.pods.costs.upgrade_check.max(SOON);
        let Some(upgrade) = self.poller(client).upgrade else { return };
        if now > upgrade.gives_up {
            self.poller(client).upgrade = None;
            self.meter.counts.upgrades_failed += 1;
            return;
        }
        // before the client is connected, the GET that waits is that of the handshake
        if self.clients[client].link == Link::Open {
            self.answer_poll(client, ctx);
        }
        self.schedule_step(client, now + again, Step::CheckUpgrade, ctx);
    }

    /// The connection goes on by the WebSocket.
    fn upgraded(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Some(upgrade) = self.poller(client).upgrade else {
            // the server has given the upgrade up meanwhile
            return self.schedule_step(client, now, Step::Poll, ctx);
        };
        let buffer = self.pollers.end(client).map_or(Vec::new(), |poller| poller.buffer);
        self.settle_fan_outs(now); // while lists are unchanged
        let member = self.member(client);
        let pod = member.path.pod;
        self.rooms.disconnect(client, pod, false);
        self.rooms.connect(member, false);
        self.pods[pod].pollers -= 1;
        let wire = self.clients.wire_mut(client);
        let polled_through = std::mem::replace(&mut wire.instance, upgrade.instance);
        let epoch = wire.epoch;
        self.path.uncount(polled_through, pod);
        self.tunnel_begins(client, now);
        self.meter.counts.upgrades += 1;
        let arrives = now + self.clients[client].one_way();
        for packet in buffer {
            self.deliver_packet(&packet, arrives);
        }
        self.flush(client, epoch, ctx);
        self.check_memory(pod, ctx);
    }

    /// The client is connected when the pod has its CONNECT and a GET to answer it by.
    pub fn join_if_complete(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let &mut Poller { joins_at, waiting, .. } = self.poller(client);
        if let (Some(joins_at), Some(waiting)) = (joins_at, waiting) {
            let epoch = self.clients.wire(client).epoch;
            ctx.schedule(joins_at.max(waiting), Event::Join(client, epoch));
        }
    }

    /// A client that is there at the start goes through its handshake in no time: whether it is connected, and if so
    /// whether it has been upgraded. Nobody is stable whose requests do not all reach the same pod.
    pub fn handshake_at_start(&mut self, client: ClientId, now: SimTime) -> Option<(PodId, bool)> {
        let pod = self.route(client, false, now).ok()?;
        let instance = self.path.used;
        let again = |cluster: &mut Self, opens| cluster.route(client, opens, now).ok() == Some(pod);
        let connect = again(self, false);
        let probe = self.upgrades(client) && again(self, true);
        let through = self.path.used;
        let polls = again(self, false) && again(self, false);
        self.clients.wire_mut(client).instance = if probe { through } else { instance };
        (connect && polls).then_some((pod, probe))
    }

    /// Whether the connections of a client begin with long polling.
    pub fn polls_first(&self, client: ClientId) -> bool {
        self.audience_of(client).transports.poll()
    }

    /// How the requests of a client share connections.
    pub fn http(&self, client: ClientId) -> Http {
        self.audience_of(client).network.http
    }

    /// Whether they are to become WebSockets.
    fn upgrades(&self, client: ClientId) -> bool {
        self.audience_of(client).transports == Transports::PollingFirst && !self.is_blocked(client)
    }

    /// Whether there is a proxy before a client that lets no WebSocket through.
    pub fn is_blocked(&self, client: ClientId) -> bool {
        let share = self.audience_of(client).network.blocks_websockets;
        share > 0.0 && Purpose::Blocked.stream(self.seed, self.clients[client].number, 0).chance(share)
    }

    pub fn schedule_step(&self, client: ClientId, at: SimTime, step: Step, ctx: &mut Ctx<Event>) {
        ctx.schedule(at, Event::Session(client, self.clients.wire(client).epoch, step));
    }

    pub fn poller(&mut self, client: ClientId) -> &mut Poller {
        self.pollers.get_mut(client).expect("whoever asks has seen that it polls")
    }
}
