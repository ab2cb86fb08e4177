//! The lines of a `backend` section that say how servers are chosen: `balance`, `hash-type`, `option`, `http-request`.

use std::fmt;
use std::str::FromStr;

use super::hash::Function;
use crate::cluster::balancer::words::{as_text, key_of, one_of, unknown};
use crate::cluster::balancer::{AffinityKey, Trusts};

/// Fetches whose argument names what a client sends along.
const FETCHES: [&str; 8] = ["url_param", "urlp", "hdr", "req.hdr", "fhdr", "req.fhdr", "cook", "req.cook"];

/// What a sample such as `src` or `hdr(x-user-id)` holds.
pub fn fetched(text: &str, place: &str) -> Result<AffinityKey, String> {
    if text == "src" {
        return Ok(AffinityKey::Address);
    }
    let Some((fetch, rest)) = text.split_once('(') else {
        return Err(format!("`{text}` is not known in `{place}`: write `src`, or for example `hdr(x-user-id)`"));
    };
    if !FETCHES.contains(&fetch) {
        return Err(unknown(fetch, place, &FETCHES));
    }
    match rest.split_once(')') {
        Some((name, "")) => named(name.split(',').next().unwrap_or_default(), place),
        Some((_, converters)) => {
            Err(format!("converters such as `{converters}` in `{place}` are not modelled: write `{fetch}(…)` alone"))
        }
        None => Err(format!("`{text}` in `{place}` has no closing parenthesis")),
    }
}

/// What something of this name holds.
fn named(name: &str, place: &str) -> Result<AffinityKey, String> {
    if name.eq_ignore_ascii_case("x-forwarded-for") || name.eq_ignore_ascii_case("x-real-ip") {
        return Err(format!(
            "`{name}` in `{place}` is an address: write `http-request: set-src hdr({name})`, and `src` or `source` here"
        ));
    }
    key_of(name).ok_or_else(|| {
        format!(
            "what `{name}` in `{place}` holds cannot be told: write a name with `room` in it for the client's room, or \
             with `user`, `session`, `client`, `token`, `sid`, `uid`, `account` or `device` for a text of its own"
        )
    })
}

/// The `balance` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HaproxyBalance {
    /// `roundrobin`: in turn, by weight.
    RoundRobin,
    /// `static-rr`: in turn, over a table of weights.
    StaticRr,
    /// `leastconn`: the fewest connections for the weight.
    LeastConn,
    /// `random(n)`: the least loaded of so many draws on the ring.
    Random(u32),
    /// `first`: the first server by id that has room.
    First,
    /// `source`: hash of the client's address.
    Source,
    /// `hash src`: the same through a hash function.
    HashOfSource,
    /// `url_param …`, `hdr(…)`, `hash …`: hash of a text of the client.
    Text {
        /// The line itself.
        line: String,
        /// What it is a hash of.
        key: AffinityKey,
    },
}

as_text!(HaproxyBalance, "source");

/// What can stand first in `balance`.
const ALGORITHMS: [&str; 9] = [
    "roundrobin",
    "static-rr",
    "leastconn",
    "random",
    "random(2)",
    "first",
    "source",
    "url_param room",
    "hdr(x-user-id)",
];

/// Draws of `random` at most: more than anybody has servers are not more than all of them.
const MOST_DRAWS: u32 = 1_000;

impl FromStr for HaproxyBalance {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyBalance, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let line = || words.join(" ");
        match *words {
            ["roundrobin"] => Ok(HaproxyBalance::RoundRobin),
            ["static-rr"] => Ok(HaproxyBalance::StaticRr),
            ["leastconn"] => Ok(HaproxyBalance::LeastConn),
            ["random" | "random()"] => Ok(HaproxyBalance::Random(2)),
            ["first"] => Ok(HaproxyBalance::First),
            ["source"] => Ok(HaproxyBalance::Source),
            ["hash", "src"] => Ok(HaproxyBalance::HashOfSource),
            ["url_param", name] => Ok(HaproxyBalance::Text { key: named(name, "balance")?, line: line() }),
            ["hash", sample] => Ok(HaproxyBalance::Text { key: fetched(sample, "balance")?, line: line() }),
            ["url_param", _, "check_post", ..] => {
                Err("`check_post` is not modelled: write `url_param` with the name alone".to_owned())
            }
            ["uri", ..] => {
                Err("`uri` hashes paths, which requests of the model do not have: write `url_param room`".to_owned())
            }
            [word] if word.starts_with("random(") => {
                let draws = word.strip_prefix("random(").and_then(|rest| rest.strip_suffix(')'));
                let draws = draws.and_then(|draws| draws.parse().ok()).filter(|draws| (1..=MOST_DRAWS).contains(draws));
                draws.map(HaproxyBalance::Random).ok_or_else(|| {
                    format!("`{word}` needs a number of draws from 1 to {MOST_DRAWS}, such as `random(2)`")
                })
            }
            [word] if word.starts_with("hdr(") => {
                Ok(HaproxyBalance::Text { key: fetched(word, "balance")?, line: line() })
            }
            [word, "use_domain_only"] if word.starts_with("hdr(") => {
                Err("`use_domain_only` is not modelled: write `hdr(…)` alone".to_owned())
            }
            _ => Err(unknown(text, "balance", &ALGORITHMS)),
        }
    }
}

