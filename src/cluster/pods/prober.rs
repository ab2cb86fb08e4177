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
    /// What readiness probes have said.
    ready: bool,
    /// It has ended the container, and asks nothing before there is another one.
    on_hold: [bool; 3],
    /// An answer is not there yet; and whether it has ticked meanwhile.
    open: [Option<bool>; 3],
}

impl Prober {
    /// A container starts.
    pub const fn container_starts(&mut self, now: SimTime, has_startup_probe: bool) {
        *self = Prober {
            runs: [Run { good: false, length: 0 }; 3],
            since: now,
            started: !has_startup_probe,
            ready: false,
            on_hold: [false; 3],
            open: [None; 3],
        };
    }
    /// Whether a probe asks now. One that waits for an answer asks again when it has it.
    pub fn asks(&mut self, kind: ProbeKind, probe: &Probe, now: SimTime) -> bool {
        if let Some(ticked) = &mut self.open[kind as usize] {
            *ticked = true;
            return false;
        }
        let is_on = match kind {
            ProbeKind::Startup => !self.started,
            ProbeKind::Liveness | ProbeKind::Readiness => self.started,
        };
        is_on && !self.on_hold[kind as usize] && now - self.since >= probe.initial_delay
    }
    /// What readiness probes have said, so many times in a row.
    pub const fn believes_ready(&self) -> bool {
        self.ready
    }
    /// An answer will take some time.
    pub const fn begin(&mut self, kind: ProbeKind) {
        self.open[kind as usize] = Some(false);
    }
    /// That time is over: whether the probe has ticked meanwhile, if it is still the same container.
    pub const fn end(&mut self, kind: ProbeKind) -> Option<bool> {
        self.open[kind as usize].take()
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
            (ProbeKind::Readiness, ..) => self.ready = good,
            (ProbeKind::Startup | ProbeKind::Liveness, _, false) => self.on_hold[kind as usize] = true,
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
    fn a_startup_probe_keeps_the_others_off_and_who_has_ended_a_container_asks_no_more() {
        let mut prober = Prober::default();
        prober.container_starts(at(100), true);
        assert!(!prober.asks(ProbeKind::Startup, &PROBE, at(104)), "its delay is not over");
        let asks = |prober: &mut Prober| ProbeKind::ALL.map(|kind| prober.asks(kind, &PROBE, at(105)));
        assert_eq!(asks(&mut prober), [true, false, false]);
        prober.answered(ProbeKind::Startup, &PROBE, true);
        prober.answered(ProbeKind::Startup, &PROBE, true);
        assert_eq!(asks(&mut prober), [false, true, true]);
        for _ in 0..3 {
            prober.answered(ProbeKind::Liveness, &PROBE, false);
        }
        assert_eq!(asks(&mut prober), [false, false, true], "readiness goes on");
        prober.container_starts(at(105), false);
        assert!(prober.asks(ProbeKind::Liveness, &PROBE, at(110)));
    }

    #[test]
    fn one_question_at_a_time() {
        let mut prober = Prober::default();
        prober.container_starts(at(100), false);
        assert!(prober.asks(ProbeKind::Readiness, &PROBE, at(110)));
        prober.begin(ProbeKind::Readiness);
        assert!(!prober.asks(ProbeKind::Readiness, &PROBE, at(120)));
        assert_eq!([prober.end(ProbeKind::Readiness), prober.end(ProbeKind::Readiness)], [Some(true), None]);
        prober.begin(ProbeKind::Readiness);
        prober.container_starts(at(130), false);
        assert_eq!(prober.end(ProbeKind::Readiness), None, "another container");
    }
}
