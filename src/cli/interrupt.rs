//! Ctrl-C: stops at once while simulating, after the files are whole while writing.

use std::sync::atomic::{AtomicBool, Ordering};

static WRITING: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a shell expects of a program ended by Ctrl-C.
const EXIT_CODE: i32 = 130;

/// Takes over Ctrl-C (and the polite termination signal).
pub fn install() {
    // without a handler Ctrl-C ends the program as well, only less tidily
    let _ = ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        if !WRITING.load(Ordering::SeqCst) {
            std::process::exit(EXIT_CODE);
        }
    });
}

/// Runs `write` to its end even if Ctrl-C comes meanwhile, and ends the program after it in that case.
pub fn finish_writing<T>(write: impl FnOnce() -> T) -> T {
    WRITING.store(true, Ordering::SeqCst);
    let result = write();
    WRITING.store(false, Ordering::SeqCst);
    if INTERRUPTED.load(Ordering::SeqCst) {
        std::process::exit(EXIT_CODE);
    }
    result
}
