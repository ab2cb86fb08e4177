//! Clients appear, and leave.

use std::net::IpAddr;

use crate::cluster::caches::Caches;
use crate::cluster::clients::{Client, ClientId, Clients, Layout, Link, NO_POD, Pollers, Roaming};
use crate::cluster::database::Database;
use crate::cluster::deliveries::Deliveries;
use crate::cluster::draws::Ahead;
use crate::cluster::flows::autoscale::Autoscaler;
use crate::cluster::flows::fan_out::LONGEST_TRIP;
use crate::cluster::flows::{Slab, endpoints::Endpoints, retry::Pending, rollout::Rollout};
use crate::cluster::meter::Meter;
use crate::cluster::network::{self, Pool};
use crate::cluster::nodes::Nodes;
use crate::cluster::path::Path;
use crate::cluster::progress::Progress;
use crate::cluster::purpose::{Purpose, traffic};
use crate::cluster::redis::Redis;
use crate::cluster::rooms::Rooms;
use crate::cluster::sessions::Sessions;
use crate::cluster::spec::{AudienceSpec, ClusterSpec, Population};
use crate::cluster::{Cluster, Event};
use crate::engine::{Column, Ctx, Law, Seed, SimTime, Span, Stream};
use crate::metrics::{CloseReason, Window};

/// What an audience needs to grow.
pub struct AudienceState {
    pub pool: Pool,
    /// Candidates for arrival so far.
    candidates: u32,
    /// Next request of a trace.
    pub next_request: u32,
    /// First client of a trace.
    pub first_client: u32,
}

/// Population for which pools of addresses and rooms are laid out: those there at the start, or on average.
fn expected(population: &Population) -> u32 {
    match population {
        Population::Present { count } => *count,
        Population::Trace { trace, .. } => trace.clients,
        Population::Arriving { rate_per_s, profile, session } => {
            (rate_per_s * peak(profile) * session.mean() / 1e9).clamp(1.0, 2e7) as u32
        }
    }
}

/// Clients for whom tables are made large enough at once.
fn there_at_start(population: &Population) -> usize {
    expected(population).min(20_000_000) as usize
}

