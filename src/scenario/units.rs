//! Quantities as users write them: `20/s`, `512Mi`, `5%`, and plain finite numbers.
//!
//! Each type reads and prints exactly: what it prints reads back as the same value. A number without the unit it
//! needs is refused with a sentence that says which units there are.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A frequency in events per second, written `20/s`, `3/m`, `100/h` or `5/d`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, JsonSchema)]
#[schemars(transparent, extend("pattern" = r"^\d+(\.\d+)?(e[+-]?\d+)?\s*/\s*(s|m|h|d)$"), extend("examples" = ["20/s", "3/m", "100/h"]))]
pub struct Rate(#[schemars(with = "String")] f64);

/// A number of bytes, written `512Mi`, `1Gi`, `64Ki`, `17k`, or as a plain whole number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

/// A part of a whole, 0 to 1, written `5%` or `0.05`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

/// A finite number of zero or more.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Number(f64);

/// A relative weight: any number of zero or more, or a percentage.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Weight(f64);

/// The sigma of a log-normal factor: a number of zero or more, or a percentage.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Sigma(f64);

/// A whole number that may be written with an exponent, such as `20e9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole(u64);

/// Why a text is not the quantity that is needed: a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuantityError(String);

fn refuse<T>(message: String) -> Result<T, QuantityError> {
    Err(QuantityError(message))
}

/// A finite number of zero or more, digits first (no `inf`, no `nan`, no sign).
fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let starts_well = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    text.parse::<f64>().ok().filter(|x| starts_well && x.is_finite() && *x >= 0.0)
}

impl Rate {
    /// This many per second.
    pub const fn per_second(self) -> f64 {
        self.0
    }
    /// So many times as often.
    pub fn times(self, factor: f64) -> Option<Rate> {
        let rate = self.0 * factor;
        (rate.is_finite() && rate >= 0.0).then_some(Rate(rate))
    }
}

impl Size {
    /// A number of bytes.
    pub const fn from_bytes(bytes: u64) -> Size {
        Size(bytes)
    }
    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Share {
    /// As a fraction of one.
    pub const fn fraction(self) -> f64 {
        self.0
    }
    /// A share from a fraction between 0 and 1.
    pub fn from_fraction(fraction: f64) -> Option<Share> {
        (0.0..=1.0).contains(&fraction).then_some(Share(fraction))
    }
}

impl Number {
    /// Its value.
    pub const fn value(self) -> f64 {
        self.0
    }
    /// A number, if finite and not negative.
    pub fn new(value: f64) -> Option<Number> {
        (value.is_finite() && value >= 0.0).then_some(Number(value))
    }
}

impl Weight {
    /// Its value.
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl Sigma {
    /// Its value.
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl Whole {
    /// Its value.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Rate, QuantityError> {
        let shown = text.trim();
        let Some((number, unit)) = shown.split_once('/') else {
            return match plain_number(shown) {
                Some(_) => {
                    refuse(format!("`{shown}` has no unit; write for example `{shown}/s`, `{shown}/m` or `{shown}/h`"))
                }
                None => refuse(format!("`{shown}` is not a rate; write for example `20/s`, `3/m` or `100/h`")),
            };
        };
        let Some(number) = plain_number(number) else {
            return refuse(format!("`{shown}` is not a rate; write for example `20/s`, `3/m` or `100/h`"));
        };
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            other => return refuse(format!("`/{other}` is not a unit of a rate; use /s, /m, /h or /d")),
        };
        Ok(Rate(number / seconds))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, f64); 4] = [("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];
        let numbers = UNITS.map(|(unit, seconds)| (libm::round(self.0 * seconds * 1e6) / 1e6, unit, seconds));
        let exact = |(number, _, seconds): &(f64, &str, f64)| number / seconds == self.0;
        let whole = numbers.iter().find(|n| exact(n) && libm::trunc(n.0) == n.0);
        let short = || numbers.iter().find(|n| exact(n) && n.0.to_string().len() <= 8);
        if let Some((number, unit, _)) = whole.or_else(short) {
            return write!(f, "{number}/{unit}");
        }
        write!(f, "{}/s", self.0)
    }
}

const SIZE_UNITS: [(&str, u64); 9] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
    ("", 1),
];

