//! An order-sensitive digest of everything that happened: the golden value of a run.

/// Folds `(time, event)` pairs into 64 bits. Equal digests mean, for all practical purposes, equal runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    pub const fn new() -> Digest {
        Digest(0x9E37_79B9_7F4A_7C15)
    }
    /// Adds one pair of words; the order of calls matters.
    pub fn add(&mut self, a: u64, b: u64) {
        // Two rounds of multiply-and-fold over 128 bits (the mixing step of wyhash).
        let fold = |x: u64, y: u64| {
            let wide = u128::from(x) * u128::from(y);
            (wide as u64) ^ ((wide >> 64) as u64)
        };
        let mixed = fold(a ^ 0xA076_1D64_78BD_642F, self.0 ^ 0xE703_7ED1_A0B4_28DB);
        self.0 = fold(b ^ 0x8EBC_6AF0_9C88_C6E3, mixed ^ 0x5899_65CC_7537_4CC3);
    }
    /// The value so far.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Default for Digest {
    fn default() -> Self {
        Digest::new()
    }
}
