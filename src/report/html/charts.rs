//! The charts on the page, each with its table.

use maud::{Markup, PreEscaped, html};

use super::{key, linked, linked_family, scroll};
use crate::metrics::{
    CLUSTER_SERIES, Counts, DistributionReport, Estimate, Family, PodSeries, Steady, Study, TooFew, VariantReport,
};
use crate::report::finding::Finding;
use crate::report::number::{Scale, fixed, percent};
use crate::report::plots::{Chart, series_title};
use crate::report::rows::Row;
use crate::report::tables::measured_mean;

/// A chart with caption and table; nothing when the study has no such chart.
pub(super) fn figure(charts: &[Chart], name: &str, class: &str, table: &Markup) -> Markup {
    let Some(chart) = charts.iter().find(|chart| chart.name == name) else { return html! {} };
    html! {
        figure id={ "chart-" (name) } class=(class) {
            (scroll(&chart.title, &PreEscaped(chart.inline())))
            figcaption { (chart.description) }
            details {
                summary { "Show as table" }
                (scroll(&format!("{} as table", chart.title), table))
            }
        }
    }
}

/// True when something is shown over time: without WebSockets there may be nothing.
pub(super) fn has_timeline(study: &Study, charts: &[Chart]) -> bool {
    let shown = ["over-time", "connections-per-pod", "reconnects"];
    charts.iter().any(|chart| shown.contains(&&*chart.name)) || study.variants.iter().any(|v| !v.marks.is_empty())
}

/// What happened over time.
pub(super) fn timeline(study: &Study, charts: &[Chart]) -> Markup {
    if !has_timeline(study, charts) {
        return html! {};
    }
    html! {
        section id="timeline" {
            h2 { "Timeline" }
            (figure(charts, "over-time", "", &over_time_table(study)))
            (figure(charts, "connections-per-pod", "", &pods_table(study)))
            (figure(charts, "reconnects", "", &rows_table(study, &["connections.reconnects", "connections.reconnects_peak", "connections.failed"])))
            (marks(study))
        }
    }
}

fn marks(study: &Study) -> Markup {
    let any = study.variants.iter().any(|variant| !variant.marks.is_empty());
    html! {
        @if any {
            details {
                summary { "Everything that was marked" }
                @for variant in &study.variants {
                    @if study.variants.len() > 1 { h3 { (variant.name) } }
                    ol {
                        @for mark in variant.marks.iter().take(200) {
                            li { (fixed(mark.at_ms as f64 / 1000.0, 1)) " s: " (mark.what) }
                        }
                    }
                    @if variant.marks.len() > 200 { p class="note" { "… and " (variant.marks.len() - 200) " more" } }
                }
            }
        }
    }
}

/// The highest and the lowest mean of each series, and when that is.
fn over_time_table(study: &Study) -> Markup {
    let series =
        CLUSTER_SERIES.iter().filter(|(name, ..)| study.variants.iter().any(|v| v.over_time.band(name).is_some()));
    let peak = |variant: &VariantReport, name: &str| -> Option<String> {
        let band = variant.over_time.band(name)?;
        let times = variant.over_time.times_s.iter().zip(&band.mean).zip(&band.half_width);
        let known = times.filter_map(|((time, mean), half)| Some((*time, (*mean)?, *half)));
        let (time, mean, half) = known.max_by(|a, b| a.1.total_cmp(&b.1))?;
        let (_, unit, _) = CLUSTER_SERIES.iter().find(|(other, ..)| *other == name)?;
        let value = Estimate { mean, half_width: half, min: mean, max: mean, replications: study.replications };
        Some(format!("{} at {} s", Scale::fitting(*unit, [mean].into_iter()).show(&value), fixed(time, 0)))
    };
    html! {
        table {
            caption { "Highest mean over all runs of each series, and when that is; every value stands in over-time.csv." }
            thead { tr { th scope="col" { "series" } @for variant in &study.variants { th scope="col" { (variant.name) } } } }
            tbody {
                @for (name, ..) in series {
                    tr {
                        th scope="row" { (name) }
                        @for variant in &study.variants { td { (peak(variant, name).unwrap_or_else(|| "–".to_owned())) } }
                    }
                }
            }
        }
    }
}

/// True when it was looked at whether the warm-up is long enough.
pub(super) fn has_warm_up(study: &Study) -> bool {
    study.variants.iter().any(|variant| !variant.steady.is_empty())
}

