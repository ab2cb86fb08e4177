//! Distributions as users write them: `{exp: 20s}`, `{lognormal: {median: 4ms, p95: 12ms}}`, or just `5s`.
//!
//! One shape serves durations and plain numbers; what is read is known to be a law (all bounds checked), so turning
//! it into an [`engine::Law`](crate::engine::Law) cannot fail.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, MapAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::units::{Number, Weight};
use crate::engine::{Law, Span};

/// What a law is a law of: durations or plain numbers.
pub trait Quantity: Copy + PartialEq + fmt::Debug + DeserializeOwned + Serialize + JsonSchema + 'static {
    /// For messages.
    const LAW_NAME: &'static str;
    /// The kinds of law it may have, in the order of messages.
    const KINDS: &'static [&'static str];
    /// The value in the unit of the model: nanoseconds for durations.
    fn in_model(self) -> f64;
    /// So many times as much, as near as it can be written.
    fn times(self, factor: f64) -> Self;
}

impl Quantity for Span {
    const LAW_NAME: &'static str = "DurationLaw";
    const KINDS: &'static [&'static str] =
        &["fixed", "exp", "lognormal", "uniform", "erlang", "pareto", "hyperexp", "empirical"];
    fn in_model(self) -> f64 {
        self.as_nanos() as f64
    }
    fn times(self, factor: f64) -> Span {
        Span::from_nanos_f64(self.as_nanos() as f64 * factor)
    }
}

impl Quantity for Number {
    const LAW_NAME: &'static str = "NumberLaw";
    const KINDS: &'static [&'static str] =
        &["fixed", "exp", "lognormal", "uniform", "erlang", "pareto", "hyperexp", "empirical", "geometric", "zipf"];
    fn in_model(self) -> f64 {
        self.value()
    }
    fn times(self, factor: f64) -> Number {
        Number::new(self.value() * factor).unwrap_or(self)
    }
}

/// A law of durations.
pub type DurationLaw = LawText<Span>;
/// A law of plain numbers.
pub type NumberLaw = LawText<Number>;

/// Largest table of a Zipf law.
pub const MAX_ZIPF: u32 = 1_000_000;

/// A distribution as written.
#[derive(Clone, Debug, PartialEq)]
pub enum LawText<Q> {
    /// Always the same.
    Fixed(Q),
    /// Exponential with this mean.
    Exp(Q),
    /// Log-normal.
    LogNormal(LogNormal<Q>),
    /// Uniform between two bounds.
    Uniform(Q, Q),
    /// A sum of exponential stages.
    Erlang(Erlang<Q>),
    /// Pareto.
    Pareto(Pareto<Q>),
    /// A mixture of exponentials.
    HyperExp(Vec<Branch<Q>>),
    /// A table of values with their weights.
    Empirical(Vec<(Q, Weight)>),
    /// A table that stands in a file, before it is read.
    EmpiricalFile(String),
    /// Number of trials up to the first success.
    Geometric(Geometric),
    /// Ranks 1 to `n` with weights 1/rankˢ.
    Zipf(Zipf),
}

/// A log-normal law: `{median, p95}`, `{mean, cv}` or `{median, cv}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogNormal<Q> {
    /// Half of all values are below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<Q>,
    /// 95 % of all values are below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<Q>,
    /// The mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Q>,
    /// Coefficient of variation: standard deviation over mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cv: Option<Number>,
}

/// The sum of `k` exponential stages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Erlang<Q> {
    /// Number of stages, 1 to 1000.
    pub k: u32,
    /// Mean of the sum.
    pub mean: Q,
}

/// A Pareto law: P(X > x) = (min/x)^alpha.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pareto<Q> {
    /// Smallest value.
    pub min: Q,
    /// Exponent of the tail; the mean is finite above 1.
    pub alpha: Number,
}

/// One branch of a mixture of exponentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch<Q> {
    /// Relative weight of the branch.
    pub share: Weight,
    /// Mean of the branch.
    pub mean: Q,
}

/// A geometric law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Geometric {
    /// Mean, at least 1.
    pub mean: Number,
}

/// A Zipf law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zipf {
    /// Exponent.
    pub s: Number,
    /// Number of ranks; absent where the number of groups says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
}

enum Table<Q> {
    File(String),
    Rows(Vec<(Q, Weight)>),
}

