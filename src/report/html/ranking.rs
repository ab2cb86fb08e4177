//! The variants in their order.

use maud::{Markup, html};

use super::{key, scroll};
use crate::metrics::Study;
use crate::report::ranking::{Reading, expects, failed};

/// True when there is something to rank.
pub(super) fn is_there(study: &Study) -> bool {
    Reading::of(study).is_some()
}

/// The ranks; nothing where there is nothing to rank.
pub(super) fn section(study: &Study) -> Markup {
    let Some(reading) = Reading::of(study) else { return html! {} };
    html! {
        section id="ranking" {
            h2 { "Ranking" }
            p { "Variants " (reading.method()) }
            (scroll("Ranking of the variants", &table(&reading)))
        }
    }
}

fn table(reading: &Reading<'_>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "rank" }
                    th scope="col" class="text" { "variant" }
                    @if expects(reading.study) { th scope="col" { "expectations" } }
                    @for (heading, _) in &reading.columns { th scope="col" { (heading) } }
                }
            }
            tbody {
                @for place in &reading.ranking.places {
                    tr {
                        td { (place.rank) }
                        th scope="row" class="text" { (key(place.variant)) (reading.variant(place).name) }
                        @if expects(reading.study) { td { (failed(place.failed)) } }
                        @for (_, row) in &reading.columns {
                            td { span class="value" { (row.cells[place.variant].map_or("–".to_owned(), |figure| row.scale.show(&figure.value))) } }
                        }
                    }
                }
            }
        }
    }
}
