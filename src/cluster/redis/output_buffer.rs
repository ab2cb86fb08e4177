//! What Redis holds for subscribers that are slow to read: its output buffers, and their limits.

use std::collections::VecDeque;

use crate::cluster::deliveries::PROMPT;
use crate::cluster::pods::Booking;
use crate::cluster::spec::OutputBufferLimits;
use crate::engine::SimTime;

/// A copy that its pod has not read yet.
#[derive(Clone, Copy)]
pub struct Unread {
    /// When the pod will work on it.
    pub booking: Booking,
    /// Its size.
    pub bytes: u64,
    /// How many copies it stands for.
    pub times: u64,
}

impl Unread {
    /// Whether it is still in Redis: what the pod comes to within a second is in buffers of the kernels and of the pod.
    fn is_held(&self, now: SimTime) -> bool {
        self.booking.start > now + PROMPT
    }
}

/// The output buffer of one subscriber.
#[derive(Default)]
pub struct OutputBuffer {
    held: VecDeque<Unread>,
    bytes: u64,
    /// Since when there has always been more in it than the soft limit.
    over_since: Option<SimTime>,
}

impl OutputBuffer {
    /// One more copy. True: Redis closes the connection (`checkClientOutputBufferLimits` of networking.c).
    pub fn push(&mut self, copy: Unread, now: SimTime, limits: &OutputBufferLimits) -> bool {
        while let Some(first) = self.held.front().filter(|first| !first.is_held(now)) {
            self.bytes -= first.bytes;
            self.held.pop_front();
        }
        if copy.is_held(now) {
            self.bytes += copy.bytes;
            self.held.push_back(copy);
        }
        if self.bytes <= limits.soft || limits.soft == 0 {
            self.over_since = None;
        } else if self.over_since.is_none() {
            self.over_since = Some(now);
        }
        let too_long = self.over_since.is_some_and(|since| now - since > limits.soft_for);
        too_long || (limits.hard > 0 && self.bytes > limits.hard)
    }
    /// The connection is closed: what was held is gone.
    pub fn close(&mut self, now: SimTime) -> impl Iterator<Item = Unread> {
        (self.bytes, self.over_since) = (0, None);
        std::mem::take(&mut self.held).into_iter().filter(move |copy| copy.is_held(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Span;

    const LIMITS: OutputBufferLimits = OutputBufferLimits { hard: 1_000, soft: 100, soft_for: Span::from_secs(60) };

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(seconds)
    }

    fn copy(bytes: u64, start: SimTime) -> Unread {
        Unread { booking: Booking::of_first_worker(start, start), bytes, times: 1 }
    }

    #[test]
    fn the_hard_limit_cuts_at_once() {
        let mut buffer = OutputBuffer::default();
        assert!(!buffer.push(copy(1_000, at(900)), at(0), &LIMITS));
        assert!(buffer.push(copy(1, at(900)), at(0), &LIMITS));
        assert_eq!(buffer.close(at(0)).count(), 2);
        assert!(!buffer.push(copy(1_000, at(900)), at(1), &LIMITS));
    }

    #[test]
    fn the_soft_limit_cuts_who_is_over_it_for_longer_without_a_break() {
        let mut buffer = OutputBuffer::default();
        assert!(!buffer.push(copy(101, at(30)), at(0), &LIMITS));
        // read by then: the clock begins anew
        assert!(!buffer.push(copy(1, at(900)), at(40), &LIMITS));
        assert!(!buffer.push(copy(100, at(900)), at(50), &LIMITS));
        assert!(!buffer.push(copy(1, at(900)), at(110), &LIMITS), "60 s are not more than 60 s");
        assert!(buffer.push(copy(1, at(900)), at(111), &LIMITS));
    }

    #[test]
    fn what_is_read_within_a_second_is_not_in_redis_and_zero_is_no_limit() {
        let mut buffer = OutputBuffer::default();
        assert!(!buffer.push(copy(5_000, at(1)), at(0), &LIMITS));
        assert_eq!(buffer.close(at(0)).count(), 0);
        let none = OutputBufferLimits { hard: 0, soft: 0, soft_for: Span::ZERO };
        for second in 0..100 {
            assert!(!buffer.push(copy(u64::from(u32::MAX), at(900)), at(second), &none));
        }
    }
}
