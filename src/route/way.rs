//! The way to the servers: balancers in a row, each with all its instances, as a simulation builds them.

use std::net::IpAddr;

use super::{CHANGES, Fault, Needs};
use crate::cluster::balancer::{AffinityKey, BalancerSpec, Decide, Peer, Request, Sees, SetCookie, Settings, Tries};
use crate::cluster::path::{Loads, Path, Tier, seen};
use crate::cluster::spec::MAX_TIERS;
use crate::engine::{LazyStream, Seed, SimTime};

/// What random numbers are for: the instance of the first balancer that a client reaches …
const ENTRY: u64 = 5;
/// … and the first of the purposes of balancers before the last one.
const TIERS: u64 = 0x100;

/// All instances of a balancer know of no more servers together: some make a ring of their servers, each for itself.
const MOST_LINES: u64 = 200_000;

/// The instance of each balancer that a client comes through.
pub type Instances = [u16; MAX_TIERS];

/// Balancers in a row, and the cookies of clients that each of them has set.
pub struct Way {
    pub path: Path,
    /// By balancer and client; empty as long as nobody has one.
    cookies: Vec<Vec<Option<u32>>>,
    seed: Seed,
}

/// Refuses more servers than all instances of a balancer together should know.
pub fn check_lines(spec: &BalancerSpec, servers: usize) -> Result<(), Fault> {
    let instances = u64::from(spec.settings().instances().max(1));
    if instances * servers as u64 > MOST_LINES {
        let who = spec.settings().describe();
        return Err(Fault(format!(
            "{instances} instances of {who} with {servers} servers each are more than {MOST_LINES} together; write fewer of \
             either"
        )));
    }
    Ok(())
}

impl Way {
    /// These balancers, at least one; the last one knows no server yet.
    pub fn new(specs: &[BalancerSpec], seed: Seed) -> Result<Way, Fault> {
        for pair in specs.windows(2) {
            check_lines(&pair[0], pair[1].settings().instances() as usize)?;
        }
        let mut path = Path::new(specs);
        path.connect_tiers(specs, |tier, instance| seed.stream(CHANGES + ((tier as u64 + 1) << 8), instance as u64, 0));
        Ok(Way { path, cookies: vec![Vec::new(); specs.len()], seed })
    }

    /// The balancer that chooses servers.
    pub const fn last(&self) -> &Tier {
        &self.path.last
    }

    /// All its instances take up this list.
    pub fn set_peers(&mut self, settings: &dyn Settings, peers: &[Peer], step: u64) {
        for (number, instance) in self.path.last.instances.iter_mut().enumerate() {
            let known = settings.reached(number, peers);
            instance.balancer.set_peers(&known, &mut self.seed.stream(CHANGES, number as u64, step));
        }
    }

    /// Nobody is connected any more.
    pub fn clear_loads(&mut self) {
        for instance in &mut self.path.last.instances {
            instance.loads = Loads::default();
        }
    }

    /// What clients must have for their way to be known.
    pub fn needs(&self, specs: &[BalancerSpec]) -> Needs {
        let who = |reads: &dyn Fn(usize, &BalancerSpec) -> bool| {
            let found = specs.iter().enumerate().find(|(tier, spec)| reads(*tier, spec));
            found.map(|(_, spec)| spec.settings().describe())
        };
        let sees_client = |tier: usize| self.path.tier(tier).sees == Sees::Client;
        Needs {
            address: who(&|tier, spec| spec.settings().reads().address && sees_client(tier)),
            key: who(&|_, spec| spec.settings().reads().text()),
        }
    }

    /// Balancers before the last one send a request on its way: the instances that it meets, and whether it reaches the last.
    pub fn walk(&mut self, number: u64, request: &Request<'_>, step: u64) -> (Instances, bool) {
        let mut instances = [0; MAX_TIERS];
        let entries = self.path.tier(0).instances.len() as u64;
        if entries > 1 {
            instances[0] = self.seed.stream(ENTRY, number, step).below(entries) as u16;
        }
        for tier in 0..self.path.tiers() - 1 {
            let cookie = self.cookie(tier, number);
            let address = seen(self.path.tier(tier).sees, &instances, || request.address);
            let request = Request { address, cookie, ..*request };
            let mut stream = LazyStream::new(self.seed, TIERS + tier as u64, number, step);
            let mut tries = Tries::default();
            let balancer = &mut self.path.instance_before_mut(tier, instances[tier]).balancer;
            // as in a simulation: instances do not fail, and of their loads nothing is known
            let Some(position) = balancer.pick(&request, &mut tries, &mut stream, |_| 0) else {
                return (instances, false);
            };
            instances[tier + 1] = balancer.peers()[position].pod.raw() as u16;
            if let Some(cookie) = tries.cookie {
                self.keep(tier, number, cookie);
            }
        }
        (instances, true)
    }

    /// The address of a client as the last balancer sees it.
    pub fn seen_by_last(&self, client: IpAddr, instances: &Instances) -> IpAddr {
        seen(self.last().sees, instances, || client)
    }

    /// What the last balancer looks at to send clients to the same server again.
    pub const fn affinity(&self) -> AffinityKey {
        self.last().affinity
    }

    /// The number of the last balancer.
    pub const fn last_number(&self) -> usize {
        self.path.tiers() - 1
    }

    /// The cookie of a balancer that a client sends.
    pub fn cookie(&self, tier: usize, number: u64) -> Option<u32> {
        self.cookies[tier].get(number as usize).copied().flatten()
    }

    /// A client keeps a cookie, unless it was made to end at once.
    pub fn keep(&mut self, tier: usize, number: u64, cookie: SetCookie) {
        let (cookies, number) = (&mut self.cookies[tier], number as usize);
        if cookies.len() <= number {
            cookies.resize(number + 1, None);
        }
        cookies[number] = (cookie.until > SimTime::ZERO).then_some(cookie.value);
    }

    /// How many clients have a cookie of the last balancer.
    pub fn with_cookie(&self) -> u64 {
        self.cookies[self.last_number()].iter().flatten().count() as u64
    }
}
