//! The hash ring of nginx (`hash … consistent`, ketama), and of lua-resty-balancer (`chash.lua`, `chash.c`, v0.05), which
//! ingress-nginx uses: they differ in what a point is the hash of.

/// Points per endpoint of weight 1.
const POINTS: usize = 160;

/// 160 points per endpoint on a circle of 2³².
#[derive(Clone, Debug, Default)]
pub struct Ring {
    /// (point, endpoint), sorted.
    points: Vec<(u32, u32)>,
    /// The circle in about as many equal parts as there are points, and the first point in or after each.
    parts: Vec<u32>,
    /// A key's part is what is left of its hash when so many bits are shifted out.
    shift: u32,
}

impl Ring {
    /// The ring of these endpoints, given as `ip:port`.
    pub fn new<'a>(endpoints: impl Iterator<Item = &'a str>) -> Ring {
        Ring::with_points(endpoints.map(|text| {
            let mut base = crc32fast::Hasher::new();
            base.update(text.as_bytes());
            (base, POINTS)
        }))
    }
    /// The ring of endpoints with so many points each, of which each continues the hash of what the endpoint begins with by
    /// the point before.
    pub fn with_points(endpoints: impl Iterator<Item = (crc32fast::Hasher, usize)>) -> Ring {
        let mut points = Vec::new();
        for (endpoint, (base, count)) in endpoints.enumerate() {
            let mut previous = [0u8; 4];
            for _ in 0..count {
                let mut hasher = base.clone();
                hasher.update(&previous);
                let point = hasher.finalize();
                previous = point.to_le_bytes();
                points.push((point, endpoint as u32));
            }
        }
        points.sort_unstable();
        points.dedup_by_key(|&mut (point, _)| point);
        let shift = 32 - points.len().next_power_of_two().ilog2().clamp(1, 24);
        let first_from = |part: u32| points.partition_point(|&(point, _)| point < part << shift) as u32;
        let parts = (0..1 << (32 - shift)).map(first_from).collect();
        Ring { points, parts, shift }
    }
    /// The endpoint responsible for a key: the first point at or after its hash.
    pub fn find(&self, key_hash: u32) -> Option<usize> {
        self.point_of(key_hash).map(|point| self.endpoint(point))
    }
    /// The endpoint of the point with this number; behind the last one the circle begins again.
    pub fn endpoint(&self, point: usize) -> usize {
        self.points[point % self.points.len()].1 as usize
    }
    /// The number of the first point at or after a hash.
    pub fn point_of(&self, key_hash: u32) -> Option<usize> {
        if self.points.is_empty() {
            return None;
        }
        let first = self.parts[(key_hash >> self.shift) as usize] as usize;
        let after = self.points[first..].iter().position(|&(point, _)| point >= key_hash);
        // beyond the last point the circle begins again
        Some(after.map_or(0, |after| first + after))
    }
    /// The hash of a key.
    pub fn hash(key: &str) -> u32 {
        crc32fast::hash(key.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_the_first_point_at_or_after_it() {
        for endpoints in [1, 2, 20, 300] {
            let names: Vec<String> = (0..endpoints).map(|n| format!("10.244.0.{n}:3000")).collect();
            let ring = Ring::new(names.iter().map(String::as_str));
            let around = |&(point, _): &(u32, u32)| [point.wrapping_sub(1), point, point.wrapping_add(1)];
            for key in ring.points.iter().flat_map(around).chain([0, u32::MAX]) {
                let at = ring.points.partition_point(|&(point, _)| point < key) % ring.points.len();
                assert_eq!(ring.find(key), Some(ring.points[at].1 as usize), "{key} of {endpoints}");
            }
        }
        assert_eq!(Ring::default().find(7), None);
    }
}
