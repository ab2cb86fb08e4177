//! The pictures of a sweep, one per figure: lines, heat maps or dots, by how the points lie.

use super::heat::{self, Frame};
use super::{Chart, curve};
use crate::report::number::Scale;
use crate::report::sweep::{Blank, Shape, Sweep, Told};

/// One figure over a sweep.
pub(super) struct Plot<'a> {
    pub(super) sweep: &'a Sweep<'a>,
    /// Position among the figures of the sweep.
    pub(super) figure: usize,
    pub(super) scale: Scale,
    /// Smallest and largest mean, in the unit of the scale.
    pub(super) ends: (f64, f64),
}

/// A picture of each figure of the sweep that has values.
pub(in crate::report) fn charts(sweep: &Sweep<'_>) -> Vec<Chart> {
    let shape = Shape::of(sweep.about.points);
    (0..sweep.figures.len()).filter_map(|figure| Plot::new(sweep, figure).chart(&shape)).collect()
}

impl<'a> Plot<'a> {
    fn new(sweep: &'a Sweep<'a>, figure: usize) -> Plot<'a> {
        let means = || sweep.values(figure).map(|value| value.mean);
        let scale = Scale::fitting(sweep.figures[figure].family().unit, means());
        let values = || means().map(|mean| scale.value(mean));
        let ends = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        Plot { sweep, figure, scale, ends }
    }

    fn chart(&self, shape: &Shape) -> Option<Chart> {
        // nothing was measured at any point
        if self.ends.0 > self.ends.1 {
            return None;
        }
        let (svg, by, mut how) = match shape {
            Shape::Single => return None,
            Shape::Line(line) => {
                let (svg, notes) = curve::line(self, line);
                let how = match (line.numbers.is_some(), self.sweep.has_intervals()) {
                    (true, true) => {
                        "A line per variant; dots are means over the runs, shaded are their 95 % intervals."
                    }
                    (false, true) => {
                        "A dot per variant; dots are means over the runs, upright lines their 95 % intervals."
                    }
                    (true, false) => "A line per variant; a dot is one run, which says nothing of chance.",
                    (false, false) => "A dot per variant: one run, which says nothing of chance.",
                };
                (svg, line.path.clone(), format!("{how}{notes}{}", self.not_shown()))
            }
            Shape::Grid { axes, others, facets } => {
                let frame = Frame::new(self, axes, others, facets);
                let how = "A panel per variant and per combination of other values; darker is larger, with the same colours in all.";
                (
                    heat::maps(self, &frame),
                    format!("{} (across) and {} (up)", axes[0].path, axes[1].path),
                    format!("{how}{}{}", frame.notes(self), self.blank_cells()),
                )
            }
            Shape::Scattered(paths) => {
                let names: Vec<&str> = paths.iter().map(|path| path.path.as_str()).collect();
                let how = "A panel per path, a dot per point and variant: what hangs on a path shows as a slope, the rest as spread.";
                (curve::dots(self, paths), names.join(", "), format!("{how}{}", self.not_shown()))
            }
        };
        if self.ends.0 >= self.ends.1 {
            how.push_str(" It is the same at all points.");
        }
        let figure = &self.sweep.figures[self.figure];
        let title = format!("{} by {by}", self.title());
        Some(Chart { name: figure.to_string().into(), title, description: how, svg })
    }

    /// Name and unit, such as `event latency p99 (ms)`.
    pub(super) fn title(&self) -> String {
        self.scale.title(&self.sweep.figures[self.figure].title())
    }

    /// Mean and half width at a point, in the unit of the scale.
    pub(super) fn value(&self, variant: usize, point: usize) -> Option<(f64, Option<f64>)> {
        let value = self.sweep.points[point].value(variant, self.figure)?;
        Some((self.scale.value(value.mean), value.half_width.map(|half| self.scale.value(half))))
    }

    /// How many points have no value, and why.
    fn not_shown(&self) -> String {
        let all = self.sweep.points.len();
        let blank = self.sweep.told(self.figure).into_iter().filter(|(_, told)| told.missing() > 0);
        let words = |(names, told): (Vec<&str>, Told)| {
            let whose = self.sweep.whose(&names);
            let are = if told.missing() == 1 { "is" } else { "are" };
            format!(" {} of {all} points{whose} {are} not shown: {}.", told.missing(), told.reasons())
        };
        blank.map(words).collect()
    }

    /// What cells without a value mean.
    fn blank_cells(&self) -> String {
        let told = self.sweep.told(self.figure);
        let mut whys: Vec<Blank> = told.iter().flat_map(|(_, told)| told.blank.iter().map(|(_, why)| *why)).collect();
        whys.sort_unstable();
        whys.dedup();
        let words: Vec<&str> = whys.into_iter().map(Blank::words).collect();
        if words.is_empty() { String::new() } else { format!(" –: {}.", words.join(", or ")) }
    }

    /// (position, name) of each variant, for a legend.
    pub(super) fn names(&self) -> Vec<(usize, &'a str)> {
        self.sweep.variants.iter().map(String::as_str).enumerate().collect()
    }
}
