//! `hash-type map-based` and `balance static-rr`: a table of servers (`src/lb_map.c`).

/// One slot per unit of weight of the usable servers, weights divided by what is common to them.
#[derive(Clone, Debug, Default)]
pub struct Map {
    slots: Vec<u32>,
    /// Turn of round robin.
    turn: usize,
}

impl Map {
    /// Deals the slots anew for these servers: (weight, usable). The turn of round robin stays.
    pub fn deal(&mut self, servers: impl Iterator<Item = (u32, bool)> + Clone) {
        self.slots.clear();
        let common = servers.clone().fold(0, |common, (weight, _)| greatest_common_divisor(common, weight)).max(1);
        let mut usable: Vec<(u32, i64, i64)> = servers
            .enumerate()
            .filter(|(_, (_, usable))| *usable)
            .map(|(number, (weight, _))| (number as u32, i64::from(weight / common), 0))
            .collect();
        let total: i64 = usable.iter().map(|(_, weight, _)| weight).sum();
        for _ in 0..total {
            // every server gains its weight; who then counts most whole rounds wins and pays one, on ties the first
            let mut best = (0, i64::MIN);
            for (index, (_, weight, score)) in usable.iter_mut().enumerate() {
                *score += *weight;
                let rounds = (*score + total) / total;
                if rounds > best.1 {
                    best = (index, rounds);
                }
            }
            let (number, _, score) = &mut usable[best.0];
            *score -= total;
            self.slots.push(*number);
        }
    }
    /// The server of a hash; `None` when none is usable.
    #[inline]
    pub fn find(&self, hash: u32) -> Option<usize> {
        let slots = self.slots.len() as u32;
        (slots > 0).then(|| self.slots[(hash % slots) as usize] as usize)
    }
    /// The server of the next slot that has room and is not to be avoided; the avoided one when there is no other.
    pub fn next(&mut self, avoid: Option<usize>, mut has_room: impl FnMut(usize) -> bool) -> Option<usize> {
        let slots = self.slots.len();
        let first = if self.turn < slots { self.turn } else { 0 };
        let mut avoided = None;
        for passed in 0..slots {
            let slot = (first + passed) % slots;
            let number = self.slots[slot] as usize;
            if has_room(number) {
                if avoid != Some(number) {
                    self.turn = slot + 1;
                    return Some(number);
                }
                avoided = Some((number, slot + 1));
            }
        }
        let (number, turn) = avoided?;
        self.turn = turn;
        Some(number)
    }
}

const fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_dealt_without_what_is_common_to_them() {
        let mut map = Map::default();
        map.deal([(10, true), (20, true), (30, true)].into_iter());
        assert_eq!(map.slots.len(), 6);
        map.deal([(10, false), (20, true), (30, true)].into_iter());
        assert_eq!(map.slots.len(), 5);
        map.deal([(5, true), (1, true), (1, true)].into_iter());
        assert_eq!(map.slots, [0, 0, 0, 1, 0, 0, 2]);
        map.deal([(1, false)].into_iter());
        assert_eq!((map.find(7), map.next(None, |_| true)), (None, None));
    }
}
