//! When a client tries again.

use crate::engine::{Span, Stream};

/// When a client tries again.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconnectPolicy {
    /// The law of the delays.
    pub law: RetryLaw,
    /// Attempts before the client gives up for the rest of its session; `None` = it never does, 0 = it does at once.
    pub attempts: Option<u32>,
}

impl ReconnectPolicy {
    /// The client stays away for the rest of its session.
    pub const NEVER: ReconnectPolicy = ReconnectPolicy { law: RetryLaw::Immediate, attempts: Some(0) };
    /// The JavaScript client of Socket.IO 4 with its defaults.
    pub const SOCKET_IO: ReconnectPolicy = ReconnectPolicy {
        law: RetryLaw::SocketIo { first: Span::from_secs(1), max: Span::from_secs(5), randomization: 0.5 },
        attempts: None,
    };
}

impl From<RetryLaw> for ReconnectPolicy {
    fn from(law: RetryLaw) -> ReconnectPolicy {
        ReconnectPolicy { law, attempts: None }
    }
}

/// The delay before attempt k after a loss, k = 0, 1, 2 …; U is a uniform random number, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RetryLaw {
    /// The JavaScript client of Socket.IO 4 (`lib/contrib/backo2.ts` of socket.io-client 4.8.4), in whole milliseconds.
    SocketIo {
        /// `reconnectionDelay`.
        first: Span,
        /// `reconnectionDelayMax`, applied after the deviation.
        max: Span,
        /// `randomizationFactor`.
        randomization: f64,
    },
    /// The client of python-socketio 5.18.1: min(2^k, 5) s + 0.5 s · (2U − 1), so the spread survives the cap.
    PythonSocketIo,
    /// At once, as far as a timer of Node.js can: after 1 ms.
    Immediate,
    /// `delay`, spread evenly by `± jitter` of itself.
    Fixed {
        /// The delay.
        delay: Span,
        /// Share of it, 0 to 1.
        jitter: f64,
    },
    /// `first · 2^k`, spread evenly by `± jitter` of itself, then at most `max`.
    Exponential {
        /// Delay before the first attempt.
        first: Span,
        /// Cap.
        max: Span,
        /// Share of the delay, 0 to 1.
        jitter: f64,
    },
    /// "Full jitter": U · min(max, first · 2^k).
    FullJitter {
        /// Longest delay before the first attempt.
        first: Span,
        /// Cap.
        max: Span,
    },
    /// "Equal jitter": (1 + U)/2 · min(max, first · 2^k).
    EqualJitter {
        /// Longest delay before the first attempt.
        first: Span,
        /// Cap.
        max: Span,
    },
    /// "Decorrelated jitter": min(max, first + U · (3 · previous − first)), where `first` is previous to all.
    Decorrelated {
        /// Shortest delay.
        first: Span,
        /// Cap.
        max: Span,
    },
}

/// The shortest timer of Node.js (`setTimeout` takes anything below for it).
const SHORTEST: Span = Span::from_millis(1);

impl ReconnectPolicy {
    /// The delay before attempt number `attempt` (from 0) after a loss; `None` when the client gives up. `previous` is the
    /// delay before the attempt before this one; only [`RetryLaw::Decorrelated`] looks at it.
    ///
    /// Full, equal and decorrelated jitter are those of `aws-samples/aws-arch-backoff-simulator`,
    /// `src/backoff_simulator.py`, which counts attempts from 1: its `base` is half of `first` here, but for decorrelated
    /// jitter, where it is the same.
    pub fn delay(&self, attempt: u16, previous: Span, stream: &mut Stream) -> Option<Span> {
        if self.attempts.is_some_and(|limit| u32::from(attempt) >= limit) {
            return None;
        }
        let doubled = |first: Span| first.as_nanos() as f64 * libm::exp2(f64::from(attempt.min(60)));
        let bound = |first: Span, max: Span| doubled(first).min(max.as_nanos() as f64);
        let spread = |jitter: f64, unit: f64| 1.0 + jitter * (2.0 * unit - 1.0);
        Some(match self.law {
            RetryLaw::SocketIo { first, max, randomization } => {
                let ms = socket_io_ms([first, max].map(Span::as_millis_f64), randomization, attempt, stream.unit());
                Span::from_millis(ms).max(SHORTEST)
            }
            RetryLaw::PythonSocketIo => {
                let s = libm::exp2(f64::from(attempt.min(60))).min(5.0) + 0.5 * (2.0 * stream.unit() - 1.0);
                Span::from_nanos_f64(s * 1e9)
            }
            RetryLaw::Immediate => SHORTEST,
            RetryLaw::Fixed { delay, jitter } => {
                Span::from_nanos_f64(delay.as_nanos() as f64 * spread(jitter, stream.unit()))
            }
            RetryLaw::Exponential { first, max, jitter } => {
                Span::from_nanos_f64(doubled(first) * spread(jitter, stream.unit())).min(max)
            }
            RetryLaw::FullJitter { first, max } => Span::from_nanos_f64(bound(first, max) * stream.unit()),
            RetryLaw::EqualJitter { first, max } => {
                Span::from_nanos_f64(bound(first, max) * (0.5 + 0.5 * stream.unit()))
            }
            RetryLaw::Decorrelated { first, max } => {
                let previous = if attempt == 0 { first } else { previous };
                let (low, high) = (first.as_nanos() as f64, previous.as_nanos() as f64 * 3.0);
                Span::from_nanos_f64(low + stream.unit() * (high - low)).min(max)
            }
        })
    }
}

