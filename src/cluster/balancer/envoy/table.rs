//! Envoy's tables for consistent hashing: the ring and Maglev.

use twox_hash::XxHash64;

/// A host that takes part.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// Its position among the peers.
    pub position: u32,
    /// `ip:port`, which is what Envoy hashes.
    pub key: &'a str,
    /// Its weight.
    pub weight: u32,
}

/// Envoy's hash of a text.
#[inline]
pub fn hash(text: &[u8]) -> u64 {
    XxHash64::oneshot(0, text)
}

/// Which host a hash belongs to.
#[derive(Clone, Debug)]
pub enum Table {
    /// Points of hosts on a circle of 2⁶⁴.
    Ring(Ring),
    /// A host for each remainder of a hash.
    Maglev(Vec<u32>),
}

impl Table {
    /// The host that a hash belongs to; at a later attempt one that may be another.
    #[inline]
    pub fn find(&self, hash: u64, attempt: u32) -> Option<usize> {
        match self {
            Table::Ring(ring) => ring.find(hash, attempt),
            Table::Maglev(table) => {
                // attempts are counted down from 2⁶⁴, which changes most bits
                let hash = if attempt == 0 { hash } else { hash ^ 0u64.wrapping_sub(u64::from(attempt)) };
                let size = (table.len() as u64).max(1);
                table.get((hash % size) as usize).map(|&host| host as usize)
            }
        }
    }
}

/// Points of hosts on a circle.
#[derive(Clone, Debug)]
pub struct Ring {
    /// (point, host), sorted.
    points: Vec<(u64, u32)>,
    /// The circle in about as many equal parts as there are points, and the first point in or after each.
    parts: Vec<u32>,
    /// A hash's part is what is left of it when so many bits are shifted out.
    shift: u32,
}

