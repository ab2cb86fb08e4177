//! What is measured of caches and the database.

use crate::cluster::meter::PodTotals;
use crate::cluster::{Cluster, PodId};
use crate::engine::{SimTime, Span};
use crate::metrics::{DatabaseUse, Limiting};

impl Cluster<'_> {
    /// A window of peaks ends: raises those of caches and the database.
    pub fn window_of_data(&mut self, now: SimTime, window: Span, peaks: &mut Limiting) {
        let Some(database) = &self.database else { return };
        let spec = database.spec();
        let share = |ns: u128, of: u32| ns as f64 / window.as_nanos() as f64 / f64::from(of);
        let (pools, executed_before) = &mut self.meter.data_at_window;
        pools.resize(self.pods.len(), 0);
        for pod in self.pods.ids() {
            let used = database.used_ns(pod, now);
            let before = std::mem::replace(&mut pools[pod.index()], used);
            peaks.pool = Some(peaks.pool.unwrap_or(0.0).max(share(used - before, spec.pool_per_pod)));
        }
        let executed = database.executed_ns(now);
        let before = std::mem::replace(executed_before, executed);
        peaks.database_connections = Some(f64::from(database.open()) / f64::from(spec.connections));
        peaks.database = spec.parallel.map(|parallel| share(executed.saturating_sub(before), parallel));
    }

    /// How the database was used in a part of this length that ends now, but for its connections, which are sampled;
    /// `executed_ns`: what it had executed when the part began.
    pub fn database_use(&self, now: SimTime, measured: Span, executed_ns: u128) -> Option<DatabaseUse> {
        let database = self.database.as_ref()?;
        let executed = database.executed_ns(now).saturating_sub(executed_ns) as f64;
        let busy = |parallel| executed / measured.as_nanos() as f64 / f64::from(parallel);
        Some(DatabaseUse { connections: 0.0, busy: database.spec().parallel.map(busy) })
    }

    /// Smallest share of hits among these pods since they had done so much.
    pub fn cache_hits_worst(&self, pods: &[PodId], before: &[PodTotals]) -> Option<f64> {
        let share = |pod: &PodId| {
            let now = self.caches.lookups(*pod);
            let then = before.get(pod.index()).map_or_else(Default::default, |at| at.lookups);
            let all = now.all - then.all;
            (all > 0).then(|| (now.hits - then.hits) as f64 / all as f64)
        };
        pods.iter().filter_map(share).reduce(f64::min)
    }
}
