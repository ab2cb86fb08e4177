//! An Envoy at work, whoever configured it: by hand, or Istio.

use super::edf::Schedule;
use super::table::{Host, Ring, Table, hash, maglev};
use crate::cluster::PodId;
use crate::cluster::balancer::address::AddressText;
use crate::cluster::balancer::{AffinityKey, Decide, Health, Peer, Peers, Request, SetCookie, Tries};
use crate::engine::{LazyStream, Span, Stream};

/// What an Envoy is told to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How a host is chosen.
    pub policy: Policy,
    /// What is hashed, in order; only ring and Maglev look at it.
    pub hashed: Vec<Hashed>,
    /// The stateful session, which comes before all else.
    pub session: Option<Session>,
    /// With less than so many per cent of healthy hosts, all hosts are taken for healthy.
    pub panic_percent: u64,
    /// What happens after a refusal.
    pub retries: Retries,
}

/// How a host is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests among so many drawn ones; `None`: among all.
    LeastRequest(Option<u32>),
    /// Any.
    Random,
    /// By hash, on a ring of at least and at most so many points.
    Ring(u64, u64),
    /// By hash, in a table of this size, a prime number.
    Maglev(u64),
}

impl Policy {
    /// True when it looks at a hash.
    pub const fn is_hash(self) -> bool {
        matches!(self, Policy::Ring(..) | Policy::Maglev(_))
    }
}

/// A part of the hash of a request.
#[derive(Clone, Copy, Debug)]
pub struct Hashed {
    /// What is hashed.
    pub source: Source,
    /// If there is a hash by now, what follows is not looked at.
    pub terminal: bool,
}

/// What is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A header or query parameter, which is each client's own or its room.
    Text(AffinityKey),
    /// The client's address.
    Address,
    /// A cookie; a client without one gets one that lives so long (`None` = browser session), unless nothing is said of that.
    Cookie(Option<Option<Span>>),
}

/// A stateful session: the cookie names a host.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// How long its cookie lives; `None` = as long as the browser session.
    pub lifetime: Option<Span>,
    /// An unknown host is an error (503).
    pub strict: bool,
    /// Healthy hosts are taken.
    pub up: bool,
    /// Draining hosts are taken.
    pub draining: bool,
    /// Unhealthy hosts are taken.
    pub down: bool,
}

/// What happens after a refusal.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// So many more tries.
    pub count: u32,
    /// Hosts that refused are avoided: so many more choices are made for each try. `None`: they are not.
    pub choices: Option<u32>,
    /// The pause before the first further try is less than this, before the next less than twice as much, …
    pub base: Span,
    /// … but never more than this.
    pub most: Span,
}

impl Retries {
    /// None at all.
    pub const NONE: Retries =
        Retries { count: 0, choices: None, base: Retries::BASE_INTERVAL, most: Retries::MAX_INTERVAL };
    /// `upstream.base_retry_backoff_ms`.
    pub const BASE_INTERVAL: Span = Span::from_millis(25);
    /// Ten times the base interval (`retry_back_off.max_interval`).
    pub const MAX_INTERVAL: Span = Span::from_millis(250);

    /// The pause before a try after so many refusals (`backoff_strategy.cc`): a draw of whole milliseconds.
    fn pause(&self, refusals: usize, stream: &mut LazyStream) -> Span {
        let doubled = (1..refusals.min(40)).fold(self.base.as_nanos(), |interval, _| interval.saturating_mul(2));
        let millis = doubled.min(self.most.as_nanos()) / 1_000_000;
        Span::from_millis(stream.get().below(millis.max(1)))
    }
}

impl Plan {
    /// What is hashed and can be reached: what comes after a terminal part that every request has is not.
    pub fn reachable(&self) -> impl Iterator<Item = Source> {
        let always = |part: &Hashed| match part.source {
            Source::Address | Source::Cookie(Some(_)) | Source::Text(AffinityKey::User) => part.terminal,
            Source::Text(_) | Source::Cookie(None) => false,
        };
        let all = if self.policy.is_hash() { &self.hashed[..] } else { &[] };
        let end = all.iter().position(always).map_or(all.len(), |at| at + 1);
        all[..end].iter().map(|part| part.source)
    }
    /// What keeps a client on its host.
    pub fn affinity(&self) -> AffinityKey {
        if self.session.is_some() {
            return AffinityKey::Cookie;
        }
        let key = |source: Source| match source {
            Source::Text(kind) => kind,
            Source::Address => AffinityKey::Address,
            Source::Cookie(Some(_)) => AffinityKey::Cookie,
            Source::Cookie(None) => AffinityKey::None,
        };
        // a text or the address must be looked up for a request; its cookie is there anyway
        let rank = |key: &AffinityKey| match key {
            AffinityKey::None => 0,
            AffinityKey::Cookie => 1,
            _ => 2,
        };
        self.reachable().map(key).max_by_key(rank).unwrap_or(AffinityKey::None)
    }
}

