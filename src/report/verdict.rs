//! The verdict: what the figures allow to say, in a few sentences. Rules, not prose generation; every claim of a
//! difference rests on a paired 95 % interval that excludes 0, also for as many variants as there are (Holm).

use super::finding::Finding;
use super::number::Scale;
use super::precision;
use super::rows::Row;
use crate::metrics::{Estimate, FigureReport, Study, Unit, closest};

/// More variants than this are summed up by their extremes.
pub(super) const MAX_LISTED: usize = 4;

/// Figures compared with the baseline, in order of interest.
pub(super) const COMPARED: [&str; 7] = [
    "redis.copies",
    "event.latency.p99",
    "request.latency.p99",
    "offline.time.p99",
    "connections.reconnects_peak",
    "lost.messages",
    "sessions.found",
];

/// How full the fullest pod is; the second where there are no connections.
pub(super) const FULLEST: [&str; 2] = ["load.connections.max_over_mean", "load.requests.max_over_mean"];
/// How often clients land elsewhere.
pub(super) const ELSEWHERE: &str = "stickiness.failures";

/// What the study shows, in two or three plain sentences.
pub fn verdict(study: &Study) -> String {
    if study.variants.is_empty() {
        return "Nothing was run.".to_owned();
    }
    let rest = if study.variants.len() == 1 { consequences(study) } else { differences(study) };
    let hinges = super::sensitivity::sentence(study);
    let sentences = [connecting(study), spread(study), stickiness(study), rest, limit(study), hinges];
    let sentences: Vec<String> = sentences.into_iter().flatten().collect();
    if sentences.is_empty() { "Nothing was measured.".to_owned() } else { sentences.join(" ") }
}

/// Said of a value that is smaller than half the width of its interval.
const TOO_FEW: &str = "too few runs to say";

/// True when the interval leaves something to be said of the value.
pub(super) fn is_known(value: &Estimate) -> bool {
    value.half_width.is_none_or(|half| half <= value.mean.abs())
}

/// Above this share of failed attempts a cluster does not work, and that comes first.
const MANY_FAIL: f64 = 0.2;

/// True when so many attempts to connect fail that it comes first.
pub(super) fn many_fail(failed: &Estimate) -> bool {
    failed.mean > MANY_FAIL && is_known(failed)
}

/// The variants with which many cannot connect, if there are any.
fn connecting(study: &Study) -> Option<String> {
    let row = Row::find(study, "connections.failed")?;
    let failing = row.values().filter(|(_, value)| many_fail(value));
    let shares: Vec<String> =
        failing.map(|(i, value)| format!("{} with {}", shown(study, &row, value), study.variants[i].name)).collect();
    (!shares.is_empty()).then(|| format!("Attempts to connect that fail: {}.", listed(&shares)))
}

/// How even the load is.
fn spread(study: &Study) -> Option<String> {
    let [connections, requests] = FULLEST;
    let (row, what) = match Row::find(study, connections) {
        Some(row) => (row, "times the mean"),
        // without WebSockets the load is requests
        None => (Row::find(study, requests)?, "times the mean of requests"),
    };
    let start = match &study.variants[..] {
        [one] => format!("With {}, the", one.balancer),
        _ => "The".to_owned(),
    };
    Some(match per_variant(study, &row, what) {
        Some(values) => format!("{start} fullest pod carries {values} {}.", interval_of(study)),
        None => format!("{start} fullest pod: {TOO_FEW} how full it is {}.", interval_of(study)),
    })
}

/// How often clients land elsewhere.
fn stickiness(study: &Study) -> Option<String> {
    let row = Row::find(study, ELSEWHERE)?;
    let start = "Of the requests and connects of returning clients";
    Some(match per_variant(study, &row, "land on another pod than the last one") {
        Some(values) => format!("{start}, {values}."),
        None => format!("{start}: {TOO_FEW} how many land on another pod than the last one."),
    })
}

/// Where the intervals come from, said once.
fn interval_of(study: &Study) -> String {
    match study.replications {
        0 | 1 => "(a single run: no interval)".to_owned(),
        n => format!("(± is the 95 % interval over {n} runs)"),
    }
}

/// `1.04 ± 0.01 times the mean with round-robin, 1.2 ± 0.1 with cookie and 2.1 ± 0.3 with ip-hash`.
///
/// `None` when the intervals are too wide to say anything.
fn per_variant(study: &Study, row: &Row<'_>, what: &str) -> Option<String> {
    if study.variants.len() == 1 {
        return Some(format!("{} {what}", only_value(study, row)?));
    }
    if is_same_for_all(row) {
        return Some(format!("{} {what} with every variant", only_value(study, row)?));
    }
    let name = |i: usize| study.variants[i].name.as_str();
    if study.variants.len() > MAX_LISTED {
        let (low, high) = row.extremes()?;
        let value = |i: usize| Some(shown(study, row, known(row, i)?));
        return Some(format!("between {} ({}) and {} ({}) {what}", value(low)?, name(low), value(high)?, name(high)));
    }
    let (sure, unsure): (Vec<_>, Vec<_>) = row.values().partition(|(_, value)| is_known(value));
    let items: Vec<String> = sure
        .iter()
        .enumerate()
        .map(|(n, (i, value))| {
            let spaced = if n == 0 { format!(" {what}") } else { String::new() };
            format!("{}{spaced} with {}", shown(study, row, value), name(*i))
        })
        .collect();
    let unsure: Vec<&str> = unsure.iter().map(|(i, _)| name(*i)).collect();
    match (items.is_empty(), unsure.is_empty()) {
        (true, _) => None,
        (false, true) => Some(listed(&items)),
        (false, false) => Some(format!("{}; {TOO_FEW} for {}", listed(&items), listed(&unsure))),
    }
}

