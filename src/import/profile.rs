//! What an access log says about an audience.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use super::line::BrokenReason;
use super::tally::Tally;
use super::time::LogTime;
use crate::engine::Span;

/// What an access log says about an audience.
///
/// A *client* is a distinct pair of address and user agent: the nearest a log comes to a browser. A *network* is what
/// nginx's `ip_hash` looks at: the first three octets of an IPv4 address, all of an IPv6 address.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// How many lines there were of each kind.
    pub lines: LineCounts,
    /// Lines that are no requests, by reason.
    pub broken: Vec<BrokenLines>,
    /// Time of the earliest request.
    pub from: LogTime,
    /// Time of the latest request.
    pub to: LogTime,
    /// Number of requests.
    pub requests: u64,
    /// Number of distinct (address, user agent) pairs.
    pub clients: u64,
    /// Number of distinct addresses.
    pub addresses: u64,
    /// How many of the addresses are IPv6.
    pub ipv6_addresses: u64,
    /// Number of distinct networks as nginx's `ip_hash` sees them: /24 for IPv4, the full address for IPv6.
    pub networks: u64,
    /// How many addresses carry how many clients, by number of clients.
    pub group_sizes: Vec<GroupSize>,
    /// Requests of each client.
    pub requests_per_client: Spread,
    /// Requests over time.
    pub arrivals: Arrivals,
    /// How many equal sources the load amounts to: 1/Σp² over the shares p.
    pub n_eff: EffectiveNumbers,
    /// The addresses with most requests, at most 10.
    pub top_addresses: Vec<AddressShare>,
    /// The networks with most clients, at most 10.
    pub top_networks: Vec<NetworkShare>,
}

/// How many addresses and networks are listed by name.
pub(super) const TOP: usize = 10;

/// Lines of a log by kind: `total = requests + broken + blank`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LineCounts {
    /// All.
    pub total: u64,
    /// Lines that are requests.
    pub requests: u64,
    /// Lines that are neither requests nor blank.
    pub broken: u64,
    /// Lines of white space.
    pub blank: u64,
    /// Requests whose line ends inside the user agent, which then counts as it stands.
    pub cut_short: u64,
}

/// Lines that could not be read for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenLines {
    /// Why.
    pub reason: BrokenReason,
    /// How many.
    pub lines: u64,
    /// Numbers of the first few, counted from 1.
    pub first_lines: Vec<u64>,
}

/// How many addresses carry this many clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GroupSize {
    /// Clients behind one address.
    pub clients: u64,
    /// Number of such addresses.
    pub addresses: u64,
    /// How many of them are IPv6.
    pub ipv6_addresses: u64,
}

/// A distribution of whole numbers in short. Quantiles are values that occur: the smallest one that at least this share
/// of all does not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation (of the population) over mean.
    pub cv: f64,
    /// Smallest.
    pub min: u64,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Largest.
    pub max: u64,
}

/// Requests over time in equal bins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arrivals {
    /// Start of the first bin, a multiple of the width.
    pub start: LogTime,
    /// Width of a bin.
    pub bin: Span,
    /// Requests in each bin.
    pub requests: Vec<u64>,
    /// Minutes of the clock in which there was a request, bins or not.
    pub minutes_with_requests: u64,
    /// Minutes of the clock from the first request to the last.
    pub minutes: u64,
}

/// Effective numbers of sources, 1/Σp² each: as many equal sources would be as uneven under a hash.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EffectiveNumbers {
    /// p = share of clients of an address.
    pub clients_by_address: f64,
    /// p = share of clients of a network (see [`Profile::networks`]).
    pub clients_by_network: f64,
    /// p = share of requests of an address.
    pub requests_by_address: f64,
    /// p = share of requests of a network (see [`Profile::networks`]).
    pub requests_by_network: f64,
}

/// What one address carries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AddressShare {
    /// The address.
    pub address: IpAddr,
    /// Its clients.
    pub clients: u64,
    /// Its requests.
    pub requests: u64,
    /// Its share of all clients, 0 to 1.
    pub clients_share: f64,
    /// Its share of all requests, 0 to 1.
    pub requests_share: f64,
}

