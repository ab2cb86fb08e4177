//! HAProxy: a `backend` section with its persistence.
//!
//! Source: `src/backend.c`, `src/lb_{fwrr,map,chash,fwlc,fas}.c`, `src/hash.c`, `src/http_ana.c`, `src/stick_table.c` and
//! `include/haproxy/stream.h` of HAProxy; decisions recorded from 2.6.12, the source compared with 3.5-dev5. Which server, which
//! retries, which cookie and which table entry equal the real program's, except for `random`, whose numbers are seeded draws
//! of the same law (since 3.x the program also breaks its ties by the rate of requests, which is not modelled).
//!
//! A changed list of servers is a reload: turns, order of `leastconn` and the table begin anew; the table stays where it has
//! `peers`. Cookies are the clients' own, and stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::product::RELOAD_DELAY;
use super::{
    AffinityKey, Checks, Decide, Down, Ends, Following, Forgotten, Forwards, Health, Line, Lines, List, Peer, Peers,
    Problem, Queue, Reads, Replicas, Request, SetCookie, Settings, Tries, Trusts, Weights,
};
use crate::cluster::PodId;
use crate::engine::Span;

mod balance;
mod cookies;
mod decide;
mod fwrr;
mod hash;
mod leastconn;
mod lines;
mod map;
mod persistence;
mod ring;
mod server;
mod time;

pub use decide::Haproxy;
pub use lines::{HaproxyBalance, HaproxyHashType, HaproxyHttpRequest, HaproxyOption, HaproxyVersion};
pub use persistence::{HaproxyCookie, HaproxyStick, HaproxyStickTable};
use server::MOST_WEIGHT;
pub use server::{HaproxyDefaultServer, HaproxyServer};

use persistence::KeyType;

/// A unit of weight counts so many times, so that slow starts can be finer than it (`BE_WEIGHT_SCALE`).
const EFFECTIVE: i64 = 16;

/// The lines of a HAProxy `backend` section, as `haproxy.cfg` writes them; one server per pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct HaproxySpec {
    /// The version of HAProxy, 2.6 or later. Without `balance` it decides: `roundrobin` up to 3.2, `random(2)` since 3.3.
    pub version: HaproxyVersion,
    /// How a server is chosen: `roundrobin`, `static-rr`, `leastconn`, `random`, `random(2)`, `first`, `source`,
    /// `url_param room`, `hdr(x-user-id)`, `hash req.cook(session)`, `hash src`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<HaproxyBalance>,
    /// What a hash is looked up in: `map-based` (a table, the default) or `consistent` (a ring), each with a function
    /// (`sdbm`, `djb2`, `wt6`, `crc32`) and `avalanche`. `consistent` alone is `consistent sdbm avalanche`; with the
    /// function named, `avalanche` must be named too.
    pub hash_type: HaproxyHashType,
    /// With `consistent` or `random`: no server gets more than so many per cent of the average load; 0 = no limit.
    pub hash_balance_factor: u32,
    /// Keeps clients by a cookie: `SRV insert indirect nocache`, with `maxidle 30m` and `maxlife 8h`; `JSESSIONID prefix` or
    /// `rewrite` write into a cookie that the application sets, which it does for every client that it does not know.
    /// `indirect`, `nocache`, `preserve`, `dynamic`, `httponly`, `secure`, `domain` and `attr` do not change where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Box<HaproxyCookie>>,
    /// What the values of `cookie … dynamic` are made with. Without effect on where clients land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_cookie_key: Option<Box<str>>,
    /// The table of `stick`: `type ip size 200k expire 30m`; `type ipv6`, `type string len 64`; `nopurge`, `peers mypeers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stick_table: Option<Box<HaproxyStickTable>>,
    /// Keeps clients by a table: `on src`, `on hdr(x-user-id)`, `on req.cook(session)`, `on url_param(room)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stick: Option<HaproxyStick>,
    /// `redispatch` (the last retry may go to another server), `redispatch 1` (every retry may), `persist` (servers that are
    /// down are tried when a cookie or the table says so), `forwardfor`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub option: Vec<HaproxyOption>,
    /// Retries of a request whose server refuses, up to 100.
    pub retries: u32,
    /// `timeout connect`: a try waits so long for a pod whose node is gone, and after a refusal a retry at the same server waits
    /// so long, at most a second. Milliseconds, or a time with a unit.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "time::millis_or_span")]
    #[schemars(with = "Option<time::MillisOrSpan>")]
    pub timeout_connect: Option<Span>,
    /// `timeout queue`: a request waits so long for a connection of a full server; absent: as `timeout-connect`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "time::millis_or_span")]
    #[schemars(with = "Option<time::MillisOrSpan>")]
    pub timeout_queue: Option<Span>,
    /// What holds for every server: `check inter 2s fall 3 rise 2 maxconn 100 weight 10 on-marked-down shutdown-sessions`.
    /// The last one changes nothing here: a pod that goes down has closed its tunnels itself.
    pub default_server: HaproxyDefaultServer,
    /// What the `server` lines say after the address, in order: `weight 5`, `id 7`, `maxconn 50`, `cookie s1`, `disabled`. The
    /// rest have the default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<HaproxyServer>,
    /// `set-src hdr(x-forwarded-for)`: the client's address is what an earlier tier says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_request: Option<HaproxyHttpRequest>,
    /// So many HAProxys stand side by side, each with turns, counts and a stick-table of its own.
    #[serde(skip_serializing_if = "Replicas::is_one")]
    pub replicas: Replicas,
}

