//! The hashes of nginx: of networks (`ip_hash`) and of keys (`hash`).

use std::fmt::{self, Write};
use std::net::IpAddr;

use super::super::Request;
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

/// Room for an address, as text (at most 45 letters) or as octets.
pub struct Scratch {
    bytes: [u8; 48],
    len: usize,
}

impl Scratch {
    /// Nothing in it.
    pub const fn new() -> Scratch {
        Scratch { bytes: [0; 48], len: 0 }
    }
    fn put(&mut self, bytes: &[u8]) -> &[u8] {
        self.len = bytes.len();
        self.bytes[..self.len].copy_from_slice(bytes);
        &self.bytes[..self.len]
    }
}

impl Write for Scratch {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// The bytes of a key, none when the request does not have it.
pub fn key_bytes<'a>(key: NginxKey, request: &'a Request<'_>, scratch: &'a mut Scratch) -> &'a [u8] {
    match (key, request.address) {
        (NginxKey::User | NginxKey::Room, _) => request.key,
        (NginxKey::BinaryAddress, IpAddr::V4(v4)) => scratch.put(&v4.octets()),
        (NginxKey::BinaryAddress, IpAddr::V6(v6)) => scratch.put(&v6.octets()),
        (NginxKey::Address, address) => {
            write!(scratch, "{address}").expect("an address has at most 45 letters");
            &scratch.bytes[..scratch.len]
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
