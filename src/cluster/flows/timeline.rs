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
            Action::Scale { to } => self.scale(to, ctx),
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

    /// The pod that an entry means, if it is ready.
    fn choose(&mut self, choice: PodChoice, entry: usize, ctx: &Ctx<Event>) -> Option<PodId> {
        let ready: Vec<PodId> = self
            .running
            .iter()
            .copied()
            .filter(|&pod| self.pods[pod].life.is_ready() && self.pods[pod].life.runs())
            .collect();
        let chosen = match choice {
            PodChoice::Number(number) => ready.iter().copied().find(|pod| pod.raw() == number),
            PodChoice::Random if ready.is_empty() => None,
            PodChoice::Random => {
                let mut stream = Purpose::Victim.stream(self.seed, entry as u32, 0);
                Some(ready[stream.below(ready.len() as u64) as usize])
            }
        };
        if chosen.is_none() {
            let which = match choice {
                PodChoice::Number(number) => format!("pod-{number}"),
                PodChoice::Random => "any pod".to_owned(),
            };
            self.meter.mark(ctx.now(), format!("nothing: {which} is not ready"));
        }
        chosen
    }
}
