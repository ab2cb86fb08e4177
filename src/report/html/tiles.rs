//! Six numbers, always the same six in the same order; others in studies without WebSockets.

use maud::{Markup, html};

use super::key;
use crate::metrics::{Estimate, Limit, Study};
use crate::report::finding::Finding;
use crate::report::number::with_unit;
use crate::report::rows::Row;
use crate::report::verdict::{is_reached, share_of_limit};

/// Most variants listed in a tile.
const MAX_LISTED: usize = 4;

/// A figure, its heading, a further figure with the words around it.
type Tile = (&'static str, &'static str, (&'static str, &'static str));

/// What a study with WebSockets has, and what stands in its place without.
const TILES: [[Tile; 2]; 5] = [
    [
        ("load.connections.max_over_mean", "Fullest pod, times the mean", ("worst moment", "load.connections.worst")),
        ("load.requests.max_over_mean", "Busiest pod, times the mean of requests", ("CV", "load.requests.cv")),
    ],
    [
        ("offline.time.p50", "Offline after a lost connection, median", ("p99", "offline.time.p99")),
        ("stickiness.failures", "Requests that land on another pod", ("new address", "stickiness.address_changed")),
    ],
    [
        ("connections.reconnects_peak", "Peak of reconnects", ("on average", "connections.reconnects")),
        ("requests.failed", "Failed requests", ("unreachable", "requests.failed.pod_unreachable")),
    ],
    [
        ("event.latency.p99", "Event latency, p99", ("median", "event.latency.p50")),
        ("request.latency.p99", "Request latency, p99", ("median", "request.latency.p50")),
    ],
    [
        ("redis.copies", "Redis copies", ("useful", "redis.useful")),
        ("n_eff.balancer", "Sources that the balancer tells apart", ("weighted by requests", "n_eff.requests")),
    ],
];

/// The tiles.
pub(super) fn tiles(study: &Study) -> Markup {
    let has_websockets = Row::find(study, "load.connections.max_over_mean").is_some();
    html! {
        h2 class="unseen" { "Key figures" }
        section class="tiles" aria-label="Key figures" {
            @for kind in TILES { (tile(study, kind[usize::from(!has_websockets)])) }
            (limit(study))
        }
    }
}

fn tile(study: &Study, (id, heading, (words, second)): Tile) -> Markup {
    let Some(row) = Row::find(study, id) else {
        return html! {
            div class="tile" { h3 { (heading) } p class="big" { "–" } p class="more" { "nothing of it in this study" } }
        };
    };
    let more = Row::find(study, second).map(|row| (words, row));
    html! {
        div class="tile" {
            h3 { a href={ "#def-" (row.figure.family().name) } { (heading) } }
            @if study.variants.len() == 1 {
                p class="big" { (value(&row, 0)) }
                @if let Some((words, more)) = &more { p class="more" { (words) " " (value(more, 0)) } }
            } @else {
                dl { @for i in chosen(study, &row) { (line(study, &row, i, more.as_ref())) } }
                @if study.variants.len() > MAX_LISTED {
                    p class="more" { "smallest and largest of " (study.variants.len()) " variants" }
                }
            }
        }
    }
}

/// Which variants a tile lists.
fn chosen(study: &Study, row: &Row<'_>) -> Vec<usize> {
    if study.variants.len() <= MAX_LISTED {
        return (0..study.variants.len()).collect();
    }
    let Some((low, high)) = row.extremes() else { return Vec::new() };
    let mut chosen = vec![study.baseline, low, high];
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

fn line(study: &Study, row: &Row<'_>, i: usize, more: Option<&(&str, Row<'_>)>) -> Markup {
    let finding = row.cells[i].and_then(Finding::of_figure);
    html! {
        dt {
            (key(i)) (study.variants[i].name)
            @if let Some((words, more)) = more { span class="delta" { (words) " " (shown(more, i)) } }
        }
        dd {
            (value(row, i))
            @if let Some(finding) = finding {
                span class={ "delta " (finding.class()) } { (finding.short()) }
            } @else if i == study.baseline { span class="delta" { "baseline" } }
        }
    }
}

/// A value with its interval in small print.
fn value(row: &Row<'_>, i: usize) -> Markup {
    let Some(cell) = row.cells[i] else { return html! { "–" } };
    let parts = row.scale.brief(&cell.value);
    html! {
        b { (parts.mean) }
        @match &parts.half {
            Some(half) => { small { " ± " (with_unit(half, row.scale.unit)) } },
            None => { small { (with_unit("", row.scale.unit)) } },
        }
    }
}

/// A value with its interval as text.
fn shown(row: &Row<'_>, i: usize) -> String {
    row.cells[i].map_or_else(|| "–".to_owned(), |cell| row.scale.show_brief(&cell.value))
}

/// What comes closest to its limit.
fn limit(study: &Study) -> Markup {
    let mut limits: Vec<(usize, (Limit, &Estimate))> =
        study.variants.iter().enumerate().filter_map(|(i, variant)| Some((i, variant.closest()?))).collect();
    if limits.len() > MAX_LISTED {
        limits.sort_by(|a, b| b.1.1.mean.total_cmp(&a.1.1.mean));
        limits.truncate(MAX_LISTED);
    }
    let words = |limit: Limit, share: &Estimate| {
        format!("{} {}{}", limit.name, limit.when, if is_reached(share.mean) { ": reached" } else { "" })
    };
    html! {
        div class="tile" {
            h3 { a href="#def-limits.pod_cpu" { "Closest to its limit" } }
            @if let [(_, (limit, share))] = limits[..] {
                p class="big" { b { (share_of_limit(share)) } }
                p class="more" { (words(limit, share)) }
            } @else {
                dl {
                    @for (i, (limit, share)) in limits {
                        dt { (key(i)) (study.variants[i].name) span class="delta" { (words(limit, share)) } }
                        dd { b { (share_of_limit(share)) } }
                    }
                }
            }
        }
    }
}
