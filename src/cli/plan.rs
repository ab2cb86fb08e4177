//! `stickysim plan`: the smallest or largest value of a setting at which everything holds that is expected.

use std::path::PathBuf;

use super::args::{DuringArg, FindArg, PlanArgs};
use super::kind::Kind as Results;
use super::output::Folder;
use super::study::{expecting, failed_run, load_text, parse_text};
use super::{Failure, Success, print};
use crate::report::{self, PlanAbout};
use crate::scenario::Scenario;
use crate::study::{self, During, Find, Kind, Options, Plan, Question, StudyError};

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
        let mut changes = args.changes.list();
        changes.push(format!("{setting}={}", written(value)));
        expecting(parse_text(&args.scenario, &text, &changes).map_err(Stop)?, &args.changes.expect).map_err(Stop)
    };
    let first = at(question.from).map_err(|Stop(failure)| failure)?;
    let variants = wanted(&first, args.variant.as_deref())?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("output").join(&first.name).join("plan"));
    let folder = Folder::prepare(&folder, Results::Plan)?;
    let options = Options { variants: true, threads: args.threads.number(), progress: &|_| Ok(()) };
    let yaml = first.resolved_yaml();
    let about = PlanAbout {
        name: &first.name,
        title: &first.title,
        scenario_yaml: &yaml,
        seed: first.seed,
        setting,
        kind,
        question: &question,
    };
    let mut plans: Vec<Plan> = Vec::new();
    for variant in &variants {
        let told = |name: &str, point: &study::Point| {
            if !args.quiet {
                print::note(&report::point_text(&about, name, point));
            }
        };
        let plan = study::plan(variant.as_deref(), &question, &options, at, told).map_err(|Stop(failure)| failure)?;
        plans.push(plan);
    }
    let files: Vec<(String, Vec<u8>)> =
        report::plan_files(&about, &plans).into_iter().map(|file| (file.path, file.bytes)).collect();
    folder.write(&files, &report::plan_optional_paths())?;
    let texts: Vec<String> = plans.iter().map(|plan| report::plan_text(&about, plan)).collect();
    print::out(&format!("{}\nReport: {}\n", texts.join("\n"), folder.path().join("plan.html").display()))?;
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
    let names = [format!("--from {}", args.from), format!("--to {}", args.to)];
    let (kind, from, to) = Kind::range([&names[0], &names[1]], [&args.from, &args.to]).map_err(Failure::Input)?;
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
