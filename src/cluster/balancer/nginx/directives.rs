//! Directives of nginx as lines of text.

use std::fmt;
use std::str::FromStr;

use super::super::AffinityKey;
use super::super::words::{as_text, key_of, one_of, unknown};
use crate::engine::Span;

/// The balancing directive of an nginx `upstream` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NginxMethod {
    /// Smooth weighted round robin: nginx's default.
    RoundRobin,
    /// The server with the fewest connections.
    LeastConn,
    /// A random server.
    Random {
        /// Two are drawn, and the one with fewer connections is taken.
        two: bool,
    },
    /// By the client's address: the first three octets of IPv4, all of IPv6.
    IpHash,
    /// By a key.
    Hash {
        /// The variable as written.
        variable: String,
        /// What it holds.
        key: NginxKey,
        /// On a ring (ketama), so that a new server takes over few keys.
        consistent: bool,
    },
    /// The server with the least response time and the fewest connections.
    LeastTime {
        /// Counting until the last byte, not until the header.
        last_byte: bool,
        /// Counting requests under way, too.
        inflight: bool,
    },
}

/// What `hash` takes the hash of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NginxKey {
    /// `$remote_addr`: the address as text.
    Address,
    /// `$binary_remote_addr`: its octets.
    BinaryAddress,
    /// A variable that each client has for itself, such as `$cookie_user`.
    User,
    /// A variable with the room, such as `$arg_room`.
    Room,
}

impl NginxKey {
    /// What requests have in common that it leads to the same server.
    pub const fn affinity(self) -> AffinityKey {
        match self {
            NginxKey::Address | NginxKey::BinaryAddress => AffinityKey::Address,
            NginxKey::User => AffinityKey::User,
            NginxKey::Room => AffinityKey::Room,
        }
    }
    /// What a variable holds, going by its name.
    ///
    /// # Errors
    /// When its name does not say it.
    pub(in super::super) fn of(variable: &str) -> Result<NginxKey, String> {
        match variable {
            "$remote_addr" => return Ok(NginxKey::Address),
            "$binary_remote_addr" => return Ok(NginxKey::BinaryAddress),
            _ => {}
        }
        match variable.strip_prefix('$').and_then(key_of) {
            Some(AffinityKey::Room) => Ok(NginxKey::Room),
            Some(_) => Ok(NginxKey::User),
            None => Err(format!(
                "what `{variable}` holds is not known here: write `$remote_addr`, a variable with `room` in its name such as \
                 `$arg_room`, or one that each client has for itself such as `$cookie_user` or `$http_x_session`"
            )),
        }
    }
}

as_text!(NginxMethod, "ip_hash");

impl NginxMethod {
    /// `hash` over a variable.
    ///
    /// # Errors
    /// When its name does not say what it holds.
    pub fn hash(variable: &str, consistent: bool) -> Result<NginxMethod, String> {
        Ok(NginxMethod::Hash { key: NginxKey::of(variable)?, variable: variable.to_owned(), consistent })
    }
}

impl fmt::Display for NginxMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NginxMethod::RoundRobin => f.write_str("round_robin"),
            NginxMethod::LeastConn => f.write_str("least_conn"),
            NginxMethod::Random { two: false } => f.write_str("random"),
            NginxMethod::Random { two: true } => f.write_str("random two"),
            NginxMethod::IpHash => f.write_str("ip_hash"),
            NginxMethod::Hash { variable, consistent, .. } => {
                write!(f, "hash {variable}{}", if *consistent { " consistent" } else { "" })
            }
            NginxMethod::LeastTime { last_byte, inflight } => write!(
                f,
                "least_time {}{}",
                if *last_byte { "last_byte" } else { "header" },
                if *inflight { " inflight" } else { "" }
            ),
        }
    }
}

