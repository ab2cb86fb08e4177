//! Pending events in a total order: a hierarchical timing wheel.
//!
//! Time is cut into slots of 2^`shift` nanoseconds. The slot at hand is sorted; every other event lies unsorted in the
//! slot of the wheel level at which its slot number first differs from the one at hand: level 0 has 256 slots, level 1
//! has 256 times 256 … Opening a slot of a higher level deals its events to the levels below. An event is so moved a
//! few times, always appended, never compared until its own slot opens: that is what a heap cannot do, whose every
//! comparison at a million events is a cache miss. The slot length follows the load; it never shows in the order.

mod pool;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::run::Event;
use super::time::SimTime;
use pool::Pool;

/// Time in nanoseconds, word of the event. The order of entries is the order in which events happen.
type Entry = (u64, u64);

const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = (u64::BITS / BITS) as usize;

/// Opened slots after which the slot length is looked at again …
const REVIEW: u32 = 256;
/// … or events in them: a few slots that are far too full must not wait.
const REVIEW_EVENTS: u64 = 65_536;
/// Events per slot that cost least, and what is tolerated before the slot length changes.
const IDEAL_LOAD: u64 = 48;
const TOO_FULL: u64 = 3 * IDEAL_LOAD;
const TOO_EMPTY: u64 = IDEAL_LOAD / 6;
/// About a millisecond: right for a million events spread over a minute.
const FIRST_SHIFT: u32 = 20;

/// Pending events, earliest first; equal times are ordered by the events' words.
///
/// The order never depends on when or in which order events were pushed: two queues holding the same
/// `(time, event)` pairs pop the same sequence.
pub struct EventQueue<E> {
    shift: u32,
    /// Number of the slot at hand; all its events are in `open` or `late`.
    slot: u64,
    /// Sorted, the next event last.
    open: Vec<Entry>,
    /// A slot was opened since this was last asked.
    fresh: bool,
    /// Events pushed into the slot at hand after it was opened.
    late: BinaryHeap<Reverse<Entry>>,
    levels: Box<[Level; LEVELS]>,
    pool: Pool,
    len: usize,
    /// Since the last review: opened slots and the events in them.
    opened: u32,
    opened_events: u64,
    /// Pops since the slot length last changed.
    pops: u64,
    event: std::marker::PhantomData<fn() -> E>,
}

/// One ring of slots with a bit for each that is not empty.
#[derive(Clone, Copy)]
struct Level {
    heads: [u32; SLOTS],
    filled: [u64; SLOTS / 64],
}

impl Level {
    const EMPTY: Level = Level { heads: [Pool::NONE; SLOTS], filled: [0; SLOTS / 64] };

    /// The first slot after `index` that is not empty.
    fn next_after(&self, index: usize) -> Option<usize> {
        let from = index + 1;
        let mut word = from / 64;
        let mut bits = *self.filled.get(word)? & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            bits = *self.filled.get(word)?;
        }
        Some(word * 64 + bits.trailing_zeros() as usize)
    }
}

