//! A figure along swept paths: a line where one path varies, dots per path where several do.

use plotters::style::RGBColor;

use super::across::Across;
use super::canvas::{Anchor, Canvas, GRID, INK, MUTED, PAPER, density, draw, series_color, shortened, text_width};
use super::scale::{Axis, WIDE, WIDEST, round_up, tick_step, tick_text};
use super::sweep::Plot;
use super::{LARGE, Sample, legend, legend_rows};
use crate::report::sweep::Dimension;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 58.0;
const HEIGHT: f64 = 260.0;
const GAP: f64 = 30.0;
/// Most panels of dots side by side.
const COLUMNS: usize = 3;

/// A figure along one setting.
pub(super) struct Lines<'a> {
    pub(super) title: String,
    pub(super) setting: &'a Dimension,
    /// (position of the colour, name), for a legend where there are several.
    pub(super) names: Vec<(usize, &'a str)>,
    /// For each name what is known, by value.
    pub(super) known: Vec<Vec<Known>>,
    /// A value that matters, and what is written on it.
    pub(super) bound: Option<(f64, String)>,
}

/// What is known of one name at one value.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Position among the values of the setting.
    pub(super) at: usize,
    pub(super) mean: f64,
    pub(super) half: f64,
    pub(super) mark: Mark,
}

/// How a value is marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A filled dot.
    Dot,
    /// A ring.
    Hollow,
    /// A filled dot in a ring.
    Ringed,
}

impl Lines<'_> {
    /// The picture, and what is to be said of it.
    pub(super) fn draw(&self) -> (String, String) {
        let width = 620.0;
        let top = 40.0 + legend_height(&self.names, width);
        let frame = Frame { left: LEFT, right: width - 12.0, top, bottom: top + HEIGHT };
        let across = Across::new(self.setting, frame.left, frame.right);
        let up = self.up(&frame);
        let sample = if across.is_words { Sample::Dot } else { Sample::Line };
        let svg = draw(width, frame.bottom + across.height(), |canvas| {
            let title = format!("{}{}", self.title, if up.is_log() { ", log scale" } else { "" });
            header(canvas, &title, &self.names, width, sample);
            frame.axes(canvas, &across, &up, true);
            if let Some((bound, text)) = &self.bound {
                canvas.line((frame.left, up.at(*bound)), (frame.right, up.at(*bound)), INK, 1.0);
                // said in the heading, where no curve crosses it
                let text = shortened(text, width * 0.55, 12.0);
                canvas.text((width, 12.0), &text, 12.0, INK, Anchor::End);
                let end = width - text_width(&text, 12.0) - 8.0;
                canvas.line((end - 24.0, 12.0), (end, 12.0), INK, 1.0);
            }
            if across.is_words {
                self.bars(canvas, &across, &up);
            } else {
                self.lines(canvas, &across, &up);
            }
        });
        let is_cut = self.known.iter().flatten().any(|known| up.is_beyond(known.mean + known.half));
        (
            svg,
            if is_cut {
                " An interval that would go far beyond all means is cut off at the top.".to_owned()
            } else {
                String::new()
            },
        )
    }

    /// What lies between numbers is between their values.
    fn lines(&self, canvas: &mut Canvas<'_>, across: &Across, up: &Axis) {
        for ((color, _), known) in self.names.iter().zip(&self.known) {
            let upper = known.iter().map(|known| (across.at(known.at), up.at(known.mean + known.half)));
            let lower = known.iter().rev().map(|known| (across.at(known.at), up.at(known.mean - known.half)));
            canvas.veil(&upper.chain(lower).collect::<Vec<_>>(), series_color(*color), density(self.names.len()));
        }
        for ((color, _), known) in self.names.iter().zip(&self.known) {
            let color = series_color(*color);
            let places: Vec<(f64, f64)> = known.iter().map(|known| (across.at(known.at), up.at(known.mean))).collect();
            canvas.path(&places, color, 2.0);
            // a point alone has no band
            if let [known] = &known[..] {
                bar(canvas, across.at(known.at), up, known, color);
            }
            for (&place, known) in places.iter().zip(known) {
                if known.mark == Mark::Ringed {
                    canvas.dot(place, 7.0, color);
                    canvas.dot(place, 5.5, PAPER);
                }
                canvas.dot(place, 3.0, color);
                if known.mark == Mark::Hollow {
                    canvas.dot(place, 1.8, PAPER);
                }
            }
        }
    }

    /// Nothing lies between words: a point each, with its interval, side by side.
    fn bars(&self, canvas: &mut Canvas<'_>, across: &Across, up: &Axis) {
        let apart = (across.step() * 0.6 / self.names.len() as f64).min(14.0);
        for (i, ((color, _), known)) in self.names.iter().zip(&self.known).enumerate() {
            let color = series_color(*color);
            let aside = apart * (i as f64 - (self.names.len() as f64 - 1.0) / 2.0);
            known.iter().for_each(|known| bar(canvas, across.at(known.at) + aside, up, known, color));
        }
    }

    /// Logarithmic where values differ widely around a bound: what is far beyond would flatten what matters.
    fn up(&self, frame: &Frame) -> Axis {
        let means =
            || self.known.iter().flatten().map(|known| known.mean).chain(self.bound.iter().map(|bound| bound.0));
        let (low, high) = (means().fold(f64::INFINITY, f64::min), means().fold(f64::NEG_INFINITY, f64::max));
        if self.bound.is_some() && low > 0.0 && high / low >= WIDE {
            return Axis::log(low * 0.8, high * 1.25, frame.bottom, frame.top);
        }
        let (low, high) = self.ends((low, high));
        // what lies around a bound matters, not how far it is from zero
        if self.bound.is_some() && low > 0.25 * high {
            let pad = (high - low) * 0.08;
            return Axis::linear(low - pad, high + pad, frame.bottom, frame.top);
        }
        frame.up((low, high))
    }

    /// Smallest and largest end of an interval; those of very wide ones, which would flatten all lines, are cut off.
    fn ends(&self, (lowest, highest): (f64, f64)) -> (f64, f64) {
        let reach = (WIDEST - 1.0) * (highest - lowest).max(highest.abs());
        let ends = self.known.iter().flatten().map(|known| (known.mean - known.half, known.mean + known.half));
        let (low, high) = ends.fold((lowest, highest), |(low, high), end| (low.min(end.0), high.max(end.1)));
        let low = low.max(lowest - reach);
        (if lowest >= 0.0 { low.max(0.0) } else { low }, high.min(highest + reach))
    }
}

