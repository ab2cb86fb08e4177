//! What happens when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::law::DurationLaw;
use super::super::units::Share;
use super::super::words::Which;
use crate::engine::Span;

/// Something that happens at a time, or again and again: `at` or `every`, and exactly one of the other keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimelineEntry {
    /// When, from the start of the run; with `every`, when for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Span>,
    /// It happens again and again, at distances such as `{exp: 2h}`: a random failure. Without `at` the first one comes when it
    /// comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<DurationLaw>,
    /// Every pod is replaced, or with `in_place: true` restarted, some at a time.
    pub rolling_restart: Option<RollingRestart>,
    /// The process of a pod dies and its container restarts in place.
    pub crash: Option<OnePod>,
    /// One pod is shut down in order and started again in place.
    pub restart: Option<OnePod>,
    /// The process of a pod stands still for a while: its connections stay open, and nothing is answered.
    pub freeze: Option<Freeze>,
    /// The wanted number of pods changes.
    pub scale: Option<Scale>,
    /// The balancer that chooses pods reads its configuration anew: its state is lost as that product loses it, and tunnels
    /// from before are cut when its time for shutting down is over.
    pub reload_balancer: Option<Reload>,
    /// Redis takes nothing for a while, and connections to it break.
    pub redis_outage: Option<ForAWhile>,
    /// Redis dies, and is back after the downtime of its topology.
    pub redis_crash: Option<Reload>,
    /// Redis does nothing else for a while, such as with a slow command: what comes waits.
    pub redis_stall: Option<ForAWhile>,
    /// Queries take longer for a while.
    pub slow_database: Option<super::SlowDatabase>,
    /// A node loses its power, for a while or for good: processes end without a word, and connections stay half open.
    pub node_loss: Option<OneNode>,
    /// All nodes of a zone do.
    pub zone_loss: Option<OneZone>,
    /// A node or a zone is cut off from the network, or only from the control plane.
    pub partition: Option<PartitionText>,
    /// The pods of a node are evicted, as far as `disruption_budget` allows, and none come for a while (`kubectl drain`).
    pub drain_node: Option<OneNode>,
    /// Every node is drained and away for a while, one after the other.
    pub upgrade_nodes: Option<UpgradeText>,
    /// Some clients get another public address at once.
    pub address_changes: Option<AddressWave>,
}

/// A reload; there is nothing to say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reload {}

/// Something that lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForAWhile {
    /// How long.
    #[serde(rename = "for")]
    pub length: Span,
}

/// How pods are replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollingRestart {
    /// True: one after the other, each with its old name and address. False: new pods, as `rollout` allows.
    pub in_place: Option<bool>,
}

/// Which pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnePod {
    /// `random`, or a number; numbers count from 0 and replacements go on counting. With `every` also `each`: every pod on a clock
    /// of its own.
    pub pod: Option<Which>,
}

/// Which pod stands still for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// `random`, or a number; numbers count from 0 and replacements go on counting. With `every` also `each`: every pod on a clock
    /// of its own.
    pub pod: Option<Which>,
    /// How long.
    #[serde(rename = "for")]
    pub length: Span,
}

/// A new number of pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The new number.
    pub to: u32,
}

/// Which node, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneNode {
    /// `random`, or a number from 0; with `every` also `each`: every node on a clock of its own.
    pub node: Option<Which>,
    /// How long; without it to the end of the run.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub length: Option<Span>,
}

/// Which zone, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneZone {
    /// `random`, or a number from 0; with `every` also `each`: every zone on a clock of its own.
    pub zone: Option<Which>,
    /// How long; without it to the end of the run.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub length: Option<Span>,
}

/// Who is cut off from what, and for how long: `node` or `zone`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionText {
    /// `random`, or the number of a node from 0; with `every` also `each`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Which>,
    /// `random`, or the number of a zone from 0; with `every` also `each`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Which>,
    /// From everyone, or only from the control plane.
    pub from: Option<PartitionFrom>,
    /// How long; without it to the end of the run.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub length: Option<Span>,
}

/// What somebody is cut off from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartitionFrom {
    /// From everything: pods go on, and nobody hears of them.
    Everyone,
    /// From the control plane: pods serve as before, and count as not ready after a while.
    ControlPlane,
}

/// How nodes are upgraded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpgradeText {
    /// How long each is away after it is drained.
    pub reboot: Option<Span>,
}

/// Who gets another public address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressWave {
    /// Share of the clients that are present, such as `30%`.
    pub share: Share,
    /// How long each has no network.
    pub gap: Option<DurationLaw>,
    /// Share of the changes that stay in the same /24 (IPv4) or /64 (IPv6).
    pub same_network: Option<Share>,
}
