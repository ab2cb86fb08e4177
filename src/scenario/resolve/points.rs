//! The scenario's own sweep: whether its values can stand where it puts them.

use serde_yaml::Value;

use super::{Desk, MAX_PROBLEMS};
use crate::scenario::diagnostic::Problem;
use crate::scenario::locate::Step;
use crate::scenario::overlay::Setting;
use crate::scenario::side::SideFiles;
use crate::scenario::sweep::Axis;
use crate::scenario::typed::dotted;

impl Desk<'_> {
    /// Puts the values of the scenario's own sweep in place: as many points as the longest axis has values, so that each value
    /// stands in one of them.
    pub(super) fn points(&mut self, document: &Value, axes: &[Axis], side: &mut SideFiles<'_>) {
        let longest = axes.iter().map(|axis| axis.values.len()).max().unwrap_or(0);
        for point in 0..longest {
            let known = (self.problems.len(), self.settings.len());
            let mut changed = document.clone();
            for axis in axes {
                let value = &axis.values[point % axis.values.len()];
                let applied = Setting::parse(&format!("{}={value}", axis.path)).and_then(|setting| {
                    setting.apply(&mut changed)?;
                    Ok(setting)
                });
                match applied {
                    Ok(setting) => self.settings.push(setting),
                    Err(problem) => self.problems.push(*problem),
                }
            }
            if self.problems.len() == known.0 {
                self.documents(changed, side);
            }
            self.settings.truncate(known.1);
            for mut problem in self.problems.split_off(known.0) {
                self.blame(&mut problem, axes, point);
                self.problems.push(problem);
            }
            if self.problems.len() >= MAX_PROBLEMS {
                break;
            }
        }
    }

    /// Puts a problem of a point at the value that it comes from, or at the whole sweep.
    fn blame(&self, problem: &mut Problem, axes: &[Axis], point: usize) {
        let of = |axis: &Axis| format!("{}={}", axis.path, axis.values[point % axis.values.len()]);
        // a key that nobody knows may stand above the end of the path
        let leads_there = |axis: &&Axis| {
            let rest = axis.path.strip_prefix(&problem.path);
            let below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) && !problem.path.is_empty();
            below || problem.setting.as_ref() == Some(&of(axis))
        };
        let mut steps = vec![Step::Key("sweep".to_owned())];
        if let Some(axis) = axes.iter().find(leads_there) {
            steps.push(Step::Key(axis.path.clone()));
            steps.extend(problem.setting.is_some().then(|| Step::Item(point % axis.values.len(), None)));
        } else {
            let point: Vec<String> = axes.iter().map(of).collect();
            problem.message = format!("with {}: {}", point.join(", "), problem.message);
        }
        problem.setting = None;
        problem.path = dotted(&steps);
        problem.place(self.text, self.index.find(&steps).value);
    }
}
