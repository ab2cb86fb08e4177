//! A figure over two swept paths: small multiples of heat maps, a panel per variant and per combination of other values.

use std::collections::BTreeMap;

use plotters::style::RGBColor;

use super::across::labels;
use super::canvas::{Anchor, Canvas, INK, MUTED, SHADE, draw, shortened, text_width};
use super::scale::Axis;
use super::sweep::Plot;
use super::{FONT, LARGE};
use crate::report::number::{fixed, places_for, with_unit};
use crate::report::sweep::{Dimension, Facet};

const WIDTH: f64 = 960.0;
const TOP: f64 = 58.0;
const GAP: f64 = 18.0;
const LABEL: f64 = 12.0;
/// More panels than this are not looked at.
const MOST_PANELS: usize = 36;
/// From this ratio of the ends on colours are logarithmic.
const WIDE: f64 = 100.0;

/// From the smallest value to the largest, light to dark, so that it reads without colours.
const RAMP: [RGBColor; 5] = [
    RGBColor(0xEA, 0xF2, 0xF8),
    RGBColor(0xA9, 0xCD, 0xE5),
    RGBColor(0x5D, 0x9F, 0xCE),
    RGBColor(0x1F, 0x6C, 0xAA),
    RGBColor(0x0B, 0x3A, 0x6B),
];
/// Text upon light cells and upon dark ones; cells keep their colours on dark pages, so these are not those of the page.
const ON_LIGHT: RGBColor = RGBColor(0x10, 0x15, 0x1A);
const ON_DARK: RGBColor = RGBColor(0xFD, 0xFD, 0xFD);

/// A panel: its heading, its variant, and the points at (across, up).
struct Panel<'a> {
    heading: String,
    variant: usize,
    points: &'a BTreeMap<(usize, usize), usize>,
}

/// What is drawn where.
pub(super) struct Frame<'a> {
    across: &'a Dimension,
    up: &'a Dimension,
    panels: Vec<Panel<'a>>,
    left_out: usize,
    columns: usize,
    /// Room for the labels at the left of the first column.
    left: f64,
    /// Size of a cell.
    cell: (f64, f64),
}

