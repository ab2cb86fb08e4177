//! The variants side by side, and whether expectations hold.

use maud::{Markup, html};

use super::{coded, key, linked, scroll};
use crate::metrics::{FigureId, FigureReport, HEADLINE, Study};
use crate::report::expect;
use crate::report::finding::Finding;
use crate::report::pairing;
use crate::report::precision;
use crate::report::rows::{Row, group};

/// What the section is called: one variant alone is compared with nothing.
pub(super) fn title(study: &Study) -> &'static str {
    if study.variants.len() > 1 { "Comparison" } else { "Figures" }
}

/// The comparison table, with every figure folded away below it.
pub(super) fn section(study: &Study) -> Markup {
    let others: Vec<String> =
        FigureId::all().map(|figure| figure.to_string()).filter(|id| !HEADLINE.contains(&id.as_str())).collect();
    let headline: Vec<String> = HEADLINE.iter().map(|id| (*id).to_owned()).collect();
    let baseline = study.variants.get(study.baseline);
    html! {
        section id="comparison" {
            h2 { (title(study)) }
            @if let (Some(baseline), true) = (baseline, study.variants.len() > 1) {
                p {
                    "All variants meet the same clients, at the same moments, with the same random numbers. Below each value \
                     stands its difference to " strong { (baseline.name) } ", taken run by run. A difference is called one \
                     only where its 95 % interval excludes 0, also when that is made for as many variants as there are (Holm)."
                }
                @if study.replications > 1 {
                    p class="note" {
                        "Each row is its own test: of twenty rows without any real difference, one will look like one. "
                        (pairing::sentence(study))
                    }
                }
            }
            (scroll("Comparison of the variants", &table(study, &headline)))
            @for sentence in [precision::sentence(study), precision::missing(study)] {
                @if !sentence.is_empty() { p class="note" { (coded(&sentence)) } }
            }
            details {
                summary { "Every other figure" }
                (scroll("Every other figure", &table(study, &others)))
            }
            @if study.variants.len() > 1 && study.replications >= pairing::FEWEST {
                details {
                    summary { "What the same random numbers bring, figure by figure" }
                    (scroll("Correlation and gain", &pairings(study)))
                }
            }
            details {
                summary { "Which balancer each variant is" }
                (scroll("Balancers", &balancers(study)))
            }
        }
    }
}

/// Correlation and gain of each headline figure.
fn pairings(study: &Study) -> Markup {
    html! {
        table {
            caption { "Correlation with the baseline, and how many times as many runs random numbers of their own would need" }
            thead { tr { th scope="col" { "figure" } @for (i, variant) in study.variants.iter().enumerate() { @if i != study.baseline { th scope="col" { (variant.name) } } } } }
            tbody {
                @for (figure, cells) in pairing::table(study) {
                    tr {
                        th scope="row" { (linked(&figure)) }
                        @for (i, cell) in cells.into_iter().enumerate() { @if i != study.baseline { td { (cell.map_or_else(|| "–".to_owned(), pairing::Worth::text)) } } }
                    }
                }
            }
        }
    }
}

fn table(study: &Study, ids: &[String]) -> Markup {
    let rows: Vec<Row<'_>> = ids.iter().filter_map(|id| Row::find(study, id)).collect();
    let mut groups: Vec<(&str, Vec<&Row<'_>>)> = Vec::new();
    for row in &rows {
        match groups.last_mut() {
            Some((name, members)) if *name == group(&row.id) => members.push(row),
            _ => groups.push((group(&row.id), vec![row])),
        }
    }
    html! {
        table class="wide" {
            caption { (interval_words(study)) }
            thead {
                tr {
                    th scope="col" { "figure" }
                    @for (i, variant) in study.variants.iter().enumerate() {
                        th scope="col" {
                            (key(i)) (variant.name)
                            @if i == study.baseline && study.variants.len() > 1 { span class="delta" { "baseline" } }
                        }
                    }
                }
            }
            @for (name, members) in &groups {
                tbody {
                    tr class="group" { th colspan=(study.variants.len() + 1) scope="rowgroup" { (name) } }
                    @for row in members {
                        tr {
                            th scope="row" { (linked(&row.figure)) }
                            @for (cell, blank) in row.cells.iter().zip(&row.blanks) { td { (self::cell(study, row, *cell, blank)) } }
                        }
                    }
                }
            }
        }
    }
}

fn interval_words(study: &Study) -> String {
    match study.replications {
        0 | 1 => "One run per variant: there is no interval, and no difference can be tested.".to_owned(),
        n => format!(
            "Mean over {n} runs ± half the width of its 95 % confidence interval (Student's t). Percentiles are those of each run, averaged."
        ),
    }
}

fn cell(study: &Study, row: &Row<'_>, figure: Option<&FigureReport>, blank: &str) -> Markup {
    let Some(figure) = figure else { return html! { (blank) } };
    let finding = Finding::of_figure(figure);
    html! {
        span class="value" { (row.scale.show(&figure.value)) }
        @if let Some(runs) = precision::fewer(study, &figure.value) { span class="delta" { "in " (runs) " of the runs" } }
        @if let Some(finding) = finding {
            span class={ "delta " (finding.class()) } {
                @if let (true, Some(difference)) = (finding.is_change(), &figure.difference) {
                    (row.scale.show_difference(difference)) " " (finding.word())
                } @else {
                    (finding.word())
                }
            }
        }
    }
}

fn balancers(study: &Study) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "variant" } th scope="col" class="text" { "balancer" } th scope="col" class="text" { "its decisions" } } }
            tbody {
                @for (i, variant) in study.variants.iter().enumerate() {
                    tr {
                        th scope="row" { (key(i)) (variant.name) }
                        td class="text" { (variant.balancer) }
                        td class="text" {
                            @match variant.decisions.as_str() {
                                "exact" => "exact: equal to the real program's",
                                other => (other),
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Each `expect`, with what was measured.
pub(super) fn expectations(study: &Study) -> Markup {
    let all = || study.variants.iter().flat_map(|variant| &variant.expectations);
    let failed = all().filter(|outcome| !outcome.holds).count();
    let total = all().count();
    if total == 0 {
        return html! {};
    }
    html! {
        section id="expectations" {
            h2 { "Expectations" }
            p { @if failed == 0 { "All " (total) " hold." } @else { (failed) " of " (total) " fail." } }
            @for variant in &study.variants {
                @if study.variants.len() > 1 && !variant.expectations.is_empty() { h3 { (variant.name) } }
                ul class="expect" {
                    @for outcome in &variant.expectations {
                        li {
                            span class={ "sign " (if outcome.holds { "better" } else { "worse" }) } aria-hidden="true" {
                                (if outcome.holds { "✓" } else { "✗" })
                            }
                            code { (outcome.text) } " – " (expect::words(outcome))
                        }
                    }
                }
            }
        }
    }
}
