//! Caches in the memory of pods: empty when a process starts, never shared between pods.

mod lru;

use lru::Lru;

use super::PodId;
use super::spec::{CacheSpec, MAX_CACHES, TrafficAction, TrafficSpec};
use crate::engine::SimTime;

/// How often the caches of a pod were asked, over all its processes.
#[derive(Clone, Copy, Default)]
pub struct Lookups {
    /// Lookups.
    pub all: u64,
    /// … that found an entry which was still good.
    pub hits: u64,
}

/// The keys that a request wants, one per cache of its traffic entry.
pub type Keys = [u64; MAX_CACHES];

/// The caches of all pods.
#[derive(Default)]
pub struct Caches {
    /// For each traffic entry, the number of its first cache among those of a pod.
    first: Vec<usize>,
    specs: Vec<CacheSpec>,
    by_pod: Vec<(Vec<Lru>, Lookups)>,
}

impl Caches {
    /// None is filled.
    pub fn new(traffic: &[TrafficSpec]) -> Caches {
        let mut caches = Caches::default();
        for entry in traffic {
            caches.first.push(caches.specs.len());
            if let TrafficAction::ApiWithData { data, .. } = &entry.action {
                caches.specs.extend(data.caches.iter().cloned());
            }
        }
        caches
    }
    /// The caches of a pod for a traffic entry are asked for these keys. Bit j of the answer: the j-th had it.
    pub fn look_up(&mut self, pod: PodId, item: u8, keys: &[u64], now: SimTime) -> u8 {
        if self.by_pod.len() <= pod.index() {
            self.by_pod.resize_with(pod.index() + 1, Default::default);
        }
        let Caches { first, specs, by_pod } = self;
        let (caches, lookups) = &mut by_pod[pod.index()];
        caches.resize_with(specs.len(), Lru::default);
        let mut hits = 0;
        for (j, (&key, cache)) in keys.iter().zip(&mut caches[first[usize::from(item)]..]).enumerate() {
            let hit = cache.get(key, now);
            lookups.all += 1;
            lookups.hits += u64::from(hit);
            hits |= u8::from(hit) << j;
        }
        hits
    }
    /// What the j-th cache of a pod for a traffic entry did not have is there now.
    pub fn fill(&mut self, pod: PodId, item: u8, j: usize, key: u64, now: SimTime) {
        let number = self.first[usize::from(item)] + j;
        let spec = &self.specs[number];
        let expires = spec.ttl.map_or(SimTime::NEVER, |ttl| now + ttl);
        if let Some((caches, _)) = self.by_pod.get_mut(pod.index()) {
            caches[number].put(key, expires, spec.capacity);
        }
    }
    /// The process of a pod has ended: its memory is gone.
    pub fn clear(&mut self, pod: PodId) {
        if let Some((caches, _)) = self.by_pod.get_mut(pod.index()) {
            caches.iter_mut().for_each(|cache| *cache = Lru::default());
        }
    }
    /// How often those of a pod were asked, ever.
    pub fn lookups(&self, pod: PodId) -> Lookups {
        self.by_pod.get(pod.index()).map_or(Lookups::default(), |(_, lookups)| *lookups)
    }
}
