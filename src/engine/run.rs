//! Running a model to a clear end.

use super::digest::Digest;
use super::queue::EventQueue;
use super::time::{SimTime, Span};

/// What happens: a small plain value that fits into 64 bits. Its [`word`](Event::word) is what is queued, it breaks ties
/// between equal times, smaller words first, and it goes into the digest.
pub trait Event: Copy {
    /// The event as 64 bits; different events of one model have different words.
    fn word(self) -> u64;
    /// The event with this word, which [`Event::word`] gave.
    fn from_word(word: u64) -> Self;
}

/// A system that changes only at events.
pub trait Model {
    /// What can happen.
    type Event: Event;
    /// Lets `event` happen at [`Ctx::now`]; whatever follows from it is scheduled through `ctx`.
    fn handle(&mut self, event: Self::Event, ctx: &mut Ctx<Self::Event>);
    /// Fetches what an event will need that happens a little later than those that [`Model::look_ahead`] is told of, as far
    /// as that can be told without waiting for anything: see [`prefetch`](super::prefetch). Not every event is announced.
    #[inline]
    fn fetch(&self, _later: Self::Event) {}
    /// Prepares for events that will happen soon, in this order, though others may happen between them: fetches what they
    /// need, computes what is known before. They are many at once, so that nothing waits for anything else. Nothing that can
    /// be seen of the model may change by it.
    fn look_ahead(&mut self, _soon: impl Iterator<Item = Self::Event> + Clone) {}
}

/// What a model sees of the kernel while it handles an event.
pub struct Ctx<E: Event> {
    now: SimTime,
    /// Nothing happens after this, so nothing later is kept.
    horizon: SimTime,
    /// Something was scheduled beyond the horizon.
    beyond: bool,
    queue: EventQueue<E>,
}

impl<E: Event> Ctx<E> {
    /// The time of the event being handled.
    #[inline]
    pub const fn now(&self) -> SimTime {
        self.now
    }
    /// Schedules `event` at `at`, which is now or later. What is later than the horizon of the simulation will not
    /// happen and costs no memory; [`SimTime::NEVER`] schedules nothing.
    #[inline]
    pub fn schedule(&mut self, at: SimTime, event: E) {
        debug_assert!(at >= self.now, "an event cannot happen in the past");
        if at <= self.horizon && at < SimTime::NEVER {
            self.queue.push(at, event);
        } else {
            self.beyond |= at < SimTime::NEVER;
        }
    }
    /// Schedules `event` `delay` from now.
    #[inline]
    pub fn schedule_in(&mut self, delay: Span, event: E) {
        self.schedule(self.now + delay, event);
    }
    /// Number of events waiting, without those beyond the horizon.
    pub const fn pending(&self) -> usize {
        self.queue.len()
    }
}

/// When a run ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events after this instant do not happen; events exactly at it do.
    pub until: SimTime,
    /// No more events than this happen.
    pub max_events: u64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Simulated time is over and something would have happened later: the normal end.
    TimeReached,
    /// Nothing is left to happen, neither before the time is over nor, as far as was ever scheduled, after it.
    NothingLeft,
    /// The limit of events was hit: the run is incomplete.
    TooManyEvents,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// When: the horizon, or the time of the last event if the limit of events was hit.
    pub at: SimTime,
    /// Events handled since the simulation was made.
    pub events: u64,
    /// Digest of all events handled since the simulation was made.
    pub digest: u64,
}

/// A model, its clock and its pending events.
pub struct Simulation<M: Model> {
    model: M,
    ctx: Ctx<M::Event>,
    digest: Digest,
    events: u64,
}

