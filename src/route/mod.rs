//! Where clients land: the decisions of one balancer, without a simulation around it.
//!
//! A [`Router`] is a balancer with its servers, or several in a row, each with all its instances. Every client comes once and
//! stays connected ([`Router::pass`]); then something may change ([`Change`]), and all of them come again, each with the cookies
//! it got. No time passes meanwhile: cookies and tables live, and a server that failed is left alone as long as the product does
//! that.
//!
//! [`Landing`] says what became of a pass, [`text`] shows it, [`remap`] makes the table of docs/BALANCERS.md.

use std::ops::ControlFlow;

use crate::cluster::balancer::{BalancerSpec, Decide, Ends, Health, Peer, Request, Settings, Tries};
use crate::cluster::path::Instance;
use crate::cluster::{MOST_REDIRECTS, PodId};
use crate::engine::{LazyStream, Seed, SimTime};

mod clients;
mod landing;
pub mod remap;
mod servers;
pub mod text;
mod way;
mod words;

use way::{Instances, Way, check_lines};

pub use clients::{Client, Clients, Needs};
pub use landing::{Landing, Moves};
pub use servers::{Server, Servers};
pub use words::{Change, balancer_text, count, positions, product_of, weights};

/// No more clients than these.
pub const MAX_CLIENTS: u64 = 10_000_000;
/// No more servers than these.
pub const MAX_SERVERS: usize = 10_000;
/// Nobody answered.
const NOWHERE: u32 = u32::MAX;
/// What random numbers are for: the decisions of a pass.
const DECISIONS: u64 = 1;
/// … the source ports.
const PORTS: u64 = 2;
/// … the changes of servers.
const CHANGES: u64 = 3;
/// … the clients.
const CLIENTS: u64 = 4;

/// A sentence that says what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

impl Fault {
    /// So many of something cannot be; `count` is shown as it was written.
    fn out_of_bounds(count: impl std::fmt::Display, what: &str, most: u64) -> Fault {
        let shown: String = count.to_string().chars().take(60).collect();
        Fault(format!("{shown} {what} cannot be; write 1 to {most}"))
    }
}

/// Balancers in a row, the servers of the last one, and what clients remember.
pub struct Router {
    way: Way,
    specs: Vec<BalancerSpec>,
    /// As they are; what the balancer believes of them stands in their peers.
    servers: Servers,
    /// The positions of the servers that the balancer has in its list.
    listed: Vec<usize>,
    seed: Seed,
    /// Passes and changes so far.
    step: u64,
    /// Connections by pod.
    loads: Vec<u32>,
    /// The pod of each client, by its number; [`NOWHERE`] = none.
    places: Vec<u32>,
    /// The instances that each client came through; empty where there is one only.
    instances: Vec<Instances>,
    /// Positions that were tried for the request at hand.
    tried: Vec<usize>,
}

/// What became of a client.
#[derive(Clone, Copy, Debug)]
pub struct Landed<'r> {
    /// Its number.
    pub number: u64,
    /// What happened to it.
    pub end: End,
    /// Positions that were tried, in order.
    pub tried: &'r [usize],
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server at this position answered.
    At(usize),
    /// It waits for a free connection.
    Waits,
    /// It was redirected more often than browsers follow.
    TooManyRedirects,
    /// Nobody answered.
    Nowhere,
}

impl End {
    /// The position that answered, if one did.
    pub const fn position(self) -> Option<usize> {
        match self {
            End::At(position) => Some(position),
            _ => None,
        }
    }
}

impl Router {
    /// Balancers in the order in which a request meets them, at least one, of which the last knows these servers.
    ///
    /// # Errors
    /// When they are too many.
    pub fn new(specs: &[BalancerSpec], servers: Servers, seed: Seed) -> Result<Router, Fault> {
        let mut router = Router {
            way: Way::new(specs, seed)?,
            specs: specs.to_vec(),
            servers,
            listed: Vec::new(),
            seed,
            step: 0,
            loads: Vec::new(),
            places: Vec::new(),
            instances: Vec::new(),
            tried: Vec::new(),
        };
        check_lines(router.spec(), router.servers.list().len())?;
        router.reload();
        Ok(router)
    }

