//! `summary.json`: the whole study, for programs. Its schema is committed as `docs/summary.schema.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::ranking;
use super::sensitivity::{Reading, stated};
use crate::metrics::{Assumption, Better, Estimate, Family, Outcome, Study, Unit, Varied};

/// Name and version of the format. A reader checks it before anything else.
pub const FORMAT: &str = "stickysim-summary/1";

/// What `summary.json` holds.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "stickysim summary", description = "Everything a stickysim study measured. File: summary.json.")]
struct Summary<'a> {
    /// `stickysim-summary/1`; another number means that fields changed their meaning.
    #[schemars(regex(pattern = r"^stickysim-summary/1$"))]
    format: &'a str,
    /// Version of the program that wrote it.
    version: &'a str,
    /// What the study shows, in words.
    verdict: String,
    /// The study itself.
    study: &'a Study,
    /// The variants in their order; absent where there is nothing to rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    ranking: Option<RankingReport<'a>>,
    /// What changed assumptions do to it; absent unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sensitivity: Option<SensitivityReport<'a>>,
    /// What each family of figures measures, by name; `event.latency.p99` belongs to `event.latency`.
    definitions: BTreeMap<&'a str, Definition>,
}

/// What a family of figures measures.
#[derive(Serialize, JsonSchema)]
struct Definition {
    /// For people.
    title: &'static str,
    /// Unit of its values: `ms`, `share`, `per_second`, `bytes_per_second` or `number`.
    unit: &'static str,
    /// Which direction is good: `lower`, `higher` or `neither`.
    better: &'static str,
    /// What exactly is measured.
    definition: &'static str,
}

/// The variants in their order: by expectations that fail, then the figure, then price.
#[derive(Serialize, JsonSchema)]
struct RankingReport<'a> {
    /// Name of the figure ranked by.
    by: String,
    /// The best one first.
    places: Vec<PlaceReport<'a>>,
}

/// One variant in its place.
#[derive(Serialize, JsonSchema)]
struct PlaceReport<'a> {
    /// One more than the number of variants that surely do better, by all pairs of variants (Holm): shared where no difference is
    /// found.
    rank: u32,
    /// Name of the variant.
    variant: &'a str,
    /// How many of its expectations do not hold.
    expectations_failed: usize,
    /// Its figure less that of the place before, paired run by run; `None` for the first one.
    behind: Option<Estimate>,
}

impl<'a> RankingReport<'a> {
    fn of(reading: &ranking::Reading<'a>) -> RankingReport<'a> {
        let places = reading.ranking.places.iter().map(|place| PlaceReport {
            rank: place.rank,
            variant: &reading.variant(place).name,
            expectations_failed: place.failed,
            behind: place.behind,
        });
        RankingReport { by: reading.ranking.by.to_string(), places: places.collect() }
    }
}

/// Every assumption lowered and raised in turn, everything else the same.
#[derive(Serialize, JsonSchema)]
struct SensitivityReport<'a> {
    /// Runs per variant and value, with the seeds of the study's first ones.
    replications: u32,
    /// Paths of those on which the verdict hinges.
    hinges: Vec<&'a str>,
    /// The largest effect first, those on which the verdict hinges before all.
    assumptions: Vec<AssumptionReport<'a>>,
}

/// One assumption and what it does.
#[derive(Serialize, JsonSchema)]
struct AssumptionReport<'a> {
    /// The assumption; `*` in its path stands for the entries of lists where it was filled in.
    assumption: &'a Assumption,
    /// In how many places it stands.
    places: usize,
    /// Largest change of a figure of the verdict, as a share of its value; 0 where none was found.
    effect: f64,
    /// With less.
    lower: TrialReport<'a>,
    /// With more.
    higher: TrialReport<'a>,
}

/// One value in the place of an assumption.
#[derive(Serialize, JsonSchema)]
struct TrialReport<'a> {
    /// The value; `None` where none was tried.
    value: Option<&'a str>,
    /// Why none was tried.
    not_tried: Option<&'a str>,
    /// The claims of the verdict that it changes, in words.
    claims: Vec<&'a str>,
    /// The headline figures that change in any run.
    changes: Vec<ChangeReport<'a>>,
}

/// How one figure of one variant changes.
#[derive(Serialize, JsonSchema)]
struct ChangeReport<'a> {
    /// Name of the variant.
    variant: &'a str,
    /// Name of the figure.
    figure: String,
    /// Its mean over the same runs, as assumed.
    assumed: f64,
    /// The change, paired run by run.
    change: Estimate,
}

