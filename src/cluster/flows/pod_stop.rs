//! Pods end: in order, by SIGTERM and what the application makes of it, by SIGKILL, or all at once.

use crate::cluster::clients::{Link, Wire};
use crate::cluster::pods::{Container, Phase};
use crate::cluster::purpose::Purpose;
use crate::cluster::spec::{OnSigterm, Readiness};
use crate::cluster::{ClientId, Cluster, Event, PodId};
use crate::engine::{Ctx, Span};
use crate::metrics::CloseReason;

/// A pod that drains looks at least so often whether somebody is left.
const LOOKS_EVERY: Span = Span::from_secs(1);

impl Cluster<'_> {
    /// A pod is to go: it leaves the endpoints at once and gets SIGTERM after its preStop. `restarts`: its container
    /// is started again in place, with the same name and address.
    pub fn terminate(&mut self, pod: PodId, restarts: bool, ctx: &mut Ctx<Event>) {
        let is_heard = self.is_heard(pod);
        let life = &mut self.pods[pod].life;
        match life.phase {
            Phase::Active if life.container != Container::Waiting && (life.runs() || !restarts) => {
                life.phase = Phase::Terminating;
                life.restarting = restarts;
                let what = if restarts { "restart" } else { "remove" };
                self.meter.mark(ctx.now(), format!("{what} pod-{}", pod.raw()));
                if is_heard {
                    self.stop_container(pod, self.spec.pods.shutdown.grace, ctx);
                } // else its kubelet hears of it when it is back
                self.pods_changed(ctx);
            }
            // a kubelet that is not there cannot say that nothing runs
            Phase::Active if !restarts && !is_heard => {
                life.phase = Phase::Terminating;
                self.meter.mark(ctx.now(), format!("remove pod-{}", pod.raw()));
                self.pods_changed(ctx);
            }
            // nobody is there to be told
            Phase::Active if !restarts => {
                self.meter.mark(ctx.now(), format!("remove pod-{}", pod.raw()));
                self.remove(pod, ctx);
                self.pods_changed(ctx);
            }
            Phase::Terminating if !restarts => {
                // a restart in place becomes a removal: nothing is started after its SIGTERM
                life.restarting = false;
                self.pods_changed(ctx);
            }
            Phase::Active | Phase::Terminating | Phase::Gone => {}
        }
    }

    /// The kubelet ends a container: preStop, SIGTERM, SIGKILL.
    pub fn stop_container(&mut self, pod: PodId, grace: Span, ctx: &mut Ctx<Event>) {
        let target = &mut self.pods[pod];
        let process = target.process as u16;
        let [sigterm, sigkill] = self.spec.pods.shutdown.times(grace);
        // who is being ended already, and deleted as well, has the shorter of both grace periods
        ctx.schedule_in(sigkill, Event::PodKilled(pod, process));
        if !std::mem::replace(&mut target.life.stopping, true) {
            ctx.schedule_in(sigterm, Event::PodStops(pod, process));
        }
    }

    /// SIGTERM.
    pub fn pod_stops(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let target = &mut self.pods[pod];
        if target.process as u16 != process || !target.life.stopping {
            return;
        }
        if target.life.container == Container::Booting {
            return self.exits(pod, CloseReason::PodShutdown, ctx); // nobody has asked for the signal yet
        }
        if target.life.frozen_until > now {
            return ctx.schedule(target.life.frozen_until, Event::PodStops(pod, process));
        }
        match self.spec.pods.shutdown.on_sigterm {
            OnSigterm::Close => self.exits(pod, CloseReason::PodShutdown, ctx),
            OnSigterm::Drain { over, every } => self.begin_drain(pod, over, every, ctx),
            OnSigterm::Ignore => {}
        }
    }

    /// The application closes its door, and its connections some at a time.
    fn begin_drain(&mut self, pod: PodId, over: Span, every: Span, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.meter.mark(now, format!("drain pod-{}", pod.raw()));
        let target = &mut self.pods[pod];
        let process = target.process as u16;
        let there = target.connections() + target.upgrading.len() as u32;
        target.life.container = Container::Draining;
        target.life.drained_at = now + over;
        if self.spec.pods.readiness == Readiness::Immediate {
            target.life.ready = false;
        }
        if every.is_zero() {
            for client in target.live.clone() {
                self.close_while_draining(client, ctx);
            }
            ctx.schedule_in(over.min(LOOKS_EVERY), Event::DrainStep(pod, process));
        } else {
            let steps = over.as_nanos().div_ceil(every.as_nanos()).max(1);
            target.life.batch = u64::from(there).div_ceil(steps) as u32;
            ctx.schedule_in(every.min(over), Event::DrainStep(pod, process));
        }
        self.pods_changed(ctx);
    }

    /// A connection of a pod that drains is closed at a moment of its own.
    pub fn close_while_draining(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let &Wire { pod, connection, epoch, .. } = self.clients.wire(client);
        let left = self.pods[pod].life.drained_at.since(ctx.now());
        let mut stream = Purpose::Drain.stream(self.seed, self.clients[client].number, connection);
        ctx.schedule_in(Span::from_nanos(stream.below(left.as_nanos().max(1))), Event::CloseDue(client, epoch));
    }

    /// The next batch of connections is closed; after the last one the process exits.
    pub fn drain_step(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let target = &self.pods[pod];
        if target.process as u16 != process || target.life.container != Container::Draining {
            return;
        }
        if target.life.frozen_until > now {
            return ctx.schedule(target.life.frozen_until, Event::DrainStep(pod, process));
        }
        if now >= target.life.drained_at || (target.live.is_empty() && target.upgrading.is_empty()) {
            return self.exits(pod, CloseReason::Drained, ctx);
        }
        let batch: Vec<ClientId> = target.live.iter().copied().take(target.life.batch as usize).collect();
        for client in batch {
            self.pod_closes(client, CloseReason::Drained, ctx);
        }
        let OnSigterm::Drain { every, .. } = self.spec.pods.shutdown.on_sigterm else { return };
        let every = if every.is_zero() { LOOKS_EVERY } else { every };
        let next = (now + every).min(self.pods[pod].life.drained_at);
        let is_over = self.pods[pod].live.is_empty() && self.pods[pod].upgrading.is_empty();
        ctx.schedule(if is_over { now } else { next }, Event::DrainStep(pod, process));
    }

    /// A pod closes a connection: while it drains, or because the connection is old enough.
    pub fn close_due(&mut self, client: ClientId, epoch: u16, ctx: &mut Ctx<Event>) {
        let wire = self.clients.wire(client);
        if wire.epoch != epoch || self.clients[client].link != Link::Open {
            return;
        }
        let frozen_until = self.pods[wire.pod].life.frozen_until;
        if frozen_until > ctx.now() {
            return ctx.schedule(frozen_until, Event::CloseDue(client, epoch));
        }
        let drains = self.pods[wire.pod].life.container == Container::Draining;
        self.pod_closes(client, if drains { CloseReason::Drained } else { CloseReason::MaxAge }, ctx);
    }

    /// SIGKILL, for a process that is still there at the end of its grace period.
    pub fn pod_killed(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let target = &self.pods[pod];
        if target.process as u16 == process && target.life.stopping {
            self.meter.counts.pods_killed += 1;
            self.meter.mark(ctx.now(), format!("SIGKILL pod-{}", pod.raw()));
            self.exits(pod, CloseReason::PodKilled, ctx);
        }
    }

    /// The process ends whose container the kubelet was ending.
    fn exits(&mut self, pod: PodId, reason: CloseReason, ctx: &mut Ctx<Event>) {
        self.end_process(pod, reason, ctx);
        let is_heard = self.is_heard(pod);
        let life = &mut self.pods[pod].life;
        life.ready &= !is_heard;
        match (life.phase, life.restarting) {
            (Phase::Terminating, true) => {
                life.phase = Phase::Active;
                life.restarting = false;
                self.start_container(pod, Span::ZERO, ctx);
            }
            (Phase::Terminating, false) if !is_heard => {} // it is gone when its kubelet can say so
            (Phase::Terminating, false) => self.remove(pod, ctx),
            (Phase::Active | Phase::Gone, _) => self.restart_after_back_off(pod, ctx),
        }
        self.tell_of_end(pod, ctx);
    }

    /// Balancers and controllers hear of the end of a process, unless its kubelet is not heard.
    fn tell_of_end(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        if self.is_heard(pod) {
            self.pods_changed(ctx);
            self.reconcile(ctx);
        }
    }

    /// The process dies at once. The container restarts in place unless the pod was being removed.
    pub fn crash(&mut self, pod: PodId, why: &str, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        if !self.pods[pod].life.runs() {
            return;
        }
        self.meter.mark(now, format!("{why} pod-{}", pod.raw()));
        self.end_process(pod, CloseReason::PodCrash, ctx);
        let process = self.pods[pod].process;
        let relist = self.spec.pods.relist.as_nanos();
        let mut stream = Purpose::Relist.stream(self.seed, pod.raw(), process);
        let noticed = now + Span::from_nanos(if relist == 0 { 0 } else { stream.below(relist) });
        if noticed > now {
            ctx.schedule(noticed, Event::DeathNoticed(pod, process as u16));
        } else {
            self.death_noticed(pod, process as u16, ctx);
        }
    }

    /// The kubelet sees that a container has ended by itself.
    pub fn death_noticed(&mut self, pod: PodId, process: u16, ctx: &mut Ctx<Event>) {
        let is_heard = self.is_heard(pod);
        let target = &mut self.pods[pod];
        if target.process as u16 != process || target.life.container != Container::Waiting {
            return;
        }
        target.life.ready &= !is_heard;
        match (target.life.phase, target.life.restarting) {
            (Phase::Gone, _) => return,
            (Phase::Terminating, false) if !is_heard => {}
            (Phase::Terminating, false) => self.remove(pod, ctx),
            (Phase::Terminating | Phase::Active, _) => {
                target.life.phase = Phase::Active;
                target.life.restarting = false;
                self.restart_after_back_off(pod, ctx);
            }
        }
        self.tell_of_end(pod, ctx);
    }

    /// A container has ended that was not to end: it is started again in place.
    fn restart_after_back_off(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let target = &mut self.pods[pod];
        let mut stream = Purpose::BackOff.stream(self.seed, pod.raw(), target.process);
        let wait = target.life.back_off.after_end(ctx.now(), self.spec.pods.resync, &mut stream);
        self.start_container(pod, wait, ctx);
    }

    /// The process of a pod stands still, as under SIGSTOP or on a node that stalls. What it has taken on before is finished
    /// first; what comes then waits. Clients that hear no ping in time take the connection for dead.
    pub fn freeze(&mut self, pod: PodId, length: Span, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        self.meter.mark(now, format!("freeze pod-{}", pod.raw()));
        self.stand_still(pod, length, ctx);
    }

    /// Nothing of a process gets out for so long.
    pub fn stand_still(&mut self, pod: PodId, length: Span, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let target = &mut self.pods[pod];
        target.stand_still(now, length);
        target.life.frozen_until = target.life.frozen_until.max(now + length);
        for client in target.live.clone() {
            let gives_up = self.silence_noticed_at(client, now);
            if gives_up < now + length {
                ctx.schedule(gives_up, Event::SilenceNoticed(client, self.clients.wire(client).epoch));
            }
        }
    }

    /// What is left of a process when it ends: clients are cut, unsent copies are lost; requests are answered if the
    /// end is in order.
    pub fn end_process(&mut self, pod: PodId, reason: CloseReason, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        let in_order = reason.in_order();
        self.settle(pod, now);
        self.settle_fan_outs(now);
        let unfinished = self.pods[pod].abandon(now);
        self.leave_unfinished(unfinished, now, in_order);
        self.end_data(pod, in_order, ctx);
        self.close_all(pod, reason, ctx);
        self.stop_listening(pod, in_order, now);
        let target = &mut self.pods[pod];
        target.deaths.push(now);
        target.process += 1;
        target.life.process_ended();
        let process = target.process - 1;
        self.settle_late_of(pod, process);
    }

    /// A pod is gone for good.
    pub fn remove(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        self.pods[pod].life.phase = Phase::Gone;
        self.pods[pod].life.gone_at = ctx.now();
        self.pods[pod].life.container = Container::Waiting;
        self.running.retain(|&other| other != pod);
        if let Some(node) = self.pods[pod].life.node {
            self.node_may_be_empty(node, ctx);
            self.place_waiting(ctx);
        }
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
