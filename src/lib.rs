//! Simulates clusters of WebSocket and Socket.IO servers behind load balancers, with and without session affinity.
//!
//! The program `stickysim` is a thin shell around this library; README.md says what it answers. This page is the map.
//!
//! ```text
//! scenario YAML ─▶ scenario ─▶ cluster (on engine) ─▶ metrics ─▶ report
//!                     ▲           ▲                      ▲          ▲
//!                  import       engine                 study ───────┘
//!                  └──────────────────── cli ───────────────────────┘
//! ```
//!
//! | Room | What it does | What it must not know |
//! |---|---|---|
//! | [`engine`] | a discrete-event kernel: integer time, a total order of events, addressed random numbers | anything else here |
//! | [`metrics`] | histograms, counts, series, skew; the named figures and their definitions | the model |
//! | [`cluster`] | the model: clients, network, balancers, pods, rooms, Redis, and what happens between them | text, files |
//! | [`scenario`] | what the user writes → [`cluster::spec`], every default resolved, all problems at once | events |
//! | [`import`] | an access log, or manifests → pieces of a scenario | the model's events |
//! | [`study`] | many runs: replications in parallel, variants, intervals, differences | how results are shown |
//! | [`report`] | a study → terminal, HTML, CSV, JSON, SVG | the model |
//! | [`route`] | where clients land: balancers without a simulation | scenarios, events |
//! | [`selftest`] | the model against closed forms | scenarios |
//! | [`cli`] | arguments, files, progress, exit codes; the only room with terminal, clock and environment | – |
//!
//! One run is single-threaded and a function of (scenario, seed); threads only run different replications.
//!
//! # A study in a few lines
//!
//! ```
//! use stickysim::scenario::{self, NoFiles, Source};
//! use stickysim::study;
//!
//! let text = "
//! name: small
//! duration: 2m
//! warm_up: 10s
//! replications: 2
//! clients: [{name: people, count: 40, network: {preset: home}}]
//! traffic: [{emit: {every: {exp: 10s}, to: room}}]
//! rooms: {sizes: 5}
//! pods: {replicas: 3}
//! variants:
//!   none: {balancers: [{nginx: {method: round_robin}}]}
//!   ip-hash: {balancers: [{nginx: {method: ip_hash}}]}
//! ";
//! let source = Source { name: "small.yaml", text, folder: &NoFiles };
//! let scenario = scenario::parse(source, &[]).expect("a valid scenario");
//!
//! let options = study::Options { variants: true, threads: Some(1), progress: &|_| Ok(()) };
//! let study = study::run(&scenario, &options).expect("every run ends well");
//!
//! for variant in &study.variants {
//!     let skew = variant.figure("load.connections.max_over_mean").expect("there are connections").value;
//!     let copies = variant.figure("redis.copies").expect("there is an adapter").value;
//!     println!("{}: fullest pod {:.2} × the mean, {:.1} copies/s from Redis", variant.name, skew.mean, copies.mean);
//! }
//! // affinity changes where clients are, not what Redis sends
//! let copies = study.variants.iter().map(|variant| variant.figure("redis.copies").map(|copies| copies.value.mean));
//! let copies: Vec<_> = copies.collect();
//! assert_eq!(copies[0], copies[1]);
//! ```
//!
//! # Where to go on
//!
//! * A model of your own on the same kernel: [`engine`] has a complete M/M/1 as an example.
//! * One run without a study: [`cluster::simulate`] takes a [`cluster::spec::ClusterSpec`] and gives a
//!   [`metrics::Record`].
//! * What each figure means: [`metrics::Family::all`]; a figure by name: [`metrics::FigureId`].
//! * How a balancer decides: [`cluster::balancer`].
//! * How the program is built, and the exact steps to add to it: docs/ARCHITECTURE.md. What is modelled, with sources
//!   and tests: docs/MODEL.md.

#[cfg(test)]
extern crate self as stickysim;

pub mod adapter;
pub mod cli;
pub mod cluster;
pub mod engine;
pub mod import;
pub mod metrics;
pub mod report;
pub mod route;
pub mod scenario;
pub mod selftest;
pub mod study;
mod words;
