//! Costs of Redis that depend on the adapter.

use super::{PresetSet, preset};
use crate::metrics::Grade::{C, Measured};

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
pub static REDIS: &[PresetSet] = &[STREAMS, PresetSet { name: "streams.sharded", ..STREAMS }];
