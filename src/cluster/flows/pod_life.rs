//! Pods start, are shut down in order, die and come back.

use crate::cluster::pods::{Phase, Pod, Subscription};
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::WithoutRedis;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Span};
use crate::metrics::CloseReason;

/// A container that crashed again is started after 10 s, 20 s, 40 s … at most 300 s (kubelet, CrashLoopBackOff) …
const BACK_OFF_FIRST: Span = Span::from_secs(10);
/// … at most this …
const BACK_OFF_MAX: Span = Span::from_secs(300);
/// … forgotten after a run of this length.
const BACK_OFF_FORGET: Span = Span::from_secs(600);

impl Cluster<'_> {
    /// A new pod with a new name and address.
    pub fn create_pod(&mut self, generation: u32, ctx: &mut Ctx<Event>) {
        let pod = self.pods.push(Pod::new(&self.spec.pods, generation, ctx.now()));
        self.running.push(pod);
        self.meter.mark(ctx.now(), format!("create pod-{}", pod.raw()));
        self.start_process(pod, Span::ZERO, ctx);
    }

    /// The pod's next process starts `after` from now and is ready when it has booted.
    fn start_process(&mut self, pod: PodId, after: Span, ctx: &mut Ctx<Event>) {
        let process = self.pods[pod].process;
        let boot = self.spec.pods.startup.span(&mut Purpose::Startup.stream(self.seed, pod.raw(), process));
        ctx.schedule_in(after + boot, Event::PodReady(pod, process as u16));
    }

    /// A process is ready for clients.
    pub fn pod_ready(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let target = &mut self.pods[pod];
        if target.process as u16 != process || target.phase != Phase::Starting {
            return;
        }
        if let Some(back) = self.redis_back_for(pod, ctx.now()) {
            match self.spec.redis.at_start {
                WithoutRedis::Waits => return ctx.schedule(back, Event::PodReady(pod, process)),
                WithoutRedis::StaysAlone => self.pods[pod].subscription = Subscription::Alone,
            }
        }
        let target = &mut self.pods[pod];
        target.phase = Phase::Ready;
        target.restarting = false;
        target.ready_at = ctx.now();
        self.meter.mark(ctx.now(), format!("ready: pod-{}", pod.raw()));
        if self.spec.redis.law.adapter.subscribes_at_start() {
            self.listen(pod, ctx);
        }
        self.pods_changed(ctx);
        self.restart_next_in_place(Some(pod), ctx);
        self.reconcile(ctx);
    }

    /// A pod is to go: it leaves the endpoints at once and gets SIGTERM after its preStop. `restarts`: its container
    /// is started again in place, with the same name and address.
    pub fn terminate(&mut self, pod: PodId, restarts: bool, ctx: &mut Ctx<Event>) {
        let target = &mut self.pods[pod];
        match target.phase {
            Phase::Ready => {
                target.phase = Phase::Terminating;
                target.restarting = restarts;
                let process = target.process as u16;
                let what = if restarts { "restart" } else { "remove" };
                self.meter.mark(ctx.now(), format!("{what} pod-{}", pod.raw()));
                ctx.schedule_in(self.spec.pods.pre_stop, Event::PodStops(pod, process));
                self.pods_changed(ctx);
            }
            Phase::Starting if !restarts => {
                self.remove(pod, ctx);
                self.pods_changed(ctx);
            }
            Phase::Terminating if !restarts => {
                // a restart in place becomes a removal: nothing is started after its SIGTERM
                target.restarting = false;
                self.pods_changed(ctx);
            }
            Phase::Starting | Phase::Terminating | Phase::Gone => {}
        }
    }

    /// SIGTERM: the application closes every connection, answers the requests it has, and exits.
    pub fn pod_stops(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let target = &self.pods[pod];
        if target.process as u16 != process || target.phase != Phase::Terminating {
            return;
        }
        self.end_process(pod, CloseReason::PodShutdown, ctx);
        if self.pods[pod].restarting {
            self.pods[pod].phase = Phase::Starting;
            self.start_process(pod, Span::ZERO, ctx);
        } else {
            self.remove(pod, ctx);
        }
        self.pods_changed(ctx);
        self.reconcile(ctx);
    }

    /// The process dies at once. The container restarts in place unless the pod was being removed.
    pub fn crash(&mut self, pod: PodId, why: &str, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let target = &self.pods[pod];
        if !target.serves() {
            return;
        }
        let removed = target.phase == Phase::Terminating && !target.restarting;
        let healthy_for = now.since(target.ready_at);
        self.meter.mark(now, format!("{why} pod-{}", pod.raw()));
        self.end_process(pod, CloseReason::PodCrash, ctx);
        if removed {
            self.remove(pod, ctx);
        } else {
            let target = &mut self.pods[pod];
            target.phase = Phase::Starting;
            if healthy_for > BACK_OFF_FORGET {
                target.crashes = 0;
            }
            // the first restart is immediate
            let back_off = match target.crashes {
                0 => Span::ZERO,
                crashes => (BACK_OFF_FIRST * (1 << (crashes - 1).min(5))).min(BACK_OFF_MAX),
            };
            target.crashes += 1;
            self.start_process(pod, back_off, ctx);
        }
        self.pods_changed(ctx);
        self.reconcile(ctx);
    }

    /// The process of a pod stands still, as under SIGSTOP or on a node that stalls. What it has taken on before is finished
    /// first; what comes then waits. Clients that hear no ping in time take the connection for dead.
    pub fn freeze(&mut self, pod: PodId, length: Span, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.meter.mark(now, format!("freeze pod-{}", pod.raw()));
        let target = &mut self.pods[pod];
        target.stand_still(now, length);
        for client in target.live.clone() {
            let gives_up = self.silence_noticed_at(client, now);
            if gives_up < now + length {
                ctx.schedule(gives_up, Event::SilenceNoticed(client, self.clients.wire(client).epoch));
            }
        }
    }

    /// What is left of a process when it ends: clients are cut, unsent copies are lost; requests are answered if the
    /// end is in order.
    fn end_process(&mut self, pod: PodId, reason: CloseReason, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.settle(pod, now);
        self.settle_fan_outs(now);
        let unfinished = self.pods[pod].abandon(now);
        self.record_unfinished(&unfinished, now, reason == CloseReason::PodShutdown);
        self.end_data(pod, reason == CloseReason::PodShutdown, ctx);
        self.close_all(pod, reason, ctx);
        self.stop_listening(pod, reason == CloseReason::PodShutdown, now);
        let target = &mut self.pods[pod];
        target.deaths.push(now);
        target.process += 1;
        let process = target.process - 1;
        self.settle_late_of(pod, process);
    }

    fn remove(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        self.pods[pod].phase = Phase::Gone;
        self.running.retain(|&other| other != pod);
        // a rolling restart in place that waits for this pod would wait for ever
        self.restart_next_in_place(Some(pod), ctx);
    }

    /// Kills a pod that needs more memory than it may have.
    pub fn check_memory(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let Some(limit) = self.spec.pods.memory_bytes else { return };
        if self.memory_of(pod) > limit {
            self.meter.counts.oom_kills += 1;
            self.crash(pod, "OOM-kill", ctx);
        }
    }

    /// Memory of a pod in bytes: the process and its connections.
    pub fn memory_of(&self, pod: PodId) -> u64 {
        let target = &self.pods[pod];
        let costs = &self.spec.pods.costs;
        let connections = u64::from(target.connections()) + target.upgrading.len() as u64;
        let pollers = u64::from(target.pollers + target.silent_ghosts);
        costs.memory_base + costs.memory_per_connection * (connections - pollers) + costs.memory_per_poller * pollers
    }
}
