//! What operations cost in Redis, compared with 1,109 recordings of the real adapters, row by row and column by column.

use stickysim::cluster::adapter::{Adapter, Command, Cost, Emit, Law, Mode, Operation, Scene, To};

use crate::recorded::{COUNTS, EVENT, asked, idle_reads, room, rows};

const BYTES: &str = include_str!("data/socketio/redis_bytes.csv");

/// What the law says of a column. Python's receive function tells its own messages by the id of the process, which an answer
/// that comes back carries too; there is no telling who else got an answer.
fn expected(column: &str, cost: &Cost, python: bool) -> Option<f64> {
    Some(match column {
        "receivers_reported_by_redis" => cost.reported,
        "copies_delivered_to_pods" => cost.delivered(),
        "of_which_own_copy_or_request" => cost.own + if python { cost.answers } else { 0.0 },
        "copies_that_led_to_a_local_write" => cost.wrote,
        "dropped_unknown_room" => cost.unknown_room,
        "responses_not_mine" => {
            if python {
                0.0
            } else {
                cost.not_mine
            }
        }
        "client_packets_received" => cost.client_packets,
        "first_publish_channel_bytes" => f64::from(cost.first?.channel),
        "first_publish_payload_bytes" => f64::from(cost.first?.payload),
        _ => return None,
    })
}

const COLUMNS: [&str; 9] = [
    "receivers_reported_by_redis",
    "copies_delivered_to_pods",
    "of_which_own_copy_or_request",
    "copies_that_led_to_a_local_write",
    "dropped_unknown_room",
    "responses_not_mine",
    "client_packets_received",
    "first_publish_channel_bytes",
    "first_publish_payload_bytes",
];

