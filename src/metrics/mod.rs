//! What a run measures: histograms, counters, series, and the named figures made of them.
//!
//! Everything here is plain data. The cluster fills a [`Record`]; `study` turns many records into a [`Study`];
//! `report` sees only these types.

mod alert;
mod comparison;
mod config;
mod count;
mod figure;
mod histogram;
mod load;
mod over_time;
mod record;
mod sensitivity;
mod series;
mod study;
mod sweep;

pub use alert::{AlertReport, AlertRule, Firing, SeriesId};
pub use comparison::Comparison;
pub use config::ConfigChange;
pub use count::{
    CloseReason, Counts, FailReason, LossReason, MoveReason, Reason, Reasons, RecoveryMiss, RedisCommand, SessionLoss,
};
pub use figure::{Better, Family, FigureId, HEADLINE, ParseFigureError, Stat, Taken, Unit};
pub use histogram::Histogram;
pub use load::Skew;
pub use over_time::{Band, OverTime, Steady};
pub use record::{DatabaseUse, LIMITS, Latencies, Limit, Limiting, LoadSkew, Mark, NEff, Record, Window, closest};
pub use sensitivity::{Outcome, Sample, Sensitivity, Varied};
pub use series::{CLUSTER_SERIES, ClusterSeries, POD_SERIES, PodSeries, TimeSeries};
pub use study::{
    Assumption, DistributionReport, Estimate, ExpectationOutcome, FigureReport, Grade, Judgement, Pairing, Precision,
    Spread, Study, TooFew, VariantReport,
};
pub use sweep::{PointReport, VariantAtPoint};
