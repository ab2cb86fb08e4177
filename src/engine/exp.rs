//! The exponential function in plain arithmetic: the same bits on every machine, several times faster than `libm`'s, and
//! at hand while compiling.
//!
//! Every trip of a packet draws a log-normal factor, so this is one of the most frequent operations of a run. Table and
//! polynomial: eˣ = 2^(k/32) · eʳ with |r| ≤ ln 2 / 64 (Tang 1989).

/// 2^(j/32).
#[rustfmt::skip]
const POWERS: [f64; 32] = [
    1.0, 1.0218971486541166, 1.0442737824274138, 1.0671404006768237,
    1.0905077326652577, 1.1143867425958924, 1.1387886347566916, 1.1637248587775775,
    1.189207115002721, 1.215247359980469, 1.241857812073484, 1.2690509571917332,
    1.2968395546510096, 1.3252366431597413, 1.3542555469368927, 1.383909881963832,
    std::f64::consts::SQRT_2, 1.4451808069770467, 1.4768261459394993, 1.5091644275934228,
    1.5422108254079407, 1.5759808451078865, 1.6104903319492543, 1.645755478153965,
    1.681792830507429, 1.718619298122478, 1.7562521603732995, 1.7947090750031072,
    1.8340080864093424, 1.8741676341103, 1.9152065613971474, 1.9571441241754002,
];
/// 32 / ln 2.
const PER_STEP: f64 = 46.16624130844683;
/// ln 2 / 32 in two parts: the first one times a step number is exact.
const STEP_HIGH: f64 = 0.021660849390173098;
const STEP_LOW: f64 = 2.325192846878874e-12;
/// Added and taken away again, it rounds a small number to a whole one.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Beyond this the result is no normal number.
const FAR: f64 = 708.0;

/// eˣ, to within one unit in the last place or two.
#[inline]
pub const fn exp(x: f64) -> f64 {
    if !(x >= -FAR && x <= FAR) {
        return far(x);
    }
    let shifted = x * PER_STEP + ROUNDER;
    let step = shifted.to_bits() as i32; // the low bits are the whole number
    let steps = shifted - ROUNDER;
    let r = (x - steps * STEP_HIGH) - steps * STEP_LOW;
    let square = r * r;
    let tail = square * (0.5 + r * (1.0 / 6.0) + square * (1.0 / 24.0 + r * (1.0 / 120.0) + square * (1.0 / 720.0)));
    let power = POWERS[(step & 31) as usize];
    let scale = f64::from_bits(((1023 + (step >> 5)) as u64) << 52);
    (power + power * (r + tail)) * scale
}

/// eˣ where it is zero, not a number, or (nearly) infinite: no draw depends on its last bits there.
#[cold]
const fn far(x: f64) -> f64 {
    if x.is_nan() {
        x
    } else if x < 0.0 {
        0.0
    } else {
        f64::INFINITY
    }
}

/// The natural logarithm of a number in (0, 1], for tables made while compiling: Newton's method.
pub(super) const fn ln(x: f64) -> f64 {
    let mut y = x - 1.0;
    let mut turn = 0;
    while turn < 60 {
        let power = exp(y);
        y += 2.0 * (x - power) / (x + power);
        turn += 1;
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential_function() {
        let mut x = -FAR;
        while x <= FAR {
            let (mine, exact) = (exp(x), libm::exp(x));
            assert!(mine == exact || (mine / exact - 1.0).abs() < 5e-16, "exp({x}) = {mine}, not {exact}");
            x += 0.000_917;
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert!(exp(f64::NAN).is_nan());
        for x in [1e-6, 0.001, 0.3, 0.999, 1.0] {
            assert!((ln(x) - libm::log(x)).abs() < 1e-15 * libm::log(x).abs().max(1.0), "ln({x}) = {}", ln(x));
        }
    }
}
