//! What assumptions do: how far figures of the verdict move when each is halved and doubled, the largest effect on top.

use super::canvas::{Anchor, CROWD, Canvas, GRID, INK, MUTED, draw, series_color, text_width};
use super::scale::{Axis, round_up, tick_step, tick_text};
use super::{Chart, FONT, LARGE, Sample, legend, legend_rows};
use crate::metrics::{FigureId, Study};
use crate::report::sensitivity::{Effect, Reading, stated};

const WIDTH: f64 = 960.0;
const GAP: f64 = 28.0;
/// Height of the bar of one variant.
const BAR: f64 = 7.0;
/// Most assumptions that are drawn.
const MAX_ROWS: usize = 12;
/// Most figures side by side.
const MAX_FIGURES: usize = 3;
/// Most variants that are drawn: those that have a colour.
const MAX_VARIANTS: usize = 7;
/// Width of the longest path.
const LONGEST: f64 = 300.0;

/// The chart; `None` when no assumption moves a figure of the verdict.
pub(super) fn chart(study: &Study) -> Option<Chart> {
    let reading = Reading::of(study)?;
    let figures = most_moved(&reading);
    let moves_any = |effect: &&Effect<'_>| figures.iter().any(|figure| effect.size(&[*figure]) > 0.0);
    let effects: Vec<&Effect<'_>> = reading.effects.iter().filter(moves_any).take(MAX_ROWS).collect();
    if effects.is_empty() {
        return None;
    }
    let variants = study.variants.len().min(MAX_VARIANTS);
    let names: Vec<(usize, &str)> = study.variants.iter().map(|v| v.name.as_str()).enumerate().take(variants).collect();
    let row = (BAR * variants as f64 + 10.0).max(26.0);
    let legend_height = if variants > 1 { 20.0 * legend_rows(&names, WIDTH) as f64 } else { 0.0 };
    let top = 66.0 + legend_height;
    let bottom = top + row * effects.len() as f64;
    let paths = effects.iter().map(|effect| text_width(&effect.varied.assumption.path, FONT));
    // bold type is wider
    let left = (1.1 * paths.fold(60.0, f64::max)).min(LONGEST) + 14.0;
    let width = (WIDTH - left - GAP * (figures.len() - 1) as f64 - 16.0) / figures.len() as f64;
    let title = "How assumptions move the figures of the verdict (change in %)";
    let svg = draw(WIDTH, bottom + 34.0, |canvas| {
        canvas.bold((0.0, 12.0), title, LARGE, INK, Anchor::Start);
        if variants > 1 {
            legend(canvas, &names, WIDTH, 38.0, Sample::Line);
        }
        for (i, effect) in effects.iter().enumerate() {
            let y = top + row * (i as f64 + 0.5);
            let path = end_of(&effect.varied.assumption.path);
            let place = (left - 14.0, y);
            // what the verdict hinges on stands out
            if effect.hinges.is_empty() {
                canvas.text(place, &path, FONT, INK, Anchor::End);
            } else {
                canvas.bold(place, &path, FONT, INK, Anchor::End);
            }
        }
        for (k, figure) in figures.iter().enumerate() {
            let from = left + k as f64 * (width + GAP);
            panel(canvas, figure, &effects, variants, Frame { from, to: from + width, top, bottom, row });
        }
    });
    Some(Chart {
        name: "sensitivity".into(),
        title: title.to_owned(),
        description: "Per assumption and variant a bar from the change that the lower value makes to the one that the higher value \
                      makes, in per cent of the figure as assumed; the dot is the higher value's end. Changes that may be chance are \
                      left out. The verdict hinges on assumptions in bold type."
            .to_owned(),
        svg,
    })
}

/// A path, or as much of its end as there is room for.
fn end_of(path: &str) -> String {
    let room = (LONGEST / text_width("m", FONT) / 1.1) as usize;
    match path.chars().count() {
        n if n <= room => path.to_owned(),
        n => format!("…{}", path.chars().skip(n - room + 1).collect::<String>().trim_start_matches('.')),
    }
}

/// The figures of the verdict that move most, in its order.
fn most_moved(reading: &Reading<'_>) -> Vec<FigureId> {
    let figures = stated(reading.study);
    let size = |figure: &FigureId| reading.effects.iter().map(|effect| effect.size(&[*figure])).fold(0.0, f64::max);
    let mut sizes: Vec<f64> = figures.iter().map(size).filter(|size| *size > 0.0).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let least = sizes.get(MAX_FIGURES - 1).copied().unwrap_or(f64::MIN_POSITIVE);
    figures.into_iter().filter(|figure| size(figure) >= least).take(MAX_FIGURES).collect()
}

/// Where a panel stands.
struct Frame {
    from: f64,
    to: f64,
    top: f64,
    bottom: f64,
    row: f64,
}

fn panel(canvas: &mut Canvas<'_>, figure: &FigureId, effects: &[&Effect<'_>], variants: usize, frame: Frame) {
    let bars: Vec<(usize, usize, f64, f64)> = effects
        .iter()
        .enumerate()
        .flat_map(|(i, effect)| {
            let of_figure = effect.moves.iter().filter(|moved| moved.figure == *figure && moved.variant < variants);
            let ends = of_figure.map(|moved| (moved.variant, moved.relative(false), moved.relative(true)));
            let found = ends.filter(|(_, lower, higher)| lower.is_some() || higher.is_some());
            found.map(move |(v, lower, higher)| (i, v, 100.0 * lower.unwrap_or(0.0), 100.0 * higher.unwrap_or(0.0)))
        })
        .collect();
    let ends = || bars.iter().flat_map(|bar| [bar.2, bar.3]);
    let reach = |side: f64| if side > 0.0 { round_up(side * 1.05, 4) } else { 0.0 };
    let (low, high) = (-reach(-ends().fold(0.0, f64::min)), reach(ends().fold(0.0, f64::max)));
    let axis = Axis::linear(low, high, frame.from, frame.to - 10.0);
    canvas.text((frame.from, frame.top - 24.0), &figure.title(), FONT, INK, Anchor::Start);
    let ticks = axis.ticks(4);
    let step = tick_step(&ticks);
    for tick in &ticks {
        let x = axis.at(*tick);
        canvas.line((x, frame.top - 8.0), (x, frame.bottom), if *tick == 0.0 { CROWD } else { GRID }, 1.0);
        canvas.text((x, frame.bottom + 14.0), &tick_text(*tick, step), FONT, MUTED, Anchor::Middle);
    }
    for (i, variant, lower, higher) in bars {
        let middle = frame.top + frame.row * (i as f64 + 0.5);
        let y = middle + BAR * (variant as f64 - (variants as f64 - 1.0) / 2.0);
        let (from, to) = (lower.min(higher).min(0.0), lower.max(higher).max(0.0));
        // Filled shapes, not lines: a bar must not be dashed.
        canvas.rect((axis.at(from), y - 1.5), (axis.at(to), y + 1.5), series_color(variant));
        if higher != 0.0 {
            canvas.dot((axis.at(higher), y), 3.0, series_color(variant));
        }
    }
}