impl Ring {
    /// The ring of these hosts (`ring_hash_lb.cc`). The host with the least weight gets a whole number of points, and all
    /// have at least `min_size` together unless that is more than `max_size`.
    pub fn new(hosts: &[Host<'_>], min_size: u64, max_size: u64) -> Ring {
        let shares = shares(hosts);
        let least = shares.iter().copied().fold(1.0, f64::min);
        let scale = ((least * min_size as f64).ceil() / least).min(max_size as f64);
        let mut points = Vec::new();
        // sums over all hosts: nobody's rounding is lost
        let (mut have, mut wanted) = (0.0, 0.0);
        let mut text = String::new();
        for (host, share) in hosts.iter().zip(&shares) {
            wanted += scale * share;
            let mut number = 0u64;
            while have < wanted {
                text.clear();
                text.push_str(host.key);
                text.push('_');
                text.push_str(&number.to_string());
                points.push((hash(text.as_bytes()), host.position));
                number += 1;
                have += 1.0;
            }
        }
        points.sort_unstable();
        let bits = points.len().next_power_of_two().ilog2().clamp(1, 24);
        let mut first = 0;
        let first_from = |part: u64| {
            while points.get(first).is_some_and(|&(point, _)| point < part << (64 - bits)) {
                first += 1;
            }
            first as u32
        };
        let parts = (0..1u64 << bits).map(first_from).collect();
        Ring { points, parts, shift: 64 - bits }
    }
    /// The host of the first point at or after a hash, or of the one so many points further.
    #[inline]
    fn find(&self, hash: u64, attempt: u32) -> Option<usize> {
        let first = self.parts[(hash >> self.shift) as usize] as usize;
        let after = self.points[first..].iter().position(|&(point, _)| point >= hash);
        // beyond the last point the circle begins again
        let at = after.map_or(0, |after| first + after);
        let at = if attempt == 0 { at } else { (at + attempt as usize) % self.points.len().max(1) };
        self.points.get(at).map(|&(_, host)| host as usize)
    }
}

/// A host that fills its part of the Maglev table.
struct Filling {
    position: u32,
    /// The place that it takes next if that is free.
    place: u64,
    skip: u64,
    share: f64,
    target: f64,
}

impl Filling {
    /// Its next place; it comes by each place once.
    fn pass(&mut self, size: u64) -> usize {
        let place = self.place;
        let next = place + self.skip;
        // whether the end is passed cannot be foretold; the lesser of both, of which one is far up, costs no branch
        self.place = next.min(next.wrapping_sub(size));
        place as usize
    }
}

/// The Maglev table of these hosts (`maglev_lb.cc`). `size` is a prime number.
pub fn maglev(hosts: &[Host<'_>], size: u64) -> Vec<u32> {
    const FREE: u32 = u32::MAX;
    if hosts.is_empty() {
        return Vec::new();
    }
    let shares = shares(hosts);
    let most = shares.iter().copied().fold(0.0, f64::max);
    let mut sorted: Vec<(Host<'_>, f64)> = hosts.iter().copied().zip(shares).collect();
    sorted.sort_by_key(|&(Host { key, position, .. }, _)| (key, position));
    let mut filling: Vec<Filling> = sorted
        .iter()
        .map(|&(Host { position, key, .. }, share)| Filling {
            position,
            place: hash(key.as_bytes()) % size,
            skip: XxHash64::oneshot(1, key.as_bytes()) % (size - 1) + 1,
            share,
            target: 0.0,
        })
        .collect();
    let mut table = vec![FREE; size as usize];
    let mut filled = 0;
    for turn in 1u32.. {
        for host in &mut filling {
            if filled == size {
                return table;
            }
            // a host of the greatest share has each turn, one of a third of it every third
            if f64::from(turn) * host.share < host.target {
                continue;
            }
            host.target += most;
            let mut place = host.pass(size);
            while table[place] != FREE {
                place = host.pass(size);
            }
            table[place] = host.position;
            filled += 1;
        }
    }
    table
}

/// Each host's share of all weight, as Envoy normalises it.
fn shares(hosts: &[Host<'_>]) -> Vec<f64> {
    let sum: u64 = hosts.iter().map(|host| u64::from(host.weight)).sum();
    hosts.iter().map(|host| f64::from(host.weight) / sum as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("10.244.0.{n}:3000")).collect()
    }

    fn hosts(keys: &[String]) -> Vec<Host<'_>> {
        keys.iter().enumerate().map(|(n, key)| Host { position: n as u32, key, weight: 1 }).collect()
    }

    #[test]
    fn a_hash_belongs_to_the_first_point_at_or_after_it() {
        for count in [1, 2, 20, 300] {
            let keys = keys(count);
            let ring = Ring::new(&hosts(&keys), 1024, 8 << 20);
            assert!(ring.points.len() >= 1024, "{} points", ring.points.len());
            let around = |&(point, _): &(u64, u32)| [point.wrapping_sub(1), point, point.wrapping_add(1)];
            for hash in ring.points.iter().flat_map(around).chain([0, u64::MAX]) {
                let at = ring.points.partition_point(|&(point, _)| point < hash);
                for attempt in [0, 1, 5] {
                    let expected = ring.points[(at % ring.points.len() + attempt) % ring.points.len()].1;
                    assert_eq!(ring.find(hash, attempt as u32), Some(expected as usize), "{hash} of {count}");
                }
            }
        }
    }

    #[test]
    fn the_greatest_ring_wins_over_the_least() {
        let keys = keys(50);
        assert_eq!(Ring::new(&hosts(&keys), 1024, 100).points.len(), 100);
        assert_eq!(Ring::new(&hosts(&keys), 1, 1024).points.len(), 50, "one point each at least");
        assert_eq!(Ring::new(&[], 1024, 4096).find(7, 0), None);
    }

    #[test]
    fn maglev_shares_its_places_evenly() {
        let keys = keys(7);
        let table = maglev(&hosts(&keys), 65_537);
        for host in 0..7 {
            let places = table.iter().filter(|&&place| place == host).count();
            assert!((9362..=9363).contains(&places), "{places}");
        }
        assert_eq!(Table::Maglev(maglev(&[], 65_537)).find(7, 0), None);
    }
}