impl FromStr for NginxMethod {
    type Err = String;
    fn from_str(text: &str) -> Result<NginxMethod, String> {
        let text = text.trim().trim_end_matches(';');
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["round_robin"] => Ok(NginxMethod::RoundRobin),
            ["least_conn"] => Ok(NginxMethod::LeastConn),
            ["ip_hash"] => Ok(NginxMethod::IpHash),
            ["random"] => Ok(NginxMethod::Random { two: false }),
            ["random", "two"] | ["random", "two", "least_conn"] => Ok(NginxMethod::Random { two: true }),
            ["random", "two", _] => Err(format!("`{text}`: `random two` compares by `least_conn` here")),
            ["hash"] => Err("`hash` needs a key: write for example `hash $arg_room consistent`".to_owned()),
            ["hash", variable] => NginxMethod::hash(variable, false),
            ["hash", variable, "consistent"] => NginxMethod::hash(variable, true),
            ["hash", _, word, ..] => Err(unknown(word, text, &["consistent"])),
            ["least_time", what @ ("header" | "last_byte")] => {
                Ok(NginxMethod::LeastTime { last_byte: what == "last_byte", inflight: false })
            }
            ["least_time", what @ ("header" | "last_byte"), "inflight"] => {
                Ok(NginxMethod::LeastTime { last_byte: what == "last_byte", inflight: true })
            }
            ["least_time", ..] => {
                Err("write `least_time header` or `least_time last_byte`, and `inflight` behind it".to_owned())
            }
            _ => {
                let known = ["round_robin", "least_conn", "ip_hash", "hash", "random", "least_time"];
                Err(unknown(text, "method", &known))
            }
        }
    }
}

/// The `sticky` directive of an nginx `upstream` block (since 1.29.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NginxSticky {
    /// nginx sets a cookie that names the server, with every answer.
    Cookie {
        /// Its name.
        name: String,
        /// Its lifetime, which begins anew with every answer; `None` = as long as the browser session.
        expires: Option<Span>,
        /// Attributes without effect on where clients land, as written.
        attributes: Vec<String>,
    },
    /// The application's own cookie or parameter names the server by its `route=`.
    Route {
        /// Variables, the first that is not empty counts.
        variables: Vec<String>,
    },
    /// nginx remembers which server started a session.
    Learn {
        /// The session's id when the application sets it.
        create: String,
        /// The session's id when the client sends it.
        lookup: String,
        /// Name and size of the table, such as `sessions:1m`.
        zone: String,
        /// Sessions that the table has room for.
        capacity: usize,
        /// A session that is not used for so long is forgotten.
        timeout: Span,
    },
}

as_text!(NginxSticky, "cookie srv_id expires=1h path=/");

/// `expires=max`: the end of 2037, ten years at the longest (`max-age=315360000`).
const MAX_EXPIRES: Span = Span::from_secs(315_360_000);
/// Sessions per megabyte of a zone (documentation of `sticky`: about 4,000 on 64-bit platforms).
const SESSIONS_PER_MEGABYTE: f64 = 4_000.0;
/// `sticky learn` forgets a session after this if nothing else is said.
const LEARN_TIMEOUT: Span = Span::from_secs(600);

impl NginxSticky {
    /// Its first word.
    pub const fn kind(&self) -> &'static str {
        match self {
            NginxSticky::Cookie { .. } => "cookie",
            NginxSticky::Route { .. } => "route",
            NginxSticky::Learn { .. } => "learn",
        }
    }
    fn cookie(words: &[&str], text: &str) -> Result<NginxSticky, String> {
        let [name, rest @ ..] = words else {
            return Err("`sticky cookie` needs a name: write for example `cookie srv_id expires=1h`".to_owned());
        };
        let (mut expires, mut attributes) = (None, Vec::new());
        for word in rest {
            match word.split_once('=') {
                Some(("expires", "max")) => expires = Some(MAX_EXPIRES),
                Some(("expires", time)) => expires = Some(time_of(time, text)?),
                Some(("domain" | "path" | "samesite", _)) => attributes.push((*word).to_owned()),
                None if ["httponly", "secure"].contains(word) => attributes.push((*word).to_owned()),
                _ => {
                    let known = ["expires=", "domain=", "path=", "samesite=", "httponly", "secure"];
                    return Err(unknown(word, text, &known));
                }
            }
        }
        Ok(NginxSticky::Cookie { name: (*name).to_owned(), expires, attributes })
    }
    fn learn(words: &[&str], text: &str) -> Result<NginxSticky, String> {
        let (mut create, mut lookup, mut zone, mut timeout) = (None, None, None, LEARN_TIMEOUT);
        for word in words {
            match word.split_once('=') {
                Some(("create", variable)) => create = Some(variable.to_owned()),
                Some(("lookup", variable)) => lookup = Some(variable.to_owned()),
                Some(("zone", name)) => zone = Some(name.to_owned()),
                Some(("timeout", time)) => timeout = time_of(time, text)?,
                None if *word == "header" => {} // learnt with the header instead of the end: the same here
                _ => return Err(unknown(word, text, &["create=", "lookup=", "zone=", "timeout=", "header"])),
            }
        }
        let (Some(create), Some(lookup), Some(zone)) = (create, lookup, zone) else {
            return Err("`sticky learn` needs `create=`, `lookup=` and `zone=name:size`".to_owned());
        };
        let capacity = capacity_of(&zone).ok_or_else(|| {
            format!("`zone={zone}` is not a name and a size: write for example `zone=sessions:1m` (8k to 100g)")
        })?;
        Ok(NginxSticky::Learn { create, lookup, zone, capacity, timeout })
    }
}

