//! What an application knows of its clients from one connection or request to the next, and what they miss meanwhile.

use super::PodId;
use super::clients::{ClientId, Link, NO_POD};
use super::rooms::{Missed, Who};
use super::spec::{ClusterSpec, SessionSpec, SessionStore};
use crate::engine::{SimTime, Span};
use crate::metrics::{RecoveryMiss, SessionLoss};

/// A stream keeps so many entries (`maxLen` of the streams adapter).
const STREAM: u64 = 10_000;
/// The in-memory adapter looks for events that are too old at this distance (`SessionAwareAdapter`).
const SWEEP: Span = Span::from_secs(60);

/// What is known of all clients.
pub struct Sessions {
    spec: Option<SessionSpec>,
    /// How long a lost connection can be recovered, and whether on any pod: by a stream.
    recovery: Option<(Span, bool)>,
    /// What offline clients miss matters: they can be recovered, or there are lists of pending events.
    follow: bool,
    /// HTTP requests look for what is known of their client.
    on_requests: bool,
    of: Vec<Session>,
    /// Events that have a number so far, and bytes of their entries in a stream.
    events: u64,
    events_bytes: u64,
    /// Bytes of events in lists, and how many there have been.
    pending: (u64, u64),
    /// What Redis has forgotten: what was written from the first time to the second one, and events before the number.
    forgotten: Vec<(SimTime, SimTime)>,
    events_forgotten: u64,
}

/// What is known of one client.
#[derive(Clone, Copy)]
struct Session {
    /// The process that saw it last.
    pod: PodId,
    process: u32,
    /// When it was made, and used last; [`SimTime::NEVER`]: there is none.
    made: SimTime,
    used: SimTime,
    /// How many events had a number when its connection began, and the last event that it had got before.
    began: u64,
    offset: (u64, SimTime),
    /// The last event for it alone.
    last: (u64, SimTime),
    absence: Absence,
}

/// A client without a connection.
#[derive(Clone, Copy)]
pub struct Absence {
    /// Which connection it has lost.
    pub connection: u32,
    /// It will ask to be recovered.
    pub asks: bool,
    /// Number of the last event that it got, 0 for none, and when that was.
    offset: (u64, SimTime),
    /// What had been missed in its rooms when it lost the connection, and what it alone has missed since then.
    missed: Missed,
    alone: u32,
    /// What its server did about it.
    pub stored: Stored,
    /// Events of its rooms are kept in a list; what had been kept when that began, and what has been kept for it alone.
    pub waits: bool,
    kept: Missed,
    kept_alone: u32,
}

/// What the server did about a lost connection that may be recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Nothing so far: it does not know.
    NotYet,
    /// It stored the session then, in Redis or in its memory.
    At(SimTime, PodId, u32),
    /// It crashed.
    Crashed,
    /// It could not reach Redis.
    NoRedis,
}

/// What is found of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing, and nothing was to be expected.
    New,
    /// What is known of it.
    There,
    /// Nothing any more.
    Lost(SessionLoss),
}

impl Absence {
    const NONE: Absence = Absence {
        connection: 0,
        asks: false,
        offset: (0, SimTime::ZERO),
        missed: Missed { events: 0, kept: 0 },
        alone: 0,
        stored: Stored::NotYet,
        waits: false,
        kept: Missed { events: 0, kept: 0 },
        kept_alone: 0,
    };
    /// (missed, kept) up to now, where its rooms stand as they do.
    pub const fn missed(&self, rooms: Missed) -> (u32, u32) {
        let (missed, _) = rooms.since(self.missed);
        let kept = if self.waits { rooms.since(self.kept).1 + self.kept_alone } else { 0 };
        (missed + self.alone, kept)
    }
}

impl Session {
    const NEW: Session = Session {
        pod: NO_POD,
        process: 0,
        made: SimTime::NEVER,
        used: SimTime::NEVER,
        began: 0,
        offset: (0, SimTime::ZERO),
        last: (0, SimTime::ZERO),
        absence: Absence::NONE,
    };
}

