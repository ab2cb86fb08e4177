//! The 95 % intervals of a study cover the truth as often as they say (facts: oracle S1.4).

use stickysim::cluster::simulate;
use stickysim::engine::{Law, Seed, Span};
use stickysim::selftest::bare::{api, queue, seconds};
use stickysim::study::{Options, estimate, in_parallel};

const EXPERIMENTS: u64 = 1_000;
/// As many as a study has unless told otherwise.
const REPLICATIONS: u32 = 20;

/// Prints how many of the experiments cover `truth`, and checks that it is 92.6 to 97.1 %: what 1,000 experiments with
/// intervals of exactly 95 % leave but for one time in a thousand.
fn assert_covers(what: &str, truth: f64, value: impl Fn(Seed) -> f64 + Sync) {
    let experiments: Vec<u64> = (0..EXPERIMENTS).collect();
    let options = Options { variants: false, threads: None, progress: &|_| Ok(()) };
    let intervals = in_parallel(&experiments, &options, |&experiment| {
        let seed = Seed(Seed(2026).stream(1, experiment, 0).bits());
        let values: Vec<f64> = (0..REPLICATIONS).map(|replication| value(seed.replication(replication))).collect();
        Ok(estimate(&values).expect("there are replications"))
    });
    let intervals = intervals.expect("nothing fails");
    let half_width = |interval: &stickysim::metrics::Estimate| interval.half_width.expect("several replications");
    let covers = intervals.iter().filter(|interval| (interval.mean - truth).abs() <= half_width(interval)).count();
    let mean = intervals.iter().map(|interval| interval.mean).sum::<f64>() / EXPERIMENTS as f64;
    let width = intervals.iter().map(half_width).sum::<f64>() / EXPERIMENTS as f64;
    let coverage = covers as f64 / EXPERIMENTS as f64;
    println!("{what}: {:.1} % of {EXPERIMENTS} cover {truth}; mean {mean:.4} ± {width:.4}", coverage * 100.0);
    assert!((0.926..=0.971).contains(&coverage), "{what}: {coverage}");
}

#[test]
fn intervals_cover_the_truth_of_a_queue() {
    // M/M/1, ρ = 0.8, services of 10 ms. The mean response of those that end in a short window is biased: it is a quotient, and
    // long responses end in other windows than they begin. Their sum is not: in the steady state it is λ·W per second in any
    // window, ρ/(1−ρ) = 4 by Little's law. 600 services of warm-up are seven times the time in which an empty start is forgotten,
    // 1/(μ(1−√ρ)²) = 90 services.
    const CLIENTS: u32 = 20;
    let mut spec = queue(1, 80.0, Law::exponential(seconds(0.01)));
    spec.audiences[0].population = stickysim::cluster::spec::Population::Present { count: CLIENTS };
    spec.traffic = vec![api(f64::from(CLIENTS) / 80.0, Law::exponential(seconds(0.01)))];
    spec.warm_up = Span::from_secs(6);
    spec.duration = Span::from_secs(6 + 10);
    spec.sample_every = spec.duration;
    assert_covers("M/M/1, responses per second", 4.0, |seed| {
        let record = simulate(&spec, seed).unwrap_or_else(|error| panic!("{error}"));
        record.latencies.request.sum_s() / record.measured_s
    });
}

#[test]
fn intervals_cover_the_truth_of_an_autoregressive_series() {
    // x' = φx + ε with φ = 0.9 from its steady state, N(0, 1/(1−φ²)): means of 100 neighbours
    const PHI: f64 = 0.9;
    let normal = |seed: Seed, n: u64| libm::log(Law::LogNormal { mu: 0.0, sigma: 1.0 }.draw(&mut seed.stream(1, 0, n)));
    assert_covers("AR(1), φ = 0.9", 3.0, |seed| {
        let mut x = normal(seed, 0) / (1.0 - PHI * PHI).sqrt();
        let mut sum = 0.0;
        for n in 1..=100 {
            sum += x;
            x = PHI * x + normal(seed, n);
        }
        3.0 + sum / 100.0
    });
}
