//! `stickysim selftest`.

use super::args::SelftestArgs;
use super::progress::Bar;
use super::study::failed_run;
use super::{Failure, Success, print};
use crate::selftest::{SEED, oracles, run, text};
use crate::study::{Options, Progress};

/// `stickysim selftest`.
pub fn selftest(args: &SelftestArgs) -> Result<Success, Failure> {
    let bar = Bar::new(args.json);
    let progress = |progress: Progress| {
        bar.show(progress);
        Ok(())
    };
    let options = Options { variants: false, threads: args.threads.number(), progress: &progress };
    let oracles = oracles();
    let selftest = run(&oracles, oracles.len(), args.seed.unwrap_or(SEED), &options).map_err(failed_run)?;
    drop(bar);
    print::out(&if args.json { text::json(&selftest) } else { text::table(&selftest) })?;
    Ok(if selftest.passed { Success::Fine } else { Success::ExpectationFailed })
}
