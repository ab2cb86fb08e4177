//! nginx.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::Span;

/// The settings of an nginx `upstream` block, one `server` line per pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NginxSpec {
    /// How a server is chosen.
    pub method: NginxMethod,
    /// Failures within `fail_timeout` after which a server is left alone for `fail_timeout`; 0 = never.
    pub max_fails: u32,
    /// See `max_fails`; whole seconds.
    pub fail_timeout: Span,
}

/// The balancing directive of an nginx `upstream` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NginxMethod {
    /// Smooth weighted round robin: nginx's default.
    RoundRobin,
    /// The server with the fewest connections.
    LeastConn,
    /// A random server.
    Random,
    /// By the client's address: the first three octets of IPv4, all of IPv6.
    IpHash,
}

impl Default for NginxSpec {
    fn default() -> Self {
        NginxSpec { method: NginxMethod::RoundRobin, max_fails: 1, fail_timeout: Span::from_secs(10) }
    }
}
