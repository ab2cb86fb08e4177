//! Redis as the single-threaded server that it is.

mod slot;

pub use slot::{SLOTS, hash_slot, node_of_slot};

use super::spec::RedisSpec;
use crate::engine::{SimTime, Span};

/// Connections of a pod with the classic adapter: one to publish, one to subscribe.
pub const PER_POD_CLASSIC: u32 = 2;

/// One Redis server: publishes are served in order of arrival.
pub struct Redis {
    spec: RedisSpec,
    free: SimTime,
    work: u128,
}

impl Redis {
    /// An idle server.
    pub const fn new(spec: RedisSpec) -> Redis {
        Redis { spec, free: SimTime::ZERO, work: 0 }
    }
    /// One way between a pod and Redis.
    pub const fn hop(&self) -> Span {
        self.spec.hop
    }
    /// A PUBLISH to so many subscribers arrives: (waiting, when the copies leave).
    pub fn publish(&mut self, now: SimTime, subscribers: u32) -> (Span, SimTime) {
        let work = self.spec.publish + self.spec.copy * u64::from(subscribers);
        let start = self.free.max(now);
        self.free = start + work;
        self.work += u128::from(work.as_nanos());
        (start - now, self.free)
    }
    /// CPU time used up to `now`.
    pub fn cpu_used(&self, now: SimTime) -> Span {
        let ahead = u128::from(self.free.since(now).as_nanos());
        Span::from_nanos(u64::try_from(self.work - ahead).unwrap_or(u64::MAX))
    }
}

/// Bytes of one event in the classic adapter, measured on @socket.io/redis-adapter 8.3.0 (payload `["ev", 100 chars]`).
pub mod bytes {
    /// Envelope that the adapter puts around an event.
    const ENVELOPE: u64 = 45;
    /// Length of the channel `socket.io#/#`.
    const CHANNEL: u64 = 12;
    /// Room names are taken to be this long.
    const ROOM: u64 = 10;
    /// What the protocol adds to a PUBLISH.
    const PUBLISH: u64 = 32;
    /// What the protocol adds to a delivered copy.
    const COPY: u64 = 53;

    /// From the pod to Redis for one PUBLISH of an event of `bytes` (one room, or all).
    pub const fn published(bytes: u32, one_room: bool) -> u64 {
        payload(bytes, one_room) + PUBLISH
    }
    /// From Redis to a pod for one copy.
    pub const fn copied(bytes: u32, one_room: bool) -> u64 {
        payload(bytes, one_room) + COPY
    }
    const fn payload(bytes: u32, one_room: bool) -> u64 {
        let room = if one_room { 2 * (ROOM + 1) } else { 0 };
        bytes as u64 + ENVELOPE + CHANNEL + room
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn io_emit_of_110_bytes_is_what_was_measured() {
            // facts: 199 B in per emit, 220 B out per copy
            assert_eq!(super::published(110, false), 199);
            assert_eq!(super::copied(110, false), 220);
        }
    }
}
