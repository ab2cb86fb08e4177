//! What handlers ask for besides their own work: caches in the memory of pods, and a database.

use crate::engine::{Law, Span};

/// More caches than this for one kind of request make no sense.
pub const MAX_CACHES: usize = 4;
/// No request asks the database more often than this.
pub const MAX_QUERIES: u8 = 200;

/// What the handler of an HTTP request asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct DataUse {
    /// Queries that it sends to the database, one after the other, when no cache saves any; at most [`MAX_QUERIES`], and
    /// none without a database.
    pub queries: u8,
    /// Caches that it looks into, at most [`MAX_CACHES`]. Each belongs to this kind of request alone.
    pub caches: Vec<CacheSpec>,
}

/// A cache in the memory of each pod.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSpec {
    /// Whose entries it holds.
    pub owner: KeyOwner,
    /// Which of the owner's items a request wants (whole numbers from 1); `None` = there is one.
    pub items: Option<Law>,
    /// Most entries, at least 1; the one that was used least recently goes first.
    pub capacity: u32,
    /// How long an entry is good from when it was filled; `None` = for ever.
    pub ttl: Option<Span>,
    /// What a hit saves.
    pub saves: Saves,
}

/// Whose entries a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// Each client's own.
    Client,
    /// Those of the client's first room; a client without a room has its own.
    Room,
    /// The same for everybody.
    Everybody,
}

/// What a hit saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saves {
    /// So many queries.
    Queries(u8),
    /// So much work of the handler.
    Work(Span),
}

/// The database of all pods.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseSpec {
    /// Connections that a pod keeps at most, at least 1.
    pub pool_per_pod: u32,
    /// How long a query waits for one of them at most; `None` = for ever.
    pub pool_timeout: Option<Span>,
    /// Connections that the database accepts from all pods together, at least 1.
    pub connections: u32,
    /// Queries that it executes at a time; the others wait in order of arrival. `None` = all.
    pub parallel: Option<u32>,
    /// Execution of a query, in nanoseconds.
    pub query: Law,
    /// One way between a pod and the database.
    pub hop: Span,
}
