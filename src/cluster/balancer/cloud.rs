//! What products share whose decisions nobody outside can compute: who may get somebody new, draws among them, and
//! hashes that stand in for secret ones.

use std::net::IpAddr;

use super::{Checks, Health, Peer, Peers, Problem};
use crate::cluster::PodId;
use crate::engine::{LazyStream, Span, Stream};

/// From a change of the pods to a cloud's balancer that knows it (assumption: calls of the provider's interface take
/// seconds to minutes, facts of the clusters name no figure).
pub const PROPAGATION_DELAY: Span = Span::from_secs(5);

/// The peers that somebody new may get, as of the last change.
#[derive(Clone, Debug, Default)]
pub struct Usable {
    positions: Vec<u32>,
    /// A hash of each pod's number.
    hashes: Vec<u64>,
    weights: Vec<u32>,
    equal: bool,
    /// Scratch of weighted draws and of the search for the least load.
    scratch: Vec<u64>,
    /// They are believed down, but there is nobody else: the product fails open.
    failed_open: bool,
}

impl Usable {
    /// Those that are up.
    pub fn up(peers: &Peers) -> Usable {
        Usable::of(peers, |peer| peer.health == Health::Up)
    }
    /// Those that are up; when there is none, those that are down: the balancer trusts its checks no longer.
    pub fn up_or_failed_open(peers: &Peers) -> Usable {
        let up = Usable::up(peers);
        if up.is_empty() {
            Usable { failed_open: true, ..Usable::of(peers, |peer| peer.health == Health::Down) }
        } else {
            up
        }
    }
    /// Those that this is true of. A peer of weight zero gets nobody.
    pub fn of(peers: &Peers, belongs: impl Fn(&Peer) -> bool) -> Usable {
        let mut usable = Usable::default();
        for (position, peer) in peers.iter().enumerate().filter(|(_, peer)| peer.weight > 0 && belongs(peer)) {
            usable.positions.push(position as u32);
            usable.hashes.push(hash_pod(peer.pod));
            usable.weights.push(peer.weight);
        }
        usable.equal = usable.weights.windows(2).all(|pair| pair[0] == pair[1]);
        usable
    }
    /// How many they are.
    pub const fn len(&self) -> usize {
        self.positions.len()
    }
    /// True when nobody is left.
    pub const fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }
    /// The position of the `n`-th of them.
    pub fn position(&self, n: usize) -> usize {
        self.positions[n] as usize
    }
    /// True when somebody bound to this peer may go there: it is up, or the product fails open.
    pub fn serves(&self, peer: &Peer) -> bool {
        peer.health == Health::Up || (self.failed_open && peer.health == Health::Down)
    }

    /// A random one, by weight, that has not refused; `None` when all have.
    pub fn draw(&mut self, refused: &[usize], stream: &mut LazyStream) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        if self.equal && refused.is_empty() {
            return Some(self.position(stream.get().below(self.len() as u64) as usize));
        }
        let weights = std::mem::take(&mut self.weights);
        let mut weight = weights.iter().map(|&weight| u64::from(weight));
        let drawn = self.draw_by(refused, stream.get(), |_| weight.next().unwrap_or(0));
        self.weights = weights;
        drawn
    }
    /// A random one that has not refused, by weights that a function says of their positions, one after the other.
    pub fn draw_by(
        &mut self,
        refused: &[usize],
        stream: &mut Stream,
        mut weight: impl FnMut(usize) -> u64,
    ) -> Option<usize> {
        let mut total = 0;
        self.scratch.clear();
        self.scratch.extend(self.positions.iter().map(|&position| {
            let weight = weight(position as usize);
            total += if !refused.is_empty() && refused.contains(&(position as usize)) { 0 } else { weight };
            total
        }));
        if total == 0 {
            return None;
        }
        let drawn = stream.below(total);
        Some(self.position(self.scratch.partition_point(|&end| end <= drawn)))
    }

    /// The one with the least load; among several a random one.
    pub fn least(&mut self, stream: &mut LazyStream, mut load: impl FnMut(usize) -> u32) -> Option<usize> {
        let (mut fewest, mut count) = (u32::MAX, 0);
        self.scratch.resize(self.positions.len(), 0);
        // nobody can foretell which has the least, so nothing here is done for some only
        for &position in &self.positions {
            let load = load(position as usize);
            count = if load < fewest { 0 } else { count };
            fewest = fewest.min(load);
            self.scratch[count] = u64::from(position);
            count += usize::from(load == fewest);
        }
        match self.scratch[..count] {
            [] => None,
            [one] => Some(one as usize),
            _ => Some(self.scratch[stream.get().below(count as u64) as usize] as usize),
        }
    }

    /// The one that a hash means when all are dealt anew at each change of their number: the remainder.
    pub fn dealt(&self, hash: u64) -> Option<usize> {
        let n = hash.checked_rem(self.len() as u64)?;
        Some(self.position(n as usize))
    }
    /// The one that a hash means when a change moves only those that it must (highest random weight), and that has not
    /// refused.
    pub fn nearest(&self, hash: u64, refused: &[usize]) -> Option<usize> {
        // without a branch per pod: its number stands in the low bits of its score
        let score = |(n, &pod): (usize, &u64)| (score(hash ^ pod) & !NUMBER) | n as u64;
        let scores = self.hashes.iter().enumerate().map(score);
        let best = if refused.is_empty() {
            scores.fold(0, u64::max)
        } else {
            scores.filter(|score| !refused.contains(&self.position((score & NUMBER) as usize))).max()?
        };
        self.positions.get((best & NUMBER) as usize).map(|&position| position as usize)
    }
}

