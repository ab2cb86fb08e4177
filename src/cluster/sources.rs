//! How many independent sources a load really has: the effective number 1/Σp², p being the share of each.

use std::net::IpAddr;

/// More pairs than this are sorted a part at a time, so that memory stays small beside that of the clients …
const FEW: usize = 1 << 16;
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
    let mut some: Vec<(u128, u32)> = Vec::new();
    for turn in 0..turns {
        some.clear();
        some.extend(
            pairs().map(|(source, weight)| (key_of(source), weight)).filter(|&(key, _)| turn_of(key, turns) == turn),
        );
        some.sort_unstable();
        for source in some.chunk_by(|a, b| a.0 == b.0) {
            sums.add(source.iter().map(|&(_, weight)| u64::from(weight)).sum());
        }
    }
    sums.effective()
}

fn key_of(source: IpAddr) -> u128 {
    match source {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

/// In which of so many turns a source is looked at.
const fn turn_of(key: u128, turns: u64) -> u64 {
    let hash = ((key >> 64) as u64 ^ key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    (hash * turns) >> 32
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
        let many: Vec<(u32, u32)> = (0..300_000).map(|n| (n % 150_000, 1)).collect();
        assert_eq!(of(&many), 150_000.0);
    }
}