/// The value of the i-th variant, unless too little is known of it.
fn known<'a>(row: &Row<'a>, i: usize) -> Option<&'a Estimate> {
    row.cells[i].map(|cell| &cell.value).filter(|value| is_known(value))
}

/// The first value, unless too little is known of it.
fn only_value(study: &Study, row: &Row<'_>) -> Option<String> {
    row.values().next().filter(|(_, value)| is_known(value)).map(|(_, value)| shown(study, row, value))
}

/// A value, and of how many runs it is where not all had any of it.
fn shown(study: &Study, row: &Row<'_>, value: &Estimate) -> String {
    let runs = precision::fewer(study, value).map_or_else(String::new, |runs| format!(" (in {runs} of the runs)"));
    format!("{}{runs}", row.scale.show_brief(value))
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
    let find = |id: &str| Row::find(study, id);
    let show = |id: &str| find(id).and_then(|row| only_value(study, &row));
    // Rates are said as `12 ± 3 copies/s`: the unit belongs to what is counted.
    let bare = |id: &str| {
        find(id).and_then(|row| {
            row.values()
                .next()
                .filter(|(_, v)| v.mean > 0.0 && is_known(v))
                .map(|(_, v)| row.scale.brief(v).to_string())
        })
    };
    let mut parts = Vec::new();
    if let Some(p50) = show("offline.time.p50") {
        let p99 = show("offline.time.p99").map(|p99| format!("; p99 {p99}")).unwrap_or_default();
        let peak = bare("connections.reconnects_peak").map(|peak| format!(", with up to {peak} reconnects/s"));
        parts.push(format!("a lost connection is usable again after {p50} (median{p99}){}", peak.unwrap_or_default()));
    }
    if let Some(p99) = show("event.latency.p99") {
        parts.push(format!("event latency p99 is {p99}"));
    }
    if let Some(copies) = bare("redis.copies") {
        let useful = show("redis.useful").map(|useful| format!(", {useful} of them useful")).unwrap_or_default();
        parts.push(format!("Redis hands out {copies} copies/s{useful}"));
    }
    let said = ["offline.time.p50", "event.latency.p99", "redis.copies"];
    let unsure: Vec<String> = said
        .into_iter()
        .filter_map(find)
        .filter(|row| row.values().next().is_some_and(|(_, value)| !is_known(value)))
        .map(|row| row.figure.title())
        .collect();
    if !unsure.is_empty() {
        parts.push(format!("{TOO_FEW}: {}", listed(&unsure)));
    }
    (!parts.is_empty()).then(|| capitalised(&format!("{}.", parts.join("; "))))
}

/// What differs from the baseline, what does not, and what is exactly the same.
fn differences(study: &Study) -> Option<String> {
    let baseline = study.variants.get(study.baseline)?;
    let (mut changed, mut same) = (Vec::new(), Vec::new());
    let (mut small, mut none_large, mut unclear) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_untested = false;
    for id in COMPARED {
        let Some(row) = Row::find(study, id) else { continue };
        if row.values().all(|(_, value)| value.mean == 0.0) {
            continue; // a study without Redis, losses or reconnects says nothing about them
        }
        let base = row.cells[study.baseline].map_or(0.0, |cell| cell.value.mean.abs());
        let changes: Vec<Change<'_>> = row
            .cells
            .iter()
            .enumerate()
            .filter_map(|(i, cell)| Change::read(&study.variants[i].name, (*cell)?, base))
            .collect();
        let title = row.figure.title();
        if changes.is_empty() {
            continue;
        } else if changes.iter().any(|change| change.finding == Finding::Untested) {
            is_untested = true;
        } else if changes.iter().all(|change| change.finding == Finding::Identical) {
            same.push(title);
        } else if changes.iter().any(|change| change.is_large) {
            changed.push(format!("{title} {}", described(&row, &changes, changed.is_empty())));
        } else if changes.iter().all(|change| change.is_surely_small) {
            small.push(title);
        } else if changes.iter().any(|change| change.finding.is_change()) {
            none_large.push(title);
        } else {
            unclear.push(title);
        }
    }
    let mut parts = Vec::new();
    if !same.is_empty() {
        parts.push(format!("{} identical", listed(&same)));
    }
    parts.extend(changed);
    if !small.is_empty() {
        parts.push(format!("differences, if any, below 2 % in {}", listed(&small)));
    }
    if !none_large.is_empty() {
        parts.push(format!("no difference of 2 % or more found in {}", listed(&none_large)));
    }
    if !unclear.is_empty() {
        parts.push(format!("no difference found in {}", listed(&unclear)));
    }
    if is_untested {
        parts.push("one run per variant is too few to call anything else a difference".to_owned());
    }
    (!parts.is_empty()).then(|| format!("Against {}: {}.", baseline.name, parts.join("; ")))
}

