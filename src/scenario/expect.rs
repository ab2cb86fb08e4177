//! What must hold: `p99 event.latency < 100ms during 8m..10m with 95%`.

use super::diagnostic::nearest;
use super::file::ExpectText;
use super::units::{Rate, Share, Size};
use crate::cluster::spec::{ClusterSpec, peak_window};
use crate::engine::Span;
use crate::metrics::{Comparison, Family, FigureId, ParseFigureError, Taken, Unit, Window};

/// Most windows of one run: each is a record of its own.
const MOST_WINDOWS: usize = 16;
/// Between these a confidence is one: at a half or below nothing would have to be known, and nothing random is ever sure.
const CONFIDENCES: [f64; 2] = [0.5, 0.9999];
/// What to write where there is no expectation.
const FORM: &str = "write for example `p99 event.latency < 100ms` or `lost.messages == 0`";

/// One line of `expect`.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// As written, in one line.
    pub text: String,
    /// The figure on the left.
    pub figure: FigureId,
    /// The operator.
    pub comparison: Comparison,
    /// The right side in the figure's unit: milliseconds, a share, per second, or a plain number.
    pub bound: f64,
    /// The window over which the figure is taken; `None` = all that is measured.
    pub during: Option<Window>,
    /// How sure it must be that the mean meets the bound, 0.5 to 1, exclusive; `None` = the mean itself must.
    pub confidence: Option<f64>,
}

/// Why a line is no expectation: what was found, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectError {
    /// What was found.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// What it is about.
    pub(super) part: ExpectPart,
}

/// The parts of an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpectPart {
    Condition,
    During,
    With,
}

impl ExpectError {
    /// One about the condition.
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> ExpectError {
        ExpectError { message: message.into(), help: help.into(), part: ExpectPart::Condition }
    }
    fn of(part: ExpectPart, message: impl Into<String>, help: impl Into<String>) -> ExpectError {
        ExpectError { message: message.into(), help: help.into(), part }
    }
}

/// What an expectation must fit: the lengths of a run, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub duration: Span,
    pub warm_up: Span,
    pub sample_every: Span,
    pub replications: u32,
    pub has_prices: bool,
    pub has_database: bool,
}

