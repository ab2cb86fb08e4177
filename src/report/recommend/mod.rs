//! Which remedies help, by how much, and what they are paid with: as text, tables and data.

mod json;

use super::OutputFile;
use super::finding::Finding;
use super::html::recommend as page;
use super::json::unit_name;
use super::number::{Scale, with_unit};
use super::plots::recommend as chart;
use super::precision;
use super::ranking::titled;
use super::terminal::{TerminalStyle, painted, wrapped};
use super::verdict::{is_large, listed};
use crate::metrics::{Better, Estimate, FigureReport, Study, Unit, VariantReport};
use crate::study::{Entry, Recommendation, Remedy, SMALL, recommendation};

pub use json::recommend_schema_json;

/// What is said of a remedy besides the goal: the figure, and what it is called here if not as everywhere.
pub(super) const BESIDE: [(&str, &str); 13] = [
    ("event.latency.p99", ""),
    ("request.latency.p99", ""),
    ("lost.messages", ""),
    ("connections.failed", ""),
    ("connections.reconnects", ""),
    ("connections.reconnects_peak", ""),
    ("stickiness.failures", ""),
    ("load.connections.max_over_mean", ""),
    ("load.connections.last", ""),
    ("redis.commands", ""),
    ("redis.copies", ""),
    ("pods.mean", ""),
    ("price.month", "a month"),
];

/// A study of remedies, read.
pub(super) struct Reading<'a> {
    pub(super) study: &'a Study,
    pub(super) remedies: &'a [Remedy],
    pub(super) found: Recommendation,
    /// How values of the goal are shown.
    pub(super) scale: Scale,
}

