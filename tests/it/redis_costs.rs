//! CPU of Redis per PUBLISH by load and number of pods, against what was measured on Redis 7.0.15; a Redis that is overloaded.

use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{RedisCosts, Target, Via};
use stickysim::engine::{Law, Span};
use stickysim::metrics::FigureId;

use crate::support::{cluster, emit, run, seconds};

/// Pods that publish and listen, publishes per second, CPU per publish in microseconds: the median of three runs
/// (cost_redis_cluster.csv; at 200/s the figures are mostly the server's own timers, and are left out).
#[rustfmt::skip]
const MEASURED: [(u32, f64, f64); 12] = [
    (1, 1e3, 24.22), (1, 5e3, 19.35), (1, 2e4, 13.23),
    (3, 1e3, 22.40), (3, 5e3, 23.99), (3, 2e4, 19.14),
    (5, 1e3, 29.86), (5, 5e3, 30.34), (5, 2e4, 23.62),
    (10, 1e3, 45.53), (10, 5e3, 52.53), (10, 2e4, 32.59),
];

#[test]
fn a_busy_redis_spends_less_on_each_command_as_measured() {
    let us = Span::from_micros;
    for (pods, rate, measured) in MEASURED {
        let mut spec = cluster(pods, NginxMethod::RoundRobin, 200, true);
        spec.traffic = vec![emit(Law::exponential(seconds(200.0 / rate)), Target::All, Via::Socket)];
        // the presets
        spec.redis.costs =
            RedisCosts { publish: us(15), copy: us(3), publish_busy: us(7), copy_busy: Span::from_nanos(500) };
        spec.duration = Span::from_millis(1_500);
        spec.warm_up = Span::from_millis(500);
        let record = run(&spec, 0);
        let per_publish = record.redis_cpu * record.measured_s / record.counts.redis_publish as f64 * 1e6;
        println!("{pods} pods, {rate}/s: {per_publish:.1} us, measured {measured}");
        assert!((per_publish / measured - 1.0).abs() < 0.27, "{pods} pods, {rate}/s: {per_publish}, {measured}");
    }
}

#[test]
fn useful_copies_are_a_share_of_those_that_have_arrived() {
    // three pods, of which two need their copy of everything; Redis has four times as much to do as it can
    let mut spec = cluster(3, NginxMethod::RoundRobin, 30, true);
    spec.traffic = vec![emit(Law::exponential(seconds(0.3)), Target::All, Via::Socket)];
    let slow = Span::from_millis(10);
    spec.redis.costs = RedisCosts { publish: slow, copy: slow, publish_busy: slow, copy_busy: slow };
    (spec.warm_up, spec.duration) = (Span::from_secs(5), Span::from_secs(60));
    let useful = "redis.useful".parse::<FigureId>().expect("a figure").value(&run(&spec, 0)).expect("copies");
    assert!((useful - 2.0 / 3.0).abs() < 0.01, "{useful}");
}
