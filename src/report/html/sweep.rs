//! `sweep.html`: what a sweep found, with its pictures and its table.

use maud::{Markup, html};

use super::{coded, count_of, document, figures, scroll};
use crate::report::plots::Chart;
use crate::report::sweep::{NOT_MET, Sweep, ends_table, ends_title, sentences, summary_table};

/// Most rows on the page: more are for `points.csv`.
const MOST_ROWS: usize = 500;
/// Most values of a path that are listed.
const MOST_VALUES: usize = 24;

/// The page.
pub(in crate::report) fn page(sweep: &Sweep<'_>, charts: &[Chart]) -> String {
    let about = &sweep.about;
    let title = if about.title.is_empty() { about.name } else { about.title };
    let header = html! {
        p class="kicker" { "stickysim sweep" }
        h1 { (title) }
        p class="meta" {
            (count_of(about.points.len() as u64, "point")) " of " (count_of(about.points.paths.len() as u64, "path"))
            @if sweep.variants.len() > 1 { ", " (count_of(sweep.variants.len() as u64, "variant")) " at each" }
        }
    };
    let main = html! {
        section id="verdict" aria-labelledby="verdict-heading" {
            h2 class="unseen" id="verdict-heading" { "Results" }
            @for sentence in sentences(sweep) { p { (coded(&sentence)) } }
            @if !sweep.figures.is_empty() { (grid(&ends_title(sweep), ends_table(sweep), 1 + texts(sweep))) }
        }
        @if !charts.is_empty() { (figures("Pictures", charts)) }
        (table(sweep))
        (question(sweep))
        (definitions(sweep))
    };
    document(title, &header, &main, about.name, None)
}

/// Columns of the points and variants, which are texts.
fn texts(sweep: &Sweep<'_>) -> usize {
    usize::from(sweep.variants.len() > 1)
}

fn table(sweep: &Sweep<'_>) -> Markup {
    let (header, mut rows) = summary_table(sweep);
    let more = if rows.len() > MOST_ROWS { format!(" These are the first {MOST_ROWS} rows.") } else { String::new() };
    let what =
        if sweep.has_intervals() { "Means over the runs with their 95 % intervals." } else { "Values of one run." };
    let caption = format!("{what}{more}");
    rows.truncate(MOST_ROWS);
    html! {
        section id="points" {
            h2 { "Points" }
            (grid(&caption, (header, rows), sweep.about.points.paths.len() + texts(sweep)))
            p class="note" {
                "Every figure stands in " code { "sweep.csv" } ", the usual ones in " code { "points.csv" } "."
            }
        }
    }
}

/// A table of which the first columns are texts, and those that hold words.
fn grid(label: &str, (header, rows): (Vec<String>, Vec<Vec<String>>), texts: usize) -> Markup {
    let class = |at: usize| (at < texts || [NOT_MET, "at"].contains(&header[at].as_str())).then_some("text");
    scroll(
        label,
        &html! {
            table {
                caption { (label) }
                thead { tr { @for (at, name) in header.iter().enumerate() { th scope="col" class=[class(at)] { (name) } } } }
                tbody {
                    @for row in &rows { tr { @for (at, cell) in row.iter().enumerate() { td class=[class(at)] { span class="value" { (cell) } } } } }
                }
            }
        },
    )
}

/// What was asked, enough to ask it again.
fn question(sweep: &Sweep<'_>) -> Markup {
    let about = &sweep.about;
    html! {
        section id="question" {
            h2 { "What was asked" }
            dl {
                @for (column, path) in about.points.paths.iter().enumerate() {
                    dt { code { (path) } }
                    dd { (values(about.points.rows.iter().map(|row| row[column].as_str()))) }
                }
                @for option in about.options { dt { code { (option) } } }
            }
            p class="meta" { "Content hash of the sweep: " code { (about.hash) } }
            details {
                summary { "The scenario" }
                pre tabindex="0" { (about.scenario_yaml) }
            }
        }
    }
}

/// Each value once, as it comes.
fn values<'v>(all: impl Iterator<Item = &'v str>) -> String {
    let mut known: Vec<&str> = Vec::new();
    let mut more = std::collections::BTreeSet::new();
    for value in all {
        if known.contains(&value) {
            continue;
        }
        if known.len() < MOST_VALUES {
            known.push(value);
        } else {
            more.insert(value);
        }
    }
    let rest = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{rest}", known.join(", "))
}

/// What the figures measure.
fn definitions(sweep: &Sweep<'_>) -> Markup {
    html! {
        section id="definitions" {
            h2 { "Definitions" }
            dl class="definitions" {
                @for (at, figure) in sweep.figures.iter().enumerate() {
                    @if sweep.figures[..at].iter().all(|other| other.family().name != figure.family().name) {
                        dt id={ "def-" (figure.family().name) } { (figure.family().title) " " code { (figure.family().name) } }
                        dd { (coded(figure.family().definition)) }
                    }
                }
            }
        }
    }
}
