//! One line of an access log.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::time::LogTime;

/// What a line says about a request, as far as balancing is concerned.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// Where it came from.
    pub address: IpAddr,
    /// When it was logged.
    pub time: LogTime,
    /// The user agent as it stands in the log, escapes included; empty in the Common Log Format.
    pub agent: &'a [u8],
    /// True: the line ends inside the agent.
    pub cut_short: bool,
}

/// Why a line is not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrokenReason {
    /// Not of the form `ADDRESS IDENT USER [TIME] "REQUEST" STATUS BYTES …` at all.
    Shape,
    /// The first field is a host name or something else that is not an IP address.
    Address,
    /// The text in brackets is not a time.
    Time,
    /// The status is not a number of three digits, or the size is neither a number nor `-`.
    Status,
    /// The line ends inside the request or the referer, so its client is not known.
    Cut,
    /// Longer than a line may be.
    TooLong,
}

impl BrokenReason {
    /// All reasons in the order of the enum.
    pub const ALL: [BrokenReason; 6] = [
        BrokenReason::Shape,
        BrokenReason::Address,
        BrokenReason::Time,
        BrokenReason::Status,
        BrokenReason::Cut,
        BrokenReason::TooLong,
    ];
}

impl fmt::Display for BrokenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrokenReason::Shape => "not of the form ADDRESS - - [TIME] \"REQUEST\" STATUS BYTES",
            BrokenReason::Address => {
                "the client is not an IP address (host names cannot be hashed like a balancer does)"
            }
            BrokenReason::Time => "the time is not like 17/May/2015:10:05:03 +0000",
            BrokenReason::Status => "status and size are not like 200 512",
            BrokenReason::Cut => "cut off before the user agent",
            BrokenReason::TooLong => "longer than 1 MiB",
        })
    }
}

/// Reads one line without its end.
///
/// Fields after the user agent are ignored, and so are unquoted ones before it: many sites add fields to the format.
/// A leading virtual host (Apache's `vhost_combined`) is skipped.
pub(super) fn parse(line: &[u8]) -> Result<Line<'_>, BrokenReason> {
    // The user field may hold blanks, so the brackets are what the line is taken apart at.
    let open = find(line, b" [").ok_or(BrokenReason::Shape)?;
    let rest = &line[open + 2..];
    let close = find(rest, b"] \"").ok_or(BrokenReason::Shape)?;
    let address = address(&line[..open])?;
    let time = LogTime::parse(&rest[..close]).ok_or(BrokenReason::Time)?;
    let Quoted::Closed { rest, .. } = quoted(&rest[close + 3..]) else { return Err(BrokenReason::Cut) };
    let rest = status_and_size(rest)?;
    let (agent, cut_short) = agent(rest)?;
    Ok(Line { address, time, agent, cut_short })
}

/// The address in the fields before the time.
fn address(fields: &[u8]) -> Result<IpAddr, BrokenReason> {
    let mut fields = fields.split(|&b| b == b' ');
    let (first, second, third) = (fields.next(), fields.next(), fields.next());
    let (Some(first), Some(second), Some(_)) = (first, second, third) else { return Err(BrokenReason::Shape) };
    if first.is_empty() {
        return Err(BrokenReason::Shape);
    }
    let parse = |field: &[u8]| std::str::from_utf8(field).ok()?.parse::<IpAddr>().ok();
    parse(first)
        .or_else(|| fields.next().and_then(|_| parse(second)))
        // One machine is one address, whether the server's socket was for both protocols or not.
        .map(|address| address.to_canonical())
        .ok_or(BrokenReason::Address)
}

/// Skips ` 200 512`; both are only checked, to tell logs from other text.
fn status_and_size(rest: &[u8]) -> Result<&[u8], BrokenReason> {
    let mut fields = rest.splitn(4, |&b| b == b' ');
    let (Some(b""), Some(status), Some(size)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(BrokenReason::Status);
    };
    let digits = |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    if status.len() != 3 || !digits(status) || !(digits(size) || size == b"-") {
        return Err(BrokenReason::Status);
    }
    Ok(fields.next().unwrap_or(b""))
}

