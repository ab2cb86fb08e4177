//! Which endpoint a source persists on under IPVS: a connection template per source.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::cluster::PodId;
use crate::cluster::balancer::Forgotten;
use crate::engine::{SimTime, Span};

/// A template that is still needed when its timer ends gets so much more (`ip_vs_conn_expire`).
const REARMED: Span = Span::from_secs(60);
/// An ended connection keeps its entry so long (`tcp_timeouts`, `IP_VS_TCP_S_TIME_WAIT`).
const TIME_WAIT: Span = Span::from_secs(120);

/// The templates of one node.
#[derive(Clone, Debug)]
pub struct Templates {
    timeout: Span,
    /// By source. Expired ones stay until their source comes again.
    table: FxHashMap<IpAddr, Template>,
    /// By number of a pod: how often it left the endpoints. Templates from before that are ignored.
    departures: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Template {
    pod: PodId,
    departures: u32,
    /// When its timer ends.
    until: SimTime,
    /// Connections that hang on it and are open.
    open: u32,
    /// The last of those that are over is forgotten then.
    waits_until: SimTime,
}

impl Template {
    /// Lets the timer run until `now`; false when it has expired. Nothing has happened to the connections since the last call.
    fn run(&mut self, now: SimTime) -> bool {
        while self.until <= now {
            if self.open > 0 {
                let periods = now.since(self.until).as_nanos() / REARMED.as_nanos() + 1;
                self.until += REARMED * periods;
            } else if self.until < self.waits_until {
                self.until += REARMED;
            } else {
                return false;
            }
        }
        true
    }
}

impl Templates {
    /// None yet.
    pub fn new(timeout: Span) -> Templates {
        Templates { timeout, table: FxHashMap::default(), departures: Vec::new() }
    }
    /// This endpoint is no longer there, or has weight zero: its templates are not used again
    /// (`expire_quiescent_template`). Assumption: not even if it returns.
    pub fn endpoint_left(&mut self, pod: PodId) {
        let number = pod.index();
        self.departures.resize(self.departures.len().max(number + 1), 0);
        self.departures[number] += 1;
    }
    fn departures(&self, pod: PodId) -> u32 {
        self.departures.get(pod.index()).copied().unwrap_or(0)
    }

    /// The pod that this source persists on; else whether that was forgotten.
    pub fn find(&mut self, source: IpAddr, now: SimTime) -> Result<PodId, Option<Forgotten>> {
        let Some(template) = self.table.get_mut(&source) else { return Err(Some(Forgotten::Expired)) };
        let live = template.run(now);
        let Template { pod, departures, .. } = *template;
        match live {
            _ if departures != self.departures(pod) => Err(None),
            true => Ok(pod),
            false => Err(Some(Forgotten::Expired)),
        }
    }
    /// A new connection of this source to a pod begins: its timer starts anew.
    pub fn connect(&mut self, source: IpAddr, pod: PodId, now: SimTime) {
        let departures = self.departures(pod);
        let fresh = Template { pod, departures, until: now, open: 0, waits_until: SimTime::ZERO };
        let template = self.table.entry(source).or_insert(fresh);
        if template.pod != pod || template.departures != departures || !template.run(now) {
            *template = fresh;
        }
        template.until = now + self.timeout;
        template.open += 1;
    }
    /// A connection was refused at once. Its entry is gone ten seconds later, which is not modelled.
    pub fn refused(&mut self, source: IpAddr, pod: PodId) {
        if let Some(template) = self.table.get_mut(&source).filter(|template| template.pod == pod) {
            template.open = template.open.saturating_sub(1);
        }
    }
    /// A connection of this source to a pod is over.
    pub fn released(&mut self, source: IpAddr, pod: PodId, now: SimTime) {
        let departures = self.departures(pod);
        let is_it = |template: &&mut Template| template.pod == pod && template.departures == departures;
        let Some(template) = self.table.get_mut(&source).filter(is_it) else { return };
        template.run(now);
        template.open = template.open.saturating_sub(1);
        template.waits_until = template.waits_until.max(now + TIME_WAIT);
    }
}