/// What one network carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkShare {
    /// Such as `192.0.2.0/24` or `2001:db8::7/128`.
    pub network: String,
    /// Its addresses.
    pub addresses: u64,
    /// Its clients.
    pub clients: u64,
    /// Its requests.
    pub requests: u64,
    /// Its share of all clients, 0 to 1.
    pub clients_share: f64,
    /// Its share of all requests, 0 to 1.
    pub requests_share: f64,
}

/// What an address or a network carries.
#[derive(Clone, Copy, Default)]
struct Load {
    addresses: u64,
    clients: u64,
    requests: u64,
}

impl Profile {
    /// The profile of what was counted; `None` when there is no request.
    pub(super) fn of(tally: &Tally, lines: LineCounts, broken: Vec<BrokenLines>) -> Option<Profile> {
        let (from, to) = (tally.first?, tally.last?);
        let mut by_address = vec![Load { addresses: 1, ..Load::default() }; tally.addresses.len()];
        for client in &tally.clients {
            let load = &mut by_address[client.address as usize];
            load.clients += 1;
            load.requests += client.requests;
        }
        let mut by_network = BTreeMap::<IpAddr, Load>::new();
        for (&address, load) in tally.addresses.iter().zip(&by_address) {
            let network = by_network.entry(network(address)).or_default();
            network.addresses += 1;
            network.clients += load.clients;
            network.requests += load.requests;
        }
        let total = Load { addresses: 0, clients: tally.clients.len() as u64, requests: lines.requests };
        Some(Profile {
            lines,
            broken,
            from,
            to,
            requests: total.requests,
            clients: total.clients,
            addresses: tally.addresses.len() as u64,
            ipv6_addresses: tally.addresses.iter().filter(|address| address.is_ipv6()).count() as u64,
            networks: by_network.len() as u64,
            group_sizes: group_sizes(&tally.addresses, &by_address),
            requests_per_client: Spread::of(tally.clients.iter().map(|client| client.requests).collect())?,
            arrivals: Arrivals::of(&tally.minutes)?,
            n_eff: EffectiveNumbers {
                clients_by_address: n_eff(by_address.iter().map(|load| load.clients)),
                clients_by_network: n_eff(by_network.values().map(|load| load.clients)),
                requests_by_address: n_eff(by_address.iter().map(|load| load.requests)),
                requests_by_network: n_eff(by_network.values().map(|load| load.requests)),
            },
            top_addresses: top_addresses(&tally.addresses, &by_address, total),
            top_networks: top_networks(&by_network, total),
        })
    }

    /// From the first request to the end of the last one's second.
    pub fn period(&self) -> Span {
        Span::from_secs(self.to.secs_since(self.from) + 1)
    }
    /// The expected coefficient of variation of clients per pod when so many equal sources are hashed onto `pods` pods:
    /// √((pods − 1)/`n_eff`).
    pub fn expected_cv(n_eff: f64, pods: u32) -> f64 {
        libm::sqrt(f64::from(pods.saturating_sub(1)) / n_eff)
    }
}

/// What nginx's `ip_hash` sees of an address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(_) => address,
    }
}

/// 1/Σp² of these counts, as (Σn)²/Σn²; sums of whole numbers do not depend on their order.
fn n_eff(counts: impl Iterator<Item = u64>) -> f64 {
    let (mut sum, mut squares) = (0_u128, 0_u128);
    for n in counts.map(u128::from) {
        sum += n;
        squares = squares.saturating_add(n * n);
    }
    if squares == 0 { 0.0 } else { (sum as f64) * (sum as f64) / squares as f64 }
}

