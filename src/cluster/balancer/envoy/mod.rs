//! Envoy: a cluster, the route that leads to it, and the filter for stateful sessions.
//!
//! Source: Envoy 1.39.3, `source/extensions/load_balancing_policies/` (`ring_hash`, `maglev`, `round_robin`,
//! `least_request`, `random`, `common`), `source/common/upstream/edf_scheduler.h`, `source/common/http/hash_policy.cc` and
//! the documentation of stateful sessions. Rings, Maglev tables and the hashes of texts and addresses equal the real
//! program's. Seeded draws of the same law are: the value of a new hash cookie, the place where turns begin, random hosts,
//! pauses between tries. One worker thread is modelled: `--concurrency 1`.
//!
//! Not modelled: priorities and localities, slow start, outlier detection, the circuit breaker of 3 retries at a time, and
//! that a host which has left the endpoints is kept while its health checks succeed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::product::{RELOAD_DELAY, WATCH_DELAY};
use super::{
    AffinityKey, Checks, Down, Following, Forwards, Health, Line, Lines, List, Problem, Replicas, Settings, Trusts,
    Weights,
};
use crate::engine::Span;

mod edf;
mod fields;
mod istio;
mod proxy;
mod retry;
mod table;

pub use fields::{
    CommonLbConfig, ConnectionProperties, DiscoveryType, HashCookie, HashHeader, HashPolicy, HashQueryParameter,
    HashedName, HealthCheck, HealthStatus, HealthStatuses, LbEndpoint, LbPolicy, LeastRequestLbConfig, MaglevLbConfig,
    Percent, RingHashLbConfig, SelectionMethod, SessionCookie, StatefulSession,
};
pub use istio::{
    ConsistentHash, GatewayTopology, HttpCookie, HttpRetry, IstioMaglev, IstioRingHash, IstioSpec,
    LoadBalancerSettings, PersistentSession, SimpleLb,
};
pub use proxy::Proxy;
use proxy::{Plan, Policy, Retries, Session, Source};
pub use retry::{PredicateName, PredicateType, RetryBackOff, RetryHostPredicate, RetryOn, RetryPolicy, TypedConfig};

/// The settings of an Envoy: of the cluster (`lb_policy`, …), of the route (`hash_policy`, `retry_policy`), of the HTTP
/// connection manager (`use_remote_address`, `xff_num_trusted_hops`) and of the filter `stateful_session`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnvoySpec {
    /// How Envoy learns of its hosts. Envoy's own default is `STATIC`; here it is `EDS`, since nobody would write anew a list
    /// of pods that come and go.
    #[serde(rename = "type")]
    pub discovery_type: DiscoveryType,
    /// For `STRICT_DNS`: so often names are resolved (5 s unless written).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_refresh_rate: Option<Span>,
    /// How a host is chosen.
    pub lb_policy: LbPolicy,
    /// For `RING_HASH`.
    pub ring_hash_lb_config: RingHashLbConfig,
    /// For `MAGLEV`.
    pub maglev_lb_config: MaglevLbConfig,
    /// For `LEAST_REQUEST`.
    pub least_request_lb_config: LeastRequestLbConfig,
    /// When unhealthy hosts are used all the same.
    pub common_lb_config: CommonLbConfig,
    /// Weights of the hosts by their position: the first line is the first pod's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lb_endpoints: Vec<LbEndpoint>,
    /// Active health checks: none unless written.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "fields::one_of_list")]
    #[schemars(with = "Option<fields::OneOfList>")]
    pub health_checks: Option<HealthCheck>,
    /// The route's: what is hashed for `RING_HASH` and `MAGLEV`. Without any, hosts are drawn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hash_policy: Vec<HashPolicy>,
    /// The route's: what happens when a host refuses. Without it: an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    /// The filter that sends a client to the host that its cookie names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stateful_session: Option<StatefulSession>,
    /// True: the client's address is the connection's. False (Envoy's default): that of `X-Forwarded-For`.
    pub use_remote_address: bool,
    /// So many proxies before this one are trusted to say the client's address.
    pub xff_num_trusted_hops: u32,
    /// So many Envoys stand side by side, each with turns and counts of its own.
    #[serde(skip_serializing_if = "Replicas::is_one")]
    pub replicas: Replicas,
}

impl From<EnvoySpec> for Plan {
    fn from(spec: EnvoySpec) -> Plan {
        spec.plan()
    }
}

