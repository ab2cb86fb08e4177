//! What the scenario says shall happen: once, or again and again.

use crate::cluster::purpose::Purpose;
use crate::cluster::spec::{Action, Choice, NodeSet, RolloutMode};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Law, Seed, SimTime, Span, Stream};

/// Something that happens again and again.
#[derive(Clone, Copy)]
pub struct Recurring {
    /// Entry of the timeline.
    entry: u16,
    clock: Clock,
    /// How often it has happened.
    times: u32,
}

/// Whose clock it is.
#[derive(Clone, Copy)]
enum Clock {
    /// Of the entry itself.
    Own,
    /// Of a pod, as long as it is this process.
    Pod(PodId, u32),
    /// Of the node or zone with this number.
    Place(u32),
}

impl Recurring {
    /// The address of its random numbers, with how often it has happened.
    fn draws(&self, purpose: Purpose, seed: Seed) -> Stream {
        let (kind, whose, process) = match self.clock {
            Clock::Own => (0, 0, 0),
            Clock::Pod(pod, process) => (1, pod.raw(), process as u16),
            Clock::Place(number) => (2, number, 0),
        };
        let n = u32::from(process) << 16 | u32::from(self.times as u16);
        seed.stream(purpose.of_entry(self.entry, kind), u64::from(whose), u64::from(n))
    }
}

