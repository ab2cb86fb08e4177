//! ingress-nginx: endpoints from the Kubernetes API, affinity by cookie.
//!
//! Source: `rootfs/etc/nginx/lua/balancer.lua` and `lua/balancer/{sticky,sticky_balanced,sticky_persistent,round_robin}.lua`
//! of v1.15.1. The meaning of a cookie, when it is issued and what happens to it when its pod is gone equal the real
//! program's; what that program draws at random (the key of a new cookie, the first persistent pod, where round robin
//! starts) is a seeded draw of the same law.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ring::Ring;
use super::{AffinityKey, Decide, Following, Health, List, Peer, Peers, Request, SetCookie, Settings, Tries};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Span, Stream};

/// The annotations of ingress-nginx that choose a pod, without their prefix `nginx.ingress.kubernetes.io/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct IngressNginxSpec {
    /// `cookie`, or `none` (the default of ingress-nginx).
    pub affinity: Affinity,
    /// What the cookie means.
    pub affinity_mode: AffinityMode,
    /// How a pod is chosen without affinity.
    pub load_balance: LoadBalance,
    /// Name of the cookie.
    pub session_cookie_name: String,
    /// Lifetime of the cookie, fixed when it is issued: a number of seconds as in the annotation, or a duration.
    /// Absent: it lives as long as the browser session.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::words::seconds_or_span")]
    #[schemars(with = "Option<super::words::SecondsOrSpan>")]
    pub session_cookie_max_age: Option<Span>,
    /// Lifetime of the cookie for old browsers; `session-cookie-max-age` wins where both stand.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::words::seconds_or_span")]
    #[schemars(with = "Option<super::words::SecondsOrSpan>")]
    pub session_cookie_expires: Option<Span>,
    /// True: a failed try goes to another pod and a new cookie is issued. False (the default of ingress-nginx): the
    /// same pod is tried again until it leaves the endpoints.
    pub session_cookie_change_on_failure: bool,
}

/// Whether ingress-nginx keeps clients on a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Affinity {
    /// Each request is balanced on its own.
    None,
    /// By a cookie.
    Cookie,
}

/// What the cookie of ingress-nginx means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AffinityMode {
    /// A random key on a hash ring: a new pod takes over its share of old clients.
    Balanced,
    /// The pod itself: a new pod gets only new clients.
    Persistent,
}

/// How ingress-nginx chooses a pod without affinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalance {
    /// One after the other.
    RoundRobin,
}

impl Default for IngressNginxSpec {
    fn default() -> Self {
        IngressNginxSpec {
            affinity: Affinity::None,
            affinity_mode: AffinityMode::Balanced,
            load_balance: LoadBalance::RoundRobin,
            session_cookie_name: "INGRESSCOOKIE".to_owned(),
            session_cookie_max_age: None,
            session_cookie_expires: None,
            session_cookie_change_on_failure: false,
        }
    }
}

impl Settings for IngressNginxSpec {
    fn describe(&self) -> String {
        match (self.affinity, self.affinity_mode) {
            (Affinity::None, _) => "ingress-nginx round robin".to_owned(),
            (Affinity::Cookie, AffinityMode::Balanced) => "ingress-nginx cookie, balanced".to_owned(),
            (Affinity::Cookie, AffinityMode::Persistent) => "ingress-nginx cookie, persistent".to_owned(),
        }
    }
    fn decisions(&self) -> &'static str {
        match self.affinity {
            Affinity::None => "exact turns from a seeded start",
            Affinity::Cookie => "exact cookies, first pod a seeded draw",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match self.affinity {
            Affinity::None => AffinityKey::None,
            Affinity::Cookie => AffinityKey::Cookie,
        }
    }
    fn following(&self) -> Following {
        Following {
            list: List::Endpoints,
            delay: WATCH_DELAY,
            at_most_every: SYNC_DISTANCE,
            tick: WORKER_TICK,
            checks: None,
        }
    }
}

/// From a change in the API server to a controller that watches it (assumption: no published figure; 10–200 ms).
pub const WATCH_DELAY: Span = Span::from_millis(100);
/// ingress-nginx synchronises at most 0.3 times per second (`--sync-rate-limit`).
const SYNC_DISTANCE: Span = Span::from_nanos(3_333_333_333);
/// Workers of ingress-nginx look for new endpoints at every tick of this length (`BACKENDS_SYNC_INTERVAL`).
const WORKER_TICK: Span = Span::from_secs(1);

/// Tries per request (`proxy-next-upstream-tries`, config.go).
const MAX_TRIES: usize = 3;
/// Candidate keys or draws after which no pod is found that has not failed yet (`sticky.lua`).
const MAX_CANDIDATES: u64 = 20;

/// One controller replica with one worker's state.
#[derive(Clone, Debug)]
pub struct IngressNginx {
    spec: IngressNginxSpec,
    peers: Peers,
    ring: Ring,
    /// Turn of round robin.
    turn: usize,
}

impl IngressNginx {
    /// A controller without endpoints.
    pub fn new(spec: IngressNginxSpec) -> IngressNginx {
        IngressNginx { spec, peers: Peers::default(), ring: Ring::default(), turn: 0 }
    }
    /// Whether clients are kept on a pod by a cookie.
    fn sticky(&self) -> bool {
        self.spec.affinity == Affinity::Cookie
    }
    /// How long a cookie issued now lives; `None` = as long as the browser session.
    fn cookie_lifetime(&self) -> Option<Span> {
        self.spec.session_cookie_max_age.or(self.spec.session_cookie_expires)
    }
    /// The endpoint that a cookie means now. Balanced: a key, every value means some endpoint. Persistent: one address;
    /// the cookie is the md5 of backend and `ip:port`, for which the pod's number stands (an address is never reused).
    fn find(&self, cookie: u32) -> Option<usize> {
        match self.spec.affinity_mode {
            AffinityMode::Balanced => self.ring.find(cookie),
            AffinityMode::Persistent => self.peers.position(PodId::new(cookie)),
        }
    }
}

impl Decide for IngressNginx {
    /// New endpoints: round robin starts again at a random one, the ring is built anew, cookies stay.
    fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream) {
        self.peers = Peers::new(peers);
        self.turn = stream.below(peers.len().max(1) as u64) as usize;
        if self.spec.affinity == Affinity::Cookie && self.spec.affinity_mode == AffinityMode::Balanced {
            self.ring = Ring::new(peers.iter().map(|peer| peer.address.as_str()));
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
        match (self.spec.affinity, self.spec.affinity_mode) {
            (Affinity::None, _) => None,
            (Affinity::Cookie, AffinityMode::Balanced) => self.find(cookie).map(|position| self.peers[position].pod),
            (Affinity::Cookie, AffinityMode::Persistent) => {
                let pod = PodId::new(cookie);
                self.peers.position(pod).map(|_| pod)
            }
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
        if !self.sticky() {
            // each try takes the next turn
            let turn = self.turn % self.peers.len();
            self.turn = turn + 1;
            return Some(turn);
        }
        let bound = request.cookie.and_then(|cookie| self.find(cookie));
        let must_change = self.spec.session_cookie_change_on_failure && !tries.refused.is_empty();
        if let (Some(endpoint), false) = (bound, must_change) {
            return Some(endpoint);
        }
        for candidate in 1..=MAX_CANDIDATES {
            let (endpoint, cookie) = match self.spec.affinity_mode {
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
                tries.cookie = Some(SetCookie::new(cookie, request.now, self.cookie_lifetime()));
                return Some(endpoint);
            }
        }
        None
    }
    fn max_tries(&self) -> usize {
        MAX_TRIES
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
