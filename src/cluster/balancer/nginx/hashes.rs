//! The hashes of nginx: of networks (`ip_hash`) and of keys (`hash`).

use std::net::IpAddr;

use super::super::Request;
use super::super::address::AddressText;
use super::NginxKey;

/// `ip_hash` hashes one octet after the other: `hash = (hash * 113 + octet) % 6271`.
const HASH_PRIME: u32 = 6271;

/// Where `ip_hash` begins.
pub const HASH_START: u32 = 89;

/// 113ⁿ modulo 6271, for n from 16 down to 0.
const HASH_POWERS: [u32; 17] = {
    let mut powers = [1; 17];
    let mut n = 16;
    while n > 0 {
        powers[n - 1] = powers[n] * 113 % HASH_PRIME;
        n -= 1;
    }
    powers
};

/// What all octets of an address that count do to the hash together.
#[derive(Clone, Copy)]
pub struct NetworkHash {
    factor: u32,
    sum: u32,
}

impl NetworkHash {
    /// The first three octets of IPv4 count, and all of IPv6.
    pub fn new(address: IpAddr) -> NetworkHash {
        let step = |octets: &[u8]| {
            let [factor, powers @ ..] = &HASH_POWERS[16 - octets.len()..] else {
                return NetworkHash { factor: 1, sum: 0 };
            };
            let sum = octets.iter().zip(powers).map(|(&octet, power)| u32::from(octet) * power).sum();
            NetworkHash { factor: *factor, sum }
        };
        match address {
            IpAddr::V4(v4) => step(&v4.octets()[..3]),
            IpAddr::V6(v6) => step(&v6.octets()),
        }
    }
    /// The hash after another pass.
    #[inline]
    pub const fn after(self, hash: u32) -> u32 {
        (hash * self.factor + self.sum) % HASH_PRIME
    }
}

/// The bytes of a key, none when the request does not have it.
pub enum KeyBytes<'r> {
    /// The text of a user or room.
    Text(&'r [u8]),
    /// An address as text.
    Address(AddressText),
    /// The octets of an address.
    V4([u8; 4]),
    /// The same.
    V6([u8; 16]),
}

impl<'r> KeyBytes<'r> {
    /// The key of a request.
    pub fn new(key: NginxKey, request: &Request<'r>) -> KeyBytes<'r> {
        match (key, request.address) {
            (NginxKey::User, _) => KeyBytes::Text(request.user),
            (NginxKey::Room, _) => KeyBytes::Text(request.room),
            (NginxKey::Address, address) => KeyBytes::Address(AddressText::new(address)),
            (NginxKey::BinaryAddress, IpAddr::V4(v4)) => KeyBytes::V4(v4.octets()),
            (NginxKey::BinaryAddress, IpAddr::V6(v6)) => KeyBytes::V6(v6.octets()),
        }
    }
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            KeyBytes::Text(text) => text,
            KeyBytes::Address(text) => text.bytes(),
            KeyBytes::V4(octets) => octets,
            KeyBytes::V6(octets) => octets,
        }
    }
}

/// What `hash` adds to its sum at a pass: the key behind the number of the pass, which counts from the second on.
pub fn key_hash(key: &[u8], pass: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    if pass > 0 {
        let mut digits = [0; 10];
        let mut at = digits.len();
        let mut rest = pass;
        while rest > 0 {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        hasher.update(&digits[at..]);
    }
    hasher.update(key);
    (hasher.finalize() >> 16) & 0x7fff
}

/// What the points of a server on the ring of `hash … consistent` begin with: host, a zero byte, port.
pub fn ring_base(server: &str) -> crc32fast::Hasher {
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (server, ""),
    };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(host.as_bytes());
    hasher.update(&[0]);
    hasher.update(port.as_bytes());
    hasher
}
