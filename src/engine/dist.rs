//! Laws (probability distributions) on portable mathematics.
//!
//! Standard exponential and normal draws and exponentials are our own, every logarithm and power goes through `libm`: a
//! draw has the same bits on every machine.

use rand::Rng;
use rand_distr::Distribution;

use super::exp::exp;
use super::rng::Stream;
use super::time::Span;
use super::ziggurat::{exponential, normal};

/// A law of non-negative numbers. Laws of durations are in nanoseconds and drawn with [`Law::span`].
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always the same value.
    Fixed(f64),
    /// Exponential with this mean.
    Exponential {
        /// Mean.
        mean: f64,
    },
    /// Log-normal: the exponential of a normal variable.
    LogNormal {
        /// Mean of the logarithm; the median is `exp(mu)`.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Uniform between two bounds.
    Uniform {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// Sum of `k` exponential stages.
    Erlang {
        /// Number of stages, at least 1.
        k: u32,
        /// Mean of the sum.
        mean: f64,
    },
    /// Pareto: P(X > x) = (min/x)^alpha.
    Pareto {
        /// Smallest value.
        min: f64,
        /// Tail exponent; the mean is finite only above 1.
        alpha: f64,
    },
    /// A mixture of exponentials.
    HyperExponential(
        /// (probability, mean) of each branch; probabilities sum to 1.
        Vec<(f64, f64)>,
    ),
    /// Number of trials up to the first success: 1, 2, 3, …
    Geometric {
        /// Mean, at least 1.
        mean: f64,
    },
    /// A table of values with their probabilities.
    Table(Table),
}

/// A law given by its values and their probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    values: Vec<f64>,
    /// Running sums of probability, the last one is 1.
    cumulative: Vec<f64>,
    mean: f64,
}

/// Why a table is not a law.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// No rows.
    #[error("the table has no rows")]
    Empty,
    /// A value or weight below zero, or not a number.
    #[error("row {0} has a value or a weight that is negative or not a number")]
    BadRow(usize),
    /// All weights are zero.
    #[error("the weights sum to zero")]
    NoWeight,
}

/// z of the 95th percentile of the standard normal law.
const Z95: f64 = 1.644_853_626_951_472_2;

impl Law {
    /// The exponential law with this mean.
    pub const fn exponential(mean: f64) -> Law {
        Law::Exponential { mean }
    }
    /// The log-normal law with this median and 95th percentile.
    pub fn log_normal_median_p95(median: f64, p95: f64) -> Law {
        Law::LogNormal { mu: libm::log(median), sigma: libm::log(p95 / median) / Z95 }
    }
    /// The log-normal law with this mean and coefficient of variation (standard deviation / mean).
    pub fn log_normal_mean_cv(mean: f64, cv: f64) -> Law {
        let variance = libm::log1p(cv * cv);
        Law::LogNormal { mu: libm::log(mean) - variance / 2.0, sigma: libm::sqrt(variance) }
    }
    /// The log-normal law with this median and coefficient of variation.
    pub fn log_normal_median_cv(median: f64, cv: f64) -> Law {
        Law::LogNormal { mu: libm::log(median), sigma: libm::sqrt(libm::log1p(cv * cv)) }
    }
    /// The law of a table of (value, weight) rows; weights need not sum to 1.
    ///
    /// # Errors
    /// When there is no row, a number is negative or NaN, or all weights are zero.
    pub fn table(rows: &[(f64, f64)]) -> Result<Law, TableError> {
        if rows.is_empty() {
            return Err(TableError::Empty);
        }
        let bad = |x: f64| !(x.is_finite() && x >= 0.0);
        if let Some(row) = rows.iter().position(|&(value, weight)| bad(value) || bad(weight)) {
            return Err(TableError::BadRow(row));
        }
        let total: f64 = rows.iter().map(|&(_, weight)| weight).sum();
        if total <= 0.0 {
            return Err(TableError::NoWeight);
        }
        let mut running = 0.0;
        let mut cumulative: Vec<f64> = Vec::with_capacity(rows.len());
        for &(_, weight) in rows {
            running += weight / total;
            cumulative.push(running);
        }
        *cumulative.last_mut().expect("not empty") = 1.0;
        let mean = rows.iter().map(|&(value, weight)| value * weight / total).sum();
        Ok(Law::Table(Table { values: rows.iter().map(|&(value, _)| value).collect(), cumulative, mean }))
    }
    /// The Zipf law of ranks 1..=n with weights 1/rankˢ.
    ///
    /// # Errors
    /// When `n` is zero.
    pub fn zipf(s: f64, n: u32) -> Result<Law, TableError> {
        let rows: Vec<(f64, f64)> = (1..=n).map(|rank| (f64::from(rank), zipf_weight(s, rank))).collect();
        Law::table(&rows)
    }

