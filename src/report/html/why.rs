//! Why: where clients were sent, what failed and for which reason.

use maud::{Markup, html};

use super::{charts, count_of, key, linked, scroll};
use crate::metrics::{Counts, Reason, Reasons, Study};
use crate::report::number::{count, percent};
use crate::report::plots::Chart;
use crate::report::rows::Row;

/// The section.
pub(super) fn section(study: &Study, all: &[Chart]) -> Markup {
    html! {
        section id="why" {
            h2 { "Why" }
            (sources(study))
            (charts::figure(all, "load-skew", "", &charts::rows_table(study, &SKEW)))
            // side by side there is no room for many variants
            div class=[(study.variants.len() < 4).then_some("pair")] {
                div { h3 { "Landed on another pod than the last one" } (reasons(study, "requests of returning clients", |c| (c.moved, c.routed_again))) }
                div { h3 { "Failed API requests" } (reasons(study, "requests that ended", |c| (c.requests_failed, c.requests_ended()))) }
                div { h3 { "Failed attempts to connect" } (reasons(study, "attempts that ended", |c| (c.connects_failed, c.connects_ended()))) }
                div { h3 { "Messages that did not arrive" } (reasons(study, "messages times recipients whose outcome is known", |c| (c.lost, c.messages_ended()))) }
                div { h3 { "Connections that ended" } (reasons(study, "connections that ended", |c| (c.closed, c.closed.total()))) }
            }
        }
    }
}

/// Measures of skew.
const SKEW: [&str; 9] = [
    "load.connections.max_over_mean",
    "load.connections.worst",
    "load.connections.max",
    "load.connections.cv",
    "load.connections.gini",
    "load.connections.jain",
    "load.requests.max_over_mean",
    "load.requests.cv",
    "load.cpu.max_over_mean",
];

/// How many independent sources the balancer sees: the number that predicts the skew of a hash.
fn sources(study: &Study) -> Markup {
    let Some(row) = Row::find(study, "n_eff.balancer") else { return html! {} };
    let all: Vec<Row<'_>> =
        ["n_eff.addresses", "n_eff.networks", "n_eff.balancer"].iter().filter_map(|id| Row::find(study, id)).collect();
    html! {
        p {
            "A hash can spread load only as finely as its sources are many. " (linked(&row.figure)) " is that number: "
            @for (n, (i, value)) in row.values().enumerate() {
                @if n > 0 { ", " }
                strong { (row.scale.show_value(value.mean)) } " with " (study.variants[i].name)
            }
            "."
        }
        details {
            summary { "Sources in numbers" }
            (scroll("Effective numbers of sources", &charts::figure_table(study, &all)))
        }
    }
}

/// A table of reasons; reasons that never occurred are named below it instead of filling rows.
fn reasons<R: Reason>(study: &Study, what: &str, get: fn(&Counts) -> (Reasons<R>, u64)) -> Markup {
    let counts: Vec<(Reasons<R>, u64)> = study.variants.iter().map(|variant| get(&variant.counts)).collect();
    let occurred = |reason: &R| counts.iter().any(|(reasons, _)| reasons.of(*reason) > 0);
    let (seen, never): (Vec<R>, Vec<R>) = R::ALL.iter().copied().partition(occurred);
    if seen.is_empty() {
        return html! { p { "None." } };
    }
    let share = |part: u64, whole: u64| if whole == 0 { String::new() } else { percent(part as f64 / whole as f64) };
    let table = html! {
        table class="wide names" {
            caption { "Totals over " (count_of(u64::from(study.replications), "run")) ", and share of all " (what) "." }
            thead {
                tr {
                    th scope="col" { "because" }
                    @for (i, variant) in study.variants.iter().enumerate() { th scope="col" { (key(i)) (variant.name) } }
                }
            }
            tbody {
                @for reason in &seen {
                    tr {
                        th scope="row" { (reason.meaning()) }
                        @for (reasons, whole) in &counts {
                            td { (count(reasons.of(*reason))) span class="delta" { (share(reasons.of(*reason), *whole)) } }
                        }
                    }
                }
                tr {
                    th scope="row" { strong { "all reasons" } }
                    @for (reasons, whole) in &counts {
                        td { (count(reasons.total())) span class="delta" { (share(reasons.total(), *whole)) } }
                    }
                }
            }
        }
    };
    html! {
        (scroll(what, &table))
        @if !never.is_empty() {
            p class="note" {
                "Never happened: "
                @for (n, reason) in never.iter().enumerate() { @if n > 0 { "; " } (reason.meaning()) }
                "."
            }
        }
    }
}
