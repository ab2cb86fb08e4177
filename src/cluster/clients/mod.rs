//! Clients: where they are, what they remember, whether they are connected.

mod backoff;

use std::net::IpAddr;

use super::PodId;
use crate::engine::{Id, SimTime, Span};

pub use backoff::retry_delay;

/// Tag of client ids.
pub enum ClientTag {}
/// A client: one browser, app or device. Ids are given in order of appearance and never reused.
pub type ClientId = Id<ClientTag>;

/// What links a client to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nothing, and it does not try: an HTTP-only client, one that has left, or one that gave up.
    None,
    /// Waiting to try again.
    Waiting,
    /// A connect attempt is under way.
    Connecting,
    /// A WebSocket is open.
    Open,
}

/// One client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Public address as the cluster sees it.
    pub address: IpAddr,
    /// Which audience it belongs to.
    pub audience: u16,
    /// What links it to the cluster.
    pub link: Link,
    /// True from arrival to departure.
    pub present: bool,
    /// Whether it stores and returns cookies.
    pub keeps_cookies: bool,
    /// Its address has changed since its last routed request.
    pub address_moved: bool,
    /// It has lost a connection in this session.
    pub lost_one: bool,
    /// Its upgrade request is at a pod, which counts it.
    pub upgrading: bool,
    /// Number of its connect attempt; whatever belongs to an older one is void.
    pub epoch: u16,
    /// Failed attempts since the last success: the back-off's exponent.
    pub attempt: u16,
    /// Base one-way trip to the balancer.
    pub one_way: Span,
    /// Pod of its connection or attempt, and that pod's process.
    pub pod: PodId,
    /// See `pod`.
    pub process: u32,
    /// Position among the live connections of its pod.
    pub position: u32,
    /// Pod of its last routed request.
    pub last_pod: Option<PodId>,
    /// Pod of the connection it lost last.
    pub lost_pod: Option<PodId>,
    /// Affinity cookie and its expiry.
    pub cookie: Option<(u32, SimTime)>,
    /// When its cookies are cleared next.
    pub cookies_cleared_at: SimTime,
    /// When its connection was opened; `None` for one that was open at the start of the run.
    pub opened_at: Option<SimTime>,
    /// When the server pings this connection for the first time; other pings follow at even distances.
    pub first_ping: SimTime,
    /// When it lost its transport.
    pub lost_at: SimTime,
    /// When its present attempt started.
    pub attempt_started: SimTime,
    /// It has no network before this.
    pub network_back_at: SimTime,
    /// How many requests of it were routed.
    pub routed: u32,
    /// How many reconnect delays it has drawn.
    pub delays: u32,
    /// How many address changes it has had.
    pub changes: u32,
    /// How many times its cookies were cleared.
    pub clearings: u32,
}

impl Client {
    /// A round trip to the balancer.
    pub fn round_trip(&self) -> Span {
        self.one_way * 2
    }
    /// True when it has a network.
    pub fn has_network(&self, now: SimTime) -> bool {
        now >= self.network_back_at
    }
}
