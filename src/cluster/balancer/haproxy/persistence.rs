//! The lines that keep a client on its server: `cookie`, `stick-table`, `stick on`.

use std::fmt;
use std::str::FromStr;

use super::lines::fetched;
use super::time::{size, size_text, time, time_text};
use crate::cluster::balancer::AffinityKey;
use crate::cluster::balancer::words::{as_text, unknown};
use crate::engine::Span;

/// The `cookie` line of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxyCookie {
    /// Its name.
    pub name: String,
    /// `rewrite` or `prefix`: HAProxy writes into a cookie of the application, else into its own.
    pub of_application: bool,
    /// A cookie whose client was not seen for so long is ignored.
    pub max_idle: Option<Span>,
    /// A cookie so long after its first date is ignored.
    pub max_life: Option<Span>,
    /// The words that choose the mode and those that do not change where clients land, as they were written.
    words: Vec<String>,
}

as_text!(HaproxyCookie, "SRV insert indirect nocache");

/// What can stand in `cookie`.
const COOKIE_WORDS: [&str; 13] = [
    "insert", "rewrite", "prefix", "indirect", "nocache", "preserve", "dynamic", "httponly", "secure", "domain",
    "attr", "maxidle", "maxlife",
];

impl HaproxyCookie {
    /// True when its values are made from the servers' addresses.
    pub fn is_dynamic(&self) -> bool {
        self.words.iter().any(|word| word == "dynamic")
    }
}

impl FromStr for HaproxyCookie {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyCookie, String> {
        let mut words = text.split_whitespace();
        let name = words.next().filter(|name| !COOKIE_WORDS.contains(name));
        let name =
            name.ok_or("`cookie` begins with the cookie's name: write for example `SRV insert indirect nocache`")?;
        let (mut mode, mut kept) = (None, Vec::new());
        let (mut max_idle, mut max_life) = (None, None);
        while let Some(word) = words.next() {
            let mut argument = || words.next().ok_or_else(|| format!("`{word}` in `cookie` needs something after it"));
            match word {
                "insert" | "rewrite" | "prefix" => {
                    if let Some(other) = mode.replace(word) {
                        return Err(format!("`{other}` and `{word}` in `cookie` exclude each other: leave one out"));
                    }
                    kept.push(word.to_owned());
                }
                "indirect" | "nocache" | "preserve" | "dynamic" | "httponly" | "secure" => kept.push(word.to_owned()),
                "domain" | "attr" => kept.push(format!("{word} {}", argument()?)),
                "maxidle" => max_idle = Some(whole_seconds(word, argument()?)?),
                "maxlife" => max_life = Some(whole_seconds(word, argument()?)?),
                "postonly" => {
                    return Err(
                        "`postonly` in `cookie` is not modelled, as requests have no method: leave it out".to_owned()
                    );
                }
                _ => return Err(unknown(word, "cookie", &COOKIE_WORDS)),
            }
        }
        let mode = mode.ok_or("`cookie` needs a mode: write `insert`, `rewrite` or `prefix` after the name")?;
        let of_application = mode != "insert";
        if of_application && (max_idle.is_some() || max_life.is_some()) {
            return Err(format!("`maxidle` and `maxlife` work with `insert`, not with `{mode}`"));
        }
        if of_application && kept.iter().any(|word| word == "preserve") {
            return Err(format!("`preserve` works with `insert`, not with `{mode}`"));
        }
        Ok(HaproxyCookie { name: name.to_owned(), of_application, max_idle, max_life, words: kept })
    }
}

/// Lifetimes of cookies count whole seconds.
fn whole_seconds(word: &str, text: &str) -> Result<Span, String> {
    let span = time(text, Span::from_secs(1))?;
    if span < Span::from_secs(1) {
        return Err(format!("`{word}` counts whole seconds: write at least `1s`"));
    }
    Ok(span)
}

impl fmt::Display for HaproxyCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.words.join(" "))?;
        if let Some(span) = self.max_idle {
            write!(f, " maxidle {}", time_text(span))?;
        }
        if let Some(span) = self.max_life {
            write!(f, " maxlife {}", time_text(span))?;
        }
        Ok(())
    }
}

/// What the keys of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// IPv4 addresses: other clients are not kept.
    Ip,
    /// IPv6 addresses, IPv4 mapped into them.
    Ipv6,
    /// Texts, of which so many bytes count.
    Text(u32),
}

