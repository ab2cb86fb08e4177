//! What HAProxy does with a request: whom it is bound to, whom it gets otherwise, what a retry may do.

use std::net::IpAddr;

use super::super::table::Table;
use super::balance::Balance;
use super::cookies::{Dated, DatedCookies};
use super::{
    Decide, Forgotten, HaproxyOption, HaproxySpec, Health, KeyType, Peer, Peers, PodId, Queue, Request, SetCookie,
    Tries,
};
use crate::engine::{LazyStream, SimTime, Span, Stream};

/// Before a retry at the same server, unless `timeout connect` is shorter (`back_handle_st_cer`).
const TURN_AROUND: Span = Span::from_secs(1);

/// A backend with the state of one process.
#[derive(Clone, Debug)]
pub struct Haproxy {
    spec: HaproxySpec,
    peers: Peers,
    balance: Balance,
    table: Option<Table>,
    dated: Option<DatedCookies>,
    /// `option persist`.
    persist: bool,
    redispatch: Option<i32>,
    /// A cookie alone decides, and nothing counts connections.
    cookie_decides: bool,
    /// Some server may have only so many connections.
    limited: bool,
}

impl Haproxy {
    /// A backend without servers.
    pub fn new(spec: HaproxySpec) -> Haproxy {
        let peers = Peers::default();
        let balance = Balance::new(&spec, &peers);
        let dates = spec.cookie.as_ref().map(|cookie| (cookie.max_idle, cookie.max_life));
        let dated = dates.filter(|dates| *dates != (None, None)).map(|(idle, life)| DatedCookies::new(idle, life));
        let table = spec.stick_table.as_ref().filter(|_| spec.stick.is_some());
        let table = table.map(|table| Table::new(table.size as usize, table.expire, !table.no_purge));
        Haproxy {
            peers,
            cookie_decides: spec.cookie.is_some()
                && dated.is_none()
                && table.is_none()
                && !balance.counts()
                && !spec.full_somewhere(),
            limited: spec.full_somewhere(),
            balance,
            table,
            dated,
            persist: spec.has(HaproxyOption::Persist),
            redispatch: spec.redispatch(),
            spec,
        }
    }

    /// The server of a pod, if a cookie or table may still send clients there.
    fn bindable(&self, pod: u32) -> Option<usize> {
        let position = self.peers.position(PodId::new(pod))?;
        (self.persist || self.peers[position].health != Health::Down).then_some(position)
    }

    /// What the cookie of a request says: its pod, and its dates if it has any.
    fn cookie(&self, request: &Request<'_>) -> (Option<u32>, Option<Dated>) {
        let value = request.cookie.filter(|_| self.spec.cookie.is_some());
        match (&self.dated, value) {
            (Some(dated), Some(value)) => {
                let dated = dated.read(value, request.now);
                (dated.map(|dated| dated.pod), dated)
            }
            (None, value) => (value, None),
            (_, None) => (None, None),
        }
    }

    /// The server that a cookie or, without one, the table binds a request to.
    fn bound_to(&mut self, request: &Request<'_>, cookie: Option<u32>, tries: &mut Tries) -> Option<usize> {
        let by_cookie = cookie.and_then(|pod| self.bindable(pod));
        let mut buffer = [0; 16];
        let key = stick_key(&self.spec, request, &mut buffer);
        let Some(table) = &mut self.table else { return by_cookie };
        // looked up whoever decides: that makes the entry live on
        let entry = key.and_then(|key| table.touch(key, request.now));
        if entry.is_none() && by_cookie.is_none() {
            // who has no key, such as an IPv6 client of a table of `type ip`, never has an entry
            let purged = key.is_some() && table.may_have_purged(request.now);
            tries.forgotten = Some(if purged { Forgotten::TableFull } else { Forgotten::Expired });
        }
        by_cookie.or_else(|| entry.and_then(|pod| self.bindable(pod)))
    }

    /// Whether this retry may go to another server (`stream_choose_redispatch`). `retry` counts from 1.
    fn may_redispatch(&self, refused: usize, retry: i64, bound: bool) -> bool {
        let Some(interval) = self.redispatch else { return false };
        let period = match i64::from(interval) {
            after @ 1.. => after,
            before => i64::from(self.spec.retries) + 1 + before,
        };
        let is_down = self.peers[refused].health == Health::Down;
        is_down || (period > 0 && retry % period == 0) || (!bound && self.peers.up() > 1 && !self.balance.is_hash())
    }

    /// The server of a retry: where the last try was, or another one.
    fn retry(
        &mut self,
        refused: usize,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let redispatched = self.may_redispatch(refused, tries.refused.len() as i64, tries.bound);
        if !redispatched || self.peers.up() <= 1 {
            tries.wait = self.spec.timeout_connect.map_or(TURN_AROUND, |connect| connect.min(TURN_AROUND));
        }
        if !redispatched {
            // even if it is known to be down by now: the request was given to it
            return Some(refused);
        }
        tries.bound = false;
        self.balance.choose(request, Some(refused), &self.peers, stream, load)
    }

