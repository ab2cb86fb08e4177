//! Annotations whose values are more than a number or a word, and those that are refused.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error};

use crate::cluster::balancer::NginxKey;
use crate::cluster::balancer::words::as_text;

/// What `upstream-hash-by` takes the hash of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamHashBy {
    /// The variable as written.
    variable: String,
    /// What it holds.
    pub(super) key: NginxKey,
}

as_text!(UpstreamHashBy, "$arg_room");

impl FromStr for UpstreamHashBy {
    type Err = String;
    fn from_str(text: &str) -> Result<UpstreamHashBy, String> {
        let text = text.trim();
        let braced = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let variable = braced.map_or_else(|| text.to_owned(), |name| format!("${name}"));
        let is_variable = variable.strip_prefix('$').is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if !is_variable {
            return Err(format!(
                "`{text}` is not one variable of nginx; write for example `$arg_room` or `$remote_addr`"
            ));
        }
        if variable == "$http_x_forwarded_for" {
            return Err(format!(
                "`{variable}` holds addresses; write `$remote_addr`, with `use-forwarded-headers: true` behind another proxy"
            ));
        }
        Ok(UpstreamHashBy { key: NginxKey::of(&variable)?, variable })
    }
}

impl fmt::Display for UpstreamHashBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.variable)
    }
}

/// Annotations that are always refused, each with a sentence.
macro_rules! refused {
    ($($name:ident: $sentence:literal;)*) => {
        $(pub fn $name<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
            Err(D::Error::custom($sentence))
        })*
    };
}

refused! {
    websocket_services:
        "ingress-nginx has no annotation `websocket-services`; take it out: WebSockets need none";
    session_cookie_httponly:
        "ingress-nginx has no annotation `session-cookie-httponly`; take it out: its cookies are always HttpOnly";
    canary:
        "a canary is a second set of pods, and behind a balancer here there is one; take out what begins with `canary` and \
         `affinity-canary-behavior`, and simulate each set as a scenario of its own with its share of the clients";
}
