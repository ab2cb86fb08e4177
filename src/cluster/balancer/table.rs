//! Which server each key was sent to last: HAProxy's `stick-table` (`src/stick_table.c`), nginx's `sticky learn`.

use rustc_hash::FxHashMap;

use crate::engine::{SimTime, Span};

/// No entry.
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Entry {
    key: Box<[u8]>,
    /// Number of the server's pod.
    pod: u32,
    until: SimTime,
    /// Neighbours in the order in which entries expire; `next` also links those that are free.
    previous: u32,
    next: u32,
}

/// Entries by key, and in the order in which they expire.
#[derive(Clone, Debug)]
pub struct Table {
    size: usize,
    expire: Option<Span>,
    purge: bool,
    by_key: FxHashMap<Box<[u8]>, u32>,
    entries: Vec<Entry>,
    /// The one that expires first, and the one that expires last.
    oldest: u32,
    newest: u32,
    free: u32,
    /// Until then an entry that is missing may have made room for another.
    purged_until: SimTime,
    /// What the last store replaced: (entry, pod and end before; `None` = it is new).
    undo: Option<(u32, Option<(u32, SimTime)>)>,
}

impl Table {
    /// An empty table for so many entries; `expire` = `None`: they live for ever. Without `purge` a full table takes no more.
    pub fn new(size: usize, expire: Option<Span>, purge: bool) -> Table {
        Table {
            size,
            expire,
            purge,
            by_key: FxHashMap::default(),
            entries: Vec::new(),
            oldest: NONE,
            newest: NONE,
            free: NONE,
            purged_until: SimTime::ZERO,
            undo: None,
        }
    }
    /// Forgets everything: what a reload does to a table without peers.
    pub fn clear(&mut self) {
        *self = Table::new(self.size, self.expire, self.purge);
    }
    /// The pod of a key, whose entry begins to live anew.
    pub fn touch(&mut self, key: &[u8], now: SimTime) -> Option<u32> {
        let entry = self.find(key, now)?;
        self.renew(entry, now);
        Some(self.entries[entry as usize].pod)
    }
    /// True when the entry of a key that is not here may have made room for another.
    pub fn may_have_purged(&self, now: SimTime) -> bool {
        now < self.purged_until || (!self.purge && self.by_key.len() >= self.size)
    }
    /// The pod that a key was sent to. The entry lives anew.
    pub fn store(&mut self, key: &[u8], pod: u32, now: SimTime) {
        self.undo = None;
        if self.store_known(key, pod, now) {
            return;
        }
        if self.by_key.len() >= self.size {
            self.drop_expired(now);
        }
        if self.by_key.len() >= self.size {
            if !self.purge {
                return;
            }
            // the oldest, and a little more so that it need not be done each time
            for _ in 0..=self.size >> 8 {
                let Some(oldest) = self.entries.get(self.oldest as usize) else { break };
                self.purged_until = self.purged_until.max(oldest.until);
                self.remove(self.oldest);
            }
        }
        let entry = self.insert(key, pod, now);
        self.undo = Some((entry, None));
    }
    /// The same for a key that has an entry; false when it has none, and gets none.
    pub fn store_known(&mut self, key: &[u8], pod: u32, now: SimTime) -> bool {
        let Some(entry) = self.find(key, now) else { return false };
        let Entry { pod: before, until, .. } = self.entries[entry as usize];
        self.undo = Some((entry, Some((before, until))));
        self.renew(entry, now);
        self.entries[entry as usize].pod = pod;
        true
    }
    /// The server of the last store did not answer: HAProxy stores only with an answer. (Its place in the order of expiry is
    /// not given back: it may be purged later than it should be, and is found no longer than it should be.)
    pub fn take_back(&mut self) {
        match self.undo.take() {
            Some((entry, Some((pod, until)))) => {
                let entry = &mut self.entries[entry as usize];
                (entry.pod, entry.until) = (pod, until);
            }
            Some((entry, None)) => self.remove(entry),
            None => {}
        }
    }
    /// What is stored can no longer be taken back.
    pub const fn settle(&mut self) {
        self.undo = None;
    }