fn group_sizes(addresses: &[IpAddr], loads: &[Load]) -> Vec<GroupSize> {
    let mut sizes = BTreeMap::<u64, (u64, u64)>::new();
    for (address, load) in addresses.iter().zip(loads) {
        let (all, ipv6) = sizes.entry(load.clients).or_default();
        *all += 1;
        *ipv6 += u64::from(address.is_ipv6());
    }
    sizes
        .into_iter()
        .map(|(clients, (addresses, ipv6_addresses))| GroupSize { clients, addresses, ipv6_addresses })
        .collect()
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// The addresses with most requests; equal ones by number of clients, then by address.
fn top_addresses(addresses: &[IpAddr], loads: &[Load], total: Load) -> Vec<AddressShare> {
    let mut all: Vec<(&IpAddr, &Load)> = addresses.iter().zip(loads).collect();
    all.sort_by_key(|&(&address, load)| (std::cmp::Reverse((load.requests, load.clients)), address));
    all.into_iter()
        .take(TOP)
        .map(|(&address, load)| AddressShare {
            address,
            clients: load.clients,
            requests: load.requests,
            clients_share: share(load.clients, total.clients),
            requests_share: share(load.requests, total.requests),
        })
        .collect()
}

/// The networks with most clients; equal ones by number of requests, then by address.
fn top_networks(networks: &BTreeMap<IpAddr, Load>, total: Load) -> Vec<NetworkShare> {
    let mut all: Vec<(&IpAddr, &Load)> = networks.iter().collect();
    all.sort_by_key(|&(&network, load)| (std::cmp::Reverse((load.clients, load.requests)), network));
    all.into_iter()
        .take(TOP)
        .map(|(network, load)| NetworkShare {
            network: format!("{network}/{}", if network.is_ipv4() { 24 } else { 128 }),
            addresses: load.addresses,
            clients: load.clients,
            requests: load.requests,
            clients_share: share(load.clients, total.clients),
            requests_share: share(load.requests, total.requests),
        })
        .collect()
}

impl Spread {
    /// The spread of these numbers; `None` when there are none.
    fn of(mut values: Vec<u64>) -> Option<Spread> {
        values.sort_unstable();
        let (&min, &max) = (values.first()?, values.last()?);
        let n = values.len();
        let mean = values.iter().map(|&v| v as f64).sum::<f64>() / n as f64;
        let variance = values.iter().map(|&v| (v as f64 - mean) * (v as f64 - mean)).sum::<f64>() / n as f64;
        let quantile = |percent: usize| values[(n * percent).div_ceil(100).max(1) - 1];
        let cv = if mean > 0.0 { libm::sqrt(variance) / mean } else { 0.0 };
        Some(Spread { mean, cv, min, p50: quantile(50), p90: quantile(90), p99: quantile(99), max })
    }
}

/// Widths of bins that people count in, in minutes: 1 min … 12 h, 1 d, 7 d.
const BIN_MINUTES: [i64; 11] = [1, 5, 10, 15, 30, 60, 180, 360, 720, 1_440, 10_080];
/// A profile has no more bins than this.
const MAX_BINS: i64 = 100;

impl Arrivals {
    /// Bins of the smallest usual width that gives at most [`MAX_BINS`].
    fn of(minutes: &BTreeMap<i64, u64>) -> Option<Arrivals> {
        let (&first, &last) = (minutes.keys().next()?, minutes.keys().next_back()?);
        let bins = |width: i64| last.div_euclid(width) - first.div_euclid(width) + 1;
        // Beyond the list whole weeks, so many of them that the bins suffice wherever they start.
        let weeks = ((last - first) / (MAX_BINS - 1) / 10_080 + 1) * 10_080;
        let width = BIN_MINUTES.into_iter().find(|&width| bins(width) <= MAX_BINS).unwrap_or(weeks);
        let start = first.div_euclid(width);
        let mut requests = vec![0; usize::try_from(bins(width)).unwrap_or(1)];
        for (&minute, &n) in minutes {
            requests[usize::try_from(minute.div_euclid(width) - start).unwrap_or(0)] += n;
        }
        let bin = Span::from_secs(u64::try_from(width * 60).unwrap_or(60));
        Some(Arrivals {
            start: LogTime::from_unix_secs(start * width * 60),
            bin,
            requests,
            minutes_with_requests: minutes.len() as u64,
            minutes: u64::try_from(last - first).unwrap_or(0) + 1,
        })
    }
}
