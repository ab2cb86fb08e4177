//! `balance leastconn` (`src/lb_fwlc.c`): the order in which servers wait for a connection.

use super::EFFECTIVE;

/// The largest effective weight: keys are in units of it.
const SCALE: u32 = 256 * EFFECTIVE as u32;

/// Servers by load, equals in the order in which their load became what it is.
#[derive(Clone, Debug, Default)]
pub struct LeastConn {
    servers: Vec<Server>,
    /// Connections of each server.
    connections: Vec<u32>,
    /// (key, server), sorted.
    queue: Vec<(u32, u32)>,
}

#[derive(Clone, Debug)]
struct Server {
    weight: u32,
    /// Its place in the order; `None` while it is not usable.
    key: Option<u32>,
}

/// What orders servers: idle ones first whatever their weight, then by the load that one more connection would make.
const fn key(connections: u32, weight: u32) -> u32 {
    if connections == 0 { 0 } else { ((connections as u64 + 1) * SCALE as u64 / (16 * weight) as u64) as u32 }
}

impl LeastConn {
    /// Servers with these weights that have no connection: (weight, usable).
    pub fn new(servers: impl Iterator<Item = (u32, bool)>) -> LeastConn {
        let mut least = LeastConn::default();
        for (number, (weight, usable)) in servers.enumerate() {
            least.servers.push(Server { weight, key: None });
            least.connections.push(0);
            least.set_usable(number, usable);
        }
        least
    }
    /// A server becomes usable, or is no longer.
    pub fn set_usable(&mut self, number: usize, usable: bool) {
        let Server { weight, key: old } = self.servers[number];
        let new = usable.then(|| key(self.connections[number], weight));
        if old.is_some() != new.is_some() {
            self.requeue(number, new);
        }
    }
    /// So many connections the servers have now, in order. Of most it is known.
    #[inline]
    pub fn follow(&mut self, loads: impl Iterator<Item = u32>) {
        for (number, load) in loads.enumerate() {
            if self.connections.get(number).is_some_and(|&known| known != load) {
                self.set_connections(number, load);
            }
        }
    }
    /// So many connections a server has now.
    fn set_connections(&mut self, number: usize, connections: u32) {
        self.connections[number] = connections;
        let server = &self.servers[number];
        let new = server.key.map(|_| key(connections, server.weight));
        if new != server.key {
            self.requeue(number, new);
        }
    }
    /// A server has one connection more.
    pub fn taken(&mut self, number: usize) {
        self.set_connections(number, self.connections[number].saturating_add(1));
    }
    /// A server has one connection less.
    pub fn dropped(&mut self, number: usize) {
        self.set_connections(number, self.connections[number].saturating_sub(1));
    }
    /// The first server that has room and is not to be avoided; the avoided one when there is no other.
    pub fn first(&self, avoid: Option<usize>, mut has_room: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut avoided = None;
        for &(_, number) in &self.queue {
            let number = number as usize;
            if has_room(number) {
                if avoid != Some(number) {
                    return Some(number);
                }
                avoided = Some(number);
            }
        }
        avoided
    }

    /// Puts a server where its new key belongs, behind all with the same one.
    fn requeue(&mut self, number: usize, new: Option<u32>) {
        let old = std::mem::replace(&mut self.servers[number].key, new);
        let to = new.map(|new| (self.queue.partition_point(|&(key, _)| key <= new), (new, number as u32)));
        match (old.map(|old| self.place(number, old)), to) {
            (Some(from), Some((to, entry))) if from < to => {
                self.queue.copy_within(from + 1..to, from);
                self.queue[to - 1] = entry;
            }
            (Some(from), Some((to, entry))) => {
                self.queue.copy_within(to..from, to + 1);
                self.queue[to] = entry;
            }
            (None, Some((to, entry))) => self.queue.insert(to, entry),
            (Some(from), None) => {
                self.queue.remove(from);
            }
            (None, None) => {}
        }
    }

    /// Where a server with this key stands.
    fn place(&self, number: usize, key: u32) -> usize {
        let first = self.queue.partition_point(|&(other, _)| other < key);
        let among = self.queue[first..].iter().position(|&(_, other)| other as usize == number);
        first + among.expect("a server that has a key stands in the queue")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn the_queue_is_that_of_a_sort_that_keeps_the_order_of_arrival() {
        let weights = [1, 1, 3, 256, 2, 1];
        let mut least = LeastConn::new(weights.iter().map(|&weight| (weight, true)));
        // (key, time of its last change, server)
        let mut plain: Vec<(u32, u32, u32)> = (0..6).map(|number| (0, number, number)).collect();
        let mut stream = Seed(3).stream(1, 1, 1);
        for now in 10..5_000 {
            let number = stream.below(6) as usize;
            let entry = plain.iter().position(|&(.., other)| other as usize == number);
            if stream.below(5) == 0 {
                least.set_usable(number, entry.is_none());
                match entry {
                    Some(entry) => _ = plain.remove(entry),
                    None => plain.push((key(least.connections[number], weights[number]), now, number as u32)),
                }
            } else {
                least.set_connections(number, stream.below(4) as u32);
                let new = key(least.connections[number], weights[number]);
                if let Some(entry) = entry.filter(|&entry| plain[entry].0 != new) {
                    plain[entry] = (new, now, number as u32);
                }
            }
            plain.sort_unstable();
            let queue: Vec<_> = plain.iter().map(|&(key, _, number)| (key, number)).collect();
            assert_eq!(least.queue, queue);
        }
    }
}
