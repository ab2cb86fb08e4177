//! How fast the node controller gives the nodes of a zone up (`pkg/controller/nodelifecycle`).

use std::collections::VecDeque;

use crate::engine::{SimTime, Span};

/// Between two nodes of a zone (`--node-eviction-rate`: 0.1 per second) …
const DISTANCE: Span = Span::from_secs(10);
/// … and when most of the zone is lost (`--secondary-node-eviction-rate`: 0.01 per second), which goes for …
const SECONDARY_DISTANCE: Span = Span::from_secs(100);
/// … zones with more nodes than this (`--large-cluster-size-threshold`); nobody is evicted in smaller ones.
const LARGE: usize = 50;
/// Most of a zone is lost when this share is, and more than two nodes (`--unhealthy-zone-threshold`).
const MOST: f64 = 0.55;
const MORE_THAN: usize = 2;

/// How a zone is (`ComputeZoneState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZoneState {
    /// Most of its nodes are there.
    #[default]
    Normal,
    /// Most are not.
    Partial,
    /// None is.
    Full,
}

impl ZoneState {
    /// That of a zone with so many nodes.
    pub fn of(ready: usize, lost: usize) -> ZoneState {
        match (ready, lost) {
            (0, 1..) => ZoneState::Full,
            (ready, lost) if lost > MORE_THAN && lost as f64 / (lost + ready) as f64 >= MOST => ZoneState::Partial,
            _ => ZoneState::Normal,
        }
    }
    /// Distance of the nodes that are given up, `None` = none is.
    fn distance(self, size: usize) -> Option<Span> {
        match self {
            ZoneState::Normal | ZoneState::Full => Some(DISTANCE),
            ZoneState::Partial => (size > LARGE).then_some(SECONDARY_DISTANCE),
        }
    }
}

/// The queue of nodes of a zone that are to be given up, and its limit: a bucket of one token.
#[derive(Clone, Debug)]
pub struct Zone {
    state: ZoneState,
    distance: Option<Span>,
    /// When there is a token.
    free_at: SimTime,
    queue: VecDeque<u32>,
    /// When it will be looked at.
    wakes: SimTime,
}

impl Default for Zone {
    fn default() -> Zone {
        let state = ZoneState::default();
        Zone {
            state,
            distance: state.distance(1),
            free_at: SimTime::ZERO,
            queue: VecDeque::new(),
            wakes: SimTime::ZERO,
        }
    }
}

impl Zone {
    /// It is like this now, with so many nodes.
    pub fn becomes(&mut self, state: ZoneState, size: usize, now: SimTime) {
        if std::mem::replace(&mut self.state, state) != state {
            self.limit(state.distance(size), now);
        }
    }
    /// The limit that belongs to its state is in force again.
    pub fn resume(&mut self, size: usize, now: SimTime) {
        self.limit(self.state.distance(size), now);
    }
    /// Nobody is given up any more.
    pub fn halt(&mut self) {
        self.queue.clear();
        self.distance = None;
    }
    /// A new limit begins without a token if the old one had none (`SwapLimiter`).
    fn limit(&mut self, distance: Option<Span>, now: SimTime) {
        if self.distance == distance {
            return;
        }
        let had_one = self.distance.is_some() && self.free_at <= now;
        self.distance = distance;
        self.free_at = if had_one { now } else { now + distance.unwrap_or_default() };
    }
    /// A node is to be given up.
    pub fn push(&mut self, node: u32) {
        if !self.queue.contains(&node) {
            self.queue.push_back(node);
        }
    }
    /// A node is back.
    pub fn withdraw(&mut self, node: u32) {
        self.queue.retain(|&other| other != node);
    }
    /// When the next one is given up, if any.
    fn due(&self, now: SimTime) -> Option<SimTime> {
        (self.distance.is_some() && !self.queue.is_empty()).then(|| self.free_at.max(now))
    }
    /// When it must be looked at, unless it will be.
    pub fn wake(&mut self, now: SimTime) -> Option<SimTime> {
        let due = self.due(now).filter(|&due| self.wakes < now || self.wakes > due)?;
        self.wakes = due;
        Some(due)
    }
    /// The node that is given up now, if one may be.
    pub fn take(&mut self, now: SimTime) -> Option<u32> {
        self.wakes = SimTime::ZERO;
        let distance = self.distance.filter(|_| self.free_at <= now)?;
        let node = self.queue.pop_front()?;
        self.free_at = now + distance;
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn zones_are_judged_as_the_controller_judges_them() {
        for (ready, lost, expected) in [
            (3, 0, ZoneState::Normal),
            (0, 1, ZoneState::Full),
            (0, 0, ZoneState::Normal),
            (1, 2, ZoneState::Normal),
            (1, 3, ZoneState::Partial),
            (4, 5, ZoneState::Partial),
            (5, 5, ZoneState::Normal),
            (9, 11, ZoneState::Partial),
        ] {
            assert_eq!(ZoneState::of(ready, lost), expected, "{ready} ready, {lost} lost");
        }
    }

    #[test]
    fn one_node_goes_every_ten_seconds() {
        let mut zone = Zone::default();
        for node in [4, 5, 6] {
            zone.push(node);
        }
        zone.push(5);
        assert_eq!((zone.take(at(100)), zone.take(at(100)), zone.due(at(100))), (Some(4), None, Some(at(110))));
        zone.withdraw(5);
        assert_eq!((zone.take(at(110)), zone.due(at(110))), (Some(6), None));
    }

    #[test]
    fn a_zone_that_is_mostly_lost_waits_unless_it_is_large() {
        let mut small = Zone::default();
        small.becomes(ZoneState::Partial, 10, at(100));
        small.push(1);
        assert_eq!((small.due(at(100)), small.take(at(1_000))), (None, None));
        let mut large = Zone::default();
        large.becomes(ZoneState::Partial, 51, at(100));
        for node in [1, 2] {
            large.push(node);
        }
        assert_eq!((large.take(at(100)), large.due(at(100))), (Some(1), Some(at(200))));
        large.becomes(ZoneState::Normal, 51, at(150));
        assert_eq!(large.due(at(150)), Some(at(160)), "who waits goes on waiting");
    }
}
