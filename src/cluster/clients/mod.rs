//! Clients: where they are, what they remember, whether they are connected.
//!
//! What a request touches of a client is a record of half a cache line; the rest stands in columns that exist only where
//! somebody needs them. A client that leaves makes its place free for a later one, so memory follows the clients that are
//! there, not those that ever were.

mod backoff;
mod places;
mod poller;

use super::PodId;
use crate::engine::{Id, SimTime, Span};

pub use backoff::{ReconnectPolicy, RetryLaw};
pub use places::{Clients, Layout};
pub use poller::{Packet, Poller, Pollers, Upgrade};

/// Tag of client ids.
pub enum ClientTag {}
/// A client (one browser, app or device) by its place in the tables. Places of clients that left are used again, long after
/// nothing speaks of them any more; who it is, is its [`Client::number`].
pub type ClientId = Id<ClientTag>;

/// What links a client to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nothing, and it does not try: an HTTP-only client, or one that gave up.
    None,
    /// Waiting to try again.
    Waiting,
    /// A connect attempt is under way.
    Connecting,
    /// A WebSocket is open.
    Open,
    /// A connection is dead, and the client does not know it yet.
    HalfOpen,
    /// It has left for good.
    Left,
}

/// Whether a client's address has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roaming {
    /// Never.
    Never,
    /// Yes, and the balancer has seen the new one.
    Before,
    /// Since its last routed request.
    SinceLastRequest,
}

/// One client: what its requests touch.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub struct Client {
    /// When its affinity cookie ends: expired, or cleared with the jar. Zero: it has none.
    pub cookie_until: SimTime,
    /// Who it is, in order of appearance: the address of its random numbers.
    pub number: u32,
    /// Base one-way trip to the balancer in nanoseconds.
    pub one_way_ns: u32,
    /// Value of its affinity cookie.
    pub cookie: u32,
    /// How many requests of it were routed.
    pub routed: u32,
    /// Pod of its last routed request, [`NO_POD`] before the first.
    pub last_pod: PodId,
    /// Which audience it belongs to.
    pub audience: u8,
    /// What links it to the cluster.
    pub link: Link,
    /// Whether it stores and returns cookies.
    pub keeps_cookies: bool,
    /// Whether its address has changed.
    pub roaming: Roaming,
}

const _: () = assert!(size_of::<Client>() == 32, "two clients to a cache line");

/// Stands for "no pod yet".
pub const NO_POD: PodId = PodId::new(u32::MAX);

/// What only clients have whose address changed or whose cookies were cleared.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    /// When its cookies are cleared next, if they were before.
    pub cookies_cleared_at: SimTime,
    /// It has no network before this.
    pub network_back_at: SimTime,
    /// How many times its cookies were cleared.
    pub clearings: u32,
    /// How many address changes it has had.
    pub changes: u32,
    /// How many times it has loaded its page anew.
    pub refreshes: u32,
}

/// Where a client stands with one traffic entry.
#[derive(Clone, Copy, Default)]
pub struct TrafficSlot {
    /// Number of the request that is on its way.
    pub n: u32,
    /// Its trip to the balancer in nanoseconds.
    pub up_ns: u32,
}

impl TrafficSlot {
    /// Both in one word.
    const fn word(self) -> u64 {
        (self.n as u64) << 32 | self.up_ns as u64
    }
    /// What [`TrafficSlot::word`] made of it.
    const fn from_word(word: u64) -> TrafficSlot {
        TrafficSlot { n: (word >> 32) as u32, up_ns: word as u32 }
    }
    /// The trip to the balancer.
    pub fn up(self) -> Span {
        Span::from_nanos(u64::from(self.up_ns))
    }
}

/// What only the life of a WebSocket touches.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Wire {
    /// It has lost a connection in this session.
    pub lost_one: bool,
    /// Its upgrade request is at a pod, which counts it.
    pub upgrading: bool,
    /// Number of its connect attempt; whatever belongs to an older one is void.
    pub epoch: u16,
    /// Failed attempts since the last success: the back-off's exponent.
    pub attempt: u16,
    /// Instance of the last balancer through which its connection goes.
    pub instance: u16,
    /// Pod of its connection or attempt.
    pub pod: PodId,
    /// Process of that pod.
    pub process: u32,
    /// How many connections there have been.
    pub connection: u32,
    /// Position among the live connections of its pod, or among the upgrades there.
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

const _: () = assert!(size_of::<Wire>() == 64, "one cache line");

impl Wire {
    /// Never connected.
    pub const fn new() -> Wire {
        Wire {
            lost_one: false,
            upgrading: false,
            epoch: 0,
            attempt: 0,
            instance: 0,
            pod: NO_POD,
            process: 0,
            connection: 0,
            position: 0,
            delays: 0,
            lost_pod: NO_POD,
            opened_at: SimTime::NEVER,
            first_ping: SimTime::ZERO,
            lost_at: SimTime::ZERO,
            attempt_started: SimTime::ZERO,
        }
    }
    /// That of the next client in the same place. Attempts and connections count on: what is under way for the one that
    /// left must not be taken for the new one's.
    const fn passed_on(&self) -> Wire {
        Wire { epoch: self.epoch.wrapping_add(1), connection: self.connection, lost_at: self.lost_at, ..Wire::new() }
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
    /// How long a request on a new connection takes to the balancer: TCP and TLS take a round trip each, then it travels.
    pub fn first_trip(&self) -> Span {
        self.round_trip() * 2 + self.one_way()
    }
    /// The balancer has sent it there.
    pub fn routed_to(&mut self, pod: PodId) {
        self.last_pod = pod;
        if self.roaming == Roaming::SinceLastRequest {
            self.roaming = Roaming::Before;
        }
    }
    /// True from arrival to departure.
    pub fn is_present(&self) -> bool {
        self.link != Link::Left
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
