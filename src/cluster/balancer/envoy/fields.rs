//! Envoy's settings, as they stand in its configuration.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proxy::{Hashed, Source};
use super::{Health, Line, Problem, wrong};
use crate::cluster::balancer::AffinityKey;
use crate::cluster::balancer::words::{as_text, key_of, one_of};
use crate::engine::Span;

/// How Envoy learns of the hosts of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DiscoveryType {
    /// From a control plane that watches the endpoints.
    #[default]
    Eds,
    /// By resolving the name of a headless Service from time to time.
    StrictDns,
    /// From its configuration, which is loaded anew with each new pod.
    Static,
}

/// How a host is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LbPolicy {
    /// One after the other, by weight: Envoy's default.
    #[default]
    RoundRobin,
    /// The one with fewer requests of two that are drawn; with unequal weights, by weight and requests.
    LeastRequest,
    /// Any, whatever it weighs.
    Random,
    /// By hash on a ring.
    RingHash,
    /// By hash in a Maglev table.
    Maglev,
}

/// Sizes of the ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RingHashLbConfig {
    /// The ring has at least so many points.
    pub minimum_ring_size: u64,
    /// The ring has no more points.
    pub maximum_ring_size: u64,
}

impl Default for RingHashLbConfig {
    fn default() -> Self {
        RingHashLbConfig { minimum_ring_size: 1024, maximum_ring_size: super::RING_LIMIT }
    }
}

/// Size of the Maglev table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaglevLbConfig {
    /// A prime number up to 5000011.
    pub table_size: u64,
}

impl Default for MaglevLbConfig {
    fn default() -> Self {
        MaglevLbConfig { table_size: super::TABLE_SIZE }
    }
}

/// How `LEAST_REQUEST` looks for the host with the fewest requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeastRequestLbConfig {
    /// So many hosts are drawn, at least 2.
    pub choice_count: u32,
    /// Among drawn ones, or among all.
    pub selection_method: SelectionMethod,
}

impl Default for LeastRequestLbConfig {
    fn default() -> Self {
        LeastRequestLbConfig { choice_count: 2, selection_method: SelectionMethod::NChoices }
    }
}

impl LeastRequestLbConfig {
    pub(super) fn choices(&self) -> Option<u32> {
        match self.selection_method {
            SelectionMethod::NChoices => Some(self.choice_count.clamp(1, super::MOST_CHOICES)),
            SelectionMethod::FullScan => None,
        }
    }
}

/// Among which hosts `LEAST_REQUEST` looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SelectionMethod {
    /// Among `choice_count` drawn ones.
    NChoices,
    /// Among all.
    FullScan,
}

/// When unhealthy hosts are used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CommonLbConfig {
    /// With a smaller share of healthy hosts, all are used as if they were healthy; 0 = never.
    pub healthy_panic_threshold: Percent,
    /// Hosts that a stateful session may use: `UNKNOWN`, `HEALTHY` and `DEGRADED` unless written.
    pub override_host_status: HealthStatuses,
}

/// Per cent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Percent {
    /// From 0 to 100.
    pub value: f64,
}

impl Default for Percent {
    fn default() -> Self {
        Percent { value: 50.0 }
    }
}

impl Percent {
    /// Envoy rounds it.
    pub(super) fn rounded(&self) -> u64 {
        (self.value.clamp(0.0, 100.0) + 0.5) as u64
    }
}

/// What a control plane, or a health check, says of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthStatuses {
    /// These.
    pub statuses: Vec<HealthStatus>,
}

impl Default for HealthStatuses {
    fn default() -> Self {
        HealthStatuses { statuses: vec![HealthStatus::Unknown, HealthStatus::Healthy, HealthStatus::Degraded] }
    }
}

impl HealthStatuses {
    pub(super) fn allows(&self, any: &[HealthStatus]) -> bool {
        any.iter().any(|status| self.statuses.contains(status))
    }
}

/// What is said of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthStatus {
    /// Nothing, which is as healthy.
    #[default]
    Unknown,
    /// It serves.
    Healthy,
    /// It does not.
    Unhealthy,
    /// It is being shut down.
    Draining,
    /// It serves, but others are better. No host is in this state here.
    Degraded,
}

/// A host's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LbEndpoint {
    /// Its weight, at least 1.
    pub load_balancing_weight: u32,
    /// What is said of it.
    pub health_status: HealthStatus,
}

impl Default for LbEndpoint {
    fn default() -> Self {
        LbEndpoint { load_balancing_weight: 1, health_status: HealthStatus::Unknown }
    }
}

impl LbEndpoint {
    pub(super) fn line(&self) -> Line {
        let health = match self.health_status {
            HealthStatus::Unhealthy => Health::Down,
            HealthStatus::Draining => Health::Draining,
            HealthStatus::Unknown | HealthStatus::Healthy | HealthStatus::Degraded => Health::Up,
        };
        Line { weight: self.load_balancing_weight, health }
    }
}

