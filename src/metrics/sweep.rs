//! One point of a sweep: what is kept of its runs.

use serde::{Deserialize, Serialize};

use super::study::{ExpectationOutcome, FigureReport, Precision};

/// One point of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointReport {
    /// Its position in the sweep, from 0.
    pub point: usize,
    /// Why its runs stopped before their end, if they did; then there are no figures.
    pub stopped: Option<String>,
    /// Runs of each variant.
    pub replications: u32,
    /// How well the least known headline or expected figure is known; `None` unless that decided how often it was run.
    pub precision: Option<Precision>,
    /// In the order of the scenario.
    pub variants: Vec<VariantAtPoint>,
}

/// One variant at a point, over its replications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantAtPoint {
    /// Its name.
    pub name: String,
    /// Every figure that it has, without what pairings are worth.
    pub figures: Vec<FigureReport>,
    /// Whether each `expect` holds.
    pub expectations: Vec<ExpectationOutcome>,
    /// Digest of the first replication.
    pub digest: String,
    /// Events handled, over all replications.
    pub events: u64,
}

impl PointReport {
    /// A point whose runs stopped before their end.
    pub fn stopped(point: usize, why: String) -> PointReport {
        PointReport { point, stopped: Some(why), replications: 0, precision: None, variants: Vec::new() }
    }
}

impl VariantAtPoint {
    /// The figure called `id`, if it has it.
    pub fn figure(&self, id: &str) -> Option<&FigureReport> {
        self.figures.iter().find(|figure| figure.id == id)
    }
}
