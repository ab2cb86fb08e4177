//! Which lines have the fewest connections, kept as connections come and go.

/// Connections of each line.
#[derive(Clone, Debug, Default)]
pub struct Least {
    loads: Vec<u32>,
    fewest: u32,
    /// One bit for each line that has the fewest, and how many they are.
    lines: Vec<u64>,
    count: usize,
}

impl Least {
    /// So many lines without connections.
    pub fn new(lines: usize) -> Least {
        let mut least = Least { loads: vec![0; lines], fewest: 0, lines: vec![0; lines.div_ceil(64)], count: 0 };
        least.find();
        least
    }
    /// A line has so many connections now.
    pub fn set(&mut self, line: usize, load: u32) {
        let before = std::mem::replace(&mut self.loads[line], load);
        if before == load {
            return;
        }
        if load < self.fewest {
            self.lines.fill(0);
            (self.fewest, self.count) = (load, 0);
        }
        if load == self.fewest {
            self.lines[line / 64] |= 1 << (line % 64);
            self.count += 1;
        } else if before == self.fewest {
            self.lines[line / 64] &= !(1 << (line % 64));
            self.count -= 1;
            if self.count == 0 {
                self.find();
            }
        }
    }
    /// Connections of a line.
    pub fn load(&self, line: usize) -> u32 {
        self.loads[line]
    }
    /// How many lines have the fewest.
    pub const fn count(&self) -> usize {
        self.count
    }
    /// The lines that have the fewest, in order.
    pub fn lines(&self) -> impl Iterator<Item = usize> {
        self.lines.iter().enumerate().flat_map(|(word, &bits)| {
            let rest = |bits: u64| bits & bits.wrapping_sub(1);
            std::iter::successors(Some(bits), move |&bits| Some(rest(bits)))
                .take_while(|&bits| bits != 0)
                .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }

    fn find(&mut self) {
        self.fewest = self.loads.iter().copied().min().unwrap_or(0);
        self.lines.fill(0);
        self.count = 0;
        for (line, &load) in self.loads.iter().enumerate() {
            let here = load == self.fewest;
            self.lines[line / 64] |= u64::from(here) << (line % 64);
            self.count += usize::from(here);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn it_finds_what_a_look_at_all_lines_finds() {
        for lines in [1, 2, 20, 64, 65, 200] {
            let (mut least, mut loads) = (Least::new(lines), vec![0; lines]);
            for n in 0..3_000 {
                let draw = |item, below| Seed(1).stream(1, item, n).below(below);
                let line = draw(1, lines as u64) as usize;
                loads[line] = match draw(2, 8) {
                    0 => draw(3, 5) as u32,
                    1..=4 => loads[line] + 1,
                    _ => loads[line].saturating_sub(1),
                };
                least.set(line, loads[line]);
                let fewest = loads.iter().min();
                let expected: Vec<usize> = (0..lines).filter(|&line| Some(&loads[line]) == fewest).collect();
                assert_eq!((least.lines().collect::<Vec<_>>(), least.count()), (expected.clone(), expected.len()));
                assert_eq!(least.load(line), loads[line]);
            }
        }
        assert_eq!(Least::new(0).lines().count(), 0);
    }
}