impl Sessions {
    /// Nothing is known of anybody.
    pub fn new(spec: &ClusterSpec) -> Sessions {
        Sessions {
            spec: spec.sessions,
            recovery: spec.recovery.map(|length| (length, spec.redis.law.adapter.reads_streams())),
            follow: spec.recovery.is_some() || spec.sessions.is_some_and(|spec| spec.pending.is_some()),
            on_requests: spec.sessions.is_some_and(|spec| spec.requests),
            of: Vec::new(),
            events: 0,
            events_bytes: 0,
            pending: (0, 0),
            forgotten: Vec::new(),
            events_forgotten: 0,
        }
    }
    /// Whether what offline clients miss matters.
    pub const fn follow(&self) -> bool {
        self.follow
    }
    /// Whether HTTP requests look for what is known of their client.
    pub const fn on_requests(&self) -> bool {
        self.on_requests
    }
    /// Whether there are lists of pending events.
    #[inline]
    pub fn keep_pending(&self) -> bool {
        self.spec.is_some_and(|spec| spec.pending.is_some())
    }
    /// Whether anything is known of clients.
    const fn are_known(&self) -> bool {
        self.spec.is_some() || self.recovery.is_some()
    }
    /// A new client takes a place.
    pub fn admit(&mut self, client: ClientId) {
        if self.are_known() {
            if self.of.len() <= client.index() {
                self.of.resize(client.index() + 1, Session::NEW);
            }
            self.of[client.index()] = Session::NEW;
        }
    }

    /// What a process finds of a client. For the memory of another one it is for the caller to say whether that is alive.
    pub fn state(&self, client: ClientId, at: (PodId, u32), now: SimTime) -> State {
        let Some(spec) = self.spec else { return State::New };
        let Session { pod, process, made, used, .. } = self.of[client.index()];
        if used == SimTime::NEVER {
            State::New
        } else if spec.store == SessionStore::Redis && self.is_forgotten(made) {
            State::Lost(SessionLoss::StoreLost)
        } else if spec.ttl.is_some_and(|ttl| used + ttl < now) {
            State::Lost(SessionLoss::Expired)
        } else if spec.store == SessionStore::Memory && (pod, process) != at {
            State::Lost(SessionLoss::Elsewhere)
        } else {
            State::There
        }
    }
    /// The process that saw a client last.
    pub fn seen_by(&self, client: ClientId) -> (PodId, u32) {
        let Session { pod, process, .. } = self.of[client.index()];
        (pod, process)
    }
    /// A process makes or uses what is known of a client.
    pub fn used(&mut self, client: ClientId, (pod, process): (PodId, u32), now: SimTime) {
        if self.spec.is_some() {
            // what is not found is made anew
            let is_new = self.state(client, (pod, process), now) != State::There;
            let session = &mut self.of[client.index()];
            (session.pod, session.process, session.used) = (pod, process, now);
            if is_new {
                session.made = now;
            }
        }
    }

    /// An event goes out that can be recovered, as an entry of so many bytes; to one client, or to a room, which is for the
    /// caller to note. Its number.
    pub fn number_event(&mut self, to: Option<ClientId>, bytes: u64, now: SimTime) -> u64 {
        self.events += 1;
        self.events_bytes += bytes;
        if let Some(client) = to {
            self.of[client.index()].last = (self.events, now);
        }
        self.events
    }
    /// Bytes of so many events in a stream.
    pub const fn event_bytes(&self, events: u32) -> u64 {
        match self.events_bytes.checked_div(self.events) {
            Some(mean) => mean * events as u64,
            None => 0,
        }
    }
    /// A connection of a client begins anew after an absence: its library keeps the number of the last event that it got.
    pub fn begin(&mut self, client: ClientId, after: Absence) {
        let session = &mut self.of[client.index()];
        (session.began, session.offset) = (self.events, session.offset.max(after.offset));
    }
    /// A client begins from nothing: it has got no event yet, and will not ask for any.
    pub fn new_page(&mut self, client: ClientId) {
        if self.follow {
            let session = &mut self.of[client.index()];
            (session.began, session.offset, session.absence.asks) = (self.events, (0, SimTime::ZERO), false);
        }
    }
    /// A client loses a connection, when so much has been missed in its rooms, whose last event was `last`. `asks`: it will ask
    /// to be recovered.
    pub fn absent(&mut self, client: ClientId, connection: u32, asks: bool, missed: Missed, last: (u64, SimTime)) {
        let session = &mut self.of[client.index()];
        let last = session.last.max(last);
        let offset = if last.0 > session.began { last } else { session.offset };
        let asks = asks && self.recovery.is_some();
        session.absence = Absence { connection, asks, offset, missed, ..Absence::NONE };
    }
    /// Figures begin to count: what was missed before is none of theirs.
    pub fn end_warm_up(&mut self, missed: impl Fn(ClientId) -> Missed) {
        for (index, session) in self.of.iter_mut().enumerate() {
            let absence = &mut session.absence;
            if absence.connection > 0 && self.follow {
                let missed = missed(ClientId::from_usize(index));
                (absence.missed, absence.alone, absence.kept, absence.kept_alone) = (missed, 0, missed, 0);
            }
        }
    }
    /// A client that has lost this connection, as long as it has no other.
    pub fn absence(&mut self, client: ClientId) -> &mut Absence {
        &mut self.of[client.index()].absence
    }
    /// A client is back, or gone for good.
    pub fn end_absence(&mut self, client: ClientId) -> Absence {
        std::mem::replace(&mut self.of[client.index()].absence, Absence::NONE)
    }
    /// From now on events are kept in a list for a client.
    pub fn keep_for(&mut self, client: ClientId, rooms: Missed) {
        let absence = &mut self.of[client.index()].absence;
        (absence.waits, absence.kept, absence.kept_alone) = (true, rooms, 0);
    }
    /// A client that is offline misses an event that was for it alone, or was on its way to it; perhaps it is kept in its list.
    pub fn miss_alone(&mut self, client: ClientId, kept: bool) {
        let absence = &mut self.of[client.index()].absence;
        absence.alone += 1;
        absence.kept_alone += u32::from(kept);
    }
    /// Whether this was the last connection of a client that has no other; `link` is what links it now.
    pub fn is_absent(&self, client: ClientId, connection: u32, link: Link) -> bool {
        !matches!(link, Link::Open | Link::Left) && self.of[client.index()].absence.connection == connection
    }
    /// Events that were on their way to a connection when that ended are missed by its client.
    pub fn miss_on_the_way(&mut self, who: Who, events: u32, link: Link) {
        if self.follow() && self.is_absent(who.client, who.connection, link) {
            self.of[who.client.index()].absence.alone += events;
        }
    }
    /// Events of so many bytes go into lists.
    pub fn note_pending(&mut self, bytes: u32, events: u32) {
        self.pending.0 += u64::from(bytes) * u64::from(events);
        self.pending.1 += u64::from(events);
    }
    /// Bytes of so many events in a list.
    pub fn pending_bytes(&self, events: u32) -> u64 {
        let (bytes, of) = self.pending;
        bytes.checked_div(of).map_or(0, |mean| mean * u64::from(events))
    }

