//! How unevenly the pods are loaded: a point with its interval per variant, three measures side by side.

use super::canvas::{Anchor, CROWD, Canvas, GRID, INK, MUTED, PAPER, draw, series_color, shortened, text_width};
use super::scale::{Axis, round_up, tick_step, tick_text};
use super::{Chart, FONT, LARGE};
use crate::metrics::Study;
use crate::report::rows::Row;

const WIDTH: f64 = 960.0;
const TOP: f64 = 64.0;
const ROW: f64 = 34.0;
const GAP: f64 = 28.0;

/// (figure, heading, value that means even).
const MEASURES: [(&str, &str, f64); 3] = [
    ("load.connections.max_over_mean", "connections: max / mean", 1.0),
    ("load.connections.cv", "connections: CV", 0.0),
    ("load.requests.max_over_mean", "requests: max / mean", 1.0),
];

/// The chart; `None` when no variant has any such figure.
pub(super) fn chart(study: &Study) -> Option<Chart> {
    let rows: Vec<(Row<'_>, &str, f64)> = MEASURES
        .iter()
        .filter_map(|&(id, heading, even)| Row::find(study, id).map(|row| (row, heading, even)))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let bottom = TOP + ROW * study.variants.len() as f64;
    let names = study.variants.iter().map(|variant| text_width(&variant.name, FONT));
    let left = names.fold(60.0, f64::max).min(220.0) + 14.0;
    let width = (WIDTH - left - GAP * (rows.len() - 1) as f64 - 16.0) / rows.len() as f64;
    let title = "How unevenly the pods are loaded";
    let svg = draw(WIDTH, bottom + 34.0, |canvas| {
        canvas.bold((0.0, 12.0), title, LARGE, INK, Anchor::Start);
        for (i, variant) in study.variants.iter().enumerate() {
            let y = TOP + ROW * (i as f64 + 0.5);
            canvas.text((left - 14.0, y), &shortened(&variant.name, 220.0, FONT), FONT, INK, Anchor::End);
        }
        for (k, (row, heading, even)) in rows.iter().enumerate() {
            let from = left + k as f64 * (width + GAP);
            measure(canvas, row, heading, *even, (from, from + width, bottom));
        }
    });
    Some(Chart {
        name: "load-skew".into(),
        title: title.to_owned(),
        description:
            "Per variant the mean over the runs as a point and its 95 % interval as a pale bar, for the fullest pod \
                      over the mean (1 is even) and the coefficient of variation (0 is even). Further right is more \
                      uneven."
                .to_owned(),
        svg,
    })
}

fn measure(canvas: &mut Canvas<'_>, row: &Row<'_>, heading: &str, even: f64, (from, to, bottom): (f64, f64, f64)) {
    let highest = row.values().map(|(_, value)| value.mean + value.half_width.unwrap_or(0.0)).fold(even, f64::max);
    let reach = round_up((highest - even).max(0.05) * 1.12, 4);
    let axis = Axis::linear(even, even + reach, from, to - 52.0);
    canvas.text((from, TOP - 24.0), heading, FONT, INK, Anchor::Start);
    let mut ticks = axis.ticks(4);
    if ticks.first().is_none_or(|first| *first > even) {
        ticks.insert(0, even);
    }
    let step = tick_step(&ticks[ticks.len().saturating_sub(2)..]);
    for tick in &ticks {
        let x = axis.at(*tick);
        canvas.line((x, TOP - 8.0), (x, bottom), if *tick == even { CROWD } else { GRID }, 1.0);
        canvas.text((x, bottom + 14.0), &tick_text(*tick, step), FONT, MUTED, Anchor::Middle);
    }
    for (i, value) in row.values() {
        let y = TOP + ROW * (i as f64 + 0.5);
        let color = series_color(i);
        let half = value.half_width.unwrap_or(0.0);
        // Filled shapes, not lines: an interval must not be dashed.
        let (low, high) = (axis.at(value.mean - half), axis.at(value.mean + half));
        canvas.rect((axis.at(even), y - 1.0), (low, y + 1.0), CROWD);
        canvas.pale_rect((low, y - 6.0), (high.max(low + 1.0), y + 6.0), color);
        for end in [low, high] {
            canvas.rect((end - 0.5, y - 6.0), (end + 0.5, y + 6.0), color);
        }
        canvas.dot((axis.at(value.mean), y), 6.0, PAPER);
        canvas.dot((axis.at(value.mean), y), 4.5, color);
        // where the interval is wide, one digit more, so that the number is where the point stands
        let exact = row.scale.parts(value).mean;
        let text = if exact.chars().count() <= 4 { exact } else { row.scale.brief(value).mean };
        canvas.text((high.max(axis.at(value.mean) + 4.5) + 8.0, y), &text, FONT, INK, Anchor::Start);
    }
}
