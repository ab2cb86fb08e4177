//! Series over all replications: a panel per series, a line per variant, with its 95 % interval; and, smoothed, when they are steady.

use super::canvas::{Anchor, CROWD, Canvas, GRID, INK, MUTED, PALETTE, SHADE, density, draw, series_color};
use super::scale::{Axis, WIDEST, from_zero, tick_step, tick_text, time_ticks, with_intervals};
use super::{Chart, FONT, LARGE, Sample, legend, legend_rows};
use crate::metrics::{Band, OverTime, Steady, Study};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 56.0;
const HEADER: f64 = 34.0;
const HEIGHT: f64 = 130.0;
const COLUMNS: usize = 2;
/// Series that are drawn, in this order: what users notice, then what causes it.
const SHOWN: [(&str, &str); 9] = [
    ("event_mean_ms", "mean event latency (ms)"),
    ("request_mean_ms", "mean request latency (ms)"),
    ("connected", "connected clients"),
    ("reconnects_per_s", "reconnects per second"),
    ("lost_per_s", "lost messages per second"),
    ("failed_per_s", "failed requests and connects per second"),
    ("requests_per_s", "API requests per second"),
    ("redis_copies_per_s", "Redis copies per second"),
    ("max_over_mean", "connections of the fullest pod over the mean"),
];
/// What a series is called for people.
pub(in crate::report) fn series_title(name: &str) -> &str {
    SHOWN.iter().find(|(series, _)| *series == name).map_or(name, |(_, title)| title)
}

/// The moving average reaches so far to both sides, as a share of the run.
const SMOOTH: f64 = 0.04;

/// A stretch of a line: time, value, and how far its interval reaches.
type Points = Vec<(f64, f64, Option<f64>)>;

struct Panel {
    series: &'static str,
    title: &'static str,
    /// By variant; its position, and what is drawn.
    lines: Vec<(usize, Points)>,
    /// By variant; moments that are marked.
    marked: Vec<(usize, f64)>,
}

/// Means with their intervals.
pub(super) fn bands(study: &Study) -> Option<Chart> {
    let lines = |over_time: &OverTime, series: &str| over_time.band(series).map(|band| points(over_time, band));
    let panels = SHOWN.iter().filter_map(|shown| panel(study, shown, lines)).collect();
    chart(
        study,
        panels,
        "over-time",
        "Means over all runs, over time",
        "A panel per series, a line per variant: the mean over all replications, and its 95 % interval at each moment. Marked is \
         the warm-up.",
    )
}

/// Which variants share grey, and what of it all is cut off.
fn notes(study: &Study, panels: &[Panel]) -> String {
    let mut notes = String::new();
    let grey: Vec<&str> = study.variants.iter().skip(PALETTE.len()).map(|variant| variant.name.as_str()).collect();
    if let Some((last, before)) = grey.split_last() {
        let names = if before.is_empty() { (*last).to_owned() } else { format!("{} and {last}", before.join(", ")) };
        let are = if before.is_empty() { "is" } else { "are" };
        notes.push_str(&format!(" Grey {are} {names}, without intervals; over-time.csv has every value."));
    }
    if panels.iter().any(|panel| panel.highest().0 < panel.highest().1) {
        notes.push_str(&format!(" Intervals are cut off where they reach beyond {WIDEST:.0} times the highest mean."));
    }
    notes
}

impl Panel {
    /// How far the axis reaches, and how far the intervals do.
    fn highest(&self) -> (f64, f64) {
        let points = || self.lines.iter().filter(|(i, _)| *i < PALETTE.len()).flat_map(|(_, points)| points);
        let end = points().map(|(_, mean, half)| mean + half.unwrap_or(0.0)).fold(0.0, f64::max);
        let all = self.lines.iter().flat_map(|(_, points)| points);
        let mean = all.map(|(_, mean, _)| *mean).fold(0.0, f64::max);
        (with_intervals(mean, end.max(mean)), end.max(mean))
    }
}

/// Moving averages of what is looked at to tell whether the warm-up is long enough (Welch).
pub(super) fn welch(study: &Study) -> Option<Chart> {
    let is_looked_at =
        |series: &str| study.variants.iter().any(|variant| variant.steady.iter().any(|steady| steady.series == series));
    let series = SHOWN.iter().filter(|(series, _)| is_looked_at(series));
    let lines = |over_time: &OverTime, series: &str| over_time.band(series).map(|band| smoothed(over_time, band));
    let mut panels: Vec<Panel> = series.filter_map(|series| panel(study, series, lines)).collect();
    for panel in &mut panels {
        let from = |steady: &[Steady]| steady.iter().find(|steady| steady.series == panel.series)?.from_s;
        let variants = study.variants.iter().enumerate();
        panel.marked = variants.filter_map(|(i, variant)| Some((i, from(&variant.steady)?))).collect();
    }
    chart(
        study,
        panels,
        "warm-up",
        "Is the warm-up long enough?",
        "Moving averages of means over all replications (Welch's method); they should be level where the warm-up ends. Small triangles show \
         from where on MSER-5 would measure; of a line without one it says nothing.",
    )
}

