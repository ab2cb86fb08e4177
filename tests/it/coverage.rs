//! The 95 % intervals of a study cover the truth as often as they say (facts: oracle S1.4).

use std::ops::ControlFlow;

use stickysim::cluster::simulate;
use stickysim::engine::{Law, Seed, Span};
use stickysim::metrics::Unit;
use stickysim::scenario::{Replications, Until};
use stickysim::selftest::bare::{api, queue, seconds};
use stickysim::study::{Options, StudyError, estimate, in_parallel, replicate, uncertainty};

const EXPERIMENTS: u64 = 1_000;
/// Prints how many of the experiments, each with so many replications of `value`, cover `truth`, and checks that it is 92.6 to 97.1 %:
/// what 1,000 experiments with intervals of exactly 95 % leave but for one time in a thousand.
fn assert_covers(what: &str, replications: Replications, truth: f64, value: impl Fn(Seed) -> f64 + Sync) {
    let experiments: Vec<u64> = (0..EXPERIMENTS).collect();
    let options = Options { variants: false, threads: None, progress: &|_| Ok(()) };
    let intervals = in_parallel(&experiments, &options, |&experiment| {
        let seed = Seed(Seed(2026).stream(1, experiment, 0).bits());
        let mut values: Vec<f64> = Vec::new();
        replicate(replications, |more| -> Result<_, StudyError> {
            values.extend(more.map(|replication| value(seed.replication(replication))));
            Ok(ControlFlow::Continue(estimate(&values).and_then(|found| uncertainty(&found, Unit::Number))))
        })?;
        Ok(estimate(&values).expect("there are replications"))
    });
    let intervals = intervals.expect("nothing fails");
    let half_width = |interval: &stickysim::metrics::Estimate| interval.half_width.expect("several replications");
    let covers = intervals.iter().filter(|interval| (interval.mean - truth).abs() <= half_width(interval)).count();
    let mean = intervals.iter().map(|interval| interval.mean).sum::<f64>() / EXPERIMENTS as f64;
    let width = intervals.iter().map(half_width).sum::<f64>() / EXPERIMENTS as f64;
    let coverage = covers as f64 / EXPERIMENTS as f64;
    let mut runs: Vec<u32> = intervals.iter().map(|interval| interval.replications).collect();
    runs.sort_unstable();
    let (least, median, most) = (runs[0], runs[runs.len() / 2], runs[runs.len() - 1]);
    println!(
        "{what}: {:.1} % of {EXPERIMENTS} cover {truth}; mean {mean:.4} ± {width:.4} with {least} to {most} runs, {median} in the middle",
        coverage * 100.0
    );
    assert!((0.926..=0.971).contains(&coverage), "{what}: {coverage}");
}

/// As many as a study had before there were better rules.
const TWENTY: Replications = Replications::Exactly(20);

/// Until the mean is known to so much.
fn until(precision: &str) -> Replications {
    let precision = Some(precision.parse().expect("a share"));
    Replications::Until(Until { precision, at_most: Some(1_000) })
}

#[test]
fn intervals_cover_the_truth_of_a_queue() {
    queue_covered("M/M/1, responses per second", TWENTY, 10);
}

#[test]
fn intervals_of_enough_runs_cover_the_truth_of_a_queue() {
    queue_covered("M/M/1, responses per second, to 5 %", until("5%"), 40);
}

fn queue_covered(what: &str, replications: Replications, window_s: u64) {
    // M/M/1, ρ = 0.8, services of 10 ms. The mean response of those that end in a short window is biased: it is a quotient, and
    // long responses end in other windows than they begin. Their sum is not: in the steady state it is λ·W per second in any
    // window, ρ/(1−ρ) = 4 by Little's law. 600 services of warm-up are seven times the time in which an empty start is forgotten,
    // 1/(μ(1−√ρ)²) = 90 services.
    const CLIENTS: u32 = 20;
    let mut spec = queue(1, 80.0, Law::exponential(seconds(0.01)));
    spec.audiences[0].population = stickysim::cluster::spec::Population::Present { count: CLIENTS };
    spec.traffic = vec![api(f64::from(CLIENTS) / 80.0, Law::exponential(seconds(0.01)))];
    spec.warm_up = Span::from_secs(6);
    spec.duration = Span::from_secs(6 + window_s);
    spec.sample_every = spec.duration;
    assert_covers(what, replications, 4.0, |seed| {
        let record = simulate(&spec, seed).unwrap_or_else(|error| panic!("{error}"));
        record.latencies.request.sum_s() / record.measured_s
    });
}

#[test]
fn intervals_cover_the_truth_of_an_autoregressive_series() {
    series_covered("AR(1), φ = 0.9", TWENTY);
}

#[test]
fn intervals_of_enough_runs_cover_the_truth_of_an_autoregressive_series() {
    series_covered("AR(1), φ = 0.9, to 5 %", until("5%"));
}

fn series_covered(what: &str, replications: Replications) {
    // x' = φx + ε with φ = 0.9 from its steady state, N(0, 1/(1−φ²)): means of 100 neighbours
    const PHI: f64 = 0.9;
    let normal = |seed: Seed, n: u64| libm::log(Law::LogNormal { mu: 0.0, sigma: 1.0 }.draw(&mut seed.stream(1, 0, n)));
    assert_covers(what, replications, 3.0, |seed| {
        let mut x = normal(seed, 0) / (1.0 - PHI * PHI).sqrt();
        let mut sum = 0.0;
        for n in 1..=100 {
            sum += x;
            x = PHI * x + normal(seed, n);
        }
        3.0 + sum / 100.0
    });
}