impl fmt::Display for HaproxyBalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HaproxyBalance::RoundRobin => f.write_str("roundrobin"),
            HaproxyBalance::StaticRr => f.write_str("static-rr"),
            HaproxyBalance::LeastConn => f.write_str("leastconn"),
            HaproxyBalance::Random(draws) => write!(f, "random({draws})"),
            HaproxyBalance::First => f.write_str("first"),
            HaproxyBalance::Source => f.write_str("source"),
            HaproxyBalance::HashOfSource => f.write_str("hash src"),
            HaproxyBalance::Text { line, .. } => f.write_str(line),
        }
    }
}

/// The `hash-type` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaproxyHashType {
    /// `consistent`: a ring; else `map-based`: a table.
    pub consistent: bool,
    /// Of keys; not applied to addresses of `balance source`.
    pub(super) function: Function,
    /// Spreads the hash over all of its bits.
    pub avalanche: bool,
}

as_text!(HaproxyHashType, "consistent");

impl HaproxyHashType {
    /// HAProxy's default: `map-based`.
    pub const MAP_BASED: HaproxyHashType =
        HaproxyHashType { consistent: false, function: Function::Sdbm, avalanche: false };
    /// `consistent` alone, which includes `sdbm avalanche`.
    pub const CONSISTENT: HaproxyHashType =
        HaproxyHashType { consistent: true, function: Function::Sdbm, avalanche: true };
}

impl FromStr for HaproxyHashType {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyHashType, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (consistent, rest) = match &*words {
            ["map-based", rest @ ..] => (false, rest),
            ["consistent", rest @ ..] => (true, rest),
            _ => return Err(unknown(text, "hash-type", &["map-based", "consistent"])),
        };
        let [name, modifiers @ ..] = rest else {
            return Ok(if consistent { HaproxyHashType::CONSISTENT } else { HaproxyHashType::MAP_BASED });
        };
        let Some((_, function)) = Function::ALL.into_iter().find(|(known, _)| known == name) else {
            return Err(unknown(name, "hash-type", &Function::ALL.map(|(name, _)| name)));
        };
        let avalanche = match modifiers {
            [] => false,
            ["avalanche"] => true,
            [other, ..] => return Err(unknown(other, "hash-type", &["avalanche"])),
        };
        Ok(HaproxyHashType { consistent, function, avalanche })
    }
}

impl fmt::Display for HaproxyHashType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.consistent { "consistent" } else { "map-based" })?;
        if *self == HaproxyHashType::CONSISTENT || *self == HaproxyHashType::MAP_BASED {
            return Ok(());
        }
        let name = Function::ALL.iter().find(|(_, function)| *function == self.function).map_or("", |(name, _)| name);
        write!(f, " {name}{}", if self.avalanche { " avalanche" } else { "" })
    }
}

/// One `option` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaproxyOption {
    /// `redispatch n`: every n-th retry may go to another server; −1, which is `redispatch` alone: only the last one,
    /// −2: only the one before it, and so on.
    Redispatch(i32),
    /// `persist`: a cookie or table entry of a server that is down is followed all the same.
    Persist,
    /// `forwardfor`: the next tier is told the client's address in `X-Forwarded-For`.
    ForwardFor,
}

as_text!(HaproxyOption, "redispatch 1");

impl FromStr for HaproxyOption {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyOption, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match *words {
            ["redispatch"] => Ok(HaproxyOption::Redispatch(-1)),
            ["redispatch", interval] => interval
                .parse()
                .ok()
                .filter(|interval: &i32| (-100..=100).contains(interval) && *interval != 0)
                .map(HaproxyOption::Redispatch)
                .ok_or_else(|| "`redispatch` needs a number of retries after it, such as `redispatch 1`".to_owned()),
            ["persist"] => Ok(HaproxyOption::Persist),
            ["forwardfor"] => Ok(HaproxyOption::ForwardFor),
            ["httpchk" | "tcp-check" | "pgsql-check" | "mysql-check" | "redis-check", ..] => Err(format!(
                "`{text}` says what a check asks; checks of the model ask whether the pod is ready: leave it out and write \
                 `check` in `default-server`"
            )),
            _ => Err(unknown(text, "option", &["redispatch", "redispatch 1", "persist", "forwardfor"])),
        }
    }
}

