//! Where clients land: the decisions of one balancer, without a simulation around it.
//!
//! A [`Router`] is one instance of a balancer with its servers. Every client comes once and stays connected ([`Router::pass`]);
//! then something may change ([`Change`]), and all of them come again, each with the cookie it got. No time passes meanwhile:
//! cookies and tables live, and a server that failed is left alone as long as the product does that.
//!
//! [`Landing`] says what became of a pass, [`text`] shows it, [`remap`] makes the table of docs/BALANCERS.md.

use std::ops::ControlFlow;

use crate::cluster::PodId;
use crate::cluster::balancer::{Balancer, BalancerSpec, Decide, Ends, Health, Peer, Request, SetCookie, Tries};
use crate::engine::{LazyStream, Seed, SimTime};

mod clients;
mod landing;
pub mod remap;
mod servers;
pub mod text;
mod words;

pub use clients::{Client, Clients, Needs};
pub use landing::{Landing, Moves};
pub use servers::{Server, Servers};
pub use words::{Change, balancer_text, positions, product_of, weights};

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

/// One instance of a balancer, its servers, and what clients remember.
pub struct Router {
    balancer: Balancer,
    /// As they are; what the balancer believes of them stands in their peers.
    servers: Servers,
    ends: Ends,
    seed: Seed,
    /// Passes and changes so far.
    step: u64,
    /// Connections by pod.
    loads: Vec<u32>,
    /// The pod of each client, by its number; [`NOWHERE`] = none.
    places: Vec<u32>,
    /// The cookie of each client; empty as long as nobody has one.
    cookies: Vec<Option<u32>>,
    /// Positions that were tried for the request at hand.
    tried: Vec<usize>,
}

/// What became of a client.
#[derive(Clone, Copy, Debug)]
pub struct Landed<'r> {
    /// Its number.
    pub number: u64,
    /// The position that answered; `None`: nobody did.
    pub position: Option<usize>,
    /// Positions that were tried, in order.
    pub tried: &'r [usize],
    /// True when it waits for a free connection.
    pub waits: bool,
}

impl Router {
    /// A balancer that knows these servers.
    pub fn new(spec: &BalancerSpec, servers: Servers, seed: Seed) -> Router {
        let mut router = Router {
            balancer: Balancer::new(spec),
            servers,
            ends: spec.settings().ends(),
            seed,
            step: 0,
            loads: Vec::new(),
            places: Vec::new(),
            cookies: Vec::new(),
            tried: Vec::new(),
        };
        router.reload();
        router
    }

