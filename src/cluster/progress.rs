//! How far each pod is with its part of the broadcast that is being recorded, and so when each copy arrives.

use super::PodId;
use super::deliveries::{FanOut, Part};
use super::rooms::Path;
use crate::engine::{SimTime, Span};

/// All pods.
#[derive(Default)]
pub struct Progress {
    turns: Vec<Turn>,
    /// Number of the broadcast at hand; whatever belongs to another one is void.
    broadcast: u64,
    /// Scratch.
    latencies: Vec<Span>,
}

/// One pod.
#[derive(Clone, Copy)]
struct Turn {
    /// Which broadcast it has a part in.
    broadcast: u64,
    /// From the emission to when the last copy left.
    left: Span,
    /// CPU per copy.
    send: Span,
    /// When the process ended, if it did and somebody asks.
    death: SimTime,
}

/// One in so many members: so few copies are looked for one by one.
const RARE: usize = 4;

impl Progress {
    /// Before the first copy of a broadcast of which pods do these parts.
    pub fn begin(&mut self, fan_out: &FanOut, parts: &[Part], pods: usize) {
        if self.turns.len() < pods {
            self.turns.resize(pods, Turn { broadcast: 0, left: Span::ZERO, send: Span::ZERO, death: SimTime::NEVER });
        }
        self.broadcast += 1;
        for part in parts.iter().filter(|part| !part.is_void()) {
            self.turns[part.pod.index()] = Turn {
                broadcast: self.broadcast,
                left: part.start.since(fan_out.emitted),
                send: part.send,
                death: SimTime::NEVER,
            };
        }
    }
    /// The process that does a part ended then.
    pub fn set_death(&mut self, pod: PodId, death: SimTime) {
        self.turns[pod.index()].death = death;
    }
    /// How long after the emission the next copy of a pod leaves, and when its process ends; `None` if it has no part.
    #[inline]
    pub fn next(&mut self, pod: PodId) -> Option<(Span, SimTime)> {
        let turn = &mut self.turns[pod.index()];
        if turn.broadcast != self.broadcast {
            return None;
        }
        turn.left += turn.send;
        Some((turn.left, turn.death))
    }
    /// How long each of so many copies takes from the emission to one of these recipients, when all leave and arrive.
    #[inline]
    pub fn latencies(&mut self, paths: &[Path], copies: usize) -> &[Span] {
        if self.latencies.len() < paths.len() {
            self.latencies.resize(paths.len(), Span::ZERO);
        }
        let mut count = 0;
        if copies < paths.len() / RARE {
            let mut rest = paths.iter();
            while count < copies
                && let Some(path) = rest.next()
            {
                if let Some((left, _)) = self.next(path.pod) {
                    self.latencies[count] = left + path.one_way();
                    count += 1;
                }
            }
        } else {
            // who is not served cannot be foretold, so that is not asked at each: their numbers are written over
            let (turns, latencies, broadcast) = (&mut *self.turns, &mut *self.latencies, self.broadcast);
            for path in paths {
                let turn = &mut turns[path.pod.index()];
                turn.left = Span::from_nanos(turn.left.as_nanos().wrapping_add(turn.send.as_nanos()));
                latencies[count] = Span::from_nanos(turn.left.as_nanos().wrapping_add(u64::from(path.one_way_ns)));
                count += usize::from(turn.broadcast == broadcast);
            }
        }
        &self.latencies[..count]
    }
}