/// The second quoted text and whether it is cut off; empty when there is no quoted text at all.
fn agent(rest: &[u8]) -> Result<(&[u8], bool), BrokenReason> {
    let Some(open) = find(rest, b"\"") else { return Ok((b"", false)) };
    let Quoted::Closed { rest, .. } = quoted(&rest[open + 1..]) else { return Err(BrokenReason::Cut) };
    let open = find(rest, b"\"").ok_or(BrokenReason::Cut)?;
    Ok(match quoted(&rest[open + 1..]) {
        Quoted::Closed { text, .. } => (text, false),
        Quoted::Open { text } => (text, true),
    })
}

/// What follows an opening quote.
enum Quoted<'a> {
    /// Up to a closing quote, and the rest of the line after it.
    Closed { text: &'a [u8], rest: &'a [u8] },
    /// No closing quote.
    Open { text: &'a [u8] },
}

/// Reads up to the closing quote. Apache writes a quote inside as `\"`, nginx as `\x22`.
fn quoted(text: &[u8]) -> Quoted<'_> {
    let mut escaped = false;
    for (i, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Quoted::Closed { text: &text[..i], rest: &text[i + 1..] },
            _ => {}
        }
    }
    Quoted::Open { text }
}

/// Where `needle` starts.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> (String, String, bool) {
        let line = parse(text.as_bytes()).unwrap_or_else(|reason| panic!("{text}: {reason}"));
        (line.address.to_string(), String::from_utf8_lossy(line.agent).into_owned(), line.cut_short)
    }

    #[test]
    fn formats_that_sites_really_have() {
        let head = r#"- - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200"#;
        for (line, address, agent, cut) in [
            (format!(r#"192.0.2.7 {head} 512 "-" "Mozilla/5.0 (X11)""#), "192.0.2.7", "Mozilla/5.0 (X11)", false),
            (format!(r#"192.0.2.7 {head} 512"#), "192.0.2.7", "", false),
            (format!(r#"192.0.2.7 {head} -"#), "192.0.2.7", "", false),
            (format!(r#"2001:db8::7 {head} 5 "-" "x""#), "2001:db8::7", "x", false),
            (format!(r#"::ffff:192.0.2.7 {head} 5 "-" "x""#), "192.0.2.7", "x", false),
            (
                format!(r#"192.0.2.7 {head} 5 "-" "say \"hi\" \\" "203.0.113.5""#),
                "192.0.2.7",
                r#"say \"hi\" \\"#,
                false,
            ),
            (format!(r#"192.0.2.7 {head} 5 0.004 "-" "x""#), "192.0.2.7", "x", false),
            (format!(r#"www.example.com:443 192.0.2.7 {head} 5 "-" "x""#), "192.0.2.7", "x", false),
            (format!(r#"192.0.2.7 {head} 5 "-" "Mozilla/5.0 (comp"#), "192.0.2.7", "Mozilla/5.0 (comp", true),
        ] {
            assert_eq!(ok(&line), (address.to_owned(), agent.to_owned(), cut), "{line}");
        }
        let user = r#"192.0.2.7 - Jane Doe [17/May/2015:10:05:03 +0000] "\x16\x03\x01" 400 0 "-" "-""#;
        assert_eq!(ok(user), ("192.0.2.7".to_owned(), "-".to_owned(), false));
    }

    #[test]
    fn broken_lines_have_their_reason() {
        use BrokenReason::{Address, Cut, Shape, Status, Time};
        for (line, reason) in [
            ("", Shape),
            ("[error] something failed", Shape),
            (r#"192.0.2.7 [17/May/2015:10:05:03 +0000] "GET /" 200 5"#, Shape),
            (r#"host.example - - [17/May/2015:10:05:03 +0000] "GET /" 200 5"#, Address),
            (r#"192.0.2 - - [17/May/2015:10:05:03 +0000] "GET /" 200 5"#, Address),
            (r#"192.0.2.7 - - [2015-05-17 10:05:03] "GET /" 200 5"#, Time),
            (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" OK 5"#, Status),
            (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 200"#, Status),
            (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /"#, Cut),
            (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 200 5 "http://exa"#, Cut),
            (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /" 200 5 "-""#, Cut),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(reason), "{line}");
        }
    }
}
