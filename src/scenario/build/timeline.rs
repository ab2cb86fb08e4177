//! What happens when.

use super::super::file::{
    OneNode, OneZone, PartitionFrom, PartitionText, Redis, SlowDatabase, TimelineEntry, UpgradeText,
};
use super::super::law::DurationLaw;
use super::super::words::Which;
use super::{filled, nanos, redis};
use crate::cluster::spec::{Action, Choice, NodeSet, Outage, RolloutMode, TimedAction};

/// The entries in order of time; those of one moment stay in the order of the file.
pub fn timeline(entries: &[TimelineEntry], redis: &Redis) -> Vec<TimedAction> {
    let timed = |entry: &TimelineEntry| TimedAction {
        at: entry.at,
        every: entry.every.as_ref().map(DurationLaw::law),
        action: action(entry, redis),
    };
    let mut timeline: Vec<TimedAction> = entries.iter().map(timed).collect();
    timeline.sort_by_key(|timed| timed.at);
    timeline
}

fn choice(which: &Option<Which>) -> Choice {
    match filled(which) {
        Which::Random => Choice::Random,
        Which::Each => Choice::Each,
        Which::Number(number) => Choice::Number(*number),
    }
}

fn action(entry: &TimelineEntry, redis: &Redis) -> Action {
    match entry {
        TimelineEntry { crash: Some(crash), .. } => Action::Crash(choice(&crash.pod)),
        TimelineEntry { restart: Some(restart), .. } => Action::Restart(choice(&restart.pod)),
        TimelineEntry { freeze: Some(freeze), .. } => {
            Action::Freeze { pod: choice(&freeze.pod), length: freeze.length }
        }
        TimelineEntry { scale: Some(scale), .. } => Action::Scale { to: scale.to },
        TimelineEntry { reload_balancer: Some(_), .. } => Action::ReloadBalancer,
        TimelineEntry { redis_outage: Some(outage), .. } => Action::RedisOutage { lasts: outage.length, forgets: None },
        TimelineEntry { redis_crash: Some(_), .. } => Action::RedisOutage {
            lasts: *filled(&redis.downtime),
            forgets: redis::forgets(*filled(&redis.persistence)),
        },
        TimelineEntry { redis_stall: Some(stall), .. } => Action::RedisStall { lasts: stall.length },
        TimelineEntry { slow_database: Some(SlowDatabase { factor, lasts }), .. } => {
            Action::SlowDatabase { factor: factor.value(), lasts: *lasts }
        }
        TimelineEntry { node_loss: Some(OneNode { node, length }), .. } => {
            Action::Outage { of: NodeSet::Node(choice(node)), from: Outage::Power, lasts: *length }
        }
        TimelineEntry { zone_loss: Some(OneZone { zone, length }), .. } => {
            Action::Outage { of: NodeSet::Zone(choice(zone)), from: Outage::Power, lasts: *length }
        }
        TimelineEntry { partition: Some(partition), .. } => {
            let PartitionText { node, zone, from, length } = partition;
            Action::Outage {
                of: if zone.is_some() { NodeSet::Zone(choice(zone)) } else { NodeSet::Node(choice(node)) },
                from: match filled(from) {
                    PartitionFrom::Everyone => Outage::Network,
                    PartitionFrom::ControlPlane => Outage::ControlPlane,
                },
                lasts: *length,
            }
        }
        TimelineEntry { drain_node: Some(OneNode { node, length }), .. } => {
            Action::DrainNode { node: choice(node), lasts: *length }
        }
        TimelineEntry { upgrade_nodes: Some(UpgradeText { reboot }), .. } => {
            Action::UpgradeNodes { reboot: *filled(reboot) }
        }
        TimelineEntry { address_changes: Some(wave), .. } => Action::AddressChanges {
            share: wave.share.fraction(),
            gap: nanos(&wave.gap),
            same_network: filled(&wave.same_network).fraction(),
        },
        TimelineEntry { rolling_restart, .. } => {
            let in_place = rolling_restart.as_ref().and_then(|rolling| rolling.in_place).unwrap_or(false);
            Action::RollingRestart(if in_place { RolloutMode::InPlace } else { RolloutMode::Surge })
        }
    }
}
