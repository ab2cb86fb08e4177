//! `stickysim adapter`.

use super::args::{AdapterArgs, AdapterFormat};
use super::{Failure, Success, print};
use crate::adapter::{Fault, Question, adapters, answer, break_even, operations, text};

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Input(fault.0)
    }
}

/// `stickysim adapter`.
pub fn adapter(args: &AdapterArgs) -> Result<Success, Failure> {
    let question = Question {
        pods: args.pods,
        clients: args.clients,
        members: args.members,
        placement: args.placement.parse()?,
        name: args.room_name,
        bytes: args.bytes,
        recovery: args.recovery,
    };
    let question = question.checked()?;
    let (operations, adapters) = (operations(&args.operations)?, adapters(&args.adapters)?);
    let answers = answer(&question, &operations, &adapters);
    let pairs = break_even::break_evens(&question, &adapters);
    match args.format {
        AdapterFormat::Csv => print::out(&text::csv(&answers))?,
        AdapterFormat::Json => print::out(&text::json(&question, &answers, &pairs))?,
        AdapterFormat::Table => {
            let mut out = text::heading(&question);
            for answers in answers.chunks(adapters.len()) {
                out.push('\n');
                out.push_str(&text::table(answers));
            }
            out.push('\n');
            out.push_str(text::LEGEND);
            if !pairs.is_empty() {
                out.push('\n');
                out.push_str(&text::break_even(&pairs, &question));
            }
            print::out(&out)?;
        }
    }
    Ok(Success::Fine)
}
