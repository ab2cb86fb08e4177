//! `cookie … maxidle … maxlife …`: values that say when the client was seen last and first, in units of four seconds
//! (`src/http_ana.c`).
//!
//! The real value carries a name and two dates; here a value is the number of such a triple in a list. Nobody sends it later
//! than it is honoured, so triples are forgotten when none of their clients can come any more.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::engine::{SimTime, Span};

/// A unit of a date.
const TICK_S: u64 = 4;

/// What a value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated {
    /// Number of the server's pod.
    pub pod: u32,
    /// When the client was seen last and first; `first` only with `maxlife`.
    last: u64,
    first: Option<u64>,
}

/// Values with dates, as one backend issues them.
#[derive(Clone, Debug)]
pub struct DatedCookies {
    max_idle_s: Option<u64>,
    max_life_s: Option<u64>,
    issued: VecDeque<Dated>,
    /// The value of the first one in `issued`.
    base: u32,
    /// Those issued in the last tick, by pod and first date: the next one may be the same.
    tick: u64,
    of_tick: FxHashMap<(u32, Option<u64>), u32>,
}

impl DatedCookies {
    /// Cookies with these limits, of which there is at least one.
    pub fn new(max_idle: Option<Span>, max_life: Option<Span>) -> DatedCookies {
        DatedCookies {
            max_idle_s: max_idle.map(whole_seconds),
            max_life_s: max_life.map(whole_seconds),
            issued: VecDeque::new(),
            base: 0,
            tick: 0,
            of_tick: FxHashMap::default(),
        }
    }
    /// What a value says, if it is still honoured.
    pub fn read(&self, value: u32, now: SimTime) -> Option<Dated> {
        let dated = *self.issued.get(value.wrapping_sub(self.base) as usize)?;
        (now < self.until(&dated)).then_some(dated)
    }
    /// True when a client with this cookie, honoured, gets a new one: the tick of its last date is over.
    pub const fn is_due(&self, dated: &Dated, now: SimTime) -> bool {
        dated.last * TICK_S < seconds(now)
    }
    /// A value for a client that is seen now at a pod, and when it ends. The first date of a cookie it had stays.
    pub fn issue(&mut self, pod: u32, had: Option<&Dated>, now: SimTime) -> (u32, SimTime) {
        // dates are rounded up
        let tick = seconds(now).div_ceil(TICK_S);
        if tick != self.tick {
            self.tick = tick;
            self.of_tick.clear();
            self.forget(now);
        }
        let first = self.max_life_s.map(|_| had.and_then(|had| had.first).unwrap_or(tick));
        let dated = Dated { pod, last: tick, first };
        let next = self.base.wrapping_add(self.issued.len() as u32);
        let value = *self.of_tick.entry((pod, first)).or_insert(next);
        if value == next {
            self.issued.push_back(dated);
        }
        (value, self.until(&dated))
    }

    /// The first second in which a cookie is too old.
    fn until(&self, dated: &Dated) -> SimTime {
        let idle = self.max_idle_s.map(|max| dated.last * TICK_S + max + 1);
        let life = self.max_life_s.zip(dated.first).map(|(max, first)| first * TICK_S + max + 1);
        let second = idle.unwrap_or(u64::MAX).min(life.unwrap_or(u64::MAX));
        SimTime::ZERO + Span::from_secs(second.min(MOST_SECONDS))
    }
    /// Nobody sends a value any more whose last date is so long ago.
    fn forget(&mut self, now: SimTime) {
        let keep = self.max_idle_s.or(self.max_life_s).unwrap_or(MOST_SECONDS);
        while self.issued.front().is_some_and(|dated| dated.last * TICK_S + keep < seconds(now)) {
            self.issued.pop_front();
            self.base = self.base.wrapping_add(1);
        }
    }
}

/// So many whole seconds the simulated clock can hold.
const MOST_SECONDS: u64 = u64::MAX / 1_000_000_000;

const fn seconds(now: SimTime) -> u64 {
    now.as_nanos() / 1_000_000_000
}

const fn whole_seconds(span: Span) -> u64 {
    span.as_nanos() / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_tick_are_shared_and_old_ones_forgotten() {
        let at = |second| SimTime::ZERO + Span::from_secs(second);
        let mut cookies = DatedCookies::new(Some(Span::from_secs(10)), None);
        let (first, until) = cookies.issue(7, None, at(1));
        assert_eq!(cookies.issue(7, None, at(4)).0, first, "both are rounded up to second 4");
        assert_ne!(cookies.issue(8, None, at(4)).0, first);
        assert_eq!(until, at(15), "ten seconds after second 4 are not yet too many");
        let read = cookies.read(first, at(14)).expect("still honoured");
        assert_eq!(read.pod, 7);
        assert_eq!(cookies.read(first, at(15)), None);
        assert!(!cookies.is_due(&read, at(4)) && cookies.is_due(&read, at(5)));
        assert_eq!(cookies.read(first.wrapping_sub(1), at(4)), None, "a value that nobody issued");
        for second in 0..1_000 {
            cookies.issue(7, None, at(second));
        }
        assert!(cookies.issued.len() <= 5, "{} kept", cookies.issued.len());
    }
}
