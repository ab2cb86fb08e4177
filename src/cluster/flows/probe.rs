//! The kubelet asks containers how they are.

use crate::cluster::pods::{Container, Phase, ProbeKind};
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::{Probe, Readiness};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Span};

/// In the number of an answer: it came in time.
const GOOD: u16 = 1 << 8;

impl Cluster<'_> {
    /// The probe of a kind, if there is one.
    fn probe_of(&self, kind: ProbeKind) -> Option<Probe> {
        match (kind, self.spec.pods.readiness) {
            (ProbeKind::Startup, _) => self.spec.pods.startup_probe,
            (ProbeKind::Liveness, _) => self.spec.pods.liveness,
            (ProbeKind::Readiness, Readiness::Probed(probe)) => Some(probe),
            (ProbeKind::Readiness, Readiness::Immediate | Readiness::Unprobed) => None,
        }
    }

    /// Each probe of a pod ticks for as long as there is that pod, with a phase of its own.
    pub fn start_probes(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        for kind in ProbeKind::ALL {
            if let Some(probe) = self.probe_of(kind) {
                let mut stream = Purpose::ProbePhase.stream(self.seed, pod.raw(), kind as u32);
                let phase = Span::from_nanos(stream.below(probe.period.as_nanos().max(1)));
                ctx.schedule_in(phase, Event::Probe(pod, kind as u16));
            }
        }
    }

    /// A tick of a probe.
    pub fn probe(&mut self, pod: PodId, kind: u16, ctx: &mut Ctx<Event>) {
        let kind = ProbeKind::ALL[usize::from(kind)];
        let Some(probe) = self.probe_of(kind) else { return };
        let life = &self.pods[pod].life;
        let goes_on = match kind {
            ProbeKind::Readiness => life.phase != Phase::Gone,
            ProbeKind::Startup | ProbeKind::Liveness => life.is_active() || life.restarting,
        };
        if goes_on {
            ctx.schedule_in(probe.period, Event::Probe(pod, kind as u16));
            self.ask(pod, kind, &probe, ctx);
        }
    }

    /// A container is asked, and answers when its event loop comes to it; nobody waits longer than the time-out.
    fn ask(&mut self, pod: PodId, kind: ProbeKind, probe: &Probe, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let life = &mut self.pods[pod].life;
        let is_ended = life.stopping && kind != ProbeKind::Readiness;
        if life.container == Container::Waiting || is_ended || life.silent || !life.prober.asks(kind, probe, now) {
            return;
        }
        if !life.serves() {
            return self.probe_answered(pod, kind, probe, false, ctx);
        }
        let done = self.pods[pod].book(now, self.spec.pods.costs.request).done;
        let (after, good) = if done - now <= probe.timeout { (done - now, true) } else { (probe.timeout, false) };
        if after.is_zero() {
            return self.probe_answered(pod, kind, probe, good, ctx);
        }
        self.pods[pod].life.prober.begin(kind);
        ctx.schedule_in(after, Event::ProbeEnds(pod, kind as u16 | if good { GOOD } else { 0 }));
    }

    /// The answer of a container is there, or the kubelet has waited long enough; if it is still the one that was asked.
    pub fn probe_ends(&mut self, pod: PodId, answer: u16, ctx: &mut Ctx<Event>) {
        let kind = ProbeKind::ALL[usize::from(answer & !GOOD)];
        let Some(probe) = self.probe_of(kind) else { return };
        let life = &mut self.pods[pod].life;
        let Some(ticked) = life.prober.end(kind) else { return };
        if life.container == Container::Waiting {
            return;
        }
        self.probe_answered(pod, kind, &probe, answer & GOOD != 0, ctx);
        if ticked {
            self.ask(pod, kind, &probe, ctx);
        }
    }

    fn probe_answered(&mut self, pod: PodId, kind: ProbeKind, probe: &Probe, good: bool, ctx: &mut Ctx<Event>) {
        match (kind, self.pods[pod].life.prober.answered(kind, probe, good)) {
            (ProbeKind::Readiness, Some(ready)) if ready != self.pods[pod].life.ready => {
                if ready {
                    self.becomes_ready(pod, ctx);
                } else {
                    self.becomes_unready(pod, ctx);
                }
            }
            (ProbeKind::Startup | ProbeKind::Liveness, Some(false)) => {
                let which = if kind == ProbeKind::Startup { "startup" } else { "liveness" };
                self.meter.counts.probe_kills += 1;
                self.meter.mark(ctx.now(), format!("{which} probe ends pod-{}", pod.raw()));
                self.stop_container(pod, probe.grace.unwrap_or(self.spec.pods.shutdown.grace), ctx);
            }
            _ => {}
        }
    }
}
