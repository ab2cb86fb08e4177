//! When alerts would have fired.

use maud::{Markup, html};

use super::{key, scroll};
use crate::metrics::Study;
use crate::report::alerts;

/// A row per rule, a column per variant.
pub(super) fn section(study: &Study) -> Markup {
    if !alerts::is_there(study) {
        return html! {};
    }
    // variants may have other rules, or other conditions by the same name
    let mut rules: Vec<(&str, String)> = Vec::new();
    for alert in study.variants.iter().flat_map(|variant| &variant.alerts) {
        let rule = (alert.name.as_str(), alerts::condition(alert));
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "alert" }
                    @for (i, variant) in study.variants.iter().enumerate() {
                        th scope="col" class="text" { (key(i)) (variant.name) }
                    }
                }
            }
            tbody {
                @for (name, condition) in &rules {
                    tr {
                        th scope="row" { (name) span class="delta" { code { (condition) } } }
                        @for variant in &study.variants {
                            td class="text" {
                                @match variant.alerts.iter().find(|alert| alert.name == *name && alerts::condition(alert) == *condition) {
                                    Some(alert) => (alerts::words(alert)),
                                    None => "–",
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        section id="alerts" {
            h2 { "Alerts" }
            p { (alerts::METHOD) ". Each firing with its pod and worst value: " code { "alerts.csv" } "." }
            (scroll("Alerts", &table))
        }
    }
}
