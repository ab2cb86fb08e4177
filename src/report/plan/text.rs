//! The answer in sentences.

use super::super::expect;
use super::super::number::count_of;
use super::super::verdict::share_of_limit;
use super::PlanAbout;
use crate::metrics::ExpectationOutcome;
use crate::study::{During, Find, Plan, Point};

/// The answer for one variant, in sentences: one a line, those that say why are indented.
pub fn plan_text(about: &PlanAbout<'_>, plan: &Plan) -> String {
    let [first, rest @ ..] = &lines(about, plan)[..] else { return String::new() };
    rest.iter().fold(format!("{first}\n"), |out, line| format!("{out}  {line}\n"))
}

/// The answer, then why.
pub(in crate::report) fn lines(about: &PlanAbout<'_>, plan: &Plan) -> Vec<String> {
    let find = about.question.find;
    let end = if find == Find::Fewest { "at least" } else { "at most" };
    let (setting, during) = (about.setting, about.during());
    let whose = whose(plan);
    let mut lines = vec![match plan.answer {
        Some(answer) => format!("{whose}{setting} {end} {}{during}{}.", about.written(answer), edge(about, plan)),
        None => format!("{whose}at no value of {setting} that was tried does everything hold{during}."),
    }];
    let why = |point: &Point| format!("with {}: {}", about.written(point.value), why_not(point));
    // the end of the range that should have done
    let last = if find == Find::Fewest { plan.points.last() } else { plan.points.first() };
    lines.extend(last.filter(|_| plan.answer.is_none()).map(why));
    if let Some(point) = plan.answer.and_then(|answer| plan.at(answer)) {
        lines.extend(point.checks.iter().map(words));
        lines.push(format!("closest to its limit: {}", limiting(point)));
    }
    lines.extend(plan.next_worse(find).map(why));
    let (values, runs) = (count_of(plan.points.len() as u64, "value"), count_of(u64::from(plan.runs()), "run"));
    lines.push(format!("{values} tried, {runs}"));
    lines
}

/// Said of an answer that is an end of the range.
fn edge(about: &PlanAbout<'_>, plan: &Plan) -> &'static str {
    let question = about.question;
    let end = if question.find == Find::Fewest { question.from } else { question.to };
    // with less than one of something, or of two of which one is lost, there is nothing to try
    let least = if question.during == During::PodLost { 2.0 } else { 1.0 };
    let is_least = question.whole && question.find == Find::Fewest && end <= least;
    if plan.answer == Some(end) && question.from < question.to && !is_least {
        " (the end of the range: nothing beyond it was tried)"
    } else {
        ""
    }
}

/// One value that was tried, in a line.
pub fn point_text(about: &PlanAbout<'_>, variant: &str, point: &Point) -> String {
    let whose = if variant.is_empty() { String::new() } else { format!("{variant}: ") };
    let used =
        point.closest.map_or_else(String::new, |(limit, share)| format!(", {} {}", limit.name, share_of_limit(&share)));
    let runs = count_of(u64::from(point.runs), "run");
    format!("{whose}{} {} ({runs}{used}): {}", about.setting, about.written(point.value), outcome(point))
}

/// Whose answer it is, where there are several.
fn whose(plan: &Plan) -> String {
    if plan.variant.is_empty() { String::new() } else { format!("{}: ", plan.variant) }
}

/// What came of a value: `holds`, or why not.
pub(in crate::report) fn outcome(point: &Point) -> String {
    if point.holds() { "holds".to_owned() } else { why_not(point) }
}

/// What came closest to its limit.
pub(in crate::report) fn limiting(point: &Point) -> String {
    point
        .closest
        .map_or_else(String::new, |(limit, share)| format!("{}, {} {}", limit.name, share_of_limit(&share), limit.when))
}

fn why_not(point: &Point) -> String {
    if let Some(why) = &point.stopped {
        return why.clone();
    }
    point.checks.iter().filter(|check| !check.holds).map(words).collect::<Vec<_>>().join("; ")
}

/// `p99 event.latency < 100ms` holds: measured 80.1 ± 2.0 ms, 19.9 ms below the limit, with 95 %.
fn words(check: &ExpectationOutcome) -> String {
    format!("`{}` {}", check.text, expect::words(check))
}
