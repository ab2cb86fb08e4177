//! The cluster: clients, balancer, pods, rooms and Redis, and what happens between them.
//!
//! The nouns (`clients`, `network`, [`balancer`], `pods`, `rooms`, `redis`) are passive and know no event queue. The verbs
//! are the files of `flows`: each reads from top to bottom like the sequence diagram of what it does.
//!
//! [`simulate`] runs a [`ClusterSpec`] and gives a [`Record`] of what it measured.

pub mod adapter;
pub mod balancer;
pub mod spec;

mod caches;
mod clients;
mod conservation;
mod database;
mod deliveries;
mod draws;
mod fifo;
mod flows;
mod meter;
mod network;
pub(crate) mod path;
mod pods;
mod progress;
mod purpose;
#[cfg(test)]
mod recorded;
mod redis;
mod rooms;
mod sessions;
mod sources;

use crate::engine::{
    Column, Ctx, EndReason, Event as EngineEvent, Id, Limits, Model, Seed, SimTime, Simulation, Span, Streams,
};
use crate::metrics::Record;

use caches::Caches;
use clients::{ClientId, Clients, Packet, Pollers};
use database::{Database, PoolId};
use deliveries::Deliveries;
use draws::Ahead;
use flows::endpoints::Endpoints;
use flows::handshake::Step;
use flows::rollout::Rollout;
use flows::{Held, Message};
use meter::Meter;
use path::Path;
use pods::Pod;
use progress::Progress;
use redis::Redis;
use rooms::Rooms;
use rustc_hash::FxHashMap;
use sessions::Sessions;
use spec::{ClusterSpec, TrafficAction};

pub use conservation::Violation;
pub use flows::route::MOST_REDIRECTS;
pub use network::draw_v4;
pub use redis::{SLOTS, hash_slot, node_of_slot};

/// Tag of pod ids.
pub enum PodTag {}
/// A pod, by its number.
pub type PodId = Id<PodTag>;

/// The address of a pod, as balancers see it: `10.244.0.2:3000` is the first one's.
pub fn pod_address(pod: PodId) -> String {
    Pod::address(pod)
}

/// What can happen. Equal times are ordered as listed: the cluster changes before its clients act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Measuring begins.
    EndWarmUp,
    /// Entry `.0` of the timeline.
    Timeline(u16),
    /// A pod's process becomes ready, if it is still that process.
    PodReady(PodId, u16),
    /// A pod gets SIGTERM, if it is still that process.
    PodStops(PodId, u16),
    /// The balancer's control plane reads the pods.
    SyncEndpoints,
    /// The workers of an instance of the balancer take up what was read.
    ApplyEndpoints(u16),
    /// A request to this pod ended well, and the balancer wanted to know.
    ProbeSucceeded(PodId),
    /// The next candidate of an arriving audience.
    Arrival(u16),
    /// A client leaves.
    Leave(ClientId),
    /// The public address of a client changes.
    AddressChange(ClientId),
    /// A pod notices that a connection is dead.
    GhostNoticed(u32),
    /// A client starts a connect attempt.
    Connect(ClientId, u16),
    /// Its upgrade request reaches the balancer.
    Upgrade(ClientId, u16),
    /// Its Socket.IO CONNECT reaches the pod.
    Join(ClientId, u16),
    /// What it held back while it was not connected reaches the pod.
    Flush(ClientId, u16),
    /// A request or event of this client for this traffic entry reaches the balancer.
    Traffic(ClientId, u8),
    /// The next request of a trace is sent.
    TraceSent(u16),
    /// A request of a trace reaches the balancer.
    TraceArrives(u16, u32),
    /// A server emits.
    Tick(u8),
    /// A PUBLISH reaches Redis.
    Publish(u32),
    /// Its copies reach the pods.
    Copies(u32),
    /// Time for a sample of the series.
    Sample,
    /// The end of a window of peaks.
    Window,
    /// A balancer tries a request again.
    TryAgain(u32),
    /// A request ended that an instance of the balancer counts.
    Ended(u32),
    /// The balancer checks the health of its pods.
    CheckHealth,
    /// The balancer cuts what is still open from before a reload, or to a pod that has left its list.
    Cut(u32),
    /// The tier before the last one has checked this instance of it often enough.
    CheckNode(u16),
    /// The next step of a client's session by long polling, in this connect attempt or what came of it.
    Session(ClientId, u16, Step),
    /// A pod sends an event to a client that polls.
    Packet(u32),
    /// The last request of a session reaches the balancer.
    Goodbye(u32),
    /// A client loads its page anew.
    Refresh(ClientId),
    /// A client has heard nothing from its pod for too long, in this connection.
    SilenceNoticed(ClientId, u16),
    /// The handler of a request goes on: its work is done, or the result of a query is there.
    HandlerGoesOn(u32),
    /// Somebody may have waited too long for a connection of this pool.
    PoolTimeout(PoolId),
    /// A process asks for the next entries of a stream.
    ReadStream(PodId, u16),
    /// A process listens to Redis again.
    Reconnected(PodId, u16),
    /// A client has waited for an acknowledgement for as long as it does.
    AckDue(u32),
    /// A client has waited to be let in for as long as the server lets it, in this connect attempt.
    ConnectDue(ClientId, u16),
}

