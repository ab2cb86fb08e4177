//! What the kubelet believes of a container by its probes.

use crate::cluster::spec::Probe;
use crate::engine::SimTime;

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// Whether the container has started; the others are off until then.
    Startup,
    /// Whether it is to be ended.
    Liveness,
    /// Whether the pod is an endpoint.
    Readiness,
}

impl ProbeKind {
    /// In the order of their numbers.
    pub const ALL: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Liveness, ProbeKind::Readiness];
}

/// Answers in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    good: bool,
    length: u32,
}

/// The probes of one pod (`prober/worker.go`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Prober {
    runs: [Run; 3],
    /// When the present container started.
    since: SimTime,
    /// The startup probe has succeeded, or there is none.
    started: bool,
    /// The container is being ended: nothing is asked before there is another one.
    on_hold: bool,
}

impl Prober {
    /// A container starts.
    pub const fn container_starts(&mut self, now: SimTime, has_startup_probe: bool) {
        *self = Prober {
            runs: [Run { good: false, length: 0 }; 3],
            since: now,
            started: !has_startup_probe,
            on_hold: false,
        };
    }
    /// When the present container started.
    pub const fn since(&self) -> SimTime {
        self.since
    }
    /// Whether a probe asks now.
    pub fn asks(&self, kind: ProbeKind, probe: &Probe, now: SimTime) -> bool {
        let is_on = match kind {
            ProbeKind::Startup => !self.started,
            ProbeKind::Liveness | ProbeKind::Readiness => self.started,
        };
        is_on && !self.on_hold && now - self.since >= probe.initial_delay
    }
    /// A probe has its answer: what is believed now, if there are enough in a row.
    pub fn answered(&mut self, kind: ProbeKind, probe: &Probe, good: bool) -> Option<bool> {
        let run = &mut self.runs[kind as usize];
        *run = if run.length > 0 && run.good == good {
            Run { good, length: run.length.saturating_add(1) }
        } else {
            Run { good, length: 1 }
        };
        let enough = run.length >= if good { probe.successes } else { probe.failures };
        match (kind, enough, good) {
            (_, false, _) => return None,
            (ProbeKind::Startup, _, true) => self.started = true,
            (ProbeKind::Startup | ProbeKind::Liveness, _, false) => self.on_hold = true,
            _ => {}
        }
        Some(good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Span;

    const PROBE: Probe = Probe {
        initial_delay: Span::from_secs(5),
        period: Span::from_secs(10),
        timeout: Span::from_secs(1),
        successes: 2,
        failures: 3,
        grace: None,
    };

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn only_answers_in_a_row_are_believed() {
        let mut prober = Prober::default();
        prober.container_starts(at(100), false);
        let mut believed = |good| prober.answered(ProbeKind::Readiness, &PROBE, good);
        assert_eq!([true, false, true, true].map(&mut believed), [None, None, None, Some(true)]);
        assert_eq!([false, false, true, false, false, false].map(&mut believed)[5], Some(false));
        assert_eq!(believed(false), Some(false), "it stays so");
    }

    #[test]
    fn a_startup_probe_keeps_the_others_off_and_a_container_that_is_ended_is_not_asked() {
        let mut prober = Prober::default();
        prober.container_starts(at(100), true);
        assert!(!prober.asks(ProbeKind::Startup, &PROBE, at(104)), "its delay is not over");
        let asks = |prober: &Prober| ProbeKind::ALL.map(|kind| prober.asks(kind, &PROBE, at(105)));
        assert_eq!(asks(&prober), [true, false, false]);
        prober.answered(ProbeKind::Startup, &PROBE, true);
        prober.answered(ProbeKind::Startup, &PROBE, true);
        assert_eq!(asks(&prober), [false, true, true]);
        for _ in 0..3 {
            prober.answered(ProbeKind::Liveness, &PROBE, false);
        }
        assert_eq!(asks(&prober), [false; 3]);
        prober.container_starts(at(105), false);
        assert!(prober.asks(ProbeKind::Liveness, &PROBE, at(110)));
    }
}