impl FromStr for Size {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Size, QuantityError> {
        let shown = text.trim();
        let digits = shown.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(shown.len());
        let (number, unit) = shown.split_at(digits);
        let Some(number) = plain_number(number) else {
            return refuse(format!("`{shown}` is not a size; write for example `512Mi`, `64Ki` or `300`"));
        };
        let Some((_, bytes)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit.trim()) else {
            return refuse(format!("`{}` is not a unit of size; use Ki, Mi, Gi, Ti, k, M, G or T", unit.trim()));
        };
        let bytes = libm::round(number * *bytes as f64);
        if bytes > 1e18 {
            return refuse(format!("`{shown}` is more than this program can count"));
        }
        Ok(Size(bytes as u64))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, bytes): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*bytes);
        let (unit, bytes) = SIZE_UNITS.iter().find(whole).copied().unwrap_or(("", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

impl FromStr for Share {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Share, QuantityError> {
        let shown = text.trim();
        let fraction = match shown.strip_suffix('%') {
            Some(percent) => plain_number(percent).map(|p| p / 100.0),
            None => plain_number(shown),
        };
        match fraction.and_then(Share::from_fraction) {
            Some(share) => Ok(share),
            None => {
                refuse(format!("`{shown}` is not a share; write `0%` to `100%`, or 0 to 1, for example `5%` or `0.05`"))
            }
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = libm::round(self.0 * 1e10) / 1e8;
        if percent / 100.0 == self.0 { write!(f, "{percent}%") } else { write!(f, "{}", self.0) }
    }
}

impl FromStr for Weight {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Weight, QuantityError> {
        let shown = text.trim();
        let number = match shown.strip_suffix('%') {
            Some(percent) => plain_number(percent).map(|p| p / 100.0),
            None => plain_number(shown),
        };
        match number {
            Some(number) => Ok(Weight(number)),
            None => refuse(format!("`{shown}` is not a weight; write for example `50%` or `120`")),
        }
    }
}

impl FromStr for Sigma {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Sigma, QuantityError> {
        let wrong =
            || QuantityError(format!("`{}` is not a sigma; write for example `0.15` or `15%`, or 0", text.trim()));
        text.parse().map(|Weight(sigma)| Sigma(sigma)).map_err(|_| wrong())
    }
}

impl FromStr for Number {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Number, QuantityError> {
        match plain_number(text) {
            Some(number) => Ok(Number(number)),
            None => refuse(format!(
                "`{}` is not a number of zero or more; write a finite number such as `2` or `0.5`",
                text.trim()
            )),
        }
    }
}

/// Reads a YAML scalar: a number through `$number`, a text through `FromStr`.
macro_rules! scalar {
    ($type:ident, $expecting:literal, $number:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        self.visit_f64(number as f64)
                    }
                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<$type, E> {
                        self.visit_f64(number as f64)
                    }
                    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<$type, E> {
                        let read: fn(f64) -> Result<$type, QuantityError> = $number;
                        read(number).map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }
    };
}

/// Schema of a quantity that is a number or a text.
macro_rules! number_or_text_schema {
    ($type:ident, $name:literal, $description:literal, $pattern:literal, $examples:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": $description,
                    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": $pattern}],
                    "examples": $examples,
                })
            }
        }
    };
}

scalar!(Rate, "a rate such as `20/s`, `3/m` or `100/h`", |x| x.to_string().parse());
scalar!(Size, "a size such as `512Mi`, or a whole number of bytes", |x| {
    if (0.0..=1e18).contains(&x) && libm::trunc(x) == x {
        Ok(Size(x as u64))
    } else {
        refuse(format!("`{x}` is not a number of bytes; write a whole number, or a size such as `512Mi`"))
    }
});
scalar!(Share, "a share such as `5%` or `0.05`", |x| match Share::from_fraction(x) {
    Some(share) => Ok(share),
    None if x > 1.0 && x <= 100.0 => refuse(format!("`{x}` is not a share of 0 to 1; did you mean `{x}%`?")),
    None => refuse(format!("`{x}` is not a share; write `0%` to `100%`, or 0 to 1")),
});
scalar!(Weight, "a weight such as `50%` or `120`", |x| match Number::new(x) {
    Some(number) => Ok(Weight(number.0)),
    None => refuse(format!("`{x}` is not a weight; write a finite number of zero or more, or a percentage")),
});
scalar!(Sigma, "a sigma such as `0.15` or `15%`", |x| x.to_string().parse());
scalar!(Number, "a number of zero or more", |x| match Number::new(x) {
    Some(number) => Ok(number),
    None => refuse(format!("`{x}` is not allowed here; write a finite number of zero or more")),
});
scalar!(Whole, "a whole number such as `20e9`", |x| {
    if (0.0..1.8e19).contains(&x) && libm::trunc(x) == x {
        Ok(Whole(x as u64))
    } else {
        refuse(format!("`{x}` is not a whole number of zero or more"))
    }
});

