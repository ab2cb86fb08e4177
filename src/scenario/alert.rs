//! Conditions of alerting rules: `max_over_mean > 1.5`.

use super::diagnostic::nearest;
use super::expect::{ExpectError, bound, sides};
use crate::engine::Span;
use crate::metrics::{AlertRule, Comparison, SeriesId};

/// What to write where there is no condition.
const FORM: &str = "write for example `max_over_mean > 1.5` or `pod.cpu > 80%`";

/// Reads a rule.
///
/// # Errors
/// When a part of the condition is missing or unknown, or the right side has not the unit of the series.
pub fn parse(name: &str, when: &str, hold: Span) -> Result<AlertRule, ExpectError> {
    let fail = |message: String, help: String| Err(ExpectError::new(message, help));
    let (left, comparison, right) = sides(when, FORM)?;
    let series = series(left)?;
    let bound = match bound(series.unit(), right) {
        Ok(bound) => bound,
        Err(needs) if right.is_empty() => return fail(format!("`{when}` has no right side"), needs),
        Err(needs) => return fail(format!("`{right}` is not a bound for `{left}`"), needs),
    };
    // what is never true, or always, is no alarm
    let is_of_zero = bound == 0.0 && matches!(comparison, Comparison::Below | Comparison::AtLeast);
    if bound < 0.0 || is_of_zero {
        let message = format!("`{when}` is always the same: no series is ever below zero");
        return fail(message, "write a bound above zero, `> 0` or `== 0`".to_owned());
    }
    Ok(AlertRule { name: name.to_owned(), when: when.trim().to_owned(), series, comparison, bound, hold })
}

/// The series of this name, with `pod.` or `cluster.` before it where both have one.
fn series(name: &str) -> Result<SeriesId, ExpectError> {
    let fail = |message: String, help: String| Err(ExpectError::new(message, help));
    if name.is_empty() {
        return fail("there is no series before the comparison".to_owned(), FORM.to_owned());
    }
    let called: Vec<SeriesId> =
        SeriesId::all().filter(|series| series.name() == name || series.to_string() == name).collect();
    match called[..] {
        [one] => Ok(one),
        [] => {
            let names: Vec<String> = SeriesId::all().map(|series| series.to_string()).collect();
            let bare = SeriesId::all().map(|series| series.name().to_owned());
            let all: Vec<String> = bare.chain(names.iter().cloned()).collect();
            let help = match nearest(name, all.iter().map(String::as_str)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("the series are: {}", names.join(", ")),
            };
            fail(format!("`{name}` is not a series"), help)
        }
        _ => {
            let all: Vec<String> = called.iter().map(|series| format!("`{series}`")).collect();
            let help = format!("write {}", all.join(" or "));
            fail(format!("the cluster and each pod have a series `{name}`"), help)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_the_unit_of_their_series() {
        let bound = |when: &str| parse("x", when, Span::ZERO).map(|rule| rule.bound);
        assert_eq!(bound("session_p99_ms > 1h"), Ok(3_600_000.0));
        assert_eq!(bound("moved_share>5%"), Ok(0.05));
        assert_eq!(bound("memory_bytes >= 200Mi"), Ok(f64::from(200 << 20)));
        assert_eq!(bound("reconnects_per_s > 600/m"), Ok(10.0));
        let silent = parse("x", " pod.requests_per_s == 0 ", Span::ZERO).unwrap();
        assert_eq!((silent.series, silent.comparison, silent.bound), (SeriesId::Pod(1), Comparison::Equal, 0.0));
    }

    #[test]
    fn what_is_no_condition_says_why() {
        let why = |when: &str| parse("x", when, Span::ZERO).map(|rule| rule.bound).unwrap_err();
        assert_eq!(why("max_over_men > 2").help, "did you mean `max_over_mean`?");
        assert_eq!(why("requests_per_s > 2/s").help, "write `cluster.requests_per_s` or `pod.requests_per_s`");
        assert!(why("cpu > 80").help.contains("share"));
        assert!(why("sum(rate(x[5m])) > 2").help.starts_with("the series are: cluster.connected, "));
        for same in ["connected < 0", "connected >= 0", "connected > -1"] {
            assert!(why(same).message.contains("always the same"), "{same}");
        }
        assert!(parse("x", "connected <= 0", Span::ZERO).is_ok() && parse("x", "connected > 0", Span::ZERO).is_ok());
        assert!(why("max_over_mean").help.contains("for example") && why("> 2").message.contains("no series"));
    }
}
