//! Active health checks: what a balancer believes of its pods follows the truth some checks later.

use crate::cluster::balancer::{Checks, Health};
use crate::cluster::pods::Pod;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Column, Ctx};

/// How the last checks of a pod went.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// Believed up.
    pub up: bool,
    /// Checks in a row that say otherwise.
    contrary: u32,
}

/// What health checks have found out of each pod, by number.
#[derive(Default)]
pub struct Checkup(Vec<Checked>);

impl Checkup {
    /// What is believed of a pod; a new one is entered.
    fn of(&mut self, pod: PodId, checks: Checks) -> &mut Checked {
        if self.0.len() <= pod.index() {
            self.0.resize(pod.index() + 1, Checked { up: checks.begins_up, contrary: 0 });
        }
        &mut self.0[pod.index()]
    }
    /// What is believed of a pod.
    pub fn health(&mut self, pod: PodId, checks: Option<Checks>) -> Health {
        match checks {
            Some(checks) if !self.of(pod, checks).up => Health::Down,
            _ => Health::Up,
        }
    }
    /// Every pod that there is at the start has been checked long before.
    pub fn start(&mut self, pods: &Column<crate::cluster::PodTag, Pod>, checks: Checks) {
        for pod in pods.ids() {
            self.of(pod, checks).up = pods[pod].life.serves();
        }
    }
}

impl Cluster<'_> {
    /// A round of checks. A pod answers as long as its process accepts connections.
    pub fn check_health(&mut self, ctx: &mut Ctx<Event>) {
        let Some(checks) = self.endpoints.following.checks else { return };
        ctx.schedule_in(checks.every, Event::CheckHealth);
        let known: Vec<PodId> = self.path.last.peers().iter().map(|peer| peer.pod).collect();
        for pod in known {
            let answers = self.pods[pod].life.serves();
            let checked = self.endpoints.checkup.of(pod, checks);
            if answers == checked.up {
                checked.contrary = 0;
                continue;
            }
            checked.contrary += 1;
            if checked.contrary == if answers { checks.rise } else { checks.fall } {
                *checked = Checked { up: answers, contrary: 0 };
                let health = if answers { Health::Up } else { Health::Down };
                self.path.last.set_health(pod, health);
            }
        }
    }
}