impl EnvoySpec {
    fn plan(&self) -> Plan {
        let retries = |policy: &RetryPolicy| Retries {
            count: policy.num_retries,
            choices: (!policy.retry_host_predicate.is_empty()).then_some(policy.host_selection_retry_max_attempts),
            base: policy.retry_back_off.base_interval,
            most: policy.retry_back_off.longest(),
        };
        let allowed = |statuses: &[HealthStatus]| self.common_lb_config.override_host_status.allows(statuses);
        Plan {
            policy: self.policy(),
            hashed: self.hash_policy.iter().filter_map(HashPolicy::hashed).collect(),
            session: self.stateful_session.as_ref().map(|session| Session {
                lifetime: session.cookie.ttl.filter(|ttl| !ttl.is_zero()),
                strict: session.strict,
                up: allowed(&[HealthStatus::Healthy, HealthStatus::Unknown]),
                draining: allowed(&[HealthStatus::Draining]),
                down: allowed(&[HealthStatus::Unhealthy]),
            }),
            panic_percent: self.common_lb_config.healthy_panic_threshold.rounded(),
            retries: self.retry_policy.as_ref().map_or(Retries::NONE, retries),
        }
    }
    fn policy(&self) -> Policy {
        match self.lb_policy {
            LbPolicy::RoundRobin => Policy::RoundRobin,
            LbPolicy::LeastRequest => Policy::LeastRequest(self.least_request_lb_config.choices()),
            LbPolicy::Random => Policy::Random,
            LbPolicy::RingHash => {
                ring(self.ring_hash_lb_config.minimum_ring_size, self.ring_hash_lb_config.maximum_ring_size)
            }
            LbPolicy::Maglev => table(self.maglev_lb_config.table_size),
        }
    }
    /// What is wrong with settings of certain policies.
    fn policy_problems(&self, problems: &mut Vec<Problem>) {
        let mut problem = |setting, message: &str, help: &str| problems.push(wrong(setting, message, help));
        let is_hash = self.policy().is_hash();
        if !is_hash && !self.hash_policy.is_empty() {
            problem("hash_policy", "only `RING_HASH` and `MAGLEV` look at a hash", "write `lb_policy: RING_HASH`");
        }
        let RingHashLbConfig { minimum_ring_size: least, maximum_ring_size: most } = self.ring_hash_lb_config;
        if least == 0 || most > RING_LIMIT || least > most {
            problem(
                "ring_hash_lb_config",
                "the sizes of a ring go from 1 to 8388608, and the minimum is not above the maximum",
                "write for example `minimum_ring_size: 1024`",
            );
        }
        if let Some(problem) = table_problem("maglev_lb_config", self.maglev_lb_config.table_size) {
            problems.push(problem);
        }
        let choices = self.least_request_lb_config.choice_count;
        if !(2..=MOST_CHOICES).contains(&choices) {
            let message = format!("`choice_count: {choices}` is not from 2 to {MOST_CHOICES}");
            problems.push(wrong("least_request_lb_config", &message, "write `choice_count: 2`"));
        }
        if self.dns_refresh_rate.is_some() && self.discovery_type != DiscoveryType::StrictDns {
            problems.push(wrong(
                "dns_refresh_rate",
                "it is for hosts that are found by name",
                "write `type: STRICT_DNS`, or leave `dns_refresh_rate` out",
            ));
        }
        if self.dns_refresh_rate.is_some_and(|rate| rate < Span::from_millis(1)) {
            problems.push(wrong("dns_refresh_rate", "Envoy takes 1ms or more", "write for example `5s`"));
        }
        let statuses = &self.common_lb_config.override_host_status;
        if *statuses != HealthStatuses::default() && self.stateful_session.is_none() {
            problems.push(wrong(
                "common_lb_config",
                "`override_host_status` says which hosts a stateful session may use, and there is none",
                "leave `override_host_status` out, or write `stateful_session`",
            ));
        }
        if !(0.0..=100.0).contains(&self.common_lb_config.healthy_panic_threshold.value) {
            problems.push(wrong("common_lb_config", "per cent go from 0 to 100", "write `value: 50`"));
        }
    }
    /// What is wrong with hosts, checks and tries.
    fn host_problems(&self, problems: &mut Vec<Problem>) {
        let weights = self.lb_endpoints.iter().map(|endpoint| u64::from(endpoint.load_balancing_weight));
        if self.lb_endpoints.iter().any(|endpoint| endpoint.load_balancing_weight == 0) {
            let help =
                "write `load_balancing_weight: 1` or more; `health_status: DRAINING` for a host without new clients";
            problems.push(wrong("lb_endpoints", "Envoy takes no weight of 0", help));
        }
        if weights.sum::<u64>() > u64::from(u32::MAX) {
            problems.push(wrong("lb_endpoints", "the weights are more than 4294967295 together", "write smaller ones"));
        }
        if let Some(checks) = &self.health_checks
            && (checks.interval < Span::from_millis(1)
                || checks.unhealthy_threshold == 0
                || checks.healthy_threshold == 0)
        {
            let message = "the interval is at least 1ms, the thresholds are at least 1";
            let help = "write for example `interval: 10s`, `unhealthy_threshold: 3`, `healthy_threshold: 2`";
            problems.push(wrong("health_checks", message, help));
        }
        if let Some(policy) = &self.retry_policy {
            problems.extend(policy.problem("retry_policy"));
        }
    }
}