fn panel(
    study: &Study,
    &(series, title): &(&'static str, &'static str),
    lines: impl Fn(&OverTime, &str) -> Option<Points>,
) -> Option<Panel> {
    let variants = study.variants.iter().enumerate();
    let lines: Vec<(usize, Points)> =
        variants.filter_map(|(i, variant)| Some((i, lines(&variant.over_time, series)?))).collect();
    (!lines.is_empty()).then(|| Panel { series, title, lines, marked: Vec::new() })
}

fn points(over_time: &OverTime, band: &Band) -> Points {
    let cells = over_time.times_s.iter().zip(&band.mean).zip(&band.half_width);
    cells.filter_map(|((time, mean), half)| Some((*time, (*mean)?, *half))).collect()
}

fn smoothed(over_time: &OverTime, band: &Band) -> Points {
    let points = points(over_time, band);
    let reach = (points.len() as f64 * SMOOTH) as usize;
    let average = |at: usize| {
        // near the ends the window shrinks on both sides, so that nothing is moved
        let reach = reach.min(at).min(points.len() - 1 - at);
        let window = &points[at - reach..=at + reach];
        window.iter().map(|(_, value, _)| value).sum::<f64>() / window.len() as f64
    };
    (0..points.len()).map(|at| (points[at].0, average(at), None)).collect()
}

fn chart(study: &Study, panels: Vec<Panel>, name: &'static str, title: &str, description: &str) -> Option<Chart> {
    if panels.is_empty() {
        return None;
    }
    let names: Vec<(usize, &str)> = study.variants.iter().map(|variant| variant.name.as_str()).enumerate().collect();
    let has_legend = study.variants.len() > 1;
    let top = 34.0 + if has_legend { 20.0 * legend_rows(&names, WIDTH) as f64 } else { 0.0 };
    let rows = panels.len().div_ceil(COLUMNS);
    let description = description.to_owned() + &notes(study, &panels);
    let svg = draw(WIDTH, top + rows as f64 * (HEADER + HEIGHT) + 34.0, |canvas| {
        canvas.bold((0.0, 12.0), title, LARGE, INK, Anchor::Start);
        if has_legend {
            legend(canvas, &names, WIDTH, 38.0, Sample::Line);
        }
        for (i, panel) in panels.iter().enumerate() {
            let is_last = i + COLUMNS >= panels.len();
            draw_panel(canvas, study, panel, (i / COLUMNS, i % COLUMNS), top, is_last);
        }
    });
    Some(Chart { name: name.into(), title: title.to_owned(), description, svg })
}

fn draw_panel(
    canvas: &mut Canvas<'_>,
    study: &Study,
    panel: &Panel,
    (row, column): (usize, usize),
    top: f64,
    is_last: bool,
) {
    let width = WIDTH / COLUMNS as f64;
    let (left, right) = (column as f64 * width + LEFT, (column + 1) as f64 * width - 10.0);
    let top = top + row as f64 * (HEADER + HEIGHT) + HEADER;
    let bottom = top + HEIGHT;
    let across = Axis::linear(0.0, study.duration_s, left, right);
    let (up, ticks) = from_zero(panel.highest().0, 4, bottom, top);
    canvas.text((left, top - 13.0), panel.title, FONT, INK, Anchor::Start);
    let warm = across.at(study.warm_up_s);
    if warm > left {
        canvas.rect((left, top), (warm, bottom), SHADE);
    }
    for tick in &ticks {
        let y = up.at(*tick);
        canvas.line((left, y), (right, y), if *tick == 0.0 { MUTED } else { GRID }, 1.0);
        canvas.text((left - 7.0, y), &tick_text(*tick, tick_step(&ticks)), 12.0, MUTED, Anchor::End);
    }
    for (i, points) in panel.lines.iter().filter(|(i, _)| *i < PALETTE.len()) {
        let edge = |sign: f64| {
            move |&(time, mean, half): &(f64, f64, Option<f64>)| {
                (across.at(time), up.at(mean + sign * half.unwrap_or(0.0)))
            }
        };
        let outline: Vec<(f64, f64)> =
            points.iter().map(edge(1.0)).chain(points.iter().rev().map(edge(-1.0))).collect();
        if points.iter().any(|(.., half)| half.is_some()) {
            canvas.veil(&outline, series_color(*i), density(study.variants.len()));
        }
    }
    // the grey ones below, so that they cover none that has a colour; of the others the solid line below the dashed ones
    let (colored, grey): (Vec<_>, Vec<_>) = panel.lines.iter().partition(|(i, _)| *i < PALETTE.len());
    for (i, points) in grey.into_iter().chain(colored) {
        let line: Vec<(f64, f64)> = points.iter().map(|&(time, mean, _)| (across.at(time), up.at(mean))).collect();
        canvas.path(&line, series_color(*i), 1.5);
    }
    for (i, time) in &panel.marked {
        let x = across.at(*time);
        canvas.polygon(&[(x, bottom), (x - 4.0, bottom + 7.0), (x + 4.0, bottom + 7.0)], series_color(*i));
    }
    if is_last {
        let (ticks, unit) = time_ticks(study.duration_s, 6);
        for (time, text) in &ticks {
            let x = across.at(*time);
            canvas.line((x, bottom), (x, bottom + 4.0), CROWD, 1.0);
            let text = if *time == 0.0 { format!("0 {unit}") } else { text.clone() };
            canvas.text((x, bottom + 16.0), &text, 12.0, MUTED, Anchor::Middle);
        }
    }
}
