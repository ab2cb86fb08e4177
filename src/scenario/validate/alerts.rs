//! Bounds of alerting rules.

use super::super::alert;
use super::super::diagnostic::nearest;
use super::super::file::{AlertText, ScenarioFile};
use super::super::presets::ALERTS;
use super::Checks;
use crate::metrics::AlertRule;

/// Checks the rules; `rules` gets what they say.
pub(super) fn check(checks: &mut Checks, file: &ScenarioFile, rules: &mut Vec<AlertRule>) {
    let duration = file.duration.unwrap_or_default();
    let list: &[AlertText] = file.alerts.as_deref().unwrap_or_default();
    for (at, text) in list.iter().enumerate() {
        let path = |key: &str| format!("alerts.{at}.{key}");
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let name = &text.name;
        if name.is_empty() || name.len() > 64 || !name.chars().all(good) {
            let message = format!("`{name}` cannot be the name of an alert");
            checks.fail("bad-name", &path("name"), message, "use letters, digits, `-` and `_`");
            continue;
        }
        if list[..at].iter().any(|other| other.name == *name) {
            let help = "give each its own name, and for a built-in rule the `when` that you mean";
            checks.fail("twice", &path("name"), format!("two alerts are called `{name}`"), help);
        }
        let Some(when) = &text.when else {
            let names = ALERTS.iter().map(|set| set.name);
            let message = format!("`{name}` is not a built-in alert, and has no `when`");
            let help = match nearest(name, names.clone()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => {
                    let names: Vec<&str> = names.collect();
                    format!("add `when: max_over_mean > 1.5`, or use one of {}", names.join(", "))
                }
            };
            checks.fail("missing-key", &path("when"), message, help);
            continue;
        };
        let hold = text.r#for.unwrap_or_default();
        if hold >= duration && !duration.is_zero() {
            let message = format!("the condition would have to hold for {hold}, and the run ends after {duration}");
            checks.fail("never-fires", &path("for"), message, "write a shorter time, or a longer `duration`");
        }
        match alert::parse(name, when, hold) {
            Ok(rule) => rules.push(rule),
            Err(error) => checks.fail("bad-alert", &path("when"), error.message, error.help),
        }
    }
}
