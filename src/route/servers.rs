//! The servers behind the balancer.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::words::{Change, count};
use super::{Fault, MAX_SERVERS};
use crate::cluster::balancer::{Down, Health, Line, Peer, Settings, Weights};
use crate::cluster::{PodId, pod_address};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// As the balancer knows it.
    pub peer: Peer,
    /// True when it refuses requests, of which the balancer does not know.
    pub refuses: bool,
}

impl Server {
    /// True when the list of a balancer with these settings holds it.
    pub fn is_listed(&self, settings: &dyn Settings) -> bool {
        self.peer.health != Health::Down || settings.lines().down != Ok(Down::Unlisted)
    }
}

/// All of them, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers {
    list: Vec<Server>,
    /// Number of the next pod.
    next: u32,
    /// True when the user wrote the addresses.
    written: bool,
}

impl Servers {
    /// So many, with the addresses that pods of a scenario have.
    ///
    /// # Errors
    /// When there are none or too many.
    pub fn pods(count: usize) -> Result<Servers, Fault> {
        if !(1..=MAX_SERVERS).contains(&count) {
            return Err(Fault::out_of_bounds(count, "servers", MAX_SERVERS as u64));
        }
        let mut servers = Servers { list: Vec::new(), next: 0, written: false };
        servers.grow(count, None);
        Ok(servers)
    }

