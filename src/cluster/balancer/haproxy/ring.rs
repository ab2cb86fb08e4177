//! `hash-type consistent` and `balance random`: HAProxy's hash ring (`src/lb_chash.c`).

use super::EFFECTIVE;
use super::hash::avalanche;

/// A server's nodes are numbered from its id times this on.
const NODES_OF_ID: u32 = 4096;

/// 16 nodes per unit of weight and server. No two nodes have the same place: their numbers differ, and the avalanche is a
/// bijection.
#[derive(Clone, Debug, Default)]
pub struct ConsistentRing {
    /// (place, server) of all servers, sorted.
    all: Vec<(u32, u32)>,
    /// Of those that are usable.
    nodes: Vec<(u32, u32)>,
    /// The circle in about as many equal parts as there are nodes, and the first node in or after each.
    parts: Vec<u32>,
    /// The part of a hash is what is left when so many bits are shifted out.
    shift: u32,
    /// Place of the node at which round robin stands.
    last: Option<u32>,
}

impl ConsistentRing {
    /// The ring of these servers: (id, weight), none of them usable yet.
    pub fn new(servers: impl Iterator<Item = (u32, u32)>) -> ConsistentRing {
        let mut all = Vec::new();
        for (number, (id, weight)) in servers.enumerate() {
            let first = id.wrapping_mul(NODES_OF_ID);
            let nodes = 0..weight * EFFECTIVE as u32;
            all.extend(nodes.map(|node| (avalanche(first.wrapping_add(node)), number as u32)));
        }
        all.sort_unstable();
        ConsistentRing { all, ..ConsistentRing::default() }
    }

    /// From now on these servers are usable.
    pub fn set_usable(&mut self, usable: impl Fn(usize) -> bool) {
        self.nodes.clear();
        self.nodes.extend(self.all.iter().filter(|(_, number)| usable(*number as usize)));
        self.shift = 32 - self.nodes.len().next_power_of_two().ilog2().clamp(1, 24);
        let parts = 0..1_u32 << (32 - self.shift);
        let (nodes, shift) = (&self.nodes, self.shift);
        self.parts.clear();
        let mut at = 0;
        for part in parts {
            while nodes.get(at).is_some_and(|&(place, _)| place < part << shift) {
                at += 1;
            }
            self.parts.push(at as u32);
        }
        // round robin stands at a node that is there: of one that went away, at the next
        if let Some(last) = self.last {
            self.last = self.nodes.get(self.from(last)).map(|&(place, _)| place);
        }
    }

    /// The first node at or after a hash, the first of all beyond the last. 0 when there is none.
    #[inline]
    fn from(&self, hash: u32) -> usize {
        let Some(&first) = self.parts.get((hash >> self.shift) as usize) else { return 0 };
        let mut at = first as usize;
        while self.nodes.get(at).is_some_and(|&(place, _)| place < hash) {
            at += 1;
        }
        if at == self.nodes.len() { 0 } else { at }
    }

    /// The server whose node is nearest to a hash: of two at the same distance the one before it. From there on the ring is
    /// followed past servers that `passes` does not take, once around at most.
    #[inline]
    pub fn find(&self, hash: u32, mut passes: impl FnMut(usize) -> bool) -> Option<usize> {
        if self.nodes.is_empty() {
            return None;
        }
        let next = self.from(hash);
        let previous = if next == 0 { self.nodes.len() - 1 } else { next - 1 };
        let (before, after) = (self.nodes[previous].0, self.nodes[next].0);
        let mut at = if hash.wrapping_sub(before) <= after.wrapping_sub(hash) { previous } else { next };
        let mut again = false;
        while !passes(self.nodes[at].1 as usize) {
            if at + 1 < self.nodes.len() {
                at += 1;
            } else if again {
                break; // once around, and nobody passes: it stays with the last one
            } else {
                (at, again) = (0, true);
            }
        }
        Some(self.nodes[at].1 as usize)
    }

    /// Round robin over the nodes, for requests without a key: the next one whose server has room and is not to be avoided;
    /// the avoided one when there is no other.
    pub fn next(&mut self, avoid: Option<usize>, mut has_room: impl FnMut(usize) -> bool) -> Option<usize> {
        let nodes = self.nodes.len();
        if nodes == 0 {
            return None;
        }
        let first = self.last.map_or(0, |last| self.from(last) + 1);
        let mut avoided = None;
        for passed in 0..nodes {
            let (place, number) = self.nodes[(first + passed) % nodes];
            let number = number as usize;
            if has_room(number) {
                if avoid != Some(number) {
                    self.last = Some(place);
                    return Some(number);
                }
                avoided = Some((place, number));
            }
        }
        self.last = avoided.map(|(place, _)| place);
        avoided.map(|(_, number)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_of_two_nodes_wins_and_the_one_before_a_tie() {
        let mut ring = ConsistentRing::new((1..=9).map(|id| (id, 1)));
        ring.set_usable(|number| number != 4);
        assert_eq!(ring.nodes.len(), 8 * 16);
        for window in ring.nodes.windows(2) {
            let ((left, before), (right, after)) = (window[0], window[1]);
            let middle = left + (right - left) / 2;
            assert_eq!(ring.find(middle, |_| true), Some(before as usize));
            assert_eq!(ring.find(middle + 1, |_| true), Some(after as usize));
        }
        let ((first, _), (last, server)) = (ring.nodes[0], ring.nodes[ring.nodes.len() - 1]);
        assert_eq!(ring.find(last.wrapping_add(first.wrapping_sub(last) / 2), |_| true), Some(server as usize));
        // nobody passes: the search ends all the same
        assert!(ring.find(7, |_| false).is_some());
        ring.set_usable(|_| false);
        assert_eq!((ring.find(7, |_| true), ring.next(None, |_| true)), (None, None));
    }

    #[test]
    fn round_robin_over_nodes_goes_on_where_it_stood() {
        let mut ring = ConsistentRing::new((1..=2).map(|id| (id, 1)));
        ring.set_usable(|_| true);
        let order: Vec<usize> = ring.nodes.iter().map(|&(_, number)| number as usize).collect();
        let twice: Vec<usize> = (0..64).filter_map(|_| ring.next(None, |_| true)).collect();
        assert_eq!(twice, [order.clone(), order].concat());
        assert_eq!(ring.next(Some(0), |_| true), Some(1), "the next one that is not avoided");
        assert_eq!(ring.next(Some(0), |number| number == 0), Some(0), "unless there is no other");
    }
}
