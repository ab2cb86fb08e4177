//! What `least_time` knows of each server: averages of response times, and how long those under way take already.

use crate::engine::{SimTime, Span};

/// Response times in milliseconds, as nginx counts them.
#[derive(Clone, Debug, Default)]
pub struct ResponseTimes {
    /// Moving average of answered requests.
    average: u64,
    /// The same of how long the requests under way took when a decision looked.
    inflight_average: u64,
    inflight: u64,
    /// Sum of the times that those under way had taken when that number changed last.
    inflight_sum: u64,
    changed_ms: u64,
}

/// Times beyond this are equally bad: then connections decide.
const MOST: u64 = 5_000;
/// Times in the same step of this length are equal, so that servers take turns.
const STEP: u64 = 20;

fn millis(now: SimTime) -> u64 {
    now.as_nanos() / 1_000_000
}

/// A moving average over about twenty values, rounded.
fn average(old: u64, new: u64) -> u64 {
    if old == 0 { new } else { libm::floor(0.5 + (new as f64 * 0.05 + old as f64 * 0.95)) as u64 }
}

impl ResponseTimes {
    /// How long the server would need for a request and those that it has: `connections` of them. It was checked so many
    /// seconds ago; each `fail_timeout` without a request halves its average.
    pub fn estimate(&mut self, connections: u32, idle_s: u64, fail_timeout_s: u64, now: SimTime) -> u64 {
        let mut time = self.average;
        if idle_s > fail_timeout_s {
            let halvings = idle_s / (fail_timeout_s + 1);
            time = if halvings < 64 { time >> halvings } else { 0 };
        }
        if let Some(mean) = self.inflight_sum.checked_div(self.inflight) {
            let under_way = mean + (millis(now) - self.changed_ms);
            self.inflight_average = average(self.inflight_average, under_way);
            time = time.max(self.inflight_average);
        }
        let time = if time > MOST { MOST } else { time + STEP - time % STEP };
        time * (1 + u64::from(connections))
    }
    /// A request goes there.
    pub fn begin(&mut self, now: SimTime) {
        if self.inflight > 0 {
            self.inflight_sum += (millis(now) - self.changed_ms) * self.inflight;
        }
        self.changed_ms = millis(now);
        self.inflight += 1;
    }
    /// A request there ended after so long, with an answer or without. `counted`: it had been told with
    /// [`ResponseTimes::begin`].
    pub fn end(&mut self, took: Span, answered: bool, counted: bool, now: SimTime) {
        let took = took.as_nanos() / 1_000_000;
        if counted && self.inflight > 0 {
            if self.inflight == 1 {
                self.inflight_sum = 0;
            } else {
                let sum = self.inflight_sum + (millis(now) - self.changed_ms) * self.inflight;
                self.inflight_sum = sum.saturating_sub(took);
                self.changed_ms = millis(now);
            }
            self.inflight -= 1;
        }
        if answered {
            self.average = average(self.average, took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SimTime {
        SimTime::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn estimates_by_hand() {
        let mut times = ResponseTimes::default();
        assert_eq!(times.estimate(0, 0, 10, at(0)), 20, "never asked: one step");
        times.end(Span::from_millis(100), true, false, at(100));
        assert_eq!(times.estimate(0, 0, 10, at(100)), 120);
        assert_eq!(times.estimate(2, 0, 10, at(100)), 360, "times one more than its connections");
        times.end(Span::from_millis(200), true, false, at(100));
        assert_eq!(times.estimate(0, 0, 10, at(100)), 120, "5 % of 200 and 95 % of 100 is 105");
        assert_eq!(times.estimate(0, 11, 10, at(100)), 60, "half of it after a pause");
        times.end(Span::from_secs(900), true, false, at(100));
        assert_eq!(times.estimate(1, 0, 10, at(100)), 10_000, "no worse than five seconds");
    }

    #[test]
    fn requests_under_way_count_once_they_take_longer() {
        let mut times = ResponseTimes::default();
        times.end(Span::from_millis(50), true, false, at(0));
        times.begin(at(0));
        assert_eq!(times.estimate(1, 0, 10, at(30)), 2 * 60, "30 ms are less than 50");
        assert_eq!(times.estimate(1, 0, 10, at(600)), 2 * 60, "the average of 30 and 600 is 59");
        times.begin(at(600));
        times.end(Span::from_millis(700), false, true, at(700));
        assert_eq!((times.inflight, times.inflight_sum), (1, 100), "the other one has been under way for 100 ms");
        times.end(Span::from_millis(100), true, true, at(700));
        assert_eq!((times.inflight, times.inflight_sum), (0, 0));
    }
}
