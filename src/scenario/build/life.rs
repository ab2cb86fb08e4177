//! How pods start, end and are replaced.

use super::super::file::{
    DeletionCostText, ProbeText, ReadinessText, RebalanceText, Rollout, Shutdown, SigtermText, StrategyText,
};
use super::super::words::CountOrShare;
use super::filled;
use crate::cluster::spec::{
    Amount, DeletionCost, OnSigterm, Probe, Readiness, Rebalance, RolloutSpec, RolloutStrategy, ShutdownSpec,
};

/// A probe.
pub fn probe(text: &ProbeText) -> Probe {
    Probe {
        initial_delay: *filled(&text.initial_delay),
        period: *filled(&text.period),
        timeout: *filled(&text.timeout),
        successes: *filled(&text.successes),
        failures: *filled(&text.failures),
        grace: text.grace,
    }
}

/// When a pod counts as ready.
pub fn readiness(text: &ReadinessText) -> Readiness {
    match text {
        ReadinessText::Immediate => Readiness::Immediate,
        ReadinessText::None => Readiness::Unprobed,
        ReadinessText::Probe(text) => Readiness::Probed(probe(text)),
    }
}

/// How a pod ends.
pub fn shutdown(text: &Shutdown) -> ShutdownSpec {
    ShutdownSpec {
        pre_stop: *filled(&text.pre_stop),
        grace: *filled(&text.grace),
        on_sigterm: match filled(&text.on_sigterm) {
            SigtermText::Close => OnSigterm::Close,
            SigtermText::Ignore => OnSigterm::Ignore,
            SigtermText::Drain(drain) => OnSigterm::Drain { over: *filled(&drain.over), every: *filled(&drain.every) },
        },
    }
}

/// Who has the fullest pods close connections.
pub fn rebalance(text: &RebalanceText) -> Rebalance {
    Rebalance { every: *filled(&text.every), above: filled(&text.above).value(), most: *filled(&text.at_most) }
}

/// How pods are replaced.
pub fn rollout(text: &Rollout) -> RolloutSpec {
    RolloutSpec {
        max_surge: amount(filled(&text.max_surge)),
        max_unavailable: amount(filled(&text.max_unavailable)),
        strategy: match filled(&text.strategy) {
            StrategyText::Rolling => RolloutStrategy::Rolling,
            StrategyText::Recreate => RolloutStrategy::Recreate,
            StrategyText::Ordered => RolloutStrategy::Ordered { partition: text.partition.unwrap_or(0) },
        },
        min_ready: *filled(&text.min_ready),
        progress_deadline: *filled(&text.progress_deadline),
        deletion_cost: match filled(&text.deletion_cost) {
            DeletionCostText::None => DeletionCost::None,
            DeletionCostText::Connections => DeletionCost::Connections,
        },
    }
}

/// A number of pods, or a share of them.
pub fn amount(amount: &CountOrShare) -> Amount {
    match amount {
        CountOrShare::Count(count) => Amount::Pods(*count),
        CountOrShare::Share(share) => Amount::Share(share.fraction()),
    }
}
