//! Pods start: a node and an image, a container that boots, a process that accepts connections, an endpoint.

use crate::cluster::pods::{Container, Pod, Subscription};
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::{Outage, Readiness, WithoutRedis};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};

impl Cluster<'_> {
    /// A new pod with a new name and address.
    pub fn create_pod(&mut self, generation: u32, ordinal: u32, ctx: &mut Ctx<Event>) {
        let pod = self.pods.push(Pod::new(&self.spec.pods, generation, ctx.now()));
        self.pods[pod].life.ordinal = ordinal;
        self.running.push(pod);
        self.meter.mark(ctx.now(), format!("create pod-{}", pod.raw()));
        if self.place_on_node(pod) {
            self.wait_for_container(pod, ctx);
        }
        self.start_probes(pod, ctx);
    }

    /// A pod has a node, which gets its image and starts its first container.
    pub fn wait_for_container(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        if self.is_heard(pod) {
            let scheduling = self.spec.pods.scheduling.span(&mut Purpose::Scheduling.stream(self.seed, pod.raw(), 0));
            self.start_container(pod, scheduling, ctx);
        } // else the kubelet hears of it when it is back
    }

    /// A pod that has long been there when the run begins.
    pub fn place_pod(&mut self, ordinal: u32, ctx: &mut Ctx<Event>) {
        let pod = self.pods.push(Pod::new(&self.spec.pods, 0, SimTime::ZERO));
        self.running.push(pod);
        let life = &mut self.pods[pod].life;
        life.ordinal = ordinal;
        (life.container, life.ready, life.ready_at) = (Container::Serving, true, SimTime::ZERO);
        life.prober.container_starts(SimTime::ZERO, false);
        self.place_on_node(pod);
        self.start_clocks(pod, ctx);
        self.start_probes(pod, ctx);
    }

    /// The next container of a pod starts so long from now.
    pub fn start_container(&mut self, pod: PodId, after: Span, ctx: &mut Ctx<Event>) {
        if after.is_zero() {
            self.container_starts(pod, self.pods[pod].process as u16, ctx);
        } else {
            ctx.schedule_in(after, Event::ContainerStarts(pod, self.pods[pod].process as u16));
        }
    }

    /// A container starts, and boots. Without a readiness probe that makes an endpoint of it.
    pub fn container_starts(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let number = self.pods[pod].process;
        let life = &mut self.pods[pod].life;
        let without_power = life.node.is_some_and(|node| self.nodes.get(node).outage == Some(Outage::Power));
        if number as u16 != process || life.container != Container::Waiting || !life.is_active() || without_power {
            return;
        }
        life.container = Container::Booting;
        life.prober.container_starts(ctx.now(), self.spec.pods.startup_probe.is_some());
        let boot = self.spec.pods.startup.span(&mut Purpose::Startup.stream(self.seed, pod.raw(), number));
        ctx.schedule_in(boot, Event::PodBooted(pod, process));
        if self.spec.pods.readiness == Readiness::Unprobed {
            self.becomes_ready(pod, ctx);
        } else if self.spec.pods.publish_not_ready {
            self.pods_changed(ctx);
        }
    }

    /// A process accepts connections from now on.
    pub fn pod_booted(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let target = &self.pods[pod];
        if target.process as u16 != process || target.life.container != Container::Booting {
            return;
        }
        if let Some(back) = self.redis_back_for(pod, ctx.now()) {
            match self.spec.redis.at_start {
                WithoutRedis::Waits => return ctx.schedule(back, Event::PodBooted(pod, process)),
                WithoutRedis::StaysAlone => self.pods[pod].subscription = Subscription::Alone,
            }
        }
        self.pods[pod].life.container = Container::Serving;
        self.start_clocks(pod, ctx);
        if self.spec.redis.law.adapter.subscribes_at_start() {
            self.listen(pod, ctx);
        }
        if self.spec.pods.readiness == Readiness::Immediate {
            self.becomes_ready(pod, ctx);
        }
    }

    /// A pod is ready: balancers will hear of it, and controllers count it as soon as it has been so for long enough.
    pub fn becomes_ready(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        if !self.is_heard(pod) {
            return;
        }
        let life = &mut self.pods[pod].life;
        life.ready = true;
        if !life.is_active() {
            return; // it is on its way out: only who still looks at those cares
        }
        life.ready_at = ctx.now();
        self.progressed(ctx.now());
        self.meter.mark(ctx.now(), format!("ready: pod-{}", pod.raw()));
        self.pods_changed(ctx);
        let min_ready = self.spec.rollout.min_ready;
        if min_ready.is_zero() {
            self.pod_available(pod, ctx);
        } else {
            ctx.schedule_in(min_ready, Event::PodAvailable(pod));
        }
    }

    /// A pod may have been ready for long enough: rollouts go on.
    pub fn pod_available(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        if self.is_available(pod, ctx.now()) {
            self.progressed(ctx.now());
            self.restart_next_in_place(Some(pod), ctx);
            self.reconcile(ctx);
        }
    }

    /// Whether a pod counts as available.
    pub fn is_available(&self, pod: PodId, now: SimTime) -> bool {
        let life = &self.pods[pod].life;
        life.is_ready() && now - life.ready_at >= self.spec.rollout.min_ready
    }

    /// A pod is an endpoint no more, or not in full. Connections that are open stay so.
    pub fn becomes_unready(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        if !self.is_heard(pod) {
            return;
        }
        self.pods[pod].life.ready = false;
        self.meter.mark(ctx.now(), format!("not ready: pod-{}", pod.raw()));
        self.pods_changed(ctx);
        self.reconcile(ctx);
    }
}
