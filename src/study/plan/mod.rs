//! The smallest, or the largest, value of a setting at which everything holds that is expected.
//!
//! The search takes for granted what sizing does: beyond some value everything holds, and before it something fails. It
//! goes away from one end in steps that double until the answer is between two values, and then halves what lies between. At each
//! value as many replications are run as the question needs ([`trial`]).

mod trial;

use super::jobs::{Options, StudyError};
use super::replicate::Candidate;
use crate::cluster::spec::{Action, ClusterSpec, RolloutMode, TimedAction};
use crate::engine::Span;
use crate::scenario::Scenario;

use trial::try_point;
pub use trial::{MOST_RUNS, Point};

/// Values that are halved no further than to this share of themselves, unless they are whole.
const RESOLUTION: f64 = 0.02;
/// More values than this are not tried: the question is ill-posed then.
const MOST_POINTS: usize = 60;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// The smallest value at which everything holds.
    Fewest,
    /// The largest one.
    Most,
}

/// Through what the answer must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// Nothing but the scenario's own timeline.
    Nothing,
    /// A rollout that begins when figures begin to be taken.
    RollingRestart,
    /// One pod less than wanted, from when figures begin to be taken.
    PodLost,
}

/// The question.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What is looked for.
    pub find: Find,
    /// Lowest value, above zero.
    pub from: f64,
    /// Highest value, not below `from`.
    pub to: f64,
    /// Only whole values make sense.
    pub whole: bool,
    /// Through what the answer must hold.
    pub during: During,
    /// How sure each answer about one value must be, 0.5 to 1, exclusive.
    pub confidence: f64,
    /// Replications per value, at most.
    pub most_runs: u32,
}

/// The answer for one variant.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which variant.
    pub variant: String,
    /// The value; `None` = there is none in the range.
    pub answer: Option<f64>,
    /// Every value that was tried, in ascending order.
    pub points: Vec<Point>,
}

impl Plan {
    /// The point at a value.
    pub fn at(&self, value: f64) -> Option<&Point> {
        self.points.iter().find(|point| point.value == value)
    }
    /// The nearest value beyond the answer that was tried and does not do.
    pub fn next_worse(&self, find: Find) -> Option<&Point> {
        let answer = self.answer?;
        match find {
            Find::Fewest => self.points.iter().rev().find(|point| point.value < answer),
            Find::Most => self.points.iter().find(|point| point.value > answer),
        }
    }
    /// Replications in all.
    pub fn runs(&self) -> u32 {
        self.points.iter().map(|point| point.runs).sum()
    }
}

/// Answers the question for a variant (`None` = the scenario as it stands). `at` gives the scenario with a value in place.
///
/// # Errors
/// With what `at` says of a value that cannot be, or when a run fails.
pub fn plan<E: From<StudyError>>(
    variant: Option<&str>,
    question: &Question,
    options: &Options,
    mut at: impl FnMut(f64) -> Result<Scenario, E>,
    mut told: impl FnMut(&str, &Point),
) -> Result<Plan, E> {
    let name = variant.unwrap_or_default().to_owned();
    let mut points: Vec<Point> = Vec::new();
    let mut holds = |value: f64| -> Result<bool, E> {
        if let Some(known) = points.iter().find(|point: &&Point| point.value == value) {
            return Ok(known.holds());
        }
        let scenario = at(value)?;
        let mut all = Candidate::all(&scenario, variant.is_some());
        let position = all.iter().position(|candidate| variant.is_none_or(|name| candidate.name == name));
        let candidate = all.swap_remove(position.expect("every value has the same variants"));
        let spec = through(candidate.spec, question.during);
        let point = try_point(value, &spec, &candidate, scenario.seed, question, options)?;
        told(&name, &point);
        points.push(point);
        Ok(points.last().is_some_and(Point::holds))
    };
    let answer = search(question, &mut holds)?;
    points.sort_by(|a, b| a.value.total_cmp(&b.value));
    Ok(Plan { variant: name, answer, points })
}

