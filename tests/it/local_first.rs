//! What affinity can save in Redis, and what it cannot.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{ClusterSpec, RoomsSpec, Target, Via};
use stickysim::engine::Law;
use stickysim::metrics::Counts;

use crate::support::{cluster, emit, run, seconds};

/// 400 clients on four pods that emit this every 10 s or so.
fn emitting(method: NginxMethod, to: Target, via: Via) -> ClusterSpec {
    let mut spec = cluster(4, method, 400, true);
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(10.0), per_client: 1 });
    spec.traffic = vec![emit(Law::exponential(seconds(10.0)), to, via)];
    spec
}

fn counts(method: NginxMethod, to: Target, via: Via) -> Counts {
    run(&emitting(method, to, via), 0).counts
}

/// Affinity alone changes nothing: every event to a user or a room is one PUBLISH and a copy per pod.
#[test]
fn affinity_alone_saves_nothing() {
    for to in [Target::Own, Target::Room, Target::All] {
        let [without, with] = [NginxMethod::RoundRobin, NginxMethod::IpHash].map(|method| counts(method, to, Via::Api));
        assert_eq!((without.redis_publish, without.redis_copies), (with.redis_publish, with.redis_copies), "{to:?}");
        assert_eq!((with.events_emitted, 4 * with.events_emitted), (with.redis_publish, with.redis_copies));
    }
}

/// With a handler that looks for the user's socket first, the share of calls that land on its pod is saved: 1/P without
/// affinity, all of them with it.
#[test]
fn affinity_and_a_handler_that_looks_for_the_socket_first_save_what_lands_together() {
    let without = counts(NginxMethod::RoundRobin, Target::Own, Via::LocalFirst);
    let kept = without.events_kept_local as f64 / without.events_local_first as f64;
    assert!((kept - 0.25).abs() < 0.01, "{kept}");
    assert_eq!(without.redis_publish, without.events_emitted - without.events_kept_local);
    let with = counts(NginxMethod::IpHash, Target::Own, Via::LocalFirst);
    assert_eq!((with.events_kept_local, with.redis_publish), (with.events_local_first, 0));
    assert_eq!(with.delivered_local, with.recipients);
    assert!(with.events_emitted > 20_000);
}
