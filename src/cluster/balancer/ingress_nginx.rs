//! ingress-nginx.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::Span;

/// The annotations of ingress-nginx that choose a pod, without their prefix `nginx.ingress.kubernetes.io/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct IngressNginxSpec {
    /// `cookie`, or `none` (the default of ingress-nginx).
    pub affinity: Affinity,
    /// What the cookie means.
    pub affinity_mode: AffinityMode,
    /// How a pod is chosen without affinity.
    pub load_balance: LoadBalance,
    /// Name of the cookie.
    pub session_cookie_name: String,
    /// Lifetime of the cookie, fixed when it is issued: a number of seconds as in the annotation, or a duration.
    /// Absent: it lives as long as the browser session.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::seconds_or_span")]
    #[schemars(with = "Option<super::SecondsOrSpan>")]
    pub session_cookie_max_age: Option<Span>,
    /// Lifetime of the cookie for old browsers; `session-cookie-max-age` wins where both stand.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::seconds_or_span")]
    #[schemars(with = "Option<super::SecondsOrSpan>")]
    pub session_cookie_expires: Option<Span>,
    /// True: a failed try goes to another pod and a new cookie is issued. False (the default of ingress-nginx): the
    /// same pod is tried again until it leaves the endpoints.
    pub session_cookie_change_on_failure: bool,
}

/// Whether ingress-nginx keeps clients on a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Affinity {
    /// Each request is balanced on its own.
    None,
    /// By a cookie.
    Cookie,
}

/// What the cookie of ingress-nginx means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AffinityMode {
    /// A random key on a hash ring: a new pod takes over its share of old clients.
    Balanced,
    /// The pod itself: a new pod gets only new clients.
    Persistent,
}

/// How ingress-nginx chooses a pod without affinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalance {
    /// One after the other.
    RoundRobin,
}

impl Default for IngressNginxSpec {
    fn default() -> Self {
        IngressNginxSpec {
            affinity: Affinity::None,
            affinity_mode: AffinityMode::Balanced,
            load_balance: LoadBalance::RoundRobin,
            session_cookie_name: "INGRESSCOOKIE".to_owned(),
            session_cookie_max_age: None,
            session_cookie_expires: None,
            session_cookie_change_on_failure: false,
        }
    }
}
