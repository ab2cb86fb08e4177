//! What is measured of caches and the database.

use crate::cluster::{Cluster, PodId};
use crate::engine::{SimTime, Span};
use crate::metrics::DatabaseUse;

impl Cluster<'_> {
    /// A window of peaks ends.
    pub fn window_of_data(&mut self, now: SimTime, window: Span, measuring: bool) {
        let Some(database) = &self.database else { return };
        let spec = database.spec();
        let share = |ns: u128, of: u32| ns as f64 / window.as_nanos() as f64 / f64::from(of);
        let raise = |peak: &mut Option<f64>, to: f64| *peak = Some(peak.unwrap_or(0.0).max(to));
        let (pools, executed_before) = &mut self.meter.data_at_window;
        let limits = &mut self.meter.limits;
        pools.resize(self.pods.len(), 0);
        for pod in self.pods.ids() {
            let used = database.used_ns(pod, now);
            let before = std::mem::replace(&mut pools[pod.index()], used);
            if measuring {
                raise(&mut limits.pool, share(used - before, spec.pool_per_pod));
            }
        }
        let executed = database.executed_ns(now);
        let before = std::mem::replace(executed_before, executed);
        if measuring {
            raise(&mut limits.database_connections, f64::from(database.open()) / f64::from(spec.connections));
            if let Some(parallel) = spec.parallel {
                raise(&mut limits.database, share(executed.saturating_sub(before), parallel));
            }
        }
    }

    /// How the database was used.
    pub fn database_use(&self, horizon: SimTime) -> Option<DatabaseUse> {
        let database = self.database.as_ref()?;
        let measured = horizon.since(SimTime::ZERO + self.spec.warm_up).as_nanos() as f64;
        let executed = database.executed_ns(horizon).saturating_sub(self.meter.executed_at_warm_up);
        let samples = self.meter.connected.1;
        Some(DatabaseUse {
            connections: if samples > 0 { self.meter.database_connections / f64::from(samples) } else { 0.0 },
            busy: database.spec().parallel.map(|parallel| executed as f64 / measured / f64::from(parallel)),
        })
    }

    /// Smallest share of hits among these pods, over the measured part.
    pub fn cache_hits_worst(&self, pods: &[PodId]) -> Option<f64> {
        let share = |pod: &PodId| {
            let now = self.caches.lookups(*pod);
            let then = self.meter.pods_at_warm_up.get(pod.index()).map_or_else(Default::default, |at| at.lookups);
            let all = now.all - then.all;
            (all > 0).then(|| (now.hits - then.hits) as f64 / all as f64)
        };
        pods.iter().filter_map(share).reduce(f64::min)
    }
}