/// `Backoff.prototype.duration` of socket.io-client 4.8.4 (`lib/contrib/backo2.ts`): one random number decides both the
/// size of the deviation and, by its first decimal, its sign; the cap comes last. `[first, max]` of 0 stand for the
/// defaults of that file. From about the thousandth attempt on the delay is more than a number can hold, and infinity less
/// infinity is a delay of nothing.
fn socket_io_ms([first, max]: [f64; 2], randomization: f64, attempt: u16, random: f64) -> u64 {
    let or = |value: f64, default: f64| if value == 0.0 { default } else { value };
    let ms = or(first, 100.0) * libm::exp2(f64::from(attempt));
    let ms = if randomization > 0.0 {
        let deviation = libm::floor(random * randomization * ms);
        let even = (libm::floor(random * 10.0) as u64).is_multiple_of(2);
        if even { ms - deviation } else { ms + deviation }
    } else {
        ms
    };
    if ms.is_nan() { 0 } else { ms.min(or(max, 10_000.0)) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    /// Sorted delays in milliseconds before one attempt (from 0).
    fn delays(policy: &ReconnectPolicy, attempt: u16, previous: Span) -> Vec<f64> {
        let mut all: Vec<f64> = (0..200_000)
            .map(|n| policy.delay(attempt, previous, &mut Seed(5).stream(1, 1, n)).unwrap().as_millis_f64())
            .collect();
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn delays_of_both_libraries_are_those_recorded() {
        // socket.io-client 4.8.4 and python-socketio 5.18.1, 200,000 samples of each attempt
        let recorded = include_str!("../../../tests/it/data/backoff.csv");
        let mut rows = 0;
        for row in recorded.lines().skip(1) {
            let fields: Vec<&str> = row.split(',').collect();
            let numbers: Vec<f64> = fields[1..].iter().map(|field| field.parse().unwrap()).collect();
            let [attempt, min, p5, p50, mean, p95, max, capped] = numbers[..] else { panic!("{row}") };
            let is_node = fields[0].starts_with("socket.io-client");
            let policy = if is_node { ReconnectPolicy::SOCKET_IO } else { RetryLaw::PythonSocketIo.into() };
            let ours = delays(&policy, attempt as u16 - 1, Span::ZERO);
            let at = |q: f64| ours[((ours.len() - 1) as f64 * q) as usize];
            let our_mean = ours.iter().sum::<f64>() / ours.len() as f64;
            let share = ours.iter().filter(|&&ms| ms == 5000.0).count() as f64 / ours.len() as f64;
            for (what, ours, theirs, tolerance) in [
                ("min", at(0.0), min, 2.0),
                ("p5", at(0.05), p5, 10.0),
                // a gap of the comb lies beside the median
                ("p50", at(0.5), p50, 0.052 * mean),
                ("mean", our_mean, mean, 0.003 * mean),
                ("p95", at(0.95), p95, 10.0),
                ("max", at(1.0), max, 2.0),
                ("share at the cap", share, if is_node { capped } else { 0.0 }, 0.005),
            ] {
                assert!((ours - theirs).abs() <= tolerance, "{row}: {what} {ours}");
            }
            rows += 1;
        }
        assert_eq!(rows, 16);
    }

    #[test]
    fn the_first_delay_of_socket_io_lies_in_ten_bands() {
        let mut bands = [0u32; 20];
        for ms in delays(&ReconnectPolicy::SOCKET_IO, 0, Span::ZERO) {
            bands[((ms - 500.0) / 50.0) as usize] += 1;
        }
        // 550–600, 650–700, … 1450–1500 ms hold 10 % each, the gaps between them nothing but their edges
        for (band, &count) in bands.iter().enumerate() {
            if band % 2 == 1 {
                assert!((18_900..21_100).contains(&count), "band {band}: {count}");
            } else {
                assert!(count < 800, "band {band}: {count}");
            }
        }
    }

    #[test]
    fn options_of_socket_io_mean_what_the_library_makes_of_them() {
        // computed with lib/contrib/backo2.ts
        assert_eq!(socket_io_ms([500.0, 2_000.0], 0.2, 0, 0.35), 534);
        assert_eq!(socket_io_ms([500.0, 2_000.0], 0.2, 1, 0.25), 950);
        assert_eq!(socket_io_ms([500.0, 2_000.0], 0.0, 1, 0.25), 1_000);
        assert_eq!(socket_io_ms([500.0, 2_000.0], 0.2, 9, 0.25), 2_000);
        assert_eq!(socket_io_ms([0.0, 0.0], 0.0, 0, 0.25), 100);
        assert_eq!(socket_io_ms([0.0, 0.0], 0.0, 20, 0.25), 10_000);
        // 1000 · 2^1014 is the last number: then one half of the delays is none at all
        assert_eq!([1_014, 1_015].map(|attempt| socket_io_ms([1e3, 5e3], 0.5, attempt, 0.25)), [5_000, 0]);
        assert_eq!(socket_io_ms([1e3, 5e3], 0.5, 1_015, 0.35), 5_000);
    }

    #[test]
    fn each_law_keeps_its_bounds_and_its_mean() {
        let [first, max] = [Span::from_secs(1), Span::from_secs(30)];
        for (policy, attempt, previous_s, min, mean, high) in [
            (RetryLaw::Immediate, 0, 0, 1.0, 1.0, 1.0),
            (RetryLaw::Fixed { delay: first, jitter: 0.0 }, 3, 0, 1e3, 1e3, 1e3),
            (RetryLaw::Fixed { delay: first, jitter: 0.1 }, 3, 0, 900.0, 1e3, 1_100.0),
            (RetryLaw::Exponential { first, max, jitter: 0.5 }, 1, 0, 1e3, 2e3, 3e3),
            (RetryLaw::Exponential { first, max, jitter: 0.0 }, 9, 0, 30e3, 30e3, 30e3),
            (RetryLaw::FullJitter { first, max }, 2, 0, 0.0, 2e3, 4e3),
            (RetryLaw::FullJitter { first, max }, 200, 0, 0.0, 15e3, 30e3),
            (RetryLaw::EqualJitter { first, max }, 2, 0, 2e3, 3e3, 4e3),
            (RetryLaw::EqualJitter { first, max }, 60_000, 0, 15e3, 22.5e3, 30e3),
            (RetryLaw::Decorrelated { first, max }, 0, 7, 1e3, 2e3, 3e3),
            (RetryLaw::Decorrelated { first, max }, 4, 7, 1e3, 11e3, 21e3),
            // U(1, 60) cut at 30 s: 29/59 of it is below, with 15.5 s in the mean
            (RetryLaw::Decorrelated { first, max }, 4, 20, 1e3, 15.5e3 * 29.0 / 59.0 + 30e3 * 30.0 / 59.0, 30e3),
        ] {
            let ours = delays(&policy.into(), attempt, Span::from_secs(previous_s));
            let (least, most) = (ours[0], ours[ours.len() - 1]);
            let our_mean = ours.iter().sum::<f64>() / ours.len() as f64;
            assert!(least >= min - 1e-6 && least <= min + 0.001 * high, "{policy:?}: {least}");
            assert!(most <= high + 1e-6 && most >= 0.999 * high, "{policy:?}: {most}");
            assert!((our_mean / mean - 1.0).abs() < 0.005, "{policy:?}: {our_mean}");
        }
    }

    #[test]
    fn whoever_has_used_up_the_attempts_gives_up() {
        let policy = ReconnectPolicy { attempts: Some(3), ..ReconnectPolicy::SOCKET_IO };
        let delay = |policy: &ReconnectPolicy, n| policy.delay(n, Span::ZERO, &mut Seed(1).stream(1, 1, 0));
        assert!(delay(&policy, 2).is_some() && delay(&policy, 3).is_none());
        assert_eq!(delay(&ReconnectPolicy::NEVER, 0), None);
    }
}