#[test]
fn every_recorded_operation_costs_what_the_law_says() {
    let rows = rows(COUNTS);
    assert_eq!(rows.len(), 1_109 - 1);
    let mut wrong = Vec::new();
    for row in &rows {
        let (operation, scene) = asked(row.text("operation"), row.pods());
        let Some(cost) = row.law().evaluate(operation, &scene) else {
            wrong.push(format!("{}: no such operation", row.name()));
            continue;
        };
        let mut compare = |what: &str, law: f64, recorded: f64| {
            if law != recorded {
                wrong.push(format!("{}: {what}: law {law}, recorded {recorded}", row.name()));
            }
        };
        for &command in Command::OF_ADAPTERS {
            let mut recorded = row.number(command.words()).unwrap_or(0.0);
            if command == Command::Xread {
                recorded -= idle_reads(row);
            }
            compare(command.words(), cost.commands.of(command), recorded);
        }
        for column in COLUMNS {
            if let Some(recorded) = row.number(column).filter(|_| !row.unseen(column)) {
                let python = row.law().adapter == Adapter::PythonSocketIo;
                compare(column, expected(column, &cost, python).unwrap_or(0.0), recorded);
            }
        }
        let per_pod = row.text("copies_per_pod");
        if !per_pod.is_empty() {
            let copies: Vec<String> = cost.copies.iter().map(f64::to_string).collect();
            if copies.join("/") != per_pod {
                wrong.push(format!("{}: copies {} recorded {per_pod}", row.name(), copies.join("/")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// Everything but python-socketio and what is no adapter.
const SOCKET_IO: [Adapter; 7] = [
    CLASSIC,
    Adapter::Classic { specific_responses: true },
    Adapter::Sharded(Mode::Dynamic),
    Adapter::Sharded(Mode::Static),
    Adapter::Sharded(Mode::DynamicPrivate),
    Adapter::Streams { sharded_requests: false },
    Adapter::Streams { sharded_requests: true },
];
const CLASSIC: Adapter = Adapter::Classic { specific_responses: false };
const DYNAMIC: Adapter = Adapter::Sharded(Mode::Dynamic);

fn cost(adapter: Adapter, operation: Operation, scene: &Scene) -> Cost {
    Law::of(adapter).evaluate(operation, scene).unwrap()
}

/// Bytes per `io.emit` from and to Redis, counted by Redis itself.
#[test]
fn bytes_of_an_event_are_those_that_redis_counted() {
    for row in rows(BYTES) {
        let adapter = match row.text("adapter") {
            "classic" => CLASSIC,
            "sharded-dynamic" => DYNAMIC,
            "streams" => Adapter::Streams { sharded_requests: false },
            _ => Adapter::PythonSocketIo,
        };
        let cost = cost(adapter, Operation::Emit(Emit::to(To::All)), &Scene::all(row.pods(), 2, EVENT));
        // three readers of a stream got two entries at once now and then; redis-py checks its connections now and then
        let tolerance = match (adapter, row.pods()) {
            (Adapter::Streams { .. }, 3) => 2.0,
            (Adapter::PythonSocketIo, _) => 1.0,
            _ => 0.0,
        };
        for (what, law) in [("redis_in_bytes_per_emit", cost.bytes_in), ("redis_out_bytes_per_emit", cost.bytes_out)] {
            let recorded = row.number(what).unwrap();
            assert!((law - recorded).abs() <= tolerance, "{adapter:?} P={}: {what} {law}, {recorded}", row.pods());
        }
    }
}

/// The closed forms of the facts, which hold for the recordings with five pods too.
#[test]
fn requests_cost_what_the_closed_forms_say() {
    for (pods, clients) in [(2, 1), (3, 2), (5, 2), (20, 7)] {
        let scene = Scene::all(pods, clients, EVENT);
        let (p, elsewhere) = (f64::from(pods), f64::from((pods - 1) * clients));
        for adapter in SOCKET_IO {
            let fetch = cost(adapter, Operation::FetchSockets { to: To::All, local: false }, &scene);
            let server_side = cost(adapter, Operation::ServerSideEmit { ack: true, name: 3 }, &scene);
            let acked = cost(adapter, Operation::Emit(Emit { ack: true, ..Emit::to(To::All) }), &scene);
            let messages = 1.0 + (p - 1.0) + elsewhere;
            // how many questions for the number of pods, and then messages
            assert_eq!((fetch.commands.total(), acked.commands.total()), (1.0 + p, 1.0 + messages), "{adapter:?}");
            let to_all = (p * p, messages * p);
            let to_one = (2.0 * p - 1.0, p + (p - 1.0) + elsewhere);
            let expected = if adapter == CLASSIC { to_all } else { to_one };
            assert_eq!((fetch.delivered(), acked.delivered()), expected, "{adapter:?} P={pods}");
            let classic = matches!(adapter, Adapter::Classic { .. });
            assert_eq!(server_side.delivered(), if classic { to_all.0 } else { to_one.0 }, "{adapter:?} P={pods}");
        }
    }
}

#[test]
fn recovering_a_session_reads_the_stream() {
    let law = Law::of(Adapter::Streams { sharded_requests: false }).recovering();
    let scene = room(3, [1, 0, 0]);
    let commands = |operation| -> Vec<(&str, f64)> {
        law.evaluate(operation, &scene)
            .unwrap()
            .commands
            .iter()
            .map(|(command, times)| (command.words(), times))
            .collect()
    };
    assert_eq!(commands(Operation::SessionLost), [("SET", 1.0)]);
    let asked = [("MULTI", 1.0), ("GET", 1.0), ("DEL", 1.0), ("EXEC", 1.0), ("XRANGE", 1.0)];
    assert_eq!(commands(Operation::SessionNotFound), asked, "both are asked for at once");
    for (missed, ranges) in [(false, 2.0), (true, 3.0)] {
        let expected = [("MULTI", 1.0), ("GET", 1.0), ("DEL", 1.0), ("EXEC", 1.0), ("XRANGE", ranges)];
        assert_eq!(commands(Operation::SessionRecovered { missed }), expected);
    }
    assert_eq!(Law::of(CLASSIC).recovering().evaluate(Operation::SessionLost, &scene), None, "it cannot recover");
}

/// C07 (socketio/socket.io issue 5226): rooms of 10 members anywhere; what a pod throws away is (1−1/M)¹⁰ of what it gets, and
/// what it gets does not fall when pods are added, unless it is subscribed to rooms.
#[test]
fn c07_most_copies_are_thrown_away() {
    let emit = Operation::Emit(Emit::to(To::Room { name: 10 }));
    for (pods, share) in [(50, 0.817), (100, 0.904), (200, 0.951)] {
        let scene = Scene::at_random(pods, 100, 10, EVENT);
        let classic = cost(CLASSIC, emit, &scene);
        let discarded = classic.unknown_room / classic.delivered();
        assert!((discarded - share).abs() < 0.0005, "{pods} pods: {discarded}");
        assert!((discarded - libm::pow(1.0 - 1.0 / f64::from(pods), 10.0)).abs() < 1e-12);
        assert!(classic.copies.iter().all(|&copies| copies == 1.0));
        let dynamic = cost(DYNAMIC, emit, &scene);
        assert!(dynamic.copies.iter().all(|&copies| copies < 10.0 / f64::from(pods) + 1e-12));
        assert_eq!(dynamic.unknown_room, 0.0);
    }
}

/// C16 (redis-adapter pull request 486): with at least 4 pods and rooms of at most 3 members, copies fall by at least 40 %; with
/// rooms much larger than the number of pods hardly.
#[test]
fn c16_subscribing_to_rooms_saves_copies_of_small_rooms() {
    let copies = |adapter, pods, members| {
        let scene = Scene::at_random(pods, 100, members, EVENT);
        cost(adapter, Operation::Emit(Emit::to(To::Room { name: 10 })), &scene).delivered()
    };
    let saved = |pods, members| 1.0 - copies(DYNAMIC, pods, members) / copies(CLASSIC, pods, members);
    for pods in 4..=64 {
        for members in 1..=3 {
            assert!(saved(pods, members) >= 0.4, "{pods} pods, {members} members: {}", saved(pods, members));
        }
        assert!(saved(pods, 10 * pods) < 1e-4);
    }
}