/// What is less is real but small, and a verdict does not spell it out.
pub(super) use crate::study::SMALL;

/// True for a difference that a verdict spells out: one that was found, and not a small one against `base`.
pub(super) fn is_large(finding: Finding, difference: &Estimate, base: f64) -> bool {
    finding.is_change() && difference.mean.abs() >= SMALL * base
}

/// True when a share of a limit is said to be all of it.
pub(super) fn is_reached(share: f64) -> bool {
    share >= 0.995
}

/// How one variant differs from the baseline.
struct Change<'a> {
    name: &'a str,
    finding: Finding,
    difference: &'a Estimate,
    /// A change, and not a small one.
    is_large: bool,
    /// Whatever it is, it is a small one: so is all of its interval.
    is_surely_small: bool,
}

impl<'a> Change<'a> {
    /// `None` for the baseline itself.
    fn read(name: &'a str, figure: &'a FigureReport, base: f64) -> Option<Change<'a>> {
        let finding = Finding::of_figure(figure)?;
        let difference = figure.difference.as_ref()?;
        let is_large = is_large(finding, difference, base);
        let most = difference.mean.abs() + difference.half_width.unwrap_or(f64::INFINITY);
        let is_surely_small = finding == Finding::Identical || most < SMALL * base;
        Some(Change { name, finding, difference, is_large, is_surely_small })
    }
    fn words(&self, row: &Row<'_>) -> String {
        let way = if matches!(self.finding, Finding::Higher(_)) { "higher" } else { "lower" };
        format!("{} {way} with {}", row.scale.show_size(self.difference), self.name)
    }
}

/// `38 ± 12 ms higher with ip-hash, no difference found with cookie`.
fn described(row: &Row<'_>, changes: &[Change<'_>], is_first: bool) -> String {
    let detail = if is_first { " differ by 2 % or more" } else { "" };
    let large: Vec<&Change<'_>> = changes.iter().filter(|change| change.is_large).collect();
    if changes.len() >= MAX_LISTED {
        return format!("{} ({} of {} variants{detail})", extremes(row, &large), large.len(), changes.len());
    }
    let mut parts: Vec<String> = large.iter().map(|change| change.words(row)).collect();
    let names = |is_change: bool| -> Vec<&str> {
        let rest = changes.iter().filter(|c| !c.is_large && c.finding.is_change() == is_change);
        rest.map(|change| change.name).collect()
    };
    if !names(true).is_empty() {
        parts.push(format!("less than 2 % off with {}", listed(&names(true))));
    }
    if !names(false).is_empty() {
        parts.push(format!("no difference found with {}", listed(&names(false))));
    }
    parts.join(", ")
}

/// `up to 38 ± 12 ms higher with ip-hash, up to 2 ± 1 ms lower with cookie`.
fn extremes(row: &Row<'_>, large: &[&Change<'_>]) -> String {
    let by_mean = |a: &&&Change<'_>, b: &&&Change<'_>| a.difference.mean.total_cmp(&b.difference.mean);
    let highest = large.iter().max_by(by_mean).filter(|change| change.difference.mean > 0.0);
    let lowest = large.iter().min_by(by_mean).filter(|change| change.difference.mean < 0.0);
    let worded: Vec<String> =
        [highest, lowest].into_iter().flatten().map(|change| format!("up to {}", change.words(row))).collect();
    worded.join(", ")
}

/// What comes closest to its limit in any variant.
fn limit(study: &Study) -> Option<String> {
    let each = study.variants.iter().filter_map(|variant| Some((variant.closest()?, &variant.name)));
    let ((limit, share), name) = closest(each, |((_, share), _)| share.mean)?;
    let whose = if study.variants.len() > 1 { format!(" ({name})") } else { String::new() };
    let (what, when) = (limit.name, limit.when);
    if !is_known(share) {
        return Some(format!("Closest to its limit: {TOO_FEW}."));
    }
    let value = share_of_limit(share);
    Some(if is_reached(share.mean) {
        format!("The limit is reached: {what} at {value} {when}{whose}.")
    } else if is_reached(share.max) {
        format!("Closest to its limit: {what}, {value} {when}, and all of it in some runs{whose}.")
    } else {
        format!("Closest to its limit: {what}, {value} {when}{whose}.")
    })
}

/// A share of a limit with its interval.
pub(super) fn share_of_limit(share: &Estimate) -> String {
    Scale::fitting(Unit::Share, std::iter::empty()).show_brief(share)
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
