//! What a scenario says of its own sweep; whether the values fit is seen when they are put in place.

use super::{Checks, Found, Problem, Step};
use crate::scenario::file::ScenarioFile;
use crate::scenario::sweep::{MAX_AXES, MAX_POINTS, MAX_VALUES, axes, check_path};

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    let axes = axes(file);
    let example = "write for example `sweep: {pods.replicas: [3, 5, 8]}`";
    // paths are keys here, with their dots
    let mut fail = |code, path: Option<&str>, message: String, help: &str| {
        let keys = ["sweep"].into_iter().chain(path);
        let steps: Vec<Step> = keys.map(|key| Step::Key(key.to_owned())).collect();
        checks.list.push(Found { steps, problem: Problem::new(code, "", message, help) });
    };
    if file.sweep.is_some() && axes.is_empty() {
        fail("zero", None, "nothing is swept".to_owned(), example);
    }
    for axis in &axes {
        if let Err(what) = check_path(&axis.path) {
            fail("bad-sweep", Some(&axis.path), what, example);
        } else if axis.values.is_empty() {
            fail("zero", Some(&axis.path), format!("`{}` has no values", axis.path), example);
        } else if axis.values.len() > MAX_VALUES {
            let message = format!("{} values are more than the {MAX_VALUES} that are possible here", axis.values.len());
            fail(
                "too-many-entries",
                Some(&axis.path),
                message,
                "put them into a table: `stickysim sweep --points FILE`",
            );
        } else if let Some(value) = axis.repeated() {
            fail("bad-sweep", Some(&axis.path), format!("the value `{value}` stands there twice"), "write it once");
        }
    }
    if axes.len() > MAX_AXES {
        let message = format!("{} paths are more than the {MAX_AXES} that are possible", axes.len());
        fail("too-many-entries", None, message, "sweep the others with `stickysim sweep --lhs`, or apart");
    }
    let points = axes.iter().map(|axis| axis.values.len().max(1)).fold(1, usize::saturating_mul);
    if points > MAX_POINTS {
        let message = format!("these are {points} points; at most {MAX_POINTS} are possible");
        fail("too-many-entries", None, message, "leave out values, or draw points with `stickysim sweep --lhs`");
    }
}
