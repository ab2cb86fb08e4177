//! One point of a sweep: what is kept of a study of it.

use serde::{Deserialize, Serialize};

use super::study::{ExpectationOutcome, FigureReport, Study};

/// One point of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointReport {
    /// Its position in the sweep, from 0.
    pub point: usize,
    /// Why its runs stopped before their end, if they did; then there are no figures.
    pub stopped: Option<String>,
    /// In the order of the scenario.
    pub variants: Vec<VariantAtPoint>,
}

/// One variant at a point, over its replications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantAtPoint {
    /// Its name.
    pub name: String,
    /// Every figure that it has.
    pub figures: Vec<FigureReport>,
    /// Whether each `expect` holds.
    pub expectations: Vec<ExpectationOutcome>,
    /// Digest of each replication.
    pub digests: Vec<String>,
    /// Events handled, over all replications.
    pub events: u64,
}

impl PointReport {
    /// What is kept of a study of the point.
    pub fn of(point: usize, study: Study) -> PointReport {
        let variants = study.variants.into_iter().map(|variant| VariantAtPoint {
            name: variant.name,
            figures: variant.figures,
            expectations: variant.expectations,
            digests: variant.digests,
            events: variant.events,
        });
        PointReport { point, stopped: None, variants: variants.collect() }
    }
    /// A point whose runs stopped before their end.
    pub fn stopped(point: usize, why: String) -> PointReport {
        PointReport { point, stopped: Some(why), variants: Vec::new() }
    }
}

impl VariantAtPoint {
    /// The figure called `id`, if it has it.
    pub fn figure(&self, id: &str) -> Option<&FigureReport> {
        self.figures.iter().find(|figure| figure.id == id)
    }
}