impl Default for HaproxySpec {
    fn default() -> Self {
        HaproxySpec {
            version: HaproxyVersion::RANDOM,
            balance: None,
            hash_type: HaproxyHashType::MAP_BASED,
            hash_balance_factor: 0,
            cookie: None,
            dynamic_cookie_key: None,
            stick_table: None,
            stick: None,
            option: Vec::new(),
            retries: 3, // `CONN_RETRIES`
            timeout_connect: None,
            timeout_queue: None,
            default_server: HaproxyDefaultServer::default(),
            servers: Vec::new(),
            http_request: None,
            replicas: Replicas::default(),
        }
    }
}

/// Checks without settings of their own: `DEF_CHKINTR`, `DEF_FALLTIME`, `DEF_RISETIME`.
const CHECKS: Checks = Checks { every: Span::from_secs(2), fall: 3, rise: 2, begins_up: true };
/// Retries at most: each of them may take a second.
const MOST_RETRIES: u32 = 100;
/// `hash-balance-factor` at most.
const MOST_FACTOR: u32 = 100_000;

impl HaproxySpec {
    /// The algorithm: the one that is written, or that of the version.
    pub fn algorithm(&self) -> HaproxyBalance {
        let of_version =
            if self.version >= HaproxyVersion::RANDOM { HaproxyBalance::Random(2) } else { HaproxyBalance::RoundRobin };
        self.balance.clone().unwrap_or(of_version)
    }
    /// What the algorithm itself looks at.
    fn balanced_by(&self) -> AffinityKey {
        match self.balance {
            Some(HaproxyBalance::Source | HaproxyBalance::HashOfSource) => AffinityKey::Address,
            Some(HaproxyBalance::Text { key, .. }) => key,
            _ => AffinityKey::None,
        }
    }
    /// What the table looks at.
    pub(super) fn stuck_by(&self) -> AffinityKey {
        self.stick.as_ref().map_or(AffinityKey::None, |stick| stick.key)
    }
    /// Of a server line, or of all.
    fn server(&self, position: usize) -> HaproxyServer {
        let own = self.servers.get(position).cloned().unwrap_or_default();
        HaproxyServer {
            weight: own.weight.or(self.default_server.weight),
            maxconn: own.maxconn.or(self.default_server.maxconn),
            ..own
        }
    }
    /// Ids of so many servers: their own, or else the lowest that is free.
    fn ids(&self, servers: usize) -> Vec<u32> {
        let own = |position: usize| self.servers.get(position).and_then(|server| server.id);
        let taken: std::collections::BTreeSet<u32> = (0..servers).filter_map(own).collect();
        let mut free = (1..).filter(|id| !taken.contains(id));
        (0..servers).map(|position| own(position).or_else(|| free.next()).unwrap_or(u32::MAX)).collect()
    }
    /// `option redispatch`, if it stands there.
    fn redispatch(&self) -> Option<i32> {
        self.option.iter().find_map(|option| match option {
            HaproxyOption::Redispatch(interval) => Some(*interval),
            _ => None,
        })
    }
    fn has(&self, option: HaproxyOption) -> bool {
        self.option.contains(&option)
    }
    fn full_somewhere(&self) -> bool {
        self.default_server.maxconn.is_some() || self.servers.iter().any(|server| server.maxconn.is_some())
    }
}

/// Without a limit of its own it waits until Linux gives up (`tcp_syn_retries` 6).
const SYN_RETRIES: Span = Span::from_secs(127);

