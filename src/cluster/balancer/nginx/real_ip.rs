//! The directives of nginx's realip module.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::words::{as_text, one_of};

/// `real_ip_header`: the headers that tiers of the model set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RealIpHeader {
    /// nginx's default.
    #[default]
    XRealIp,
    /// The list of those that a request came through.
    XForwardedFor,
    /// Cloudflare's.
    CfConnectingIp,
}

const HEADERS: [(&str, RealIpHeader); 3] = [
    ("X-Real-IP", RealIpHeader::XRealIp),
    ("X-Forwarded-For", RealIpHeader::XForwardedFor),
    ("CF-Connecting-IP", RealIpHeader::CfConnectingIp),
];

as_text!(RealIpHeader, "X-Forwarded-For");

impl FromStr for RealIpHeader {
    type Err = String;
    fn from_str(text: &str) -> Result<RealIpHeader, String> {
        let known = HEADERS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        known.map(|&(_, header)| header).ok_or_else(|| {
            format!("no tier of the model sets `{text}`: write {}", one_of(&HEADERS.map(|(name, _)| name)))
        })
    }
}

impl fmt::Display for RealIpHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = HEADERS.iter().find(|(_, header)| header == self).map_or("", |&(name, _)| name);
        f.write_str(name)
    }
}

/// `set_real_ip_from`: an address or a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedNetwork(Box<str>);

as_text!(TrustedNetwork, "173.245.48.0/20");

impl FromStr for TrustedNetwork {
    type Err = String;
    fn from_str(text: &str) -> Result<TrustedNetwork, String> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let fits = address.parse().is_ok_and(|address: IpAddr| {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            length.is_none_or(|length| {
                let digits = length.bytes().all(|byte| byte.is_ascii_digit());
                digits && length.parse().is_ok_and(|length: u8| length <= bits)
            })
        });
        if !fits {
            return Err(format!("`{text}` is neither an address nor a network: write for example `10.0.0.0/8`"));
        }
        Ok(TrustedNetwork(text.into()))
    }
}

impl fmt::Display for TrustedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `on` or `off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnOff {
    /// `on`
    On,
    /// `off`
    #[default]
    Off,
}

impl OnOff {
    /// True when it says `off`.
    pub fn is_off(&self) -> bool {
        *self == OnOff::Off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_headers_that_cannot_be_are_refused() {
        for text in ["10.0.0.0/8", "192.0.2.7", "2400:cb00::/32", "::1"] {
            assert_eq!(text.parse::<TrustedNetwork>().map(|network| network.to_string()).as_deref(), Ok(text));
        }
        for text in ["foo", "10.0.0.0/99", "10.0.0/8", "2400:cb00::/129", "10.0.0.0/", "", "10.0.0.0/-1", "10.0.0.0/+8"]
        {
            let error = text.parse::<TrustedNetwork>().expect_err(text);
            assert!(error.contains("neither an address nor a network"), "{error}");
        }
        assert_eq!("x-forwarded-for".parse(), Ok(RealIpHeader::XForwardedFor));
        let error = "Banana".parse::<RealIpHeader>().expect_err("no such header");
        assert_eq!(
            error,
            "no tier of the model sets `Banana`: write `X-Real-IP`, `X-Forwarded-For` or `CF-Connecting-IP`"
        );
    }
}