impl<Q: Quantity> LawText<Q> {
    /// The law for the model. A Zipf law without `n` has one rank, which validation refuses.
    pub fn law(&self) -> Law {
        let x = Quantity::in_model;
        match self {
            LawText::Fixed(value) => Law::Fixed(x(*value)),
            LawText::Exp(mean) => Law::exponential(x(*mean)),
            LawText::LogNormal(LogNormal { median: Some(median), p95: Some(p95), .. }) => {
                Law::log_normal_median_p95(x(*median), x(*p95))
            }
            LawText::LogNormal(LogNormal { mean: Some(mean), cv: Some(cv), .. }) => {
                Law::log_normal_mean_cv(x(*mean), cv.value())
            }
            LawText::LogNormal(LogNormal { median: Some(median), cv: Some(cv), .. }) => {
                Law::log_normal_median_cv(x(*median), cv.value())
            }
            LawText::Uniform(low, high) => Law::Uniform { low: x(*low), high: x(*high) },
            LawText::Erlang(Erlang { k, mean }) => Law::Erlang { k: *k, mean: x(*mean) },
            LawText::Pareto(Pareto { min, alpha }) => Law::Pareto { min: x(*min), alpha: alpha.value() },
            LawText::HyperExp(branches) => {
                let total: f64 = branches.iter().map(|b| b.share.value()).sum();
                Law::HyperExponential(branches.iter().map(|b| (b.share.value() / total, x(b.mean))).collect())
            }
            LawText::Empirical(rows) => {
                let rows: Vec<(f64, f64)> = rows.iter().map(|(value, weight)| (x(*value), weight.value())).collect();
                Law::table(&rows).unwrap_or(Law::Fixed(0.0))
            }
            LawText::Geometric(Geometric { mean }) => Law::Geometric { mean: mean.value() },
            LawText::Zipf(Zipf { s, n }) => Law::zipf(s.value(), n.unwrap_or(1)).unwrap_or(Law::Fixed(1.0)),
            LawText::LogNormal(_) => Law::Fixed(0.0),
            // a file that could not be read, reported already: a value that raises no second complaint
            LawText::EmpiricalFile(_) => Law::exponential(1e9),
        }
    }

    /// The law of so many times as much; of ranks, whose sizes mean nothing, with so many times the exponent.
    pub fn times(self, factor: f64) -> LawText<Q> {
        let x = |value: Q| value.times(factor);
        match self {
            LawText::Fixed(value) => LawText::Fixed(x(value)),
            LawText::Exp(mean) => LawText::Exp(x(mean)),
            LawText::LogNormal(law) => LawText::LogNormal(LogNormal {
                median: law.median.map(x),
                p95: law.p95.map(x),
                mean: law.mean.map(x),
                cv: law.cv,
            }),
            LawText::Uniform(low, high) => LawText::Uniform(x(low), x(high)),
            LawText::Erlang(law) => LawText::Erlang(Erlang { mean: x(law.mean), ..law }),
            LawText::Pareto(law) => LawText::Pareto(Pareto { min: x(law.min), ..law }),
            LawText::HyperExp(branches) => {
                LawText::HyperExp(branches.into_iter().map(|b| Branch { mean: x(b.mean), ..b }).collect())
            }
            LawText::Empirical(rows) => {
                LawText::Empirical(rows.into_iter().map(|(value, weight)| (x(value), weight)).collect())
            }
            LawText::EmpiricalFile(file) => LawText::EmpiricalFile(file),
            LawText::Geometric(Geometric { mean }) => {
                let least = Number::new(1.0).unwrap_or(mean);
                let mean = mean.times(factor);
                LawText::Geometric(Geometric { mean: if mean < least { least } else { mean } })
            }
            LawText::Zipf(law) => LawText::Zipf(Zipf { s: law.s.times(factor), ..law }),
        }
    }