    /// Where the request must wait, if its server is full or all are.
    fn queue(&self, position: Option<usize>) -> Queue {
        let timeout = self.spec.timeout_queue.or(self.spec.timeout_connect);
        Queue { position, timeout: timeout.unwrap_or(Span::MAX) }
    }

    /// The cookie that goes with the answer of a server, if one does.
    fn set_cookie(&mut self, pod: u32, had: Option<Dated>, bound: bool, now: SimTime) -> Option<SetCookie> {
        self.spec.cookie.as_ref()?;
        let Some(dated) = &mut self.dated else {
            return (!bound).then(|| SetCookie::new(pod, now, None));
        };
        // also who is bound by the table alone has no dates yet
        if bound && had.is_some_and(|had| !dated.is_due(&had, now)) {
            return None;
        }
        let (value, until) = dated.issue(pod, had.as_ref(), now);
        Some(SetCookie { value, until })
    }
}

/// What the table is asked for; `None`: the request has no such thing.
fn stick_key<'k>(spec: &HaproxySpec, request: &Request<'k>, buffer: &'k mut [u8; 16]) -> Option<&'k [u8]> {
    let keys = spec.stick_table.as_ref()?.keys;
    match (keys, request.address.to_canonical(), request.address) {
        (KeyType::Text(length), ..) => {
            let text = request.text(spec.stuck_by());
            let key = &text[..text.len().min(length as usize)];
            return Some(key).filter(|key| !key.is_empty());
        }
        (KeyType::Ip, IpAddr::V4(v4), _) => buffer[..4].copy_from_slice(&v4.octets()),
        (KeyType::Ip, IpAddr::V6(_), _) => return None,
        (KeyType::Ipv6, _, IpAddr::V4(v4)) => *buffer = v4.to_ipv6_mapped().octets(),
        (KeyType::Ipv6, _, IpAddr::V6(v6)) => *buffer = v6.octets(),
    }
    Some(if keys == KeyType::Ip { &buffer[..4] } else { &buffer[..] })
}

impl Decide for Haproxy {
    /// A reload with these `server` lines.
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        self.peers = Peers::new(peers);
        self.balance = Balance::new(&self.spec, &self.peers);
        let has_peers = self.spec.stick_table.as_ref().is_some_and(|table| table.peers.is_some());
        if let Some(table) = self.table.as_mut().filter(|_| !has_peers) {
            table.clear();
        }
    }
    fn set_health(&mut self, position: usize, health: Health) {
        let old = self.peers[position].health;
        if old != health {
            self.peers.set_health(position, health);
            self.balance.changed(position, &self.peers);
        }
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
        (tries.wait, tries.queue) = (Span::ZERO, None);
        let last = tries.refused.last().copied().filter(|&position| position < self.peers.len());
        let (cookie, had) = self.cookie(request);
        let chosen = if let Some(refused) = last {
            self.retry(refused, request, tries, stream, &mut load)
        } else {
            let bound = self.bound_to(request, cookie, tries);
            tries.bound = bound.is_some();
            bound.or_else(|| self.balance.choose(request, None, &self.peers, stream, &mut load))
        };
        let Some(position) = chosen else {
            // all are full; without any that is usable it is an error at once
            tries.queue = (self.peers.up() > 0).then(|| self.queue(None));
            return None;
        };
        let same = last == Some(position);
        if !same && !self.balance.has_room(position, || load(&self.peers[position])) {
            tries.queue = Some(self.queue(Some(position)));
            return None;
        }
        let pod = self.peers[position].pod.raw();
        if !(same && tries.cookie.is_some())
            && let Some(cookie) = self.set_cookie(pod, had, tries.bound, request.now)
        {
            tries.cookie = Some(cookie);
        }
        if let Some(table) = &mut self.table {
            let mut buffer = [0; 16];
            match stick_key(&self.spec, request, &mut buffer) {
                Some(key) => table.store(key, pod, request.now),
                None => table.settle(),
            }
        }
        if let Some(least) = self.balance.least() {
            least.taken(position);
        }
        Some(position)
    }
    fn max_tries(&self) -> usize {
        self.spec.retries as usize + 1
    }
    #[inline]
    fn bound(&self, cookie: u32) -> Option<PodId> {
        if !self.cookie_decides {
            return None;
        }
        self.bindable(cookie).map(|_| PodId::new(cookie))
    }
    /// Takes back what goes only with an answer.
    fn failed(&mut self, position: usize, _now: SimTime) {
        if let Some(table) = &mut self.table {
            table.take_back();
        }
        self.finished(position, SimTime::ZERO);
    }
    fn watches(&self, pod: PodId) -> bool {
        (self.balance.counts() || self.limited) && self.peers.position(pod).is_some()
    }
    /// In `leastconn` a server waits behind those that have had as few connections for longer.
    fn finished(&mut self, position: usize, _now: SimTime) {
        if position < self.peers.len()
            && let Some(least) = self.balance.least()
        {
            least.dropped(position);
        }
    }
}
