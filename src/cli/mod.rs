//! The command line: the only room that knows terminal, files, clock, environment and threads.
//!
//! Exit codes: 0 = fine, 1 = an `expect` does not hold, 2 = bad input, 3 = a bug in stickysim.

// This room is where the outside world is allowed.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

mod args;
mod check;
mod import;
mod interrupt;
mod output;
mod print;
mod progress;
mod study;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, ImportSource};

/// Why a command ended badly, with its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user's input cannot be used: a message for people.
    Input(String),
    /// A bug in stickysim.
    Internal(String),
}

/// How a command ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Success {
    /// Everything is as expected.
    Fine,
    /// An `expect` does not hold.
    ExpectationFailed,
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    interrupt::install();
    let outcome = std::panic::catch_unwind(|| dispatch(cli));
    match outcome {
        Ok(Ok(Success::Fine)) => ExitCode::SUCCESS,
        Ok(Ok(Success::ExpectationFailed)) => ExitCode::from(1),
        Ok(Err(Failure::Input(message))) => {
            print::error(&message);
            ExitCode::from(2)
        }
        Ok(Err(Failure::Internal(message))) => {
            print::error(&message);
            ExitCode::from(3)
        }
        Err(_) => {
            print::error(
                "stickysim stopped because of a bug of its own (the message above says where); please report it",
            );
            ExitCode::from(3)
        }
    }
}

fn dispatch(cli: Cli) -> Result<Success, Failure> {
    match cli.command {
        None => study::demo(&cli.study),
        Some(Command::Run { scenario, study }) => study::run(&scenario, &study),
        Some(Command::Compare { scenario, study }) => study::compare(&scenario, &study),
        Some(Command::Check { scenarios, set, quiet }) => check::check(&scenarios, &set, quiet),
        Some(Command::Schema { of }) => check::schema(of),
        Some(Command::Defaults) => check::defaults(),
        Some(Command::Import { source: ImportSource::AccessLog(args) }) => import::access_log(&args),
    }
}
