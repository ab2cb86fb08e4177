//! Tables, pictures and a page of finished points.

use std::path::{Path, PathBuf};

use super::held::Held;
use super::store::{self, Found};
use crate::cli::output::{Folder, Growing};
use crate::cli::{Failure, Success, print};
use crate::metrics::{FigureId, PointReport};
use crate::report::{SweepAbout, SweepReport, SweepTables, sweep_optional_paths};

/// Most missing points that are named.
const MOST_NAMED: usize = 8;

/// `sweep merge`: into the first folder, from all of them.
pub fn merge(folders: &[PathBuf], figures: &[FigureId], quiet: bool) -> Result<Success, Failure> {
    let held = Held::open(&folders[0])?;
    let mut others = Vec::new();
    for folder in &folders[1..] {
        let other = Held::open(folder)?;
        if other.plan().hash != held.plan().hash {
            let (first, folder) = (folders[0].display(), folder.display());
            let difference = held.difference(&other);
            return Err(Failure::Input(format!(
                "`{first}` and `{folder}` are not of the same sweep: of `{first}`, {difference}"
            )));
        }
        others.push(other);
    }
    let out = Folder::tried(&folders[0], &store::way_out)?;
    let plan = held.plan();
    let base = held.base()?;
    let options: Vec<String> = [("--set", &plan.set), ("--expect", &plan.expect)]
        .iter()
        .flat_map(|(name, list)| list.iter().map(move |text| format!("{name} '{text}'")))
        .collect();
    let about = SweepAbout {
        name: &base.name,
        title: &base.title,
        scenario_yaml: held.text(),
        options: &options,
        points: &plan.points,
        hash: &plan.hash,
    };
    // tables grow beside their places, and take these when all is well
    let grown = SweepTables {
        long: out.grow("sweep.csv")?,
        wide: out.grow("points.csv")?,
        #[cfg(feature = "parquet")]
        typed: out.grow("sweep.parquet")?,
    };
    let tables = SweepTables {
        long: &grown.long,
        wide: &grown.wide,
        #[cfg(feature = "parquet")]
        typed: &grown.typed,
    };
    let mut report = SweepReport::new(about, figures, tables).map_err(|error| cannot_write(&out, &error))?;
    let mut missing = Vec::new();
    for point in 0..plan.points.len() {
        match point_of(folders, &held, point)? {
            Some(found) if missing.is_empty() => report.add(&found).map_err(|error| cannot_write(&out, &error))?,
            Some(_) => {}
            None => missing.push(point),
        }
    }
    if !missing.is_empty() {
        return Err(incomplete(&folders[0], &missing, plan.points.len()));
    }
    let finished = report.finish(print::width()).map_err(|error| cannot_write(&out, &error))?;
    for figure in &finished.absent {
        print::note(&format!("no point has the figure `{figure}`; nothing is drawn of it"));
    }
    let files: Vec<(String, Vec<u8>)> = finished.files.into_iter().map(|file| (file.path, file.bytes)).collect();
    out.write(&files, &sweep_optional_paths())?;
    Growing::finish([
        grown.long,
        grown.wide,
        #[cfg(feature = "parquet")]
        grown.typed,
    ])?;
    std::iter::once(held).chain(others).for_each(Held::leave);
    if !quiet {
        print::out(&format!("{}\nReport: {}\n", finished.text.trim_end(), out.path().join("sweep.html").display()))?;
    }
    Ok(Success::Fine)
}

/// A point from the first folder that has it; folders that have it must agree.
fn point_of(folders: &[PathBuf], held: &Held, point: usize) -> Result<Option<PointReport>, Failure> {
    let mut first: Option<(&Path, PointReport)> = None;
    for folder in folders {
        match store::read(folder, held, point)? {
            Found::Missing => {}
            Found::Damaged(why) => print::note(&format!("point {point} in `{}` {why}", folder.display())),
            Found::Done(report) => match &first {
                Some((before, other)) if *other != report => {
                    let (before, folder) = (before.display(), folder.display());
                    return Err(Failure::Input(format!(
                        "point {point} is not the same in `{before}` and `{folder}`: two builds of this version made them; take \
                         one away, and run it with the build that made the others"
                    )));
                }
                Some(_) => {}
                None => first = Some((folder, report)),
            },
        }
    }
    Ok(first.map(|(_, report)| report))
}

fn incomplete(folder: &Path, missing: &[usize], total: usize) -> Failure {
    let named: Vec<String> = missing.iter().take(MOST_NAMED).map(usize::to_string).collect();
    let more = if missing.len() > MOST_NAMED { ", …" } else { "" };
    let points = if total == 1 { "point" } else { "points" };
    let (are, them) = if missing.len() == 1 { ("is", "it") } else { ("are", "them") };
    Failure::Input(format!(
        "{} of {total} {points} {are} missing (counted from 0: {}{more}); run {them} with `stickysim sweep run {}`",
        missing.len(),
        named.join(", "),
        folder.display()
    ))
}

fn cannot_write(out: &Folder, error: &std::io::Error) -> Failure {
    Failure::Input(format!("cannot write the tables in `{}`: {error}; {}", out.path().display(), store::way_out(error)))
}