impl<'s> Cluster<'s> {
    /// The cluster at time zero, before anything is scheduled; of these windows records are wanted.
    pub fn new(spec: &'s ClusterSpec, windows: &[Window], seed: Seed) -> Cluster<'s> {
        let audiences = spec.audiences.iter().enumerate().map(|(index, audience)| AudienceState {
            pool: Pool::new(&audience.network.sharing, index as u32, expected(&audience.population), seed),
            candidates: 0,
            next_request: 0,
            first_client: 0,
        });
        let members: u64 =
            spec.audiences.iter().filter(|a| a.transports.connect()).map(|a| u64::from(expected(&a.population))).sum();
        let costs = &spec.pods.costs;
        let layout = Layout {
            websockets: spec.audiences.iter().any(|audience| audience.transports.connect()),
            leaving: spec.audiences.iter().any(|a| matches!(a.population, Population::Arriving { .. })),
            traffic: spec.traffic.len(),
            forgotten_after: costs.heartbeat_every + costs.heartbeat_timeout + LONGEST_TRIP * 4,
        };
        let there = spec.audiences.iter().map(|audience| there_at_start(&audience.population)).sum();
        let mut cluster = Cluster {
            spec,
            seed,
            traffic: (0..spec.traffic.len()).map(|item| traffic(seed, item as u8)).collect(),
            ahead: Ahead::default(),
            clients: Clients::new(layout, there),
            held: rustc_hash::FxHashMap::default(),
            unacknowledged: Slab::new(),
            unacknowledged_of: rustc_hash::FxHashMap::default(),
            pollers: Pollers::default(),
            packets: Slab::new(),
            last_delays: rustc_hash::FxHashMap::default(),
            audiences: audiences.collect(),
            pods: Column::new(),
            running: Vec::new(),
            nodes: spec.nodes.as_ref().map_or_else(Nodes::default, |spec| {
                let first = |node| Purpose::Lease.stream(seed, node, 0).below(spec.lease_renewal.as_nanos().max(1));
                Nodes::new(spec, |node| Span::from_nanos(first(node)))
            }),
            path: Path::new(&spec.balancers),
            endpoints: Endpoints::new(spec.chooser(), seed),
            rollout: Rollout::new(spec.pods.replicas, &spec.rollout),
            autoscaler: Autoscaler::default(),
            rooms: match &spec.rooms {
                Some(rooms) => Rooms::new(rooms, members.min(20_000_000) as u32, spec.speaks_to_everyone(), seed),
                None => Rooms::none(spec.speaks_to_everyone()),
            },
            redis: Redis::new(spec),
            sessions: Sessions::new(spec),
            database: spec.database.clone().map(Database::new),
            caches: Caches::new(&spec.traffic),
            finishing: Vec::new(),
            asking: Slab::new(),
            subscribers: std::rc::Rc::new([]),
            messages: Slab::new(),
            handed_out: Slab::new(),
            deliveries: Deliveries::default(),
            progress: Progress::default(),
            ghosts: Slab::new(),
            half_open: rustc_hash::FxHashSet::default(),
            recurring: Slab::new(),
            pending: Pending::default(),
            ends: Slab::new(),
            cuts: Slab::new(),
            tick_rooms: vec![0; spec.ticks.len()],
            meter: Meter::new(spec, windows),
        };
        if cluster.sessions.follow() {
            cluster.rooms.follow_offline();
        }
        cluster
    }

    /// Schedules everything that happens by itself, and puts the clients where they are at the start.
    pub fn start(&mut self, ctx: &mut Ctx<Event>) {
        for ordinal in 0..self.spec.pods.replicas {
            self.place_pod(ordinal, ctx);
        }
        self.sync_at_once(ctx);
        if self.spec.redis.law.adapter.subscribes_at_start() {
            self.pods.ids().for_each(|pod| self.listen(pod, ctx));
        }
        ctx.schedule(SimTime::ZERO + self.spec.warm_up, Event::EndWarmUp);
        ctx.schedule(SimTime::ZERO + self.spec.sample_every, Event::Sample);
        ctx.schedule(SimTime::ZERO + self.spec.peak_window(), Event::Window);
        self.start_timeline(ctx);
        self.start_autoscaler(ctx);
        if let Some(rebalance) = self.spec.pods.rebalance {
            ctx.schedule(SimTime::ZERO + rebalance.every, Event::Rebalance);
        }
        for (item, tick) in self.spec.ticks.iter().enumerate() {
            ctx.schedule(SimTime::ZERO + tick.every, Event::Tick(item as u8));
        }
        for (index, audience) in self.spec.audiences.iter().enumerate() {
            self.start_audience(index as u16, audience, ctx);
        }
        // who is there at the start did not connect in the first interval
        self.meter.at_sample = self.meter.counts.clone();
    }

    fn start_audience(&mut self, index: u16, audience: &AudienceSpec, ctx: &mut Ctx<Event>) {
        let steady = self.spec.steady_start;
        match &audience.population {
            Population::Present { count } => {
                for member in 0..*count {
                    self.admit(index as u8, Some(member), SimTime::NEVER, ctx);
                }
            }
            Population::Arriving { rate_per_s, profile, session } => {
                if steady {
                    let factor = profile_at(profile, SimTime::ZERO);
                    let mean = rate_per_s * factor * session.mean() / 1e9;
                    let count = poisson(mean, &mut Purpose::Population.stream(self.seed, u32::from(index), 0));
                    for member in 0..count {
                        let number = self.clients.admitted();
                        let rest = session.residual(&mut Purpose::Session.stream(self.seed, number, 0));
                        self.admit(index as u8, Some(member), SimTime::ZERO + rest, ctx);
                    }
                }
                self.schedule_arrival(index, ctx);
            }
            Population::Trace { trace, .. } => {
                self.audiences[usize::from(index)].first_client = self.clients.admitted();
                let mut addresses = vec![None; trace.clients as usize];
                for request in trace.requests.iter().rev() {
                    addresses[request.client as usize] = Some(request.address);
                }
                for (member, address) in addresses.into_iter().enumerate() {
                    let client = self.admit(index as u8, Some(member as u32), SimTime::NEVER, ctx);
                    if let Some(address) = address {
                        self.clients.start_at(client, address);
                    }
                }
                if let Some(first) = trace.requests.first() {
                    ctx.schedule(SimTime::ZERO + first.at, Event::TraceSent(index));
                }
            }
        }
    }

    /// A new client appears; `member` numbers those that are there at the start. It stays until `leaves`.
    fn admit(&mut self, audience: u8, member: Option<u32>, leaves: SimTime, ctx: &mut Ctx<Event>) -> ClientId {
        let (record, address) = self.new_client(audience, member);
        let number = record.number;
        let client = self.clients.admit(record, address, leaves, ctx.now());
        self.sessions.admit(client);
        let spec = &self.spec.audiences[usize::from(audience)];
        ctx.schedule(leaves, Event::Leave(client));
        let at_start = member.is_some() && self.spec.steady_start;
        if spec.transports.connect() {
            self.rooms.admit(client, number, member.is_some(), self.seed);
            self.schedule_refresh(client, at_start, ctx);
            if at_start {
                self.connect_at_start(client, ctx);
            } else {
                self.start_connecting(client, ctx);
            }
        }
        self.schedule_address_change(client, at_start, ctx);
        for (item, entry) in self.spec.traffic.iter().enumerate() {
            if entry.audiences[usize::from(audience)] {
                self.schedule_first_traffic(client, item as u8, at_start, ctx);
            }
        }
        client
    }

    fn new_client(&self, audience: u8, member: Option<u32>) -> (Client, IpAddr) {
        let number = self.clients.admitted();
        let spec = &self.spec.audiences[usize::from(audience)];
        let pool = &self.audiences[usize::from(audience)].pool;
        let mut stream = Purpose::Client.stream(self.seed, number, 0);
        let round_trip = spec.network.rtt.span(&mut stream);
        let ipv6 = stream.chance(spec.network.ipv6);
        let keeps_cookies = stream.chance(spec.cookies.keep);
        let own = network::draw_v4(&mut stream);
        let address = if ipv6 {
            network::draw_v6(&mut stream).into()
        } else {
            let shared = match member {
                Some(member) => pool.address_of(member, self.seed),
                None => pool.draw(&mut stream, self.seed),
            };
            shared.unwrap_or(own).into()
        };
        let client = Client {
            cookie_until: SimTime::ZERO,
            number,
            one_way_ns: u32::try_from((round_trip / 2).as_nanos()).unwrap_or(u32::MAX),
            cookie: 0,
            routed: 0,
            last_pod: NO_POD,
            audience,
            link: Link::None,
            keeps_cookies,
            roaming: Roaming::Never,
        };
        (client, address)
    }

    /// Schedules the next candidate of an arriving audience: a Poisson process at the peak rate, thinned later.
    fn schedule_arrival(&mut self, audience: u16, ctx: &mut Ctx<Event>) {
        let Population::Arriving { rate_per_s, profile, .. } = &self.spec.audiences[usize::from(audience)].population
        else {
            return;
        };
        let state = &mut self.audiences[usize::from(audience)];
        let mut stream = Purpose::Arrival.stream(self.seed, u32::from(audience), state.candidates);
        state.candidates += 1;
        let rate = rate_per_s * peak(profile);
        if rate > 0.0 {
            let gap = Law::exponential(1e9 / rate).span(&mut stream);
            ctx.schedule_in(gap, Event::Arrival(audience));
        }
    }

    /// A candidate arrives, with the probability that the profile gives it.
    pub fn arrival(&mut self, audience: u16, ctx: &mut Ctx<Event>) {
        let Population::Arriving { profile, session, .. } = &self.spec.audiences[usize::from(audience)].population
        else {
            return;
        };
        let candidate = self.audiences[usize::from(audience)].candidates;
        let share = profile_at(profile, ctx.now()) / peak(profile);
        if Purpose::Population.stream(self.seed, u32::from(audience), candidate).chance(share) {
            let number = self.clients.admitted();
            let length = session.span(&mut Purpose::Session.stream(self.seed, number, 0));
            self.admit(audience as u8, None, ctx.now() + length, ctx);
        }
        self.schedule_arrival(audience, ctx);
    }

    /// A client leaves for good.
    pub fn leave(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        match self.clients[client].link {
            Link::Open => self.lose_connection(client, CloseReason::SessionEnd, None, ctx),
            Link::HalfOpen => self.half_open_ended(client, ctx),
            Link::Connecting => self.abandon_attempt(client, ctx),
            Link::None | Link::Waiting | Link::Left => {}
        }
        self.abandon_acks(client);
        let held = self.held.remove(&client).unwrap_or_default();
        for event in held {
            self.not_sent(client, event.item, event.n);
        }
        if self.audience_of(client).transports.connect() {
            let wire = self.clients.wire_mut(client);
            wire.epoch = wire.epoch.wrapping_add(1);
            self.no_longer_waits(client);
            self.rooms.leave(client);
        }
        self.meter.departed.add(self.source_of(client), self.clients[client].routed);
        self.path.forget(client, true);
        self.clients.leave(client, ctx.now());
    }

    /// What a client does at such distances happens next, if it is still there then. `at_start`: the client is in the midst
    /// of such a distance.
    pub fn schedule_habit(
        &self,
        client: ClientId,
        every: &Law,
        mut stream: Stream,
        at_start: bool,
        event: Event,
        ctx: &mut Ctx<Event>,
    ) {
        let next = if at_start { every.residual(&mut stream) } else { every.span(&mut stream) };
        let at = ctx.now() + next;
        if at < self.clients.leaves_at(client) {
            ctx.schedule(at, event);
        }
    }

    /// The audience to which a client belongs.
    #[inline]
    pub fn audience_of(&self, client: ClientId) -> &'s AudienceSpec {
        &self.spec.audiences[usize::from(self.clients[client].audience)]
    }
}

/// The factor of a piecewise linear profile at a moment; flat before its first and after its last corner.
fn profile_at(profile: &[(Span, f64)], at: SimTime) -> f64 {
    let at = at - SimTime::ZERO;
    let next = profile.partition_point(|&(corner, _)| corner <= at);
    match (next.checked_sub(1).map(|before| profile[before]), profile.get(next)) {
        (None, None) => 1.0,
        (None, Some(&(_, factor))) | (Some((_, factor)), None) => factor,
        (Some((t0, f0)), Some(&(t1, f1))) => {
            let part = (at - t0).as_secs_f64() / (t1 - t0).as_secs_f64();
            f0 + (f1 - f0) * part
        }
    }
}

/// The largest factor of a profile.
fn peak(profile: &[(Span, f64)]) -> f64 {
    if profile.is_empty() { 1.0 } else { profile.iter().map(|&(_, factor)| factor).fold(0.0, f64::max) }
}

/// A Poisson number: how many exponential gaps fit.
fn poisson(mean: f64, stream: &mut Stream) -> u32 {
    let gap = Law::exponential(1.0);
    let (mut count, mut sum) = (0u32, gap.draw(stream));
    while sum < mean {
        count += 1;
        sum += gap.draw(stream);
    }
    count
}
