//! Named figures: the vocabulary of reports, `expect` and the definitions.
//!
//! A figure is a family and, where the family is a distribution, a statistic: `event.latency.p99`,
//! `load.connections.max_over_mean`. One table below holds name, unit, direction and definition of each family.

mod families;
mod parse;

use std::borrow::Cow;
use std::fmt;

use super::histogram::Histogram;
use super::record::{Latencies, Record};

use families::FAMILIES;

pub use parse::ParseFigureError;

/// Whether smaller or larger values are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Smaller.
    Lower,
    /// Larger.
    Higher,
    /// Neither: a fact.
    Neither,
}

/// The unit of a figure's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A share: 0.05 is 5 %.
    Share,
    /// Per second.
    PerSecond,
    /// Bytes per second.
    BytesPerSecond,
    /// Bytes.
    Bytes,
    /// A plain number.
    Number,
}

/// What of a run a family is taken from, which decides in which windows it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All that happens: any window.
    Throughout,
    /// The samples: a window with at least one.
    Samples,
    /// Whole seconds: a window of such.
    Seconds,
    /// Steps of ten seconds (a tenth of shorter runs): a window of such.
    Peaks,
    /// The run as a whole: no window.
    Run,
}

/// How the value of a family is read from a record.
#[derive(Clone, Copy)]
enum Read {
    /// A number.
    Number(fn(&Record) -> Option<f64>),
    /// A distribution, of which a [`Stat`] is asked.
    Distribution(fn(&Latencies) -> Cow<'_, Histogram>),
}

/// A family of figures.
#[derive(Clone, Copy)]
pub struct Family {
    /// Such as `event.latency`.
    pub name: &'static str,
    /// For people, such as `event latency`.
    pub title: &'static str,
    /// Unit of its values.
    pub unit: Unit,
    /// Which direction is good.
    pub better: Better,
    /// What exactly is measured.
    pub definition: &'static str,
    /// What of a run it is taken from.
    pub taken: Taken,
    read: Read,
}

/// A statistic of a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    /// The mean.
    Mean,
    /// The largest value of a run: when the last one is done. It grows with the length of the run.
    Max,
    /// The p-th percentile, 0 < p < 100.
    Percentile(f64),
}

/// One figure: a family, with a statistic where the family is a distribution.
#[derive(Clone, Copy)]
pub struct FigureId {
    family: &'static Family,
    stat: Option<Stat>,
}

/// Percentiles that reports show of every distribution.
const PERCENTILES: [f64; 3] = [50.0, 95.0, 99.0];

/// The figures of the terminal table, in its order.
pub const HEADLINE: [&str; 27] = [
    "event.latency.p50",
    "event.latency.p95",
    "event.latency.p99",
    "request.latency.p50",
    "request.latency.p95",
    "request.latency.p99",
    "requests.failed",
    "cache.hits",
    "database.queries_per_request",
    "database.pool_wait.p99",
    "redis.commands",
    "redis.copies",
    "redis.useful",
    "redis.kept_local",
    "load.connections.max_over_mean",
    "load.requests.max_over_mean",
    "stickiness.failures",
    "sessions.found",
    "connections.active",
    "connections.failed",
    "connections.reconnects",
    "connections.reconnects_peak",
    "offline.time.p50",
    "offline.time.p99",
    "recovery.recovered",
    "lost.messages",
    "acks.timed_out",
];

impl Family {
    /// Every family, in the order of reports.
    pub fn all() -> &'static [Family] {
        FAMILIES
    }
    /// The family called `name`.
    pub fn named(name: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|family| family.name == name)
    }
    /// True when its figures need a statistic (`….p99`, `….mean`).
    pub const fn is_distribution(&self) -> bool {
        matches!(self.read, Read::Distribution(_))
    }
    /// Its histogram among these; `None` when it is not a distribution.
    pub fn histogram_of<'l>(&self, latencies: &'l Latencies) -> Option<Cow<'l, Histogram>> {
        match self.read {
            Read::Distribution(read) => Some(read(latencies)),
            Read::Number(_) => None,
        }
    }
}

