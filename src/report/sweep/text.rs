//! What a sweep shows, in sentences and in a table.

use super::Sweep;
use crate::report::number::{Scale, count};
use crate::report::terminal::{table_of, wrapped};

/// Most rows of the table on the terminal: more are for `points.csv`.
const MOST_ROWS: usize = 36;

/// For a terminal of so many columns: the table if it fits, and the sentences.
pub(super) fn text(sweep: &Sweep<'_>, width: usize) -> String {
    let (header, rows) = summary_table(sweep);
    let mut out = String::new();
    if rows.len() <= MOST_ROWS {
        let table = table_of(header, rows);
        if table.lines().all(|line| line.chars().count() <= width) {
            out = table + "\n";
        }
    }
    sentences(sweep).iter().for_each(|sentence| out.push_str(&wrapped(sentence, width, "  ")));
    out
}

/// The swept values and the drawn figures: header, and a row per point and variant.
pub(in crate::report) fn summary_table(sweep: &Sweep<'_>) -> (Vec<String>, Vec<Vec<String>>) {
    let scales = scales(sweep);
    let mut header = sweep.about.points.paths.clone();
    header.extend((sweep.variants.len() > 1).then(|| "variant".to_owned()));
    header.extend(sweep.figures.iter().zip(&scales).map(|(figure, scale)| match scale.unit {
        "" => figure.title(),
        unit => format!("{} ({unit})", figure.title()),
    }));
    let has_expectations = sweep.points.iter().any(|p| p.variants.iter().flatten().any(|v| !v.expected.is_empty()));
    header.extend(has_expectations.then(|| "fails".to_owned()));
    let mut rows = Vec::new();
    for (row, point) in sweep.about.points.rows.iter().zip(&sweep.points) {
        for (at, name) in sweep.variants.iter().enumerate() {
            let Some(variant) = point.variants.get(at).and_then(Option::as_ref) else { continue };
            let mut cells = row.clone();
            cells.extend((sweep.variants.len() > 1).then(|| name.clone()));
            let values = variant.values.iter().zip(&scales);
            cells.extend(
                values.map(|(value, scale)| value.as_ref().map_or("–".to_owned(), |v| scale.parts(v).to_string())),
            );
            let failing: Vec<&str> =
                variant.expected.iter().filter(|(_, holds)| !holds).map(|(text, _)| text.as_str()).collect();
            cells.extend(has_expectations.then(|| failing.join("; ")));
            rows.push(cells);
        }
    }
    (header, rows)
}

/// In which unit each figure is shown.
fn scales(sweep: &Sweep<'_>) -> Vec<Scale> {
    let scale = |(at, figure): (usize, &crate::metrics::FigureId)| {
        Scale::fitting(figure.family().unit, sweep.values(at).map(|value| value.mean))
    };
    sweep.figures.iter().enumerate().map(scale).collect()
}

/// How far the drawn figures go, where expectations hold, and what stopped.
pub(in crate::report) fn sentences(sweep: &Sweep<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let points = sweep.about.points;
    for (at, variant) in sweep.variants.iter().enumerate() {
        let seen =
            || sweep.points.iter().enumerate().filter_map(|(p, point)| Some((p, point.variants.get(at)?.as_ref()?)));
        let whose = if sweep.variants.len() > 1 { format!("{variant}: ") } else { String::new() };
        for (figure, scale) in scales(sweep).iter().enumerate() {
            let known = || seen().filter_map(|(p, variant)| Some((p, variant.values[figure].as_ref()?)));
            // of equal ones the first
            let lowest = known().reduce(|a, b| if b.1.mean < a.1.mean { b } else { a });
            let highest = known().reduce(|a, b| if b.1.mean > a.1.mean { b } else { a });
            let title = sweep.figures[figure].title();
            if let (Some(low), Some(high)) = (lowest, highest) {
                if low.1.mean == high.1.mean {
                    out.push(format!("{whose}{title} is {} at every point.", scale.show_brief(low.1)));
                } else {
                    let of = |(point, value)| format!("{} with {}", scale.show_brief(value), points.words(point));
                    out.push(format!("{whose}{title} is lowest, {}, and highest, {}.", of(low), of(high)));
                }
            }
        }
        let mut texts: Vec<&str> = Vec::new();
        for (text, _) in seen().flat_map(|(_, variant)| &variant.expected) {
            if !texts.contains(&text.as_str()) {
                texts.push(text);
            }
        }
        for text in texts {
            let all: Vec<bool> = seen()
                .filter_map(|(_, v)| v.expected.iter().find(|(t, _)| t == text).map(|(_, holds)| *holds))
                .collect();
            let holding = all.iter().filter(|holds| **holds).count();
            out.push(format!(
                "{whose}`{text}` holds at {} of {} points.",
                count(holding as u64),
                count(all.len() as u64)
            ));
        }
    }
    let stopped: Vec<usize> = (0..sweep.points.len()).filter(|&at| sweep.points[at].stopped.is_some()).collect();
    if let Some(&first) = stopped.first() {
        let why = sweep.points[first].stopped.as_deref().unwrap_or_default();
        out.push(format!(
            "{} of {} points stopped, such as {}: {why}.",
            stopped.len(),
            points.len(),
            points.words(first)
        ));
    }
    out
}