    /// The servers as they are now.
    pub const fn servers(&self) -> &Servers {
        &self.servers
    }

    /// The balancers, the last one chooses servers.
    pub fn specs(&self) -> &[BalancerSpec] {
        &self.specs
    }

    fn spec(&self) -> &BalancerSpec {
        &self.specs[self.specs.len() - 1]
    }

    /// The settings of the balancer that chooses servers.
    pub fn settings(&self) -> &dyn Settings {
        self.spec().settings()
    }

    /// What clients must have for their way to be known.
    pub fn needs(&self) -> Needs {
        self.way.needs(&self.specs)
    }

    /// Everybody comes, in order; clients that were there before have left. `tell` hears of each and may end it.
    pub fn pass(&mut self, clients: &Clients, tell: &mut impl FnMut(&Landed<'_>) -> ControlFlow<()>) -> Landing {
        let before = self.leave(clients);
        self.step += 1;
        let mut landing = Landing::new(&self.servers);
        let mut text = String::new();
        for number in 0..clients.len() {
            let client = clients.get(number, &mut text);
            let end = self.send(number, &client);
            self.places.push(end.position().map_or(NOWHERE, |position| self.servers.list()[position].peer.pod.raw()));
            landing.add(end);
            if tell(&Landed { number, end, tried: &self.tried }).is_break() {
                break;
            }
        }
        landing.finish(&before, &self.places);
        landing
    }

    /// Whether all these changes can be, one after the other.
    ///
    /// # Errors
    /// With the first that cannot.
    pub fn check<'c>(&self, changes: impl IntoIterator<Item = &'c Change>) -> Result<(), Fault> {
        let mut servers = self.servers.clone();
        for change in changes {
            servers.apply(change, self.settings())?;
            check_lines(self.spec(), servers.list().len())?;
        }
        Ok(())
    }

    /// Something changes between two passes.
    ///
    /// # Errors
    /// When it cannot be, such as a position that does not exist.
    pub fn change(&mut self, change: &Change) -> Result<(), Fault> {
        self.check([change])?;
        let last = self.specs.len() - 1;
        let lists_anew = self.servers.apply(change, self.specs[last].settings())?;
        self.step += 1;
        if lists_anew || self.to_be_listed() != self.listed {
            self.reload();
            return Ok(());
        }
        for (place, &position) in self.listed.iter().enumerate() {
            let Peer { pod, health, .. } = self.servers.list()[position].peer;
            if self.way.last().peers()[place].health != health {
                self.way.path.last.set_health(pod, health);
            }
        }
        Ok(())
    }

    /// The positions of the servers that belong into the balancer's list as they are now.
    fn to_be_listed(&self) -> Vec<usize> {
        let list = self.servers.list();
        (0..list.len()).filter(|&position| list[position].is_listed(self.settings())).collect()
    }

    /// The balancer takes up the list of servers.
    fn reload(&mut self) {
        self.listed = self.to_be_listed();
        let list = self.servers.list();
        let peers: Vec<Peer> = self.listed.iter().map(|&position| list[position].peer.clone()).collect();
        let last = self.specs.len() - 1;
        self.way.set_peers(self.specs[last].settings(), &peers, self.step);
        let most = list.iter().map(|server| server.peer.pod.index() + 1).max().unwrap_or(0);
        self.loads.resize(self.loads.len().max(most), 0);
    }

