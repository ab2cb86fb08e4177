//! Bounds of what happens when.

use super::super::file::{OneNode, OneZone, PartitionText, ScenarioFile, TimelineEntry};
use super::super::words::Which;
use super::{Checks, MAX_PODS};
use crate::engine::Span;

/// What happens again and again is not nearer to itself than this, on average.
const LEAST_EVERY: Span = Span::from_millis(100);

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    let duration = file.duration.unwrap_or_default();
    let entries = file.timeline.as_deref().unwrap_or_default();
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&at| entries[at].at);
    let mut wanted = file.pods.as_ref().and_then(|pods| pods.replicas).unwrap_or(1);
    let mut made = wanted; // numbers below this have existed
    for at in order {
        let entry = &entries[at];
        let path = format!("timeline.{at}");
        check_when(checks, &path, entry, duration);
        check_action(checks, &path, entry);
        check_places(checks, &path, entry, file);
        let pods = [
            ("crash", entry.crash.as_ref().and_then(|one| one.pod)),
            ("restart", entry.restart.as_ref().and_then(|one| one.pod)),
            ("freeze", entry.freeze.as_ref().and_then(|freeze| freeze.pod)),
        ];
        for (key, pod) in pods {
            let path = format!("{path}.{key}.pod");
            check_each(checks, &path, pod, entry);
            // what happens again and again may find more
            if entry.every.is_none() {
                check_pod(checks, &path, pod, made);
            }
        }
        if let Some(scale) = &entry.scale {
            if !(1..=MAX_PODS).contains(&scale.to) {
                let message = format!("{} pods are not possible", scale.to);
                checks.fail("out-of-range", &format!("{path}.scale.to"), message, format!("write 1 to {MAX_PODS}"));
            }
            made = made.saturating_add(scale.to.saturating_sub(wanted));
            wanted = scale.to;
        }
        made = made.saturating_add(new_pods(entry, file, wanted));
    }
}

/// How many pods an entry may bring into the world.
fn new_pods(entry: &TimelineEntry, file: &ScenarioFile, wanted: u32) -> u32 {
    let rollout = entry.rolling_restart.as_ref().is_some_and(|rolling| rolling.in_place != Some(true));
    let outage = entry.node_loss.is_some() || entry.zone_loss.is_some() || entry.partition.is_some();
    let times = match (rollout || outage || entry.drain_node.is_some(), entry.upgrade_nodes.is_some()) {
        (false, false) => return 0,
        (true, _) => 1,
        // an evicted pod may come up on a node that is still to be upgraded
        (false, true) => file.nodes.as_ref().map_or(1, |nodes| nodes.count),
    };
    if entry.every.is_some() { u32::MAX } else { wanted.saturating_mul(times) }
}

fn check_when(checks: &mut Checks, path: &str, entry: &TimelineEntry, duration: Span) {
    if let Some(at) = entry.at.filter(|&at| at > duration) {
        let message = format!("{at} is after the end of the run at {duration}");
        checks.fail("after-the-end", &format!("{path}.at"), message, "choose an earlier time, or a longer `duration`");
    }
    match &entry.every {
        None if entry.at.is_none() => {
            let help = "write for example `at: 5m`, or `every: {exp: 2h}` for what happens again and again";
            checks.fail("missing-key", path, "nothing says when this happens", help);
        }
        Some(every) => {
            let mean = every.law().mean();
            if !mean.is_finite() || mean < LEAST_EVERY.as_nanos() as f64 {
                let message = "it would happen all the time, or its distances have no mean";
                let help = format!("write a law with a mean of `{LEAST_EVERY}` or more, such as `{{exp: 2h}}`");
                checks.fail("too-often", &format!("{path}.every"), message, help);
            }
        }
        None => {}
    }
}

