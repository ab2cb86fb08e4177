//! What becomes of the jobs of a pod: answers, deliveries, losses.
//!
//! No event marks the end of a job. Whoever looks at a pod first settles what is done by then; whoever changes the
//! connections of a pod also freezes the recipients of what is not done yet.

use crate::cluster::clients::{Client, ClientId, ClientTag, Link};
use crate::cluster::meter::Meter;
use crate::cluster::pods::{FanOut, Job, JobKind, Recipients};
use crate::cluster::{Cluster, PodId};
use crate::engine::{Column, SimTime, Span};
use crate::metrics::{FailReason, LossReason};

/// The balancer gives up an HTTP request without an answer after this (`proxy_read_timeout` of nginx and ingress-nginx).
const READ_TIMEOUT: Span = Span::from_secs(60);

impl Cluster<'_> {
    /// Records the outcome of every job of a pod that is done by `now`.
    pub fn settle(&mut self, pod: PodId, now: SimTime) {
        while let Some(job) = self.pods[pod].pop_done(now) {
            self.record(pod, &job, SimTime::NEVER);
        }
    }

    /// Records the outcome of jobs whose process ended at `death` before they were done. `answered`: requests are
    /// finished nevertheless (a shutdown in order waits for them).
    pub fn record_unfinished(&mut self, pod: PodId, jobs: &[Job], death: SimTime, answered: bool) {
        for job in jobs {
            match job.kind {
                JobKind::Request { arrived, .. } if !answered => {
                    let reason = if timed_out(arrived, death) { FailReason::TimedOut } else { FailReason::PodDied };
                    self.meter.counts.requests_failed.add(reason);
                }
                _ => self.record(pod, job, death),
            }
        }
    }

    /// Records the outcome of one job of a process that ended at `death`.
    fn record(&mut self, pod: PodId, job: &Job, death: SimTime) {
        match &job.kind {
            JobKind::Request { sent, arrived, down } => {
                let counts = &mut self.meter.counts;
                if timed_out(*arrived, job.done) {
                    counts.requests_failed.add(FailReason::TimedOut);
                } else if job.done > self.meter.horizon {
                    counts.requests_in_flight += 1;
                } else {
                    counts.requests_answered += 1;
                    self.meter.latencies.request.record(job.done + *down - *sent);
                }
            }
            JobKind::FanOut(fan_out) => {
                let Cluster { pods, clients, wires, meter, .. } = self;
                let ended = |client: ClientId, connection| {
                    let record = &clients[client];
                    wires[record.wire as usize].ended_at(connection, record.link == Link::Open).min(death)
                };
                match (&fan_out.frozen, fan_out.recipients) {
                    (_, Recipients::One(client)) => {
                        let one = std::iter::once((client, ended(client, fan_out.connection)));
                        deliver(fan_out, one, death, clients, meter);
                    }
                    (Some(frozen), _) => {
                        let copies = frozen.iter().map(|&(client, connection)| (client, ended(client, connection)));
                        deliver(fan_out, copies, death, clients, meter);
                    }
                    (None, recipients) => {
                        // nobody's connection has ended since
                        let copies = pods[pod].members(recipients).0.iter().map(|&client| (client, death));
                        deliver(fan_out, copies, death, clients, meter);
                    }
                }
            }
        }
    }

    /// The end of the run: what is not done by now is in flight.
    pub fn settle_all(&mut self, horizon: SimTime) {
        for pod in self.pods.ids() {
            self.settle(pod, horizon);
            let unfinished = self.pods[pod].unfinished();
            for job in &unfinished {
                match job.kind {
                    JobKind::Request { arrived, .. } if timed_out(arrived, horizon) => {
                        self.meter.counts.requests_failed.add(FailReason::TimedOut);
                    }
                    JobKind::Request { .. } => self.meter.counts.requests_in_flight += 1,
                    JobKind::FanOut(_) => self.record(pod, job, SimTime::NEVER),
                }
            }
        }
    }
}

/// Whether the balancer had given up by `now` a request that arrived then.
fn timed_out(arrived: SimTime, now: SimTime) -> bool {
    now - arrived > READ_TIMEOUT
}

/// The copies of an event leave one after the other, each for a client whose connection ends at some time, at the
/// latest with the process at its `death`. What has left arrives half a round trip later.
fn deliver(
    fan_out: &FanOut,
    copies: impl Iterator<Item = (ClientId, SimTime)>,
    death: SimTime,
    clients: &Column<ClientTag, Client>,
    meter: &mut Meter,
) {
    let Meter { latencies, counts, horizon, .. } = meter;
    let histogram = if fan_out.local { &mut latencies.event_local } else { &mut latencies.event_cross };
    let mut delivered = 0;
    let mut leaves = fan_out.start;
    for (client, ends) in copies {
        leaves += fan_out.send;
        let arrives = leaves + clients[client].one_way();
        if leaves > ends {
            let reason = if ends == death { LossReason::PodDied } else { LossReason::RecipientOffline };
            counts.lost.add(reason);
        } else if arrives > *horizon {
            counts.deliveries_in_flight += 1;
        } else {
            delivered += 1;
            histogram.record(arrives - fan_out.emitted);
        }
    }
    *(if fan_out.local { &mut counts.delivered_local } else { &mut counts.delivered_cross }) += delivered;
}