/// One worker thread of an Envoy and the hosts of one cluster.
#[derive(Clone, Debug)]
pub struct Proxy {
    plan: Plan,
    peers: Peers,
    /// The tables below are older than the peers.
    stale: bool,
    /// Positions of the hosts that are chosen from: the healthy ones, or all in panic.
    usable: Vec<u32>,
    panic: bool,
    table: Option<Table>,
    schedule: Option<Schedule>,
    /// Where turns begin, drawn once.
    seed: Option<u64>,
    /// Turns of round robin among the healthy hosts, and among all in panic.
    turns: [u64; 2],
}

/// A hash policy's cookie that a client brings stands for 64 bits: these, which are spread as those of the real values are.
#[inline]
fn cookie_hash(cookie: u32) -> u64 {
    hash(&cookie.to_le_bytes())
}

impl Proxy {
    /// An Envoy without hosts.
    pub fn new(plan: impl Into<Plan>) -> Proxy {
        Proxy {
            plan: plan.into(),
            peers: Peers::default(),
            stale: false,
            usable: Vec::new(),
            panic: false,
            table: None,
            schedule: None,
            seed: None,
            turns: [0; 2],
        }
    }

    /// Whether so few hosts are healthy that Envoy uses all (`recalculatePerPriorityPanic`): never while the healthy ones,
    /// counted 1.4 times, are as many as all.
    fn in_panic(&self) -> bool {
        const OVERPROVISIONING_PERCENT: u64 = 140;
        let (up, all) = (self.peers.up() as u64, self.peers.len() as u64);
        all > 0 && up * OVERPROVISIONING_PERCENT / all < 100 && up * 100 < self.plan.panic_percent * all
    }

    /// Builds the tables of the hosts as they are now.
    fn rebuild(&mut self, mut load: impl FnMut(&Peer) -> u32) {
        self.stale = false;
        self.panic = self.in_panic();
        let peers = &self.peers;
        let taken = |&(_, peer): &(usize, &Peer)| self.panic || peer.health == Health::Up;
        self.usable = peers.iter().enumerate().filter(taken).map(|(position, _)| position as u32).collect();
        let host = |&position: &u32| {
            let Peer { address, weight, .. } = &peers[position as usize];
            Host { position, key: address, weight: (*weight).max(1) }
        };
        let hosts: Vec<Host<'_>> = self.usable.iter().map(host).collect();
        let policy = self.plan.policy;
        self.table = match policy {
            Policy::Ring(least, most) => Some(Table::Ring(Ring::new(&hosts, least, most))),
            Policy::Maglev(size) => Some(Table::Maglev(maglev(&hosts, size))),
            _ => None,
        };
        // hosts of equal weight need no schedule
        let unequal = hosts.windows(2).any(|pair| pair[0].weight != pair[1].weight);
        let scheduled = matches!(policy, Policy::RoundRobin | Policy::LeastRequest(_)) && unequal;
        self.schedule = scheduled.then(|| {
            let weight = |host: &Host<'_>| weight(policy, &peers[host.position as usize], &mut load);
            let weights: Vec<f64> = hosts.iter().map(weight).collect();
            Schedule::after(&weights, self.seed.unwrap_or(0) as u32)
        });
    }

    /// The hash of a request; a client without the cookie that is hashed gets one.
    fn hash(&self, request: &Request<'_>, tries: &mut Tries, stream: &mut LazyStream) -> Option<u64> {
        let mut hashed: Option<u64> = None;
        for part in &self.plan.hashed {
            let new = match part.source {
                Source::Text(kind) => Some(request.text(kind)).filter(|text| !text.is_empty()).map(hash),
                Source::Address => Some(hash(AddressText::new(request.address).bytes())),
                Source::Cookie(issued) => request.cookie.map(cookie_hash).or_else(|| {
                    let lifetime = issued?;
                    // the real value is a hash of both ends of the connection, so further tries have the same
                    let draw = || SetCookie::new((stream.get().bits() >> 32) as u32, request.now, lifetime);
                    Some(cookie_hash(tries.cookie.get_or_insert_with(draw).value))
                }),
            };
            if let Some(new) = new {
                hashed = Some(hashed.map_or(0, |old| old.rotate_left(1)) ^ new);
            }
            if part.terminal && hashed.is_some() {
                break;
            }
        }
        hashed
    }

    /// The host of a stateful session, if it may be used.
    #[inline]
    fn session_host(&self, session: Session, cookie: u32) -> Option<usize> {
        self.peers.position(PodId::new(cookie)).filter(|&position| match self.peers[position].health {
            Health::Up => session.up,
            Health::Draining => session.draining,
            Health::Down => session.down,
        })
    }

    /// The host that the policy chooses, another one than those that refused if it is to avoid them.
    fn choose(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        mut load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let more = if tries.refused.is_empty() { 0 } else { self.plan.retries.choices.unwrap_or(0) };
        let hash = match self.table {
            // without anything to hash, a ring is a draw
            Some(_) => self.hash(request, tries, stream).unwrap_or_else(|| stream.get().bits()),
            None => 0,
        };
        let mut host = None;
        for attempt in 0..=more {
            host = match &self.table {
                Some(table) => table.find(hash, attempt),
                None => self.choose_without_hash(stream, &mut load),
            };
            if host.is_none_or(|host| !tries.refused.contains(&host)) {
                break;
            }
        }
        host
    }