/// The kind of [`Event::Traffic`].
const TRAFFIC: u64 = 16;
/// That of [`Event::Session`].
const SESSION: u64 = 29;

/// Kind in the top byte, so that equal times are ordered as the kinds are listed; then a short and a long number.
impl EngineEvent for Event {
    #[inline]
    fn word(self) -> u64 {
        let (kind, a, b): (u64, u32, u16) = match self {
            Event::EndWarmUp => (1, 0, 0),
            Event::Timeline(b) => (2, 0, b),
            Event::PodReady(pod, b) => (3, pod.raw(), b),
            Event::PodStops(pod, b) => (4, pod.raw(), b),
            Event::SyncEndpoints => (5, 0, 0),
            Event::ApplyEndpoints(b) => (6, 0, b),
            Event::ProbeSucceeded(pod) => (7, pod.raw(), 0),
            Event::Arrival(b) => (8, 0, b),
            Event::Leave(client) => (9, client.raw(), 0),
            Event::AddressChange(client) => (10, client.raw(), 0),
            Event::GhostNoticed(a) => (11, a, 0),
            Event::Connect(client, b) => (12, client.raw(), b),
            Event::Upgrade(client, b) => (13, client.raw(), b),
            Event::Join(client, b) => (14, client.raw(), b),
            Event::Flush(client, b) => (15, client.raw(), b),
            Event::Traffic(client, b) => (TRAFFIC, client.raw(), u16::from(b)),
            Event::TraceSent(b) => (17, 0, b),
            Event::TraceArrives(b, a) => (18, a, b),
            Event::Tick(b) => (19, 0, u16::from(b)),
            Event::Publish(a) => (20, a, 0),
            Event::Copies(a) => (21, a, 0),
            Event::Sample => (22, 0, 0),
            Event::Window => (23, 0, 0),
            Event::TryAgain(a) => (24, a, 0),
            Event::Ended(a) => (25, a, 0),
            Event::CheckHealth => (26, 0, 0),
            Event::Cut(a) => (27, a, 0),
            Event::CheckNode(b) => (28, 0, b),
            Event::Session(client, b, step) => return session_word(client, b, step),
            Event::Packet(a) => (30, a, 0),
            Event::Goodbye(a) => (31, a, 0),
            Event::Refresh(client) => (32, client.raw(), 0),
            Event::SilenceNoticed(client, b) => (33, client.raw(), b),
            Event::HandlerGoesOn(a) => (34, a, 0),
            Event::PoolTimeout(pool) => (35, pool.raw(), 0),
            Event::ReadStream(pod, b) => (36, pod.raw(), b),
            Event::Reconnected(pod, b) => (37, pod.raw(), b),
            Event::AckDue(a) => (38, a, 0),
            Event::ConnectDue(client, b) => (39, client.raw(), b),
        };
        kind << 56 | u64::from(b) << 32 | u64::from(a)
    }
    #[inline]
    fn from_word(word: u64) -> Event {
        // nearly always: the rest is kept away from what happens often
        if word >> 56 == TRAFFIC {
            Event::Traffic(Id::new(word as u32), (word >> 32) as u8)
        } else {
            Event::rarer(word)
        }
    }
}

