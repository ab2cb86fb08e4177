//! What users write, checked and turned into plain data for the cluster.
//!
//! ```text
//! text ─ locate ─▶ untyped value with positions ─ overlay ─▶ --set, variants ─ typed ─▶ file ─ fill ─▶ every default
//!                                                                 ─ validate ─▶ all problems at once ─ build ─▶ ClusterSpec
//! ```
//!
//! Nothing unknown is ignored, nothing missing is guessed silently: what is filled in is listed with its source
//! ([`Scenario::assumptions`]). The order of keys in the text means nothing. Bad text is answered with [`Problems`],
//! never with a panic.

mod alert;
mod assumed;
mod build;
mod changes;
mod diagnostic;
mod expect;
mod file;
mod fill;
mod law;
mod locate;
mod overlay;
mod patched;
mod percent;
mod presets;
mod replications;
mod resolve;
mod scalar;
mod side;
mod sweep;
mod typed;
mod units;
mod validate;
mod vary;
mod words;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use changes::changes;
pub use diagnostic::{Problem, Problems};
pub use expect::{ExpectError, Expectation, figure};
pub use fill::defaults_table;
pub use overlay::Setting;
pub use patched::{Draft, one_line};
pub use replications::{Replications, Until};
pub(crate) use side::open_file;
pub use side::{Files, Folder, NoFiles, trace_csv};
pub use sweep::{Axis, MAX_AXES, MAX_POINTS, check_path};
pub use units::{Number, QuantityError, Rate, Share, Size, Weight, Whole};
pub use vary::{Changed, Trial, Variation};

use crate::cluster::spec::{ClusterSpec, Trace};
use crate::metrics::{AlertRule, Assumption};
use expect::Frame;
use file::ScenarioFile;

/// Longest scenario text that is read, in bytes.
pub const MAX_TEXT_BYTES: usize = locate::MAX_BYTES;

/// A scenario as text, with access to the files beside it.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// How messages call it, such as `scenarios/auction.yaml`.
    pub name: &'a str,
    /// The YAML text.
    pub text: &'a str,
    /// Where `trace:` and `empirical:` files are read from.
    pub folder: &'a dyn Files,
}

/// A checked scenario with every default filled in.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name, such as `auction`; fit for a folder.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// First seed.
    pub seed: u64,
    /// Runs per variant.
    pub replications: Replications,
    /// The cluster without any variant.
    pub base: ClusterSpec,
    /// What must hold without any variant.
    pub expectations: Vec<Expectation>,
    /// The alerting rules without any variant.
    pub alerts: Vec<AlertRule>,
    /// The variants in order of their names (the order of keys means nothing).
    pub variants: Vec<Variant>,
    file: ScenarioFile,
    assumptions: Vec<Assumption>,
    traces: Vec<(String, Arc<Trace>)>,
}

/// A patched scenario.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The cluster with the patch.
    pub spec: ClusterSpec,
    /// What must hold of it.
    pub expectations: Vec<Expectation>,
    /// Its alerting rules.
    pub alerts: Vec<AlertRule>,
    file: ScenarioFile,
}

/// Reads a scenario and the files beside it; `sets` are patches such as `pods.replicas=5`, applied in their order
/// before anything else.
///
/// # Errors
/// With everything that is wrong, each problem with its place.
pub fn load(path: &Path, sets: &[String]) -> Result<Scenario, Problems> {
    let text = read(path)?;
    let folder = Folder::beside(path);
    parse(Source { name: &path.display().to_string(), text: &text, folder: &folder }, sets)
}

/// The text of a scenario file.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn read(path: &Path) -> Result<String, Problems> {
    let name = path.display().to_string();
    let unreadable = |message: String, help: &str| {
        Problems::new(&name, "", vec![Problem::new("unreadable-file", "", message, help)])
    };
    let mut text = Vec::new();
    let read = open_file(path).and_then(|file| {
        let mut limited = std::io::Read::take(file, locate::MAX_BYTES as u64 + 4);
        std::io::Read::read_to_end(&mut limited, &mut text)
    });
    if let Err(error) = read {
        return Err(unreadable(format!("cannot read the scenario: {error}"), "check the name of the file"));
    }
    match String::from_utf8(text) {
        Ok(text) => Ok(text),
        // the limit may have cut a character in two; then the size is the matter
        Err(error) if error.as_bytes().len() > locate::MAX_BYTES => Ok(" ".repeat(locate::MAX_BYTES + 1)),
        Err(error) => {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
            Err(unreadable(format!("line {line} is not UTF-8 text"), "save the file as UTF-8"))
        }
    }
}

