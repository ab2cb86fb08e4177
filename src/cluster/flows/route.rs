//! The balancers send a request to a pod, trying others where the product would.

use std::net::Ipv4Addr;

use crate::cluster::balancer::{AffinityKey, Decide, Forgotten, Peers, Queue, Request, Sees, SetCookie, Tries};
use crate::cluster::clients::{Client, ClientId, NO_POD, Roaming};
use crate::cluster::flows::connect::ATTEMPT_LIMIT;
use crate::cluster::path::{Hop, Instance, seen};
use crate::cluster::purpose::{Purpose, tier_stream};
use crate::cluster::spec::MAX_TIERS;
use crate::cluster::{Cluster, PodId};
use crate::engine::{LazyStream, SimTime, Span};
use crate::metrics::{FailReason, MoveReason};

/// A request at the last balancer.
pub struct Attempt {
    pub client: ClientId,
    /// The instance of each tier that it came through.
    instances: [u16; MAX_TIERS],
    port: u16,
    cookie: Option<u32>,
    /// The client had a cookie when it last had to look for one.
    had_cookie: bool,
    tries: Tries,
    /// The pods behind [`Tries::refused`] during a pause, in which positions may change; empty otherwise.
    refused: Vec<PodId>,
    made: usize,
    /// The pod that is tried after a pause.
    next: Option<PodId>,
    redirects: u32,
    /// When the first try began.
    began: SimTime,
    /// The pod that did not answer before the pause.
    silent: Option<PodId>,
    /// The request opens a WebSocket.
    opens: bool,
    /// The last balancer sees another address than for the client's last request, although the client kept its own.
    elsewhere: bool,
    stream: LazyStream,
}

impl Attempt {
    /// Positions may change until the next try; pods do not.
    fn remember_refused(&mut self, peers: &Peers) {
        self.refused = self.tries.refused.iter().map(|&position| peers[position].pod).collect();
    }
}

/// Why a request has no pod yet.
pub enum Unrouted {
    /// It will not get one.
    Failed(FailReason),
    /// It will be tried again.
    Waits(Wait, Box<Attempt>),
}

/// What comes before the next try.
#[derive(Clone, Copy)]
pub enum Wait {
    /// The balancer pauses for so long.
    Pause(Span),
    /// A connection of this pod, or of any, becomes free; the request waits at most so long.
    Queue(Option<PodId>, Span),
    /// This pod answers with a redirect, and the client asks again.
    Redirect(PodId),
}

/// How a round of tries ended without a pod.
enum Stop {
    Failed(FailReason),
    Waits(Wait),
}

impl Stop {
    fn with(self, attempt: impl FnOnce() -> Box<Attempt>) -> Unrouted {
        match self {
            Stop::Failed(reason) => Unrouted::Failed(reason),
            Stop::Waits(wait) => Unrouted::Waits(wait, attempt()),
        }
    }
}

/// Redirects after which a browser gives up.
pub const MOST_REDIRECTS: u32 = 20;

impl From<FailReason> for Unrouted {
    fn from(reason: FailReason) -> Unrouted {
        Unrouted::Failed(reason)
    }
}

