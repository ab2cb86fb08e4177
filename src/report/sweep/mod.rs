//! A sweep as tables, pictures and a page.
//!
//! Tables are written point by point; of each point only what pictures and page show is kept.

#[cfg(feature = "parquet")]
mod parquet;
mod shape;
mod table;
mod text;

use std::io::{self, Write};

use super::plots::{Chart, sweep_charts};
use super::{OutputFile, chart_path, html};
use crate::metrics::{Estimate, FigureId, PointReport};
use crate::study::Points;

pub(super) use shape::{Dimension, Facet, Shape};
pub use table::SweepTables;
use table::Tables;
pub(super) use text::{ends_table, ends_title, sentences, summary_table};

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
    /// By variant.
    pub(super) variants: Vec<Option<SeenVariant>>,
}

/// What is kept of a variant at a point.
pub(super) struct SeenVariant {
    /// By figure.
    pub(super) values: Vec<Option<Estimate>>,
    /// (text, holds).
    pub(super) expected: Vec<(String, bool)>,
}

impl Seen {
    /// The value of a figure of a variant.
    pub(super) fn value(&self, variant: usize, figure: usize) -> Option<&Estimate> {
        self.variants.get(variant)?.as_ref()?.values[figure].as_ref()
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
        Ok(SweepReport { tables: Tables::new(about.points, tables)?, sweep, is_asked: !figures.is_empty() })
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
            let names = expected.map(|outcome| outcome.figure.as_str()).chain(USUAL);
            for figure in names.filter_map(|name| name.parse::<FigureId>().ok()) {
                let is_kept = FigureId::all().any(|kept| kept == figure);
                if is_kept && !sweep.figures.contains(&figure) {
                    sweep.figures.push(figure);
                }
            }
        }
        let mut seen = Seen { stopped: report.stopped.clone(), variants: Vec::new() };
        for variant in &report.variants {
            let at = sweep.variants.iter().position(|name| *name == variant.name).unwrap_or_else(|| {
                sweep.variants.push(variant.name.clone());
                sweep.variants.len() - 1
            });
            let value = |figure: &FigureId| variant.figure(&figure.to_string()).map(|found| found.value);
            seen.variants.resize_with(seen.variants.len().max(at + 1), || None);
            seen.variants[at] = Some(SeenVariant {
                values: sweep.figures.iter().map(value).collect(),
                expected: variant.expectations.iter().map(|outcome| (outcome.text.clone(), outcome.holds)).collect(),
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
        let asked = if self.is_asked { self.sweep.figures.clone() } else { Vec::new() };
        let sweep = self.sweep.pruned(self.is_asked);
        let absent = asked.into_iter().filter(|figure| !sweep.figures.contains(figure)).collect();
        let charts = sweep_charts(&sweep);
        let page = html::sweep_page(&sweep, &charts);
        let file = |path: &str, bytes: String| OutputFile { path: path.to_owned(), bytes: bytes.into_bytes() };
        let mut files = vec![file("sweep.html", page)];
        files.extend(charts.iter().map(|chart: &Chart| file(&chart_path(&chart.name), chart.file())));
        Ok(SweepFiles { files, absent, text: text::text(&sweep, width) })
    }
}

impl Sweep<'_> {
    /// Without the figures that no point has, and without more usual ones than can be looked at.
    fn pruned(mut self, is_asked: bool) -> Self {
        let is_there = |figure: usize| {
            let variants = self.points.iter().flat_map(|point| point.variants.iter().flatten());
            variants.into_iter().any(|variant| variant.values[figure].is_some())
        };
        let most = if is_asked { usize::MAX } else { MOST_USUAL };
        let kept: Vec<usize> = (0..self.figures.len()).filter(|&figure| is_there(figure)).take(most).collect();
        self.figures = kept.iter().map(|&figure| self.figures[figure]).collect();
        for variant in self.points.iter_mut().flat_map(|point| point.variants.iter_mut().flatten()) {
            variant.values = kept.iter().map(|&figure| variant.values[figure]).collect();
        }
        self
    }

    /// Every value of a figure that there is.
    pub(super) fn values(&self, figure: usize) -> impl Iterator<Item = &Estimate> {
        let variants = self.points.iter().flat_map(|point| point.variants.iter().flatten());
        variants.filter_map(move |variant| variant.values[figure].as_ref())
    }
}