/// The boundary between values that do and values that do not.
fn search<E>(question: &Question, holds: &mut impl FnMut(f64) -> Result<bool, E>) -> Result<Option<f64>, E> {
    let &Question { find, from, to, whole, .. } = question;
    let is_before = |does: bool| if find == Find::Fewest { !does } else { does };
    if !is_before(holds(from)?) {
        return Ok((find == Find::Fewest).then_some(from));
    }
    // one step beyond the last value that is before the boundary, twice as far each time
    let (mut low, mut step) = (from, if whole { 1.0 } else { from });
    let mut high = loop {
        if low >= to {
            return Ok((find == Find::Most).then_some(to));
        }
        let next = (low + step).min(to);
        if !is_before(holds(next)?) {
            break next;
        }
        (low, step) = (next, step * 2.0);
    };
    for _ in 0..MOST_POINTS {
        let middle = f64::midpoint(low, high);
        let middle = if whole { libm::floor(middle) } else { middle };
        let is_done = if whole { high - low <= 1.0 } else { high - low <= RESOLUTION * high };
        if is_done {
            break;
        }
        if is_before(holds(middle)?) { low = middle } else { high = middle }
    }
    Ok(Some(if find == Find::Fewest { high } else { low }))
}

/// A cluster with what it must stand.
fn through(spec: &ClusterSpec, during: During) -> ClusterSpec {
    let mut spec = spec.clone();
    let at = spec.warm_up.max(Span::from_nanos(1));
    let action = match during {
        During::Nothing => return spec,
        During::RollingRestart => Action::RollingRestart(RolloutMode::Surge),
        During::PodLost => Action::Scale { to: spec.pods.replicas.saturating_sub(1).max(1) },
    };
    spec.timeline.push(TimedAction::once(at, action));
    spec.timeline.sort_by_key(|timed| timed.at);
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where everything holds from a value on, or up to it, and how often it was tried.
    fn found(find: Find, from: f64, to: f64, whole: bool, boundary: f64) -> (Option<f64>, usize) {
        let question = Question { find, from, to, whole, during: During::Nothing, confidence: 0.95, most_runs: 5 };
        let mut tried = Vec::new();
        let mut holds = |value: f64| -> Result<bool, ()> {
            tried.push(value);
            Ok(if find == Find::Fewest { value >= boundary } else { value <= boundary })
        };
        let answer = search(&question, &mut holds).expect("nothing fails");
        assert!(tried.iter().all(|value| (from..=to).contains(value)), "{tried:?}");
        (answer, tried.len())
    }

    #[test]
    fn whole_values_are_found_exactly_and_in_few_steps() {
        for boundary in 1..=100 {
            let (fewest, tried) = found(Find::Fewest, 1.0, 100.0, true, f64::from(boundary));
            assert_eq!(fewest, Some(f64::from(boundary)));
            assert!(tried <= 15, "{tried} for {boundary}");
            assert_eq!(found(Find::Most, 1.0, 100.0, true, f64::from(boundary)).0, Some(f64::from(boundary)));
        }
        assert_eq!(found(Find::Fewest, 1.0, 100.0, true, 101.0).0, None);
        assert_eq!(found(Find::Most, 5.0, 100.0, true, 4.0).0, None);
        assert_eq!(found(Find::Most, 5.0, 100.0, true, 1e9).0, Some(100.0));
    }

    #[test]
    fn other_values_are_found_within_two_per_cent() {
        let (fewest, tried) = found(Find::Fewest, 0.1, 64.0, false, 3.7);
        assert!(fewest.is_some_and(|value| (3.7..=3.7 * 1.021).contains(&value)) && tried < 20, "{fewest:?}");
        let (most, _) = found(Find::Most, 0.1, 64.0, false, 3.7);
        assert!(most.is_some_and(|value| (3.7 * 0.979..=3.7).contains(&value)), "{most:?}");
    }
}
