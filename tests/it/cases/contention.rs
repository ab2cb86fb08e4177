//! C21: clients contend for one row with optimistic locking, under five policies of trying again. The same experiment as
//! aws-samples/aws-arch-backoff-simulator, on this project's kernel and with its policies.

use std::fmt::Write;

use stickysim::cluster::spec::{ReconnectPolicy, RetryLaw};
use stickysim::engine::{Ctx, Event, Limits, Model, Seed, SimTime, Simulation, Span, normal};

/// Repetitions of each cell.
const REPETITIONS: u32 = 400;
const CAP: Span = Span::from_secs(2);
/// Twice the base of 5 ms: the source counts attempts from 1.
const FIRST: Span = Span::from_millis(10);

/// Clients, mean completion time in ms, mean calls.
type Cell = (u32, f64, f64);

/// Policy, and what a run of the reference gave.
const REPORTED: [(&str, RetryLaw, [Cell; 2]); 5] = [
    (
        "exponential",
        RetryLaw::Exponential { first: FIRST, max: CAP, jitter: 0.0 },
        [(10, 3_695.0, 51.0), (100, 63_492.0, 1_853.0)],
    ),
    (
        "decorrelated",
        RetryLaw::Decorrelated { first: Span::from_millis(5), max: CAP },
        [(10, 446.0, 37.0), (100, 4_541.0, 1_005.0)],
    ),
    ("equal-jitter", RetryLaw::EqualJitter { first: FIRST, max: CAP }, [(10, 733.0, 42.0), (100, 6_527.0, 812.0)]),
    ("full-jitter", RetryLaw::FullJitter { first: FIRST, max: CAP }, [(10, 463.0, 39.0), (100, 4_951.0, 796.0)]),
    ("none", RetryLaw::Fixed { delay: Span::ZERO, jitter: 0.0 }, [(10, 378.0, 50.0), (100, 2_028.0, 2_419.0)]),
];

/// What happens to a client's message.
#[derive(Clone, Copy)]
enum Step {
    /// The question for the version reaches the row.
    Read,
    /// The version reaches the client.
    Version,
    /// The write reaches the row.
    Write,
    /// The answer of the write reaches the client.
    Answer,
}

#[derive(Clone, Copy)]
struct Message {
    step: Step,
    client: u16,
}

impl Event for Message {
    fn word(self) -> u64 {
        (self.step as u64) << 16 | u64::from(self.client)
    }
    fn from_word(word: u64) -> Message {
        let step = [Step::Read, Step::Version, Step::Write, Step::Answer][(word >> 16) as usize];
        Message { step, client: word as u16 }
    }
}

#[derive(Clone, Default)]
struct Client {
    /// The version it read, or whether its write came through.
    read: u32,
    written: bool,
    failures: u16,
    previous: Span,
    messages: u64,
}

struct Row {
    seed: Seed,
    policy: ReconnectPolicy,
    version: u32,
    calls: u32,
    end: SimTime,
    clients: Vec<Client>,
}

impl Row {
    fn send(&mut self, step: Step, client: u16, after: Span, ctx: &mut Ctx<Message>) {
        let sender = &mut self.clients[usize::from(client)];
        sender.messages += 1;
        let mut stream = self.seed.stream(1, u64::from(client), sender.messages);
        let trip = Span::from_nanos_f64((10.0 + 2.0 * normal(&mut stream)).abs() * 1e6);
        ctx.schedule_in(after + trip, Message { step, client });
    }
}

impl Model for Row {
    type Event = Message;
    fn handle(&mut self, Message { step, client }: Message, ctx: &mut Ctx<Message>) {
        self.end = ctx.now();
        let version = self.version;
        let who = &mut self.clients[usize::from(client)];
        match step {
            Step::Read => {
                who.read = version;
                self.send(Step::Version, client, Span::ZERO, ctx);
            }
            Step::Version => self.send(Step::Write, client, Span::ZERO, ctx),
            Step::Write => {
                who.written = who.read == version;
                self.version += u32::from(who.written);
                self.calls += 1;
                self.send(Step::Answer, client, Span::ZERO, ctx);
            }
            Step::Answer if !who.written => {
                let mut stream = self.seed.stream(2, u64::from(client), u64::from(who.failures));
                let delay = self.policy.delay(who.failures, who.previous, &mut stream).unwrap();
                who.failures += 1;
                who.previous = delay;
                self.send(Step::Read, client, delay, ctx);
            }
            Step::Answer => {}
        }
    }
}

/// Mean time until everybody has written, in ms, and mean number of writes.
fn contend(law: RetryLaw, clients: u32) -> (f64, f64) {
    let (mut time, mut calls) = (0.0, 0.0);
    for repetition in 0..REPETITIONS {
        let seed = Seed(21).replication(repetition);
        let clients = vec![Client::default(); clients as usize];
        let row = Row { seed, policy: law.into(), version: 0, calls: 0, end: SimTime::ZERO, clients };
        let mut simulation = Simulation::new(row);
        simulation
            .start(|row, ctx| (0..row.clients.len()).for_each(|n| row.send(Step::Read, n as u16, Span::ZERO, ctx)));
        simulation.run(Limits { until: SimTime::NEVER, max_events: 10_000_000 });
        let row = simulation.into_model();
        time += (row.end - SimTime::ZERO).as_millis_f64();
        calls += f64::from(row.calls);
    }
    (time / f64::from(REPETITIONS), calls / f64::from(REPETITIONS))
}

/// The part of the document.
pub fn table(text: &mut String, missed: &mut Vec<String>) {
    text.push_str(&format!(
        "### C21: contention under five policies of trying again\n\n\
         - Source: github.com/aws-samples/aws-arch-backoff-simulator, src/backoff_simulator.py, run 100 times by this project\n\
         - Setting: clients write one row with optimistic locking; each trip takes |N(10, 2)| ms; base 5 ms, cap 2 s.\n\
         - Tolerance: 15 % with 10 clients, 8 % with 100 (two runs of the reference differ by up to 9 % and 2 %).\n\
         - Assumed: nothing. Mean of {REPETITIONS} repetitions.\n\
         - Command: `cargo test --test it cases::contention`\n\n\
         | Policy | Clients | Time reported | Predicted | | Calls reported | Predicted | |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    ));
    for (name, law, cells) in REPORTED {
        for (clients, time, calls) in cells {
            let tolerance = if clients < 50 { 0.15 } else { 0.08 };
            let ours = contend(law, clients);
            let what = format!("c21 {name} {clients}");
            let [in_time, in_calls] = [(ours.0, time), (ours.1, calls)]
                .map(|(ours, theirs)| super::verdict((ours / theirs - 1.0f64).abs() <= tolerance, &what, missed));
            let (our_time, our_calls) = ours;
            writeln!(
                text,
                "| {name} | {clients} | {time} ms | {our_time:.0} ms | {in_time} | {calls} | {our_calls:.1} | {in_calls} |"
            )
            .unwrap();
        }
    }
    text.push('\n');
}

#[test]
fn policies_order_as_the_reference_orders_them() {
    let calls: Vec<f64> = ["full-jitter", "equal-jitter", "decorrelated", "exponential", "none"]
        .iter()
        .map(|name| {
            let (_, law, _) = REPORTED.iter().find(|(reported, ..)| reported == name).unwrap();
            contend(*law, 100).1
        })
        .collect();
    assert!(calls.is_sorted(), "{calls:?}");
}