/// Sessions that a zone such as `sessions:1m` has room for.
fn capacity_of(zone: &str) -> Option<usize> {
    let (_, size) = zone.split_once(':')?;
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let bytes = digits.parse::<u64>().ok()?.checked_mul(match size[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    })?;
    // nginx refuses zones of less than eight pages
    (8 << 10..=100 << 30).contains(&bytes).then(|| {
        let megabytes = bytes as f64 / f64::from(1 << 20);
        libm::floor(megabytes * SESSIONS_PER_MEGABYTE).max(1.0) as usize
    })
}

/// A time as nginx writes it: a number of seconds, or with a unit.
fn any_time_of(time: &str, text: &str) -> Result<Span, String> {
    let seconds = time.parse::<u32>().map(|seconds| Span::from_secs(u64::from(seconds)));
    seconds.or_else(|_| time.parse::<Span>()).map_err(|error| format!("in `{text}`: {error}"))
}

/// The same where zero makes no sense.
fn time_of(time: &str, text: &str) -> Result<Span, String> {
    match any_time_of(time, text)? {
        Span::ZERO => Err(format!("in `{text}`: a time of zero makes no sense")),
        span => Ok(span),
    }
}

/// A `fail_timeout`: zero is one, fractions of seconds nginx refuses.
fn fail_timeout_of(time: &str, text: &str) -> Result<Span, String> {
    let span = any_time_of(time, text)?;
    if is_whole(span) {
        Ok(span)
    } else {
        Err(format!("in `{text}`: {NOT_WHOLE}; write for example `fail_timeout=1s`"))
    }
}

/// True for whole seconds, which is how nginx counts a `fail_timeout`.
pub(super) const fn is_whole(span: Span) -> bool {
    span.as_nanos().is_multiple_of(1_000_000_000)
}

/// Why another one is refused.
pub(super) const NOT_WHOLE: &str = "nginx counts a `fail_timeout` in whole seconds and refuses fractions";

impl FromStr for NginxSticky {
    type Err = String;
    fn from_str(text: &str) -> Result<NginxSticky, String> {
        let text = text.trim().trim_end_matches(';');
        let text = text.strip_prefix("sticky ").unwrap_or(text);
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["cookie", ref rest @ ..] => NginxSticky::cookie(rest, text),
            ["learn", ref rest @ ..] => NginxSticky::learn(rest, text),
            ["route"] => Err("`sticky route` needs a variable: write for example `route $cookie_route`".to_owned()),
            ["route", ref variables @ ..] => match variables.iter().find(|variable| !variable.starts_with('$')) {
                Some(word) => Err(format!("`{word}` in `{text}` is not a variable: it begins with `$`")),
                None => Ok(NginxSticky::Route { variables: variables.iter().map(|&v| v.to_owned()).collect() }),
            },
            [word, ..] => Err(unknown(word, "sticky", &["cookie", "route", "learn"])),
            [] => Err(format!("`sticky` is empty: write {}", one_of(&["cookie …", "route …", "learn …"]))),
        }
    }
}

impl fmt::Display for NginxSticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NginxSticky::Cookie { name, expires, attributes } => {
                write!(f, "cookie {name}")?;
                match expires {
                    Some(MAX_EXPIRES) => f.write_str(" expires=max")?,
                    Some(expires) => write!(f, " expires={expires}")?,
                    None => {}
                }
                attributes.iter().try_for_each(|attribute| write!(f, " {attribute}"))
            }
            NginxSticky::Route { variables } => write!(f, "route {}", variables.join(" ")),
            NginxSticky::Learn { create, lookup, zone, timeout, .. } => {
                write!(f, "learn create={create} lookup={lookup} zone={zone}")?;
                if *timeout == LEARN_TIMEOUT { Ok(()) } else { write!(f, " timeout={timeout}") }
            }
        }
    }
}

/// The parameters of one `server` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NginxServer {
    /// `weight=`.
    pub weight: u32,
    /// `max_fails=`.
    pub max_fails: Option<u32>,
    /// `fail_timeout=`.
    pub fail_timeout: Option<Span>,
    /// `max_conns=`.
    pub max_conns: Option<u32>,
    /// `route=`.
    pub route: Option<String>,
    /// `down`.
    pub down: bool,
    /// `drain`.
    pub drain: bool,
    /// `backup`.
    pub backup: bool,
}

