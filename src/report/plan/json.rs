//! `plan.json`: the answers, for programs. Its schema is what `stickysim schema plan` prints.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::json::{plain, schema_of};
use super::{PlanAbout, text};
use crate::metrics::{Estimate, ExpectationOutcome};
use crate::study::{During, Find, Plan, Point};

/// Name and version of the format.
const FORMAT: &str = "stickysim-plan/1";

/// What `plan.json` holds.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "stickysim plan", description = "What a search for the size of a cluster found. File: plan.json.")]
struct Answers<'a> {
    /// `stickysim-plan/1`; another number means that fields changed their meaning.
    #[schemars(regex(pattern = r"^stickysim-plan/1$"))]
    format: &'a str,
    /// Version of the program that wrote it.
    version: &'a str,
    /// Name of the scenario.
    scenario: &'a str,
    /// Seed of the first replication.
    seed: u64,
    /// Path of the setting.
    setting: &'a str,
    /// What was looked for: `fewest` or `most`.
    find: &'static str,
    /// Lowest value, as a scenario has it.
    from: String,
    /// Highest value.
    to: String,
    /// Through what the answer must hold: `rolling-restart` or `pod-lost`; `None` = the timeline of the scenario alone.
    during: Option<&'static str>,
    /// How sure each answer about one value is, 0.5 to 1, unless an expectation has a confidence of its own.
    confidence: f64,
    /// Replications per value, at most.
    most_runs: u32,
    /// The answer for each variant.
    variants: Vec<Answer<'a>>,
}

/// The answer for one variant.
#[derive(Serialize, JsonSchema)]
struct Answer<'a> {
    /// Name of the variant; empty where the scenario has none.
    variant: &'a str,
    /// The value, as a scenario has it; `None` = there is none in the range.
    answer: Option<String>,
    /// The answer in words, and why it is the answer.
    text: Vec<String>,
    /// Replications in all.
    runs: u32,
    /// Every value that was tried, in ascending order.
    tried: Vec<Tried<'a>>,
}

/// One value.
#[derive(Serialize, JsonSchema)]
struct Tried<'a> {
    /// The value, as a scenario has it.
    value: String,
    /// Whether everything that is expected holds, surely.
    holds: bool,
    /// Replications.
    runs: u32,
    /// What comes closest to its limit on average over the runs; `None` where nothing was run.
    limit: Option<&'a str>,
    /// Its share of that limit, 1 being all of it.
    share: Option<Estimate>,
    /// Why runs stopped early, if they did: then nothing holds.
    stopped: Option<&'a str>,
    /// Everything that is expected.
    expectations: &'a [ExpectationOutcome],
}

impl<'a> Tried<'a> {
    fn of(about: &PlanAbout<'_>, point: &'a Point) -> Tried<'a> {
        Tried {
            value: about.written(point.value),
            holds: point.holds(),
            runs: point.runs,
            limit: point.closest.map(|(limit, _)| limit.name),
            share: point.closest.map(|(_, share)| share),
            stopped: point.stopped.as_deref(),
            expectations: &point.checks,
        }
    }
}

/// `plan.json` as text.
pub(super) fn json(about: &PlanAbout<'_>, plans: &[Plan]) -> String {
    let question = about.question;
    let variants = plans.iter().map(|plan| Answer {
        variant: &plan.variant,
        answer: plan.answer.map(|answer| about.written(answer)),
        text: text::lines(about, plan),
        runs: plan.runs(),
        tried: plan.points.iter().map(|point| Tried::of(about, point)).collect(),
    });
    plain(&Answers {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        scenario: about.name,
        seed: about.seed,
        setting: about.setting,
        find: if question.find == Find::Fewest { "fewest" } else { "most" },
        from: about.written(question.from),
        to: about.written(question.to),
        during: match question.during {
            During::Nothing => None,
            During::RollingRestart => Some("rolling-restart"),
            During::PodLost => Some("pod-lost"),
        },
        confidence: question.confidence,
        most_runs: question.most_runs,
        variants: variants.collect(),
    })
}

/// The JSON schema of `plan.json`.
pub fn plan_schema_json() -> String {
    schema_of::<Answers<'_>>()
}
