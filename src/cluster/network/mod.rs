//! Public addresses: really drawn, shared behind NATs, changing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::purpose::Purpose;
use super::spec::Sharing;
use crate::engine::{Seed, Stream};

/// IPv4 blocks that are not globally unicast (IANA special-purpose registry), as (first address, prefix length).
const NOT_PUBLIC: [([u8; 4], u32); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn is_public(address: u32) -> bool {
    NOT_PUBLIC.iter().all(|&(block, length)| (address ^ u32::from_be_bytes(block)) >> (32 - length) != 0)
}

/// A public IPv4 address, each equally likely.
pub fn draw_v4(stream: &mut Stream) -> Ipv4Addr {
    loop {
        let candidate = (stream.bits() >> 32) as u32;
        if is_public(candidate) {
            return Ipv4Addr::from(candidate);
        }
    }
}

/// A global IPv6 address (2000::/3) with a random interface part, as privacy extensions make them.
pub fn draw_v6(stream: &mut Stream) -> Ipv6Addr {
    let network = (stream.bits() >> 3) | (1 << 61);
    Ipv6Addr::from((u128::from(network) << 64) | u128::from(stream.bits()))
}

/// Another address in the same /24 (IPv4) or /64 (IPv6).
pub fn neighbour(address: IpAddr, stream: &mut Stream) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            // 1..=255 added: never the same one
            IpAddr::V4(Ipv4Addr::new(a, b, c, d.wrapping_add(1 + stream.below(255) as u8)))
        }
        IpAddr::V6(v6) => {
            let network = u128::from(v6) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network | u128::from(stream.bits())))
        }
    }
}

/// The /24 of an IPv4 address, an IPv6 address itself: what nginx's `ip_hash` tells apart.
pub const fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(_) => address,
    }
}

/// The shared IPv4 addresses of an audience.
pub struct Pool {
    audience: u32,
    /// Members of the groups 0..=i; empty when nobody shares.
    until: Vec<u32>,
}

impl Pool {
    /// The groups of an audience of `population` clients.
    pub fn new(sharing: &Sharing, audience: u32, population: u32, seed: Seed) -> Pool {
        let mut until = Vec::new();
        match sharing {
            Sharing::Own => {}
            Sharing::Sizes(law) => {
                let mut total = 0u32;
                while total < population {
                    let mut stream = Purpose::GroupSize.stream(seed, audience, until.len() as u32);
                    let size = law.draw(&mut stream).clamp(1.0, f64::from(population));
                    total = total.saturating_add(libm::round(size) as u32).min(population);
                    until.push(total);
                }
            }
            Sharing::Weights(weights) => {
                // cumulative rounding: sizes are proportional to within one client
                let sum: f64 = weights.iter().sum();
                let mut running = 0.0;
                for weight in weights {
                    running += weight;
                    until.push(libm::round(f64::from(population) * running / sum) as u32);
                }
            }
        }
        Pool { audience, until }
    }
    /// The address of the `member`-th client of a population that is there from the start; `None`: its own.
    pub fn address_of(&self, member: u32, seed: Seed) -> Option<Ipv4Addr> {
        let last = *self.until.last()?;
        let member = if last == 0 { 0 } else { member % last };
        let group = self.until.partition_point(|&until| until <= member).min(self.until.len() - 1);
        Some(draw_v4(&mut Purpose::Group.stream(seed, self.audience, group as u32)))
    }
    /// The address of a newcomer: a group with probability proportional to its size; `None`: its own.
    pub fn draw(&self, stream: &mut Stream, seed: Seed) -> Option<Ipv4Addr> {
        let last = *self.until.last()?;
        self.address_of(stream.below(u64::from(last.max(1))) as u32, seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Law;

    #[test]
    fn drawn_addresses_are_public_and_differ() {
        for n in 0..2_000 {
            let address = draw_v4(&mut Purpose::Client.stream(Seed(1), 1, n));
            assert!(!address.is_private() && !address.is_loopback() && !address.is_multicast(), "{address}");
            assert!(!address.is_documentation() && address.octets()[0] != 0 && address.octets()[0] < 224, "{address}");
            let v6 = draw_v6(&mut Purpose::Client.stream(Seed(1), 2, n));
            assert_eq!(v6.segments()[0] >> 13, 1, "{v6}");
        }
    }

    #[test]
    fn a_neighbour_is_near_but_another() {
        let mut stream = Purpose::Client.stream(Seed(1), 1, 1);
        let address: IpAddr = "81.2.69.142".parse().unwrap();
        for _ in 0..1_000 {
            let next = neighbour(address, &mut stream);
            assert_ne!(next, address);
            assert_eq!(network_of(next), network_of(address));
        }
    }

    #[test]
    fn groups_have_the_sizes_they_were_given() {
        let sizes = |sharing: &Sharing, population: u32| {
            let pool = Pool::new(sharing, 0, population, Seed(3));
            let mut last = 0;
            pool.until.iter().map(|&u| u - std::mem::replace(&mut last, u)).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&Sharing::Weights(vec![2.0, 1.0, 1.0]), 1000), [500, 250, 250]);
        assert_eq!(sizes(&Sharing::Sizes(Law::Fixed(150.0)), 400), [150, 150, 100]);
        assert_eq!(sizes(&Sharing::Own, 400), [0u32; 0]);
        let pool = Pool::new(&Sharing::Weights(vec![1.0, 1.0]), 0, 10, Seed(3));
        assert_eq!(pool.address_of(0, Seed(3)), pool.address_of(4, Seed(3)));
        assert_ne!(pool.address_of(4, Seed(3)), pool.address_of(5, Seed(3)));
    }
}