    fn choose_without_hash(&mut self, stream: &mut LazyStream, load: &mut impl FnMut(&Peer) -> u32) -> Option<usize> {
        let policy = self.plan.policy;
        let peers = &self.peers;
        let count = self.usable.len() as u64;
        if count == 0 {
            return None;
        }
        if let Some(schedule) = &mut self.schedule {
            let usable = &self.usable;
            let turn = schedule.pick(|host| weight(policy, &peers[usable[host] as usize], load));
            return turn.map(|host| usable[host] as usize);
        }
        let host = match policy {
            Policy::LeastRequest(Some(choices)) => {
                let mut draw = || self.usable[stream.get().below(count) as usize];
                let mut best = draw();
                let mut fewest = load(&peers[best as usize]);
                for _ in 1..choices {
                    let other = draw();
                    let requests = load(&peers[other as usize]);
                    if requests < fewest {
                        (best, fewest) = (other, requests);
                    }
                }
                best
            }
            Policy::LeastRequest(None) => self.least_of_all(stream, load),
            Policy::RoundRobin => {
                let turn = &mut self.turns[usize::from(self.panic)];
                let host = self.usable[(*turn % count) as usize];
                *turn = turn.wrapping_add(1);
                host
            }
            _ => self.usable[stream.get().below(count) as usize],
        };
        Some(host as usize)
    }

    /// The host with the fewest requests; of several, any.
    fn least_of_all(&self, stream: &mut LazyStream, load: &mut impl FnMut(&Peer) -> u32) -> u32 {
        let (mut best, mut fewest, mut tied) = (self.usable[0], u32::MAX, 0);
        for &host in &self.usable {
            let requests = load(&self.peers[host as usize]);
            if requests < fewest || tied == 0 {
                (best, fewest, tied) = (host, requests, 1);
            } else if requests == fewest {
                tied += 1;
                if stream.get().below(tied) == 0 {
                    best = host;
                }
            }
        }
        best
    }
}

/// What a host weighs in a schedule: by least request, the less the more requests it has.
fn weight(policy: Policy, peer: &Peer, load: &mut impl FnMut(&Peer) -> u32) -> f64 {
    let weight = f64::from(peer.weight.max(1));
    match policy {
        Policy::LeastRequest(_) => weight / (f64::from(load(peer)) + 1.0),
        _ => weight,
    }
}

impl Decide for Proxy {
    /// Hosts come and go without a reload: tables are built anew, turns go on.
    fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream) {
        self.peers = Peers::new(peers);
        self.stale = true;
        if self.seed.is_none() {
            let seed = stream.bits();
            (self.seed, self.turns) = (Some(seed), [seed; 2]);
        }
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
        self.stale = true;
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        mut load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        if self.stale {
            self.rebuild(&mut load);
        }
        if !tries.refused.is_empty() {
            tries.wait = self.plan.retries.pause(tries.refused.len(), stream);
        }
        let Some(session) = self.plan.session else { return self.choose(request, tries, stream, load) };
        // a value that is no address at all is as none
        let named = request.cookie.filter(|&cookie| cookie != NO_ADDRESS);
        if let (Some(cookie), true) = (named, tries.refused.is_empty()) {
            // only the first try looks at it
            let host = self.session_host(session, cookie);
            if host.is_some() || session.strict {
                return host;
            }
        }
        let host = self.choose(request, tries, stream, load)?;
        let pod = self.peers[host].pod.raw();
        let new = named != Some(pod);
        tries.cookie = new.then(|| SetCookie::new(pod, request.now, session.lifetime));
        Some(host)
    }
    fn max_tries(&self) -> usize {
        1 + self.plan.retries.count as usize
    }
    #[inline]
    fn bound(&self, cookie: u32) -> Option<PodId> {
        if let Some(session) = self.plan.session {
            return self.session_host(session, cookie).map(|position| self.peers[position].pod);
        }
        let (Some(table), false) = (&self.table, self.stale) else { return None };
        let [Hashed { source: Source::Cookie(_), terminal }, rest @ ..] = &self.plan.hashed[..] else { return None };
        if !(*terminal || rest.is_empty()) {
            return None;
        }
        table.find(cookie_hash(cookie), 0).map(|position| self.peers[position].pod)
    }
}

/// A cookie of a stateful session that is no address: what a client brings that got it from somebody else.
pub const NO_ADDRESS: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let retries = Retries { count: 9, ..Retries::NONE };
        for (refusals, below) in [(1, 25), (2, 50), (3, 100), (4, 200), (5, 250), (90, 250)] {
            let pauses = (0..2_000).map(|n| {
                let mut stream = LazyStream::new(crate::engine::Seed(3), 1, 1, n);
                retries.pause(refusals, &mut stream).as_nanos() / 1_000_000
            });
            assert_eq!(pauses.max(), Some(below - 1), "after {refusals} refusals");
        }
    }
}
