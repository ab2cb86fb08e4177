//! When there are enough replications: when the figures are known as well as was asked for.

use std::ops::{ControlFlow, Range};

use crate::metrics::{Estimate, Precision, Unit};
use crate::scenario::Replications;

/// So many more are run before it is looked at again: whoever looks after each one stops too often where the interval happens to be
/// narrow, and then covers the truth too rarely.
const BLOCK: u32 = 5;
/// So many looks in a row must find the figures precise enough, for the same reason. Of intervals of 95 % of M/M/1 at 5 %, 94.1 % cover
/// the truth then, and 93.4 % if the first look does; 94.5 % with a fixed number of runs (8,000 experiments).
const IN_A_ROW: u32 = 2;

/// Runs so many replications as are asked for. `run` runs those of a range and says how well the least known figure is known then, as
/// [`uncertainty`] does, with `None` where there is no figure; or that no more can be afforded. Gives how many there are.
///
/// # Errors
/// The first one of `run`.
pub fn replicate<E>(
    replications: Replications,
    mut run: impl FnMut(Range<u32>) -> Result<ControlFlow<(), Option<f64>>, E>,
) -> Result<u32, E> {
    match replications {
        Replications::Exactly(number) => run(0..number).map(|_| number),
        Replications::Until(until) => {
            let wanted = until.precision();
            let mut done = Replications::FIRST.min(until.at_most());
            let mut precise = 0;
            let mut look = |known: ControlFlow<(), Option<f64>>| {
                let ControlFlow::Continue(known) = known else { return true };
                precise = if known.is_none_or(|uncertainty| uncertainty <= wanted) { precise + 1 } else { 0 };
                precise >= IN_A_ROW
            };
            let mut is_enough = look(run(0..done)?);
            while done < until.at_most() && !is_enough {
                let next = (done + BLOCK).min(until.at_most());
                is_enough = look(run(done..next)?);
                done = next;
            }
            Ok(done)
        }
    }
}

/// How far off the mean may be, as a share of the truth rather than of the mean that was found (Law and Kelton): half the width of the
/// 95 % interval as a share of the nearer end of the interval. 0 where the values are all the same, or shares that are known to
/// [`Precision::SMALLEST_SHARE`]; infinite where the interval contains 0. `None` with fewer than two values.
pub fn uncertainty(found: &Estimate, unit: Unit) -> Option<f64> {
    let half = found.half_width?;
    let is_known = half == 0.0 || (unit == Unit::Share && half <= Precision::SMALLEST_SHARE);
    let nearer = found.mean.abs() - half;
    Some(match (is_known, nearer > 0.0) {
        (true, _) => 0.0,
        (false, true) => half / nearer,
        (false, false) => f64::INFINITY,
    })
}
