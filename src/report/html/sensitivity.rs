//! What the verdict hinges on.

use maud::{Markup, html};

use super::{charts, scroll};
use crate::metrics::Study;
use crate::report::plots::Chart;
use crate::report::sensitivity::Reading;

/// True when assumptions were changed.
pub(super) fn is_there(study: &Study) -> bool {
    study.sensitivity.is_some()
}

/// The assumptions with an effect, the claims that they change, and the rest.
pub(super) fn section(study: &Study, charts: &[Chart]) -> Markup {
    let Some(reading) = Reading::of(study) else { return html! {} };
    html! {
        section id="sensitivity" {
            h2 { "Sensitivity" }
            p { (reading.method().trim_start_matches("Sensitivity: ")) }
            @if reading.effects.is_empty() {
                p { "None of them moves a figure of the verdict by 2 %." }
            } @else {
                @if charts.iter().any(|chart| chart.name == "sensitivity") {
                    (charts::figure(charts, "sensitivity", "", &table(&reading)))
                } @else {
                    (scroll("Effects of assumptions", &table(&reading)))
                }
                @if reading.hinges().next().is_some() {
                    h3 { "What the verdict hinges on" }
                    dl {
                        @for effect in reading.hinges() {
                            dt { code { (effect.varied.assumption.path) } }
                            @for hinge in &effect.hinges {
                                dd { "at " (effect.varied.tried(hinge.is_higher).unwrap_or_default()) ": " (hinge.words) }
                            }
                        }
                    }
                }
                p class="note" {
                    "A claim counts as changed where the change of what it rests on is 2 % or more and would come by chance once \
                     in a thousand times."
                }
            }
            @for note in reading.notes() { p class="meta" { (note) } }
        }
    }
}

/// The assumptions with an effect; the page has it below the chart.
fn table(reading: &Reading<'_>) -> Markup {
    html! {
        table {
            caption { "The figure of the verdict that each assumption moves most." }
            thead {
                tr {
                    th scope="col" { "assumption" }
                    th scope="col" class="text" { "assumed" }
                    th scope="col" class="text" { "moves most" }
                    th scope="col" { "with less" }
                    th scope="col" { "with more" }
                }
            }
            tbody {
                @for effect in &reading.effects {
                    @let cells = reading.cells(effect);
                    tr {
                        th scope="row" { code { (cells.assumption) } }
                        td class="text" {
                            (cells.assumed)
                            @if let Some(spread) = &effect.varied.assumption.spread {
                                span class="delta" { "seen: " (spread) }
                            }
                        }
                        td class="text" { (cells.figure) }
                        td { (cells.lower) }
                        td { (cells.higher) }
                    }
                }
            }
        }
    }
}
