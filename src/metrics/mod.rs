//! What a run measures: histograms, counters, series, and the named figures made of them.
//!
//! Everything here is plain data. The cluster fills a [`Record`]; `study` turns many records into a [`Study`];
//! `report` sees only these types.

mod alert;
mod comparison;
mod count;
mod figure;
mod histogram;
mod load;
mod record;
mod sensitivity;
mod series;
mod study;
mod sweep;

pub use alert::{AlertReport, AlertRule, Firing, SeriesId};
pub use comparison::Comparison;
pub use count::{
    CloseReason, Counts, FailReason, LossReason, MoveReason, Reason, Reasons, RecoveryMiss, RedisCommand, SessionLoss,
};
pub use figure::{Better, Family, FigureId, HEADLINE, ParseFigureError, Stat, Unit};
pub use histogram::Histogram;
pub use load::Skew;
pub use record::{DatabaseUse, Latencies, Limiting, LoadSkew, Mark, NEff, Record};
pub use sensitivity::{Outcome, Sample, Sensitivity, Varied};
pub use series::{CLUSTER_SERIES, ClusterSeries, POD_SERIES, PodSeries, TimeSeries};
pub use study::{
    Assumption, DistributionReport, Estimate, ExpectationOutcome, FigureReport, Grade, Pairing, Spread, Study,
    VariantReport,
};
pub use sweep::{PointReport, VariantAtPoint};
