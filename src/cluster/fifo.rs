//! Plain values that are taken many at a time, in the order in which they came, without moving those that stay.

use std::ops::Range;

/// Memory is given back when it is so many times what is needed.
const ROOMY: usize = 64;

/// Plain values in the order in which they came.
pub struct Fifo<T> {
    values: Vec<T>,
    /// Values before this one are taken.
    first: usize,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo { values: Vec::new(), first: 0 }
    }
}

impl<T: Copy> Fifo<T> {
    /// Number of values that are left.
    pub fn len(&self) -> usize {
        self.values.len() - self.first
    }
    /// Adds one.
    #[inline]
    pub fn push(&mut self, value: T) {
        self.values.push(value);
    }
    /// Adds many.
    pub fn extend(&mut self, values: impl Iterator<Item = T>) {
        self.values.extend(values);
    }
    /// Takes the first `count` values; says where they stand until [`Fifo::forget_taken`].
    pub fn take(&mut self, count: usize) -> Range<usize> {
        let taken = self.first..self.first + count;
        self.first = taken.end;
        taken
    }
    /// Where values stand that were taken is void from now on.
    pub fn forget_taken(&mut self) {
        if 2 * self.first > self.values.len() {
            self.values.drain(..self.first); // what is moved is less than what was taken since the last time
            self.first = 0;
            if self.values.capacity() > ROOMY * (self.values.len() + ROOMY) {
                self.values.shrink_to(2 * self.values.len()); // a rush is over
            }
        }
    }
    /// Values that [`Fifo::take`] spoke of.
    pub fn taken(&self, taken: Range<usize>) -> &[T] {
        &self.values[taken]
    }
    /// The values that are left.
    pub fn as_slice(&self) -> &[T] {
        &self.values[self.first..]
    }
    /// The same, changeable.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.values[self.first..]
    }
}
