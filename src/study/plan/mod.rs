//! The smallest, or the largest, value of a setting at which everything holds that is expected.
//!
//! The search takes for granted what sizing does: beyond some value everything holds, and before it something fails. It
//! goes away from one end in steps that double until the answer is between two values, and then halves what lies between. At each
//! value as many replications are run as the question needs ([`trial`]).

mod trial;

use super::jobs::{Options, StudyError};
use super::replicate::Candidate;
use crate::cluster::spec::{Action, Choice, ClusterSpec, RolloutMode, RolloutStrategy, TimedAction};
use crate::engine::Span;
use crate::scenario::Scenario;

use trial::try_point;
pub use trial::{MOST_RUNS, Point, looks};

/// Ranges of values are halved no further than to this share of the values …
const RESOLUTION: f64 = 0.02;
/// … and of whole ones to this, and never below one: beyond it noise would decide the last digits.
const WHOLE_RESOLUTION: f64 = 0.01;
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
    /// A pod dies when figures begin to be taken, and is not replaced: there is one less from then on, whatever the timeline asks for.
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

/// Why a question about the number of pods has no answer for this cluster: something else changes it.
pub fn who_scales(spec: &ClusterSpec) -> Option<&'static str> {
    let is_scaled = spec.timeline.iter().any(|timed| matches!(timed.action, Action::Scale { .. }));
    match (spec.autoscaler.is_some(), is_scaled) {
        (true, _) => Some("the autoscaler"),
        (false, true) => Some("`scale` in the timeline"),
        (false, false) => None,
    }
}

/// The boundary between values that do and values that do not.
fn search<E>(question: &Question, holds: &mut impl FnMut(f64) -> Result<bool, E>) -> Result<Option<f64>, E> {
    let &Question { find, from, to, whole, .. } = question;
    let is_before = |does: bool| if find == Find::Fewest { !does } else { does };
    if !is_before(holds(from)?) {
        return Ok((find == Find::Fewest).then_some(from));
    }
    // beyond the last value that is before the boundary, twice as far each time
    let (mut low, mut step) = (from, from);
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
        let resolution = if whole { libm::floor(WHOLE_RESOLUTION * high).max(1.0) } else { RESOLUTION * high };
        if high - low <= resolution {
            break;
        }
        let middle = f64::midpoint(low, high);
        let middle = if whole { round_between(low, high) } else { middle };
        if is_before(holds(middle)?) { low = middle } else { high = middle }
    }
    Ok(Some(if find == Find::Fewest { high } else { low }))
}

/// A whole number about in the middle, with three significant digits if there is one: nobody orders 10,766 of something.
fn round_between(low: f64, high: f64) -> f64 {
    let middle = libm::floor(f64::midpoint(low, high));
    let round: f64 = format!("{middle:.2e}").parse().unwrap_or(middle);
    if round > low && round < high { round } else { middle }
}

/// A cluster with what it must stand.
fn through(spec: &ClusterSpec, during: During) -> ClusterSpec {
    let mut spec = spec.clone();
    let at = spec.warm_up.max(Span::from_nanos(1));
    match during {
        During::Nothing => return spec,
        During::RollingRestart => {
            spec.timeline.push(TimedAction::once(at, Action::RollingRestart(RolloutMode::Surge)));
        }
        During::PodLost => lose_pod(&mut spec, at),
    }
    spec.timeline.sort_by_key(|timed| timed.at);
    spec
}

/// Whether there is a time with one pod alone, which nobody may lose.
fn has_single_pod(spec: &ClusterSpec) -> bool {
    let scaled = spec.timeline.iter().any(|timed| matches!(timed.action, Action::Scale { to: 0..2 }));
    spec.pods.replicas < 2 || scaled
}

/// Lets a pod die, and the cluster go on without it.
fn lose_pod(spec: &mut ClusterSpec, at: Span) {
    let less = |pods: u32| pods.saturating_sub(1).max(1);
    for timed in &mut spec.timeline {
        if let Action::Scale { to } = &mut timed.action {
            *to = less(*to);
        }
    }
    // a StatefulSet gives up the pod with the highest number, a Deployment the one that is not ready, or not for long
    let dying = match spec.rollout.strategy {
        RolloutStrategy::Ordered { .. } => Choice::Number(spec.pods.replicas.saturating_sub(1)),
        RolloutStrategy::Rolling | RolloutStrategy::Recreate => Choice::Random,
    };
    spec.timeline.push(TimedAction::once(at, Action::Crash(dying)));
    // the kubelet has seen by then that it is dead
    let seen = at + spec.pods.relist + Span::from_secs(1);
    spec.timeline.push(TimedAction::once(seen, Action::Scale { to: less(spec.pods.replicas) }));
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
        // in steps that somebody would order
        let (most, tried) = found(Find::Most, 100.0, 100_000.0, true, 10_777.0);
        assert!(most.is_some_and(|most| (10_660.0..=10_777.0).contains(&most) && most % 100.0 == 0.0), "{most:?}");
        assert!(tried <= 16, "{tried}");
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
