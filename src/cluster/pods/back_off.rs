//! How long the kubelet waits before it starts a container again.

use crate::engine::{SimTime, Span, Stream};

/// The second restart waits for so long, each further one for twice as long as the one before …
const FIRST: Span = Span::from_secs(10);
/// … but not longer than this.
const MOST: Span = Span::from_secs(300);
/// After a run that ends so long after the last restart, everything begins anew.
const FORGOTTEN_AFTER: Span = Span::from_secs(600);

/// CrashLoopBackOff (`flowcontrol/backoff.go`, and `doBackOff` of the kubelet).
#[derive(Clone, Copy, Debug, Default)]
pub struct BackOff {
    /// What the next restart has to wait for.
    wait: Span,
    /// The last restart.
    restarted: SimTime,
}

impl BackOff {
    /// A container has ended: how long until it is started again. The first time that is at once; later the kubelet looks whether
    /// the time is over at a distance of `resync`, or up to half of it more.
    pub fn after_end(&mut self, now: SimTime, resync: Span, stream: &mut Stream) -> Span {
        // ended before it was started again, it has not run: `restarted` is still to come
        if self.wait.is_zero() || now.since(self.restarted) > FORGOTTEN_AFTER {
            *self = BackOff { wait: FIRST, restarted: now };
            return Span::ZERO;
        }
        let mut waited = if resync.is_zero() { self.wait } else { Span::ZERO };
        while waited < self.wait {
            waited += resync + Span::from_nanos(stream.below((resync / 2).as_nanos().max(1)));
        }
        *self = BackOff { wait: (self.wait * 2).min(MOST), restarted: now + waited };
        waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::purpose::Purpose;
    use crate::engine::Seed;

    fn stream(n: u32) -> Stream {
        Purpose::Startup.stream(Seed(1), 0, n)
    }

    #[test]
    fn each_restart_waits_twice_as_long_up_to_five_minutes() {
        for n in 0..200 {
            let (mut back_off, mut now) = (BackOff::default(), SimTime::ZERO + Span::from_secs(100));
            for least in [0, 10, 20, 40, 80, 160, 300, 300, 300] {
                let waited = back_off.after_end(now, Span::from_secs(10), &mut stream(n));
                assert!(waited >= Span::from_secs(least), "{waited} < {least} s");
                let most = if least == 0 { 0 } else { least + 15 };
                assert!(waited <= Span::from_secs(most), "{waited} > {most} s");
                now += waited + Span::from_secs(5);
            }
        }
    }

    #[test]
    fn a_run_of_more_than_ten_minutes_is_forgiven() {
        let start = SimTime::ZERO + Span::from_secs(100);
        for (run_s, waits) in [(599, true), (600, true), (601, false)] {
            let mut back_off = BackOff::default();
            assert_eq!(back_off.after_end(start, Span::ZERO, &mut stream(0)), Span::ZERO);
            let next = back_off.after_end(start + Span::from_secs(run_s), Span::ZERO, &mut stream(0));
            assert_eq!(next >= FIRST, waits, "ran for {run_s} s");
        }
    }
}
