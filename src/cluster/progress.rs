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
    /// How long a copy takes from the emission to each of these recipients, when all leave and arrive; and whether it gets
    /// one at all.
    #[inline]
    pub fn latencies(&mut self, paths: &[Path]) -> impl Iterator<Item = (Span, bool)> {
        let (turns, broadcast) = (self.turns.as_mut_slice(), self.broadcast);
        paths.iter().map(move |path| {
            let turn = &mut turns[path.pod.index()];
            let left_ns = turn.left.as_nanos().wrapping_add(turn.send.as_nanos());
            turn.left = Span::from_nanos(left_ns);
            (Span::from_nanos(left_ns.wrapping_add(u64::from(path.one_way_ns))), turn.broadcast == broadcast)
        })
    }
    /// The same for those that get one, when few do: nobody is looked for any more when all have got theirs.
    #[inline]
    pub fn few_latencies(&mut self, paths: &[Path], copies: usize) -> impl Iterator<Item = Span> {
        let served = paths.iter().filter_map(move |path| Some(self.next(path.pod)?.0 + path.one_way()));
        served.take(copies)
    }
}
