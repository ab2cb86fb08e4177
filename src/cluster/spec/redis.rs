//! How pods reach each other.

use super::super::adapter::Law;
pub use super::super::redis::RedisClient;
use crate::engine::Span;

/// Names of rooms are taken to have so many characters.
pub const ROOM_NAME: u32 = 10;

/// How pods reach each other.
#[derive(Clone, Debug)]
pub struct RedisSpec {
    /// Which adapter the application uses.
    pub law: Law,
    /// CPU per command.
    pub costs: RedisCosts,
    /// One way between a pod and Redis.
    pub hop: Span,
    /// Masters of a Redis Cluster; 1 is a server by itself.
    pub nodes: u16,
    /// CPU of a master for a PUBLISH that another one has passed on.
    pub forward: Span,
    /// The library by which pods speak to it.
    pub client: RedisClient,
    /// What a pod does that starts while Redis is gone.
    pub at_start: WithoutRedis,
    /// How much it holds for subscribers that are slow to read.
    pub output_buffer: OutputBufferLimits,
}

/// How much Redis holds for a subscriber before it closes the connection (`client-output-buffer-limit pubsub`); 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputBufferLimits {
    /// More bytes than this at any time …
    pub hard: u64,
    /// … or more than this …
    pub soft: u64,
    /// … for longer than this without a break.
    pub soft_for: Span,
}

/// What a pod does that starts while Redis is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutRedis {
    /// It is ready when its connections are there.
    Waits,
    /// It does without an adapter for as long as it runs.
    StaysAlone,
}

/// CPU of Redis for a command (PUBLISH, SPUBLISH, XADD, or one that subscribes) and for each copy that it hands to a pod.
///
/// A command that finds Redis idle pays for the system calls of its own; those that wait are read and answered many at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisCosts {
    /// A command that finds Redis idle.
    pub publish: Span,
    /// Each copy of it.
    pub copy: Span,
    /// A command that had to wait.
    pub publish_busy: Span,
    /// Each copy of it.
    pub copy_busy: Span,
}

impl RedisCosts {
    /// The same whether a command had to wait or not.
    pub const fn even(publish: Span, copy: Span) -> RedisCosts {
        RedisCosts { publish, copy, publish_busy: publish, copy_busy: copy }
    }
}
