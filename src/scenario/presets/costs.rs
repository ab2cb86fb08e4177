//! CPU and memory of servers.
//!
//! The spread of a measured value runs from its lowest to its highest over the repetitions (the first, a warm-up, left
//! out) and over what was measured both back to back and paced: a paced message pays for waking up.

use super::{Preset, PresetSet, preset};
use crate::metrics::Grade::{A, B, C, Measured};

const NODE: &str = "socket.io 4 on Node.js 20, measured by this project on one core";
const PYTHON: &str = "python-socketio on uvicorn, measured by this project on one core";
const HEARTBEAT: &str = "default of engine.io (pingInterval 25000, pingTimeout 20000)";
const NODE_HTTP: &str = "Node.js http, trivial keep-alive request, measured by this project";
const WS_HEARTBEAT: &str =
    "assumption: as the README of ws suggests: a ping every 30 s, the end by the next one; ws itself sends none";
const WS_ADAPTER: &str = "assumption: as socket.io with redis-adapter, of whose work most is the Redis client's";
const WS_NO_POLLING: &str = "ws has no long polling";

/// Every set of `pods.costs`.
pub static COSTS: &[PresetSet] = &[
    PresetSet { name: "socket.io-node20", values: NODE_VALUES },
    PresetSet { name: "python-socketio-uvicorn", values: PYTHON_VALUES },
    PresetSet { name: "ws-node", values: WS_VALUES },
];

static NODE_VALUES: &[Preset] = &[
    preset(
        "connect",
        "400us",
        Measured,
        "socket.io 4 on Node.js 20: 122 us back to back, 872 us paced; rounded between",
    )
    .seen("122us", "1103us"),
    preset(
        "poll",
        "160us",
        Measured,
        "socket.io 4 on Node.js 20: polling and upgrade 1.2 ms against 0.4 ms, over five requests",
    )
    .seen("69us", "265us"),
    preset("upgrade_check", "100ms", A, "engine.io: socket.js looks every 100 ms for a request that waits"),
    preset("disconnect", "46us", Measured, NODE).seen("39us", "56us"),
    preset("request", "12us", Measured, NODE_HTTP).seen("11.4us", "12.3us"),
    preset("receive", "7us", Measured, NODE).seen("6.9us", "8.8us"),
    preset("broadcast", "3us", Measured, NODE).seen("2us", "3.4us"),
    preset("send", "8us", Measured, "socket.io 4 on Node.js 20: 5 us in small rooms, 10-13 us in large or paced ones")
        .seen("5us", "13us"),
    preset("publish", "35us", Measured, "socket.io 4 with redis-adapter: 15 us saturated to 130 us idle")
        .seen("15us", "130us"),
    preset("copy_dropped", "10us", Measured, "socket.io 4 with redis-adapter: 5 us busy to 45 us idle")
        .seen("5us", "45us"),
    preset("copy_delivered", "12us", Measured, NODE).seen("8us", "75us"),
    preset(
        "stream_entry",
        "8us",
        Measured,
        "socket.io 4 with redis-streams-adapter against redis-adapter: 5 us dropped, 7 us delivered to one, 15 us to ten",
    )
    .seen("5us", "57us"),
    preset("heartbeat", "34us", Measured, NODE).seen("29us", "60us"),
    preset("heartbeat_every", "25s", A, HEARTBEAT),
    preset("heartbeat_timeout", "20s", A, HEARTBEAT),
    preset("memory_base", "60M", C, "assumption: resident size of an idle Node.js application"),
    preset("memory_per_connection", "17k", Measured, "socket.io 4 on Node.js 20, resident, WebSocket only, no TLS")
        .seen("16500", "17100"),
    preset("memory_per_poller", "49k", Measured, "socket.io 4 on Node.js 20, resident, 800 idle connections")
        .seen("49k", "49k"),
];

static PYTHON_VALUES: &[Preset] = &[
    preset("connect", "900us", Measured, PYTHON).seen("806us", "849us"),
    preset("poll", "360us", C, "assumption: that of Node.js times 2.25, the ratio of their WebSocket connects"),
    preset("upgrade_check", "0s", A, "python-engineio answers the request that waits at once"),
    preset("disconnect", "374us", Measured, PYTHON).seen("349us", "438us"),
    preset("request", "135us", Measured, "FastAPI on uvicorn, trivial keep-alive request, measured by this project")
        .seen("134us", "137us"),
    preset("receive", "250us", B, "one report of asyncio servers; not measured by this project"),
    preset("broadcast", "20us", Measured, PYTHON).seen("17us", "24us"),
    preset("send", "40us", Measured, "python-socketio on uvicorn: 24-58 us per recipient").seen("24us", "58us"),
    preset("publish", "130us", Measured, PYTHON).seen("129us", "135us"),
    preset("copy_dropped", "80us", Measured, PYTHON).seen("78.7us", "79.3us"),
    preset("copy_delivered", "100us", Measured, PYTHON).seen("103us", "146us"),
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
    preset("memory_per_connection", "33k", Measured, PYTHON).seen("33k", "33k"),
    preset("memory_per_poller", "95k", C, "assumption: as much more than a WebSocket as on Node.js"),
];

/// Plain WebSockets. socket.io sends and receives through ws, so what was measured of it holds where nothing else is
/// in it; the rest is derived, and says how. The application is taken to spread events by Redis itself.
static WS_VALUES: &[Preset] = &[
    preset(
        "connect",
        "200us",
        C,
        "assumption: half of socket.io's; a GET on a new TCP connection takes 41 us, socket.io's connect 154 us, back to back",
    )
    .seen("41us", "872us"),
    preset("poll", "12us", C, WS_NO_POLLING),
    preset("upgrade_check", "0s", A, WS_NO_POLLING),
    preset("disconnect", "46us", C, "assumption: as socket.io; most of it is closing the TCP connection")
        .seen("39us", "56us"),
    preset("request", "12us", Measured, NODE_HTTP).seen("11.4us", "12.3us"),
    preset("receive", "7us", C, "assumption: as socket.io, with JSON.parse for its decoding").seen("6.9us", "8.8us"),
    preset("broadcast", "3us", C, "assumption: as socket.io: the event is made into text once").seen("2us", "3.4us"),
    preset(
        "send",
        "8us",
        Measured,
        "socket.io 4, which sends by ws: 5-13 us, 70 % of it the kernel's; 8.8 us in websocket-shootout (2016)",
    )
    .seen("5us", "13us"),
    preset("publish", "35us", C, WS_ADAPTER).seen("15us", "130us"),
    preset("copy_dropped", "10us", C, WS_ADAPTER).seen("5us", "45us"),
    preset("copy_delivered", "12us", C, WS_ADAPTER).seen("8us", "75us"),
    preset("stream_entry", "8us", C, WS_ADAPTER).seen("5us", "57us"),
    preset("heartbeat", "34us", C, "assumption: as engine.io: a small frame each way").seen("29us", "60us"),
    preset("heartbeat_every", "30s", C, WS_HEARTBEAT),
    preset("heartbeat_timeout", "30s", C, WS_HEARTBEAT),
    preset("memory_base", "60M", C, "assumption: resident size of an idle Node.js application"),
    preset(
        "memory_per_connection",
        "12k",
        B,
        "the measured 17 kB of socket.io less 5.2 kB, the difference to plain ws in socket.io's documentation (heap, chart)",
    )
    .seen("4100", "17k"),
    preset("memory_per_poller", "12k", C, WS_NO_POLLING),
];