impl Frame {
    pub(super) fn of(spec: &ClusterSpec, replications: u32) -> Frame {
        let ClusterSpec { duration, warm_up, sample_every, .. } = *spec;
        let (has_prices, has_database) = (spec.pods.hour_price.is_some(), spec.database.is_some());
        Frame { duration, warm_up, sample_every, replications, has_prices, has_database }
    }
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
        let fail = |message: String, help: String| Err(ExpectError::new(message, help));
        let (left, comparison, right) = sides(text, FORM)?;
        let figure = figure(left)?;
        let Clauses { bound: right, during, with } = Clauses::read(right)?;
        let during = during.map(window).transpose()?;
        let confidence = with.map(confidence).transpose()?;
        match bound(figure.family().unit, right) {
            Ok(bound) => {
                let read = Expectation { text: text.trim().to_owned(), figure, comparison, bound, during, confidence };
                read.says_something().map(|()| read)
            }
            Err(needs) if right.is_empty() => fail(format!("`{text}` has no right side"), needs),
            Err(needs) => fail(format!("`{right}` is not a bound for `{left}`"), needs),
        }
    }

    /// Whether some values of the figure meet it, and others do not.
    fn says_something(&self) -> Result<(), ExpectError> {
        let (low, high) = self.figure.range();
        let bound = self.bound;
        let (possible, always) = match self.comparison {
            Comparison::Below => (low < bound, high < bound),
            Comparison::AtMost => (low <= bound, high <= bound),
            Comparison::Above => (high > bound, low > bound),
            Comparison::AtLeast => (high >= bound, low >= bound),
            Comparison::Equal => ((low..=high).contains(&bound), low == high),
        };
        let range = match (low == 0.0, high.is_finite(), self.figure.family().unit) {
            (true, true, Unit::Share) => "lies between 0 % and 100 %",
            (true, true, _) => "lies between 0 and 1",
            (true, false, _) => "is never below 0",
            _ => "is never below 1",
        };
        let (text, figure) = (&self.text, self.figure);
        match (possible, always) {
            (false, _) => Err(ExpectError::new(format!("`{text}` can never hold"), format!("`{figure}` {range}"))),
            (_, true) => Err(ExpectError::new(format!("`{text}` always holds"), format!("`{figure}` {range}"))),
            _ => Ok(()),
        }
    }

    /// Reads an entry of a scenario, which may have its window and its confidence apart.
    pub(super) fn read(entry: &ExpectText) -> Result<Expectation, ExpectError> {
        let plain = Expectation::parse(&entry.that)?;
        let twice = |part, key: &str| {
            let message = format!("`{key}` stands in the text and beside it");
            Err(ExpectError::of(part, message, "write it once"))
        };
        if entry.during.is_some() && plain.during.is_some() {
            return twice(ExpectPart::During, "during");
        }
        if entry.with.is_some() && plain.confidence.is_some() {
            return twice(ExpectPart::With, "with");
        }
        Expectation::parse(&entry.to_string())
    }

    /// Whether it can be told of such runs; `others` are expected of them as well.
    pub(super) fn fit(&self, frame: &Frame, others: &[Expectation]) -> Result<(), ExpectError> {
        if let (Some(_), 0..2) = (self.confidence, frame.replications) {
            let help = "raise `replications`, or leave `with` out";
            return Err(ExpectError::of(ExpectPart::With, "one run has no interval, so nothing is sure", help));
        }
        self.fit_cluster(frame)?;
        let Some(window) = self.during else { return Ok(()) };
        let fail = |message: String, help: String| Err(ExpectError::of(ExpectPart::During, message, help));
        let Frame { duration, warm_up, .. } = *frame;
        if window.to > duration {
            let message = format!("the window {window} ends after the run, which lasts {duration}");
            return fail(message, "write an earlier window, or a longer `duration`".to_owned());
        }
        if window.from < warm_up {
            let message = format!("the window {window} begins before the warm-up ends, which it does at {warm_up}");
            return fail(message, "write a later window, or a shorter `warm_up`".to_owned());
        }
        self.fit_steps(&window, frame)?;
        let mut known: Vec<Window> = others.iter().filter_map(|other| other.during).collect();
        known.push(window);
        known.sort_unstable_by_key(|window| (window.from, window.to));
        known.dedup();
        if known.len() > MOST_WINDOWS {
            let message = format!("there are more than {MOST_WINDOWS} different windows");
            return fail(message, "use some of them for several figures".to_owned());
        }
        Ok(())
    }

    /// Whether the cluster has what it is about.
    fn fit_cluster(&self, frame: &Frame) -> Result<(), ExpectError> {
        let name = self.figure.family().name;
        let of_database = ["database.", "limits.pool", "limits.database"];
        if name.starts_with("price.") && !frame.has_prices {
            let message = format!("there are no prices, so nothing of `{name}` is measured");
            return Err(ExpectError::new(message, "write for example `prices: {pod_hour: 0.05, currency: EUR}`"));
        }
        if of_database.iter().any(|start| name.starts_with(start)) && !frame.has_database {
            let message = format!("there is no database, so nothing of `{name}` is measured");
            return Err(ExpectError::new(
                message,
                "write for example `database: {}`, and `api: {database: 4}` for its queries",
            ));
        }
        Ok(())
    }

    /// Whether a figure that is taken in steps can be told of this window.
    fn fit_steps(&self, window: &Window, frame: &Frame) -> Result<(), ExpectError> {
        let fail = |message: String, help: String| Err(ExpectError::of(ExpectPart::During, message, help));
        let name = self.figure;
        let step = match self.figure.family().taken {
            Taken::Throughout => return Ok(()),
            Taken::Run => {
                let whole: Vec<String> = Family::all()
                    .iter()
                    .filter(|family| family.taken == Taken::Run)
                    .map(|family| format!("`{}`", family.name))
                    .collect();
                let message = format!("`{name}` is taken of the run as a whole, so it has no window");
                return fail(message, format!("leave `during` out; every figure can have it but {}", whole.join(", ")));
            }
            Taken::Samples => {
                // the sample at the beginning belongs to it and that at the end does not, but for all that is measured
                let before =
                    |at: Span, is_end: bool| at.saturating_sub(Span::from_nanos(u64::from(!is_end))).as_nanos();
                let (from, to) =
                    (before(window.from, window.from == frame.warm_up), before(window.to, window.to == frame.duration));
                let every = frame.sample_every.as_nanos().max(1);
                if to / every > from / every {
                    return Ok(());
                }
                let every = frame.sample_every;
                let message = format!("`{name}` is looked at every {every}, and never in the window {window}");
                return fail(message, "write a longer window, or a shorter `sample_every`".to_owned());
            }
            Taken::Seconds => Span::from_secs(1),
            Taken::Peaks => peak_window(frame.duration),
        };
        // the ends of all that is measured are the exception that the figure without a window makes as well
        let is_end =
            |at: Span| at.as_nanos().is_multiple_of(step.as_nanos()) || at == frame.warm_up || at == frame.duration;
        if is_end(window.from) && is_end(window.to) {
            return Ok(());
        }
        let message = format!("`{name}` is the peak of steps of {step}, and {window} cuts through one");
        let from = step * (window.from.as_nanos() / step.as_nanos());
        let to = (step * window.to.as_nanos().div_ceil(step.as_nanos())).min(frame.duration);
        fail(
            message,
            format!("write multiples of it, such as `during {}`", Window { from: from.max(frame.warm_up), to }),
        )
    }
}

