//! The shape of a scenario file, 1:1 with `scenarios/schema.json`.
//!
//! `None` means "not written"; [`fill`](super::fill) puts the default there before anything is built from it.
//! The comments on the fields are the help that editors show.

mod alerts;
mod autoscaler;
mod clients;
mod database;
mod expect;
mod life;
mod nodes;
mod pods;
mod prices;
mod redis;
mod sessions;
mod timeline;
mod traffic;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use alerts::AlertText;
pub use autoscaler::*;
pub use clients::*;
pub use database::*;
pub use expect::ExpectText;
pub use life::*;
pub use nodes::*;
pub use pods::*;
pub use prices::*;
pub use redis::*;
pub use sessions::*;
pub use timeline::*;
pub use traffic::*;

use super::replications::Replications;
use super::units::Whole;
use super::words::WarmUp;
use crate::cluster::balancer::BalancerSpec;
use crate::engine::Span;

/// A scenario of stickysim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "stickysim scenario")]
pub struct ScenarioFile {
    /// Short name: lower-case letters, digits and hyphens. Also the name of the folder of results.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]*$"))]
    pub name: String,
    /// One line for people.
    pub title: Option<String>,
    /// Simulated length of a run, such as `20m`.
    pub duration: Option<Span>,
    /// Figures are taken after this: `auto`, a duration, or `none`.
    pub warm_up: Option<WarmUp>,
    /// First seed; the same seed gives the same numbers.
    pub seed: Option<u64>,
    /// Runs per variant, each with its own random numbers: so many, or `auto`, which is until every headline figure is known to 5 %,
    /// 10 to 100; `{precision: 2%, at_most: 200}` asks for more.
    pub replications: Option<Replications>,
    /// Distance of the samples of the time series.
    pub sample_every: Option<Span>,
    /// `steady`: clients are connected already at time zero. `empty`: everybody arrives at time zero.
    pub start: Option<Start>,
    /// The kinds of clients; a single one may stand without a list.
    #[schemars(with = "OneOrMany<Audience>")]
    pub clients: Vec<Audience>,
    /// What clients do while they are present.
    pub traffic: Option<Vec<Traffic>>,
    /// What servers emit by themselves.
    pub server_traffic: Option<Vec<ServerTraffic>>,
    /// How clients form rooms.
    pub rooms: Option<Rooms>,
    /// The load balancers, in the order in which a request meets them; one is usual.
    #[schemars(with = "Option<OneOrMany<BalancerSpec>>")]
    pub balancers: Option<Vec<BalancerSpec>>,
    /// The pods.
    pub pods: Option<Pods>,
    /// The nodes that pods run on. Without them, as if each pod had a node of its own that is never lost.
    pub nodes: Option<NodesText>,
    /// How pods are replaced: the fields of a Kubernetes Deployment, or of a StatefulSet.
    pub rollout: Option<Rollout>,
    /// How many pods must stay when nodes are drained (a PodDisruptionBudget).
    pub disruption_budget: Option<BudgetText>,
    /// Who changes the wanted number of pods by himself, if anybody does.
    pub autoscaler: Option<Autoscaler>,
    /// How pods reach each other.
    pub redis: Option<Redis>,
    /// The database, if handlers ask one.
    pub database: Option<Database>,
    /// What is paid for, so that reports can say what a variant costs.
    pub prices: Option<PricesText>,
    /// What happens when.
    pub timeline: Option<Vec<TimelineEntry>>,
    /// What must hold, such as `p99 event.latency < 100ms`, or `… during 8m..10m with 95%`.
    #[schemars(with = "Option<Vec<expect::ExpectEntry>>")]
    pub expect: Option<Vec<ExpectText>>,
    /// Alerting rules, of which is said when they would have fired: names of built-in ones, or rules of your own.
    #[schemars(with = "Option<OneOrMany<alerts::AlertEntry>>")]
    pub alerts: Option<Vec<AlertText>>,
    /// A run with more events than this ends with an error.
    pub max_events: Option<Whole>,
    /// Named patches on what stands above, for comparisons.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Map<String, serde_json::Value>>>")]
    pub variants: Option<BTreeMap<String, serde_yaml::Value>>,
    /// The variant that the others are compared with. Without it: the one called `none`, else the first in alphabetical order that has
    /// no affinity, else the first.
    pub baseline: Option<String>,
    /// What `stickysim sweep` varies: paths, and the values that stand there in turn. Every combination is a point.
    #[schemars(with = "Option<BTreeMap<String, Vec<serde_json::Value>>>")]
    pub sweep: Option<BTreeMap<String, Vec<serde_yaml::Value>>>,
    /// Written into resolved scenarios: which values nobody gave, and where they come from. Not for writing by hand.
    pub assumed: Option<BTreeMap<String, String>>,
}

/// One entry, or a list of them (for the schema; text is brought to a list before it is read).
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is used
enum OneOrMany<T> {
    /// A list.
    Many(Vec<T>),
    /// One entry.
    One(T),
}

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Clients are connected already, sessions under way.
    Steady,
    /// Everybody arrives at an empty cluster at time zero.
    Empty,
}