/// Whether the warm-up is long enough, as far as that can be told.
pub(super) fn warm_up(study: &Study, charts: &[Chart]) -> Markup {
    let looked_at =
        || study.variants.iter().flat_map(|variant| variant.steady.iter().map(move |steady| (variant, steady)));
    let too_short = of_series(study, |steady| {
        steady.too_short.then(|| match steady.from_s {
            Some(from) => format!("steady from {} s on", fixed(from, 0)),
            None => "not steady in the first half of the run".to_owned(),
        })
    });
    let unknown = of_series(study, |steady| (steady.from_s.is_none() && !steady.too_short).then(String::new));
    html! {
        @if has_warm_up(study) {
            section id="warm-up" {
                h2 { "Warm-up" }
                p {
                    "Figures are taken after " (fixed(study.warm_up_s, 0)) " s. "
                    @if !too_short.is_empty() {
                        "By MSER-5 that is too short: " (too_short.join("; ")) "."
                    } @else if unknown.is_empty() {
                        "By MSER-5 nothing that was looked at is still on its way to a steady state then."
                    } @else if looked_at().all(|(_, steady)| steady.from_s.is_none()) {
                        "Whether anything is still on its way to a steady state then, MSER-5 cannot tell."
                    } @else {
                        "By MSER-5 nothing of what it can judge is still on its way to a steady state then."
                    }
                    @if !unknown.is_empty() {
                        " It says nothing of " (unknown.join("; ")) ": there it would leave out more than half of the run, and longer \
                         runs would tell."
                    }
                }
                (figure(charts, "warm-up", "", &steady_table(study)))
            }
        }
    }
}

/// The series of which something is to be said, each with the variants and the words for them: `connected clients (cookie: …)`.
fn of_series(study: &Study, say: impl Fn(&Steady) -> Option<String>) -> Vec<String> {
    let each = CLUSTER_SERIES.iter().filter_map(|(name, ..)| {
        let said = study.variants.iter().filter_map(|variant| {
            let words = say(variant.steady.iter().find(|steady| steady.series == *name)?)?;
            let whose = if study.variants.len() > 1 { variant.name.as_str() } else { "" };
            let parts = [whose, words.as_str()].into_iter().filter(|part| !part.is_empty());
            Some(parts.collect::<Vec<_>>().join(" "))
        });
        let said: Vec<String> = said.collect();
        let title = series_title(name);
        match said.iter().all(String::is_empty) {
            _ if said.is_empty() => None,
            true => Some(title.to_owned()),
            false => Some(format!("{title} ({})", said.join(", "))),
        }
    });
    each.collect()
}

fn steady_table(study: &Study) -> Markup {
    let series = CLUSTER_SERIES.iter().map(|(name, ..)| *name);
    let of = |variant: &VariantReport, name: &str| variant.steady.iter().find(|steady| steady.series == name).cloned();
    let series = series.filter(|name| study.variants.iter().any(|variant| of(variant, name).is_some()));
    let words = |steady: Option<Steady>| match steady {
        None => "–".to_owned(),
        Some(Steady { from_s: None, .. }) => "not in the first half".to_owned(),
        Some(Steady { from_s: Some(from), too_short, .. }) => {
            format!("{} s{}", fixed(from, 0), if too_short { ", after the warm-up" } else { "" })
        }
    };
    html! {
        table {
            caption { "From when on each series is steady, by MSER-5." }
            thead { tr { th scope="col" { "series" } @for variant in &study.variants { th scope="col" { (variant.name) } } } }
            tbody {
                @for name in series {
                    tr { th scope="row" { (series_title(name)) } @for variant in &study.variants { td { (words(of(variant, name))) } } }
                }
            }
        }
    }
}

