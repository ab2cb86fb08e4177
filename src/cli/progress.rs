//! A progress bar on standard error, when it is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::study::Progress;

/// Shows how far a study is.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for so many runs; invisible when nobody looks.
    pub fn new(quiet: bool) -> Bar {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {eta} left").expect("a constant template");
        Bar(ProgressBar::with_draw_target(None, target).with_style(style))
    }
    /// Some runs are done.
    pub fn show(&self, progress: Progress) {
        self.0.set_length(progress.total as u64);
        self.0.set_position(progress.done as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
