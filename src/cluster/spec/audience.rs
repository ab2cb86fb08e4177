//! Who the clients are, where they are, and what they keep.

use std::net::IpAddr;
use std::sync::Arc;

use super::ReconnectPolicy;
use crate::engine::{Law, Span};

/// One kind of clients.
#[derive(Clone, Debug)]
pub struct AudienceSpec {
    /// As written by the user; unique.
    pub name: String,
    /// Who is there and when.
    pub population: Population,
    /// Where they are.
    pub network: NetworkSpec,
    /// What their cookie jar does.
    pub cookies: CookieSpec,
    /// When they come back after a loss.
    pub reconnect: ReconnectPolicy,
    /// When they load their page anew; `None` = never.
    pub refresh: Option<RefreshSpec>,
    /// How each client holds its connection.
    pub transports: Transports,
}

/// How clients hold their connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transports {
    /// Not at all: they only make HTTP requests.
    None,
    /// By a WebSocket from the start.
    WebSocket,
    /// By long polling, until the upgrade to a WebSocket has succeeded.
    PollingFirst,
    /// By long polling.
    Polling,
}

impl Transports {
    /// Whether there is a connection at all.
    pub fn connect(self) -> bool {
        self != Transports::None
    }
    /// Whether it begins with long polling.
    pub fn poll(self) -> bool {
        matches!(self, Transports::PollingFirst | Transports::Polling)
    }
}

/// Who is there and when.
#[derive(Clone, Debug)]
pub enum Population {
    /// `count` clients, present all the time.
    Present {
        /// Number of clients.
        count: u32,
    },
    /// Clients that come, stay for a session and leave for good.
    Arriving {
        /// Arrivals per second where the profile is 1.
        rate_per_s: f64,
        /// (time, factor) corners of a piecewise linear profile, sorted by time; empty = constant 1.
        profile: Vec<(Span, f64)>,
        /// Length of a session, in nanoseconds.
        session: Law,
    },
    /// Requests recorded elsewhere, played one by one with their addresses.
    Trace {
        /// The requests in order of time.
        trace: Arc<Trace>,
        /// Work of each request on a pod, in nanoseconds.
        work: Law,
    },
}

/// A recorded sequence of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// In order of time.
    pub requests: Vec<TraceRequest>,
    /// Number of clients; client numbers in `requests` are below it.
    pub clients: u32,
}

/// One recorded request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceRequest {
    /// When, from the start of the trace.
    pub at: Span,
    /// Who.
    pub client: u32,
    /// From which public address.
    pub address: IpAddr,
}

/// The network of an audience.
#[derive(Clone, Debug)]
pub struct NetworkSpec {
    /// Base round-trip time of a client to the balancer, in nanoseconds; drawn once per client.
    pub rtt: Law,
    /// Sigma of the log-normal factor (median 1) on each single trip; 0 = none.
    pub jitter_sigma: f64,
    /// Share of clients that use an IPv6 address of their own, 0 to 1.
    pub ipv6: f64,
    /// How many clients share one public IPv4 address.
    pub sharing: Sharing,
    /// How public addresses change; `None` = never.
    pub address_change: Option<AddressChangeSpec>,
    /// How the HTTP requests of a session by long polling share connections.
    pub http: Http,
    /// Share of clients behind a proxy that lets no WebSocket through, 0 to 1.
    pub blocks_websockets: f64,
}

/// How HTTP requests of a client share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// Each has a new connection of its own (HTTP/1.0, or no keep-alive).
    OneRequest,
    /// One that is not answered yet keeps its connection: the next one needs another (HTTP/1.1).
    OneAtATime,
    /// All share a connection (HTTP/2).
    Shared,
}

/// How clients share public IPv4 addresses.
#[derive(Clone, Debug)]
pub enum Sharing {
    /// Everybody has an own address.
    Own,
    /// Groups of drawn sizes, until everybody has an address.
    Sizes(
        /// Law of group sizes (whole numbers, at least 1).
        Law,
    ),
    /// A fixed number of groups; each client belongs to one with probability proportional to its weight, and the
    /// sizes are as close to proportional as whole numbers allow.
    Weights(
        /// Relative sizes, at least one, each above zero.
        Vec<f64>,
    ),
}

/// How the public address of a client changes.
#[derive(Clone, Debug)]
pub struct AddressChangeSpec {
    /// Time from one change to the next, in nanoseconds.
    pub every: Law,
    /// How long the client has no network at a change, in nanoseconds.
    pub gap: Law,
    /// Share of changes that stay inside the same /24 (IPv4) or /64 (IPv6), 0 to 1.
    pub same_network: f64,
}

/// What cookie jars do.
#[derive(Clone, Debug)]
pub struct CookieSpec {
    /// Share of clients that store and return cookies, 0 to 1.
    pub keep: f64,
    /// Time between two clearings of a jar, in nanoseconds; `None` = never cleared.
    pub cleared_every: Option<Law>,
}

/// When clients load their page anew: the connection is closed, and one is made when the page is there again.
#[derive(Clone, Debug)]
pub struct RefreshSpec {
    /// Time from one to the next, in nanoseconds.
    pub every: Law,
    /// From the close to the first attempt to connect, in nanoseconds.
    pub load: Law,
}
