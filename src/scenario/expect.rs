//! What must hold: `p99 event.latency < 100ms`.

use super::diagnostic::nearest;
use super::units::{Rate, Share, Size};
use crate::engine::Span;
use crate::metrics::{Comparison, Family, FigureId, ParseFigureError, Unit};

/// One line of `expect`.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// As written.
    pub text: String,
    /// The figure on the left.
    pub figure: FigureId,
    /// The operator.
    pub comparison: Comparison,
    /// The right side in the figure's unit: milliseconds, a share, per second, or a plain number.
    pub bound: f64,
}

/// Why a line is no expectation: what was found, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectError {
    /// What was found.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Expectation {
    /// Whether `value`, in the figure's unit, meets it; never for NaN.
    pub fn holds(&self, value: f64) -> bool {
        self.comparison.holds(value, self.bound)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When a part is missing or unknown, or the right side has not the unit of the figure.
    pub fn parse(text: &str) -> Result<Expectation, ExpectError> {
        let fail = |message: String, help: String| Err(ExpectError { message, help });
        let (left, comparison, right) =
            sides(text, "write for example `p99 event.latency < 100ms` or `lost.messages == 0`")?;
        let figure = figure(left)?;
        match bound(figure.family().unit, right) {
            Ok(bound) => Ok(Expectation { text: text.trim().to_owned(), figure, comparison, bound }),
            Err(needs) if right.is_empty() => fail(format!("`{text}` has no right side"), needs),
            Err(needs) => fail(format!("`{right}` is not a bound for `{left}`"), needs),
        }
    }
}

/// The figure that a text names, such as `p99 event.latency`.
///
/// # Errors
/// When there is none of that name.
pub fn figure(text: &str) -> Result<FigureId, ExpectError> {
    let text = text.trim();
    text.parse().map_err(|error: ParseFigureError| unknown_figure(text, &error.to_string()))
}

/// The text left of a comparison, the comparison, and the text right of it; `form` is what to write where there is none.
pub(super) fn sides<'t>(text: &'t str, form: &str) -> Result<(&'t str, Comparison, &'t str), ExpectError> {
    let Some(at) = text.find(['<', '>', '=', '!']) else {
        return Err(ExpectError { message: format!("`{text}` has no comparison"), help: form.to_owned() });
    };
    let length = text[at..].chars().take_while(|c| matches!(c, '<' | '>' | '=' | '!')).count();
    let (sign, right) = text[at..].split_at(length);
    let Some(comparison) = Comparison::ALL.into_iter().find(|known| known.sign() == sign) else {
        let message = format!("`{sign}` is not a comparison");
        return Err(ExpectError { message, help: "use <, <=, >, >= or ==".to_owned() });
    };
    Ok((text[..at].trim(), comparison, right.trim()))
}

/// The right side in the unit of what stands left: of a figure, or of a series.
pub(super) fn bound(unit: Unit, text: &str) -> Result<f64, String> {
    let number = || text.parse::<f64>().ok().filter(|x| x.is_finite());
    let (value, needs) = match unit {
        Unit::Milliseconds => {
            let span = text.parse::<Span>().ok().map(Span::as_millis_f64);
            (span.or(number().filter(|x| *x == 0.0)), "it is a duration; write for example `100ms`")
        }
        Unit::Share => {
            (text.parse::<Share>().ok().map(Share::fraction), "it is a share; write for example `1%`, `0.01` or `0`")
        }
        Unit::PerSecond => {
            (text.parse::<Rate>().ok().map(Rate::per_second).or_else(number), "it is a rate; write for example `500/s`")
        }
        Unit::BytesPerSecond => {
            let size = text.trim_end_matches("/s").trim().parse::<Size>().ok().map(|size| size.bytes() as f64);
            (size.or_else(number), "it is a number of bytes per second; write for example `10Mi/s`")
        }
        Unit::Bytes => (
            text.parse::<Size>().ok().map(|size| size.bytes() as f64),
            "it is a number of bytes; write for example `200Mi`",
        ),
        Unit::Number => (number(), "it is a plain number; write for example `1.5`"),
    };
    value.ok_or_else(|| needs.to_owned())
}

fn unknown_figure(left: &str, error: &str) -> ExpectError {
    let (message, help) = error.split_once("; ").unwrap_or((error, ""));
    if !help.is_empty() || left.is_empty() {
        let message = if left.is_empty() { "there is no figure before the comparison" } else { message };
        let help = if help.is_empty() { "write for example `p99 event.latency < 100ms`" } else { help };
        return ExpectError { message: message.to_owned(), help: help.to_owned() };
    }
    let (stat, name) = match left.split_once(char::is_whitespace) {
        Some((stat, name)) => (Some(stat), name.trim()),
        None => (None, left),
    };
    let all: Vec<String> = FigureId::all().map(|figure| figure.to_string()).collect();
    let names = Family::all().iter().map(|family| family.name);
    let help = match (nearest(name, names), nearest(name, all.iter().map(String::as_str))) {
        (Some(family), _) if family == name => match stat {
            Some(stat) => format!("`{stat}` is not a statistic; use `mean` or a percentile such as `p99`"),
            None => String::new(),
        },
        (Some(family), _) => {
            let stat = stat.map_or(String::new(), |stat| format!("{stat} "));
            format!("did you mean `{stat}{family}`?")
        }
        (None, Some(figure)) => format!("did you mean `{figure}`?"),
        (None, None) => {
            "figures are named as in reports, such as `event.latency`, `redis.copies` or `lost.messages`".to_owned()
        }
    };
    ExpectError { message: message.to_owned(), help }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_the_unit_of_their_figure() {
        let bound = |text: &str| Expectation::parse(text).map(|e| e.bound);
        assert_eq!(bound("p99 event.latency < 1.5s"), Ok(1500.0));
        assert_eq!(bound("lost.messages == 0"), Ok(0.0));
        assert_eq!(bound("requests.failed<=1%"), Ok(0.01));
        assert_eq!(bound("redis.copies < 30/m"), Ok(0.5));
        assert_eq!(bound("redis.bytes_out < 10Ki/s"), Ok(10240.0));
        assert_eq!(bound("load.connections.max_over_mean < 1.5"), Ok(1.5));
        assert!(Expectation::parse("lost.messages == 0").unwrap().holds(0.0));
        assert!(!Expectation::parse("lost.messages < 1%").unwrap().holds(f64::NAN));
    }

    #[test]
    fn what_is_no_expectation_says_why() {
        let help = |text: &str| Expectation::parse(text).unwrap_err().help;
        assert_eq!(help("p99 evnt.latency < 1s"), "did you mean `p99 event.latency`?");
        assert!(help("event.latency < 1s").contains("say which figure"));
        assert!(help("p99 event.latency < 100").contains("`100ms`"));
        assert!(help("p99 event.latency = 1s").contains("=="));
        assert!(help("lost.messages").contains("for example"));
    }
}
