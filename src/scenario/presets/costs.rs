//! CPU and memory of servers.

use super::{Preset, PresetSet, preset};
use crate::metrics::Grade::{A, B, C, Measured};

const NODE: &str = "socket.io 4 on Node.js 20, measured by this project on one core";
const PYTHON: &str = "python-socketio on uvicorn, measured by this project on one core";
const HEARTBEAT: &str = "default of engine.io (pingInterval 25000, pingTimeout 20000)";

/// Every set of `pods.costs`.
pub static COSTS: &[PresetSet] = &[
    PresetSet { name: "socket.io-node20", values: NODE_VALUES },
    PresetSet { name: "python-socketio-uvicorn", values: PYTHON_VALUES },
];

static NODE_VALUES: &[Preset] = &[
    preset(
        "connect",
        "400us",
        Measured,
        "socket.io 4 on Node.js 20: 122 us back to back, 872 us paced; rounded between",
    ),
    preset(
        "poll",
        "160us",
        Measured,
        "socket.io 4 on Node.js 20: polling and upgrade 1.2 ms against 0.4 ms, over five requests",
    ),
    preset("upgrade_check", "100ms", A, "engine.io: socket.js looks every 100 ms for a request that waits"),
    preset("disconnect", "46us", Measured, NODE),
    preset("request", "12us", Measured, "Node.js http, trivial keep-alive request, measured by this project"),
    preset("receive", "7us", Measured, NODE),
    preset("broadcast", "3us", Measured, NODE),
    preset("send", "8us", Measured, "socket.io 4 on Node.js 20: 5 us in small rooms, 10-13 us in large or paced ones"),
    preset("publish", "35us", Measured, "socket.io 4 with redis-adapter: 15 us saturated to 130 us idle"),
    preset("copy_dropped", "10us", Measured, "socket.io 4 with redis-adapter: 5 us busy to 45 us idle"),
    preset("copy_delivered", "12us", Measured, NODE),
    preset(
        "stream_entry",
        "8us",
        Measured,
        "socket.io 4 with redis-streams-adapter against redis-adapter: 5 us dropped, 7 us delivered to one, 15 us to ten",
    ),
    preset("heartbeat", "34us", Measured, NODE),
    preset("heartbeat_every", "25s", A, HEARTBEAT),
    preset("heartbeat_timeout", "20s", A, HEARTBEAT),
    preset("memory_base", "60M", C, "assumption: resident size of an idle Node.js application"),
    preset("memory_per_connection", "17k", Measured, "socket.io 4 on Node.js 20, resident, WebSocket only, no TLS"),
    preset("memory_per_poller", "49k", Measured, "socket.io 4 on Node.js 20, resident, 800 idle connections"),
];

static PYTHON_VALUES: &[Preset] = &[
    preset("connect", "900us", Measured, PYTHON),
    preset("poll", "360us", C, "assumption: that of Node.js times 2.25, the ratio of their WebSocket connects"),
    preset("upgrade_check", "0s", A, "python-engineio answers the request that waits at once"),
    preset("disconnect", "374us", Measured, PYTHON),
    preset("request", "135us", Measured, "FastAPI on uvicorn, trivial keep-alive request, measured by this project"),
    preset("receive", "250us", B, "one report of asyncio servers; not measured by this project"),
    preset("broadcast", "20us", Measured, PYTHON),
    preset("send", "40us", Measured, "python-socketio on uvicorn: 24-58 us per recipient"),
    preset("publish", "130us", Measured, PYTHON),
    preset("copy_dropped", "80us", Measured, PYTHON),
    preset("copy_delivered", "100us", Measured, PYTHON),
    preset("stream_entry", "0s", A, "python-socketio reads no streams"),
    preset(
        "heartbeat",
        "270us",
        C,
        "assumption: the measured 34 us of Node.js times 8, the ratio of their disconnects",
    ),
    preset("heartbeat_every", "25s", A, HEARTBEAT),
    preset("heartbeat_timeout", "20s", A, HEARTBEAT),
    preset("memory_base", "80M", C, "assumption: resident size of an idle FastAPI application"),
    preset("memory_per_connection", "33k", Measured, PYTHON),
    preset("memory_per_poller", "95k", C, "assumption: as much more than a WebSocket as on Node.js"),
];
