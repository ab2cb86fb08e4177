//! Finished points: a file for each, there whole or not at all.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::held::Held;
use crate::cli::Failure;
use crate::cli::output::{remove_temporary, write_whole};
use crate::metrics::PointReport;

const FORMAT: &str = "stickysim-point/1";
const FOLDER: &str = "points";

/// `points/000000.json`.
#[derive(Serialize, Deserialize)]
struct PointFile {
    format: String,
    /// Hash of the sweep that the point belongs to, in which the version of the program is.
    sweep: String,
    report: PointReport,
}

/// What there is of a point.
pub enum Found {
    /// No file.
    Missing,
    /// A file that is not whole: a disk or a copy that broke off.
    Torn,
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
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Missing),
        Err(error) => return Err(Failure::Input(format!("cannot read `{}`: {error}", path.display()))),
    };
    let Ok(file) = serde_json::from_slice::<PointFile>(&bytes) else { return Ok(Found::Torn) };
    let foreign = |what: &str| {
        let help = "it was left as it is; take it away if it is not needed";
        Failure::Input(format!("`{}` {what}; {help}", path.display()))
    };
    if file.format != FORMAT || file.sweep != held.plan().hash {
        return Err(foreign("is a point of another sweep, or of another version of stickysim"));
    }
    if file.report.point != point {
        return Err(foreign(&format!("holds point {}", file.report.point)));
    }
    Ok(Found::Done(file.report))
}

/// Writes a finished point.
///
/// # Errors
/// When it cannot be written. Whatever is there already stays.
pub fn write(held: &Held, report: PointReport) -> Result<(), Failure> {
    let point = report.point;
    let file = PointFile { format: FORMAT.to_owned(), sweep: held.plan().hash.clone(), report };
    let mut bytes = serde_json::to_vec(&file).expect("a point is plain data");
    bytes.push(b'\n');
    if serde_json::from_slice::<PointFile>(&bytes).is_err() {
        return Err(Failure::Internal(format!("point {point} has a figure that is no number; please report it")));
    }
    let path = path_of(held.folder(), point);
    write_whole(&path, &bytes).or_else(|error| {
        // another worker may have written it, and tidied up
        if matches!(read(held.folder(), held, point), Ok(Found::Done(_))) {
            return Ok(());
        }
        Err(Failure::Input(format!(
            "cannot write `{}`: {error}; finished points are kept, so make room and give the same command again",
            path.display()
        )))
    })
}

/// Removes what killed workers left half-written.
pub fn tidy(folder: &Path) {
    remove_temporary(folder);
    remove_temporary(&folder.join(FOLDER));
}