/// What stands right of a comparison.
struct Clauses<'t> {
    bound: &'t str,
    during: Option<&'t str>,
    with: Option<&'t str>,
}

impl<'t> Clauses<'t> {
    /// Each of `during` and `with` once, in any order, behind the bound.
    fn read(right: &'t str) -> Result<Clauses<'t>, ExpectError> {
        let mut clauses = Clauses { bound: right, during: None, with: None };
        while let Some((at, word)) = last_clause(clauses.bound) {
            let (before, clause) = clauses.bound.split_at(at);
            let (place, part) = match word {
                "during" => (&mut clauses.during, ExpectPart::During),
                _ => (&mut clauses.with, ExpectPart::With),
            };
            if place.replace(clause[word.len()..].trim()).is_some() {
                return Err(ExpectError::of(part, format!("`{word}` stands there twice"), "write it once"));
            }
            clauses.bound = before.trim();
        }
        Ok(clauses)
    }
}

/// The last `during` or `with` that is a word of its own.
fn last_clause(text: &str) -> Option<(usize, &'static str)> {
    let is_word = |at: usize, word: &str| {
        let after = text[at + word.len()..].chars().next();
        (at == 0 || text[..at].ends_with(char::is_whitespace)) && after.is_none_or(char::is_whitespace)
    };
    let last = |word: &'static str| {
        text.rmatch_indices(word).map(|(at, _)| at).find(|&at| is_word(at, word)).map(|at| (at, word))
    };
    last("during").max(last("with"))
}

/// `8m..10m`.
fn window(text: &str) -> Result<Window, ExpectError> {
    let fail = |message: String| {
        Err(ExpectError::of(
            ExpectPart::During,
            message,
            "write for example `during 8m..10m` or `during: [8m, 10m]`, counted from the start of the run",
        ))
    };
    let Some((from, to)) = text.split_once("..") else {
        return fail(format!("`{text}` is not a window"));
    };
    let (Ok(from), Ok(to)) = (from.parse::<Span>(), to.parse::<Span>()) else {
        return fail(format!("`{text}` is not a window from one time to another"));
    };
    if from >= to {
        return fail(format!("the window {from}..{to} does not end after it begins"));
    }
    Ok(Window { from, to })
}

