//! The kernel alone: the hold model. With N events pending, take the first and schedule another.
//!
//! `cargo bench --bench engine`; figures with machine and date are in docs/PERFORMANCE.md.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stickysim::engine::{Event, EventQueue, Law, Seed, SimTime};

/// Holds per measured batch.
const BATCH: u64 = 100_000;

/// An event that is nothing but a number.
#[derive(Clone, Copy)]
struct Numbered(u64);

impl Event for Numbered {
    fn word(self) -> u64 {
        self.0
    }
    fn from_word(word: u64) -> Numbered {
        Numbered(word)
    }
}

/// Increments drawn beforehand, so that the queue is measured and not the sampler.
fn increments(law: &Law) -> Vec<u64> {
    (0..16_384).map(|n| law.span(&mut Seed(1).stream(1, 1, n)).as_nanos()).collect()
}

fn hold(c: &mut Criterion) {
    let mut group = c.benchmark_group("hold");
    group.throughput(Throughput::Elements(BATCH));
    group.sample_size(20);
    let exponential = increments(&Law::exponential(10e9));
    let bimodal = increments(&Law::HyperExponential(vec![(0.9, 5e6), (0.1, 30e9)]));
    for (name, gaps) in [("exponential", exponential), ("bimodal", bimodal)] {
        for pending in [1_000u64, 100_000, 1_000_000] {
            let mut queue = EventQueue::new();
            for id in 0..pending {
                queue.push(SimTime::from_nanos(gaps[(id % 16_384) as usize]), Numbered(id));
            }
            let mut next = 0usize;
            let mut one = || {
                let (at, id) = queue.pop_until(SimTime::NEVER).expect("as many as at the start");
                next = (next + 1) % gaps.len();
                queue.push(SimTime::from_nanos(at.as_nanos() + gaps[next]), id);
            };
            // every event has been moved at least twice: the steady state of the queue
            (0..2 * pending).for_each(|_| one());
            group.bench_function(BenchmarkId::new(name, pending), |b| b.iter(|| (0..BATCH).for_each(|_| one())));
        }
    }
    group.finish();
}

criterion_group!(benches, hold);
criterion_main!(benches);
