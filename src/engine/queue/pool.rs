//! Lists of entries in blocks that are used again: memory stays near 16 bytes per pending event.

use super::Entry;

/// Entries per block: half a kilobyte.
const CAPACITY: usize = 31;

/// One block of a list.
struct Block {
    /// The next block of the list, or of the free ones.
    next: u32,
    len: u32,
    entries: [Entry; CAPACITY],
}

/// Blocks for all lists.
pub struct Pool {
    blocks: Vec<Block>,
    free: u32,
}

impl Pool {
    /// The head of an empty list.
    pub const NONE: u32 = u32::MAX;

    pub const fn new() -> Pool {
        Pool { blocks: Vec::new(), free: Pool::NONE }
    }
    /// Adds an entry to the list with this head.
    pub fn push(&mut self, head: &mut u32, entry: Entry) {
        if let Some(block) = self.blocks.get_mut(*head as usize)
            && (block.len as usize) < CAPACITY
        {
            block.entries[block.len as usize] = entry;
            block.len += 1;
            return;
        }
        let fresh = self.take_block();
        let block = &mut self.blocks[fresh as usize];
        block.next = *head;
        block.len = 1;
        block.entries[0] = entry;
        *head = fresh;
    }
    /// Moves all entries of a list to `out`, in no particular order, and frees its blocks.
    pub fn drain(&mut self, head: &mut u32, out: &mut Vec<Entry>) {
        while *head != Pool::NONE {
            let number = *head;
            let block = &mut self.blocks[number as usize];
            out.extend_from_slice(&block.entries[..block.len as usize]);
            *head = std::mem::replace(&mut block.next, self.free);
            self.free = number;
        }
    }

    fn take_block(&mut self) -> u32 {
        if self.free == Pool::NONE {
            self.blocks.push(Block { next: Pool::NONE, len: 0, entries: [(0, 0); CAPACITY] });
            return u32::try_from(self.blocks.len() - 1).expect("limits keep events below 2^32");
        }
        let number = self.free;
        self.free = self.blocks[number as usize].next;
        number
    }
}
