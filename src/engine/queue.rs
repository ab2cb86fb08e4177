//! Pending events in a total order: a hierarchical timing wheel.
//!
//! Time is cut into slots of 2^`shift` nanoseconds. The slot at hand is sorted; every other event lies unsorted in the
//! [`Wheel`], which moves it a few times on its way to the slot at hand, always appended, never compared until its own
//! slot opens: that is what a heap cannot do, whose every comparison at a million events is a cache miss. The slot length
//! follows the load; it never shows in the order.
//!
//! The slot after the one at hand is out of the wheel already: what its events will need can be fetched meanwhile.

mod order;
mod pool;
mod wheel;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::run::Event;
use super::time::SimTime;
use wheel::Wheel;

/// Time in nanoseconds in the high half, word of the event in the low half: the order of these numbers is the order in
/// which events happen, and comparing them takes no branch.
type Entry = u128;

#[inline]
const fn entry(at: SimTime, word: u64) -> Entry {
    ((at.as_nanos() as u128) << 64) | word as u128
}
#[inline]
const fn time_of(entry: Entry) -> u64 {
    (entry >> 64) as u64
}
#[inline]
const fn word_of(entry: Entry) -> u64 {
    entry as u64
}

/// Opened slots after which the slot length is looked at again …
const REVIEW: u32 = 256;
/// … or events popped: a few slots that are far too full must not wait.
const REVIEW_EVENTS: u64 = 65_536;
/// Events per slot that cost least, and what is tolerated before the slot length changes.
const IDEAL_LOAD: u64 = 48;
const TOO_FULL: u64 = 2 * IDEAL_LOAD;
const TOO_EMPTY: u64 = 2 * IDEAL_LOAD / 3;
/// About a millisecond: right for a million events spread over a minute.
const FIRST_SHIFT: u32 = 20;
/// An event pushed into the slot at hand is inserted among no more than this many; beyond, it costs less in a heap.
const INSERT_AMONG: usize = 64;
/// Events that [`EventQueue::soon`] shows at a time: what more would be read ahead might leave the cache again.
const SOON: usize = 64;

/// Pending events, earliest first; equal times are ordered by the events' words.
///
/// The order never depends on when or in which order events were pushed: two queues holding the same
/// `(time, event)` pairs pop the same sequence.
pub struct EventQueue<E> {
    /// What is ahead of the next slot.
    wheel: Wheel,
    /// Sorted, the next event last.
    open: Vec<Entry>,
    /// Events pushed into the slot at hand when too many were in it to insert another.
    late: BinaryHeap<Reverse<Entry>>,
    /// The last nanosecond of the slot at hand: its events are in `open` or `late`.
    open_until: u64,
    /// What lies behind that up to the end of the wheel's slot, in no particular order.
    next: Vec<Entry>,
    /// How many of `next` have been shown by `later`.
    fetched: usize,
    /// How many of `open` have not been shown by `soon`.
    unseen: usize,
    /// Since the queue was made. Their difference is pending; each changes alone, for where `len` and a count of pops
    /// lie side by side, they are changed by one vector instruction, which waits for the last push to be written.
    pushed: u64,
    popped: u64,
    /// Opened slots since the last review, and `popped` then.
    opened: u32,
    reviewed: u64,
    /// What `popped` must reach before the slot length may change again.
    settled: u64,
    event: std::marker::PhantomData<fn() -> E>,
}

