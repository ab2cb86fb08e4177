//! From text to a [`Scenario`]: the steps in their order, and where each problem stands.

mod points;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_yaml::{Mapping, Value};

use super::diagnostic::{Problem, Problems};
use super::expect::Expectation;
use super::file::ScenarioFile;
use super::fill::fill;
use super::locate::{Index, Step};
use super::overlay::{Setting, lengthen, merge, plain_keys};
use super::replications::Replications;
use super::side::SideFiles;
use super::typed::{Found, dotted, name_items};
use super::{Scenario, Source, Variant, assumed, build, sweep, typed, validate};
use crate::cluster::spec::{ClusterSpec, Trace};
use crate::metrics::{AlertRule, Assumption, Grade};
pub use written::{to_value, to_yaml, trace_name};

/// Keys that belong to the study as a whole, so a variant cannot change them.
const NOT_IN_VARIANTS: [&str; 8] =
    ["name", "title", "seed", "replications", "sweep", "variants", "baseline", assumed::KEY];

/// Most problems that are looked up; each costs a walk through the text.
const MAX_PROBLEMS: usize = 200;
/// Most entries of the lists of a scenario.
const MAX_ENTRIES: [(&str, usize); 7] = [
    ("clients", 1000),
    ("traffic", 1000),
    ("server_traffic", 1000),
    ("timeline", 10_000),
    ("expect", 1000),
    ("alerts", 200),
    ("variants", 200),
];

/// A document that was read without fault.
struct Resolved {
    file: ScenarioFile,
    spec: ClusterSpec,
    expectations: Vec<Expectation>,
    alerts: Vec<AlertRule>,
    assumptions: Vec<Assumption>,
}

pub fn resolve(source: Source<'_>, sets: &[String]) -> Result<Scenario, Problems> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(source.text);
    let mut desk = Desk { text, index: Index::default(), settings: Vec::new(), problems: Vec::new() };
    let mut document = match Index::read(text) {
        Ok((index, faults)) => {
            for fault in faults {
                desk.fault(fault);
            }
            desk.index = index;
            desk.index.value()
        }
        Err(fault) => {
            desk.fault(fault);
            return Err(Problems::new(source.name, text, desk.problems));
        }
    };
    plain_keys(&mut document);
    let told = assumed::take_out(&mut document).unwrap_or_else(|problem| {
        desk.report(vec![Found { steps: steps_of(assumed::KEY), problem: *problem }], &Value::Null, None);
        Vec::new()
    });
    lengthen(&mut document);
    for setting in sets {
        let applied = Setting::parse(setting).and_then(|setting| {
            setting.apply(&mut document)?;
            Ok(setting)
        });
        match applied {
            Ok(setting) => desk.settings.push(setting),
            Err(problem) => desk.problems.push(*problem),
        }
    }
    let mut side = SideFiles::new(source.folder);
    let (base, variants) = desk.documents(document.clone(), &mut side);
    // what the text says of its own sweep; with changes it may not be meant any more
    if let (Some(base), true) = (&base, sets.is_empty() && desk.problems.is_empty()) {
        desk.points(&document, &sweep::axes(&base.file), &mut side);
    }
    let (Some(base), true) = (base, desk.problems.is_empty()) else {
        return Err(Problems::new(source.name, text, desk.problems));
    };
    Ok(assemble(base, variants, told, side.into_traces()))
}

fn assemble(
    base: Resolved,
    variants: Vec<(String, Option<Resolved>)>,
    told: Vec<Assumption>,
    traces: Vec<(String, Arc<Trace>)>,
) -> Scenario {
    let mut assumptions = base.assumptions;
    let filled: BTreeMap<String, Value> = variants
        .iter()
        .filter_map(|(name, resolved)| Some((name.clone(), to_value(&resolved.as_ref()?.file))))
        .collect();
    assumptions.extend(assumed::still(told, &to_value(&base.file), &filled));
    let mut list = Vec::new();
    for (name, resolved) in variants {
        let Some(mut resolved) = resolved else { continue };
        for mut made in std::mem::take(&mut resolved.assumptions) {
            let known = assumptions.iter().any(|other| other.path == made.path && other.value == made.value);
            if !known {
                made.path = format!("variants.{name}.{}", made.path);
                assumptions.push(made);
            }
        }
        let Resolved { file, spec, expectations, alerts, .. } = resolved;
        list.push(Variant { name, spec, expectations, alerts, file });
    }
    // not in the order of filling in, which a resolved scenario does not remember
    assumptions.sort_by(|a, b| a.path.cmp(&b.path));
    assumptions.dedup_by(|a, b| a.path == b.path);
    Scenario {
        name: base.file.name.clone(),
        title: base.file.title.clone().unwrap_or_default(),
        seed: base.file.seed.unwrap_or_default(),
        replications: base.file.replications.unwrap_or(Replications::Exactly(1)),
        base: base.spec,
        expectations: base.expectations,
        alerts: base.alerts,
        variants: list,
        file: base.file,
        assumptions,
        traces,
    }
}