impl<'a> Reading<'a> {
    /// `None` where no figure could become better.
    pub(super) fn of(study: &'a Study, remedies: &'a [Remedy]) -> Option<Reading<'a>> {
        let found = recommendation(study)?;
        let of_goal = study.variants.iter().filter_map(|variant| variant.figure(&found.goal.to_string()));
        let scale = Scale::fitting(found.goal.family().unit, of_goal.map(|figure| figure.value.mean));
        Some(Reading { study, remedies, found, scale })
    }
    pub(super) fn variant(&self, entry: &Entry) -> &'a VariantReport {
        &self.study.variants[entry.variant]
    }
    /// The remedy of an entry; `None` for the scenario as it stands.
    pub(super) fn remedy(&self, entry: &Entry) -> Option<&'a Remedy> {
        let name = &self.variant(entry).name;
        self.remedies.iter().find(|remedy| remedy.name == name)
    }
    /// The remedies that were not tried, each with the reason.
    pub(super) fn not_tried(&self) -> Vec<(&'a str, &'a str)> {
        self.remedies.iter().filter_map(|remedy| Some((remedy.name, remedy.patch.as_ref().err()?.as_str()))).collect()
    }
    fn goal_of(&self, entry: &Entry) -> Option<&'a FigureReport> {
        self.variant(entry).figure(&self.found.goal.to_string())
    }
    /// What becomes of the goal: `−12.3 ± 2.1 %`.
    pub(super) fn gain(&self, entry: &Entry) -> String {
        match (&entry.relative, self.goal_of(entry).and_then(|figure| figure.difference)) {
            (Some(relative), _) => relative_text(relative),
            (None, Some(difference)) => self.scale.show_difference(&difference),
            (None, None) if self.goal_of(entry).is_some() => "as it stands there is nothing of it".to_owned(),
            (None, None) => "nothing of it was measured".to_owned(),
        }
    }
    /// The value of the goal with its interval.
    pub(super) fn value(&self, entry: &Entry) -> String {
        self.goal_of(entry).map_or_else(|| "–".to_owned(), |figure| self.scale.show(&figure.value))
    }
    pub(super) fn finding(&self, entry: &Entry) -> Option<Finding> {
        let figure = self.goal_of(entry)?;
        Finding::of_figure_as(figure, self.found.better)
    }
    /// What else changes, surely.
    pub(super) fn beside(&self, entry: &Entry) -> Vec<(String, Finding)> {
        let goal = self.found.goal.to_string();
        let others = BESIDE.iter().filter(|(id, _)| *id != goal);
        let changes = others.filter_map(|(id, name)| {
            let figure = self.variant(entry).figure(id)?;
            let (finding, difference) = (Finding::of_figure(figure)?, figure.difference?);
            let scale = Scale::fitting(figure.figure().family().unit, [figure.value.mean, difference.mean].into_iter());
            let title = if name.is_empty() { figure.figure().title() } else { titled(self.study, id, name) };
            let before = figure.value.mean - difference.mean;
            is_large(finding, &difference, before.abs())
                .then(|| (format!("{title} {}", scale.show_difference(&difference)), finding))
        });
        changes.collect()
    }
    /// Expectations that hold with it and did not before, and the other way round, in words.
    pub(super) fn turned(&self, entry: &Entry) -> Vec<(String, bool)> {
        let text = |at: &usize| self.variant(entry).expectations[*at].text.clone();
        let gained = entry.gained.iter().map(|at| (format!("`{}` holds now", text(at)), true));
        let broken = entry.broken.iter().map(|at| (format!("`{}` holds no longer", text(at)), false));
        gained.chain(broken).collect()
    }
    /// What is to become better, and how things stand.
    pub(super) fn aim(&self) -> String {
        let direction = if self.found.better == Better::Higher { "higher" } else { "lower" };
        let from = match &self.found.expected {
            Some(text) => format!(", since `{text}` is expected"),
            None => String::new(),
        };
        let now = self.found.entries.iter().find(|entry| entry.variant == 0).map(|entry| self.value(entry));
        format!(
            "Goal: {} ({direction} is better{from}); as it stands {}.",
            self.found.goal.title(),
            now.unwrap_or_default()
        )
    }
    /// How it was made.
    pub(super) fn method(&self) -> String {
        format!(
            "{} tried, {} runs each, with the same random numbers as the scenario as it stands; ± is the 95 % interval of the change, \
             run by run. A change is called one (✓ better, ✗ worse) only where it is one for as many remedies as there are (Holm); what is \
             not mentioned changes by less than 2 %, or shows no difference at this precision. Ranked by expectations that hold more or less, then the goal, then price; \
             a rank is shared where no difference of 2 % or more is found.{}",
            match self.study.variants.len() - 1 {
                1 => "1 remedy".to_owned(),
                n => format!("{n} remedies"),
            },
            self.study.replications,
            match precision::sentence(self.study) {
                reached if reached.is_empty() => reached,
                reached => format!(" {reached}"),
            }
        )
    }
    /// What to do, in a few sentences.
    pub(super) fn verdict(&self) -> String {
        [self.best(), self.cheaper()].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// What costs less and surely does no harm to the goal that matters.
    fn cheaper(&self) -> Option<String> {
        let id = if self.study.variants[0].figure("price.month").is_some() { "price.month" } else { "pods.mean" };
        let sign = if self.found.better == Better::Higher { -1.0 } else { 1.0 };
        let harmless = |entry: &Entry| {
            let worst = entry.relative.and_then(|change| Some(sign * change.mean + change.half_width?));
            entry.broken.is_empty() && worst.is_some_and(|worst| worst < SMALL)
        };
        // what does most was said already
        let others = self.found.entries.iter().filter(|entry| entry.rank > 1 || entry.found != Some(true));
        let found = others.filter(|entry| harmless(entry)).find_map(|entry| {
            let figure = self.variant(entry).figure(id)?;
            let (finding, difference) = (Finding::of_figure(figure)?, figure.difference?);
            let is_less = is_large(finding, &difference, figure.value.mean) && difference.mean < 0.0;
            is_less.then_some((entry, figure.figure(), difference))
        });
        let (entry, figure, difference) = found?;
        let scale = Scale::fitting(figure.family().unit, [difference.mean].into_iter());
        let title = if id == "price.month" { titled(self.study, id, "a month") } else { figure.title() };
        let worse: Vec<String> = self.worse(entry);
        let but = if worse.is_empty() { String::new() } else { format!("; but {}", worse.join("; ")) };
        let harm = match (entry.found, entry.relative.is_some_and(|change| sign * change.mean < 0.0)) {
            (Some(true), _) => "better",
            (_, true) => "better by less than 2 %",
            (_, false) => "worse by less than 2 %",
        };
        Some(format!(
            "{} costs less ({title} {}) and makes {} {harm} ({}){but}.",
            self.variant(entry).name,
            scale.show_difference(&difference),
            self.found.goal.title(),
            self.gain(entry),
        ))
    }

    /// What gets worse besides the goal.
    fn worse(&self, entry: &Entry) -> Vec<String> {
        self.beside(entry).into_iter().filter(|(_, finding)| finding.class() == "worse").map(|(text, _)| text).collect()
    }

    fn best(&self) -> Option<String> {
        let title = self.found.goal.title();
        let helps = |entry: &&Entry| {
            entry.gained.len() > entry.broken.len() || (entry.found == Some(true) && entry.broken.is_empty())
        };
        let best: Vec<&Entry> = self.found.entries.iter().filter(helps).filter(|entry| entry.rank == 1).collect();
        let Some(first) = best.first() else {
            let n = self.study.variants.len() - 1;
            let any = self.found.entries.iter().filter(helps).count();
            return Some(match (n, any) {
                (0, _) => "There was nothing to try.".to_owned(),
                (_, 0) => {
                    format!("No remedy that was tried makes {title} better by 2 % or more, as far as can be told.")
                }
                _ => format!("No remedy makes {title} better without making an expectation fail."),
            });
        };
        let mut out = format!("{} does most for {title}: {}.", self.variant(first).name, self.gain(first));
        if let [_, others @ ..] = &best[..]
            && !others.is_empty()
        {
            let names: Vec<String> = others.iter().map(|entry| self.variant(entry).name.clone()).collect();
            out.push_str(&format!(" It cannot be told apart from {}.", listed(&names)));
        }
        let turned: Vec<String> = self.turned(first).into_iter().map(|(text, _)| text).collect();
        if !turned.is_empty() {
            out.push_str(&format!(" {}.", listed(&turned)));
        }
        let paid = self.worse(first);
        out.push_str(&match paid.is_empty() {
            true => " Nothing that was looked at gets worse.".to_owned(),
            false => format!(" It is paid with: {}.", paid.join("; ")),
        });
        Some(out)
    }
}