impl Event {
    /// Any event but traffic.
    #[inline(never)]
    fn rarer(word: u64) -> Event {
        let (a, b) = (word as u32, (word >> 32) as u16);
        match word >> 56 {
            1 => Event::EndWarmUp,
            2 => Event::Timeline(b),
            3 => Event::PodReady(Id::new(a), b),
            4 => Event::PodStops(Id::new(a), b),
            5 => Event::SyncEndpoints,
            6 => Event::ApplyEndpoints(b),
            7 => Event::ProbeSucceeded(Id::new(a)),
            8 => Event::Arrival(b),
            9 => Event::Leave(Id::new(a)),
            10 => Event::AddressChange(Id::new(a)),
            11 => Event::GhostNoticed(a),
            12 => Event::Connect(Id::new(a), b),
            13 => Event::Upgrade(Id::new(a), b),
            14 => Event::Join(Id::new(a), b),
            15 => Event::Flush(Id::new(a), b),
            17 => Event::TraceSent(b),
            18 => Event::TraceArrives(b, a),
            19 => Event::Tick(b as u8),
            20 => Event::Publish(a),
            21 => Event::Copies(a),
            22 => Event::Sample,
            23 => Event::Window,
            24 => Event::TryAgain(a),
            25 => Event::Ended(a),
            26 => Event::CheckHealth,
            27 => Event::Cut(a),
            28 => Event::CheckNode(b),
            SESSION => Event::Session(Id::new(a), b, Step::from_number((word >> 48) as u8)),
            30 => Event::Packet(a),
            31 => Event::Goodbye(a),
            32 => Event::Refresh(Id::new(a)),
            33 => Event::SilenceNoticed(Id::new(a), b),
            34 => Event::HandlerGoesOn(a),
            35 => Event::PoolTimeout(Id::new(a)),
            36 => Event::ReadStream(Id::new(a), b),
            37 => Event::Reconnected(Id::new(a), b),
            38 => Event::AckDue(a),
            _ => Event::ConnectDue(Id::new(a), b),
        }
    }
}

/// The word of [`Event::Session`], which has a step between its kind and its numbers.
const fn session_word(client: ClientId, epoch: u16, step: Step) -> u64 {
    SESSION << 56 | (step as u64) << 48 | (epoch as u64) << 32 | client.raw() as u64
}

/// A cluster under simulation.
struct Cluster<'s> {
    spec: &'s ClusterSpec,
    seed: Seed,
    /// Random numbers of each traffic entry.
    traffic: Vec<Streams>,
    ahead: Ahead,
    clients: Clients,
    /// Events that clients hold back until they are connected.
    held: FxHashMap<ClientId, Vec<Held>>,
    /// Events of clients that wait for their acknowledgement, and which they are of each client.
    unacknowledged: flows::Slab<flows::ack::Unacknowledged>,
    unacknowledged_of: FxHashMap<ClientId, Vec<u32>>,
    /// Clients whose connection goes by long polling.
    pollers: Pollers,
    /// Events that pods send to them.
    packets: flows::Slab<Packet>,
    /// The last reconnect delay of each client whose next one depends on it.
    last_delays: FxHashMap<ClientId, Span>,
    /// What each audience needs to grow: address pool, arrivals and trace positions.
    audiences: Vec<flows::arrive::AudienceState>,
    pods: Column<PodTag, Pod>,
    /// Pods that are not gone, in order of number.
    running: Vec<PodId>,
    path: Path,
    endpoints: Endpoints,
    rollout: Rollout,
    rooms: Rooms,
    redis: Redis,
    sessions: Sessions,
    database: Option<Database>,
    caches: Caches,
    /// Handlers that wait for more than their own work.
    asking: flows::Slab<flows::handler::Asking>,
    /// Processes that get a copy of what is published now.
    subscribers: flows::Subscribers,
    /// Events between a pod and the others.
    messages: flows::Slab<Message>,
    /// Copies of them on their way from Redis.
    handed_out: flows::Slab<flows::publish::Delivery>,
    /// Broadcasts whose outcome is not recorded yet.
    deliveries: Deliveries,
    /// How far each pod is with the one that is being recorded.
    progress: Progress,
    /// Connections whose client is gone without the pod knowing.
    ghosts: flows::Slab<flows::disconnect::Ghost>,
    /// Requests that wait for their next try.
    pending: flows::retry::Pending,
    /// Requests and connections whose end a balancer must be told.
    ends: flows::Slab<flows::ends::Under>,
    /// What balancers will cut.
    cuts: flows::Slab<flows::disconnect::Cut>,
    /// The next room of each server tick.
    tick_rooms: Vec<u32>,
    meter: Meter,
}

