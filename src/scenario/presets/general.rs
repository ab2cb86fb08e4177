//! Defaults of everything that has no named sets.

use super::{Preset, preset};
use crate::metrics::Grade::{A, B, C, Measured};

const OUTPUT_BUFFER: &str = "default of Redis: client-output-buffer-limit pubsub 32mb 8mb 60 (src/config.c)";
const BUSY: &str = "redis-benchmark, 10 publishers without pause: 7 us and 0.5 us per copy (measured by this project)";
const FORWARD: &str =
    "fitted: three masters of a classic cluster take about 400,000 messages/s where one takes 650,000 (Centrifugo)";
const SETTING: &str = "setting of this program";
const KUBERNETES: &str = "default of a Kubernetes Deployment";
const SOCKET_IO: &str = "default of the JavaScript client of Socket.IO";
const BYTES: &str = "assumption: a small JSON event";
const NO_WORK: &str = "assumption: the handler does nothing beyond sending";
const EVERY_REQUEST: &str = "express-session: a middleware that every request goes through";

/// In the order in which they are filled in: a preset name comes before what depends on it.
pub static GENERAL: &[Preset] = &[
    preset("seed", "7", C, SETTING),
    preset("replications", "20", C, SETTING),
    preset("start", "steady", C, SETTING),
    preset("warm_up", "auto", C, "setting of this program: a tenth of the run, at most 60 s"),
    preset("duration", "10m", C, SETTING),
    preset("max_events", "2000000000", C, "setting of this program: about ten minutes of one core"),
    preset(
        "clients.*.transports",
        "[websocket]",
        C,
        "assumption: a WebSocket from the start; the library's own default is [polling, websocket]",
    ),
    preset("clients.*.arrivals?.profile", "{at: [[0s, 1]]}", C, "assumption: arrivals at a constant rate"),
    preset(
        "clients.*.trace?.work",
        "{lognormal: {median: 2ms, p95: 8ms}}",
        C,
        "assumption: log-normal work of a few milliseconds",
    ),
    preset("clients.*.network.preset", "home", C, "assumption: people at home"),
    preset("clients.*.network.http", "h2", C, "assumption: a browser and a balancer that speak HTTP/2"),
    preset("clients.*.network.blocks_websockets", "0%", C, "assumption: no proxy in the way"),
    preset("clients.*.cookies.keep", "99%", A, "0.7 % of page views refused cookies (2001, 10^9 views), rounded"),
    preset("clients.*.cookies.cleared_every", "{exp: 588h}", A, "comScore: 1.2 deletions per user and month"),
    preset("clients.*.reconnect", "socket.io", Measured, SOCKET_IO),
    preset("clients.*.refresh", "never", C, "nothing said: nobody loads the page anew"),
    preset("clients.*.refresh?.load", "{lognormal: {median: 2s, p95: 6s}}", C, "assumption: a page of a few seconds"),
    preset("traffic", "[]", C, "nothing said: clients are connected and idle"),
    preset("traffic.*.api?.clients", "all", C, "nothing said: every audience"),
    preset(
        "traffic.*.api?.work",
        "{lognormal: {mean: 3ms, cv: 1}}",
        B,
        "small benchmarks of web frameworks with a database: 0.5-3.2 ms",
    ),
    preset("traffic.*.emit?.bytes", "300", C, BYTES),
    preset("traffic.*.emit?.via", "socket", C, "assumption: over the WebSocket that is open anyway"),
    preset("traffic.*.emit?.clients", "all", C, "nothing said: every audience with a WebSocket"),
    preset("traffic.*.emit?.work", "0s", C, NO_WORK),
    preset("traffic.*.notify?.to", "self", C, "by definition of a notification"),
    preset("traffic.*.notify?.via", "api", C, "by definition of a notification"),
    preset("traffic.*.notify?.local_first", "false", C, "assumption: the application emits to the user's room or id"),
    preset("traffic.*.notify?.bytes", "300", C, BYTES),
    preset("traffic.*.notify?.clients", "all", C, "nothing said: every audience"),
    preset("traffic.*.notify?.work", "0s", C, NO_WORK),
    preset("traffic.*.emit?.ack?.timeout", "10s", C, "assumption: as the examples of Socket.IO"),
    preset("traffic.*.emit?.ack?.retries", "0", A, SOCKET_IO),
    preset("server_traffic", "[]", C, "nothing said: servers emit nothing by themselves"),
    preset("server_traffic.*.tick?.bytes", "300", C, BYTES),
    preset("server_traffic.*.operation?.bytes", "300", C, BYTES),
    preset("rooms?.kind", "groups", C, "the only kind of this version"),
    preset("rooms?.per_client", "1", C, "assumption: one room per client"),
    preset("balancers", "[{nginx: {}}]", C, "assumption: nginx with its own defaults"),
    preset("pods.replicas", "3", C, SETTING),
    preset("pods.cpu", "1", C, "assumption: one core per pod"),
    preset("pods.workers", "1", C, "assumption: one event loop per pod, as Node.js or one uvicorn worker"),
    preset("pods.memory", "none", A, "Kubernetes sets no limit by itself"),
    preset("pods.costs.preset", "socket.io-node20", C, "assumption: Socket.IO on Node.js"),
    preset(
        "pods.startup",
        "{lognormal: {median: 8s, p95: 20s}}",
        C,
        "assumption: image present, boot 0.5-5 s, readiness probe; no published figure",
    ),
    preset("pods.sessions", "none", C, "nothing said: nobody looks for what is known of a client"),
    preset("pods.sessions?.memory?.ttl", "none", A, "MemoryStore of express-session: sessions without an expiry stay"),
    preset("pods.sessions?.memory?.requests", "true", A, EVERY_REQUEST),
    preset("pods.sessions?.redis?.ttl", "1d", A, "default of connect-redis: 86400 s"),
    preset("pods.sessions?.redis?.requests", "true", A, EVERY_REQUEST),
    preset("pods.sessions?.redis?.bytes", "300", C, "assumption: a user, a role, a few settings as JSON"),
    preset("pods.sessions?.database?.ttl", "none", C, "nothing said: rows stay"),
    preset("pods.sessions?.database?.requests", "true", A, EVERY_REQUEST),
    preset("pods.shutdown.pre_stop", "0s", A, "Kubernetes has no preStop hook by itself"),
    preset("rollout.max_surge", "25%", A, KUBERNETES),
    preset("rollout.max_unavailable", "25%", A, KUBERNETES),
    preset("redis.adapter", "classic", C, "assumption: @socket.io/redis-adapter"),
    preset(
        "redis.publish",
        "15us",
        Measured,
        "Redis CPU per PUBLISH that finds it idle, measured by this project; 0.4 us pipelined to 22 us",
    )
    .seen("400ns", "22us"),
    preset("redis.copy", "3us", Measured, "Redis CPU per delivered copy, measured by this project; 0.2 us to 4.6 us")
        .seen("200ns", "4.6us"),
    preset("redis.publish_busy", "7us", Measured, BUSY).seen("400ns", "11us"),
    preset("redis.copy_busy", "500ns", Measured, BUSY).seen("200ns", "2.2us"),
    preset("redis.cpu", "1", C, "assumption: a core of its own"),
    preset("redis.recovery", "false", A, "default of socket.io: connectionStateRecovery is off"),
    preset("redis.client", "node-redis-6", C, "assumption: the newest `redis` for Node.js"),
    preset("redis.at_start", "wait", C, "assumption: the application waits for its connections before it is ready"),
    preset("redis.forward", "3us", B, FORWARD),
    preset("redis.topology", "single", C, "assumption: one server"),
    preset("redis.hop", "300us", C, "assumption: network inside one zone"),
    preset("redis.output_buffer.hard", "32Mi", A, OUTPUT_BUFFER),
    preset("redis.output_buffer.soft", "8Mi", A, OUTPUT_BUFFER),
    preset("redis.output_buffer.for", "60s", A, OUTPUT_BUFFER),
    preset(
        "traffic.*.api?.cache?.*.capacity",
        "1000",
        C,
        "assumption: a thousand entries; libraries want it said, or have 128 (functools.lru_cache)",
    ),
    preset("traffic.*.api?.cache?.*.ttl", "none", C, "nothing said: entries do not age"),
    preset("database?.preset", "node-postgres", C, "assumption: PostgreSQL behind node-postgres"),
    preset("database?.max_connections", "100", A, "default of PostgreSQL"),
    preset("database?.reserved_connections", "3", A, "superuser_reserved_connections of PostgreSQL"),
    preset("database?.parallel", "all", C, "assumption: the database has cores enough"),
    preset(
        "database?.query",
        "{lognormal: {median: 2ms, p95: 8ms}}",
        C,
        "assumption: look-ups by an index, now and then something longer",
    ),
    preset("database?.hop", "300us", C, "assumption: network inside one zone"),
    preset("timeline", "[]", C, "nothing said: nothing happens"),
    preset("timeline.*.rolling_restart?.in_place", "false", C, "as a Kubernetes Deployment"),
    preset("timeline.*.crash?.pod", "random", C, SETTING),
    preset("timeline.*.restart?.pod", "random", C, SETTING),
    preset("timeline.*.freeze?.pod", "random", C, SETTING),
    preset("expect", "[]", C, "nothing said: nothing is expected"),
];

/// Length of a session where clients arrive and none is said.
pub const SESSION: Preset = preset(
    "clients.*.session",
    "{lognormal: {mean: 20m, cv: 2}}",
    C,
    "assumption: a chat in a browser; session lengths have heavy tails, connection lifetimes are not published",
);
