//! Standard exponential and normal draws, the same bits on every machine (Marsaglia and Tsang 2000).
//!
//! `rand_distr` draws them the same way, but asks the platform's C library for an exponential or a logarithm in one draw of
//! a hundred, and those differ in the last bit from platform to platform. Here even the tables are made by plain
//! arithmetic, while compiling. 256 layers of equal area; a draw costs one random number nearly always.

use super::exp::{exp, ln};
use super::rng::Stream;

const LAYERS: usize = 256;

/// Right edges of the layers from the widest to none, and the density there.
struct Tables {
    x: [f64; LAYERS + 1],
    density: [f64; LAYERS + 1],
}

/// Where the tail begins, and the area of each layer: the tail's with the rectangle below it, and each of the others.
const NORMAL_TAIL: f64 = 3.654_152_885_361_009;
const NORMAL_AREA: f64 = 0.004_928_673_233_992_336;
const EXPONENTIAL_TAIL: f64 = 7.697_117_470_131_05;
const EXPONENTIAL_AREA: f64 = 0.003_949_659_822_581_557;

static NORMAL: Tables = Tables::new(NORMAL_TAIL, NORMAL_AREA, true);
static EXPONENTIAL: Tables = Tables::new(EXPONENTIAL_TAIL, EXPONENTIAL_AREA, false);

impl Tables {
    const fn new(tail: f64, area: f64, normal: bool) -> Tables {
        let mut tables = Tables { x: [0.0; LAYERS + 1], density: [1.0; LAYERS + 1] };
        let at_tail = if normal { exp(-0.5 * tail * tail) } else { exp(-tail) };
        (tables.x[0], tables.density[0]) = (area / at_tail, at_tail);
        (tables.x[1], tables.density[1]) = (tail, at_tail);
        let mut layer = 2;
        while layer < LAYERS {
            let density = tables.density[layer - 1] + area / tables.x[layer - 1];
            tables.density[layer] = density;
            tables.x[layer] = if normal { sqrt(-2.0 * ln(density)) } else { -ln(density) };
            layer += 1;
        }
        tables
    }
}

/// Newton's method, for tables.
const fn sqrt(x: f64) -> f64 {
    let mut root = 1.0 + x / 2.0;
    let mut turn = 0;
    while turn < 40 {
        root = (root + x / root) / 2.0;
        turn += 1;
    }
    root
}

/// 52 random bits as a number in [1, 2).
#[inline]
const fn one_to_two(bits: u64) -> f64 {
    f64::from_bits(bits >> 12 | 1.0f64.to_bits())
}

/// A draw of the exponential law with mean 1.
#[inline]
pub fn exponential(stream: &mut Stream) -> f64 {
    let bits = stream.bits();
    let layer = bits as usize % LAYERS;
    let x = (one_to_two(bits) - (1.0 - f64::EPSILON / 2.0)) * EXPONENTIAL.x[layer];
    if x < EXPONENTIAL.x[layer + 1] { x } else { exponential_at_edge(x, layer, stream) }
}

/// Outside of the rectangles: about one draw in ninety.
#[cold]
#[inline(never)]
fn exponential_at_edge(x: f64, layer: usize, stream: &mut Stream) -> f64 {
    if layer == 0 {
        return EXPONENTIAL_TAIL - libm::log(1.0 - stream.unit()); // memoryless
    }
    let (below, above) = (EXPONENTIAL.density[layer], EXPONENTIAL.density[layer + 1]);
    if below + (above - below) * stream.unit() < exp(-x) { x } else { exponential(stream) }
}

/// A draw of the normal law with mean 0 and variance 1.
#[inline]
pub fn normal(stream: &mut Stream) -> f64 {
    let bits = stream.bits();
    let layer = bits as usize % LAYERS;
    let x = (2.0 * one_to_two(bits) - 3.0) * NORMAL.x[layer];
    if x.abs() < NORMAL.x[layer + 1] { x } else { normal_at_edge(x, layer, stream) }
}

