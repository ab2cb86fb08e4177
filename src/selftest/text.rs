//! The table for people, and everything for programs.

use std::fmt::Write;

use super::{Row, Selftest};
use crate::metrics::{Estimate, Unit};
use crate::report::number::Scale;
use crate::route::text::{columns, grouped};

/// The table with what it is worth.
pub fn table(selftest: &Selftest) -> String {
    let header = ["", "theory", "measured (95 %)", "runs", "z", "excludes", "", "formula"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(selftest.rows.iter().map(cells));
    let mut out = columns(&rows);
    let count = selftest.rows.len();
    let red = selftest.rows.iter().filter(|row| !row.agrees).count();
    let rms = libm::sqrt(selftest.sum_of_squares / count.max(1) as f64);
    let _ = write!(
        out,
        "\nSpread: Σz² = {:.1} over {count} independent rows (root mean square {rms:.2}), p = {:.2} of χ².\n\
         z: deviation in standard errors over independent runs (Student's t, as the normal score of the same probability).\n\
         excludes: the relative bias that would have turned the row red with probability {}.\n\
         Red at a level of {} for all rows together (Holm), and the same for their spread.\n",
        selftest.sum_of_squares, selftest.spread_p, selftest.power, selftest.alpha,
    );
    let verdict = match (red, selftest.passed) {
        (0, true) => format!("stickysim {} agrees with theory in all {count} rows", selftest.version),
        (0, false) => format!("stickysim {}: every row is within its bound, but their spread is not", selftest.version),
        _ => format!("stickysim {} contradicts theory in {red} of {count} rows", selftest.version),
    };
    let _ = writeln!(out, "{verdict} (seed {}).", grouped(selftest.seed));
    out
}

fn cells(row: &Row) -> Vec<String> {
    let scale = Scale::fitting(Unit::Number, std::iter::empty());
    let measured = row.measured.as_ref().map_or("nothing".to_owned(), |measured| scale.parts(measured).to_string());
    // theory is exact: as many digits as the measurement has, and two more
    let half_width = row.measured.and_then(|measured| measured.half_width).map(|half| half / 100.0);
    let theory = Estimate { mean: row.theory, half_width, min: row.theory, max: row.theory, replications: 0 };
    let runs = row.measured.map_or(0, |measured| measured.replications);
    vec![
        row.what.to_owned(),
        scale.parts(&theory).mean,
        measured,
        grouped(u64::from(runs)),
        format!("{:+.2}", row.z).replace('-', "−"),
        format!("{:.1} %", row.excludes * 100.0),
        if row.agrees { "✓" } else { "✗" }.to_owned(),
        row.source.to_owned(),
    ]
}

/// Everything.
pub fn json(selftest: &Selftest) -> String {
    let mut text = serde_json::to_string_pretty(selftest).unwrap_or_default();
    text.push('\n');
    text
}
