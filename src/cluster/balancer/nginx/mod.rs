//! nginx: the decisions of an `upstream` block, equal to the real program's.
//!
//! Source: `src/http/ngx_http_upstream_round_robin.c` and the modules `ip_hash`, `hash`, `least_conn`, `random`, `least_time` and
//! `sticky` of nginx (tag 1.31.4; decisions of 1.22.1 are the same, as far as it has these modules). Held against recordings of
//! both versions in `tests/it/balancers/nginx.rs`. Only `random` cannot be equal: libc's generator seeded from the clock; here it
//! is a seeded draw of the same law.

mod directives;
mod hashes;
mod next_upstream;
mod real_ip;
mod response_times;
mod sticky;
mod upstream;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::product::RELOAD_DELAY;
use super::{
    AffinityKey, Down, Ends, Following, Forwards, Health, Line, Lines, List, Problem, Reads, Settings, Trusts, Weights,
};
use crate::engine::Span;

use directives::{MAX_WEIGHT, NOT_WHOLE, is_whole};
pub use directives::{NginxKey, NginxMethod, NginxServer, NginxSticky};
pub(super) use hashes::KeyBytes;
pub use next_upstream::NextUpstream;
pub use real_ip::{OnOff, RealIpHeader, TrustedNetwork};
pub use upstream::Nginx;

/// The settings of an nginx `upstream` block, one `server` line per pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NginxSpec {
    /// How a server is chosen, as the directive says it: `round_robin` (nginx's default, which has no directive), `least_conn`,
    /// `ip_hash`, `hash $arg_room consistent`, `random two least_conn`, `least_time header`.
    pub method: NginxMethod,
    /// The `sticky` directive without its first word, such as `cookie srv_id expires=1h`, `route $cookie_route` or
    /// `learn create=$upstream_cookie_sid lookup=$cookie_sid zone=sessions:1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<NginxSticky>,
    /// Failures after which a server is left alone for `fail_timeout`; 0 = never.
    pub max_fails: u32,
    /// See `max_fails`; whole seconds.
    pub fail_timeout: Span,
    /// Connections that a server may have at a time; 0 = any number.
    pub max_conns: u32,
    /// Parameters of the `server` lines in order, such as `weight=5 max_conns=100` or `backup`; pods beyond the list have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<NginxServer>,
    /// `worker_processes`: each has a state of its own unless the upstream has a `zone`.
    pub worker_processes: u32,
    /// True when the upstream has a `zone`, in which all workers share one state.
    pub zone: bool,
    /// `proxy_next_upstream`, with the words of nginx. A refused connection is `error`, and so is silence here: without that
    /// word, or with `off`, the client gets an error at once. All other words are without effect.
    pub proxy_next_upstream: NextUpstream,
    /// Tries per request; 0 = one for each server that is not `down`.
    pub proxy_next_upstream_tries: u32,
    /// `proxy_connect_timeout`: a try waits so long for a pod whose node is gone; absent: 60 s.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::words::seconds_or_span")]
    #[schemars(with = "Option<super::words::SecondsOrSpan>")]
    pub proxy_connect_timeout: Option<Span>,
    /// `proxy_next_upstream_timeout`: a request is passed on for so long; 0 = without limit. Refusals take no time here, only tries
    /// that wait for `proxy_connect_timeout` do.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::words::seconds_or_span")]
    #[schemars(with = "Option<super::words::SecondsOrSpan>")]
    pub proxy_next_upstream_timeout: Option<Span>,
    /// `worker_shutdown_timeout`: so long after a reload old workers close their tunnels; not written: they never do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_shutdown_timeout: Option<Span>,
    /// The header from which the client's address is taken, if `set_real_ip_from` trusts the tier before: `X-Real-IP` (nginx's
    /// default), `X-Forwarded-For`, `CF-Connecting-IP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_ip_header: Option<RealIpHeader>,
    /// Addresses of proxies that are trusted to say the client's address. Those of the tiers here are made up: if any is
    /// written, every tier is trusted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_real_ip_from: Vec<TrustedNetwork>,
    /// Of `X-Forwarded-For` the last address that is not a trusted proxy's is taken (`on`), or just the last one (`off`).
    #[serde(skip_serializing_if = "OnOff::is_off")]
    pub real_ip_recursive: OnOff,
}

