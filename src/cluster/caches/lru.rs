//! Least recently used: one hash look-up and a few links per access, memory as many entries as were ever there at once.

use rustc_hash::FxHashMap;

use crate::engine::SimTime;

/// The position of no entry.
const NONE: u32 = u32::MAX;

/// An entry, between the one used after it and the one used before it.
#[derive(Clone, Copy)]
struct Entry {
    key: u64,
    expires: SimTime,
    newer: u32,
    older: u32,
}

/// A cache that drops the entry that was used least recently. An entry that is too old stays in its place until it is
/// filled again or dropped, as in caches that do not search for such entries.
pub struct Lru {
    /// Where the entry of a key stands; never iterated.
    places: FxHashMap<u64, u32>,
    entries: Vec<Entry>,
    newest: u32,
    oldest: u32,
}

impl Default for Lru {
    fn default() -> Lru {
        Lru { places: FxHashMap::default(), entries: Vec::new(), newest: NONE, oldest: NONE }
    }
}

impl Lru {
    /// True when there is an entry that is still good at `now`; it counts as used.
    pub fn get(&mut self, key: u64, now: SimTime) -> bool {
        let Some(&place) = self.places.get(&key) else { return false };
        let hit = self.entries[place as usize].expires > now;
        if hit {
            self.use_now(place);
        }
        hit
    }
    /// Puts an entry there that is good until `expires`; at most `capacity` stay.
    pub fn put(&mut self, key: u64, expires: SimTime, capacity: u32) {
        if let Some(&place) = self.places.get(&key) {
            self.entries[place as usize].expires = expires;
            self.use_now(place);
            return;
        }
        let entry = Entry { key, expires, newer: NONE, older: NONE };
        let place = if self.entries.len() < capacity as usize {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        } else {
            let place = self.oldest;
            self.unlink(place);
            self.places.remove(&self.entries[place as usize].key);
            self.entries[place as usize] = entry;
            place
        };
        self.places.insert(key, place);
        self.link_newest(place);
    }
    fn use_now(&mut self, place: u32) {
        if self.newest != place {
            self.unlink(place);
            self.link_newest(place);
        }
    }
    fn unlink(&mut self, place: u32) {
        let Entry { newer, older, .. } = self.entries[place as usize];
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }
    fn link_newest(&mut self, place: u32) {
        let before = self.newest;
        match self.entries.get_mut(before as usize) {
            Some(entry) => entry.newer = place,
            None => self.oldest = place,
        }
        let entry = &mut self.entries[place as usize];
        (entry.newer, entry.older) = (NONE, before);
        self.newest = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    /// A list with the newest last: the slow twin.
    fn slow(list: &mut Vec<(u64, u64)>, key: u64, now: u64, ttl: u64, capacity: usize) -> bool {
        let position = list.iter().position(|entry| entry.0 == key);
        let hit = position.is_some_and(|at| list[at].1 > now);
        let entry = position.map(|at| list.remove(at));
        list.push(if hit { entry.unwrap_or_default() } else { (key, now + ttl) });
        if list.len() > capacity {
            list.remove(0);
        }
        hit
    }

    #[test]
    fn it_equals_a_list_in_order_of_use() {
        for (capacity, keys, ttl) in [(1, 3, 1_000), (4, 9, 12), (7, 7, 5), (50, 200, 100_000)] {
            let (mut cache, mut list) = (Lru::default(), Vec::new());
            let mut stream = Seed(3).stream(1, keys, ttl);
            for now in 0..20_000 {
                let key = stream.below(keys).min(stream.below(keys));
                let hit = cache.get(key, SimTime::from_nanos(now));
                if !hit {
                    cache.put(key, SimTime::from_nanos(now + ttl), capacity);
                }
                assert_eq!(hit, slow(&mut list, key, now, ttl, capacity as usize), "{capacity} {keys} {ttl} {now}");
                assert!(cache.entries.len() <= capacity as usize && cache.places.len() == cache.entries.len());
            }
        }
    }
}
