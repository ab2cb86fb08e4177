//! From emit to receive on the emitting pod and on another one, with and without other work on the emitting pod, by adapter:
//! what was measured on the real software (two pods, Redis and clients on one machine of two cores), and what the model says.

use std::fmt::Write;

use stickysim::cluster::adapter::{Adapter, Law as AdapterLaw, Mode};
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{ClusterSpec, RedisCosts, RoomsSpec, Target, TrafficAction, TrafficSpec, Via};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{Histogram, Latencies};

use crate::support::{CLASSIC, audience, cluster, emit, run, seconds};

/// Milliseconds: median, mean, 95th and 99th percentile.
type Figures = [f64; 4];

/// One measurement: the median of three runs of 12 s.
struct Measured {
    adapter: Adapter,
    /// Distance of jobs of so many microseconds on the emitting pod, and how busy the pod was while they came.
    jobs: Option<(u64, f64)>,
    same: Figures,
    cross: Figures,
}

const SHARDED: Adapter = Adapter::Sharded(Mode::Dynamic);
const STREAMS: Adapter = Adapter::Streams { sharded_requests: false };

#[rustfmt::skip]
const MEASURED: [Measured; 7] = [
    Measured { adapter: CLASSIC, jobs: None, same: [0.89, 0.97, 1.5, 2.8], cross: [1.44, 1.46, 2.1, 4.3] },
    Measured { adapter: SHARDED, jobs: None, same: [0.74, 0.79, 1.5, 3.7], cross: [0.88, 0.89, 1.4, 3.5] },
    Measured { adapter: STREAMS, jobs: None, same: [0.99, 1.12, 2.3, 4.4], cross: [1.10, 1.19, 2.3, 4.7] },
    Measured { adapter: CLASSIC, jobs: Some((2_000, 0.534)), same: [1.07, 1.96, 6.7, 10.7], cross: [1.51, 2.42, 7.2, 11.2] },
    Measured { adapter: SHARDED, jobs: Some((2_000, 0.523)), same: [1.22, 2.66, 10.2, 18.8], cross: [1.23, 2.00, 6.3, 10.7] },
    Measured { adapter: STREAMS, jobs: Some((2_000, 0.530)), same: [1.30, 2.85, 10.3, 17.7], cross: [1.37, 2.06, 6.8, 10.4] },
    Measured { adapter: CLASSIC, jobs: Some((200, 0.546)), same: [0.77, 0.90, 1.8, 3.4], cross: [1.15, 1.30, 2.6, 4.2] },
];

/// Two pods; a client of the first one emits to a room with clients on both.
fn spec(measured: &Measured) -> ClusterSpec {
    let mut spec = cluster(2, NginxMethod::RoundRobin, 0, true);
    let us = Span::from_micros;
    let costs = &mut spec.pods.costs;
    (costs.receive, costs.publish, costs.broadcast, costs.send) = (us(7), us(35), us(3), us(8));
    let entry = if measured.adapter == STREAMS { 8 } else { 0 };
    (costs.copy_dropped, costs.copy_delivered) = (us(10 + entry), us(12 + entry));
    let (publish, copy) = if measured.adapter == STREAMS { (19, 7) } else { (15, 3) };
    spec.redis.costs = RedisCosts::even(us(publish), us(copy));
    spec.redis.law = AdapterLaw::of(measured.adapter);
    spec.redis.hop = us(HOP);
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

const HOP: u64 = 100;
const ROUND_TRIP_US: u64 = 800;
const JITTER: f64 = 0.3;

/// Rooms of four and of one are dealt at random: whoever is busy is to be alone, and is heard by nobody.
fn measure(spec: &ClusterSpec) -> Latencies {
    let short = ClusterSpec { duration: Span::from_secs(20), ..spec.clone() };
    let is_alone = |&replication: &u32| {
        let counts = run(&short, replication).counts;
        let senders = counts.delivered_local;
        senders > 0 && counts.delivered_cross == 2 * senders && counts.recipients <= 3 * senders + 3
    };
    let replication = (0..200).find(is_alone).expect("one in five is like that");
    run(spec, replication).latencies
}

fn figures(histogram: &Histogram) -> Figures {
    let quantile = |q| histogram.quantile_ms(q).unwrap();
    [quantile(0.5), histogram.mean_ms().unwrap(), quantile(0.95), quantile(0.99)]
}

/// The table.
pub fn table(out: &mut String, missed: &mut Vec<String>) {
    for measured in &MEASURED {
        let Latencies { event_local, event_cross, .. } = measure(&spec(measured));
        for (path, measured_here, simulated) in
            [("same", measured.same, figures(&event_local)), ("cross", measured.cross, figures(&event_cross))]
        {
            writeln!(out, "{:?} {:?} {path} {measured_here:?} {simulated:.2?}", measured.adapter, measured.jobs)
                .unwrap();
        }
    }
    let _ = missed;
}

#[test]
fn show() {
    let mut out = String::new();
    table(&mut out, &mut Vec::new());
    println!("{out}");
}
