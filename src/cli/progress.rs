//! A progress bar on standard error, when it is a terminal.

use std::fmt::Write;
use std::io::IsTerminal;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::study::Progress;

/// Shows how far a study is.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for so many runs; invisible when nobody looks.
    pub fn new(quiet: bool) -> Bar {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs{left}").expect("a constant template");
        Bar(ProgressBar::with_draw_target(None, target).with_style(style.with_key("left", left)))
    }
    /// Some runs are done.
    pub fn show(&self, progress: Progress) {
        // both at once: no bar is drawn in between
        self.0.update(|state| {
            state.set_len(progress.total as u64);
            state.set_pos(progress.done as u64);
        });
    }
}

/// The time that is left, once runs have ended from which it can be told.
fn left(state: &ProgressState, out: &mut dyn Write) {
    let left = state.eta();
    if state.pos() > 0 && !left.is_zero() {
        // a line of the terminal takes every word
        let _ = write!(out, ", {:#} left", HumanDuration(left));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