    /// Everybody leaves. Gives where they were.
    fn leave(&mut self, clients: &Clients) -> Vec<u32> {
        let before = std::mem::take(&mut self.places);
        let came_through = std::mem::take(&mut self.instances);
        self.loads.fill(0);
        self.way.clear_loads();
        let mut text = String::new();
        let (ends, last) = (self.way.last().ends, self.way.last_number());
        if ends != Ends::Ignored {
            for (number, &pod) in before.iter().enumerate().filter(|&(_, &pod)| pod != NOWHERE) {
                let (pod, instances) = (PodId::new(pod), came_through.get(number).copied().unwrap_or_default());
                let address = (ends == Ends::All).then(|| {
                    let client = clients.get(number as u64, &mut text);
                    self.way.seen_by_last(client.address, &instances)
                });
                let balancer = &mut self.way.path.last.instances[usize::from(instances[last])].balancer;
                if let Some(address) = address {
                    balancer.ended(pod, address, SimTime::ZERO, SimTime::ZERO);
                }
                if let (true, Some(place)) = (balancer.watches(pod), balancer.peers().position(pod)) {
                    balancer.finished(place, SimTime::ZERO);
                }
            }
        }
        self.places.reserve_exact(clients.len() as usize);
        before
    }

    /// Where a client ends.
    fn send(&mut self, number: u64, client: &Client<'_>) -> End {
        let port = 1024 + self.seed.stream(PORTS + (self.step << 8), number, 0).below(64_512) as u16;
        let request = Request { port, user: client.key, room: client.key, ..Request::from_address(client.address) };
        let (instances, arrives) = self.way.walk(number, &request, self.step);
        if self.way.path.has_hops() {
            self.instances.push(instances);
        }
        self.tried.clear();
        if !arrives {
            return End::Nowhere;
        }
        let last = self.way.last_number();
        let (address, cookie) = (self.way.seen_by_last(client.address, &instances), self.way.cookie(last, number));
        let request = Request { address, cookie, ..request };
        let mut stream = LazyStream::new(self.seed, DECISIONS, number, self.step);
        let mut tries = Tries::default();
        let tier = &mut self.way.path.last;
        let own_loads = tier.own_loads;
        let Instance { balancer, loads } = &mut tier.instances[usize::from(instances[last])];
        let (mut left, mut redirects) = (balancer.max_tries(), 0);
        while left > 0 {
            let all_loads = &self.loads;
            let load = |peer: &Peer| if own_loads { loads.at(peer.pod) } else { all_loads[peer.pod.index()] };
            let Some(place) = balancer.pick(&request, &mut tries, &mut stream, load) else { break };
            let position = self.listed[place];
            self.tried.push(position);
            let server = &self.servers.list()[position];
            if !server.refuses && std::mem::take(&mut tries.redirected) {
                redirects += 1;
                if redirects > MOST_REDIRECTS {
                    return End::TooManyRedirects;
                }
                continue; // the client asks again
            }
            left -= 1;
            if !server.refuses {
                self.loads[server.peer.pod.index()] += 1;
                if own_loads {
                    *loads.at_mut(server.peer.pod) += 1;
                }
                if let Some(cookie) = tries.cookie {
                    self.way.keep(last, number, cookie);
                }
                return End::At(position);
            }
            balancer.failed(place, SimTime::ZERO);
            tries.refused.push(place);
        }
        if tries.queue.is_some() { End::Waits } else { End::Nowhere }
    }

    /// The number of the pod of each client that came last; `u32::MAX` = nobody answered.
    pub fn places(&self) -> &[u32] {
        &self.places
    }

    /// How many clients have a cookie of the balancer that chooses servers.
    pub fn with_cookie(&self) -> u64 {
        self.way.with_cookie()
    }

    /// How uneven a hash of the clients that came last is expected to be: Σs²/(Σs)² over groups of s of them that the balancer
    /// that chooses servers cannot tell apart.
    pub fn concentration(&self, clients: &Clients) -> f64 {
        clients.concentration(self.way.affinity(), |number, address| {
            let instances = self.instances.get(number as usize).copied().unwrap_or_default();
            self.way.seen_by_last(address, &instances)
        })
    }
}

/// A state in a word.
pub const fn state_word(server: &Server) -> &'static str {
    match (server.peer.health, server.refuses) {
        (Health::Down, _) => "down",
        (Health::Draining, _) => "drain",
        (Health::Up, true) => "refuses",
        (Health::Up, false) => "up",
    }
}
