//! Remedies for a cluster, tried one by one instead of believed in.
//!
//! Each is a patch on the scenario ([`remedies`]), so that whoever likes it can write it there. All run with the seeds of the scenario as it
//! stands, and are compared with that ([`gains`]).

mod gains;
mod remedies;
mod ways;

use serde_yaml::Value;

use crate::scenario::{Draft, Problems, Scenario, Source, parse};

pub use gains::{Entry, Recommendation, recommendation};
pub use remedies::{REMEDIES, Remedy};

/// The name of the scenario as it stands, among its remedies.
pub const AS_IT_STANDS: &str = "as-it-stands";

/// A scenario with its remedies as variants, ready to be run.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The remedies that apply are its variants.
    pub scenario: Scenario,
    /// All remedies, in the order in which they are listed.
    pub remedies: Vec<Remedy>,
}

/// Makes the remedies of a scenario, or of one of its variants (`None`: there is no such variant); `only`: of these names, all where it
/// is empty.
///
/// # Errors
/// With everything that is wrong with the scenario itself. A remedy that makes a scenario of it that cannot be is not tried.
pub fn prepare(
    source: Source<'_>,
    sets: &[String],
    variant: Option<&str>,
    only: &[String],
) -> Result<Option<Prepared>, Problems> {
    let Some(draft) = Draft::of(source, sets, variant)? else { return Ok(None) };
    let base = parse(Source { text: &draft.with(&[]), ..source }, &[])?;
    let mut remedies = remedies::remedies(&base.base, draft.document());
    remedies.retain(|remedy| only.is_empty() || only.iter().any(|name| name == remedy.name));
    // each pass refuses one remedy at least, or is the last one
    loop {
        let patches: Vec<(&str, &Value)> =
            remedies.iter().filter_map(|remedy| Some((remedy.name, remedy.patch.as_ref().ok()?))).collect();
        let text = draft.with(&patches);
        let refused: Vec<(String, String)> = match parse(Source { text: &text, ..source }, &[]) {
            Ok(scenario) => {
                let idle: Vec<(String, String)> = scenario
                    .idle_variants()
                    .into_iter()
                    .map(|name| (name.to_owned(), "it is so already".to_owned()))
                    .collect();
                if idle.is_empty() {
                    return Ok(Some(Prepared { scenario, remedies }));
                }
                idle
            }
            Err(problems) => {
                let of_variant = |path: &str| Some(path.strip_prefix("variants.")?.split('.').next()?.to_owned());
                let named =
                    problems.iter().filter_map(|problem| Some((of_variant(&problem.path)?, plain(&problem.message))));
                let refused: Vec<(String, String)> = named.collect();
                if refused.is_empty() {
                    return Err(problems);
                }
                refused
            }
        };
        for (name, why) in refused {
            if let Some(remedy) = remedies.iter_mut().find(|remedy| remedy.name == name && remedy.patch.is_ok()) {
                remedy.patch = Err(why);
            }
        }
    }
}

/// A message without saying again which variant it is about.
fn plain(message: &str) -> String {
    let rest = message.strip_prefix("with the variant `").and_then(|rest| rest.split_once("`: "));
    rest.map_or(message, |(_, rest)| rest).to_owned()
}