impl Cluster<'_> {
    /// Everything of the timeline that does not depend on pods is on its way.
    pub fn start_timeline(&mut self, ctx: &mut Ctx<Event>) {
        for (entry, timed) in self.spec.timeline.iter().enumerate() {
            let entry = entry as u16;
            let Some(every) = &timed.every else {
                ctx.schedule(SimTime::ZERO + timed.at.unwrap_or_default(), Event::Timeline(entry));
                continue;
            };
            let places = match (&timed.action, timed.action.choice()) {
                (Action::Outage { of: NodeSet::Zone(_), .. }, Some(Choice::Each)) => self.nodes.zones.len() as u32,
                (Action::Outage { .. } | Action::DrainNode { .. }, Some(Choice::Each)) => self.nodes.count(),
                (_, Some(Choice::Each)) => continue, // a clock for each process
                _ => {
                    self.begin_to_recur(entry, Clock::Own, timed.at, every, ctx);
                    continue;
                }
            };
            for place in 0..places {
                self.begin_to_recur(entry, Clock::Place(place), timed.at, every, ctx);
            }
        }
    }

    /// A process serves: what happens to each pod by a clock of its own will happen to this one.
    pub fn start_clocks(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        for (entry, timed) in self.spec.timeline.iter().enumerate() {
            let pods = matches!(timed.action, Action::Crash(_) | Action::Restart(_) | Action::Freeze { .. });
            if let (true, Some(Choice::Each), Some(every)) = (pods, timed.action.choice(), &timed.every) {
                let clock = Clock::Pod(pod, self.pods[pod].process);
                self.begin_to_recur(entry as u16, clock, None, every, ctx);
            }
        }
    }

    /// The first time is said, or what is left of a distance that began before the run, or a distance from now on.
    fn begin_to_recur(&mut self, entry: u16, clock: Clock, at: Option<Span>, every: &Law, ctx: &mut Ctx<Event>) {
        let recurring = Recurring { entry, clock, times: 0 };
        let mut draws = recurring.draws(Purpose::Recurrence, self.seed);
        let first = match at {
            Some(at) => at,
            None if ctx.now() == SimTime::ZERO && self.spec.steady_start => every.residual(&mut draws),
            None => every.span(&mut draws),
        };
        let slot = self.recurring.insert(recurring);
        ctx.schedule_in(first, Event::Recurs(slot));
    }

    /// It happens again.
    pub fn recurs(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let recurring = self.recurring.take(slot);
        let is_there = |cluster: &Self| match recurring.clock {
            Clock::Pod(pod, process) => cluster.pods[pod].process == process && cluster.pods[pod].life.runs(),
            Clock::Own | Clock::Place(_) => true,
        };
        if !is_there(self) {
            return;
        }
        self.act(&recurring, ctx);
        let Some(every) = &self.spec.timeline[usize::from(recurring.entry)].every else { return };
        if is_there(self) {
            let next = Recurring { times: recurring.times + 1, ..recurring };
            let mut draws = next.draws(Purpose::Recurrence, self.seed);
            let slot = self.recurring.insert(next);
            ctx.schedule_in(every.span(&mut draws), Event::Recurs(slot));
        }
    }

    /// An entry of the timeline happens.
    pub fn timeline(&mut self, entry: u16, ctx: &mut Ctx<Event>) {
        self.act(&Recurring { entry, clock: Clock::Own, times: 0 }, ctx);
    }

    fn act(&mut self, what: &Recurring, ctx: &mut Ctx<Event>) {
        let spec = self.spec;
        match &spec.timeline[usize::from(what.entry)].action {
            &Action::Crash(choice) => {
                if let Some(pod) = self.choose_pod(choice, what, ctx) {
                    self.crash(pod, "crash", ctx);
                }
            }
            &Action::Restart(choice) => {
                if let Some(pod) = self.choose_pod(choice, what, ctx) {
                    self.terminate(pod, true, ctx);
                }
            }
            &Action::Freeze { pod, length } => {
                if let Some(pod) = self.choose_pod(pod, what, ctx) {
                    self.freeze(pod, length, ctx);
                }
            }
            Action::RollingRestart(RolloutMode::Surge) => self.start_rollout(ctx),
            Action::RollingRestart(RolloutMode::InPlace) => self.start_restarts_in_place(ctx),
            &Action::Scale { to } => self.scale(to, "", ctx),
            Action::ReloadBalancer => self.reload_balancer(ctx),
            &Action::RedisOutage { lasts, forgets } => self.redis_outage(lasts, forgets, ctx),
            &Action::RedisStall { lasts } => self.redis_stall(lasts, ctx.now()),
            &Action::SlowDatabase { factor, lasts } => {
                self.meter.mark(ctx.now(), format!("slow database, x{factor}"));
                if let Some(database) = &mut self.database {
                    database.slow_down(factor, ctx.now() + lasts);
                }
            }
            &Action::Outage { of: NodeSet::Node(node), from, lasts } => {
                if let Some(node) = self.choose_place(node, "node", what, ctx) {
                    self.cut_nodes(&[node], &format!("node-{node}"), from, lasts, ctx);
                }
            }
            &Action::Outage { of: NodeSet::Zone(zone), from, lasts } => {
                if let Some(zone) = self.choose_place(zone, "zone", what, ctx) {
                    let nodes = self.nodes.of_zone(zone);
                    self.cut_nodes(&nodes, &format!("zone {zone}"), from, lasts, ctx);
                }
            }
            &Action::DrainNode { node, lasts } => {
                if let Some(node) = self.choose_place(node, "node", what, ctx) {
                    self.drain_node(node, lasts, ctx);
                }
            }
            &Action::UpgradeNodes { reboot } => self.upgrade_nodes(reboot, ctx),
            Action::AddressChanges { share, gap, same_network } => {
                let mut draws = what.draws(Purpose::Wave, self.seed);
                self.change_addresses(*share, gap, *same_network, &mut draws, ctx);
            }
        }
    }

    /// The pod that is meant, if it runs; at random one of the ready ones.
    fn choose_pod(&mut self, choice: Choice, what: &Recurring, ctx: &Ctx<Event>) -> Option<PodId> {
        let running = self.running.iter().copied();
        let (chosen, which) = match (choice, what.clock) {
            (_, Clock::Pod(pod, _)) => return Some(pod),
            (Choice::Number(number), _) => {
                let meant = |pod: &PodId| pod.raw() == number && self.pods[*pod].life.runs();
                (running.clone().find(meant), format!("pod-{number} does not run"))
            }
            (Choice::Random | Choice::Each, _) => {
                let ready: Vec<PodId> = running.filter(|&pod| self.pods[pod].life.is_up()).collect();
                let mut stream = Purpose::Victim.stream(self.seed, u32::from(what.entry), what.times);
                let chosen = (!ready.is_empty()).then(|| ready[stream.below(ready.len() as u64) as usize]);
                (chosen, "no pod is ready".to_owned())
            }
        };
        if chosen.is_none() {
            self.meter.mark(ctx.now(), format!("nothing: {which}"));
        }
        chosen
    }

    /// The number of the node or zone that is meant; at random one that is there, or has a node that is.
    fn choose_place(&mut self, choice: Choice, kind: &str, what: &Recurring, ctx: &Ctx<Event>) -> Option<u32> {
        match (choice, what.clock) {
            (_, Clock::Place(number)) | (Choice::Number(number), _) => Some(number),
            (Choice::Random | Choice::Each, _) => {
                let there = |&node: &u32| self.nodes.is_heard(Some(node)) && !self.nodes.get(node).is_cordoned();
                let mut places: Vec<u32> = (0..self.nodes.count()).filter(there).collect();
                if kind == "zone" {
                    places = places.into_iter().map(|node| self.nodes.get(node).zone as u32).collect();
                    places.sort_unstable();
                    places.dedup();
                }
                if places.is_empty() {
                    self.meter.mark(ctx.now(), format!("nothing: no {kind} is there"));
                    return None;
                }
                let mut stream = Purpose::Victim.stream(self.seed, u32::from(what.entry), what.times);
                Some(places[stream.below(places.len() as u64) as usize])
            }
        }
    }
}
