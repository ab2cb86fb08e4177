//! How many independent sources a load really has: the effective number 1/Σp², p being the share of each.

use std::net::IpAddr;

/// More pairs than this are sorted a part at a time, so that memory stays small beside that of the clients …
const FEW: usize = 1 << 18;
/// … in so many parts.
const PARTS: u64 = 4;

/// Sums of weights and of their squares.
#[derive(Clone, Copy, Default)]
struct Sums {
    weights: u64,
    squares: u128,
}

impl Sums {
    fn add(&mut self, weight: u64) {
        self.weights += weight;
        self.squares += u128::from(weight) * u128::from(weight);
    }
    /// Adds what each source of these pairs weighs.
    fn add_up<K: Copy + Ord>(&mut self, pairs: &mut [(K, u32)]) {
        pairs.sort_unstable();
        for source in pairs.chunk_by(|a, b| a.0 == b.0) {
            self.add(source.iter().map(|&(_, weight)| u64::from(weight)).sum());
        }
    }
    /// (Σw)²/Σw²; 0 when there is none.
    fn effective(self) -> f64 {
        if self.squares == 0 { 0.0 } else { self.weights as f64 * self.weights as f64 / self.squares as f64 }
    }
}

/// The effective number of sources of these (source, weight) pairs, of which there are about `count`; pairs of one source
/// add up. They are gone through several times.
pub fn effective<I: Iterator<Item = (IpAddr, u32)>>(count: usize, pairs: impl Fn() -> I) -> f64 {
    let turns = if count > FEW { PARTS } else { 1 };
    let mut sums = Sums::default();
    let mut v4: Vec<(u32, u32)> = Vec::new();
    let mut v6: Vec<(u128, u32)> = Vec::new();
    for turn in 0..turns {
        v4.clear();
        v6.clear();
        for (source, weight) in pairs() {
            match source.to_canonical() {
                IpAddr::V4(source) => v4.extend(of_turn(source.to_bits(), weight, turn, turns)),
                IpAddr::V6(source) => v6.extend(of_turn(source.to_bits(), weight, turn, turns)),
            }
        }
        sums.add_up(&mut v4);
        sums.add_up(&mut v6);
    }
    sums.effective()
}

/// A pair, if it is in this turn that its source is looked at.
fn of_turn<K: Copy + Into<u128>>(key: K, weight: u32, turn: u64, turns: u64) -> Option<(K, u32)> {
    let wide: u128 = key.into();
    let hash = ((wide >> 64) as u64 ^ wide as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    ((hash * turns) >> 32 == turn).then_some((key, weight))
}

/// Sources of clients that are gone, with what each sent.
#[derive(Default)]
pub struct Departed {
    /// By source, where sources have several clients.
    shared: Vec<(IpAddr, u32)>,
    /// Of clients that each are a source.
    alone: Sums,
}

impl Departed {
    /// A client sent so many requests from a source, or as one of its own.
    pub fn add(&mut self, source: Option<IpAddr>, requests: u32) {
        match source {
            Some(source) => self.shared.push((source, requests)),
            None => self.alone.add(u64::from(requests)),
        }
    }
    /// The effective number of sources.
    pub fn effective(&self) -> f64 {
        if self.shared.is_empty() {
            self.alone.effective()
        } else {
            effective(self.shared.len(), || self.shared.iter().copied())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sources_count_fully_and_a_heavy_one_alone() {
        let address = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(n));
        let of = |pairs: &[(u32, u32)]| effective(pairs.len(), || pairs.iter().map(|&(n, w)| (address(n), w)));
        assert_eq!(of(&[]), 0.0);
        assert_eq!(of(&[(1, 3), (2, 3), (3, 3), (3, 0)]), 3.0);
        assert_eq!(of(&[(1, 1), (1, 1), (2, 2)]), 2.0);
        let both =
            ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8::1", "2001:db8::2"].map(|text| text.parse().expect("one"));
        assert_eq!(
            effective(4, || both.iter().map(|&source: &IpAddr| (source, 1))),
            16.0 / 6.0,
            "the first two are one"
        );
        let many: Vec<(u32, u32)> = (0..300_000).map(|n| (n % 150_000, 1)).collect();
        assert_eq!(of(&many), 150_000.0);
    }
}
