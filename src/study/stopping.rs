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

/// When to look how well the figures are known, and whether that is enough.
pub struct Stopping {
    replications: Replications,
    /// How many replications there are at the next look.
    next_look: u32,
    /// Looks in a row that found the figures precise enough.
    precise: u32,
}

impl Stopping {
    /// Nothing was run yet.
    pub fn new(replications: Replications) -> Stopping {
        let next_look = match replications {
            Replications::Exactly(number) => number,
            Replications::Until(until) => Replications::FIRST.min(until.at_most()),
        };
        Stopping { replications, next_look, precise: 0 }
    }
    /// More replications than this are never run.
    pub fn at_most(&self) -> u32 {
        match self.replications {
            Replications::Exactly(number) => number,
            Replications::Until(until) => until.at_most(),
        }
    }
    /// How many replications there are at the next look.
    pub const fn next_look(&self) -> u32 {
        self.next_look
    }
    /// The next look says how well the least known figure is known, as [`uncertainty`] does, with `None` where there is no figure; or
    /// that no more can be afforded. Gives whether there are enough.
    pub fn look(&mut self, known: ControlFlow<(), Option<f64>>) -> ControlFlow<()> {
        let (Replications::Until(until), ControlFlow::Continue(known)) = (self.replications, known) else {
            return ControlFlow::Break(());
        };
        let is_precise = known.is_none_or(|uncertainty| uncertainty <= until.precision());
        self.precise = if is_precise { self.precise + 1 } else { 0 };
        if self.precise >= IN_A_ROW || self.next_look >= until.at_most() {
            return ControlFlow::Break(());
        }
        self.next_look = (self.next_look + BLOCK).min(until.at_most());
        ControlFlow::Continue(())
    }
}

/// Runs so many replications as are asked for. `run` runs those of a range and says how well the least known figure is known then, as
/// [`uncertainty`] does, with `None` where there is no figure; or that no more can be afforded. Gives how many there are.
///
/// # Errors
/// The first one of `run`.
pub fn replicate<E>(
    replications: Replications,
    mut run: impl FnMut(Range<u32>) -> Result<ControlFlow<(), Option<f64>>, E>,
) -> Result<u32, E> {
    let mut stopping = Stopping::new(replications);
    let mut done = 0;
    loop {
        let next = stopping.next_look();
        let known = run(done..next)?;
        done = next;
        if stopping.look(known).is_break() {
            return Ok(done);
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