    /// One draw.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Law::Exponential { mean } => mean * exponential(stream),
            _ => self.draw_rarer(stream),
        }
    }
    /// One draw of any other law; apart, so that the one that most gaps follow stays short.
    #[inline(never)]
    fn draw_rarer(&self, stream: &mut Stream) -> f64 {
        match self {
            Law::Fixed(value) => *value,
            Law::Exponential { .. } => self.draw(stream),
            Law::LogNormal { mu, sigma } => exp(mu + sigma * normal(stream)),
            Law::Uniform { low, high } => low + (high - low) * stream.unit(),
            Law::Erlang { k, mean } => mean / f64::from(*k) * erlang_sum(*k, stream),
            Law::Pareto { min, alpha } => min * exp(exponential(stream) / alpha),
            Law::HyperExponential(branches) => {
                let mean = pick(branches.iter().map(|&(p, _)| p), stream.unit());
                branches[mean].1 * exponential(stream)
            }
            Law::Geometric { mean } => {
                if *mean <= 1.0 {
                    return 1.0;
                }
                // floor of an exponential with the right rate is geometric
                1.0 + libm::floor(exponential(stream) / -libm::log1p(-1.0 / mean))
            }
            Law::Table(table) => table.values[table.row(stream.unit())],
        }
    }
    /// One draw of a law in nanoseconds, rounded to a whole nanosecond.
    #[inline]
    pub fn span(&self, stream: &mut Stream) -> Span {
        Span::from_nanos_f64(self.draw(stream))
    }
    /// The mean, infinite where the law has none.
    pub fn mean(&self) -> f64 {
        match self {
            Law::Fixed(value) => *value,
            Law::Exponential { mean } | Law::Erlang { mean, .. } => *mean,
            Law::LogNormal { mu, sigma } => exp(mu + sigma * sigma / 2.0),
            Law::Uniform { low, high } => low.midpoint(*high),
            Law::Pareto { min, alpha } if *alpha > 1.0 => min * alpha / (alpha - 1.0),
            Law::Pareto { .. } => f64::INFINITY,
            Law::HyperExponential(branches) => branches.iter().map(|&(p, mean)| p * mean).sum(),
            Law::Geometric { mean } => mean.max(1.0),
            Law::Table(table) => table.mean,
        }
    }
    /// The largest possible value, infinite where there is none.
    pub fn max(&self) -> f64 {
        match self {
            Law::Fixed(value) => *value,
            Law::Uniform { high, .. } => *high,
            Law::Table(table) => table.values.iter().copied().fold(0.0, f64::max),
            _ => f64::INFINITY,
        }
    }
    /// One draw of what is left of an interval of this law that is under way at a random moment (the equilibrium law).
    ///
    /// With it a population starts in its steady state: an M/G/∞ system has Poisson(λ·mean) members, each with
    /// an independent residual of this law. Intervals met at a random moment are length-biased; the residual is
    /// uniform within them.
    pub fn residual(&self, stream: &mut Stream) -> Span {
        let biased = match self {
            Law::Fixed(value) => *value,
            Law::Exponential { mean } => return Span::from_nanos_f64(mean * exponential(stream)), // memoryless
            Law::LogNormal { mu, sigma } => exp(mu + sigma * sigma + sigma * normal(stream)),
            Law::Uniform { low, high } => libm::sqrt(low * low + (high * high - low * low) * stream.unit()),
            Law::Erlang { k, mean } => mean / f64::from(*k) * erlang_sum(k + 1, stream),
            Law::Pareto { min, alpha } if *alpha > 1.0 => min * exp(exponential(stream) / (alpha - 1.0)),
            Law::Pareto { .. } => return Span::MAX,
            Law::HyperExponential(branches) => {
                let total = self.mean();
                let branch = pick(branches.iter().map(|&(p, mean)| p * mean / total), stream.unit());
                return Span::from_nanos_f64(branches[branch].1 * exponential(stream));
            }
            Law::Geometric { .. } => self.draw(stream).max(self.draw(stream)),
            Law::Table(table) => {
                let steps = table.cumulative.iter().scan(0.0, |before, &c| {
                    let weight = c - *before;
                    *before = c;
                    Some(weight)
                });
                table.values[pick(steps.zip(&table.values).map(|(p, v)| p * v / table.mean), stream.unit())]
            }
        };
        Span::from_nanos_f64(biased * stream.unit())
    }
}

