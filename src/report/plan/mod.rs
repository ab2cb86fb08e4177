//! The answer of `plan` as sentences, tables, curves and a page.

mod json;
mod text;

use super::OutputFile;
use super::html::plan_page;
use super::json::unit_name;
use super::plots::plan_charts;
use crate::metrics::{ExpectationOutcome, FigureId};
use crate::study::{During, Find, Kind, Plan, Question, looks};

pub use json::plan_schema_json;
pub(super) use text::{limiting, lines, outcome};
pub use text::{plan_text, point_text};

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct PlanAbout<'a> {
    /// Name of the scenario.
    pub name: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub scenario_yaml: &'a str,
    /// Its first seed.
    pub seed: u64,
    /// Path of the setting.
    pub setting: &'a str,
    /// How values of it are written.
    pub kind: Kind,
    /// What is looked for.
    pub question: &'a Question,
}

impl PlanAbout<'_> {
    /// A value as a scenario has it.
    pub(super) fn written(&self, value: f64) -> String {
        self.kind.write(value)
    }
    /// Through what it must hold: `, during a rolling restart`.
    pub(super) const fn during(&self) -> &'static str {
        match self.question.during {
            During::Nothing => "",
            During::RollingRestart => ", during a rolling restart",
            During::PodLost => ", with one pod lost",
        }
    }
    /// What was looked for.
    pub(super) fn asked(&self) -> String {
        let &Question { find, from, to, .. } = self.question;
        let most = if find == Find::Fewest { "smallest" } else { "largest" };
        let (from, to, during) = (self.written(from), self.written(to), self.during());
        format!("The {most} {} from {from} to {to} at which everything holds that is expected{during}.", self.setting)
    }
    /// How values were judged.
    pub fn judged(&self) -> String {
        let &Question { confidence, most_runs, .. } = self.question;
        let looks: Vec<String> = looks(most_runs).iter().map(u32::to_string).collect();
        format!(
            "± is the 95 % interval of a mean. Whether an expectation holds is looked at after {} runs, each time so strictly that all \
             together are {} sure.",
            super::verdict::listed(&looks),
            super::expect::per_cent(confidence),
        )
    }
}

/// Every file of the answers.
pub fn plan_files(about: &PlanAbout<'_>, plans: &[Plan]) -> Vec<OutputFile> {
    let charts = plan_charts(about, plans);
    let file = |path: &str, bytes: Vec<u8>| OutputFile { path: path.to_owned(), bytes };
    let mut files = vec![
        file("plan.html", plan_page(about, plans, &charts).into_bytes()),
        file("plan.json", json::json(about, plans).into_bytes()),
        file("plan.csv", csv(about, plans)),
    ];
    files.extend(charts.iter().map(|chart| file(&format!("{}.svg", chart.name), chart.file().into_bytes())));
    files
}

/// The files that a plan may have or lack.
pub fn plan_optional_paths() -> Vec<String> {
    (1..=MOST_CURVES).map(|number| format!("{}.svg", curve_name(number))).collect()
}

/// Of more expectations no curves are drawn.
pub(super) const MOST_CURVES: usize = 24;

/// Name of the curve of an expectation, counted from 1.
pub(super) fn curve_name(number: usize) -> String {
    format!("plan-{number}")
}

/// What was expected, in the order in which it comes.
pub(super) fn expected(plans: &[Plan]) -> Vec<&ExpectationOutcome> {
    let mut all: Vec<&ExpectationOutcome> = Vec::new();
    for check in plans.iter().flat_map(|plan| &plan.points).flat_map(|point| &point.checks) {
        if all.iter().all(|known| known.text != check.text) {
            all.push(check);
        }
    }
    all
}

fn unit_of(figure: FigureId) -> &'static str {
    unit_name(figure.family().unit)
}

/// `plan.csv`: a row for each variant, value and expectation.
fn csv(about: &PlanAbout<'_>, plans: &[Plan]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "variant",
        about.setting,
        "expect",
        "unit",
        "mean",
        "half_width_95",
        "runs",
        "judgement",
        "limit",
        "share",
        "stopped",
        "answer",
    ];
    writer.write_record(header).expect("memory takes every write");
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value}"));
    for plan in plans {
        for point in &plan.points {
            let mut row = |check: Option<&ExpectationOutcome>| {
                let measured = check.and_then(|check| check.measured.as_ref());
                let row = [
                    plan.variant.clone(),
                    about.written(point.value),
                    check.map_or_else(String::new, |check| check.text.clone()),
                    check.and_then(|check| check.figure.parse().ok()).map_or("", unit_of).to_owned(),
                    number(measured.map(|measured| measured.mean)),
                    number(measured.and_then(|measured| measured.half_width)),
                    point.runs.to_string(),
                    check.map_or("", |check| check.judgement.name()).to_owned(),
                    point.closest.map_or("", |(limit, _)| limit.name).to_owned(),
                    point.closest.map_or_else(String::new, |(_, share)| format!("{:.4}", share.mean)),
                    point.stopped.clone().unwrap_or_default(),
                    (plan.answer == Some(point.value)).to_string(),
                ];
                writer.write_record(row).expect("memory takes every write");
            };
            point.checks.iter().for_each(|check| row(Some(check)));
            // a value at which nothing could be run stands there all the same
            if point.checks.is_empty() {
                row(None);
            }
        }
    }
    writer.into_inner().expect("memory takes every write")
}
