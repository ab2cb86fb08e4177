//! The command line of stickysim: reads arguments, runs a command, gives an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    stickysim::cli::main()
}
