//! How latency is distributed: a cumulative distribution whose upper axis is stretched, so that the tail can be read.

use super::canvas::{Anchor, Canvas, GRID, INK, MUTED, WIDER, draw, series_color, text_width};
use super::scale::{Axis, duration_text};
use super::{Chart, FONT, LARGE, Sample, legend, legend_rows};
use crate::metrics::{DistributionReport, Family, Study, TooFew};

const WIDTH: f64 = 560.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 18.0;
const HEIGHT: f64 = 300.0;

/// (share, its text) of the lines of the upright axis.
const SHARES: [(f64, &str); 8] = [
    (0.0, "0"),
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.95, "95 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
];

/// A chart of one family of durations; `None` when no variant has any.
pub(super) fn chart(study: &Study, family: &'static Family, name: &'static str) -> Option<Chart> {
    let lines: Vec<(usize, &DistributionReport)> = study
        .variants
        .iter()
        .enumerate()
        .filter_map(|(i, variant)| {
            let found = variant.distributions.iter().find(|d| d.family == family.name && d.points.len() > 1);
            found.map(|distribution| (i, distribution))
        })
        .collect();
    let count = lines.iter().map(|(_, distribution)| distribution.count).max()?;
    let names: Vec<(usize, &str)> = lines.iter().map(|&(i, _)| (i, study.variants[i].name.as_str())).collect();
    let top = 62.0 + 20.0 * legend_rows(&names, WIDTH) as f64;
    let svg = draw(WIDTH, top + HEIGHT + 52.0, |canvas| {
        canvas.bold((0.0, 12.0), &format!("Distribution of {}", family.title), LARGE, INK, Anchor::Start);
        legend(canvas, &names, WIDTH, 34.0, Sample::Line);
        plot(canvas, &lines, count, top);
    });
    Some(Chart {
        name: name.into(),
        title: format!("Distribution of {}", family.title),
        description: format!(
            "Cumulative distribution of {} per variant, all runs pooled. Across: duration, logarithmic. Up: share of \
             durations not above it, stretched towards 100 %. A line further right is slower.",
            family.title
        ),
        svg,
    })
}

fn plot(canvas: &mut Canvas<'_>, lines: &[(usize, &DistributionReport)], count: u64, top: f64) {
    let known = 1.0 - TooFew::BEYOND as f64 / (count.max(2 * TooFew::BEYOND) as f64);
    let highest = SHARES.iter().rev().map(|(share, _)| *share).find(|share| *share <= known).unwrap_or(0.5);
    let nines = |share: f64| -libm::log10(1.0 - share.min(highest));
    let up = Axis::linear(0.0, nines(highest), top + HEIGHT, top);
    let shown: Vec<(f64, f64)> = lines.iter().flat_map(|(_, d)| within(&d.points, highest)).collect();
    let low = shown.iter().map(|(ms, _)| *ms).filter(|ms| *ms > 0.0).fold(f64::INFINITY, f64::min);
    let high = shown.iter().map(|(ms, _)| *ms).fold(0.0, f64::max);
    let across = Axis::log(if low.is_finite() { low * 0.9 } else { 1.0 }, high * 1.05, LEFT, WIDTH - RIGHT);
    for (share, text) in SHARES.iter().filter(|(share, _)| *share <= highest) {
        let y = up.at(nines(*share));
        canvas.line((LEFT, y), (WIDTH - RIGHT, y), GRID, 1.0);
        canvas.text((LEFT - 8.0, y), text, FONT, MUTED, Anchor::End);
    }
    for ms in across.ticks(8) {
        let x = across.at(ms);
        canvas.line((x, top), (x, top + HEIGHT), GRID, 1.0);
        let text = duration_text(ms);
        let inside = x.min(WIDTH - WIDER * text_width(&text, FONT) / 2.0);
        canvas.text((inside, top + HEIGHT + 14.0), &text, FONT, MUTED, Anchor::Middle);
    }
    canvas.line((LEFT, top + HEIGHT), (WIDTH - RIGHT, top + HEIGHT), MUTED, 1.0);
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    canvas.text((middle, top + HEIGHT + 36.0), "duration (log scale)", FONT, INK, Anchor::Middle);
    canvas.text((0.0, top - 20.0), "share not above", FONT, INK, Anchor::Start);
    // The solid line of the first variant lies at the bottom, so that dashed ones upon it stay visible.
    for &(i, distribution) in lines {
        let points: Vec<(f64, f64)> = within(&distribution.points, highest)
            .iter()
            .map(|&(ms, share)| (across.at(ms), up.at(nines(share))))
            .collect();
        canvas.path(&points, series_color(i), if i < 7 { 2.0 } else { 1.0 });
    }
}

/// The points up to the share that is still shown, and the first one beyond it.
fn within(points: &[(f64, f64)], highest: f64) -> Vec<(f64, f64)> {
    let end = points.iter().position(|(_, share)| *share >= highest).map_or(points.len(), |at| at + 1);
    points[..end].to_vec()
}
