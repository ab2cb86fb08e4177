//! HAProxy's hash functions (`src/hash.c`, `full_hash` of `include/haproxy/intops.h`).

use std::net::IpAddr;

/// The function of `hash-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The default.
    Sdbm,
    /// Bernstein's, with 33.
    Djb2,
    /// HAProxy's own, for keys that are addresses or numbers.
    Wt6,
    /// The one of Ethernet and zip.
    Crc32,
}

impl Function {
    /// As `haproxy.cfg` writes them.
    pub const ALL: [(&'static str, Function); 4] =
        [("sdbm", Function::Sdbm), ("djb2", Function::Djb2), ("wt6", Function::Wt6), ("crc32", Function::Crc32)];

    /// The hash of a key.
    pub fn of(self, key: &[u8]) -> u32 {
        match self {
            Function::Sdbm => {
                key.iter().fold(0, |hash: u32, &byte| hash.wrapping_mul(65_599).wrapping_add(byte.into()))
            }
            Function::Djb2 => key.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(byte.into())),
            Function::Wt6 => wt6(key),
            Function::Crc32 => crc32fast::hash(key),
        }
    }
}

/// Two words that swap places at every byte, turned by as many bits as they say themselves.
fn wt6(key: &[u8]) -> u32 {
    let (mut first, mut second) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut turn_second, mut turn_first) = (6, 18);
    for &byte in key {
        let byte = u32::from(byte);
        let mixed = !(first ^ byte);
        first = (!second.wrapping_add(byte)).rotate_left(turn_second);
        second = mixed.rotate_left(turn_first);
        let turns = ((first >> 16) ^ second) & 0xffff;
        (turn_second, turn_first) = (turns & 0x1f, turns >> 11);
    }
    first ^ second
}

/// The `avalanche` modifier: Jenkins' integer mix in six shifts, times 3 · 2³⁰ + 1. A bijection, as each of its steps is.
pub const fn avalanche(hash: u32) -> u32 {
    let mut a = hash;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(3_221_225_473)
}

/// What `balance source` takes of an address: its 32-bit words, one of IPv4 and four of IPv6, xored.
pub const fn of_source(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            (bits >> 96) as u32 ^ (bits >> 64) as u32 ^ (bits >> 32) as u32 ^ bits as u32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_the_xor_of_its_words() {
        let hash = |text: &str| of_source(text.parse().expect("an address"));
        assert_eq!(hash("1:2:10:20:100:200:1000:2000"), 0x0001_0002 ^ 0x0010_0020 ^ 0x0100_0200 ^ 0x1000_2000);
        assert_eq!(hash("10.1.2.3"), 0x0a01_0203);
    }

    #[test]
    fn published_check_values() {
        // CRC-32/ISO-HDLC of the nine digits; djb2 and sdbm of one byte follow from their definition
        assert_eq!(Function::Crc32.of(b"123456789"), 0xcbf4_3926);
        assert_eq!(Function::Djb2.of(b"a"), 5381 * 33 + 97);
        assert_eq!(Function::Sdbm.of(b"ab"), 97 * 65_599 + 98);
        assert_eq!(Function::Wt6.of(b""), 0xa53c_965a ^ 0x5ca6_953a);
    }
}
