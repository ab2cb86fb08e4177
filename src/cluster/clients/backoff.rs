//! When a client tries again.

use crate::cluster::spec::ReconnectPolicy;
use crate::engine::{Span, Stream};

/// The delay before attempt number `attempt` (from 0) after a loss; `None` when the client gives up.
pub fn retry_delay(policy: &ReconnectPolicy, attempt: u16, stream: &mut Stream) -> Option<Span> {
    match policy {
        ReconnectPolicy::Never => None,
        ReconnectPolicy::SocketIo => Some(Span::from_millis(socket_io_ms(attempt, stream.unit()))),
        ReconnectPolicy::Exponential { first, max, jitter, attempts } => {
            if attempts.is_some_and(|limit| u32::from(attempt) >= limit) {
                return None;
            }
            let doubled = first.as_nanos() as f64 * libm::exp2(f64::from(attempt.min(60)));
            let spread = 1.0 + jitter * (2.0 * stream.unit() - 1.0);
            Some(Span::from_nanos_f64(doubled * spread).min(*max))
        }
    }
}

/// `Backoff.prototype.duration` of socket.io-client 4.8.4 (`lib/contrib/backo2.ts`) with the Manager's defaults: one
/// random number decides both the size of the deviation and, by its first decimal, its sign; the cap comes last.
fn socket_io_ms(attempt: u16, random: f64) -> u64 {
    const FIRST_MS: f64 = 1000.0;
    const MAX_MS: f64 = 5000.0;
    const RANDOMIZATION: f64 = 0.5;
    let ms = FIRST_MS * libm::exp2(f64::from(attempt.min(60)));
    let deviation = libm::floor(random * RANDOMIZATION * ms);
    let even = (libm::floor(random * 10.0) as u64).is_multiple_of(2);
    let ms = if even { ms - deviation } else { ms + deviation };
    ms.min(MAX_MS) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    /// (mean, smallest, largest, share of exactly 5000 ms) of the delays before one attempt.
    fn delays(attempt: u16) -> (f64, u64, u64, f64) {
        let n = 200_000;
        let all: Vec<u64> = (0..n).map(|i| socket_io_ms(attempt, Seed(5).stream(1, 1, i).unit())).collect();
        let mean = all.iter().sum::<u64>() as f64 / n as f64;
        let capped = all.iter().filter(|&&ms| ms == 5000).count() as f64 / n as f64;
        (mean, *all.iter().min().unwrap(), *all.iter().max().unwrap(), capped)
    }

    #[test]
    fn delays_are_those_of_the_javascript_client() {
        // recorded from socket.io-client 4.8.4, 200,000 samples each
        for (attempt, mean, min, max, capped) in [
            (0, 1024.0, 551, 1499, 0.0),
            (1, 2049.0, 1101, 2999, 0.0),
            (2, 3950.0, 2201, 5000, 0.3),
            (3, 4960.0, 4401, 5000, 0.9),
            (4, 5000.0, 5000, 5000, 1.0),
        ] {
            let ours = delays(attempt);
            assert!((ours.0 / mean - 1.0).abs() < 0.003, "attempt {attempt}: mean {}", ours.0);
            assert!(ours.1.abs_diff(min) <= 2 && ours.2.abs_diff(max) <= 2, "attempt {attempt}: {ours:?}");
            assert!((ours.3 - capped).abs() < 0.005, "attempt {attempt}: share at the cap {}", ours.3);
        }
    }

    #[test]
    fn the_first_delay_lies_in_ten_bands() {
        let mut bands = [0u32; 20];
        for i in 0..100_000 {
            let ms = socket_io_ms(0, Seed(6).stream(1, 1, i).unit());
            bands[((ms - 500) / 50) as usize] += 1;
        }
        // 550–600, 650–700, … 1450–1500 ms hold 10 % each, the gaps between them nothing but their edges
        for (band, &count) in bands.iter().enumerate() {
            if band % 2 == 1 {
                assert!((9_400..10_600).contains(&count), "band {band}: {count}");
            } else {
                assert!(count < 400, "band {band}: {count}");
            }
        }
    }

    #[test]
    fn other_policies_keep_their_bounds() {
        let policy = ReconnectPolicy::Exponential {
            first: Span::from_secs(1),
            max: Span::from_secs(5),
            jitter: 0.5,
            attempts: Some(3),
        };
        for n in 0..1_000 {
            let delay = retry_delay(&policy, 1, &mut Seed(1).stream(1, 1, n)).unwrap();
            assert!(delay >= Span::from_secs(1) && delay <= Span::from_secs(3), "{delay}");
        }
        assert_eq!(retry_delay(&policy, 3, &mut Seed(1).stream(1, 1, 0)), None);
        assert_eq!(retry_delay(&ReconnectPolicy::Never, 0, &mut Seed(1).stream(1, 1, 0)), None);
    }
}