    /// Whether a client that is back is recovered by a process, and entries of the stream to be read for that.
    ///
    /// # Errors
    /// Why it is not.
    pub fn recover(&self, client: ClientId, at: (PodId, u32), now: SimTime) -> Result<u32, RecoveryMiss> {
        let (Some((length, anywhere)), Absence { offset, stored, .. }) =
            (self.recovery, self.of[client.index()].absence)
        else {
            return Err(RecoveryMiss::NotStored);
        };
        let (stored_at, by) = match stored {
            Stored::NotYet => return Err(RecoveryMiss::NotStored),
            Stored::Crashed => return Err(RecoveryMiss::PodCrash),
            Stored::NoRedis => return Err(RecoveryMiss::StoreDown),
            Stored::At(stored_at, pod, process) => (stored_at, (pod, process)),
        };
        let (number, got_at) = offset;
        let entries = self.events - number;
        // the in-memory adapter drops what is older once a minute
        let dropped_before = SimTime::ZERO + SWEEP * ((now - SimTime::ZERO).as_nanos() / SWEEP.as_nanos());
        let is_dropped = if anywhere {
            entries >= STREAM || number <= self.events_forgotten
        } else {
            got_at + length < dropped_before
        };
        if number == 0 {
            Err(RecoveryMiss::NoEvent)
        } else if !anywhere && by != at {
            Err(RecoveryMiss::Elsewhere)
        } else if anywhere && self.is_forgotten(stored_at) {
            Err(RecoveryMiss::StoreDown)
        } else if stored_at + length < now {
            Err(RecoveryMiss::Expired)
        } else if is_dropped {
            Err(RecoveryMiss::Trimmed)
        } else {
            Ok(u32::try_from(entries).unwrap_or(u32::MAX))
        }
    }
    /// Whether a client that asks to be recovered says from where on.
    pub fn has_offset(&self, client: ClientId) -> bool {
        self.of[client.index()].absence.offset.0 > 0
    }
    /// Redis dies, and forgets what was written to it for so long.
    pub fn forget(&mut self, now: SimTime, length: Span) {
        self.forgotten.push((SimTime::ZERO + (now - SimTime::ZERO).saturating_sub(length), now));
        if length >= now - SimTime::ZERO {
            self.events_forgotten = self.events;
        }
    }
    fn is_forgotten(&self, written: SimTime) -> bool {
        self.forgotten.iter().any(|&(from, until)| (from..=until).contains(&written))
    }
}