impl<M: Model> Simulation<M> {
    /// A simulation at time zero with nothing scheduled.
    pub fn new(model: M) -> Self {
        Self::with_horizon(model, SimTime::NEVER)
    }
    /// The same for runs that end at `horizon` or earlier: events scheduled for later are dropped at once, so that what
    /// lies far ahead costs no memory. Events exactly at the horizon happen. A run beyond the horizon ends there.
    pub fn with_horizon(model: M, horizon: SimTime) -> Self {
        Simulation {
            model,
            ctx: Ctx { now: SimTime::ZERO, horizon, beyond: false, queue: EventQueue::new() },
            digest: Digest::new(),
            events: 0,
        }
    }
    /// Schedules an event from outside, before or between runs.
    pub fn schedule(&mut self, at: SimTime, event: M::Event) {
        self.ctx.schedule(at, event);
    }
    /// Lets the model schedule its first events.
    pub fn start(&mut self, first: impl FnOnce(&mut M, &mut Ctx<M::Event>)) {
        first(&mut self.model, &mut self.ctx);
    }
    /// Runs until a limit is reached; can be called again with later limits.
    pub fn run(&mut self, limits: Limits) -> End {
        let until = limits.until.min(self.ctx.horizon);
        loop {
            if self.events >= limits.max_events {
                return self.end(EndReason::TooManyEvents);
            }
            if self.ctx.queue.has_news() {
                self.model.look_ahead(self.ctx.queue.soon());
            }
            let Some((at, word)) = self.ctx.queue.pop_word_until(until) else { break };
            // one by one between other work: the processor can fetch only so much at a time
            if let Some(later) = self.ctx.queue.later() {
                self.model.fetch(later);
            }
            self.ctx.now = at;
            self.digest.add(at.as_nanos(), word);
            self.events += 1;
            self.model.handle(M::Event::from_word(word), &mut self.ctx);
        }
        let nothing_left = self.ctx.queue.is_empty() && !self.ctx.beyond;
        if until < SimTime::NEVER {
            self.ctx.now = until;
        }
        self.end(if nothing_left { EndReason::NothingLeft } else { EndReason::TimeReached })
    }
    /// The model as it stands.
    pub const fn model(&self) -> &M {
        &self.model
    }
    /// The model between two runs, to be looked at in ways that change it.
    pub const fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }
    /// The model, taken out.
    pub fn into_model(self) -> M {
        self.model
    }

    fn end(&self, reason: EndReason) -> End {
        End { reason, at: self.ctx.now, events: self.events, digest: self.digest.value() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every event schedules the next one, one second later than the last time.
    struct Slower;

    impl Model for Slower {
        type Event = u64;
        fn handle(&mut self, event: u64, ctx: &mut Ctx<u64>) {
            ctx.schedule_in(Span::from_secs(event), event + 1);
        }
    }

    const fn secs(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * 1_000_000_000)
    }

    fn run(horizon: SimTime, untils: &[u64]) -> (Vec<End>, usize) {
        let mut simulation = Simulation::with_horizon(Slower, horizon);
        simulation.schedule(secs(0), 1);
        let limits = |&until: &u64| Limits { until: secs(until), max_events: u64::MAX };
        let ends = untils.iter().map(|until| simulation.run(limits(until))).collect();
        (ends, simulation.ctx.pending())
    }

    #[test]
    fn a_horizon_drops_what_lies_beyond_and_changes_nothing_else() {
        // at 0, 1, 3, 6, 10, 15, 21 … seconds
        let (plain, waiting) = run(SimTime::NEVER, &[5, 10]);
        assert_eq!(waiting, 1);
        let (bounded, waiting) = run(secs(10), &[5, 10]);
        assert_eq!(waiting, 0);
        assert_eq!(bounded, plain);
        assert_eq!((plain[1].reason, plain[1].at, plain[1].events), (EndReason::TimeReached, secs(10), 5));
    }

    #[test]
    fn a_run_ends_at_the_horizon() {
        assert_eq!(run(secs(10), &[100]).0, run(SimTime::NEVER, &[10]).0);
    }

    #[test]
    fn nothing_is_left_only_if_nothing_was_dropped() {
        let mut simulation = Simulation::with_horizon(Slower, secs(10));
        let limits = Limits { until: secs(10), max_events: u64::MAX };
        assert_eq!(simulation.run(limits).reason, EndReason::NothingLeft);
        simulation.schedule(SimTime::NEVER, 1);
        assert_eq!(simulation.run(limits).reason, EndReason::NothingLeft);
        simulation.schedule(secs(11), 1);
        assert_eq!(simulation.run(limits).reason, EndReason::TimeReached);
    }
}
