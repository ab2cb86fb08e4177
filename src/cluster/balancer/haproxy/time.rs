//! Times and sizes as `haproxy.cfg` writes them: a number, and a unit or none.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::Span;

/// HAProxy counts milliseconds in 32 bits, of which one is a sign: nothing is longer than 24 days.
const LONGEST: Span = Span::from_millis(i32::MAX as u64);

/// Units of time, longest first.
const UNITS: [(&str, Span); 6] = [
    ("d", Span::from_secs(86_400)),
    ("h", Span::from_secs(3_600)),
    ("m", Span::from_secs(60)),
    ("s", Span::from_secs(1)),
    ("ms", Span::from_millis(1)),
    ("us", Span::from_micros(1)),
];

/// A time above zero; a number alone is in `unit`.
pub fn time(text: &str, unit: Span) -> Result<Span, String> {
    let span = match text.parse::<u64>() {
        Ok(number) => unit * number,
        Err(_) => text.parse::<Span>().map_err(|error| error.to_string())?,
    };
    if span.is_zero() || span > LONGEST {
        return Err(format!("`{text}` is not a time that HAProxy takes: write one between `1ms` and `24d`"));
    }
    Ok(span)
}

/// A time as HAProxy reads it: one number and one unit.
pub fn time_text(span: Span) -> String {
    let fits = |&&(_, unit): &&(&str, Span)| span.as_nanos().is_multiple_of(unit.as_nanos());
    let (unit, length) = UNITS.iter().find(fits).unwrap_or(&UNITS[5]);
    format!("{}{unit}", span.as_nanos() / length.as_nanos())
}

/// A size such as `200k`: units are powers of 1024.
pub fn size(text: &str, most: u64) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| format!("`{text}` is not a size: write a number up to {most}, such as `200k`"))
}

/// A size with the largest unit that it is a multiple of.
pub fn size_text(size: u64) -> String {
    for (shift, unit) in [(30, "g"), (20, "m"), (10, "k")] {
        if size.is_multiple_of(1 << shift) {
            return format!("{}{unit}", size >> shift);
        }
    }
    size.to_string()
}

/// A number that follows a word, within bounds.
pub fn number(word: &str, text: Option<&str>, least: u32, most: u32) -> Result<u32, String> {
    text.and_then(|text| text.parse().ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("`{word}` needs a number from {least} to {most} after it"))
}

/// How timeouts are written.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MillisOrSpan {
    /// Milliseconds, as in `haproxy.cfg`.
    #[expect(dead_code, reason = "describes the shape for the schema")]
    Millis(u32),
    /// With a unit, such as `5s`.
    #[expect(dead_code, reason = "describes the shape for the schema")]
    Span(Span),
}

/// Reads what [`MillisOrSpan`] describes.
pub fn millis_or_span<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Span>, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = Option<Span>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number of milliseconds such as 5000, or a time such as `5s`")
        }
        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
            self.visit_str(&number.to_string())
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            time(text, Span::from_millis(1)).map(Some).map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Visitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_written_as_they_are_read() {
        for text in ["1us", "1500ms", "90s", "30m", "8h", "2d"] {
            assert_eq!(time(text, Span::from_secs(1)).map(time_text).as_deref(), Ok(text));
        }
        assert_eq!(time("2000", Span::from_millis(1)), Ok(Span::from_secs(2)));
        assert_eq!(time("30", Span::from_secs(1)), Ok(Span::from_secs(30)));
        for text in ["", "0", "0s", "25d", "s", "-1", "5 s", "99999999999999999999"] {
            assert!(time(text, Span::from_secs(1)).is_err(), "{text}");
        }
        for text in ["1", "200k", "1m", "3000"] {
            assert_eq!(size(text, 1 << 27).map(size_text).as_deref(), Ok(text));
        }
        assert!(["0", "k", "1g", "", "-5", "1kk"].iter().all(|text| size(text, 1 << 27).is_err()));
    }
}
