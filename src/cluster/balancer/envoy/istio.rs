//! Istio: an Envoy that is configured by a DestinationRule, a VirtualService and labels of a Service.
//!
//! Source: `pilot/pkg/networking/core/cluster_traffic_policy.go`, `…/route/retry/retry.go`, `…/util/util.go` and
//! `networking/v1alpha3/destination_rule.proto`. Decisions are those of the Envoy of this module. A gateway is modelled; in a mesh
//! each client's sidecar has a table of its own, but the same one.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fields::{HashedName, Percent};
use super::proxy::{Hashed, Plan, Policy, Retries, Session, Source};
use super::retry::{RetryBackOff, RetryOn, retries_problem};
use super::{RING_LIMIT, decisions, describe, plan_problems, ring, table, table_problem, wrong};
use crate::cluster::balancer::product::WATCH_DELAY;
use crate::cluster::balancer::words::as_text;
use crate::cluster::balancer::{AffinityKey, Following, List, Problem, Replicas, Settings, Trusts};
use crate::engine::Span;

/// The settings of Istio for a Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IstioSpec {
    /// `trafficPolicy.loadBalancer` of the DestinationRule.
    #[serde(rename = "loadBalancer")]
    pub load_balancer: LoadBalancerSettings,
    /// `retries` of the VirtualService's route.
    pub retries: HttpRetry,
    /// The Service's label `istio.io/persistent-session`: name and path of a cookie. It works only in an Istio that has
    /// `PILOT_ENABLE_PERSISTENT_SESSION_FILTER`.
    #[serde(rename = "persistent-session", alias = "istio.io/persistent-session")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_session: Option<PersistentSession>,
    /// `gatewayTopology` of the mesh's proxy settings.
    #[serde(rename = "gatewayTopology")]
    pub gateway_topology: GatewayTopology,
    /// Replicas of the gateway, each with turns and counts of its own.
    #[serde(skip_serializing_if = "Replicas::is_one")]
    pub replicas: Replicas,
}

/// How Istio chooses a pod: `simple` or `consistentHash`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct LoadBalancerSettings {
    /// Without affinity; `LEAST_REQUEST` unless written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple: Option<SimpleLb>,
    /// By hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistent_hash: Option<ConsistentHash>,
}

/// How Istio chooses a pod without affinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SimpleLb {
    /// The one with fewer requests of two that are drawn: Istio's default.
    #[serde(alias = "LEAST_CONN", alias = "UNSPECIFIED")]
    LeastRequest,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
}

/// What Istio hashes, and into which table. Exactly one key stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ConsistentHash {
    /// A header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_header_name: Option<HashedName>,
    /// A cookie, which is issued if it has a `ttl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_cookie: Option<HttpCookie>,
    /// The client's address.
    pub use_source_ip: bool,
    /// A parameter of the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_query_parameter_name: Option<HashedName>,
    /// On a ring: the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_hash: Option<IstioRingHash>,
    /// In a Maglev table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maglev: Option<IstioMaglev>,
    /// Old place of `ringHash.minimumRingSize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_ring_size: Option<u64>,
}

/// A cookie that is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCookie {
    /// Its name.
    pub name: String,
    /// Its path; without effect on where clients land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// It lives so long from when it is issued; `0s` = browser session. Not written: none is issued, and pods are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// The ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct IstioRingHash {
    /// It has at least so many points.
    pub minimum_ring_size: u64,
}

impl Default for IstioRingHash {
    fn default() -> Self {
        IstioRingHash { minimum_ring_size: 1024 }
    }
}

/// The Maglev table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct IstioMaglev {
    /// A prime number up to 5000011.
    pub table_size: u64,
}

impl Default for IstioMaglev {
    fn default() -> Self {
        IstioMaglev { table_size: super::TABLE_SIZE }
    }
}

