//! From emit to receive on the emitting pod and on another one, with and without other work on the emitting pod, by adapter:
//! what was measured on the real software (two pods, Redis and clients on one machine of two cores), and what the model says.

use std::fmt::Write;

use stickysim::cluster::adapter::{Adapter, Law as AdapterLaw, Mode, NAMED};
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{ClusterSpec, RedisCosts, RoomsSpec, Target, TrafficAction, TrafficSpec, Via};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{Histogram, Latencies};

use super::verdict;
use crate::support::{CLASSIC, audience, cluster, emit, run, seconds};

/// Milliseconds: median, mean, 95th and 99th percentile; none where nothing was published.
type Figures = [Option<f64>; 4];
const COLUMNS: [&str; 4] = ["median", "mean", "95th", "99th"];
/// How far a prediction may be from the median of three runs. Between runs of one setting medians differ by up to 38 %, and 99th
/// percentiles by up to 130 %.
const TOLERANCE: [f64; 4] = [0.45, 0.35, 0.35, 0.60];

/// One measurement: the median of three runs of 12 s.
struct Measured {
    adapter: Adapter,
    /// Jobs of so many microseconds on the emitting pod, and the share of its time that they take while they come: what was
    /// measured, a tail of 0.8 s without jobs included, times 1.067.
    jobs: Option<(u64, f64)>,
    same: Figures,
    cross: Figures,
}

const fn all([median, mean, p95, p99]: [f64; 4]) -> Figures {
    [Some(median), Some(mean), Some(p95), Some(p99)]
}
const fn mean(mean: f64) -> Figures {
    [None, Some(mean), None, None]
}

const SHARDED: Adapter = Adapter::Sharded(Mode::Dynamic);
const STREAMS: Adapter = Adapter::Streams { sharded_requests: false };

#[rustfmt::skip]
const MEASURED: [Measured; 11] = [
    Measured { adapter: CLASSIC, jobs: None, same: all([0.89, 0.97, 1.5, 2.8]), cross: all([1.44, 1.46, 2.1, 4.3]) },
    Measured { adapter: SHARDED, jobs: None, same: all([0.74, 0.79, 1.5, 3.7]), cross: all([0.88, 0.89, 1.4, 3.5]) },
    Measured { adapter: STREAMS, jobs: None, same: all([0.99, 1.12, 2.3, 4.4]), cross: all([1.10, 1.19, 2.3, 4.7]) },
    Measured { adapter: CLASSIC, jobs: Some((2_000, 0.534)), same: all([1.07, 1.96, 6.7, 10.7]), cross: all([1.51, 2.42, 7.2, 11.2]) },
    Measured { adapter: SHARDED, jobs: Some((2_000, 0.523)), same: all([1.22, 2.66, 10.2, 18.8]), cross: all([1.23, 2.00, 6.3, 10.7]) },
    Measured { adapter: STREAMS, jobs: Some((2_000, 0.530)), same: all([1.30, 2.85, 10.3, 17.7]), cross: all([1.37, 2.06, 6.8, 10.4]) },
    Measured { adapter: CLASSIC, jobs: Some((2_000, 0.816)), same: mean(6.0), cross: mean(6.3) },
    Measured { adapter: SHARDED, jobs: Some((2_000, 0.816)), same: mean(11.0), cross: mean(5.6) },
    Measured { adapter: STREAMS, jobs: Some((2_000, 0.816)), same: mean(11.5), cross: mean(5.9) },
    Measured { adapter: CLASSIC, jobs: Some((200, 0.546)), same: all([0.77, 0.90, 1.8, 3.4]), cross: all([1.15, 1.30, 2.6, 4.2]) },
    Measured { adapter: Adapter::PythonSocketIo, jobs: None, same: all([0.91, 0.92, 1.5, 1.8]), cross: all([1.36, 1.35, 1.8, 2.4]) },
];

/// The three fitted numbers, by what was measured without other work: the trips between clients and pods, wake-ups of the virtual
/// machine included, their spread, and the way to Redis.
const ROUND_TRIP_US: u64 = 700;
const JITTER: f64 = 0.65;
const HOP_US: u64 = 80;