impl FigureId {
    /// Every figure that reports show: each number, and mean, p50, p95 and p99 of each distribution.
    pub fn all() -> impl Iterator<Item = FigureId> {
        FAMILIES.iter().flat_map(|family| {
            let stats = if family.is_distribution() {
                let mut stats = vec![Some(Stat::Mean)];
                stats.extend(PERCENTILES.map(|p| Some(Stat::Percentile(p))));
                stats
            } else {
                vec![None]
            };
            stats.into_iter().map(move |stat| FigureId { family, stat })
        })
    }
    /// Its family.
    pub const fn family(&self) -> &'static Family {
        self.family
    }
    /// Its statistic.
    pub const fn stat(&self) -> Option<Stat> {
        self.stat
    }
    /// For people, such as `event latency p99`.
    pub fn title(&self) -> String {
        match self.stat {
            Some(stat) => format!("{} {stat}", self.family.title),
            None => self.family.title.to_owned(),
        }
    }
    /// The lowest and the highest value that it can have in any run.
    pub fn range(&self) -> (f64, f64) {
        let name = self.family.name;
        // max/mean is never below 1, nor is an effective number
        let is_ratio = name.ends_with("max_over_mean") || name.starts_with("n_eff.");
        let is_share = self.family.unit == Unit::Share || name.ends_with(".gini") || name.ends_with(".jain");
        (if is_ratio { 1.0 } else { 0.0 }, if is_share { 1.0 } else { f64::INFINITY })
    }
    /// How far values may lie apart that are not told apart from this one; 0 for all but percentiles and maxima, which come out of buckets.
    pub fn resolution(&self, value: f64) -> f64 {
        match self.stat {
            Some(Stat::Percentile(_) | Stat::Max) => Histogram::width_ms(value),
            Some(Stat::Mean) | None => 0.0,
        }
    }
    /// How many samples lie beyond it, away from the middle, where it is a percentile of something that was measured.
    pub fn samples_beyond(&self, latencies: &Latencies) -> Option<u64> {
        let Some(Stat::Percentile(percentile)) = self.stat else { return None };
        let samples = self.family.histogram_of(latencies)?.count();
        let share = (percentile / 100.0).min(1.0 - percentile / 100.0);
        // 1 % of 10,000 are 100 of them, whatever is rounded on the way
        (samples > 0).then(|| libm::floor(samples as f64 * share + 1e-6) as u64)
    }
    /// Its value in this run; `None` when the run had nothing of it.
    pub fn value(&self, record: &Record) -> Option<f64> {
        match (self.family.read, self.stat) {
            (Read::Number(read), _) => read(record),
            (Read::Distribution(read), Some(Stat::Percentile(p))) => read(&record.latencies).quantile_ms(p / 100.0),
            (Read::Distribution(read), Some(Stat::Max)) => read(&record.latencies).quantile_ms(1.0),
            (Read::Distribution(read), _) => read(&record.latencies).mean_ms(),
        }
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stat::Mean => f.write_str("mean"),
            Stat::Max => f.write_str("max"),
            Stat::Percentile(p) => write!(f, "p{p}"),
        }
    }
}

impl PartialEq for FigureId {
    fn eq(&self, other: &FigureId) -> bool {
        self.family.name == other.family.name && self.stat == other.stat
    }
}

impl fmt::Display for FigureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stat {
            Some(stat) => write!(f, "{}.{stat}", self.family.name),
            None => f.write_str(self.family.name),
        }
    }
}

impl fmt::Debug for FigureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_reads_back_from_its_name() {
        for figure in FigureId::all() {
            let name = figure.to_string();
            assert_eq!(name.parse::<FigureId>().unwrap().to_string(), name);
        }
        assert_eq!("max event.latency".parse::<FigureId>().unwrap().to_string(), "event.latency.max");
        assert_eq!("event.latency.max".parse::<FigureId>().unwrap().to_string(), "event.latency.max");
        assert_eq!("p99.9 event.latency".parse::<FigureId>().unwrap().to_string(), "event.latency.p99.9");
        assert_eq!("event.latency.p99.9".parse::<FigureId>().unwrap().to_string(), "event.latency.p99.9");
    }

    #[test]
    fn headline_figures_exist() {
        for name in HEADLINE {
            assert!(name.parse::<FigureId>().is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_no_figure_says_why() {
        let error = |text: &str| text.parse::<FigureId>().unwrap_err();
        assert_eq!(error("event.latency"), ParseFigureError::NeedsStat("event.latency".into()));
        assert_eq!(error("p99 redis.copies"), ParseFigureError::NoStat("redis.copies".into()));
        assert_eq!(error("p100 event.latency"), ParseFigureError::Unknown("p100 event.latency".into()));
        assert_eq!(error("nonsense"), ParseFigureError::Unknown("nonsense".into()));
    }
}
