//! What a sweep shows, in sentences and in a table.

use super::{Blank, Seen, SeenVariant, Sweep};
use crate::metrics::{Estimate, Precision};
use crate::report::number::{Scale, count, count_of, percent};
use crate::report::precision::{TOO_FEW, least};
use crate::report::terminal::{table_of, wrapped};

/// Heading above the expectations that do not hold, or not surely.
pub(in crate::report) const NOT_MET: &str = "does not hold";
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
    header.extend(has_expectations.then(|| NOT_MET.to_owned()));
    let mut rows = Vec::new();
    for (row, point) in sweep.about.points.rows.iter().zip(&sweep.points) {
        for (at, name) in sweep.variants.iter().enumerate() {
            let Some(variant) = point.variants.get(at).and_then(Option::as_ref) else { continue };
            let mut cells = row.clone();
            cells.extend((sweep.variants.len() > 1).then(|| name.clone()));
            let values = variant.values.iter().zip(&scales);
            cells.extend(values.map(|(value, scale)| match value {
                Ok(value) => format!("{}{}", scale.parts(value), fewer(point, value)),
                Err(why) => blank(*why),
            }));
            let failing: Vec<&str> =
                variant.expected.iter().filter(|(_, holds)| !holds).map(|(text, _)| text.as_str()).collect();
            cells.extend(has_expectations.then(|| failing.join("; ")));
            rows.push(cells);
        }
    }
    (header, rows)
}

/// ` [18]` behind a value of which only so many runs had any.
fn fewer(point: &Seen, value: &Estimate) -> String {
    if value.replications < point.runs { format!(" [{}]", value.replications) } else { String::new() }
}

/// What a table shows in the place of a value.
fn blank(why: Blank) -> String {
    if why == Blank::TooFew { TOO_FEW } else { "–" }.to_owned()
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
            let mut cells = vec![sweep.figures[figure].title()];
            cells.extend((sweep.variants.len() > 1).then(|| variant.clone()));
            match lowest.zip(highest) {
                Some((low, high)) if low.1.mean == high.1.mean && known().count() > 1 => {
                    cells.extend([scale.show(low.1), "everywhere".to_owned(), "–".to_owned(), "–".to_owned()]);
                }
                Some((low, high)) => {
                    let shown =
                        |point: usize, value| format!("{}{}", scale.show(value), fewer(&sweep.points[point], value));
                    cells.extend([low, high].iter().flat_map(|(point, value)| [shown(*point, value), row(*point)]));
                }
                None => {
                    let whys = sweep.points.iter().filter_map(|point| point.blank(at, figure));
                    let why = whys.min().map_or("–", Blank::words);
                    cells.extend([why, "–", "–", "–"].map(str::to_owned));
                }
            }
            rows.push(cells);
        }
    }
    let mut header = vec!["figure".to_owned()];
    header.extend((sweep.variants.len() > 1).then(|| "variant".to_owned()));
    header.extend(["lowest", "at", "highest", "at"].map(str::to_owned));
    (header, rows)
}

/// At how many points a figure is known, where it is not known at all of them.
fn untold(sweep: &Sweep<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for (figure, id) in sweep.figures.iter().enumerate() {
        for (names, told) in sweep.told(figure) {
            // what stopped is told for itself
            if told.blank.iter().all(|(_, why)| *why == Blank::Stopped) {
                continue;
            }
            let (what, all) = (format!("{}{}", id.title(), sweep.whose(&names)), count(sweep.points.len() as u64));
            out.push(match (told.points, &told.blank[..]) {
                (0, [(_, Blank::Nothing)]) => format!("{what}: nothing was measured at any point."),
                (0, _) => format!("{what} can be told at no point: {}.", told.reasons()),
                (points, _) => {
                    let (points, others) = (count(points as u64), count(told.missing() as u64));
                    format!(
                        "{what} can be told at {points} of {all} points, not at the other {others}: {}.",
                        told.reasons()
                    )
                }
            });
        }
    }
    out
}

/// How many runs there are, and how well figures are known where that decided it.
fn runs(sweep: &Sweep<'_>) -> Vec<String> {
    let ran = || sweep.points.iter().filter(|point| point.stopped.is_none());
    let (Some(fewest), Some(most)) = (ran().map(|point| point.runs).min(), ran().map(|point| point.runs).max()) else {
        return Vec::new();
    };
    let number = if fewest == most { count_of(u64::from(most), "run") } else { format!("{fewest} to {most} runs") };
    let has_fewer = ran().any(|point| {
        let values = point.variants.iter().flatten().flat_map(|variant| variant.values.iter().flatten());
        values.into_iter().any(|value| value.replications < point.runs)
    });
    let fewer = if has_fewer { " [n]: only n of them had any of it." } else { "" };
    let chance = if most == 1 { " One run says nothing of chance." } else { "" };
    let mut out = vec![format!("{number} of each variant at each point.{fewer}{chance}")];
    let asked = || ran().enumerate().filter_map(|(at, point)| Some((at, point.precision.as_ref()?)));
    let missed: Vec<(usize, &Precision)> = asked().filter(|(_, precision)| !precision.is_reached()).collect();
    let far = |precision: &Precision| precision.reached.unwrap_or(f64::INFINITY);
    let worst = missed.iter().copied().reduce(|a, b| if far(b.1) > far(a.1) { b } else { a });
    let Some(wanted) = asked().next().map(|(_, precision)| percent(precision.wanted)) else { return out };
    out.push(match worst {
        None => format!("At every point every headline figure, and what is expected, is known to ±{wanted}."),
        Some((at, precision)) => format!(
            "At {} of {} points not every figure is known to ±{wanted}; least is known at {}: {}.",
            missed.len(),
            count(asked().count() as u64),
            sweep.about.points.words(at),
            least(precision, sweep.variants.len() > 1)
        ),
    });
    out
}

/// Variants whose runs are the same at all points.
fn unmoved(sweep: &Sweep<'_>) -> Vec<String> {
    let is_unmoved = |at: &usize| {
        let as_first = |point: &Seen| point.variants.get(*at).and_then(Option::as_ref).is_some_and(|v| v.is_as_first);
        sweep.points.len() > 1 && sweep.points.iter().all(as_first)
    };
    let all: Vec<&str> = (0..sweep.variants.len()).filter(is_unmoved).map(|at| sweep.variants[at].as_str()).collect();
    let (what, its) = match all[..] {
        [] => return Vec::new(),
        _ if sweep.variants.len() == 1 => {
            return vec!["The runs are the same at every point: nothing in them depends on what is swept.".to_owned()];
        }
        [one] => {
            (format!("{one} runs the same at every point"), "its own patch sets it, or nothing in it depends on it")
        }
        _ => (
            format!("{} run the same at every point", all.join(", ")),
            "their own patches set it, or nothing in them depends on it",
        ),
    };
    vec![format!("{what}: what is swept does not reach {}, because {its}.", if all.len() == 1 { "it" } else { "them" })]
}

/// Where expectations hold, what cannot be told, what sweeping does not reach, and what stopped.
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
    out.extend(runs(sweep));
    out.extend(untold(sweep));
    out.extend(unmoved(sweep));
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
