//! What happened when: marks of all variants, numbered, with runs of the same kind taken together.

use super::scale::time_ticks;
use crate::metrics::{Mark, Study};
use crate::report::number::fixed;

/// Marks of one kind that follow each other, such as the steps of a rollout.
pub(super) struct Group {
    /// Number in the chart, from 1.
    pub(super) number: usize,
    /// Moments in seconds and texts.
    marks: Vec<Mark>,
}

/// At least so many marks of one kind become one group.
const RUN: usize = 3;
/// Marks further apart than this share of the run belong to different groups.
const GAP: f64 = 0.1;

/// The groups of all variants' marks, in order of their first moments. The steps of a rollout (`stop pod-1`, `ready
/// pod-6`, `stop pod-2` …) become two groups, although they alternate.
pub(super) fn groups(study: &Study) -> Vec<Group> {
    let mut all: Vec<Mark> = study.variants.iter().flat_map(|variant| variant.marks.iter().cloned()).collect();
    all.sort_by(|a, b| (a.at_ms, &a.what).cmp(&(b.at_ms, &b.what)));
    all.dedup();
    let gap_ms = (study.duration_s * 1000.0 * GAP) as u64;
    let mut runs: Vec<Vec<Mark>> = Vec::new();
    for mark in all {
        let is_next = |run: &&mut Vec<Mark>| {
            run.last().is_some_and(|last| kind(last) == kind(&mark) && mark.at_ms - last.at_ms <= gap_ms)
        };
        match runs.iter_mut().rev().find(is_next) {
            Some(run) => run.push(mark),
            None => runs.push(vec![mark]),
        }
    }
    let split =
        |run: Vec<Mark>| if run.len() >= RUN { vec![run] } else { run.into_iter().map(|mark| vec![mark]).collect() };
    let mut runs: Vec<Vec<Mark>> = runs.into_iter().flat_map(split).collect();
    runs.sort_by(|a, b| (a[0].at_ms, &a[0].what).cmp(&(b[0].at_ms, &b[0].what)));
    runs.into_iter().enumerate().map(|(i, marks)| Group { number: i + 1, marks }).collect()
}

fn kind(mark: &Mark) -> &str {
    mark.what.split(' ').next().unwrap_or_default()
}

impl Group {
    /// Its moments in seconds, as far as these marks hold them.
    pub(super) fn times_s<'a>(&'a self, of: &'a [Mark]) -> impl Iterator<Item = f64> + 'a {
        self.marks.iter().filter(|mark| of.contains(mark)).map(|mark| mark.at_ms as f64 / 1000.0)
    }

    /// What happened and when, such as `restart pod-0 and 4 more, 15.0–19.0 min`.
    pub(super) fn text(&self, duration_s: f64) -> String {
        let time = |mark: &Mark| moment(mark.at_ms as f64 / 1000.0, duration_s);
        match &self.marks[..] {
            [first, .., last] => {
                let (from, to, unit) = (time(first).0, time(last).0, time(last).1);
                format!("{} and {} more, {from}–{to} {unit}", first.what, self.marks.len() - 1)
            }
            [one] => format!("{}, {} {}", one.what, time(one).0, time(one).1),
            [] => String::new(),
        }
    }
}

/// A moment in the unit of the time axis.
fn moment(at_s: f64, duration_s: f64) -> (String, &'static str) {
    let (_, unit) = time_ticks(duration_s, 8);
    let (per_unit, places) = match unit {
        "d" => (86_400.0, 2),
        "h" => (3_600.0, 2),
        "min" => (60.0, 1),
        _ => (1.0, 1),
    };
    (fixed(at_s / per_unit, places), unit)
}
