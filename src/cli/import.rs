//! `stickysim import`.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::args::AccessLogArgs;
use super::output::Folder;
use super::{Failure, Success, print};
use crate::import::{Options, read, replay_scenario_yaml, scenario_name, trace_csv};

/// `stickysim import access-log FILE`.
pub fn access_log(args: &AccessLogArgs) -> Result<Success, Failure> {
    let from_stdin = args.log == Path::new("-");
    let file_name =
        if from_stdin { "access-log".into() } else { args.log.file_name().unwrap_or_default().to_string_lossy() };
    let name = scenario_name(args.name.as_deref().unwrap_or(&file_name));
    let what = if from_stdin { "standard input".to_owned() } else { format!("`{}`", args.log.display()) };
    let reader: Box<dyn Read> = if from_stdin { Box::new(io::stdin().lock()) } else { Box::new(open(&args.log)?) };
    let options = Options { replay: args.replay, ..Options::default() };
    let log = read(reader, &options).map_err(|error| Failure::Input(format!("{what}: {error}")))?;
    let folder = Folder::for_scenarios(&args.out.clone().unwrap_or_else(|| PathBuf::from("output").join(&name)))?;
    let audience = format!("{name}.yaml");
    let mut files = vec![
        (audience.clone(), log.profile.scenario_yaml(&name).into_bytes()),
        ("profile.json".to_owned(), log.profile.to_json().into_bytes()),
    ];
    let compare = |file: &str| format!("stickysim compare {}", folder.path().join(file).display());
    let mut next = vec![compare(&audience)];
    if let Some(trace) = &log.trace {
        let trace_file = format!("{name}.trace.csv");
        let replay = format!("{name}-replay.yaml");
        let scenario = replay_scenario_yaml(&log.profile, trace, &name, &trace_file);
        // what really happened says more than what was drawn like it
        next.insert(0, compare(&replay));
        files.push((trace_file, trace_csv(trace).into_bytes()));
        files.push((replay, scenario.into_bytes()));
    }
    folder.write(&files, &[])?;
    if !args.quiet {
        let written: Vec<String> =
            files.iter().map(|(file, _)| format!("  {}", folder.path().join(file).display())).collect();
        print::out(&format!(
            "{}\nWritten:\n{}\nNext:\n  {}\n",
            log.profile.to_text().trim_end(),
            written.join("\n"),
            next.join("\n  ")
        ))?;
    }
    Ok(Success::Fine)
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    let fail =
        |error: io::Error| Failure::Input(format!("cannot read the log `{}`: {error}; check the path", path.display()));
    let file = File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(Failure::Input(format!("`{}` is a folder; name the log file in it", path.display())));
    }
    Ok(BufReader::with_capacity(1 << 16, file))
}