impl<E: Event> EventQueue<E> {
    /// An empty queue.
    pub fn new() -> Self {
        EventQueue {
            shift: FIRST_SHIFT,
            slot: 0,
            open: Vec::new(),
            fresh: false,
            late: BinaryHeap::new(),
            levels: Box::new([Level::EMPTY; LEVELS]),
            pool: Pool::new(),
            len: 0,
            opened: 0,
            opened_events: 0,
            pops: 0,
            event: std::marker::PhantomData,
        }
    }
    /// Adds an event.
    pub fn push(&mut self, at: SimTime, event: E) {
        self.len += 1;
        self.file((at.as_nanos(), event.word()));
    }
    /// Takes the first event whose time is at or before `until`.
    pub fn pop_until(&mut self, until: SimTime) -> Option<(SimTime, E)> {
        if self.open.is_empty() && self.late.is_empty() && !self.open_next_slot() {
            return None;
        }
        let late_first = match (self.open.last(), self.late.peek()) {
            (Some(open), Some(Reverse(late))) => late < open,
            (None, _) => true,
            (_, None) => false,
        };
        let (time, word) = match self.late.peek() {
            Some(&Reverse(late)) if late_first => late,
            _ => *self.open.last()?,
        };
        if time > until.as_nanos() {
            return None;
        }
        if late_first {
            self.late.pop();
        } else {
            self.open.pop();
        }
        self.len -= 1;
        self.pops += 1;
        Some((SimTime::from_nanos(time), E::from_word(word)))
    }
    /// Whether a slot was opened since the last call: then [`EventQueue::soon`] has news.
    pub const fn has_opened(&mut self) -> bool {
        std::mem::replace(&mut self.fresh, false)
    }
    /// The events that come next, as far as they are known.
    pub fn soon(&self) -> impl Iterator<Item = E> + '_ {
        self.open.iter().map(|&(_, word)| E::from_word(word))
    }
    /// Number of pending events.
    pub const fn len(&self) -> usize {
        self.len
    }
    /// True when nothing is pending.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts an entry where its slot is.
    fn file(&mut self, entry: Entry) {
        let slot = entry.0 >> self.shift;
        if slot <= self.slot {
            self.late.push(Reverse(entry));
            return;
        }
        let level = ((u64::BITS - 1 - (slot ^ self.slot).leading_zeros()) / BITS) as usize;
        let index = (slot >> (BITS * level as u32)) as usize % SLOTS;
        let ring = &mut self.levels[level];
        self.pool.push(&mut ring.heads[index], entry);
        ring.filled[index / 64] |= 1 << (index % 64);
    }

    /// Opens the next slot that holds an event; false when there is none.
    fn open_next_slot(&mut self) -> bool {
        if self.opened >= REVIEW || self.opened_events >= REVIEW_EVENTS {
            self.review();
            if !self.late.is_empty() {
                return true; // longer slots: what was ahead now lies in the slot at hand
            }
        }
        loop {
            let here = |level: usize| (self.slot >> (BITS * level as u32)) as usize % SLOTS;
            let next = (0..LEVELS).find_map(|level| Some((level, self.levels[level].next_after(here(level))?)));
            let Some((level, index)) = next else { return false };
            // the slot number: what stands above this level, then the index, then zeros
            let below = BITS * level as u32;
            let above = (self.slot >> below) & !(SLOTS as u64 - 1);
            self.slot = (above | index as u64) << below;
            let ring = &mut self.levels[level];
            ring.filled[index / 64] &= !(1 << (index % 64));
            let mut head = std::mem::replace(&mut ring.heads[index], Pool::NONE);
            if level == 0 {
                self.pool.drain(&mut head, &mut self.open);
            } else {
                let mut dealt = std::mem::take(&mut self.open);
                self.pool.drain(&mut head, &mut dealt);
                self.deal(&mut dealt);
            }
            if !self.open.is_empty() {
                self.open.sort_unstable_by(|a, b| b.cmp(a));
                self.fresh = true;
                self.opened += 1;
                self.opened_events += self.open.len() as u64;
                return true;
            }
        }
    }

    /// Deals the events of a higher level to the levels below; those of the slot at hand stay in `open`.
    fn deal(&mut self, dealt: &mut Vec<Entry>) {
        let mut kept = 0;
        for at in 0..dealt.len() {
            let entry = dealt[at];
            if entry.0 >> self.shift == self.slot {
                dealt[kept] = entry;
                kept += 1;
            } else {
                self.file(entry);
            }
        }
        dealt.truncate(kept);
        self.open = std::mem::take(dealt);
    }

    /// Changes the slot length when slots have become too full or too empty. Costs one pass over all events, so it waits
    /// until as many have been popped.
    fn review(&mut self) {
        let load = self.opened_events / u64::from(self.opened);
        self.opened = 0;
        self.opened_events = 0;
        let better = match load {
            TOO_FULL.. => self.shift.saturating_sub((load / IDEAL_LOAD).ilog2()),
            0..=TOO_EMPTY => (self.shift + (IDEAL_LOAD / load.max(1)).ilog2()).min(u64::BITS - BITS),
            _ => self.shift,
        };
        if better == self.shift || self.pops < self.len as u64 {
            return;
        }
        self.pops = 0;
        let mut all = Vec::with_capacity(self.len);
        for ring in self.levels.iter_mut() {
            for head in &mut ring.heads {
                self.pool.drain(head, &mut all);
            }
            *ring = Level::EMPTY;
        }
        // everything up to the end of the last slot has happened
        let now = (self.slot << self.shift) | ((1 << self.shift) - 1);
        self.shift = better;
        self.slot = now >> better;
        for entry in all {
            self.file(entry);
        }
    }
}

