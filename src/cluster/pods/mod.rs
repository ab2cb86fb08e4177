//! Pods: event loops that serve first come, first served, and the connections they hold.

mod back_off;
mod job;
mod life;
mod prober;

use super::spec::{Admission, Costs, PodSpec};
use super::{ClientId, PodId};
use crate::engine::{SimTime, Span};

pub use job::{Job, Worker, timed_out};
pub use life::{Container, Life, Phase};
pub use prober::ProbeKind;

/// How a process hears of what others publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// It has not subscribed yet.
    None,
    /// It gets what is published.
    Live,
    /// It has subscribed, and its connection is gone.
    Broken,
    /// It has subscribed, and Redis has closed that connection, since it did not read fast enough.
    CutOff,
    /// Never: it does without an adapter.
    Alone,
}

/// Heartbeats are never said to take more than this share: a pod that drowns in them does everything else ever slower.
const MOST_HEARTBEATS: f64 = 0.99;

/// When and where work is done.
#[derive(Clone, Copy)]
pub struct Booking {
    worker: usize,
    /// When it starts.
    pub start: SimTime,
    /// When it is done.
    pub done: SimTime,
}

#[cfg(test)]
impl Booking {
    /// Work of the first event loop.
    pub const fn of_first_worker(start: SimTime, done: SimTime) -> Booking {
        Booking { worker: 0, start, done }
    }
}

/// What most work of a broadcast consists of.
#[derive(Clone, Copy)]
struct Frequent {
    send: Span,
    copy_delivered: Span,
    copy_dropped: Span,
}

/// One pod.
pub struct Pod {
    /// Where it is in its life.
    pub life: Life,
    /// Counts the processes it has run: whatever belongs to an older one is void.
    pub process: u32,
    /// When each older process died or was shut down.
    pub deaths: Vec<SimTime>,
    /// How the present process hears of what others publish.
    pub subscription: Subscription,
    /// Clients connected to the present process, in no particular order.
    pub live: Vec<ClientId>,
    /// Connections whose client is gone without the pod knowing.
    pub ghosts: u32,
    /// Those of them that went by long polling: no balancer holds anything for them.
    pub silent_ghosts: u32,
    /// Live connections that go by long polling.
    pub pollers: u32,
    /// Clients whose upgrade is under way; they count as connections of the balancer.
    pub upgrading: Vec<ClientId>,
    /// Connections and upgrades as the balancer counts them.
    held: u32,
    /// Dead connections that balancers still hold, since nobody has told them; and tries that wait for an answer.
    half_open: u32,
    /// Connections that the balancer does not count any more, since it has reloaded.
    forgotten: u32,
    /// HTTP requests that the pod had not answered when the balancer looked last, with those that came since.
    in_flight: u32,
    /// When the first of them is answered.
    next_answer: SimTime,
    /// Requests that were given up by then are recorded as that. The pod is busy with them for longer.
    pub given_up_until: SimTime,
    /// When the bucket of new WebSockets will be empty ([`Pod::admits`]).
    bucket_empty: SimTime,
    /// Requests and upgrades that arrived, ever.
    pub requests: u64,
    /// Events sent to clients, ever.
    pub sends: u64,
    /// Time of workers taken on, ever, in nanoseconds.
    work_ns: u64,
    workers: Vec<Worker>,
    /// From when to when each worker does nothing, the last time; empty if they never have.
    stalls: Vec<(SimTime, SimTime)>,
    /// Stretch of work as a ratio: `workers / cpu` when the CPU limit is below the number of workers, else 1.
    stretch: f64,
    /// The same beside the heartbeats.
    slowdown: f64,
    /// Share of the CPU limit that the heartbeats of one connection take.
    heartbeat: f64,
    /// See [`Pod::heartbeat_share`].
    heartbeats: f64,
    costs: Frequent,
    /// The same as they are under the CPU limit, beside the heartbeats.
    slowed: Frequent,
}