impl Default for NginxSpec {
    fn default() -> Self {
        NginxSpec {
            method: NginxMethod::RoundRobin,
            sticky: None,
            max_fails: 1,
            fail_timeout: Span::from_secs(10),
            max_conns: 0,
            servers: Vec::new(),
            worker_processes: 1,
            zone: false,
            proxy_next_upstream: NextUpstream::DEFAULT,
            proxy_next_upstream_tries: 0,
            proxy_connect_timeout: None,
            proxy_next_upstream_timeout: None,
            worker_shutdown_timeout: None,
            real_ip_header: None,
            set_real_ip_from: Vec::new(),
            real_ip_recursive: OnOff::default(),
        }
    }
}

impl NginxSpec {
    /// True when a server may have only so many connections.
    fn limits_connections(&self) -> bool {
        self.max_conns > 0 || self.servers.iter().any(|server| server.max_conns.is_some_and(|most| most > 0))
    }
    /// The key that is hashed, if one is.
    const fn key(&self) -> Option<NginxKey> {
        match &self.method {
            NginxMethod::Hash { key, .. } => Some(*key),
            _ => None,
        }
    }
}

impl Settings for NginxSpec {
    fn connect_timeout(&self) -> Option<Span> {
        Some(self.proxy_connect_timeout.unwrap_or(Span::from_secs(60)))
    }
    fn tries_within(&self) -> Option<Span> {
        self.proxy_next_upstream_timeout.filter(|limit| !limit.is_zero())
    }
    fn describe(&self) -> String {
        let method = match &self.method {
            NginxMethod::RoundRobin => "round robin".to_owned(),
            other => other.to_string(),
        };
        match &self.sticky {
            None => format!("nginx {method}"),
            Some(sticky) => format!("nginx {method}, sticky {}", sticky.kind()),
        }
    }
    fn decisions(&self) -> &'static str {
        match (&self.method, &self.sticky) {
            (NginxMethod::Random { .. }, None) => "seeded draw (nginx seeds its own from the clock)",
            (NginxMethod::Random { .. }, Some(_)) => {
                "exact for bound clients, else a seeded draw (nginx seeds its own from the clock)"
            }
            _ => "exact",
        }
    }
    fn affinity(&self) -> AffinityKey {
        match (&self.sticky, &self.method, self.key()) {
            (Some(_), _, _) => AffinityKey::Cookie,
            (_, NginxMethod::IpHash, _) => AffinityKey::Network,
            (_, _, key) => key.map_or(AffinityKey::None, NginxKey::affinity),
        }
    }
    fn reads(&self) -> Reads {
        let learns = matches!(self.sticky, Some(NginxSticky::Learn { .. }));
        let by_network = self.method == NginxMethod::IpHash;
        let reads = self.key().map_or(Reads::default(), |key| Reads::of(key.affinity()));
        Reads { address: reads.address || by_network, user: reads.user || learns, ..reads }
    }
    fn trusts(&self) -> Trusts {
        if self.set_real_ip_from.is_empty() {
            return Trusts::Nobody;
        }
        match self.real_ip_header.unwrap_or_default() {
            RealIpHeader::XRealIp => Trusts::RealIp,
            RealIpHeader::CfConnectingIp => Trusts::ConnectingIp,
            RealIpHeader::XForwardedFor if !self.real_ip_recursive.is_off() => Trusts::First,
            RealIpHeader::XForwardedFor => Trusts::BeforeLast(0),
        }
    }
    fn forwards(&self) -> Forwards {
        // assumption: the usual `proxy_set_header` lines, with `$proxy_add_x_forwarded_for` and `X-Real-IP $remote_addr`
        Forwards { real_ip: true, ..Forwards::APPENDS }
    }
    fn forgets_connections(&self) -> bool {
        true
    }
    fn shutdown_timeout(&self) -> Option<Span> {
        self.worker_shutdown_timeout
    }
    fn instances(&self) -> u32 {
        if self.zone { 1 } else { self.worker_processes }
    }
    fn counts_connections(&self) -> bool {
        let method = matches!(
            self.method,
            NginxMethod::LeastConn | NginxMethod::Random { two: true } | NginxMethod::LeastTime { .. }
        );
        method || self.limits_connections()
    }
    fn ends(&self) -> Ends {
        match self.method {
            NginxMethod::LeastTime { .. } => Ends::All,
            _ => Ends::Watched, // they forgive failures
        }
    }
    fn following(&self) -> Following {
        Following::after(List::Servers, RELOAD_DELAY)
    }
    fn line(&self, position: usize) -> Line {
        self.servers.get(position).map_or(Line::default(), |server| Line {
            weight: server.weight,
            health: match (server.down, server.drain) {
                (true, _) => Health::Down,
                (_, true) => Health::Draining,
                _ => Health::Up,
            },
        })
    }
    fn lines(&self) -> Lines {
        Lines {
            weights: Ok(Weights::in_slots(MAX_WEIGHT)),
            down: Ok(Down::Believed),
            drain: match self.sticky {
                Some(_) => Ok(()),
                None => {
                    Err("binds nobody without `sticky`, and so nobody could be left; write `down`, or add `sticky`")
                }
            },
        }
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |setting, message: String, help: &str| {
            problems.push(Problem { setting, message, help: help.to_owned() });
        };
        let hashes = matches!(self.method, NginxMethod::IpHash | NginxMethod::Hash { .. } | NginxMethod::Random { .. });
        if hashes && self.servers.iter().any(|server| server.backup) {
            let message = format!("nginx allows no `backup` server with `{}`", self.method);
            problem("servers", message, "take `backup` out, or use `round_robin`, `least_conn` or `least_time`");
        }
        if self.servers.iter().any(|server| server.drain) && self.sticky.is_none() {
            let message = "`drain` lets only bound clients through, and without `sticky` nobody is bound".to_owned();
            problem("servers", message, "write `down`, or add `sticky`");
        }
        if matches!(self.sticky, Some(NginxSticky::Route { .. })) && self.servers.iter().all(|s| s.route.is_none()) {
            let message = "`sticky route` compares with the `route=` of a server, and no server has one".to_owned();
            problem("sticky", message, "add for example `servers: [\"route=a\", \"route=b\"]`");
        }
        if !self.servers.is_empty() && self.servers.iter().all(|server| server.backup) {
            problem("servers", "every server is a `backup`".to_owned(), "leave at least one without `backup`");
        }
        if !is_whole(self.fail_timeout) {
            problem("fail_timeout", NOT_WHOLE.to_owned(), "write for example `1s`");
        }
        if !(1..=512).contains(&self.worker_processes) {
            let message = format!("{} worker processes are not possible", self.worker_processes);
            problem("worker_processes", message, "write 1 to 512");
        }
        if !self.real_ip_recursive.is_off() && self.set_real_ip_from.is_empty() {
            let message = "nginx looks for no other address as long as `set_real_ip_from` names no proxy".to_owned();
            problem("real_ip_recursive", message, "add `set_real_ip_from: [10.0.0.0/8]`, or take it out");
        }
        if self.real_ip_header.is_some() && self.set_real_ip_from.is_empty() {
            let message = "nginx believes nobody's header as long as `set_real_ip_from` names no proxy".to_owned();
            problem("real_ip_header", message, "add `set_real_ip_from: [10.0.0.0/8]`, or take `real_ip_header` out");
        }
        problems
    }
}
