//! The hash ring of lua-resty-balancer (`chash.lua`, `chash.c`, v0.05), which ingress-nginx uses.

/// Points per endpoint of weight 1.
const POINTS: usize = 160;

/// 160 points per endpoint on a circle of 2³².
#[derive(Clone, Debug, Default)]
pub struct Ring {
    /// (point, endpoint), sorted.
    points: Vec<(u32, u32)>,
}

impl Ring {
    /// The ring of these endpoints, given as `ip:port`.
    pub fn new<'a>(endpoints: impl Iterator<Item = &'a str>) -> Ring {
        let mut points = Vec::new();
        for (endpoint, text) in endpoints.enumerate() {
            let mut previous = [0u8; 4];
            for _ in 0..POINTS {
                let mut hasher = crc32fast::Hasher::new();
                hasher.update(text.as_bytes());
                hasher.update(&previous);
                let point = hasher.finalize();
                previous = point.to_le_bytes();
                points.push((point, endpoint as u32));
            }
        }
        points.sort_unstable();
        points.dedup_by_key(|&mut (point, _)| point);
        Ring { points }
    }
    /// The endpoint responsible for a key: the first point at or after its hash.
    pub fn find(&self, key_hash: u32) -> Option<usize> {
        if self.points.is_empty() {
            return None;
        }
        let at = self.points.partition_point(|&(point, _)| point < key_hash) % self.points.len();
        Some(self.points[at].1 as usize)
    }
    /// The hash of a key.
    pub fn hash(key: &str) -> u32 {
        crc32fast::hash(key.as_bytes())
    }
}
