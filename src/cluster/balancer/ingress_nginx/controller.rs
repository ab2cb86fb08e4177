//! A controller replica at work.

use super::super::nginx::KeyBytes;
use super::super::ring::Ring;
use super::ewma::Ewma;
use super::{AffinityMode, Choice, Decide, Health, IngressNginxSpec, Peer, Peers, Request, SetCookie, Tries};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Span, Stream};

/// Candidate keys or draws after which no pod is found that has not failed yet (`sticky.lua`).
const MAX_CANDIDATES: u64 = 20;

/// One controller replica with one worker's state.
#[derive(Clone, Debug)]
pub struct IngressNginx {
    choice: Choice,
    /// How long a cookie issued now lives; `None` = as long as the browser session.
    cookie_lifetime: Option<Span>,
    change_on_failure: bool,
    max_tries: usize,
    peers: Peers,
    /// Of endpoints, or of sets of them.
    ring: Ring,
    /// Turn of round robin.
    turn: usize,
    ewma: Ewma,
}

impl IngressNginx {
    /// A controller without endpoints.
    pub fn new(spec: IngressNginxSpec) -> IngressNginx {
        IngressNginx {
            choice: spec.choice(),
            cookie_lifetime: spec.session_cookie_max_age.or(spec.session_cookie_expires),
            change_on_failure: spec.session_cookie_change_on_failure,
            max_tries: if spec.proxy_next_upstream.passes_on() { spec.proxy_next_upstream_tries as usize } else { 1 },
            peers: Peers::default(),
            ring: Ring::default(),
            turn: 0,
            ewma: Ewma::default(),
        }
    }
    /// The endpoint that a cookie means now. Balanced: a key, every value means some endpoint. Persistent: one address;
    /// the cookie is the md5 of backend and `ip:port`, for which the pod's number stands (an address is never reused).
    fn find(&self, mode: AffinityMode, cookie: u32) -> Option<usize> {
        match mode {
            AffinityMode::Balanced => self.ring.find(cookie),
            AffinityMode::Persistent => self.peers.position(PodId::new(cookie)),
        }
    }
    fn by_cookie(
        &mut self,
        mode: AffinityMode,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
    ) -> Option<usize> {
        let bound = request.cookie.and_then(|cookie| self.find(mode, cookie));
        let must_change = self.change_on_failure && !tries.refused.is_empty();
        if let (Some(endpoint), false) = (bound, must_change) {
            return Some(endpoint);
        }
        for candidate in 1..=MAX_CANDIDATES {
            let (endpoint, cookie) = match mode {
                AffinityMode::Balanced => {
                    // the key is the time, the worker's process id and a random number up to 999,999
                    let seconds = seconds_text(request.now, candidate);
                    let cookie = Ring::hash(&format!("{seconds}.223.{}", 1 + stream.get().below(999_999)));
                    (self.ring.find(cookie)?, cookie)
                }
                AffinityMode::Persistent => {
                    let endpoint = stream.get().below(self.peers.len() as u64) as usize;
                    (endpoint, self.peers[endpoint].pod.raw())
                }
            };
            if !tries.refused.contains(&endpoint) {
                tries.cookie = Some(SetCookie::new(cookie, request.now, self.cookie_lifetime));
                return Some(endpoint);
            }
        }
        None
    }
    /// A random endpoint of a set. Endpoints make up sets in order; what the last one lacks are the first endpoints again.
    fn of_set(&self, set: usize, size: u32, stream: &mut LazyStream) -> usize {
        let member = stream.get().below(u64::from(size)) as usize;
        (set * size as usize + member) % self.peers.len()
    }
}

impl Decide for IngressNginx {
    /// New endpoints: round robin starts again at a random one, rings are built anew, cookies stay, and so do averages.
    fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream) {
        let new = Peers::new(peers);
        let old = std::mem::replace(&mut self.peers, new);
        self.turn = stream.below(peers.len().max(1) as u64) as usize;
        match self.choice {
            Choice::Cookie(AffinityMode::Balanced) | Choice::Hash(_, None) => {
                self.ring = Ring::new(peers.iter().map(|peer| peer.address.as_str()));
            }
            Choice::Hash(_, Some(size)) => {
                let names: Vec<String> = (1..=peers.len().div_ceil(size as usize)).map(|n| format!("set{n}")).collect();
                self.ring = Ring::new(names.iter().map(String::as_str));
            }
            Choice::Ewma => self.ewma.set_peers(&old, &self.peers),
            Choice::Cookie(AffinityMode::Persistent) | Choice::RoundRobin => {}
        }
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    #[inline]
    fn bound(&self, cookie: u32) -> Option<PodId> {
        match self.choice {
            Choice::Cookie(AffinityMode::Balanced) => self.ring.find(cookie).map(|position| self.peers[position].pod),
            Choice::Cookie(AffinityMode::Persistent) => {
                let pod = PodId::new(cookie);
                self.peers.position(pod).map(|_| pod)
            }
            Choice::Hash(..) | Choice::RoundRobin | Choice::Ewma => None,
        }
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        _load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        if self.peers.is_empty() {
            return None;
        }
        match self.choice {
            Choice::Cookie(mode) => self.by_cookie(mode, request, tries, stream),
            Choice::Hash(key, subset) => {
                // a request without the variable has the hash of nothing; the same again when an endpoint refuses
                let hash = crc32fast::hash(KeyBytes::new(key, request).bytes());
                let found = self.ring.find(hash)?;
                Some(subset.map_or(found, |size| self.of_set(found, size, stream)))
            }
            Choice::RoundRobin => {
                // each try takes the next turn
                let turn = self.turn % self.peers.len();
                self.turn = turn + 1;
                Some(turn)
            }
            Choice::Ewma => self.ewma.pick(&self.peers, &tries.refused, self.max_tries, request.now, stream),
        }
    }
    fn max_tries(&self) -> usize {
        self.max_tries
    }
    fn failed(&mut self, position: usize, now: SimTime) {
        if self.choice == Choice::Ewma {
            self.ewma.failed(self.peers[position].pod, now);
        }
    }
    fn ended(&mut self, pod: PodId, _address: std::net::IpAddr, began: SimTime, now: SimTime) {
        if self.choice == Choice::Ewma {
            self.ewma.answered(pod, began, now);
        }
    }
}

/// A time plus whole seconds as seconds with three digits: what `{:.3}` makes of the nearest floating-point number. Only close
/// to the middle between two milliseconds does it depend on that number; elsewhere whole numbers are many times as fast.
fn seconds_text(now: SimTime, more: u64) -> String {
    let ns = now.as_nanos();
    if ns >= 1 << 53 || (499_000..=501_000).contains(&(ns % 1_000_000)) {
        return format!("{:.3}", now.as_secs_f64() + more as f64);
    }
    let millis = (ns + 500_000) / 1_000_000;
    format!("{}.{:03}", millis / 1_000 + more, millis % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn times_in_cookie_keys_are_rounded_as_floating_point_numbers_are() {
        let drawn = (0..20_000).map(|n| Seed(1).stream(1, 1, n).below(1 << (20 + n % 40)));
        let near = |n: u64| 63_004_500_000 + 1_000_000 * n - n % 5;
        for ns in drawn.chain((0..5_000).map(near)) {
            for more in [1, 20] {
                let now = SimTime::from_nanos(ns);
                assert_eq!(seconds_text(now, more), format!("{:.3}", now.as_secs_f64() + more as f64), "{ns} ns");
            }
        }
    }
}