/// Collects problems and puts each at its place.
struct Desk<'t> {
    text: &'t str,
    index: Index,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

impl Desk<'_> {
    fn fault(&mut self, fault: super::locate::Fault) {
        let mut problem = Problem::new(fault.code, "", fault.message, fault.help);
        if fault.at.end > 0 || fault.code == "not-yaml" {
            problem.place(self.text, fault.at);
        }
        self.problems.push(problem);
    }

    /// Reads the base and every variant.
    fn documents(
        &mut self,
        mut document: Value,
        side: &mut SideFiles<'_>,
    ) -> (Option<Resolved>, Vec<(String, Option<Resolved>)>) {
        lengthen(&mut document);
        self.limits(&document);
        let patches = self.variants(&mut document);
        self.baseline(&document, &patches);
        if self.problems.iter().any(|problem| problem.code == "too-many-entries") {
            return (None, Vec::new());
        }
        let base = self.document(document.clone(), None, side);
        let mut variants = Vec::new();
        for (name, patch) in patches {
            let mut merged = document.clone();
            if let Err(problem) = merge(&mut merged, &patch) {
                let steps = steps_of(&problem.path);
                self.report(vec![Found { steps, problem: *problem }], &merged, Some(&name));
                continue;
            }
            lengthen(&mut merged);
            let resolved = self.document(merged.clone(), Some(&name), side);
            if let (Some(base), Some(resolved)) = (&base, &resolved) {
                self.report(validate::check_currency(&base.file, &resolved.file), &merged, Some(&name));
            }
            variants.push((name, resolved));
        }
        (base, variants)
    }

    /// Refuses lists so long that checking them would take for ever.
    fn limits(&mut self, document: &Value) {
        for (key, most) in MAX_ENTRIES {
            let entries = match document.get(key) {
                Some(Value::Sequence(list)) => list.len(),
                Some(Value::Mapping(map)) => map.len(),
                _ => 0,
            };
            if entries > most {
                let message = format!("`{key}` has {entries} entries; at most {most} are possible");
                let problem = Problem::new(
                    "too-many-entries",
                    key,
                    message,
                    "make it shorter; recorded requests belong into a trace",
                );
                self.report(vec![Found { steps: vec![Step::Key(key.to_owned())], problem }], &Value::Null, None);
            }
        }
    }

    /// Takes the variants out of the document.
    fn variants(&mut self, document: &mut Value) -> BTreeMap<String, Value> {
        let Value::Mapping(map) = document else { return BTreeMap::new() };
        let key = |word: &str| Step::Key(word.to_owned());
        let mut found = Vec::new();
        let mut patches = BTreeMap::new();
        match map.shift_remove("variants") {
            None | Some(Value::Null) => {}
            Some(Value::Mapping(variants)) => {
                for (name, patch) in variants {
                    let name = name.as_str().unwrap_or_default().to_owned();
                    let steps = vec![key("variants"), key(&name)];
                    let fail = |code, message: String, help: &str| Found {
                        steps: steps.clone(),
                        problem: Problem::new(code, dotted(&steps), message, help),
                    };
                    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                    if name.is_empty() || name.len() > 64 || !name.chars().all(good) {
                        found.push(fail(
                            "bad-name",
                            format!("`{name}` cannot be the name of a variant"),
                            "use letters, digits, `-` and `_`",
                        ));
                        continue;
                    }
                    match patch {
                        Value::Null => drop(patches.insert(name, Value::Mapping(Mapping::new()))),
                        Value::Mapping(mut patch) => {
                            for fixed in NOT_IN_VARIANTS.iter().filter(|fixed| patch.shift_remove(**fixed).is_some()) {
                                let mut found_here = fail(
                                    "not-in-variant",
                                    format!("a variant cannot change `{fixed}`; it belongs to all of them"),
                                    "remove it here",
                                );
                                found_here.steps.push(key(fixed));
                                found.push(found_here);
                            }
                            patches.insert(name, Value::Mapping(patch));
                        }
                        _ => found.push(fail(
                            "wrong-type",
                            format!("the variant `{name}` is not a mapping"),
                            "write for example `wide: {pods.replicas: 9}`, or `{}` for no change",
                        )),
                    }
                }
            }
            Some(_) => {
                let problem = Problem::new(
                    "wrong-type",
                    "variants",
                    "`variants` is a mapping of names to patches",
                    "write for example `variants: {wide: {pods.replicas: 9}}`",
                );
                found.push(Found { steps: vec![key("variants")], problem });
            }
        }
        self.report(found, &Value::Null, None);
        patches
    }

    /// What the others are compared with is one of the variants.
    fn baseline(&mut self, document: &Value, variants: &BTreeMap<String, Value>) {
        let Some(name) = document.get("baseline").and_then(Value::as_str) else { return };
        if variants.contains_key(name) {
            return;
        }
        let names: Vec<&str> = variants.keys().map(String::as_str).collect();
        let help = match names[..] {
            [] => "there are no `variants`; write some, or remove this".to_owned(),
            _ => typed::suggestion(name, &names),
        };
        let problem = Problem::new("unknown-name", "baseline", format!("there is no variant `{name}`"), help);
        self.report(vec![Found { steps: vec![Step::Key("baseline".to_owned())], problem }], document, None);
    }

    /// The typed form of a document; what keeps it from having one is reported with what was `found` before.
    fn shaped(&mut self, document: &Value, variant: Option<&str>, found: &mut Vec<Found>) -> Option<ScenarioFile> {
        match typed::read(document.clone()) {
            Ok(file) => Some(file),
            Err(shape) => {
                found.extend(shape);
                self.report(std::mem::take(found), document, variant);
                None
            }
        }
    }

    /// Reads one document, the base or a merged variant.
    fn document(&mut self, mut document: Value, variant: Option<&str>, side: &mut SideFiles<'_>) -> Option<Resolved> {
        let mut found = Vec::new();
        read_tables(&mut document, &mut Vec::new(), side, &mut found);
        let file = self.shaped(&document, variant, &mut found)?;
        let traces = read_traces(&file, side, &mut found);
        // a run that only plays traces is as long as they are
        let only_traces = file.clients.iter().all(|audience| audience.trace.is_some());
        let ends = traces.values().filter_map(|trace| trace.requests.last()).map(|request| request.at);
        let end = ends.max().filter(|_| only_traces);
        let written = document.clone();
        let mut assumptions = fill(&mut document, end);
        let file = self.shaped(&document, variant, &mut found)?;
        let mut said = validate::Said::default();
        found.extend(validate::validate(&file, &traces, &mut said));
        if !found.is_empty() {
            self.report(found, &document, variant);
            return None;
        }
        assumptions.extend(balancer_defaults(&written, &file));
        assumptions.retain(|made| !made.path.ends_with(".preset") || made.value != "null");
        let spec = build::build(&file, &traces);
        Some(Resolved { file, spec, expectations: said.expectations, alerts: said.alerts, assumptions })
    }

    /// Puts problems of a document at their places in the text, in a variant of it, or at a `--set`.
    fn report(&mut self, found: Vec<Found>, document: &Value, variant: Option<&str>) {
        for Found { mut steps, mut problem } in found {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            name_items(document, &mut steps);
            problem.path = dotted(&steps);
            if let Some(name) = variant {
                let same = |other: &Problem| {
                    other.code == problem.code && other.path == problem.path && other.message == problem.message
                };
                if self.problems.iter().any(same) {
                    continue; // the base has it too
                }
                let inside: Vec<Step> = ["variants", name].iter().map(|word| Step::Key((*word).to_owned())).collect();
                steps.splice(0..0, inside);
                problem.path = dotted(&steps);
                let place = self.index.find(&steps);
                let is_set = self.settings.iter().any(|setting| self.is_from(setting, problem.code, &steps));
                if place.found <= 2 && !is_set {
                    // the patch says nothing about it, but the result is wrong: point at the variant
                    let only: Vec<Step> = steps[..2].to_vec();
                    problem.message = format!("with the variant `{name}`: {}", problem.message);
                    self.place(&mut problem, &only);
                    self.problems.push(problem);
                    continue;
                }
            }
            self.place(&mut problem, &steps);
            self.problems.push(problem);
        }
    }

    /// Whether a problem at these steps comes from a setting.
    fn is_from(&self, setting: &Setting, code: &str, steps: &[Step]) -> bool {
        let around = &steps[..steps.len().saturating_sub(1)];
        // what lacks a key may be there only because of a setting of another key
        let made = code == "missing-key" && self.index.find(around).found < around.len();
        follows(&setting.path, steps) || (made && within(&setting.path, around))
    }

    fn place(&self, problem: &mut Problem, steps: &[Step]) {
        let covers = |setting: &&Setting| self.is_from(setting, problem.code, steps);
        if let Some(setting) = self.settings.iter().rev().find(covers) {
            problem.setting = Some(setting.text.clone());
            return;
        }
        let place = self.index.find(steps);
        let last = steps.last().map(|last| dotted(std::slice::from_ref(last))).unwrap_or_default();
        let about_key =
            matches!(problem.code, "unknown-key" | "not-yet" | "not-in-variant" | "unknown-entry" | "missing-key")
                || (problem.code == "unknown-name" && problem.message.contains(&format!("`{last}`")));
        let end = self.text[place.value.start..].find('\n').map_or(self.text.len(), |n| place.value.start + n);
        let one_line = place.value.end <= end && !place.value.is_empty();
        let at = match place.key {
            Some(key) if about_key || !one_line => key,
            _ => place.value.start..place.value.end.min(end),
        };
        problem.place(self.text, at);
    }
}

