//! The verdict: what the figures allow to say, in a few sentences. Rules, not prose generation; every claim of a
//! difference rests on a paired 95 % interval that excludes 0.

use super::finding::Finding;
use super::number::percent;
use super::rows::Row;
use crate::metrics::Study;

/// More variants than this are summed up by their extremes.
const MAX_LISTED: usize = 4;

/// Figures compared with the baseline, in order of interest.
const COMPARED: [&str; 6] = [
    "redis.copies",
    "event.latency.p99",
    "request.latency.p99",
    "offline.time.p99",
    "connections.reconnects_peak",
    "lost.messages",
];

/// What the study shows, in two or three plain sentences.
pub fn verdict(study: &Study) -> String {
    if study.variants.is_empty() {
        return "Nothing was run.".to_owned();
    }
    let mut sentences = vec![spread(study)];
    sentences.extend(if study.variants.len() == 1 { consequences(study) } else { differences(study) });
    sentences.extend(limit(study));
    sentences.retain(|sentence| !sentence.is_empty());
    if sentences.is_empty() { "Nothing was measured.".to_owned() } else { sentences.join(" ") }
}

/// How even the load is, and how sticky the clients are.
fn spread(study: &Study) -> String {
    let skew = Row::find(study, "load.connections.max_over_mean")
        .map(|row| format!("the fullest pod carries {}", per_variant(study, &row, "times the mean")));
    let moved = Row::find(study, "stickiness.failures").map(|row| {
        let whom = "of the requests of returning clients land on another pod than their last one";
        if is_same_for_all(&row) || study.variants.len() == 1 {
            format!("{} {whom}", only_value(&row))
        } else {
            format!(
                "{whom_start} {}",
                per_variant(study, &row, ""),
                whom_start = "requests of returning clients land on another pod than their last one in"
            )
        }
    });
    let parts: Vec<String> = [skew, moved].into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    let start = match &study.variants[..] {
        [one] => format!("With {}, ", one.balancer),
        _ => String::new(),
    };
    capitalised(&format!("{start}{} {}.", parts.join("; "), precision(study)))
}

/// Where the intervals come from, said once.
fn precision(study: &Study) -> String {
    match study.replications {
        0 | 1 => "(a single run: no interval)".to_owned(),
        n => format!("(± is the 95 % interval over {n} runs)"),
    }
}

/// `1.04 ± 0.01 times the mean with round-robin, 1.2 ± 0.1 with cookie and 2.1 ± 0.3 with ip-hash`.
fn per_variant(study: &Study, row: &Row<'_>, what: &str) -> String {
    let spaced = if what.is_empty() { String::new() } else { format!(" {what}") };
    if study.variants.len() == 1 {
        return format!("{}{spaced}", only_value(row));
    }
    if is_same_for_all(row) {
        return format!("{}{spaced} with every variant", only_value(row));
    }
    let name = |i: usize| &study.variants[i].name;
    if study.variants.len() > MAX_LISTED {
        let Some((low, high)) = row.extremes() else { return String::new() };
        let value = |i: usize| row.cells[i].map(|cell| row.scale.show(&cell.value)).unwrap_or_default();
        return format!("between {} ({}) and {}{spaced} ({})", value(low), name(low), value(high), name(high));
    }
    let items: Vec<String> = row
        .values()
        .enumerate()
        .map(|(n, (i, value))| {
            let spaced = if n == 0 { spaced.as_str() } else { "" };
            format!("{}{spaced} with {}", row.scale.show(value), name(i))
        })
        .collect();
    listed(&items)
}

fn only_value(row: &Row<'_>) -> String {
    row.values().next().map(|(_, value)| row.scale.show(value)).unwrap_or_default()
}

/// True when every variant equals the baseline in every replication.
fn is_same_for_all(row: &Row<'_>) -> bool {
    row.cells.len() > 1
        && row
            .cells
            .iter()
            .all(|cell| cell.is_some_and(|c| Finding::of_figure(c).is_none_or(|f| f == Finding::Identical)))
}

