//! The balancer sends a request to a pod, trying others where the product would.

use crate::cluster::balancer::{AffinityKey, Request, Tries};
use crate::cluster::clients::ClientId;
use crate::cluster::purpose::Purpose;
use crate::cluster::{Cluster, PodId};
use crate::engine::SimTime;
use crate::metrics::{FailReason, MoveReason};

impl Cluster<'_> {
    /// The pod that takes this request of `client`, or why none does. Counts stickiness and issues cookies.
    pub fn route(&mut self, client: ClientId, now: SimTime) -> Result<PodId, FailReason> {
        if self.balancer.counts_connections() {
            // requests that are answered by now no longer count, also on pods that nobody has looked at since
            for index in 0..self.running.len() {
                self.settle(self.running[index], now);
            }
        }
        let had_cookie = self.clients[client].cookie.is_some();
        self.age_cookie(client, now);
        let record = &self.clients[client];
        let request = Request { now, address: record.address, cookie: record.cookie.map(|(value, _)| value) };
        let mut stream = Purpose::Route.lazy_stream(self.seed, client.raw(), record.routed);
        let mut tries = Tries::default();
        let mut chosen = Err(FailReason::NoPod);
        let pods = &self.pods;
        for _ in 0..self.balancer.max_tries() {
            let load = |peer: &crate::cluster::balancer::Peer| pods[peer.pod].balancer_connections();
            let Some(position) = self.balancer.pick(&request, &mut tries, &mut stream, load) else { break };
            let pod = self.balancer.pod_at(position);
            if pods[pod].serves() {
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
        let record = &mut self.clients[client];
        record.last_pod = Some(pod);
        record.address_moved = false;
        Ok(pod)
    }

    /// Drops a cookie that has expired or whose jar was cleared. Nothing happens between requests, so it is enough to
    /// look when one is made.
    fn age_cookie(&mut self, client: ClientId, now: SimTime) {
        let record = &mut self.clients[client];
        if record.cookie.is_some_and(|(_, expires)| expires <= now) {
            record.cookie = None;
        }
        while record.cookies_cleared_at <= now {
            record.cookie = None;
            record.clearings += 1;
            let every = self.spec.audiences[usize::from(record.audience)].cookies.cleared_every.as_ref();
            let mut stream = Purpose::CookieClear.stream(self.seed, client.raw(), record.clearings);
            let next = every.expect("cookies are cleared by a law").span(&mut stream);
            record.cookies_cleared_at += next.max(crate::engine::Span::from_secs(1));
        }
    }

    fn issue_cookie(&mut self, client: ClientId, cookie: u32, replaces: bool, now: SimTime) {
        if replaces {
            self.meter.counts.cookies_reissued += 1;
        } else {
            self.meter.counts.cookies_issued += 1;
        }
        let expires = self.balancer.cookie_lifetime().map_or(SimTime::NEVER, |lifetime| now + lifetime);
        let record = &mut self.clients[client];
        if record.keeps_cookies {
            record.cookie = Some((cookie, expires));
        }
    }

    fn count_stickiness(&mut self, client: ClientId, pod: PodId, had_cookie: bool, request: &Request, tries: &Tries) {
        let record = &self.clients[client];
        let Some(last) = record.last_pod else { return };
        self.meter.counts.routed_again += 1;
        if last == pod {
            return;
        }
        let gone = || {
            !self.pods[last].serves()
                || self
                    .balancer
                    .position(last)
                    .is_none_or(|position| tries.refused.contains(&position) || self.balancer.watches(last))
        };
        let reason = match self.spec.balancer.affinity() {
            AffinityKey::None => MoveReason::NeverSticky,
            AffinityKey::Cookie if !record.keeps_cookies => MoveReason::CookieMissing,
            AffinityKey::Cookie if had_cookie && request.cookie.is_none() => MoveReason::CookieExpired,
            AffinityKey::Network if record.address_moved => MoveReason::AddressChanged,
            _ if gone() => MoveReason::PodGone,
            AffinityKey::Cookie if request.cookie.is_none() => MoveReason::CookieMissing,
            _ => MoveReason::Rebalanced,
        };
        self.meter.counts.moved.add(reason);
    }
}