/// For whoever has a generator of `rand` instead of addresses: the draw of a stream that starts at one of its numbers.
impl Distribution<f64> for Law {
    fn sample<R: Rng + ?Sized>(&self, generator: &mut R) -> f64 {
        self.draw(&mut Stream::starting_at(generator.next_u64()))
    }
}

impl Table {
    fn row(&self, u: f64) -> usize {
        self.cumulative.partition_point(|&c| c <= u).min(self.values.len() - 1)
    }
}

/// The weight of a rank under a Zipf law with exponent `s`: rank⁻ˢ.
pub(crate) fn zipf_weight(s: f64, rank: u32) -> f64 {
    exp(-s * libm::log(f64::from(rank)))
}

/// The first branch whose running probability exceeds `u`.
fn pick(probabilities: impl Iterator<Item = f64>, u: f64) -> usize {
    let mut running = 0.0;
    let mut last = 0;
    for (branch, p) in probabilities.enumerate() {
        running += p;
        last = branch;
        if u < running {
            return branch;
        }
    }
    last
}

fn erlang_sum(k: u32, stream: &mut Stream) -> f64 {
    (0..k).map(|_| exponential(stream)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::rng::Seed;
    use super::*;

    const DRAWS: u64 = 200_000;

    /// (mean, second moment) of `DRAWS` draws.
    fn moments(draw: impl Fn(&mut Stream) -> f64) -> (f64, f64) {
        let (mut sum, mut squares) = (0.0, 0.0);
        for n in 0..DRAWS {
            let x = draw(&mut Seed(11).stream(3, 5, n));
            sum += x;
            squares += x * x;
        }
        (sum / DRAWS as f64, squares / DRAWS as f64)
    }

    fn laws() -> Vec<(Law, f64)> {
        // each law with its second moment
        vec![
            (Law::Fixed(3.0), 9.0),
            (Law::exponential(2.0), 8.0),
            (Law::log_normal_mean_cv(2.0, 0.5), 5.0),
            (Law::Uniform { low: 1.0, high: 4.0 }, 7.0),
            (Law::Erlang { k: 3, mean: 3.0 }, 12.0),
            (Law::Pareto { min: 1.0, alpha: 4.5 }, 4.5 / 2.5),
            (Law::HyperExponential(vec![(0.8, 0.5), (0.2, 3.0)]), 0.8 * 2.0 * 0.25 + 0.2 * 2.0 * 9.0),
            (Law::Geometric { mean: 1.25 }, 1.25 * (2.0 * 1.25 - 1.0)),
            (Law::table(&[(1.0, 3.0), (5.0, 1.0)]).unwrap(), 0.75 + 0.25 * 25.0),
            (Law::zipf(1.0, 4).unwrap(), 10.0 / (25.0 / 12.0)),
        ]
    }

    #[test]
    fn draws_have_the_moments_of_their_law() {
        for (law, second) in laws() {
            let (mean, squares) = moments(|s| law.draw(s));
            let sd = (second - law.mean() * law.mean()).max(0.0).sqrt();
            let bound = 4.5 * sd / (DRAWS as f64).sqrt() + 1e-9;
            assert!((mean - law.mean()).abs() < bound, "{law:?}: mean {mean}, theory {}", law.mean());
            assert!((squares / second - 1.0).abs() < 0.03, "{law:?}: second moment {squares}, theory {second}");
        }
    }

    #[test]
    fn laws_are_distributions_of_rand() {
        let mut generator = Seed(3).stream(1, 2, 3);
        let law = Law::exponential(2.0);
        let mean = law.sample_iter(&mut generator).take(100_000).sum::<f64>() / 100_000.0;
        assert!((mean - 2.0).abs() < 0.03, "{mean}");
        // rand_distr's own sampler is another one of the same law
        let exp = rand_distr::Exp::new(0.5).unwrap();
        let theirs = exp.sample_iter(&mut generator).take(100_000).sum::<f64>() / 100_000.0;
        assert!((mean - theirs).abs() < 0.05, "{mean}, rand_distr {theirs}");
    }

    #[test]
    fn residuals_have_the_equilibrium_mean() {
        // E[residual] = E[X²] / (2 E[X]) for every law
        for (law, second) in laws() {
            if matches!(law, Law::Geometric { .. }) {
                continue; // a law of counts, never of durations
            }
            let in_ns = scale(&law, 1e6);
            let (mean, _) = moments(|s| in_ns.residual(s).as_nanos() as f64);
            let theory = 1e6 * second / (2.0 * law.mean());
            assert!((mean / theory - 1.0).abs() < 0.03, "{law:?}: {mean}, theory {theory}");
        }
    }

    fn scale(law: &Law, by: f64) -> Law {
        match law {
            Law::Fixed(v) => Law::Fixed(v * by),
            Law::Exponential { mean } => Law::exponential(mean * by),
            Law::LogNormal { mu, sigma } => Law::LogNormal { mu: mu + libm::log(by), sigma: *sigma },
            Law::Uniform { low, high } => Law::Uniform { low: low * by, high: high * by },
            Law::Erlang { k, mean } => Law::Erlang { k: *k, mean: mean * by },
            Law::Pareto { min, alpha } => Law::Pareto { min: min * by, alpha: *alpha },
            Law::HyperExponential(b) => Law::HyperExponential(b.iter().map(|&(p, m)| (p, m * by)).collect()),
            Law::Geometric { mean } => Law::Geometric { mean: mean * by },
            Law::Table(t) => {
                let mut t = t.clone();
                t.values.iter_mut().for_each(|v| *v *= by);
                t.mean *= by;
                Law::Table(t)
            }
        }
    }

    #[test]
    fn the_three_forms_of_a_log_normal_agree() {
        let Law::LogNormal { mu, sigma } = Law::log_normal_median_p95(4.0, 12.0) else { unreachable!() };
        assert!((mu - libm::log(4.0)).abs() < 1e-12);
        assert!((sigma - libm::log(3.0) / Z95).abs() < 1e-12);
        assert!((Law::log_normal_mean_cv(5.0, 2.0).mean() - 5.0).abs() < 1e-12);
    }

    #[test]
    fn samplers_keep_their_values() {
        // Pinned: a changed sampler moves every golden digest.
        let values: Vec<u64> = laws()
            .iter()
            .map(|(law, _)| {
                let mut digest = super::super::digest::Digest::new();
                for n in 0..1000 {
                    digest.add(law.draw(&mut Seed(1).stream(1, 1, n)).to_bits(), n);
                }
                digest.value()
            })
            .collect();
        insta::assert_debug_snapshot!(values);
    }

    #[test]
    fn a_table_refuses_nonsense() {
        assert_eq!(Law::table(&[]), Err(TableError::Empty));
        assert_eq!(Law::table(&[(1.0, 0.0)]), Err(TableError::NoWeight));
        assert_eq!(Law::table(&[(1.0, 1.0), (f64::NAN, 1.0)]), Err(TableError::BadRow(1)));
        assert_eq!(Law::table(&[(-1.0, 1.0)]), Err(TableError::BadRow(0)));
    }
}
