//! How many events a run will have, before it is tried.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::build::takes_part;
use super::super::file::{EmitTo, ScenarioFile, Traffic, ViaText};
use super::super::words::Recipients;
use super::Checks;
use super::clients::clients_at_a_time;
use crate::cluster::spec::Trace;

/// Events of the simulation for one thing a client does, about.
const EVENTS_PER_ACTION: f64 = 3.0;

/// Refuses a run that would exceed `max_events`, naming the line that contributes most.
pub(super) fn check(checks: &mut Checks, file: &ScenarioFile, traces: &BTreeMap<String, Arc<Trace>>) {
    let duration = file.duration.unwrap_or_default().as_nanos() as f64;
    let pods = f64::from(file.pods.as_ref().and_then(|pods| pods.replicas).unwrap_or(1));
    let mut parts: Vec<(f64, String)> = Vec::new();
    for (at, audience) in file.clients.iter().enumerate() {
        let path = format!("clients.{at}");
        if let Some(trace) = &audience.trace {
            let rows = traces.get(&trace.file).map_or(0, |trace| trace.requests.len());
            parts.push((rows as f64 * EVENTS_PER_ACTION, format!("{path}.trace")));
        }
        if let Some(arrivals) = &audience.arrivals {
            let arrived = arrivals.rate.per_second() * duration / 1e9;
            parts.push((arrived * EVENTS_PER_ACTION, format!("{path}.arrivals.rate")));
        }
    }
    for (at, traffic) in file.traffic.iter().flatten().enumerate() {
        let (kind, every, clients, per_action) = match traffic {
            Traffic::Api(api) => {
                let queries = f64::from(api.database.unwrap_or(0));
                ("api", &api.every, &api.clients, EVENTS_PER_ACTION + queries)
            }
            Traffic::Emit(emit) => {
                let copies = if emit.to == EmitTo::Own { 0.0 } else { pods };
                ("emit", &emit.every, &emit.clients, EVENTS_PER_ACTION + copies)
            }
            Traffic::Notify(notify) => ("notify", &notify.every, &notify.clients, EVENTS_PER_ACTION),
        };
        let over_socket = matches!(traffic, Traffic::Emit(emit) if emit.via != Some(ViaText::Api));
        let takes = takes_part(clients.as_ref().unwrap_or(&Recipients::All), file, over_socket);
        let people: f64 =
            file.clients.iter().zip(takes).filter(|(_, takes)| *takes).map(|(a, _)| clients_at_a_time(a)).sum();
        parts.push((people * duration / every.law().mean() * per_action, format!("traffic.{at}.{kind}.every")));
    }
    for (at, traffic) in file.server_traffic.iter().flatten().enumerate() {
        let ticks = duration / traffic.every().as_nanos() as f64;
        parts.push((ticks * (1.0 + pods), format!("server_traffic.{at}.{}.every", traffic.kind())));
    }
    let total: f64 = parts.iter().map(|(events, _)| events).sum();
    let max = file.max_events.map_or(f64::INFINITY, |max| max.value() as f64);
    let Some((most, path)) = parts.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)) else { return };
    if total > max {
        let share = most / total * 100.0;
        let message = format!(
            "a run would have about {total:.1e} events, more than `max_events` ({max:.1e}); {share:.0} % come from here"
        );
        checks.fail(
            "too-many-events",
            &path,
            message,
            "do it less often, with fewer clients or for a shorter time; or raise `max_events`",
        );
    }
}