/// What happens when a pod refuses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct HttpRetry {
    /// So many more tries; 0 = none.
    pub attempts: u32,
    /// After which failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<RetryOn>,
    /// True: pods that refused are avoided. Unless written: true, but false with `consistentHash`, so that the same pod is tried
    /// again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_ignore_previous_hosts: Option<bool>,
    /// Bound of the first pause; 25 ms unless written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Span>,
}

/// Tries after the first one (`retry.go`).
const ATTEMPTS: u32 = 2;
/// Choices after one that was tried already (`retry.go`).
const MORE_CHOICES: u32 = 5;

impl Default for HttpRetry {
    fn default() -> Self {
        HttpRetry { attempts: ATTEMPTS, retry_on: None, retry_ignore_previous_hosts: None, backoff: None }
    }
}

/// Proxies before the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct GatewayTopology {
    /// So many proxies before the gateway are trusted to say the client's address (`X-Forwarded-For`).
    pub num_trusted_proxies: u32,
}

/// Name and path of the cookie of a persistent session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistentSession {
    name: String,
    path: Option<String>,
}

as_text!(PersistentSession, "session:/");

impl fmt::Display for PersistentSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.path.as_ref().map_or(Ok(()), |path| write!(f, ":{path}"))
    }
}

impl FromStr for PersistentSession {
    type Err = String;
    fn from_str(text: &str) -> Result<PersistentSession, String> {
        let (name, path) = text.split_once(':').map_or((text, None), |(name, path)| (name, Some(path.to_owned())));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{text}` has no name of a cookie: write `name:path`, such as `session:/`"));
        }
        Ok(PersistentSession { name: name.to_owned(), path })
    }
}

impl ConsistentHash {
    fn source(&self) -> Option<Source> {
        let name = self.http_header_name.as_ref().or(self.http_query_parameter_name.as_ref());
        let cookie = |cookie: &HttpCookie| Source::Cookie(cookie.ttl.map(|ttl| (!ttl.is_zero()).then_some(ttl)));
        name.map(|name| Source::Text(name.key))
            .or_else(|| self.http_cookie.as_ref().map(cookie))
            .or_else(|| self.use_source_ip.then_some(Source::Address))
    }
    /// The least size of the ring; Istio takes 0 for "not written".
    fn ring_size(&self) -> u64 {
        let written = self.ring_hash.as_ref().map(|ring| ring.minimum_ring_size).or(self.minimum_ring_size);
        written.filter(|&size| size > 0).unwrap_or(1024)
    }
    fn policy(&self) -> Policy {
        match &self.maglev {
            Some(maglev) => table(maglev.table_size),
            None => ring(self.ring_size(), RING_LIMIT),
        }
    }
    fn problems(&self) -> Vec<Problem> {
        let keys = [
            self.http_header_name.is_some(),
            self.http_cookie.is_some(),
            self.use_source_ip,
            self.http_query_parameter_name.is_some(),
        ];
        let mut problems = Vec::new();
        let mut problem = |message: &str, help: &str| problems.push(wrong("loadBalancer", message, help));
        if keys.iter().filter(|stands| **stands).count() != 1 {
            problem(
                "`consistentHash` has exactly one key",
                "write one of `httpHeaderName`, `httpCookie`, `useSourceIp: true` and `httpQueryParameterName`",
            );
        }
        if self.maglev.is_some() && (self.ring_hash.is_some() || self.minimum_ring_size.is_some()) {
            problem("`maglev` and a ring stand together", "leave one of them out");
        }
        if self.ring_hash.is_some() && self.minimum_ring_size.is_some() {
            problem("`minimumRingSize` stands twice", "write `ringHash: {minimumRingSize: …}` only");
        }
        if self.ring_size() > RING_LIMIT {
            problem("a ring has at most 8388608 points", "write `minimumRingSize: 1024`");
        }
        problems.extend(self.maglev.as_ref().and_then(|maglev| table_problem("loadBalancer", maglev.table_size)));
        problems
    }
}

impl From<IstioSpec> for Plan {
    fn from(spec: IstioSpec) -> Plan {
        spec.plan()
    }
}

impl IstioSpec {
    fn plan(&self) -> Plan {
        let hash = self.load_balancer.consistent_hash.as_ref();
        let policy = match (hash, self.load_balancer.simple) {
            (Some(hash), _) => hash.policy(),
            (None, None | Some(SimpleLb::LeastRequest)) => Policy::LeastRequest(Some(2)),
            (None, Some(SimpleLb::RoundRobin)) => Policy::RoundRobin,
            (None, Some(SimpleLb::Random)) => Policy::Random,
        };
        let source = hash.and_then(ConsistentHash::source);
        let avoids = self.retries.retry_ignore_previous_hosts.unwrap_or(hash.is_none());
        let back_off = self.back_off();
        Plan {
            policy,
            hashed: source.map(|source| Hashed { source, terminal: false }).into_iter().collect(),
            session: self.persistent_session.as_ref().map(|_| SESSION),
            // Envoy's own, which Istio leaves as it is without outlier detection
            panic_percent: Percent::default().rounded(),
            retries: Retries {
                count: self.retries.attempts,
                choices: avoids.then_some(MORE_CHOICES),
                base: back_off.base_interval,
                most: back_off.longest(),
            },
        }
    }
    fn back_off(&self) -> RetryBackOff {
        let base_interval = self.retries.backoff.unwrap_or(Retries::BASE_INTERVAL);
        RetryBackOff { base_interval, max_interval: None }
    }
}

/// A session cookie; pods that are shut down but serve keep their clients (`OverrideHostStatus` in Istio's cluster builder).
const SESSION: Session = Session { lifetime: None, strict: false, up: true, draining: true, down: false };

impl Settings for IstioSpec {
    fn counts_tries(&self) -> bool {
        false // a stream counts when it has its connection
    }
    fn connect_timeout(&self) -> Option<Span> {
        Some(Span::from_secs(10)) // `connectTimeout` of the mesh
    }
    fn describe(&self) -> String {
        format!("Istio {}", describe(&self.plan()).replace("stateful", "persistent"))
    }
    fn decisions(&self) -> &'static str {
        decisions(&self.plan())
    }
    fn affinity(&self) -> AffinityKey {
        self.plan().affinity()
    }
    fn following(&self) -> Following {
        Following {
            // draining endpoints are told only for persistent sessions (`SupportsDrainingEndpoints`)
            list: if self.persistent_session.is_some() { List::ServingEndpoints } else { List::Endpoints },
            delay: Span::from_nanos(WATCH_DELAY.as_nanos() + DEBOUNCE.as_nanos()),
            at_most_every: Span::ZERO,
            tick: Span::ZERO,
            checks: None,
        }
    }
    fn trusts(&self) -> Trusts {
        // gateways run with `use_remote_address`
        self.gateway_topology.num_trusted_proxies.checked_sub(1).map_or(Trusts::Nobody, Trusts::BeforeLast)
    }
    fn instances(&self) -> u32 {
        self.replicas.0
    }
    fn counts_connections(&self) -> bool {
        matches!(self.plan().policy, Policy::LeastRequest(_))
    }
    fn problems(&self) -> Vec<Problem> {
        let LoadBalancerSettings { simple, consistent_hash } = &self.load_balancer;
        let mut problems = consistent_hash.as_ref().map(ConsistentHash::problems).unwrap_or_default();
        problems.extend(self.replicas.problem("replicas"));
        if simple.is_some() && consistent_hash.is_some() {
            let message = "`simple` and `consistentHash` stand together";
            problems.push(wrong("loadBalancer", message, "leave one of them out"));
        }
        problems.extend(retries_problem("retries", self.retries.attempts, MORE_CHOICES, &self.back_off()));
        problems.extend(plan_problems(&self.plan(), "loadBalancer", "persistent-session"));
        problems
    }
}

/// istiod waits so long for further changes before it tells proxies (`PILOT_DEBOUNCE_AFTER`).
const DEBOUNCE: Span = Span::from_millis(100);