    fn until(&self, now: SimTime) -> SimTime {
        self.expire.map_or(SimTime::NEVER, |expire| now + expire)
    }
    /// The entry of a key, if it has not expired.
    fn find(&mut self, key: &[u8], now: SimTime) -> Option<u32> {
        let entry = *self.by_key.get(key)?;
        if self.entries[entry as usize].until <= now {
            self.remove(entry);
            return None;
        }
        Some(entry)
    }
    fn drop_expired(&mut self, now: SimTime) {
        while self.entries.get(self.oldest as usize).is_some_and(|oldest| oldest.until <= now) {
            self.remove(self.oldest);
        }
    }
    /// An entry begins to live anew. Where entries do not expire, they stay in the order in which they were made.
    fn renew(&mut self, entry: u32, now: SimTime) {
        if self.newest == entry {
            self.entries[entry as usize].until = self.until(now);
        } else if self.expire.is_some() {
            self.unlink(entry);
            self.link(entry, now);
        }
    }
    fn insert(&mut self, key: &[u8], pod: u32, now: SimTime) -> u32 {
        let key: Box<[u8]> = key.into();
        let new = Entry { key: key.clone(), pod, until: now, previous: NONE, next: NONE };
        let entry = if self.free == NONE {
            self.entries.push(new);
            self.entries.len() as u32 - 1
        } else {
            let entry = self.free;
            self.free = std::mem::replace(&mut self.entries[entry as usize], new).next;
            entry
        };
        self.by_key.insert(key, entry);
        self.link(entry, now);
        entry
    }
    fn remove(&mut self, entry: u32) {
        self.unlink(entry);
        let Entry { key, next, .. } = &mut self.entries[entry as usize];
        *next = self.free;
        let key = std::mem::take(key);
        self.free = entry;
        self.by_key.remove(&key);
    }
    /// Last in the order.
    fn link(&mut self, entry: u32, now: SimTime) {
        let (until, newest) = (self.until(now), self.newest);
        let linked = &mut self.entries[entry as usize];
        (linked.until, linked.previous, linked.next) = (until, newest, NONE);
        match self.entries.get_mut(newest as usize) {
            Some(newest) => newest.next = entry,
            None => self.oldest = entry,
        }
        self.newest = entry;
    }
    fn unlink(&mut self, entry: u32) {
        let Entry { previous, next, .. } = self.entries[entry as usize];
        match self.entries.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => self.oldest = next,
        }
        match self.entries.get_mut(next as usize) {
            Some(next) => next.previous = previous,
            None => self.newest = previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn a_full_table_loses_those_that_expire_first() {
        let mut table = Table::new(3, Some(Span::from_secs(100)), true);
        for (second, key) in [b"a", b"b", b"c"].into_iter().enumerate() {
            table.store(key, 7, at(second as u64));
        }
        assert_eq!(table.touch(b"a", at(5)), Some(7));
        table.store(b"d", 8, at(6));
        assert_eq!([b"a", b"b", b"c", b"d"].map(|key| table.touch(key, at(7))), [Some(7), None, Some(7), Some(8)]);
        assert!(table.may_have_purged(at(100)) && !table.may_have_purged(at(101)), "as long as it would have lived");
        // expired ones go first, and nobody is purged for them
        table.store(b"e", 9, at(200));
        assert!(!table.may_have_purged(at(200)));
    }

    #[test]
    fn a_full_table_without_purge_takes_no_more() {
        let mut table = Table::new(1, None, false);
        table.store(b"a", 1, at(0));
        table.store(b"b", 2, at(0));
        assert_eq!((table.touch(b"a", at(9)), table.touch(b"b", at(9))), (Some(1), None));
        assert!(table.may_have_purged(at(9)));
    }

    #[test]
    fn entries_that_never_expire_are_purged_in_the_order_they_were_made() {
        let mut table = Table::new(2, None, true);
        table.store(b"a", 1, at(0));
        table.store(b"b", 2, at(1));
        table.store(b"a", 3, at(2));
        table.store(b"c", 4, at(3));
        assert_eq!([b"a", b"b", b"c"].map(|key| table.touch(key, at(4))), [None, Some(2), Some(4)]);
    }

    #[test]
    fn a_store_can_be_taken_back_once() {
        let mut table = Table::new(9, None, true);
        table.store(b"a", 1, at(0));
        table.take_back();
        assert_eq!(table.touch(b"a", at(0)), None);
        table.store(b"a", 1, at(0));
        table.store(b"a", 2, at(0));
        table.take_back();
        table.take_back();
        assert_eq!(table.touch(b"a", at(0)), Some(1));
        table.store(b"a", 3, at(0));
        table.settle();
        table.take_back();
        assert_eq!(table.touch(b"a", at(0)), Some(3));
    }

    #[test]
    fn a_store_that_is_taken_back_does_not_make_an_entry_live_on() {
        let mut table = Table::new(9, Some(Span::from_secs(5)), true);
        table.store(b"a", 1, at(0));
        table.store(b"a", 1, at(3));
        table.take_back();
        assert_eq!(table.touch(b"a", at(5)), None);
    }
}
