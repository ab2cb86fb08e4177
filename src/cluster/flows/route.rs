//! The balancer sends a request to a pod, trying others where the product would.

use std::net::Ipv4Addr;

use crate::cluster::balancer::{AffinityKey, Decide, Peer, Request, SetCookie, Tries};
use crate::cluster::clients::{Client, ClientId, NO_POD, Roaming};
use crate::cluster::purpose::Purpose;
use crate::cluster::{Cluster, PodId};
use crate::engine::{SimTime, Span};
use crate::metrics::{FailReason, MoveReason};

impl Cluster<'_> {
    /// The pod that takes this request of `client`, or why none does. Counts stickiness and issues cookies.
    #[inline(always)]
    pub fn route(&mut self, client: ClientId, now: SimTime) -> Result<PodId, FailReason> {
        let record = &mut self.clients[client];
        let pod = record.last_pod;
        let bound = record.cookie_at(now).is_some_and(|cookie| self.balancer.bound(cookie) == Some(pod));
        if bound && self.pods[pod].serves() {
            // as nearly always: its cookie takes it where it was
            record.routed += 1;
            record.routed_to(pod);
            self.meter.counts.routed_again += 1;
            return Ok(pod);
        }
        self.route_anew(client, now)
    }

    /// The same for a request that is not known to go where the last one went.
    #[inline(never)]
    fn route_anew(&mut self, client: ClientId, now: SimTime) -> Result<PodId, FailReason> {
        let record = &mut self.clients[client];
        let had_cookie = record.had_cookie();
        let cookie = record.cookie_at(now);
        if cookie.is_none() {
            record.cookie_until = SimTime::ZERO;
        }
        let mut stream = Purpose::Route.lazy_stream(self.seed, record.number, record.routed);
        // another column, which is not read in vain
        let address = if self.spec.balancer.settings().affinity().is_address() {
            self.clients.address(client)
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        };
        let request = Request { now, cookie, ..Request::from_address(address) };
        let mut tries = Tries::default();
        let mut chosen = Err(FailReason::NoPod);
        for _ in 0..self.balancer.max_tries() {
            let pods = &mut self.pods;
            let load = |peer: &Peer| pods[peer.pod].balancer_connections(now);
            let Some(position) = self.balancer.pick(&request, &mut tries, &mut stream, load) else { break };
            let pod = self.balancer.peers()[position].pod;
            if self.pods[pod].serves() {
                chosen = Ok(pod);
                break;
            }
            chosen = Err(FailReason::PodUnreachable);
            self.balancer.failed(position, now);
            tries.refused.push(position);
        }
        self.meter.counts.requests_retried += tries.refused.len() as u64;
        self.clients[client].routed += 1;
        let pod = chosen?;
        self.count_stickiness(client, pod, had_cookie, &request, &tries);
        if let Some(cookie) = tries.cookie {
            self.issue_cookie(client, cookie, request.cookie.is_some(), now);
        }
        self.clients[client].routed_to(pod);
        Ok(pod)
    }

    /// When the cookies of a client are cleared next. Nothing looks at a jar between requests, so it is enough to find
    /// out when a cookie is put into it; and nothing needs to be kept before they are cleared for the first time.
    fn next_clearing(&mut self, client: ClientId, now: SimTime) -> SimTime {
        let Client { number, audience, .. } = self.clients[client];
        let Some(every) = &self.spec.audiences[usize::from(audience)].cookies.cleared_every else {
            return SimTime::NEVER;
        };
        let stream = |clearing| Purpose::CookieClear.stream(self.seed, number, clearing);
        let known = self.clients.habits(client).filter(|habits| habits.clearings > 0);
        let (mut clearings, mut next) = known.map_or_else(
            || (0, SimTime::ZERO + every.residual(&mut stream(0))),
            |habits| (habits.clearings, habits.cookies_cleared_at),
        );
        if next > now {
            return next;
        }
        while next <= now {
            clearings += 1;
            next += every.span(&mut stream(clearings)).max(Span::from_secs(1));
        }
        let habits = self.clients.habits_mut(client);
        (habits.clearings, habits.cookies_cleared_at) = (clearings, next);
        next
    }

    fn issue_cookie(&mut self, client: ClientId, cookie: SetCookie, replaces: bool, now: SimTime) {
        if replaces {
            self.meter.counts.cookies_reissued += 1;
        } else {
            self.meter.counts.cookies_issued += 1;
        }
        if self.clients[client].keeps_cookies {
            let cleared = self.next_clearing(client, now);
            let record = &mut self.clients[client];
            record.cookie = cookie.value;
            record.cookie_until = cookie.until.min(cleared);
        }
    }

    /// A request or tunnel to this pod ended well, and the balancer learns of it.
    pub fn ended_well(&mut self, pod: PodId, now: SimTime) {
        if let Some(position) = self.balancer.peers().position(pod) {
            self.balancer.finished(position, now);
        }
    }

    fn count_stickiness(&mut self, client: ClientId, pod: PodId, had_cookie: bool, request: &Request, tries: &Tries) {
        let record = &self.clients[client];
        let last = record.last_pod;
        if last == NO_POD {
            return;
        }
        self.meter.counts.routed_again += 1;
        if last == pod {
            return;
        }
        let gone = || {
            !self.pods[last].serves()
                || self
                    .balancer
                    .peers()
                    .position(last)
                    .is_none_or(|position| tries.refused.contains(&position) || self.balancer.watches(last))
        };
        let reason = match self.spec.balancer.settings().affinity() {
            AffinityKey::None => MoveReason::NeverSticky,
            AffinityKey::Cookie if !record.keeps_cookies => MoveReason::CookieMissing,
            AffinityKey::Cookie if had_cookie && request.cookie.is_none() => MoveReason::CookieExpired,
            AffinityKey::Network if record.roaming == Roaming::SinceLastRequest => MoveReason::AddressChanged,
            _ if gone() => MoveReason::PodGone,
            AffinityKey::Cookie if request.cookie.is_none() => MoveReason::CookieMissing,
            _ => MoveReason::Rebalanced,
        };
        self.meter.counts.moved.add(reason);
    }
}
