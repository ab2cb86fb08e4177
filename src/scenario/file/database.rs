//! The database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::law::DurationLaw;
use super::super::units::Number;
use super::super::words::{NumberOrAll, SpanOrNone};
use crate::engine::Span;

/// The database of all pods, and the pool of connections that each of them keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The pool's own defaults for what is not said here.
    pub preset: Option<PoolPreset>,
    /// Connections that a pod keeps at most; of several processes in a pod, their sum.
    pub pool_per_pod: Option<u32>,
    /// How long a query waits for one of them before its request fails, or `none`: for ever.
    pub pool_timeout: Option<SpanOrNone>,
    /// Connections that the database has for all.
    pub max_connections: Option<u32>,
    /// Those of them that it keeps for administrators.
    pub reserved_connections: Option<u32>,
    /// Queries that it executes at a time, such as the number of its cores, or `all`.
    pub parallel: Option<NumberOrAll>,
    /// Execution of a query.
    pub query: Option<DurationLaw>,
    /// One way between a pod and the database.
    pub hop: Option<Span>,
}

/// Pools of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PoolPreset {
    /// `pg.Pool` of node-postgres.
    #[serde(rename = "node-postgres")]
    NodePostgres,
    /// `QueuePool` of SQLAlchemy.
    SqlAlchemy,
    /// HikariCP.
    HikariCp,
}

/// A slow database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowDatabase {
    /// Queries take so many times as long.
    pub factor: Number,
    /// How long that lasts.
    #[serde(rename = "for")]
    pub lasts: Span,
}
