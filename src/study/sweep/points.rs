//! The points of a sweep: paths, and the values that each point has at them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scenario::{Axis, MAX_AXES, MAX_POINTS, check_path};

/// Paths, and for each point its values in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// Such as `pods.replicas`.
    pub paths: Vec<String>,
    /// A value for each path, as `--set` takes it.
    pub rows: Vec<Vec<String>>,
}

impl Points {
    /// Every combination of the values; those of the last axis change fastest.
    ///
    /// # Errors
    /// When a path is there twice, or there are too many points.
    pub fn grid(axes: &[Axis]) -> Result<Points, String> {
        let count = axes.iter().map(|axis| axis.values.len()).fold(1, usize::saturating_mul);
        if count > MAX_POINTS {
            return Err(too_many(count));
        }
        let mut rows = vec![Vec::new()];
        for axis in axes {
            let longer = |row: &Vec<String>| {
                let row = row.clone();
                axis.values.iter().map(move |value| [&row[..], std::slice::from_ref(value)].concat())
            };
            rows = rows.iter().flat_map(longer).collect();
        }
        Points { paths: axes.iter().map(|axis| axis.path.clone()).collect(), rows }.checked()
    }

    /// Reads a table whose header is paths.
    ///
    /// # Errors
    /// With the line of what cannot be read.
    pub fn table(text: &str) -> Result<Points, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
        let paths: Vec<String> = csv.headers().map_err(|error| said(&error))?.iter().map(str::to_owned).collect();
        for path in &paths {
            check_path(path).map_err(|what| {
                format!("line 1: {what}; the header holds paths such as `pods.replicas,clients.people.count`")
            })?;
        }
        let mut rows = Vec::new();
        for record in csv.records() {
            let record = record.map_err(|error| said(&error))?;
            let line = record.position().map_or(0, csv::Position::line);
            if let Some(at) = record.iter().position(str::is_empty) {
                return Err(format!("line {line}: `{}` has no value; write one in every column", paths[at]));
            }
            if rows.len() >= MAX_POINTS {
                return Err(format!("line {line}: {}", too_many(rows.len() + 1)));
            }
            rows.push(record.iter().map(str::to_owned).collect());
        }
        Points { paths, rows }.checked()
    }

    pub(super) fn checked(self) -> Result<Points, String> {
        if self.paths.len() > MAX_AXES {
            return Err(format!("{} paths are more than the {MAX_AXES} that are possible", self.paths.len()));
        }
        if let Some((_, path)) = self.paths.iter().enumerate().find(|(at, path)| self.paths[..*at].contains(path)) {
            return Err(format!("`{path}` is swept twice; write it once"));
        }
        if self.paths.is_empty() || self.rows.is_empty() {
            return Err("there are no points".to_owned());
        }
        let mut first = BTreeMap::new();
        for (at, row) in self.rows.iter().enumerate() {
            if let Some(before) = first.insert(row, at) {
                return Err(format!("points {before} and {at}, counted from 0, are the same: {}", self.words(at)));
            }
        }
        Ok(self)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
    /// Never true of points that were checked.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
    /// What `--set` is given for a point.
    pub fn changes(&self, point: usize) -> Vec<String> {
        self.paths.iter().zip(&self.rows[point]).map(|(path, value)| format!("{path}={value}")).collect()
    }
    /// A point in words.
    pub fn words(&self, point: usize) -> String {
        self.changes(point).join(", ")
    }
}

pub(super) fn too_many(count: usize) -> String {
    format!("these are {count} points; at most {MAX_POINTS} are possible")
}

fn said(error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: {len} columns where the header has {expected_len}; quote values that have commas")
        }
        _ => format!("line {line}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_every_combination() {
        let axes = ["a=1,2", "b=x,y,z"].map(|text| Axis::parse(text).expect("an axis"));
        let points = Points::grid(&axes).expect("a grid");
        let words: Vec<String> = (0..points.len()).map(|at| points.words(at)).collect();
        assert_eq!(words, ["a=1, b=x", "a=1, b=y", "a=1, b=z", "a=2, b=x", "a=2, b=y", "a=2, b=z"]);
    }

    #[test]
    fn a_table_is_a_list_of_points() {
        let points =
            Points::table("\u{feff}a,b\n# a remark\n1,{exp: 20s}\n2,\"{uniform: [1s, 2s]}\"\n").expect("a table");
        assert_eq!(points.changes(1), ["a=2", "b={uniform: [1s, 2s]}"]);
        for (text, says) in [
            ("", "no points"),
            ("a,b\n", "no points"),
            ("a,a\n1,2\n", "`a` is swept twice"),
            ("a,b\n1\n", "line 2: 1 columns"),
            ("a,b\n1,\n", "line 2: `b` has no value"),
            ("a,name\n1,x\n", "cannot be swept"),
            ("a\n1\n2\n1\n", "points 0 and 2"),
        ] {
            let error = Points::table(text).expect_err(text);
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
