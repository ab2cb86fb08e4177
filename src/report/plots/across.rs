//! A swept path as an axis from left to right.

use super::FONT;
use super::canvas::{Anchor, Canvas, GRID, INK, MUTED, WIDER, shortened, text_width};
use super::names::Labels;
use super::scale::{Axis, WIDE, duration_text, tick_step, tick_text};
use crate::report::sweep::Dimension;
use crate::study::Kind;

/// Size of labels.
pub(super) const LABEL: f64 = 12.0;
/// Height of a line of a label.
pub(super) const LINE: f64 = 14.0;
/// Up to so many values are labelled themselves; of more, round ones.
const MOST_LABELLED: usize = 12;
/// A text takes at most so many lines.
const MOST_LINES: usize = 3;

/// Where each value stands, and what is written below.
pub(super) struct Across {
    places: Vec<f64>,
    /// (place, lines of text).
    labels: Vec<(f64, Vec<String>)>,
    /// The values are words: nothing lies between them.
    pub(super) is_words: bool,
    /// What the axis is called.
    name: String,
    /// What numbers stand for, where labels had to be numbered.
    key: Vec<String>,
    ends: (f64, f64),
}

impl Across {
    /// Values from pixel `from` to pixel `to`: numbers by their size, others at equal distances.
    pub(super) fn new(dimension: &Dimension, from: f64, to: f64) -> Across {
        let Some((kind, numbers)) = &dimension.numbers else {
            let axis = Axis::linear(-0.5, dimension.values.len() as f64 - 0.5, from, to);
            let places: Vec<f64> = (0..dimension.values.len()).map(|at| axis.at(at as f64)).collect();
            let short = Labels::new(dimension, (to - from) / places.len() as f64 - 8.0, MOST_LINES, LABEL);
            let key = short.key_lines(to - from, LABEL);
            let labels = places.iter().copied().zip(short.values).collect();
            return Across { places, labels, is_words: true, name: short.name, key, ends: (from, to) };
        };
        let (low, high) = (numbers[0], numbers[numbers.len() - 1]);
        let is_log = low > 0.0 && high / low >= WIDE;
        let (left, right) = (from + 8.0, to - 8.0);
        let axis = if is_log { Axis::log(low, high, left, right) } else { Axis::linear(low, high, left, right) };
        let places: Vec<f64> = numbers.iter().map(|&number| axis.at(number)).collect();
        let labels: Vec<(f64, String)> = if numbers.len() <= MOST_LABELLED {
            places.iter().copied().zip(dimension.values.iter().cloned()).collect()
        } else {
            let ticks = axis.ticks(5);
            let text = |tick: f64| match kind {
                Kind::Duration => duration_text(tick),
                _ if is_log => format!("{tick}"),
                _ => tick_text(tick, tick_step(&ticks)),
            };
            let unit = if *kind == Kind::Percent { "%" } else { "" };
            ticks.iter().map(|&tick| (axis.at(tick), text(tick) + unit)).collect()
        };
        let labels = labels.into_iter().map(|(x, text)| (x, vec![text])).collect();
        let name = dimension.path.clone() + if is_log { " (log scale)" } else { "" };
        Across { places, labels, is_words: false, name, key: Vec::new(), ends: (from, to) }
    }
    /// Pixel of the value at a position.
    pub(super) fn at(&self, value: usize) -> f64 {
        self.places[value]
    }
    /// Room between two values.
    pub(super) fn step(&self) -> f64 {
        (self.ends.1 - self.ends.0) / self.places.len() as f64
    }
    /// How much room labels, name and key take below.
    pub(super) fn height(&self) -> f64 {
        48.0 + LINE * (self.lines() - 1.0) + 17.0 * self.key.len() as f64
    }
    fn lines(&self) -> f64 {
        self.labels.iter().map(|(_, lines)| lines.len()).max().unwrap_or(1) as f64
    }
    /// Lines from `top` to `bottom`, and below labels as far as these do not touch, the name and the key.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, top: f64, bottom: f64) {
        let (from, to) = self.ends;
        for x in labels(canvas, &self.labels, bottom + 14.0, to + 12.0) {
            canvas.line((x, top), (x, bottom), GRID, 1.0);
        }
        let name_at = bottom + 34.0 + LINE * (self.lines() - 1.0);
        canvas.text(
            (f64::midpoint(from, to), name_at),
            &shortened(&self.name, to - from, FONT),
            FONT,
            INK,
            Anchor::Middle,
        );
        for (i, line) in self.key.iter().enumerate() {
            canvas.text((from, name_at + 18.0 + 17.0 * i as f64), line, LABEL, MUTED, Anchor::Start);
        }
    }
}

/// Labels in a row, none beyond `limit` and without those that would touch the one before; where they are.
pub(super) fn labels(canvas: &mut Canvas<'_>, labels: &[(f64, Vec<String>)], y: f64, limit: f64) -> Vec<f64> {
    let mut drawn = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for (x, lines) in labels {
        let half = lines.iter().map(|line| text_width(line, LABEL)).fold(0.0, f64::max) / 2.0;
        let middle = x.min(limit - half * WIDER);
        if middle - half >= end + 5.0 {
            for (i, line) in lines.iter().enumerate() {
                canvas.text((middle, y + LINE * i as f64), line, LABEL, MUTED, Anchor::Middle);
            }
            end = middle + half;
            drawn.push(*x);
        }
    }
    drawn
}
