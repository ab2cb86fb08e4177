//! What the numbers rest on: assumptions, how to repeat the study, definitions.

use maud::{Markup, html};

use super::{coded, scroll};
use crate::metrics::{Assumption, Better, Family, Grade, Study, Unit};
use crate::report::number::count;

/// Every value that the scenario did not give.
pub(super) fn assumptions(study: &Study) -> Markup {
    let of_grade = |grade: Grade| study.assumptions.iter().filter(|a| a.grade == grade).count();
    html! {
        section id="assumptions" {
            h2 { "Assumptions" }
            @if study.assumptions.is_empty() {
                p { "The scenario gives every value." }
            } @else {
                p {
                    "What the scenario leaves open was filled with these: " (super::count_of(study.assumptions.len() as u64, "value")) ", "
                    @for (n, grade) in GRADES.into_iter().filter(|grade| of_grade(*grade) > 0).enumerate() {
                        @if n > 0 { ", " } (of_grade(grade)) " " (grade_words(grade))
                    }
                    "."
                }
                (scroll("Assumptions", &ledger(&study.assumptions)))
                (grades())
            }
            p {
                "What is not modelled at all stands in " code { "docs/MODEL.md" } ", mechanism by mechanism, with sources."
            }
        }
    }
}

const GRADES: [Grade; 4] = [Grade::Measured, Grade::A, Grade::B, Grade::C];

const fn grade_words(grade: Grade) -> &'static str {
    match grade {
        Grade::Measured => "measured or read in the source",
        Grade::A => "well founded",
        Grade::B => "from single reports",
        Grade::C => "assumed by us",
    }
}

fn grades() -> Markup {
    html! {
        details {
            summary { "What the grades mean" }
            ul {
                li { strong { "measured" } ": measured on the real program by this project, or read in its source" }
                li { strong { "A" } ": peer-reviewed, a regulator's or a vendor's documentation" }
                li { strong { "B" } ": one operator's or user's report, or a small benchmark" }
                li { strong { "C" } ": our assumption, with a reason; set your own value where it matters" }
            }
        }
    }
}

fn ledger(assumptions: &[Assumption]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "value" }
                    th scope="col" class="text" { "used" }
                    th scope="col" class="text" { "grade" }
                    th scope="col" class="text" { "source" }
                }
            }
            tbody {
                @for assumption in assumptions {
                    tr {
                        th scope="row" { code { (assumption.path) } }
                        td class="text" {
                            (assumption.value)
                            @if let Some(spread) = &assumption.spread { span class="delta" { "seen: " (spread) } }
                        }
                        td class="text grade" { (assumption.grade.name()) }
                        td class="text" { (assumption.source) }
                    }
                }
            }
        }
    }
}

/// What is needed to get the same report again.
pub(super) fn repeat(study: &Study, scenario_yaml: &str) -> Markup {
    let command = if study.variants.len() > 1 { "compare" } else { "run" };
    let events: u64 = study.variants.iter().map(|variant| variant.events).sum();
    html! {
        section id="repeat" {
            h2 { "Repeat it" }
            p { "Save the scenario below as " code { "scenario.yaml" } " and run" }
            pre { "stickysim " (command) " scenario.yaml" }
            p class="meta" {
                "stickysim " (env!("CARGO_PKG_VERSION")) ", first seed " (study.seed) ", " (study.replications)
                " replications per variant, " (count(events)) " events handled. The digests say whether a run was the same, event \
                 by event."
            }
            details {
                summary { "The scenario" }
                pre tabindex="0" { (scenario_yaml) }
            }
            details {
                summary { "Digest of each replication" }
                (scroll("Digests", &digests(study)))
            }
        }
    }
}

fn digests(study: &Study) -> Markup {
    let most = study.variants.iter().map(|variant| variant.digests.len()).max().unwrap_or(0);
    html! {
        table {
            thead { tr { th scope="col" { "replication" } @for v in &study.variants { th scope="col" { (v.name) } } } }
            tbody {
                @for i in 0..most {
                    tr {
                        th scope="row" { (i + 1) }
                        @for variant in &study.variants {
                            td { code { (variant.digests.get(i).map_or("–", String::as_str)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What exactly each figure measures.
pub(super) fn definitions() -> Markup {
    let unit = |unit: Unit| match unit {
        Unit::Milliseconds => "a duration",
        Unit::Share => "a share; differences are in percentage points (pp)",
        Unit::PerSecond => "per second",
        Unit::BytesPerSecond => "bytes per second",
        Unit::Bytes => "bytes",
        Unit::Number => "a number",
    };
    let better = |better: Better| match better {
        Better::Lower => "smaller is better",
        Better::Higher => "larger is better",
        Better::Neither => "neither direction is better",
    };
    html! {
        section id="definitions" {
            h2 { "Definitions" }
            p {
                "Everything is measured after the warm-up. p50, p95 and p99 are the durations that 50, 95 and 99 % do not exceed."
            }
            dl class="definitions" {
                @for family in Family::all() {
                    dt id={ "def-" (family.name) } { (family.title) " " code { (family.name) } }
                    dd {
                        (coded(family.definition))
                        span class="delta" { (unit(family.unit)) ", " (better(family.better)) }
                    }
                }
            }
        }
    }
}
