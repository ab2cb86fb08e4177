//! Runs the points of a part that are not finished yet.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::held::Held;
use super::store::{self, Found};
use crate::cli::args::Threads;
use crate::cli::progress::Bar;
use crate::cli::{Failure, print};
use crate::study::{Options, Progress, Shard, run_points};

/// At most so often a worker without a terminal says how far it is.
const EVERY: Duration = Duration::from_secs(30);

/// What is said meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// A bar, on a terminal.
    Bar,
    /// A bar, or without a terminal, as in array jobs, a line now and then.
    Lines,
}

/// What a worker did.
#[derive(Clone, Copy, Debug)]
pub struct Worked {
    /// Points of its part that were finished before.
    pub already: usize,
    /// Points that it ran.
    pub ran: usize,
}

impl Worked {
    /// In words.
    pub fn words(self, folder: &Path) -> String {
        let before = match self.already {
            0 => String::new(),
            1 => ", 1 was finished before".to_owned(),
            n => format!(", {n} were finished before"),
        };
        let points = if self.ran == 1 { "point" } else { "points" };
        format!("{} {points} run{before}: {}", self.ran, folder.display())
    }
}

/// Runs what is not finished of a part.
pub fn work(held: &Held, shard: Shard, threads: Threads, told: Told) -> Result<Worked, Failure> {
    let (mut pending, mut already) = (Vec::new(), 0);
    for point in shard.points(held.plan().points.len()) {
        match store::read(held.folder(), held, point)? {
            Found::Done(_) => already += 1,
            Found::Missing => pending.push(point),
            Found::Damaged(why) => {
                print::note(&format!("point {point} {why} and runs again"));
                pending.push(point);
            }
        }
    }
    if pending.is_empty() {
        return Ok(Worked { already, ran: 0 });
    }
    store::prepare(held)?;
    let teller = Teller::new(told);
    let progress = |progress: Progress| {
        teller.show(progress);
        Ok(())
    };
    let options = Options { variants: true, threads: threads.number(), progress: &progress };
    run_points(&pending, &options, |point| held.at(point), |report| store::write(held, report))?;
    Ok(Worked { already, ran: pending.len() })
}

/// Says how far the runs are.
struct Teller {
    bar: Bar,
    begin: Instant,
    /// When the last line was written, where lines are.
    line: Option<Mutex<Instant>>,
}

impl Teller {
    fn new(told: Told) -> Teller {
        let now = Instant::now();
        let has_lines = told == Told::Lines && !std::io::stderr().is_terminal();
        Teller { bar: Bar::new(told == Told::Nothing), begin: now, line: has_lines.then(|| Mutex::new(now)) }
    }
    fn show(&self, Progress { done, total }: Progress) {
        self.bar.show(Progress { done, total });
        let Some(line) = &self.line else { return };
        let mut last = line.lock().expect("nobody panics while a line is written");
        if last.elapsed() >= EVERY && done < total {
            *last = Instant::now();
            let left = self.begin.elapsed().mul_f64((total - done) as f64 / done.max(1) as f64);
            print::note(&format!("{done} of about {total} runs, {} min left", left.as_secs().div_ceil(60)));
        }
    }
}
