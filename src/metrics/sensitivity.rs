//! What a study gave when its assumptions were changed, one at a time.

use super::study::Assumption;

/// Every assumption of a study lowered and raised in turn, everything else the same.
#[derive(Clone, Debug)]
pub struct Sensitivity {
    /// Runs per variant and value, with the seeds of the study's first ones.
    pub replications: u32,
    /// Each variant as assumed, in the order of the study.
    pub assumed: Vec<Sample>,
    /// The assumptions, by path.
    pub assumptions: Vec<Varied>,
}

/// One assumption, and what came of changing it.
#[derive(Clone, Debug)]
pub struct Varied {
    /// The assumption; `*` in its path where it stands in several places.
    pub assumption: Assumption,
    /// In how many places it stands.
    pub places: usize,
    /// With less; or why that was not tried.
    pub lower: Result<Outcome, String>,
    /// With more; or why that was not tried.
    pub higher: Result<Outcome, String>,
}

impl Varied {
    /// Both values, each with whether it is the higher one.
    pub fn outcomes(&self) -> [(bool, &Result<Outcome, String>); 2] {
        [(false, &self.lower), (true, &self.higher)]
    }
    /// One of the values in short: a law is named by what was done to it.
    pub fn tried(&self, is_higher: bool) -> Option<&str> {
        let outcome = if is_higher { &self.higher } else { &self.lower }.as_ref().ok()?;
        Some(match (outcome.value.starts_with('{'), is_higher) {
            (false, _) => &outcome.value,
            (true, false) => "half",
            (true, true) => "double",
        })
    }
}

/// What one value gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The value as text.
    pub value: String,
    /// Each variant, in the order of the study.
    pub samples: Vec<Sample>,
}

/// The runs of one variant.
#[derive(Clone, Debug)]
pub struct Sample {
    /// By run: every figure of [`FigureId::all`](super::FigureId::all), then that of each expectation.
    pub figures: Vec<Vec<Option<f64>>>,
    /// Whether each expectation holds.
    pub holds: Vec<bool>,
}