/// A change as a share of what it was, such as `−12.3 ± 2.1 %`.
pub(super) fn relative_text(relative: &Estimate) -> String {
    let percent = Scale::fitting(Unit::Share, std::iter::empty());
    with_unit(percent.show_difference(relative).trim_end_matches("pp").trim_end(), "%")
}

/// Every remedy with what it changes and the patch to write, then those not tried, and last what to do.
pub fn recommend_text(study: &Study, remedies: &[Remedy], style: &TerminalStyle) -> String {
    let width = style.width.max(40);
    let Some(reading) = Reading::of(study, remedies) else {
        return "Nothing was measured that could become better.\n".to_owned();
    };
    let mut out = wrapped(&reading.aim(), width, "");
    out.push_str(&wrapped(&reading.method(), width, ""));
    for entry in &reading.found.entries {
        out.push('\n');
        let Some(remedy) = reading.remedy(entry) else {
            out.push_str(&wrapped(&format!("{}. as it stands: {}", entry.rank, reading.value(entry)), width, "   "));
            continue;
        };
        out.push_str(&wrapped(&format!("{}. {}: {}", entry.rank, remedy.name, remedy.what), width, "   "));
        let sign = reading.finding(entry).map_or_else(String::new, |finding| format!(" {}", finding.sign()));
        let (title, gain) = (reading.found.goal.title(), reading.gain(entry));
        let mut words = vec![format!("{title} {gain}{sign} ({})", reading.value(entry))];
        words.extend(
            reading.turned(entry).into_iter().map(|(text, good)| format!("{text} {}", if good { '✓' } else { '✗' })),
        );
        words.extend(reading.beside(entry).into_iter().map(|(text, finding)| format!("{text} {}", finding.sign())));
        out.extend(wrapped(&words.join("; "), width - 3, "").lines().map(|line| format!("   {line}\n")));
        if let Ok(written) = remedy.written() {
            out.push_str(&format!("   {written}\n"));
        }
    }
    let not_tried = reading.not_tried();
    if !not_tried.is_empty() {
        out.push_str("\nNot tried\n");
        not_tried.iter().for_each(|(name, why)| {
            out.push_str(&format!("  {}", wrapped(&format!("{name}: {why}"), width - 2, "      ")))
        });
    }
    out.push('\n');
    out.push_str(&wrapped(&reading.verdict(), width, ""));
    if style.color { painted(&out) } else { out }
}

