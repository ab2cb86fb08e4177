//! The pictures of a sweep, one per figure: lines, heat maps or dots, by how the points lie.

use super::heat::{self, Frame};
use super::{Chart, curve};
use crate::report::number::Scale;
use crate::report::sweep::{Shape, Sweep};

/// One figure over a sweep.
pub(super) struct Plot<'a> {
    pub(super) sweep: &'a Sweep<'a>,
    /// Position among the figures of the sweep.
    pub(super) figure: usize,
    pub(super) scale: Scale,
    /// Smallest and largest mean, in the unit of the scale.
    pub(super) ends: (f64, f64),
}

/// A picture of each figure of the sweep that has values at several points.
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
        let (svg, by, how) = match shape {
            Shape::Single => return None,
            Shape::Line(line) => (
                curve::line(self, line),
                line.path.clone(),
                "A line per variant; dots are means over the runs, shaded are their 95 % intervals.".to_owned(),
            ),
            Shape::Grid { axes, facets } => {
                let frame = Frame::new(self, axes, facets);
                let left_out = frame.left_out();
                let more =
                    if left_out == 0 { String::new() } else { format!(" {left_out} more panels are not drawn.") };
                (
                    heat::maps(self, &frame),
                    format!("{} (across) and {} (up)", axes[0].path, axes[1].path),
                    format!(
                        "A panel per variant and per combination of other values; darker is larger, with the same colours in all.{more}"
                    ),
                )
            }
            Shape::Scattered(paths) => {
                let names: Vec<&str> = paths.iter().map(|path| path.path.as_str()).collect();
                let how = "A panel per path, a dot per point and variant: what hangs on a path shows as a slope, the rest as spread.";
                (curve::dots(self, paths), names.join(", "), how.to_owned())
            }
        };
        let figure = &self.sweep.figures[self.figure];
        let title = format!("{} by {by}", self.title());
        Some(Chart { name: figure.to_string().into(), title, description: how, svg })
    }

    /// Name and unit, such as `event latency p99 (ms)`.
    pub(super) fn title(&self) -> String {
        self.scale.title(&self.sweep.figures[self.figure].title())
    }

    /// Mean and half width at a point, in the unit of the scale.
    pub(super) fn value(&self, variant: usize, point: usize) -> Option<(f64, f64)> {
        let value = self.sweep.points[point].value(variant, self.figure)?;
        Some((self.scale.value(value.mean), self.scale.value(value.half_width.unwrap_or(0.0))))
    }

    /// (position, name) of each variant, for a legend.
    pub(super) fn names(&self) -> Vec<(usize, &'a str)> {
        self.sweep.variants.iter().map(String::as_str).enumerate().collect()
    }
}
