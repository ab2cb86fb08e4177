//! A swept path as an axis from left to right.

use super::canvas::{Anchor, Canvas, GRID, MUTED, shortened, text_width};
use super::scale::{Axis, WIDE, duration_text, tick_step, tick_text};
use crate::report::sweep::Dimension;
use crate::study::Kind;

/// Size of labels.
const LABEL: f64 = 12.0;
/// Up to so many values are labelled themselves; of more, round ones.
const MOST_LABELLED: usize = 12;

/// Where each value stands, and what is written below.
pub(super) struct Across {
    places: Vec<f64>,
    /// (place, text).
    labels: Vec<(f64, String)>,
}

impl Across {
    /// Values from pixel `from` to pixel `to`: numbers by their size, others at equal distances.
    pub(super) fn new(dimension: &Dimension, from: f64, to: f64) -> Across {
        let Some((kind, numbers)) = &dimension.numbers else {
            let axis = Axis::linear(-0.5, dimension.values.len() as f64 - 0.5, from, to);
            let places: Vec<f64> = (0..dimension.values.len()).map(|at| axis.at(at as f64)).collect();
            let room = (to - from) / places.len() as f64 - 8.0;
            let short = dimension.values.iter().map(|value| shortened(value, room.max(30.0), LABEL));
            let labels = places.iter().copied().zip(short).collect();
            return Across { places, labels };
        };
        let (low, high) = (numbers[0], numbers[numbers.len() - 1]);
        let is_log = low > 0.0 && high / low >= WIDE;
        let (from, to) = (from + 8.0, to - 8.0);
        let axis = if is_log { Axis::log(low, high, from, to) } else { Axis::linear(low, high, from, to) };
        let places: Vec<f64> = numbers.iter().map(|&number| axis.at(number)).collect();
        let labels = if numbers.len() <= MOST_LABELLED {
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
        Across { places, labels }
    }
    /// Pixel of the value at a position.
    pub(super) fn at(&self, value: usize) -> f64 {
        self.places[value]
    }
    /// Lines from `top` to `bottom` and labels below, as far as these do not touch.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, top: f64, bottom: f64) {
        for x in labels(canvas, &self.labels, bottom + 14.0) {
            canvas.line((x, top), (x, bottom), GRID, 1.0);
        }
    }
}

/// Labels in a row, without those that would touch the one before; where they are.
pub(super) fn labels(canvas: &mut Canvas<'_>, labels: &[(f64, String)], y: f64) -> Vec<f64> {
    let mut drawn = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for (x, text) in labels {
        let half = text_width(text, LABEL) / 2.0;
        if x - half >= end + 5.0 {
            canvas.text((*x, y), text, LABEL, MUTED, Anchor::Middle);
            end = x + half;
            drawn.push(*x);
        }
    }
    drawn
}
