//! How long messages are in the encodings that adapters use.

/// An encoding. Texts are plain: no character takes more than one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `JSON.stringify`.
    Json,
    /// `json.dumps` of Python, with a space after each comma and colon.
    SpacedJson,
    /// notepack.io and @msgpack/msgpack.
    Msgpack,
}

impl Format {
    /// A text of so many characters.
    pub const fn text(self, characters: u32) -> u32 {
        match (self, characters) {
            (Format::Json | Format::SpacedJson, n) => n + 2,
            (Format::Msgpack, n @ 0..=31) => n + 1,
            (Format::Msgpack, n @ 32..=0xff) => n + 2,
            (Format::Msgpack, n @ 0x100..=0xffff) => n + 3,
            (Format::Msgpack, n) => n + 5,
        }
    }
    /// A number that is not negative.
    pub const fn number(self, n: u64) -> u32 {
        match (self, n) {
            (Format::Json | Format::SpacedJson, n) => digits(n),
            (Format::Msgpack, 0..=0x7f) => 1,
            (Format::Msgpack, 0x80..=0xff) => 2,
            (Format::Msgpack, 0x100..=0xffff) => 3,
            (Format::Msgpack, 0x1_0000..=0xffff_ffff) => 5,
            (Format::Msgpack, _) => 9,
        }
    }
    /// `null`.
    pub const fn null(self) -> u32 {
        match self {
            Format::Json | Format::SpacedJson => 4,
            Format::Msgpack => 1,
        }
    }
    /// `true` or `false`.
    pub const fn flag(self, is: bool) -> u32 {
        match (self, is) {
            (Format::Json | Format::SpacedJson, true) => 4,
            (Format::Json | Format::SpacedJson, false) => 5,
            (Format::Msgpack, _) => 1,
        }
    }
    /// A list of items with these lengths.
    pub fn list(self, items: impl IntoIterator<Item = u32>) -> u32 {
        let (count, sum) = items.into_iter().fold((0, 0), |(count, sum), item| (count + 1, sum + item));
        sum + self.around(count)
    }
    /// An object of fields with these names and lengths of values.
    pub fn object(self, fields: &[(&str, u32)]) -> u32 {
        let colon = match self {
            Format::Json => 1,
            Format::SpacedJson => 2,
            Format::Msgpack => 0,
        };
        let field = |&(name, value): &(&str, u32)| self.text(name.len() as u32) + colon + value;
        fields.iter().map(field).sum::<u32>() + self.around(fields.len() as u32)
    }
    /// Brackets and commas around so many items.
    const fn around(self, items: u32) -> u32 {
        let commas = items.saturating_sub(1);
        match (self, items) {
            (Format::Json, _) => 2 + commas,
            (Format::SpacedJson, _) => 2 + 2 * commas,
            (Format::Msgpack, 0..=15) => 1,
            (Format::Msgpack, 16..=0xffff) => 3,
            (Format::Msgpack, _) => 5,
        }
    }
}

/// Decimal digits of a number.
pub const fn digits(n: u64) -> u32 {
    match n.checked_ilog10() {
        Some(log) => log + 1,
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_encodings() {
        // {"a":"xy","b":[1,10]} and the same with spaces
        for (format, length) in [(Format::Json, 21), (Format::SpacedJson, 25), (Format::Msgpack, 11)] {
            let list = format.list([format.number(1), format.number(10)]);
            assert_eq!(format.object(&[("a", format.text(2)), ("b", list)]), length, "{format:?}");
        }
        assert_eq!((digits(0), digits(9), digits(10), digits(u64::MAX)), (1, 1, 2, 20));
    }
}
