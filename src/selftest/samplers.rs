//! Random numbers alone: moments, distance from the law, independence of neighbours.

use super::{Draw, Experiment, Oracle};
use crate::engine::{Law, Seed};

const REPLICATIONS: u32 = 40;
const DRAWS: u64 = 100_000;
/// Sorting is dear.
const SORTED: u64 = 20_000;

/// Independent draws, each at an address of its own, as the model makes them.
fn draws(law: &Law, seed: Seed, count: u64) -> impl Iterator<Item = f64> {
    (0..count).map(move |n| law.draw(&mut seed.stream(1, n >> 10, n & 1023)))
}

fn oracle(id: &'static str, what: &'static str, source: &'static str, theory: f64, draw: Draw) -> Oracle {
    Oracle { id, what, source, theory, replications: REPLICATIONS, experiment: Experiment::Draws(draw) }
}

/// E[Xᵏ] of a law.
fn moment(id: &'static str, what: &'static str, source: &'static str, theory: f64, law: Law, k: u32) -> Oracle {
    let mean = move |seed| draws(&law, seed, DRAWS).map(|x| super::formula::power(x, k)).sum::<f64>() / DRAWS as f64;
    oracle(id, what, source, theory, Box::new(mean))
}

/// √n times the largest distance of the empirical distribution from `cdf`.
fn distance(id: &'static str, what: &'static str, law: Law, cdf: fn(f64) -> f64) -> Oracle {
    let n = SORTED as f64;
    // mean of Kolmogorov's law, and how much less it is with n draws
    let theory = libm::sqrt(std::f64::consts::FRAC_PI_2) * std::f64::consts::LN_2 - 1.0 / (6.0 * libm::sqrt(n));
    let measure = move |seed| {
        let mut sorted: Vec<f64> = draws(&law, seed, SORTED).collect();
        sorted.sort_by(f64::total_cmp);
        let distances = sorted.iter().enumerate().map(|(below, &x)| {
            let (below, at) = (below as f64 / n, cdf(x));
            (at - below).max(below + 1.0 / n - at)
        });
        libm::sqrt(n) * distances.fold(0.0, f64::max)
    };
    oracle(id, what, "√(π/2)·ln 2 − 1/(6√n)  (Kolmogorov–Smirnov)", theory, Box::new(measure))
}

fn exponential_cdf(x: f64) -> f64 {
    -libm::expm1(-x)
}
fn log_normal_cdf(x: f64) -> f64 {
    libm::erfc(-libm::log(x) / std::f64::consts::SQRT_2) / 2.0
}
fn pareto_cdf(x: f64) -> f64 {
    1.0 - libm::pow(x, -4.5)
}
fn erlang_cdf(x: f64) -> f64 {
    1.0 - libm::exp(-x) * (1.0 + x + x * x / 2.0)
}
fn uniform_cdf(x: f64) -> f64 {
    x
}

pub fn oracles() -> Vec<Oracle> {
    let neighbours = |seed: Seed| {
        let law = Law::exponential(1.0);
        let mut previous = law.draw(&mut seed.stream(2, 0, 0));
        let products = draws(&law, seed, DRAWS).map(|x| std::mem::replace(&mut previous, x) * x);
        products.sum::<f64>() / DRAWS as f64
    };
    vec![
        distance("ks-uniform", "KS √n·D, uniform draws", Law::Uniform { low: 0.0, high: 1.0 }, uniform_cdf),
        distance("ks-exponential", "KS √n·D, exponential draws", Law::exponential(1.0), exponential_cdf),
        distance("ks-lognormal", "KS √n·D, log-normal draws", Law::LogNormal { mu: 0.0, sigma: 1.0 }, log_normal_cdf),
        distance("ks-pareto", "KS √n·D, Pareto draws, α = 4.5", Law::Pareto { min: 1.0, alpha: 4.5 }, pareto_cdf),
        distance("ks-erlang", "KS √n·D, Erlang draws, k = 3", Law::Erlang { k: 3, mean: 3.0 }, erlang_cdf),
        moment("m3-exponential", "E[X³], exponential, mean 1", "3!", 6.0, Law::exponential(1.0), 3),
        moment(
            "m3-lognormal",
            "E[X³], log-normal, mean 1, cv ½",
            "(1 + c²)³",
            1.953125,
            Law::log_normal_mean_cv(1.0, 0.5),
            3,
        ),
        moment(
            "m2-hyperexponential",
            "E[X²], hyper-exponential",
            "Σ pᵢ·2mᵢ²",
            4.0,
            Law::HyperExponential(vec![(0.8, 0.5), (0.2, 3.0)]),
            2,
        ),
        oracle(
            "neighbours",
            "E[XₙXₙ₊₁] of neighbouring addresses",
            "E[X]² = 1 (independence)",
            1.0,
            Box::new(neighbours),
        ),
    ]
}
