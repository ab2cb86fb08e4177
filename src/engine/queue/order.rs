//! Sorting what a slot holds: a few dozen entries, spread over the slot, the earliest last.
//!
//! Sorting by comparison mispredicts half of its comparisons. Here entries are first counted into 256 parts of their
//! slot, as a letter is dropped into a pigeonhole, after which hardly one is out of its place.

use super::{Entry, time_of};

const BITS: u32 = 8;
const PARTS: usize = 1 << BITS;
/// Among so few, finding a place by mispredicted branches costs more than passing all of them without any.
const FEW: usize = 8;
/// Places are counted in bytes.
const MANY: usize = u8::MAX as usize;

/// The shortest slots, as a power of two of nanoseconds: shorter ones have no 256 parts.
pub const MIN_SHIFT: u32 = BITS;

/// Moves `entries` of one slot of length 2^`shift` to `sorted`, which is empty, the earliest last.
#[inline]
pub fn sort(entries: &mut Vec<Entry>, shift: u32, sorted: &mut Vec<Entry>) {
    match entries.len() {
        0..=FEW => entries.iter().for_each(|&entry| insert(sorted, entry)),
        _ if entries.len() <= MANY => {
            sort_into_parts(entries, shift - MIN_SHIFT, sorted);
            for at in 1..sorted.len() {
                let entry = sorted[at];
                sink(sorted, at, entry);
            }
        }
        _ => {
            // no second copy of what may be large; rare, because slots as full as this are soon made shorter
            std::mem::swap(entries, sorted);
            sorted.sort_unstable_by(|a, b| b.cmp(a));
        }
    }
    entries.clear();
}

/// Adds an entry to sorted ones.
#[inline]
pub fn insert(sorted: &mut Vec<Entry>, entry: Entry) {
    if sorted.len() <= FEW {
        let mut last = entry;
        for place in sorted.iter_mut() {
            (*place, last) = (last.max(*place), last.min(*place));
        }
        sorted.push(last);
    } else {
        let at = sorted.len();
        sorted.push(entry);
        sink(sorted, at, entry);
    }
}

/// Moves `entry`, which is at `at`, to its place among the sorted ones before it.
#[inline]
fn sink(sorted: &mut [Entry], at: usize, entry: Entry) {
    let mut place = at;
    while place > 0 && sorted[place - 1] < entry {
        sorted[place] = sorted[place - 1];
        place -= 1;
    }
    sorted[place] = entry;
}

/// Sorts by the part of the slot only, latest part first; parts are 2^`fine` nanoseconds long.
#[inline]
fn sort_into_parts(entries: &[Entry], fine: u32, sorted: &mut Vec<Entry>) {
    let part = |entry: Entry| !(time_of(entry) >> fine) as usize % PARTS;
    let mut places = [0u8; PARTS];
    for &entry in entries {
        places[part(entry)] += 1;
    }
    // from counts to first places, eight at a time: the product's byte n is the sum of the bytes 0 to n
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut before = 0;
    for eight in places.as_chunks_mut::<8>().0 {
        let sums = u64::from_le_bytes(*eight).wrapping_mul(ONES);
        *eight = (before + (sums << 8)).to_le_bytes();
        before += (sums >> 56) * ONES;
    }
    sorted.resize(entries.len(), 0);
    for &entry in entries {
        let place = &mut places[part(entry)];
        sorted[usize::from(*place)] = entry;
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn any_number_of_entries_is_sorted() {
        for shift in [MIN_SHIFT, 9, 20, 40] {
            for count in 0..300u64 {
                let slot = 5u64 << shift;
                // every third at one of four times, so that words decide too
                let time = |n: u64| match n % 3 {
                    0 => slot + n % 4,
                    _ => slot + Seed(1).stream(1, count, n).below(1 << shift),
                };
                let mut entries: Vec<Entry> = (0..count)
                    .map(|n| (u128::from(time(n)) << 64) | u128::from(Seed(2).stream(1, count, n).below(50)))
                    .collect();
                let mut expected = entries.clone();
                expected.sort_by(|a, b| b.cmp(a));
                let mut sorted = Vec::new();
                sort(&mut entries, shift, &mut sorted);
                assert_eq!(sorted, expected);
                assert!(entries.is_empty());
            }
        }
    }
}