impl<E: Event> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Law, Seed};

    impl Event for u64 {
        fn word(self) -> u64 {
            self
        }
        fn from_word(word: u64) -> u64 {
            word
        }
    }

    /// The wheel and the slow and obvious twin, a sorted set, on the same pushes and pops.
    fn compare(gaps: impl Fn(u64) -> u64, pending: u64, holds: u64) {
        let mut wheel = EventQueue::new();
        let mut twin = std::collections::BTreeSet::new();
        let mut now = 0;
        for n in 0..pending + holds {
            if n >= pending {
                let popped = wheel.pop_until(SimTime::NEVER).map(|(at, word): (SimTime, u64)| (at.as_nanos(), word));
                assert_eq!(popped, twin.pop_first(), "pop {n}");
                now = popped.expect("never empty").0;
            }
            let at = now + gaps(n);
            wheel.push(SimTime::from_nanos(at), ((n % 7) << 32) | n);
            twin.insert((at, ((n % 7) << 32) | n));
        }
        while let Some((at, word)) = wheel.pop_until(SimTime::NEVER) {
            assert_eq!(Some((at.as_nanos(), word)), twin.pop_first());
        }
        assert!(twin.is_empty() && wheel.is_empty());
    }

    #[test]
    fn the_wheel_pops_what_its_twin_pops() {
        let draw = |law: Law| move |n: u64| law.span(&mut Seed(3).stream(1, 1, n)).as_nanos().min(1 << 60);
        compare(draw(Law::exponential(10e9)), 5_000, 60_000);
        compare(draw(Law::HyperExponential(vec![(0.9, 5e6), (0.1, 30e9)])), 3_000, 60_000);
        compare(draw(Law::Pareto { min: 1.0, alpha: 0.3 }), 500, 20_000); // from nanoseconds to centuries
        compare(|_| 0, 1_000, 3_000); // all at one time
        compare(|n| n % 3, 1_000, 20_000); // ties, next to each other
        compare(|_| 60_000_000_000, 1, 20_000); // a lonely event, far ahead: slots grow until it lies in the one at hand
        compare(|n| (n % 5) * 10_000_000, 3, 20_000);
        compare(|n| if n % 2 == 0 { 0 } else { 1 << 40 }, 100, 5_000);
    }

    #[test]
    fn the_slot_length_follows_the_load() {
        let mut queue = EventQueue::new();
        for n in 0..200_000u64 {
            queue.push(SimTime::from_nanos(n * 10), n);
        }
        let mut n = 200_000u64;
        while n < 2_000_000 {
            let (at, _) = queue.pop_until(SimTime::NEVER).expect("never empty");
            queue.push(SimTime::from_nanos(at.as_nanos() + 2_000_000), n);
            n += 1;
        }
        assert!(queue.shift < 12, "an event every 10 ns wants slots of about 500 ns, not 2^{}", queue.shift);
    }

    #[test]
    fn nothing_after_the_limit_is_popped_and_nothing_is_lost() {
        let mut queue = EventQueue::new();
        queue.push(SimTime::from_nanos(5_000_000_000), 1u64);
        assert_eq!(queue.pop_until(SimTime::from_nanos(4_999_999_999)), None);
        // the wheel has turned past this time already
        queue.push(SimTime::from_nanos(4_000_000_000), 2);
        assert_eq!(queue.pop_until(SimTime::NEVER), Some((SimTime::from_nanos(4_000_000_000), 2)));
        assert_eq!(queue.pop_until(SimTime::NEVER), Some((SimTime::from_nanos(5_000_000_000), 1)));
        assert_eq!(queue.pop_until(SimTime::NEVER), None);
    }
}