/// True when `path` leads to `steps` or to something around them.
fn follows(path: &[String], steps: &[Step]) -> bool {
    let (Some((word, rest)), Some((step, below))) = (path.split_first(), steps.split_first()) else {
        return path.is_empty();
    };
    match step {
        Step::Key(key) => key == word && follows(rest, below),
        Step::Item(at, name) => {
            let meant = name.as_ref() == Some(word) || at.to_string() == *word;
            (meant && follows(rest, below)) || follows(path, below)
        }
    }
}

/// True when `path` leads to something below `steps`.
fn within(path: &[String], steps: &[Step]) -> bool {
    let Some((step, below)) = steps.split_first() else { return true };
    let Some((word, rest)) = path.split_first() else { return false };
    match step {
        Step::Key(key) => key == word && within(rest, below),
        Step::Item(at, name) => {
            let meant = name.as_ref() == Some(word) || at.to_string() == *word;
            (meant && within(rest, below)) || within(path, below)
        }
    }
}

fn steps_of(path: &str) -> Vec<Step> {
    path.split('.')
        .map(|word| word.parse().map_or_else(|_| Step::Key(word.to_owned()), |at| Step::Item(at, None)))
        .collect()
}

/// Puts the rows of `{empirical: file.csv}` in the place of the file name.
fn read_tables(node: &mut Value, steps: &mut Vec<Step>, side: &mut SideFiles<'_>, found: &mut Vec<Found>) {
    match node {
        Value::Mapping(map) => {
            let file = match (map.len(), map.get("empirical")) {
                (1, Some(Value::String(file))) => Some(file.clone()),
                _ => None,
            };
            if let Some(file) = file {
                match side.table(&file) {
                    Ok(rows) => drop(map.insert(Value::String("empirical".to_owned()), Value::Sequence(rows))),
                    Err(error) => {
                        steps.push(Step::Key("empirical".to_owned()));
                        let problem = Problem::new("bad-file", dotted(steps), error.message, error.help);
                        found.push(Found { steps: steps.clone(), problem });
                        steps.pop();
                    }
                }
                return;
            }
            for (key, value) in map.iter_mut() {
                steps.push(Step::Key(key.as_str().unwrap_or_default().to_owned()));
                read_tables(value, steps, side, found);
                steps.pop();
            }
        }
        Value::Sequence(list) => {
            for (at, value) in list.iter_mut().enumerate() {
                steps.push(Step::Item(at, None));
                read_tables(value, steps, side, found);
                steps.pop();
            }
        }
        _ => {}
    }
}

