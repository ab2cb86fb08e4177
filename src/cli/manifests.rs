//! `stickysim import kubernetes`.

use std::fs::File as FsFile;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::{Deny, KubernetesArgs};
use super::output::Folder;
use super::{Failure, Success, print};
use crate::import::kubernetes::{File, Imported, MAX_FILE_BYTES, Options, Severity, read};

/// Most files that are read from folders.
const MAX_FILES: usize = 2_000;
/// Deepest folders.
const MAX_DEPTH: usize = 16;
/// Endings of files that are read from folders.
const ENDINGS: [&str; 4] = ["yaml", "yml", "json", "conf"];

/// `stickysim import kubernetes PATH…`.
pub fn kubernetes(args: &KubernetesArgs) -> Result<Success, Failure> {
    let mut files = Vec::new();
    for path in &args.paths {
        collect(path, &mut files)?;
    }
    if files.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(Failure::Input(format!(
            "there is no manifest in {}: no file there ends in `.yaml`, `.yml`, `.json` or `.conf`",
            paths.join(", ")
        )));
    }
    let options = Options { workload: args.workload.clone(), name: args.name.clone() };
    let imported = read(&files, &options).map_err(|refusal| Failure::Input(refusal.to_string()))?;
    let folder =
        Folder::for_scenarios(&args.out.clone().unwrap_or_else(|| PathBuf::from("output").join(&imported.name)))?;
    let scenario = format!("{}.yaml", imported.name);
    let files = [
        (scenario.clone(), imported.scenario.clone().into_bytes()),
        ("findings.csv".to_owned(), imported.to_csv().into_bytes()),
    ];
    folder.write(&files, &[])?;
    if !args.quiet {
        let shown = |file: &str| folder.path().join(file).display().to_string();
        print::out(&format!(
            "{}\nWritten:\n  {}\n  {}\nNext:\n  stickysim compare {}\n",
            imported.to_text().trim_end(),
            shown(&scenario),
            shown("findings.csv"),
            shown(&scenario)
        ))?;
    }
    deny(&imported, args)
}

/// Whether what was found is allowed.
fn deny(imported: &Imported, args: &KubernetesArgs) -> Result<Success, Failure> {
    let worst = match args.deny {
        None => return Ok(Success::Fine),
        Some(Deny::Error) => Severity::Error,
        Some(Deny::Warning) => Severity::Warning,
    };
    let denied: Vec<_> = imported.findings.iter().filter(|finding| finding.code.severity() <= worst).collect();
    if denied.is_empty() {
        return Ok(Success::Fine);
    }
    if args.quiet {
        let lines: Vec<String> = denied
            .iter()
            .map(|f| format!("{}[{}] {}:{}  {}", f.code.severity(), f.code.name(), f.file, f.line, f.what))
            .collect();
        print::out(&format!("{}\n", lines.join("\n")))?;
    }
    Ok(Success::ExpectationFailed)
}

/// The file, or all manifests below the folder in the order of their names.
fn collect(path: &Path, files: &mut Vec<File>) -> Result<(), Failure> {
    if path == Path::new("-") {
        let bytes = bounded(io::stdin().lock()).map_err(|error| cannot_read(Path::new("standard input"), &error))?;
        files.push(File { name: "stdin".to_owned(), bytes, named: true });
        return Ok(());
    }
    let kind = std::fs::metadata(path).map_err(|error| cannot_read(path, &error))?;
    if kind.is_dir() {
        return folder(path, 0, files);
    }
    if !kind.is_file() {
        return Err(Failure::Input(format!("`{}` is not a regular file", path.display())));
    }
    add(path, true, files)
}

fn folder(path: &Path, depth: usize, files: &mut Vec<File>) -> Result<(), Failure> {
    let fail = |error: io::Error| cannot_read(path, &error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fail)? {
        entries.push(entry.map_err(fail)?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(fail)?);
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // a link to a folder may lead back here; a link to a file is how Kubernetes mounts them
        if kind.is_dir() && depth < MAX_DEPTH {
            folder(&path, depth + 1, files)?;
        }
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let is_file = kind.is_file() || (kind.is_symlink() && path.is_file());
        if is_file && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            add(&path, false, files)?;
        }
    }
    Ok(())
}

fn add(path: &Path, named: bool, files: &mut Vec<File>) -> Result<(), Failure> {
    if files.len() >= MAX_FILES {
        return Err(Failure::Input(format!("there are more than {MAX_FILES} manifests; name fewer folders")));
    }
    let file = FsFile::open(path).and_then(bounded).map_err(|error| cannot_read(path, &error))?;
    files.push(File { name: path.display().to_string(), bytes: file, named });
    Ok(())
}

/// What a reader has, up to a byte more than a file may have.
fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::Input(format!("cannot read `{}`: {error}; check the path", path.display()))
}
