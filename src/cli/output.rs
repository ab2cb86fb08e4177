//! Result folders: every file is written whole or not at all.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::kind::Kind;
use super::{Failure, interrupt};

/// A folder for results that can be written to.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder if needed and tries it, before any work is done for it; one with results of another command is refused.
    pub fn prepare(path: &Path, kind: Kind) -> Result<Folder, Failure> {
        kind.check(path)?;
        Folder::for_scenarios(path)
    }
    /// The same for what is no result, and may lie beside them.
    pub fn for_scenarios(path: &Path) -> Result<Folder, Failure> {
        Folder::tried(path, &|_| "name another one with --out FOLDER")
    }
    /// A folder that nobody chose with an option, so that another one does not help; `help` is for the error that it gives.
    pub fn tried(path: &Path, help: &dyn Fn(&std::io::Error) -> &'static str) -> Result<Folder, Failure> {
        let fail = |error: std::io::Error| {
            let (shown, help) = (path.display(), help(&error));
            Failure::Input(format!("cannot write to the folder `{shown}`: {error}; {help}"))
        };
        std::fs::create_dir_all(path).map_err(fail)?;
        // Ctrl-C must not come between making the trial file and removing it
        let trial = || tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(path).map(drop);
        interrupt::finish_writing(trial).map_err(fail)?;
        Ok(Folder { path: path.to_owned() })
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Writes files (relative path with `/`, content). All are complete on disk before the first takes its name.
    ///
    /// Of `possible`, the files that another run may have left, those that this one has not are removed: they would
    /// be taken for a part of these results.
    pub fn write(&self, files: &[(String, Vec<u8>)], possible: &[String]) -> Result<(), Failure> {
        interrupt::finish_writing(|| {
            self.write_all(files)?;
            let stale = possible.iter().filter(|name| files.iter().all(|(written, _)| written != *name));
            stale.map(|name| self.path.join(name)).try_for_each(|path| remove(&path))
        })
    }

    /// Copies what is read into a file of the folder, whole or not at all.
    pub fn copy(&self, name: &str, from: &mut dyn Read) -> Result<(), Failure> {
        let path = self.path.join(name);
        let copied = interrupt::finish_writing(|| {
            let mut file = temporary_beside(&path)?;
            std::io::copy(from, &mut file)?;
            file.persist(&path).map(drop).map_err(|error| error.error)
        });
        copied.map_err(|error| cannot_write(&path, &error))
    }
    /// A file that is written bit by bit.
    pub(super) fn grow(&self, name: &str) -> Result<Growing, Failure> {
        let path = self.path.join(name);
        let file = temporary_beside(&path).map_err(|error| cannot_write(&path, &error))?;
        Ok(Growing { path, file })
    }

    fn write_all(&self, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
        let mut finished = Vec::with_capacity(files.len());
        for (name, content) in files {
            let path = self.path.join(name);
            let temporary = write_beside(&path, content).map_err(|error| cannot_write(&path, &error))?;
            finished.push((path, temporary));
        }
        if let Some((path, _)) = finished.iter().find(|(path, _)| path.is_dir()) {
            let in_the_way = std::io::Error::other("there is a folder of that name");
            return Err(cannot_write(path, &in_the_way));
        }
        for (path, temporary) in finished {
            temporary.persist(&path).map_err(|error| cannot_write(&path, &error.error))?;
        }
        Ok(())
    }
}

/// A file that is written bit by bit, and takes its name at the end.
pub(super) struct Growing {
    path: PathBuf,
    file: NamedTempFile,
}

impl Growing {
    /// All of them are complete: they take their names.
    pub(super) fn finish<const N: usize>(all: [Growing; N]) -> Result<(), Failure> {
        interrupt::finish_writing(|| {
            all.into_iter().try_for_each(|Growing { path, file }| {
                file.persist(&path).map(drop).map_err(|error| cannot_write(&path, &error.error))
            })
        })
    }
}

impl Write for &Growing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.as_file().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_file().flush()
    }
}

/// Writes a file, and its folder if needed, whole or not at all.
pub fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    interrupt::finish_writing(|| write_beside(path, content)?.persist(path).map(drop).map_err(|error| error.error))
}

/// Removes the temporary files of programs that were killed.
pub fn remove_temporary(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY));
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // one that cannot be removed hurts nobody
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// How names of temporary files begin.
const TEMPORARY: &str = ".stickysim-";

/// A file of its own that an option names.
pub struct Named {
    path: PathBuf,
    option: &'static str,
    /// A device, a pipe or the like: it is written to, and never replaced.
    is_special: bool,
}

impl Named {
    /// Tries it, before any work is done for it. A link stays one: the file to which it points is written.
    pub fn prepare(path: &Path, option: &'static str) -> Result<Named, Failure> {
        if path.file_name().is_none() || path.is_dir() {
            let message = format!("{option} `{}`: that is a folder; write the name of a file", path.display());
            return Err(Failure::Input(message));
        }
        // a bare name lies in the folder where the program was started
        let bare = path.parent() == Some(Path::new(""));
        let here = if bare { Path::new(".").join(path) } else { path.to_owned() };
        let path = std::fs::canonicalize(&here).unwrap_or(here);
        let is_special = std::fs::metadata(&path).is_ok_and(|there| !there.is_file());
        if !is_special {
            Folder::tried(path.parent().unwrap_or(Path::new(".")), &|_| "name another file")?;
        }
        Ok(Named { path, option, is_special })
    }
    /// Writes it, whole or not at all where that can be.
    pub fn write(&self, content: &[u8]) -> Result<(), Failure> {
        let written = interrupt::finish_writing(|| {
            if self.is_special {
                return std::fs::OpenOptions::new().write(true).open(&self.path)?.write_all(content);
            }
            write_beside(&self.path, content)?.persist(&self.path).map(drop).map_err(|error| error.error)
        });
        written.map_err(|error| {
            Failure::Input(format!(
                "{}: cannot write `{}`: {error}; name another file",
                self.option,
                self.path.display()
            ))
        })
    }
}

/// Removes a file, if there is one; a folder or a link of that name is the user's.
fn remove(path: &Path) -> Result<(), Failure> {
    if !std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return Ok(());
    }
    std::fs::remove_file(path).map_err(|error| {
        Failure::Input(format!("cannot remove `{}`, a chart of an earlier run: {error}; remove it", path.display()))
    })
}

/// A complete file with a temporary name in the folder of `path`.
fn write_beside(path: &Path, content: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = temporary_beside(path)?;
    file.write_all(content)?;
    file.flush()?;
    Ok(file)
}

/// An empty file with a temporary name in the folder of `path`, which is made if needed.
fn temporary_beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
    share(&file)?;
    Ok(file)
}

/// Temporary files are private; results are as readable as other new files usually are.
#[cfg(unix)]
fn share(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}
#[cfg(not(unix))]
fn share(_: &NamedTempFile) -> std::io::Result<()> {
    Ok(())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Input(format!("cannot write `{}`: {error}; results already there are as they were", path.display()))
}