impl Settings for EnvoySpec {
    fn counts_tries(&self) -> bool {
        false // a stream counts when it has its connection
    }
    fn connect_timeout(&self) -> Option<Span> {
        Some(Span::from_secs(5)) // `connect_timeout` of a cluster
    }
    fn describe(&self) -> String {
        format!("Envoy {}", describe(&self.plan()))
    }
    fn decisions(&self) -> &'static str {
        decisions(&self.plan())
    }
    fn affinity(&self) -> AffinityKey {
        self.plan().affinity()
    }
    fn following(&self) -> Following {
        let drains = self.stateful_session.is_some()
            && self.common_lb_config.override_host_status.allows(&[HealthStatus::Draining]);
        let (list, delay, tick) = match self.discovery_type {
            DiscoveryType::Eds if drains => (List::ServingEndpoints, WATCH_DELAY, Span::ZERO),
            DiscoveryType::Eds => (List::Endpoints, WATCH_DELAY, Span::ZERO),
            DiscoveryType::StrictDns => {
                (List::Endpoints, Span::ZERO, self.dns_refresh_rate.unwrap_or(DNS_REFRESH_RATE))
            }
            DiscoveryType::Static => (List::Servers, RELOAD_DELAY, Span::ZERO),
        };
        let checks = self.health_checks.as_ref().map(|checks| Checks {
            every: checks.interval,
            fall: checks.unhealthy_threshold,
            // assumption: as often at the first time, for which Envoy takes one success
            rise: checks.healthy_threshold,
            begins_up: false,
        });
        Following { list, delay, at_most_every: Span::ZERO, tick, checks }
    }
    fn trusts(&self) -> Trusts {
        match (self.use_remote_address, self.xff_num_trusted_hops) {
            (false, hops) => Trusts::BeforeLast(hops),
            (true, 0) => Trusts::Nobody,
            (true, hops) => Trusts::BeforeLast(hops - 1),
        }
    }
    fn forwards(&self) -> Forwards {
        if self.use_remote_address { Forwards::APPENDS_PEER } else { Forwards::NOTHING }
    }
    fn instances(&self) -> u32 {
        self.replicas.0
    }
    fn counts_connections(&self) -> bool {
        matches!(self.policy(), Policy::LeastRequest(_))
    }
    fn line(&self, position: usize) -> Line {
        self.lb_endpoints.get(position).map_or_else(Line::default, LbEndpoint::line)
    }
    fn lines(&self) -> Lines {
        let weights = Weights { most: u32::MAX, together: u64::from(u32::MAX) };
        let lines = Lines { weights: Ok(weights), down: Ok(Down::Believed), drain: Ok(()) };
        match self.policy() {
            Policy::Random => lines.unweighted("looks at no weights; leave them out, or choose another `lb_policy`"),
            _ => lines,
        }
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(self.replicas.problem("replicas"));
        self.policy_problems(&mut problems);
        self.host_problems(&mut problems);
        for policy in &self.hash_policy {
            problems.extend(policy.problem());
        }
        problems.extend(plan_problems(&self.plan(), "hash_policy", "stateful_session"));
        problems
    }
}

/// Envoy resolves names so often (`dns_refresh_rate` in the documentation of clusters).
const DNS_REFRESH_RATE: Span = Span::from_secs(5);
/// No ring has more points (`maximum_ring_size` in the documentation of clusters).
const RING_LIMIT: u64 = 8 << 20;
/// No Maglev table is larger (`table_size` in the documentation of clusters).
const TABLE_LIMIT: u64 = 5_000_011;
/// Maglev's own size (`MaglevTable::DefaultTableSize`).
const TABLE_SIZE: u64 = 65_537;
/// Bound of `choice_count`: more than that is `FULL_SCAN`.
const MOST_CHOICES: u32 = 1_000;
/// No cookie lives longer: the clock ends.
const LONGEST_TTL: Span = Span::from_secs(100 * 365 * 86_400);

