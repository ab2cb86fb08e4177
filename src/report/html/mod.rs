//! The page: one file that needs no network and no script, in the order in which a reader asks.

mod alerts;
mod appendix;
mod charts;
mod compare;
mod plan;
mod ranking;
pub(super) mod recommend;
mod sensitivity;
mod sweep;
mod tiles;
mod why;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::number::count_of;
use super::plots::Chart;
use crate::metrics::{Family, FigureId, Study};

pub(super) use plan::page as plan_page;
pub(super) use sweep::page as sweep_page;

const STYLE: &str = include_str!("style.css");

/// `report.html`.
pub(super) fn page(study: &Study, scenario_yaml: &str, charts: &[Chart]) -> String {
    let main = html! {
        (verdict(study))
        (tiles::tiles(study))
        (contents(study, charts))
        (charts::timeline(study, charts))
        (compare::section(study))
        (ranking::section(study))
        (why::section(study, charts))
        (charts::redis(study, charts))
        (charts::distributions(study, charts))
        (compare::expectations(study))
        (alerts::section(study))
        (sensitivity::section(study, charts))
        (charts::warm_up(study, charts))
        (appendix::assumptions(study))
        (appendix::repeat(study, scenario_yaml))
        (appendix::definitions())
    };
    document(&study.title, &header(study), &main, &study.name, Some(study.seed))
}

/// A page around its parts: the verdict is the first of `main`. Where there is no seed, it is one of many.
fn document(title: &str, header: &Markup, main: &Markup, scenario: &str, seed: Option<u64>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body {
                a class="skip" href="#verdict" { "Skip to the verdict" }
                header { (header) }
                main { (main) }
                footer {
                    p {
                        "stickysim " (env!("CARGO_PKG_VERSION")) " · scenario " code { (scenario) }
                        @match seed {
                            Some(seed) => { " · seed " (seed) " · the same scenario and seed give the same bytes on every machine." }
                            None => " · the same sweep gives the same bytes on every machine, and on many."
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// Charts one below the other.
fn figures(title: &str, charts: &[Chart]) -> Markup {
    html! {
        section id="pictures" {
            h2 { (title) }
            @for chart in charts {
                figure id={ "chart-" (chart.name) } {
                    (scroll(&chart.title, &PreEscaped(chart.inline())))
                    figcaption { (chart.description) }
                }
            }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="generator" content=(concat!("stickysim ", env!("CARGO_PKG_VERSION")));
            meta name="color-scheme" content="light dark";
            title { (title) " – stickysim" }
            style { (PreEscaped(STYLE)) }
        }
    }
}

fn header(study: &Study) -> Markup {
    let minutes = super::number::fixed(study.duration_s / 60.0, 1);
    let measured = super::number::fixed((study.duration_s - study.warm_up_s) / 60.0, 1);
    html! {
        p class="kicker" { "stickysim report" }
        h1 { (study.title) }
        p class="meta" {
            @if study.variants.len() == 1 { (count_of(u64::from(study.replications), "run")) ", " } @else {
                (count_of(study.variants.len() as u64, "variant")) ", "
                (count_of(u64::from(study.replications), "run")) " each, "
            }
            (minutes) " simulated minutes per run, of which the last " (measured) " are measured"
        }
    }
}

fn verdict(study: &Study) -> Markup {
    let text = super::verdict(study);
    // A sentence ends where a capital follows: balancers have dots in their names, sentences do not start small.
    let mut sentences: Vec<String> = Vec::new();
    for part in text.split_inclusive(". ") {
        match sentences.last_mut() {
            Some(last) if !part.starts_with(|c: char| c.is_uppercase()) => last.push_str(part),
            _ => sentences.push(part.to_owned()),
        }
    }
    html! {
        section id="verdict" aria-labelledby="verdict-heading" {
            h2 class="unseen" id="verdict-heading" { "Verdict" }
            @for sentence in &sentences { p { (unbroken(sentence.trim_end())) } }
        }
    }
}

/// Keeps a number, its interval and its unit on one line.
fn unbroken(sentence: &str) -> String {
    let mut text = sentence.replace(" ±", "\u{a0}±").replace("± ", "±\u{a0}");
    for unit in ["%", "ms", "µs", "s", "min"] {
        for end in [" ", ",", ";", ".", ")"] {
            text = text.replace(&format!(" {unit}{end}"), &format!("\u{a0}{unit}{end}"));
        }
    }
    text
}

/// What stands between backticks as code.
fn coded(line: &str) -> Markup {
    html! { @for (at, part) in line.split('`').enumerate() { @if at % 2 == 1 { code { (part) } } @else { (part) } } }
}

fn contents(study: &Study, charts: &[Chart]) -> Markup {
    let has_expectations = study.variants.iter().any(|variant| !variant.expectations.is_empty());
    html! {
        nav aria-label="Contents" {
            ul {
                @if charts::has_timeline(study, charts) { li { a href="#timeline" { "Timeline" } } }
                li { a href="#comparison" { (compare::title(study)) } }
                @if ranking::is_there(study) { li { a href="#ranking" { "Ranking" } } }
                li { a href="#why" { "Why" } }
                li { a href="#redis" { "Redis" } }
                li { a href="#distributions" { "Distributions" } }
                @if has_expectations { li { a href="#expectations" { "Expectations" } } }
                @if super::alerts::is_there(study) { li { a href="#alerts" { "Alerts" } } }
                @if sensitivity::is_there(study) { li { a href="#sensitivity" { "Sensitivity" } } }
                @if charts::has_warm_up(study) { li { a href="#warm-up" { "Warm-up" } } }
                li { a href="#assumptions" { "Assumptions" } }
                li { a href="#repeat" { "Repeat it" } }
                li { a href="#definitions" { "Definitions" } }
            }
        }
    }
}

/// A figure's title as a link to its definition.
fn linked(figure: &FigureId) -> Markup {
    html! { a href={ "#def-" (figure.family().name) } { (figure.title()) } }
}

/// A family's title as a link to its definition.
fn linked_family(family: &Family) -> Markup {
    html! { a href={ "#def-" (family.name) } { (family.title) } }
}

/// A container that scrolls by itself, so that the page never does; reachable by keyboard.
fn scroll(label: &str, content: &Markup) -> Markup {
    html! { div class="scroll" role="group" tabindex="0" aria-label=(label) { (content) } }
}

/// The colour and dashes of the i-th variant, as in the charts.
fn key(i: usize) -> Markup {
    PreEscaped(super::plots::key(i))
}