impl<'a> SensitivityReport<'a> {
    fn of(reading: &'a Reading<'a>) -> SensitivityReport<'a> {
        let figures = stated(reading.study);
        let path = |varied: &'a Varied| varied.assumption.path.as_str();
        let mut assumptions: Vec<AssumptionReport<'a>> = Vec::new();
        for effect in reading.all() {
            let [lower, higher] = effect.varied.outcomes().map(|(is_higher, outcome)| {
                let claims = effect.hinges.iter().filter(|hinge| hinge.is_higher == is_higher);
                let changes = effect.moves.iter().filter_map(|moved| {
                    let (variant, change) = (&reading.study.variants[moved.variant].name, moved.change(is_higher)?);
                    Some(ChangeReport { variant, figure: moved.figure.to_string(), assumed: moved.assumed, change })
                });
                TrialReport {
                    claims: claims.map(|hinge| hinge.words.as_str()).collect(),
                    changes: changes.collect(),
                    ..TrialReport::of(outcome)
                }
            });
            let effect_size = effect.size(&figures);
            assumptions.push(AssumptionReport {
                effect: effect_size,
                lower,
                higher,
                ..AssumptionReport::of(effect.varied)
            });
        }
        assumptions.extend(reading.idle.iter().map(|varied| AssumptionReport::of(varied)));
        SensitivityReport {
            replications: reading.sensitivity.replications,
            hinges: reading.hinges().map(|effect| path(effect.varied)).collect(),
            assumptions,
        }
    }
}

impl<'a> AssumptionReport<'a> {
    /// Of one that does nothing.
    fn of(varied: &'a Varied) -> AssumptionReport<'a> {
        let [lower, higher] = varied.outcomes().map(|(_, outcome)| TrialReport::of(outcome));
        AssumptionReport { assumption: &varied.assumption, places: varied.places, effect: 0.0, lower, higher }
    }
}

impl<'a> TrialReport<'a> {
    /// Of one that changes nothing.
    fn of(outcome: &'a Result<Outcome, String>) -> TrialReport<'a> {
        TrialReport {
            value: outcome.as_ref().ok().map(|outcome| outcome.value.as_str()),
            not_tried: outcome.as_ref().err().map(String::as_str),
            claims: Vec::new(),
            changes: Vec::new(),
        }
    }
}

/// Name of a unit in files.
pub(super) const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Milliseconds => "ms",
        Unit::Share => "share",
        Unit::PerSecond => "per_second",
        Unit::BytesPerSecond => "bytes_per_second",
        Unit::Bytes => "bytes",
        Unit::Number => "number",
    }
}

pub(super) const fn direction(better: Better) -> &'static str {
    match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
        Better::Neither => "neither",
    }
}

/// `summary.json` as text.
pub(super) fn summary(study: &Study) -> String {
    let definition = |family: &Family| Definition {
        title: family.title,
        unit: unit_name(family.unit),
        better: direction(family.better),
        definition: family.definition,
    };
    let reading = Reading::of(study);
    let summary = Summary {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        verdict: super::verdict(study),
        study,
        ranking: ranking::Reading::of(study).as_ref().map(RankingReport::of),
        sensitivity: reading.as_ref().map(SensitivityReport::of),
        definitions: Family::all().iter().map(|family| (family.name, definition(family))).collect(),
    };
    compact_numbers(&plain(&summary))
}

/// Plain data as text.
pub(super) fn plain(data: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(data).expect("plain data has no keys that JSON lacks");
    text.push('\n');
    text
}

/// Puts arrays of numbers on one line: a series of a thousand samples is one thing to a reader, not a thousand.
fn compact_numbers(pretty: &str) -> String {
    let is_scalar = |line: &str| {
        let line = line.trim().trim_end_matches(',');
        line == "null" || line.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'))
    };
    let mut out = String::with_capacity(pretty.len());
    let mut lines = pretty.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        if line.ends_with('[') && lines.peek().is_some_and(|next| is_scalar(next)) {
            while let Some(number) = lines.next_if(|next| is_scalar(next)) {
                out.push_str(number.trim());
                if number.ends_with(',') {
                    out.push(' ');
                }
            }
            out.push_str(lines.next().unwrap_or_default().trim_start());
        }
        out.push('\n');
    }
    out
}

/// The JSON schema of `summary.json`.
pub fn summary_schema_json() -> String {
    schema_of::<Summary<'_>>()
}

/// The JSON schema of a file that is written.
pub(super) fn schema_of<T: JsonSchema>() -> String {
    plain(&SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>())
}