impl Settings for HaproxySpec {
    fn connect_timeout(&self) -> Option<Span> {
        Some(self.timeout_connect.unwrap_or(SYN_RETRIES))
    }
    fn describe(&self) -> String {
        let algorithm = self.algorithm();
        let hash = match self.balanced_by() {
            AffinityKey::None => String::new(),
            _ => format!(", {}", self.hash_type),
        };
        let kept = match (&self.cookie, &self.stick) {
            (Some(_), Some(_)) => ", cookie and stick-table",
            (Some(_), None) => ", cookie",
            (None, Some(_)) => ", stick-table",
            (None, None) => "",
        };
        format!("HAProxy {algorithm}{hash}{kept}")
    }
    fn decisions(&self) -> &'static str {
        match self.algorithm() {
            HaproxyBalance::Random(_) => "seeded draw (HAProxy draws its own), everything else exact",
            _ => "exact",
        }
    }
    fn affinity(&self) -> AffinityKey {
        if self.cookie.is_some() {
            return AffinityKey::Cookie;
        }
        match self.stuck_by() {
            AffinityKey::None => self.balanced_by(),
            key => key,
        }
    }
    fn reads(&self) -> Reads {
        Reads::of(self.balanced_by()).and(Reads::of(self.stuck_by()))
    }
    fn forgets_connections(&self) -> bool {
        true // the new process starts with none
    }
    fn following(&self) -> Following {
        let HaproxyDefaultServer { check, inter, fall, rise, .. } = self.default_server;
        let checks = Checks {
            every: inter.unwrap_or(CHECKS.every),
            fall: fall.unwrap_or(CHECKS.fall),
            rise: rise.unwrap_or(CHECKS.rise),
            ..CHECKS
        };
        Following::after(List::Servers, RELOAD_DELAY).checked(check.then_some(checks))
    }
    fn forwards(&self) -> Forwards {
        if self.has(HaproxyOption::ForwardFor) { Forwards::APPENDS } else { Forwards::NOTHING }
    }
    fn trusts(&self) -> Trusts {
        self.http_request.as_ref().map_or(Trusts::Nobody, HaproxyHttpRequest::trusts)
    }
    fn instances(&self) -> u32 {
        self.replicas.0
    }
    fn counts_connections(&self) -> bool {
        let algorithm = matches!(self.algorithm(), HaproxyBalance::LeastConn | HaproxyBalance::Random(2..));
        algorithm || self.full_somewhere() || self.hash_balance_factor > 0
    }
    fn ends(&self) -> Ends {
        // the order of `leastconn` follows every connection, and whoever waits at a full server goes on when one ends
        let matter = self.algorithm() == HaproxyBalance::LeastConn || self.full_somewhere();
        if matter { Ends::Watched } else { Ends::Ignored }
    }
    fn line(&self, position: usize) -> Line {
        let server = self.server(position);
        let weight = server.weight.unwrap_or(1);
        let health = match (server.disabled, weight) {
            (true, _) => Health::Down,
            (false, 0) => Health::Draining,
            (false, _) => Health::Up,
        };
        Line { weight: weight.max(1), health }
    }
    fn lines(&self) -> Lines {
        let lines = Lines { weights: Ok(Weights::in_slots(MOST_WEIGHT)), down: Ok(Down::Believed), drain: Ok(()) };
        match self.algorithm() {
            HaproxyBalance::First => {
                lines.unweighted("looks at no weights; leave them out, or choose another `balance`")
            }
            _ => lines,
        }
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |setting, message: String, help: &str| {
            problems.push(Problem { setting, message, help: help.to_owned() });
        };
        let algorithm = self.algorithm();
        if self.retries > MOST_RETRIES {
            problem("retries", format!("{} retries are more than {MOST_RETRIES}", self.retries), "write for example 3");
        }
        match self.hash_balance_factor {
            0 => {}
            1..=100 | MOST_FACTOR.. => problem(
                "hash-balance-factor",
                format!("{} per cent cannot be: it is 0, or above 100", self.hash_balance_factor),
                "write for example 150",
            ),
            _ if matches!(algorithm, HaproxyBalance::Random(_)) => {}
            _ if self.balanced_by() == AffinityKey::None || !self.hash_type.consistent => problem(
                "hash-balance-factor",
                format!("it has no effect on `{algorithm}` with `hash-type {}`", self.hash_type),
                "write `hash-type: consistent` and a hash in `balance`, or leave it out",
            ),
            _ => {}
        }
        if self.balanced_by() == AffinityKey::None && self.hash_type != HaproxyHashType::MAP_BASED {
            problem(
                "hash-type",
                format!("it has no effect on `{algorithm}`, which takes no hash"),
                "write a hash in `balance`, such as `source`, or leave it out",
            );
        }
        if algorithm == HaproxyBalance::First && !self.full_somewhere() {
            problem(
                "balance",
                "`first` sends everybody to the first server unless servers can be full".to_owned(),
                "write `maxconn` in `default-server`",
            );
        }
        problems.extend(self.replicas_problem());
        problems.extend(self.redispatch_problem());
        problems.extend(self.persistence_problems());
        problems.extend(self.server_problems());
        problems
    }
}

