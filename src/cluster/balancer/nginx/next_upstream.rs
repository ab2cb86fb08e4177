//! `proxy_next_upstream`: after which failures a request is passed on to the next server.

use std::fmt;
use std::str::FromStr;

use super::super::words::{as_text, one_of};

/// The words of the directive in nginx's own order (`ngx_http_proxy_next_upstream_masks`).
///
/// In the model a try fails when nobody listens, and the connection is refused at once. That is `error`; the silence of a pod whose
/// node is gone, `timeout` in nginx, is taken for the same. Pods answer no
/// request with a status that a word names, never too late and never with half a header; and a refused request was not sent,
/// so that its method does not matter. The other words are true of nothing, and are kept as they were written.
const WORDS: [&str; 12] = [
    "error",
    "timeout",
    "invalid_header",
    "non_idempotent",
    "http_500",
    "http_502",
    "http_503",
    "http_504",
    "http_403",
    "http_404",
    "http_429",
    OFF,
];
/// Stronger than all other words.
const OFF: &str = "off";

/// `proxy_next_upstream`: its words, each a bit at its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextUpstream(u16);

as_text!(NextUpstream, "error timeout");

impl NextUpstream {
    /// `error timeout`: the default of nginx and of ingress-nginx.
    pub const DEFAULT: NextUpstream = NextUpstream(0b11);

    /// True when a request whose connection was refused goes to another server.
    pub fn passes_on(self) -> bool {
        self.has("error") && !self.has(OFF)
    }
    fn has(self, word: &str) -> bool {
        WORDS.iter().zip(0..).any(|(known, bit)| *known == word && self.0 & (1 << bit) != 0)
    }
}

impl FromStr for NextUpstream {
    type Err = String;
    fn from_str(text: &str) -> Result<NextUpstream, String> {
        let mut words = NextUpstream(0);
        for word in text.trim().trim_end_matches(';').split_whitespace() {
            let Some((_, bit)) = WORDS.iter().zip(0..).find(|(known, _)| **known == word) else {
                return Err(format!("`{word}` is no word of `proxy_next_upstream`; write {}", one_of(&WORDS)));
            };
            words.0 |= 1 << bit;
        }
        if words.0 == 0 {
            return Err("`proxy_next_upstream` is empty; write `error timeout`, or `off`".to_owned());
        }
        Ok(words)
    }
}

impl fmt::Display for NextUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = WORDS.into_iter().filter(|word| self.has(word)).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_passes_on_unless_it_is_off() {
        let read = |text: &str| text.parse::<NextUpstream>().expect("words of nginx");
        assert_eq!(read("timeout error;"), NextUpstream::DEFAULT);
        for (text, passes_on) in [
            ("error timeout", true),
            ("error timeout http_502 http_503 non_idempotent", true),
            ("error error", true),
            ("off", false),
            ("off error", false),
            ("timeout", false),
            ("http_502", false),
            ("non_idempotent", false),
        ] {
            assert_eq!(read(text).passes_on(), passes_on, "{text}");
            assert_eq!(read(&read(text).to_string()), read(text));
        }
        assert_eq!(read("http_404 off non_idempotent").to_string(), "non_idempotent http_404 off");
    }

    #[test]
    fn other_words_are_refused_by_name() {
        for (text, part) in [("error http_401", "`http_401`"), ("on", "`on`"), ("", "empty"), (" ; ", "empty")] {
            let said = text.parse::<NextUpstream>().unwrap_err();
            assert!(said.contains(part) && said.contains("write"), "{said}");
        }
    }
}
