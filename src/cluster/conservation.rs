//! The books must balance at the end of every run: nothing is lost without a reason, nothing is counted twice.

use std::fmt;

use super::Cluster;
use super::clients::Link;
use super::rooms::Share;
use crate::engine::SimTime;
use crate::metrics::LossReason;

/// Books that do not balance: a bug of the model. Displays every balance with its two sides, and all counters.
#[derive(Debug)]
pub struct Violation {
    /// (what, one side, other side) of each balance that fails.
    broken: Vec<(&'static str, u64, u64)>,
    /// Every counter, for the bug report.
    dump: String,
}

impl std::error::Error for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the simulation lost count of something; this is a bug in stickysim, not in your scenario:")?;
        for (what, left, right) in &self.broken {
            writeln!(f, "  {what}: {left} is not {right}")?;
        }
        write!(f, "{}", self.dump)
    }
}

impl Cluster<'_> {
    /// Checks every balance over the whole run, warm-up included.
    ///
    /// # Errors
    /// With all that fail.
    pub fn check_conservation(&self, horizon: SimTime) -> Result<(), Violation> {
        let c = &self.meter.counts;
        let open = self.clients.iter().filter(|client| client.link == Link::Open).count() as u64;
        let on_pods: u64 = self.running.iter().map(|&pod| u64::from(self.pods[pod].connections())).sum();
        let ghosts: u64 = self.running.iter().map(|&pod| u64::from(self.pods[pod].ghosts)).sum();
        let in_rooms: u64 = self.rooms.iter().map(|room| u64::from(room.online())).sum();
        let connected = || self.clients.ids().filter(|&client| self.clients[client].link == Link::Open);
        let places: u64 = connected().map(|client| self.rooms.of(client).len() as u64).sum();
        let everyone = self.rooms.everyone();
        let shares = |get: fn(&Share) -> u32| -> u64 {
            self.rooms.iter().chain([everyone]).flat_map(|room| room.shares()).map(|share| u64::from(get(share))).sum()
        };
        let present = self.clients.iter().filter(|client| client.is_present());
        let websockets =
            present.filter(|client| self.spec.audiences[usize::from(client.audience)].transports.connect());
        let queries_over = c.queries_done + c.queries_timed_out + c.queries_refused + c.queries_lost;
        let balances = [
            ("queries = done + timed out + refused + lost + in flight", c.queries, queries_over + c.queries_in_flight),
            ("API requests = answered + failed + in flight", c.requests, c.requests_ended() + c.requests_in_flight),
            (
                "connect attempts = connected + failed + in flight",
                c.connect_attempts,
                c.connects_ended() + c.connects_in_flight,
            ),
            ("connections opened = closed + open", c.connects, c.closed.total() + open),
            ("connections on pods = clients connected + ghosts", on_pods, open + ghosts),
            ("clients connected = members of everyone's room", open, u64::from(everyone.online())),
            (
                "clients with WebSockets = those counted as present",
                websockets.count() as u64,
                u64::from(everyone.present),
            ),
            ("members of rooms online = places of connected clients", in_rooms, places),
            ("members of rooms online = what pods have of them", in_rooms + open, shares(Share::clients)),
            (
                "looks for sessions = found + new + lost",
                c.session_lookups,
                c.session_found + c.session_new + c.session_lost.total(),
            ),
            (
                "asked to be recovered = recovered + not + in flight",
                c.recoveries_asked,
                c.recoveries_answered() + self.recoveries_in_flight(),
            ),
            (
                "events to be acknowledged = acknowledged + timed out + abandoned + in flight",
                c.acks_wanted,
                c.acks_ended() + c.acks_in_flight,
            ),
            (
                "events delivered later <= lost before",
                c.recovered,
                c.recovered.min(c.lost.of(LossReason::RecipientOffline)),
            ),
            (
                "recipients + unmeant = delivered + lost + in flight",
                c.recipients + c.deliveries_unmeant,
                c.messages_ended() + c.deliveries_in_flight,
            ),
            (
                "Redis copies = useful + requests + own + dropped + undelivered",
                c.redis_copies,
                c.redis_copies_arrived() + c.redis_copies_undelivered,
            ),
        ];
        let broken: Vec<_> = balances.into_iter().filter(|(_, left, right)| left != right).collect();
        if broken.is_empty() {
            return Ok(());
        }
        let dump = format!("seed {:?}, end {horizon}, counters {c:#?}", self.seed);
        Err(Violation { broken, dump })
    }
}