/// A ring of these sizes, whatever was written.
fn ring(least: u64, most: u64) -> Policy {
    let most = most.clamp(1, RING_LIMIT);
    Policy::Ring(least.min(most), most)
}

/// A table of this size, or of Envoy's own where that cannot be.
fn table(size: u64) -> Policy {
    Policy::Maglev(if table_problem("", size).is_none() { size } else { TABLE_SIZE })
}

fn table_problem(setting: &'static str, size: u64) -> Option<Problem> {
    let is_prime = |n: u64| n >= 2 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    if size <= TABLE_LIMIT && is_prime(size) && size > 2 {
        return None;
    }
    let message = format!("a Maglev table of {size} entries cannot be: it is a prime number up to {TABLE_LIMIT}");
    Some(wrong(setting, &message, "write 65537, which is Envoy's own"))
}

fn wrong(setting: &'static str, message: &str, help: &str) -> Problem {
    Problem { setting, message: message.to_owned(), help: help.to_owned() }
}

/// What is wrong with what is hashed, taken together.
fn plan_problems(plan: &Plan, hash_setting: &'static str, session_setting: &'static str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |setting, message: &str, help: &str| problems.push(wrong(setting, message, help));
    let sources: Vec<Source> = plan.reachable().collect();
    let text = |source: &Source| match source {
        Source::Text(kind) => Some(*kind),
        _ => None,
    };
    let first_text = sources.iter().find_map(text);
    if sources.iter().filter_map(text).any(|kind| Some(kind) != first_text) {
        problem(hash_setting, "a user's text and a room are hashed together", "hash one of both");
    }
    if first_text.is_some() && sources.contains(&Source::Address) {
        let message = "a text and the address are hashed together: one of both is all that is known of a request here";
        problem(hash_setting, message, "hash one of both, or write `terminal: true` at the text of a user");
    }
    if plan.hashed.iter().filter(|part| matches!(part.source, Source::Cookie(_))).count() > 1 {
        problem(hash_setting, "two cookies are hashed: a client has one of each balancer here", "leave one out");
    }
    let lifetimes = plan.hashed.iter().filter_map(|part| match part.source {
        Source::Cookie(Some(Some(ttl))) => Some(ttl),
        _ => None,
    });
    if lifetimes.chain(plan.session.and_then(|session| session.lifetime)).any(|ttl| ttl > LONGEST_TTL) {
        problem(hash_setting, "a cookie of more than 100 years", "write less, or `ttl: 0s` for the browser session");
    }
    if plan.session.is_some() && !plan.hashed.is_empty() {
        let message = "a hash chooses only the first host of a session, and is a second affinity";
        problem(session_setting, message, "leave out the session or the hash");
    }
    problems
}

/// The product's settings in a few words.
fn describe(plan: &Plan) -> String {
    let policy = match plan.policy {
        Policy::RoundRobin => "round robin",
        Policy::LeastRequest(_) => "least request",
        Policy::Random => "random",
        Policy::Ring(..) => "ring hash",
        Policy::Maglev(_) => "Maglev",
    };
    if plan.session.is_some() {
        return format!("stateful session, {policy}");
    }
    if !plan.policy.is_hash() {
        return policy.to_owned();
    }
    let parts: Vec<&str> = plan
        .reachable()
        .map(|source| match source {
            Source::Text(AffinityKey::Room) => "room",
            Source::Text(_) => "user",
            Source::Address => "address",
            Source::Cookie(Some(_)) => "cookie",
            Source::Cookie(None) => "cookie that is never issued",
        })
        .collect();
    if parts.is_empty() {
        return format!("{policy} of nothing (random)");
    }
    format!("{policy} of {}", parts.join(" and "))
}

fn decisions(plan: &Plan) -> &'static str {
    if plan.session.is_some() {
        return "exact cookies, first host a seeded draw or turn";
    }
    match (plan.policy, plan.affinity()) {
        (Policy::RoundRobin, _) => "exact turns from a seeded start",
        (Policy::LeastRequest(_) | Policy::Random, _) | (_, AffinityKey::None) => {
            "seeded draw (Envoy seeds its own from the system)"
        }
        (_, AffinityKey::Cookie) => "exact ring or table, value of a new cookie a seeded draw",
        _ => "exact",
    }
}
