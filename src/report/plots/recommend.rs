//! Gain against price: a row per remedy, a panel per figure, each change with its interval.

use super::canvas::{Anchor, CROWD, Canvas, GRID, INK, MUTED, draw, series_color, text_width};
use super::scale::{Axis, round_up, tick_step, tick_text};
use super::{Chart, FONT, LARGE};
use crate::metrics::Estimate;
use crate::report::finding::Finding;
use crate::report::number::Scale;
use crate::report::recommend::Reading;
use crate::report::rows::Row;
use crate::study::Entry;

const WIDTH: f64 = 960.0;
const GAP: f64 = 30.0;
/// Height of a row.
const ROW: f64 = 26.0;
/// What gains are paid with: the first of each line that is there and not the goal.
const PRICES: [&[&str]; 3] = [&["price.month", "pods.mean"], &["connections.reconnects"], &["redis.commands"]];

/// One panel: what it shows, and the change of each remedy.
struct Panel {
    title: String,
    changes: Vec<Option<(Estimate, Finding)>>,
}

/// The chart.
pub(in crate::report) fn chart(reading: &Reading<'_>) -> Chart {
    let entries: Vec<&Entry> = reading.found.entries.iter().filter(|entry| entry.variant > 0).collect();
    let names: Vec<&str> = entries.iter().map(|entry| reading.variant(entry).name.as_str()).collect();
    let panels = panels(reading, &entries);
    let left = names.iter().map(|name| text_width(name, FONT)).fold(60.0, f64::max) + 44.0;
    let width = (WIDTH - left - GAP * (panels.len() as f64 - 1.0) - 16.0) / panels.len() as f64;
    let (top, title) = (78.0, format!("What each remedy does for {}, and its price", reading.found.goal.title()));
    let bottom = top + ROW * entries.len() as f64;
    let svg = draw(WIDTH, bottom + 34.0, |canvas| {
        canvas.bold((0.0, 12.0), &title, LARGE, INK, Anchor::Start);
        for (i, (entry, name)) in entries.iter().zip(&names).enumerate() {
            let y = top + ROW * (i as f64 + 0.5);
            canvas.text((0.0, y), &format!("{}.", entry.rank), FONT, MUTED, Anchor::Start);
            canvas.text((28.0, y), name, FONT, INK, Anchor::Start);
        }
        for (k, panel) in panels.iter().enumerate() {
            let from = left + k as f64 * (width + GAP);
            draw_panel(canvas, panel, (from, from + width), (top, bottom));
        }
    });
    Chart {
        name: "recommend".into(),
        title,
        description: "Per remedy and figure the change against the scenario as it stands, with its 95 % interval, run by run. Filled: a change \
                      for the better; a ring: for the worse, or neither; grey: no difference found, also for as many remedies as there are."
            .to_owned(),
        svg,
    }
}

fn panels(reading: &Reading<'_>, entries: &[&Entry]) -> Vec<Panel> {
    let goal = reading.found.goal;
    let as_shares = entries.iter().any(|entry| entry.relative.is_some());
    let of_goal = |entry: &&Entry| {
        let finding = reading.finding(entry)?;
        let change = if as_shares { entry.relative.map(|share| times(&share, 100.0)) } else { None };
        let figure = reading.variant(entry).figure(&goal.to_string());
        Some((change.or_else(|| Some(reading.scale.scaled(&figure?.difference?)))?, finding))
    };
    let unit = if as_shares { "%" } else { reading.scale.difference_unit };
    let mut panels =
        vec![Panel { title: heading(&goal.title(), unit), changes: entries.iter().map(of_goal).collect() }];
    for candidates in PRICES {
        let row = candidates.iter().filter(|id| **id != goal.to_string()).find_map(|id| Row::find(reading.study, id));
        let Some(row) = row else { continue };
        let differences = entries.iter().filter_map(|entry| row.cells[entry.variant]?.difference);
        let scale = Scale::fitting(row.figure.family().unit, differences.map(|difference| difference.mean));
        let of_price = |entry: &&Entry| {
            let figure = row.cells[entry.variant]?;
            Some((scale.scaled(&figure.difference?), Finding::of_figure(figure)?))
        };
        let title = match (&reading.study.currency, row.id.as_str()) {
            (Some(currency), "price.month") => format!("{currency} a month"),
            _ => heading(&row.figure.title(), scale.difference_unit),
        };
        panels.push(Panel { title, changes: entries.iter().map(of_price).collect() });
    }
    panels
}

/// A heading in two lines where one is too narrow.
fn in_two(title: &str, width: f64) -> Vec<&str> {
    if text_width(title, FONT) <= width {
        return vec![title];
    }
    let blanks = title.match_indices(' ').map(|(at, _)| at);
    match blanks.rev().find(|&at| text_width(&title[..at], FONT) <= width) {
        Some(at) => vec![&title[..at], &title[at + 1..]],
        None => vec![title],
    }
}

fn heading(title: &str, unit: &str) -> String {
    if unit.is_empty() { title.to_owned() } else { format!("{title} ({unit})") }
}

fn times(estimate: &Estimate, factor: f64) -> Estimate {
    Estimate {
        mean: estimate.mean * factor,
        half_width: estimate.half_width.map(|half| half * factor),
        min: estimate.min * factor,
        max: estimate.max * factor,
        replications: estimate.replications,
    }
}

fn draw_panel(canvas: &mut Canvas<'_>, panel: &Panel, (from, to): (f64, f64), (top, bottom): (f64, f64)) {
    let ends = || {
        let known = panel.changes.iter().flatten();
        known.flat_map(|(change, _)| [-1.0, 1.0].map(|side| change.mean + side * change.half_width.unwrap_or(0.0)))
    };
    let reach = |side: f64| if side > 0.0 { round_up(side * 1.02, 3) } else { 0.0 };
    let (low, high) = (-reach(-ends().fold(0.0, f64::min)), reach(ends().fold(0.0, f64::max)));
    let axis = Axis::linear(low, high, from, to - 10.0);
    for (line, text) in in_two(&panel.title, to - from).into_iter().enumerate() {
        canvas.text((from, top - 38.0 + 17.0 * line as f64), text, FONT, INK, Anchor::Start);
    }
    let ticks = axis.ticks(4);
    let step = tick_step(&ticks);
    for tick in &ticks {
        let x = axis.at(*tick);
        canvas.line((x, top - 8.0), (x, bottom), if *tick == 0.0 { CROWD } else { GRID }, 1.0);
        canvas.text((x, bottom + 14.0), &tick_text(*tick, step), FONT, MUTED, Anchor::Middle);
    }
    for (i, change) in panel.changes.iter().enumerate() {
        let Some((change, finding)) = change else { continue };
        let y = top + ROW * (i as f64 + 0.5);
        let color = match finding.class() {
            "better" => series_color(0),
            "same" => CROWD,
            _ => series_color(1),
        };
        let half = change.half_width.unwrap_or(0.0);
        // filled shapes, not lines: an interval must not be dashed
        canvas.rect((axis.at(change.mean - half), y - 1.0), (axis.at(change.mean + half), y + 1.0), color);
        canvas.dot((axis.at(change.mean), y), 4.5, color);
        if !matches!(finding.class(), "better" | "same") {
            canvas.dot((axis.at(change.mean), y), 2.0, super::canvas::PAPER);
        }
    }
}