impl<'a> Frame<'a> {
    pub(super) fn new(plot: &Plot<'_>, axes: &'a [Dimension; 2], facets: &'a [Facet]) -> Frame<'a> {
        let variants = &plot.sweep.variants;
        let mut panels = Vec::new();
        for (facet, points) in facets {
            for (variant, name) in variants.iter().enumerate() {
                let name = if variants.len() > 1 { name.as_str() } else { "" };
                let parts: Vec<&str> = [name, facet.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
                panels.push(Panel { heading: parts.join(", "), variant, points });
            }
        }
        let left_out = panels.len().saturating_sub(MOST_PANELS);
        panels.truncate(MOST_PANELS);
        let columns = match (variants.len(), panels.len()) {
            (_, panels) if panels < 3 => panels,
            (variants @ 2..=4, _) => variants,
            _ => 3,
        };
        let [across, up] = axes;
        let widest = up.values.iter().map(|value| text_width(value, LABEL)).fold(20.0, f64::max);
        let left = widest.min(130.0) + 12.0;
        // one panel alone need not fill the sheet
        let room = if columns == 1 { 560.0 } else { WIDTH - left - GAP * (columns - 1) as f64 };
        let width = (room / columns as f64 / across.values.len() as f64).min(96.0);
        let height = (330.0 / up.values.len() as f64).clamp(2.0, 30.0);
        Frame { across, up, panels, left_out, columns, left, cell: (width, height) }
    }

    /// How many panels are not drawn.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }
    fn panel_width(&self) -> f64 {
        self.cell.0 * self.across.values.len() as f64
    }
    fn panel_height(&self) -> f64 {
        self.cell.1 * self.up.values.len() as f64
    }
    fn row_height(&self) -> f64 {
        self.panel_height() + 62.0
    }
}

/// The panels.
pub(super) fn maps(plot: &Plot<'_>, frame: &Frame<'_>) -> String {
    let rows = frame.panels.len().div_ceil(frame.columns);
    let heat = Heat::new(plot);
    let drawn = frame.left + frame.columns as f64 * (frame.panel_width() + GAP);
    let title = plot.title();
    let width = drawn.max(text_width(&title, LARGE) * 1.1 + 300.0).max(480.0);
    draw(width, TOP + frame.row_height() * rows as f64, |canvas| {
        canvas.bold((0.0, 12.0), &title, LARGE, INK, Anchor::Start);
        heat.legend(canvas, plot, width);
        canvas.text((0.0, TOP - 16.0), &shortened(&frame.up.path, 300.0, FONT), FONT, INK, Anchor::Start);
        for (i, panel) in frame.panels.iter().enumerate() {
            let left = frame.left + (i % frame.columns) as f64 * (frame.panel_width() + GAP);
            let top = TOP + (i / frame.columns) as f64 * frame.row_height() + 20.0;
            draw_panel(canvas, plot, frame, &heat, panel, (left, top), i % frame.columns == 0);
        }
    })
}

fn draw_panel(
    canvas: &mut Canvas<'_>,
    plot: &Plot<'_>,
    frame: &Frame<'_>,
    heat: &Heat,
    panel: &Panel<'_>,
    (left, top): (f64, f64),
    is_first: bool,
) {
    let (width, height) = frame.cell;
    let bottom = top + frame.panel_height();
    let heading = shortened(&panel.heading, frame.panel_width() + GAP - 6.0, FONT * 1.08);
    canvas.bold((left, top - 12.0), &heading, FONT, INK, Anchor::Start);
    for (&(x, y), &point) in panel.points {
        // the smallest value stands at the bottom
        let (from_x, from_y) = (left + width * x as f64, bottom - height * (y + 1) as f64);
        let inset = if width > 8.0 && height > 8.0 { 0.5 } else { 0.0 };
        let (corner, opposite) = ((from_x + inset, from_y + inset), (from_x + width - inset, from_y + height - inset));
        let middle = (from_x + width / 2.0, from_y + height / 2.0);
        let Some((value, _)) = plot.value(panel.variant, point) else {
            canvas.rect(corner, opposite, SHADE);
            canvas.text(middle, "–", LABEL, MUTED, Anchor::Middle);
            continue;
        };
        let part = heat.part(value);
        canvas.rect(corner, opposite, color(part));
        let text = digits(value);
        if text_width(&text, LABEL) + 4.0 <= width && height >= 15.0 {
            canvas.text(middle, &text, LABEL, if part < 0.5 { ON_LIGHT } else { ON_DARK }, Anchor::Middle);
        }
    }
    let below: Vec<(f64, String)> = frame
        .across
        .values
        .iter()
        .enumerate()
        .map(|(x, value)| (left + width * (x as f64 + 0.5), shortened(value, 130.0, LABEL)))
        .collect();
    labels(canvas, &below, bottom + 12.0);
    let path = shortened(&frame.across.path, frame.panel_width(), FONT);
    canvas.text((left + frame.panel_width() / 2.0, bottom + 29.0), &path, FONT, INK, Anchor::Middle);
    if is_first {
        let step = (15.0 / height).ceil().max(1.0) as usize;
        for (y, value) in frame.up.values.iter().enumerate().step_by(step) {
            let at = (left - 7.0, bottom - height * (y as f64 + 0.5));
            canvas.text(at, &shortened(value, 130.0, LABEL), LABEL, MUTED, Anchor::End);
        }
    }
}

/// From values to colours.
struct Heat {
    axis: Axis,
    ends: (f64, f64),
}

impl Heat {
    fn new(plot: &Plot<'_>) -> Heat {
        let (low, high) = plot.ends;
        let axis = if low > 0.0 && high / low >= WIDE {
            Axis::log(low, high, 0.0, 1.0)
        } else {
            Axis::linear(low, high, 0.0, 1.0)
        };
        Heat { axis, ends: plot.ends }
    }
    fn part(&self, value: f64) -> f64 {
        self.axis.at(value)
    }
    /// The colours from the smallest to the largest value, at the right of the title.
    fn legend(&self, canvas: &mut Canvas<'_>, plot: &Plot<'_>, width: f64) {
        const STEPS: usize = 40;
        let (low, high) = self.ends;
        let [low, high] = [low, high].map(|value| with_unit(&digits(value), plot.scale.unit));
        let right = width - 1.2 * text_width(&high, LABEL) - 8.0;
        let left = right - 120.0;
        for step in 0..STEPS {
            let at = |step: usize| left + 120.0 * step as f64 / STEPS as f64;
            // each over the rest, so that no seam shows
            canvas.rect((at(step), 6.0), (right, 18.0), color((step as f64 + 0.5) / STEPS as f64));
        }
        canvas.text((left - 7.0, 12.0), &low, LABEL, MUTED, Anchor::End);
        canvas.text((right + 7.0, 12.0), &high, LABEL, MUTED, Anchor::Start);
    }
}

/// Three digits: colours show no intervals, and numbers beside each other are compared.
fn digits(value: f64) -> String {
    fixed(value, places_for(value, 3).max(0))
}

/// The colour at a part of the ramp, 0 to 1.
fn color(part: f64) -> RGBColor {
    let place = part.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let at = (libm::floor(place) as usize).min(RAMP.len() - 2);
    let (a, b, rest) = (RAMP[at], RAMP[at + 1], place - at as f64);
    let mixed = |a: u8, b: u8| libm::round(f64::from(a) + (f64::from(b) - f64::from(a)) * rest) as u8;
    RGBColor(mixed(a.0, b.0), mixed(a.1, b.1), mixed(a.2, b.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_is_darker() {
        let light = |part: f64| {
            let RGBColor(r, g, b) = color(part);
            0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
        };
        let all: Vec<f64> = (0..=100).map(|step| light(f64::from(step) / 100.0)).collect();
        assert!(all.windows(2).all(|pair| pair[1] < pair[0]), "{all:?}");
        assert_eq!((color(0.0), color(1.0)), (RAMP[0], RAMP[4]));
    }
}
