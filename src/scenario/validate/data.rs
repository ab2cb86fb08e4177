//! Bounds of caches and the database.

use super::super::file::{ApiTraffic, Cache, CacheItems, Database, ScenarioFile, Traffic};
use super::super::law::LawText;
use super::super::words::{CacheKey, HitSaves, NumberOrAll, SpanOrNone};
use super::Checks;
use crate::cluster::spec::{MAX_CACHES, MAX_QUERIES};

/// Most entries of a cache, and connections: more is a slip of the pen, and would not fit.
const MOST_ENTRIES: u32 = 10_000_000;
const MOST_CONNECTIONS: u32 = 100_000;
/// Most queries at a time that are told apart from all.
const MOST_PARALLEL: u32 = 1024;

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    for (at, traffic) in file.traffic.iter().flatten().enumerate() {
        if let Traffic::Api(api) = traffic {
            check_api(checks, &format!("traffic.{at}.api"), api, file);
        }
    }
    if let Some(database) = &file.database {
        check_database(checks, database);
    }
    for (at, entry) in file.timeline.iter().flatten().enumerate() {
        let Some(slow) = &entry.slow_database else { continue };
        let path = format!("timeline.{at}.slow_database");
        if file.database.is_none() {
            checks.fail("no-database", &path, "there is no database to be slow", "add for example `database: {}`");
        }
        if !(0.001..=1e6).contains(&slow.factor.value()) {
            let message = format!("a factor of {} is not possible", slow.factor.value());
            checks.fail("out-of-range", &format!("{path}.factor"), message, "write for example `10`");
        }
        if slow.lasts.is_zero() {
            checks.fail("zero", &format!("{path}.for"), "it lasts no time", "write for example `30s`");
        }
    }
}

fn check_api(checks: &mut Checks, path: &str, api: &ApiTraffic, file: &ScenarioFile) {
    let queries = api.database.unwrap_or(0);
    if queries > u32::from(MAX_QUERIES) {
        let message = format!("{queries} queries per request are more than {MAX_QUERIES}");
        checks.fail("out-of-range", &format!("{path}.database"), message, format!("write 0 to {MAX_QUERIES}"));
    }
    if queries > 0 && file.database.is_none() {
        checks.fail(
            "no-database",
            &format!("{path}.database"),
            "requests ask a database, but there is none",
            "add for example `database: {}`; its pools are then those of node-postgres",
        );
    }
    let caches = api.cache.as_deref().unwrap_or_default();
    if caches.len() > MAX_CACHES {
        let message = format!("{} caches for one kind of request are more than {MAX_CACHES}", caches.len());
        checks.fail("too-many-entries", &format!("{path}.cache"), message, "put those together that behave alike");
    }
    for (at, cache) in caches.iter().enumerate() {
        check_cache(checks, &format!("{path}.cache.{at}"), cache, queries, file);
    }
}

fn check_cache(checks: &mut Checks, path: &str, cache: &Cache, queries: u32, file: &ScenarioFile) {
    if !(1..=MOST_ENTRIES).contains(&cache.capacity.unwrap_or(1)) {
        let message = format!("a cache of {} entries is not possible", cache.capacity.unwrap_or(0));
        checks.fail("out-of-range", &format!("{path}.capacity"), message, format!("write 1 to {MOST_ENTRIES}"));
    }
    if matches!(cache.ttl, Some(SpanOrNone::Span(ttl)) if ttl.is_zero()) {
        let help = "write for example `1h`, or `none`; to compare with no cache at all, remove it";
        checks.fail("zero", &format!("{path}.ttl"), "entries that are never good are never found", help);
    }
    if let HitSaves::Queries(saved) = cache.hit_saves
        && u32::from(saved) > queries
    {
        checks.fail(
            "conflict",
            &format!("{path}.hit_saves"),
            format!("a hit saves {saved} of {queries} queries"),
            "say with `database: 4` how many the request has, or what work a hit saves, such as `300ms`",
        );
    }
    let by_room = matches!(cache.key, CacheKey::Room | CacheKey::Items(CacheItems::Room(_)));
    if by_room && file.rooms.is_none() {
        checks.fail(
            "no-rooms",
            &format!("{path}.key"),
            "entries are about rooms, but there are no rooms",
            "add for example `rooms: {sizes: 10}`, or write `own`",
        );
    }
    let CacheKey::Items(items) = &cache.key else { return };
    let (whose, items) = match items {
        CacheItems::Own(items) => ("own", items),
        CacheItems::Room(items) => ("room", items),
        CacheItems::Shared(items) => ("shared", items),
    };
    let path = format!("{path}.key.{whose}");
    if matches!(items, LawText::Zipf(zipf) if zipf.n.is_none()) {
        let help = "write for example `{zipf: {s: 1, n: 1000}}`";
        checks.fail("missing-key", &format!("{path}.zipf"), "`zipf` needs the number of ranks", help);
    } else {
        checks.sizes(&path, &items.law());
    }
}

fn check_database(checks: &mut Checks, database: &Database) {
    let mut number = |key: &str, value: Option<u32>, least: u32, most: u32| {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            let message = format!("{} is not possible here", value.unwrap_or(0));
            checks.fail("out-of-range", &format!("database.{key}"), message, format!("write {least} to {most}"));
        }
    };
    number("pool_per_pod", database.pool_per_pod, 1, MOST_CONNECTIONS);
    number("max_connections", database.max_connections, 1, MOST_CONNECTIONS);
    if let Some(NumberOrAll::Number(parallel)) = database.parallel {
        number("parallel", Some(parallel), 1, MOST_PARALLEL);
    }
    if let (Some(most), Some(reserved)) = (database.max_connections, database.reserved_connections)
        && reserved >= most
    {
        checks.fail(
            "conflict",
            "database.reserved_connections",
            format!("{reserved} reserved connections of {most} leave none for the pods"),
            "write less, or raise `max_connections`",
        );
    }
    if database.query.as_ref().is_some_and(|query| !query.law().mean().is_finite()) {
        let help = "for `pareto`, `alpha` must be above 1";
        checks.fail("no-mean", "database.query", "these queries take no finite time on average", help);
    }
}
