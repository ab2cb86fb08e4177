//! The cluster: clients, balancer, pods, rooms and Redis, and what happens between them.
//!
//! The nouns (`clients`, `network`, [`balancer`], `pods`, `rooms`, `redis`) are passive and know no event queue. The verbs
//! are the files of `flows`: each reads from top to bottom like the sequence diagram of what it does.
//!
//! [`simulate`] runs a [`ClusterSpec`] and gives a [`Record`] of what it measured.

pub mod adapter;
pub mod balancer;
pub mod spec;

mod autoscaler;
mod caches;
mod clients;
mod conservation;
mod database;
mod deliveries;
mod draws;
mod event;
mod fifo;
mod flows;
mod meter;
mod network;
mod nodes;
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

use crate::engine::{Column, Ctx, End, EndReason, Id, Limits, Model, Seed, SimTime, Simulation, Span, Streams};
use crate::metrics::{Record, Window};

use caches::Caches;
use clients::{ClientId, Clients, Packet, Pollers};
use database::Database;
use deliveries::Deliveries;
use draws::Ahead;
use flows::autoscale::Autoscaler;
use flows::endpoints::Endpoints;
use flows::rollout::Rollout;
use flows::{Held, Message};
use meter::Meter;
use nodes::Nodes;
use path::Path;
use pods::Pod;
use progress::Progress;
use redis::Redis;
use rooms::Rooms;
use rustc_hash::{FxHashMap, FxHashSet};
use sessions::Sessions;
use spec::{ClusterSpec, TrafficAction};

pub use conservation::Violation;
pub use event::Event;
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
    nodes: Nodes,
    path: Path,
    endpoints: Endpoints,
    rollout: Rollout,
    autoscaler: Autoscaler,
    rooms: Rooms,
    redis: Redis,
    sessions: Sessions,
    database: Option<Database>,
    caches: Caches,
    /// Requests that processes which ended in order are still to answer.
    finishing: Vec<pods::Job>,
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
    /// Clients that do not know yet that their WebSocket is dead: balancers still count it.
    half_open: FxHashSet<ClientId>,
    /// What happens again and again.
    recurring: flows::Slab<flows::timeline::Recurring>,
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

    #[inline(always)]
    fn fetch(&self, later: Event) {
        if self.clients.are_near() {
            return;
        }
        match later {
            Event::Traffic(client, item) => {
                self.clients.fetch_slot(client, item);
                self.fetch_client(client, self.emits(item));
                if self.path.last.reads.address {
                    self.clients.fetch_address(client);
                }
            }
            Event::Connect(client, _) | Event::Upgrade(client, _) | Event::Join(client, _) | Event::Leave(client) => {
                self.fetch_client(client, true);
            }
            _ => {}
        }
    }

    #[inline(never)]
    fn look_ahead(&mut self, soon: impl Iterator<Item = Event> + Clone) {
        let with_rooms = self.clients.has_wires() && !self.clients.are_near();
        if with_rooms {
            soon.clone()
                .filter_map(|event| self.needs_rooms_of(event))
                .for_each(|client| self.rooms.fetch_rooms(client));
        }
        self.announce(soon.clone().filter_map(|event| match event {
            Event::Traffic(client, item) => Some((client, item)),
            _ => None,
        }));
        self.draw_ahead();
        if with_rooms {
            // meanwhile the rooms are there, by which their members are found
            soon.filter_map(|event| self.needs_rooms_of(event)).for_each(|client| self.rooms.fetch_members(client));
        }
    }
}