as_text!(NginxServer, "weight=5 max_fails=3 fail_timeout=30s");

/// Larger weights make no sense, and rings of 160 points per unit would fill the memory.
pub const MAX_WEIGHT: u32 = 1_000;

impl FromStr for NginxServer {
    type Err = String;
    fn from_str(text: &str) -> Result<NginxServer, String> {
        let mut server = NginxServer {
            weight: 1,
            max_fails: None,
            fail_timeout: None,
            max_conns: None,
            route: None,
            down: false,
            drain: false,
            backup: false,
        };
        let number = |word: &str, value: &str| {
            value.parse::<u32>().map_err(|_| format!("`{word}` in `{text}` needs a whole number"))
        };
        for word in text.trim().trim_end_matches(';').split_whitespace() {
            match word.split_once('=') {
                Some(("weight", value)) => server.weight = number(word, value)?,
                Some(("max_fails", value)) => server.max_fails = Some(number(word, value)?),
                Some(("max_conns", value)) => server.max_conns = Some(number(word, value)?),
                Some(("fail_timeout", value)) => server.fail_timeout = Some(fail_timeout_of(value, text)?),
                Some(("route", value)) => server.route = Some(value.to_owned()),
                None if word == "down" => server.down = true,
                None if word == "drain" => server.drain = true,
                None if word == "backup" => server.backup = true,
                _ => {
                    let known =
                        ["weight=", "max_fails=", "fail_timeout=", "max_conns=", "route=", "down", "drain", "backup"];
                    return Err(unknown(word, text, &known));
                }
            }
        }
        if !(1..=MAX_WEIGHT).contains(&server.weight) {
            return Err(format!("a weight of {} in `{text}` is not possible: write 1 to {MAX_WEIGHT}", server.weight));
        }
        Ok(server)
    }
}

impl fmt::Display for NginxServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = vec![format!("weight={}", self.weight)];
        words.extend(self.max_fails.map(|n| format!("max_fails={n}")));
        words.extend(self.fail_timeout.map(|span| format!("fail_timeout={span}")));
        words.extend(self.max_conns.map(|n| format!("max_conns={n}")));
        words.extend(self.route.as_ref().map(|route| format!("route={route}")));
        let flags = [(self.down, "down"), (self.drain, "drain"), (self.backup, "backup")];
        words.extend(flags.into_iter().filter(|(set, _)| *set).map(|(_, word)| word.to_owned()));
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again<T: FromStr<Err = String> + fmt::Display + PartialEq + fmt::Debug>(text: &str) -> String {
        let read: T = text.parse().unwrap();
        let written = read.to_string();
        assert_eq!(written.parse::<T>().unwrap(), read);
        written
    }

    #[test]
    fn directives_are_written_as_they_were_read() {
        for text in [
            "round_robin",
            "least_conn",
            "ip_hash",
            "random",
            "random two",
            "hash $remote_addr",
            "hash $http_x_session_id",
            "hash $arg_room consistent",
            "least_time header",
            "least_time last_byte inflight",
        ] {
            assert_eq!(again::<NginxMethod>(text), text);
        }
        assert_eq!(again::<NginxMethod>("hash $remote_addr;"), "hash $remote_addr");
        for text in [
            "cookie srv_id",
            "cookie srv_id expires=1h path=/ httponly",
            "cookie a expires=max",
            "route $cookie_route $request_uri",
            "learn create=$upstream_cookie_a lookup=$cookie_a zone=sessions:1m timeout=1h",
        ] {
            assert_eq!(again::<NginxSticky>(text), text);
        }
        assert_eq!(
            again::<NginxServer>("backup weight=5 fail_timeout=30 max_conns=7"),
            "weight=5 fail_timeout=30s max_conns=7 backup"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let method = |text: &str| text.parse::<NginxMethod>().unwrap_err();
        insta::assert_snapshot!(
            [
                method("iphash"),
                method("hash $request_uri"),
                method("hash $arg_room consistnt"),
                method("least_time"),
                "cookie".parse::<NginxSticky>().unwrap_err(),
                "cookie a expires=never".parse::<NginxSticky>().unwrap_err(),
                "learn zone=a:1m".parse::<NginxSticky>().unwrap_err(),
                "learn create=$a lookup=$b zone=a:1x".parse::<NginxSticky>().unwrap_err(),
                "weight=0".parse::<NginxServer>().unwrap_err(),
                "slow_start=30s".parse::<NginxServer>().unwrap_err(),
                "fail_timeout=500ms".parse::<NginxServer>().unwrap_err(),
            ]
            .join("\n")
        );
    }
}
