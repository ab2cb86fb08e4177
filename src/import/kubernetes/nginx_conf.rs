//! An nginx configuration: its `upstream` blocks and the locations that lead there.

use std::rc::Rc;

use super::finding::{Code, Findings, Place};
use super::ingress_nginx::HEARTBEAT;
use super::object::{Known, Origin};
use super::tier::{Setting, Tier};
use super::units::seconds;

/// A directive, with the directives of its block if it has one.
#[derive(Debug)]
struct Directive {
    words: Vec<String>,
    line: usize,
    block: Vec<Directive>,
}

/// Deepest nesting of blocks, and most directives.
const MAX_DEPTH: usize = 32;
const MAX_DIRECTIVES: usize = 20_000;

/// An upstream that was found.
#[derive(Debug)]
pub(super) struct Upstream {
    pub name: String,
    pub tier: Tier,
    pub servers: Known<u64>,
}

/// The upstreams of a configuration.
///
/// # Errors
/// When braces or quotes do not fit: the line and what is wrong.
pub(super) fn read(file: &Rc<str>, text: &str, findings: &mut Findings) -> Result<Vec<Upstream>, (usize, String)> {
    let directives = Reader::new(text).directives()?;
    let mut upstreams = Vec::new();
    let mut locations = Vec::new();
    collect(&directives, &mut upstreams, &mut locations);
    let place = |line| Place { file: Rc::clone(file), line, object: "nginx configuration".into() };
    let mut found = Vec::new();
    for upstream in upstreams {
        let name = upstream.words.get(1).cloned().unwrap_or_default();
        let mut reader = Settings { file, findings, place: &place };
        let mut made = reader.upstream(upstream, &name);
        for location in locations.iter().filter(|location| leads_to(location, &name)) {
            reader.location(location, &mut made.tier);
        }
        found.push(made);
    }
    Ok(found)
}

fn collect<'d>(list: &'d [Directive], upstreams: &mut Vec<&'d Directive>, locations: &mut Vec<&'d Directive>) {
    for directive in list {
        match directive.words.first().map(String::as_str) {
            Some("upstream") => upstreams.push(directive),
            Some("location") => {
                locations.push(directive);
                collect(&directive.block, upstreams, locations);
            }
            _ => collect(&directive.block, upstreams, locations),
        }
    }
}

fn leads_to(location: &Directive, upstream: &str) -> bool {
    location.block.iter().any(|directive| {
        directive.words.first().is_some_and(|word| word == "proxy_pass")
            && directive.words.get(1).is_some_and(|url| {
                let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
                host.split('/').next() == Some(upstream)
            })
    })
}

/// Makes settings of directives.
struct Settings<'a> {
    file: &'a Rc<str>,
    findings: &'a mut Findings,
    place: &'a dyn Fn(usize) -> Place,
}

impl Settings<'_> {
    fn from(&self, directive: &Directive) -> Origin {
        let field = directive.words.first().cloned().unwrap_or_default();
        Origin::Read { file: Rc::clone(self.file), line: directive.line, field }
    }

    fn setting(&self, key: &str, value: impl Into<serde_json::Value>, directive: &Directive) -> Setting {
        Setting { place: Some((self.place)(directive.line)), ..Setting::new(key, value, self.from(directive)) }
    }

    fn upstream(&mut self, upstream: &Directive, name: &str) -> Upstream {
        let (place, from) = ((self.place)(upstream.line), self.from(upstream));
        let mut tier = Tier { product: "nginx", from, place, settings: Vec::new(), left_out: Vec::new() };
        let mut servers: Vec<(&Directive, String)> = Vec::new();
        for directive in &upstream.block {
            let rest = directive.words.get(1..).unwrap_or_default().join(" ");
            match directive.words.first().map_or("", String::as_str) {
                "server" => servers.push((directive, directive.words.get(2..).unwrap_or_default().join(" "))),
                word @ ("ip_hash" | "least_conn") => {
                    tier.set(self.setting("method", word, directive));
                    if word == "ip_hash" {
                        self.check_ip_hash(directive);
                    }
                }
                word @ ("hash" | "random" | "least_time") => {
                    tier.set(self.setting("method", format!("{word} {rest}").trim(), directive));
                }
                "sticky" => tier.set(self.setting("sticky", rest, directive)),
                "zone" => tier.set(self.setting("zone", true, directive)),
                // what concerns connections to the servers only
                "keepalive" | "keepalive_timeout" | "keepalive_requests" | "keepalive_time" => {}
                other => {
                    let what = format!("`{other}` of the upstream is not simulated");
                    let fix = "read the figures without it";
                    self.findings.add(Code::NotSimulated, &(self.place)(directive.line), what, fix);
                }
            }
        }
        if servers.iter().any(|(_, parameters)| !parameters.is_empty()) {
            let list: Vec<String> = servers.iter().map(|(_, parameters)| parameters.clone()).collect();
            tier.set(self.setting("servers", list, servers[0].0));
        }
        let servers = match servers.first() {
            Some((first, _)) => {
                let mut from = self.from(first);
                if let Origin::Read { field, .. } = &mut from {
                    *field = format!("upstream {name}: {} lines `server`", servers.len());
                }
                Known { value: servers.len() as u64, from }
            }
            None => Known::assumed(3, "the upstream names no server"),
        };
        Upstream { name: name.to_owned(), tier, servers }
    }

    fn check_ip_hash(&mut self, directive: &Directive) {
        self.findings.add(
            Code::HashesAddresses,
            &(self.place)(directive.line),
            "`ip_hash` goes by the first three numbers of an IPv4 address: a whole /24 shares a server",
            "behind another proxy set `real_ip_header` and `set_real_ip_from`; `stickysim route --balancer nginx.ip_hash` \
             shows how uneven it gets",
        );
    }

    fn location(&mut self, location: &Directive, tier: &mut Tier) {
        let find = |name: &str| location.block.iter().find(|d| d.words.first().is_some_and(|word| word == name));
        for (name, key) in [
            ("proxy_next_upstream", "proxy_next_upstream"),
            ("proxy_next_upstream_tries", "proxy_next_upstream_tries"),
            ("real_ip_header", "real_ip_header"),
            ("set_real_ip_from", "set_real_ip_from"),
            ("real_ip_recursive", "real_ip_recursive"),
        ] {
            let Some(directive) = find(name).filter(|_| tier.get(key).is_none()) else { continue };
            let rest = directive.words.get(1..).unwrap_or_default().join(" ");
            tier.set(match name {
                "proxy_next_upstream_tries" => self.setting(key, super::tier::scalar(&rest), directive),
                "set_real_ip_from" => self.setting(key, vec![rest], directive),
                _ => self.setting(key, rest, directive),
            });
        }
        for name in ["proxy_read_timeout", "proxy_send_timeout"] {
            let Some(directive) = find(name) else { continue };
            let text = directive.words.get(1).map_or("", String::as_str);
            if seconds(text).is_some_and(|secs| secs <= HEARTBEAT) {
                let what = format!("`{name} {text}` is not longer than a heartbeat");
                let fix = "write `60s`, the default, or more";
                self.findings.add(Code::HeartbeatTimeout, &(self.place)(directive.line), what, fix);
            }
        }
        let upgrades = location.block.iter().any(|d| {
            d.words.first().is_some_and(|w| w == "proxy_set_header")
                && d.words.get(1).is_some_and(|w| w.eq_ignore_ascii_case("upgrade"))
        });
        let path = location.words.last().map_or("", String::as_str);
        if !upgrades && (path.contains("socket") || path.contains("ws")) {
            let what = format!("the location `{path}` does not pass `Upgrade` on");
            let fix = "write `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \
                       \"upgrade\";`";
            self.findings.add(Code::NoWebsocketUpgrade, &(self.place)(location.line), what, fix);
        }
    }
}