/// The `stick-table` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxyStickTable {
    /// What its keys are.
    pub(super) keys: KeyType,
    /// Entries at most.
    pub size: u64,
    /// An entry lives so long after its last use.
    pub expire: Option<Span>,
    /// A full table takes no more, instead of dropping the oldest.
    pub no_purge: bool,
    /// The `peers` section that keeps the table over reloads.
    pub peers: Option<String>,
}

as_text!(HaproxyStickTable, "type ip size 200k expire 30m");

/// What can stand in `stick-table`.
const TABLE_WORDS: [&str; 5] = ["type", "size", "expire", "nopurge", "peers"];
/// Bytes of a text that count (`stktable_types`: 32 with the zero that ends it).
const DEFAULT_LENGTH: u32 = 31;
/// Entries at most: a few gigabytes in the real program.
const MOST_ENTRIES: u64 = 1 << 26;

impl FromStr for HaproxyStickTable {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyStickTable, String> {
        let (mut keys, mut entries, mut expire, mut no_purge, mut peers) = (None, None, None, false, None);
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let argument = if word == "nopurge" { "" } else { words.next().unwrap_or_default() };
            match word {
                "type" => match argument {
                    "ip" => keys = Some(KeyType::Ip),
                    "ipv6" => keys = Some(KeyType::Ipv6),
                    "string" => {
                        let length = words.next_if_eq(&"len").map(|word| {
                            let length = words.next();
                            super::time::number(word, length, 1, 1024)
                        });
                        keys = Some(KeyType::Text(length.transpose()?.unwrap_or(DEFAULT_LENGTH)));
                    }
                    _ => return Err(unknown(argument, "stick-table type", &["ip", "ipv6", "string"])),
                },
                "size" => entries = Some(size(argument, MOST_ENTRIES)?),
                "expire" => expire = Some(time(argument, Span::from_millis(1))?),
                "nopurge" => no_purge = true,
                "peers" if !argument.is_empty() => peers = Some(argument.to_owned()),
                "store" => {
                    return Err("`store` counts what the model does not: leave it out of `stick-table`".to_owned());
                }
                _ => return Err(unknown(word, "stick-table", &TABLE_WORDS)),
            }
        }
        let missing =
            |what: &str| format!("`stick-table` needs `{what}`: write for example `type ip size 200k expire 30m`");
        let keys = keys.ok_or_else(|| missing("type"))?;
        let size = entries.ok_or_else(|| missing("size"))?;
        Ok(HaproxyStickTable { keys, size, expire, no_purge, peers })
    }
}

impl fmt::Display for HaproxyStickTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keys {
            KeyType::Ip => f.write_str("type ip")?,
            KeyType::Ipv6 => f.write_str("type ipv6")?,
            KeyType::Text(DEFAULT_LENGTH) => f.write_str("type string")?,
            KeyType::Text(length) => write!(f, "type string len {length}")?,
        }
        write!(f, " size {}", size_text(self.size))?;
        if let Some(expire) = self.expire {
            write!(f, " expire {}", time_text(expire))?;
        }
        if self.no_purge {
            f.write_str(" nopurge")?;
        }
        self.peers.iter().try_for_each(|peers| write!(f, " peers {peers}"))
    }
}

/// The `stick on` line: what the keys of the table are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxyStick {
    /// The sample, such as `src`.
    sample: String,
    /// What it is.
    pub key: AffinityKey,
}

as_text!(HaproxyStick, "on src");

impl FromStr for HaproxyStick {
    type Err = String;
    fn from_str(text: &str) -> Result<HaproxyStick, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match *words {
            ["on", sample] => Ok(HaproxyStick { key: fetched(sample, "stick on")?, sample: sample.to_owned() }),
            ["on", sample, "table", ..] => Err(format!(
                "the model has one table, the backend's own: write `on {sample}` and its `stick-table` here"
            )),
            ["match" | "store-request" | "store-response", ..] => {
                Err(format!("`{}` is not modelled: write `on src`, which matches and stores", words[0]))
            }
            _ => Err(unknown(text, "stick", &["on src", "on hdr(x-user-id)", "on req.cook(session)"])),
        }
    }
}

impl fmt::Display for HaproxyStick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on {}", self.sample)
    }
}
