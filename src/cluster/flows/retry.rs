//! Between two tries of a request: the balancer pauses, the request waits for a free connection, the client is redirected.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::cluster::clients::{ClientId, Link};
use crate::cluster::flows::Held;
use crate::cluster::flows::connect::ATTEMPT_LIMIT;
use crate::cluster::flows::emit::Emission;
use crate::cluster::flows::handler::DataCall;
use crate::cluster::flows::handshake::Step;
use crate::cluster::flows::request::Call;
use crate::cluster::flows::route::{Attempt, Unrouted, Wait};
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime, Span};
use crate::metrics::FailReason;

/// What a request is about.
pub enum Errand {
    /// An HTTP request with its work.
    Call(Call, Span),
    /// One whose handler emits an event.
    CallThatEmits(Call, Span, Emission),
    /// One whose handler asks caches and the database.
    CallWithData(DataCall),
    /// The upgrade of a WebSocket, in this connect attempt.
    Upgrade(u16),
    /// A request of a session by long polling, in this connect attempt.
    Session(Step, u16),
    /// A POST with events of such a session.
    Post(Vec<Held>, u16),
}

impl Errand {
    /// The connect attempt to which it belongs, if it belongs to one.
    const fn epoch(&self) -> Option<u16> {
        match self {
            Errand::Call(..) | Errand::CallThatEmits(..) | Errand::CallWithData(_) => None,
            Errand::Upgrade(epoch) | Errand::Session(_, epoch) | Errand::Post(_, epoch) => Some(*epoch),
        }
    }
}

/// A request that waits for its next try.
struct Waiting {
    errand: Errand,
    attempt: Box<Attempt>,
    /// When it gives up, if it stands in a queue.
    gives_up: Option<SimTime>,
}

/// Requests between two tries, by ticket; a ticket is used once.
#[derive(Default)]
pub struct Pending {
    waiting: FxHashMap<u32, Waiting>,
    tickets: u32,
    /// Those that wait for a connection of a pod, first come first served; `None`: of any pod.
    queues: FxHashMap<Option<PodId>, VecDeque<u32>>,
}

impl Pending {
    fn insert(&mut self, waiting: Waiting) -> u32 {
        self.tickets = self.tickets.wrapping_add(1);
        self.waiting.insert(self.tickets, waiting);
        self.tickets
    }
    /// True when somebody may wait for a free connection.
    pub fn anybody_queues(&self) -> bool {
        !self.waiting.is_empty()
    }
    /// How many HTTP requests wait.
    pub fn requests(&self) -> u64 {
        self.waiting.values().filter(|waiting| waiting.errand.epoch().is_none()).count() as u64
    }
}

