//! A figure over two swept paths: small multiples of heat maps, a panel per variant and per combination of other values.

use std::collections::BTreeMap;

use plotters::style::RGBColor;

use super::across::{LABEL, LINE, labels};
use super::canvas::{Anchor, Canvas, INK, MUTED, SHADE, draw, shortened, text_width};
use super::names::{Labels, Shortened, broken, short_paths};
use super::scale::{Axis, WIDE};
use super::sweep::Plot;
use super::{FONT, LARGE};
use crate::report::number::{fixed, places_for, with_unit};
use crate::report::sweep::{Dimension, Facet};

const WIDTH: f64 = 960.0;
const TOP: f64 = 58.0;
const GAP: f64 = 18.0;
/// Size of intervals.
const SMALL: f64 = 10.0;
/// Room for the labels at the left.
const LEFT: f64 = 170.0;
/// Height of a line of a heading.
const HEADING: f64 = 17.0;
/// How much wider bold type is.
const BOLD: f64 = 1.08;
/// Cells whose interval is wider than this share of the mean to each side are marked where it cannot be written.
const UNSURE: f64 = 0.25;
/// More panels than this are not looked at.
const MOST_PANELS: usize = 36;

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

/// A panel: its heading in lines, its variant, and the points at (across, up).
struct Panel<'a> {
    heading: Vec<String>,
    variant: usize,
    points: &'a BTreeMap<(usize, usize), usize>,
}

/// What is drawn where.
pub(super) struct Frame<'a> {
    /// Significant digits of numbers in cells; `None` where there is no room for them.
    digits: Option<i32>,
    /// There is room for the intervals of all cells.
    has_intervals: bool,
    across: &'a Dimension,
    up: &'a Dimension,
    panels: Vec<Panel<'a>>,
    left_out: usize,
    columns: usize,
    /// Room for the labels at the left of the first column.
    left: f64,
    /// Size of a cell.
    cell: (f64, f64),
    across_labels: Labels,
    up_labels: Labels,
    /// What the names in headings stand for.
    stand_for: Vec<String>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        plot: &Plot<'_>,
        axes: &'a [Dimension; 2],
        others: &[Dimension],
        facets: &'a [Facet],
    ) -> Frame<'a> {
        let variants = &plot.sweep.variants;
        let all = variants.len() * facets.len();
        let drawn = all.min(MOST_PANELS);
        let columns = match (variants.len(), drawn) {
            (_, drawn) if drawn < 3 => drawn,
            (variants @ 2..=4, _) => variants,
            _ => 3,
        };
        let [across, up] = axes;
        let up_labels = Labels::new(up, LEFT, 1, LABEL);
        let widest = up_labels.values.iter().flatten().map(|value| text_width(value, LABEL)).fold(20.0, f64::max);
        let left = widest.min(LEFT) + 12.0;
        // one panel alone need not fill the sheet
        let room = if columns == 1 { 560.0 } else { WIDTH - left - GAP * (columns - 1) as f64 };
        let width = (room / columns as f64 / across.values.len() as f64).min(96.0);
        let height = (330.0 / up.values.len() as f64).clamp(2.0, 30.0);
        let across_labels = Labels::new(across, width - 6.0, 3, LABEL);
        let paths: Vec<&str> = axes.iter().chain(others).map(|other| other.path.as_str()).collect();
        let short = short_paths(&paths).split_off(2);
        let values: Vec<Shortened> = others.iter().map(Shortened::of).collect();
        let room = width * across.values.len() as f64 + GAP - 6.0;
        let mut panels = Vec::new();
        for (facet, points) in facets {
            for (variant, name) in variants.iter().enumerate().take(MOST_PANELS - panels.len()) {
                let mut heading: Vec<String> = if variants.len() > 1 { vec![name.clone()] } else { Vec::new() };
                let named = short.iter().zip(&values).zip(facet);
                heading.extend(named.map(|((name, short), &at)| format!("{name}={}", short.values[at])));
                let lines = broken(&heading.join(", "), ", ", room, FONT * BOLD);
                panels.push(Panel { heading: lines, variant, points });
            }
        }
        let full = others.iter().zip(&values).map(|(other, value)| value.named(&other.path));
        let stand_for = short.iter().zip(full).filter(|(short, full)| *short != full);
        let stand_for = stand_for.map(|(short, full)| format!("{short} stands for {full}")).collect();
        let left_out = all - panels.len();
        let cell = (width, height);
        // all numbers, or none: a gap would look like a point without a value
        let fits = |significant: &i32| {
            let cells = panels.iter().flat_map(|panel| panel.points.values().map(|&point| (panel.variant, point)));
            let mut values = cells.filter_map(|(variant, point)| plot.value(variant, point));
            let text = |mean: f64| fixed(mean, places_for(mean, *significant).max(0));
            height >= 15.0 && values.all(|(mean, _)| text_width(&text(mean), LABEL) + 4.0 <= width)
        };
        let digits = [3, 2].into_iter().find(fits);
        let has_intervals = digits.is_some_and(|significant| {
            let cells = panels.iter().flat_map(|panel| panel.points.values().map(|&point| (panel.variant, point)));
            let mut texts = cells.filter_map(|(variant, point)| interval(plot.value(variant, point)?, significant));
            height >= 28.0 && texts.all(|text| text_width(&text, SMALL) + 4.0 <= width)
        });
        Frame {
            digits,
            has_intervals,
            across,
            up,
            panels,
            left_out,
            columns,
            left,
            cell,
            across_labels,
            up_labels,
            stand_for,
        }
    }

    /// What is to be said of the picture.
    pub(super) fn notes(&self, plot: &Plot<'_>) -> String {
        let mut notes = String::new();
        if !self.stand_for.is_empty() {
            notes.push_str(&format!(" In headings {}.", self.stand_for.join(", ")));
        }
        let values = || {
            let cells = self.panels.iter().flat_map(|panel| panel.points.values().map(|&point| (panel.variant, point)));
            cells.filter_map(|(variant, point)| plot.value(variant, point))
        };
        if values().any(|value| self.interval(value).is_some()) {
            notes.push_str(" Below a mean stands its 95 % interval.");
        }
        if values().any(|value| self.is_unsure(value)) {
            notes.push_str(" A marked corner: the interval is wider than a quarter of the mean to each side.");
        }
        if self.digits.is_none() {
            notes.push_str(" There is no room for numbers; points.csv has them.");
        }
        if self.left_out > 0 {
            notes.push_str(&format!(" {} more panels are not drawn.", self.left_out));
        }
        notes
    }

    /// Text of an interval, where there is room for those of all cells.
    fn interval(&self, value: (f64, Option<f64>)) -> Option<String> {
        if self.has_intervals { interval(value, self.digits?) } else { None }
    }
    /// True for a value that is little known, and does not say so itself.
    fn is_unsure(&self, (mean, half): (f64, Option<f64>)) -> bool {
        half.is_some_and(|half| half > UNSURE * mean.abs()) && self.interval((mean, half)).is_none()
    }
    fn panel_width(&self) -> f64 {
        self.cell.0 * self.across.values.len() as f64
    }
    fn panel_height(&self) -> f64 {
        self.cell.1 * self.up.values.len() as f64
    }
    fn heading_height(&self) -> f64 {
        HEADING * self.panels.iter().map(|panel| panel.heading.len()).max().unwrap_or(1).max(1) as f64
    }
    fn row_height(&self) -> f64 {
        self.panel_height() + self.heading_height() + 45.0 + LINE * (self.across_labels.lines() - 1) as f64
    }
    /// What numbers at the axes stand for.
    fn key(&self) -> Vec<String> {
        let of_axis = |labels: &Labels| {
            let lines = labels.key_lines(WIDTH - 20.0, LABEL);
            if lines.is_empty() { lines } else { [vec![format!("{}:", labels.name)], lines].concat() }
        };
        [of_axis(&self.across_labels), of_axis(&self.up_labels)].concat()
    }
}

