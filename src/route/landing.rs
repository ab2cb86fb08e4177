//! What became of everybody who came.

use super::{End, NOWHERE, Servers};
use crate::cluster::balancer::{Health, Peer};

/// How many clients each server got.
#[derive(Clone, Debug)]
pub struct Landing {
    /// Clients by position.
    pub counts: Vec<u64>,
    /// Nobody answered them.
    pub unserved: u64,
    /// Of these: they wait for a free connection …
    pub waiting: u64,
    /// … or gave up, being redirected again and again.
    pub redirected: u64,
    /// Since the pass before; `None` for the first.
    pub moves: Option<Moves>,
    /// What each server should get: its weight among those that are up.
    fair: Vec<f64>,
    /// The pod of each position.
    pods: Vec<u32>,
}

/// Who is elsewhere than before.
#[derive(Clone, Debug)]
pub struct Moves {
    /// Clients that somebody answered before.
    pub were_served: u64,
    /// Of these: another server answers, or none.
    pub moved: u64,
    /// (pod before, pod now, how many), the most first; `None` = nobody answers, or answered.
    pub pairs: Vec<(Option<u32>, Option<u32>, u64)>,
}

impl Landing {
    /// Nobody has come yet.
    pub(super) fn new(servers: &Servers) -> Landing {
        let peers = || servers.list().iter().map(|server| &server.peer);
        let weight = |peer: &Peer| if peer.health == Health::Up { f64::from(peer.weight) } else { 0.0 };
        let total: f64 = peers().map(weight).sum();
        Landing {
            counts: vec![0; servers.list().len()],
            unserved: 0,
            waiting: 0,
            redirected: 0,
            moves: None,
            fair: peers().map(|peer| if total > 0.0 { weight(peer) / total } else { 0.0 }).collect(),
            pods: peers().map(|peer| peer.pod.raw()).collect(),
        }
    }

    /// One more.
    pub(super) fn add(&mut self, end: End) {
        match end.position() {
            Some(position) => self.counts[position] += 1,
            None => self.unserved += 1,
        }
        self.waiting += u64::from(end == End::Waits);
        self.redirected += u64::from(end == End::TooManyRedirects);
    }

    /// All have come; where each was before and is now.
    pub(super) fn finish(&mut self, before: &[u32], now: &[u32]) {
        if before.is_empty() {
            return;
        }
        let both = || before.iter().zip(now).map(|(&before, &now)| (before, now));
        let mut changed: Vec<(u32, u32)> = both().filter(|(before, now)| before != now).collect();
        changed.sort_unstable();
        let pod = |number: u32| (number != NOWHERE).then_some(number);
        let mut pairs: Vec<_> =
            changed.chunk_by(|a, b| a == b).map(|same| (pod(same[0].0), pod(same[0].1), same.len() as u64)).collect();
        pairs.sort_by_key(|&(_, _, clients)| std::cmp::Reverse(clients));
        self.moves = Some(Moves {
            were_served: both().filter(|&(before, _)| before != NOWHERE).count() as u64,
            moved: changed.iter().filter(|&&(before, _)| before != NOWHERE).count() as u64,
            pairs,
        });
    }

    /// Clients that somebody answered.
    pub fn served(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share of clients that a position should get, by weight.
    pub fn fair(&self, position: usize) -> f64 {
        self.fair[position]
    }

    /// What a position got against what it should get; `None` where it should get nothing.
    pub fn ratio(&self, position: usize) -> Option<f64> {
        let due = self.served() as f64 * self.fair[position];
        (due > 0.0).then(|| self.counts[position] as f64 / due)
    }

    fn ratios(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.counts.len()).filter_map(|position| self.ratio(position))
    }

    /// The fullest server against what it should get.
    pub fn max_over_mean(&self) -> f64 {
        self.ratios().fold(0.0, f64::max)
    }

    /// How uneven servers are: the coefficient of variation of what they got against what they should get.
    pub fn cv(&self) -> f64 {
        let (mut n, mut squares) = (0.0, 0.0);
        for ratio in self.ratios() {
            n += 1.0;
            squares += (ratio - 1.0) * (ratio - 1.0);
        }
        if n > 0.0 { (squares / n).sqrt() } else { 0.0 }
    }

    /// The same as expected (root of the mean square) of keys of which each goes to a server drawn by weight on its own, where
    /// `concentration` is that of the keys: (n − 1) · HHI for n equal servers.
    pub fn expected_cv(&self, concentration: f64) -> f64 {
        let fair: Vec<f64> = self.fair.iter().copied().filter(|&fair| fair > 0.0).collect();
        if fair.is_empty() {
            return 0.0;
        }
        let spread: f64 = fair.iter().map(|fair| (1.0 - fair) / fair).sum();
        (concentration * spread / fair.len() as f64).sqrt()
    }

    /// The share of clients that must move from `earlier` to here for both to be fair.
    pub fn least_moved(&self, earlier: &Landing) -> f64 {
        let now = |pod: u32| self.pods.iter().position(|&other| other == pod).map_or(0.0, |at| self.fair[at]);
        earlier.pods.iter().zip(&earlier.fair).map(|(&pod, &fair)| (fair - now(pod)).max(0.0)).sum()
    }

    /// The position of a pod.
    pub fn position(&self, pod: u32) -> Option<usize> {
        self.pods.iter().position(|&other| other == pod)
    }
}
