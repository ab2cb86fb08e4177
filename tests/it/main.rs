//! All integration tests in one binary: one link, one file per behaviour.

mod program;
mod support;

mod acks;
mod adapter;
mod adapter_counts;
mod adapters;
mod affinity;
mod bad_scenarios;
mod balancers;
mod books;
mod caches;
mod cases;
mod comebacks;
mod commands;
mod conservation;
mod database;
mod determinism;
mod folders;
mod freeze;
mod full_scenario;
mod golden;
mod handshake;
mod import;
mod lessons;
mod local_first;
mod log_to_report;
mod nodes;
mod outages;
mod outputs;
#[path = "recorded/rows.rs"]
mod recorded;
mod redis_costs;
mod report;
mod rollouts;
mod rooms;
mod route;
mod schemas;
mod sensitivity;
mod sessions;
mod slow_readers;
mod sockets;
mod theory;
mod tidy;
mod tiers;
mod twin;
