//! Delays between attempts to reconnect.

use super::{Preset, PresetSet, preset};
use crate::metrics::Grade::{A, C};

const SOCKET_IO: &str = "default of the JavaScript client of Socket.IO";
const AS_SOCKET_IO: &str = "assumption: as the JavaScript client of Socket.IO";

/// Every policy of `reconnect`.
pub static RECONNECTS: &[PresetSet] = &[
    PresetSet { name: "socket.io", values: LIBRARY },
    PresetSet { name: "python-socketio", values: ATTEMPTS },
    PresetSet { name: "exponential", values: EXPONENTIAL },
    PresetSet { name: "full-jitter", values: JITTERED },
    PresetSet { name: "equal-jitter", values: JITTERED },
    PresetSet { name: "decorrelated", values: JITTERED },
    PresetSet { name: "fixed", values: FIXED },
    PresetSet { name: "immediate", values: ATTEMPTS },
];

static LIBRARY: &[Preset] = &[
    preset("reconnectionDelay", "1s", A, SOCKET_IO),
    preset("reconnectionDelayMax", "5s", A, SOCKET_IO),
    preset("randomizationFactor", "0.5", A, SOCKET_IO),
    preset("reconnectionAttempts", "unlimited", A, SOCKET_IO),
];

static EXPONENTIAL: &[Preset] = &[
    preset("first", "1s", A, SOCKET_IO),
    preset("max", "5s", A, SOCKET_IO),
    preset("jitter", "50%", A, SOCKET_IO),
    preset("attempts", "unlimited", A, SOCKET_IO),
];

static JITTERED: &[Preset] = &[
    preset("first", "1s", C, AS_SOCKET_IO),
    preset("max", "5s", C, AS_SOCKET_IO),
    preset("attempts", "unlimited", C, AS_SOCKET_IO),
];

static FIXED: &[Preset] = &[
    preset("first", "1s", C, AS_SOCKET_IO),
    preset("jitter", "0%", C, "by definition of a fixed delay"),
    preset("attempts", "unlimited", C, AS_SOCKET_IO),
];

static ATTEMPTS: &[Preset] = &[preset("attempts", "unlimited", C, AS_SOCKET_IO)];