impl Cluster<'_> {
    /// A request got no pod at once: it has failed, or there will be another try.
    pub fn unrouted(&mut self, client: ClientId, errand: Errand, why: Unrouted, ctx: &mut Ctx<Event>) {
        let (wait, attempt) = match why {
            Unrouted::Failed(reason) => return self.errand_failed(client, &errand, reason, ctx),
            Unrouted::Waits(wait, attempt) => (wait, attempt),
        };
        match wait {
            Wait::Pause(pause) => {
                let is_connecting = errand.epoch().is_some() && self.clients[client].link == Link::Connecting;
                let ticket = self.pending.insert(Waiting { errand, attempt, gives_up: None });
                let mut until = ctx.now() + pause;
                if is_connecting {
                    let gives_up = self.clients.wire(client).attempt_started + ATTEMPT_LIMIT;
                    if gives_up < until {
                        self.attempt_failed(client, FailReason::TimedOut, gives_up.since(ctx.now()), ctx);
                        until = gives_up.max(ctx.now()); // the balancer goes no further then
                    }
                }
                ctx.schedule(until, Event::TryAgain(ticket));
            }
            Wait::Queue(pod, timeout) => {
                let gives_up = ctx.now() + timeout;
                let ticket = self.pending.insert(Waiting { errand, attempt, gives_up: Some(gives_up) });
                self.pending.queues.entry(pod).or_default().push_back(ticket);
                ctx.schedule(gives_up, Event::TryAgain(ticket));
            }
            Wait::Redirect(pod) => {
                let now = ctx.now();
                self.pods[pod].requests += 1;
                let answered = self.pods[pod].book(now, self.spec.pods.costs.request).done;
                let ticket = self.pending.insert(Waiting { errand, attempt, gives_up: None });
                ctx.schedule(answered + self.clients[client].round_trip(), Event::TryAgain(ticket));
                self.meter.counts.requests_redirected += 1;
            }
        }
    }

    /// The pause is over, or the wait in a queue has been too long.
    pub fn try_again(&mut self, ticket: u32, ctx: &mut Ctx<Event>) {
        let Some(Waiting { errand, attempt, gives_up }) = self.pending.waiting.remove(&ticket) else {
            return; // a connection was free before
        };
        let client = attempt.client;
        if gives_up.is_some() {
            self.errand_failed(client, &errand, FailReason::QueueFull, ctx);
        } else if let Some((errand, why)) = self.go_on(errand, attempt, ctx) {
            self.unrouted(client, errand, why, ctx);
        }
    }

    /// A connection of this pod is free: the first that waits for it tries again, or else the first that waits for any.
    pub fn connection_freed(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        for queue in [Some(pod), None] {
            while let Some(ticket) = self.pending.queues.get_mut(&queue).and_then(VecDeque::pop_front) {
                let Some(Waiting { errand, attempt, gives_up }) = self.pending.waiting.remove(&ticket) else {
                    continue; // it has given up
                };
                let client = attempt.client;
                match (self.go_on(errand, attempt, ctx), gives_up) {
                    (None, _) => return,
                    (Some((errand, Unrouted::Waits(Wait::Queue(queue, _), attempt))), Some(gives_up)) => {
                        // still nothing free for it: it keeps its place
                        let ticket = self.pending.insert(Waiting { errand, attempt, gives_up: Some(gives_up) });
                        self.pending.queues.entry(queue).or_default().push_front(ticket);
                        ctx.schedule(gives_up.max(ctx.now()), Event::TryAgain(ticket));
                        break;
                    }
                    (Some((errand, why)), _) => {
                        self.unrouted(client, errand, why, ctx);
                        return;
                    }
                }
            }
        }
    }

    /// Whoever waits for a connection of a pod whose process has ended tries again.
    pub fn dissolve_queues(&mut self, ctx: &mut Ctx<Event>) {
        if !self.pending.anybody_queues() {
            return;
        }
        let ended = |pod: &PodId| !self.pods[*pod].life.serves();
        for pod in self.pods.ids().filter(ended).collect::<Vec<PodId>>() {
            for ticket in self.pending.queues.remove(&Some(pod)).unwrap_or_default() {
                let Some(Waiting { errand, attempt, .. }) = self.pending.waiting.remove(&ticket) else { continue };
                let client = attempt.client;
                if let Some((errand, why)) = self.go_on(errand, attempt, ctx) {
                    self.unrouted(client, errand, why, ctx);
                }
            }
        }
    }

    /// The next try. What is left to do if it gets no pod at once.
    fn go_on(&mut self, errand: Errand, mut attempt: Box<Attempt>, ctx: &mut Ctx<Event>) -> Option<(Errand, Unrouted)> {
        let client = attempt.client;
        // a session that has become a WebSocket meanwhile keeps its epoch, and needs its requests no more
        let of_session = matches!(errand, Errand::Session(step, _) if step != Step::Open);
        let stale = errand.epoch().is_some_and(|epoch| self.clients.wire(client).epoch != epoch);
        if stale || (of_session && !self.pollers.has(client)) {
            self.give_up(client, &errand); // as the client did before
            self.hear_nothing(&mut attempt, None);
            return None;
        }
        match (self.resume(attempt, ctx.now()), errand) {
            (Ok(pod), Errand::Call(call, work)) => self.call_at(client, pod, call, work, ctx),
            (Ok(pod), Errand::CallThatEmits(call, work, emission)) => {
                self.call_that_emits_at(client, pod, call, work, emission, ctx);
            }
            (Ok(pod), Errand::CallWithData(call)) => self.call_with_data_at(pod, call, ctx),
            (Ok(pod), Errand::Upgrade(epoch)) => self.upgrade_at(pod, client, epoch, ctx),
            (Ok(pod), Errand::Session(step, _)) => self.session_request_at(pod, client, step, ctx),
            (Ok(pod), Errand::Post(events, _)) => self.post_at(pod, client, events, ctx),
            (Err(why), errand) => return Some((errand, why)),
        }
        None
    }

    /// Nobody waits for an answer any more.
    fn give_up(&mut self, client: ClientId, errand: &Errand) {
        if let Errand::Post(events, _) = errand {
            self.not_posted(client, events);
        }
    }

    fn errand_failed(&mut self, client: ClientId, errand: &Errand, reason: FailReason, ctx: &mut Ctx<Event>) {
        if errand.epoch().is_some_and(|epoch| self.clients.wire(client).epoch != epoch) {
            return self.give_up(client, errand);
        }
        match errand {
            Errand::Call(..) | Errand::CallWithData(_) => self.meter.counts.requests_failed.add(reason),
            Errand::CallThatEmits(_, _, emission) => {
                self.meter.counts.requests_failed.add(reason);
                self.emission_failed(emission.recipients);
            }
            Errand::Upgrade(_) | Errand::Session(Step::Open, _) => {
                self.attempt_failed(client, reason, self.clients[client].one_way(), ctx);
            }
            Errand::Session(Step::Probe, _) => self.meter.counts.upgrades_failed += 1,
            Errand::Session(..) => self.session_failed(client, reason, ctx),
            Errand::Post(events, _) => {
                self.not_posted(client, events);
                self.session_failed(client, reason, ctx);
            }
        }
    }
}
