//! What is counted while a log is read.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::access_log::{AccessLog, ImportError, Options, shown};
use super::line::{BrokenReason, Line};
use super::profile::{BrokenLines, LineCounts, Profile};
use super::time::LogTime;
use crate::cluster::spec::{Trace, TraceRequest};
use crate::engine::Span;

/// Everything that is known of a log so far. Ordered maps rather than hash maps: whoever writes to a log chooses the keys,
/// and no choice of keys may make the import slow.
#[derive(Debug)]
pub(super) struct Tally {
    options: Options,
    counts: LineCounts,
    broken: [BrokenLines; BrokenReason::ALL.len()],
    first_broken: Option<(u64, String)>,
    /// Requests per minute of Unix time: fine enough for every profile, and small for years of log.
    pub(super) minutes: BTreeMap<i64, u64>,
    pub(super) first: Option<LogTime>,
    pub(super) last: Option<LogTime>,
    address_ids: BTreeMap<IpAddr, u32>,
    agent_ids: BTreeMap<Box<[u8]>, u32>,
    client_ids: BTreeMap<(u32, u32), u32>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) clients: Vec<Client>,
    kept: Vec<Kept>,
}

/// A distinct pair of address and agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// Index into the addresses.
    pub address: u32,
    /// Requests so far.
    pub requests: u64,
}

/// A request that will be replayed.
#[derive(Clone, Copy, Debug)]
struct Kept {
    time: LogTime,
    client: u32,
}

/// How many line numbers are remembered for each reason.
const FIRST_LINES: usize = 3;

impl Tally {
    pub(super) fn new(options: &Options) -> Tally {
        Tally {
            options: options.clone(),
            counts: LineCounts::default(),
            broken: BrokenReason::ALL.map(|reason| BrokenLines { reason, lines: 0, first_lines: Vec::new() }),
            first_broken: None,
            minutes: BTreeMap::new(),
            first: None,
            last: None,
            address_ids: BTreeMap::new(),
            agent_ids: BTreeMap::new(),
            client_ids: BTreeMap::new(),
            addresses: Vec::new(),
            clients: Vec::new(),
            kept: Vec::new(),
        }
    }
    /// Lines so far.
    pub(super) fn lines(&self) -> u64 {
        self.counts.total
    }
    /// Counts a blank line.
    pub(super) fn blank(&mut self) {
        self.counts.total += 1;
        self.counts.blank += 1;
    }
    /// Counts a line that is no request.
    pub(super) fn broken(&mut self, reason: BrokenReason, line: &[u8]) {
        self.counts.total += 1;
        self.counts.broken += 1;
        let number = self.counts.total;
        let of_reason = &mut self.broken[reason as usize];
        of_reason.lines += 1;
        if of_reason.first_lines.len() < FIRST_LINES {
            of_reason.first_lines.push(number);
        }
        self.first_broken.get_or_insert_with(|| (number, shown(line)));
    }
    /// Counts a request.
    pub(super) fn request(&mut self, line: &Line) -> Result<(), ImportError> {
        self.counts.total += 1;
        self.counts.requests += 1;
        self.counts.cut_short += u64::from(line.cut_short);
        let too_many = || ImportError::TooManyClients { line: self.counts.total };
        let next = u32::try_from(self.addresses.len()).map_err(|_| too_many())?;
        let address = *self.address_ids.entry(line.address).or_insert(next);
        if address == next {
            self.addresses.push(line.address);
        }
        let agent = match self.agent_ids.get(line.agent) {
            Some(&agent) => agent,
            None => {
                let agent = u32::try_from(self.agent_ids.len()).map_err(|_| too_many())?;
                self.agent_ids.insert(line.agent.into(), agent);
                agent
            }
        };
        let next = u32::try_from(self.clients.len()).ok().filter(|&n| n < u32::MAX).ok_or_else(too_many)?;
        let client = *self.client_ids.entry((address, agent)).or_insert(next);
        if client == next {
            self.clients.push(Client { address, requests: 0 });
        }
        self.clients[client as usize].requests += 1;
        *self.minutes.entry(line.time.unix_secs().div_euclid(60)).or_default() += 1;
        self.first = Some(self.first.map_or(line.time, |first| first.min(line.time)));
        self.last = Some(self.last.map_or(line.time, |last| last.max(line.time)));
        if self.options.replay {
            let limit = self.options.max_replay_requests;
            if self.kept.len() as u64 >= limit {
                return Err(ImportError::TooManyRequests { line: self.counts.total, limit });
            }
            self.kept.push(Kept { time: line.time, client });
        }
        Ok(())
    }

    /// Ends the count: the profile and, if asked for, the trace.
    pub(super) fn finish(mut self) -> Result<AccessLog, ImportError> {
        let lines = self.counts.requests + self.counts.broken;
        if lines == 0 {
            return Err(ImportError::Empty);
        }
        if self.counts.requests == 0 || self.counts.requests * 10 < lines {
            return Err(self.refusal(lines));
        }
        let trace = self.options.replay.then(|| self.trace());
        let broken = self.broken.iter().filter(|of_reason| of_reason.lines > 0).cloned().collect();
        let profile = Profile::of(&self, self.counts, broken).ok_or(ImportError::Empty)?;
        Ok(AccessLog { profile, trace })
    }
    fn refusal(&self, lines: u64) -> ImportError {
        // Of equally frequent reasons the first: `max_by_key` would give the last.
        let frequent = self.broken.iter().rev().max_by_key(|of_reason| of_reason.lines).expect("there are reasons");
        let (first_number, first_line) = self.first_broken.clone().unwrap_or_default();
        ImportError::NotAnAccessLog {
            requests: self.counts.requests,
            lines,
            frequent: frequent.reason,
            frequent_lines: frequent.lines,
            first_number,
            first_line,
        }
    }

    /// The requests in order of time; those of one second keep their order in the log.
    ///
    /// The log knows whole seconds only. The n requests of a second are spread over it evenly: played at one instant
    /// they would queue behind each other for no reason but the resolution of the log.
    fn trace(&mut self) -> Trace {
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_by_key(|request| request.time);
        let start = kept.first().map_or(LogTime::from_unix_secs(0), |request| request.time);
        // Numbered by first appearance in the trace, as whoever reads the written trace will number them.
        let mut numbers = vec![u32::MAX; self.clients.len()];
        let mut clients = 0;
        let mut requests = Vec::with_capacity(kept.len());
        for second in kept.chunk_by(|a, b| a.time == b.time) {
            let base = Span::from_secs(second[0].time.secs_since(start));
            let n = second.len() as u64;
            for (k, request) in second.iter().enumerate() {
                let number = &mut numbers[request.client as usize];
                if *number == u32::MAX {
                    *number = clients;
                    clients += 1;
                }
                // Whole microseconds keep the order of a million requests a second, and the file short.
                let at = base + Span::from_micros(k as u64 * 1_000_000 / n);
                let address = self.addresses[self.clients[request.client as usize].address as usize];
                requests.push(TraceRequest { at, client: *number, address });
            }
        }
        Trace { requests, clients }
    }
}
