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
    let base = changes(args, &text)?;
    let at = |value: f64| -> Result<Scenario, Stop> {
        let mut changes = base.clone();
        changes.push(format!("{setting}={}", written(value)));
        expecting(parse_text(&args.scenario, &text, &changes).map_err(Stop)?, &args.changes.expect).map_err(Stop)
    };
    let first = at(question.from).map_err(|Stop(failure)| failure)?;
    let variants = wanted(&first, args.variant.as_deref())?;
    let last = at(question.to).map_err(|Stop(failure)| at_end(failure, args))?;
    for variant in &variants {
        check_setting(args, variant.as_deref(), (&first, &last))?;
    }
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
    let page = folder.path().join("plan.html");
    print::out(&format!("{}\n{}\nReport: {}\n", texts.join("\n"), about.judged(), page.display()))?;
    let all = plans.iter().all(|plan| plan.answer.is_some());
    Ok(if all { Success::Fine } else { Success::ExpectationFailed })
}

/// What is changed at every value: without the variants that nobody asks about, which some values may not suit.
fn changes(args: &PlanArgs, text: &Option<String>) -> Result<Vec<String>, Failure> {
    let mut changes = args.changes.list();
    if let Some(only) = &args.variant {
        let whole = expecting(parse_text(&args.scenario, text, &changes)?, &args.changes.expect)?;
        wanted(&whole, Some(only))?;
        let others = whole.variants.iter().map(|variant| variant.name.as_str()).filter(|name| name != only);
        changes.extend(others.map(|name| format!("variants.{name}=null")));
        changes.push("baseline=null".to_owned());
    }
    Ok(changes)
}

/// A failure at the upper end of the range.
fn at_end(failure: Failure, args: &PlanArgs) -> Failure {
    match failure {
        Failure::Problems(text) => {
            Failure::Problems(format!("{}\n(at the upper end of the range, --to {})\n", text.trim_end(), args.to))
        }
        other => other,
    }
}

/// Whether the setting means anything for a variant: of the scenario with the lowest value, and with the highest.
fn check_setting(args: &PlanArgs, variant: Option<&str>, (first, last): (&Scenario, &Scenario)) -> Result<(), Failure> {
    let whose = variant.map_or_else(String::new, |name| format!("variant `{name}`: "));
    let fail = |what: String| Err(Failure::Input(format!("{whose}{what}")));
    if args.from != args.to && first.is_same(last, variant) {
        let help = "its own patch sets that; name another setting, or ask for one variant with --variant";
        return fail(format!("`{}` changes nothing here: {help}", args.knob));
    }
    let found = first.variants.iter().find(|other| Some(other.name.as_str()) == variant);
    let spec = found.map_or(&first.base, |variant| &variant.spec);
    if let (true, Some(who)) = (args.knob == "pods.replicas", study::who_scales(spec)) {
        let help = "ask for what scales them (such as --knob timeline.0.scale.to or --knob autoscaler.min), or take it out with --set";
        return fail(format!("`pods.replicas` is only what the cluster begins with, since {who} changes it; {help}"));
    }
    if args.during == Some(DuringArg::PodLost) && spec.autoscaler.is_some() {
        return fail("--during pod-lost: the autoscaler replaces a pod that is lost; take it out with --set, or lose a node in the timeline".to_owned());
    }
    Ok(())
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
    if from <= 0.0 {
        return Err(Failure::Input(format!("--from {}: a search begins above zero", args.from)));
    }
    if from > to {
        let message = format!("from {} to {} there is nothing to search", args.from, args.to);
        return Err(Failure::Input(format!("{message}; write the lower end as --from")));
    }
    let of_study = ["seed", "replications", "name", "title"];
    if of_study.iter().any(|name| args.knob.split('.').next() == Some(name)) {
        return Err(Failure::Input(format!(
            "--knob {}: that is no setting of the cluster; name one of it, such as `pods.replicas`",
            args.knob
        )));
    }
    // without its only pod nobody is served: that is no end of a range
    let is_lost = args.during == Some(DuringArg::PodLost);
    let from = if is_lost && args.knob == "pods.replicas" && from < 2.0 && to >= 2.0 { 2.0 } else { from };
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
        confidence: args.confidence,
        most_runs: args.runs.unwrap_or(study::MOST_RUNS),
    };
    Ok((kind, question))
}
