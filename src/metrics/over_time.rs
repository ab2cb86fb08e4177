//! Series over all replications: how things go on average, and when they are steady.

use schemars::JsonSchema;
use serde::Serialize;

/// Series of the cluster over all replications, in bins of time of the same length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct OverTime {
    /// Seconds from the start of the run to the end of each bin.
    pub times_s: Vec<f64>,
    /// Those in which anything happens, in the order of the series of a run.
    pub bands: Vec<Band>,
}

/// A series: one value per bin.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Band {
    /// Its name, as that of the series of one run.
    pub series: String,
    /// Mean over the replications; `None` where there was nothing to be measured.
    pub mean: Vec<Option<f64>>,
    /// Half the width of its 95 % interval; `None` with fewer than two replications.
    pub half_width: Vec<Option<f64>>,
}

impl OverTime {
    /// The series of this name, if anything happens in it.
    pub fn band(&self, series: &str) -> Option<&Band> {
        self.bands.iter().find(|band| band.series == series)
    }
}

/// From when on a series is steady, by MSER-5.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Steady {
    /// Name of the series.
    pub series: String,
    /// Seconds from the start of the run; `None` = it does not become steady in its first half.
    pub from_s: Option<f64>,
    /// True where the mean of what lies between the end of the warm-up and then differs from the mean afterwards: the warm-up should be
    /// longer.
    pub too_short: bool,
}
