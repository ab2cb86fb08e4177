//! When alerts would have fired, in words.

use super::number::count;
use crate::metrics::{AlertReport, Firing, Study};

/// Most firings that are told one by one.
const MOST_TOLD: usize = 6;

/// Whether the scenario has any.
pub(super) fn is_there(study: &Study) -> bool {
    study.variants.iter().any(|variant| !variant.alerts.is_empty())
}

/// What was looked at, and how.
pub(super) const METHOD: &str =
    "When each would have fired in the first run of its variant, evaluated at every sample as Prometheus does";

/// The condition: `reconnects_per_s > 10/s for 1m`.
pub(super) fn condition(alert: &AlertReport) -> String {
    if alert.for_s > 0.0 { format!("{} for {}", alert.when, clock(alert.for_s)) } else { alert.when.clone() }
}

/// `fired at 4m10s for 35s` and the like.
pub(super) fn words(alert: &AlertReport) -> String {
    let pending = match alert.pending_only {
        0 => String::new(),
        1 => "; the condition held once, but not long enough".to_owned(),
        n => format!("; the condition held {} times, but not long enough", count(u64::from(n))),
    };
    let pending = if alert.firings.is_empty() { pending } else { pending.replace("; the", "; besides, the") };
    let fired = match alert.firings.len() {
        0 => "did not fire".to_owned(),
        1 => format!("fired {}", one(&alert.firings[0])),
        n => {
            let mut told: Vec<String> = alert.firings.iter().take(MOST_TOLD).map(one).collect();
            let all_s: f64 = alert.firings.iter().map(|firing| firing.duration_s).sum();
            if n > MOST_TOLD {
                told.push(format!("and {} more", count((n - MOST_TOLD) as u64)));
            }
            format!("fired {} times, {} in all: {}", count(n as u64), clock(all_s), told.join(", "))
        }
    };
    fired + &pending
}

fn one(firing: &Firing) -> String {
    let pod = firing.pod.as_ref().map(|pod| format!("for {pod} ")).unwrap_or_default();
    let at = clock(firing.firing_s);
    match firing.resolved_s {
        Some(_) => format!("{pod}at {at} for {}", clock(firing.duration_s)),
        None => format!("{pod}at {at} until the end"),
    }
}

/// A moment or a duration as scenarios write it: `1h2m5s`, `0.5s`.
fn clock(seconds: f64) -> String {
    // samples of short runs are apart by less than a second
    let millis = libm::round(seconds * 1e3) as u64;
    let (hours, minutes, rest) = (millis / 3_600_000, millis / 60_000 % 60, millis % 60_000);
    let mut text = String::new();
    for (number, unit) in [(hours, "h"), (minutes, "m")] {
        if number > 0 {
            text.push_str(&format!("{number}{unit}"));
        }
    }
    if rest > 0 || text.is_empty() {
        text.push_str(&format!("{}s", rest as f64 / 1e3));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_say_when_and_how_long() {
        let firing = |pod: Option<&str>, firing_s: f64, resolved_s: Option<f64>| Firing {
            pod: pod.map(str::to_owned),
            pending_s: firing_s,
            firing_s,
            resolved_s,
            duration_s: resolved_s.unwrap_or(600.0) - firing_s,
            worst: 2.0,
        };
        let said = |for_s: f64, firings: Vec<Firing>, pending_only: u32| {
            let alert =
                AlertReport { name: "x".to_owned(), when: "connected > 9".to_owned(), for_s, firings, pending_only };
            format!("{}: {}", condition(&alert), words(&alert))
        };
        assert_eq!(said(0.0, vec![firing(None, 250.0, Some(285.5))], 0), "connected > 9: fired at 4m10s for 35.5s");
        assert_eq!(
            said(90.0, Vec::new(), 2),
            "connected > 9 for 1m30s: did not fire; the condition held 2 times, but not long enough"
        );
        assert_eq!(
            said(60.0, vec![firing(Some("pod-1"), 60.0, Some(120.0)), firing(Some("pod-2"), 570.0, None)], 1),
            "connected > 9 for 1m: fired 2 times, 1m30s in all: for pod-1 at 1m for 1m, for pod-2 at 9m30s until the end; \
             besides, the condition held once, but not long enough"
        );
        let many: Vec<Firing> = (0..8).map(|n| firing(None, f64::from(n), Some(f64::from(n) + 0.25))).collect();
        assert!(said(0.0, many, 0).ends_with("at 5s for 0.25s, and 2 more"));
    }
}
