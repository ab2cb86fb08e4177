//! Writing to the terminal.

use std::io::{self, IsTerminal, Write};

use super::Failure;

/// Prints to standard output. Whoever reads it may stop reading: that is no error; a full disk is one.
pub fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Input(format!("cannot write to standard output: {error}; send it elsewhere")))
        }
        _ => Ok(()),
    }
}

/// Prints a line, or several, for people to standard error.
pub fn note(line: &str) {
    // nobody is left to hear that standard error is closed
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether colours are welcome on standard output.
pub fn colors_on_stdout() -> bool {
    io::stdout().is_terminal() && colors_wanted()
}

/// Whether colours are welcome on standard error.
pub fn colors_on_stderr() -> bool {
    io::stderr().is_terminal() && colors_wanted()
}

/// Columns of the terminal; 100 where there is none.
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(100, |(terminal_size::Width(columns), _)| usize::from(columns).max(40))
}

/// The conventions of no-color.org, and of terminals that cannot.
fn colors_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
