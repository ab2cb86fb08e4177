//! What a sweep shows, in sentences and in a table.

use super::{SeenVariant, Sweep};
use crate::report::number::{Scale, count};
use crate::report::terminal::{table_of, wrapped};

/// Most rows of the table on the terminal: more are for `points.csv`.
const MOST_ROWS: usize = 36;

/// For a terminal of so many columns: every point if that fits, else the lowest and the highest; and the sentences.
pub(super) fn text(sweep: &Sweep<'_>, width: usize) -> String {
    let fits = |table: &String| table.lines().all(|line| line.chars().count() <= width);
    let (header, rows) = summary_table(sweep);
    let every = (rows.len() <= MOST_ROWS).then(|| table_of(header, rows)).filter(fits);
    let mut out = every.unwrap_or_else(|| {
        let (header, rows) = ends_table(sweep);
        format!("{}\n{}", wrapped(&ends_title(sweep), width, ""), table_of(header, rows))
    });
    out.push('\n');
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

/// What that table shows.
pub(in crate::report) fn ends_title(sweep: &Sweep<'_>) -> String {
    let points = sweep.about.points;
    format!("Lowest and highest of {} points, each at its {}.", count(points.len() as u64), points.paths.join(", "))
}

/// How far the drawn figures go: header, and a row per figure and variant.
pub(in crate::report) fn ends_table(sweep: &Sweep<'_>) -> (Vec<String>, Vec<Vec<String>>) {
    let row = |point: usize| sweep.about.points.rows[point].join(", ");
    let mut rows = Vec::new();
    for (figure, scale) in scales(sweep).iter().enumerate() {
        for (at, variant) in sweep.variants.iter().enumerate() {
            let known = || sweep.points.iter().enumerate().filter_map(|(p, point)| Some((p, point.value(at, figure)?)));
            // of equal ones the first
            let lowest = known().reduce(|a, b| if b.1.mean < a.1.mean { b } else { a });
            let highest = known().reduce(|a, b| if b.1.mean > a.1.mean { b } else { a });
            let (Some(low), Some(high)) = (lowest, highest) else { continue };
            let mut cells = vec![sweep.figures[figure].title()];
            cells.extend((sweep.variants.len() > 1).then(|| variant.clone()));
            cells.extend([low, high].iter().flat_map(|(point, value)| [scale.show(value), row(*point)]));
            rows.push(cells);
        }
    }
    let mut header = vec!["figure".to_owned()];
    header.extend((sweep.variants.len() > 1).then(|| "variant".to_owned()));
    header.extend(["lowest", "at", "highest", "at"].map(str::to_owned));
    (header, rows)
}

/// Where expectations hold, and what stopped.
pub(in crate::report) fn sentences(sweep: &Sweep<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let points = sweep.about.points;
    for (at, variant) in sweep.variants.iter().enumerate() {
        let whose = if sweep.variants.len() > 1 { format!("{variant}: ") } else { String::new() };
        let seen = || sweep.points.iter().filter_map(|point| point.variants.get(at)?.as_ref());
        let mut texts: Vec<&str> = Vec::new();
        for (text, _) in seen().flat_map(|variant| &variant.expected) {
            if !texts.contains(&text.as_str()) {
                texts.push(text);
            }
        }
        for text in texts {
            let found =
                |variant: &SeenVariant| variant.expected.iter().find(|(other, _)| other == text).map(|found| found.1);
            let all: Vec<bool> = seen().filter_map(found).collect();
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
