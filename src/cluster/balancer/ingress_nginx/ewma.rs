//! `load-balance: ewma` (`lua/balancer/ewma.lua`): of two random endpoints the one with the lower moving average of response
//! times. The average falls while nobody asks, and the time of a tunnel is as long as the tunnel.

use crate::cluster::PodId;
use crate::cluster::balancer::{Peer, Peers};
use crate::engine::{LazyStream, SimTime};

/// So many seconds bring an average down to 1/e (`DECAY_TIME`).
const DECAY_S: f64 = 10.0;

/// Endpoints with averages: what the workers of a replica share.
#[derive(Clone, Debug, Default)]
pub struct Ewma {
    /// By pod number, also of some that are no longer endpoints: a request that ends late still counts.
    averages: Vec<Option<Average>>,
    /// The last decision was the last try of its request.
    last_try: bool,
}

/// The average of an endpoint.
#[derive(Clone, Copy, Debug)]
struct Average {
    seconds: f64,
    /// When it was written, in the milliseconds of nginx's clock; `None`: at the next decision or end, since the moment when
    /// endpoints are taken up is not told here (assumption: soon enough).
    touched_ms: Option<u64>,
}

const fn millis(now: SimTime) -> u64 {
    now.as_nanos() / 1_000_000
}

impl Average {
    /// What it is now after another response time.
    fn with(self, seconds: f64, now_ms: u64) -> f64 {
        let idle_ms = self.touched_ms.map_or(0, |touched| now_ms.saturating_sub(touched));
        let weight = libm::exp(-(idle_ms as f64 / 1_000.0) / DECAY_S);
        self.seconds * weight + seconds * (1.0 - weight)
    }
}

