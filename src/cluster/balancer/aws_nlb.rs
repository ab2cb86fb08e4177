//! AWS Network Load Balancer: one target group with its attributes.
//!
//! Source: the user guide of Elastic Load Balancing for network load balancers. It decides once per TCP connection. Without
//! stickiness a connection's hash covers its TCP sequence number, which is random: a seeded uniform draw has the same law. The
//! hash of `source_ip` is secret; a fixed one stands in for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud::{PROPAGATION_DELAY, Usable, check_bounds, checks, hash_address, mix};
use super::{
    AffinityKey, Decide, Following, Forwards, Health, Layer, List, Peer, Peers, Problem, Request, Settings, Tries,
};
use crate::engine::{LazyStream, Span, Stream};

/// The attributes of an NLB target group, by their own names. AWS holds their values as texts, so `"true"` is `true` here too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AwsNlbSpec {
    /// Whether connections from one address go to one target. Any change of the targets or of their health may deal all
    /// addresses anew, and here it always does.
    #[serde(rename = "stickiness.enabled", deserialize_with = "super::texts::flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub stickiness_enabled: bool,
    /// What stickiness goes by: NLBs know only the address.
    #[serde(rename = "stickiness.type")]
    pub stickiness_type: NlbStickiness,
    /// Whether targets see the client's address.
    #[serde(rename = "preserve_client_ip.enabled", deserialize_with = "super::texts::flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub preserve_client_ip: bool,
    /// See `deregistration_delay.connection_termination.enabled`.
    #[serde(rename = "deregistration_delay.timeout_seconds", deserialize_with = "super::texts::number")]
    #[schemars(schema_with = "super::texts::number_schema")]
    pub deregistration_delay_seconds: u32,
    /// Whether connections to a deregistered target are cut after `deregistration_delay.timeout_seconds`.
    #[serde(rename = "deregistration_delay.connection_termination.enabled", deserialize_with = "super::texts::flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub connection_termination: bool,
    /// Distance of the health checks of a target.
    #[serde(rename = "HealthCheckIntervalSeconds")]
    #[schemars(range(min = 5, max = 300))]
    pub health_check_interval_seconds: u32,
    /// So many checks in a row must succeed before a target is healthy again.
    #[serde(rename = "HealthyThresholdCount")]
    #[schemars(range(min = 2, max = 10))]
    pub healthy_threshold_count: u32,
    /// After so many failed checks in a row a target is unhealthy.
    #[serde(rename = "UnhealthyThresholdCount")]
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy_threshold_count: u32,
}

/// By what an NLB keeps clients on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NlbStickiness {
    /// The address that a connection comes from.
    SourceIp,
}

impl Default for AwsNlbSpec {
    fn default() -> Self {
        AwsNlbSpec {
            stickiness_enabled: false,
            stickiness_type: NlbStickiness::SourceIp,
            preserve_client_ip: true,
            deregistration_delay_seconds: 300,
            connection_termination: false,
            health_check_interval_seconds: 30,
            healthy_threshold_count: 5,
            unhealthy_threshold_count: 2,
        }
    }
}

impl Settings for AwsNlbSpec {
    fn describe(&self) -> String {
        if self.stickiness_enabled { "AWS NLB source_ip" } else { "AWS NLB flow hash" }.to_owned()
    }
    fn decisions(&self) -> &'static str {
        if self.stickiness_enabled {
            "a hash of the address stands in for the secret one, dealt anew at each change"
        } else {
            "seeded uniform draw, as a hash over random sequence numbers is"
        }
    }
    fn affinity(&self) -> AffinityKey {
        if self.stickiness_enabled { AffinityKey::Address } else { AffinityKey::None }
    }
    fn following(&self) -> Following {
        Following::after(List::Endpoints, PROPAGATION_DELAY).checked(checks(
            self.health_check_interval_seconds,
            self.unhealthy_threshold_count,
            self.healthy_threshold_count,
        ))
    }
    fn cuts_after(&self) -> Option<Span> {
        self.connection_termination.then(|| Span::from_secs(u64::from(self.deregistration_delay_seconds)))
    }
    fn layer(&self) -> Layer {
        Layer::Connections
    }
    fn forwards(&self) -> Forwards {
        if self.preserve_client_ip { Forwards::SOURCE } else { Forwards::NOTHING }
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let delay = self.deregistration_delay_seconds;
        check_bounds(&mut problems, "deregistration_delay.timeout_seconds", delay, 0..=3_600);
        check_bounds(&mut problems, "HealthCheckIntervalSeconds", self.health_check_interval_seconds, 5..=300);
        check_bounds(&mut problems, "HealthyThresholdCount", self.healthy_threshold_count, 2..=10);
        check_bounds(&mut problems, "UnhealthyThresholdCount", self.unhealthy_threshold_count, 2..=10);
        problems
    }
}

/// An NLB with one target group.
#[derive(Clone, Debug)]
pub struct AwsNlb {
    sticky: bool,
    peers: Peers,
    /// Healthy targets; when there is none, the unhealthy ones: the NLB fails open.
    usable: Usable,
    /// Goes into the hash: another one after each change, so that all addresses are dealt anew.
    deal: u64,
}

impl AwsNlb {
    /// A target group without targets.
    pub fn new(spec: AwsNlbSpec) -> AwsNlb {
        AwsNlb { sticky: spec.stickiness_enabled, peers: Peers::default(), usable: Usable::default(), deal: 0 }
    }
    fn changed(&mut self) {
        self.usable = Usable::up_or_failed_open(&self.peers);
        self.deal += 1;
    }
}

impl Decide for AwsNlb {
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        let known = |peer: &Peer| {
            self.peers.position(peer.pod).is_some_and(|position| self.peers[position].health == peer.health)
        };
        let changed = peers.len() != self.peers.len() || !peers.iter().all(known);
        self.peers = Peers::new(peers);
        if changed {
            self.changed();
        } else {
            self.usable = Usable::up_or_failed_open(&self.peers); // they may stand in another order
        }
    }
    fn set_health(&mut self, position: usize, health: Health) {
        if self.peers[position].health != health {
            self.peers.set_health(position, health);
            self.changed();
        }
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        _tries: &mut Tries,
        stream: &mut LazyStream,
        _load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        if self.sticky {
            self.usable.nearest(mix(hash_address(request.address) ^ self.deal), &[])
        } else {
            self.usable.draw(&[], stream)
        }
    }
    /// A refusal goes back to the client.
    fn max_tries(&self) -> usize {
        1
    }
}
