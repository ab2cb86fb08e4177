//! Which command wrote the results of a folder: files of two commands have the same names, and would replace each other.

use std::io::Read;
use std::path::Path;

use super::Failure;

/// Whose results a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `stickysim`, `run` and `compare`.
    Study,
    /// `sweep`.
    Sweep,
    /// `plan`.
    Plan,
    /// `recommend`.
    Recommend,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Study, Kind::Sweep, Kind::Plan, Kind::Recommend];

    const fn command(self) -> &'static str {
        match self {
            Kind::Study => "`stickysim run` or `compare`",
            Kind::Sweep => "`stickysim sweep`",
            Kind::Plan => "`stickysim plan`",
            Kind::Recommend => "`stickysim recommend`",
        }
    }

    fn is_in(self, folder: &Path) -> bool {
        let has = |name: &str| folder.join(name).is_file();
        match self {
            Kind::Study => has("summary.json"),
            // another command may have replaced what says so, and the points are still there
            Kind::Sweep => folder.join("points").is_dir() && has("plan.json") || plan_is_of_sweep(folder),
            Kind::Plan => has("plan.html") && has("plan.csv"),
            Kind::Recommend => has("recommend.json"),
        }
    }

    /// Refuses a folder with results of another command.
    pub fn check(self, folder: &Path) -> Result<(), Failure> {
        let other = Kind::ALL.into_iter().find(|kind| *kind != self && kind.is_in(folder));
        other.map_or(Ok(()), |other| {
            Err(Failure::Input(format!(
                "`{}` holds results of {}, and those of {} would replace some of its files; name another folder with --out",
                folder.display(),
                other.command(),
                self.command()
            )))
        })
    }
}

/// Both `sweep` and `plan` write a file of that name; its first line says of which it is.
fn plan_is_of_sweep(folder: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(folder.join("plan.json")).and_then(|file| file.take(100).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains("\"stickysim-sweep/")
}