impl fmt::Display for HaproxyOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HaproxyOption::Redispatch(-1) => f.write_str("redispatch"),
            HaproxyOption::Redispatch(interval) => write!(f, "redispatch {interval}"),
            HaproxyOption::Persist => f.write_str("persist"),
            HaproxyOption::ForwardFor => f.write_str("forwardfor"),
        }
    }
}

/// The `http-request` line that takes the client's address from a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxyHttpRequest {
    text: Box<str>,
    trusts: Trusts,
}

as_text!(HaproxyHttpRequest, "set-src hdr(x-forwarded-for)");

impl FromStr for HaproxyHttpRequest {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyHttpRequest, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let ["set-src", sample] = *words else {
            return Err(unknown(text, "http-request", &["set-src hdr(x-forwarded-for)"]));
        };
        let (fetch, name) = sample.strip_suffix(')').and_then(|rest| rest.split_once('(')).unwrap_or((sample, ""));
        let (name, entry) = name.split_once(',').unwrap_or((name, "-1"));
        // without a number the last entry is meant, a negative one counts from there
        let trusts = match (name.to_ascii_lowercase().as_str(), entry.trim().parse::<i32>()) {
            ("x-forwarded-for", Ok(1)) => Some(Trusts::First),
            ("x-forwarded-for", Ok(places @ -64..=-1)) => Some(Trusts::BeforeLast(places.unsigned_abs() - 1)),
            ("x-real-ip", Ok(-1 | 1)) => Some(Trusts::RealIp),
            ("cf-connecting-ip", Ok(-1 | 1)) => Some(Trusts::ConnectingIp),
            _ => None,
        };
        match trusts.filter(|_| ["hdr", "req.hdr", "hdr_ip", "req.hdr_ip"].contains(&fetch)) {
            Some(trusts) => Ok(HaproxyHttpRequest { text: words.join(" ").into(), trusts }),
            None => {
                let known =
                    ["hdr(x-forwarded-for)", "hdr_ip(x-forwarded-for,1)", "hdr(x-real-ip)", "hdr(cf-connecting-ip)"];
                Err(format!("`{sample}` is not known after `set-src`: write {}", one_of(&known)))
            }
        }
    }
}

impl HaproxyHttpRequest {
    /// Where the client's address is looked for.
    pub const fn trusts(&self) -> Trusts {
        self.trusts
    }
}

impl fmt::Display for HaproxyHttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The version of HAProxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HaproxyVersion {
    /// Before the point.
    pub major: u8,
    /// After the point.
    pub minor: u8,
}

impl HaproxyVersion {
    /// The first one whose `balance` is `random` by itself.
    pub const RANDOM: HaproxyVersion = HaproxyVersion { major: 3, minor: 3 };
    /// The first one whose rules are those here: connections in queues, `hash`, no pause before another server.
    pub const OLDEST: HaproxyVersion = HaproxyVersion { major: 2, minor: 6 };
    /// The last one whose source was compared.
    pub const NEWEST: HaproxyVersion = HaproxyVersion { major: 3, minor: 5 };
}

impl FromStr for HaproxyVersion {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyVersion, String> {
        let mut parts = text.split('.').map(|part| part.parse::<u8>().ok());
        let (major, minor) = (parts.next().flatten(), parts.next().flatten());
        let version = major.zip(minor).map(|(major, minor)| HaproxyVersion { major, minor });
        version.filter(|version| (HaproxyVersion::OLDEST..=HaproxyVersion::NEWEST).contains(version)).ok_or_else(|| {
            let (oldest, newest) = (HaproxyVersion::OLDEST, HaproxyVersion::NEWEST);
            format!("version `{text}` of HAProxy is not known: write one from `{oldest}` to `{newest}`")
        })
    }
}

impl fmt::Display for HaproxyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl serde::Serialize for HaproxyVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for HaproxyVersion {
    /// A text, or the number that YAML takes `3.2` for; no minor version has two digits.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = HaproxyVersion;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a version such as 3.2")
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
                self.visit_str(&format!("{number:?}"))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for HaproxyVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HaproxyVersion".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["number", "string"], "examples": [3.2] })
    }
}