impl FromStr for Whole {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Whole, QuantityError> {
        let shown = text.trim();
        let whole = shown.parse::<u64>().ok();
        let float = plain_number(shown).filter(|x| *x < 1.8e19 && libm::trunc(*x) == *x).map(|x| x as u64);
        match whole.or(float) {
            Some(number) => Ok(Whole(number)),
            None => refuse(format!("`{shown}` is not a whole number of zero or more")),
        }
    }
}

number_or_text_schema!(
    Size,
    "Size",
    "A number of bytes: `512Mi`, `64Ki`, or a plain whole number.",
    r"^\d+(\.\d+)?\s*(Ki|Mi|Gi|Ti|k|M|G|T)?$",
    ["512Mi", 300]
);
number_or_text_schema!(Share, "Share", "A part of a whole: `5%` or `0.05`.", r"^\d+(\.\d+)?\s*%?$", ["5%", 0.05]);
number_or_text_schema!(
    Weight,
    "Weight",
    "A relative weight: any number of zero or more, or a percentage.",
    r"^\d+(\.\d+)?\s*%?$",
    ["50%", 120]
);
number_or_text_schema!(Sigma, "Sigma", "A sigma: a number or a percentage.", r"^\d+(\.\d+)?\s*%?$", [0.15, "15%"]);
number_or_text_schema!(Whole, "Whole", "A whole number, an exponent allowed.", r"^\d+(\.\d+)?(e\d+)?$", [20e9]);

impl JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"description": "A number of zero or more.", "type": "number", "minimum": 0})
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Share {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        match text.parse::<u64>() {
            Ok(bytes) => serializer.serialize_u64(bytes),
            Err(_) => serializer.serialize_str(&text),
        }
    }
}

impl Serialize for Whole {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// Whole numbers are printed without a point, so that `20` stays `20`.
fn serialize_number<S: serde::Serializer>(number: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if libm::trunc(number) == number && number < 9e15 {
        serializer.serialize_u64(number as u64)
    } else {
        serializer.serialize_f64(number)
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_number(self.0, serializer)
    }
}

impl Serialize for Sigma {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_number(self.0, serializer)
    }
}

impl Serialize for Weight {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_number(self.0, serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_read_and_print() {
        let rate = |t: &str| t.parse::<Rate>().map(Rate::per_second);
        assert_eq!(rate("20/s"), Ok(20.0));
        assert_eq!(rate("3/m"), Ok(0.05));
        assert_eq!(rate("100 / h"), Ok(100.0 / 3600.0));
        assert_eq!("100/h".parse::<Rate>().unwrap().to_string(), "100/h");
        assert_eq!("3/m".parse::<Rate>().unwrap().to_string(), "3/m");
        assert_eq!("0.5/s".parse::<Rate>().unwrap().to_string(), "30/m");
        assert_eq!("512Mi".parse::<Size>().unwrap().bytes(), 512 << 20);
        assert_eq!("1.5Ki".parse::<Size>().unwrap().to_string(), "1536");
        assert_eq!("5%".parse::<Share>().unwrap().fraction(), 0.05);
        assert_eq!(Share(0.05).to_string(), "5%");
        assert_eq!("20e9".parse::<Whole>().unwrap().value(), 20_000_000_000);
    }

    #[test]
    fn what_is_no_quantity_says_why() {
        let message = |r: Result<Rate, QuantityError>| r.unwrap_err().to_string();
        assert!(message("20".parse()).contains("has no unit"));
        assert!(message("20/y".parse()).contains("use /s, /m, /h or /d"));
        assert!(message("-1/s".parse()).contains("not a rate"));
        assert!("nan".parse::<Number>().is_err() && "inf".parse::<Number>().is_err());
        assert!("101%".parse::<Share>().is_err() && "12 MB".parse::<Size>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(x in 0.0f64..1e6, n in 0u64..1u64 << 50) {
            prop_assert_eq!(Rate(x).to_string().parse(), Ok(Rate(x)));
            prop_assert_eq!(Share(x / 1e6).to_string().parse(), Ok(Share(x / 1e6)));
            prop_assert_eq!(Size(n).to_string().parse(), Ok(Size(n)));
        }
    }
}