fn read_traces(file: &ScenarioFile, side: &mut SideFiles<'_>, found: &mut Vec<Found>) -> BTreeMap<String, Arc<Trace>> {
    let mut traces = BTreeMap::new();
    for (at, audience) in file.clients.iter().enumerate() {
        let Some(trace) = &audience.trace else { continue };
        match side.trace(&trace.file) {
            Ok(read) => drop(traces.insert(trace.file.clone(), read)),
            Err(error) => {
                let steps = steps_of(&format!("clients.{at}.trace.file"));
                let problem = Problem::new("bad-file", dotted(&steps), error.message, error.help);
                found.push(Found { steps, problem });
            }
        }
    }
    traces
}

/// The settings of a balancer that the user did not write: the product's own defaults.
fn balancer_defaults(written: &Value, file: &ScenarioFile) -> Vec<Assumption> {
    let filled = to_value(file);
    let mut made = Vec::new();
    for (at, balancer) in filled.get("balancers").and_then(Value::as_sequence).into_iter().flatten().enumerate() {
        for (product, settings) in balancer.as_mapping().into_iter().flatten() {
            let product = product.as_str().unwrap_or_default();
            let given = written.get("balancers").and_then(|list| list.get(at)).and_then(|entry| entry.get(product));
            for (key, value) in settings.as_mapping().into_iter().flatten() {
                let key = key.as_str().unwrap_or_default();
                if given.and_then(|given| given.get(key)).is_none() {
                    made.push(Assumption {
                        path: format!("balancers.{at}.{product}.{key}"),
                        value: serde_yaml::to_string(value).unwrap_or_default().trim().to_owned(),
                        grade: Grade::A,
                        source: format!("default of {product}"),
                        spread: None,
                    });
                }
            }
        }
    }
    made
}
