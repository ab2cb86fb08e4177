//! Lists of entries in blocks that are used again: memory stays near 16 bytes per pending event.
//!
//! A list is known by the number of its last entry. Every block of it but the last is full, so no length is stored; and
//! the place after the last entry begins a new block when the list is empty just as it does when the block is full.

use super::Entry;

/// Entries per block: a kilobyte. Larger blocks leave more memory empty, smaller ones are linked more often.
const BLOCK: u32 = 64;
/// Blocks that are allocated together. What is allocated never moves: growth costs neither copies nor twice the memory.
const CHUNK_BLOCKS: u32 = 64;
const CHUNK: usize = (CHUNK_BLOCKS * BLOCK) as usize;

/// The number of the last entry of a list: block times [`BLOCK`] plus the place in it.
pub type Tail = u32;

/// Blocks for all lists.
pub struct Pool {
    chunks: Vec<Box<[Entry; CHUNK]>>,
    /// For each block the one before it in its list, or in the list of free ones. Apart from the blocks, so that a list
    /// is walked without waiting for them.
    before: Vec<u32>,
    /// The block that was freed last: it is the likeliest to be in a cache.
    free: u32,
}

impl Pool {
    /// The tail of an empty list.
    pub const EMPTY: Tail = Tail::MAX;
    /// The block before the first; [`Pool::EMPTY`] is the last place in it.
    const NONE: u32 = Pool::EMPTY / BLOCK;

    pub const fn new() -> Pool {
        Pool { chunks: Vec::new(), before: Vec::new(), free: Pool::NONE }
    }
    /// Adds an entry to a list; true when that began a block.
    #[inline]
    pub fn push(&mut self, tail: &mut Tail, entry: Entry) -> bool {
        let mut place = tail.wrapping_add(1);
        let begins = place.is_multiple_of(BLOCK);
        if begins {
            place = self.take_block(*tail / BLOCK) * BLOCK;
        }
        self.chunks[place as usize / CHUNK][place as usize % CHUNK] = entry;
        *tail = place;
        begins
    }
    /// Moves the entries of a list to `out`, at most `blocks` blocks of them, in no particular order.
    #[inline]
    pub fn drain(&mut self, tail: &mut Tail, blocks: usize, out: &mut Vec<Entry>) {
        for _ in 0..blocks {
            if *tail == Pool::EMPTY {
                return;
            }
            let (block, last) = (*tail / BLOCK, *tail as usize % CHUNK);
            let first = last - last % BLOCK as usize;
            out.extend_from_slice(&self.chunks[*tail as usize / CHUNK][first..=last]);
            let before = std::mem::replace(&mut self.before[block as usize], self.free);
            self.free = block;
            *tail = before * BLOCK + (BLOCK - 1);
        }
    }
    /// Bytes of memory.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.chunks.len() * size_of::<[Entry; CHUNK]>() + self.before.capacity() * size_of::<u32>()
    }

    /// A block that follows `before`.
    #[inline(never)]
    fn take_block(&mut self, before: u32) -> u32 {
        if self.free == Pool::NONE {
            self.grow();
        }
        let block = self.free;
        self.free = std::mem::replace(&mut self.before[block as usize], before);
        block
    }

    /// Adds a chunk of free blocks.
    fn grow(&mut self) {
        let chunk = vec![0; CHUNK].into_boxed_slice().try_into().expect("as long as it was made");
        self.chunks.push(chunk);
        let first = self.before.len() as u32;
        assert!(first < Pool::NONE - CHUNK_BLOCKS, "limits keep events below 2^32");
        self.before.extend(first + 1..first + CHUNK_BLOCKS);
        self.before.push(Pool::NONE);
        self.free = first;
    }
}
