//! `stickysim`, `stickysim run` and `stickysim compare`.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::args::{SensitivityRuns, StudyArgs};
use super::kind::Kind;
use super::output::{Folder, Named};
use super::progress::Bar;
use super::{Failure, Success, print};
use crate::cluster::RunError;
use crate::cluster::spec::ClusterSpec;
use crate::metrics::{Better, FigureId, Study, TooFew};
use crate::report::{self, TerminalStyle};
use crate::scenario::{self, ExpectError, Problems, Scenario, Source};
use crate::study::{Options, SENSITIVITY_RUNS, StudyError};

/// The scenario that runs when nothing is asked for: the same file as in the repository.
const AUCTION: &str = include_str!("../../scenarios/auction.yaml");

/// `stickysim` alone.
pub fn demo(args: &StudyArgs) -> Result<Success, Failure> {
    let source = Source { name: "scenarios/auction.yaml (built in)", text: AUCTION, folder: &scenario::NoFiles };
    let scenario = scenario::parse(source, &args.runs.list()).map_err(bad_scenario)?;
    study(scenario, true, None, args)
}

/// `stickysim run SCENARIO`.
pub fn run(path: &Path, args: &StudyArgs) -> Result<Success, Failure> {
    study(load(path, &args.runs.list())?, false, None, args)
}

/// `stickysim compare SCENARIO`.
pub fn compare(path: &Path, rank: Option<&str>, args: &StudyArgs) -> Result<Success, Failure> {
    let rank = rank.map(|text| aim("--rank", text)).transpose()?;
    let scenario = load(path, &args.runs.list())?;
    if scenario.variants.is_empty() {
        return Err(Failure::Input(format!(
            "`{}` has no variants to compare; add for example\n  variants:\n    none: {{balancers: [{{nginx: {{}}}}]}}\n    \
             ip-hash: {{balancers: [{{nginx: {{method: ip_hash}}}}]}}\nor use `stickysim run`",
            path.display()
        )));
    }
    if let Some(figure) = rank {
        check_prices("--rank", figure, scenario.variants.iter().map(|variant| &variant.spec))?;
    }
    study(scenario, true, rank, args)
}

/// Refuses to ask what things cost where nothing has a price, before anything runs.
pub fn check_prices<'s>(
    option: &str,
    figure: FigureId,
    mut clusters: impl Iterator<Item = &'s ClusterSpec>,
) -> Result<(), Failure> {
    if figure.to_string() != "price.month" || clusters.any(|spec| spec.pods.hour_price.is_some()) {
        return Ok(());
    }
    Err(Failure::Input(format!(
        "{option} `{figure}`: the scenario has no prices; say what a pod costs per hour, for example `--set prices.pod_hour=0.048`"
    )))
}

/// Why nothing can be ranked by a figure.
pub fn nothing_of(figure: FigureId, study: &Study) -> String {
    let id = figure.to_string();
    let of_figure = study.variants.iter().flat_map(|variant| &variant.too_few).filter(|few| few.id == id);
    match of_figure.max_by_key(|few| few.beyond) {
        Some(TooFew { beyond, wanted, .. }) => {
            let mean = figure.family().name;
            let lie = if *beyond == 1 { "sample lies" } else { "samples lie" };
            format!(
                "{beyond} {lie} beyond it, too few to say where it is ({wanted} would do); make more or longer runs, such as `-r 20`, or take \
                 `mean {mean}`"
            )
        }
        None => "no variant has anything of it; choose a figure of the report".to_owned(),
    }
}

/// The figure that an option names, one that reports show, of which more or less is better.
pub fn aim(option: &str, text: &str) -> Result<FigureId, Failure> {
    let fail = |message: &str, help: &str| Failure::Input(format!("{option} `{text}`: {message}; {help}"));
    let figure = scenario::figure(text).map_err(|error| fail(&error.message, &error.help))?;
    if !FigureId::all().any(|shown| shown == figure) {
        return Err(fail("reports do not show this percentile", "write mean, p50, p95 or p99"));
    }
    if figure.family().better == Better::Neither {
        let help = "write one of which less or more is better, such as 'p99 event.latency' or lost.messages";
        return Err(fail("this figure is neither good nor bad", help));
    }
    Ok(figure)
}

/// Reads a scenario from a file or, for `-`, from standard input.
pub fn load(path: &Path, changes: &[String]) -> Result<Scenario, Failure> {
    parse_text(path, &load_text(path)?, changes)
}

/// The text of standard input, if it is that which is meant: it can be read once only.
pub fn load_text(path: &Path) -> Result<Option<String>, Failure> {
    if path != Path::new("-") {
        return Ok(None);
    }
    let fail = |error: &dyn Display, help| {
        Failure::Input(format!("cannot read a scenario from standard input: {error}{help}"))
    };
    let mut bytes = Vec::new();
    let limit = scenario::MAX_TEXT_BYTES as u64 + 1;
    std::io::stdin().take(limit).read_to_end(&mut bytes).map_err(|error| fail(&error, ""))?;
    if bytes.len() as u64 == limit {
        // what was cut off in the middle of a character is refused for its size
        bytes.fill(b' ');
    }
    String::from_utf8(bytes).map(Some).map_err(|error| fail(&error, "; send it as UTF-8 text"))
}