/// Mean and peak of the connections of each pod.
fn pods_table(study: &Study) -> Markup {
    let peak = |pod: &PodSeries| pod.connections.iter().flatten().copied().reduce(f64::max);
    let most = study.variants.iter().map(|variant| variant.series.pods.len()).max().unwrap_or(0);
    let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| fixed(value, 0));
    html! {
        table {
            caption { "Connections per pod in the first replication: mean of the measured part, and peak." }
            thead {
                tr { th scope="col" { "pod" } @for variant in &study.variants { th scope="col" { (variant.name) } } }
            }
            tbody {
                @for i in 0..most {
                    tr {
                        th scope="row" {
                            @if let Some(pod) = study.variants.iter().find_map(|v| v.series.pods.get(i)) { (pod.name) }
                        }
                        @for variant in &study.variants {
                            td {
                                @if let Some(pod) = variant.series.pods.get(i) {
                                    (cell(measured_mean(study, &variant.series, pod, 0)))
                                    span class="delta" { "peak " (cell(peak(pod))) }
                                } @else { "–" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A table of these figures, without differences.
pub(super) fn rows_table(study: &Study, ids: &[&str]) -> Markup {
    let rows: Vec<Row<'_>> = ids.iter().filter_map(|id| Row::find(study, id)).collect();
    figure_table(study, &rows)
}

/// The same of rows.
pub(super) fn figure_table(study: &Study, rows: &[Row<'_>]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "figure" }
                    @for (i, variant) in study.variants.iter().enumerate() { th scope="col" { (key(i)) (variant.name) } }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { (linked(&row.figure)) }
                        @for cell in &row.cells {
                            td { span class="value" { (cell.map_or_else(|| "–".to_owned(), |c| row.scale.show(&c.value))) } }
                        }
                    }
                }
            }
        }
    }
}

/// What Redis does, and what for.
pub(super) fn redis(study: &Study, charts: &[Chart]) -> Markup {
    const FIGURES: [&str; 10] = [
        "redis.commands",
        "redis.copies",
        "redis.useful",
        "redis.kept_local",
        "redis.bytes_in",
        "redis.bytes_out",
        "redis.cpu",
        "redis.wait.mean",
        "redis.wait.p99",
        "limits.redis_cpu",
    ];
    let is_used = study.variants.iter().any(|variant| variant.counts.redis_publish > 0);
    html! {
        section id="redis" {
            h2 { "Redis" }
            @if is_used {
                p {
                    "Every event that concerns other pods is published once and copied to each pod that listens. A copy is \
                     useful when the pod sends it on to at least one client. " (copies_words(study))
                }
                (fate(study))
                (figure(charts, "redis", "", &rows_table(study, &FIGURES)))
            } @else {
                p { "No event went through Redis." }
            }
        }
    }
}

/// What affinity changed about the copies, in the words that the intervals allow.
fn copies_words(study: &Study) -> &'static str {
    let Some(row) = Row::find(study, "redis.copies") else { return "" };
    let findings: Vec<Finding> = row.cells.iter().flatten().filter_map(|cell| Finding::of_figure(cell)).collect();
    if findings.is_empty() || findings.contains(&Finding::Untested) {
        ""
    } else if findings.iter().all(|finding| *finding == Finding::Identical) {
        "In every run of this study all variants make Redis hand out the same number of copies."
    } else if findings.iter().any(|finding| finding.is_change()) {
        "The number of copies differs between variants; the comparison says by how much."
    } else {
        "No difference in the number of copies was found between the variants at this precision."
    }
}

/// What became of the copies.
fn fate(study: &Study) -> Markup {
    let share = |part: u64, whole: u64| if whole == 0 { "–".to_owned() } else { percent(part as f64 / whole as f64) };
    // of those that arrive or are given up in the measured part, not of those that leave in it
    let all = |c: &Counts| c.redis_copies_arrived() + c.redis_copies_undelivered;
    type Fate = (&'static str, fn(&Counts) -> u64);
    let rows: [Fate; 5] = [
        ("led to at least one send", |c| c.redis_copies_useful),
        ("asked something of a pod, or answered it", |c| c.redis_copies_requests),
        ("were the publisher's own", |c| c.redis_copies_own),
        ("dropped: nobody there", |c| c.redis_copies_dropped),
        ("on the way at the end, or to a pod that died", |c| c.redis_copies_undelivered),
    ];
    let table = html! {
        table {
            caption { "What became of the copies" }
            thead {
                tr {
                    th scope="col" { "copies that" }
                    @for (i, variant) in study.variants.iter().enumerate() { th scope="col" { (key(i)) (variant.name) } }
                }
            }
            tbody {
                @for (what, get) in rows {
                    tr {
                        th scope="row" { (what) }
                        @for variant in &study.variants { td { (share(get(&variant.counts), all(&variant.counts))) } }
                    }
                }
            }
        }
    };
    scroll("What became of the copies", &table)
}

/// Distributions of durations.
pub(super) fn distributions(study: &Study, charts: &[Chart]) -> Markup {
    html! {
        section id="distributions" {
            h2 { "Distributions" }
            p {
                "All runs pooled. The upright axis is stretched towards 100 %, because the slowest of a hundred requests is \
                 what a user remembers."
            }
            div class="pair" {
                @for (family, name) in [
                    ("event.latency", "latency-event"),
                    ("request.latency", "latency-request"),
                    ("offline.time", "offline-time"),
                ] {
                    @if let Some(family) = Family::named(family) {
                        (figure(charts, name, "half", &distribution_table(study, family)))
                    }
                }
            }
        }
    }
}

/// Percentiles of the pooled durations.
fn distribution_table(study: &Study, family: &Family) -> Markup {
    const SHARES: [f64; 6] = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999];
    let found: Vec<Option<&DistributionReport>> =
        study.variants.iter().map(|v| v.distributions.iter().find(|d| d.family == family.name)).collect();
    let at = |d: &DistributionReport, share: f64| {
        d.points.iter().find(|(_, s)| *s >= share).map(|(ms, _)| *ms).filter(|_| d.is_told(share))
    };
    let scale = |ms: f64| Scale::fitting(family.unit, [ms].into_iter()).show_value(ms);
    html! {
        table {
            caption { (linked_family(family)) ", all runs together, where runs that differ much count as one; a share stays empty where fewer than " (TooFew::BEYOND) " lie beyond it" }
            thead { tr { th scope="col" { "share not above" } @for v in &study.variants { th scope="col" { (v.name) } } } }
            tbody {
                @for share in SHARES {
                    tr {
                        th scope="row" { (share_text(share)) }
                        @for d in &found { td { (d.and_then(|d| at(d, share)).map_or_else(|| "–".to_owned(), scale)) } }
                    }
                }
            }
        }
    }
}

fn share_text(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