/// Reads a scenario from text. See [`load`].
///
/// ```
/// use stickysim::scenario::{NoFiles, Source, parse};
/// let text = "name: small\nclients: {count: 100}\nvariants: {wide: {pods.replicas: 9}}";
/// let source = Source { name: "small.yaml", text, folder: &NoFiles };
/// let scenario = parse(source, &["duration=5m".to_owned()]).unwrap();
/// assert_eq!(scenario.base.pods.replicas, 3);
/// assert_eq!(scenario.variants[0].spec.pods.replicas, 9);
/// assert!(scenario.assumptions().iter().any(|made| made.path == "pods.costs.send"));
/// ```
///
/// # Errors
/// With everything that is wrong, each problem with its place.
pub fn parse(source: Source<'_>, sets: &[String]) -> Result<Scenario, Problems> {
    resolve::resolve(source, sets)
}

/// The JSON schema of scenario files, for editors: `scenarios/schema.json`.
pub fn schema_json() -> String {
    let schema = schemars::schema_for!(ScenarioFile);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}

impl Scenario {
    /// What the scenario sweeps by itself.
    pub fn axes(&self) -> Vec<Axis> {
        sweep::axes(&self.file)
    }
    /// The scenario with every default filled in. Reading it gives the same clusters and the same text again.
    pub fn resolved_yaml(&self) -> String {
        let variants = self.variants.iter().map(|variant| (variant.name.as_str(), &variant.file));
        resolve::to_yaml(&self.file, variants, &self.assumptions)
    }
    /// The same with the scenario as it stands as one more variant, the one that others are compared with.
    pub fn resolved_yaml_beside_itself(&self, name: &str) -> String {
        let compared = |file: &ScenarioFile| ScenarioFile { baseline: Some(name.to_owned()), ..file.clone() };
        let itself = compared(&self.file);
        let others: Vec<_> = self.variants.iter().map(|of| (of.name.as_str(), compared(&of.file))).collect();
        let variants = others.iter().map(|(name, file)| (*name, file)).chain([(name, &itself)]);
        resolve::to_yaml(&itself, variants, &self.assumptions)
    }
    /// The variant that the scenario says others are compared with, if it says one.
    pub fn baseline(&self) -> Option<&str> {
        self.file.baseline.as_deref()
    }
    /// Expects something more of each variant and of the scenario as it stands.
    ///
    /// # Errors
    /// When the text is no expectation, or cannot be told of such runs.
    pub fn expect(&mut self, text: &str) -> Result<(), ExpectError> {
        let expectation = Expectation::parse(text)?;
        let variants = self.variants.iter_mut().map(|variant| (&variant.spec, &mut variant.expectations));
        for (spec, expectations) in variants.chain([(&self.base, &mut self.expectations)]) {
            expectation.fit(&Frame::of(spec, self.replications.least()), expectations)?;
            expectations.push(expectation.clone());
        }
        Ok(())
    }

    /// Whether a variant (`None` = the scenario as it stands) is the same in both.
    pub fn is_same(&self, other: &Scenario, variant: Option<&str>) -> bool {
        let of = |scenario: &Scenario| match variant {
            None => Some(scenario.file.clone()),
            Some(name) => {
                scenario.variants.iter().find(|variant| variant.name == name).map(|variant| variant.file.clone())
            }
        };
        of(self) == of(other)
    }
    /// The currency of its prices, if it says one.
    pub fn currency(&self) -> Option<&str> {
        self.file.prices.as_ref()?.currency.as_deref()
    }
    /// Every value that the user did not give, with its source.
    pub fn assumptions(&self) -> Vec<Assumption> {
        self.assumptions.clone()
    }
    /// The recorded requests, as files beside [`resolved_yaml`](Self::resolved_yaml): name and CSV content.
    pub fn trace_files(&self) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> =
            self.traces.iter().map(|(name, trace)| (resolve::trace_name(name), trace_csv(trace))).collect();
        files.sort();
        files.dedup();
        files
    }
}