/// The files of a study of remedies; `scenario_yaml` has them as variants.
pub fn recommend_files(study: &Study, remedies: &[Remedy], scenario_yaml: &str) -> Vec<OutputFile> {
    let file = |path: &str, bytes: Vec<u8>| OutputFile { path: path.to_owned(), bytes };
    let mut files = vec![file("scenario.yaml", scenario_yaml.as_bytes().to_vec())];
    let Some(reading) = Reading::of(study, remedies) else { return files };
    let chart = chart::chart(&reading);
    files.push(file("recommend.html", page::page(&reading, &chart, scenario_yaml).into_bytes()));
    files.push(file("recommend.json", json::json(&reading).into_bytes()));
    files.push(file("recommend.csv", csv(&reading)));
    files.push(file("recommend.svg", chart.file().into_bytes()));
    files
}

/// The figures of a remedy, the goal first.
fn figures<'a>(reading: &Reading<'a>, entry: &Entry) -> Vec<&'a FigureReport> {
    let goal = reading.found.goal.to_string();
    let others = BESIDE.iter().map(|(id, _)| *id).filter(|id| *id != goal);
    std::iter::once(goal.as_str()).chain(others).filter_map(|id| reading.variant(entry).figure(id)).collect()
}

/// `recommend.csv`: for each remedy, the best one first, a row of the goal and one of each figure beside it.
fn csv(reading: &Reading<'_>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "rank",
        "remedy",
        "figure",
        "unit",
        "value",
        "half_width_95",
        "change",
        "change_half_width_95",
        "relative",
        "relative_half_width_95",
        "p_value",
        "patch",
    ];
    writer.write_record(header).expect("memory takes every write");
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
    for entry in &reading.found.entries {
        let patch = reading.remedy(entry).and_then(|remedy| remedy.written().ok()).unwrap_or_default();
        for (at, figure) in figures(reading, entry).into_iter().enumerate() {
            let relative = entry.relative.filter(|_| at == 0);
            let row = [
                entry.rank.to_string(),
                reading.variant(entry).name.clone(),
                figure.id.clone(),
                unit_name(figure.figure().family().unit).to_owned(),
                number(Some(figure.value.mean)),
                number(figure.value.half_width),
                number(figure.difference.map(|change| change.mean)),
                number(figure.difference.and_then(|change| change.half_width)),
                number(relative.map(|change| change.mean)),
                number(relative.and_then(|change| change.half_width)),
                number(figure.pairing.map(|pairing| pairing.p_value)),
                patch.clone(),
            ];
            writer.write_record(row).expect("memory takes every write");
        }
    }
    writer.into_inner().expect("memory takes every write")
}