/// Splits a configuration into directives.
struct Reader<'t> {
    chars: std::iter::Peekable<std::str::Chars<'t>>,
    line: usize,
    total: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Reader<'t> {
        Reader { chars: text.chars().peekable(), line: 1, total: 0 }
    }

    fn directives(mut self) -> Result<Vec<Directive>, (usize, String)> {
        self.block(0)
    }

    /// Directives up to the closing brace, or to the end at the top.
    fn block(&mut self, depth: usize) -> Result<Vec<Directive>, (usize, String)> {
        if depth > MAX_DEPTH {
            return Err((self.line, format!("blocks are nested deeper than {MAX_DEPTH} levels")));
        }
        let (mut found, mut words, mut start) = (Vec::new(), Vec::new(), self.line);
        loop {
            let Some(c) = self.next() else {
                if depth > 0 {
                    return Err((self.line, "a block is not closed: a `}` is missing".to_owned()));
                }
                if !words.is_empty() {
                    return Err((start, "the last directive is not closed: a `;` is missing".to_owned()));
                }
                return Ok(found);
            };
            match c {
                '#' => {
                    while self.chars.peek().is_some_and(|c| *c != '\n') {
                        self.next();
                    }
                }
                ';' | '{' => {
                    let block = if c == '{' { self.block(depth + 1)? } else { Vec::new() };
                    self.total += 1;
                    if self.total > MAX_DIRECTIVES {
                        return Err((self.line, format!("there are more than {MAX_DIRECTIVES} directives")));
                    }
                    found.push(Directive { words: std::mem::take(&mut words), line: start, block });
                }
                '}' if depth > 0 && words.is_empty() => return Ok(found),
                '}' => return Err((self.line, "a `}` closes nothing, or a `;` is missing before it".to_owned())),
                c if c.is_whitespace() => {}
                c => {
                    if words.is_empty() {
                        start = self.line;
                    }
                    words.push(self.word(c)?);
                }
            }
        }
    }

    fn word(&mut self, first: char) -> Result<String, (usize, String)> {
        let (line, mut word) = (self.line, String::new());
        if matches!(first, '"' | '\'') {
            loop {
                match self.next() {
                    None => return Err((line, "a quoted text is not closed".to_owned())),
                    Some(c) if c == first => return Ok(word),
                    Some('\\') => word.extend(self.next()),
                    Some(c) => word.push(c),
                }
            }
        }
        word.push(first);
        // braces of `${name}` are no block
        let mut variable = false;
        while let Some(c) = self.chars.peek().copied() {
            match c {
                '{' if word.ends_with('$') => variable = true,
                '}' if variable => variable = false,
                c if c.is_whitespace() || matches!(c, ';' | '{' | '}') => break,
                _ => {}
            }
            word.push(c);
            self.next();
        }
        Ok(word)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, usize> {
        let list = Reader::new(text).directives().map_err(|(line, _)| line)?;
        Ok(list.iter().map(|d| format!("{} {} {}\n", d.line, d.words.join("|"), d.block.len())).collect())
    }

    #[test]
    fn directives_have_words_lines_and_blocks() {
        let text = "# x\nupstream a {\n  server b:1; # y\n  server \"c d\";\n}\nset $x ${y}z;\n";
        assert_eq!(shown(text).unwrap(), "2 upstream|a 2\n6 set|$x|${y}z 0\n");
        for (text, line) in [("a {", 1), ("a b", 1), ("\n}", 2), ("a {\n b }", 2), ("a \"b", 1)] {
            assert_eq!(shown(text), Err(line), "{text}");
        }
        assert!(shown(&"a {".repeat(1000)).is_err());
    }
}
