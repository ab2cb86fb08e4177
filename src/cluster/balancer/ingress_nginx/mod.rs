//! ingress-nginx: endpoints from the Kubernetes API; affinity by cookie, a hash of a variable, or turns.
//!
//! Source: `rootfs/etc/nginx/lua/balancer.lua` and `lua/balancer/{sticky,sticky_balanced,sticky_persistent,chash,chashsubset,
//! round_robin,ewma}.lua` of v1.15.1, lua-resty-balancer v0.05. The meaning of a cookie, when it is issued and what happens to
//! it when its pod is gone equal the real program's, and so do the ring of `upstream-hash-by`, its subsets and the averages of
//! `ewma`. What that program draws at random (the key of a new cookie, the first persistent pod, where round robin starts, the
//! member of a subset, the two endpoints of `ewma`) is a seeded draw of the same law.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud::check_bounds;
use super::product::WATCH_DELAY;
use super::texts::check_cookie_name;
use super::{
    AffinityKey, Decide, Ends, Following, Forwards, Health, List, NextUpstream, NginxKey, Peer, Peers, Problem,
    Replicas, Request, SetCookie, Settings, Tries, Trusts,
};
use crate::engine::Span;

mod annotations;
mod controller;
mod ewma;

pub use annotations::UpstreamHashBy;
pub use controller::IngressNginx;

/// The annotations of ingress-nginx that choose a pod, with or without their prefix `nginx.ingress.kubernetes.io/`, and keys of
/// its ConfigMap. Affinity by cookie goes before `upstream-hash-by`, and that before `load-balance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[schemars(extend("patternProperties" = { "^nginx\\.ingress\\.kubernetes\\.io/": true }))]
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
    #[serde(deserialize_with = "super::texts::flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub session_cookie_change_on_failure: bool,
    /// Path of the cookie; without effect on where clients land, since clients of the model ask for one host and send each
    /// cookie with every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_cookie_path: Option<String>,
    /// Domain of the cookie; without effect, as the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_cookie_domain: Option<String>,
    /// `SameSite` of the cookie, `None`, `Lax` or `Strict`; without effect on where clients land, since no client of the model
    /// comes from another site. What browsers refuse is `clients.…cookies.keep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_cookie_samesite: Option<String>,
    /// `Secure` of the cookie; without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::texts::optional_flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub session_cookie_secure: Option<bool>,
    /// `SameSite=None` only for browsers that know it; without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::texts::optional_flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub session_cookie_conditional_samesite_none: Option<bool>,
    /// The variable that is hashed on a ring: `$remote_addr`, `$binary_remote_addr`, one with `room` in its name such as
    /// `$arg_room`, or one that each client has for itself such as `$cookie_user`. A pod that refuses is tried again. Requests
    /// without the variable all meet the same pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_hash_by: Option<UpstreamHashBy>,
    /// True: the hash chooses a set of pods, and each try goes to a random one of it.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "super::texts::flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub upstream_hash_by_subset: bool,
    /// Pods of a set; the last one is filled up with the first pods.
    #[serde(deserialize_with = "super::texts::number")]
    #[schemars(schema_with = "super::texts::number_schema")]
    pub upstream_hash_by_subset_size: u32,
    /// With `error` in it, as in the default `error timeout`: a try that fails goes to whom the balancer names next. Else, or
    /// with `off`, the client gets an error. The other words of nginx are without effect.
    pub proxy_next_upstream: NextUpstream,
    /// Tries per request.
    #[serde(deserialize_with = "super::texts::number")]
    #[schemars(schema_with = "super::texts::number_schema")]
    pub proxy_next_upstream_tries: u32,
    /// Seconds that a try waits for a pod whose node is gone; absent: 5.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::words::seconds_or_span")]
    #[schemars(with = "Option<super::words::SecondsOrSpan>")]
    pub proxy_connect_timeout: Option<Span>,
    /// Seconds for which a request is passed on; 0 = without limit. Refusals take no time here, only tries that wait for
    /// `proxy-connect-timeout` do.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::words::seconds_or_span")]
    #[schemars(with = "Option<super::words::SecondsOrSpan>")]
    pub proxy_next_upstream_timeout: Option<Span>,
    /// `false`: requests go to pods. `true` is refused: what then chooses the pod is a `service`.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "super::texts::flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub service_upstream: bool,
    /// ConfigMap: true when the proxy before this one is believed to say the client's address (`X-Forwarded-For`).
    #[serde(deserialize_with = "super::texts::flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub use_forwarded_headers: bool,
    /// ConfigMap: after a reload old workers live so long, and then what is still open there is cut; 0 = they live until the
    /// last connection has gone.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::words::seconds_or_span")]
    #[schemars(with = "Option<super::words::SecondsOrSpan>")]
    pub worker_shutdown_timeout: Option<Span>,
    /// ConfigMap: workers of each replica. Each takes turns of its own and learns of endpoints in its own second; averages of
    /// `ewma` they share, and then one per replica is modelled.
    #[serde(deserialize_with = "super::texts::number")]
    #[schemars(schema_with = "super::texts::number_schema")]
    pub worker_processes: u32,
    /// Replicas of the controller.
    #[serde(skip_serializing_if = "Replicas::is_one")]
    pub replicas: Replicas,
    /// Always refused, with a sentence that says why.
    #[serde(
        deserialize_with = "annotations::canary",
        skip_serializing,
        alias = "canary-weight",
        alias = "canary-weight-total",
        alias = "canary-by-header",
        alias = "canary-by-header-value",
        alias = "canary-by-header-pattern",
        alias = "canary-by-cookie",
        alias = "affinity-canary-behavior"
    )]
    #[schemars(skip)]
    pub canary: (),
    /// Always refused, with a sentence that says why.
    #[serde(deserialize_with = "annotations::websocket_services", skip_serializing)]
    #[schemars(skip)]
    pub websocket_services: (),
    /// Always refused, with a sentence that says why.
    #[serde(deserialize_with = "annotations::session_cookie_httponly", skip_serializing)]
    #[schemars(skip)]
    pub session_cookie_httponly: (),
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
    /// Of two random pods the one with the lower average of response times, which fades within seconds. A WebSocket counts with
    /// its whole length when it ends.
    Ewma,
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
            session_cookie_path: None,
            session_cookie_domain: None,
            session_cookie_samesite: None,
            session_cookie_secure: None,
            session_cookie_conditional_samesite_none: None,
            upstream_hash_by: None,
            upstream_hash_by_subset: false,
            upstream_hash_by_subset_size: SUBSET_SIZE,
            proxy_next_upstream: NextUpstream::DEFAULT,
            proxy_next_upstream_tries: 3, // `NewDefault` of config.go, as the next ones
            proxy_connect_timeout: None,
            proxy_next_upstream_timeout: None,
            service_upstream: false,
            use_forwarded_headers: false,
            worker_shutdown_timeout: Some(Span::from_secs(240)),
            worker_processes: 1, // assumption: the program's own default is the number of cores
            replicas: Replicas::default(),
            canary: (),
            websocket_services: (),
            session_cookie_httponly: (),
        }
    }
}

