//! The answer of a plan as text and as a table.

use super::expect::distance;
use super::number::{Scale, percent};
use super::precision;
use crate::metrics::{FigureId, Judgement};
use crate::study::{Check, Find, Plan, Point};

/// How values of the setting are written.
pub type Written<'w> = &'w dyn Fn(f64) -> String;

/// The answer for one variant, in sentences, and the values that were tried.
pub fn plan_text(plan: &Plan, setting: &str, find: Find, during: &str, written: Written) -> String {
    let whose = if plan.variant.is_empty() { String::new() } else { format!("{}: ", plan.variant) };
    let end = if find == Find::Fewest { "at least" } else { "at most" };
    let mut out = match plan.answer {
        Some(answer) => format!("{whose}{setting} {end} {}{during}.\n", written(answer)),
        None => format!("{whose}no value of {setting} that was tried does{during}.\n"),
    };
    // the end of the range that should have done
    let last = if find == Find::Fewest { plan.points.last() } else { plan.points.first() };
    if let Some(point) = last.filter(|_| plan.answer.is_none()) {
        out.push_str(&format!("  with {}: {}\n", written(point.value), why_not(point)));
    }
    if let Some(point) = plan.answer.and_then(|answer| plan.at(answer)) {
        for check in &point.checks {
            out.push_str(&format!("  {}\n", words(check)));
        }
        let (what, share) = point.limiting;
        out.push_str(&format!("  closest to its limit: {what}, {} in its busiest ten seconds\n", percent(share)));
    }
    if let Some(worse) = plan.next_worse(find) {
        out.push_str(&format!("  with {}: {}\n", written(worse.value), why_not(worse)));
    }
    let values = if plan.points.len() == 1 { "value" } else { "values" };
    out.push_str(&format!("  {} {values} tried, {} runs\n", plan.points.len(), plan.runs()));
    out
}

/// One value that was tried, in a line.
pub fn point_text(point: &Point, written: Written) -> String {
    let (what, share) = point.limiting;
    let holds = if point.holds() { "holds".to_owned() } else { why_not(point) };
    format!("{} ({} runs, {what} {}): {holds}", written(point.value), point.runs, percent(share))
}

fn why_not(point: &Point) -> String {
    if let Some(why) = &point.stopped {
        return why.clone();
    }
    let against = point.checks.iter().filter(|check| check.judgement != Judgement::Holds);
    against.map(words).collect::<Vec<_>>().join("; ")
}

/// `p99 event.latency < 100ms holds: 80.1 ± 2.0 ms, 19.9 ms below`.
fn words(check: &Check) -> String {
    let word = match check.judgement {
        Judgement::Holds => "holds",
        Judgement::Fails => "fails",
        Judgement::Unsure => "is not sure",
    };
    let text = &check.expectation.text;
    if let Some(too_few) = &check.too_few {
        return format!("`{text}` {word}: {}", precision::too_few(too_few));
    }
    let Some(measured) = &check.measured else { return format!("`{text}` {word}: nothing of it was measured") };
    let figure: FigureId = check.expectation.figure;
    let scale = Scale::fitting(figure.family().unit, [measured.mean].into_iter());
    let distance = distance(measured, check.expectation.bound, &scale);
    format!("`{text}` {word}: measured {}, {distance}", scale.show(measured))
}

/// `plan.csv`: a row for each variant, value and expectation.
pub fn plan_csv(plans: &[Plan], setting: &str, written: Written) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = ["variant", setting, "expect", "mean", "half_width", "runs", "judgement", "limit", "share", "answer"];
    writer.write_record(header).expect("memory takes every write");
    for plan in plans {
        for point in &plan.points {
            for check in &point.checks {
                let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value}"));
                let row = [
                    plan.variant.clone(),
                    written(point.value),
                    check.expectation.text.clone(),
                    number(check.measured.as_ref().map(|measured| measured.mean)),
                    number(check.measured.as_ref().and_then(|measured| measured.half_width)),
                    point.runs.to_string(),
                    check.judgement.name().to_owned(),
                    point.limiting.0.to_owned(),
                    format!("{:.4}", point.limiting.1),
                    (plan.answer == Some(point.value)).to_string(),
                ];
                writer.write_record(row).expect("memory takes every write");
            }
        }
    }
    writer.into_inner().expect("memory takes every write")
}
