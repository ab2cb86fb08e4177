//! What can happen, and how it is kept in the queue.

use super::PodId;
use super::clients::ClientId;
use super::database::PoolId;
use super::flows::handshake::Step;
use crate::engine::{Event as EngineEvent, Id};

/// What can happen. Equal times are ordered as listed: the cluster changes before its clients act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Measuring begins.
    EndWarmUp,
    /// Entry `.0` of the timeline.
    Timeline(u16),
    /// A pod's process accepts connections from now on, if it is still that process.
    PodBooted(PodId, u16),
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
    /// The container of a pod starts, for this process.
    ContainerStarts(PodId, u16),
    /// A pod may have been ready for long enough to be available.
    PodAvailable(PodId),
    /// The kubelet asks a container: a probe of this kind.
    Probe(PodId, u16),
    /// A pod gets SIGKILL, if it is still that process.
    PodKilled(PodId, u16),
    /// A pod that drains closes its next connections, if it is still that process.
    DrainStep(PodId, u16),
    /// A pod closes the connection of a client, if it is still that one.
    CloseDue(ClientId, u16),
    /// The kubelet sees that the process before this one has died.
    DeathNoticed(PodId, u16),
    /// The rollout of this generation may have had no progress for too long.
    ProgressDue(u16),
    /// The answer to a probe is there, or has taken too long.
    ProbeEnds(PodId, u16),
    /// A controller looks at the connections of the pods.
    Rebalance,
    /// The autoscaler's metrics are measured.
    Scrape,
    /// The autoscaler decides.
    Autoscale,
    /// Something happens that does so again and again.
    Recurs(u32),
    /// An outage of a node is over.
    NodeBack(u32),
    /// The control plane takes a node for lost, in this outage.
    NodeLost(u32, u16),
    /// The control plane may give a node of this zone up.
    GiveUpNodes(u16),
    /// Pods have tolerated this taint of their node for as long as they do.
    TolerationOver(u32, u16),
    /// Somebody asks to have a pod evicted, again.
    Evict(PodId),
    /// A node takes pods again after this drain.
    DrainOver(u32, u16),
    /// A node is back after its upgrade.
    Upgraded(u32),
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
            Event::PodBooted(pod, b) => (3, pod.raw(), b),
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
            Event::ContainerStarts(pod, b) => (40, pod.raw(), b),
            Event::PodAvailable(pod) => (41, pod.raw(), 0),
            Event::Probe(pod, b) => (42, pod.raw(), b),
            Event::PodKilled(pod, b) => (43, pod.raw(), b),
            Event::DrainStep(pod, b) => (44, pod.raw(), b),
            Event::CloseDue(client, b) => (45, client.raw(), b),
            Event::DeathNoticed(pod, b) => (46, pod.raw(), b),
            Event::ProgressDue(b) => (47, 0, b),
            Event::ProbeEnds(pod, b) => (48, pod.raw(), b),
            Event::Rebalance => (49, 0, 0),
            Event::Scrape => (50, 0, 0),
            Event::Autoscale => (51, 0, 0),
            Event::Recurs(a) => (52, a, 0),
            Event::NodeBack(a) => (53, a, 0),
            Event::NodeLost(a, b) => (54, a, b),
            Event::GiveUpNodes(b) => (55, 0, b),
            Event::TolerationOver(a, b) => (56, a, b),
            Event::Evict(pod) => (57, pod.raw(), 0),
            Event::DrainOver(a, b) => (58, a, b),
            Event::Upgraded(a) => (59, a, 0),
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
            3 => Event::PodBooted(Id::new(a), b),
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
            39 => Event::ConnectDue(Id::new(a), b),
            40 => Event::ContainerStarts(Id::new(a), b),
            41 => Event::PodAvailable(Id::new(a)),
            42 => Event::Probe(Id::new(a), b),
            43 => Event::PodKilled(Id::new(a), b),
            44 => Event::DrainStep(Id::new(a), b),
            45 => Event::CloseDue(Id::new(a), b),
            46 => Event::DeathNoticed(Id::new(a), b),
            47 => Event::ProgressDue(b),
            48 => Event::ProbeEnds(Id::new(a), b),
            49 => Event::Rebalance,
            50 => Event::Scrape,
            51 => Event::Autoscale,
            52 => Event::Recurs(a),
            53 => Event::NodeBack(a),
            54 => Event::NodeLost(a, b),
            55 => Event::GiveUpNodes(b),
            56 => Event::TolerationOver(a, b),
            57 => Event::Evict(Id::new(a)),
            58 => Event::DrainOver(a, b),
            _ => Event::Upgraded(a),
        }
    }
}

/// The word of [`Event::Session`], which has a step between its kind and its numbers.
const fn session_word(client: ClientId, epoch: u16, step: Step) -> u64 {
    SESSION << 56 | (step as u64) << 48 | (epoch as u64) << 32 | client.raw() as u64
}
