//! What the scenario says shall happen.

use crate::cluster::purpose::Purpose;
use crate::cluster::spec::{Action, PodChoice, RolloutMode};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::Ctx;

impl Cluster<'_> {
    /// An entry of the timeline happens.
    pub fn timeline(&mut self, entry: usize, ctx: &mut Ctx<Event>) {
        match self.spec.timeline[entry].action.clone() {
            Action::Crash(choice) => {
                if let Some(pod) = self.choose(choice, entry, ctx) {
                    self.crash(pod, "crash", ctx);
                }
            }
            Action::Restart(choice) => {
                if let Some(pod) = self.choose(choice, entry, ctx) {
                    self.terminate(pod, true, ctx);
                }
            }
            Action::Freeze { pod, length } => {
                if let Some(pod) = self.choose(pod, entry, ctx) {
                    self.freeze(pod, length, ctx);
                }
            }
            Action::RollingRestart(RolloutMode::Surge) => self.start_rollout(ctx),
            Action::RollingRestart(RolloutMode::InPlace) => self.start_restarts_in_place(ctx),
            Action::Scale { to } => self.scale(to, "", ctx),
            Action::ReloadBalancer => self.reload_balancer(ctx),
            Action::RedisOutage { lasts, forgets } => self.redis_outage(lasts, forgets, ctx),
            Action::RedisStall { lasts } => self.redis_stall(lasts, ctx.now()),
            Action::SlowDatabase { factor, lasts } => {
                self.meter.mark(ctx.now(), format!("slow database, x{factor}"));
                if let Some(database) = &mut self.database {
                    database.slow_down(factor, ctx.now() + lasts);
                }
            }
        }
    }

    /// The pod that an entry means, if it runs; at random one of the ready ones.
    fn choose(&mut self, choice: PodChoice, entry: usize, ctx: &Ctx<Event>) -> Option<PodId> {
        let running = self.running.iter().copied();
        let (chosen, which) = match choice {
            PodChoice::Number(number) => {
                let meant = |pod: &PodId| pod.raw() == number && self.pods[*pod].life.runs();
                (running.clone().find(meant), format!("pod-{number} does not run"))
            }
            PodChoice::Random => {
                let ready: Vec<PodId> = running.filter(|&pod| self.pods[pod].life.is_up()).collect();
                let mut stream = Purpose::Victim.stream(self.seed, entry as u32, 0);
                let chosen = (!ready.is_empty()).then(|| ready[stream.below(ready.len() as u64) as usize]);
                (chosen, "no pod is ready".to_owned())
            }
        };
        if chosen.is_none() {
            self.meter.mark(ctx.now(), format!("nothing: {which}"));
        }
        chosen
    }
}
