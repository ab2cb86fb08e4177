//! `stickysim sweep`: a scenario at many points, on one machine or on many.
//!
//! ```text
//! plan ─▶ FOLDER/plan.json, scenario.yaml, files/ ─▶ run (any number of workers) ─▶ FOLDER/points/ ─▶ merge ─▶ tables, pictures
//! ```
//!
//! A folder holds everything, so it can be copied to where workers are. A worker writes a file per finished point and nothing else;
//! a file is there whole or not at all, and what it holds depends on the plan alone. So workers may be killed, started again,
//! and started twice. Who merges removes what the killed left half-written, unless somebody else is at work there (`presence`).

mod held;
mod merge;
mod presence;
mod question;
mod shard;
mod store;
mod worker;

use std::path::PathBuf;

use super::args::{Runs, SweepArgs, SweepCommand, SweepQuestion, Threads};
use super::{Failure, Success, print};
use crate::study::Shard;
use held::Held;
use worker::Told;

/// Runs the command.
pub fn sweep(args: SweepArgs) -> Result<Success, Failure> {
    match args.command {
        Some(SweepCommand::Plan { question, runs, quiet }) => plan(&question, &runs, quiet),
        Some(SweepCommand::Run { folder, shard, of, threads, quiet }) => {
            let held = Held::open(&folder)?;
            let shard = shard::wanted(shard, of)?;
            let told = if quiet { Told::Nothing } else { Told::Lines };
            let worked = worker::work(&held, shard, threads, told)?;
            let after = if quiet { String::new() } else { format!("{}\n", worked.words(&folder)) };
            print::out(&after)?;
            Ok(Success::Fine)
        }
        Some(SweepCommand::Merge { folders, shown, quiet }) => merge::merge(&folders, &shown.figure, quiet),
        None => everything(&args),
    }
}

/// `sweep plan`.
fn plan(question: &SweepQuestion, runs: &Runs, quiet: bool) -> Result<Success, Failure> {
    let (held, is_new) = question::held(question, runs, Threads::default())?;
    if !quiet {
        let folder = held.folder().display();
        let there = if is_new { "planned in" } else { "already planned in" };
        let points = if held.plan().points.len() == 1 { "point" } else { "points" };
        print::out(&format!(
            "{} {points} {there} {folder} (hash {})\nRun them:         stickysim sweep run {folder}\nor parts of them:  \
             stickysim sweep run {folder} --shard 0/8\nand then:         stickysim sweep merge {folder}\n",
            held.plan().points.len(),
            &held.plan().hash[..12],
        ))?;
    }
    Ok(Success::Fine)
}

/// `sweep SCENARIO`.
fn everything(args: &SweepArgs) -> Result<Success, Failure> {
    let question = args.question.as_ref().expect("clap asks for a scenario where there is no subcommand");
    let (held, _) = question::held(question, &args.runs, args.threads)?;
    let told = if args.quiet { Told::Nothing } else { Told::Bar };
    let worked = worker::work(&held, Shard::ALL, args.threads, told)?;
    if !args.quiet && worked.already > 0 {
        print::note(&worked.words(held.folder()));
    }
    let folders: [PathBuf; 1] = [held.folder().to_owned()];
    // merging holds the folder by itself, and tidies up when it is alone
    drop(held);
    merge::merge(&folders, &args.shown.figure, args.quiet)
}