impl<E: Event> EventQueue<E> {
    /// An empty queue.
    pub fn new() -> Self {
        EventQueue {
            wheel: Wheel::new(FIRST_SHIFT),
            open: Vec::new(),
            late: BinaryHeap::new(),
            open_until: 0,
            next: Vec::new(),
            fetched: 0,
            unseen: 0,
            pushed: 0,
            popped: 0,
            opened: 0,
            reviewed: 0,
            settled: 0,
            event: std::marker::PhantomData,
        }
    }
    /// Adds an event.
    #[inline(always)]
    pub fn push(&mut self, at: SimTime, event: E) {
        // where an event is made, its word is a constant but for its numbers
        self.push_entry(entry(at, event.word()));
    }
    #[inline(never)]
    fn push_entry(&mut self, entry: Entry) {
        self.pushed += 1;
        if time_of(entry) > self.open_until {
            if !self.wheel.push(entry) {
                self.next.push(entry);
            }
        } else if self.open.len() < INSERT_AMONG {
            order::insert(&mut self.open, entry);
        } else {
            self.late.push(Reverse(entry));
        }
    }
    /// Takes the first event whose time is at or before `until`.
    #[inline]
    pub fn pop_until(&mut self, until: SimTime) -> Option<(SimTime, E)> {
        self.pop_word_until(until).map(|(at, word)| (at, E::from_word(word)))
    }
    /// The same with the event's word.
    #[inline(always)]
    pub(super) fn pop_word_until(&mut self, until: SimTime) -> Option<(SimTime, u64)> {
        if self.open.is_empty() && self.late.is_empty() && !self.open_next_slot() {
            return None;
        }
        let first = match self.open.last() {
            Some(&open) if self.late.is_empty() => open,
            open => self.earlier(open.copied())?,
        };
        if time_of(first) > until.as_nanos() {
            return None;
        }
        if self.open.last() == Some(&first) {
            self.open.pop();
        } else {
            self.late.pop();
        }
        self.popped += 1;
        Some((SimTime::from_nanos(time_of(first)), word_of(first)))
    }
    /// The first of the late events, if it is earlier than this one.
    #[cold]
    fn earlier(&self, open: Option<Entry>) -> Option<Entry> {
        let late = self.late.peek().map(|&Reverse(late)| late);
        open.into_iter().chain(late).min()
    }
    /// Whether [`EventQueue::soon`] has news since the last call. To be asked before each pop.
    #[inline]
    pub fn has_news(&mut self) -> bool {
        self.open.len() <= self.unseen && self.find_news()
    }
    /// All that was shown has been popped.
    fn find_news(&mut self) -> bool {
        if self.open.is_empty() && self.late.is_empty() {
            self.open_next_slot();
        }
        let news = self.unseen > 0;
        self.unseen = self.open.len().min(self.unseen).saturating_sub(SOON);
        news
    }
    /// Events that come next, in order, as far as they are known, when [`EventQueue::has_news`] has just said so.
    pub fn soon(&self) -> impl Iterator<Item = E> + Clone + '_ {
        self.open.get(self.unseen..).unwrap_or_default().iter().rev().map(|&entry| E::from_word(word_of(entry)))
    }
    /// An event of the next slot that has not been shown yet.
    #[inline]
    pub fn later(&mut self) -> Option<E> {
        let &entry = self.next.get(self.fetched)?;
        self.fetched += 1;
        Some(E::from_word(word_of(entry)))
    }
    /// Number of pending events.
    #[inline]
    pub const fn len(&self) -> usize {
        (self.pushed - self.popped) as usize
    }
    /// True when nothing is pending.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.pushed == self.popped
    }

    /// Opens the next slot that holds an event; false when there is none.
    #[inline(never)]
    fn open_next_slot(&mut self) -> bool {
        if self.next.is_empty() && !self.wheel.turn(&mut self.next) {
            return false;
        }
        self.open_until = self.wheel.slot_end();
        order::sort(&mut self.next, self.wheel.shift(), &mut self.open);
        self.unseen = self.open.len();
        self.opened += 1;
        if self.opened >= REVIEW || self.popped - self.reviewed >= REVIEW_EVENTS {
            self.review();
        }
        if self.next.is_empty() {
            self.wheel.turn(&mut self.next);
        }
        self.fetched = 0;
        true
    }

    /// Changes the slot length when slots have become too full or too empty. Costs one pass over all events, so it waits
    /// until as many have been popped.
    fn review(&mut self) {
        let load = (self.popped - self.reviewed) / u64::from(self.opened.max(1));
        self.opened = 0;
        self.reviewed = self.popped;
        // the power of two by which the load comes nearest to the ideal one
        let nearest = |ratio: u64| ratio.ilog2();
        let shift = self.wheel.shift();
        let better = match load {
            TOO_FULL.. => shift.saturating_sub(nearest(3 * load / (2 * IDEAL_LOAD))).max(order::MIN_SHIFT),
            0..TOO_EMPTY => (shift + nearest(3 * IDEAL_LOAD / (2 * load.max(1)))).min(Wheel::MAX_SHIFT),
            _ => shift,
        };
        if better != shift && self.popped >= self.settled {
            self.settled = self.pushed; // as many pops as are pending
            self.wheel.cut(better, &mut self.next);
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
    fn ties_across_the_borders_of_slots_and_levels_keep_their_order() {
        let border = |n: u64| 1u64 << (FIRST_SHIFT + 8 * (n % 4) as u32);
        compare(|n| border(n) - 1 + n % 3, 2_000, 20_000);
        compare(border, 500, 10_000);
        compare(|n| border(n / 100) / 128 * (n % 5), 1_000, 20_000);
    }

    /// Bursts and lulls, pushes at, before and after the slot at hand, limits in between: a hundred thousand steps.
    #[test]
    fn whatever_comes_in_whatever_order_the_wheel_pops_what_its_twin_pops() {
        let (mut wheel, mut twin) = (EventQueue::new(), std::collections::BTreeSet::new());
        let mut limit = 0;
        for n in 0..100_000u64 {
            let draw = |item: u64, below: u64| Seed(5).stream(2, item, n).below(below);
            // rarely many at once, and spans from nanoseconds to hours that change slowly
            let burst = if draw(0, 500) == 0 { draw(1, 3_000) } else { draw(1, 3) };
            let scale = 6 + (n / 5_000 * 11 % 38) as u32;
            for item in 0..burst {
                // from before the limit, where the wheel may have turned to a later slot, to far ahead
                let at = (limit + draw(10 + item, 1 << (scale + item as u32 % 3))).saturating_sub(1 << (scale / 2));
                let word = ((item % 2) << 40) | n;
                wheel.push(SimTime::from_nanos(at), word);
                twin.insert((at, word, item));
            }
            limit += draw(3, 1 << scale);
            for _ in 0..1 + draw(4, 4) * wheel.len() as u64 / 2_000 {
                let first = twin.first().copied().filter(|first| first.0 <= limit).map(|(at, word, _)| (at, word));
                let popped = wheel.pop_until(SimTime::from_nanos(limit));
                assert_eq!(popped.map(|(at, word)| (at.as_nanos(), word)), first, "step {n}");
                if first.is_some() {
                    twin.pop_first();
                }
            }
            assert_eq!(wheel.len(), twin.len());
        }
    }

    /// Pops an event and pushes it again, so often.
    fn hold(queue: &mut EventQueue<u64>, holds: u64, delay: impl Fn(u64) -> u64) {
        for n in 0..holds {
            let (at, word) = queue.pop_until(SimTime::NEVER).expect("never empty");
            queue.push(SimTime::from_nanos(at.as_nanos() + delay(n)), word);
        }
    }

    #[test]
    fn the_slot_length_follows_the_load_both_ways() {
        let mut queue = EventQueue::new();
        for n in 0..200_000u64 {
            queue.push(SimTime::from_nanos(n * 10), n);
        }
        hold(&mut queue, 1_000_000, |_| 2_000_000);
        let short = queue.wheel.shift();
        assert!(short < 12, "an event every 10 ns wants slots of about 500 ns, not 2^{short}");
        hold(&mut queue, 2_000_000, |n| n * 104_729 % 200_000 * 2_000_000);
        let long = queue.wheel.shift();
        assert!((24..28).contains(&long), "an event every millisecond wants slots of about 48 ms, not 2^{long} ns");
    }

    #[test]
    fn an_event_costs_no_more_than_18_bytes() {
        let mut queue = EventQueue::new();
        let gap = |n: u64| Law::exponential(10e9).span(&mut Seed(1).stream(1, 1, n)).as_nanos();
        for n in 0..400_000 {
            queue.push(SimTime::from_nanos(gap(n)), n);
        }
        // several changes of the slot length included
        for delay in [1, 100, 1_000] {
            hold(&mut queue, 500_000, |n| gap(n) / delay);
        }
        let slots = queue.open.capacity() + queue.next.capacity() + queue.late.capacity();
        let bytes = queue.wheel.bytes() + slots * size_of::<Entry>();
        assert!(bytes < 18 * queue.len(), "{bytes} bytes for {} events", queue.len());
    }

    #[test]
    fn every_event_of_a_slot_is_shown_before_it_comes() {
        let mut queue = EventQueue::new();
        let count = 1_000;
        for n in 0..count {
            queue.push(SimTime::from_nanos(5_000_000_000 + n), n);
        }
        let mut shown = 0;
        for word in 0..count {
            if queue.has_news() {
                let soon: Vec<u64> = queue.soon().collect();
                assert!(soon.len() <= SOON);
                assert!(soon.iter().copied().eq(word..word + soon.len() as u64));
                shown += soon.len();
            }
            assert_eq!(queue.pop_until(SimTime::NEVER).map(|(_, word)| word), Some(word));
        }
        assert_eq!(shown as u64, count);
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
