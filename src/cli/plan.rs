//! `stickysim plan`: the smallest or largest value of a setting at which everything holds that is expected.

use std::path::PathBuf;

use super::args::{DuringArg, FindArg, PlanArgs};
use super::output::Folder;
use super::study::{expecting, failed_run, load_text, parse_text};
use super::{Failure, Success, print};
use crate::engine::Span;
use crate::report;
use crate::scenario::Scenario;
use crate::study::{self, During, Find, Options, Plan, Question, StudyError};

/// What kind of value the setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole,
    Number,
    Percent,
    /// In milliseconds.
    Duration,
}

impl Kind {
    /// Reads an end of the range.
    fn read(text: &str) -> Option<(Kind, f64)> {
        let text = text.trim();
        if let Ok(whole) = text.parse::<u32>() {
            return Some((Kind::Whole, f64::from(whole)));
        }
        if let Some(percent) = text.strip_suffix('%') {
            return percent.trim().parse().ok().map(|value| (Kind::Percent, value));
        }
        if let Ok(number) = text.parse::<f64>() {
            return number.is_finite().then_some((Kind::Number, number));
        }
        text.parse::<Span>().ok().map(|span| (Kind::Duration, span.as_millis_f64()))
    }
    fn write(self, value: f64) -> String {
        match self {
            Kind::Whole => format!("{value:.0}"),
            Kind::Number => format!("{}", rounded(value)),
            Kind::Percent => format!("{}%", rounded(value)),
            Kind::Duration => Span::from_millis(value.round() as u64).to_string(),
        }
    }
}

/// To four significant digits, as it is written.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// An error of the search: the input's, or a run's.
struct Stop(Failure);

impl From<StudyError> for Stop {
    fn from(error: StudyError) -> Stop {
        Stop(failed_run(error))
    }
}

/// Runs the command.
pub fn plan(args: &PlanArgs) -> Result<Success, Failure> {
    let (kind, question) = question(args)?;
    let text = load_text(&args.scenario)?;
    let setting = args.knob.as_str();
    let written = |value: f64| kind.write(value);
    let at = |value: f64| -> Result<Scenario, Stop> {
        let mut changes = args.changes();
        changes.push(format!("{setting}={}", written(value)));
        expecting(parse_text(&args.scenario, &text, &changes).map_err(Stop)?, &args.expect).map_err(Stop)
    };
    let first = at(question.from).map_err(|Stop(failure)| failure)?;
    let variants = wanted(&first, args.variant.as_deref())?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("output").join(&first.name).join("plan"));
    let folder = Folder::prepare(&folder)?;
    let options = Options { variants: true, threads: args.threads.map(usize::from), progress: &|_| Ok(()) };
    let during = match question.during {
        During::Nothing => "",
        During::RollingRestart => ", during a rolling restart",
        During::PodLost => ", with one pod lost",
    };
    let mut plans: Vec<Plan> = Vec::new();
    for variant in &variants {
        let told = |name: &str, point: &study::Point| {
            if !args.quiet {
                let whose = if name.is_empty() { String::new() } else { format!("{name}: ") };
                print::note(&format!("{whose}{setting} {}", report::point_text(point, &written)));
            }
        };
        let plan = study::plan(variant.as_deref(), &question, &options, at, told).map_err(|Stop(failure)| failure)?;
        plans.push(plan);
    }
    folder.write(&[("plan.csv".to_owned(), report::plan_csv(&plans, setting, &written))], &[])?;
    let texts: Vec<String> =
        plans.iter().map(|plan| report::plan_text(plan, setting, question.find, during, &written)).collect();
    print::out(&format!(
        "{}\nEvery value that was tried: {}\n",
        texts.join("\n"),
        folder.path().join("plan.csv").display()
    ))?;
    let all = plans.iter().all(|plan| plan.answer.is_some());
    Ok(if all { Success::Fine } else { Success::ExpectationFailed })
}

/// Which variants are asked about; `None` = the scenario as it stands.
fn wanted(scenario: &Scenario, only: Option<&str>) -> Result<Vec<Option<String>>, Failure> {
    let names: Vec<&str> = scenario.variants.iter().map(|variant| variant.name.as_str()).collect();
    let chosen: Vec<Option<String>> = match only {
        Some(name) if names.contains(&name) => vec![Some(name.to_owned())],
        Some(name) => {
            let known =
                if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
            return Err(Failure::Input(format!("--variant {name}: the scenario has no such variant; {known}")));
        }
        None if names.is_empty() => vec![None],
        None => names.iter().map(|name| Some((*name).to_owned())).collect(),
    };
    for name in &chosen {
        let expectations = match name {
            Some(name) => scenario.variants.iter().find(|variant| variant.name == *name).map(|v| &v.expectations),
            None => Some(&scenario.expectations),
        };
        if expectations.is_some_and(Vec::is_empty) {
            let whose = name.as_ref().map_or_else(String::new, |name| format!(" of variant `{name}`"));
            return Err(Failure::Input(format!(
                "nothing is expected{whose}, so any value would do; write for example --expect 'p99 event.latency < 100ms'"
            )));
        }
    }
    Ok(chosen)
}

fn question(args: &PlanArgs) -> Result<(Kind, Question), Failure> {
    let read = |option: &str, text: &str| {
        Kind::read(text).ok_or_else(|| {
            Failure::Input(format!(
                "{option} {text}: write a number, a share such as `20%`, or a duration such as `5m`"
            ))
        })
    };
    let ((kind_from, from), (kind_to, to)) = (read("--from", &args.from)?, read("--to", &args.to)?);
    let kind = match (kind_from, kind_to) {
        (a, b) if a == b => a,
        (Kind::Whole, Kind::Number) | (Kind::Number, Kind::Whole) => Kind::Number,
        _ => {
            let message = format!("--from {} and --to {} are not of the same kind", args.from, args.to);
            return Err(Failure::Input(format!("{message}; write both with the same unit")));
        }
    };
    if from <= 0.0 || from > to {
        let message = format!("from {} to {} there is nothing to search", args.from, args.to);
        return Err(Failure::Input(format!("{message}; write the lower end, above zero, as --from")));
    }
    let confidence = f64::from(args.confidence) / 100.0;
    let question = Question {
        find: match args.find {
            FindArg::Fewest => Find::Fewest,
            FindArg::Most => Find::Most,
        },
        from,
        to,
        whole: kind == Kind::Whole,
        during: match args.during {
            None => During::Nothing,
            Some(DuringArg::RollingRestart) => During::RollingRestart,
            Some(DuringArg::PodLost) => During::PodLost,
        },
        confidence,
        most_runs: args.runs.unwrap_or(study::MOST_RUNS),
    };
    Ok((kind, question))
}
