//! What an application knows of its clients from one connection or request to the next.

use crate::engine::Span;

/// What an application knows of its clients, and where it keeps that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSpec {
    /// Where.
    pub store: SessionStore,
    /// How long after it was used last it is forgotten; `None` = never.
    pub ttl: Option<Span>,
    /// Whether HTTP requests look for it. Connects always do.
    pub requests: bool,
    /// Length of a session in a store.
    pub bytes: u32,
    /// Most events in the list that is kept for a client while it is offline; `None` = there are no such lists. Only in Redis.
    pub pending: Option<u32>,
}

/// Where sessions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStore {
    /// In the memory of the process that saw the client last.
    Memory,
    /// In Redis, a key each.
    Redis,
    /// In the database, a row each.
    Database,
}
