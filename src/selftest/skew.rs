//! Who is sent where: skew of hashes and draws, rooms over pods, caches of pods.

use super::bare::{api, cluster, no_costs, rolling_restart};
use super::population::connections;
use super::{Oracle, formula};
use crate::cluster::balancer::NginxMethod;
use crate::cluster::spec::{
    CacheSpec, ClusterSpec, DataUse, KeyOwner, RolloutMode, RoomsSpec, Saves, Sharing, Target, TrafficAction,
    TrafficSpec, Via,
};
use crate::engine::{Law, Span};
use crate::metrics::{Record, Skew};

const RANDOM: NginxMethod = NginxMethod::Random { two: false };
/// Clients of the rolling restarts.
const CLIENTS: u32 = 3_000;

/// Clients on `pods` pods that are looked at once.
fn placed(pods: u32, method: NginxMethod, clients: u32, sharing: Sharing) -> ClusterSpec {
    let mut spec = cluster(pods, method, clients, true);
    for audience in &mut spec.audiences {
        audience.network.sharing = sharing.clone();
    }
    (spec.duration, spec.sample_every) = (Span::from_secs(2), Span::from_secs(2));
    spec
}

/// CV² over (n − 1)/N_eff. N_eff is that of the run: whole clients make groups a little other than their weights.
fn cv2_by_groups(record: &Record) -> Option<f64> {
    let pods = connections(record);
    let cv = Skew::of(&pods)?.cv;
    Some(cv * cv * record.n_eff.networks / (pods.len() as f64 - 1.0))
}

fn hashes() -> Vec<Oracle> {
    let zipf = (1..=1_000).map(|rank| libm::pow(f64::from(rank), -1.2)).collect();
    let mut office = vec![1.0; 6_000];
    office.extend([150.0; 20]);
    office.push(1_000.0);
    const SOURCE: &str = "E[CV²] = (n−1)/N_eff  (oracle A1)";
    vec![
        Oracle::cluster(
            ("random-skew", "random, 5 pods: CV²·1,000 clients/(n−1)", "E[CV²] = (n−1)/m  (multinomial)"),
            1.0,
            400,
            placed(5, RANDOM, 1_000, Sharing::Own),
            |record| Skew::of(&connections(record)).map(|skew| skew.cv * skew.cv * 1_000.0 / 4.0),
        ),
        Oracle::cluster(
            ("ip-hash-groups", "ip_hash, 100 groups, 5 pods: CV²·N_eff/(n−1)", SOURCE),
            1.0,
            400,
            placed(5, NginxMethod::IpHash, 1_000, Sharing::Weights(vec![1.0; 100])),
            cv2_by_groups,
        ),
        Oracle::cluster(
            ("ip-hash-office", "ip_hash, carriers and an office, 10 pods: the same", SOURCE),
            1.0,
            200,
            placed(10, NginxMethod::IpHash, 10_000, Sharing::Weights(office)),
            cv2_by_groups,
        ),
        Oracle::cluster(
            ("ip-hash-zipf", "ip_hash, Zipf 1.2 groups, 5 pods: the same", SOURCE),
            1.0,
            400,
            placed(5, NginxMethod::IpHash, 4_000, Sharing::Weights(zipf)),
            cv2_by_groups,
        ),
    ]
}

/// The share of one pod after a rolling restart, against a fair one.
fn share_of(position: usize) -> impl Fn(&Record) -> Option<f64> {
    move |record| {
        let pods = connections(record);
        pods.get(position).map(|connections| connections * pods.len() as f64 / f64::from(CLIENTS))
    }
}

fn restarts() -> Vec<Oracle> {
    let (q, r) = (5.0 / 4.0, 6.0 / 5.0);
    vec![
        Oracle::cluster(
            ("restart-in-place", "5 pods restarted in place, random: first/fair", "qⁿ − q, q = n/(n−1)  (oracle A5.1)"),
            formula::power(q, 5) - q,
            40,
            rolling_restart(5, RANDOM, RolloutMode::InPlace, CLIENTS),
            share_of(0),
        ),
        Oracle::cluster(
            ("restart-surge", "surge of 5 pods, random: first/fair", "rⁿ − 1, r = 1 + 1/n  (oracle A5.2)"),
            formula::power(r, 5) - 1.0,
            40,
            rolling_restart(5, RANDOM, RolloutMode::Surge, CLIENTS),
            share_of(0),
        ),
        Oracle::cluster(
            ("restart-reconnects", "the same: reconnects per client", "rⁿ − 1  (oracle A5.2)"),
            formula::power(r, 5) - 1.0,
            40,
            rolling_restart(5, RANDOM, RolloutMode::Surge, CLIENTS),
            |record| Some(record.counts.reconnects as f64 / f64::from(CLIENTS)),
        ),
        Oracle::cluster(
            ("restart-ip-hash", "5 pods restarted in place, ip_hash: second/fair", "2(n−j)/(n−1)  (oracle A5.5)"),
            1.5,
            40,
            rolling_restart(5, NginxMethod::IpHash, RolloutMode::InPlace, CLIENTS),
            share_of(1),
        ),
    ]
}

fn rooms_and_caches() -> Vec<Oracle> {
    let mut chat = cluster(5, RANDOM, 1_000, true);
    chat.rooms = Some(RoomsSpec { sizes: Law::Fixed(4.0), per_client: 1 });
    let action = TrafficAction::Emit { to: Target::Room, via: Via::Socket, bytes: 110, work: Law::Fixed(0.0) };
    chat.traffic = vec![TrafficSpec { action, ..api(10.0, Law::Fixed(0.0)) }];
    chat.duration = Span::from_secs(20);
    chat.pods.costs = no_costs();
    let mut lru = cluster(1, NginxMethod::RoundRobin, 100, false);
    let items = Law::table(&[(1.0, 60.0), (2.0, 30.0), (3.0, 20.0), (4.0, 15.0), (5.0, 12.0)]).ok();
    let saves = Saves::Work(Span::ZERO);
    let cache = CacheSpec { owner: KeyOwner::Everybody, items, capacity: 2, ttl: None, saves };
    let data = Box::new(DataUse { queries: 0, caches: vec![cache] });
    lru.traffic = vec![TrafficSpec {
        action: TrafficAction::ApiWithData { work: Law::Fixed(0.0), data },
        ..api(1.0, Law::Fixed(0.0))
    }];
    (lru.warm_up, lru.duration) = (Span::from_secs(10), Span::from_secs(210));
    lru.sample_every = lru.duration;
    vec![
        Oracle::cluster(
            ("rooms", "rooms of 4 on 5 pods: useful copies per emit", "(n−1)(1 − (1−1/n)^(r−1))  (oracle A8)"),
            4.0 * (1.0 - formula::power(0.8, 3)),
            40,
            chat,
            |record| Some(record.counts.redis_copies_useful as f64 / record.counts.events_emitted as f64),
        ),
        Oracle::cluster(
            ("lru", "LRU of 2 of 5 items, Zipf 1: hits", "all stack orders (oracle A9)"),
            0.518_884_6,
            40,
            lru,
            |record| Some(record.counts.cache_hits as f64 / record.counts.cache_lookups as f64),
        ),
    ]
}

pub fn oracles() -> Vec<Oracle> {
    [hashes(), restarts(), rooms_and_caches()].into_iter().flatten().collect()
}
