//! The hierarchical wheel: every event that is not in the slot at hand, by slot.
//!
//! An event lies in the level at which its slot number first differs from the number of the slot at hand: level 0 has
//! 256 slots, level 1 has 256 times 256 … Turning to a slot of a higher level deals its events to the levels below.

use super::pool::{Pool, Tail};
use super::{Entry, time_of};

const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = (u64::BITS / BITS) as usize;
/// Blocks that are fetched together when they are dealt, so that their cache misses overlap.
const BATCH: usize = 8;

/// Events ahead of the slot at hand.
pub struct Wheel {
    /// Slots are 2^`shift` nanoseconds long.
    shift: u32,
    /// Number of the slot at hand.
    slot: u64,
    levels: Box<[Level; LEVELS]>,
    pool: Pool,
    /// Empty between calls.
    batch: Vec<Entry>,
}

/// One ring of slots with a bit for each that is not empty.
#[derive(Clone, Copy)]
struct Level {
    tails: [Tail; SLOTS],
    filled: [u64; SLOTS / 64],
}

impl Level {
    const EMPTY: Level = Level { tails: [Pool::EMPTY; SLOTS], filled: [0; SLOTS / 64] };

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

impl Wheel {
    /// The longest slots: the whole of time is one turn of level 0.
    pub const MAX_SHIFT: u32 = u64::BITS - BITS;

    /// An empty wheel whose first slot is at hand.
    pub fn new(shift: u32) -> Wheel {
        Wheel { shift, slot: 0, levels: Box::new([Level::EMPTY; LEVELS]), pool: Pool::new(), batch: Vec::new() }
    }
    /// The length of slots as a power of two.
    pub const fn shift(&self) -> u32 {
        self.shift
    }
    /// The last nanosecond of the slot at hand.
    pub const fn slot_end(&self) -> u64 {
        (self.slot << self.shift) | ((1 << self.shift) - 1)
    }
    /// Puts an entry where its slot is; false when that is the slot at hand or has passed: then it is the caller's.
    #[inline]
    pub fn push(&mut self, entry: Entry) -> bool {
        let slot = time_of(entry) >> self.shift;
        if slot <= self.slot {
            return false;
        }
        let level = ((u64::BITS - 1 - (slot ^ self.slot).leading_zeros()) / BITS) as usize;
        let index = (slot >> (BITS * level as u32)) as usize % SLOTS;
        let ring = &mut self.levels[level];
        if self.pool.push(&mut ring.tails[index], entry) {
            ring.filled[index / 64] |= 1 << (index % 64);
        }
        true
    }
    /// Turns to the next slot that holds an entry and moves what it holds to `at_hand`; false when there is none.
    pub fn turn(&mut self, at_hand: &mut Vec<Entry>) -> bool {
        while at_hand.is_empty() {
            let here = |level: usize| (self.slot >> (BITS * level as u32)) as usize % SLOTS;
            let next = (0..LEVELS).find_map(|level| Some((level, self.levels[level].next_after(here(level))?)));
            let Some((level, index)) = next else { return false };
            // the slot number: what stands above this level, then the index, then zeros
            let below = BITS * level as u32;
            let above = (self.slot >> below) & !(SLOTS as u64 - 1);
            self.slot = (above | index as u64) << below;
            let ring = &mut self.levels[level];
            ring.filled[index / 64] &= !(1 << (index % 64));
            let mut tail = std::mem::replace(&mut ring.tails[index], Pool::EMPTY);
            if level == 0 {
                self.pool.drain(&mut tail, usize::MAX, at_hand);
            } else {
                self.deal(tail, at_hand);
            }
        }
        true
    }
    /// Cuts time into slots of length 2^`shift` from the end of the slot at hand on, all of which has happened. Entries
    /// that are in the slot at hand now go to `at_hand`.
    pub fn cut(&mut self, shift: u32, at_hand: &mut Vec<Entry>) {
        let now = self.slot_end();
        self.shift = shift;
        self.slot = now >> shift;
        let levels = std::mem::replace(&mut *self.levels, [Level::EMPTY; LEVELS]);
        for &tail in levels.iter().flat_map(|ring| &ring.tails) {
            self.deal(tail, at_hand);
        }
    }
    /// Bytes of memory.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.pool.bytes() + size_of::<[Level; LEVELS]>() + self.batch.capacity() * size_of::<Entry>()
    }

    /// Files the entries of a list again, those of the slot at hand in `at_hand`.
    fn deal(&mut self, mut tail: Tail, at_hand: &mut Vec<Entry>) {
        let mut batch = std::mem::take(&mut self.batch);
        while tail != Pool::EMPTY {
            self.pool.drain(&mut tail, BATCH, &mut batch);
            for &entry in &batch {
                if !self.push(entry) {
                    at_hand.push(entry);
                }
            }
            batch.clear();
        }
        self.batch = batch;
    }
}
