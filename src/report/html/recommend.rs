//! The page of remedies.

use maud::{Markup, PreEscaped, html};

use super::{coded, document, scroll, unbroken};
use crate::report::finding::Finding;
use crate::report::plots::Chart;
use crate::report::recommend::Reading;
use crate::study::Entry;

/// `recommend.html`.
pub(in crate::report) fn page(reading: &Reading<'_>, chart: &Chart, scenario_yaml: &str) -> String {
    let study = reading.study;
    let header = html! {
        p class="kicker" { "stickysim recommend" }
        h1 { (study.title) }
        p class="meta" { (unbroken(&reading.aim())) }
    };
    let main = html! {
        section id="verdict" aria-labelledby="verdict-heading" {
            h2 class="unseen" id="verdict-heading" { "Verdict" }
            p { (unbroken(&reading.verdict())) }
        }
        section id="remedies" {
            h2 { "Gain and price" }
            figure {
                (scroll(&chart.title, &PreEscaped(chart.inline())))
                figcaption { (chart.description) }
            }
            (scroll("Remedies", &table(reading)))
            p class="note" { (reading.method()) }
        }
        (not_tried(reading))
        section id="repeat" {
            h2 { "Repeat it" }
            p { "The scenario with its remedies as variants, for " code { "stickysim compare" } ":" }
            details { summary { "Scenario" } pre tabindex="0" { (scenario_yaml) } }
        }
    };
    document(&format!("Remedies: {}", study.title), &header, &main, &study.name, Some(study.seed))
}

fn table(reading: &Reading<'_>) -> Markup {
    html! {
        table class="wide" {
            thead {
                tr {
                    th scope="col" { "rank" }
                    th scope="col" class="text" { "remedy, and what to write" }
                    th scope="col" { (reading.found.goal.title()) }
                    th scope="col" class="text" { "what else changes" }
                }
            }
            tbody { @for entry in &reading.found.entries { (row(reading, entry)) } }
        }
    }
}

fn row(reading: &Reading<'_>, entry: &Entry) -> Markup {
    let finding = reading.finding(entry);
    html! {
        tr {
            td { (entry.rank) }
            td class="text" {
                @match reading.remedy(entry) {
                    None => { em { "as it stands" } }
                    Some(remedy) => {
                        strong { (remedy.name) } ": " (remedy.what)
                        @if let Ok(written) = remedy.written() { br; code { (written) } }
                    }
                }
            }
            td {
                span class="value" { (reading.value(entry)) }
                @if let Some(finding) = finding {
                    span class={ "delta " (finding.class()) } { (reading.gain(entry)) " " (finding.word()) }
                }
            }
            td class="text" {
                @for (text, good) in reading.turned(entry) {
                    div class=(if good { "better" } else { "worse" }) { (text) " " (if good { "✓" } else { "✗" }) }
                }
                @for (text, finding) in reading.beside(entry) { (change(&text, finding)) }
            }
        }
    }
}

fn change(text: &str, finding: Finding) -> Markup {
    html! { div class=(finding.class()) { (unbroken(text)) " " (finding.sign()) } }
}

fn not_tried(reading: &Reading<'_>) -> Markup {
    let list = reading.not_tried();
    html! {
        @if !list.is_empty() {
            section id="not-tried" {
                h2 { "Not tried" }
                ul { @for (name, why) in list { li { strong { (name) } ": " (coded(why)) } } }
            }
        }
    }
}
