//! The kernel alone: the hold model. With N events pending, take the first and schedule another.
//!
//! `cargo bench --bench engine`; figures with machine and date are in docs/PERFORMANCE.md.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stickysim::engine::{Event, EventQueue, Law, Seed, SimTime};

/// Holds per measured batch.
const BATCH: u64 = 100_000;
/// Increments drawn beforehand, so that the queue is measured and not the sampler.
const DRAWS: u64 = 16_384;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;

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

fn increments(law: &Law) -> Vec<u64> {
    (0..DRAWS).map(|n| law.span(&mut Seed(1).stream(1, 1, n)).as_nanos()).collect()
}

/// Nine of ten delays are 0.3 to 0.7 ms, close to the slot at hand; one is half a minute.
fn mixed() -> Vec<u64> {
    let short = |n| 3 * MILLISECOND / 10 + Seed(1).stream(1, 1, n).below(4 * MILLISECOND / 10);
    (0..DRAWS).map(|n| if n % 10 == 0 { 30 * SECOND } else { short(n) }).collect()
}

fn hold(c: &mut Criterion) {
    let mut group = c.benchmark_group("hold");
    group.throughput(Throughput::Elements(BATCH));
    group.sample_size(20);
    let exponential = increments(&Law::exponential(10e9));
    let bimodal = increments(&Law::HyperExponential(vec![(0.9, 5e6), (0.1, 30e9)]));
    let cases: [(_, _, &[u64]); 3] = [
        ("exponential", exponential, &[1, 2, 16, 1_000, 100_000, 1_000_000]),
        ("bimodal", bimodal, &[1_000, 100_000, 1_000_000]),
        ("mixed", mixed(), &[1_000_000]),
    ];
    for (name, gaps, sizes) in cases {
        for &pending in sizes {
            let mut queue = EventQueue::new();
            for id in 0..pending {
                // at any time nearly all that is pending in the mix is a long delay, partly over
                let at = if name == "mixed" { 30 * SECOND / pending * id } else { gaps[(id % DRAWS) as usize] };
                queue.push(SimTime::from_nanos(at), Numbered(id));
            }
            let mut next = 0usize;
            let mut one = || {
                let (at, id) = queue.pop_until(SimTime::NEVER).expect("as many as at the start");
                next = (next + 1) % gaps.len();
                queue.push(SimTime::from_nanos(at.as_nanos() + gaps[next]), id);
            };
            // every event has been moved at least twice and slots are as long as they should be: the steady state
            (0..2 * pending.max(BATCH)).for_each(|_| one());
            group.bench_function(BenchmarkId::new(name, pending), |b| b.iter(|| (0..BATCH).for_each(|_| one())));
        }
    }
    group.finish();
}

criterion_group!(benches, hold);
criterion_main!(benches);