/// A point with its interval.
fn bar(canvas: &mut Canvas<'_>, x: f64, up: &Axis, known: &Known, color: RGBColor) {
    let (low, high) = (up.at(known.mean - known.half), up.at(known.mean + known.half));
    // filled shapes, not lines: an interval must not be dashed
    canvas.rect((x - 0.75, high), (x + 0.75, low), color);
    for end in [low, high] {
        canvas.rect((x - 3.5, end - 0.5), (x + 3.5, end + 0.5), color);
    }
    canvas.dot((x, up.at(known.mean)), 3.5, color);
}

/// A sweep of which one path varies, and what is to be said of the picture.
pub(super) fn line(plot: &Plot<'_>, path: &Dimension) -> (String, String) {
    let known = |variant: usize| {
        let points = 0..path.of.len();
        let mut known: Vec<Known> = points
            .filter_map(|point| {
                let (mean, half) = plot.value(variant, point)?;
                Some(Known { at: path.of[point], mean, half: half.unwrap_or(0.0), mark: Mark::Dot })
            })
            .collect();
        known.sort_by_key(|known| known.at);
        known
    };
    let names = plot.names();
    let known = names.iter().map(|&(variant, _)| known(variant)).collect();
    Lines { title: plot.title(), setting: path, names, known, bound: None }.draw()
}

/// Several paths vary, and not every combination is there.
pub(super) fn dots(plot: &Plot<'_>, paths: &[Dimension]) -> String {
    let columns = paths.len().clamp(1, COLUMNS);
    let rows = paths.len().div_ceil(columns);
    let names = plot.names();
    let (top, height) = (40.0 + legend_height(&names, WIDTH), HEIGHT * 0.8);
    let width = (WIDTH - LEFT - 12.0 - GAP * (columns - 1) as f64) / columns as f64;
    let left = |i: usize| LEFT + (i % columns) as f64 * (width + GAP);
    let across: Vec<Across> =
        paths.iter().enumerate().map(|(i, path)| Across::new(path, left(i), left(i) + width)).collect();
    let row_height = height + 10.0 + across.iter().map(Across::height).fold(0.0, f64::max);
    draw(WIDTH, top + row_height * rows as f64, |canvas| {
        header(canvas, &plot.title(), &names, WIDTH, Sample::Dot);
        for (i, (path, across)) in paths.iter().zip(&across).enumerate() {
            let panel_top = top + (i / columns) as f64 * row_height;
            let frame = Frame { left: left(i), right: left(i) + width, top: panel_top, bottom: panel_top + height };
            let up = frame.up(plot.ends);
            frame.axes(canvas, across, &up, i % columns == 0);
            for point in 0..path.of.len() {
                for &(variant, _) in &names {
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

    fn axes(&self, canvas: &mut Canvas<'_>, across: &Across, up: &Axis, has_numbers: bool) {
        let ticks = up.ticks(5);
        for tick in &ticks {
            let y = up.at(*tick);
            canvas.line((self.left, y), (self.right, y), if *tick == 0.0 { MUTED } else { GRID }, 1.0);
            if has_numbers {
                canvas.text((self.left - 7.0, y), &tick_text(*tick, tick_step(&ticks)), 12.0, MUTED, Anchor::End);
            }
        }
        across.draw(canvas, self.top, self.bottom);
    }
}

fn legend_height(names: &[(usize, &str)], width: f64) -> f64 {
    if names.len() > 1 { 6.0 + 20.0 * legend_rows(names, width) as f64 } else { 0.0 }
}

fn header(canvas: &mut Canvas<'_>, title: &str, names: &[(usize, &str)], width: f64, sample: Sample) {
    canvas.bold((0.0, 12.0), title, LARGE, INK, Anchor::Start);
    if names.len() > 1 {
        legend(canvas, names, width, 38.0, sample);
    }
}