/// The scenario of a file, or of the text of standard input.
pub fn parse_text(path: &Path, text: &Option<String>, changes: &[String]) -> Result<Scenario, Failure> {
    let Some(text) = text else { return scenario::load(path, changes).map_err(bad_scenario) };
    let here = scenario::Folder(PathBuf::from("."));
    scenario::parse(Source { name: "standard input", text, folder: &here }, changes).map_err(bad_scenario)
}

/// The scenario with more expectations, of each variant and of itself.
pub fn expecting(mut scenario: Scenario, more: &[String]) -> Result<Scenario, Failure> {
    for text in more {
        let refused =
            |error: ExpectError| Failure::Input(format!("--expect `{text}`: {}; {}", error.message, error.help));
        scenario.expect(text).map_err(refused)?;
    }
    Ok(scenario)
}

/// As a failure of the program, with every problem.
pub(super) fn bad_scenario(problems: Problems) -> Failure {
    Failure::Problems(problems.render(print::colors_on_stderr()))
}

fn study(scenario: Scenario, variants: bool, rank: Option<FigureId>, args: &StudyArgs) -> Result<Success, Failure> {
    let scenario = &expecting(scenario, &args.runs.scenario.expect)?;
    let default = || PathBuf::from("output").join(&scenario.name);
    let changed_runs =
        args.sensitivity.map(|runs| sensitivity_runs(runs, scenario.replications.least())).transpose()?;
    let folder = Folder::prepare(&args.out.clone().unwrap_or_else(default), Kind::Study)?;
    let named = |path: &Option<PathBuf>, option| path.as_deref().map(|path| Named::prepare(path, option)).transpose();
    let (junit, metrics) = (named(&args.junit, "--junit")?, named(&args.openmetrics, "--openmetrics")?);
    let mut study = with_bar(variants, args, |options| crate::study::run(scenario, options))?;
    study.rank_by = rank;
    if let Some(figure) = rank.filter(|_| crate::study::ranking(&study).is_none()) {
        return Err(Failure::Input(format!("--rank `{figure}`: {}", nothing_of(figure, &study))));
    }
    if let Some(runs) = changed_runs {
        let sensitivity = with_bar(variants, args, |options| crate::study::sensitivity(scenario, runs, options))?;
        study.sensitivity = Some(sensitivity);
    }
    let resolved = scenario.resolved_yaml();
    let mut files: Vec<(String, Vec<u8>)> =
        report::files(&study, &resolved).into_iter().map(|file| (file.path, file.bytes)).collect();
    files.extend(scenario.trace_files().into_iter().map(|(name, csv)| (name, csv.into_bytes())));
    files.push(("scenario.yaml".to_owned(), resolved.into_bytes()));
    folder.write(&files, &report::optional_paths())?;
    if let Some(file) = junit {
        file.write(report::junit(&study).as_bytes())?;
    }
    if let Some(file) = metrics {
        file.write(report::openmetrics(&study, args.openmetrics_epoch).as_bytes())?;
    }
    tell(&study, &folder, args)?;
    let all_hold = study.variants.iter().all(|variant| variant.expectations.iter().all(|outcome| outcome.holds));
    Ok(if all_hold { Success::Fine } else { Success::ExpectationFailed })
}

/// Does what takes long, and shows how far it is.
fn with_bar<T>(
    variants: bool,
    args: &StudyArgs,
    work: impl FnOnce(&Options) -> Result<T, StudyError>,
) -> Result<T, Failure> {
    let bar = Bar::new(args.quiet);
    let progress = |progress| {
        bar.show(progress);
        Ok(())
    };
    let threads = args.threads.number();
    work(&Options { variants, threads, progress: &progress }).map_err(failed_run)
}

/// How many runs of each variant are made of each changed assumption: those of the study, but not all of them.
fn sensitivity_runs(SensitivityRuns(wanted): SensitivityRuns, replications: u32) -> Result<u32, Failure> {
    let runs = wanted.unwrap_or(SENSITIVITY_RUNS.min(replications));
    if runs < 2 {
        let message = "`--sensitivity` compares runs, and needs two of each variant at least; write for example `-r 5` or \
                       `--sensitivity=5`";
        return Err(Failure::Input(message.to_owned()));
    }
    if runs > replications {
        return Err(Failure::Input(format!(
            "`--sensitivity={runs}` asks for more runs than the {replications} of the study; write `-r {runs}` as well"
        )));
    }
    Ok(runs)
}

fn tell(study: &Study, folder: &Folder, args: &StudyArgs) -> Result<(), Failure> {
    if args.quiet {
        for variant in &study.variants {
            for outcome in variant.expectations.iter().filter(|outcome| !outcome.holds) {
                print::note(&format!("{}: `{}` {}", variant.name, outcome.text, report::outcome_words(outcome)));
            }
        }
        return Ok(());
    }
    let style = TerminalStyle { color: print::colors_on_stdout(), width: print::width() };
    let report = folder.path().join("report.html");
    print::out(&format!("{}\nReport: {}\n", report::terminal(study, &style).trim_end(), report.display()))
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Failure {
        failed_run(error)
    }
}

/// As a failure of the program: a run whose books do not balance is a bug.
pub(super) fn failed_run(error: StudyError) -> Failure {
    match error {
        StudyError::Run { error: RunError::Violation(_), .. } => Failure::Internal(error.to_string()),
        StudyError::Run { .. } | StudyError::Threads(_) | StudyError::Aborted => Failure::Input(error.to_string()),
    }
}