/// How the settings choose a pod (`get_implementation` of balancer.lua).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Cookie(AffinityMode),
    /// With the size of the sets, where there are sets.
    Hash(NginxKey, Option<u32>),
    RoundRobin,
    Ewma,
}

impl IngressNginxSpec {
    fn choice(&self) -> Choice {
        let subset = self.upstream_hash_by_subset.then_some(self.upstream_hash_by_subset_size);
        match (self.affinity, &self.upstream_hash_by, self.load_balance) {
            (Affinity::Cookie, _, _) => Choice::Cookie(self.affinity_mode),
            (Affinity::None, Some(by), _) => Choice::Hash(by.key, subset),
            (Affinity::None, None, LoadBalance::RoundRobin) => Choice::RoundRobin,
            (Affinity::None, None, LoadBalance::Ewma) => Choice::Ewma,
        }
    }
}

impl IngressNginxSpec {
    /// Whether the attributes of the cookie are possible. They matter to browsers, not to where clients land.
    fn check_cookie(&self, problems: &mut Vec<Problem>) {
        check_cookie_name(problems, "session-cookie-name", &self.session_cookie_name, "route");
        let mut problem = |setting, message: String, help: &str| {
            problems.push(Problem { setting, message, help: help.to_owned() });
        };
        let is_one_word =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';');
        if let Some(domain) = self.session_cookie_domain.as_deref().filter(|domain| !is_one_word(domain)) {
            let help = "write for example `example.org`, or take it out: then it is the host that was asked";
            problem("session-cookie-domain", format!("`{domain}` is no domain"), help);
        }
        let is_path = |path: &str| is_one_word(path) && path.starts_with('/');
        if let Some(path) = self.session_cookie_path.as_deref().filter(|path| !is_path(path)) {
            let help = "write for example `/`, or take it out: then it is the path of the Ingress";
            problem("session-cookie-path", format!("`{path}` is no path: one begins with `/`"), help);
        }
        let known = |same_site: &str| ["None", "Lax", "Strict"].iter().any(|word| word.eq_ignore_ascii_case(same_site));
        if let Some(same_site) = self.session_cookie_samesite.as_deref().filter(|same_site| !known(same_site)) {
            let message = format!("`{same_site}` is no value of `SameSite`");
            problem("session-cookie-samesite", message, "write `None`, `Lax` or `Strict`, or take it out");
        }
    }
}