/// The panels.
pub(super) fn maps(plot: &Plot<'_>, frame: &Frame<'_>) -> String {
    let rows = frame.panels.len().div_ceil(frame.columns);
    let heat = Heat::new(plot);
    let key = frame.key();
    let drawn = frame.left + frame.columns as f64 * (frame.panel_width() + GAP);
    let title = plot.title();
    let keys = key.iter().map(|line| text_width(line, LABEL));
    let width = drawn.max(text_width(&title, LARGE) * 1.1 + 300.0).max(480.0).max(keys.fold(0.0, f64::max));
    let bottom = TOP + frame.row_height() * rows as f64;
    draw(width, bottom + 17.0 * key.len() as f64, |canvas| {
        canvas.bold((0.0, 12.0), &title, LARGE, INK, Anchor::Start);
        heat.legend(canvas, plot, width);
        let name = shortened(&frame.up_labels.name, width, FONT);
        canvas.text((0.0, TOP - 16.0), &name, FONT, INK, Anchor::Start);
        for (i, panel) in frame.panels.iter().enumerate() {
            let left = frame.left + (i % frame.columns) as f64 * (frame.panel_width() + GAP);
            let top = TOP + (i / frame.columns) as f64 * frame.row_height() + frame.heading_height();
            draw_panel(canvas, plot, frame, &heat, panel, (left, top));
            labels_of(canvas, frame, (left, top), i % frame.columns == 0);
        }
        for (i, line) in key.iter().enumerate() {
            canvas.text((0.0, bottom + 17.0 * i as f64), line, LABEL, MUTED, Anchor::Start);
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
) {
    let (width, height) = frame.cell;
    let bottom = top + frame.panel_height();
    let above = top + 5.0 - HEADING * panel.heading.len() as f64;
    for (i, line) in panel.heading.iter().enumerate() {
        let line = shortened(line, frame.panel_width() + GAP - 6.0, FONT * BOLD);
        canvas.bold((left, above + HEADING * i as f64), &line, FONT, INK, Anchor::Start);
    }
    for (&(x, y), &point) in panel.points {
        // the smallest value stands at the bottom
        let (from_x, from_y) = (left + width * x as f64, bottom - height * (y + 1) as f64);
        let inset = if width > 8.0 && height > 8.0 { 0.5 } else { 0.0 };
        let (corner, opposite) = ((from_x + inset, from_y + inset), (from_x + width - inset, from_y + height - inset));
        let middle = (from_x + width / 2.0, from_y + height / 2.0);
        let Some(value) = plot.value(panel.variant, point) else {
            canvas.rect(corner, opposite, SHADE);
            canvas.text(middle, "–", LABEL, MUTED, Anchor::Middle);
            continue;
        };
        let part = heat.part(value.0);
        canvas.rect(corner, opposite, color(part));
        let ink = if part < 0.5 { ON_LIGHT } else { ON_DARK };
        if frame.is_unsure(value) {
            let size = (width.min(height) * 0.35).min(7.0);
            let (x, y) = (opposite.0, corner.1);
            canvas.polygon(&[(x - size, y), (x, y), (x, y + size)], ink);
        }
        if let Some(significant) = frame.digits {
            let text = fixed(value.0, places_for(value.0, significant).max(0));
            let interval = frame.interval(value);
            let up = if interval.is_some() { 6.0 } else { 0.0 };
            canvas.text((middle.0, middle.1 - up), &text, LABEL, ink, Anchor::Middle);
            interval.iter().for_each(|text| canvas.text((middle.0, middle.1 + 8.0), text, SMALL, ink, Anchor::Middle));
        }
    }
}

/// What stands below a panel, and at the left of the first one of a row.
fn labels_of(canvas: &mut Canvas<'_>, frame: &Frame<'_>, (left, top): (f64, f64), is_first: bool) {
    let (width, height) = frame.cell;
    let bottom = top + frame.panel_height();
    let texts = frame.across_labels.values.iter().enumerate();
    let below: Vec<(f64, Vec<String>)> =
        texts.map(|(x, lines)| (left + width * (x as f64 + 0.5), lines.clone())).collect();
    labels(canvas, &below, bottom + 12.0, left + frame.panel_width() + GAP - 3.0);
    let room = frame.panel_width() + GAP - 6.0;
    let fits = |path: &&str| text_width(path, FONT) <= room;
    let (name, path) = (frame.across_labels.name.as_str(), frame.across.path.as_str());
    let short = short_paths(&[path, &frame.up.path]).swap_remove(0);
    let name = [name, path].into_iter().find(fits).unwrap_or(&short);
    let name_at = bottom + 29.0 + LINE * (frame.across_labels.lines() - 1) as f64;
    canvas.text((left + frame.panel_width() / 2.0, name_at), &shortened(name, room, FONT), FONT, INK, Anchor::Middle);
    if is_first {
        let step = (15.0 / height).ceil().max(1.0) as usize;
        for (y, value) in frame.up_labels.values.iter().enumerate().step_by(step) {
            let at = (left - 7.0, bottom - height * (y as f64 + 0.5));
            canvas.text(at, &shortened(&value.concat(), LEFT, LABEL), LABEL, MUTED, Anchor::End);
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
        if low >= high {
            let text = format!("{} at all points", with_unit(&digits(low), plot.scale.unit));
            canvas.text((width, 12.0), &text, LABEL, MUTED, Anchor::End);
            return;
        }
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
        if self.axis.is_log() {
            canvas.text((f64::midpoint(left, right), 27.0), "log scale", LABEL, MUTED, Anchor::Middle);
        }
    }
}

/// Half the width of an interval, with a digit more than its mean.
fn interval((mean, half): (f64, Option<f64>), significant: i32) -> Option<String> {
    let (half, most) = (half?, places_for(mean, significant).max(0) + 1);
    Some(format!("± {}", fixed(half, places_for(half, 2).clamp(0, most))))
}

/// Three digits: colours show no intervals, and numbers beside each other are compared.
fn digits(value: f64) -> String {
    fixed(value, places(value))
}

fn places(value: f64) -> i32 {
    places_for(value, 3).max(0)
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