impl Pod {
    /// A pod that starts at `now`.
    pub fn new(spec: &PodSpec, generation: u32, now: SimTime) -> Pod {
        let Costs { send, copy_delivered, copy_dropped, .. } = spec.costs;
        let costs = Frequent { send, copy_delivered, copy_dropped };
        let mut pod = Pod {
            life: Life::new(generation, now),
            process: 0,
            deaths: Vec::new(),
            subscription: Subscription::None,
            live: Vec::new(),
            ghosts: 0,
            silent_ghosts: 0,
            pollers: 0,
            upgrading: Vec::new(),
            held: 0,
            half_open: 0,
            forgotten: 0,
            in_flight: 0,
            next_answer: SimTime::NEVER,
            given_up_until: SimTime::ZERO,
            bucket_empty: SimTime::ZERO,
            requests: 0,
            sends: 0,
            work_ns: 0,
            workers: (0..spec.workers).map(|_| Worker::default()).collect(),
            stalls: Vec::new(),
            stretch: (f64::from(spec.workers) / spec.cpu).max(1.0),
            slowdown: (f64::from(spec.workers) / spec.cpu).max(1.0),
            heartbeat: if spec.costs.heartbeat_every.is_zero() {
                0.0
            } else {
                spec.costs.heartbeat.as_secs_f64() / spec.costs.heartbeat_every.as_secs_f64() / spec.cpu
            },
            heartbeats: 0.0,
            costs,
            slowed: costs,
        };
        pod.connections_changed();
        pod
    }
    /// `10.244.0.2:3000`: the address that the ring and the cookies of balancers see. Never used twice.
    pub fn address(id: PodId) -> String {
        let (node, host) = (id.raw() / 250, id.raw() % 250 + 2);
        format!("10.{}.{}.{host}:3000", 244 + node / 256, node % 256)
    }
    /// Whether the process has subscribed to what others publish.
    pub fn subscribed(&self) -> bool {
        matches!(self.subscription, Subscription::Live | Subscription::Broken | Subscription::CutOff)
    }
    /// Whether it gets what they publish.
    pub fn listens(&self) -> bool {
        self.subscription == Subscription::Live
    }
    /// Whether it does without an adapter.
    pub fn is_alone(&self) -> bool {
        self.subscription == Subscription::Alone
    }
    /// Connections as the pod counts them.
    pub fn connections(&self) -> u32 {
        self.live.len() as u32 + self.ghosts
    }
    /// Connections and requests as the balancer counts them.
    #[inline]
    pub fn balancer_connections(&mut self, now: SimTime) -> u32 {
        if self.next_answer <= now {
            self.count_answered(now);
        }
        debug_assert_eq!(self.held, self.count_at_balancer(), "whoever changes them says so");
        self.held + self.in_flight - self.forgotten
    }
    /// The balancer has reloaded: connections that are there now do not count for it any more.
    pub fn forget_connections(&mut self) {
        self.half_open = 0;
        self.count_held();
        self.forgotten = self.connections() - self.silent_ghosts;
    }
    /// One of those that the balancer has forgotten is over.
    pub fn forgotten_ended(&mut self) {
        self.forgotten = self.forgotten.saturating_sub(1);
    }
    fn count_at_balancer(&self) -> u32 {
        self.connections() + self.upgrading.len() as u32 - self.silent_ghosts + self.half_open
    }
    fn count_held(&mut self) {
        self.held = self.count_at_balancer();
        self.forgotten = self.forgotten.min(self.held);
    }
    /// A connection that was taken out before is a ghost from now on; `polled`: one by long polling.
    pub fn leave_ghost(&mut self, polled: bool) {
        self.ghosts += 1; // so the number of connections is the same
        if polled {
            self.silent_ghosts += 1;
            self.count_held();
        }
    }
    /// The pod has noticed a ghost.
    pub fn forget_ghost(&mut self, polled: bool) {
        self.ghosts -= 1;
        self.silent_ghosts -= u32::from(polled);
        self.connections_changed();
    }
    /// So many more connections are dead without balancers knowing it, or tries get no answer.
    pub fn leave_half_open(&mut self, connections: u32) {
        self.half_open += connections;
        self.count_held();
    }
    /// One of them is over; after a reload nobody may have known of it.
    pub fn half_open_ended(&mut self) {
        self.half_open = self.half_open.saturating_sub(1);
        self.count_held();
    }
    /// A client's upgrade is under way; returns its position among those.
    pub fn start_upgrade(&mut self, client: ClientId) -> u32 {
        self.upgrading.push(client);
        self.count_held();
        self.upgrading.len() as u32 - 1
    }
    /// The upgrade at a position is no longer under way; the last one takes its place and is returned.
    pub fn end_upgrade(&mut self, position: u32) -> Option<ClientId> {
        self.upgrading.swap_remove(position as usize);
        self.count_held();
        self.upgrading.get(position as usize).copied()
    }
    /// Requests that are answered by now no longer count.
    #[inline(never)]
    fn count_answered(&mut self, now: SimTime) {
        self.next_answer = SimTime::NEVER;
        for worker in &mut self.workers {
            self.in_flight -= worker.count_answered(now);
            self.next_answer = self.next_answer.min(worker.next_answer());
        }
    }