impl Settings for IngressNginxSpec {
    fn connect_timeout(&self) -> Option<Span> {
        Some(self.proxy_connect_timeout.unwrap_or(Span::from_secs(5)))
    }
    fn tries_within(&self) -> Option<Span> {
        self.proxy_next_upstream_timeout.filter(|limit| !limit.is_zero())
    }
    fn shutdown_timeout(&self) -> Option<Span> {
        self.worker_shutdown_timeout.filter(|timeout| !timeout.is_zero())
    }
    fn describe(&self) -> String {
        let by = || self.upstream_hash_by.as_ref().map(ToString::to_string).unwrap_or_default();
        match self.choice() {
            Choice::Cookie(AffinityMode::Balanced) => "ingress-nginx cookie, balanced".to_owned(),
            Choice::Cookie(AffinityMode::Persistent) => "ingress-nginx cookie, persistent".to_owned(),
            Choice::Hash(_, None) => format!("ingress-nginx upstream-hash-by {}", by()),
            Choice::Hash(_, Some(size)) => format!("ingress-nginx upstream-hash-by {}, sets of {size}", by()),
            Choice::RoundRobin => "ingress-nginx round robin".to_owned(),
            Choice::Ewma => "ingress-nginx ewma".to_owned(),
        }
    }
    fn decisions(&self) -> &'static str {
        match self.choice() {
            Choice::Cookie(_) => "exact cookies, first pod a seeded draw",
            Choice::Hash(_, None) => "exact",
            Choice::Hash(_, Some(_)) => "exact sets, the pod of a set a seeded draw",
            Choice::RoundRobin => "exact turns from a seeded start",
            Choice::Ewma => "exact averages of two pods that are a seeded draw",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match self.choice() {
            Choice::Cookie(_) => AffinityKey::Cookie,
            Choice::Hash(key, _) => key.affinity(),
            Choice::RoundRobin | Choice::Ewma => AffinityKey::None,
        }
    }
    fn trusts(&self) -> Trusts {
        // `real_ip_recursive on`, and by default all proxies are trusted (`proxy-real-ip-cidr`)
        if self.use_forwarded_headers { Trusts::First } else { Trusts::Nobody }
    }
    fn forwards(&self) -> Forwards {
        Forwards::REPLACES
    }
    fn instances(&self) -> u32 {
        match self.choice() {
            Choice::Ewma => self.replicas.0,
            _ => self.replicas.0.saturating_mul(self.worker_processes),
        }
    }
    fn ends(&self) -> Ends {
        if self.choice() == Choice::Ewma { Ends::All } else { Ends::Ignored }
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
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(self.replicas.problem("replicas"));
        check_bounds(&mut problems, "worker-processes", self.worker_processes, 1..=MOST_WORKERS);
        check_bounds(&mut problems, "proxy-next-upstream-tries", self.proxy_next_upstream_tries, 1..=MOST_TRIES);
        self.check_cookie(&mut problems);
        let size = self.upstream_hash_by_subset_size;
        check_bounds(&mut problems, "upstream-hash-by-subset-size", size, 1..=MOST_OF_SUBSET);
        let mut problem = |setting, message: &str, help: &str| {
            problems.push(Problem { setting, message: message.to_owned(), help: help.to_owned() });
        };
        if self.upstream_hash_by_subset && self.upstream_hash_by.is_none() {
            let help = "write `upstream-hash-by: $arg_room`, or take it out";
            problem("upstream-hash-by-subset", "no hash chooses a set: `upstream-hash-by` is not there", help);
        }
        if size != SUBSET_SIZE && !self.upstream_hash_by_subset {
            let help = "write `upstream-hash-by-subset: true`, or take it out";
            problem("upstream-hash-by-subset-size", "there are no sets that could have a size", help);
        }
        if self.service_upstream {
            let message =
                "`service-upstream: true` sends requests to the Service's address, and kube-proxy chooses the pod";
            problem("service-upstream", message, "put a `service` behind it in `balancers`, and take this out");
        }
        problems
    }
}

/// Pods of a set where nothing is written (`upstreamhashby/main.go`).
const SUBSET_SIZE: u32 = 3;
/// Bounds of what may be written.
const MOST_OF_SUBSET: u32 = 1_000;
/// See [`MOST_OF_SUBSET`].
const MOST_WORKERS: u32 = 512;
/// See [`MOST_OF_SUBSET`]; 0, which is without limit, would try a pod that refuses for ever.
const MOST_TRIES: u32 = 100;
/// ingress-nginx synchronises at most 0.3 times per second (`--sync-rate-limit`).
const SYNC_DISTANCE: Span = Span::from_nanos(3_333_333_333);
/// Workers of ingress-nginx look for new endpoints at every tick of this length (`BACKENDS_SYNC_INTERVAL`).
const WORKER_TICK: Span = Span::from_secs(1);
