//! Pending events in a total order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::time::SimTime;

/// Pending events, earliest first; equal times are ordered by the event itself.
///
/// The order never depends on when or in which order events were pushed: two queues holding the same
/// `(time, event)` pairs pop the same sequence.
#[derive(Clone)]
pub struct EventQueue<E: Ord> {
    heap: BinaryHeap<Reverse<(SimTime, E)>>,
}

impl<E: Copy + Ord> EventQueue<E> {
    /// An empty queue.
    pub const fn new() -> Self {
        EventQueue { heap: BinaryHeap::new() }
    }
    /// Adds an event.
    pub fn push(&mut self, at: SimTime, event: E) {
        self.heap.push(Reverse((at, event)));
    }
    /// Takes the first event whose time is at or before `until`.
    pub fn pop_until(&mut self, until: SimTime) -> Option<(SimTime, E)> {
        let Reverse((at, _)) = *self.heap.peek()?;
        if at > until {
            return None;
        }
        self.heap.pop().map(|Reverse(pair)| pair)
    }
    /// Number of pending events.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    /// True when nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<E: Copy + Ord> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}
