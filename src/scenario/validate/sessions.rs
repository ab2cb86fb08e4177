//! Bounds of session stores.

use super::super::file::{ScenarioFile, StoreName};
use super::super::words::SpanOrNone;
use super::Checks;
use crate::engine::Span;

/// Longest list of pending events.
const MAX_PENDING: u32 = 1_000_000;
/// Longest value in Redis.
const MAX_BYTES: u64 = 512 << 20;

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    let sessions = file.pods.as_ref().and_then(|pods| pods.sessions.as_ref());
    let Some((store, text)) = sessions.and_then(|sessions| sessions.store()) else { return };
    let path = format!("pods.sessions.{}", store.word());
    let at = |key: &str| format!("{path}.{key}");
    if store == StoreName::Database && file.database.is_none() {
        checks.fail(
            "no-database",
            &path,
            "sessions are in a database, but there is none",
            "add for example `database: {}`",
        );
    }
    if text.ttl == Some(SpanOrNone::Span(Span::ZERO)) {
        checks.fail(
            "zero",
            &at("ttl"),
            "a session that is forgotten at once is none",
            "write for example `1h`, or `none`",
        );
    }
    if store != StoreName::Redis {
        let only = |checks: &mut Checks, key: &str, what: &str| {
            checks.fail("no-effect", &at(key), what, "remove it, or write `sessions: {redis: ...}`");
        };
        if text.pending.is_some() {
            only(checks, "pending", "lists of pending events are kept in Redis");
        }
        if text.bytes.is_some() {
            only(checks, "bytes", "the length of a session is about traffic with Redis");
        }
    }
    if let Some(bytes) = text.bytes.map(|bytes| bytes.bytes())
        && !(1..=MAX_BYTES).contains(&bytes)
    {
        let message = format!("a session of {bytes} bytes is not possible");
        checks.fail("out-of-range", &at("bytes"), message, "write 1 to 512Mi, what Redis allows for a value");
    }
    if let Some(pending) = text.pending
        && !(1..=MAX_PENDING).contains(&pending)
    {
        let message = format!("a list of {pending} events at most is not possible");
        checks.fail("out-of-range", &at("pending"), message, format!("write 1 to {MAX_PENDING}"));
    }
}