/// The bits of a score that hold a number among the usable ones; scenarios have fewer pods by far.
const NUMBER: u64 = (1 << 20) - 1;

/// Mixes what is mixed already, so that its high bits decide fairly.
const fn score(x: u64) -> u64 {
    let x = x.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    (x ^ (x >> 32)).wrapping_mul(0xC4CE_B9FE_1A85_EC53)
}

/// A bijection of 64 bits that flips each bit with probability one half per input bit (the finaliser of MurmurHash3).
pub const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let x = (x ^ (x >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    x ^ (x >> 33)
}

/// Stands in for a secret hash of an address.
pub fn hash_address(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => mix(u64::from(v4.to_bits()) ^ 0x5851_F42D_4C95_7F2D),
        IpAddr::V6(v6) => mix(mix(v6.to_bits() as u64) ^ (v6.to_bits() >> 64) as u64),
    }
}

/// Stands in for a secret hash of an address and a source port.
pub fn hash_flow(address: IpAddr, port: u16) -> u64 {
    mix(hash_address(address) ^ (u64::from(port) + 1))
}

/// Stands in for a secret hash of a text.
pub fn hash_text(text: &[u8]) -> u64 {
    text.chunks(8).fold(mix(text.len() as u64), |hash, chunk| {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        mix(hash ^ u64::from_le_bytes(eight)).wrapping_add(hash)
    })
}

fn hash_pod(pod: PodId) -> u64 {
    mix(u64::from(pod.raw()) ^ 0xD134_2543_DE82_EF95)
}

/// Notes a number that is out of its bounds.
pub fn check_bounds(
    problems: &mut Vec<Problem>,
    setting: &'static str,
    value: u32,
    bounds: std::ops::RangeInclusive<u32>,
) {
    if !bounds.contains(&value) {
        problems.push(Problem {
            setting,
            message: format!("`{value}` is not from {} to {}", bounds.start(), bounds.end()),
            help: format!("write a whole number from {} to {}", bounds.start(), bounds.end()),
        });
    }
}

/// Checks at this distance: so many failures make a peer down, so many successes bring it back. A new peer is believed
/// up: it is listed only when it is ready, so that its first check would succeed (assumption).
pub fn checks(every_s: u32, fall: u32, rise: u32) -> Option<Checks> {
    Some(Checks { every: Span::from_secs(u64::from(every_s)), fall: fall.max(1), rise: rise.max(1), begins_up: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_zeros_differ_by_their_length() {
        let hashes: std::collections::BTreeSet<u64> = (0..40).map(|length| hash_text(&vec![0; length])).collect();
        assert_eq!(hashes.len(), 40);
    }
}
