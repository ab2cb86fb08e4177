//! `stickysim recommend`: remedies tried on a scenario.

use std::path::{Path, PathBuf};

use super::args::RecommendArgs;
use super::kind::Kind;
use super::output::Folder;
use super::progress::Bar;
use super::study::{aim, bad_scenario, check_prices, expecting, failed_run, load_text, nothing_of};
use super::{Failure, Success, print};
use crate::report::{self, TerminalStyle};
use crate::scenario::{self, Source};
use crate::study::{self, AS_IT_STANDS, Options, Prepared};

/// Runs the command.
pub fn recommend(args: &RecommendArgs) -> Result<Success, Failure> {
    let goal = args.goal.as_deref().map(|text| aim("--goal", text)).transpose()?;
    let Prepared { scenario, remedies } = prepared(args)?;
    let scenario = expecting(scenario, &args.runs.scenario.expect)?;
    if scenario.replications.least() < 2 {
        let message = "one run has no interval, so nothing could be said of a remedy; write for example `-r 20`";
        return Err(Failure::Input(message.to_owned()));
    }
    if let Some(goal) = goal {
        check_prices("--goal", goal, std::iter::once(&scenario.base))?;
    }
    let default = || PathBuf::from("output").join(&scenario.name).join("recommend");
    let folder = Folder::prepare(&args.out.clone().unwrap_or_else(default), Kind::Recommend)?;
    let bar = Bar::new(args.quiet);
    let progress = |progress| {
        bar.show(progress);
        Ok(())
    };
    let options = Options { variants: true, threads: args.threads.number(), progress: &progress };
    let mut study = study::run_changes(&scenario, AS_IT_STANDS, &options).map_err(failed_run)?;
    drop(bar);
    study.rank_by = goal;
    if study::recommendation(&study).is_none() {
        return Err(Failure::Input(goal.map_or_else(
            || "nothing is measured in this scenario that could become better; name a figure with --goal".to_owned(),
            |goal| format!("--goal `{goal}`: {}", nothing_of(goal, &study)),
        )));
    }
    let files = report::recommend_files(&study, &remedies, &scenario.resolved_yaml_beside_itself(AS_IT_STANDS))
        .into_iter()
        .map(|file| (file.path, file.bytes));
    let traces = scenario.trace_files().into_iter().map(|(name, csv)| (name, csv.into_bytes()));
    folder.write(&files.chain(traces).collect::<Vec<_>>(), &[])?;
    if !args.quiet {
        let style = TerminalStyle { color: print::colors_on_stdout(), width: print::width() };
        let page = folder.path().join("recommend.html");
        print::out(&format!("{}Report: {}\n", report::recommend_text(&study, &remedies, &style), page.display()))?;
    }
    Ok(Success::Fine)
}

/// The scenario with its remedies, from a file or standard input.
fn prepared(args: &RecommendArgs) -> Result<Prepared, Failure> {
    let changes = args.runs.list();
    let path = &args.scenario;
    let (name, text, folder) = match load_text(path)? {
        Some(text) => ("standard input".to_owned(), text, PathBuf::from(".")),
        None => {
            let name = path.display().to_string();
            // what cannot be read is said as everywhere
            scenario::load(path, &changes).map_err(bad_scenario)?;
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::Input(format!("cannot read the scenario `{name}`: {error}")))?;
            (name, text, path.parent().unwrap_or(Path::new("")).to_owned())
        }
    };
    let folder = scenario::Folder(folder);
    let source = Source { name: &name, text: &text, folder: &folder };
    let variant = args.variant.as_deref();
    study::prepare(source, &changes, variant, &args.only).map_err(bad_scenario)?.ok_or_else(|| {
        let asked = variant.unwrap_or_default();
        Failure::Input(format!("--variant {asked}: the scenario has no such variant; look at its key `variants`"))
    })
}
