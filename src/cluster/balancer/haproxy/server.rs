//! Parameters of `server` and `default-server` lines.

use std::fmt;
use std::str::FromStr;

use super::time::{number, time, time_text};
use crate::cluster::balancer::words::{as_text, unknown};
use crate::engine::Span;

/// The `default-server` line: what holds for every server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HaproxyDefaultServer {
    /// Share of the clients, 0 to 256; 0 drains.
    pub weight: Option<u32>,
    /// Connections at a time at most.
    pub maxconn: Option<u32>,
    /// Servers are checked.
    pub check: bool,
    /// Distance of two checks.
    pub inter: Option<Span>,
    /// Failed checks in a row until a server is down.
    pub fall: Option<u32>,
    /// Good checks in a row until it is up again.
    pub rise: Option<u32>,
    /// `on-marked-down shutdown-sessions`: a server that goes down loses its tunnels, which a pod of the model has closed by
    /// then.
    pub shutdown_sessions: bool,
}

as_text!(HaproxyDefaultServer, "check inter 2s fall 3 rise 2 maxconn 100");

/// What a `server` line of its own says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HaproxyServer {
    /// Share of the clients, 0 to 256; 0 drains.
    pub weight: Option<u32>,
    /// Connections at a time at most.
    pub maxconn: Option<u32>,
    /// Its id, from which its places on the ring follow; else the lowest that is free.
    pub id: Option<u32>,
    /// Value of its cookie; only that it is its own matters.
    pub cookie: Option<String>,
    /// In maintenance from the start.
    pub disabled: bool,
}

as_text!(HaproxyServer, "weight 5");

/// Heaviest server (`SRV_UWGHT_MAX`).
pub const MOST_WEIGHT: u32 = 256;
/// Ids beyond this would share places on the ring, as 4096 of them belong to each id.
const MOST_ID: u32 = (1 << 20) - 1;
const DEFAULT_WORDS: [&str; 7] =
    ["weight", "maxconn", "check", "inter", "fall", "rise", "on-marked-down shutdown-sessions"];
const LINE_WORDS: [&str; 5] = ["weight", "maxconn", "id", "cookie", "disabled"];
/// What HAProxy has and the model has not.
const NOT_MODELLED: [&str; 17] = [
    "backup",
    "slowstart",
    "minconn",
    "maxqueue",
    "fastinter",
    "downinter",
    "agent-check",
    "track",
    "observe",
    "error-limit",
    "on-error",
    "on-marked-up",
    "send-proxy",
    "send-proxy-v2",
    "redir",
    "resolvers",
    "pool-max-conn",
];

/// The sentence for a word that does not belong here.
fn refused(word: &str, place: &str, known: &[&str]) -> String {
    if NOT_MODELLED.contains(&word) {
        return format!("`{word}` in `{place}` is not modelled: leave it out");
    }
    unknown(word, place, known)
}

impl HaproxyDefaultServer {
    /// The first word that has no effect without checks, where there are none.
    fn about_checks(&self) -> Option<&'static str> {
        let words = [
            (self.inter.is_some(), "inter"),
            (self.fall.is_some(), "fall"),
            (self.rise.is_some(), "rise"),
            (self.shutdown_sessions, "on-marked-down"),
        ];
        words.into_iter().find(|(is_set, _)| *is_set && !self.check).map(|(_, word)| word)
    }
}

impl FromStr for HaproxyDefaultServer {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyDefaultServer, String> {
        let mut server = HaproxyDefaultServer::default();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "weight" => server.weight = Some(number(word, words.next(), 0, MOST_WEIGHT)?),
                "maxconn" => server.maxconn = Some(number(word, words.next(), 1, u32::MAX)?),
                "check" => server.check = true,
                "inter" => server.inter = Some(time(words.next().unwrap_or_default(), Span::from_millis(1))?),
                "fall" => server.fall = Some(number(word, words.next(), 1, 1_000)?),
                "rise" => server.rise = Some(number(word, words.next(), 1, 1_000)?),
                "on-marked-down" if words.next() == Some("shutdown-sessions") => server.shutdown_sessions = true,
                "on-marked-down" => return Err("`on-marked-down` is followed by `shutdown-sessions`".to_owned()),
                "disabled" | "id" | "cookie" => {
                    return Err(format!("`{word}` belongs to one server: write it in `servers`"));
                }
                _ => return Err(refused(word, "default-server", &DEFAULT_WORDS)),
            }
        }
        server.about_checks().map_or(Ok(server), |word| {
            Err(format!(
                "`{word}` in `default-server` is about checks, and without `check` there are none; add `check`"
            ))
        })
    }
}

impl fmt::Display for HaproxyDefaultServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.check.then(|| "check".to_owned()));
        words.extend(self.inter.map(|inter| format!("inter {}", time_text(inter))));
        words.extend(self.fall.map(|fall| format!("fall {fall}")));
        words.extend(self.rise.map(|rise| format!("rise {rise}")));
        words.extend(self.maxconn.map(|maxconn| format!("maxconn {maxconn}")));
        words.extend(self.weight.map(|weight| format!("weight {weight}")));
        words.extend(self.shutdown_sessions.then(|| "on-marked-down shutdown-sessions".to_owned()));
        f.write_str(&words.join(" "))
    }
}

impl FromStr for HaproxyServer {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyServer, String> {
        let mut server = HaproxyServer::default();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "weight" => server.weight = Some(number(word, words.next(), 0, MOST_WEIGHT)?),
                "maxconn" => server.maxconn = Some(number(word, words.next(), 1, u32::MAX)?),
                "id" => server.id = Some(number(word, words.next(), 1, MOST_ID)?),
                "cookie" => {
                    let value =
                        words.next().ok_or("`cookie` in `servers` needs a value after it, such as `cookie s1`")?;
                    server.cookie = Some(value.to_owned());
                }
                "disabled" => server.disabled = true,
                "server" => {
                    return Err(
                        "servers are the pods: write only what follows the address, such as `weight 5`".to_owned()
                    );
                }
                "check" | "inter" | "fall" | "rise" | "on-marked-down" => {
                    return Err(format!("`{word}` is the same for all servers: write it in `default-server`"));
                }
                _ => return Err(refused(word, "servers", &LINE_WORDS)),
            }
        }
        Ok(server)
    }
}

impl fmt::Display for HaproxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.id.map(|id| format!("id {id}")));
        words.extend(self.cookie.as_ref().map(|value| format!("cookie {value}")));
        words.extend(self.maxconn.map(|maxconn| format!("maxconn {maxconn}")));
        words.extend(self.weight.map(|weight| format!("weight {weight}")));
        words.extend(self.disabled.then(|| "disabled".to_owned()));
        f.write_str(&words.join(" "))
    }
}