    /// A number of pods, or addresses: `5`, or `10.0.0.1:8080,10.0.0.2:8080`.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Servers, Fault> {
        let text = text.trim();
        if let Some(count) = count(text, "servers", MAX_SERVERS as u64) {
            return Servers::pods(count? as usize);
        }
        let mut list: Vec<Server> = Vec::new();
        let mut seen = BTreeSet::new();
        for word in text.split(',').map(str::trim) {
            let help = "write a number such as `5`, or addresses with ports such as `10.0.0.1:8080,10.0.0.2:8080`";
            if word.parse::<SocketAddr>().is_err() {
                return Err(Fault(format!("--servers: `{word}` is no address with a port; {help}")));
            }
            if !seen.insert(word) {
                return Err(Fault(format!("--servers: `{word}` stands there twice; write each address once")));
            }
            if list.len() == MAX_SERVERS {
                return Err(Fault(format!("--servers: more than {MAX_SERVERS} servers; write fewer")));
            }
            let peer = Peer::new(PodId::new(list.len() as u32), word.to_owned());
            list.push(Server { peer, refuses: false });
        }
        Ok(Servers { next: list.len() as u32, list, written: true })
    }

    /// In order.
    pub fn list(&self) -> &[Server] {
        &self.list
    }

    /// Weight and state of each line, as the settings say.
    pub fn follow(&mut self, settings: &dyn Settings) {
        for (position, server) in self.list.iter_mut().enumerate() {
            let Line { weight, health } = settings.line(position);
            (server.peer.weight, server.peer.health) = (weight, health);
        }
    }

    /// Weights in order; servers beyond the list have 1, as a `server` line without a weight.
    ///
    /// # Errors
    /// When there are more weights than servers, or the product has no such weights.
    fn set_weights(&mut self, weights: &[u32], settings: &dyn Settings) -> Result<(), Fault> {
        let who = settings.describe();
        let Weights { most, together } = settings.lines().weights.map_err(refused("weights", settings))?;
        if let Some(weight) = weights.iter().find(|weight| !(1..=most).contains(weight)) {
            let drains = settings.lines().drain.is_ok() && *weight == 0;
            let help = if drains { ", or `drain` for a server without new clients" } else { "" };
            return Err(Fault(format!("weights: `{weight}` is no weight of {who}; write 1 to {most}{help}")));
        }
        let sum: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        if sum > together {
            return Err(Fault(format!(
                "weights: they are {sum} together, more than {together} of {who}; write smaller ones"
            )));
        }
        if weights.len() > self.list.len() {
            let (given, there) = (weights.len(), self.list.len());
            return Err(Fault(format!("weights: {given} for {there} servers; write at most one for each, in order")));
        }
        let all = weights.iter().copied().chain(std::iter::repeat(1));
        self.list.iter_mut().zip(all).for_each(|(server, weight)| server.peer.weight = weight);
        Ok(())
    }

    /// Takes up a change. True when the list is another one, false when only somebody's state changed.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn apply(&mut self, change: &Change, settings: &dyn Settings) -> Result<bool, Fault> {
        match change {
            Change::Servers(count) => {
                let (now, count) = (self.list.len(), *count);
                self.list.truncate(count);
                if count > now {
                    self.grow(count - now, Some(settings));
                }
                return Ok(true);
            }
            Change::Remove(positions) => {
                self.check(positions, "remove")?;
                let mut left = 0..;
                self.list.retain(|_| !positions.contains(&left.next().unwrap_or(usize::MAX)));
                if self.list.is_empty() {
                    return Err(Fault("remove= takes every server away; leave one at least".to_owned()));
                }
                return Ok(true);
            }
            Change::Weights(weights) => {
                self.set_weights(weights, settings)?;
                return Ok(true);
            }
            Change::Down(positions) => {
                settings.lines().down.map_err(refused("down", settings))?;
                self.set(positions, "down", Some(Health::Down), false)?;
            }
            Change::Drain(positions) => {
                settings.lines().drain.map_err(refused("drain", settings))?;
                self.set(positions, "drain", Some(Health::Draining), false)?;
            }
            Change::Up(positions) => self.set(positions, "up", Some(Health::Up), false)?,
            Change::Refuse(positions) => self.set(positions, "refuse", None, true)?,
        }
        Ok(false)
    }

    fn set(&mut self, positions: &[usize], word: &str, health: Option<Health>, refuses: bool) -> Result<(), Fault> {
        self.check(positions, word)?;
        for &position in positions {
            let server = &mut self.list[position];
            server.peer.health = health.unwrap_or(server.peer.health);
            server.refuses = refuses;
        }
        Ok(())
    }

    fn check(&self, positions: &[usize], word: &str) -> Result<(), Fault> {
        let last = self.list.len() - 1;
        match positions.iter().find(|&&position| position > last) {
            Some(position) => {
                Err(Fault(format!("{word}: there is no server {position}; positions count from 0, the last is {last}")))
            }
            None => Ok(()),
        }
    }

    /// More servers at the end.
    fn grow(&mut self, by: usize, settings: Option<&dyn Settings>) {
        let mut taken: BTreeSet<String> = self.list.iter().map(|server| server.peer.address.clone()).collect();
        let mut last = self.list.last().and_then(|server| server.peer.address.parse::<SocketAddr>().ok());
        let one_host = self.list.len() > 1 && self.list.iter().all(|server| host(server) == host(&self.list[0]));
        for _ in 0..by {
            let pod = PodId::new(self.next);
            self.next += 1;
            let mut address = pod_address(pod);
            while let (true, Some(socket)) = (self.written, &mut last) {
                *socket = after(*socket, one_host);
                address = socket.to_string();
                if !taken.contains(&address) {
                    break;
                }
            }
            taken.insert(address.clone());
            let Line { weight, health } = settings.map_or(Line::default(), |settings| settings.line(self.list.len()));
            let peer = Peer { weight, health, ..Peer::new(pod, address) };
            self.list.push(Server { peer, refuses: false });
        }
    }
}

/// A product has no such thing, for this reason.
fn refused<'s>(word: &'static str, settings: &'s dyn Settings) -> impl FnOnce(&'static str) -> Fault + use<'s> {
    move |why| Fault(format!("{word}: {} {why}", settings.describe()))
}

fn host(server: &Server) -> Option<IpAddr> {
    server.peer.address.parse().ok().map(|address: SocketAddr| address.ip())
}

/// The address after this one: the next port, where all servers are on one host, or else the next host.
fn after(socket: SocketAddr, one_host: bool) -> SocketAddr {
    if one_host {
        return SocketAddr::new(socket.ip(), socket.port().wrapping_add(1).max(1));
    }
    let ip = match socket.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits().wrapping_add(1))),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits().wrapping_add(1))),
    };
    SocketAddr::new(ip, socket.port())
}