impl Model for Cluster<'_> {
    type Event = Event;

    #[inline]
    fn handle(&mut self, event: Event, ctx: &mut Ctx<Event>) {
        match event {
            Event::Traffic(client, item) => self.traffic(client, item, ctx),
            _ => self.handle_rarer(event, ctx),
        }
    }

    #[inline(never)]
    fn look_ahead(&mut self, soon: impl Iterator<Item = Event> + Clone) -> u64 {
        let mut read = self.announce(soon.clone().filter_map(|event| match event {
            Event::Traffic(client, item) => Some((client, item)),
            _ => None,
        }));
        if self.clients.has_wires() || self.clients.leave_at_all() {
            read ^= soon.clone().map(|event| self.touch(event)).fold(0, u64::wrapping_add);
        }
        if self.clients.has_wires() {
            read ^= soon.map(|event| self.touch_rooms(event)).fold(0, u64::wrapping_add);
        }
        self.draw_ahead();
        read
    }
}

impl Cluster<'_> {
    /// Whatever is not traffic: apart, so that what happens nearly always stays short.
    #[inline(never)]
    fn handle_rarer(&mut self, event: Event, ctx: &mut Ctx<Event>) {
        match event {
            Event::EndWarmUp => self.end_warm_up(ctx),
            Event::Timeline(entry) => self.timeline(usize::from(entry), ctx),
            Event::PodReady(pod, process) => self.pod_ready(pod, process, ctx),
            Event::PodStops(pod, process) => self.pod_stops(pod, process, ctx),
            Event::SyncEndpoints => self.sync_endpoints(ctx),
            Event::ApplyEndpoints(instance) => self.apply_endpoints(usize::from(instance), ctx),
            Event::CheckNode(instance) => self.check_node(usize::from(instance), ctx.now()),
            Event::ProbeSucceeded(pod) => self.ended_well(pod, ctx),
            Event::Arrival(audience) => self.arrival(audience, ctx),
            Event::Leave(client) => self.leave(client, ctx),
            Event::AddressChange(client) => self.address_change(client, ctx),
            Event::GhostNoticed(ghost) => self.ghost_noticed(ghost, ctx),
            Event::Connect(client, epoch) => self.connect(client, epoch, ctx),
            Event::Upgrade(client, epoch) => self.upgrade(client, epoch, ctx),
            Event::Join(client, epoch) => self.connect_packet(client, epoch, ctx),
            Event::Flush(client, epoch) => self.flush(client, epoch, ctx),
            Event::Traffic(client, item) => self.traffic(client, item, ctx),
            Event::TraceSent(audience) => self.trace_sent(audience, ctx),
            Event::TraceArrives(audience, request) => self.trace_arrives(audience, request, ctx),
            Event::Tick(item) => self.tick(item, ctx),
            Event::Publish(message) => self.publish(message, ctx),
            Event::Copies(message) => self.copies(message, ctx),
            Event::Sample => self.sample(ctx),
            Event::Window => self.window(ctx),
            Event::TryAgain(slot) => self.try_again(slot, ctx),
            Event::Ended(slot) => self.request_ended(slot, ctx),
            Event::CheckHealth => self.check_health(ctx),
            Event::Cut(slot) => self.cut(slot, ctx),
            Event::Session(client, epoch, step) => self.step(client, epoch, step, ctx),
            Event::Packet(slot) => self.packet(slot, ctx),
            Event::Goodbye(ghost) => self.goodbye(ghost, ctx),
            Event::Refresh(client) => self.refresh(client, ctx),
            Event::SilenceNoticed(client, epoch) => self.silence_noticed(client, epoch, ctx),
            Event::HandlerGoesOn(slot) => self.handler_goes_on(slot, ctx),
            Event::PoolTimeout(pool) => self.pool_timeout(pool, ctx),
            Event::ReadStream(pod, process) => self.read_stream(pod, process, ctx),
            Event::Reconnected(pod, process) => self.reconnected(pod, process, ctx),
            Event::AckDue(slot) => self.ack_due(slot, ctx),
            Event::ConnectDue(client, epoch) => self.connect_due(client, epoch, ctx),
        }
    }

    /// Reads what is known to be needed for an event, and returns anything that depends on it.
    #[inline(always)]
    fn touch(&self, event: Event) -> u64 {
        match event {
            Event::Traffic(client, item) => {
                let leaving = self.clients.touch_leaving(client);
                if self.emits(item) {
                    leaving ^ self.clients.touch_wire(client) ^ self.rooms.touch(client)
                } else {
                    leaving
                }
            }
            Event::Connect(client, _) | Event::Upgrade(client, _) | Event::Join(client, _) | Event::Leave(client) => {
                u64::from(self.clients[client].routed) ^ self.clients.touch_wire(client) ^ self.rooms.touch(client)
            }
            _ => 0,
        }
    }

    /// The same, afterwards, for what is found through it.
    fn touch_rooms(&self, event: Event) -> u64 {
        match event {
            Event::Traffic(client, item) if self.emits(item) => self.rooms.touch_deeper(client),
            Event::Join(client, _) | Event::Leave(client) => self.rooms.touch_deeper(client),
            _ => 0,
        }
    }

    /// Whether a traffic entry is about events.
    fn emits(&self, item: u8) -> bool {
        matches!(self.spec.traffic[usize::from(item)].action, TrafficAction::Emit { .. })
    }
}

