//! Finished points: a file for each, there whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::held::{Held, hex};
use crate::cli::Failure;
use crate::cli::output::{Folder, remove_temporary, write_whole};
use crate::metrics::{FigureId, PointReport};

const FORMAT: &str = "stickysim-point/1";
const FOLDER: &str = "points";

/// `points/000000.json`.
#[derive(Serialize, Deserialize)]
struct PointFile {
    format: String,
    /// Hash of the sweep that the point belongs to, in which the version of the program is.
    sweep: String,
    /// SHA-256 of that hash and the report, as JSON without blanks.
    sha256: String,
    report: PointReport,
}

/// What there is of a point.
pub enum Found {
    /// No file.
    Missing,
    /// A file that cannot be used, and why: `is not whole`.
    Damaged(&'static str),
    Done(PointReport),
}

fn path_of(folder: &Path, point: usize) -> PathBuf {
    folder.join(FOLDER).join(format!("{point:06}.json"))
}

/// Looks for a point of a sweep in a folder.
///
/// # Errors
/// When there is a point of something else, or the disk does not answer.
pub fn read(folder: &Path, held: &Held, point: usize) -> Result<Found, Failure> {
    let path = path_of(folder, point);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Missing),
        Err(error) => return Err(Failure::Input(format!("cannot read `{}`: {error}", path.display()))),
    };
    // a disk or a copy that broke off
    let Ok(file) = serde_json::from_slice::<PointFile>(&bytes) else { return Ok(Found::Damaged("is not whole")) };
    let foreign = |what: &str| {
        let help = "it was left as it is; take it away if it is not needed";
        Failure::Input(format!("`{}` {what}; {help}", path.display()))
    };
    if file.format != FORMAT || file.sweep != held.plan().hash {
        return Err(foreign("is a point of another sweep, or of another version of stickysim"));
    }
    if file.sha256 != seal(&file.sweep, &file.report) {
        return Ok(Found::Damaged("was changed after it was written"));
    }
    if file.report.point != point {
        return Err(foreign(&format!("holds point {}", file.report.point)));
    }
    let figures = file.report.variants.iter().flat_map(|variant| &variant.figures);
    if let Some(figure) = figures.map(|figure| &figure.id).find(|id| id.parse::<FigureId>().is_err()) {
        return Err(foreign(&format!(
            "has the figure `{figure}`, which this build does not know: another build made it"
        )));
    }
    Ok(Found::Done(file.report))
}

/// The checksum of a report as it is read: what is written may be read as the number next to it.
fn seal(sweep: &str, report: &PointReport) -> String {
    let mut hash = Sha256::new();
    hash.update(sweep);
    hash.update(serde_json::to_vec(report).expect("a point is plain data"));
    hex(&hash.finalize())
}

/// Writes a finished point.
///
/// # Errors
/// When it cannot be written. Whatever is there already stays.
pub fn write(held: &Held, report: PointReport) -> Result<(), Failure> {
    let point = report.point;
    let json = serde_json::to_vec(&report).expect("a point is plain data");
    let Ok(as_read) = serde_json::from_slice::<PointReport>(&json) else {
        return Err(Failure::Internal(format!("point {point} has a figure that is no number; please report it")));
    };
    let sweep = held.plan().hash.clone();
    let file = PointFile { format: FORMAT.to_owned(), sha256: seal(&sweep, &as_read), sweep, report };
    let mut bytes = serde_json::to_vec(&file).expect("a point is plain data");
    bytes.push(b'\n');
    let path = path_of(held.folder(), point);
    write_whole(&path, &bytes).or_else(|error| {
        // where locks do not reach other hosts, one that merged may have tidied up while another worker wrote the same
        if matches!(read(held.folder(), held, point), Ok(Found::Done(_))) {
            return Ok(());
        }
        Err(Failure::Input(format!("cannot write `{}`: {error}; {}", path.display(), way_out(&error))))
    })
}

/// Tries the folder of points, before any point is run.
///
/// # Errors
/// When nothing can be written there.
pub fn prepare(held: &Held) -> Result<(), Failure> {
    Folder::tried(&held.folder().join(FOLDER), &way_out).map(drop)
}

/// What helps when something cannot be written into the folder of a sweep.
pub fn way_out(error: &io::Error) -> &'static str {
    use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => {
            "finished points are kept, so make room and give the same command again"
        }
        PermissionDenied | ReadOnlyFilesystem => {
            "finished points are kept; make the folder writable, or copy it and go on in the copy"
        }
        _ => "finished points are kept; give the same command again when the folder can be written",
    }
}

/// Removes what killed processes left half-written.
pub fn tidy(folder: &Path) {
    remove_temporary(folder);
    [FOLDER, "plots", "files"].into_iter().for_each(|below| remove_temporary(&folder.join(below)));
}
