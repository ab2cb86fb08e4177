//! Load balancers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod ingress_nginx;
mod nginx;

pub use ingress_nginx::{Affinity, AffinityMode, IngressNginxSpec, LoadBalance};
pub use nginx::{NginxMethod, NginxSpec};

/// A load balancer with the settings that its users write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum BalancerSpec {
    /// nginx with an `upstream` block.
    #[serde(rename = "nginx")]
    Nginx(NginxSpec),
    /// ingress-nginx with its annotations.
    #[serde(rename = "ingress-nginx")]
    IngressNginx(IngressNginxSpec),
}

/// How products write a lifetime: a number of seconds, or a duration with a unit.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum SecondsOrSpan {
    /// Seconds, as in the product's own configuration.
    Seconds(u32),
    /// With a unit, such as `48h`.
    Span(crate::engine::Span),
}

/// Reads what [`SecondsOrSpan`] describes.
fn seconds_or_span<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<crate::engine::Span>, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = Option<crate::engine::Span>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number of seconds such as 172800, or a duration such as `48h`")
        }
        fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Self::Value, E> {
            if seconds > u64::from(u32::MAX) {
                return Err(E::custom(format!("`{seconds}` seconds is longer than 136 years")));
            }
            Ok(Some(crate::engine::Span::from_secs(seconds)))
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text.parse::<u32>() {
                Ok(seconds) => self.visit_u64(u64::from(seconds)),
                Err(_) => text.parse().map(Some).map_err(E::custom),
            }
        }
    }
    deserializer.deserialize_any(Visitor)
}
