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

/// One client: what its requests touch, in one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Client {
    /// When its affinity cookie ends: expired, or cleared with the jar. Zero: it has none.
    pub cookie_until: SimTime,
    /// It has no network before this.
    pub network_back_at: SimTime,
    /// Public address as the cluster sees it.
    pub address: IpAddr,
    /// Whether it stores and returns cookies.
    pub keeps_cookies: bool,
    /// True from arrival to departure.
    pub present: bool,
    /// Its address has changed since its last routed request.
    pub address_moved: bool,
    /// What links it to the cluster.
    pub link: Link,
    /// Which audience it belongs to.
    pub audience: u16,
    /// Value of its affinity cookie.
    pub cookie: u32,
    /// Base one-way trip to the balancer in nanoseconds.
    pub one_way_ns: u32,
    /// How many requests of it were routed.
    pub routed: u32,
    /// Pod of its last routed request, [`NO_POD`] before the first.
    pub last_pod: PodId,
    /// Pod of its connection or attempt.
    pub pod: PodId,
    /// Number of its [`Wire`], if its audience has WebSockets.
    pub wire: u32,
}

const _: () = assert!(size_of::<Client>() == 64, "a request touches one cache line of its client");

/// Stands for "no pod yet".
pub const NO_POD: PodId = PodId::new(u32::MAX);

/// What only rare changes of a client touch.
#[derive(Clone, Debug)]
pub struct Habits {
    /// When its cookies are cleared next.
    pub cookies_cleared_at: SimTime,
    /// How many times its cookies were cleared.
    pub clearings: u32,
    /// How many address changes it has had.
    pub changes: u32,
}

/// What only the life of a WebSocket touches.
#[derive(Clone, Debug)]
pub struct Wire {
    /// It has lost a connection in this session.
    pub lost_one: bool,
    /// Its upgrade request is at a pod, which counts it.
    pub upgrading: bool,
    /// Number of its connect attempt; whatever belongs to an older one is void.
    pub epoch: u16,
    /// Failed attempts since the last success: the back-off's exponent.
    pub attempt: u16,
    /// How many connections it has had.
    pub connection: u32,
    /// Process of the client's pod.
    pub process: u32,
    /// Position among the live connections of its pod.
    pub position: u32,
    /// How many reconnect delays it has drawn.
    pub delays: u32,
    /// Pod of the connection it lost last, [`NO_POD`] before the first.
    pub lost_pod: PodId,
    /// When its connection was opened; [`SimTime::NEVER`] for one that was open at the start of the run.
    pub opened_at: SimTime,
    /// When the server pings this connection for the first time; other pings follow at even distances.
    pub first_ping: SimTime,
    /// When it lost its transport.
    pub lost_at: SimTime,
    /// When its present attempt started.
    pub attempt_started: SimTime,
}

impl Wire {
    /// Never connected.
    pub const fn new() -> Wire {
        Wire {
            lost_one: false,
            upgrading: false,
            epoch: 0,
            attempt: 0,
            connection: 0,
            process: 0,
            position: 0,
            delays: 0,
            lost_pod: NO_POD,
            opened_at: SimTime::NEVER,
            first_ping: SimTime::ZERO,
            lost_at: SimTime::ZERO,
            attempt_started: SimTime::ZERO,
        }
    }
    /// When a connection of this client ended; `open` says whether the last one still is. Of connections before the last
    /// two it is only known that they ended long ago.
    pub const fn ended_at(&self, connection: u32, open: bool) -> SimTime {
        match (self.connection.wrapping_sub(connection), open) {
            (0, true) => SimTime::NEVER,
            (0, false) | (1, true) => self.lost_at,
            _ => SimTime::ZERO,
        }
    }
}

impl Client {
    /// Base one-way trip to the balancer.
    pub fn one_way(&self) -> Span {
        Span::from_nanos(u64::from(self.one_way_ns))
    }
    /// A round trip to the balancer.
    pub fn round_trip(&self) -> Span {
        self.one_way() * 2
    }
    /// True when it has a network.
    pub fn has_network(&self, now: SimTime) -> bool {
        now >= self.network_back_at
    }
    /// True when it has had an affinity cookie since it last had to look for one.
    pub fn had_cookie(&self) -> bool {
        self.cookie_until > SimTime::ZERO
    }
    /// The affinity cookie that it sends.
    pub fn cookie_at(&self, now: SimTime) -> Option<u32> {
        (now < self.cookie_until).then_some(self.cookie)
    }
}