impl Cluster<'_> {
    /// The pod that takes this request of `client`, or why none does. Counts stickiness and issues cookies. `opens`: the
    /// request opens a connection of its own, as WebSockets do.
    #[inline(always)]
    pub fn route(&mut self, client: ClientId, opens: bool, now: SimTime) -> Result<PodId, Unrouted> {
        let record = &mut self.clients[client];
        let pod = record.last_pod;
        let bound = record.cookie_at(now).is_some_and(|cookie| self.path.bound(cookie) == Some(pod));
        if bound && self.pods[pod].life.serves() {
            // as nearly always: its cookie takes it where it was
            record.routed += 1;
            record.routed_to(pod);
            self.meter.counts.routed_again += 1;
            return Ok(pod);
        }
        self.route_anew(client, opens, now)
    }

    /// The same for a request that is not known to go where the last one went.
    #[inline(never)]
    fn route_anew(&mut self, client: ClientId, opens: bool, now: SimTime) -> Result<PodId, Unrouted> {
        let record = &mut self.clients[client];
        let had_cookie = record.had_cookie();
        let cookie = record.cookie_at(now);
        if cookie.is_none() {
            record.cookie_until = SimTime::ZERO;
        }
        let (number, routed) = (record.number, record.routed);
        record.routed += 1;
        let (mut instances, mut port, mut elsewhere) = ([0; MAX_TIERS], 0, false);
        self.path.opened = false;
        if self.path.has_hops() {
            let hop;
            (hop, port, elsewhere) = self.connection(client, opens, now)?;
            instances = hop.instances;
            if hop.pod != NO_POD {
                // on a connection that goes there already, nobody decides anything
                self.count_kept(client, hop.pod);
                return Ok(hop.pod);
            }
        }
        let stream = Purpose::Route.lazy_stream(self.seed, number, routed);
        let mut attempt = Attempt {
            client,
            instances,
            port,
            cookie,
            had_cookie,
            tries: Tries::default(),
            refused: Vec::new(),
            made: 0,
            next: None,
            redirects: 0,
            began: now,
            silent: None,
            opens,
            elsewhere,
            stream,
        };
        let pod = self.try_pods(&mut attempt, now).map_err(|stop| stop.with(|| Box::new(attempt)))?;
        if self.path.has_hops() && !opens {
            self.keep_connection(client, pod, now);
        }
        Ok(pod)
    }

    /// The last balancer tries pods until one takes the request.
    #[inline(always)]
    fn try_pods(&mut self, attempt: &mut Attempt, now: SimTime) -> Result<PodId, Stop> {
        let client = attempt.client;
        let texts = self.texts(client, self.path.last.reads);
        let address = self.needed_address(client, &attempt.instances);
        let mut silence = attempt.silent.is_some();
        let mut failed = self.failed_so_far(attempt, now)?;
        let (port, cookie) = (attempt.port, attempt.cookie);
        let websocket = attempt.opens;
        let request = Request { now, address, port, websocket, user: texts.user(), room: texts.room(), cookie };
        let pods = &mut self.pods;
        let most = self.path.tries_of_proxy(&attempt.instances);
        let patience = self.path.connect_timeout.unwrap_or(ATTEMPT_LIMIT);
        let number = usize::from(attempt.instances[self.path.tiers() - 1]);
        let tier = &mut self.path.last;
        let own_loads = tier.own_loads;
        let Instance { balancer, loads } = &mut tier.instances[number];
        let chosen = loop {
            let pod = match attempt.next.take() {
                Some(pod) => pod,
                None if attempt.made >= most.unwrap_or_else(|| balancer.max_tries()) => break None,
                None => {
                    let Attempt { tries, stream, .. } = &mut *attempt;
                    let picked = if own_loads {
                        balancer.pick(&request, tries, stream, |peer| loads.at(peer.pod))
                    } else {
                        balancer.pick(&request, tries, stream, |peer| pods[peer.pod].balancer_connections(now))
                    };
                    let Some(position) = picked else {
                        if let Some(Queue { position, timeout }) = attempt.tries.queue.take() {
                            attempt.remember_refused(balancer.peers());
                            let pod = position.map(|at| balancer.peers()[at].pod);
                            return Err(Stop::Waits(Wait::Queue(pod, timeout)));
                        }
                        break None;
                    };
                    attempt.made += 1;
                    let pod = balancer.peers()[position].pod;
                    let pause = std::mem::take(&mut attempt.tries.wait);
                    // HAProxy pauses after a refusal, and not after silence
                    if !pause.is_zero() && !std::mem::take(&mut silence) {
                        attempt.next = Some(pod);
                        attempt.remember_refused(balancer.peers());
                        return Err(Stop::Waits(Wait::Pause(pause)));
                    }
                    pod
                }
            };
            if pods[pod].life.serves() {
                if !std::mem::take(&mut attempt.tries.redirected) {
                    break Some(pod);
                }
                if !self.clients[client].keeps_cookies {
                    attempt.tries.cookie = None;
                }
                // the client's next request is a try of its own
                (attempt.made, attempt.redirects) = (attempt.made - 1, attempt.redirects + 1);
                if attempt.redirects > MOST_REDIRECTS {
                    failed = FailReason::TooManyRedirects;
                    break None;
                }
                return Err(Stop::Waits(Wait::Redirect(pod)));
            }
            if pods[pod].life.silent {
                attempt.silent = Some(pod);
                attempt.remember_refused(balancer.peers());
                if tier.counts_tries {
                    pods[pod].leave_half_open(1);
                    *loads.at_mut(pod) += u32::from(own_loads);
                }
                return Err(Stop::Waits(Wait::Pause(patience)));
            }
            failed = FailReason::PodUnreachable;
            if let Some(position) = balancer.peers().position(pod) {
                balancer.failed(position, now);
                attempt.tries.refused.push(position);
            }
        };
        self.meter.counts.requests_retried += (attempt.made - usize::from(chosen.is_some())) as u64;
        let Some(pod) = chosen else { return Err(Stop::Failed(failed)) };
        if own_loads {
            *loads.at_mut(pod) += 1;
        }
        self.path.used = number as u16;
        self.found(attempt, pod, now);
        Ok(pod)
    }

    /// The address that the last balancer sees, if it looks: it stands in another column, which is not read in vain.
    #[inline(always)]
    fn needed_address(&self, client: ClientId, instances: &[u16; MAX_TIERS]) -> std::net::IpAddr {
        let tier = &self.path.last;
        if tier.reads.address { self.visible(client, tier.sees, instances) } else { Ipv4Addr::UNSPECIFIED.into() }
    }

    /// A pod has taken a request.
    #[inline(always)]
    fn found(&mut self, attempt: &Attempt, pod: PodId, now: SimTime) {
        self.count_stickiness(attempt, pod);
        if let Some(cookie) = attempt.tries.cookie {
            self.issue_cookie(attempt.client, None, cookie, attempt.cookie.is_some(), now);
        }
        self.clients[attempt.client].routed_to(pod);
    }

    /// A pause is over: the next try. Pods may have come and gone meanwhile.
    pub fn resume(&mut self, mut attempt: Box<Attempt>, now: SimTime) -> Result<PodId, Unrouted> {
        let peers = self.path.last.instances[usize::from(attempt.instances[self.path.tiers() - 1])].balancer.peers();
        attempt.tries.refused = attempt.refused.drain(..).filter_map(|pod| peers.position(pod)).collect();
        self.try_pods(&mut attempt, now).map_err(|stop| stop.with(|| attempt))
    }

    /// How a request fails if no further try gets it to a pod. After silence it has failed if it was the client who waited, or if
    /// there is no time for more tries.
    fn failed_so_far(&mut self, attempt: &mut Attempt, now: SimTime) -> Result<FailReason, Stop> {
        if attempt.silent.is_none() {
            let nobody_refused = attempt.tries.refused.is_empty();
            return Ok(if nobody_refused { FailReason::NoPod } else { FailReason::PodUnreachable });
        }
        self.hear_nothing(attempt, Some(now));
        let is_over = self.path.tries_within.is_some_and(|limit| now - attempt.began >= limit);
        if is_over || self.path.connect_timeout.is_none() {
            return Err(Stop::Failed(FailReason::TimedOut));
        }
        Ok(FailReason::TimedOut)
    }

    /// The pod that was tried before a pause has not answered: the try is over, and counts as failed unless the client has gone
    /// before.
    pub fn hear_nothing(&mut self, attempt: &mut Attempt, failed: Option<SimTime>) {
        let Some(pod) = attempt.silent.take() else { return };
        let number = attempt.instances[self.path.tiers() - 1];
        if self.path.last.counts_tries {
            self.pods[pod].half_open_ended();
            self.path.uncount(number, pod);
        }
        let balancer = &mut self.path.last.instances[usize::from(number)].balancer;
        if let (Some(position), Some(now)) = (balancer.peers().position(pod), failed) {
            balancer.failed(position, now);
            attempt.tries.refused.push(position);
        }
    }

    /// The connection by which a request of a client comes: which instances it leads through, and the pod in which it ends,
    /// if that is decided already. Also its source port, and whether the last balancer sees another instance than before. It
    /// fails when a tier has no instance of the next one to go to.
    fn connection(&mut self, client: ClientId, opens: bool, now: SimTime) -> Result<(Hop, u16, bool), FailReason> {
        let Client { number, routed, .. } = self.clients[client];
        let tiers = self.path.tiers();
        let kept = self.path.hop(client);
        if kept.pod != NO_POD && !opens && now <= kept.until && self.pods[kept.pod].life.silent {
            // it goes out on a connection that nobody has closed
            self.path.set_hop(client, Hop { pod: NO_POD, until: SimTime::ZERO, ..kept });
            return Err(FailReason::TimedOut);
        }
        let broken = kept.pod != NO_POD && {
            let pod = &self.pods[kept.pod];
            !pod.life.serves() || pod.process != kept.process
        };
        let mut hop = kept;
        let fresh = opens || broken || now > kept.until;
        if fresh {
            hop.connections += 1;
            (hop.connection, hop.pod, hop.until) = (hop.connections, NO_POD, SimTime::ZERO);
        }
        let mut draws = Purpose::Connection.stream(self.seed, number, hop.connection);
        let entry = draws.below(self.path.tier(0).instances.len() as u64) as u16;
        let port = 1024 + draws.below(64_512) as u16; // ports that are not reserved
        if fresh {
            hop.instances[0] = entry;
        }
        for tier in 0..tiers - 1 {
            // tiers that decide about connections have decided about this one
            if fresh || !self.path.is_transparent(tier) {
                let mut stream = tier_stream(self.seed, tier, number, routed);
                match self.instance_of_next(client, tier, &hop, port, &mut stream, now) {
                    Ok(instance) => hop.instances[tier + 1] = instance,
                    Err(reason) => {
                        // the next try is a connection of its own
                        self.path.set_hop(client, Hop { connections: hop.connections, ..kept });
                        return Err(reason);
                    }
                }
            }
        }
        hop.last = hop.instances;
        if opens {
            // the HTTP connection stays as it was
            self.path.set_hop(client, Hop { connections: hop.connections, last: hop.last, ..kept });
        } else {
            if hop.pod != NO_POD || !self.path.all_transparent() {
                hop.until = now + self.path.keep_alive();
            } // else there is none before a pod has taken the request
            self.path.set_hop(client, hop);
        }
        let elsewhere = match self.path.last.sees {
            Sees::Client => false,
            Sees::Tier(tier) => kept.connections > 0 && kept.last[usize::from(tier)] != hop.last[usize::from(tier)],
        };
        Ok((hop, port, elsewhere))
    }

    /// A request has opened an HTTP connection that ends in a pod, if nothing looks into it on its way.
    fn keep_connection(&mut self, client: ClientId, pod: PodId, now: SimTime) {
        if self.path.all_transparent() {
            self.path.opened = true;
            let process = self.pods[pod].process;
            let hop = self.path.hop(client);
            self.path.set_hop(client, Hop { pod, process, until: now + self.path.keep_alive(), ..hop });
        }
    }

    /// The instance of the next tier that a tier sends a request or connection to.
    fn instance_of_next(
        &mut self,
        client: ClientId,
        tier: usize,
        hop: &Hop,
        port: u16,
        stream: &mut LazyStream,
        now: SimTime,
    ) -> Result<u16, FailReason> {
        let address = self.visible(client, self.path.tier(tier).sees, &hop.instances);
        let texts = self.texts(client, self.path.tier(tier).reads);
        let cookie = self.path.cookie(client, tier, now);
        let websocket = false; // tiers in front do not tell WebSockets apart
        let request = Request { now, address, port, websocket, user: texts.user(), room: texts.room(), cookie };
        let mut tries = Tries::default();
        let balancer = &mut self.path.instance_before_mut(tier, hop.instances[tier]).balancer;
        // instances of the next tier do not fail; of their loads nothing is known
        let position = balancer.pick(&request, &mut tries, stream, |_| 0).ok_or(FailReason::NoPod)?;
        let next = balancer.peers()[position].pod.raw() as u16;
        if let Some(set) = tries.cookie {
            self.issue_cookie(client, Some(tier), set, cookie.is_some(), now);
        }
        Ok(next)
    }

    /// The address that a tier sees.
    fn visible(&self, client: ClientId, sees: Sees, instances: &[u16; MAX_TIERS]) -> std::net::IpAddr {
        seen(sees, instances, || self.clients.address(client))
    }

    /// The address by which the last balancer knows a client, as far as its last request went.
    pub fn visible_address(&self, client: ClientId) -> std::net::IpAddr {
        self.visible(client, self.path.last.sees, &self.path.hop(client).last)
    }

    /// When the cookies of a client are cleared next. Nothing looks at a jar between requests, so it is enough to find
    /// out when a cookie is put into it; and nothing needs to be kept before they are cleared for the first time.
    fn next_clearing(&mut self, client: ClientId, now: SimTime) -> SimTime {
        let Some(every) = &self.audience_of(client).cookies.cleared_every else {
            return SimTime::NEVER;
        };
        let number = self.clients[client].number;
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

    /// The balancer of a tier, or the last one, sets a cookie; `replaces` one that the client sent.
    fn issue_cookie(&mut self, client: ClientId, tier: Option<usize>, cookie: SetCookie, replaces: bool, now: SimTime) {
        if replaces {
            self.meter.counts.cookies_reissued += 1;
        } else {
            self.meter.counts.cookies_issued += 1;
        }
        if !self.clients[client].keeps_cookies {
            return;
        }
        let until = cookie.until.min(self.next_clearing(client, now));
        match tier {
            Some(tier) => self.path.keep_cookie(client, tier, SetCookie { until, ..cookie }),
            None => {
                let record = &mut self.clients[client];
                record.cookie = cookie.value;
                record.cookie_until = until;
            }
        }
    }

    /// Counts a request on a connection that leads to `pod`; its client may have been elsewhere with its WebSocket.
    fn count_kept(&mut self, client: ClientId, pod: PodId) {
        let last = self.clients[client].last_pod;
        if last != NO_POD {
            self.meter.counts.routed_again += 1;
            if last != pod {
                let sticky = self.path.last.affinity != AffinityKey::None;
                self.meter.counts.moved.add(if sticky { MoveReason::KeptConnection } else { MoveReason::NeverSticky });
            }
        }
        self.clients[client].routed_to(pod);
    }

    fn count_stickiness(&mut self, attempt: &Attempt, pod: PodId) {
        let record = &self.clients[attempt.client];
        let last = record.last_pod;
        if last == NO_POD {
            return;
        }
        self.meter.counts.routed_again += 1;
        if last == pod {
            return;
        }
        let tier = &self.path.last;
        let gone = || {
            !self.pods[last].life.serves()
                || tier.peers().position(last).is_none_or(|position| attempt.tries.refused.contains(&position))
                || tier.instances.iter().any(|instance| instance.balancer.mistrusts(last))
        };
        let roamed = record.roaming == Roaming::SinceLastRequest && tier.sees == Sees::Client;
        let address_changed = roamed || attempt.elsewhere;
        let reason = match tier.affinity {
            AffinityKey::None => MoveReason::NeverSticky,
            AffinityKey::Room if self.room_of(attempt.client).is_none() => MoveReason::NeverSticky,
            AffinityKey::Cookie if !record.keeps_cookies => MoveReason::CookieMissing,
            AffinityKey::Cookie if attempt.had_cookie && attempt.cookie.is_none() => MoveReason::CookieExpired,
            AffinityKey::Network | AffinityKey::Address if address_changed => MoveReason::AddressChanged,
            _ if gone() => MoveReason::PodGone,
            AffinityKey::Cookie if attempt.cookie.is_none() => MoveReason::CookieMissing,
            _ => match attempt.tries.forgotten {
                Some(Forgotten::Expired) => MoveReason::EntryExpired,
                Some(Forgotten::TableFull) => MoveReason::TableFull,
                None => MoveReason::Rebalanced,
            },
        };
        self.meter.counts.moved.add(reason);
    }
}
