//! A sweep as tables, pictures and a page.
//!
//! Tables are written point by point; of each point only what pictures and page show is kept.

#[cfg(feature = "parquet")]
mod parquet;
mod shape;
mod table;
mod text;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::plots::{Chart, sweep_charts};
use super::{OutputFile, chart_path, html};
use crate::metrics::{Estimate, FigureId, PointReport, Precision, Stat, VariantAtPoint};
use crate::study::Points;

pub(super) use shape::{Dimension, Facet, Shape};
pub use table::SweepTables;
use table::Tables;
pub(super) use text::{NOT_MET, ends_table, ends_title, sentences, summary_table};

/// Figures that are drawn when none is asked for: those that are expected, then these, as far as there are any.
const USUAL: [&str; 8] = [
    "event.latency.p99",
    "request.latency.p99",
    "load.connections.max_over_mean",
    "redis.copies",
    "connections.reconnects_peak",
    "stickiness.failures",
    "lost.messages",
    "limits.pod_cpu",
];
/// How many of them.
const MOST_USUAL: usize = 4;

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct SweepAbout<'a> {
    /// Name of the scenario.
    pub name: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub scenario_yaml: &'a str,
    /// What was changed at every point, and expected of it, as options of the command line.
    pub options: &'a [String],
    /// The points.
    pub points: &'a Points,
    /// Hash of all that determines the results.
    pub hash: &'a str,
}

/// Takes the points in their order.
pub struct SweepReport<'a, W: Write + Send> {
    tables: Tables<'a, W>,
    sweep: Sweep<'a>,
    /// The figures are those that the user wants.
    is_asked: bool,
    /// So many figures, the first ones, are expected.
    expected: usize,
    /// Each variant at the first point that has it.
    first: BTreeMap<String, VariantAtPoint>,
}

/// What of a sweep pictures and page show.
pub(super) struct Sweep<'a> {
    pub(super) about: SweepAbout<'a>,
    pub(super) figures: Vec<FigureId>,
    /// In the order in which points have them.
    pub(super) variants: Vec<String>,
    pub(super) points: Vec<Seen>,
}

/// What is kept of a point.
pub(super) struct Seen {
    pub(super) stopped: Option<String>,
    /// Runs of each variant.
    pub(super) runs: u32,
    /// How well the least known figure is known, where that decided how many runs there are.
    pub(super) precision: Option<Precision>,
    /// By variant.
    pub(super) variants: Vec<Option<SeenVariant>>,
}

/// What is kept of a variant at a point.
pub(super) struct SeenVariant {
    /// By figure.
    pub(super) values: Vec<Result<Estimate, Blank>>,
    /// (text, holds).
    pub(super) expected: Vec<(String, bool)>,
    /// Everything is the same as at the first point.
    pub(super) is_as_first: bool,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blank {
    /// Samples were too few to tell a percentile.
    TooFew,
    /// Nothing of it occurred.
    Nothing,
    /// The runs did not reach their end.
    Stopped,
}

impl Blank {
    /// Why a variant has no value of this figure.
    fn of(figure: &FigureId, variant: &VariantAtPoint) -> Blank {
        let family = format!("{}.", figure.family().name);
        let is_measured = variant.figures.iter().any(|found| found.id.starts_with(&family));
        if matches!(figure.stat(), Some(Stat::Percentile(_))) && is_measured { Blank::TooFew } else { Blank::Nothing }
    }
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Blank::TooFew => "too few samples",
            Blank::Nothing => "nothing measured",
            Blank::Stopped => "stopped",
        }
    }
}

/// How many points have a value of a figure, and why the others have none.
#[derive(PartialEq, Eq)]
pub(super) struct Told {
    pub(super) points: usize,
    /// (points, why).
    pub(super) blank: Vec<(usize, Blank)>,
}

impl Told {
    /// Such as `too few samples`, or `too few samples at 3, stopped at 1`.
    pub(super) fn reasons(&self) -> String {
        match self.blank[..] {
            [(_, blank)] => blank.words().to_owned(),
            _ => {
                let all = self.blank.iter().map(|(points, blank)| format!("{} at {points}", blank.words()));
                all.collect::<Vec<_>>().join(", ")
            }
        }
    }
    /// Points without a value.
    pub(super) fn missing(&self) -> usize {
        self.blank.iter().map(|(points, _)| points).sum()
    }
}

