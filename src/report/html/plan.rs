//! `plan.html`: the answer, why it is the answer, and the curve around it.

use maud::{Markup, html};

use super::{coded, document, figures, scroll, unbroken};
use crate::report::plan::{PlanAbout, limiting, lines, outcome};
use crate::report::plots::Chart;
use crate::study::Plan;

/// The page.
pub(in crate::report) fn page(about: &PlanAbout<'_>, plans: &[Plan], charts: &[Chart]) -> String {
    let title = if about.title.is_empty() { about.name } else { about.title };
    let header = html! {
        p class="kicker" { "stickysim plan" }
        h1 { (title) }
        p class="meta" { (unbroken(&about.asked())) " " (unbroken(&about.judged())) }
    };
    let main = html! {
        section id="verdict" aria-labelledby="verdict-heading" {
            h2 class="unseen" id="verdict-heading" { "Answer" }
            @for plan in plans { (answer(about, plan)) }
        }
        @if !charts.is_empty() { (figures("The curve", charts)) }
        section id="tried" {
            h2 { "Every value that was tried" }
            (scroll("Every value that was tried", &tried(about, plans)))
        }
        section id="repeat" {
            h2 { "Repeat it" }
            details {
                summary { "The scenario" }
                pre tabindex="0" { (about.scenario_yaml) }
            }
        }
    };
    document(title, &header, &main, about.name, Some(about.seed))
}

fn answer(about: &PlanAbout<'_>, plan: &Plan) -> Markup {
    let lines = lines(about, plan);
    let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    html! {
        p { strong { (unbroken(first)) } }
        ul { @for line in rest { li { (coded(&unbroken(line))) } } }
    }
}

fn tried(about: &PlanAbout<'_>, plans: &[Plan]) -> Markup {
    let has_variants = plans.len() > 1;
    html! {
        table class="wide" {
            thead {
                tr {
                    @if has_variants { th scope="col" class="text" { "variant" } }
                    th scope="col" class="text" { (about.setting) }
                    th scope="col" { "runs" }
                    th scope="col" class="text" { "closest to its limit" }
                    th scope="col" class="text" { "outcome" }
                }
            }
            tbody {
                @for plan in plans {
                    @for point in &plan.points {
                        tr {
                            @if has_variants { td class="text" { (plan.variant) } }
                            td class="text" {
                                @if plan.answer == Some(point.value) { strong { (about.written(point.value)) " ←" } }
                                @else { (about.written(point.value)) }
                            }
                            td { (point.runs) }
                            td class="text" { (unbroken(&limiting(point))) }
                            td class="text" { (coded(&unbroken(&outcome(point)))) }
                        }
                    }
                }
            }
        }
    }
}
