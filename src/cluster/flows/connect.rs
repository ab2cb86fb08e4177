//! A client connects: attempt → upgrade through the balancer → Socket.IO CONNECT → usable; or, where long polling comes
//! first, attempt → the steps of [`super::handshake`] → usable.

use crate::cluster::clients::{ClientId, Link, Wire};
use crate::cluster::flows::handshake::Step;
use crate::cluster::flows::retry::Errand;
use crate::cluster::flows::session::Welcome;
use crate::cluster::pods::Subscription;
use crate::cluster::purpose::Purpose;
use crate::cluster::rooms::{Member, Path, Who};
use crate::cluster::spec::RetryLaw;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::FailReason;

/// The client's own limit for one attempt (socket.io-client `timeout`, 20 s).
pub const ATTEMPT_LIMIT: Span = Span::from_secs(20);

impl Cluster<'_> {
    /// The first attempt of a session.
    pub fn start_connecting(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        self.clients[client].link = Link::Waiting;
        ctx.schedule(ctx.now(), Event::Connect(client, self.clients.wire(client).epoch));
    }

    /// An attempt begins: its first request travels, on a new connection.
    pub fn connect(&mut self, client: ClientId, epoch: u16, ctx: &mut Ctx<Event>) {
        let wire = self.clients.wire_mut(client);
        if wire.epoch != epoch {
            return;
        }
        wire.attempt_started = ctx.now();
        self.clients[client].link = Link::Connecting;
        self.meter.counts.connect_attempts += 1;
        if !self.clients.has_network(client, ctx.now()) {
            self.attempt_failed(client, FailReason::ClientOffline, Span::ZERO, ctx);
            return;
        }
        let there = ctx.now() + self.clients[client].first_trip();
        if self.polls_first(client) {
            self.schedule_step(client, there, Step::Open, ctx);
        } else if self.is_blocked(client) {
            self.attempt_failed(client, FailReason::WebSocketBlocked, there - ctx.now(), ctx);
        } else {
            ctx.schedule(there, Event::Upgrade(client, epoch));
        }
    }

    /// The upgrade request reaches the balancer; the pod does the handshake when its turn comes.
    pub fn upgrade(&mut self, client: ClientId, epoch: u16, ctx: &mut Ctx<Event>) {
        if self.clients.wire(client).epoch != epoch {
            return;
        }
        match self.route(client, true, ctx.now()) {
            Ok(pod) => self.upgrade_at(pod, client, epoch, ctx),
            Err(why) => self.unrouted(client, Errand::Upgrade(epoch), why, ctx),
        }
    }

    /// It reaches its pod.
    pub fn upgrade_at(&mut self, pod: PodId, client: ClientId, epoch: u16, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.pods[pod].requests += 1;
        if self.refused(pod, client, ctx) {
            return;
        }
        let done = self.pods[pod].book(now, self.spec.pods.costs.connect).done;
        let record = &self.clients[client];
        // the 101 travels back and the CONNECT packet travels forth
        let join = done + record.round_trip();
        let usable = join + record.one_way();
        if self.attempt_goes_on(pod, client, usable, ctx) {
            self.tunnel_begins(client, now);
            ctx.schedule(join, Event::Join(client, epoch));
        }
    }

    /// A pod has taken a connect attempt on, and its client hears of it at `heard`: from now on the pod counts it, unless the
    /// client has given up by then.
    pub fn attempt_goes_on(&mut self, pod: PodId, client: ClientId, heard: SimTime, ctx: &mut Ctx<Event>) -> bool {
        let instance = self.path.used;
        let wire = self.clients.wire_mut(client);
        let gives_up = wire.attempt_started + ATTEMPT_LIMIT;
        if heard > gives_up {
            self.path.uncount(instance, pod);
            self.attempt_failed(client, FailReason::TimedOut, gives_up.since(ctx.now()), ctx);
            return false;
        }
        let target = &mut self.pods[pod];
        (wire.pod, wire.process, wire.instance) = (pod, target.process, instance);
        wire.upgrading = true;
        wire.position = target.start_upgrade(client);
        true
    }

    /// Whether a pod has as many connections as it may.
    fn is_full(&self, pod: PodId) -> bool {
        let target = &self.pods[pod];
        let there = target.connections() + target.upgrading.len() as u32;
        self.spec.pods.max_connections.is_some_and(|most| there >= most)
    }

    /// Whether more new connections come to this pod than are let in, or it has as many as it may: then this one is refused.
    pub fn refused(&mut self, pod: PodId, client: ClientId, ctx: &mut Ctx<Event>) -> bool {
        let now = ctx.now();
        let is_full = self.is_full(pod);
        let target = &mut self.pods[pod];
        let reason = if is_full {
            FailReason::PodFull
        } else if self.spec.pods.admission.is_some_and(|limit| !target.admits(now, limit)) {
            FailReason::Refused
        } else {
            return false;
        };
        target.book(now, self.spec.pods.costs.request);
        self.path.uncount(self.path.used, pod);
        self.attempt_failed(client, reason, self.clients[client].one_way(), ctx);
        true
    }

    /// The pod lets a client join: the connection counts from now, and is usable when the answer arrives.
    pub fn join(&mut self, client: ClientId, epoch: u16, welcome: Welcome, ctx: &mut Ctx<Event>) {
        if self.clients.wire(client).epoch != epoch {
            return;
        }
        let now = ctx.now();
        let pod = self.clients.wire(client).pod;
        let one_way = self.clients[client].one_way();
        debug_assert_eq!(
            self.pods[pod].process,
            self.clients.wire(client).process,
            "a process ends with its handshakes"
        );
        self.forget_upgrade(client);
        self.open(client, pod, ctx);
        let usable = now + one_way;
        let first_ping = now + self.ping_period(client);
        let wire = self.clients.wire_mut(client);
        wire.opened_at = now;
        wire.first_ping = first_ping;
        wire.attempt = 0;
        self.meter.latencies.connect.record(usable - wire.attempt_started);
        if wire.lost_one {
            self.meter.latencies.offline.record(usable - wire.lost_at);
            self.meter.reconnected(now);
            self.meter.counts.sessions_moved += u64::from(wire.lost_pod != pod);
        }
        self.welcome(client, pod, welcome, now);
        self.schedule_max_age(client, false, ctx);
        self.send_unacknowledged(client);
        let polls = self.pollers.has(client);
        if self.held.contains_key(&client) {
            let trip = if polls { self.request_trip(client) } else { one_way };
            ctx.schedule(usable + trip, Event::Flush(client, epoch));
        }
        if polls {
            self.schedule_step(client, first_ping, Step::Ping, ctx);
            self.answer_poll(client, ctx);
        }
        self.check_memory(pod, ctx);
    }

    /// A client that is connected when the run begins: placed by the balancer, without work or waiting.
    pub fn connect_at_start(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let pod = if self.polls_first(client) {
            self.handshake_at_start(client, now)
        } else if self.is_blocked(client) {
            None
        } else {
            let pod = self.route(client, true, now).ok();
            self.clients.wire_mut(client).instance = self.path.used;
            pod.map(|pod| (pod, true))
        };
        let Some((pod, by_websocket)) = pod else { return self.between_attempts(client, ctx) };
        if self.is_full(pod) {
            self.path.uncount(self.path.used, pod);
            return self.between_attempts(client, ctx);
        }
        self.meter.counts.connect_attempts += 1;
        if by_websocket {
            self.tunnel_begins(client, now);
        } else {
            self.pollers.begin(client).waiting = Some(now);
        }
        self.open(client, pod, ctx);
        self.known_at_start(client, pod, now);
        self.schedule_max_age(client, true, ctx);
        let period = self.ping_period(client);
        let mut stream = Purpose::PingPhase.stream(self.seed, self.clients[client].number, 0);
        let first_ping = now + Span::from_nanos(stream.below(period.as_nanos().max(1)));
        self.clients.wire_mut(client).first_ping = first_ping;
        if !by_websocket {
            self.schedule_step(client, first_ping, Step::Ping, ctx);
        }
    }

    /// A client that is there at the start but not connected is on its way to its next attempt.
    fn between_attempts(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let mut stream = Purpose::Reconnect.stream(self.seed, self.clients[client].number, u32::MAX);
        let Some(delay) = self.audience_of(client).reconnect.delay(0, Span::ZERO, &mut stream) else { return };
        let rest = Span::from_nanos(stream.below(delay.as_nanos().max(1)));
        self.clients[client].link = Link::Waiting;
        ctx.schedule_in(rest, Event::Connect(client, self.clients.wire(client).epoch));
    }

    /// The connection exists: the pod counts it and it is in its rooms.
    fn open(&mut self, client: ClientId, pod: PodId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        // what is done is recorded before it is forgotten when this client's last connection ended
        self.settle_fan_outs(now);
        let target = &mut self.pods[pod];
        let record = &mut self.clients[client];
        record.link = Link::Open;
        let one_way_ns = record.one_way_ns;
        let wire = self.clients.wire_mut(client);
        wire.connection = wire.connection.wrapping_add(1);
        wire.pod = pod;
        wire.process = target.process;
        wire.position = target.live.len() as u32;
        target.live.push(client);
        target.connections_changed();
        let who = Who { client, connection: wire.connection };
        let polls = self.pollers.has(client);
        target.pollers += u32::from(polls);
        let new_rooms = self.rooms.connect(Member { path: Path { one_way_ns, pod }, who }, polls);
        self.meter.counts.connects += 1;
        if self.pods[pod].subscription == Subscription::None {
            self.listen(pod, ctx);
        }
        self.client_joins(pod, new_rooms, now);
        if self.pods[pod].life.closes_one_by_one() {
            self.close_while_draining(client, ctx);
        }
    }

    /// When a pod will close a connection because of its age. `at_start`: it has been there for a while.
    fn schedule_max_age(&self, client: ClientId, at_start: bool, ctx: &mut Ctx<Event>) {
        let Some(age) = &self.spec.pods.max_connection_age else { return };
        let &Wire { connection, epoch, .. } = self.clients.wire(client);
        let mut stream = Purpose::MaxAge.stream(self.seed, self.clients[client].number, connection);
        let left = if at_start { age.residual(&mut stream) } else { age.span(&mut stream) };
        ctx.schedule_in(left, Event::CloseDue(client, epoch));
    }

    /// An attempt failed and the client knows it `after` from now.
    pub fn attempt_failed(&mut self, client: ClientId, reason: FailReason, after: Span, ctx: &mut Ctx<Event>) {
        self.meter.counts.connects_failed.add(reason);
        self.retry_later(client, after, ctx);
    }

    /// An attempt under way is given up because the client leaves.
    pub fn abandon_attempt(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        self.meter.counts.connects_failed.add(FailReason::ClientOffline);
        self.drop_upgrade(client, ctx);
    }

    /// The client tries again after its back-off, which starts when it knows of the loss, `after` from now.
    pub fn retry_later(&mut self, client: ClientId, after: Span, ctx: &mut Ctx<Event>) {
        self.drop_upgrade(client, ctx);
        let number = self.clients[client].number;
        let policy = &self.audience_of(client).reconnect;
        let wire = self.clients.wire_mut(client);
        let mut stream = Purpose::Reconnect.stream(self.seed, number, wire.delays);
        let looks_back = matches!(policy.law, RetryLaw::Decorrelated { .. });
        let previous = if looks_back { self.last_delays.get(&client).copied().unwrap_or_default() } else { Span::ZERO };
        let delay = policy.delay(wire.attempt, previous, &mut stream);
        if looks_back {
            self.last_delays.insert(client, delay.unwrap_or_default());
        }
        wire.delays += 1;
        wire.attempt = wire.attempt.saturating_add(1);
        self.begin_anew(client, delay.map(|delay| after + delay), ctx);
    }

    /// The next attempt, if there is one, starts after this time; whatever belongs to older ones is void.
    pub fn begin_anew(&mut self, client: ClientId, after: Option<Span>, ctx: &mut Ctx<Event>) {
        let wire = self.clients.wire_mut(client);
        wire.epoch = wire.epoch.wrapping_add(1);
        if let Some(after) = after {
            ctx.schedule_in(after, Event::Connect(client, wire.epoch));
        }
        self.clients[client].link = if after.is_some() { Link::Waiting } else { Link::None };
    }

    /// An upgrade is given up, if it was under way.
    fn drop_upgrade(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        if self.pollers.has(client) {
            return self.leave_session(client, None, ctx);
        }
        let now = ctx.now();
        let &Wire { upgrading, pod, instance, .. } = self.clients.wire(client);
        if upgrading {
            self.path.uncount(instance, pod);
            self.tunnel_broken(client, pod, now);
            self.forget_upgrade(client);
        }
    }

    /// The upgrade of this client is no longer under way.
    pub fn forget_upgrade(&mut self, client: ClientId) {
        let wire = self.clients.wire_mut(client);
        wire.upgrading = false;
        let (pod, position) = (wire.pod, wire.position);
        if let Some(moved) = self.pods[pod].end_upgrade(position) {
            self.clients.wire_mut(moved).position = position;
        }
    }

    /// Distance of the server's pings to a client: the interval starts again when the pong is back.
    pub fn ping_period(&self, client: ClientId) -> Span {
        self.spec.pods.costs.heartbeat_every + self.clients[client].round_trip()
    }

    /// How many pings a connection has had by `now`.
    pub fn pings(&self, client: ClientId, now: SimTime) -> u64 {
        let first = self.clients.wire(client).first_ping;
        if now < first { 0 } else { (now - first).as_nanos() / self.ping_period(client).as_nanos().max(1) + 1 }
    }

    /// When a client gives up a connection on which it hears nothing from now on: engine.io-client waits for an interval and
    /// a time-out after the last ping, or after the handshake.
    pub fn silence_noticed_at(&self, client: ClientId, now: SimTime) -> SimTime {
        let period = self.ping_period(client);
        let first = self.clients.wire(client).first_ping;
        let costs = &self.spec.pods.costs;
        let heard = match self.pings(client, now) {
            0 => first.since(SimTime::ZERO + period),
            pings => (first - SimTime::ZERO) + period * (pings - 1),
        };
        SimTime::ZERO + heard + costs.heartbeat_every + costs.heartbeat_timeout
    }

    /// When the server gives up a connection that died silently now: the next ping gets no pong in time.
    pub fn noticed_at(&self, client: ClientId, now: SimTime) -> SimTime {
        let period = self.ping_period(client).as_nanos().max(1);
        let past = self.pings(client, now);
        self.clients.wire(client).first_ping + Span::from_nanos(period) * past + self.spec.pods.costs.heartbeat_timeout
    }
}
