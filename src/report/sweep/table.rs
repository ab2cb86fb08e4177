//! The tables of a sweep, written point by point.

use std::io::{self, Write};

use crate::metrics::{HEADLINE, PointReport};
use crate::report::tables::{FIGURE_COLUMNS, figure_cells, number};
use crate::study::Points;

/// `sweep.csv` and `points.csv`.
pub(super) struct Tables<'a, W: Write + Send> {
    points: &'a Points,
    long: csv::Writer<W>,
    wide: csv::Writer<W>,
    #[cfg(feature = "parquet")]
    typed: super::parquet::ParquetTable<'a, W>,
}

/// Where the tables of a sweep go.
pub struct SweepTables<W> {
    /// `sweep.csv`: every figure of every point.
    pub long: W,
    /// `points.csv`: a row per point and variant.
    pub wide: W,
    /// `sweep.parquet`: the same as `long`.
    #[cfg(feature = "parquet")]
    pub typed: W,
}

/// The columns of `points.csv` before and behind the figures.
const BEFORE: [&str; 4] = ["runs", "known_to", "fails", "stopped"];
const BEHIND: [&str; 2] = ["events", "digest"];

impl<'a, W: Write + Send> Tables<'a, W> {
    pub(super) fn new(points: &'a Points, to: SweepTables<W>) -> io::Result<Tables<'a, W>> {
        let mut tables = Tables {
            points,
            long: csv::Writer::from_writer(to.long),
            wide: csv::Writer::from_writer(to.wide),
            #[cfg(feature = "parquet")]
            typed: super::parquet::ParquetTable::new(points, to.typed)?,
        };
        let paths = || std::iter::once("point").chain(points.paths.iter().map(String::as_str)).chain(["variant"]);
        // every row is a figure here
        tables.long.write_record(paths().chain(FIGURE_COLUMNS[2..].iter().copied()))?;
        tables.wide.write_record(paths().chain(BEFORE).chain(HEADLINE).chain(BEHIND))?;
        Ok(tables)
    }

    pub(super) fn add(&mut self, report: &PointReport) -> io::Result<()> {
        #[cfg(feature = "parquet")]
        self.typed.add(report)?;
        let mut head = vec![report.point.to_string()];
        head.extend(self.points.rows[report.point].iter().cloned());
        if let Some(why) = &report.stopped {
            let nothing = std::iter::repeat_n("", HEADLINE.len() + BEHIND.len());
            let head = head.iter().map(String::as_str);
            // no variant, no runs, nothing known, nothing expected
            self.wide.write_record(head.chain(["", "", "", "", why]).chain(nothing))?;
        }
        for variant in &report.variants {
            let head = || head.iter().chain([&variant.name]);
            for figure in &variant.figures {
                self.long.write_record(head().chain(&figure_cells(figure)))?;
            }
            let failing = variant.expectations.iter().filter(|outcome| !outcome.holds);
            let failing: Vec<&str> = failing.map(|outcome| outcome.text.as_str()).collect();
            let mut row: Vec<String> = head().cloned().collect();
            let known = report.precision.as_ref().and_then(|precision| precision.reached);
            row.extend([report.replications.to_string(), known.map(number).unwrap_or_default()]);
            row.extend([failing.join("; "), String::new()]);
            row.extend(
                HEADLINE.iter().map(|id| variant.figure(id).map(|found| number(found.value.mean)).unwrap_or_default()),
            );
            row.extend([variant.events.to_string(), variant.digest.clone()]);
            self.wide.write_record(row)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        #[cfg(feature = "parquet")]
        self.typed.finish()?;
        self.long.flush()?;
        self.wide.flush()
    }
}
