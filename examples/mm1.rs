//! M/M/1 on the kernel of stickysim: a queue with one server, from the first line to a checked result.
//!
//! ```sh
//! cargo run --release --example mm1            # 10 million customers
//! cargo run --release --example mm1 -- 1000000
//! ```
//!
//! Customers come at random, 0.8 per second; one server takes 1 s each on average, first come, first served. Theory: a
//! customer stays 1 / (1 - 0.8) = 5 s on average, and the times are again exponential. The program simulates it, prints
//! the results with its speed, and fails when they contradict theory.
//!
//! It is written as the cluster model is, and shows what makes that fast:
//!
//! * **One event per customer**, the arrival at the station. Where service is first come, first served, the end of
//!   service is known on arrival (Lindley's recursion), so nobody needs an event for it.
//! * **Addressed random numbers**: customer 17 has the same gap and the same work in every run with this seed, whatever
//!   else changes in the model. No generator is stored.
//! * **Integer time**: sums of times do not round, so the results are the same on every machine.
//! * **A histogram** instead of a list of durations: as much memory for ten customers as for a billion.

use std::process::ExitCode;

use stickysim::engine::{Ctx, Event, Law, Limits, Model, Seed, SimTime, Simulation, Span};
use stickysim::metrics::Histogram;

const ARRIVALS_PER_S: f64 = 0.8;
const MEAN_WORK_S: f64 = 1.0;

/// The only thing that happens: the next customer arrives.
#[derive(Clone, Copy)]
struct Arrival;

impl Event for Arrival {
    fn word(self) -> u64 {
        0
    }
    fn from_word(_: u64) -> Arrival {
        Arrival
    }
}

/// What a random number is for: the first part of its address.
#[derive(Clone, Copy)]
enum Purpose {
    Gap,
    Work,
}

/// A server and its queue.
struct Station {
    seed: Seed,
    gap: Law,
    work: Law,
    /// Customers in all, and those who have come.
    customers: u32,
    came: u32,
    /// When the server is done with everybody who has come.
    free_at: SimTime,
    sojourn: Histogram,
}

impl Station {
    fn new(seed: Seed, customers: u32) -> Station {
        let exponential = |mean_s: f64| Law::exponential(mean_s * 1e9); // laws of durations are in nanoseconds
        Station {
            seed,
            gap: exponential(1.0 / ARRIVALS_PER_S),
            work: exponential(MEAN_WORK_S),
            customers,
            came: 0,
            free_at: SimTime::ZERO,
            sojourn: Histogram::new(),
        }
    }
    /// What this law gives for the customer at hand.
    fn draw(&self, law: &Law, purpose: Purpose) -> Span {
        law.span(&mut self.seed.stream(purpose as u64, 0, u64::from(self.came)))
    }
}

impl Model for Station {
    type Event = Arrival;

    fn handle(&mut self, _: Arrival, ctx: &mut Ctx<Arrival>) {
        let starts = self.free_at.max(ctx.now());
        self.free_at = starts + self.draw(&self.work, Purpose::Work);
        self.sojourn.record(self.free_at - ctx.now());
        self.came += 1;
        if self.came < self.customers {
            ctx.schedule_in(self.draw(&self.gap, Purpose::Gap), Arrival);
        }
    }
}

/// Standard error of the mean sojourn of `customers` neighbours, who wait together: with ρ the load and service of mean 1,
/// n times its square is ρ(2 + 5ρ - 4ρ² + ρ³) / (1-ρ)⁴ for the waiting times, 1 for the services, and twice
/// ρ(2-ρ) / (1-ρ)² because a long service makes those behind it wait.
fn standard_error_s(customers: u32) -> f64 {
    let (load, idle) = (ARRIVALS_PER_S * MEAN_WORK_S, 1.0 - ARRIVALS_PER_S * MEAN_WORK_S);
    let waiting = load * (2.0 + load * (5.0 - load * (4.0 - load))) / (idle * idle * idle * idle);
    let both = load * (2.0 - load) / (idle * idle);
    MEAN_WORK_S * ((waiting + 1.0 + 2.0 * both) / f64::from(customers)).sqrt()
}

#[expect(clippy::disallowed_types, reason = "the wall clock measures the speed; no result depends on it")]
fn main() -> ExitCode {
    let customers = match std::env::args().nth(1).map(|text| text.parse()) {
        None => 10_000_000,
        Some(Ok(number @ 1..)) => number,
        Some(_) => {
            eprintln!("usage: mm1 [CUSTOMERS]");
            return ExitCode::from(2);
        }
    };
    let mut simulation = Simulation::new(Station::new(Seed(7), customers));
    simulation.schedule(SimTime::ZERO, Arrival);
    let start = std::time::Instant::now();
    let end = simulation.run(Limits { until: SimTime::NEVER, max_events: u64::MAX });
    let wall_s = start.elapsed().as_secs_f64();

    let sojourn = simulation.into_model().sojourn;
    let mean_s = sojourn.mean_ms().expect("there is a customer") / 1e3;
    let p99_s = sojourn.quantile_ms(0.99).expect("there is a customer") / 1e3;
    let theory_s = MEAN_WORK_S / (1.0 - ARRIVALS_PER_S * MEAN_WORK_S);
    let bound_s = 4.0 * standard_error_s(customers); // exceeded by one seed in 16,000
    println!("customers       {}", sojourn.count());
    println!("mean sojourn    {mean_s:.4} s, theory {theory_s:.4} ± {bound_s:.4}");
    println!("99th percentile {p99_s:.2} s, theory {:.2}", theory_s * libm::log(100.0));
    println!("wall time       {wall_s:.6} s, {:.1} million customers/s", end.events as f64 / wall_s / 1e6);
    if (mean_s - theory_s).abs() > bound_s {
        eprintln!("The mean contradicts theory.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
