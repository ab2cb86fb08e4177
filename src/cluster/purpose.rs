//! What random numbers are for: the first part of their address.

use crate::engine::{LazyStream, Seed, Stream, Streams};

/// One purpose per kind of draw. Numbers with different purposes never influence each other, so a new purpose, or one
/// more draw for an old one, moves nobody else's numbers.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// How many clients of an arriving audience are there at the start (entity: audience).
    Population = 1,
    /// Arrivals of an audience (entity: audience, n: candidate).
    Arrival,
    /// Length of a session (entity: client).
    Session,
    /// What a client is: round-trip time, kind of address, whether it keeps cookies (entity: client).
    Client,
    /// Public addresses of the NAT groups of an audience (entity: audience, n: group).
    Group,
    /// Sizes of the NAT groups of an audience (entity: audience, n: group).
    GroupSize,
    /// The n-th change of a client's address (entity: client).
    AddressChange,
    /// The n-th time a client's cookies are cleared (entity: client).
    CookieClear,
    /// The n-th reconnect delay of a client (entity: client).
    Reconnect,
    /// The n-th request of a client that a balancer routes, where the balancer draws (entity: client).
    Route,
    /// The n-th change of a balancer's peers (entity: balancer).
    Peers,
    /// When the pings of a connection that is open at the start fall (entity: client).
    PingPhase,
    /// Dealing of rooms (entity: client, or 0 for all that are there at the start).
    Rooms,
    /// Sizes of rooms (n: room).
    RoomSize,
    /// The n-th start of a pod (entity: pod).
    Startup,
    /// Pod names, which decide who goes first among equals (entity: pod).
    PodName,
    /// Which pod a timeline entry hits (entity: entry).
    Victim,
    /// The n-th connection of a client: which instance of the first balancer it reaches, its source port (entity: client).
    Connection,
    /// Whether a proxy before a client lets no WebSocket through (entity: client).
    Blocked,
    /// The n-th time that a client loads its page anew (entity: client).
    Refresh,
    /// When a connection of a pod to Redis is back (entity: pod, n: two for each outage).
    RedisLink,
    /// How long a pod waits for a node and its image (entity: pod).
    Scheduling,
    /// When the probes of a pod fall (entity: pod, n: kind).
    ProbePhase,
    /// When the kubelet sees that the n-th process of a pod has died (entity: pod).
    Relist,
    /// When the kubelet looks whether a back-off is over, before the n-th process (entity: pod).
    BackOff,
    /// When a draining pod closes the n-th connection of a client (entity: client).
    Drain,
    /// How old the n-th connection of a client may get (entity: client).
    MaxAge,
    /// When the clocks of an autoscaler fall (n: measuring, deciding).
    Autoscaler,
    /// Which node a pod gets among equals (entity: pod).
    Placement,
    /// When the kubelet of a node renews its lease (entity: node).
    Lease,
    /// When something that recurs happens, see [`Purpose::of_entry`] (entity: whom it hits, n: how often it has).
    Recurrence,
    /// Which clients get another address at once, see [`Purpose::of_entry`] (n: how often it has happened).
    Wave,
    /// First of the purposes of balancers that stand before another one: one per tier (entity: client, n: routed request).
    Tier = 0x100,
    /// First of the purposes of traffic: one per traffic entry (entity: client, n: request).
    Traffic = 0x1000,
    /// First of the purposes of data: 256 per traffic entry, one for each query of a request and the last one for the keys
    /// that it wants of caches (entity: client, n: request).
    Data = 0x2_0000,
}

impl Purpose {
    /// The stream at this address.
    pub fn stream(self, seed: Seed, entity: u32, n: u32) -> Stream {
        seed.stream(self as u64, u64::from(entity), u64::from(n))
    }
    /// One purpose for each entry of the timeline and kind of clock.
    pub const fn of_entry(self, entry: u16, kind: u8) -> u64 {
        self as u64 | (kind as u64) << 32 | (entry as u64) << 40
    }
    /// The stream at this address, made when it is first drawn from.
    pub const fn lazy_stream(self, seed: Seed, entity: u32, n: u32) -> LazyStream {
        LazyStream::new(seed, self as u64, entity as u64, n as u64)
    }
}

/// The stream of the n-th routed request of a client at a tier before the last one.
pub const fn tier_stream(seed: Seed, tier: usize, entity: u32, n: u32) -> LazyStream {
    LazyStream::new(seed, Purpose::Tier as u64 + tier as u64, entity as u64, n as u64)
}

/// The streams of the requests for the traffic entry `item` (entity: client).
pub const fn traffic(seed: Seed, item: u8) -> Streams {
    seed.streams(Purpose::Traffic as u64 + item as u64)
}

/// The stream of the `k`-th query (from 0) of the n-th request of a client for the traffic entry `item`.
pub fn query_stream(seed: Seed, item: u8, k: u8, client: u32, n: u32) -> Stream {
    let purpose = Purpose::Data as u64 + (u64::from(item) << 8) + u64::from(k);
    seed.stream(purpose, u64::from(client), u64::from(n))
}

/// The stream of the `k`-th query (from 0) about what is known of a client, on the occasion of its n-th routed request.
pub fn session_query_stream(seed: Seed, k: u8, client: u32, n: u32) -> Stream {
    query_stream(seed, u8::MAX, k, client, n)
}

/// The stream of the keys that it wants of caches.
pub fn keys_stream(seed: Seed, item: u8, client: u32, n: u32) -> Stream {
    query_stream(seed, item, u8::MAX, client, n)
}
