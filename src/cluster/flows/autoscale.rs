//! An autoscaler looks at the pods, and changes how many are wanted.

use crate::cluster::autoscaler::{self, Group, Target};
use crate::cluster::meter::PodTotals;
use crate::cluster::pods::{Container, Phase};
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::{AutoscalerSpec, MetricSpec};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};

/// A sample of CPU does not count before a pod is so old, unless it was taken while the pod was ready
/// (`cpuInitializationPeriod`).
const CPU_INITIALIZATION: Span = Span::from_secs(300);

/// What was measured of a pod the last time.
#[derive(Clone, Copy, Default)]
pub struct Measured {
    /// When, and what it had done by then.
    at: SimTime,
    totals: PodTotals,
    values: Option<Values>,
}

#[derive(Clone, Copy)]
struct Values {
    /// Cores in use, and requests per second, since the time before.
    cpu: f64,
    requests: f64,
    memory: f64,
    connections: f64,
}

/// What an autoscaler knows.
#[derive(Default)]
pub struct Autoscaler {
    history: autoscaler::History,
    /// By pod.
    measured: Vec<Measured>,
}

impl Values {
    fn of(&self, metric: MetricSpec) -> f64 {
        match metric {
            MetricSpec::Cpu(_) => self.cpu,
            MetricSpec::Memory(_) => self.memory,
            MetricSpec::Connections(_) => self.connections,
            MetricSpec::Requests(_) => self.requests,
        }
    }
}

impl Cluster<'_> {
    /// Its clocks start, each somewhere in its period.
    pub fn start_autoscaler(&mut self, ctx: &mut Ctx<Event>) {
        let Some(spec) = &self.spec.autoscaler else { return };
        let phase = |n, period: Span| {
            let mut stream = Purpose::Autoscaler.stream(self.seed, 0, n);
            Span::from_nanos(stream.below(period.as_nanos().max(1)))
        };
        ctx.schedule_in(phase(0, spec.scrape), Event::Scrape);
        ctx.schedule_in(phase(1, spec.sync), Event::Autoscale);
    }

    /// All pods whose container runs are measured.
    pub fn scrape(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let Some(spec) = &self.spec.autoscaler else { return };
        ctx.schedule_in(spec.scrape, Event::Scrape);
        self.autoscaler.measured.resize(self.pods.len(), Measured::default());
        for &pod in &self.running {
            let totals = self.totals(pod, now);
            let life = &self.pods[pod].life;
            let before = self.autoscaler.measured[pod.index()];
            let seconds = (now - before.at).as_secs_f64();
            // CPU is what was used between two measurements
            let there = before.at >= life.created_at
                && seconds > 0.0
                && life.container != Container::Waiting
                && self.is_heard(pod);
            let values = there.then(|| Values {
                cpu: totals.cpu.saturating_sub(before.totals.cpu).as_secs_f64() / seconds,
                requests: (totals.requests - before.totals.requests) as f64 / seconds,
                memory: self.memory_of(pod) as f64,
                connections: f64::from(self.pods[pod].connections()),
            });
            self.autoscaler.measured[pod.index()] = Measured { at: now, totals, values };
        }
    }

    /// One decision.
    pub fn autoscale(&mut self, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let spec = self.spec;
        let Some(spec) = &spec.autoscaler else { return };
        ctx.schedule_in(spec.sync, Event::Autoscale);
        let current = self.wanted_pods();
        self.autoscaler.history.looks(now, current);
        let next = if current > spec.max {
            spec.max
        } else if current < spec.min {
            spec.min
        } else {
            let Some(asked) = self.asked(spec, current, now) else { return };
            self.autoscaler.history.decide(now, current, asked, spec)
        };
        if next != current {
            self.meter.counts.autoscaled += 1;
            self.autoscaler.history.changed(now, current, next);
            self.scale(next, "autoscaler: ", ctx);
        }
    }

    /// How many pods the metrics ask for: the largest number, unless one of them says nothing and fewer would be left.
    fn asked(&self, spec: &AutoscalerSpec, current: u32, now: SimTime) -> Option<u32> {
        let asked: Vec<Option<u32>> =
            spec.metrics.iter().map(|&metric| self.asked_by(metric, spec, current, now)).collect();
        let most = asked.iter().flatten().copied().max()?;
        (most >= current || asked.iter().all(Option::is_some)).then_some(most)
    }

    fn asked_by(&self, metric: MetricSpec, spec: &AutoscalerSpec, current: u32, now: SimTime) -> Option<u32> {
        let value = |pod: PodId| {
            let measured = self.autoscaler.measured.get(pod.index())?;
            Some(measured.values?.of(metric))
        };
        let target = match metric {
            MetricSpec::Cpu(per_cent) => Target::Utilization { per_cent, request: spec.cpu_request },
            MetricSpec::Memory(per_cent) => Target::Utilization { per_cent, request: spec.memory_request? as f64 },
            MetricSpec::Connections(average) | MetricSpec::Requests(average) => Target::Average(average),
        };
        if let (true, Target::Average(average)) = (spec.external, target) {
            let total: f64 = self.running.iter().filter_map(|&pod| value(pod)).sum();
            // it compares with the pods that there are, surge included
            let there = self.running.iter().filter(|&&pod| self.pods[pod].life.is_active()).count() as u32;
            return Some(autoscaler::external(total, average, spec.tolerance, there));
        }
        let active = self.running.iter().copied().filter(|&pod| self.pods[pod].life.phase == Phase::Active);
        let groups: Vec<(Group, f64)> = active
            .map(|pod| match value(pod) {
                _ if self.pods[pod].life.is_pending() => (Group::Unready, 0.0),
                None => (Group::Missing, 0.0),
                Some(value) if matches!(metric, MetricSpec::Cpu(_)) && self.just_started(pod, spec, now) => {
                    (Group::Unready, value)
                }
                Some(value) => (Group::Ready, value),
            })
            .collect();
        autoscaler::replicas(&groups, target, spec.tolerance, current)
    }

    /// The CPU of a pod does not count yet: it is young, and was not ready while it was measured; or it was never ready.
    fn just_started(&self, pod: PodId, spec: &AutoscalerSpec, now: SimTime) -> bool {
        let life = &self.pods[pod].life;
        if now - life.created_at < CPU_INITIALIZATION {
            let measured = self.autoscaler.measured[pod.index()].at;
            !life.ready || measured < life.ready_at + spec.scrape
        } else {
            !life.was_ready()
        }
    }
}
