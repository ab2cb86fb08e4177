//! Pods that read more slowly than others publish: Redis holds what they have not read, up to its output-buffer limits.

use stickysim::cluster::adapter::{Adapter, Emit, Operation, To};
use stickysim::cluster::balancer::NginxMethod;
use stickysim::cluster::spec::{Action, Choice, ClusterSpec, OutputBufferLimits, RedisClient, TickSpec, TimedAction};
use stickysim::engine::Span;
use stickysim::metrics::{LossReason, Record};

use crate::support::{cluster, run};

/// A hundred clients on two pods, of which the first emits an event of a kilobyte to everyone every 10 ms for so long.
fn broadcasts(seconds: u64, hard: u64) -> ClusterSpec {
    let mut spec = cluster(2, NginxMethod::RoundRobin, 100, true);
    spec.duration = Span::from_secs(seconds);
    spec.ticks = vec![TickSpec {
        name: "tick".to_owned(),
        every: Span::from_millis(10),
        operation: Operation::Emit(Emit::to(To::All)),
        bytes: 1_000,
    }];
    spec.redis.client = RedisClient::IoRedis5;
    spec.redis.output_buffer = OutputBufferLimits { hard, soft: 0, soft_for: Span::ZERO };
    spec
}

/// The other pod stands still from 5 s to 20 s.
fn frozen(hard: u64) -> Record {
    let mut spec = broadcasts(60, hard);
    let action = Action::Freeze { pod: Choice::Number(1), length: Span::from_secs(15) };
    spec.timeline = vec![TimedAction::once(Span::from_secs(5), action)];
    run(&spec, 0)
}

#[test]
fn a_pod_that_stands_still_is_cut_off_when_too_much_waits_for_it() {
    let without = frozen(0).counts;
    assert_eq!((without.redis_cuts, without.lost.total()), (0, 0), "it gets all of it later");
    // 100 kB per second: a megabyte waits after ten of the fifteen seconds, thirty megabytes never do
    let far = frozen(30 << 20).counts;
    assert_eq!((far.redis_cuts, far.lost.total()), (0, 0));
    let near = frozen(1 << 20).counts;
    assert_eq!(near.redis_cuts, 1);
    // what was held since the fifth second, and what comes until it listens again 50 ms after the twentieth
    let events = near.lost.total() as f64 / 50.0;
    assert!((1_500.0..=1_510.0).contains(&events), "{events}");
    assert_eq!(near.lost.total(), near.lost.of(LossReason::BufferOverflow));
    // a megabyte of them was held, the rest was never handed out
    assert!((930..1_000).contains(&near.redis_copies_cut), "{}", near.redis_copies_cut);
}

#[test]
fn a_pod_that_cannot_keep_up_loses_what_is_beyond_its_capacity() {
    // 50 clients in 20 ms, for an event every 10 ms
    let overloaded = |hard| {
        let mut spec = broadcasts(600, hard);
        spec.pods.costs.copy_delivered = Span::from_millis(20);
        run(&spec, 0)
    };
    let (endless, cut) = (overloaded(0), overloaded(1 << 20));
    // of the events for the other pod, it can take on half
    let [endless_lost, lost] =
        [&endless, &cut].map(|r| r.counts.lost.total() as f64 / (r.counts.recipients as f64 / 2.0));
    assert_eq!(endless_lost, 0.0);
    assert!((0.45..0.52).contains(&lost), "{lost}");
    assert!(cut.counts.redis_cuts > 10, "{}", cut.counts.redis_cuts);
    // without a limit it is 300 s behind in the end. With one a megabyte waits for it after 19 s and then a second; what it works
    // on by then came when half of that time was over, and was as late
    let longest = |record: &Record| record.latencies.event_cross.quantile_ms(1.0).unwrap() / 1e3;
    assert!(longest(&endless) > 250.0, "{}", longest(&endless));
    assert!((10.0..10.7).contains(&longest(&cut)), "{}", longest(&cut));
}

#[test]
fn readers_of_a_stream_are_never_cut_off() {
    let mut spec = broadcasts(60, 1 << 10);
    spec.redis.law = stickysim::cluster::adapter::Law::of(Adapter::Streams { sharded_requests: false });
    let action = Action::Freeze { pod: Choice::Number(1), length: Span::from_secs(15) };
    spec.timeline = vec![TimedAction::once(Span::from_secs(5), action)];
    let counts = run(&spec, 0).counts;
    assert_eq!((counts.redis_cuts, counts.lost.total()), (0, 0));
}