/// Why a run gave no record.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The limit of events was reached.
    #[error(
        "the run stopped after {events} events at {at} of {duration}: it is larger than max_events allows; \
         shorten it, make it smaller, or raise max_events"
    )]
    TooManyEvents {
        /// Events handled.
        events: u64,
        /// Simulated time reached.
        at: SimTime,
        /// Simulated time wanted.
        duration: Span,
    },
    /// Something was lost or doubled: a bug in stickysim, not in the scenario.
    #[error("{0}")]
    Violation(#[from] Violation),
}

/// Runs a cluster to the end of its duration. The result is a function of `(spec, seed)` alone.
///
/// # Errors
/// When the limit of events is hit, or when the books do not balance at the end (a bug of the model).
pub fn simulate(spec: &ClusterSpec, seed: Seed) -> Result<Record, RunError> {
    let horizon = SimTime::ZERO + spec.duration;
    let mut simulation = Simulation::with_horizon(Cluster::new(spec, seed), horizon);
    simulation.start(|cluster, ctx| cluster.start(ctx));
    let end = simulation.run(Limits { until: horizon, max_events: spec.max_events });
    if end.reason == EndReason::TooManyEvents {
        return Err(RunError::TooManyEvents { events: end.events, at: end.at, duration: spec.duration });
    }
    let mut cluster = simulation.into_model();
    cluster.finish(horizon);
    cluster.check_conservation(horizon)?;
    Ok(cluster.into_record(horizon, end))
}
