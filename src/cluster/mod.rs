//! The cluster: clients, balancer, pods, rooms and Redis, and what happens between them.
//!
//! The nouns (`clients`, `network`, [`balancer`], `pods`, `rooms`, `redis`) are passive and know no event queue. The verbs
//! are the files of `flows`: each reads from top to bottom like the sequence diagram of what it does.
//!
//! [`simulate`] runs a [`ClusterSpec`] and gives a [`Record`] of what it measured.

pub mod balancer;
pub mod spec;

mod clients;
mod conservation;
mod flows;
mod meter;
mod network;
mod pods;
mod purpose;
mod redis;
mod rooms;

use crate::engine::{Column, Ctx, EndReason, Event as EngineEvent, Id, Limits, Model, Seed, SimTime, Simulation};
use crate::metrics::Record;

use balancer::Balancer;
use clients::{Client, ClientId, ClientTag};
use flows::endpoints::Endpoints;
use flows::rollout::Rollout;
use flows::{Held, Message, TrafficSlot};
use meter::Meter;
use pods::Pod;
use redis::Redis;
use rooms::Rooms;
use rustc_hash::FxHashMap;
use spec::ClusterSpec;

pub use conservation::Violation;

/// Tag of pod ids.
pub enum PodTag {}
/// A pod, by its number.
pub type PodId = Id<PodTag>;

/// What can happen. Equal times are ordered as listed: the cluster changes before its clients act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The balancer's workers take up what was read.
    ApplyEndpoints,
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
}

impl EngineEvent for Event {
    fn word(self) -> u64 {
        let pack = |kind: u64, a: u32, b: u16| kind << 56 | u64::from(b) << 32 | u64::from(a);
        match self {
            Event::EndWarmUp => pack(1, 0, 0),
            Event::Timeline(entry) => pack(2, 0, entry),
            Event::PodReady(pod, process) => pack(3, pod.raw(), process),
            Event::PodStops(pod, process) => pack(4, pod.raw(), process),
            Event::SyncEndpoints => pack(6, 0, 0),
            Event::ApplyEndpoints => pack(7, 0, 0),
            Event::ProbeSucceeded(pod) => pack(8, pod.raw(), 0),
            Event::Arrival(audience) => pack(9, 0, audience),
            Event::Leave(client) => pack(10, client.raw(), 0),
            Event::AddressChange(client) => pack(11, client.raw(), 0),
            Event::GhostNoticed(ghost) => pack(12, ghost, 0),
            Event::Connect(client, epoch) => pack(13, client.raw(), epoch),
            Event::Upgrade(client, epoch) => pack(14, client.raw(), epoch),
            Event::Join(client, epoch) => pack(15, client.raw(), epoch),
            Event::Flush(client, epoch) => pack(16, client.raw(), epoch),
            Event::Traffic(client, item) => pack(17, client.raw(), u16::from(item)),
            Event::TraceSent(audience) => pack(18, 0, audience),
            Event::TraceArrives(audience, request) => pack(19, request, audience),
            Event::Tick(item) => pack(20, 0, u16::from(item)),
            Event::Publish(message) => pack(21, message, 0),
            Event::Copies(message) => pack(22, message, 0),
            Event::Sample => pack(23, 0, 0),
        }
    }
}

/// A cluster under simulation.
struct Cluster<'s> {
    spec: &'s ClusterSpec,
    seed: Seed,
    clients: Column<ClientTag, Client>,
    /// One per client and traffic entry.
    slots: Vec<TrafficSlot>,
    /// Events that clients hold back until they are connected.
    held: FxHashMap<ClientId, Vec<Held>>,
    /// What each audience needs to grow: address pool, arrivals and trace positions.
    audiences: Vec<flows::arrive::AudienceState>,
    pods: Column<PodTag, Pod>,
    /// Pods that are not gone, in order of number.
    running: Vec<PodId>,
    balancer: Balancer,
    endpoints: Endpoints,
    rollout: Rollout,
    rooms: Rooms,
    redis: Redis,
    /// Events between a pod and the others.
    messages: flows::Slab<Message>,
    /// Connections whose client is gone without the pod knowing.
    ghosts: flows::Slab<flows::disconnect::Ghost>,
    /// Clients present, and those connected, over all audiences.
    present: u32,
    online: u32,
    /// The next room of each server tick.
    tick_rooms: Vec<u32>,
    meter: Meter,
}

impl Model for Cluster<'_> {
    type Event = Event;

    fn handle(&mut self, event: Event, ctx: &mut Ctx<Event>) {
        match event {
            Event::EndWarmUp => self.end_warm_up(ctx),
            Event::Timeline(entry) => self.timeline(usize::from(entry), ctx),
            Event::PodReady(pod, process) => self.pod_ready(pod, process, ctx),
            Event::PodStops(pod, process) => self.pod_stops(pod, process, ctx),
            Event::SyncEndpoints => self.sync_endpoints(ctx),
            Event::ApplyEndpoints => self.apply_endpoints(),
            Event::ProbeSucceeded(pod) => self.balancer.finished(pod),
            Event::Arrival(audience) => self.arrival(audience, ctx),
            Event::Leave(client) => self.leave(client, ctx),
            Event::AddressChange(client) => self.address_change(client, ctx),
            Event::GhostNoticed(ghost) => self.ghost_noticed(ghost, ctx),
            Event::Connect(client, epoch) => self.connect(client, epoch, ctx),
            Event::Upgrade(client, epoch) => self.upgrade(client, epoch, ctx),
            Event::Join(client, epoch) => self.join(client, epoch, ctx),
            Event::Flush(client, epoch) => self.flush(client, epoch, ctx),
            Event::Traffic(client, item) => self.traffic(client, item, ctx),
            Event::TraceSent(audience) => self.trace_sent(audience, ctx),
            Event::TraceArrives(audience, request) => self.trace_arrives(audience, request, ctx),
            Event::Tick(item) => self.tick(item, ctx),
            Event::Publish(message) => self.publish(message, ctx),
            Event::Copies(message) => self.copies(message, ctx),
            Event::Sample => self.sample(ctx),
        }
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
        duration: crate::engine::Span,
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
    let mut simulation = Simulation::new(Cluster::new(spec, seed));
    simulation.start(|cluster, ctx| cluster.start(ctx));
    let horizon = SimTime::ZERO + spec.duration;
    let end = simulation.run(Limits { until: horizon, max_events: spec.max_events });
    if end.reason == EndReason::TooManyEvents {
        return Err(RunError::TooManyEvents { events: end.events, at: end.at, duration: spec.duration });
    }
    let mut cluster = simulation.into_model();
    cluster.finish(horizon);
    cluster.check_conservation(horizon)?;
    Ok(cluster.into_record(horizon, end))
}
