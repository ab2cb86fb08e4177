//! `balance leastconn` (`src/lb_fwlc.c`): the order in which servers wait for a connection.

use std::collections::VecDeque;

use super::EFFECTIVE;

/// The largest effective weight: keys are in units of it.
const SCALE: u32 = 256 * EFFECTIVE as u32;

/// Servers by load, equals in the order in which their load became what it is.
#[derive(Clone, Debug, Default)]
pub struct LeastConn {
    servers: Vec<Server>,
    /// (key, server), sorted.
    queue: VecDeque<(u32, u32)>,
}

#[derive(Clone, Debug)]
struct Server {
    weight: u32,
    connections: u32,
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
            least.servers.push(Server { weight, connections: 0, key: None });
            least.set_usable(number, usable);
        }
        least
    }
    /// A server becomes usable, or is no longer.
    pub fn set_usable(&mut self, number: usize, usable: bool) {
        let Server { weight, connections, key: old } = self.servers[number];
        let new = usable.then(|| key(connections, weight));
        if old.is_some() != new.is_some() {
            self.requeue(number, new);
        }
    }
    /// So many connections a server has now.
    #[inline]
    pub fn set_connections(&mut self, number: usize, connections: u32) {
        let server = &mut self.servers[number];
        if server.connections == connections {
            return;
        }
        server.connections = connections;
        let new = server.key.map(|_| key(connections, server.weight));
        if new != server.key {
            self.requeue(number, new);
        }
    }
    /// A server has one connection more.
    pub fn taken(&mut self, number: usize) {
        self.set_connections(number, self.servers[number].connections.saturating_add(1));
    }
    /// A server has one connection less.
    pub fn dropped(&mut self, number: usize) {
        self.set_connections(number, self.servers[number].connections.saturating_sub(1));
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

    fn requeue(&mut self, number: usize, new: Option<u32>) {
        if std::mem::replace(&mut self.servers[number].key, new).is_some()
            && let Some(at) = self.queue.iter().position(|&(_, other)| other as usize == number)
        {
            self.queue.remove(at);
        }
        if let Some(key) = new {
            let at = self.queue.partition_point(|&(other, _)| other <= key);
            self.queue.insert(at, (key, number as u32));
        }
    }
}