/// Two draws of [`normal`], in little more time than one.
#[inline]
pub fn normals(stream: &mut Stream) -> [f64; 2] {
    let [a, b] = stream.next_two();
    let (i, j) = (a as usize % LAYERS, b as usize % LAYERS);
    let (x, y) = ((2.0 * one_to_two(a) - 3.0) * NORMAL.x[i], (2.0 * one_to_two(b) - 3.0) * NORMAL.x[j]);
    if (x.abs() < NORMAL.x[i + 1]) & (y.abs() < NORMAL.x[j + 1]) {
        stream.skip_two();
        [x, y]
    } else {
        normals_at_edge(stream)
    }
}

/// One of two is outside of the rectangles.
#[cold]
#[inline(never)]
fn normals_at_edge(stream: &mut Stream) -> [f64; 2] {
    [normal(stream), normal(stream)]
}

/// Outside of the rectangles: about one draw in eighty.
#[cold]
#[inline(never)]
fn normal_at_edge(x: f64, layer: usize, stream: &mut Stream) -> f64 {
    if layer == 0 {
        return normal_tail(x < 0.0, stream);
    }
    let (below, above) = (NORMAL.density[layer], NORMAL.density[layer + 1]);
    if below + (above - below) * stream.unit() < exp(-0.5 * x * x) { x } else { normal(stream) }
}

/// Beyond the last layer (Marsaglia 1964).
fn normal_tail(negative: bool, stream: &mut Stream) -> f64 {
    loop {
        let beyond = -libm::log(1.0 - stream.unit()) / NORMAL_TAIL;
        let height = -libm::log(1.0 - stream.unit());
        if 2.0 * height >= beyond * beyond {
            let x = NORMAL_TAIL + beyond;
            return if negative { -x } else { x };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::Seed;
    use super::*;

    #[test]
    fn layers_are_of_equal_area() {
        for (tables, area) in [(&NORMAL, NORMAL_AREA), (&EXPONENTIAL, EXPONENTIAL_AREA)] {
            for layer in 1..LAYERS {
                let height = tables.density[layer + 1] - tables.density[layer];
                let ratio = tables.x[layer] * height / area;
                // the last layer closes the sum of all rounding
                assert!((ratio - 1.0).abs() < 1e-8, "layer {layer}: {ratio}");
                assert!(tables.x[layer + 1] < tables.x[layer]);
            }
        }
    }

    /// Largest distance of the distribution of a million draws from its law, over 1/√n: 1.95 at 99.9 % (Kolmogorov).
    fn distance(draw: impl Fn(&mut Stream) -> f64, law: impl Fn(f64) -> f64) -> f64 {
        let mut draws: Vec<f64> = (0..1_000_000).map(|n| draw(&mut Seed(5).stream(1, 0, n))).collect();
        draws.sort_unstable_by(f64::total_cmp);
        let n = draws.len() as f64;
        let apart = |(rank, &x): (usize, &f64)| {
            let share = law(x);
            (share - rank as f64 / n).abs().max((share - (rank as f64 + 1.0) / n).abs())
        };
        draws.iter().enumerate().map(apart).fold(0.0, f64::max) * n.sqrt()
    }

    #[test]
    fn two_draws_at_once_are_those_one_after_the_other() {
        for n in 0..10_000 {
            let (mut one, mut two) = (Seed(5).stream(1, 0, n), Seed(5).stream(1, 0, n));
            assert_eq!(normals(&mut two), [normal(&mut one), normal(&mut one)]);
            assert_eq!(two.bits(), one.bits());
        }
    }

    #[test]
    fn draws_follow_their_laws() {
        let apart = distance(exponential, |x| -libm::expm1(-x));
        assert!(apart < 1.95, "exponential: {apart}");
        let apart = distance(normal, |x| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2));
        assert!(apart < 1.95, "normal: {apart}");
    }

    #[test]
    fn tails_reach_as_far_as_they_should() {
        // of ten million normal draws 2,581 ± 153 (3 standard deviations) lie beyond the tail's beginning on either side
        let beyond = (0..10_000_000).filter(|&n| normal(&mut Seed(6).stream(1, 0, n)).abs() > NORMAL_TAIL).count();
        let expected = 1e7 * libm::erfc(NORMAL_TAIL / std::f64::consts::SQRT_2);
        assert!((beyond as f64 - expected).abs() < 3.0 * expected.sqrt(), "{beyond}, theory {expected}");
    }
}
