//! Caches and the database.

use super::super::file::{ApiTraffic, Cache, CacheItems, Database};
use super::super::words::{CacheKey, HitSaves, NumberOrAll, SpanOrNone};
use super::{filled, nanos};
use crate::cluster::spec::{CacheSpec, DataUse, DatabaseSpec, KeyOwner, MAX_QUERIES, Saves, TrafficAction};
use crate::engine::Span;

/// An HTTP request, with what its handler asks for.
pub fn api(api: &ApiTraffic) -> TrafficAction {
    let work = nanos(&api.work);
    let queries = api.database.map_or(0, |queries| queries.min(u32::from(MAX_QUERIES)) as u8);
    let caches: Vec<CacheSpec> = api.cache.iter().flatten().map(cache).collect();
    if queries == 0 && caches.is_empty() {
        return TrafficAction::Api { work };
    }
    TrafficAction::ApiWithData { work, data: Box::new(DataUse { queries, caches }) }
}

fn cache(cache: &Cache) -> CacheSpec {
    let (owner, items) = match &cache.key {
        CacheKey::Own => (KeyOwner::Client, None),
        CacheKey::Room => (KeyOwner::Room, None),
        CacheKey::Items(CacheItems::Own(items)) => (KeyOwner::Client, Some(items)),
        CacheKey::Items(CacheItems::Room(items)) => (KeyOwner::Room, Some(items)),
        CacheKey::Items(CacheItems::Shared(items)) => (KeyOwner::Everybody, Some(items)),
    };
    CacheSpec {
        owner,
        items: items.map(|items| items.law()),
        capacity: *filled(&cache.capacity),
        ttl: span(*filled(&cache.ttl)),
        saves: match cache.hit_saves {
            HitSaves::Queries(queries) => Saves::Queries(queries),
            HitSaves::Work(work) => Saves::Work(work),
        },
    }
}

/// The database.
pub fn database(database: &Database) -> DatabaseSpec {
    DatabaseSpec {
        pool_per_pod: *filled(&database.pool_per_pod),
        pool_timeout: span(*filled(&database.pool_timeout)),
        connections: filled(&database.max_connections) - filled(&database.reserved_connections),
        parallel: match filled(&database.parallel) {
            NumberOrAll::All => None,
            NumberOrAll::Number(number) => Some(*number),
        },
        query: nanos(&database.query),
        hop: *filled(&database.hop),
    }
}

const fn span(span: SpanOrNone) -> Option<Span> {
    match span {
        SpanOrNone::None => None,
        SpanOrNone::Span(span) => Some(span),
    }
}