impl Cluster<'_> {
    /// Whatever is not traffic: apart, so that what happens nearly always stays short.
    #[inline(never)]
    fn handle_rarer(&mut self, event: Event, ctx: &mut Ctx<Event>) {
        match event {
            Event::EndWarmUp => self.end_warm_up(ctx),
            Event::Timeline(entry) => self.timeline(entry, ctx),
            Event::PodBooted(pod, process) => self.pod_booted(pod, process, ctx),
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
            Event::ContainerStarts(pod, process) => self.container_starts(pod, process, ctx),
            Event::PodAvailable(pod) => self.pod_available(pod, ctx),
            Event::Probe(pod, kind) => self.probe(pod, kind, ctx),
            Event::PodKilled(pod, process) => self.pod_killed(pod, process, ctx),
            Event::DrainStep(pod, process) => self.drain_step(pod, process, ctx),
            Event::CloseDue(client, epoch) => self.close_due(client, epoch, ctx),
            Event::DeathNoticed(pod, process) => self.death_noticed(pod, process, ctx),
            Event::ProgressDue(generation) => self.progress_due(generation, ctx),
            Event::ProbeEnds(pod, answer) => self.probe_ends(pod, answer, ctx),
            Event::Rebalance => self.rebalance(ctx),
            Event::Scrape => self.scrape(ctx),
            Event::Autoscale => self.autoscale(ctx),
            Event::Recurs(slot) => self.recurs(slot, ctx),
            Event::NodeBack(node) => self.node_back(node, ctx),
            Event::NodeLost(node, outage) => self.node_lost(node, outage, ctx),
            Event::GiveUpNodes(zone) => self.give_up_nodes(usize::from(zone), ctx),
            Event::TolerationOver(node, taint) => self.toleration_over(node, taint, ctx),
            Event::Evict(pod) => self.evict(pod, ctx),
            Event::DrainOver(node, drain) => self.drain_over(node, drain, ctx),
            Event::Upgraded(node) => self.node_upgraded(node, ctx),
        }
    }

    /// Fetches what is known of a client and, `with_rooms`, what its connection and its rooms are found by.
    #[inline(always)]
    fn fetch_client(&self, client: ClientId, with_rooms: bool) {
        self.clients.fetch(client);
        if with_rooms && self.clients.has_wires() {
            self.clients.fetch_wire(client);
            self.rooms.fetch(client);
        }
    }

    /// The client whose rooms an event needs.
    #[inline(always)]
    fn needs_rooms_of(&self, event: Event) -> Option<ClientId> {
        match event {
            Event::Traffic(client, item) => self.emits(item).then_some(client),
            Event::Join(client, _) | Event::Leave(client) => Some(client),
            _ => None,
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
    simulate_during(spec, &[], seed).map(|(record, _)| record)
}

/// The same, with a record of each of these windows. What happens does not depend on them: nothing is scheduled for them, the run
/// only pauses where one begins or ends.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_during(spec: &ClusterSpec, windows: &[Window], seed: Seed) -> Result<(Record, Vec<Record>), RunError> {
    let is_measured = |w: &Window| spec.warm_up <= w.from && w.from < w.to && w.to <= spec.duration;
    debug_assert!(windows.iter().all(is_measured), "a window lies in what is measured");
    let horizon = SimTime::ZERO + spec.duration;
    let mut simulation = Simulation::with_horizon(Cluster::new(spec, windows, seed), horizon);
    simulation.start(|cluster, ctx| cluster.start(ctx));
    let too_many = |end: &End| RunError::TooManyEvents { events: end.events, at: end.at, duration: spec.duration };
    // what begins with the measured part does so in the event that ends the warm-up
    let is_inside = |at: &Span| *at > spec.warm_up && *at < spec.duration;
    let mut pauses: Vec<Span> = windows.iter().flat_map(|window| [window.from, window.to]).filter(is_inside).collect();
    pauses.sort_unstable();
    pauses.dedup();
    for pause in pauses {
        let until = SimTime::ZERO + pause.saturating_sub(Span::from_nanos(1));
        let end = simulation.run(Limits { until, max_events: spec.max_events });
        if end.reason == EndReason::TooManyEvents {
            return Err(too_many(&end));
        }
        simulation.model_mut().pause(SimTime::ZERO + pause);
    }
    let end = simulation.run(Limits { until: horizon, max_events: spec.max_events });
    if end.reason == EndReason::TooManyEvents {
        return Err(too_many(&end));
    }
    let mut cluster = simulation.into_model();
    cluster.finish(horizon);
    cluster.check_conservation(horizon)?;
    Ok(cluster.into_records(horizon, end))
}
