//! Every recorded operation of the real adapters, in a cluster of a few clients: what Redis gets, who gets copies, who drops
//! them and what clients receive.

#[path = "../../tests/it/recorded/rows.rs"]
mod rows;
#[path = "../../tests/it/support.rs"]
#[expect(dead_code, unused_imports, reason = "most of it is for other tests")]
mod support;

use super::adapter::{Command, Emit, Operation, Scene, To};
use super::balancer::NginxMethod;
use super::flows::emit::Emission;
use super::redis::{EventKind, Origin};
use super::rooms::{Recipients, RoomId};
use super::spec::{ClusterSpec, Population, RoomsSpec, TickSpec};
use super::{Cluster, Event, PodId};
use crate::engine::{Ctx, Law, Limits, Seed, SimTime, Simulation, Span};
use crate::metrics::Counts;
use rows::{COUNTS, EVENT, Row, asked, idle_reads, rows};

/// So many pods with two clients each. The only kind of event is the operation; it would come after the end.
fn cluster(pods: u32, law: super::adapter::Law, operation: Operation) -> ClusterSpec {
    let mut spec = support::cluster(pods, NginxMethod::RoundRobin, 2 * pods, true);
    spec.duration = Span::from_secs(1);
    spec.sample_every = spec.duration;
    spec.rooms = Some(RoomsSpec { sizes: Law::Fixed(f64::from(pods)), per_client: 1 });
    spec.ticks = vec![TickSpec { name: "asks".to_owned(), every: Span::from_secs(10), operation, bytes: EVENT.bytes }];
    spec.redis.law = law;
    spec.redis.hop = Span::from_micros(100);
    spec
}

/// Everybody is where the scene has them: the first room gets those who are meant. Returns who is.
fn arrange(cluster: &mut Cluster<'_>, operation: Operation, scene: &Scene) -> Recipients {
    let excepts = matches!(operation, Operation::Emit(Emit { except: Some(_), .. }));
    for (pod, place) in (0..).map(PodId::new).zip(&scene.pods) {
        let meant = if excepts { place.recipients } else { place.members };
        for (nth, client) in cluster.pods[pod].live.clone().into_iter().enumerate() {
            let room = u32::from(nth >= meant as usize);
            let member = cluster.member(client);
            cluster.rooms.move_to(member, RoomId::new(room));
        }
    }
    let first = cluster.pods[FIRST].live.first().map(|&client| cluster.member(client).who);
    let sender = first.filter(|_| matches!(operation, Operation::Emit(Emit { but_sender: true, .. })));
    match operation.target() {
        None => Recipients::Nobody,
        Some(To::All) if !excepts => Recipients::All(sender),
        Some(_) => Recipients::Room(RoomId::new(0), sender),
    }
}

/// The pod on which operations are asked for.
const FIRST: PodId = PodId::new(0);

/// One operation happens.
fn happen(cluster: &mut Cluster<'_>, operation: Operation, scene: &Scene, ctx: &mut Ctx<Event>) {
    let recipients = arrange(cluster, operation, scene);
    // what belongs to time zero is not counted
    let now = SimTime::from_nanos(1);
    match operation {
        Operation::Connect => cluster.client_joins(FIRST, 0, now),
        Operation::Disconnect => cluster.client_left(FIRST, 0, now),
        // a client is connected before it joins
        Operation::Join { first, .. } => cluster.command(FIRST, |upkeep| &upkeep.join, u64::from(first), now),
        Operation::Leave { last, .. } => cluster.command(FIRST, |upkeep| &upkeep.leave, u64::from(last), now),
        Operation::Start => {
            for pod in cluster.pods.ids().filter(|&pod| cluster.pods[pod].listens()).collect::<Vec<_>>() {
                cluster.stop_listening(pod, false, now);
                cluster.listen(pod, ctx);
                cluster.command(pod, |upkeep| &upkeep.start, 1, now);
            }
        }
        Operation::Close => cluster.stop_listening(FIRST, true, now),
        _ => {
            let kind = EventKind(0);
            let emission = Emission { emitted: ctx.now(), recipients, kind, origin: Origin::Application };
            cluster.emit(FIRST, emission, Span::ZERO, None, ctx);
        }
    }
}

/// What a cluster counts in which this is asked.
fn counted(row: &Row<'_>, operation: Operation, scene: &Scene) -> Counts {
    let mut spec = cluster(row.pods(), row.law(), operation);
    if scene.pods.iter().all(|place| place.clients == 0.0) {
        spec.audiences[0].population = Population::Present { count: 0 };
    }
    let horizon = SimTime::ZERO + spec.duration;
    let mut simulation = Simulation::with_horizon(Cluster::new(&spec, &[], Seed(1)), horizon);
    simulation.start(|cluster, ctx| {
        cluster.start(ctx);
        happen(cluster, operation, scene, ctx);
    });
    simulation.run(Limits { until: horizon, max_events: spec.max_events });
    let mut cluster = simulation.into_model();
    cluster.finish(horizon);
    if let Err(violation) = cluster.check_conservation(horizon) {
        panic!("{}: {violation}", row.name());
    }
    cluster.meter.counts
}

#[test]
fn every_recorded_operation_costs_the_same_in_a_cluster() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for row in &rows(COUNTS) {
        let (operation, scene) = asked(row.text("operation"), row.pods());
        let counts = counted(row, operation, &scene);
        compared += 1;
        let mut compare = |what: &str, simulated: u64, recorded: f64| {
            if simulated as f64 != recorded {
                wrong.push(format!("{}: {what}: simulated {simulated}, recorded {recorded}", row.name()));
            }
        };
        for &command in Command::OF_ADAPTERS {
            let mut recorded = row.number(command.words()).unwrap_or(0.0);
            if command == Command::Xread {
                recorded -= idle_reads(row);
            }
            compare(command.words(), counts.redis_commands.of(command), recorded);
        }
        let delivered = counts.delivered_local + counts.delivered_cross;
        let columns = [
            ("copies_delivered_to_pods", counts.redis_copies),
            ("copies_that_led_to_a_local_write", counts.redis_copies_useful),
            ("client_packets_received", delivered),
        ];
        for (column, simulated) in columns {
            if let Some(recorded) = row.number(column).filter(|_| !row.unseen(column)) {
                compare(column, simulated, recorded);
            }
        }
        // python-socketio counts answers among its own; what a pod asks of itself is useful here
        let own = "of_which_own_copy_or_request";
        let asks_itself = matches!(operation, Operation::DisconnectSockets { .. });
        let is_plain = row.law().adapter.subscribes_at_start() && !asks_itself;
        if let Some(recorded) = row.number(own).filter(|_| !row.unseen(own) && is_plain) {
            compare(own, counts.redis_copies_own, recorded);
        }
    }
    assert!(wrong.is_empty(), "{} differences in {compared} rows:\n{}", wrong.len(), wrong.join("\n"));
}