/// Active health checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// Distance of two checks.
    pub interval: Span,
    /// So many failures make a host unhealthy.
    pub unhealthy_threshold: u32,
    /// So many successes make it healthy again.
    pub healthy_threshold: u32,
}

/// `health_checks` is a list in Envoy; one entry may stand without its dash.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOfList {
    /// A list of one entry.
    #[expect(dead_code, reason = "describes the shape for the schema")]
    List([HealthCheck; 1]),
    /// The entry.
    #[expect(dead_code, reason = "describes the shape for the schema")]
    One(HealthCheck),
}

/// Reads what [`OneOfList`] describes.
pub fn one_of_list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<HealthCheck>, D::Error> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Option<HealthCheck>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list with one health check")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            HealthCheck::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Some)
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let check = list.next_element()?;
            match list.next_element::<serde::de::IgnoredAny>()? {
                None => Ok(check),
                Some(_) => Err(serde::de::Error::custom("more than one health check: write the one that decides")),
            }
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// A part of what is hashed. Exactly one of its settings stands, and `terminal` if wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HashPolicy {
    /// A header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<HashHeader>,
    /// A cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<HashCookie>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_properties: Option<ConnectionProperties>,
    /// A parameter of the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_parameter: Option<HashQueryParameter>,
    /// True: if there is a hash by now, what follows is not looked at.
    pub terminal: bool,
}

impl HashPolicy {
    pub(super) fn hashed(&self) -> Option<Hashed> {
        let text = |name: &HashedName| Source::Text(name.key);
        let cookie = |cookie: &HashCookie| Source::Cookie(cookie.ttl.map(|ttl| (!ttl.is_zero()).then_some(ttl)));
        let address = |properties: &ConnectionProperties| properties.source_ip.then_some(Source::Address);
        let source = (self.header.as_ref().map(|header| text(&header.header_name)))
            .or_else(|| self.query_parameter.as_ref().map(|parameter| text(&parameter.name)))
            .or_else(|| self.cookie.as_ref().map(cookie))
            .or_else(|| self.connection_properties.as_ref().and_then(address))?;
        Some(Hashed { source, terminal: self.terminal })
    }
    pub(super) fn problem(&self) -> Option<Problem> {
        let stand = [
            self.header.is_some(),
            self.cookie.is_some(),
            self.connection_properties.is_some(),
            self.query_parameter.is_some(),
        ];
        if stand.iter().filter(|stands| **stands).count() == 1 {
            return None;
        }
        let help = format!(
            "write one entry for each of {}",
            one_of(&["header", "cookie", "connection_properties", "query_parameter"])
        );
        Some(wrong("hash_policy", "an entry hashes exactly one thing", &help))
    }
}

/// A header that is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashHeader {
    /// Its name, which says whether it is a user's or a room's.
    pub header_name: HashedName,
}

/// A parameter of the URL that is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashQueryParameter {
    /// Its name, which says whether it is a user's or a room's.
    pub name: HashedName,
}

/// A cookie that is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashCookie {
    /// Its name.
    pub name: String,
    /// A client without the cookie gets one that lives so long from then on (`0s` = browser session). Not written: none is
    /// issued, and since nobody else issues it here, hosts are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
    /// Its path; without effect on where clients land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What is hashed of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionProperties {
    /// The client's address, without its port.
    pub source_ip: bool,
}

/// Name of a header or parameter, and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedName {
    name: String,
    /// A user's text, or a room.
    pub(super) key: AffinityKey,
}

as_text!(HashedName, "x-user-id");

impl fmt::Display for HashedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for HashedName {
    type Err = String;
    fn from_str(name: &str) -> Result<HashedName, String> {
        key_of(name).map(|key| HashedName { name: name.to_owned(), key }).ok_or_else(|| {
            format!(
                "`{name}` does not say what it holds: write a name with `user`, `session`, `client`, `token`, `uid`, \
                 `account` or `device` in it for a text of each client, or with `room` for its room; the address is \
                 hashed with `connection_properties: {{source_ip: true}}` (Istio: `useSourceIp: true`)"
            )
        })
    }
}

/// The filter `envoy.filters.http.stateful_session` with its cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatefulSession {
    /// The cookie, whose value names a host.
    pub cookie: SessionCookie,
    /// True: a client whose host is gone gets an error (503) until its cookie ends. False: another host and a new cookie.
    #[serde(default)]
    pub strict: bool,
}

/// The cookie of a stateful session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionCookie {
    /// Its name.
    pub name: String,
    /// It lives so long from when it is issued; `0s` or not written: as long as the browser session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
    /// Its path; without effect on where clients land.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