impl Seen {
    /// The value of a figure of a variant.
    pub(super) fn value(&self, variant: usize, figure: usize) -> Option<&Estimate> {
        self.variants.get(variant)?.as_ref()?.values[figure].as_ref().ok()
    }
    /// Why there is none.
    fn blank(&self, variant: usize, figure: usize) -> Option<Blank> {
        match self.variants.get(variant).and_then(Option::as_ref) {
            Some(variant) => variant.values[figure].as_ref().err().copied(),
            None => Some(if self.stopped.is_some() { Blank::Stopped } else { Blank::Nothing }),
        }
    }
}

/// A finished sweep.
pub struct SweepFiles {
    /// The page and the pictures.
    pub files: Vec<OutputFile>,
    /// Figures that were asked for, and that no point has.
    pub absent: Vec<FigureId>,
    /// For people, in a few lines.
    pub text: String,
}

/// The paths of what a sweep may have or lack: of an earlier one, nothing stays that this one has not.
pub fn sweep_optional_paths() -> Vec<String> {
    let charts = FigureId::all().map(|figure| chart_path(&figure.to_string()));
    charts.chain(["sweep.parquet".to_owned()]).collect()
}

impl<'a, W: Write + Send> SweepReport<'a, W> {
    /// Begins the tables. `figures` are drawn; without any, usual ones.
    ///
    /// # Errors
    /// When a table cannot be written.
    pub fn new(about: SweepAbout<'a>, figures: &[FigureId], tables: SweepTables<W>) -> io::Result<SweepReport<'a, W>> {
        let mut sweep = Sweep { about, figures: Vec::new(), variants: Vec::new(), points: Vec::new() };
        // one that was named twice is one
        for figure in figures {
            if !sweep.figures.contains(figure) {
                sweep.figures.push(*figure);
            }
        }
        Ok(SweepReport {
            tables: Tables::new(about.points, tables)?,
            sweep,
            is_asked: !figures.is_empty(),
            expected: 0,
            first: BTreeMap::new(),
        })
    }

    /// Takes the next point.
    ///
    /// # Errors
    /// When a table cannot be written.
    pub fn add(&mut self, report: &PointReport) -> io::Result<()> {
        self.tables.add(report)?;
        let sweep = &mut self.sweep;
        if sweep.points.is_empty() && !self.is_asked {
            let expected = report.variants.iter().flat_map(|variant| &variant.expectations);
            let mut add = |name: &str| {
                let figure = name.parse::<FigureId>().ok();
                let is_new =
                    |figure: &FigureId| FigureId::all().any(|kept| kept == *figure) && !sweep.figures.contains(figure);
                sweep.figures.extend(figure.filter(is_new));
                sweep.figures.len()
            };
            self.expected = expected.map(|outcome| add(&outcome.figure)).last().unwrap_or(0);
            USUAL.iter().for_each(|name| {
                add(name);
            });
        }
        let mut seen = Seen {
            stopped: report.stopped.clone(),
            runs: report.replications,
            precision: report.precision.clone(),
            variants: Vec::new(),
        };
        for variant in &report.variants {
            let at = sweep.variants.iter().position(|name| *name == variant.name).unwrap_or_else(|| {
                sweep.variants.push(variant.name.clone());
                sweep.variants.len() - 1
            });
            let value = |figure: &FigureId| match variant.figure(&figure.to_string()) {
                Some(found) => Ok(found.value),
                None => Err(Blank::of(figure, variant)),
            };
            seen.variants.resize_with(seen.variants.len().max(at + 1), || None);
            seen.variants[at] = Some(SeenVariant {
                values: sweep.figures.iter().map(value).collect(),
                expected: variant.expectations.iter().map(|outcome| (outcome.text.clone(), outcome.holds)).collect(),
                is_as_first: {
                    let first = self.first.entry(variant.name.clone()).or_insert_with(|| variant.clone());
                    first.digest == variant.digest && first.figures == variant.figures
                },
            });
        }
        sweep.points.push(seen);
        Ok(())
    }

    /// Ends the tables, and draws; the text is for a terminal of so many columns.
    ///
    /// # Errors
    /// When a table cannot be written.
    pub fn finish(self, width: usize) -> io::Result<SweepFiles> {
        self.tables.finish()?;
        let wanted = if self.is_asked { self.sweep.figures.len() } else { self.expected };
        let sweep = self.sweep.pruned(wanted);
        let is_absent = |figure: &usize| self.is_asked && sweep.values(*figure).next().is_none();
        let absent = (0..sweep.figures.len()).filter(is_absent).map(|figure| sweep.figures[figure]).collect();
        let charts = sweep_charts(&sweep);
        let page = html::sweep_page(&sweep, &charts);
        let file = |path: &str, bytes: String| OutputFile { path: path.to_owned(), bytes: bytes.into_bytes() };
        let mut files = vec![file("sweep.html", page)];
        files.extend(charts.iter().map(|chart: &Chart| file(&chart_path(&chart.name), chart.file())));
        Ok(SweepFiles { files, absent, text: text::text(&sweep, width) })
    }
}

impl Sweep<'_> {
    /// Whether any value has one.
    pub(super) fn has_intervals(&self) -> bool {
        (0..self.figures.len()).any(|figure| self.values(figure).any(|value| value.half_width.is_some()))
    }
    /// The first figures, which are wanted, and of usual ones no more than can be looked at, without those of which no point has anything.
    fn pruned(mut self, wanted: usize) -> Self {
        let has = |figure: usize, is_it: fn(&Result<Estimate, Blank>) -> bool| {
            let variants = self.points.iter().flat_map(|point| point.variants.iter().flatten());
            variants.into_iter().any(|variant| is_it(&variant.values[figure]))
        };
        let (mut kept, mut told) = (Vec::new(), 0);
        for figure in 0..self.figures.len() {
            let is_told = has(figure, |value| value.is_ok());
            // that there are too few samples is worth knowing: longer runs would tell
            let is_kept = is_told || has(figure, |value| *value == Err(Blank::TooFew));
            if figure < wanted || (is_kept && told < MOST_USUAL) {
                kept.push(figure);
                told += usize::from(is_told);
            }
        }
        self.figures = kept.iter().map(|&figure| self.figures[figure]).collect();
        for variant in self.points.iter_mut().flat_map(|point| point.variants.iter_mut().flatten()) {
            variant.values = kept.iter().map(|&figure| variant.values[figure]).collect();
        }
        self
    }

