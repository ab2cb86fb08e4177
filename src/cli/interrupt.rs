//! Ctrl-C: stops at once while simulating, after the files are whole while writing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many threads are writing.
static WRITING: AtomicUsize = AtomicUsize::new(0);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a shell expects of a program ended by Ctrl-C.
const EXIT_CODE: i32 = 130;

/// Takes over Ctrl-C (and the polite termination signal).
pub fn install() {
    // without a handler Ctrl-C ends the program as well, only less tidily
    let _ = ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        if WRITING.load(Ordering::SeqCst) == 0 {
            std::process::exit(EXIT_CODE);
        }
    });
}

/// Runs `write` to its end even if Ctrl-C comes meanwhile, and ends the program after it in that case.
pub fn finish_writing<T>(write: impl FnOnce() -> T) -> T {
    WRITING.fetch_add(1, Ordering::SeqCst);
    let result = write();
    let is_last = WRITING.fetch_sub(1, Ordering::SeqCst) == 1;
    if is_last && INTERRUPTED.load(Ordering::SeqCst) {
        std::process::exit(EXIT_CODE);
    }
    result
}
