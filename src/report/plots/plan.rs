//! What is expected along the values that a plan tried: a curve per expectation, with its bound.

use super::Chart;
use super::curve::{Known, Lines, Mark};
use crate::metrics::FigureId;
use crate::report::number::Scale;
use crate::report::plan::{MOST_CURVES, PlanAbout, curve_name, expected};
use crate::report::sweep::Dimension;
use crate::study::{Plan, Point};

/// A curve of each expectation of which something was measured at several values.
pub(in crate::report) fn charts(about: &PlanAbout<'_>, plans: &[Plan]) -> Vec<Chart> {
    let mut values: Vec<f64> = plans.iter().flat_map(|plan| &plan.points).map(|point| point.value).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let setting = Dimension::of_numbers(about.setting, about.kind, values.clone());
    let mut charts = Vec::new();
    for expectation in expected(plans).into_iter().take(MOST_CURVES) {
        let Ok(figure) = expectation.figure.parse::<FigureId>() else { continue };
        let scale = Scale::fitting(figure.family().unit, std::iter::once(expectation.bound));
        let known = |plan: &Plan, point: &Point| {
            let check = point.checks.iter().find(|check| check.text == expectation.text)?;
            let measured = check.measured.as_ref()?;
            let mark = match (plan.answer == Some(point.value), check.holds) {
                (true, _) => Mark::Ringed,
                (false, true) => Mark::Dot,
                (false, false) => Mark::Hollow,
            };
            let at = values.iter().position(|value| *value == point.value)?;
            let half = scale.value(measured.half_width.unwrap_or(0.0));
            Some(Known { at, mean: scale.value(measured.mean), half, mark })
        };
        let known: Vec<Vec<Known>> =
            plans.iter().map(|plan| plan.points.iter().filter_map(|point| known(plan, point)).collect()).collect();
        if known.iter().all(|known| known.len() < 2) {
            continue;
        }
        let title = scale.title(&figure.title());
        let lines = Lines {
            title: title.clone(),
            setting: &setting,
            names: plans.iter().map(|plan| plan.variant.as_str()).enumerate().collect(),
            known,
            bound: Some((scale.value(expectation.bound), expectation.text.clone())),
        };
        let (svg, notes) = lines.draw();
        charts.push(Chart {
            name: curve_name(charts.len() + 1).into(),
            title: format!("{title} by {}", about.setting),
            description: format!(
                "{} at the values that were tried: means over the runs, shaded are their 95 % intervals. The answer is in a ring; a \
                 hollow dot does not hold, or is not sure.{notes}",
                expectation.text
            ),
            svg,
        });
    }
    charts
}
