//! The exponential function in plain arithmetic: the same bits on every machine, several times faster than `libm`'s, and
//! at hand while compiling.
//!
//! Every trip of a packet draws a log-normal factor, so this is one of the most frequent operations of a run. Table and
//! polynomial: eˣ = 2^(k/128) · eʳ with |r| ≤ ln 2 / 256 (Tang 1989).

/// 2^(j/128).
#[rustfmt::skip]
const POWERS: [f64; 128] = [
    1.0, 1.0054299011128027, 1.0108892860517005, 1.016378314910953, 1.0218971486541166, 1.0274459491187637,
    1.0330248790212284, 1.0386341019613787, 1.0442737824274138, 1.0499440858006872, 1.0556451783605572, 1.061377227289262,
    1.0671404006768237, 1.0729348675259756, 1.0787607977571199, 1.0846183622133092, 1.0905077326652577, 1.0964290818163769,
    1.102382583307841, 1.1083684117236787, 1.1143867425958924, 1.1204377524096067, 1.1265216186082418, 1.1326385195987192,
    1.1387886347566916, 1.1449721444318042, 1.1511892299529827, 1.1574400736337511, 1.1637248587775775, 1.1700437696832502,
    1.1763969916502812, 1.182784710984341, 1.189207115002721, 1.1956643920398273, 1.202156731452703, 1.2086843236265816,
    1.215247359980469, 1.2218460329727576, 1.22848053610687, 1.2351510639369334, 1.241857812073484, 1.2486009771892048,
    1.255380757024691, 1.2621973503942507, 1.2690509571917332, 1.275941778396392, 1.2828700160787783, 1.2898358734066657,
    1.2968395546510096, 1.3038812651919358, 1.3109612115247644, 1.318079601266064, 1.3252366431597413, 1.3324325470831615,
    1.339667524053303, 1.3469417862329458, 1.3542555469368927, 1.3616090206382248, 1.3690024229745905, 1.3764359707545302,
    1.383909881963832, 1.3914243757719262, 1.3989796725383112, 1.4065759938190154, std::f64::consts::SQRT_2, 1.4218926021691656,
    1.42961333839197, 1.4373759974489824, 1.4451808069770467, 1.4530279958490526, 1.460917794180647, 1.4688504333369818,
    1.4768261459394993, 1.4848451658727524, 1.4929077282912648, 1.5010140696264256, 1.5091644275934228, 1.5173590411982147,
    1.5255981507445384, 1.533881997840956, 1.5422108254079407, 1.550584877685, 1.559004400237837, 1.567469639965553,
    1.5759808451078865, 1.5845382652524937, 1.593142151342267, 1.6017927556826934, 1.6104903319492543, 1.6192351351948637,
    1.6280274218573478, 1.6368674497669644, 1.645755478153965, 1.6546917676561943, 1.6636765803267364, 1.6727101796415966,
    1.681792830507429, 1.6909247992693053, 1.7001063537185235, 1.709337763100463, 1.718619298122478, 1.7279512309618377,
    1.7373338352737062, 1.746767386199169, 1.7562521603732995, 1.7657884359332727, 1.7753764925265212, 1.785016611318935,
    1.7947090750031072, 1.804454167806624, 1.8142521755003989, 1.8241033854070534, 1.8340080864093424, 1.843966568958626,
    1.8539791250833855, 1.864046048397789, 1.8741676341103, 1.8843441790323345, 1.8945759815869656, 1.9048633418176741,
    1.9152065613971474, 1.925605943636125, 1.9360617934922943, 1.9465744175792332, 1.9571441241754002, 1.9677712232331759,
    1.978456026387951, 1.9891988469672663,
];
/// 128 / ln 2.
const PER_STEP: f64 = 184.6649652337873;
/// ln 2 / 128 in two parts: the first one times a step number is exact.
const STEP_HIGH: f64 = 0.0054152123475432745;
const STEP_LOW: f64 = 5.812982117197185e-13;
/// Added and taken away again, it rounds a small number to a whole one.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Beyond this the result is no normal number.
const FAR: f64 = 708.0;

/// eˣ, to within one unit in the last place or two.
#[inline]
pub const fn exp(x: f64) -> f64 {
    if is_far(x) { far(x) } else { near([x])[0] }
}

/// [`exp`] of two numbers, in little more time than of one: the processor works on both at once.
#[inline(always)]
pub const fn exp_both(x: [f64; 2]) -> [f64; 2] {
    if is_far(x[0]) | is_far(x[1]) { [exp(x[0]), exp(x[1])] } else { near(x) }
}

#[inline]
const fn is_far(x: f64) -> bool {
    x.is_nan() || x.abs() > FAR
}

/// eˣ of several numbers that are not far from 1, in steps that each do the same to all: so the compiler makes vector
/// instructions of them.
#[inline]
const fn near<const N: usize>(x: [f64; N]) -> [f64; N] {
    let (mut shifted, mut r, mut result) = ([0.0; N], [0.0; N], [0.0; N]);
    let mut i = 0;
    while i < N {
        shifted[i] = x[i] * PER_STEP + ROUNDER;
        let steps = shifted[i] - ROUNDER;
        r[i] = (x[i] - steps * STEP_HIGH) - steps * STEP_LOW;
        i += 1;
    }
    i = 0;
    while i < N {
        let step = shifted[i].to_bits() as i32; // the low bits are the whole number
        let power = POWERS[(step & 127) as usize];
        result[i] = f64::from_bits(power.to_bits().wrapping_add(((step >> 7) as i64 as u64) << 52));
        i += 1;
    }
    i = 0;
    while i < N {
        let square = r[i] * r[i];
        // three sums side by side: what counts here is how long one operation waits for another
        let tail = square * (0.5 + r[i] * (1.0 / 6.0)) + (square * square) * (1.0 / 24.0 + r[i] * (1.0 / 120.0));
        result[i] += result[i] * (r[i] + tail);
        i += 1;
    }
    result
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
            assert_eq!(exp_both([x, -2.0 * x]), [mine, exp(-2.0 * x)]);
            x += 0.000_917;
        }
        assert_eq!((exp_both([800.0, 1.0]), exp_both([1.0, -800.0])), ([f64::INFINITY, exp(1.0)], [exp(1.0), 0.0]));
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert!(exp(f64::NAN).is_nan());
        for x in [1e-6, 0.001, 0.3, 0.999, 1.0] {
            assert!((ln(x) - libm::log(x)).abs() < 1e-15 * libm::log(x).abs().max(1.0), "ln({x}) = {}", ln(x));
        }
    }
}