    /// The servers as they are now.
    pub const fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Everybody comes, in order; clients that were there before have left. `tell` hears of each and may end it.
    pub fn pass(&mut self, clients: &Clients, tell: &mut impl FnMut(&Landed<'_>) -> ControlFlow<()>) -> Landing {
        let before = self.leave(clients);
        self.step += 1;
        let mut landing = Landing::new(&self.servers);
        let mut text = String::new();
        for number in 0..clients.len() {
            let client = clients.get(number, &mut text);
            let (position, waits) = self.send(number, &client);
            self.places.push(position.map_or(NOWHERE, |position| self.servers.list()[position].peer.pod.raw()));
            landing.add(position, waits);
            if tell(&Landed { number, position, tried: &self.tried, waits }).is_break() {
                break;
            }
        }
        landing.finish(&before, &self.places);
        landing
    }

    /// Something changes between two passes.
    ///
    /// # Errors
    /// When it cannot be, such as a position that does not exist.
    pub fn change(&mut self, change: &Change, spec: &BalancerSpec) -> Result<(), Fault> {
        let lists_anew = self.servers.apply(change, spec.settings())?;
        self.step += 1;
        if lists_anew {
            self.reload();
            return Ok(());
        }
        for (position, server) in self.servers.list().iter().enumerate() {
            if self.balancer.peers()[position].health != server.peer.health {
                self.balancer.set_health(position, server.peer.health);
            }
        }
        Ok(())
    }

    /// The balancer takes up the list of servers.
    fn reload(&mut self) {
        let peers: Vec<Peer> = self.servers.list().iter().map(|server| server.peer.clone()).collect();
        self.balancer.set_peers(&peers, &mut self.seed.stream(CHANGES, 0, self.step));
        let most = peers.iter().map(|peer| peer.pod.index() + 1).max().unwrap_or(0);
        self.loads.resize(self.loads.len().max(most), 0);
    }

    /// Everybody leaves. Gives where they were.
    fn leave(&mut self, clients: &Clients) -> Vec<u32> {
        let before = std::mem::take(&mut self.places);
        self.loads.fill(0);
        let mut text = String::new();
        if self.ends != Ends::Ignored {
            for (number, &pod) in before.iter().enumerate().filter(|&(_, &pod)| pod != NOWHERE) {
                let pod = PodId::new(pod);
                if self.ends == Ends::All {
                    let client = clients.get(number as u64, &mut text);
                    self.balancer.ended(pod, client.address, SimTime::ZERO, SimTime::ZERO);
                }
                if let (true, Some(position)) = (self.balancer.watches(pod), self.balancer.peers().position(pod)) {
                    self.balancer.finished(position, SimTime::ZERO);
                }
            }
        }
        self.places.reserve_exact(clients.len() as usize);
        before
    }

    /// The position that answers a client, and whether it waits for one.
    fn send(&mut self, number: u64, client: &Client<'_>) -> (Option<usize>, bool) {
        let port = 1024 + self.seed.stream(PORTS + (self.step << 8), number, 0).below(64_512) as u16;
        let cookie = self.cookies.get(number as usize).copied().flatten();
        let request =
            Request { port, user: client.key, room: client.key, cookie, ..Request::from_address(client.address) };
        let mut stream = LazyStream::new(self.seed, DECISIONS, number, self.step);
        let mut tries = Tries::default();
        self.tried.clear();
        let mut left = self.balancer.max_tries();
        while left > 0 && self.tried.len() <= MOST_TRIED {
            let loads = &self.loads;
            let load = |peer: &Peer| loads[peer.pod.index()];
            let Some(position) = self.balancer.pick(&request, &mut tries, &mut stream, load) else { break };
            self.tried.push(position);
            let server = &self.servers.list()[position];
            if !server.refuses && std::mem::take(&mut tries.redirected) {
                continue; // the client asks again
            }
            left -= 1;
            if !server.refuses {
                self.loads[server.peer.pod.index()] += 1;
                if let Some(cookie) = tries.cookie {
                    self.keep(number, cookie);
                }
                return (Some(position), false);
            }
            self.balancer.failed(position, SimTime::ZERO);
            tries.refused.push(position);
        }
        (None, tries.queue.is_some())
    }

    /// A client keeps a cookie, unless it was made to end at once.
    fn keep(&mut self, number: u64, cookie: SetCookie) {
        let number = number as usize;
        if self.cookies.len() <= number {
            self.cookies.resize(number + 1, None);
        }
        self.cookies[number] = (cookie.until > SimTime::ZERO).then_some(cookie.value);
    }

    /// The number of the pod of each client that came last; `u32::MAX` = nobody answered.
    pub fn places(&self) -> &[u32] {
        &self.places
    }

    /// How many clients have a cookie of this balancer.
    pub fn with_cookie(&self) -> u64 {
        self.cookies.iter().flatten().count() as u64
    }
}

/// More tries than any product makes, and redirects that a browser follows.
const MOST_TRIED: usize = 200;

/// A state in a word.
pub const fn state_word(server: &Server) -> &'static str {
    match (server.peer.health, server.refuses) {
        (Health::Down, _) => "down",
        (Health::Draining, _) => "drain",
        (Health::Up, true) => "refuses",
        (Health::Up, false) => "up",
    }
}
