//! Points drawn at random but evenly: Latin hypercubes (McKay, Beckman and Conover 1979).

use std::collections::BTreeSet;

use super::points::{Points, too_many};
use crate::engine::Seed;
use crate::scenario::{MAX_POINTS, check_path};
use crate::study::Kind;

/// What the random numbers of a sweep are for; no purpose of a run.
const PURPOSE: u64 = 0x5357_4545_5000;

/// A path and the range that its values are drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    path: String,
    kind: Kind,
    low: f64,
    high: f64,
    is_log: bool,
}

impl Range {
    /// Reads `pods.replicas=3..20`, `pods.cpu=0.5..8:log`.
    ///
    /// # Errors
    /// With what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Range, String> {
        let example = "write for example `pods.replicas=3..20` or `pods.cpu=0.1..8:log`";
        let (path, range) = text.split_once('=').ok_or_else(|| format!("it has no `=`; {example}"))?;
        let path = path.trim();
        check_path(path).map_err(|what| format!("{what}; {example}"))?;
        let (range, is_log) = match range.trim().strip_suffix(":log") {
            Some(range) => (range, true),
            None => (range.trim(), false),
        };
        let (low, high) = range.split_once("..").ok_or_else(|| format!("`{range}` has no `..`; {example}"))?;
        let (kind, low, high) = Kind::range([&format!("`{low}`"), &format!("`{high}`")], [low, high])?;
        if low >= high {
            return Err(format!("from {low} to {high} there is nothing to draw; write the lower end first"));
        }
        if is_log && low <= 0.0 {
            return Err("a logarithmic range begins above zero".to_owned());
        }
        Ok(Range { path: path.to_owned(), kind, low, high, is_log })
    }

    /// The value at `part` of the range, 0 to 1 exclusive. Every whole number has the same room.
    fn at(&self, part: f64) -> String {
        let wider = if self.kind == Kind::Whole { 1.0 } else { 0.0 };
        let value = if self.is_log {
            self.low * libm::pow((self.high + wider) / self.low, part)
        } else {
            self.low + (self.high + wider - self.low) * part
        };
        let value = if self.kind == Kind::Whole { libm::floor(value) } else { value };
        self.kind.write(value.min(self.high))
    }
}

impl Points {
    /// `count` points of which each has a part of each range of its own: the k-th smallest value of a path lies in the k-th of
    /// `count` equal parts. Whole numbers of a short range repeat; points that are the same as another are left out.
    ///
    /// # Errors
    /// When there are too many, or a path is there twice.
    pub fn latin_hypercube(ranges: &[Range], count: usize, seed: u64) -> Result<Points, String> {
        if count > MAX_POINTS {
            return Err(too_many(count));
        }
        let columns: Vec<Vec<String>> = ranges
            .iter()
            .enumerate()
            .map(|(at, range)| {
                let mut stream = Seed(seed).stream(PURPOSE, at as u64, 0);
                let mut parts: Vec<usize> = (0..count).collect();
                for last in (1..count).rev() {
                    parts.swap(last, stream.below(last as u64 + 1) as usize);
                }
                parts.into_iter().map(|part| range.at((part as f64 + stream.unit()) / count as f64)).collect()
            })
            .collect();
        let mut known = BTreeSet::new();
        let rows = (0..count).map(|point| columns.iter().map(|column| column[point].clone()).collect::<Vec<String>>());
        let rows = rows.filter(|row| known.insert(row.clone())).collect();
        Points { paths: ranges.iter().map(|range| range.path.clone()).collect(), rows }.checked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, count: usize, seed: u64) -> Vec<f64> {
        let points = Points::latin_hypercube(&[Range::parse(text).expect("a range")], count, seed).expect("points");
        let mut values: Vec<f64> = points.rows.iter().map(|row| Kind::read(&row[0]).expect("a value").1).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn every_part_of_a_range_has_its_value() {
        for (at, value) in drawn("pods.cpu=0.5..10.5", 100, 7).into_iter().enumerate() {
            let part = 0.5 + 0.1 * at as f64;
            // values are written with four digits
            assert!((part - 0.006..=part + 0.106).contains(&value), "{at}: {value}");
        }
        for (at, value) in drawn("pods.costs.request=1ms..10s:log", 40, 7).into_iter().enumerate() {
            let part = |at: usize| libm::pow(10.0, at as f64 / 10.0);
            assert!((part(at) - 0.5..=part(at + 1) + 0.5).contains(&value), "{at}: {value}");
        }
    }

    #[test]
    fn whole_numbers_are_equally_likely_and_the_ends_are_reached() {
        let ranges = ["a=1..4", "b=0%..100%"].map(|text| Range::parse(text).expect("a range"));
        let points = Points::latin_hypercube(&ranges, 400, 1).expect("points");
        for value in ["1", "2", "3", "4"] {
            assert_eq!(points.rows.iter().filter(|row| row[0] == value).count(), 100, "{value}");
        }
        assert_eq!(drawn("a=1..4", 400, 1), [1.0, 2.0, 3.0, 4.0], "the same point is there once");
    }

    #[test]
    fn the_seed_decides_and_paths_do_not_follow_each_other() {
        let ranges = ["a=0..1000000", "b=0..1000000"].map(|text| Range::parse(text).expect("a range"));
        let points = |seed| Points::latin_hypercube(&ranges, 200, seed).expect("points");
        assert_eq!(points(1), points(1));
        assert_ne!(points(1), points(2));
        let rows = points(1)
            .rows
            .into_iter()
            .map(|row| [0, 1].map(|at| row[at].parse::<f64>().expect("a number") / 1e6 - 0.5));
        // variance of a uniform number is 1/12; the correlation of independent ones is below 3/√n nearly always
        let correlation = 12.0 * rows.map(|[a, b]| a * b).sum::<f64>() / 200.0;
        assert!(correlation.abs() < 0.21, "{correlation}");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (text, says) in [
            ("pods.cpu", "no `=`"),
            ("pods.cpu=3", "no `..`"),
            ("pods.cpu=soon..later", "`soon`: write a number"),
            ("pods.cpu=1s..3", "not of the same kind"),
            ("pods.cpu=3..3", "nothing to draw"),
            ("pods.cpu=0..3:log", "above zero"),
            ("title=0..3", "cannot be swept"),
        ] {
            let error = Range::parse(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