/// What a single variant means for its users and for Redis.
fn consequences(study: &Study) -> Option<String> {
    let show = |id: &str| Row::find(study, id).map(|row| only_value(&row));
    let mut parts = Vec::new();
    if let Some(p50) = show("offline.time.p50") {
        let p99 = show("offline.time.p99").map(|p99| format!(" (p99 {p99})")).unwrap_or_default();
        let peak = show("connections.reconnects_peak").map(|p| format!(", at a peak of {p} reconnects"));
        parts.push(format!("a lost connection is usable again after {p50} (median){p99}{}", peak.unwrap_or_default()));
    }
    if let Some(p99) = show("event.latency.p99") {
        parts.push(format!("event latency p99 is {p99}"));
    }
    if let Some(copies) = show("redis.copies") {
        let useful = show("redis.useful").map(|useful| format!(", {useful} of them useful")).unwrap_or_default();
        parts.push(format!("Redis hands out {copies} copies{useful}"));
    }
    (!parts.is_empty()).then(|| capitalised(&format!("{}.", parts.join("; "))))
}

/// What differs from the baseline, what does not, and what is exactly the same.
fn differences(study: &Study) -> Option<String> {
    let baseline = study.variants.get(study.baseline)?;
    let (mut changed, mut unclear, mut same) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_untested = false;
    for id in COMPARED {
        let Some(row) = Row::find(study, id) else { continue };
        let findings: Vec<(usize, Finding)> = row
            .cells
            .iter()
            .enumerate()
            .filter_map(|(i, cell)| cell.and_then(Finding::of_figure).map(|finding| (i, finding)))
            .collect();
        if findings.is_empty() {
            continue;
        }
        let title = row.figure.title();
        if findings.iter().any(|(_, finding)| *finding == Finding::Untested) {
            is_untested = true;
        } else if findings.iter().all(|(_, finding)| *finding == Finding::Identical) {
            same.push(title);
        } else if findings.iter().any(|(_, finding)| finding.is_change()) {
            changed.push(change(study, &row, &findings));
        } else {
            unclear.push(title);
        }
    }
    let mut parts = changed;
    if !unclear.is_empty() {
        parts.push(format!("no difference found in {}", listed(&unclear)));
    }
    if !same.is_empty() {
        parts.push(format!("{} identical", listed(&same)));
    }
    if is_untested {
        parts.push("one run per variant is too few to call anything a difference".to_owned());
    }
    (!parts.is_empty()).then(|| format!("Against {}: {}.", baseline.name, parts.join("; ")))
}

/// `event latency p99 38 ± 12 ms higher with ip-hash, no difference found with cookie`.
fn change(study: &Study, row: &Row<'_>, findings: &[(usize, Finding)]) -> String {
    let name = |i: usize| study.variants[i].name.as_str();
    let size = |i: usize| row.cells[i].and_then(|cell| cell.difference.as_ref());
    let worded = |&(i, finding): &(usize, Finding)| {
        let way = if matches!(finding, Finding::Higher(_)) { "higher" } else { "lower" };
        size(i).map(|d| format!("{} {way} with {}", row.scale.show_size(d), name(i)))
    };
    let changes: Vec<&(usize, Finding)> = findings.iter().filter(|(_, finding)| finding.is_change()).collect();
    let quiet: Vec<&str> = findings.iter().filter(|(_, f)| !f.is_change()).map(|&(i, _)| name(i)).collect();
    let mut parts: Vec<String> = if findings.len() < MAX_LISTED {
        changes.iter().filter_map(|change| worded(change)).collect()
    } else {
        let largest = changes.iter().max_by(|a, b| {
            let of = |i: usize| size(i).map_or(0.0, |d| d.mean.abs());
            of(a.0).total_cmp(&of(b.0))
        });
        let most = largest.and_then(|change| worded(change)).unwrap_or_default();
        vec![format!("up to {most} ({} of {} variants differ)", changes.len(), findings.len())]
    };
    if findings.len() < MAX_LISTED && !quiet.is_empty() {
        parts.push(format!("no difference found with {}", listed(&quiet)));
    }
    format!("{} {}", row.figure.title(), parts.join(", "))
}

/// What came closest to its limit in any variant.
fn limit(study: &Study) -> Option<String> {
    let tightest = study.variants.iter().map(|variant| (variant.limits.first(), &variant.name));
    let ((what, share), name) = tightest.max_by(|a, b| a.0.1.total_cmp(&b.0.1))?;
    if share <= 0.0 {
        return None;
    }
    let whose = if study.variants.len() > 1 { format!(" ({name})") } else { String::new() };
    Some(if share >= 0.995 {
        format!("The limit is reached: {what} at {} in its busiest sample{whose}.", percent(share))
    } else {
        format!("Closest to its limit: {what}, {} in its busiest sample{whose}.", percent(share))
    })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed<S: AsRef<str>>(items: &[S]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