    /// What is wrong with its numbers, as a sentence.
    fn fault(&self) -> Option<String> {
        let zero = |value: &Q| value.in_model() <= 0.0;
        let above_zero = |what: &str| Some(format!("{what} must be above zero"));
        match self {
            LawText::Exp(mean) if zero(mean) => above_zero("the mean of `exp`"),
            LawText::LogNormal(law) => law.fault(),
            LawText::Uniform(low, high) if low.in_model() > high.in_model() => {
                Some("the first bound of `uniform` is above the second".to_owned())
            }
            LawText::Erlang(Erlang { k, .. }) if !(1..=1000).contains(k) => {
                Some("`k` of `erlang` must be 1 to 1000".to_owned())
            }
            LawText::Erlang(Erlang { mean, .. }) if zero(mean) => above_zero("the mean of `erlang`"),
            LawText::Pareto(Pareto { min, alpha }) if zero(min) || alpha.value() <= 0.0 => {
                above_zero("`min` and `alpha` of `pareto`")
            }
            LawText::HyperExp(branches) => {
                let total: f64 = branches.iter().map(|b| b.share.value()).sum();
                if !(total.is_finite() && total > 0.0) {
                    return Some("`hyperexp` needs at least one branch with a share above zero".to_owned());
                }
                branches.iter().any(|b| zero(&b.mean)).then(|| "each mean of `hyperexp` must be above zero".to_owned())
            }
            LawText::Empirical(rows) => {
                let rows: Vec<(f64, f64)> = rows.iter().map(|(v, w)| (v.in_model(), w.value())).collect();
                Law::table(&rows).err().map(|error| format!("`empirical`: {error}"))
            }
            LawText::Geometric(Geometric { mean }) if mean.value() < 1.0 => {
                Some("the mean of `geometric` must be at least 1, since its values are 1, 2, 3, …".to_owned())
            }
            LawText::Zipf(Zipf { s, .. }) if s.value() > 20.0 => Some("`s` of `zipf` must be 0 to 20".to_owned()),
            LawText::Zipf(Zipf { n: Some(n), .. }) if !(1..=MAX_ZIPF).contains(n) => {
                Some(format!("`n` of `zipf` must be 1 to {MAX_ZIPF}"))
            }
            _ => None,
        }
    }
}

impl<Q: Quantity> LogNormal<Q> {
    fn fault(&self) -> Option<String> {
        let forms = "write {median, p95}, {mean, cv} or {median, cv}";
        match (self.median, self.p95, self.mean, self.cv) {
            (Some(median), Some(p95), None, None) => {
                if median.in_model() <= 0.0 {
                    return Some("the median of `lognormal` must be above zero".to_owned());
                }
                (p95.in_model() < median.in_model()).then(|| "the p95 of `lognormal` is below its median".to_owned())
            }
            (Some(center), None, None, Some(cv)) | (None, None, Some(center), Some(cv)) => {
                if center.in_model() <= 0.0 {
                    return Some("the median or mean of `lognormal` must be above zero".to_owned());
                }
                (cv.value() > 1000.0).then(|| "the `cv` of `lognormal` must be 0 to 1000".to_owned())
            }
            _ => Some(format!("`lognormal` needs exactly two of its keys; {forms}")),
        }
    }
}

impl<Q: Quantity> Serialize for LawText<Q> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn one<S: Serializer, T: Serialize + ?Sized>(serializer: S, kind: &str, value: &T) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(kind, value)?;
            map.end()
        }
        match self {
            LawText::Fixed(value) => value.serialize(serializer),
            LawText::Exp(mean) => one(serializer, "exp", mean),
            LawText::LogNormal(law) => one(serializer, "lognormal", law),
            LawText::Uniform(low, high) => one(serializer, "uniform", &[low, high]),
            LawText::Erlang(law) => one(serializer, "erlang", law),
            LawText::Pareto(law) => one(serializer, "pareto", law),
            LawText::HyperExp(branches) => one(serializer, "hyperexp", branches),
            LawText::Empirical(rows) => one(serializer, "empirical", rows),
            LawText::EmpiricalFile(file) => one(serializer, "empirical", file),
            LawText::Geometric(law) => one(serializer, "geometric", law),
            LawText::Zipf(law) => one(serializer, "zipf", law),
        }
    }
}

impl<'de, Q: Quantity> Deserialize<'de> for LawText<Q> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LawText<Q>, D::Error> {
        deserializer.deserialize_any(LawVisitor(std::marker::PhantomData))
    }
}

struct LawVisitor<Q>(std::marker::PhantomData<Q>);

