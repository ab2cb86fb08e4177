//! `recommend.json`: the remedies, for programs. Its schema is what `stickysim schema recommend` prints.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::json::{direction, plain, schema_of};
use super::{Reading, figures};
use crate::metrics::{Estimate, Pairing};
use crate::study::Entry;

/// Name and version of the format.
const FORMAT: &str = "stickysim-recommend/1";

/// What `recommend.json` holds.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "stickysim recommend", description = "What remedies do, and their price. File: recommend.json.")]
struct Remedies<'a> {
    /// `stickysim-recommend/1`; another number means that fields changed their meaning.
    #[schemars(regex(pattern = r"^stickysim-recommend/1$"))]
    format: &'a str,
    /// Version of the program that wrote it.
    version: &'a str,
    /// Name of the scenario.
    scenario: &'a str,
    /// Seed of the first replication.
    seed: u64,
    /// Runs of each remedy.
    replications: u32,
    /// In what prices are given; `None` = there are none.
    currency: Option<&'a str>,
    /// What to do, in words.
    verdict: String,
    /// What is to become better.
    goal: Goal<'a>,
    /// Each remedy and the scenario as it stands, the best one first.
    remedies: Vec<Tried<'a>>,
    /// Remedies that do not fit this scenario.
    not_tried: Vec<NotTried<'a>>,
}

/// What is to become better.
#[derive(Serialize, JsonSchema)]
struct Goal<'a> {
    /// Name of the figure.
    figure: String,
    /// Which direction is good: `lower` or `higher`.
    better: &'static str,
    /// The expectation that it comes from, as written; `None` = it was named, or is the usual one.
    expected: Option<&'a str>,
}

/// One remedy.
#[derive(Serialize, JsonSchema)]
struct Tried<'a> {
    /// Shared where no difference of 2 % or more is found.
    rank: u32,
    /// Its name; `as it stands` is the scenario itself.
    name: &'a str,
    /// What it changes, in words; `None` = nothing.
    what: Option<&'a str>,
    /// What to write into the scenario: values by path.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    patch: Option<&'a serde_yaml::Value>,
    /// Whether it surely makes the goal better (`true`) or worse (`false`); `None` = no difference found at this precision.
    helps: Option<bool>,
    /// Change of the goal as a share of what it is as things stand.
    relative: Option<Estimate>,
    /// Expectations that hold with it and do not without.
    expectations_gained: Vec<&'a str>,
    /// Expectations that hold without it and do not with it.
    expectations_broken: Vec<&'a str>,
    /// The goal and what else matters, by name.
    figures: BTreeMap<&'a str, Change>,
}

/// What a remedy does to a figure.
#[derive(Serialize, JsonSchema)]
struct Change {
    /// With the remedy.
    value: Estimate,
    /// The change, run by run; `None` for the scenario as it stands.
    change: Option<Estimate>,
    /// How sure it is; `None` where there is no change.
    pairing: Option<Pairing>,
}

/// A remedy that was not tried.
#[derive(Serialize, JsonSchema)]
struct NotTried<'a> {
    /// Its name.
    name: &'a str,
    /// Why not.
    why: &'a str,
}

impl<'a> Tried<'a> {
    fn of(reading: &Reading<'a>, entry: &Entry) -> Tried<'a> {
        let variant = reading.variant(entry);
        let remedy = reading.remedy(entry);
        let texts = |list: &[usize]| list.iter().map(|at| variant.expectations[*at].text.as_str()).collect();
        let changes = figures(reading, entry).into_iter().map(|figure| {
            let change = Change { value: figure.value, change: figure.difference, pairing: figure.pairing };
            (figure.id.as_str(), change)
        });
        Tried {
            rank: entry.rank,
            name: &variant.name,
            what: remedy.map(|remedy| remedy.what),
            patch: remedy.and_then(|remedy| remedy.patch.as_ref().ok()),
            helps: entry.found,
            relative: entry.relative,
            expectations_gained: texts(&entry.gained),
            expectations_broken: texts(&entry.broken),
            figures: changes.collect(),
        }
    }
}

/// `recommend.json` as text.
pub(super) fn json(reading: &Reading<'_>) -> String {
    let found = &reading.found;
    plain(&Remedies {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        scenario: &reading.study.name,
        seed: reading.study.seed,
        replications: reading.study.replications,
        currency: reading.study.currency.as_deref(),
        verdict: reading.verdict(),
        goal: Goal {
            figure: found.goal.to_string(),
            better: direction(found.better),
            expected: found.expected.as_deref(),
        },
        remedies: found.entries.iter().map(|entry| Tried::of(reading, entry)).collect(),
        not_tried: reading.not_tried().into_iter().map(|(name, why)| NotTried { name, why }).collect(),
    })
}

/// The JSON schema of `recommend.json`.
pub fn recommend_schema_json() -> String {
    schema_of::<Remedies<'_>>()
}