/// Two pods; a client of the first one emits to a room with clients on both.
fn spec(measured: &Measured) -> ClusterSpec {
    let mut spec = cluster(2, NginxMethod::RoundRobin, 0, true);
    let us = Span::from_micros;
    let costs = &mut spec.pods.costs;
    // the presets
    let [receive, publish, broadcast, send, copy_delivered] = match measured.adapter {
        Adapter::PythonSocketIo => [250, 130, 20, 40, 100],
        Adapter::Streams { .. } => [7, 35, 3, 8, 12 + 8],
        _ => [7, 35, 3, 8, 12],
    };
    (costs.receive, costs.publish, costs.broadcast) = (us(receive), us(publish), us(broadcast));
    (costs.send, costs.copy_delivered) = (us(send), us(copy_delivered));
    let (publish, copy) = if measured.adapter == STREAMS { (19, 7) } else { (15, 3) };
    spec.redis.costs = RedisCosts::even(us(publish), us(copy));
    spec.redis.law = AdapterLaw::of(measured.adapter);
    spec.redis.hop = us(HOP_US);
    // in turn on the first pod and the second: the sender, its readers, and who keeps the first pod busy
    spec.audiences = ["sender", "other pod", "same pod", "nobody", "busy"]
        .map(|name| {
            let mut one = audience(1, true);
            one.name = name.to_owned();
            one.network.rtt = Law::Fixed(ROUND_TRIP_US as f64 * 1e3);
            one.network.jitter_sigma = JITTER;
            one
        })
        .to_vec();
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(4.0), per_client: 1 });
    let by = |who: usize, entry: TrafficSpec| TrafficSpec { audiences: (0..5).map(|at| at == who).collect(), ..entry };
    spec.traffic = vec![by(0, emit(Law::exponential(seconds(0.02)), Target::RoomButSender, Via::Socket))];
    if let Some((work_us, busy)) = measured.jobs {
        let work = Law::Fixed(work_us as f64 * 1e3);
        let action = TrafficAction::Emit { to: Target::RoomButSender, via: Via::Socket, bytes: 1, work };
        let every = Law::exponential(work_us as f64 * 1e3 / busy);
        spec.traffic.push(by(4, TrafficSpec { action, ..emit(every, Target::RoomButSender, Via::Socket) }));
    }
    spec.duration = Span::from_secs(1_200);
    spec.warm_up = Span::from_secs(10);
    spec
}

/// Rooms of four and of one are dealt at random: whoever is busy is to be alone, and is heard by nobody.
fn measure(spec: &ClusterSpec) -> Latencies {
    let short = ClusterSpec { duration: Span::from_secs(20), ..spec.clone() };
    let is_alone = |&replication: &u32| {
        let counts = run(&short, replication).counts;
        let senders = counts.delivered_local;
        (500..1_500).contains(&senders) && counts.delivered_cross == 2 * senders && counts.recipients <= 3 * senders + 3
    };
    let replication = (0..200).find(is_alone).expect("one in five is like that");
    run(spec, replication).latencies
}

fn figures(histogram: &Histogram) -> [f64; 4] {
    let quantile = |q| histogram.quantile_ms(q).unwrap();
    [quantile(0.5), histogram.mean_ms().unwrap(), quantile(0.95), quantile(0.99)]
}

fn name(adapter: Adapter) -> &'static str {
    NAMED.iter().find(|named| named.adapter == adapter).unwrap().word
}

const HEAD: &str = "\
### Measured: from emit to receive, by adapter and load

- Source: this project, on the real software: socket.io 4.8.4 on Node.js 20 with its adapters, python-socketio 5.18.1, Redis 7.0.15; two
  pods, Redis and clients on one machine of two cores, without a network.
- Setting: a client of pod A emits 50 events/s to a room with a reader on A (same) and one on B (cross); other work keeps A busy: jobs of
  2 ms or 0.2 ms at random. Costs are those of the presets.
- Tolerance: median within 45 %, mean and 95th percentile within 35 %, 99th percentile within 60 %. Medians of three runs with the same
  settings differ by up to 38 % among themselves.
- Fitted, by the rows without other work: the trip of clients (0.70 ms both ways), its spread, the way to Redis (0.08 ms). Nothing is fitted
  to the rows with load; they test that the event loop is one queue, and that `sharded` and `streams` pass it twice.
- Command: `cargo test --test it cases`

| Adapter | Pod A busy with | Path | ms: measured → predicted (median, mean, 95th, 99th) | |
| --- | --- | --- | --- | --- |
";

/// The table.
pub fn table(out: &mut String, missed: &mut Vec<String>) {
    out.push_str(HEAD);
    for measured in &MEASURED {
        let Latencies { event_local, event_cross, .. } = measure(&spec(measured));
        let (adapter, jobs) = (name(measured.adapter), jobs(measured.jobs));
        for (path, real, predicted) in
            [("same", &measured.same, figures(&event_local)), ("cross", &measured.cross, figures(&event_cross))]
        {
            let mut cells = Vec::new();
            let mut holds = true;
            for (at, column) in COLUMNS.iter().enumerate() {
                let Some(real) = real[at] else { continue };
                let share = predicted[at] / real - 1.0;
                holds &= share.abs() <= TOLERANCE[at];
                let miss = if share.abs() <= TOLERANCE[at] { "" } else { "**" };
                let label = if measured.same[0].is_none() { format!("{column} ") } else { String::new() };
                cells.push(format!("{miss}{label}{real} → {:.2}{miss}", predicted[at]));
            }
            let verdict = verdict(holds, &format!("latency {adapter}, {jobs}, {path}"), missed);
            writeln!(out, "| {adapter} | {jobs} | {path} | {} | {verdict} |", cells.join(", ")).unwrap();
        }
    }
    out.push('\n');
}

fn jobs(jobs: Option<(u64, f64)>) -> String {
    match jobs {
        None => "nothing".to_owned(),
        Some((work, busy)) => format!("jobs of {} ms, {:.0} %", work as f64 / 1e3, busy * 100.0),
    }
}