    /// The worker that is free first, the first among equals.
    #[inline]
    fn next_worker(&mut self) -> (usize, &mut Worker) {
        let mut best = 0;
        for index in 1..self.workers.len() {
            // which is free first cannot be foretold: it is chosen without a branch
            let earlier = self.workers[index].free < self.workers[best].free;
            best = std::hint::select_unpredictable(earlier, index, best);
        }
        (best, &mut self.workers[best])
    }
    /// How long `work` takes under the CPU limit, beside the heartbeats.
    #[inline]
    pub fn stretched(&self, work: Span) -> Span {
        if self.slowdown > 1.0 { Span::from_nanos_f64(work.as_nanos() as f64 * self.slowdown) } else { work }
    }
    /// How long sending one copy takes.
    pub const fn send(&self) -> Span {
        self.slowed.send
    }
    /// How long taking on a copy from Redis takes that has recipients here.
    pub const fn copy_delivered(&self) -> Span {
        self.slowed.copy_delivered
    }
    /// How long dropping a copy from Redis takes that nobody here wants.
    pub const fn copy_dropped(&self) -> Span {
        self.slowed.copy_dropped
    }
    /// Share of the CPU limit that heartbeats take now. They come evenly, so they are no jobs of their own: they leave
    /// less for all other work, which takes longer.
    pub const fn heartbeat_share(&self) -> f64 {
        self.heartbeats
    }
    /// The number of connections has changed.
    pub fn connections_changed(&mut self) {
        self.count_held();
        self.heartbeats = (f64::from(self.connections()) * self.heartbeat).min(MOST_HEARTBEATS);
        self.slowdown = self.stretch / (1.0 - self.heartbeats);
        let Frequent { send, copy_delivered, copy_dropped } = self.costs;
        self.slowed = Frequent {
            send: self.stretched(send),
            copy_delivered: self.stretched(copy_delivered),
            copy_dropped: self.stretched(copy_dropped),
        };
    }
    /// Whether one more WebSocket is let in now; if so it counts.
    pub fn admits(&mut self, now: SimTime, limit: Admission) -> bool {
        let admitted = self.bucket_empty <= now + limit.every * u64::from(limit.burst - 1);
        if admitted {
            self.bucket_empty = self.bucket_empty.max(now) + limit.every;
        }
        admitted
    }
    /// Takes on work that arrives now: it starts when a worker is free (Lindley's recursion).
    #[inline]
    pub fn book(&mut self, now: SimTime, work: Span) -> Booking {
        self.book_slowed(now, self.stretched(work))
    }
    /// The same with work that is said as long as it takes beside the heartbeats.
    #[inline]
    pub fn book_slowed(&mut self, now: SimTime, work: Span) -> Booking {
        self.work_ns = self.work_ns.saturating_add(work.as_nanos());
        let (worker, Worker { free, .. }) = self.next_worker();
        let start = (*free).max(now);
        let done = start + work;
        *free = done;
        Booking { worker, start, done }
    }
    /// Booked work that has not begun falls away. Requests that were booked after it are answered as they were to be.
    pub fn unbook(&mut self, booking: Booking, now: SimTime) {
        let worker = &mut self.workers[booking.worker];
        let least = worker.last_answer().max(now);
        let left = worker.free.since(least);
        let back = (booking.done - booking.start).min(left);
        worker.free = least + (left - back);
        self.work_ns -= back.as_nanos();
    }
    /// When the first worker has nothing more to do.
    pub fn free_at(&self, now: SimTime) -> SimTime {
        self.workers.iter().map(|worker| worker.free).min().unwrap_or(now).max(now)
    }
    /// No worker does anything for so long, after what it has to do now. Who stands still already does so until the later end.
    pub fn stand_still(&mut self, now: SimTime, length: Span) {
        self.stalls.resize(self.workers.len(), (SimTime::ZERO, SimTime::ZERO));
        for (worker, (from, to)) in self.workers.iter_mut().zip(&mut self.stalls) {
            if *to > now {
                let longer = (now + length).since(*to);
                (worker.free, *to) = (worker.free + longer, *to + longer);
            } else {
                *from = worker.free.max(now);
                *to = *from + length;
                worker.free = *to;
            }
        }
    }
    /// Work that is booked beyond `now`, without the time in which nothing is done.
    fn work_ahead(&self, now: SimTime) -> u64 {
        let booked: u64 = self.workers.iter().map(|worker| worker.free.since(now).as_nanos()).sum();
        let idle: u64 = self.stalls.iter().map(|&(from, to)| to.since(from.max(now)).as_nanos()).sum();
        booked.saturating_sub(idle)
    }
    /// The booked work is a request, whose outcome is known when it is done. True: many wait to be recorded by now.
    #[inline]
    pub fn push(&mut self, booking: Booking, job: Job) -> bool {
        self.in_flight += 1;
        self.next_answer = self.next_answer.min(job.done);
        self.workers[booking.worker].push(job)
    }
    /// A request begins whose end nobody knows yet.
    pub const fn begin_open_end(&mut self) {
        self.in_flight += 1;
    }
    /// One of them is done, of this process.
    pub const fn open_end_done(&mut self) {
        self.in_flight -= 1;
    }
    /// CPU time used up to `now`, over all processes. A worker stretched by the CPU limit is throttled part of its time.
    pub fn cpu_used(&self, now: SimTime) -> Span {
        Span::from_nanos_f64(self.work_ns.saturating_sub(self.work_ahead(now)) as f64 / self.stretch)
    }

