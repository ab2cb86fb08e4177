//! Costs of Redis that depend on the adapter.

use super::{Preset, PresetSet, preset};
use crate::metrics::Grade::{A, B, C, Measured};

const XADD: &str = "Redis CPU per XADD and per reader that waits for it, measured by this project";
const BUSY: &str = "assumption: a command that had to wait costs as much less as a PUBLISH does";

const STREAMS: PresetSet = PresetSet {
    name: "streams",
    values: &[
        preset("publish", "19us", Measured, XADD).seen("1.2us", "19us"),
        preset("copy", "7us", Measured, XADD).seen("500ns", "13us"),
        preset("publish_busy", "9us", C, BUSY),
        preset("copy_busy", "1.2us", C, BUSY),
    ],
};

/// Sets of `redis`, by adapter.
pub static REDIS: &[PresetSet] = &[
    STREAMS,
    PresetSet { name: "streams.sharded", ..STREAMS },
    PresetSet {
        name: "python-socketio",
        values: &[preset("client", "redis-py", A, "AsyncRedisManager of python-socketio")],
    },
];

const ONE: Preset = preset("nodes", "1", A, "one server takes commands");

/// A replica takes over.
const REPLICA: Preset = preset("persistence", "replica", B, "replication is asynchronous, and milliseconds behind");

/// Sets of `redis`, by topology.
pub static TOPOLOGIES: &[PresetSet] = &[
    PresetSet {
        name: "single",
        values: &[
            ONE,
            preset(
                "downtime",
                "3s",
                C,
                "assumption: 1-3 s for the container; loading takes 0.1-1.4 s for 100,000 to a million keys (measured)",
            ),
            preset("persistence", "none", A, "default of redis.conf: appendonly no; snapshots are minutes apart"),
        ],
    },
    PresetSet {
        name: "sentinel",
        values: &[
            ONE,
            preset(
                "downtime",
                "30.8s",
                Measured,
                "Sentinel with its defaults (down-after 30 s): a replica takes writes after 30.4 s, and is known after 30.8 s",
            )
            .seen("30.65s", "31s"),
            REPLICA,
        ],
    },
    PresetSet {
        name: "cluster",
        values: &[
            preset("nodes", "3", A, "Redis Cluster: three masters at least"),
            preset(
                "downtime",
                "20.7s",
                Measured,
                "cluster-node-timeout 15 s: a replica takes the slots after 19-21 s, and no slot is served meanwhile",
            )
            .seen("19s", "21s"),
            REPLICA,
        ],
    },
];
