//! The part of the points that one worker runs.

use std::str::FromStr;

/// Part `index` of `count` equal parts: every `count`-th point from `index` on, so that neighbours, which take equally long, are
/// spread over the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Everything.
    pub const ALL: Shard = Shard { index: 0, count: 1 };

    /// Part `index`, from 0, of `count`.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn new(index: usize, count: usize) -> Result<Shard, String> {
        match count {
            0 => Err("there are no parts; write for example `0/8`, the first of eight".to_owned()),
            _ if index < count => Ok(Shard { index, count }),
            _ => Err(format!("{index} is not one of {count} parts; they are counted from 0 to {}", count - 1)),
        }
    }
    /// Its points of `total`, in ascending order.
    pub fn points(self, total: usize) -> impl Iterator<Item = usize> {
        (self.index..total).step_by(self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// Reads `0/8`.
    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        let (index, count) = parts
            .ok_or_else(|| "it is not a part of a whole; write for example `0/8`, the first of eight".to_owned())?;
        Shard::new(index, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_in_exactly_one_part() {
        for total in [0, 1, 7, 64] {
            for count in [1, 2, 3, 10, 100] {
                let parts = (0..count).map(|index| Shard::new(index, count).expect("a part"));
                let mut points: Vec<usize> = parts.flat_map(|part| part.points(total)).collect();
                points.sort_unstable();
                assert_eq!(points, (0..total).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        assert_eq!("2/3".parse(), Shard::new(2, 3));
        for (text, says) in
            [("3/3", "from 0 to 2"), ("0/0", "no parts"), ("1", "for example `0/8`"), ("-1/3", "`0/8`"), ("", "`0/8`")]
        {
            let error = text.parse::<Shard>().expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
