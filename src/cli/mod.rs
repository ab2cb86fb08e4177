//! The command line: the only room that knows terminal, files, clock, environment and threads.
//!
//! Exit codes: 0 = fine, 1 = an `expect` does not hold, a finding or a change is denied or the self-test fails, 2 = bad input, 3 = a bug in stickysim.

// This room is where the outside world is allowed.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

mod adapter;
mod args;
mod check;
mod diff;
mod huge_pages;
mod import;
mod interrupt;
mod kind;
mod manifests;
mod output;
mod plan;
mod print;
mod progress;
mod recommend;
mod route;
mod selftest;
mod study;
mod sweep;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, ImportSource};

/// Why a command ended badly, with its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user's input cannot be used: a message for people.
    Input(String),
    /// Problems of scenarios, rendered for the terminal, each with its own "error".
    Problems(String),
    /// A bug in stickysim.
    Internal(String),
}

impl Failure {
    /// As it is printed. What is rendered stands as it is: it may begin with a colour.
    fn shown(&self) -> String {
        match self {
            Failure::Problems(rendered) => rendered.trim_end().to_owned(),
            Failure::Input(message) | Failure::Internal(message) => format!("error: {}", message.trim_end()),
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Input(_) | Failure::Problems(_) => ExitCode::from(2),
            Failure::Internal(_) => ExitCode::from(3),
        }
    }
}

/// How a command ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Success {
    /// Everything is as expected.
    Fine,
    /// An `expect` does not hold, a finding or a change is denied, or the self-test fails.
    ExpectationFailed,
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if simulates(cli.command.as_ref()) {
        huge_pages::ask();
    }
    interrupt::install();
    let outcome = std::panic::catch_unwind(|| dispatch(cli));
    match outcome {
        Ok(Ok(Success::Fine)) => ExitCode::SUCCESS,
        Ok(Ok(Success::ExpectationFailed)) => ExitCode::from(1),
        Ok(Err(failure)) => {
            print::note(&failure.shown());
            failure.exit_code()
        }
        Err(_) => {
            let bug = "stickysim stopped because of a bug of its own (the message above says where); please report it";
            let failure = Failure::Internal(bug.to_owned());
            print::note(&failure.shown());
            failure.exit_code()
        }
    }
}

/// Whether a command may take long and much memory.
const fn simulates(command: Option<&Command>) -> bool {
    use Command::{Compare, Plan, Recommend, Run, Sweep};
    matches!(command, None | Some(Run { .. } | Compare { .. } | Plan(_) | Recommend(_) | Sweep(_)))
}

fn dispatch(cli: Cli) -> Result<Success, Failure> {
    match cli.command {
        None => study::demo(&cli.study),
        Some(Command::Run { scenario, study }) => study::run(&scenario, &study),
        Some(Command::Compare { scenario, rank, study }) => study::compare(&scenario, rank.as_deref(), &study),
        Some(Command::Plan(args)) => plan::plan(&args),
        Some(Command::Diff(args)) => diff::diff(&args),
        Some(Command::Recommend(args)) => recommend::recommend(&args),
        Some(Command::Sweep(args)) => sweep::sweep(*args),
        Some(Command::Check { scenarios, set, quiet }) => check::check(&scenarios, &set, quiet),
        Some(Command::Schema { of }) => check::schema(of),
        Some(Command::Route(args)) => route::route(&args),
        Some(Command::Adapter(args)) => adapter::adapter(&args),
        Some(Command::Selftest(args)) => selftest::selftest(&args),
        Some(Command::Defaults) => check::defaults(),
        Some(Command::Import { source: ImportSource::AccessLog(args) }) => import::access_log(&args),
        Some(Command::Import { source: ImportSource::Kubernetes(args) }) => manifests::kubernetes(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{NoFiles, Source, parse};

    #[test]
    fn an_error_is_called_so_once_with_and_without_colour() {
        let text = "name: x\nduration: 1m\npodz: 3\n";
        let problems = parse(Source { name: "x.yaml", text, folder: &NoFiles }, &[]).unwrap_err();
        for color in [false, true] {
            let shown = Failure::Problems(problems.render(color)).shown();
            assert_eq!(shown.contains('\x1b'), color);
            assert_eq!(shown.matches("error").count(), problems.len(), "{shown}");
        }
        assert_eq!(Failure::Input("no such file\n".to_owned()).shown(), "error: no such file");
    }
}