    /// Takes out the requests that are done by `now`.
    pub fn take_done(&mut self, now: SimTime) -> impl Iterator<Item = Job> {
        self.count_answered(now);
        self.workers.iter_mut().flat_map(Worker::take_answered)
    }
    /// How many requests the balancer has given up after `known` and up to `now`, of those that are left. `in_order`: they
    /// have come to the workers in order of arrival.
    pub fn given_up(&self, known: SimTime, now: SimTime, in_order: bool) -> u64 {
        let more = |worker: &Worker| worker.given_up(now, in_order) - worker.given_up(known, in_order);
        self.workers.iter().map(more).sum::<usize>() as u64
    }
    /// The process ends now with everything it had not finished; returns the requests among it.
    pub fn abandon(&mut self, now: SimTime) -> Vec<Job> {
        self.work_ns = self.work_ns.saturating_sub(self.work_ahead(now));
        self.stalls.clear();
        for worker in &mut self.workers {
            worker.free = now;
        }
        self.unfinished()
    }
    /// Takes out every request that is not done yet, when nothing follows any more.
    pub fn unfinished(&mut self) -> Vec<Job> {
        (self.in_flight, self.next_answer) = (0, SimTime::NEVER);
        self.workers.iter_mut().flat_map(Worker::take_all).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(done_ns: u64) -> Job {
        Job { done: SimTime::from_nanos(done_ns), arrived: SimTime::ZERO, latency: Span::ZERO }
    }

    #[test]
    fn an_answer_of_any_worker_counts_at_once() {
        let spec = PodSpec { cpu: 2.0, workers: 2, ..PodSpec::default() };
        let mut pod = Pod::new(&spec, 0, SimTime::ZERO);
        for ns in [10, 30, 15] {
            let booking = pod.book(SimTime::ZERO, Span::from_nanos(ns));
            pod.push(booking, job(booking.done.as_nanos()));
        }
        // done at 10, 30 and, on the worker that is free first, 25
        let counted = [9, 10, 24, 25, 29, 30].map(|ns| pod.balancer_connections(SimTime::from_nanos(ns)));
        assert_eq!(counted, [3, 2, 2, 1, 1, 0]);
    }
}