impl HaproxySpec {
    /// What instances of the real program have in common, and here have not.
    fn replicas_problem(&self) -> Option<Problem> {
        if let (problem @ Some(_), _) | (problem, true) = (self.replicas.problem("replicas"), self.replicas.is_one()) {
            return problem;
        }
        let dated = |cookie: &HaproxyCookie| cookie.max_idle.is_some() || cookie.max_life.is_some();
        let (message, help) = if self.cookie.as_deref().is_some_and(dated) {
            ("cookies with `maxidle` or `maxlife` are kept in one instance here", "write 1, or leave out both limits")
        } else if self.stick_table.as_ref().is_some_and(|table| table.peers.is_some()) {
            (
                "`peers` gives all instances one stick-table, and here each has its own",
                "write 1, or leave `peers` out of `stick-table`",
            )
        } else {
            return None;
        };
        Some(Problem { setting: "replicas", message: message.to_owned(), help: help.to_owned() })
    }

    fn redispatch_problem(&self) -> Option<Problem> {
        let interval = self.redispatch()?;
        let count = self.option.iter().filter(|option| matches!(option, HaproxyOption::Redispatch(_))).count();
        let message = if count > 1 {
            "`redispatch` stands there more than once".to_owned()
        } else if interval.unsigned_abs() > self.retries {
            format!("`redispatch {interval}` never comes with {} retries", self.retries)
        } else {
            return None;
        };
        Some(Problem {
            setting: "option",
            message,
            help: "write `redispatch 1`: every retry may go elsewhere".to_owned(),
        })
    }

    fn persistence_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |setting, message: &str, help: &str| {
            problems.push(Problem { setting, message: message.to_owned(), help: help.to_owned() });
        };
        match (&self.stick_table, &self.stick) {
            (Some(_), None) => problem("stick-table", "nothing is kept in it", "write `stick: on src`"),
            (None, Some(_)) => {
                problem("stick", "there is no table", "write `stick-table: type ip size 200k expire 30m`");
            }
            (Some(table), Some(stick)) => {
                if matches!(table.keys, KeyType::Text(_)) == (stick.key == AffinityKey::Address) {
                    problem(
                        "stick-table",
                        "its type does not fit to what is stuck on",
                        "write `type ip` for `on src`, `type string` for a header, cookie or parameter",
                    );
                }
            }
            (None, None) => {}
        }
        let texts = [self.stuck_by(), self.balanced_by()].map(|key| Some(key).filter(|key| !key.is_address()));
        if let [Some(stuck @ (AffinityKey::User | AffinityKey::Room)), Some(balanced)] = texts
            && balanced != AffinityKey::None
            && stuck != balanced
        {
            problem(
                "stick",
                "it sticks on another text than `balance` hashes",
                "take both from the room or both from the user",
            );
        }
        if self.has(HaproxyOption::Persist) && self.cookie.is_none() && self.stick.is_none() {
            problem("option", "`persist` has no effect: nobody is bound to a server", "write `cookie` or `stick`");
        }
        let is_dynamic = self.cookie.as_ref().is_some_and(|cookie| cookie.is_dynamic());
        if self.dynamic_cookie_key.is_some() && !is_dynamic {
            problem(
                "dynamic-cookie-key",
                "no cookie is `dynamic`",
                "write `dynamic` in `cookie`, or leave the key out",
            );
        }
        problems
    }

    fn server_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let twice = |of: fn(&HaproxyServer) -> Option<String>| {
            let mut seen = std::collections::BTreeSet::new();
            self.servers.iter().filter_map(of).find(|value| !seen.insert(value.clone()))
        };
        let mut problem = |message: String, help: &str| {
            problems.push(Problem { setting: "servers", message, help: help.to_owned() });
        };
        if let Some(id) = twice(|server| server.id.map(|id| id.to_string())) {
            problem(format!("two servers have `id {id}`"), "give each server an id of its own");
        }
        if let Some(value) = twice(|server| server.cookie.clone()) {
            problem(format!("two servers have `cookie {value}`"), "give each server a value of its own");
        }
        let has_value = self.servers.iter().any(|server| server.cookie.is_some());
        if has_value && self.cookie.is_none() {
            problem(
                "servers have values for a cookie that there is not".to_owned(),
                "write `cookie: SRV insert indirect nocache`",
            );
        }
        problems
    }
}
