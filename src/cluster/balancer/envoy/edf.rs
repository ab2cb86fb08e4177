//! Envoy's weighted turns: who is due earliest is picked, and is due again 1 / weight later (`edf_scheduler.h`).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// When a host has its next turn.
#[derive(Clone, Copy, Debug)]
struct Due {
    deadline: f64,
    /// Of two that are due at the same time, who came first.
    order: u64,
    host: u32,
}

impl Ord for Due {
    /// The greatest is the one that is due earliest.
    fn cmp(&self, other: &Due) -> Ordering {
        other.deadline.total_cmp(&self.deadline).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

/// Hosts in the order of their turns.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    queue: BinaryHeap<Due>,
    order: u64,
}

/// Envoy adds this to weights before it foretells turns, so that multiples of each other do not meet.
const EPSILON: f64 = 1e-13;
/// No more turns than this are foretold.
const MOST_PICKS: u32 = u32::MAX / 10;

impl Schedule {
    /// The schedule of these hosts, 0, 1, 2, …, after `picks` turns: Envoy begins at a random place of the round.
    pub fn after(weights: &[f64], picks: u32) -> Schedule {
        let picks = picks % MOST_PICKS;
        let sum: f64 = weights.iter().map(|weight| weight + EPSILON).sum();
        let mut schedule = Schedule { queue: BinaryHeap::with_capacity(weights.len()), order: weights.len() as u64 };
        let mut picked = 0;
        for (host, weight) in weights.iter().map(|weight| weight + EPSILON).enumerate() {
            let mut turns = (weight * f64::from(picks) / sum) as u32;
            if turns > 0 && f64::from(turns) / weight >= f64::from(picks) / sum {
                turns -= 1;
            }
            picked += turns;
            let deadline = f64::from(turns + 1) / weight;
            schedule.queue.push(Due { deadline, order: host as u64, host: host as u32 });
        }
        while picked < picks && !weights.is_empty() {
            schedule.pick(|host| weights[host]);
            picked += 1;
        }
        schedule
    }
    /// Whose turn it is; `weight` says what it weighs from now on.
    #[inline]
    pub fn pick(&mut self, weight: impl FnOnce(usize) -> f64) -> Option<usize> {
        let mut first = self.queue.peek_mut()?;
        let host = first.host as usize;
        let deadline = first.deadline + 1.0 / weight(host);
        *first = Due { deadline, order: self.order, host: first.host };
        drop(first);
        self.order += 1;
        Some(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(weights: &[f64], picks: u32, count: usize) -> Vec<usize> {
        let mut schedule = Schedule::after(weights, picks);
        (0..count).map(|_| schedule.pick(|host| weights[host]).expect("there are hosts")).collect()
    }

    #[test]
    fn a_schedule_begins_where_its_round_stands_after_so_many_turns() {
        for weights in [vec![5.0, 1.0, 1.0], vec![3.0, 2.0, 2.0, 1.0], vec![25.0, 75.0]] {
            let all = turns(&weights, 0, 600);
            for picks in 0..100 {
                let counts = |turns: &[usize]| {
                    (0..weights.len())
                        .map(|host| turns.iter().filter(|&&turn| turn == host).count())
                        .collect::<Vec<_>>()
                };
                // ties may be broken otherwise than in one run: nobody has more than one turn more or less in a round
                let round = weights.iter().sum::<f64>() as usize;
                let pairs = counts(&turns(&weights, picks, round)).into_iter().zip(counts(&all[..round]));
                for (ours, theirs) in pairs {
                    assert!(ours.abs_diff(theirs) <= 1, "{weights:?} after {picks}: {ours} and {theirs} turns");
                }
            }
        }
    }

    #[test]
    fn no_host_has_no_turn() {
        assert_eq!(Schedule::after(&[], 12).pick(|_| 1.0), None);
    }
}