impl Ewma {
    fn at(&mut self, pod: PodId) -> &mut Option<Average> {
        if self.averages.len() <= pod.index() {
            self.averages.resize(pod.index() + 1, None);
        }
        &mut self.averages[pod.index()]
    }
    /// Endpoints that left are forgotten; new ones begin at the mean of those that have an average.
    pub fn set_peers(&mut self, old: &Peers, new: &Peers) {
        if old.is_empty() || new.is_empty() {
            return; // without endpoints there is no balancer, and the next one finds the averages as they are
        }
        for peer in old.iter().filter(|peer| new.position(peer.pod).is_none()) {
            *self.at(peer.pod) = None;
        }
        let added = |peer: &&Peer| old.position(peer.pod).is_none();
        let (mut sum, mut count) = (0.0, 0_u32);
        for peer in new.iter() {
            if let Some(average) = self.at(peer.pod) {
                sum += average.seconds;
                count += 1;
            }
        }
        if count > 0 {
            for peer in new.iter().filter(added) {
                *self.at(peer.pod) = Some(Average { seconds: sum / f64::from(count), touched_ms: None });
            }
        }
    }
    /// Its average as of now if it answered at once; nothing was ever heard of it: zero.
    fn score(&mut self, pod: PodId, now_ms: u64) -> f64 {
        match self.at(pod) {
            Some(average) => {
                average.touched_ms.get_or_insert(now_ms);
                average.with(0.0, now_ms)
            }
            None => 0.0,
        }
    }
    /// The endpoint of a try: of two random ones that have not refused the better one. When all have refused, of two of all.
    pub fn pick(
        &mut self,
        peers: &Peers,
        refused: &[usize],
        tries: usize,
        now: SimTime,
        stream: &mut LazyStream,
    ) -> Option<usize> {
        self.last_try = refused.len() + 1 >= tries;
        if peers.len() < 2 {
            return (!peers.is_empty()).then_some(0);
        }
        let untried = if refused.is_empty() {
            peers.len()
        } else {
            (0..peers.len()).filter(|position| !refused.contains(position)).count()
        };
        let (count, all) = if untried == 0 { (peers.len(), true) } else { (untried, refused.is_empty()) };
        let nth = |n: usize| {
            let mut left = (0..peers.len()).filter(|position| !refused.contains(position));
            if all { n } else { left.nth(n).unwrap_or(0) }
        };
        if count == 1 {
            return Some(nth(0));
        }
        // the first two of a shuffle: what is drawn first changes places with the first one
        let first = stream.get().below(count as u64) as usize;
        let second = 1 + stream.get().below(count as u64 - 1) as usize;
        let [first, second] = [first, if second == first { 0 } else { second }].map(nth);
        let now_ms = millis(now);
        let better = self.score(peers[second].pod, now_ms) < self.score(peers[first].pod, now_ms);
        Some(if better { second } else { first })
    }
    /// A try was refused: it counts as a response in no time if it was the last one of its request.
    pub fn failed(&mut self, pod: PodId, now: SimTime) {
        if self.last_try {
            self.answered(pod, now, now);
        }
    }
    /// A request or tunnel is over. Connecting takes no time here.
    pub fn answered(&mut self, pod: PodId, began: SimTime, now: SimTime) {
        let now_ms = millis(now);
        let took = (now_ms - millis(began).min(now_ms)) as f64 / 1_000.0;
        let slot = self.at(pod);
        let seconds = slot.map_or(took, |average| average.with(took, now_ms));
        *slot = Some(Average { seconds, touched_ms: Some(now_ms) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Seed, Span};

    const NOW: SimTime = SimTime::from_nanos(100_000_000_000);

    fn peers(pods: &[u32]) -> Peers {
        let peer = |&pod: &u32| Peer::new(PodId::new(pod), format!("10.10.10.{pod}:8080"));
        Peers::new(&pods.iter().map(peer).collect::<Vec<_>>())
    }

    /// What the program's own tests begin with.
    fn known() -> Ewma {
        let mut ewma = Ewma::default();
        for (pod, seconds, ago_ms) in [(1, 0.2, 1_000), (2, 0.3, 5_000), (3, 1.2, 20_000)] {
            *ewma.at(PodId::new(pod)) = Some(Average { seconds, touched_ms: Some(millis(NOW) - ago_ms) });
        }
        ewma
    }

    fn average(ewma: &mut Ewma, pod: u32) -> Option<f64> {
        ewma.at(PodId::new(pod)).map(|average| average.seconds)
    }

    fn pick(ewma: &mut Ewma, peers: &Peers, refused: &[usize], n: u64) -> usize {
        ewma.pick(peers, refused, 3, NOW, &mut LazyStream::new(Seed(1), 1, 1, n)).expect("there are endpoints")
    }

    #[test]
    fn averages_move_as_in_the_programs_own_tests() {
        let mut ewma = known();
        let began = SimTime::from_nanos(NOW.as_nanos() - Span::from_millis(120).as_nanos());
        ewma.answered(PodId::new(2), began, NOW);
        let weight = libm::exp(-0.5);
        assert_eq!(average(&mut ewma, 2), Some(0.3 * weight + 0.12 * (1.0 - weight)));
        assert_eq!(ewma.at(PodId::new(2)).and_then(|average| average.touched_ms), Some(millis(NOW)));
    }

    #[test]
    fn the_lower_one_of_two_after_its_decay_gets_the_request() {
        let two = peers(&[1, 3]);
        for n in 0..20 {
            assert_eq!(pick(&mut known(), &two, &[], n), 1, "1.2 s of 20 s ago are less than 0.2 s of just now");
            assert_eq!(pick(&mut known(), &two, &[1], n), 0, "not what refused");
            assert_eq!(pick(&mut known(), &two, &[1, 0], n), 1, "all have refused");
            assert_eq!(pick(&mut known(), &peers(&[1]), &[0], n), 0, "there is no other one");
        }
        assert!((known().score(PodId::new(3), millis(NOW)) - 0.162_402_339_883_935_23).abs() < 1e-15);
    }

    #[test]
    fn new_endpoints_begin_at_the_mean_and_old_ones_are_forgotten() {
        let mut ewma = known();
        ewma.set_peers(&peers(&[1, 2, 3]), &peers(&[1, 4, 3, 5]));
        let mean = f64::midpoint(0.2, 1.2);
        let all: Vec<_> = (1..=5).map(|pod| average(&mut ewma, pod)).collect();
        assert_eq!(all, [Some(0.2), None, Some(1.2), Some(mean), Some(mean)]);
        let mut nothing = Ewma::default();
        nothing.set_peers(&peers(&[1, 2, 3]), &peers(&[1, 2, 3, 4]));
        assert_eq!(average(&mut nothing, 4), None, "nobody has an average");
        // without endpoints there is no balancer that could forget
        let mut emptied = known();
        emptied.set_peers(&peers(&[1, 2, 3]), &peers(&[]));
        emptied.set_peers(&peers(&[]), &peers(&[2]));
        assert_eq!(average(&mut emptied, 1), Some(0.2));
    }

    #[test]
    fn each_pair_is_drawn_as_often_as_another() {
        let four = peers(&[0, 1, 2, 3]);
        let mut ewma = Ewma::default();
        for pod in 0..4 {
            ewma.answered(PodId::new(pod), SimTime::from_nanos(u64::from(3 - pod) * 1_000_000_000), NOW);
        }
        let mut hits = [0_u32; 4];
        for n in 0..12_000 {
            hits[pick(&mut ewma, &four, &[], n)] += 1;
        }
        // the lowest wins in all three of its pairs, the next one in two; the highest never
        for (hits, expected) in hits.into_iter().zip([6_000.0, 4_000.0, 2_000.0, 0.0]) {
            assert!((f64::from(hits) - expected).abs() <= 4.0 * 55.0, "{hits}, expected {expected}");
        }
    }

    #[test]
    fn a_refusal_counts_as_an_answer_in_no_time_only_at_the_last_try() {
        let three = peers(&[1, 2, 3]);
        let mut ewma = known();
        let at = pick(&mut ewma, &three, &[1], 0);
        ewma.failed(three[at].pod, NOW);
        assert_eq!(average(&mut ewma, three[at].pod.raw()), average(&mut known(), three[at].pod.raw()));
        let at = pick(&mut ewma, &three, &[0, 1], 0);
        ewma.failed(three[at].pod, NOW);
        assert_eq!((at, average(&mut ewma, 3)), (2, Some(1.2 * libm::exp(-2.0))));
    }
}