/// `95%`.
fn confidence(text: &str) -> Result<f64, ExpectError> {
    let share = text.parse::<Share>().ok().map(Share::fraction);
    let [low, high] = CONFIDENCES;
    share.filter(|share| *share > low && *share <= high).ok_or_else(|| {
        let message = format!("`{text}` is not a confidence: above 50% and at most 99.99%");
        ExpectError::of(ExpectPart::With, message, "write for example `95%`")
    })
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
        return Err(ExpectError::new(format!("`{text}` has no comparison"), form));
    };
    let length = text[at..].chars().take_while(|c| matches!(c, '<' | '>' | '=' | '!')).count();
    let (sign, right) = text[at..].split_at(length);
    let Some(comparison) = Comparison::ALL.into_iter().find(|known| known.sign() == sign) else {
        return Err(ExpectError::new(format!("`{sign}` is not a comparison"), "use <, <=, >, >= or =="));
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
        return ExpectError::new(message, help);
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
    ExpectError::new(message, help)
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
    fn windows_and_confidences_stand_behind_the_bound() {
        let read =
            |text: &str| Expectation::parse(text).map(|e| (e.bound, e.during.map(|w| w.to_string()), e.confidence));
        let all = Ok((100.0, Some("8m..10m".to_owned()), Some(0.95)));
        assert_eq!(read("p99 event.latency < 100ms during 8m..10m with 95%"), all);
        assert_eq!(read("p99 event.latency < 100ms with 95 %  during 8m .. 600s"), all);
        assert_eq!(read("requests.failed < 1% with 0.9"), Ok((0.01, None, Some(0.9))));
        for (text, says) in [
            ("p99 event.latency < 1s during 8m", "`8m` is not a window"),
            ("p99 event.latency < 1s during", "`` is not a window"),
            ("p99 event.latency < 1s during 8..10", "`8..10` is not a window from one time to another"),
            ("p99 event.latency < 1s during 10m..8m", "the window 10m..8m does not end after it begins"),
            ("p99 event.latency < 1s during 1s..2s during 3s..4s", "`during` stands there twice"),
            ("p99 event.latency < 1s with 50%", "`50%` is not a confidence: above 50% and at most 99.99%"),
            ("p99 event.latency < 1s with 100%", "`100%` is not a confidence: above 50% and at most 99.99%"),
            ("p99 event.latency < 1s with luck", "`luck` is not a confidence: above 50% and at most 99.99%"),
            ("p99 event.latency < during 1s..2s", "`p99 event.latency < during 1s..2s` has no right side"),
            ("p99 event.latency < 1s within 2s", "`1s within 2s` is not a bound for `p99 event.latency`"),
        ] {
            assert_eq!(read(text).unwrap_err().message, says, "{text}");
        }
    }

    #[test]
    fn what_says_nothing_is_no_expectation() {
        let said = |text: &str| Expectation::parse(text).map(|_| ()).map_err(|error| (error.message, error.help));
        for text in ["requests.failed < 0%", "lost.messages > 100%", "redis.copies <= -1", "p99 event.latency < 0"] {
            assert_eq!(said(text).unwrap_err().0, format!("`{text}` can never hold"));
        }
        assert!(said("load.connections.max_over_mean < 1").unwrap_err().1.ends_with("is never below 1"));
        for text in ["requests.failed >= 0%", "lost.messages <= 100%", "redis.copies >= 0"] {
            assert_eq!(said(text).unwrap_err().0, format!("`{text}` always holds"));
        }
        for text in
            ["requests.failed <= 0%", "redis.copies > 0", "sessions.found == 1", "load.requests.max_over_mean <= 1"]
        {
            assert_eq!(said(text), Ok(()), "{text}");
        }
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
