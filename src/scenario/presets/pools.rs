//! Pools of database connections: their own defaults, read in their sources.

use super::{PresetSet, preset};
use crate::metrics::Grade::{A, Measured};

const PG_POOL: &str = "pg-pool, index.js: `max`; `connectionTimeoutMillis` 0 waits for ever";
const QUEUE_POOL: &str = "sqlalchemy/pool/impl.py, QueuePool: pool_size 5 and max_overflow 10; timeout 30";
const HIKARI: &str = "HikariCP, README.md: maximumPoolSize, connectionTimeout";

/// Sets of `database`.
pub static POOLS: &[PresetSet] = &[
    PresetSet {
        name: "node-postgres",
        values: &[preset("pool_per_pod", "10", Measured, PG_POOL), preset("pool_timeout", "none", Measured, PG_POOL)],
    },
    PresetSet {
        name: "sqlalchemy",
        values: &[
            preset("pool_per_pod", "15", Measured, QUEUE_POOL),
            preset("pool_timeout", "30s", Measured, QUEUE_POOL),
        ],
    },
    PresetSet {
        name: "hikaricp",
        values: &[preset("pool_per_pod", "10", A, HIKARI), preset("pool_timeout", "30s", A, HIKARI)],
    },
];
