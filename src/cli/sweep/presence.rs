//! Who is at work in the folder of a sweep, so that nobody removes what another one is writing.

use std::fs::{File, OpenOptions};
use std::path::Path;

/// In every folder of a sweep, and empty: what processes lock. It stays, or two of them could lock two files of that name.
const LOCK: &str = ".lock";

/// A process at work in a folder, for as long as this lives.
pub struct Presence(File);

impl Presence {
    /// Says that this process works in a folder; `None` where that cannot be said: in a folder that cannot be written, or on a
    /// file system without locks.
    pub fn of(folder: &Path) -> Option<Presence> {
        let path = folder.join(LOCK);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        // the file of another user can be read at least
        let file = opened.or_else(|_| File::open(&path)).ok()?;
        file.lock_shared().ok()?;
        Some(Presence(file))
    }

    /// Ends it; `Some` when nobody else is at work, and nobody begins before that is dropped.
    pub fn end(self) -> Option<File> {
        // not every system can make one kind of lock of the other
        self.0.unlock().ok()?;
        self.0.try_lock().ok()?;
        Some(self.0)
    }
}