impl<'de, Q: Quantity> serde::de::Visitor<'de> for LawVisitor<Q> {
    type Value = LawText<Q>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one =
            if Q::LAW_NAME == "DurationLaw" { "`5s` or `{exp: 20s}`" } else { "`5` or `{geometric: {mean: 1.2}}`" };
        write!(f, "a distribution such as {one}")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<LawText<Q>, E> {
        if Q::KINDS.contains(&text) {
            return Err(E::custom(format!("`{text}` needs its numbers; {}", example(text))));
        }
        Q::deserialize(text.into_deserializer()).map(LawText::Fixed)
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<LawText<Q>, E> {
        Q::deserialize(number.into_deserializer()).map(LawText::Fixed)
    }
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<LawText<Q>, E> {
        Q::deserialize(number.into_deserializer()).map(LawText::Fixed)
    }
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<LawText<Q>, E> {
        Q::deserialize(number.into_deserializer()).map(LawText::Fixed)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LawText<Q>, A::Error> {
        let Some(kind) = map.next_key::<String>()? else {
            return Err(A::Error::custom("an empty mapping is not a distribution; write for example `{exp: 20s}`"));
        };
        if !Q::KINDS.contains(&kind.as_str()) {
            return Err(A::Error::unknown_variant(&kind, Q::KINDS));
        }
        let law = match kind.as_str() {
            "fixed" => LawText::Fixed(map.next_value()?),
            "exp" => LawText::Exp(map.next_value()?),
            "lognormal" => LawText::LogNormal(map.next_value()?),
            "uniform" => {
                let (low, high) = map.next_value()?;
                LawText::Uniform(low, high)
            }
            "erlang" => LawText::Erlang(map.next_value()?),
            "pareto" => LawText::Pareto(map.next_value()?),
            "hyperexp" => LawText::HyperExp(map.next_value()?),
            "geometric" => LawText::Geometric(map.next_value()?),
            "zipf" => LawText::Zipf(map.next_value()?),
            _ => match map.next_value::<EmpiricalText<Q>>()?.0 {
                Table::File(file) => LawText::EmpiricalFile(file),
                Table::Rows(rows) => LawText::Empirical(rows),
            },
        };
        if map.next_key::<String>()?.is_some() {
            return Err(A::Error::custom("a distribution has exactly one kind; write for example `{exp: 20s}`"));
        }
        match law.fault() {
            Some(fault) => Err(A::Error::custom(fault)),
            None => Ok(law),
        }
    }
}

/// Rows or the name of a file; unlike an untagged enum it keeps the place of an error.
struct EmpiricalText<Q>(Table<Q>);

impl<'de, Q: Quantity> Deserialize<'de> for EmpiricalText<Q> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<Q>(std::marker::PhantomData<Q>);
        impl<'de, Q: Quantity> serde::de::Visitor<'de> for Visitor<Q> {
            type Value = EmpiricalText<Q>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rows such as `[[5s, 50%], [50s, 50%]]`, or the name of a CSV file")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<EmpiricalText<Q>, E> {
                Ok(EmpiricalText(Table::File(text.to_owned())))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<EmpiricalText<Q>, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(seq))
                    .map(|rows| EmpiricalText(Table::Rows(rows)))
            }
        }
        deserializer.deserialize_any(Visitor(std::marker::PhantomData))
    }
}

/// How a kind of law is written.
fn example(kind: &str) -> &'static str {
    match kind {
        "exp" => "write `{exp: 20s}`",
        "lognormal" => "write `{lognormal: {median: 4ms, p95: 12ms}}`",
        "uniform" => "write `{uniform: [1s, 5s]}`",
        "erlang" => "write `{erlang: {k: 3, mean: 2s}}`",
        "pareto" => "write `{pareto: {min: 1s, alpha: 2}}`",
        "hyperexp" => "write `{hyperexp: [{share: 80%, mean: 1s}, {share: 20%, mean: 10s}]}`",
        "empirical" => "write `{empirical: [[5s, 50%], [50s, 50%]]}`",
        "geometric" => "write `{geometric: {mean: 1.2}}`",
        "zipf" => "write `{zipf: {s: 1.0, n: 1000}}`",
        _ => "write `{fixed: 5s}`",
    }
}

impl<Q: Quantity> JsonSchema for LawText<Q> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Q::LAW_NAME.into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<Q>();
        let weight = generator.subschema_for::<Weight>();
        let mut branches = vec![value.clone().to_value()];
        for kind in Q::KINDS {
            let inner = match *kind {
                "fixed" | "exp" => value.clone(),
                "lognormal" => inline::<LogNormal<Q>>(generator),
                "uniform" => json_schema!({"type": "array", "items": value, "minItems": 2, "maxItems": 2}),
                "erlang" => inline::<Erlang<Q>>(generator),
                "pareto" => inline::<Pareto<Q>>(generator),
                "hyperexp" => json_schema!({"type": "array", "items": inline::<Branch<Q>>(generator), "minItems": 1}),
                "geometric" => inline::<Geometric>(generator),
                "zipf" => inline::<Zipf>(generator),
                _ => json_schema!({"anyOf": [
                    {"type": "string", "description": "A CSV file with rows value[,weight], beside the scenario."},
                    {"type": "array", "minItems": 1, "items":
                        {"type": "array", "prefixItems": [value, weight], "minItems": 2, "maxItems": 2}},
                ]}),
            };
            branches.push(
                json_schema!({"type": "object", "properties": {*kind: inner}, "required": [kind], "additionalProperties": false})
                    .to_value(),
            );
        }
        json_schema!({"description": "A distribution; a bare value means always that value.", "anyOf": branches})
    }
}

/// The schema of a generic struct, in place (its name would clash between durations and numbers).
fn inline<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}