    /// Every value of a figure that there is.
    pub(super) fn values(&self, figure: usize) -> impl Iterator<Item = &Estimate> {
        let variants = self.points.iter().flat_map(|point| point.variants.iter().flatten());
        variants.filter_map(move |variant| variant.values[figure].as_ref().ok())
    }

    /// For each variant at how many points a figure is known, those alike together: (names, how many).
    pub(super) fn told(&self, figure: usize) -> Vec<(Vec<&str>, Told)> {
        let mut all: Vec<(Vec<&str>, Told)> = Vec::new();
        for (at, name) in self.variants.iter().enumerate() {
            let mut blank: BTreeMap<Blank, usize> = BTreeMap::new();
            self.points
                .iter()
                .filter_map(|point| point.blank(at, figure))
                .for_each(|why| *blank.entry(why).or_default() += 1);
            let missing: usize = blank.values().sum();
            let blank = blank.into_iter().map(|(why, points)| (points, why)).collect();
            let told = Told { points: self.points.len() - missing, blank };
            match all.iter_mut().find(|(_, other)| *other == told) {
                Some((names, _)) => names.push(name),
                None => all.push((vec![name], told)),
            }
        }
        all
    }

    /// ` of a, b`, where these are not all variants.
    pub(super) fn whose(&self, names: &[&str]) -> String {
        if names.len() == self.variants.len() { String::new() } else { format!(" of {}", names.join(", ")) }
    }
}
