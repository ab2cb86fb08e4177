//! What applications know of their clients.

use super::super::file::{StoreName, StoreText};
use super::super::words::SpanOrNone;
use super::filled;
use crate::cluster::spec::{SessionSpec, SessionStore};

/// Sessions in a store.
pub fn sessions(store: StoreName, text: &StoreText) -> SessionSpec {
    SessionSpec {
        store: match store {
            StoreName::Memory => SessionStore::Memory,
            StoreName::Redis => SessionStore::Redis,
            StoreName::Database => SessionStore::Database,
        },
        ttl: match *filled(&text.ttl) {
            SpanOrNone::None => None,
            SpanOrNone::Span(ttl) => Some(ttl),
        },
        requests: *filled(&text.requests),
        bytes: text.bytes.map_or(0, |bytes| u32::try_from(bytes.bytes()).unwrap_or(u32::MAX)),
        pending: text.pending,
    }
}
