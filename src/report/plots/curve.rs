//! A figure along swept paths: a line where one path varies, dots per path where several do.

use super::across::Across;
use super::canvas::{Anchor, Canvas, GRID, INK, MUTED, draw, series_color, shortened};
use super::scale::{Axis, round_up, tick_step, tick_text};
use super::sweep::Plot;
use super::{FONT, LARGE, legend, legend_rows};
use crate::report::sweep::Dimension;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 58.0;
const HEIGHT: f64 = 260.0;
const GAP: f64 = 30.0;
/// Most panels of dots side by side.
const COLUMNS: usize = 3;

/// One path varies.
pub(super) fn line(plot: &Plot<'_>, path: &Dimension) -> String {
    let width = 620.0;
    let top = 40.0 + legend_height(plot, width);
    draw(width, top + HEIGHT + 48.0, |canvas| {
        header(canvas, plot, width);
        let frame = Frame { left: LEFT, right: width - 12.0, top, bottom: top + HEIGHT };
        let across = Across::new(path, frame.left, frame.right);
        let up = frame.up(plot.ends_of_intervals());
        frame.axes(canvas, &across, &up, &path.path, true);
        let order = |variant: usize| {
            let mut known: Vec<(f64, f64, f64)> = (0..path.of.len())
                .filter_map(|point| {
                    plot.value(variant, point).map(|(mean, half)| (across.at(path.of[point]), mean, half))
                })
                .collect();
            known.sort_by(|a, b| a.0.total_cmp(&b.0));
            known
        };
        for (variant, _) in plot.names() {
            let known = order(variant);
            let upper = known.iter().map(|&(x, mean, half)| (x, up.at(mean + half)));
            let lower = known.iter().rev().map(|&(x, mean, half)| (x, up.at(mean - half)));
            canvas.veil(&upper.chain(lower).collect::<Vec<_>>(), series_color(variant));
        }
        for (variant, _) in plot.names() {
            let places: Vec<(f64, f64)> = order(variant).iter().map(|&(x, mean, _)| (x, up.at(mean))).collect();
            canvas.path(&places, series_color(variant), 2.0);
            places.iter().for_each(|&place| canvas.dot(place, 3.0, series_color(variant)));
        }
    })
}

/// Several paths vary, and not every combination is there.
pub(super) fn dots(plot: &Plot<'_>, paths: &[Dimension]) -> String {
    let columns = paths.len().clamp(1, COLUMNS);
    let rows = paths.len().div_ceil(columns);
    let (top, height) = (40.0 + legend_height(plot, WIDTH), HEIGHT * 0.8);
    let width = (WIDTH - LEFT - 12.0 - GAP * (columns - 1) as f64) / columns as f64;
    let row_height = height + 58.0;
    draw(WIDTH, top + row_height * rows as f64, |canvas| {
        header(canvas, plot, WIDTH);
        for (i, path) in paths.iter().enumerate() {
            let left = LEFT + (i % columns) as f64 * (width + GAP);
            let panel_top = top + (i / columns) as f64 * row_height;
            let frame = Frame { left, right: left + width, top: panel_top, bottom: panel_top + height };
            let across = Across::new(path, frame.left, frame.right);
            let up = frame.up(plot.ends);
            frame.axes(canvas, &across, &up, &path.path, i % columns == 0);
            for point in 0..path.of.len() {
                for (variant, _) in plot.names() {
                    if let Some((mean, _)) = plot.value(variant, point) {
                        canvas.dot((across.at(path.of[point]), up.at(mean)), 2.5, series_color(variant));
                    }
                }
            }
        }
    })
}

/// Where a panel stands.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    /// From zero, unless all values are far from it.
    fn up(&self, (lowest, highest): (f64, f64)) -> Axis {
        let spread = highest - lowest;
        if lowest > 0.0 && spread < 0.3 * lowest {
            let pad = (spread * 0.15).max(lowest * 0.01);
            return Axis::linear(lowest - pad, highest + pad, self.bottom, self.top);
        }
        Axis::linear(lowest.min(0.0), round_up(highest * 1.04, 5), self.bottom, self.top)
    }

    fn axes(&self, canvas: &mut Canvas<'_>, across: &Across, up: &Axis, path: &str, has_numbers: bool) {
        let ticks = up.ticks(5);
        for tick in &ticks {
            let y = up.at(*tick);
            canvas.line((self.left, y), (self.right, y), if *tick == 0.0 { MUTED } else { GRID }, 1.0);
            if has_numbers {
                canvas.text((self.left - 7.0, y), &tick_text(*tick, tick_step(&ticks)), 12.0, MUTED, Anchor::End);
            }
        }
        across.draw(canvas, self.top, self.bottom);
        let name = shortened(path, self.right - self.left, FONT);
        canvas.text(((self.left + self.right) / 2.0, self.bottom + 34.0), &name, FONT, INK, Anchor::Middle);
    }
}

fn legend_height(plot: &Plot<'_>, width: f64) -> f64 {
    if plot.sweep.variants.len() > 1 { 6.0 + 20.0 * legend_rows(&plot.names(), width) as f64 } else { 0.0 }
}

fn header(canvas: &mut Canvas<'_>, plot: &Plot<'_>, width: f64) {
    canvas.bold((0.0, 12.0), &plot.title(), LARGE, INK, Anchor::Start);
    if plot.sweep.variants.len() > 1 {
        legend(canvas, &plot.names(), width, 38.0);
    }
}