fn check_action(checks: &mut Checks, path: &str, entry: &TimelineEntry) {
    let there = [
        entry.rolling_restart.is_some(),
        entry.crash.is_some(),
        entry.restart.is_some(),
        entry.freeze.is_some(),
        entry.scale.is_some(),
        entry.reload_balancer.is_some(),
        entry.slow_database.is_some(),
        entry.redis_outage.is_some(),
        entry.redis_crash.is_some(),
        entry.redis_stall.is_some(),
        entry.node_loss.is_some(),
        entry.zone_loss.is_some(),
        entry.partition.is_some(),
        entry.drain_node.is_some(),
        entry.upgrade_nodes.is_some(),
        entry.address_changes.is_some(),
    ];
    match there.iter().filter(|there| **there).count() {
        1 => {}
        0 => {
            let help = "add one of `rolling_restart: {}`, `crash: {pod: random}`, `restart: {pod: 0}`, \
                        `freeze: {pod: 0, for: 60s}`, `scale: {to: 8}`, `reload_balancer: {}`, \
                        `slow_database: {factor: 10, for: 30s}`, `redis_outage: {for: 20s}`, `redis_crash: {}`, \
                        `redis_stall: {for: 1s}`, `node_loss: {node: 0}`, `zone_loss: {zone: 0}`, \
                        `partition: {node: 0, for: 2m}`, `drain_node: {node: 0}`, `upgrade_nodes: {}` and \
                        `address_changes: {share: 30%}`";
            checks.fail("missing-key", path, "nothing says what happens at this time", help);
        }
        _ => checks.fail(
            "conflict",
            path,
            "several things happen in one entry",
            "write one entry for each, they may have the same time",
        ),
    }
}

fn check_pod(checks: &mut Checks, path: &str, pod: Option<Which>, made: u32) {
    let Some(Which::Number(number)) = pod else { return };
    if number >= made {
        let highest = made.saturating_sub(1);
        let message =
            format!("there is no pod {number} by then; numbers count from 0 and the highest possible one is {highest}");
        let help = "write `random`, or the number of a pod that exists by then";
        checks.fail("no-such-pod", path, message, help);
    }
}

/// `each` has clocks of its own.
fn check_each(checks: &mut Checks, path: &str, which: Option<Which>, entry: &TimelineEntry) {
    if which != Some(Which::Each) {
        return;
    }
    if entry.every.is_none() {
        let message = "at one moment it happens to one of them";
        checks.fail("conflict", path, message, "add `every`, such as `every: {exp: 1d}`, or write `random`");
    } else if entry.at.is_some() {
        let message = "each has a clock of its own, and `at` says when all of them begin";
        checks.fail("conflict", path, message, "take `at` out, or write `random`");
    }
}

fn check_places(checks: &mut Checks, path: &str, entry: &TimelineEntry, file: &ScenarioFile) {
    let (key, node, zone, length) = match entry {
        TimelineEntry { node_loss: Some(OneNode { node, length }), .. } => ("node_loss", *node, None, *length),
        TimelineEntry { drain_node: Some(OneNode { node, length }), .. } => ("drain_node", *node, None, *length),
        TimelineEntry { zone_loss: Some(OneZone { zone, length }), .. } => ("zone_loss", None, *zone, *length),
        TimelineEntry { partition: Some(PartitionText { node, zone, length, .. }), .. } => {
            let path = format!("{path}.partition");
            match (node, zone) {
                (None, None) => {
                    let help = "write for example `node: random` or `zone: 0`";
                    checks.fail("missing-key", &path, "nothing says who is cut off", help);
                }
                (Some(_), Some(_)) => {
                    let message = "either a node or a zone is cut off";
                    checks.fail("conflict", &path, message, "take one of them out, or write two entries");
                }
                _ => {}
            }
            ("partition", *node, *zone, *length)
        }
        TimelineEntry { upgrade_nodes: Some(_), .. } => ("upgrade_nodes", None, None, None),
        _ => return,
    };
    let path = format!("{path}.{key}");
    let Some(nodes) = &file.nodes else {
        let help = "add for example `nodes: {count: 6, zones: 3}`";
        return checks.fail("no-nodes", &path, "the pods of this scenario run on no nodes", help);
    };
    for (kind, which, count) in [("node", node, nodes.count), ("zone", zone, nodes.zones.unwrap_or(1))] {
        let path = format!("{path}.{kind}");
        check_each(checks, &path, which, entry);
        if let Some(Which::Number(number)) = which.filter(|&which| matches!(which, Which::Number(n) if n >= count)) {
            let message = format!("there is no {kind} {number}; numbers count from 0, and there are {count}");
            checks.fail("no-such-node", &path, message, format!("write `random`, or 0 to {}", count.saturating_sub(1)));
        }
    }
    if length.is_some_and(Span::is_zero) {
        checks.fail("zero", &format!("{path}.for"), "it lasts no time", "write for example `10m`, or leave it out");
    }
}
